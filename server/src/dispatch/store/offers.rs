//! Rows of offers.

use std::collections::HashSet;

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, OfferId, PersonId},
    time::{Instant, Span},
};

use super::{super::rules::Candidate, surveyors::TOGETHER};
use crate::{
    db::{
        Conn,
        schema::offers,
        types::{Id, Ms},
    },
    error::ApiError,
};

/// Waiting for an answer.
pub(in super::super) const OPEN: &str = "open";
const LAPSED: &[&str] = &["declined", "expired"];

/// An offer as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = offers)]
pub(in super::super) struct OfferRow {
    pub(in super::super) id: Id<OfferId>,
    pub(in super::super) case_id: Id<CaseId>,
    pub(in super::super) surveyor_id: Id<PersonId>,
    pub(in super::super) status: String,
    pub(in super::super) made_at: Ms,
    pub(in super::super) expires_at: Ms,
    pub(in super::super) estimate_ms: Option<i64>,
    pub(in super::super) expected_at: Option<Ms>,
    pub(in super::super) verdict: String,
}

pub(in super::super) fn insert(
    conn: &mut Conn,
    id: OfferId,
    case_id: CaseId,
    candidate: &Candidate,
    now: Instant,
    expires_at: Instant,
) -> Result<(), ApiError> {
    let row = (
        offers::id.eq(id.to_string()),
        offers::case_id.eq(case_id.to_string()),
        offers::surveyor_id.eq(candidate.surveyor.person.id.to_string()),
        offers::status.eq(OPEN),
        offers::made_at.eq(now.0),
        offers::expires_at.eq(expires_at.0),
        offers::estimate_ms.eq(candidate.travel.as_ref().map(|travel| travel.span.0)),
        offers::expected_at.eq(candidate.expected_at.map(|at| at.0)),
        offers::verdict.eq(candidate.verdict.as_str()),
    );
    // Somebody was asked at the same moment: look again.
    diesel::insert_into(offers::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

pub(in super::super) fn find(conn: &mut Conn, id: OfferId) -> Result<Option<OfferRow>, ApiError> {
    Ok(offers::table.find(id.to_string()).select(OfferRow::as_select()).first(conn).optional()?)
}

pub(in super::super) fn find_open(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<OfferRow>, ApiError> {
    Ok(offers::table
        .filter(offers::case_id.eq(case_id.to_string()))
        .filter(offers::status.eq(OPEN))
        .select(OfferRow::as_select())
        .first(conn)
        .optional()?)
}

/// Ends an offer that is still open; answers whether it was.
pub(in super::super) fn end(
    conn: &mut Conn,
    id: OfferId,
    status: &str,
    reason: Option<&str>,
    now: Instant,
) -> Result<bool, ApiError> {
    let open = offers::table.find(id.to_string()).filter(offers::status.eq(OPEN));
    let ended = diesel::update(open)
        .set((offers::status.eq(status), offers::answered_at.eq(now.0), offers::reason.eq(reason)))
        .execute(conn)?;
    Ok(ended == 1)
}

/// A surveyor's offers, the newest first.
pub(in super::super) fn list_of(
    conn: &mut Conn,
    person: PersonId,
) -> Result<Vec<OfferRow>, ApiError> {
    Ok(offers::table
        .filter(offers::surveyor_id.eq(person.to_string()))
        .filter(offers::status.eq(OPEN))
        .order(offers::made_at.desc())
        .select(OfferRow::as_select())
        .load(conn)?)
}

/// Who of these is being asked about some case.
pub(in super::super) fn list_asked(
    conn: &mut Conn,
    ids: &[String],
) -> Result<HashSet<PersonId>, ApiError> {
    let mut asked = HashSet::new();
    for some in ids.chunks(TOGETHER) {
        let rows: Vec<Id<PersonId>> = offers::table
            .filter(offers::surveyor_id.eq_any(some.to_vec()))
            .filter(offers::status.eq(OPEN))
            .select(offers::surveyor_id)
            .load(conn)?;
        asked.extend(rows.into_iter().map(|id| id.0));
    }
    Ok(asked)
}

/// Who was asked about a case and did not take it.
pub(in super::super) fn list_lapsed(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<PersonId>, ApiError> {
    let rows: Vec<Id<PersonId>> = offers::table
        .filter(offers::case_id.eq(case_id.to_string()))
        .filter(offers::status.eq_any(LAPSED.to_vec()))
        .select(offers::surveyor_id)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

impl OfferRow {
    /// The travel time that was estimated.
    pub(in super::super) fn estimate(&self) -> Option<Span> {
        self.estimate_ms.map(Span)
    }
}
