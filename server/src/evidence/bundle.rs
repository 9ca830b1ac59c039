//! Everything of a case as one file: originals, manifest, chain of custody, public keys.
//!
//! The file is a ZIP without compression (photos do not get smaller), written while it is read: one
//! piece of one photo is in memory at a time. Names in it come from hashes, never from people.

mod api;
mod zip;

pub(super) use api::{export_evidence, get_manifest};
pub(super) use zip::read as read_zip;

use api_spec::evidence::{BundleManifest, BundlePhoto};
use sync_core::ids::CaseId;

use super::store;
use crate::{db::Conn, error::ApiError, wire};

/// The manifest as it stands in the bundle.
pub(super) const MANIFEST: &str = "manifest.json";
/// The chain of custody as it stands in the bundle.
pub(super) const CUSTODY: &str = "custody.json";
/// The public keys, for those who trust the bundle; others bring their own.
pub(super) const KEYS: &str = "seal-keys.json";

/// Where the bytes of a content stand in the bundle.
pub(super) fn path(sha256: &str) -> String {
    format!("photos/{sha256}")
}

/// What was announced and received, photo by photo.
pub(super) fn manifest(conn: &mut Conn, case_id: CaseId) -> Result<BundleManifest, ApiError> {
    let photos = store::list(conn, case_id)?.into_iter().map(|row| {
        let photo = row.declaration();
        let (declared_by, device) = row.declared_by();
        BundlePhoto {
            id: photo.id.into(),
            sha256: photo.sha256.to_string(),
            size: i64::try_from(photo.size).unwrap_or(i64::MAX),
            slot: photo.slot.as_str().to_owned(),
            captured_at: photo.captured_at.0,
            lat: photo.position.map(sync_core::geo::Point::lat),
            lon: photo.position.map(sync_core::geo::Point::lon),
            accuracy_m: photo.accuracy_m,
            mock: photo.mock,
            line_id: photo.line_id.map(Into::into),
            declared_at: row.declared_at.0.0,
            declared_by: declared_by.into(),
            device_id: device.map(Into::into),
            received_at: row.received_at.map(|at| at.0.0),
        }
    });
    Ok(BundleManifest {
        format: "chakan evidence bundle 1".into(),
        case_id: case_id.into(),
        photos: photos.collect(),
    })
}

/// Times on the wire of a bundle are milliseconds; this is only for people who read it.
#[must_use]
pub(super) fn file_name(case_id: CaseId, now: sync_core::time::Instant) -> String {
    format!("evidence-{case_id}-{}.zip", wire::time(now).format("%Y%m%dT%H%M%SZ"))
}
