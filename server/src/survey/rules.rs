//! PURE: what can happen in the field, and how believable an arrival is.

pub mod proof;
pub mod units;

use sync_core::{
    geo::{Datum, Point},
    time::Span,
};

/// What a surveyor did. Later times are told as spans after it, because a wrong clock is wrong for
/// both.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Called the customer (C06).
    Contact {
        /// Whether the customer was spoken with.
        reached: bool,
        /// What was said happens next.
        plan: Option<Plan>,
        /// What else was said.
        note: Option<String>,
        /// Until the agreed assessment (C22).
        appointment_after: Option<Span>,
    },
    /// Told the customer of a delay (C10).
    Delay {
        /// Why.
        reason: String,
        /// Until the new time of arrival.
        eta_after: Span,
    },
    /// Agreed on another time of arrival.
    AgreeArrival {
        /// Until the agreed time.
        agreed_after: Span,
        /// What else was said.
        note: Option<String>,
    },
    /// Reached the scene (C09, C12).
    Arrive {
        /// Where the device was.
        fix: Option<Fix>,
        /// What its position was given in.
        datum: Option<Datum>,
        /// Whether the device says that the position is made up.
        mock: bool,
        /// Whether the staff number was shown.
        staff_shown: bool,
    },
    /// Decided that nobody needs to go (C07).
    Waive {
        /// Why.
        reason: String,
        /// Why nobody goes although the customer insists (C08).
        against_wish: Option<Exception>,
    },
    /// Completed the survey (C13).
    Complete {
        /// Whether the customer was told which documents are needed (C15).
        formalities_told: bool,
        /// Remarks.
        note: Option<String>,
    },
}

/// A position and how good it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Where.
    pub place: Point,
    /// Radius of the 68 % circle in metres.
    pub accuracy_m: Option<f64>,
}

/// What the customer was told happens next (C06).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The surveyor comes now.
    OnSite,
    /// The surveyor comes at another time.
    Later,
    /// The customer takes the photos.
    SelfService,
}

impl Plan {
    /// Every plan.
    pub const ALL: &'static [Self] = &[Self::OnSite, Self::Later, Self::SelfService];

    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnSite => "on_site",
            Self::Later => "later",
            Self::SelfService => "self_service",
        }
    }
}

/// Why nobody goes although the customer insists (C08).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// Nobody can get there.
    ForceMajeure,
    /// The loss is outside the area that the branch serves.
    OutOfArea,
    /// Something else of that weight; the reason says what.
    Other,
}

impl Exception {
    /// Every exception.
    pub const ALL: &'static [Self] = &[Self::ForceMajeure, Self::OutOfArea, Self::Other];

    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ForceMajeure => "force_majeure",
            Self::OutOfArea => "out_of_area",
            Self::Other => "other",
        }
    }
}

/// How well the position of an arrival fits the place of loss. An arrival is never refused for it:
/// places are reported wrongly and fixes are poor. Whoever verifies the case sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plausibility {
    /// As near as the two positions can tell.
    AtScene,
    /// In walking distance.
    Near,
    /// Somewhere else.
    Far,
    /// One of the two positions is missing.
    Unknown,
    /// The device says that its position is made up.
    MadeUp,
}

impl Plausibility {
    /// The code on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtScene => "at_scene",
            Self::Near => "near",
            Self::Far => "far",
            Self::Unknown => "unknown",
            Self::MadeUp => "made_up",
        }
    }
}

/// Distance to the place of loss in metres, and what it says.
#[must_use]
pub fn judge_arrival(
    fix: Option<Fix>,
    scene: Option<Fix>,
    mock: bool,
) -> (Option<f64>, Plausibility) {
    /// A scene is a stretch of road, not a point.
    const SCENE_M: f64 = 200.0;
    const WALK_M: f64 = 1_000.0;
    /// A wider circle must not excuse any distance.
    const MOST_DOUBT_M: f64 = 300.0;
    let Some((fix, scene)) = fix.zip(scene) else {
        return (None, if mock { Plausibility::MadeUp } else { Plausibility::Unknown });
    };
    let doubt = |fix: Fix| fix.accuracy_m.unwrap_or(0.0).min(MOST_DOUBT_M);
    let distance = fix.place.distance_m(scene.place);
    let at_least = distance - doubt(fix) - doubt(scene);
    let judged = if mock {
        Plausibility::MadeUp
    } else if at_least <= SCENE_M {
        Plausibility::AtScene
    } else if at_least <= WALK_M {
        Plausibility::Near
    } else {
        Plausibility::Far
    };
    (Some(distance), judged)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many metres north of the origin.
    fn fix(metres: f64, accuracy_m: Option<f64>) -> Option<Fix> {
        let place = Point::new((metres / 6_371_008.8).to_degrees(), 120.0).unwrap();
        Some(Fix { place, accuracy_m })
    }

    #[test]
    fn distance_is_judged_as_well_as_the_positions_can_tell() {
        use Plausibility::{AtScene, Far, MadeUp, Near, Unknown};
        for (metres, accuracy_m, scene_accuracy_m, expected) in [
            (0.0, None, None, AtScene),
            (199.9, None, None, AtScene),
            (200.1, None, None, Near),
            (224.9, Some(15.0), Some(10.0), AtScene),
            (999.9, None, None, Near),
            (1_000.1, None, None, Far),
            (1_600.1, Some(50_000.0), Some(50_000.0), Far),
            (1_599.9, Some(50_000.0), Some(50_000.0), Near),
        ] {
            let (distance, judged) =
                judge_arrival(fix(metres, accuracy_m), fix(0.0, scene_accuracy_m), false);
            assert_eq!(judged, expected, "{metres} {accuracy_m:?}");
            assert!((distance.unwrap() - metres).abs() < 0.01);
        }
        assert_eq!(judge_arrival(None, fix(0.0, None), false), (None, Unknown));
        assert_eq!(judge_arrival(fix(0.0, None), None, false), (None, Unknown));
        assert_eq!(judge_arrival(None, None, true), (None, MadeUp));
        assert_eq!(judge_arrival(fix(0.0, None), fix(0.0, None), true).1, MadeUp);
    }
}
