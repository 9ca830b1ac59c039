//! Sending a surveyor who can be there in time (C04, C09).
//!
//! An insurer loads the zones that decide the arrival limit; phones tell where their surveyors are;
//! a dispatcher sees who would be there in time and sends one. Sending another one releases the
//! first, keeps the start of the clocks, and still takes the first one's late work. Tasks move by
//! `sync_core::lifecycle`; what happened to them stands in the case's log, from which the clocks are
//! folded.
//!
//! A branch may leave the sending to the system: it asks the best surveyor, and after a minute without
//! an answer the next. A person is asked to decide before the limit runs out, whoever sends. A wave of
//! cases is solved at once. What a dispatcher decided is never undone by the system.
//!
//! A place outside the area that the branch surveys itself starts the two hours for another unit (C11):
//! a person is asked at once, who arranges one or sends somebody all the same.

mod api;
mod check;
mod clocks;
#[cfg(test)]
mod day_test;
mod import;
mod offers;
mod rounds;
mod rules;
mod search;
mod solve;
mod store;
mod tasks;
mod tracking;
mod way;
mod zone_cache;
mod zones;

use sync_core::time::{Instant, Span};
use utoipa_actix_web::{scope, service_config::ServiceConfig};

use crate::{body::MostBytes, db::Conn, error::ApiError};

pub use check::{Asked, check_accept, check_decline};
pub use clocks::{CaseClocks, CaseLog, JudgedZone, case_clocks, case_logs};
pub use rounds::{QueuedCase, round, waiting_cases};
pub use search::{Best, best_candidates};
pub use solve::{
    Choice as WaveChoice, assign as solve_wave, assign_in_turn as solve_wave_in_turn,
    lateness as wave_lateness,
};
pub use tasks::{Answer, AnswerWord, answer_task, complete_task};
pub use way::{EstimateError, Tracked, estimate_errors, track};
pub use zone_cache::ZoneCache;

/// How long a surveyor may think about an offer, where nothing else is set.
const OFFER: Span = Span::seconds(60);
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
        .service(api::tasks::withdraw_task)
        .service(api::offers::list_offers)
        .service(api::offers::accept_offer)
        .service(api::offers::decline_offer)
        .service(tracking::create_tracking)
        .service(api::settings::set_dispatch_mode)
        .service(api::settings::declare_catastrophe)
        .service(api::settings::list_catastrophes)
        .service(api::batch::plan_batch)
        .service(api::rosters::create_shift)
        .service(api::rosters::list_shifts)
        .service(api::rosters::cancel_shift)
        .service(api::rosters::set_duty)
        .service(api::rosters::set_surveyor_profile)
        .service(api::rosters::declare_interest)
        .service(api::rosters::set_case_needs);
}

/// Registers the customer's page, outside `/api/v1`.
pub fn pages(config: &mut ServiceConfig) {
    config.service(tracking::show_tracking).service(tracking::confirm_arrival);
}

/// Forgets positions that are older than they may be kept; answers how many.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    store::positions::delete_before(conn, now - rules::KEPT)
}
