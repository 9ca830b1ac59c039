//! Rows of those who are on the way: expected arrivals, trips, tracking links.

use std::ops::Range;

use diesel::prelude::*;
use sync_core::{
    geo::Point,
    ids::{BranchId, CaseId, PersonId, TaskId, TrackingId},
    lifecycle::TaskStatus,
    promise::ZoneClass,
    time::{Instant, Span},
};

use crate::{
    db::{
        Conn,
        schema::{
            branches, latest_positions as latest, positions, task_etas as etas, tasks, trackings,
            trips,
        },
        types::{Id, Ms},
    },
    error::ApiError,
};

/// A trip.
pub(in super::super) struct TripRow {
    pub(in super::super) to: Point,
    /// What the zones said of that place.
    pub(in super::super) zone: Option<ZoneClass>,
    pub(in super::super) began_at: Instant,
    /// As the crow flies.
    pub(in super::super) straight: Span,
    pub(in super::super) actual: Span,
}

/// Somebody on the way whose position is newer than what they were expected by.
pub(in super::super) struct Moving {
    pub(in super::super) task: TaskId,
    pub(in super::super) case_id: CaseId,
    /// What the zones said of the place they go to.
    pub(in super::super) zone: Option<ZoneClass>,
    pub(in super::super) place: Point,
    pub(in super::super) position_at: Instant,
    pub(in super::super) warned: bool,
}

/// Id of the task, case, class and version of the zones, latitude, longitude, when measured.
type MovingRow = (Id<TaskId>, Id<CaseId>, String, Option<i64>, f64, f64, Ms);

/// Surveyors with an open task who moved since the last look and were seen since `fresh_from`, those
/// first who were looked at longest ago.
pub(in super::super) fn list_moving(
    conn: &mut Conn,
    fresh_from: Instant,
) -> Result<Vec<Moving>, ApiError> {
    let open = tasks::status
        .eq(TaskStatus::Assigned.as_str())
        .or(tasks::status.eq(TaskStatus::Accepted.as_str()));
    let rows: Vec<MovingRow> = tasks::table
        .inner_join(latest::table.on(latest::person_id.eq(tasks::surveyor_id)))
        .filter(open)
        .filter(latest::measured_at.ge(fresh_from.0))
        .select((
            tasks::id,
            tasks::case_id,
            tasks::zone_class,
            tasks::zone_version,
            latest::lat,
            latest::lon,
            latest::measured_at,
        ))
        .load(conn)?;
    let mut moving = Vec::new();
    for (task, case_id, class, version, lat, lon, position_at) in rows {
        let known: Option<(Ms, Option<Ms>)> = etas::table
            .find(task.0.to_string())
            .select((etas::position_at, etas::warned_at))
            .first(conn)
            .optional()?;
        let newer = known.as_ref().is_none_or(|(at, _)| at.0 < position_at.0);
        if let (true, Ok(place)) = (newer, Point::new(lat, lon)) {
            let warned = known.as_ref().is_some_and(|(_, warned_at)| warned_at.is_some());
            let (task, case_id) = (task.0, case_id.0);
            let zone = version.and_then(|_| class.parse().ok());
            let looked_at = known.map(|(at, _)| at.0);
            let position_at = position_at.0;
            let one = Moving { task, case_id, zone, place, position_at, warned };
            moving.push((looked_at, one));
        }
    }
    moving.sort_by_key(|(looked_at, _)| *looked_at);
    Ok(moving.into_iter().map(|(_, one)| one).collect())
}

pub(in super::super) fn put_eta(
    conn: &mut Conn,
    moving: &Moving,
    (expected_at, uncertainty, source): (Instant, Span, &str),
    warned_at: Option<Instant>,
) -> Result<(), ApiError> {
    let key = moving.task.to_string();
    let values = || {
        (
            etas::position_at.eq(moving.position_at.0),
            etas::expected_at.eq(expected_at.0),
            etas::uncertainty_ms.eq(uncertainty.0),
            etas::source.eq(source),
        )
    };
    if diesel::update(etas::table.find(&key)).set(values()).execute(conn)? == 0 {
        diesel::insert_into(etas::table)
            .values((etas::task_id.eq(&key), values()))
            .execute(conn)?;
    }
    if let Some(at) = warned_at {
        diesel::update(etas::table.find(&key)).set(etas::warned_at.eq(at.0)).execute(conn)?;
    }
    Ok(())
}

/// When somebody is expected, and by how much that may be off.
pub(in super::super) fn find_eta(
    conn: &mut Conn,
    task: TaskId,
) -> Result<Option<(Instant, Span)>, ApiError> {
    let row: Option<(Ms, i64)> = etas::table
        .find(task.to_string())
        .select((etas::expected_at, etas::uncertainty_ms))
        .first(conn)
        .optional()?;
    Ok(row.map(|(at, off)| (at.0, Span(off))))
}

/// Latitude, longitude, accuracy, when measured, whether made up.
type PointRow = (f64, f64, Option<f64>, Ms, bool);

/// Where, how exactly, when, whether made up.
pub(in super::super) type TrackRow = (Point, Option<f64>, Instant, bool);

/// A person's track between two instants, in order.
pub(in super::super) fn list_track(
    conn: &mut Conn,
    person: PersonId,
    from: Instant,
    to: Instant,
) -> Result<Vec<TrackRow>, ApiError> {
    let rows: Vec<PointRow> = positions::table
        .filter(positions::person_id.eq(person.to_string()))
        .filter(positions::measured_at.between(from.0, to.0))
        .order(positions::measured_at)
        .limit(5_000)
        .select((
            positions::lat,
            positions::lon,
            positions::accuracy_m,
            positions::measured_at,
            positions::mock,
        ))
        .load(conn)?;
    let point = |(lat, lon, accuracy_m, at, mock): PointRow| {
        Some((Point::new(lat, lon).ok()?, accuracy_m, at.0, mock))
    };
    Ok(rows.into_iter().filter_map(point).collect())
}

pub(in super::super) fn insert_trip(
    conn: &mut Conn,
    task: TaskId,
    branch: BranchId,
    trip: &TripRow,
    estimate: Option<i64>,
) -> Result<(), ApiError> {
    let known: i64 =
        trips::table.filter(trips::task_id.eq(task.to_string())).count().get_result(conn)?;
    if known > 0 {
        return Ok(());
    }
    let row = (
        trips::task_id.eq(task.to_string()),
        trips::branch_id.eq(branch.to_string()),
        trips::lat.eq(trip.to.lat()),
        trips::lon.eq(trip.to.lon()),
        trips::began_at.eq(trip.began_at.0),
        trips::straight_ms.eq(trip.straight.0),
        trips::estimate_ms.eq(estimate),
        trips::actual_ms.eq(trip.actual.0),
        trips::zone_class.eq(trip.zone.map(ZoneClass::as_str)),
    );
    diesel::insert_into(trips::table).values(row).execute(conn)?;
    Ok(())
}

/// The trips of the last weeks, the newest first.
pub(in super::super) fn list_trips(
    conn: &mut Conn,
    since: Instant,
) -> Result<Vec<TripRow>, ApiError> {
    type Row = (f64, f64, Option<String>, Ms, i64, i64);
    let rows: Vec<Row> = trips::table
        .filter(trips::began_at.ge(since.0))
        .order(trips::began_at.desc())
        .limit(50_000)
        .select((
            trips::lat,
            trips::lon,
            trips::zone_class,
            trips::began_at,
            trips::straight_ms,
            trips::actual_ms,
        ))
        .load(conn)?;
    let trip = |(lat, lon, zone, began_at, straight, actual): Row| {
        Some(TripRow {
            to: Point::new(lat, lon).ok()?,
            zone: zone.and_then(|class| class.parse().ok()),
            began_at: began_at.0,
            straight: Span(straight),
            actual: Span(actual),
        })
    };
    Ok(rows.into_iter().filter_map(trip).collect())
}

/// Branch, estimate and what it took, of trips of a branch and those below it that were estimated.
pub(in super::super) fn list_errors(
    conn: &mut Conn,
    branch_path: &str,
    window: Range<Instant>,
) -> Result<Vec<(BranchId, i64, i64)>, ApiError> {
    let rows: Vec<(Id<BranchId>, Option<i64>, i64)> = trips::table
        .inner_join(branches::table)
        .filter(branches::path.like(format!("{branch_path}%")))
        .filter(trips::began_at.ge(window.start.0).and(trips::began_at.lt(window.end.0)))
        .limit(50_000)
        .select((trips::branch_id, trips::estimate_ms, trips::actual_ms))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, estimate, actual)| Some((id.0, estimate?, actual)))
        .collect())
}

pub(in super::super) fn insert_tracking(
    conn: &mut Conn,
    id: TrackingId,
    token_sha256: &[u8],
    task: TaskId,
    now: Instant,
    expires_at: Instant,
) -> Result<(), ApiError> {
    let row = (
        trackings::id.eq(id.to_string()),
        trackings::token_sha256.eq(token_sha256),
        trackings::task_id.eq(task.to_string()),
        trackings::created_at.eq(now.0),
        trackings::expires_at.eq(expires_at.0),
    );
    diesel::insert_into(trackings::table).values(row).execute(conn)?;
    Ok(())
}

/// The task that a link is for, if the link is known and has not expired.
pub(in super::super) fn find_tracked(
    conn: &mut Conn,
    token_sha256: &[u8],
    now: Instant,
) -> Result<Option<TaskId>, ApiError> {
    let task: Option<Id<TaskId>> = trackings::table
        .filter(trackings::token_sha256.eq(token_sha256))
        .filter(trackings::expires_at.gt(now.0))
        .select(trackings::task_id)
        .first(conn)
        .optional()?;
    Ok(task.map(|id| id.0))
}
