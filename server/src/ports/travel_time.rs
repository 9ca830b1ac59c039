//! How long a surveyor needs to the scene.
//!
//! Three ways, the better one first where there is one: a router of the operator's over HTTP, real
//! roads in this process, and the distance as the crow flies, calibrated by recorded trips. Each
//! estimate says where it came from and how far it may be off.

mod calibrated;
mod components;
mod http;
mod pbf;
mod roads;

use std::sync::Arc;

use sync_core::{
    geo::Point,
    promise::ZoneClass,
    time::{Instant, Span},
};

pub use calibrated::{Calibrated, Calibration, Trip};
pub use http::{HttpRouter, RouterKind};
pub use roads::{Imported, Roads, RoadsFault, import};

use crate::config::Router;

/// The estimators that the settings name, each with the next one behind it.
///
/// # Errors
/// One line for the operator, when the prepared roads cannot be read.
pub fn open(
    router: Option<&Router>,
    roads: Option<&std::path::Path>,
    calibration: Arc<Calibration>,
) -> Result<Arc<dyn TravelTime>, String> {
    let mut best: Arc<dyn TravelTime> = Arc::new(Calibrated::new(calibration));
    if let Some(path) = roads {
        best = Arc::new(Roads::load(path).map_err(|fault| fault.to_string())?);
    }
    if let Some(router) = router {
        best = Arc::new(HttpRouter::new(router.kind, &router.base, best));
    }
    Ok(best)
}

/// An estimate and how it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Driving time.
    pub span: Span,
    /// Driving distance in metres.
    pub distance_m: f64,
    /// Two thirds of such trips differ by less.
    pub uncertainty: Span,
    /// What made the estimate, for example `straight_line`.
    pub source: &'static str,
}

/// Where somebody goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// The place.
    pub place: Point,
    /// Urban or not, where zones are told.
    pub zone: Option<ZoneClass>,
}

impl From<Point> for Goal {
    fn from(place: Point) -> Self {
        Self { place, zone: None }
    }
}

/// Estimates driving times.
pub trait TravelTime: Send + Sync {
    /// From each of several places to one, starting at `now`: one estimate for each, in order. Never
    /// takes longer than a second, whatever it asks.
    fn estimate_all(&self, from: &[Point], to: Goal, now: Instant) -> Vec<Estimate>;

    /// From one place to another, starting at `now`.
    fn estimate(&self, from: Point, to: Goal, now: Instant) -> Estimate {
        let first = self.estimate_all(&[from], to, now).into_iter().next();
        first.unwrap_or_else(|| straight_line(from, to.place))
    }
}

/// Distance as the crow flies, lengthened by what roads usually add, at an ordinary town speed.
#[derive(Clone, Copy, Debug)]
pub struct StraightLine;

impl TravelTime for StraightLine {
    fn estimate_all(&self, from: &[Point], to: Goal, _: Instant) -> Vec<Estimate> {
        from.iter().map(|from| straight_line(*from, to.place)).collect()
    }
}

/// The estimate that is always at hand.
#[must_use]
pub fn straight_line(from: Point, to: Point) -> Estimate {
    /// Roads are longer than straight lines.
    const DETOUR: f64 = 1.4;
    /// 24 km/h.
    const METRES_PER_MS: f64 = 24.0 / 3_600.0;
    let distance_m = from.distance_m(to) * DETOUR;
    let span = Span(crate::wire::whole_metres(distance_m / METRES_PER_MS));
    // A third of the way, and the minutes until somebody sits in the car.
    let uncertainty = Span(span.0 / 3) + Span::minutes(3);
    Estimate { span, distance_m, uncertainty, source: "straight_line" }
}
