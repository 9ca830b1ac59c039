//! Receipts: what the server vouches for.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use sync_core::{
    client,
    ids::{CaseId, PhotoId},
    photo::Receipt,
    time::Instant,
};

use crate::PhoneError;

/// A receipt for a photo of this phone. The app verifies the signature (Ed25519) before it gives up
/// its copy.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct SignedReceipt {
    /// The seal key that signed; `/.well-known/seal-keys.json` publishes it.
    pub key_id: String,
    /// What it signed.
    pub text: String,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Reads a receipt for a photo.
pub(crate) fn of(
    photo: &client::WaitingPhoto,
    receipt: &[u8],
) -> Result<SignedReceipt, PhoneError> {
    let wrong = |what: &str| PhoneError::WrongReceipt(what.to_owned());
    let receipt: Value =
        serde_json::from_slice(receipt).map_err(|_| PhoneError::Argument("the receipt".into()))?;
    let text = |name: &str| {
        receipt.get(name).and_then(Value::as_str).ok_or_else(|| wrong(&format!("no {name}")))
    };
    let case_id: CaseId = text("case_id")?.parse().map_err(|_| wrong("its case"))?;
    if case_id != photo.case_id {
        return Err(wrong("another case"));
    }
    if text("sha256")? != photo.sha256 {
        return Err(wrong("other bytes"));
    }
    if receipt.get("size").and_then(Value::as_u64) != Some(photo.size) {
        return Err(wrong("another size"));
    }
    let ids = receipt.get("photo_ids").and_then(Value::as_array);
    let ids = ids.ok_or_else(|| wrong("no photo_ids"))?;
    let id = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    let ids: Option<Vec<PhotoId>> = ids.iter().map(id).collect();
    let ids = ids.filter(|ids| ids.contains(&photo.id)).ok_or_else(|| wrong("other photos"))?;
    let received_at = chrono::DateTime::parse_from_rfc3339(text("received_at")?)
        .map_err(|_| wrong("its time"))?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(text("signature")?);
    let vouched = Receipt {
        case_id,
        sha256: photo.sha256.parse().map_err(|_| wrong("its hash"))?,
        size: photo.size,
        received_at: Instant(received_at.timestamp_millis()),
        photo_ids: ids,
        key_id: text("key_id")?.to_owned(),
    };
    Ok(SignedReceipt {
        text: vouched.signed_text(),
        key_id: vouched.key_id,
        signature: signature.map_err(|_| wrong("its signature"))?,
    })
}
