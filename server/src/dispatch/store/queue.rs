//! Rows of the queue, of how branches send people, and of catastrophes.

use std::collections::BTreeSet;

use diesel::prelude::*;
use sync_core::{
    ids::{BranchId, CaseId, CatastropheId, PersonId},
    time::{Instant, Span},
};

use super::super::rules::{
    autopilot::{Level, Mode},
    queue::Place,
};
use crate::{
    db::{
        Conn,
        schema::{branches, case_queue as queue, catastrophes, dispatch_settings as settings},
        types::{Id, Ms},
    },
    error::ApiError,
    native,
};

/// A case that nobody is on the way to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Queued {
    pub(in super::super) case_id: CaseId,
    pub(in super::super) place: Place,
}

type QueueRow = (Id<CaseId>, Ms, Ms, i64, Ms);

fn queued((case_id, since, limit_at, escalated, next_at): QueueRow) -> Queued {
    let place = Place {
        since: since.0,
        limit_at: limit_at.0,
        escalated: Level::of(escalated),
        next_at: next_at.0,
    };
    Queued { case_id: case_id.0, place }
}

pub(in super::super) fn find(conn: &mut Conn, id: CaseId) -> Result<Option<Place>, ApiError> {
    let row: Option<QueueRow> = queue::table
        .find(id.to_string())
        .select((queue::case_id, queue::since, queue::limit_at, queue::escalated, queue::next_at))
        .first(conn)
        .optional()?;
    Ok(row.map(|row| queued(row).place))
}

/// Cases that are to be looked at, the longest due first.
pub(in super::super) fn list_due(
    conn: &mut Conn,
    now: Instant,
    most: i64,
) -> Result<Vec<CaseId>, ApiError> {
    let rows: Vec<Id<CaseId>> = queue::table
        .filter(queue::next_at.le(now.0))
        .order(queue::next_at)
        .limit(most)
        .select(queue::case_id)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

/// The cases of a branch and those below it that nobody is on the way to, the nearest limit first.
pub(in super::super) fn list_waiting(
    conn: &mut Conn,
    branch_path: &str,
    most: i64,
) -> Result<Vec<Queued>, ApiError> {
    let rows: Vec<QueueRow> = queue::table
        .inner_join(branches::table)
        .filter(branches::path.like(format!("{branch_path}%")))
        .order((queue::limit_at, queue::case_id))
        .limit(most)
        .select((queue::case_id, queue::since, queue::limit_at, queue::escalated, queue::next_at))
        .load(conn)?;
    Ok(rows.into_iter().map(queued).collect())
}

/// Which of the cases are in the queue.
pub(in super::super) fn list_queued(
    conn: &mut Conn,
    cases: &[CaseId],
) -> Result<BTreeSet<CaseId>, ApiError> {
    let rows: Vec<Id<CaseId>> = queue::table
        .filter(queue::case_id.eq_any(cases.iter().map(CaseId::to_string)))
        .select(queue::case_id)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

/// Puts a case into the queue.
pub(in super::super) fn insert(
    conn: &mut Conn,
    case_id: CaseId,
    branch: BranchId,
    place: &Place,
) -> Result<(), ApiError> {
    let row = (
        queue::case_id.eq(case_id.to_string()),
        queue::branch_id.eq(branch.to_string()),
        queue::since.eq(place.since.0),
        queue::limit_at.eq(place.limit_at.0),
        queue::next_at.eq(place.next_at.0),
        queue::escalated.eq(place.escalated.number()),
    );
    let statement = diesel::insert_into(queue::table).values(row);
    native!(conn, |c| statement.execute(c))?;
    Ok(())
}

pub(in super::super) fn delete(conn: &mut Conn, case_id: CaseId) -> Result<(), ApiError> {
    diesel::delete(queue::table.find(case_id.to_string())).execute(conn)?;
    Ok(())
}

/// Notes where a case stands in the queue now.
pub(in super::super) fn update(
    conn: &mut Conn,
    case_id: CaseId,
    place: &Place,
) -> Result<(), ApiError> {
    diesel::update(queue::table.find(case_id.to_string()))
        .set((
            queue::since.eq(place.since.0),
            queue::limit_at.eq(place.limit_at.0),
            queue::next_at.eq(place.next_at.0),
            queue::escalated.eq(place.escalated.number()),
        ))
        .execute(conn)?;
    Ok(())
}

/// How a branch sends people: its own setting, or that of the nearest one above it.
pub(in super::super) fn find_settings(
    conn: &mut Conn,
    branch_path: &str,
) -> Result<(Mode, Span), ApiError> {
    let all: Vec<(String, String, i64)> = settings::table
        .inner_join(branches::table)
        .select((branches::path, settings::mode, settings::offer_ms))
        .load(conn)?;
    let nearest = all
        .into_iter()
        .filter(|(path, ..)| branch_path.starts_with(path.as_str()))
        .max_by_key(|(path, ..)| path.len());
    let Some((_, mode, offer_ms)) = nearest else {
        return Ok((Mode::Manual, super::super::OFFER));
    };
    let mode = Mode::ALL.iter().copied().find(|known| known.as_str() == mode);
    Ok((mode.unwrap_or(Mode::Manual), Span(offer_ms)))
}

pub(in super::super) fn replace_settings(
    conn: &mut Conn,
    branch: BranchId,
    mode: Mode,
    offer: Span,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::delete(settings::table.find(branch.to_string())).execute(conn)?;
    let row = (
        settings::branch_id.eq(branch.to_string()),
        settings::mode.eq(mode.as_str()),
        settings::offer_ms.eq(offer.0),
        settings::set_at.eq(now.0),
        settings::set_by.eq(by.to_string()),
    );
    diesel::insert_into(settings::table).values(row).execute(conn)?;
    Ok(())
}

pub(in super::super) fn branch_path(
    conn: &mut Conn,
    id: BranchId,
) -> Result<Option<String>, ApiError> {
    let found = branches::table.find(id.to_string()).select(branches::path);
    Ok(found.first(conn).optional()?)
}

/// A catastrophe as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = catastrophes)]
pub(in super::super) struct CatastropheRow {
    pub(in super::super) id: Id<CatastropheId>,
    pub(in super::super) branch_id: Id<BranchId>,
    pub(in super::super) name: String,
    pub(in super::super) starts_at: Ms,
    pub(in super::super) ends_at: Ms,
    pub(in super::super) shared_with: Id<BranchId>,
    pub(in super::super) urban_ms: Option<i64>,
    pub(in super::super) other_ms: Option<i64>,
    pub(in super::super) reason: String,
}

pub(in super::super) fn insert_catastrophe(
    conn: &mut Conn,
    row: &CatastropheRow,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        catastrophes::id.eq(row.id.0.to_string()),
        catastrophes::branch_id.eq(row.branch_id.0.to_string()),
        catastrophes::name.eq(&row.name),
        catastrophes::starts_at.eq(row.starts_at.0.0),
        catastrophes::ends_at.eq(row.ends_at.0.0),
        catastrophes::shared_with.eq(row.shared_with.0.to_string()),
        catastrophes::urban_ms.eq(row.urban_ms),
        catastrophes::other_ms.eq(row.other_ms),
        catastrophes::reason.eq(&row.reason),
        catastrophes::declared_at.eq(now.0),
        catastrophes::declared_by.eq(by.to_string()),
    );
    diesel::insert_into(catastrophes::table).values(row).execute(conn)?;
    Ok(())
}

/// Catastrophes that go on, with the path of the branch that they hit.
pub(in super::super) fn list_catastrophes(
    conn: &mut Conn,
    now: Instant,
) -> Result<Vec<(CatastropheRow, String)>, ApiError> {
    Ok(catastrophes::table
        .inner_join(branches::table)
        .filter(catastrophes::starts_at.le(now.0))
        .filter(catastrophes::ends_at.gt(now.0))
        .order(catastrophes::starts_at)
        .select((CatastropheRow::as_select(), branches::path))
        .load(conn)?)
}
