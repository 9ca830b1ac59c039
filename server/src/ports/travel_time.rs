//! How long a surveyor needs to the scene.

use sync_core::{
    geo::Point,
    time::{Instant, Span},
};

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

/// Estimates driving times.
pub trait TravelTime: Send + Sync {
    /// From each of several places to one, starting at `now`: one estimate for each, in order. Never
    /// takes longer than a second, whatever it asks.
    fn estimate_all(&self, from: &[Point], to: Point, now: Instant) -> Vec<Estimate>;

    /// From one place to another, starting at `now`.
    fn estimate(&self, from: Point, to: Point, now: Instant) -> Estimate {
        let first = self.estimate_all(&[from], to, now).into_iter().next();
        first.unwrap_or_else(|| straight_line(from, to))
    }
}

/// Distance as the crow flies, lengthened by what roads usually add, at an ordinary town speed.
#[derive(Clone, Copy, Debug)]
pub struct StraightLine;

impl TravelTime for StraightLine {
    fn estimate_all(&self, from: &[Point], to: Point, _: Instant) -> Vec<Estimate> {
        from.iter().map(|from| straight_line(*from, to)).collect()
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
