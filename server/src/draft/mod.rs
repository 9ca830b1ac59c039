//! The shared draft of a case: what is being found out, written offline on several devices at once.
//!
//! The draft is a CRDT document, but the truth is the append-only log of its changes. A device gets an
//! actor id of its own, and exchanges by a cursor into the log: one request pushes what it has and
//! pulls what it lacks, and any request may be lost or doubled. Nothing from a device reaches the
//! document before the gate of `sync_core` has let it into a copy. Amounts, liabilities and identities
//! that were written concurrently wait as conflicts until a person settles them.
//!
//! The draft decides nothing: what is frozen, approved and agreed is pinned by heads and hash.

mod access;
mod api;
mod append;
mod document;
mod drafts;
mod exchange;
mod open;
mod read;
mod refuse;
mod rules;
mod settle;
mod store;
mod wire;

use sync_core::{
    ids::CaseId,
    model::ChangeHash,
    protocol::Lock,
    time::{Instant, Span},
};
use utoipa_actix_web::{scope, service_config::ServiceConfig};

use crate::{body::MostBytes, db::Conn, error::ApiError};

pub use drafts::Drafts;
pub use read::{Current, at, current};

/// The largest body of an exchange: 1 MiB of changes as base64, and what is around them.
const EXCHANGE_BYTES: usize = 1_536 * 1024;
/// How long answers to pushes are kept for retries: phones stay offline for weeks.
const PUSHES_KEPT: Span = Span::days(90);

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    let exchange = scope::scope("/cases/{id}/draft/sync")
        .app_data(MostBytes(EXCHANGE_BYTES))
        .service(api::sync_draft);
    config
        .service(api::issue_draft_actor)
        .service(api::settle_conflict)
        .service(api::get_draft)
        .service(exchange);
}

/// Where a draft stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The draft's epoch.
    pub epoch: u32,
    /// The last number of the change log.
    pub lsn: u64,
    /// The heads, sorted.
    pub heads: Vec<ChangeHash>,
    /// Whether it may be written to.
    pub lock: Lock,
}

/// Where the draft of a case stands, in the caller's transaction: compare it with a [`Current`] that
/// was read before, so that nothing is decided on a draft that has moved. `None` while there is none.
///
/// # Errors
/// Database faults.
pub fn standing(conn: &mut Conn, case_id: CaseId) -> Result<Option<Standing>, ApiError> {
    let head = store::find_head(conn, case_id)?;
    Ok(head.map(|head| Standing {
        epoch: head.epoch,
        lsn: head.lsn,
        heads: head.heads,
        lock: head.lock,
    }))
}

/// Pins what was approved: later changes enter the draft and leave these heads as they are.
///
/// # Errors
/// `not_found` when the case has no draft.
pub fn approve(
    conn: &mut Conn,
    case_id: CaseId,
    heads: &[ChangeHash],
    sha256: &[u8; 32],
) -> Result<(), ApiError> {
    let updated = store::update_approved(conn, case_id, heads, sha256)?;
    if updated { Ok(()) } else { Err(ApiError::not_found()) }
}

/// Forgets old answers to pushes; answers how many.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    store::prune(conn, now - PUSHES_KEPT)
}
