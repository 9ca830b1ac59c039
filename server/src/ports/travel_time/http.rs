//! Driving times from a router of the operator's: OSRM or Valhalla, one table request for all.
//!
//! A router that answers late, nonsense or never must not hold up a dispatch: the request ends after
//! 800 ms. After one slow answer, which is used if it is good, or after three quick failures in a row the
//! router is left alone for half a minute, so that cases which are looked at one after another do not
//! add its delays up; then one request tries it, and no other waits for that. Meanwhile the next best
//! estimate takes its place, and every answer says where it came from.

use std::{
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use serde_json::json;
use sync_core::{
    geo::Point,
    time::{Instant, Span},
};

use super::{Estimate, Goal, TravelTime};
use crate::wire::whole_metres;

/// Which router it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouterKind {
    /// Open Source Routing Machine.
    Osrm,
    /// Valhalla.
    Valhalla,
}

/// How long a router may take.
const TIME_OUT: Duration = Duration::from_millis(800);
/// More than any table of ours takes.
const MOST_BYTES: u64 = 1024 * 1024;
/// Slower answers, good or bad, cost a round of many cases too much.
const SLOW: Duration = Duration::from_millis(200);
/// After so many quick failures in a row it is left alone.
const FAILURES: u32 = 3;
/// For so long.
const REST: Span = Span::seconds(30);

/// A router that is asked over HTTP.
pub struct HttpRouter {
    kind: RouterKind,
    base: String,
    agent: ureq::Agent,
    state: Mutex<State>,
    otherwise: Arc<dyn TravelTime>,
}

#[derive(Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
}

impl HttpRouter {
    /// A router at `base`, such as `http://127.0.0.1:5000`, and what takes its place when it fails.
    #[must_use]
    pub fn new(kind: RouterKind, base: &str, otherwise: Arc<dyn TravelTime>) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIME_OUT))
            .max_redirects(0)
            .build()
            .into();
        let base = base.trim_end_matches('/').to_owned();
        Self { kind, base, agent, state: Mutex::default(), otherwise }
    }

    fn ask(&self, from: &[Point], to: Point) -> Option<Vec<Estimate>> {
        let body = match self.kind {
            RouterKind::Osrm => self.agent.get(osrm_url(&self.base, from, to)).call(),
            RouterKind::Valhalla => {
                let url = format!("{}/sources_to_targets", self.base);
                self.agent.post(url).send_json(valhalla_body(from, to))
            }
        };
        let mut text = Vec::new();
        body.ok()?.into_body().into_reader().take(MOST_BYTES).read_to_end(&mut text).ok()?;
        let cells = match self.kind {
            RouterKind::Osrm => osrm_cells(&text)?,
            RouterKind::Valhalla => valhalla_cells(&text)?,
        };
        let estimates: Option<Vec<Estimate>> =
            cells.iter().map(|cell| self.estimate(*cell)).collect();
        estimates.filter(|estimates| estimates.len() == from.len())
    }

    fn estimate(&self, (seconds, metres): (f64, f64)) -> Option<Estimate> {
        // What no drive can be is no answer.
        let sane = (0.0..=86_400.0).contains(&seconds) && (0.0..=2_000_000.0).contains(&metres);
        let span = Span(whole_metres(seconds * 1_000.0));
        let source = match self.kind {
            RouterKind::Osrm => "osrm",
            RouterKind::Valhalla => "valhalla",
        };
        sane.then_some(Estimate {
            span,
            distance_m: metres,
            uncertainty: Span(span.0 / 5) + Span::minutes(2),
            source,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it may be asked now. After a rest only the first who asks may, until it has answered.
    fn may_ask(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.rests_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.rests_until = Some(now + REST);
                true
            }
            None => true,
        }
    }

    fn note(&self, answered: bool, took: Duration, now: Instant) {
        let mut state = self.state();
        if answered && took <= SLOW {
            *state = State::default();
            return;
        }
        let why = if took <= SLOW { "failed" } else { "slow" };
        metrics::counter!("chakan_router_failures_total", "why" => why).increment(1);
        state.failures += 1;
        if took > SLOW || state.failures >= FAILURES {
            state.rests_until = Some(now + REST);
        }
    }
}

impl TravelTime for HttpRouter {
    fn estimate_all(&self, from: &[Point], to: Goal, now: Instant) -> Vec<Estimate> {
        if from.is_empty() || !self.may_ask(now) {
            return self.otherwise.estimate_all(from, to, now);
        }
        let began = std::time::Instant::now();
        let answer = self.ask(from, to.place);
        self.note(answer.is_some(), began.elapsed(), now);
        answer.unwrap_or_else(|| self.otherwise.estimate_all(from, to, now))
    }
}

fn osrm_url(base: &str, from: &[Point], to: Point) -> String {
    let place = |point: &Point| format!("{:.6},{:.6}", point.lon(), point.lat());
    let places: Vec<String> = from.iter().chain([&to]).map(place).collect();
    let sources: Vec<String> = (0..from.len()).map(|n| n.to_string()).collect();
    format!(
        "{base}/table/v1/driving/{}?sources={}&destinations={}&annotations=duration,distance",
        places.join(";"),
        sources.join(";"),
        from.len()
    )
}

#[derive(Deserialize)]
struct OsrmTable {
    code: String,
    durations: Vec<Vec<Option<f64>>>,
    distances: Vec<Vec<Option<f64>>>,
}

fn osrm_cells(text: &[u8]) -> Option<Vec<(f64, f64)>> {
    let table: OsrmTable = serde_json::from_slice(text).ok()?;
    if table.code != "Ok" {
        return None;
    }
    let first = |row: &Vec<Option<f64>>| row.first().copied().flatten();
    let cells = table.durations.iter().zip(&table.distances);
    cells.map(|(seconds, metres)| Some((first(seconds)?, first(metres)?))).collect()
}

fn valhalla_body(from: &[Point], to: Point) -> serde_json::Value {
    let place = |point: &Point| json!({ "lat": point.lat(), "lon": point.lon() });
    let sources: Vec<_> = from.iter().map(place).collect();
    json!({ "sources": sources, "targets": [place(&to)], "costing": "auto" })
}

#[derive(Deserialize)]
struct ValhallaTable {
    sources_to_targets: Vec<Vec<ValhallaCell>>,
}

#[derive(Deserialize)]
struct ValhallaCell {
    time: Option<f64>,
    /// Kilometres.
    distance: Option<f64>,
}

fn valhalla_cells(text: &[u8]) -> Option<Vec<(f64, f64)>> {
    let table: ValhallaTable = serde_json::from_slice(text).ok()?;
    let cell = |row: &Vec<ValhallaCell>| {
        let cell = row.first()?;
        Some((cell.time?, cell.distance? * 1_000.0))
    };
    table.sources_to_targets.iter().map(cell).collect()
}

#[cfg(test)]
mod tests;
