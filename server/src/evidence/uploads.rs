//! Uploads that go on after a break: tus 1.0.0 at `/api/v1/uploads` (B11).
//!
//! What has arrived is flushed as parts, each under the fencing token of the lease it was written
//! with, and counts from the moment the database says so: the offset never goes back, and a writer
//! whose lease is over changes nothing, on whichever node it runs. Whoever asks for an upload takes it
//! over within a second, so that a phone which has lost its connection need not wait for the old one.
//! In the end the bytes go the way of every other photo: hash, look, store, receipt.

mod api;
mod finish;
mod headers;
mod lease;
mod reception;
mod rules;
mod store;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use sync_core::time::Span;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{app::App, error::ApiError};

/// Registers the operations under `/api/v1`.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(api::tus_options)
        .service(api::create_upload)
        .service(api::get_upload)
        .service(api::append_upload)
        .service(api::end_upload)
        .service(api::override_upload);
}

/// What every answer of the protocol says, refusals included.
pub(crate) fn speak_tus(answer: &mut HeaderMap) {
    for name in ["tus-resumable", "tus-version"] {
        answer.insert(HeaderName::from_static(name), HeaderValue::from_static(headers::VERSION));
    }
}

/// How long an upload that is over is remembered, so that a late phone hears 410 and not 404.
const REMEMBERED: Span = Span::days(90);
/// Expired uploads of one round.
const ROUND: i64 = 500;

/// Gives up what has expired and forgets what has long been over.
///
/// # Errors
/// Faults of the database and of the store.
pub async fn prune(app: &App) -> Result<(), ApiError> {
    let now = app.now();
    let expired = app.db.read(move |conn| store::list_expired(conn, now, ROUND)).await?;
    for id in expired {
        app.db.write(move |conn| store::update_ended(conn, id, now)).await?;
        app.ports.blobs.forget_parts(id).await?;
    }
    app.db.write(move |conn| store::delete_old(conn, now - REMEMBERED)).await.map(drop)
}
