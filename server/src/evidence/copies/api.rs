//! Handlers of copies.

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use serde::Deserialize;
use sync_core::{custody::Act, ids::CaseId, photo::ContentHash};

use super::store;
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{IdPath, Query},
    case_log::{self, Author},
    db::Conn,
    error::ApiError,
    evidence::{
        custody::{self, NewAct, Subject},
        store as photos,
        transfer::{HashPath, has, lost},
        views,
    },
    imaging::Ask,
    intake, wire,
};

/// What is asked of a preview.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewQuery {
    /// `strip`: with time, place, case and staff number at its foot.
    caption: Option<String>,
}

/// A photo in a size for the screen, at most 1600 pixels
///
/// Encoded by us and without any metadata. With `caption=strip`, time, place, report number and staff
/// number stand on a strip at its foot; the original stays as it is. 404 until the copy is made, and for
/// photos that cannot be decoded.
#[utoipa::path(
    operation_id = "get_preview", tag = "evidence",
    params(
        ("id" = uuid::Uuid, Path, description = "case"),
        ("sha256" = String, Path, description = "SHA-256 of the original, 64 lower-case hexadecimal digits"),
        ("caption" = Option<String>, Query, description = "strip"),
    ),
    responses(
        (status = 200, description = "the picture", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 304, description = "If-None-Match named this picture"),
    )
)]
#[get("/cases/{id}/blobs/{sha256}/preview")]
pub async fn get_preview(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::GetPreview>,
    id: IdPath<CaseId>,
    sha256: HashPath,
    query: Query<PreviewQuery>,
) -> Result<HttpResponse, ApiError> {
    let actor = actor.into_actor();
    match query.0.caption.as_deref() {
        None => copy(&app, &request, actor, (id.0, sha256.0), "preview").await,
        Some("strip") => captioned(&app, actor, id.0, sha256.0).await,
        Some(_) => Err(ApiError::invalid_field("caption", "unknown", "strip, or leave it out")),
    }
}

/// A photo in a size for lists, at most 320 pixels
#[utoipa::path(
    operation_id = "get_thumbnail", tag = "evidence",
    params(
        ("id" = uuid::Uuid, Path, description = "case"),
        ("sha256" = String, Path, description = "SHA-256 of the original, 64 lower-case hexadecimal digits"),
    ),
    responses(
        (status = 200, description = "the picture", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 304, description = "If-None-Match named this picture"),
    )
)]
#[get("/cases/{id}/blobs/{sha256}/thumbnail")]
pub async fn get_thumbnail(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::GetThumbnail>,
    id: IdPath<CaseId>,
    sha256: HashPath,
) -> Result<HttpResponse, ApiError> {
    copy(&app, &request, actor.into_actor(), (id.0, sha256.0), "thumbnail").await
}

/// The hash of a copy of a photo that the case has received.
async fn find(
    app: &App,
    actor: Actor,
    (id, sha256): (CaseId, ContentHash),
    kind: &'static str,
) -> Result<ContentHash, ApiError> {
    let find = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        let photos = photos::list_by_content(conn, id, sha256)?;
        let received = photos.iter().any(|photo| photo.received_at.is_some());
        let copy = if received { store::find_copy(conn, sha256, kind)? } else { None };
        copy.ok_or_else(ApiError::not_found)
    };
    app.db.read(find).await
}

async fn copy(
    app: &App,
    request: &HttpRequest,
    actor: Actor,
    (id, sha256): (CaseId, ContentHash),
    kind: &'static str,
) -> Result<HttpResponse, ApiError> {
    let viewer = actor.clone();
    let copy = find(app, actor, (id, sha256), kind).await?;
    let etag = format!("\"{copy}\"");
    if has(request, &etag) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
    }
    let blob = app.ports.blobs.open(copy).await?.ok_or_else(|| lost(copy))?;
    views::note(app, &viewer, id, sha256, kind).await?;
    Ok(inline().insert_header((header::ETAG, etag)).no_chunking(blob.size).streaming(blob.bytes))
}

/// Only what we have encoded ourselves is shown in the page.
fn inline() -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, "image/jpeg"))
        .insert_header((header::CONTENT_DISPOSITION, "inline"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .insert_header(header::ContentEncoding::Identity);
    answer
}

async fn captioned(
    app: &App,
    actor: Actor,
    id: CaseId,
    sha256: ContentHash,
) -> Result<HttpResponse, ApiError> {
    let copy = find(app, actor.clone(), (id, sha256), "preview").await?;
    let staff_no = actor.staff_no.clone();
    let lines = move |conn: &mut Conn| lines(conn, id, sha256, staff_no);
    let lines = app.db.read(lines).await?;
    let blob = app.ports.blobs.open(copy).await?.ok_or_else(|| lost(copy))?;
    let made = app.ports.imaging.make(Ask::Caption(lines), blob).await;
    let made = made.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    let picture =
        made.pictures.into_iter().next().ok_or_else(|| ApiError::internal("no picture"))?;
    let inner = app.clone();
    let note = move |conn: &mut Conn| {
        let data = serde_json::json!({ "caption": "strip" });
        let act = NewAct { act: Act::Shared, subject: Subject::Content(sha256), data };
        custody::append(conn, &inner, id, Author::from(&actor), act).map(drop)
    };
    app.db.write(note).await?;
    Ok(inline().body(picture.jpeg))
}

/// When and where by the phone, which case, and who hands it out.
fn lines(
    conn: &mut Conn,
    id: CaseId,
    sha256: ContentHash,
    staff_no: Option<String>,
) -> Result<Vec<String>, ApiError> {
    let photos = photos::list_by_content(conn, id, sha256)?;
    let photo = photos.first().ok_or_else(ApiError::not_found)?.declaration();
    let case = intake::get_case(conn, id)?;
    let local = wire::time(photo.captured_at) + chrono::TimeDelta::hours(8);
    let place = photo.position.map_or_else(
        || "地点未知".to_owned(),
        |place| {
            let accuracy = photo.accuracy_m.map(|m| format!(" ±{} m", wire::whole_metres(m)));
            format!("{:.5}, {:.5}{}", place.lat(), place.lon(), accuracy.unwrap_or_default())
        },
    );
    Ok(vec![
        format!("{}  {place}", local.format("%Y-%m-%d %H:%M:%S +08:00")),
        format!("案件 {}  工号 {}", case.report_no, staff_no.unwrap_or_else(|| "-".into())),
    ])
}
