//! What surveyors do in the field (C06-C10, C12, C15), and how the promises of a case stand.
//!
//! Each field event is one command with an id made by the device. It may be sent now or wait for
//! hours in an outbox: both take the same path, [`apply_command`]. Its time is the device's,
//! corrected by what that clock shows while it is sent; the clocks of a case are folded from the log
//! by these times, so late truth takes a breach back. An arrival is judged by its distance from the
//! place of loss and never refused for it.

mod api;
mod arrivals;
mod check;
mod command;
mod rules;
mod store;
mod units;

use sync_core::{ids::CaseId, time::Instant};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::ApiError;

pub use arrivals::known_arrival;
pub use command::{FieldCommand, apply_command};
pub use rules::{
    Action, Exception, Fix, Plan,
    proof::{
        Facts as ArrivalFacts, Grade as ArrivalGrade, Proof as ArrivalProof, TrackPoint,
        judge as judge_proof, photo_times,
    },
};

/// Where the surveyor said that they had arrived, the last time if several.
///
/// # Errors
/// Database faults.
pub fn arrival_place(
    conn: &mut crate::db::Conn,
    case_id: sync_core::ids::CaseId,
) -> Result<Option<sync_core::geo::Point>, crate::error::ApiError> {
    store::find_arrival_place(conn, case_id)
}

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::record_contact)
        .service(api::notify_delay)
        .service(api::agree_arrival)
        .service(api::record_arrival)
        .service(api::waive_survey)
        .service(api::complete_survey)
        .service(api::get_clocks)
        .service(units::api::insist_on_survey)
        .service(units::api::offer_rescue)
        .service(units::api::answer_rescue)
        .service(units::api::call_rescue)
        .service(units::api::need_proxy)
        .service(units::api::arrange_proxy)
        .service(units::api::agree_repair_place)
        .service(units::api::write_unit)
        .service(units::ledger::enter_fee)
        .service(units::ledger::settle_fee)
        .service(units::ledger::list_fees)
        .service(units::ledger::list_unit_cases)
        .service(units::api::get_units);
}

/// Reads a command of an outbox from JSON in the shape of the operation that `kind` names; none for
/// a kind that is no field event.
///
/// # Errors
/// Refused fields, inside the option.
pub fn read_command(
    kind: &str,
    case_id: CaseId,
    json: &[u8],
    now: Instant,
) -> Option<Result<FieldCommand, ApiError>> {
    check::check_kind(kind, case_id, json, now)
}
