//! One receipt for every photo of a case.

use std::collections::BTreeMap;

use actix_web::{get, web};
use api_spec::{
    evidence::{SetReceiptPhoto, SetReceiptResponse},
    problem::Code,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::{StreamExt, TryStreamExt, stream};
use sync_core::{
    ids::CaseId,
    photo::{ContentHash, SetPhoto, SetReceipt},
};

use super::store;
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::IdPath,
    case_log,
    db::Conn,
    error::ApiError,
    wire,
};

/// Questions to the store at a time.
const AT_A_TIME: usize = 16;

/// A signed receipt for all photos of a case
///
/// Given only when every declared photo is here and the store still has its bytes; otherwise the
/// conflict says why: `photos_missing`, or `bytes_lost` with the content to send again.
#[utoipa::path(operation_id = "get_set_receipt", tag = "evidence", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the receipt", body = SetReceiptResponse), (status = 409, description = "not all photos are here", body = api_spec::problem::Problem, content_type = "application/problem+json")))]
#[get("/cases/{id}/photos/receipt")]
pub async fn get_set_receipt(
    app: web::Data<App>,
    actor: By<op::GetSetReceipt>,
    id: IdPath<CaseId>,
) -> Result<web::Json<SetReceiptResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let list = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        store::list(conn, id)
    };
    let rows = app.db.read(list).await?;
    let declared = rows.len();
    let photos: Vec<SetPhoto> = rows
        .iter()
        .filter_map(|row| {
            let (photo, received_at) = (row.declaration(), row.received_at?.0);
            Some(SetPhoto { id: photo.id, sha256: photo.sha256, size: photo.size, received_at })
        })
        .collect();
    if photos.is_empty() || photos.len() < declared {
        return Err(ApiError::new(Code::Conflict)
            .detail("not every declared photo has arrived")
            .fact("reason", "photos_missing")
            .fact("declared", declared)
            .fact("received", photos.len()));
    }
    check_stored(&app, &photos).await?;
    sign(&app, id, photos).map(web::Json)
}

/// A receipt vouches for bytes, so the store is asked, and what the scrub knows of it.
async fn check_stored(app: &App, photos: &[SetPhoto]) -> Result<(), ApiError> {
    let sizes: BTreeMap<ContentHash, u64> =
        photos.iter().map(|photo| (photo.sha256, photo.size)).collect();
    let contents: Vec<ContentHash> = sizes.keys().copied().collect();
    let faulty = app.db.read(move |conn| super::care::list_faulty(conn, &contents)).await?;
    if let Some(sha256) = faulty.first() {
        return Err(lost(*sha256));
    }
    let blobs = &app.ports.blobs;
    stream::iter(sizes)
        .map(|(sha256, size)| async move {
            match blobs.size(sha256).await? {
                Some(stored) if stored == size => Ok(()),
                _ => Err(lost(sha256)),
            }
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await
}

fn lost(sha256: ContentHash) -> ApiError {
    ApiError::new(Code::Conflict)
        .detail("the store does not have the bytes of a photo; send them again")
        .fact("reason", "bytes_lost")
        .fact("sha256", sha256.to_string())
}

fn sign(app: &App, case_id: CaseId, photos: Vec<SetPhoto>) -> Result<SetReceiptResponse, ApiError> {
    let key = app.auth.seals.newest()?;
    let receipt = SetReceipt::new(case_id, photos, app.now(), key.id.clone());
    let signature = key.sign(receipt.signed_text().as_bytes());
    let photos = receipt.photos.iter().map(|(photo, chain)| {
        Ok(SetReceiptPhoto {
            id: photo.id.into(),
            sha256: photo.sha256.to_string(),
            size: i64::try_from(photo.size).map_err(ApiError::internal)?,
            received_at: wire::time(photo.received_at),
            chain: chain.to_string(),
        })
    });
    Ok(SetReceiptResponse {
        case_id: receipt.case_id.into(),
        photos: photos.collect::<Result<_, ApiError>>()?,
        at: wire::time(receipt.at),
        key_id: receipt.key_id,
        signature: BASE64_URL_SAFE_NO_PAD.encode(signature),
    })
}
