//! Handlers of bundles.

use std::collections::{BTreeMap, VecDeque};

use actix_web::{HttpResponse, get, http::header, web};
use api_spec::evidence::BundleManifest;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use sync_core::{custody::Act, ids::CaseId, photo::ContentHash};

use super::{CUSTODY, KEYS, MANIFEST, file_name, manifest, path, zip::ZipWriter};
use crate::{
    app::App,
    auth::{actor::By, policy::op, token::jwks},
    body::IdPath,
    case_log::{self, Author},
    db::Conn,
    error::ApiError,
    evidence::custody::{self, NewAct, Subject},
    ports::blobs::Blobs,
};

/// What was announced and received for a case, as it stands in its bundle
#[utoipa::path(operation_id = "get_manifest", tag = "evidence", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the manifest", body = BundleManifest)))]
#[get("/cases/{id}/evidence/manifest")]
pub async fn get_manifest(
    app: web::Data<App>,
    actor: By<op::GetManifest>,
    id: IdPath<CaseId>,
) -> Result<web::Json<BundleManifest>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let read = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        manifest(conn, id)
    };
    Ok(web::Json(app.db.read(read).await?))
}

/// All evidence of a case as one ZIP file, to be verified offline
///
/// Holds every received original under its hash, `manifest.json`, `custody.json` and `seal-keys.json`.
/// The export itself is an act in the log that it carries, and a checkpoint is made before, so that
/// every entry is covered. The transfer breaks off when stored bytes turn out to be damaged.
#[utoipa::path(operation_id = "export_evidence", tag = "evidence", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the bundle", body = Vec<u8>, content_type = "application/zip")))]
#[get("/cases/{id}/evidence.zip")]
pub async fn export_evidence(
    app: web::Data<App>,
    actor: By<op::ExportEvidence>,
    id: IdPath<CaseId>,
) -> Result<HttpResponse, ApiError> {
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    let export = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        let act =
            NewAct { act: Act::Exported, subject: Subject::Case, data: serde_json::json!({}) };
        custody::append(conn, &inner, id, Author::from(&actor), act)?;
        custody::make_checkpoint(conn, &inner)?;
        Ok((manifest(conn, id)?, custody::response(&custody::log(conn, id)?)))
    };
    let (manifest, log) = app.db.write(export).await?;
    custody::remember(&app).await?;
    let photos: BTreeMap<ContentHash, ()> = manifest
        .photos
        .iter()
        .filter(|photo| photo.received_at.is_some())
        .filter_map(|photo| Some((photo.sha256.parse().ok()?, ())))
        .collect();
    let json = |value: Result<Vec<u8>, serde_json::Error>| value.map_err(ApiError::internal);
    let mut parts = VecDeque::from([
        Part::Text(MANIFEST, json(serde_json::to_vec_pretty(&manifest))?),
        Part::Text(CUSTODY, json(serde_json::to_vec_pretty(&log))?),
        Part::Text(KEYS, json(serde_json::to_vec_pretty(&jwks(&app.auth.seals)))?),
    ]);
    parts.extend(photos.into_keys().map(Part::Photo));
    let name = file_name(id, app.now());
    let blobs = app.ports.blobs.clone();
    let sending = Sending { blobs, parts, zip: Some(ZipWriter::default()), now: None };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/zip"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header(header::ContentEncoding::Identity)
        .streaming(stream::try_unfold(sending, Sending::next).boxed_local()))
}

/// A file of the bundle.
enum Part {
    Text(&'static str, Vec<u8>),
    Photo(ContentHash),
}

type Pieces = BoxStream<'static, Result<web::Bytes, crate::ports::blobs::BlobFault>>;

/// A bundle on its way out.
struct Sending {
    blobs: std::sync::Arc<dyn Blobs>,
    parts: VecDeque<Part>,
    /// Gone after the end.
    zip: Option<ZipWriter>,
    /// The bytes of the file that is being sent.
    now: Option<Pieces>,
}

impl Sending {
    /// The next piece, and what follows it.
    async fn next(mut self) -> Result<Option<(web::Bytes, Self)>, ApiError> {
        let Some(zip) = &mut self.zip else { return Ok(None) };
        let piece = if let Some(pieces) = &mut self.now {
            match pieces.next().await {
                Some(piece) => {
                    let piece = piece?;
                    zip.add(&piece).map_err(ApiError::internal)?;
                    piece
                }
                None => {
                    self.now = None;
                    zip.end()
                }
            }
        } else if let Some(part) = self.parts.pop_front() {
            let (name, pieces) = match part {
                Part::Text(name, text) => {
                    let pieces: Pieces = stream::iter([Ok(web::Bytes::from(text))]).boxed();
                    (name.to_owned(), pieces)
                }
                Part::Photo(sha256) => {
                    let blob = self.blobs.open(sha256).await?;
                    let blob = blob.ok_or_else(|| ApiError::internal("a photo is lost"))?;
                    (path(&sha256.to_string()), blob.bytes)
                }
            };
            self.now = Some(pieces);
            zip.begin(name).map_err(ApiError::internal)?
        } else {
            match self.zip.take() {
                Some(zip) => zip.finish().map_err(ApiError::internal)?,
                None => return Ok(None),
            }
        };
        Ok(Some((piece, self)))
    }
}
