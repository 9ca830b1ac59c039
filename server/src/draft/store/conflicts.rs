//! Rows of conflicts.

use diesel::prelude::*;
use sync_core::{
    conflict::Conflict,
    ids::{CaseId, PersonId},
    model::schema::Path,
    time::Instant,
};

use super::{count, number};
use crate::{
    db::{Conn, schema::draft_conflict},
    draft::rules::Standing,
    error::ApiError,
};

/// A conflict that stands in the table, and when it opened.
pub(in crate::draft) struct OpenRow {
    pub(in crate::draft) standing: Standing,
    pub(in crate::draft) opened_at: Instant,
}

pub(in crate::draft) fn list_open(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<OpenRow>, ApiError> {
    let rows: Vec<(i64, i64, i64, String)> = draft_conflict::table
        .filter(draft_conflict::case_id.eq(case_id.to_string()))
        .filter(draft_conflict::resolved_lsn.is_null())
        .order((draft_conflict::opened_lsn, draft_conflict::path))
        .select((
            draft_conflict::opened_lsn,
            draft_conflict::changed_lsn,
            draft_conflict::opened_at,
            draft_conflict::content,
        ))
        .load(conn)?;
    let open = |(opened_lsn, changed_lsn, opened_at, content): (i64, i64, i64, String)| {
        let conflict = serde_json::from_str(&content).map_err(ApiError::internal)?;
        let standing =
            Standing { opened_lsn: count(opened_lsn)?, changed_lsn: count(changed_lsn)?, conflict };
        Ok(OpenRow { standing, opened_at: Instant(opened_at) })
    };
    rows.into_iter().map(open).collect()
}

pub(in crate::draft) fn insert_conflict(
    conn: &mut Conn,
    case_id: CaseId,
    conflict: &Conflict,
    lsn: u64,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        draft_conflict::case_id.eq(case_id.to_string()),
        draft_conflict::path.eq(conflict.path.to_string()),
        draft_conflict::opened_lsn.eq(number(lsn)?),
        draft_conflict::concern.eq(concern(conflict)?),
        draft_conflict::content.eq(content(conflict)?),
        draft_conflict::changed_lsn.eq(number(lsn)?),
        draft_conflict::opened_at.eq(now.0),
    );
    diesel::insert_into(draft_conflict::table)
        .values(row)
        .execute(conn)
        .map_err(ApiError::or_again)?;
    Ok(())
}

pub(in crate::draft) fn update_conflict(
    conn: &mut Conn,
    case_id: CaseId,
    opened_lsn: u64,
    conflict: &Conflict,
    lsn: u64,
) -> Result<(), ApiError> {
    let key = (case_id.to_string(), conflict.path.to_string(), number(opened_lsn)?);
    diesel::update(draft_conflict::table.find(key))
        .set((
            draft_conflict::content.eq(content(conflict)?),
            draft_conflict::changed_lsn.eq(number(lsn)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// Who ended a conflict, under which number.
pub(in crate::draft) struct Resolution<'a> {
    pub(in crate::draft) lsn: u64,
    pub(in crate::draft) by: PersonId,
    pub(in crate::draft) reason: Option<&'a str>,
    pub(in crate::draft) now: Instant,
}

pub(in crate::draft) fn resolve_conflict(
    conn: &mut Conn,
    case_id: CaseId,
    opened_lsn: u64,
    path: &Path,
    resolution: &Resolution<'_>,
) -> Result<(), ApiError> {
    let key = (case_id.to_string(), path.to_string(), number(opened_lsn)?);
    diesel::update(draft_conflict::table.find(key))
        .set((
            draft_conflict::resolved_lsn.eq(Some(number(resolution.lsn)?)),
            draft_conflict::resolved_by.eq(Some(resolution.by.to_string())),
            draft_conflict::resolved_at.eq(Some(resolution.now.0)),
            draft_conflict::reason.eq(resolution.reason),
        ))
        .execute(conn)?;
    Ok(())
}

fn content(conflict: &Conflict) -> Result<String, ApiError> {
    serde_json::to_string(conflict).map_err(ApiError::internal)
}

fn concern(conflict: &Conflict) -> Result<String, ApiError> {
    let name = serde_json::to_value(conflict.concern).map_err(ApiError::internal)?;
    Ok(name.as_str().unwrap_or_default().to_owned())
}
