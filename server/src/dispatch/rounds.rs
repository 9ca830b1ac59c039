//! The round of dispatch: which cases nobody is on the way to, and what happens next with each.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use serde_json::json;
use sync_core::{
    clock::ClockName,
    ids::{BranchId, CaseId},
    lifecycle::EventKind,
    promise::Limit,
    time::{Instant, Span},
};

use super::{
    clocks::{case_clocks, case_logs},
    offers,
    rules::{
        Candidate,
        autopilot::{Level, Mode, Somebody, Step, Waiting},
        queue::{Place, Wants, decide_by, frees, place_decides, placed, wants},
    },
    search::search,
    store::{offers as offer_rows, queue as store, tasks as task_rows},
    tasks::{decided, log},
    way,
    zone_cache::InForce,
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
    // Whoever waits comes first: looking after those on the way may take its time.
    let acted = act(app).await?;
    Ok(followed + acted + way::watch(app).await?)
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
                | E::ProxyDropped
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
    let mut settings = BTreeMap::<BranchId, (Mode, Span, Option<InForce>)>::new();
    let mut done = BTreeSet::new();
    for log in case_logs(conn, &cases)? {
        if !log.is_new() || queued.contains(&log.case_id) {
            continue;
        }
        let (mode, offer, zones) = match settings.entry(log.branch) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let path = identity::branch_path(conn, log.branch)?;
                let (mode, offer) = store::find_settings(conn, &path)?;
                free.insert((mode, offer, app.zones.in_force(conn, &path)?))
            }
        };
        let is_outside = |zones: &InForce| zones.map.is_outside(log.position?);
        if zones.as_ref().and_then(is_outside) == Some(true) {
            continue;
        }
        let limit_at = decide_by(&log.clocks(now), log.profile(), now);
        let next_at = Waiting::begun(*mode, *offer, now, limit_at).first_look();
        let place = Place { since: now, limit_at, escalated: Level::Nobody, next_at };
        store::insert(conn, log.case_id, log.branch, &place)?;
        done.insert(log.case_id);
    }
    Ok(done)
}

/// Puts a case into the queue, or takes it out.
fn refresh(conn: &mut Conn, app: &App, id: CaseId) -> Result<(), ApiError> {
    let now = app.now();
    tag_catastrophe(conn, app, id, now)?;
    note_outside(conn, app, id, now)?;
    way::keep_trip(conn, id)?;
    let (wanted, known) = (waits_for(conn, id)?, store::find(conn, id)?);
    let place = match wanted {
        Wants::Nothing => None,
        _ => {
            let clocks = case_clocks(conn, id, now)?;
            let log = case_log::entries(conn, id)?;
            let freed = log.iter().rfind(|entry| frees(&entry.kind));
            let freed_at = freed.map(|entry| entry.recorded_at);
            placed(known, wanted, freed_at, &clocks.states, &clocks.profile, now)
        }
    };
    match (place, known) {
        (Some(place), None) => {
            let branch = intake::get_case(conn, id)?.branch;
            store::insert(conn, id, branch, &place)
        }
        (Some(place), Some(_)) => store::update(conn, id, &place),
        (None, _) => {
            if let Some(offer) = offer_rows::find_open(conn, id)? {
                offers::lapse(conn, app, &offer, "withdrawn")?;
            }
            store::delete(conn, id)
        }
    }
}

/// What has still to be found for a case.
fn waits_for(conn: &mut Conn, id: CaseId) -> Result<Wants, ApiError> {
    let somebody_has_it = task_rows::find_open(conn, id)?.is_some();
    let status = case_log::status(conn, id)?;
    let log = case_log::entries(conn, id)?;
    Ok(wants(status, somebody_has_it, log.iter().map(|entry| &entry.kind)))
}

/// Where the branch does not survey itself another unit is needed, and its two hours have run since the
/// place was known (C11). Answers whether that is new.
fn note_outside(conn: &mut Conn, app: &App, id: CaseId, now: Instant) -> Result<bool, ApiError> {
    let case = intake::get_case(conn, id)?;
    let Some(place) = case.position else { return Ok(false) };
    let log_so_far = case_log::entries(conn, id)?;
    let undecided = place_decides(log_so_far.iter().map(|entry| &entry.kind));
    if !undecided || waits_for(conn, id)? == Wants::Nothing {
        return Ok(false);
    }
    let path = identity::branch_path(conn, case.branch)?;
    let Some(zones) = app.zones.in_force(conn, &path)? else { return Ok(false) };
    if zones.map.is_outside(place) != Some(true) {
        return Ok(false);
    }
    let data = json!({ "by": "zones", "zone_version": zones.version });
    let kind = EventKind::ProxyNeeded;
    let mut event = decided(app, Author::System, id, kind, data, now);
    event.occurred_at = case.reported_at.max(zones.since).min(event.recorded_at);
    case_log::append(conn, &event)?;
    Ok(true)
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
        let seen = app.db.read(move |conn| look(conn, &inner, id)).await?;
        let inner = app.clone();
        if app.db.write(move |conn| one_step(conn, &inner, id, &seen)).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Who could be sent.
#[derive(Default)]
struct Look {
    candidates: Vec<Candidate>,
    /// To a place outside the branch's area the system sends nobody: a person is asked, who arranges
    /// another unit or sends somebody all the same (C11).
    elsewhere: bool,
}

fn look(conn: &mut Conn, app: &App, id: CaseId) -> Result<Look, ApiError> {
    let Some(path) = waiting_path(conn, id)? else { return Ok(Look::default()) };
    if waits_for(conn, id)? == Wants::Proxy {
        return Ok(Look { elsewhere: true, ..Look::default() });
    }
    let found = search(conn, app, &path, id)?;
    Ok(Look { candidates: found.candidates, elsewhere: found.outside == Some(true) })
}

fn waiting_path(conn: &mut Conn, id: CaseId) -> Result<Option<String>, ApiError> {
    if store::find(conn, id)?.is_none() {
        return Ok(None);
    }
    let branch = intake::get_case(conn, id)?.branch;
    identity::branch_path(conn, branch).map(Some)
}

/// One step; answers whether there is nothing more to do now.
fn one_step(conn: &mut Conn, app: &App, id: CaseId, seen: &Look) -> Result<bool, ApiError> {
    let now = app.now();
    let (Some(known), Some(path)) = (store::find(conn, id)?, waiting_path(conn, id)?) else {
        return Ok(true);
    };
    // A dispatcher may have been faster than the feed.
    if waits_for(conn, id)? == Wants::Nothing {
        return refresh(conn, app, id).map(|()| true);
    }
    // Zones that were imported later say more of the place.
    if seen.elsewhere && note_outside(conn, app, id, now)? {
        return refresh(conn, app, id).map(|()| false);
    }
    let (mode, offer) = store::find_settings(conn, &path)?;
    let open = offer_rows::find_open(conn, id)?;
    let waiting = Waiting {
        mode,
        offer,
        since: known.since,
        limit_at: known.limit_at,
        escalated: known.escalated,
        open_until: open.as_ref().map(|offer| offer.expires_at.0),
    };
    let best = seen.candidates.iter().find(|candidate| candidate.may_be_asked());
    let somebody = match seen.elsewhere {
        true => Somebody::Elsewhere,
        false => Somebody::of(best.map(|candidate| candidate.verdict)),
    };
    match waiting.step(somebody, now) {
        Step::LapseOffer => {
            if let Some(offer) = open {
                let over = if offer.expires_at.0 <= now { "expired" } else { "withdrawn" };
                offers::lapse(conn, app, &offer, over)?;
            }
            Ok(false)
        }
        Step::Escalate(level) => {
            let least_late = best.or_else(|| seen.candidates.first());
            let why = seen.elsewhere.then_some("out_of_area");
            offers::escalate(conn, app, id, (level, why), known.limit_at, least_late)?;
            store::update(conn, id, &Place { escalated: level, next_at: now, ..known })?;
            Ok(false)
        }
        Step::Offer => {
            if let Some(best) = best {
                offers::make(conn, app, id, best, now + offer)?;
            }
            Ok(false)
        }
        Step::Wait(until) => {
            store::update(conn, id, &Place { next_at: until, ..known })?;
            Ok(true)
        }
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
        since: queued.place.since,
        limit_at: queued.place.limit_at,
        escalated: Level::as_str(queued.place.escalated),
    };
    Ok(store::list_waiting(conn, branch_path, most)?.into_iter().map(seen).collect())
}

/// The name of a mode on the wire, for answers.
pub(super) fn mode_of(text: &str) -> Option<Mode> {
    Mode::ALL.iter().copied().find(|mode| mode.as_str() == text)
}
