//! The clocks of a case, folded from its log under the promise it was opened with (A6).

use std::{collections::BTreeMap, rc::Rc};

use chrono::DateTime;
use sync_core::{
    calendar::WorkCalendar,
    clock::{ClockState, LoggedEvent, TimeConfidence, clocks},
    geo::Point,
    ids::{BranchId, CaseId},
    lifecycle::EventKind,
    promise::{Limit, PromiseProfile, ZoneClass},
    time::Instant,
};

use super::rules::queue::proxy_is_wanted;
use crate::{
    case_log::{self, Entry},
    db::Conn,
    error::ApiError,
    intake, promise,
};

/// What decided a case's arrival limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedZone {
    /// Urban or other.
    pub class: ZoneClass,
    /// The zones that said so; none where no zones are imported.
    pub version: Option<i64>,
}

impl JudgedZone {
    /// The class, if zones have said so.
    #[must_use]
    pub fn told(self) -> Option<ZoneClass> {
        self.version.map(|_| self.class)
    }
}

/// How the clocks of one case stand.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseClocks {
    /// As judged at the first assignment; none before it.
    pub zone: Option<JudgedZone>,
    /// The promise the case was opened under.
    pub profile: PromiseProfile,
    /// The clocks.
    pub states: Vec<ClockState>,
    /// Whether another unit is looked for (C11).
    pub proxy_is_wanted: bool,
}

/// The clocks of a case that exists, as seen at `now`.
///
/// # Errors
/// `not_found` when it does not exist.
pub fn case_clocks(conn: &mut Conn, case_id: CaseId, now: Instant) -> Result<CaseClocks, ApiError> {
    let (code, version) = intake::get_case(conn, case_id)?.promise;
    let log = case_log::entries(conn, case_id)?;
    let profile = promise::find_profile(conn, &code, version)?;
    let calendar = promise::calendar(conn)?;
    let zone = judged_zone(&log);
    let states = fold(&log, zone, &profile, &calendar, now);
    let proxy_is_wanted = proxy_is_wanted(log.iter().map(|entry| &entry.kind));
    Ok(CaseClocks { zone, profile, states, proxy_is_wanted })
}

/// What the clocks of one case are folded from.
pub struct CaseLog {
    /// The case.
    pub case_id: CaseId,
    /// The branch that handles it.
    pub branch: BranchId,
    /// The place of loss, where it was given exactly.
    pub position: Option<Point>,
    entries: Vec<Entry>,
    profile: Rc<PromiseProfile>,
    calendar: Rc<WorkCalendar>,
}

impl CaseLog {
    /// Whether nothing has happened since it was reported.
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self.entries.as_slice(), [only] if only.kind == EventKind::CaseReported)
    }

    /// The promise it was opened under.
    #[must_use]
    pub fn profile(&self) -> &PromiseProfile {
        &self.profile
    }

    /// How the clocks stand, as seen at `now`.
    #[must_use]
    pub fn clocks(&self, now: Instant) -> Vec<ClockState> {
        let zone = judged_zone(&self.entries);
        fold(&self.entries, zone, &self.profile, &self.calendar, now)
    }
}

/// The logs of several cases with what they are judged by, in as many look-ups as for one. Cases that
/// do not exist are left out.
///
/// # Errors
/// Database faults.
pub fn case_logs(conn: &mut Conn, cases: &[CaseId]) -> Result<Vec<CaseLog>, ApiError> {
    let mut logs = case_log::entries_of(conn, cases)?;
    let calendar = Rc::new(promise::calendar(conn)?);
    let mut profiles = BTreeMap::<(String, u32), Rc<PromiseProfile>>::new();
    let mut found = Vec::with_capacity(cases.len());
    for intake::Promised { case_id, branch, promise, position } in intake::promises_of(conn, cases)?
    {
        let profile = match profiles.get(&promise) {
            Some(known) => Rc::clone(known),
            None => {
                let read = Rc::new(promise::find_profile(conn, &promise.0, promise.1)?);
                profiles.insert(promise, Rc::clone(&read));
                read
            }
        };
        let entries = logs.remove(&case_id).unwrap_or_default();
        let calendar = Rc::clone(&calendar);
        found.push(CaseLog { case_id, branch, position, entries, profile, calendar });
    }
    Ok(found)
}

fn fold(
    log: &[Entry],
    zone: Option<JudgedZone>,
    profile: &PromiseProfile,
    calendar: &WorkCalendar,
    now: Instant,
) -> Vec<ClockState> {
    let class = zone.map_or(ZoneClass::Other, |zone| zone.class);
    let events: Vec<LoggedEvent> = log.iter().map(logged_event).collect();
    clocks(&events, profile, calendar, class, now)
}

/// The first assignment judges for good: dispatching again changes no promise (A6).
fn judged_zone(log: &[Entry]) -> Option<JudgedZone> {
    let first = log.iter().find(|entry| entry.kind == EventKind::TaskAssigned)?;
    let class = first.data.get("zone_class")?.as_str()?.parse().ok()?;
    let version = first.data.get("zone_version").and_then(serde_json::Value::as_i64);
    Some(JudgedZone { class, version })
}

fn logged_event(entry: &Entry) -> LoggedEvent {
    let text = |name: &str| entry.data.get(name).and_then(serde_json::Value::as_str);
    let agreed_for = text("agreed_for")
        .or_else(|| text("until"))
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map(|at| Instant(at.timestamp_millis()));
    let confidence = text("time_confidence")
        .and_then(|text| text.parse().ok())
        .unwrap_or(TimeConfidence::Certain);
    let limit = entry.data.get("limit").cloned();
    LoggedEvent {
        agreed_for,
        clock: text("clock").and_then(|text| text.parse().ok()),
        limit: limit.and_then(|limit| serde_json::from_value::<Limit>(limit).ok()),
        confidence,
        kind: entry.kind.clone(),
        occurred_at: entry.occurred_at,
        recorded_at: entry.recorded_at,
    }
}
