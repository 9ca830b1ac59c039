//! What a device's key signs, and whether it did.

use sync_core::ids::DeviceId;

use super::append::Signature;
use crate::{auth::policy::Actor, db::Conn, error::ApiError, identity};

/// The signature of a push from an enrolled device, which is needed; nothing for a log-in without one,
/// whose changes are attributed to the person alone.
pub(super) fn required(
    conn: &mut Conn,
    author: &Actor,
    text: String,
    signature: Option<&str>,
) -> Result<Option<Signature>, ApiError> {
    let Some(device) = author.device else { return Ok(None) };
    let signature = signature.ok_or_else(|| refused("required"))?;
    match identity::device_signature(conn, device, &text, signature)? {
        Some(signed) => Ok(Some(Signature { device, text, bytes: signed.bytes })),
        None => Err(refused("bad_signature")),
    }
}

/// A signature by a device that is revoked: proof of where changes come from, and of nothing else.
pub(super) fn of_revoked(
    conn: &mut Conn,
    device: DeviceId,
    text: &str,
    signature: &str,
) -> Result<Option<identity::DeviceSignature>, ApiError> {
    let signed = identity::device_signature(conn, device, text, signature)?;
    Ok(signed.filter(|signed| signed.revoked))
}

fn refused(code: &str) -> ApiError {
    ApiError::invalid_field(
        "signature",
        code,
        "base64 of the device key's signature over chakan-push:<push id>:<case id>:<actor>:<hash>",
    )
}
