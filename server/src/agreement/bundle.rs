//! The agreement bundle: everything that proves an agreement, in one file that is verified offline.

use actix_web::{HttpResponse, get, http::header, web};
use api_spec::agreement::AgreementBundle;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use sha2::{Digest, Sha256};
use sync_core::{custody::Act, ids::CaseId, sheet::FrozenSheet};

use super::{
    drawing::Strokes,
    store::{self, AgreementRow, DocumentRow},
};
use crate::{
    app::App,
    assessment::{self, Version, hexadecimal},
    auth::{actor::By, policy::op},
    body::IdPath,
    case_log::{self, Author},
    db::Conn,
    error::ApiError,
    evidence::custody::{self, NewAct, Subject},
    print::{
        self,
        sheet::{Head, PrintedVersion, Proof, loss_agreement},
        words::Lang,
    },
};

/// The loss agreement as it is printed at the moment of agreeing, and its hash.
pub(super) fn printed(
    head: &Head,
    version: &Version,
    proof: &Proof,
) -> Result<(Vec<u8>, String), ApiError> {
    let frozen: FrozenSheet = version.read()?;
    let sha256 = hexadecimal(&version.sheet_sha256);
    let version = PrintedVersion { frozen: &frozen, sha256: &sha256, frozen_at: version.frozen_at };
    let printout = loss_agreement(head, &version, proof, Lang::Zh);
    let pdf = print::pdf(&printout).map_err(ApiError::internal)?;
    let sha256 = hexadecimal(&Sha256::digest(&pdf));
    Ok((pdf, sha256))
}

/// Keeps what belongs to an agreement, and notes the sealing in the chain of custody.
pub(super) fn keep(
    conn: &mut Conn,
    app: &App,
    version: &Version,
    author: Author,
    (pdf, record): (&[u8], &[u8]),
    drawing: Option<&str>,
) -> Result<(), ApiError> {
    let pdf_sha256 = Sha256::digest(pdf);
    let act = NewAct {
        act: Act::AgreementSealed,
        subject: Subject::Case,
        data: json!({
            "version_id": version.id,
            "sheet_sha256": hexadecimal(&version.sheet_sha256),
            "record_sha256": hexadecimal(&Sha256::digest(record)),
            "pdf_sha256": hexadecimal(&pdf_sha256),
        }),
    };
    let head = custody::append(conn, app, version.case_id, author, act)?;
    let document = DocumentRow {
        pdf: pdf.to_vec(),
        drawing: drawing.map(str::to_owned),
        custody_seq: i64::try_from(head.seq).unwrap_or(i64::MAX),
        custody_sha256: head.sha256.to_string(),
    };
    store::insert_document(conn, version.id, &document, &pdf_sha256)
}

/// What stands in the record of a drawing.
pub(super) fn drawing_sha256(text: Option<&str>) -> Option<String> {
    text.map(|text| hexadecimal(&Sha256::digest(text.as_bytes())))
}

/// A drawing as it is printed.
pub(super) fn strokes(text: Option<&str>) -> Strokes {
    text.and_then(super::drawing::read).unwrap_or_default()
}

/// The bundle of the last agreement of a case.
pub(super) fn of_case(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<AgreementBundle>, ApiError> {
    let Some(row) = store::find_last_agreement(conn, case_id)? else { return Ok(None) };
    let version = assessment::find_version(conn, case_id, row.version_id.0)?;
    let version = version.ok_or_else(|| ApiError::internal("an agreement without its version"))?;
    of_row(conn, &version, row).map(Some)
}

/// The bundle of the agreement on this version.
pub(super) fn of_version(
    conn: &mut Conn,
    version: &Version,
) -> Result<Option<AgreementBundle>, ApiError> {
    match store::find_agreement(conn, version.id)? {
        None => Ok(None),
        Some(row) => of_row(conn, version, row).map(Some),
    }
}

fn of_row(
    conn: &mut Conn,
    version: &Version,
    row: AgreementRow,
) -> Result<AgreementBundle, ApiError> {
    let document = store::find_document(conn, version.id)?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(ApiError::internal);
    Ok(AgreementBundle {
        schema: 1,
        kind: "loss_agreement_bundle".into(),
        record: text(row.record)?,
        signature: BASE64_STANDARD.encode(row.signature),
        key_id: row.key_id,
        sheet: text(version.sheet.clone())?,
        pdf: document.as_ref().map(|document| BASE64_STANDARD.encode(&document.pdf)),
        drawing: document.as_ref().and_then(|document| document.drawing.clone()),
        custody_seq: document.as_ref().map(|document| document.custody_seq),
        custody_sha256: document.map(|document| document.custody_sha256),
    })
}

/// The loss agreement as it was printed when the customer agreed.
///
/// # Errors
/// Database faults.
pub fn kept_document(conn: &mut Conn, case_id: CaseId) -> Result<Option<Vec<u8>>, ApiError> {
    let Some(row) = store::find_last_agreement(conn, case_id)? else { return Ok(None) };
    Ok(store::find_document(conn, row.version_id.0)?.map(|document| document.pdf))
}

/// The bundle as a file to keep.
pub(super) fn download(bundle: &AgreementBundle) -> Result<HttpResponse, ApiError> {
    let body = serde_json::to_vec_pretty(bundle).map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"loss-agreement.json\"",
        ))
        .body(body))
}

/// Everything that proves the last agreement of a case
///
/// `chakan verify agreement FILE --keys KEYS` proves it offline, with the public keys alone.
#[utoipa::path(operation_id = "get_agreement_bundle", tag = "agreement", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the bundle", body = AgreementBundle)))]
#[get("/cases/{id}/agreement/bundle")]
pub async fn get_agreement_bundle(
    app: web::Data<App>,
    actor: By<op::GetAgreementBundle>,
    id: IdPath<CaseId>,
) -> Result<HttpResponse, ApiError> {
    let (actor, case_id) = (actor.into_actor(), id.0);
    let bundle = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            of_case(conn, case_id)
        })
        .await?;
    download(&bundle.ok_or_else(ApiError::not_found)?)
}
