//! Rows of photos that were asked for.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, LineId, PersonId},
    photo::PhotoSlot,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{
        Conn,
        schema::photo_requests as requests,
        types::{Id, Ms},
    },
    error::ApiError,
};

/// Requests of one case that are answered.
const MOST: i64 = 200;

/// A request to write down.
pub(super) struct NewRequest<'a> {
    pub(super) id: Uuid,
    pub(super) case_id: CaseId,
    pub(super) slot: PhotoSlot,
    pub(super) least: i64,
    pub(super) reason: &'a str,
    pub(super) line_id: Option<Uuid>,
    pub(super) person: PersonId,
    pub(super) now: Instant,
}

pub(super) fn insert(conn: &mut Conn, new: &NewRequest<'_>) -> Result<(), ApiError> {
    let row = (
        requests::id.eq(new.id.to_string()),
        requests::case_id.eq(new.case_id.to_string()),
        requests::slot.eq(new.slot.as_str()),
        requests::least.eq(new.least),
        requests::reason.eq(new.reason),
        requests::line_id.eq(new.line_id.map(|id| id.to_string())),
        requests::requested_by.eq(new.person.to_string()),
        requests::requested_at.eq(new.now.0),
    );
    diesel::insert_into(requests::table).values(row).execute(conn)?;
    Ok(())
}

/// A request as stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = requests)]
pub(super) struct RequestRow {
    pub(super) id: Id<Uuid>,
    pub(super) slot: Id<PhotoSlot>,
    pub(super) least: i64,
    pub(super) reason: String,
    pub(super) line_id: Option<Id<LineId>>,
    pub(super) requested_by: Id<PersonId>,
    pub(super) requested_at: Ms,
}

/// In the order of asking.
pub(super) fn list(conn: &mut Conn, case_id: CaseId) -> Result<Vec<RequestRow>, ApiError> {
    Ok(requests::table
        .filter(requests::case_id.eq(case_id.to_string()))
        .order((requests::requested_at, requests::id))
        .limit(MOST)
        .select(RequestRow::as_select())
        .load(conn)?)
}
