//! How long a surveyor needs to the scene.

use sync_core::{geo::Point, time::Span};

/// An estimate and how it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Driving time.
    pub span: Span,
    /// Driving distance in metres.
    pub distance_m: f64,
    /// What made the estimate, for example `straight_line`.
    pub source: &'static str,
}

/// Estimates driving times.
pub trait TravelTime: Send + Sync {
    /// From one place to another, starting now.
    fn estimate(&self, from: Point, to: Point) -> Estimate;
}

/// Distance as the crow flies, lengthened by what roads usually add, at an ordinary town speed.
#[derive(Clone, Copy, Debug)]
pub struct StraightLine;

impl TravelTime for StraightLine {
    fn estimate(&self, from: Point, to: Point) -> Estimate {
        /// Roads are longer than straight lines.
        const DETOUR: f64 = 1.4;
        /// 24 km/h.
        const METRES_PER_MS: f64 = 24.0 / 3_600.0;
        let distance_m = from.distance_m(to) * DETOUR;
        let span = Span(crate::wire::whole_metres(distance_m / METRES_PER_MS));
        Estimate { span, distance_m, source: "straight_line" }
    }
}
