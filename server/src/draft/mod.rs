//! The shared draft of a case: what is being found out, written offline on several devices at once.
//!
//! The draft is a CRDT document, but the truth is the append-only log of its changes. A device gets an
//! actor id of its own, and exchanges by a cursor into the log: one request pushes what it has and
//! pulls what it lacks, and any request may be lost or doubled. Nothing from a device reaches the
//! document before the gate of `sync_core` has let it into a copy. Amounts, liabilities and identities
//! that were written concurrently wait as conflicts until a person settles them.
//!
//! Work of somebody who is not sent to the case any more is held beside the draft until whoever works
//! on it now takes it over; forged or refused work waits in quarantine for a manager. What comes after
//! a version was frozen enters the draft and is listed as an amendment, until somebody acknowledges it
//! or a new version takes it up.
//!
//! The draft decides nothing: what is frozen, approved and agreed is pinned by heads and hash.

mod access;
mod api;
mod append;
mod document;
mod drafts;
mod exchange;
mod history;
mod landing;
mod late_work;
mod open;
mod quarantine;
mod read;
mod refuse;
mod renew;
mod rules;
mod settle;
mod signature;
mod store;
mod wire;

use api_spec::draft::SyncDraftRequest;
use sync_core::{
    ids::{CaseId, PersonId},
    model::ChangeHash,
    protocol::Lock,
    time::{Instant, Span},
};
use utoipa_actix_web::{scope, service_config::ServiceConfig};

use crate::{app::App, auth::policy::Actor, body::MostBytes, db::Conn, error::ApiError};

pub use drafts::Drafts;
pub use read::{Current, at, current};
pub use renew::RenewDrafts;

/// The largest body of an exchange: 1 MiB of changes as base64, and what is around them.
const EXCHANGE_BYTES: usize = 1_536 * 1024;
/// How long answers to pushes are kept for retries: phones stay offline for weeks.
const PUSHES_KEPT: Span = Span::days(90);

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    let exchange = scope::scope("/cases/{id}/draft/sync")
        .app_data(MostBytes(EXCHANGE_BYTES))
        .service(api::sync_draft);
    let hand_in = scope::scope("/cases/{id}/draft/hand-in")
        .app_data(MostBytes(EXCHANGE_BYTES))
        .service(api::held::hand_in_draft);
    config
        .service(api::issue_draft_actor)
        .service(api::settle_conflict)
        .service(api::get_draft)
        .service(api::history::get_draft_history)
        .service(api::history::compare_draft)
        .service(api::history::list_amendments)
        .service(api::history::review_amendment)
        .service(api::held::list_late_work)
        .service(api::held::take_late_work)
        .service(api::held::list_quarantine)
        .service(api::held::get_quarantine)
        .service(api::held::decide_quarantine)
        .service(hand_in)
        .service(exchange);
}

/// One exchange of one draft, as part of a larger request: the JSON of a `SyncDraftResponse`.
///
/// # Errors
/// What the exchange by itself answers.
pub async fn sync(
    app: &App,
    author: Actor,
    case_id: CaseId,
    push_id: String,
    request: SyncDraftRequest,
) -> Result<Vec<u8>, ApiError> {
    let key = wire::key(case_id, push_id, &request)?;
    let signature = request.signature.clone();
    let asked = exchange::Asked { request: wire::request(request)?, signature };
    exchange::exchange(app, author, case_id, key, asked).await
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

/// Everybody who wrote to the draft of a case.
///
/// # Errors
/// Database faults.
pub fn writers(conn: &mut Conn, case_id: CaseId) -> Result<Vec<PersonId>, ApiError> {
    store::list_writers(conn, case_id)
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

/// Pins a version that was just frozen. What is written later amends it; what amended an earlier one is
/// taken up by it; an agreement on an earlier one holds the draft no more.
///
/// # Errors
/// `not_found` when the case has no draft.
pub fn froze(
    conn: &mut Conn,
    case_id: CaseId,
    heads: &[ChangeHash],
    sha256: &[u8; 32],
    now: Instant,
) -> Result<(), ApiError> {
    let head = store::find_head(conn, case_id)?.ok_or_else(ApiError::not_found)?;
    store::update_frozen(conn, case_id, heads, sha256)?;
    store::cover_amendments(conn, case_id, head.lsn, now)
}

/// Forgets old answers to pushes; answers how many.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    store::prune(conn, now - PUSHES_KEPT)
}
