//! Rows of the change feed.

use diesel::{dsl::exists, dsl::sql, prelude::*, sql_types::BigInt};
use sync_core::{
    ids::{CaseId, PersonId},
    time::Instant,
};

use super::{Change, FeedCursor};
use crate::{
    auth::policy::{Actor, Role},
    db::{
        Conn, Native,
        schema::{branches, case_changes as changes, case_people, cases, feed_readers as readers},
        types::{Id, Ms},
    },
    error::ApiError,
};

pub(super) fn insert(
    conn: &mut Conn,
    case_id: CaseId,
    topic: &str,
    person: Option<PersonId>,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        changes::case_id.eq(case_id.to_string()),
        changes::topic.eq(topic),
        changes::at.eq(now.0),
        changes::person_id.eq(person.map(|id| id.to_string())),
    );
    diesel::insert_into(changes::table).values(row).execute(conn)?;
    Ok(())
}

/// The oldest transaction that may still write: rows of earlier ones are all there.
pub(super) fn horizon(conn: &mut Conn) -> Result<i64, ApiError> {
    match conn.native() {
        Native::Sqlite(_) => Ok(i64::MAX),
        Native::Pg(pg) => {
            let xmin = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
            Ok(diesel::select(sql::<BigInt>(xmin)).get_result(pg)?)
        }
    }
}

pub(super) fn latest(conn: &mut Conn, horizon: i64) -> Result<FeedCursor, ApiError> {
    let last: Option<(i64, i64)> = changes::table
        .filter(changes::tx.lt(horizon))
        .order((changes::tx.desc(), changes::seq.desc()))
        .select((changes::tx, changes::seq))
        .first(conn)
        .optional()?;
    let floor = find_reader(conn, super::FLOOR)?;
    Ok(last.map_or(floor, |(tx, seq)| FeedCursor { tx, seq }))
}

#[derive(Queryable)]
struct Row {
    tx: i64,
    seq: i64,
    case_id: Id<CaseId>,
    topic: String,
    at: Ms,
    branch_path: String,
    person_id: Option<Id<PersonId>>,
}

/// The changes after a place and before the horizon, all or only those that the actor hears of: the row
/// filter of `policy::hears_of`.
pub(super) fn list(
    conn: &mut Conn,
    after: FeedCursor,
    horizon: i64,
    actor: Option<&Actor>,
    limit: i64,
) -> Result<Vec<Change>, ApiError> {
    let later =
        changes::tx.gt(after.tx).or(changes::tx.eq(after.tx).and(changes::seq.gt(after.seq)));
    let mut query = changes::table
        .inner_join(cases::table.inner_join(branches::table))
        .filter(changes::tx.ge(after.tx))
        .filter(changes::tx.lt(horizon))
        .filter(later)
        .select((
            changes::tx,
            changes::seq,
            changes::case_id,
            changes::topic,
            changes::at,
            branches::path,
            changes::person_id,
        ))
        .into_boxed();
    if let Some(actor) = actor {
        let sent = exists(
            case_people::table
                .filter(case_people::case_id.eq(cases::id))
                .filter(case_people::person_id.eq(actor.person.to_string())),
        );
        let below = branches::path.like(format!("{}%", actor.branch_path));
        let sent = changes::person_id.is_null().and(sent);
        let own = changes::person_id.eq(actor.person.to_string());
        let field_only = actor.roles.iter().all(|role| matches!(role, Role::Surveyor | Role::Shop));
        query = match (field_only, actor.is(Role::Surveyor)) {
            (true, true) => query.filter(sent.or(own)),
            (true, false) => query.filter(sent),
            (false, true) => query.filter(below.or(sent).or(own)),
            (false, false) => query.filter(below),
        };
    }
    let rows: Vec<Row> = query.order((changes::tx, changes::seq)).limit(limit).load(conn)?;
    Ok(rows.into_iter().map(change).collect())
}

fn change(row: Row) -> Change {
    Change {
        cursor: FeedCursor { tx: row.tx, seq: row.seq },
        case_id: row.case_id.0,
        topic: row.topic,
        at: row.at.0,
        branch_path: row.branch_path,
        person: row.person_id.map(|id| id.0),
    }
}

pub(super) fn list_people(conn: &mut Conn, case_id: CaseId) -> Result<Vec<PersonId>, ApiError> {
    let people: Vec<Id<PersonId>> = case_people::table
        .filter(case_people::case_id.eq(case_id.to_string()))
        .select(case_people::person_id)
        .load(conn)?;
    Ok(people.into_iter().map(|id| id.0).collect())
}

pub(super) fn find_reader(conn: &mut Conn, name: &str) -> Result<FeedCursor, ApiError> {
    let at: Option<(i64, i64)> =
        readers::table.find(name).select((readers::tx, readers::seq)).first(conn).optional()?;
    Ok(at.map_or_else(FeedCursor::default, |(tx, seq)| FeedCursor { tx, seq }))
}

pub(super) fn update_reader(
    conn: &mut Conn,
    name: &str,
    from: FeedCursor,
    to: FeedCursor,
) -> Result<bool, ApiError> {
    let here =
        readers::table.find(name).filter(readers::tx.eq(from.tx)).filter(readers::seq.eq(from.seq));
    let values = (readers::tx.eq(to.tx), readers::seq.eq(to.seq));
    let moved = diesel::update(here).set(values).execute(conn)?;
    if moved == 1 {
        return Ok(true);
    }
    let known: i64 = readers::table.filter(readers::name.eq(name)).count().get_result(conn)?;
    if known > 0 || from != FeedCursor::default() {
        return Ok(false);
    }
    diesel::insert_into(readers::table)
        .values((readers::name.eq(name), values))
        .execute(conn)
        // Another node begins at the same moment: look again.
        .map_err(ApiError::or_again)?;
    Ok(true)
}

pub(super) fn last_before(
    conn: &mut Conn,
    before: Instant,
) -> Result<Option<FeedCursor>, ApiError> {
    let last: Option<(i64, i64)> = changes::table
        .filter(changes::at.lt(before.0))
        .order((changes::tx.desc(), changes::seq.desc()))
        .select((changes::tx, changes::seq))
        .first(conn)
        .optional()?;
    Ok(last.map(|(tx, seq)| FeedCursor { tx, seq }))
}

pub(super) fn delete_until(conn: &mut Conn, last: FeedCursor) -> Result<usize, ApiError> {
    let before = changes::tx.lt(last.tx).or(changes::tx.eq(last.tx).and(changes::seq.le(last.seq)));
    Ok(diesel::delete(changes::table.filter(before)).execute(conn)?)
}
