//! Guided capture (B3): which photos an accident needs, and whether one is good enough, so that the
//! phone can say so while the surveyor still stands before the car.

mod book;

use serde::{Deserialize, Serialize};

pub use book::{GivenSlot, PlanBook, PlanFault};

use crate::{photo::PhotoSlot, wire_name::wire_names};

wire_names! {
    /// What kind of accident a photo plan is for.
    pub enum AccidentKind {
        /// The vehicle alone: against a wall, a kerb, a tree.
        SingleVehicle = "single_vehicle",
        /// Two or more vehicles.
        Collision = "collision",
        /// Somebody was hurt: the police come, and the scene matters more.
        Injury = "injury",
        /// Broken glass only.
        Glass = "glass",
        /// Scratches found later, whoever made them.
        Scratch = "scratch",
        /// Water in the vehicle.
        Flood = "flood",
    }
}

wire_names! {
    /// What is wrong with a photo as a picture. A reason to take it again, never to refuse it.
    pub enum Flaw {
        /// Fewer pixels than the slot needs.
        TooSmall = "too_small",
        /// Out of focus, or the phone moved.
        Blurred = "blurred",
        /// Mostly black.
        TooDark = "too_dark",
        /// Mostly white.
        TooBright = "too_bright",
    }
}

/// One photo of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// What it shows.
    pub slot: PhotoSlot,
    /// How many of them at least; 0: taken if there is something to show.
    pub least: u32,
    /// Pixels of its shorter side at least.
    pub shorter_side: u32,
}

/// The photos that an accident of this kind needs by the plans that ship as default, in the order in
/// which they are taken.
#[must_use]
pub fn plan(kind: AccidentKind) -> Vec<Wanted> {
    PlanBook::built_in().plan(kind).to_vec()
}

/// A slot with how many photos are there and how many are still needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// What the plan wants.
    pub wanted: Wanted,
    /// How many are there.
    pub taken: u32,
}

impl Filled {
    /// How many are still needed.
    #[must_use]
    pub fn missing(self) -> u32 {
        self.wanted.least.saturating_sub(self.taken)
    }
}

/// How far a plan is filled by photos of these slots.
#[must_use]
pub fn filled(plan: &[Wanted], taken: &[PhotoSlot]) -> Vec<Filled> {
    let count = |slot| {
        let same = taken.iter().filter(|taken| **taken == slot).count();
        u32::try_from(same).unwrap_or(u32::MAX)
    };
    plan.iter().map(|wanted| Filled { wanted: *wanted, taken: count(wanted.slot) }).collect()
}

/// How sharp and how bright a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exposure {
    /// Variance of the second difference of the brightness: low when nothing has an edge.
    pub sharpness: f64,
    /// Share of pixels that are nearly black, 0 to 1.
    pub dark: f64,
    /// Share of pixels that are nearly white, 0 to 1.
    pub bright: f64,
}

/// Below it a photo of a vehicle is blurred.
const LEAST_SHARPNESS: f64 = 40.0;
/// More of it is too much.
const MOST_EXTREME: f64 = 0.75;
const BLACK: u8 = 24;
const WHITE: u8 = 245;

impl Exposure {
    /// Measures a picture given as brightness, row by row.
    #[must_use]
    pub fn measure(light: &[u8], width: usize, height: usize) -> Self {
        let all = light.len().max(1);
        let share = |count: usize| ratio(count, all);
        let dark = share(light.iter().filter(|value| **value <= BLACK).count());
        let bright = share(light.iter().filter(|value| **value >= WHITE).count());
        Self { sharpness: variance_of_edges(light, width, height), dark, bright }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn flaws(self) -> Vec<Flaw> {
        let all = [
            (self.sharpness < LEAST_SHARPNESS, Flaw::Blurred),
            (self.dark > MOST_EXTREME, Flaw::TooDark),
            (self.bright > MOST_EXTREME, Flaw::TooBright),
        ];
        all.into_iter().filter(|(is, _)| *is).map(|(_, flaw)| flaw).collect()
    }
}

/// What is wrong with a photo for its slot: the picture itself, and its size.
#[must_use]
pub fn flaws(wanted: Option<Wanted>, (width, height): (u32, u32), exposure: Exposure) -> Vec<Flaw> {
    let small = wanted.is_some_and(|wanted| width.min(height) < wanted.shorter_side);
    let size = small.then_some(Flaw::TooSmall);
    size.into_iter().chain(exposure.flaws()).collect()
}

fn ratio(part: usize, whole: usize) -> f64 {
    let wide = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    wide(part) / wide(whole)
}

fn variance_of_edges(light: &[u8], width: usize, height: usize) -> f64 {
    if width < 3 || height < 3 || light.len() < width * height {
        return 0.0;
    }
    let (mut count, mut sum, mut squares) = (0_u32, 0_i64, 0_i64);
    let rows: Vec<&[u8]> = light.chunks_exact(width).take(height).collect();
    for three in rows.windows(3) {
        let [above, middle, below] = three else { continue };
        let inner = middle.windows(3).zip(above.iter().skip(1)).zip(below.iter().skip(1));
        for ((middle, above), below) in inner {
            let [left, here, right] = middle else { continue };
            let around: i64 = [left, right, above, below].into_iter().map(|n| i64::from(*n)).sum();
            let edge = 4 * i64::from(*here) - around;
            (count, sum, squares) = (count + 1, sum + edge, squares + edge * edge);
        }
    }
    let wide = |n: i64| -> f64 {
        let (high, low) = (n / 1_000_000, n % 1_000_000);
        f64::from(i32::try_from(high).unwrap_or(i32::MAX)) * 1e6
            + f64::from(i32::try_from(low).unwrap_or(0))
    };
    let count = f64::from(count);
    let mean = wide(sum) / count;
    wide(squares) / count - mean * mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_plan_and_every_plan_shows_plate_vin_and_damage() {
        for kind in AccidentKind::ALL {
            let plan = plan(*kind);
            for slot in [PhotoSlot::VehicleWithPlate, PhotoSlot::Vin, PhotoSlot::DamageNear] {
                let wanted = plan.iter().find(|wanted| wanted.slot == slot);
                assert!(wanted.is_some_and(|wanted| wanted.least > 0), "{kind} {slot}");
            }
            let mut slots: Vec<_> = plan.iter().map(|wanted| wanted.slot).collect();
            slots.sort_unstable();
            slots.dedup();
            assert_eq!(slots.len(), plan.len(), "{kind}: a slot stands twice");
        }
    }

    #[test]
    fn a_plan_is_filled_slot_by_slot() {
        use PhotoSlot::{DamageNear, Mileage, Vin};
        let plan = plan(AccidentKind::Flood);
        let missing = |taken: &[PhotoSlot]| -> u32 {
            filled(&plan, taken).into_iter().map(Filled::missing).sum()
        };
        let all = missing(&[]);
        assert_eq!(missing(&[Vin]), all - 1);
        assert_eq!(missing(&[Vin, Vin]), all - 1);
        assert_eq!(missing(&[DamageNear, DamageNear, DamageNear, Mileage]), all - 3);
    }

    fn picture(value: impl Fn(usize, usize) -> u8) -> Exposure {
        let light: Vec<u8> = (0..64 * 48).map(|n| value(n % 64, n / 64)).collect();
        Exposure::measure(&light, 64, 48)
    }

    #[test]
    fn flaws_are_seen() {
        let sharp = |x: usize, y: usize| if (x / 4 + y / 4).is_multiple_of(2) { 60 } else { 190 };
        for (exposure, expected) in [
            (picture(sharp), vec![]),
            (picture(|x, _| u8::try_from(x * 3).unwrap()), vec![Flaw::Blurred]),
            (picture(|x, y| if x + y == 7 { 255 } else { 3 }), vec![Flaw::TooDark]),
            (picture(|_, _| 0), vec![Flaw::Blurred, Flaw::TooDark]),
            (picture(|_, _| 255), vec![Flaw::Blurred, Flaw::TooBright]),
        ] {
            assert_eq!(exposure.flaws(), expected, "{exposure:?}");
        }
        let wanted = plan(AccidentKind::Glass).into_iter().find(|w| w.slot == PhotoSlot::Vin);
        assert_eq!(flaws(wanted, (4_000, 1_499), picture(sharp)), [Flaw::TooSmall]);
        assert_eq!(flaws(wanted, (1_500, 1_500), picture(sharp)), []);
        assert_eq!(flaws(None, (1, 1), picture(sharp)), []);
    }

    #[test]
    fn odd_sizes_are_measured_without_a_fault() {
        for (width, height) in [(0, 0), (1, 1), (2, 9), (3, 3)] {
            let light = vec![7; width * height];
            assert!(Exposure::measure(&light, width, height).sharpness.is_finite());
        }
        assert!(Exposure::measure(&[1, 2], 9, 9).sharpness.is_finite());
    }
}
