//! Negotiating amounts, explaining findings, and the visits that settle a dispute (C14, C22, C23, C25, C28).
//!
//! Rounds of offers and answers about one frozen version, by line or for the total, by either side;
//! what was agreed and what was not follows from them. An objection is answered by an explanation with
//! what it rests on, then by a re-survey or a joint assessment that both sides consent to. Nothing here
//! changes an amount of a sheet: what was agreed becomes another version.

mod api;
mod explain;
mod rules;
mod store;
mod visits;

use sync_core::{
    ids::{CaseId, LineId, VersionId},
    money::Fen,
    time::Instant,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{app::App, assessment::Version, db::Conn, error::ApiError};

pub use api::of_case;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::record_round)
        .service(api::get_negotiation)
        .service(explain::explain_objection)
        .service(visits::agree_visit)
        .service(visits::change_visit)
        .service(visits::record_visit);
}

/// What a customer offers on the page, for the total or a line. An offer that cannot be made now (the
/// point is agreed) is not kept.
///
/// # Errors
/// Database faults.
pub fn customer_offers(
    conn: &mut Conn,
    app: &App,
    version: &Version,
    line: Option<LineId>,
    amount: Fen,
    statement: &str,
) -> Result<(), ApiError> {
    api::customer_offers(conn, app, version, line, amount, statement)
}

/// The number of rounds about a version.
///
/// # Errors
/// Database faults.
pub fn rounds_about(conn: &mut Conn, version: VersionId) -> Result<usize, ApiError> {
    Ok(store::list_rounds(conn, version)?.len())
}

/// The next visit of a case that was agreed and not called off.
///
/// # Errors
/// Database faults.
pub fn next_visit(
    conn: &mut Conn,
    case_id: CaseId,
    after: Instant,
) -> Result<Option<(String, Instant)>, ApiError> {
    let visits = store::list_visits(conn, case_id)?;
    let next =
        visits.into_iter().find(|visit| visit.status == "agreed" && visit.starts_at.0 >= after);
    Ok(next.map(|visit| (visit.purpose, visit.starts_at.0)))
}
