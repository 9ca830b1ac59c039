//! The distance as the crow flies, corrected by what recorded trips took.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use sync_core::{
    geo::Point,
    promise::ZoneClass,
    time::{Instant, Span},
};

use super::{Estimate, Goal, TravelTime, straight_line};
use crate::wire::whole_metres;

/// A trip that was estimated and driven.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    /// Where it went to.
    pub to: Goal,
    /// When it began.
    pub began_at: Instant,
    /// As the crow flies, uncorrected.
    pub straight: Span,
    /// What it took.
    pub actual: Span,
}

/// What recorded trips say of an area and an hour of the day.
#[derive(Debug, Default)]
pub struct Calibration {
    sums: RwLock<HashMap<Key, Sums>>,
    learned_at: AtomicI64,
}

/// Area and hour of the day in Asia/Shanghai.
type Key = (Area, u8);

/// Ever smaller ones: what is known of the larger one is where the smaller one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Area {
    Everywhere,
    /// Towns, or the country: whatever the zones tell apart.
    Zone(ZoneClass),
    /// About as large as a town.
    Square((i64, i64)),
}

impl Area {
    /// The areas that a place is in, the largest first.
    fn around(to: Goal) -> impl Iterator<Item = Self> {
        let zone = to.zone.map(Self::Zone);
        [Self::Everywhere].into_iter().chain(zone).chain([Self::Square(square(to.place))])
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    trips: u32,
    straight_ms: f64,
    actual_ms: f64,
    off_ms: f64,
}

/// An area is a square of a quarter of a degree.
fn square(place: Point) -> (i64, i64) {
    (whole_metres((place.lat() * 4.0).floor()), whole_metres((place.lon() * 4.0).floor()))
}

fn hour(at: Instant) -> u8 {
    let hours = (at + Span::hours(8)).0.div_euclid(3_600_000);
    u8::try_from(hours.rem_euclid(24)).unwrap_or(0)
}

fn milliseconds(span: Span) -> f64 {
    #[expect(clippy::as_conversions, reason = "spans of trips are small numbers")]
    let ms = span.0 as f64;
    ms
}

impl Sums {
    /// What the uncorrected estimate counts for beside recorded trips: as much as this many of them.
    const DOUBT: f64 = 5.0;

    fn add(&mut self, trip: &Trip) {
        self.trips += 1;
        self.straight_ms += milliseconds(trip.straight);
        self.actual_ms += milliseconds(trip.actual);
        self.off_ms += milliseconds(Span(trip.actual.0 - trip.straight.0).abs());
    }

    /// By what the uncorrected estimate is to be multiplied, starting from what a wider area says.
    fn factor(&self, wider: f64) -> f64 {
        if self.trips == 0 {
            return wider;
        }
        let trips = f64::from(self.trips);
        let own = self.actual_ms / self.straight_ms.max(1.0);
        ((own * trips + wider * Self::DOUBT) / (trips + Self::DOUBT)).clamp(0.4, 4.0)
    }
}

impl Calibration {
    /// Takes these trips in place of those before.
    pub fn learn(&self, trips: &[Trip]) {
        let mut sums: HashMap<Key, Sums> = HashMap::new();
        for trip in trips.iter().filter(|trip| trip.straight > Span::ZERO) {
            let hour = hour(trip.began_at);
            for area in Area::around(trip.to) {
                sums.entry((area, hour)).or_default().add(trip);
            }
        }
        *self.sums.write().unwrap_or_else(PoisonError::into_inner) = sums;
    }

    /// Whether it is time to learn again; whoever hears yes is to do it.
    pub fn is_older_than(&self, before: Instant, now: Instant) -> bool {
        let known = self.learned_at.load(Ordering::Relaxed);
        known < before.0
            && self
                .learned_at
                .compare_exchange(known, now.0, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn correct(&self, plain: Estimate, to: Goal, now: Instant) -> Estimate {
        /// An error that fewer trips show is that of the wider area.
        const ENOUGH: u32 = 20;
        let sums = self.sums.read().unwrap_or_else(PoisonError::into_inner);
        let of = |area: Area| sums.get(&(area, hour(now))).copied().unwrap_or_default();
        let mut known = of(Area::Everywhere);
        if known.trips == 0 {
            return plain;
        }
        let mut factor = 1.0;
        for here in Area::around(to).map(of) {
            factor = here.factor(factor);
            if ENOUGH <= here.trips {
                known = here;
            }
        }
        let span = whole_metres(milliseconds(plain.span) * factor);
        let off = known.off_ms / known.straight_ms.max(1.0);
        let uncertainty = whole_metres(milliseconds(plain.span) * off.clamp(0.1, 1.0));
        let uncertainty = Span(uncertainty) + Span::minutes(2);
        Estimate { span: Span(span), uncertainty, source: "calibrated", ..plain }
    }
}

/// Estimates by a [`Calibration`].
pub struct Calibrated(std::sync::Arc<Calibration>);

impl Calibrated {
    /// Estimates by what this one has learned, also later.
    #[must_use]
    pub fn new(calibration: std::sync::Arc<Calibration>) -> Self {
        Self(calibration)
    }
}

impl TravelTime for Calibrated {
    fn estimate_all(&self, from: &[Point], to: Goal, now: Instant) -> Vec<Estimate> {
        from.iter().map(|from| self.0.correct(straight_line(*from, to.place), to, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// 2026-03-02T08:00 in Shanghai.
    const MORNING: Instant = Instant(1_772_409_600_000);

    #[test]
    fn trips_correct_the_area_and_hour_they_were_driven_in() {
        let calibration = Arc::new(Calibration::default());
        let port = Calibrated::new(calibration.clone());
        let at = |lat: f64| Point::new(lat, 120.1).unwrap();
        let estimate = |lat, now| port.estimate(at(lat - 0.05), at(lat).into(), now);
        let plain = estimate(30.3, MORNING);
        assert_eq!(plain.source, "straight_line");
        let trip = |lat, minutes| Trip {
            to: at(lat).into(),
            began_at: MORNING,
            straight: Span::minutes(10),
            actual: Span::minutes(minutes),
        };
        // In this area everything takes twice as long; elsewhere half as long again.
        calibration.learn(&[vec![trip(30.3, 20); 95], vec![trip(32.3, 15); 95]].concat());
        let ratio = |found: &Estimate| milliseconds(found.span) / milliseconds(plain.span);
        let here = estimate(30.3, MORNING);
        assert_eq!(here.source, "calibrated");
        assert!((ratio(&here) - 2.0).abs() < 0.05, "{}", ratio(&here));
        assert!((ratio(&estimate(32.3, MORNING)) - 1.5).abs() < 0.05);
        assert!((ratio(&estimate(35.3, MORNING)) - 1.75).abs() < 0.05);
        assert_eq!(estimate(30.3, MORNING + Span::hours(3)).source, "straight_line");
        // A single trip proves little, and absurd ones cannot lead anywhere.
        calibration.learn(&[trip(30.3, 20)]);
        assert!(ratio(&estimate(30.3, MORNING)) < 1.4);
        calibration.learn(&vec![trip(30.3, 100_000); 500]);
        assert!(ratio(&estimate(30.3, MORNING)) <= 4.01);
    }
    #[test]
    fn towns_and_the_country_are_told_apart_where_zones_are() {
        let calibration = Arc::new(Calibration::default());
        let port = Calibrated::new(calibration.clone());
        let goal = |lat: f64, zone| Goal { place: Point::new(lat, 120.1).unwrap(), zone };
        let (urban, other) = (Some(ZoneClass::Urban), Some(ZoneClass::Other));
        let trip = |zone, minutes| Trip {
            to: goal(30.3, zone),
            began_at: MORNING,
            straight: Span::minutes(10),
            actual: Span::minutes(minutes),
        };
        calibration.learn(&[vec![trip(urban, 20); 95], vec![trip(other, 10); 95]].concat());
        let minutes = |to: Goal| {
            let from = Point::new(to.place.lat() - 0.05, 120.1).unwrap();
            let (plain, found) = (straight_line(from, to.place), port.estimate(from, to, MORNING));
            assert_eq!(found.source, "calibrated");
            10.0 * milliseconds(found.span) / milliseconds(plain.span)
        };
        // Nobody has driven there yet: what is known of other towns counts.
        for (zone, expected) in [(urban, 19.75), (other, 10.25), (None, 15.0)] {
            let found = minutes(goal(33.3, zone));
            assert!((found - expected).abs() < 0.3, "{zone:?}: {found}");
        }
    }
}
