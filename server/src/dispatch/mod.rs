//! Sending a surveyor who can be there in time (C04, C09).
//!
//! An insurer loads the zones that decide the arrival limit; phones tell where their surveyors are;
//! a dispatcher sees who would be there in time and sends one. Sending another one releases the
//! first, keeps the start of the clocks, and still takes the first one's late work. Tasks move by
//! `sync_core::lifecycle`; what happened to them stands in the case's log, from which the clocks are
//! folded.

mod api;
mod check;
mod clocks;
mod import;
mod rules;
mod store;
mod tasks;
mod zone_cache;
mod zones;

use sync_core::time::Instant;
use utoipa_actix_web::{scope, service_config::ServiceConfig};

use crate::{body::MostBytes, db::Conn, error::ApiError};

pub use check::{Asked, check_accept, check_decline};
pub use clocks::{CaseClocks, JudgedZone, case_clocks};
pub use tasks::{Answer, AnswerWord, answer_task, complete_task};
pub use zone_cache::ZoneCache;

/// Outlines of a whole province fit.
const MOST_ZONE_BYTES: usize = 2 * 1024 * 1024;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            scope("/zones")
                .app_data(MostBytes(MOST_ZONE_BYTES))
                .service(api::zones::import_zones)
                .service(api::zones::list_zones),
        )
        .service(api::positions::report_positions)
        .service(api::candidates::list_candidates)
        .service(api::tasks::assign_task)
        .service(api::tasks::list_tasks)
        .service(api::tasks::accept_task)
        .service(api::tasks::decline_task)
        .service(api::tasks::withdraw_task);
}

/// Forgets positions that are older than they may be kept; answers how many.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    store::positions::delete_before(conn, now - rules::KEPT)
}
