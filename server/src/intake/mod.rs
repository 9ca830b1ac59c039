//! Taking loss reports (C01-C03).
//!
//! An agent, or the core system, reports a case in one call: no policy or claim number is needed.
//! Plate, phone and VIN are normalised; doubtful ones are accepted with a warning. Reports that may
//! be the same accident are shown, never refused. The reply carries what to tell the caller.

mod api;
mod check;
mod rules;
mod store;

use sync_core::{
    geo::Point,
    ids::{BranchId, CaseId},
    time::Instant,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{db::Conn, error::ApiError};

pub use api::event_response;
pub use check::identifier_refusal;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config.service(api::report_case).service(api::list_cases).service(api::get_case);
}

/// What other capabilities need to know of a reported case.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportedCase {
    /// Id.
    pub id: CaseId,
    /// Report number for people.
    pub report_no: String,
    /// Branch that handles it.
    pub branch: BranchId,
    /// Customer's name.
    pub customer_name: String,
    /// Contact at the scene.
    pub contact_name: String,
    /// Number to call.
    pub contact_phone: String,
    /// Number plate.
    pub plate: String,
    /// Vehicle identification number, if known.
    pub vin: Option<String>,
    /// Where, in words.
    pub loss_place: String,
    /// Where, if the position is known.
    pub position: Option<Point>,
    /// Radius of the 68 % circle around it in metres.
    pub accuracy_m: Option<f64>,
    /// Promise profile: code and version.
    pub promise: (String, u32),
    /// When the report was saved.
    pub reported_at: Instant,
}

/// The branch that handles a case, and the promise it was opened under.
#[derive(Clone, Debug, PartialEq)]
pub struct Promised {
    /// The case.
    pub case_id: CaseId,
    /// The branch.
    pub branch: BranchId,
    /// Promise profile: code and version.
    pub promise: (String, u32),
    /// The place of loss, where it was given exactly.
    pub position: Option<Point>,
}

/// What these cases were opened under; those that do not exist are left out.
///
/// # Errors
/// Database faults.
pub fn promises_of(conn: &mut Conn, cases: &[CaseId]) -> Result<Vec<Promised>, ApiError> {
    store::list_promises(conn, cases)
}

/// When the newest case was reported.
///
/// # Errors
/// Database faults.
pub fn newest_report(conn: &mut Conn) -> Result<Option<Instant>, ApiError> {
    store::newest_report(conn)
}

/// A case that is known to exist.
///
/// # Errors
/// `not_found` when it does not.
pub fn get_case(conn: &mut Conn, id: CaseId) -> Result<ReportedCase, ApiError> {
    store::get_reported(conn, id)
}
