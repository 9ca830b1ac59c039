//! The rounds: what changed, then what is due.

use std::collections::BTreeSet;

use sync_core::{
    clock::ClockState,
    ids::{AlarmId, CaseId},
    lifecycle::EventKind,
    promise::may_move_clocks,
    time::Span,
};

use super::{
    rules::{Cleared, KnownAlarm, judge, moved_by, next_look},
    store::{self, KnownOfCase, NewAlarm},
};
use crate::{
    app::App,
    case_log::{self, Change, FeedCursor},
    db::{Conn, savepoint},
    dispatch::{self, CaseLog},
    error::ApiError,
    promise, wire,
};

const READER: &str = "sla";
const CALENDAR: &str = "sla_calendar";
/// Cases folded in one transaction: others wait for it.
const TOGETHER: usize = 50;
/// Clocks looked at in one read.
const MOST_DUE: i64 = 200;

/// Follows what changed, then looks at what is due; answers how many cases were folded.
///
/// # Errors
/// Database faults.
pub async fn round(app: &App) -> Result<usize, ApiError> {
    Ok(follow(app).await? + recount(app).await? + sweep(app).await?)
}

/// Folds the cases that changed since the last round, on whichever node it ran.
async fn follow(app: &App) -> Result<usize, ApiError> {
    let mut folded = 0;
    loop {
        let (from, changes) = app.db.read(read_feed).await?;
        let some: Vec<Change> = changes.into_iter().take(4 * TOGETHER).collect();
        let Some(last) = some.last() else { return Ok(folded) };
        let to = last.cursor;
        let events = some.iter().filter(|change| moves_clocks(&change.topic));
        let cases: BTreeSet<CaseId> = events.map(|change| change.case_id).collect();
        let inner = app.clone();
        folded += app
            .db
            .write(move |conn| {
                // Otherwise another node has folded them.
                if !case_log::advance_reader(conn, READER, from, to)? {
                    return Ok(0);
                }
                refold_each(conn, &inner, cases.iter().copied())?;
                Ok(cases.len())
            })
            .await?;
    }
}

fn read_feed(conn: &mut Conn) -> Result<(FeedCursor, Vec<Change>), ApiError> {
    let from = case_log::reader_at(conn, READER)?;
    Ok((from, case_log::changes_after(conn, from)?))
}

/// Other words of the feed, such as our own alarms, change no clock.
fn moves_clocks(topic: &str) -> bool {
    topic.parse::<EventKind>().is_ok_and(|kind| kind.is_known() && may_move_clocks(&kind))
}

/// Folds the cases whose clocks time alone has changed, and no others.
async fn sweep(app: &App) -> Result<usize, ApiError> {
    let mut folded = 0;
    loop {
        let now = app.now();
        let due = app.db.read(move |conn| store::list_due(conn, now, MOST_DUE)).await?;
        if due.is_empty() {
            return Ok(folded);
        }
        for some in due.chunks(TOGETHER) {
            let (inner, some) = (app.clone(), some.to_vec());
            folded += some.len();
            app.db.write(move |conn| refold_each(conn, &inner, some.iter().copied())).await?;
        }
    }
}

/// Counts limits in days again after a notice was imported.
async fn recount(app: &App) -> Result<usize, ApiError> {
    let (known, imports) = app
        .db
        .read(|conn| Ok((case_log::reader_at(conn, CALENDAR)?, promise::imported_years(conn)?)))
        .await?;
    let imports = FeedCursor::numbered(imports);
    if known == imports {
        return Ok(0);
    }
    let (mut folded, mut after) = (0, None);
    loop {
        let cases =
            app.db.read(move |conn| store::list_counted_in_days(conn, after, MOST_DUE)).await?;
        let Some(last) = cases.last().copied() else { break };
        after = Some(last);
        for some in cases.chunks(TOGETHER) {
            let (inner, some) = (app.clone(), some.to_vec());
            folded += some.len();
            app.db.write(move |conn| refold_each(conn, &inner, some.iter().copied())).await?;
        }
    }
    app.db.write(move |conn| case_log::advance_reader(conn, CALENDAR, known, imports)).await?;
    Ok(folded)
}

/// Folds several cases, together if they can be. One that cannot be folded is looked at again a minute
/// later: it must neither keep the others from being folded nor be forgotten.
fn refold_each(
    conn: &mut Conn,
    app: &App,
    cases: impl Iterator<Item = CaseId>,
) -> Result<(), ApiError> {
    let cases: Vec<CaseId> = cases.collect();
    match savepoint(conn, |conn| refold(conn, app, &cases)) {
        Err(error) if error.is_contention() || error.is_connection_lost() => return Err(error),
        Err(_) => {}
        Ok(()) => return Ok(()),
    }
    for case in cases {
        match savepoint(conn, |conn| refold(conn, app, &[case])) {
            Ok(()) => {}
            Err(error) if error.is_contention() || error.is_connection_lost() => return Err(error),
            Err(error) => {
                tracing::error!(%case, %error, "the clocks of a case cannot be folded");
                metrics::counter!("chakan_clocks_unfolded_total").increment(1);
                store::postpone(conn, case, app.now() + Span::minutes(1))?;
            }
        }
    }
    Ok(())
}

/// Folds the clocks of some cases and does what follows: limits that moved are kept beside the old
/// ones, alarms are raised and cleared. What is known of them is read for all of them at once.
fn refold(conn: &mut Conn, app: &App, cases: &[CaseId]) -> Result<(), ApiError> {
    let logs = dispatch::case_logs(conn, cases)?;
    let mut known = store::list_known(conn, cases)?;
    for log in logs {
        let known = known.remove(&log.case_id).unwrap_or_default();
        refold_one(conn, app, &log, &known)?;
    }
    Ok(())
}

fn refold_one(
    conn: &mut Conn,
    app: &App,
    log: &CaseLog,
    known: &KnownOfCase,
) -> Result<(), ApiError> {
    let (case_id, now) = (log.case_id, app.now());
    let states = log.clocks(now);
    for stored in &known.clocks {
        let gone = states.iter().all(|state| state.clock.as_str() != stored.clock);
        if gone {
            store::delete_clock(conn, case_id, &stored.clock)?;
        }
    }
    let mut alarmed = false;
    for state in states.iter().filter(|state| state.started_at.is_some()) {
        let stored = known.clocks.iter().find(|stored| stored.clock == state.clock.as_str());
        let reason = match stored {
            None => Some("started"),
            Some(stored)
                if stored.limit_at != state.limit_at || stored.provisional != state.provisional =>
            {
                Some(moved_by(stored.provisional, state.provisional))
            }
            Some(_) => None,
        };
        if let Some(reason) = reason {
            let ordinal = known.last_limit(state.clock) + 1;
            store::insert_limit(conn, case_id, state, (ordinal, reason), now)?;
        }
        let next_at = next_look(state, now);
        store::put_clock(conn, log, state, stored.is_some(), next_at, now)?;
        alarmed |= judge_alarms(conn, app, log, state, known.alarms_of(state.clock))?;
    }
    if alarmed { case_log::changed(conn, case_id, "alarms_changed", now) } else { Ok(()) }
}

fn judge_alarms(
    conn: &mut Conn,
    app: &App,
    log: &CaseLog,
    state: &ClockState,
    known: &[KnownAlarm<AlarmId>],
) -> Result<bool, ApiError> {
    let (case_id, branch, now) = (log.case_id, log.branch, app.now());
    let judged = judge(state, known, now);
    for (id, by) in &judged.clear {
        let note = (*by == Cleared::LateSync).then(|| late_note(state)).flatten();
        store::clear_alarm(conn, *id, *by, note.as_deref(), now)?;
    }
    if let Some((kind, audience)) = judged.raise {
        metrics::counter!("chakan_alarms_total", "kind" => kind.as_str()).increment(1);
        let (id, clock) = (app.new_id(), state.clock);
        let new =
            NewAlarm { id, case_id, branch, clock, kind, audience, limit_at: state.limit_at, now };
        store::insert_alarm(conn, &new)?;
    }
    Ok(judged.raise.is_some() || !judged.clear.is_empty())
}

/// What an auditor needs to know about a time that was heard of late.
fn late_note(state: &ClockState) -> Option<String> {
    Some(format!(
        "stopped at {}, heard of at {}, time {}",
        wire::time(state.stopped_at?).to_rfc3339(),
        wire::time(state.stop_recorded_at?).to_rfc3339(),
        state.confidence
    ))
}
