//! `chakan verify`: receipts and custody logs, offline, with nothing but the public keys.

use std::{collections::BTreeMap, fs, path::Path};

use api_spec::evidence::{CustodyLogResponse, ReceiptResponse};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use sync_core::{
    custody,
    ids::{CaseId, PhotoId},
    photo::Receipt,
    time::Instant,
};

use super::custody::log_of;
use crate::auth::keys;

/// What was verified does not hold, or cannot be read: one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unproven(pub String);

/// Public seal keys by id.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys(BTreeMap<String, Vec<u8>>);

impl PublicKeys {
    /// Reads a JWK set as `/.well-known/seal-keys.json` answers it.
    ///
    /// # Errors
    /// When the file cannot be read or holds no Ed25519 key.
    pub fn read(file: &Path) -> Result<Self, Unproven> {
        Self::of_jwks(&json(file)?).map_err(|Unproven(why)| unproven(file, &why))
    }

    /// The keys of a JWK set.
    ///
    /// # Errors
    /// When it holds no Ed25519 key.
    pub fn of_jwks(jwks: &serde_json::Value) -> Result<Self, Unproven> {
        let keys = jwks.get("keys").and_then(|keys| keys.as_array()).into_iter().flatten();
        let keys: BTreeMap<_, _> = keys
            .filter(|key| key.get("crv").is_some_and(|curve| curve == "Ed25519"))
            .filter_map(|key| {
                let text = |name| key.get(name).and_then(serde_json::Value::as_str);
                let public = BASE64_URL_SAFE_NO_PAD.decode(text("x")?).ok()?;
                Some((text("kid")?.to_owned(), public))
            })
            .collect();
        if keys.is_empty() { Err(Unproven("holds no Ed25519 key".into())) } else { Ok(Self(keys)) }
    }

    /// Whether this key has signed.
    #[must_use]
    pub fn is_signed(&self, key_id: &str, text: &[u8], signature: &[u8]) -> bool {
        self.0.get(key_id).is_some_and(|public| keys::verify(public, text, signature))
    }
}

/// Verifies a receipt; says in one line what it proves.
///
/// # Errors
/// When it proves nothing.
pub fn receipt(file: &Path, keys: &PublicKeys) -> Result<String, Unproven> {
    let wire: ReceiptResponse = json(file)?;
    let receipt = read_receipt(&wire).ok_or_else(|| unproven(file, "is no receipt"))?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(&wire.signature).unwrap_or_default();
    if !keys.is_signed(&receipt.key_id, receipt.signed_text().as_bytes(), &signature) {
        return Err(unproven(file, "is not signed by one of these keys"));
    }
    Ok(format!(
        "good: {} bytes with SHA-256 {} were stored for {} photo(s) of case {} at {}",
        receipt.size,
        receipt.sha256,
        receipt.photo_ids.len(),
        receipt.case_id,
        wire.received_at.to_rfc3339(),
    ))
}

fn read_receipt(wire: &ReceiptResponse) -> Option<Receipt> {
    Some(Receipt {
        case_id: CaseId(wire.case_id),
        sha256: wire.sha256.parse().ok()?,
        size: u64::try_from(wire.size).ok()?,
        received_at: Instant(wire.received_at.timestamp_millis()),
        photo_ids: wire.photo_ids.iter().copied().map(PhotoId).collect(),
        key_id: wire.key_id.clone(),
    })
}

/// Verifies the custody log of a case; says in one line what it proves.
///
/// # Errors
/// The first bad entry.
pub fn custody_log(document: &CustodyLogResponse, keys: &PublicKeys) -> Result<String, Unproven> {
    let log = log_of(document).map_err(Unproven)?;
    custody::verify(&log, |key, text, signature| keys.is_signed(key, text, signature))
        .map_err(|fault| Unproven(fault.to_string()))?;
    Ok(format!(
        "good: {} entries of case {}, {} checkpoint(s)",
        log.entries.len(),
        log.case_id,
        log.checkpoints.len()
    ))
}

/// Verifies an exported bundle, or a custody log alone.
///
/// # Errors
/// The first thing that is wrong.
pub fn evidence(file: &Path, keys: &PublicKeys) -> Result<String, Unproven> {
    let document: CustodyLogResponse = json(file)?;
    custody_log(&document, keys).map_err(|Unproven(why)| unproven(file, &why))
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T, Unproven> {
    let bytes = fs::read(file).map_err(|error| unproven(file, &error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unproven(file, &error.to_string()))
}

fn unproven(file: &Path, why: &str) -> Unproven {
    Unproven(format!("{}: {why}", file.display()))
}
