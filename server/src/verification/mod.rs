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

use api_spec::problem::Code;
use sync_core::{
    ids::{CaseId, VersionId},
    money::Fen,
    time::{Instant, Span},
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    assessment::{self, Version, Waiting},
    auth::policy::Actor,
    db::Conn,
    error::ApiError,
};
use rules::{
    AuthorityRefusal, Limits,
    authority::{ADJUDICATING, limits_of},
    judge,
};

pub use rules::Exposure;

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

/// How far somebody may adjudicate in a branch, and the version of the limits that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjudicating {
    limits: Option<Limits>,
    /// Which limits were in force.
    pub authority_version: Option<i64>,
}

impl Adjudicating {
    /// What is in force for this actor in the branch of a case.
    ///
    /// # Errors
    /// Database faults.
    pub fn of(
        conn: &mut Conn,
        actor: &Actor,
        branch_path: &str,
        now: Instant,
    ) -> Result<Self, ApiError> {
        let authority = authority::in_force(conn, branch_path, now)?;
        let authority_version = authority.as_ref().map(|authority| authority.version);
        let limits = authority.and_then(|set| limits_of(&actor.roles, ADJUDICATING, &set.table));
        Ok(Self { limits, authority_version })
    }

    /// Since when what the same people decided counts.
    #[must_use]
    pub fn since(&self, now: Instant) -> Instant {
        self.limits.map_or(now, |limits| now - limits.period)
    }

    /// Whether it reaches for this decision.
    ///
    /// # Errors
    /// `conflict` with the reason and the limit.
    pub fn check(&self, exposure: &Exposure) -> Result<(), ApiError> {
        judge(self.limits, exposure).map_err(refused)
    }
}

fn refused(refusal: AuthorityRefusal) -> ApiError {
    let error = ApiError::new(Code::Conflict).fact("reason", refusal.code());
    match refusal.limit() {
        Some(limit) => error.fact("limit_fen", limit.0),
        None => error,
    }
}

/// What was verified of exactly this version; nothing while it is not, or if it was returned since.
///
/// # Errors
/// Database faults.
pub fn verified_amount(
    conn: &mut Conn,
    case_id: CaseId,
    version: VersionId,
) -> Result<Option<Fen>, ApiError> {
    let last = store::list_decisions(conn, case_id)?.into_iter().next();
    let verified = last.filter(|row| row.version_id.0 == version && row.outcome == "verified");
    Ok(verified.map(|row| row.amount_fen.0))
}

/// What is verified: the total with rescue.
fn amount(version: &Version) -> Fen {
    Fen(version.total_fen.0.saturating_add(version.rescue_fen.0))
}
