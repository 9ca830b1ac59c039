//! Those who are on the way: when they are expected, who will be late, what trips teach.

use std::time::Duration;

use serde_json::json;
use sync_core::{
    clock::ClockName,
    geo::Point,
    ids::{BranchId, CaseId, PersonId},
    lifecycle::{CaseStatus, EventKind},
    time::{Instant, Span},
};

use super::{
    clocks::case_clocks,
    rules::FRESH,
    store::{
        tasks as task_rows,
        way::{self as store, TripRow},
    },
    tasks::log,
};
use crate::{
    app::App,
    case_log::{self, Author},
    db::Conn,
    error::ApiError,
    intake,
    ports::travel_time::{Goal, Trip, straight_line},
    wire,
};

/// Trips older than this say nothing about today's traffic.
const LEARNED_FROM: Span = Span::days(56);
/// A trip outside of this was no trip.
const TRIP: std::ops::RangeInclusive<i64> = 60_000..=4 * 3_600_000;

/// A point of a track: where, how exactly, when, whether made up.
pub type Tracked = (Point, Option<f64>, Instant, bool);

/// Where a person was between two instants, in order.
///
/// # Errors
/// Database faults.
pub fn track(
    conn: &mut Conn,
    person: PersonId,
    from: Instant,
    to: Instant,
) -> Result<Vec<Tracked>, ApiError> {
    store::list_track(conn, person, from, to)
}

/// Looking after those on the way keeps nobody waiting who waits for somebody: the rest comes in the next
/// round, those first who were estimated longest ago.
const ROUND: Duration = Duration::from_millis(500);

/// Estimates anew for those who moved; answers how many. Whoever will be late is told of before the
/// limit runs out, so that the customer can be told too (C10).
pub(super) async fn watch(app: &App) -> Result<usize, ApiError> {
    let (mut estimated, began, now) = (0, std::time::Instant::now(), app.now());
    for moving in app.db.read(move |conn| store::list_moving(conn, now - FRESH)).await? {
        if began.elapsed() > ROUND {
            break;
        }
        let task = moving.task;
        match estimate_anew(app, moving).await {
            Ok(anew) => estimated += usize::from(anew),
            // It is tried again in the next round; the others go on.
            Err(error) => {
                metrics::counter!("chakan_dispatch_failures_total", "at" => "way").increment(1);
                tracing::warn!(%task, %error, "who is on the way could not be estimated anew");
            }
        }
    }
    Ok(estimated)
}

/// Answers whether they are still on the way.
async fn estimate_anew(app: &App, moving: store::Moving) -> Result<bool, ApiError> {
    let (case_id, zone) = (moving.case_id, moving.zone);
    let scene = app.db.read(move |conn| {
        let on_the_way = case_log::status(conn, case_id)? < CaseStatus::Waived;
        Ok(intake::get_case(conn, case_id)?.position.filter(|_| on_the_way))
    });
    let Some(scene) = scene.await? else { return Ok(false) };
    let scene = Goal { place: scene, zone };
    let (ports, place, now) = (app.ports.clone(), moving.place, app.now());
    let estimate =
        tokio::task::spawn_blocking(move || ports.travel_time.estimate(place, scene, now));
    let estimate = estimate.await.map_err(ApiError::internal)?;
    let inner = app.clone();
    app.db
        .write(move |conn| {
            let late =
                !moving.warned && predict_late(conn, &inner, &moving, now + estimate.span, now)?;
            let eta = (now + estimate.span, estimate.uncertainty, estimate.source);
            store::put_eta(conn, &moving, eta, late.then_some(now))?;
            case_log::changed(conn, moving.case_id, "eta_changed", now)
        })
        .await
        .map(|()| true)
}

/// Says that somebody will be late, if so; answers whether it did.
fn predict_late(
    conn: &mut Conn,
    app: &App,
    moving: &store::Moving,
    expected_at: Instant,
    now: Instant,
) -> Result<bool, ApiError> {
    let clocks = case_clocks(conn, moving.case_id, now)?;
    let arrival = clocks.states.iter().find(|state| state.clock == ClockName::Arrival);
    let limit_at = arrival.filter(|state| state.is_running()).and_then(|state| state.limit_at);
    // After the limit there is nothing to predict any more.
    let Some(limit_at) = limit_at.filter(|limit| now <= *limit && *limit < expected_at) else {
        return Ok(false);
    };
    let data = json!({
        "task_id": moving.task,
        "expected_at": wire::time(expected_at),
        "limit_at": wire::time(limit_at),
        "late_by_ms": expected_at.since(limit_at),
        "asks_for": "delay_notice",
    });
    log(conn, app, Author::System, moving.case_id, EventKind::DelayPredicted, data, now)?;
    Ok(true)
}

/// Keeps the trip of an arrival, so that later estimates are better.
pub(super) fn keep_trip(conn: &mut Conn, id: CaseId) -> Result<(), ApiError> {
    let case = intake::get_case(conn, id)?;
    let log = case_log::entries(conn, id)?;
    let arrived = log.iter().find(|entry| entry.kind == EventKind::Arrived);
    let (Some(arrived), Some(scene)) = (arrived, case.position) else { return Ok(()) };
    let Ok(person) = arrived.actor.parse::<PersonId>() else { return Ok(()) };
    let Some(task) = task_rows::find_last_of(conn, id, person)? else { return Ok(()) };
    let began_at = task.answered_at.map_or(task.assigned_at.0, |at| at.0);
    let actual = arrived.occurred_at.since(began_at);
    let before =
        store::list_track(conn, person, began_at - Span::minutes(10), began_at + Span::minutes(2))?;
    let (Some((from, ..)), true) = (before.last(), TRIP.contains(&actual.0)) else { return Ok(()) };
    let straight = straight_line(*from, scene).span;
    let trip = TripRow { to: scene, zone: task.zone_told(), began_at, straight, actual };
    store::insert_trip(conn, task.id.0, case.branch, &trip, task.estimate_ms)
}

/// Learns from the trips of the last weeks.
pub(super) async fn learn(app: &App) -> Result<(), ApiError> {
    let since = app.now() - LEARNED_FROM;
    let trips = app.db.read(move |conn| store::list_trips(conn, since)).await?;
    let trip = |TripRow { to, zone, began_at, straight, actual }: TripRow| {
        let to = Goal { place: to, zone };
        Trip { to, began_at, straight, actual }
    };
    let trips: Vec<Trip> = trips.into_iter().map(trip).collect();
    app.ports.calibration.learn(&trips);
    Ok(())
}

/// How far estimates of a branch were off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EstimateError {
    /// The branch.
    pub branch: BranchId,
    /// How many trips.
    pub trips: i64,
    /// Actual less estimate, on average: positive when trips took longer.
    pub mean: Span,
    /// The same without sign.
    pub mean_abs: Span,
}

/// How far the estimates of trips that began in a window were off, for each branch below this one.
///
/// # Errors
/// Database faults.
pub fn estimate_errors(
    conn: &mut Conn,
    branch_path: &str,
    window: std::ops::Range<Instant>,
) -> Result<Vec<EstimateError>, ApiError> {
    let mut sums = std::collections::BTreeMap::<BranchId, (i64, i64, i64)>::new();
    for (branch, estimate, actual) in store::list_errors(conn, branch_path, window)? {
        let (trips, sum, abs) = sums.entry(branch).or_default();
        *trips += 1;
        *sum += actual - estimate;
        *abs += (actual - estimate).abs();
    }
    let error = |(branch, (trips, sum, abs)): (BranchId, (i64, i64, i64))| EstimateError {
        branch,
        trips,
        mean: Span(sum / trips),
        mean_abs: Span(abs / trips),
    };
    Ok(sums.into_iter().map(error).collect())
}
