//! `chakan verify`: receipts and custody logs, offline, with nothing but the public keys.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::Path,
};

use api_spec::evidence::{
    BundleManifest, BundlePhoto, CustodyLogResponse, ReceiptResponse, SetReceiptPhoto,
    SetReceiptResponse,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use sync_core::{
    custody,
    ids::{CaseId, PhotoId},
    photo::{ContentHash, Receipt, SetPhoto, SetReceipt},
    time::Instant,
};

use super::{
    bundle::{CUSTODY, KEYS, MANIFEST, path, read_zip},
    custody::log_of,
};
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

/// Verifies a receipt, of one content or of a whole set; says in one line what it proves.
///
/// # Errors
/// When it proves nothing; of a set, the first photo that is not what was receipted.
pub fn receipt(file: &Path, keys: &PublicKeys) -> Result<String, Unproven> {
    let value: serde_json::Value = json(file)?;
    let unreadable = |error: serde_json::Error| unproven(file, &error.to_string());
    if value.get("photos").is_some() {
        let wire = serde_json::from_value(value).map_err(unreadable)?;
        return set_receipt(&wire, keys).map_err(|Unproven(why)| unproven(file, &why));
    }
    let wire: ReceiptResponse = serde_json::from_value(value).map_err(unreadable)?;
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

/// Verifies the receipt of a set; says in one line what it proves.
///
/// # Errors
/// The first photo that is not what was receipted, or that the whole is not signed.
pub fn set_receipt(wire: &SetReceiptResponse, keys: &PublicKeys) -> Result<String, Unproven> {
    let photo = |photo: &SetReceiptPhoto| {
        let stored = SetPhoto {
            id: PhotoId(photo.id),
            sha256: photo.sha256.parse().ok()?,
            size: u64::try_from(photo.size).ok()?,
            received_at: Instant(photo.received_at.timestamp_millis()),
        };
        Some((stored, photo.chain.parse().ok()?))
    };
    let mut photos = Vec::new();
    for (n, one) in wire.photos.iter().enumerate() {
        let unreadable = || Unproven(format!("photo {} ({}): cannot be read", n + 1, one.id));
        photos.push(photo(one).ok_or_else(unreadable)?);
    }
    let receipt = SetReceipt {
        case_id: CaseId(wire.case_id),
        photos,
        at: Instant(wire.at.timestamp_millis()),
        key_id: wire.key_id.clone(),
    };
    let signature = BASE64_URL_SAFE_NO_PAD.decode(&wire.signature).unwrap_or_default();
    let is_signed = |key: &str, text: &[u8], signature: &[u8]| keys.is_signed(key, text, signature);
    receipt.verify(is_signed, &signature).map_err(|fault| Unproven(fault.to_string()))?;
    Ok(format!(
        "good: all {} photo(s) of case {} were stored at {}",
        receipt.photos.len(),
        receipt.case_id,
        wire.at.to_rfc3339(),
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

/// Verifies an exported bundle, or a custody log alone; says in one line what it proves.
///
/// # Errors
/// The first thing that is wrong: an entry, a photo of the manifest, or a file of the bundle.
pub fn evidence(file: &Path, keys: &PublicKeys) -> Result<String, Unproven> {
    let name = |Unproven(why): Unproven| unproven(file, &why);
    let mut opened = fs::File::open(file).map_err(|error| unproven(file, &error.to_string()))?;
    let mut start = [0_u8; 2];
    let zip = opened.read_exact(&mut start).is_ok() && &start == b"PK";
    if zip {
        bundle(&mut opened, keys).map_err(name)
    } else {
        custody_log(&json(file)?, keys).map_err(name)
    }
}

fn bundle(file: &mut fs::File, keys: &PublicKeys) -> Result<String, Unproven> {
    let io = |error: io::Error| Unproven(error.to_string());
    let members = read_zip(file).map_err(io)?;
    let mut contents = BTreeMap::new();
    let (mut manifest, mut log) = (None, None);
    for member in &members {
        let mut reader = member.open(file).map_err(io)?;
        match member.name.as_str() {
            MANIFEST => manifest = Some(parse::<BundleManifest>(MANIFEST, reader)?),
            CUSTODY => log = Some(parse::<CustodyLogResponse>(CUSTODY, reader)?),
            KEYS => {}
            name => {
                let found = hash(&mut reader).map_err(io)?;
                if contents.insert(name.to_owned(), (found, member.size)).is_some() {
                    return Err(Unproven(format!("{name}: stands twice")));
                }
            }
        }
    }
    let manifest = manifest.ok_or_else(|| Unproven(format!("{MANIFEST} is missing")))?;
    let log = log.ok_or_else(|| Unproven(format!("{CUSTODY} is missing")))?;
    let said = custody_log(&log, keys)?;
    if manifest.case_id != log.case_id {
        return Err(Unproven("the manifest is that of another case".into()));
    }
    manifest.photos.iter().try_for_each(|photo| photo_in_log(photo, &log))?;
    for photo in manifest.photos.iter().filter(|photo| photo.received_at.is_some()) {
        let (name, size) = (path(&photo.sha256), u64::try_from(photo.size).unwrap_or(0));
        let found = contents.get(&name);
        let (found, length) = found.ok_or_else(|| Unproven(format!("{name}: is missing")))?;
        if found.to_string() != photo.sha256 || *length != size {
            return Err(Unproven(format!("{name}: other bytes than its name says")));
        }
    }
    let known = |name: &String| manifest.photos.iter().any(|photo| path(&photo.sha256) == **name);
    if let Some(strange) = contents.keys().find(|name| !known(name)) {
        return Err(Unproven(format!("{strange}: nobody has announced it")));
    }
    let told = log.entries.iter().filter(|entry| entry.act == "captured").count();
    if told != manifest.photos.len() {
        return Err(Unproven(format!(
            "the log tells of {told} photos, the manifest of {}",
            manifest.photos.len()
        )));
    }
    Ok(format!("{said}; {} photo(s), {} with their bytes", told, contents.len()))
}

/// Whether the log tells of a photo what the manifest says.
fn photo_in_log(photo: &BundlePhoto, log: &CustodyLogResponse) -> Result<(), Unproven> {
    let id = photo.id.to_string();
    let entry = |act: &str| log.entries.iter().find(|e| e.subject == id && e.act == act);
    let wrong = |what: &str| Unproven(format!("photo {id}: {what}"));
    let captured = entry("captured").ok_or_else(|| wrong("the log does not tell of it"))?;
    let mut told: serde_json::Value =
        serde_json::from_str(&captured.data).map_err(|_| wrong("its entry cannot be read"))?;
    // The server's own rows are held against this one; a bundle does not have them.
    told.as_object_mut().map(|told| told.remove("known"));
    let said = serde_json::json!({
        "sha256": photo.sha256, "size": photo.size, "slot": photo.slot,
        "captured_at": photo.captured_at, "lat": photo.lat, "lon": photo.lon,
        "accuracy_m": photo.accuracy_m, "mock": photo.mock, "line_id": photo.line_id,
    });
    let same = told == said
        && captured.at == photo.declared_at
        && captured.actor == photo.declared_by.to_string()
        && captured.device_id == photo.device_id
        && entry("received").map(|entry| entry.at) == photo.received_at;
    if same { Ok(()) } else { Err(wrong("is not what its log says")) }
}

fn hash(reader: &mut impl Read) -> io::Result<ContentHash> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = reader.read(&mut buffer)?;
        match buffer.get(..count) {
            Some([]) | None => return Ok(ContentHash(hash.finalize().into())),
            Some(bytes) => hash.update(bytes),
        }
    }
}

fn parse<T: DeserializeOwned>(name: &str, reader: impl Read) -> Result<T, Unproven> {
    serde_json::from_reader(reader).map_err(|error| Unproven(format!("{name}: {error}")))
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T, Unproven> {
    let bytes = fs::read(file).map_err(|error| unproven(file, &error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unproven(file, &error.to_string()))
}

fn unproven(file: &Path, why: &str) -> Unproven {
    Unproven(format!("{}: {why}", file.display()))
}
