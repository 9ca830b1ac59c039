//! The round of dispatch: which cases nobody is on the way to, and what happens next with each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sync_core::{
    clock::ClockName,
    ids::{BranchId, CaseId},
    lifecycle::{CaseStatus, EventKind},
    promise::Limit,
    time::{Instant, Span},
};

use super::{
    clocks::{case_clocks, case_logs},
    offers,
    rules::{
        ArrivalVerdict, Candidate,
        autopilot::{Level, Mode, Somebody, Step, Waiting, decide_by},
    },
    search::search,
    store::{offers as offer_rows, queue as store, tasks as task_rows},
    tasks::log,
    way,
};
use crate::{
    app::App,
    case_log::{self, Author, FeedCursor},
    db::{Conn, savepoint},
    error::ApiError,
    identity, intake,
};

const READER: &str = "dispatch";
/// Changes followed in one transaction: others wait for it.
const TOGETHER: usize = 100;
/// Cases looked at in one read.
const MOST_DUE: i64 = 200;
/// The most steps of one case in one round; each makes the next one possible.
const MOST_STEPS: usize = 4;

/// Follows what changed, then does what is due; answers how much there was to do.
///
/// # Errors
/// Database faults.
pub async fn round(app: &App) -> Result<usize, ApiError> {
    let followed = follow(app).await?;
    if learn_is_due(app) {
        way::learn(app).await?;
    }
    Ok(followed + way::watch(app).await? + act(app).await?)
}

/// Traffic does not change from one second to the next: every ten minutes, and at the start.
fn learn_is_due(app: &App) -> bool {
    app.ports.calibration.is_older_than(app.now() - Span::minutes(10), app.now())
}

async fn follow(app: &App) -> Result<usize, ApiError> {
    let mut seen = 0;
    loop {
        let (from, changes) = app
            .db
            .read(|conn| {
                let from: FeedCursor = case_log::reader_at(conn, READER)?;
                Ok((from, case_log::changes_after(conn, from)?))
            })
            .await?;
        let some: Vec<_> = changes.into_iter().take(TOGETHER).collect();
        let Some(last) = some.last() else { return Ok(seen) };
        let to = last.cursor;
        let cases: BTreeSet<CaseId> =
            some.iter().filter(|change| matters(&change.topic)).map(|c| c.case_id).collect();
        let inner = app.clone();
        seen += app
            .db
            .write(move |conn| {
                if !case_log::advance_reader(conn, READER, from, to)? {
                    return Ok(0);
                }
                refresh_each(conn, &inner, &cases)?;
                Ok(cases.len())
            })
            .await?;
    }
}

/// What can put a case into the queue or take it out.
fn matters(topic: &str) -> bool {
    topic.parse::<EventKind>().is_ok_and(|kind| {
        use EventKind as E;
        matches!(
            kind,
            E::CaseReported
                | E::TaskAssigned
                | E::TaskDeclined
                | E::TaskWithdrawn
                | E::OfferLapsed
                | E::SurveyWaived
                | E::SurveyInsisted
                | E::ProxyNeeded
                | E::ProxyArranged
                | E::Arrived
                | E::CaseClosed
                | E::CaseReopened
        )
    })
}

/// Refreshes several cases. One that fails must not keep the others waiting; it is due at its next
/// change.
fn refresh_each(conn: &mut Conn, app: &App, cases: &BTreeSet<CaseId>) -> Result<(), ApiError> {
    let mut cases = cases.clone();
    match savepoint(conn, |conn| enqueue_new(conn, app, &cases)) {
        Ok(done) => cases.retain(|case| !done.contains(case)),
        Err(error) if error.is_contention() || error.is_connection_lost() => return Err(error),
        // One by one, so that only the one at fault is left out.
        Err(_) => {}
    }
    for case in &cases {
        match savepoint(conn, |conn| refresh(conn, app, *case)) {
            Ok(()) => {}
            Err(error) if error.is_contention() || error.is_connection_lost() => return Err(error),
            Err(error) => tracing::error!(%case, %error, "a case cannot be put into the queue"),
        }
    }
    Ok(())
}

/// Puts those of the cases into the queue to which nothing has happened since they were reported, and
/// answers which. Nearly all cases come this way, and in a hailstorm all at once: what is known of them
/// is read together.
fn enqueue_new(
    conn: &mut Conn,
    app: &App,
    cases: &BTreeSet<CaseId>,
) -> Result<BTreeSet<CaseId>, ApiError> {
    let now = app.now();
    let cases: Vec<CaseId> = cases.iter().copied().collect();
    if cases.is_empty() || !store::list_catastrophes(conn, now)?.is_empty() {
        return Ok(BTreeSet::new());
    }
    let queued = store::list_queued(conn, &cases)?;
    let mut settings = BTreeMap::<BranchId, (Mode, Span)>::new();
    let mut done = BTreeSet::new();
    for log in case_logs(conn, &cases)? {
        if !log.is_new() || queued.contains(&log.case_id) {
            continue;
        }
        let (mode, offer) = match settings.get(&log.branch) {
            Some(known) => *known,
            None => {
                let path = identity::branch_path(conn, log.branch)?;
                let found = store::find_settings(conn, &path)?;
                settings.insert(log.branch, found);
                found
            }
        };
        let limit_at = decide_by(&log.clocks(now), log.profile(), now);
        let waiting = Waiting::begun(mode, offer, now, limit_at);
        store::insert(conn, log.case_id, log.branch, (now, limit_at, waiting.first_look()))?;
        done.insert(log.case_id);
    }
    Ok(done)
}

/// Puts a case into the queue, or takes it out.
fn refresh(conn: &mut Conn, app: &App, id: CaseId) -> Result<(), ApiError> {
    let now = app.now();
    tag_catastrophe(conn, app, id, now)?;
    way::keep_trip(conn, id)?;
    let waits = waits(conn, id)?;
    let known = store::find(conn, id)?;
    match (waits, known) {
        (true, None) => {
            let branch = intake::get_case(conn, id)?.branch;
            let clocks = case_clocks(conn, id, now)?;
            let limit_at = decide_by(&clocks.states, &clocks.profile, now);
            store::insert(conn, id, branch, (now, limit_at, now))
        }
        // Something changed: look at once.
        (true, Some(known)) => store::update(conn, id, known.escalated, now),
        (false, _) => {
            if let Some(offer) = offer_rows::find_open(conn, id)? {
                offers::lapse(conn, app, &offer, "withdrawn")?;
            }
            store::delete(conn, id)
        }
    }
}

/// Whether somebody has still to be sent.
fn waits(conn: &mut Conn, id: CaseId) -> Result<bool, ApiError> {
    if task_rows::find_open(conn, id)?.is_some() {
        return Ok(false);
    }
    let status = case_log::status(conn, id)?;
    if !matches!(status, CaseStatus::Reported | CaseStatus::Dispatched | CaseStatus::Contacted) {
        return Ok(false);
    }
    let log = case_log::entries(conn, id)?;
    let done = [EventKind::SurveyCompleted, EventKind::ProxyNeeded];
    Ok(!log.iter().any(|entry| done.contains(&entry.kind)))
}

/// A case of a branch that a catastrophe has hit says so, and has the limits that were ordered (C58).
fn tag_catastrophe(conn: &mut Conn, app: &App, id: CaseId, now: Instant) -> Result<(), ApiError> {
    let going_on = store::list_catastrophes(conn, now)?;
    if going_on.is_empty() {
        return Ok(());
    }
    let branch = intake::get_case(conn, id)?.branch;
    let path = identity::branch_path(conn, branch)?;
    let Some((hit, _)) = going_on.into_iter().find(|(_, hit)| path.starts_with(hit.as_str()))
    else {
        return Ok(());
    };
    let log_so_far = case_log::entries(conn, id)?;
    let tagged = |entry: &case_log::Entry| {
        entry.kind == EventKind::CatastropheTagged
            && entry.data.get("catastrophe_id") == Some(&json!(hit.id.0))
    };
    let first = log_so_far.first().map(|entry| entry.occurred_at);
    if log_so_far.iter().any(tagged) || first.is_none_or(|at| at < hit.starts_at.0) {
        return Ok(());
    }
    let data = json!({ "catastrophe_id": hit.id.0, "name": hit.name });
    log(conn, app, Author::System, id, EventKind::CatastropheTagged, data, now)?;
    if let Some((urban, other)) = hit.urban_ms.zip(hit.other_ms) {
        let limit = Limit::ByZone { urban_ms: Span(urban), other_ms: Span(other) };
        let data = json!({
            "clock": ClockName::Arrival,
            "limit": limit,
            "catastrophe_id": hit.id.0,
            "reason": hit.reason,
        });
        log(conn, app, Author::System, id, EventKind::SurgeLimitSet, data, now)?;
    }
    Ok(())
}

/// Does what is due with the cases that wait.
async fn act(app: &App) -> Result<usize, ApiError> {
    let now = app.now();
    let due = app.db.read(move |conn| store::list_due(conn, now, MOST_DUE)).await?;
    let count = due.len();
    for id in due {
        // It stays due and is tried again in the next round; the others go on.
        if let Err(error) = step(app, id).await {
            metrics::counter!("chakan_dispatch_failures_total", "at" => "queue").increment(1);
            tracing::warn!(case = %id, %error, "a case that waits could not be looked at");
        }
    }
    Ok(count)
}

/// The steps of one case.
async fn step(app: &App, id: CaseId) -> Result<(), ApiError> {
    for _ in 0..MOST_STEPS {
        // Outside the transaction: another estimator may ask a map service.
        let inner = app.clone();
        let candidates = app.db.read(move |conn| candidates(conn, &inner, id)).await?;
        let inner = app.clone();
        let waits_until = app
            .db
            .write(move |conn| one_step(conn, &inner, id, candidates.as_deref().unwrap_or(&[])))
            .await?;
        if waits_until {
            return Ok(());
        }
    }
    Ok(())
}

/// Who could be sent, where that matters now. To a place outside the branch's area the system sends
/// nobody: a person is asked, who arranges another unit or sends somebody all the same (C11).
fn candidates(conn: &mut Conn, app: &App, id: CaseId) -> Result<Option<Vec<Candidate>>, ApiError> {
    let Some(path) = waiting_path(conn, id)? else { return Ok(None) };
    let found = search(conn, app, &path, id)?;
    Ok(Some(found.candidates).filter(|_| found.outside != Some(true)))
}

fn waiting_path(conn: &mut Conn, id: CaseId) -> Result<Option<String>, ApiError> {
    if store::find(conn, id)?.is_none() {
        return Ok(None);
    }
    let branch = intake::get_case(conn, id)?.branch;
    identity::branch_path(conn, branch).map(Some)
}

/// One step; answers whether there is nothing more to do now.
fn one_step(
    conn: &mut Conn,
    app: &App,
    id: CaseId,
    candidates: &[Candidate],
) -> Result<bool, ApiError> {
    let now = app.now();
    let (Some(queued), Some(path)) = (store::find(conn, id)?, waiting_path(conn, id)?) else {
        return Ok(true);
    };
    // A dispatcher may have been faster than the feed.
    if !waits(conn, id)? {
        return refresh(conn, app, id).map(|()| true);
    }
    let (mode, offer) = store::find_settings(conn, &path)?;
    let open = offer_rows::find_open(conn, id)?;
    let waiting = Waiting {
        mode,
        offer,
        since: queued.since,
        limit_at: queued.limit_at,
        escalated: queued.escalated,
        open_until: open.as_ref().map(|offer| offer.expires_at.0),
    };
    let best = candidates.iter().find(|candidate| candidate.may_be_asked());
    match waiting.step(somebody(best), now) {
        Step::LapseOffer => {
            if let Some(offer) = open {
                offers::lapse(conn, app, &offer, "expired")?;
            }
            Ok(false)
        }
        Step::Escalate(level) => {
            let least_late = best.or_else(|| candidates.first());
            offers::escalate(conn, app, id, level, queued.limit_at, least_late)?;
            store::update(conn, id, level, now)?;
            Ok(false)
        }
        Step::Offer => {
            if let Some(best) = best {
                offers::make(conn, app, id, best, now + offer)?;
            }
            Ok(false)
        }
        Step::Wait(until) => {
            store::update(conn, id, queued.escalated, until)?;
            Ok(true)
        }
    }
}

fn somebody(best: Option<&Candidate>) -> Somebody {
    match best.map(|candidate| candidate.verdict) {
        None => Somebody::Nobody,
        Some(ArrivalVerdict::InTime | ArrivalVerdict::AtRisk) => Somebody::InTime,
        Some(ArrivalVerdict::Late | ArrivalVerdict::Unknown) => Somebody::Late,
    }
}

/// A case that nobody is on the way to, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedCase {
    /// The case.
    pub case_id: CaseId,
    /// Since when.
    pub since: Instant,
    /// Until when somebody must have it.
    pub limit_at: Instant,
    /// Who was asked to decide: `nobody`, `dispatcher` or `manager`.
    pub escalated: &'static str,
}

/// The cases of a branch and those below it that nobody is on the way to, the nearest limit first.
///
/// # Errors
/// Database faults.
pub fn waiting_cases(
    conn: &mut Conn,
    branch_path: &str,
    most: i64,
) -> Result<Vec<QueuedCase>, ApiError> {
    let seen = |queued: store::Queued| QueuedCase {
        case_id: queued.case_id,
        since: queued.since,
        limit_at: queued.limit_at,
        escalated: Level::as_str(queued.escalated),
    };
    Ok(store::list_waiting(conn, branch_path, most)?.into_iter().map(seen).collect())
}

/// The name of a mode on the wire, for answers.
pub(super) fn mode_of(text: &str) -> Option<Mode> {
    Mode::ALL.iter().copied().find(|mode| mode.as_str() == text)
}
