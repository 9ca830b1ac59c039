//! The clocks of a case, folded from its log under the promise it was opened with (A6).

use chrono::DateTime;
use sync_core::{
    clock::{ClockState, LoggedEvent, TimeConfidence, clocks},
    ids::CaseId,
    lifecycle::EventKind,
    promise::{Limit, PromiseProfile, ZoneClass},
    time::Instant,
};

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

/// How the clocks of one case stand.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseClocks {
    /// As judged at the first assignment; none before it.
    pub zone: Option<JudgedZone>,
    /// The promise the case was opened under.
    pub profile: PromiseProfile,
    /// The clocks.
    pub states: Vec<ClockState>,
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
    let class = zone.map_or(ZoneClass::Other, |zone| zone.class);
    let events: Vec<LoggedEvent> = log.into_iter().map(logged_event).collect();
    let states = clocks(&events, &profile, &calendar, class, now);
    Ok(CaseClocks { zone, profile, states })
}

/// The first assignment judges for good: dispatching again changes no promise (A6).
fn judged_zone(log: &[Entry]) -> Option<JudgedZone> {
    let first = log.iter().find(|entry| entry.kind == EventKind::TaskAssigned)?;
    let class = first.data.get("zone_class")?.as_str()?.parse().ok()?;
    let version = first.data.get("zone_version").and_then(serde_json::Value::as_i64);
    Some(JudgedZone { class, version })
}

fn logged_event(entry: Entry) -> LoggedEvent {
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
        kind: entry.kind,
        occurred_at: entry.occurred_at,
        recorded_at: entry.recorded_at,
    }
}
