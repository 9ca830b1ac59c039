//! Rows of promises and working days.

use diesel::{dsl::max, prelude::*};
use sync_core::{
    calendar::YearNotice,
    ids::{BranchId, PersonId},
    promise::PromiseProfile,
    time::Instant,
};

use crate::{
    db::{
        Conn,
        schema::{branch_promises, branches, promise_profiles as profiles, working_years as years},
        types::{Id, Ms},
    },
    error::ApiError,
};

/// An imported year.
pub(super) struct ImportedYear {
    pub(super) version: i64,
    pub(super) notice: YearNotice,
    pub(super) source: String,
    pub(super) imported_at: Instant,
}

/// Imported years by year and version.
pub(super) fn list_years(conn: &mut Conn) -> Result<Vec<ImportedYear>, ApiError> {
    let rows: Vec<(i64, String, String, Ms)> = years::table
        .order((years::year, years::version))
        .select((years::version, years::notice, years::source, years::imported_at))
        .load(conn)?;
    let year = |(version, notice, source, imported_at): (i64, String, String, Ms)| {
        let notice = serde_json::from_str(&notice).map_err(ApiError::internal)?;
        Ok(ImportedYear { version, notice, source, imported_at: imported_at.0 })
    };
    rows.into_iter().map(year).collect()
}

pub(super) fn count_years(conn: &mut Conn) -> Result<i64, ApiError> {
    Ok(years::table.count().get_result(conn)?)
}

/// Stores a notice as the newest version of its year; answers the version.
pub(super) fn insert_year(
    conn: &mut Conn,
    notice: &YearNotice,
    source: &str,
    by: PersonId,
    now: Instant,
) -> Result<i64, ApiError> {
    let known: Option<i64> = years::table
        .filter(years::year.eq(i64::from(notice.year)))
        .select(max(years::version))
        .first(conn)?;
    let version = known.unwrap_or(0) + 1;
    let row = (
        years::year.eq(i64::from(notice.year)),
        years::version.eq(version),
        years::notice.eq(serde_json::to_string(notice).map_err(ApiError::internal)?),
        years::source.eq(source),
        years::imported_at.eq(now.0),
        years::imported_by.eq(by.to_string()),
    );
    diesel::insert_into(years::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(version)
}

pub(super) fn list_profiles(conn: &mut Conn) -> Result<Vec<PromiseProfile>, ApiError> {
    let bodies: Vec<String> = profiles::table
        .order((profiles::code, profiles::version))
        .select(profiles::body)
        .load(conn)?;
    bodies.iter().map(|body| serde_json::from_str(body).map_err(ApiError::internal)).collect()
}

pub(super) fn find_profile(
    conn: &mut Conn,
    code: &str,
    version: u32,
) -> Result<Option<PromiseProfile>, ApiError> {
    let body: Option<String> = profiles::table
        .find((code, i64::from(version)))
        .select(profiles::body)
        .first(conn)
        .optional()?;
    body.map(|body| serde_json::from_str(&body).map_err(ApiError::internal)).transpose()
}

pub(super) fn insert_profile(
    conn: &mut Conn,
    profile: &PromiseProfile,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        profiles::code.eq(&profile.code),
        profiles::version.eq(i64::from(profile.version)),
        profiles::body.eq(serde_json::to_string(profile).map_err(ApiError::internal)?),
        profiles::imported_at.eq(now.0),
        profiles::imported_by.eq(by.to_string()),
    );
    diesel::insert_into(profiles::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

/// The choice of the branch, or of the nearest one above it that chose.
pub(super) fn find_choice(conn: &mut Conn, branch_path: &str) -> Result<Option<String>, ApiError> {
    let choices: Vec<(String, String)> = branch_promises::table
        .inner_join(branches::table)
        .select((branches::path, branch_promises::code))
        .load(conn)?;
    let above = choices.into_iter().filter(|(path, _)| branch_path.starts_with(path.as_str()));
    Ok(above.max_by_key(|(path, _)| path.len()).map(|(_, code)| code))
}

pub(super) fn list_choices(conn: &mut Conn) -> Result<Vec<(BranchId, String)>, ApiError> {
    let rows: Vec<(Id<BranchId>, String)> = branch_promises::table
        .order(branch_promises::branch_id)
        .select((branch_promises::branch_id, branch_promises::code))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, code)| (id.0, code)).collect())
}

pub(super) fn has_branch(conn: &mut Conn, id: BranchId) -> Result<bool, ApiError> {
    let known: i64 =
        branches::table.filter(branches::id.eq(id.to_string())).count().get_result(conn)?;
    Ok(known > 0)
}

pub(super) fn replace_choice(
    conn: &mut Conn,
    branch: BranchId,
    code: &str,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::delete(branch_promises::table.find(branch.to_string())).execute(conn)?;
    let row = (
        branch_promises::branch_id.eq(branch.to_string()),
        branch_promises::code.eq(code),
        branch_promises::set_at.eq(now.0),
        branch_promises::set_by.eq(by.to_string()),
    );
    diesel::insert_into(branch_promises::table)
        .values(row)
        .execute(conn)
        .map_err(ApiError::or_again)?;
    Ok(())
}
