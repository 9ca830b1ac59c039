//! Rows of amendments: what came after a version was frozen, agreed or the case was closed.

use diesel::prelude::*;
use sync_core::{
    difference::FieldDifference,
    ids::{CaseId, DeviceId, PersonId},
    time::Instant,
};
use uuid::Uuid;

use super::{count, number, or_again};
use crate::{
    db::{
        Conn,
        schema::draft_amendment as amendment,
        types::{Id, Ms},
    },
    error::ApiError,
};

/// Most amendments that are listed.
const MOST_LISTED: i64 = 100;

/// An amendment as stored.
#[derive(Clone, Debug)]
pub(in crate::draft) struct Amendment {
    pub(in crate::draft) id: Uuid,
    pub(in crate::draft) amends: String,
    pub(in crate::draft) epoch: u32,
    pub(in crate::draft) from_lsn: u64,
    pub(in crate::draft) to_lsn: u64,
    pub(in crate::draft) person: PersonId,
    pub(in crate::draft) device: Option<DeviceId>,
    pub(in crate::draft) difference: Vec<FieldDifference>,
    pub(in crate::draft) received_at: Instant,
    pub(in crate::draft) covered_at: Option<Instant>,
}

/// An amendment to store.
pub(in crate::draft) struct NewAmendment<'a> {
    pub(in crate::draft) id: Uuid,
    pub(in crate::draft) case_id: CaseId,
    pub(in crate::draft) amends: &'a str,
    pub(in crate::draft) epoch: u32,
    pub(in crate::draft) from_lsn: u64,
    pub(in crate::draft) to_lsn: u64,
    pub(in crate::draft) person: PersonId,
    pub(in crate::draft) device: Option<DeviceId>,
    pub(in crate::draft) push_id: &'a str,
    pub(in crate::draft) difference: &'a [FieldDifference],
    pub(in crate::draft) now: Instant,
}

pub(in crate::draft) fn insert_amendment(
    conn: &mut Conn,
    new: &NewAmendment<'_>,
) -> Result<(), ApiError> {
    let difference = serde_json::to_string(new.difference).map_err(ApiError::internal)?;
    let row = (
        amendment::id.eq(new.id.to_string()),
        amendment::case_id.eq(new.case_id.to_string()),
        amendment::amends.eq(new.amends),
        amendment::epoch.eq(i64::from(new.epoch)),
        amendment::from_lsn.eq(number(new.from_lsn)?),
        amendment::to_lsn.eq(number(new.to_lsn)?),
        amendment::person_id.eq(new.person.to_string()),
        amendment::device_id.eq(new.device.map(|id| id.to_string())),
        amendment::push_id.eq(new.push_id),
        amendment::difference.eq(difference),
        amendment::received_at.eq(new.now.0),
    );
    diesel::insert_into(amendment::table).values(row).execute(conn).map_err(or_again)?;
    Ok(())
}

#[derive(Queryable)]
struct Row {
    id: Id<Uuid>,
    amends: String,
    epoch: i64,
    from_lsn: i64,
    to_lsn: i64,
    person: Id<PersonId>,
    device: Option<Id<DeviceId>>,
    difference: String,
    received_at: Ms,
    covered_at: Option<Ms>,
}

/// The newest amendments of a case, newest first.
pub(in crate::draft) fn list_amendments(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<Amendment>, ApiError> {
    let rows: Vec<Row> = amendment::table
        .filter(amendment::case_id.eq(case_id.to_string()))
        .order(amendment::from_lsn.desc())
        .limit(MOST_LISTED)
        .select((
            amendment::id,
            amendment::amends,
            amendment::epoch,
            amendment::from_lsn,
            amendment::to_lsn,
            amendment::person_id,
            amendment::device_id,
            amendment::difference,
            amendment::received_at,
            amendment::covered_at,
        ))
        .load(conn)?;
    let read = |row: Row| {
        Ok(Amendment {
            id: row.id.0,
            amends: row.amends,
            epoch: u32::try_from(row.epoch).map_err(ApiError::internal)?,
            from_lsn: count(row.from_lsn)?,
            to_lsn: count(row.to_lsn)?,
            person: row.person.0,
            device: row.device.map(|id| id.0),
            difference: serde_json::from_str(&row.difference).map_err(ApiError::internal)?,
            received_at: row.received_at.0,
            covered_at: row.covered_at.map(|at| at.0),
        })
    };
    rows.into_iter().map(read).collect()
}

/// Notes that a newer version took up what was open.
pub(in crate::draft) fn cover_amendments(
    conn: &mut Conn,
    case_id: CaseId,
    upto: u64,
    now: Instant,
) -> Result<(), ApiError> {
    let open = amendment::table
        .filter(amendment::case_id.eq(case_id.to_string()))
        .filter(amendment::covered_at.is_null())
        .filter(amendment::to_lsn.le(number(upto)?));
    diesel::update(open).set(amendment::covered_at.eq(Some(now.0))).execute(conn)?;
    Ok(())
}
