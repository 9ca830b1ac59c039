//! What the views read from the tables of others.

use diesel::prelude::*;
use sync_core::{ids::CaseId, time::Instant};

use crate::{
    db::{
        Conn,
        schema::{branches, cases},
        types::Id,
    },
    error::ApiError,
};

/// Status and plate of a case.
pub(super) fn find_status_and_plate(
    conn: &mut Conn,
    id: CaseId,
) -> Result<Option<(String, String)>, ApiError> {
    let found = cases::table.find(id.to_string()).select((cases::status, cases::plate));
    Ok(found.first(conn).optional()?)
}

/// Cases that a branch and those below it reported between two instants, oldest first.
pub(super) fn list_reported(
    conn: &mut Conn,
    branch_path: &str,
    from: Instant,
    to: Instant,
    most: i64,
) -> Result<Vec<CaseId>, ApiError> {
    let rows: Vec<Id<CaseId>> = cases::table
        .inner_join(branches::table)
        .filter(branches::path.like(format!("{branch_path}%")))
        .filter(cases::reported_at.ge(from.0))
        .filter(cases::reported_at.lt(to.0))
        .order((cases::reported_at, cases::id))
        .limit(most)
        .select(cases::id)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}
