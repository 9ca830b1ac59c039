//! Signed receipts: what was flushed, by whose key, verifiable without us.

use api_spec::evidence::ReceiptResponse;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sync_core::photo::Receipt;

use super::store::PhotoRow;
use crate::{app::App, error::ApiError, wire};

/// A receipt for the received ones of these photos, which are of one case and one content. To be sent
/// only after everything that it vouches for is flushed and committed.
pub(super) fn sign(app: &App, photos: &[PhotoRow]) -> Result<Option<ReceiptResponse>, ApiError> {
    let received = photos.iter().filter_map(|photo| Some((photo, photo.received_at?.0)));
    let Some((last, received_at)) = received.clone().max_by_key(|(_, at)| *at) else {
        return Ok(None);
    };
    let photo = last.declaration();
    let mut photo_ids: Vec<_> = received.map(|(photo, _)| photo.id.0).collect();
    photo_ids.sort_unstable();
    let key = app.auth.seals.newest()?;
    let receipt = Receipt {
        case_id: photo.case_id,
        sha256: photo.sha256,
        size: photo.size,
        received_at,
        photo_ids,
        key_id: key.id.clone(),
    };
    let signature = key.sign(receipt.signed_text().as_bytes());
    Ok(Some(ReceiptResponse {
        case_id: receipt.case_id.into(),
        sha256: receipt.sha256.to_string(),
        size: i64::try_from(receipt.size).map_err(ApiError::internal)?,
        photo_ids: receipt.photo_ids.into_iter().map(Into::into).collect(),
        received_at: wire::time(receipt.received_at),
        key_id: receipt.key_id,
        signature: BASE64_URL_SAFE_NO_PAD.encode(signature),
    }))
}
