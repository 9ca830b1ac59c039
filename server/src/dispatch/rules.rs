//! PURE: who can be sent, in which order, and whether they would be there in time.

use sync_core::{
    geo::Point,
    ids::PersonId,
    time::{Instant, Span},
};

/// A position older than this says nothing about where somebody is now.
pub const FRESH: Span = Span::minutes(30);
/// What an unfinished task adds to the time until somebody is there. No standard says so: it spreads
/// the work and keeps promises honest.
pub const LOAD_PENALTY: Span = Span::minutes(15);
/// The most candidates of one answer.
pub const MOST_CANDIDATES: usize = 200;
/// Of so many surveyors, those nearest as the crow flies, the travel time is asked.
pub const MOST_ESTIMATES: usize = 50;

/// A surveyor as a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub id: PersonId,
    pub name: String,
    pub staff_no: Option<String>,
    pub phone: Option<String>,
}

/// A surveyor who could be sent, as known.
#[derive(Clone, Debug, PartialEq)]
pub struct Surveyor {
    pub person: Person,
    /// The newest useful position.
    pub position: Option<(Point, Instant)>,
    pub open_tasks: i64,
    /// Whether they declined this case before.
    pub declined: bool,
}

/// Travel to the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Travel {
    pub span: Span,
    pub distance_m: f64,
    pub source: &'static str,
}

/// Whether somebody would be there before the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArrivalVerdict {
    InTime,
    /// In time, but with so little left that the clock itself would warn.
    AtRisk,
    Late,
    /// Without a fresh position or a place of loss nobody can tell.
    Unknown,
}

impl ArrivalVerdict {
    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InTime => "in_time",
            Self::AtRisk => "at_risk",
            Self::Late => "late",
            Self::Unknown => "unknown",
        }
    }
}

/// The promise of arrival that a candidate is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrivalLimit {
    pub started_at: Instant,
    pub limit_at: Instant,
    /// At risk when at most this share of the limit would be left, in percent.
    pub warn_percent: u8,
}

impl ArrivalLimit {
    /// The verdict on being there at `expected_at`. The last millisecond keeps the promise (A5.1).
    #[must_use]
    pub fn judge(&self, expected_at: Instant) -> ArrivalVerdict {
        let left = i128::from(self.limit_at.since(expected_at).0);
        let whole = i128::from(self.limit_at.since(self.started_at).0);
        if left < 0 {
            ArrivalVerdict::Late
        } else if left * 100 <= whole * i128::from(self.warn_percent) {
            ArrivalVerdict::AtRisk
        } else {
            ArrivalVerdict::InTime
        }
    }
}

/// What may make a surveyor partial in a case (C21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// The customer's number is the surveyor's: their own claim, or a relative's.
    SamePhone,
    /// The customer has the surveyor's name: a doubt only, names repeat.
    SameName,
}

impl Interest {
    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SamePhone => "same_phone",
            Self::SameName => "same_name",
        }
    }

    /// Whether the surveyor must not be sent.
    #[must_use]
    pub fn forbids(self) -> bool {
        self == Self::SamePhone
    }
}

/// What may make a surveyor partial (C21). Declared interests, once there is a register of them,
/// are to be judged here too.
#[must_use]
pub fn interest(person: &Person, customer_name: &str, contact_phone: &str) -> Option<Interest> {
    if person.phone.as_deref() == Some(contact_phone) {
        Some(Interest::SamePhone)
    } else if person.name == customer_name {
        Some(Interest::SameName)
    } else {
        None
    }
}

/// A surveyor judged for one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub surveyor: Surveyor,
    pub travel: Option<Travel>,
    pub expected_at: Option<Instant>,
    pub verdict: ArrivalVerdict,
    pub interest: Option<Interest>,
}

/// The position that still says something at `now`.
#[must_use]
pub fn fresh_position(surveyor: &Surveyor, now: Instant) -> Option<Point> {
    surveyor.position.filter(|(_, at)| now.since(*at) <= FRESH).map(|(place, _)| place)
}

/// Judges one surveyor.
#[must_use]
pub fn judge(
    surveyor: Surveyor,
    travel: Option<Travel>,
    interest: Option<Interest>,
    limit: &ArrivalLimit,
    now: Instant,
) -> Candidate {
    let load = Span(LOAD_PENALTY.0.saturating_mul(surveyor.open_tasks));
    let expected_at = travel.as_ref().map(|travel| now + load + travel.span);
    let verdict = expected_at.map_or(ArrivalVerdict::Unknown, |at| limit.judge(at));
    Candidate { surveyor, travel, expected_at, verdict, interest }
}

/// Puts the best first: those who must not go last, then those who declined, then those whose
/// arrival nobody can tell; among the others who is expected first.
pub fn rank(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|candidate| {
        (
            candidate.interest.is_some_and(Interest::forbids),
            candidate.surveyor.declined,
            candidate.expected_at.is_none(),
            candidate.expected_at,
            candidate.surveyor.open_tasks,
            candidate.surveyor.person.id,
        )
    });
}

/// One point of a phone's track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    pub place: Point,
    pub accuracy_m: Option<f64>,
    /// By the phone's clock.
    pub device_at: Instant,
    /// Corrected.
    pub measured_at: Instant,
    pub mock: bool,
}

/// How long positions are kept: they are sensitive (PIPL 19, 28).
pub const KEPT: Span = Span::days(90);

/// The newest point that is good enough to plan with: not made up, and not so wide that it could be
/// the next town.
#[must_use]
pub fn newest_useful(fixes: &[Fix]) -> Option<Fix> {
    const WIDEST_M: f64 = 2_000.0;
    let useful = |fix: &&Fix| !fix.mock && fix.accuracy_m.is_none_or(|m| m <= WIDEST_M);
    fixes.iter().filter(useful).max_by_key(|fix| fix.measured_at).copied()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Instant = Instant(1_750_000_000_000);
    const URBAN: ArrivalLimit =
        ArrivalLimit { started_at: NOW, limit_at: Instant(NOW.0 + 30 * 60_000), warn_percent: 20 };

    fn person(id: u128) -> Person {
        Person {
            id: PersonId(Uuid::from_u128(id)),
            name: format!("s{id}"),
            staff_no: None,
            phone: Some(format!("1380000000{id}")),
        }
    }

    fn surveyor(id: u128) -> Surveyor {
        Surveyor { person: person(id), position: None, open_tasks: 0, declined: false }
    }

    fn travel(span: Span) -> Option<Travel> {
        Some(Travel { span, distance_m: 1.0, source: "t" })
    }

    #[test]
    fn the_verdict_turns_at_the_limit_and_at_the_warning_share() {
        use ArrivalVerdict::{AtRisk, InTime, Late};
        let minute = 60_000;
        for (after_ms, expected) in [
            (0, InTime),
            (24 * minute - 1, InTime),
            (24 * minute, AtRisk),
            (30 * minute, AtRisk),
            (30 * minute + 1, Late),
        ] {
            assert_eq!(URBAN.judge(NOW + Span(after_ms)), expected, "{after_ms}");
        }
        let late_start = ArrivalLimit { started_at: NOW - Span::minutes(20), ..URBAN };
        assert_eq!(late_start.judge(NOW + Span::minutes(19)), InTime);
        assert_eq!(late_start.judge(NOW + Span::minutes(20)), AtRisk);
    }

    #[test]
    fn the_best_come_first() {
        let candidate = |id, minutes: Option<i64>, open_tasks, declined, interest| {
            let surveyor = Surveyor { open_tasks, declined, ..surveyor(id) };
            judge(surveyor, minutes.and_then(|m| travel(Span::minutes(m))), interest, &URBAN, NOW)
        };
        let mut candidates = vec![
            candidate(1, None, 0, false, None),
            candidate(2, Some(1), 0, false, Some(Interest::SamePhone)),
            candidate(3, Some(5), 1, false, None),
            candidate(4, Some(19), 0, false, Some(Interest::SameName)),
            candidate(5, Some(2), 0, true, None),
            candidate(6, Some(45), 0, false, None),
            candidate(7, Some(20), 0, false, None),
            candidate(8, None, 1, false, None),
        ];
        rank(&mut candidates);
        let order: Vec<u128> =
            candidates.iter().map(|c| c.surveyor.person.id.0.as_u128()).collect();
        // 3 travels 5 minutes but has 15 minutes of work before: as far as 7, who is free.
        assert_eq!(order, [4, 7, 3, 6, 1, 8, 5, 2]);
        let verdicts: Vec<_> = candidates.iter().take(5).map(|c| c.verdict.as_str()).collect();
        assert_eq!(verdicts, ["in_time", "in_time", "in_time", "late", "unknown"]);
    }

    #[test]
    fn only_a_fresh_position_counts() {
        let place = Point::new(30.0, 120.0).unwrap();
        for (age_ms, expected) in
            [(0, true), (FRESH.0, true), (FRESH.0 + 1, false), (-60_000, true)]
        {
            let here = Surveyor { position: Some((place, NOW - Span(age_ms))), ..surveyor(1) };
            assert_eq!(fresh_position(&here, NOW).is_some(), expected, "{age_ms}");
        }
        assert_eq!(fresh_position(&surveyor(1), NOW), None);
    }

    #[test]
    fn nobody_handles_their_own_claim() {
        let one = person(1);
        for (customer, phone, expected) in [
            ("other", "13800000001", Some(Interest::SamePhone)),
            ("s1", "13900000000", Some(Interest::SameName)),
            ("other", "13900000000", None),
        ] {
            assert_eq!(interest(&one, customer, phone), expected);
        }
        assert_eq!(interest(&Person { phone: None, ..one }, "other", ""), None);
        assert!(Interest::SamePhone.forbids() && !Interest::SameName.forbids());
    }

    #[test]
    fn a_jittery_track_gives_its_newest_useful_point() {
        let fix = |at: i64, accuracy_m, mock| Fix {
            place: Point::new(30.0, 120.0).unwrap(),
            accuracy_m,
            device_at: Instant(at),
            measured_at: Instant(at),
            mock,
        };
        let track = [
            fix(5, Some(30.0), false),
            fix(7, None, false),
            fix(3, Some(1.0), false),
            fix(9, Some(2_000.1), false),
            fix(8, Some(5.0), true),
        ];
        assert_eq!(newest_useful(&track).map(|fix| fix.measured_at), Some(Instant(7)));
        assert_eq!(newest_useful(&track[3..]), None);
    }
}
