//! Rows of amendments: what came after a version was frozen, agreed or the case was closed.

use diesel::prelude::*;
use sync_core::{
    difference::FieldDifference,
    ids::{CaseId, DeviceId, PersonId},
    time::Instant,
};
use uuid::Uuid;

use super::{count, number};
use crate::{
    db::{
        Conn,
        schema::draft_amendment as amendment,
        types::{Id, Ms},
    },
    draft::rules::Review,
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
    pub(in crate::draft) reviewed: Option<Reviewed>,
}

/// What a person made of an amendment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::draft) struct Reviewed {
    pub(in crate::draft) review: Review,
    pub(in crate::draft) by: PersonId,
    pub(in crate::draft) at: Instant,
    pub(in crate::draft) reason: String,
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
    diesel::insert_into(amendment::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = amendment)]
struct Row {
    id: Id<Uuid>,
    amends: String,
    epoch: i64,
    from_lsn: i64,
    to_lsn: i64,
    person_id: Id<PersonId>,
    device_id: Option<Id<DeviceId>>,
    difference: String,
    received_at: Ms,
    covered_at: Option<Ms>,
    decision: Option<String>,
    decided_by: Option<Id<PersonId>>,
    decided_at: Option<Ms>,
    reason: Option<String>,
}

impl Row {
    fn reviewed(&self) -> Result<Option<Reviewed>, ApiError> {
        let (Some(decision), Some(by), Some(at)) =
            (&self.decision, &self.decided_by, &self.decided_at)
        else {
            return Ok(None);
        };
        let review =
            Review::parse(decision).ok_or_else(|| ApiError::internal("an unknown review"))?;
        let reason = self.reason.clone().unwrap_or_default();
        Ok(Some(Reviewed { review, by: by.0, at: at.0, reason }))
    }

    fn read(self) -> Result<Amendment, ApiError> {
        let reviewed = self.reviewed()?;
        Ok(Amendment {
            id: self.id.0,
            amends: self.amends,
            epoch: u32::try_from(self.epoch).map_err(ApiError::internal)?,
            from_lsn: count(self.from_lsn)?,
            to_lsn: count(self.to_lsn)?,
            person: self.person_id.0,
            device: self.device_id.map(|id| id.0),
            difference: serde_json::from_str(&self.difference).map_err(ApiError::internal)?,
            received_at: self.received_at.0,
            covered_at: self.covered_at.map(|at| at.0),
            reviewed,
        })
    }
}

/// One amendment of a case.
pub(in crate::draft) fn find_amendment(
    conn: &mut Conn,
    case_id: CaseId,
    id: Uuid,
) -> Result<Option<Amendment>, ApiError> {
    let row: Option<Row> = amendment::table
        .filter(amendment::id.eq(id.to_string()))
        .filter(amendment::case_id.eq(case_id.to_string()))
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    row.map(Row::read).transpose()
}

/// Notes what a person made of an amendment, unless somebody did before; whether nobody had.
pub(in crate::draft) fn review_amendment(
    conn: &mut Conn,
    id: Uuid,
    reviewed: &Reviewed,
) -> Result<bool, ApiError> {
    let open = amendment::table
        .filter(amendment::id.eq(id.to_string()))
        .filter(amendment::decision.is_null());
    let updated = diesel::update(open)
        .set((
            amendment::decision.eq(reviewed.review.as_str()),
            amendment::decided_by.eq(reviewed.by.to_string()),
            amendment::decided_at.eq(reviewed.at.0),
            amendment::reason.eq(&reviewed.reason),
        ))
        .execute(conn)?;
    Ok(updated == 1)
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
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(Row::read).collect()
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
