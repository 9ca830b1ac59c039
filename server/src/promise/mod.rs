//! What is promised to customers (C49): profiles of limits with their validity, and working days.
//!
//! The standard of Zhejiang and the working days of some years ship with the product. An
//! administrator imports further profiles and each year's notice; neither is ever changed, only
//! followed by a newer version, because cases were judged by it. A branch chooses the promise that its
//! cases are opened under.

mod api;
mod check;
mod store;

use sync_core::{
    calendar::WorkCalendar,
    promise::{PromiseBook, PromiseProfile},
    time::Instant,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{db::Conn, error::ApiError};

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::import_working_days)
        .service(api::list_working_years)
        .service(api::import_promise)
        .service(api::list_promises)
        .service(api::choose_promise);
}

/// The working days of every year whose notice is known.
///
/// # Errors
/// Database faults.
pub fn calendar(conn: &mut Conn) -> Result<WorkCalendar, ApiError> {
    let imported = store::list_years(conn)?;
    let shipped = WorkCalendar::built_in().clone();
    // By version, so that the newest one of a year stands at the end.
    Ok(imported.into_iter().fold(shipped, |calendar, year| calendar.with(year.notice)))
}

/// How many notices were imported so far: it changes with every import.
///
/// # Errors
/// Database faults.
pub fn imported_years(conn: &mut Conn) -> Result<i64, ApiError> {
    store::count_years(conn)
}

/// The profile that a case was opened under.
///
/// # Errors
/// Internal, when this release lacks it.
pub fn find_profile(conn: &mut Conn, code: &str, version: u32) -> Result<PromiseProfile, ApiError> {
    if let Some(profile) = PromiseBook::built_in().find(code, version) {
        return Ok(profile.clone());
    }
    store::find_profile(conn, code, version)?
        .ok_or_else(|| ApiError::internal("a case has a promise that this release lacks"))
}

/// The profile that a case reported now at a branch is opened under: the choice of the branch or of
/// the nearest one above it that chose, while it is in force; otherwise the shipped one.
///
/// # Errors
/// Database faults.
pub fn profile_for(
    conn: &mut Conn,
    branch_path: &str,
    now: Instant,
) -> Result<PromiseProfile, ApiError> {
    let default = PromiseProfile::zhejiang_2010();
    let Some(code) = store::find_choice(conn, branch_path)? else { return Ok(default) };
    let book = book(conn)?;
    Ok(book.in_force(&code, now).cloned().unwrap_or(default))
}

/// Every profile, shipped and imported.
fn book(conn: &mut Conn) -> Result<PromiseBook, ApiError> {
    let mut profiles = store::list_profiles(conn)?;
    profiles.push(PromiseProfile::zhejiang_2010());
    PromiseBook::new(profiles).map_err(ApiError::internal)
}
