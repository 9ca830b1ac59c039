//! Evidence photos (B3): announced first, received byte for byte, kept for good.
//!
//! A phone declares its photos with hash and size before it sends any byte, so that "12 of 20 are
//! in" is known from the start. Bytes are taken only under a declared hash of a case that the sender
//! may work on; what does not match is not kept. The answer is a signed receipt, given after file,
//! directory and database are flushed: only on it may a phone delete its copy. The same bytes are
//! stored once, and never tell one case about another. Doubts about time and place are notes beside
//! the photo; they refuse nothing.

mod api;
mod books;
mod bundle;
mod camera;
mod care;
mod check;
mod copies;
pub mod custody;
mod derived;
mod examination;
mod facts;
mod incoming;
mod inspect;
mod marks;
mod media;
mod placed;
mod plans;
mod ranges;
mod receipt;
mod receive;
mod reuse;
mod room;
mod rounds;
mod rules;
mod set_receipt;
mod shop_photos;
mod store;
mod surroundings;
mod transfer;
mod uploads;
pub mod verify;
mod views;

use api_spec::evidence::{DeclarePhotosRequest, DeclarePhotosResponse};
use sync_core::{
    ids::{CaseId, PhotoId},
    photo::{ContentHash, PhotoSlot},
    time::Instant,
};
use utoipa_actix_web::service_config::ServiceConfig;

pub use care::{GuardEvidence, Scrub};
pub use copies::MakeCopies;
pub use examination::{differing_photos, examine};
pub use incoming::collect;
pub use placed::{PlacedPhoto, placed_photos};
pub use reuse::{ReuseIndex, find as find_like};
pub use room::Room;
pub use rounds::{SealCustody, catch_up};
pub use shop_photos::{Kept, keep, take_from_shop};
pub use uploads::prune;
pub(crate) use uploads::speak_tus;

use crate::{app::App, auth::policy::Actor, db::Conn, error::ApiError};

/// Registers the operations under `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::declare_photos)
        .service(api::list_photos)
        .service(set_receipt::get_set_receipt)
        .service(api::get_custody)
        .service(transfer::upload_photo)
        .service(transfer::get_photo)
        .service(care::delete_photo_bytes)
        .service(care::hold_evidence)
        .service(care::release_evidence)
        .service(care::list_damaged)
        .service(bundle::get_manifest)
        .service(bundle::export_evidence)
        .service(copies::get_preview)
        .service(copies::get_thumbnail)
        .service(plans::get_capture_plan)
        .service(books::get_photo_plans)
        .service(books::import_photo_plans)
        .service(plans::request_photos)
        .service(shop_photos::send_shop_photo)
        .configure(uploads::routes);
}

/// Registers the operations outside `/api/v1`.
pub fn well_known(config: &mut ServiceConfig) {
    config.service(api::seal_keys);
}

/// Announces photos as part of a larger request.
///
/// # Errors
/// What announcing them by itself answers.
pub async fn declare(
    app: &App,
    actor: Actor,
    case_id: CaseId,
    request: &DeclarePhotosRequest,
) -> Result<DeclarePhotosResponse, ApiError> {
    api::declare_within(app, actor, case_id, request).await
}

/// What a case has of its photos.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// How many are declared.
    pub declared: usize,
    /// How many of them have arrived.
    pub received: usize,
    /// The others, longest missing first.
    pub missing: Vec<Missing>,
}

impl Manifest {
    /// Whether every declared photo is here (B10).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// A declared photo that has not arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Id.
    pub id: PhotoId,
    /// SHA-256 of the bytes that are waited for.
    pub sha256: ContentHash,
    /// What it is meant to show.
    pub slot: PhotoSlot,
    /// When it was declared.
    pub since: Instant,
}

/// What a case has of its photos.
///
/// # Errors
/// Database faults.
pub fn manifest(conn: &mut Conn, case_id: CaseId) -> Result<Manifest, ApiError> {
    Ok(tally(store::list(conn, case_id)?.iter()))
}

fn tally<'a>(rows: impl Iterator<Item = &'a store::PhotoRow>) -> Manifest {
    let mut manifest = Manifest::default();
    for row in rows {
        manifest.declared += 1;
        if row.received_at.is_some() {
            manifest.received += 1;
        } else {
            let photo = row.declaration();
            let (id, sha256, slot) = (photo.id, photo.sha256, photo.slot);
            manifest.missing.push(Missing { id, sha256, slot, since: row.declared_at.0 });
        }
    }
    manifest
}
