//! `chakan verify agreement`: an agreement bundle, offline, with nothing but the public keys.

use std::{fs, path::Path};

use api_spec::agreement::AgreementBundle;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sync_core::{estimate::chinese_capitals, money::Fen, sheet::FrozenSheet};

use crate::{
    assessment::hexadecimal,
    evidence::verify::{PublicKeys, Unproven},
};

/// Verifies a bundle; says in one line what it proves.
///
/// # Errors
/// The first thing that does not hold.
pub fn agreement(file: &Path, keys: &PublicKeys) -> Result<String, Unproven> {
    let unproven = |why: String| Unproven(format!("{}: {why}", file.display()));
    let bytes = fs::read(file).map_err(|error| unproven(error.to_string()))?;
    let bundle: AgreementBundle =
        serde_json::from_slice(&bytes).map_err(|error| unproven(error.to_string()))?;
    bundle_holds(&bundle, keys).map_err(|why| unproven(why.to_owned()))
}

/// Whether everything in a bundle belongs together and was sealed by one of these keys.
///
/// # Errors
/// What does not hold.
pub fn bundle_holds(bundle: &AgreementBundle, keys: &PublicKeys) -> Result<String, &'static str> {
    let decode = |text: &str| BASE64_STANDARD.decode(text).unwrap_or_default();
    if !keys.is_signed(&bundle.key_id, bundle.record.as_bytes(), &decode(&bundle.signature)) {
        return Err("the record is not sealed by one of these keys");
    }
    let record: Value =
        serde_json::from_str(&bundle.record).map_err(|_| "the record cannot be read")?;
    let says = |name: &str, value: &str| record.get(name).and_then(Value::as_str) == Some(value);
    let sha256 = |bytes: &[u8]| hexadecimal(&Sha256::digest(bytes));
    if !says("sheet_sha256", &sha256(bundle.sheet.as_bytes())) {
        return Err("the sheet is not the one that was agreed on");
    }
    let frozen: FrozenSheet =
        serde_json::from_str(&bundle.sheet).map_err(|_| "the sheet cannot be read")?;
    let total = frozen.sheet.totals.total_fen;
    if record.get("total_fen").and_then(Value::as_i64).map(Fen) != Some(total)
        || !says("total_in_capitals", &chinese_capitals(total))
        || record.get("version").and_then(Value::as_i64) != Some(frozen.version)
    {
        return Err("the record names another amount or version than the sheet");
    }
    let named = |name: &str| record.get(name).and_then(Value::as_str);
    let pdf = bundle.pdf.as_deref().map(|pdf| sha256(&decode(pdf)));
    if named("pdf_sha256").map(str::to_owned) != pdf {
        return Err("the printed agreement is not the one that was sealed");
    }
    let drawing = bundle.drawing.as_deref().map(|drawing| sha256(drawing.as_bytes()));
    if named("drawing_sha256").map(str::to_owned) != drawing {
        return Err("the drawn signature is not the one that was sealed");
    }
    Ok(format!(
        "good: {} fen on version {} of report {} were agreed on at {} by {}",
        total.0,
        frozen.version,
        named("report_no").unwrap_or("?"),
        named("agreed_at").unwrap_or("?"),
        named("method").unwrap_or("?"),
    ))
}
