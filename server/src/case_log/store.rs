//! Rows of the event log.

use std::collections::BTreeMap;

use diesel::{
    dsl::{max, sql},
    prelude::*,
    sql_types::Bool,
};
use sync_core::{
    ids::{CaseId, EventId, PersonId},
    lifecycle::{CaseStatus, EventKind},
    time::Instant,
};

use super::{Author, Entry, NewEvent, SeenCase};
use crate::{
    auth::policy::{CaseFacts, Tasked},
    db::{
        Conn,
        schema::{branches, case_events, case_people, cases},
        types::{Id, Json, Ms},
    },
    error::ApiError,
    native,
};

/// What tells one event from another.
#[derive(Queryable)]
pub(super) struct Known {
    case_id: Id<CaseId>,
    pub(super) kind: String,
    pub(super) actor: String,
}

/// [`Known`] with its id unwrapped.
pub(super) struct KnownEvent {
    pub(super) case_id: CaseId,
    pub(super) kind: String,
    pub(super) actor: String,
}

impl KnownEvent {
    /// Whether this is the same event: of the same case and kind, by the same author.
    pub(super) fn is(&self, event: &NewEvent) -> bool {
        self.case_id == event.case_id
            && self.kind == event.kind.as_str()
            && self.actor == name_and_device(event.author).0
    }
}

/// An author as stored.
fn name_and_device(author: Author) -> (String, Option<String>) {
    match author {
        Author::Person(person, device) => (person.to_string(), device.map(|id| id.to_string())),
        Author::Customer => ("customer".to_owned(), None),
        Author::System => ("system".to_owned(), None),
    }
}

pub(super) fn find(conn: &mut Conn, id: EventId) -> Result<Option<KnownEvent>, ApiError> {
    let row: Option<Known> = case_events::table
        .find(id.to_string())
        .select((case_events::case_id, case_events::kind, case_events::actor))
        .first(conn)
        .optional()?;
    Ok(row.map(|row| KnownEvent { case_id: row.case_id.0, kind: row.kind, actor: row.actor }))
}

pub(super) fn last_seq(conn: &mut Conn, case_id: CaseId) -> Result<i64, ApiError> {
    let last: Option<i64> = case_events::table
        .filter(case_events::case_id.eq(case_id.to_string()))
        .select(max(case_events::seq))
        .first(conn)?;
    Ok(last.unwrap_or(0))
}

pub(super) fn insert(conn: &mut Conn, event: &NewEvent, seq: i64) -> Result<(), ApiError> {
    let (actor, device_id) = name_and_device(event.author);
    let row = (
        case_events::id.eq(event.id.to_string()),
        case_events::case_id.eq(event.case_id.to_string()),
        case_events::seq.eq(seq),
        case_events::kind.eq(event.kind.as_str()),
        case_events::actor.eq(actor),
        case_events::device_id.eq(device_id),
        case_events::device_at.eq(event.device_at.map(|at| at.0)),
        case_events::occurred_at.eq(event.occurred_at.0),
        case_events::recorded_at.eq(event.recorded_at.0),
        case_events::data.eq(event.data.to_string()),
    );
    let statement = diesel::insert_into(case_events::table).values(row);
    // The same event, or another one of the case, was written at the same moment: look again.
    native!(conn, |c| statement.execute(c)).map_err(ApiError::or_again)?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = case_events)]
struct Row {
    id: Id<EventId>,
    seq: i64,
    kind: String,
    actor: String,
    occurred_at: Ms,
    recorded_at: Ms,
    data: Json,
}

pub(super) fn list(conn: &mut Conn, case_id: CaseId) -> Result<Vec<Entry>, ApiError> {
    let rows: Vec<Row> = case_events::table
        .filter(case_events::case_id.eq(case_id.to_string()))
        .order(case_events::seq)
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(entry).collect()
}

/// The kinds of entry by which somebody judges an assessor's work (B22). Written out, since it must be
/// known to both engines before they run the query that the index `case_events_judging` is for it.
const JUDGING: &str = "case_events.kind IN ('verified', 'version_returned', 'adjudicated')";

/// Author and facts of the entries that judge the assessor's work.
pub(super) fn list_judging(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<(String, serde_json::Value)>, ApiError> {
    let rows: Vec<(String, Json)> = case_events::table
        .filter(case_events::case_id.eq(case_id.to_string()))
        .filter(sql::<Bool>(JUDGING))
        .order(case_events::seq)
        .select((case_events::actor, case_events::data))
        .load(conn)?;
    Ok(rows.into_iter().map(|(actor, data)| (actor, data.0)).collect())
}

/// The logs of these cases.
pub(super) fn list_of(
    conn: &mut Conn,
    cases: &[CaseId],
) -> Result<BTreeMap<CaseId, Vec<Entry>>, ApiError> {
    let rows: Vec<(Id<CaseId>, Row)> = case_events::table
        .filter(case_events::case_id.eq_any(cases.iter().map(CaseId::to_string)))
        .order((case_events::case_id, case_events::seq))
        .select((case_events::case_id, Row::as_select()))
        .load(conn)?;
    let mut logs = BTreeMap::<CaseId, Vec<Entry>>::new();
    for (case, row) in rows {
        logs.entry(case.0).or_default().push(entry(row)?);
    }
    Ok(logs)
}

fn entry(row: Row) -> Result<Entry, ApiError> {
    Ok(Entry {
        id: row.id.0,
        seq: row.seq,
        kind: row.kind.parse::<EventKind>().map_err(ApiError::internal)?,
        actor: row.actor,
        occurred_at: row.occurred_at.0,
        recorded_at: row.recorded_at.0,
        data: row.data.0,
    })
}

pub(super) fn find_status(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<CaseStatus>, ApiError> {
    let status: Option<String> =
        cases::table.find(case_id.to_string()).select(cases::status).first(conn).optional()?;
    status.map(|status| parse_status(&status)).transpose()
}

fn parse_status(status: &str) -> Result<CaseStatus, ApiError> {
    status.parse().map_err(|_| ApiError::internal("unknown case status"))
}

pub(super) fn find_facts(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
) -> Result<Option<SeenCase>, ApiError> {
    type Facts = (String, String, Option<i64>, Option<i64>);
    let sent = case_people::table
        .on(case_people::case_id.eq(cases::id).and(case_people::person_id.eq(person.to_string())));
    let found: Option<Facts> = cases::table
        .inner_join(branches::table)
        .left_join(sent)
        .filter(cases::id.eq(case_id.to_string()))
        .select((
            cases::status,
            branches::path,
            case_people::since.nullable(),
            case_people::until.nullable(),
        ))
        .first(conn)
        .optional()?;
    let Some((status, branch_path, since, until)) = found else { return Ok(None) };
    let tasked = match (since, until) {
        (None, _) => Tasked::Never,
        (Some(_), None) => Tasked::Now,
        (Some(_), Some(_)) => Tasked::Earlier,
    };
    Ok(Some(SeenCase { status: parse_status(&status)?, facts: CaseFacts { branch_path, tasked } }))
}

pub(super) fn upsert_person(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let key = (case_id.to_string(), person.to_string());
    let back = diesel::update(case_people::table.find(key.clone()))
        .set(case_people::until.eq(None::<i64>))
        .execute(conn)?;
    if back == 0 {
        let row = (
            case_people::case_id.eq(key.0),
            case_people::person_id.eq(key.1),
            case_people::since.eq(now.0),
        );
        diesel::insert_into(case_people::table).values(row).execute(conn)?;
    }
    Ok(())
}

pub(super) fn end_person(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::update(case_people::table.find((case_id.to_string(), person.to_string())))
        .set(case_people::until.eq(Some(now.0)))
        .execute(conn)?;
    Ok(())
}

pub(super) fn update_status(
    conn: &mut Conn,
    case_id: CaseId,
    status: CaseStatus,
) -> Result<(), ApiError> {
    diesel::update(cases::table.find(case_id.to_string()))
        .set((cases::status.eq(status.as_str()), cases::version.eq(cases::version + 1)))
        .execute(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sync_core::lifecycle::EventKind::{Adjudicated, Verified, VersionReturned};

    use super::JUDGING;

    /// An index over some rows serves a query only if both say in the same words which.
    #[test]
    fn the_index_of_judges_is_over_the_rows_that_are_asked_for() {
        let kinds =
            [Verified, VersionReturned, Adjudicated].map(|kind| format!("'{}'", kind.as_str()));
        let rows = format!("kind IN ({})", kinds.join(", "));
        assert_eq!(JUDGING, format!("case_events.{rows}"));
        for migration in [
            include_str!("../../../migrations/sqlite/20261122200000_case_judges/up.sql"),
            include_str!("../../../migrations/postgres/20261122200000_case_judges/up.sql"),
        ] {
            assert!(migration.contains(&format!("WHERE {rows};")), "{migration}");
        }
    }
}
