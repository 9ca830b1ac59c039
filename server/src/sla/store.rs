//! Rows of clocks, their limits and alarms.

use std::collections::BTreeMap;

use diesel::prelude::*;
use sync_core::{
    clock::{ClockName, ClockState},
    ids::{AlarmId, BranchId, CaseId},
    time::Instant,
};

use super::rules::{AlarmKind, Audience, Cleared, KnownAlarm};
use crate::{
    auth::policy::Actor,
    db::{
        Conn,
        page::Cursor,
        schema::{alarms, branches, case_clocks as clocks, clock_limits as limits},
        types::{Id, Ms},
    },
    dispatch::CaseLog,
    error::ApiError,
    native,
};

/// A clock as it was folded last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredClock {
    pub(super) clock: String,
    pub(super) limit_at: Option<Instant>,
    pub(super) provisional: bool,
}

/// What is known of one case from the last time it was folded.
#[derive(Default)]
pub(super) struct KnownOfCase {
    pub(super) clocks: Vec<StoredClock>,
    alarms: BTreeMap<String, Vec<KnownAlarm<AlarmId>>>,
    limits: BTreeMap<String, i64>,
}

impl KnownOfCase {
    /// The alarms of one clock.
    pub(super) fn alarms_of(&self, clock: ClockName) -> &[KnownAlarm<AlarmId>] {
        self.alarms.get(clock.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The number of a clock's newest limit; it may have been set before the clock was forgotten.
    pub(super) fn last_limit(&self, clock: ClockName) -> i64 {
        self.limits.get(clock.as_str()).copied().unwrap_or(0)
    }
}

/// Case, clock, alarm, kind, limit, why it is over.
type AlarmOfCase = (Id<CaseId>, String, Id<AlarmId>, String, Option<i64>, Option<String>);

pub(super) fn list_known(
    conn: &mut Conn,
    cases: &[CaseId],
) -> Result<BTreeMap<CaseId, KnownOfCase>, ApiError> {
    let ids: Vec<String> = cases.iter().map(CaseId::to_string).collect();
    let mut known = BTreeMap::<CaseId, KnownOfCase>::new();
    let rows: Vec<(Id<CaseId>, String, Option<i64>, bool)> = clocks::table
        .filter(clocks::case_id.eq_any(&ids))
        .select((clocks::case_id, clocks::clock, clocks::limit_at, clocks::provisional))
        .load(conn)?;
    for (case, clock, limit_at, provisional) in rows {
        let stored = StoredClock { clock, limit_at: limit_at.map(Instant), provisional };
        known.entry(case.0).or_default().clocks.push(stored);
    }
    let rows: Vec<(Id<CaseId>, String, i64)> = limits::table
        .filter(limits::case_id.eq_any(&ids))
        .select((limits::case_id, limits::clock, limits::ordinal))
        .order((limits::case_id, limits::clock, limits::ordinal))
        .load(conn)?;
    for (case, clock, ordinal) in rows {
        known.entry(case.0).or_default().limits.insert(clock, ordinal);
    }
    let rows: Vec<AlarmOfCase> = alarms::table
        .filter(alarms::case_id.eq_any(&ids))
        .select((
            alarms::case_id,
            alarms::clock,
            alarms::id,
            alarms::kind,
            alarms::limit_at,
            alarms::cleared_by,
        ))
        .load(conn)?;
    for (case, clock, id, kind, limit_at, cleared_by) in rows {
        let alarm = KnownAlarm { id: id.0, kind, limit_at: limit_at.map(Instant), cleared_by };
        known.entry(case.0).or_default().alarms.entry(clock).or_default().push(alarm);
    }
    Ok(known)
}

/// Stores how a clock stands, a new one or one that is `known`.
pub(super) fn put_clock(
    conn: &mut Conn,
    log: &CaseLog,
    state: &ClockState,
    known: bool,
    next_at: Option<Instant>,
    now: Instant,
) -> Result<(), ApiError> {
    let Some(started_at) = state.started_at else { return Ok(()) };
    let case_id = log.case_id.to_string();
    let values = (
        clocks::branch_id.eq(log.branch.to_string()),
        clocks::started_at.eq(started_at.0),
        clocks::limit_at.eq(state.limit_at.map(|at| at.0)),
        clocks::provisional.eq(state.provisional),
        clocks::verdict.eq(state.verdict.as_str()),
        clocks::stopped_at.eq(state.stopped_at.map(|at| at.0)),
        clocks::next_at.eq(next_at.map(|at| at.0)),
        clocks::folded_at.eq(now.0),
    );
    if known {
        let here = clocks::table.find((case_id, state.clock.as_str()));
        diesel::update(here).set(values).execute(conn)?;
    } else {
        let row = (clocks::case_id.eq(case_id), clocks::clock.eq(state.clock.as_str()), values);
        let statement = diesel::insert_into(clocks::table).values(row);
        native!(conn, |c| statement.execute(c)).map_err(ApiError::or_again)?;
    }
    Ok(())
}

/// Forgets a clock that has not started after all.
pub(super) fn delete_clock(conn: &mut Conn, case_id: CaseId, clock: &str) -> Result<(), ApiError> {
    diesel::delete(clocks::table.find((case_id.to_string(), clock))).execute(conn)?;
    Ok(())
}

pub(super) fn insert_limit(
    conn: &mut Conn,
    case_id: CaseId,
    state: &ClockState,
    (ordinal, reason): (i64, &str),
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        limits::case_id.eq(case_id.to_string()),
        limits::clock.eq(state.clock.as_str()),
        limits::ordinal.eq(ordinal),
        limits::limit_at.eq(state.limit_at.map(|at| at.0)),
        limits::provisional.eq(state.provisional),
        limits::reason.eq(reason),
        limits::set_at.eq(now.0),
    );
    let statement = diesel::insert_into(limits::table).values(row);
    native!(conn, |c| statement.execute(c)).map_err(ApiError::or_again)?;
    Ok(())
}

/// A limit as stored: clock, ordinal, limit, provisional, reason, when it was set.
pub(super) type LimitRow = (String, i64, Option<i64>, bool, String, Ms);

pub(super) fn list_limits(conn: &mut Conn, case_id: CaseId) -> Result<Vec<LimitRow>, ApiError> {
    Ok(limits::table
        .filter(limits::case_id.eq(case_id.to_string()))
        .order((limits::clock, limits::ordinal))
        .select((
            limits::clock,
            limits::ordinal,
            limits::limit_at,
            limits::provisional,
            limits::reason,
            limits::set_at,
        ))
        .load(conn)?)
}

/// Cases with a clock that time alone has changed, the longest due first.
pub(super) fn list_due(conn: &mut Conn, now: Instant, most: i64) -> Result<Vec<CaseId>, ApiError> {
    let rows: Vec<Id<CaseId>> = clocks::table
        .filter(clocks::next_at.le(now.0))
        .order(clocks::next_at)
        .limit(most)
        .select(clocks::case_id)
        .load(conn)?;
    let mut cases: Vec<CaseId> = rows.into_iter().map(|id| id.0).collect();
    cases.dedup();
    Ok(cases)
}

/// Looks at the due clocks of a case at another time.
pub(super) fn postpone(conn: &mut Conn, case_id: CaseId, to: Instant) -> Result<(), ApiError> {
    let due = clocks::table
        .filter(clocks::case_id.eq(case_id.to_string()))
        .filter(clocks::next_at.lt(to.0));
    diesel::update(due).set(clocks::next_at.eq(to.0)).execute(conn)?;
    Ok(())
}

/// Cases after `after` with a running clock whose limit counts days that an import may have changed.
pub(super) fn list_counted_in_days(
    conn: &mut Conn,
    after: Option<CaseId>,
    most: i64,
) -> Result<Vec<CaseId>, ApiError> {
    let in_days: Vec<&str> = ClockName::ALL
        .iter()
        .filter(|clock| !clock.is_of_dispatch())
        .map(|clock| clock.as_str())
        .collect();
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows: Vec<Id<CaseId>> = clocks::table
        .filter(clocks::stopped_at.is_null())
        .filter(clocks::clock.eq_any(in_days))
        .filter(clocks::case_id.gt(after))
        .order(clocks::case_id)
        .select(clocks::case_id)
        .distinct()
        .limit(most)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

/// An alarm to raise.
pub(super) struct NewAlarm {
    pub(super) id: AlarmId,
    pub(super) case_id: CaseId,
    pub(super) branch: BranchId,
    pub(super) clock: ClockName,
    pub(super) kind: AlarmKind,
    pub(super) audience: Audience,
    pub(super) limit_at: Option<Instant>,
    pub(super) now: Instant,
}

pub(super) fn insert_alarm(conn: &mut Conn, new: &NewAlarm) -> Result<(), ApiError> {
    let row = (
        alarms::id.eq(new.id.to_string()),
        alarms::case_id.eq(new.case_id.to_string()),
        alarms::branch_id.eq(new.branch.to_string()),
        alarms::clock.eq(new.clock.as_str()),
        alarms::kind.eq(new.kind.as_str()),
        alarms::audience.eq(new.audience.as_str()),
        alarms::limit_at.eq(new.limit_at.map(|at| at.0)),
        alarms::raised_at.eq(new.now.0),
    );
    diesel::insert_into(alarms::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn clear_alarm(
    conn: &mut Conn,
    id: AlarmId,
    by: Cleared,
    note: Option<&str>,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::update(alarms::table.find(id.to_string()))
        .set((
            alarms::cleared_at.eq(now.0),
            alarms::cleared_by.eq(by.as_str()),
            alarms::note.eq(note),
        ))
        .execute(conn)?;
    Ok(())
}

/// An alarm as listed.
#[derive(Queryable)]
pub(super) struct AlarmRow {
    pub(super) id: Id<AlarmId>,
    pub(super) case_id: Id<CaseId>,
    pub(super) clock: String,
    pub(super) kind: String,
    pub(super) audience: String,
    pub(super) limit_at: Option<Ms>,
    pub(super) raised_at: Ms,
    pub(super) cleared_at: Option<Ms>,
    pub(super) cleared_by: Option<String>,
    pub(super) note: Option<String>,
}

/// Which alarms are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    pub(super) open_only: bool,
    pub(super) case_id: Option<CaseId>,
}

/// Alarms of an actor's branch and those below it, newest first.
pub(super) fn list_alarms(
    conn: &mut Conn,
    actor: &Actor,
    filter: Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<AlarmRow>, ApiError> {
    let mut query = alarms::table
        .inner_join(branches::table)
        .filter(branches::path.like(format!("{}%", actor.branch_path)))
        .select((
            alarms::id,
            alarms::case_id,
            alarms::clock,
            alarms::kind,
            alarms::audience,
            alarms::limit_at,
            alarms::raised_at,
            alarms::cleared_at,
            alarms::cleared_by,
            alarms::note,
        ))
        .into_boxed();
    if filter.open_only {
        query = query.filter(alarms::cleared_at.is_null());
    }
    if let Some(case_id) = filter.case_id {
        query = query.filter(alarms::case_id.eq(case_id.to_string()));
    }
    if let Some(Cursor { at_ms, id }) = after {
        let older = alarms::raised_at.lt(*at_ms);
        query = query.filter(older.or(alarms::raised_at.eq(*at_ms).and(alarms::id.lt(id.clone()))));
    }
    Ok(query.order((alarms::raised_at.desc(), alarms::id.desc())).limit(limit).load(conn)?)
}

/// The running clock of dispatch with the nearest limit, for each of these cases.
pub(super) fn list_nearest(
    conn: &mut Conn,
    branch_path: &str,
    limit: i64,
) -> Result<Vec<(CaseId, String, Instant, String)>, ApiError> {
    let of_dispatch: Vec<&str> = ClockName::ALL
        .iter()
        .filter(|clock| clock.is_of_dispatch())
        .map(|clock| clock.as_str())
        .collect();
    let rows: Vec<(Id<CaseId>, String, Option<i64>, String)> = clocks::table
        .inner_join(branches::table)
        .filter(branches::path.like(format!("{branch_path}%")))
        .filter(clocks::stopped_at.is_null())
        .filter(clocks::limit_at.is_not_null())
        .filter(clocks::clock.eq_any(of_dispatch))
        .order((clocks::limit_at, clocks::case_id))
        .limit(limit)
        .select((clocks::case_id, clocks::clock, clocks::limit_at, clocks::verdict))
        .load(conn)?;
    let nearest = |(id, clock, limit_at, verdict): (Id<CaseId>, String, Option<i64>, String)| {
        Some((id.0, clock, Instant(limit_at?), verdict))
    };
    Ok(rows.into_iter().filter_map(nearest).collect())
}
