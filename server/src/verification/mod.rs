//! Verifying what the customer agreed on (核损, C27), by somebody else, within their authority (B22).
//!
//! An agreed version waits in the queue of its branch. A verifier verifies exactly this version, or
//! returns it with reasons line by line, with other amounts if they would accept those; then the
//! assessor answers, or freezes another version, which the customer has to agree on again. Limits are
//! data, by role and branch, cumulative for case, shop and pair of people. Nobody verifies what they
//! assessed, neither in another role nor with somebody else's authority.

mod api;
mod authority;
mod decide;
mod delegations;
mod rules;
mod store;
#[cfg(test)]
mod world_test;

use sync_core::{
    money::Fen,
    time::{Instant, Span},
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    assessment::{self, Version, Waiting},
    db::Conn,
    error::ApiError,
};

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(authority::set_authority)
        .service(authority::list_authority)
        .service(delegations::delegate_authority)
        .service(delegations::list_delegations)
        .service(delegations::revoke_delegation)
        .service(api::list_verification_queue)
        .service(api::get_verification)
        .service(decide::start_verification)
        .service(decide::verify_version)
        .service(decide::return_version)
        .service(decide::answer_return);
}

/// Lets an agreed version wait for a verifier.
///
/// # Errors
/// Database faults.
pub fn wait(
    conn: &mut Conn,
    branch_path: &str,
    version: &Version,
    now: Instant,
) -> Result<(), ApiError> {
    let within = authority::in_force(conn, branch_path, now)?
        .map_or(rules::USUAL_LIMIT, |authority| authority.verify_within);
    let marks = assessment::marks(conn, version.id)?.len();
    let waiting = Waiting {
        case_id: version.case_id,
        version_id: version.id,
        amount: amount(version),
        marks: i64::try_from(marks).unwrap_or(i64::MAX),
        queued_at: now,
        due_at: now + Span(within.0),
        started: None,
    };
    assessment::queue_for_verification(conn, branch_path, &waiting)
}

/// What is verified: the total with rescue.
fn amount(version: &Version) -> Fen {
    Fen(version.total_fen.0.saturating_add(version.rescue_fen.0))
}
