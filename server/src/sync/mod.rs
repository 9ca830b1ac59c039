//! Everything that waits on a phone, in one request: its outbox, its drafts, the photos it announces, and
//! what changed meanwhile. Each item has a result of its own.
//!
//! The outbox of a phone: what was done without signal, applied once and in order.
//!
//! Each command takes the same path as its operation online, behind a savepoint of its own: one that
//! is refused holds up none of the others. A command that was applied is never applied again, however
//! often and from however many requests at once it arrives. A refusal is kept for people to see; a
//! repeat is judged anew, because the state that refused it may have passed.

mod api;
mod commands;
mod envelope;
mod phone;
mod store;

use sync_core::time::Instant;
use utoipa_actix_web::{scope, service_config::ServiceConfig};

use crate::{body::MostBytes, db::Conn, error::ApiError, idempotency::KEPT};

/// The largest body for a whole phone.
const PHONE_BYTES: usize = 2 * 1024 * 1024;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    let phone = scope::scope("/sync").app_data(MostBytes(PHONE_BYTES)).service(api::sync_phone);
    // First, because the scope would take everything below its path.
    config.service(api::sync_commands).service(phone);
}

/// Forgets what became of commands after as long as replies are kept; answers how many. A command
/// that comes even later is still one event, by its id.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    store::delete_before(conn, now - KEPT)
}
