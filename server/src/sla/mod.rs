//! Who is told, and when, that a promise is about to break or broken (A6).
//!
//! The clocks themselves are a fold over the log (`sync_core::clock`). Here stands how each one was
//! folded last, and when time alone will change it: a round follows the change feed and folds the cases
//! that changed, and then only those whose instant has come, however many are open. An alarm is never
//! deleted: what was heard of too late marks it as cleared by late sync (A5.9). Every limit that was
//! ever promised is kept (A5.3).

mod api;
mod rounds;
mod rules;
mod store;

use sync_core::{ids::CaseId, time::Instant};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{db::Conn, error::ApiError};

pub use rounds::round;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::list_alarms)
        .service(api::list_limits)
        .service(api::pause_clock)
        .service(api::resume_clock)
        .service(api::extend_clock)
        .service(api::set_contract_limit);
}

/// A running clock of dispatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenClock {
    /// The case.
    pub case_id: CaseId,
    /// Which clock.
    pub clock: String,
    /// When its limit runs out.
    pub limit_at: Instant,
    /// How it stood when it was folded.
    pub verdict: String,
}

/// The running clocks of dispatch of a branch and those below it, the nearest limit first.
///
/// # Errors
/// Database faults.
pub fn nearest_limits(
    conn: &mut Conn,
    branch_path: &str,
    limit: i64,
) -> Result<Vec<OpenClock>, ApiError> {
    let open =
        |(case_id, clock, limit_at, verdict)| OpenClock { case_id, clock, limit_at, verdict };
    Ok(store::list_nearest(conn, branch_path, limit)?.into_iter().map(open).collect())
}
