//! PURE: who can be sent, in which order, and whether they would be there in time.

pub mod autopilot;
pub mod queue;

use sync_core::{
    geo::{Datum, Point},
    ids::PersonId,
    time::{Instant, Span},
};

/// A position older than this says nothing about where somebody is now.
pub const FRESH: Span = Span::minutes(30);
/// What a survey takes at the scene: our default, until recorded ones say otherwise.
pub const AT_SCENE: Span = Span::minutes(25);
/// What is left of a survey that goes on, of which only its being begun is known.
pub const REST_AT_SCENE: Span = Span::minutes(12);
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
    /// Where they start from when nothing newer is known.
    pub home: Option<Point>,
    pub open_tasks: i64,
    /// Until the work they have is done.
    pub work_left: Span,
    /// Whether they declined this case, or let an offer of it lapse.
    pub declined: bool,
    /// Whether they are on duty now.
    pub on_shift: bool,
    pub skills: Vec<String>,
    pub vehicle_classes: Vec<String>,
    /// Whether they lack what the case asks for.
    pub unfit: bool,
    /// Whether they declared an interest in this customer or vehicle (C21).
    pub declared: bool,
    /// Whether they are being asked about another case.
    pub asked: bool,
}

#[cfg(test)]
impl Surveyor {
    /// Somebody on duty of whom nothing else is known.
    pub(super) fn on_duty(person: Person) -> Self {
        Self {
            person,
            position: None,
            home: None,
            open_tasks: 0,
            work_left: Span::ZERO,
            declined: false,
            on_shift: true,
            skills: Vec::new(),
            vehicle_classes: Vec::new(),
            unfit: false,
            declared: false,
            asked: false,
        }
    }
}

/// What a case asks of its surveyor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub skill: Option<String>,
    pub vehicle_class: Option<String>,
}

impl Needs {
    /// Whether a surveyor has what is asked for.
    #[must_use]
    pub fn fit(&self, skills: &[String], vehicle_classes: &[String]) -> bool {
        let has = |wanted: &Option<String>, have: &[String]| {
            wanted.as_ref().is_none_or(|wanted| have.contains(wanted))
        };
        has(&self.skill, skills) && has(&self.vehicle_class, vehicle_classes)
    }
}

/// The work of an open task that is left, from what is known of it.
#[must_use]
pub fn work_left(at_scene: bool, expected_there: Instant, now: Instant) -> Span {
    if at_scene {
        return REST_AT_SCENE;
    }
    expected_there.since(now).max(Span::ZERO) + AT_SCENE
}

/// A square of a twentieth of a degree, numbered by its corner: neighbours are found by number.
#[must_use]
pub fn cell(place: Point) -> i64 {
    let (lat, lon) = cell_of(place);
    lat * CELLS_AROUND + lon
}

/// More than there are squares on a parallel.
const CELLS_AROUND: i64 = 10_000;

fn cell_of(place: Point) -> (i64, i64) {
    #[expect(clippy::as_conversions, reason = "degrees times 20 are small numbers")]
    let square = |degrees: f64| (degrees * 20.0).floor() as i64;
    (square(place.lat()), square(place.lon()))
}

/// The squares at most `around` squares away from the one of a place.
#[must_use]
pub fn cells_around(place: Point, around: i64) -> Vec<i64> {
    let (lat, lon) = cell_of(place);
    let squares = |at: i64| at - around..=at + around;
    squares(lat).flat_map(|lat| squares(lon).map(move |lon| lat * CELLS_AROUND + lon)).collect()
}

/// Travel to the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Travel {
    pub span: Span,
    pub distance_m: f64,
    /// Two thirds of such trips differ by less.
    pub uncertainty: Span,
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
    /// The surveyor declared it.
    Declared,
}

impl Interest {
    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SamePhone => "same_phone",
            Self::SameName => "same_name",
            Self::Declared => "declared",
        }
    }

    /// Whether the surveyor must not be sent.
    #[must_use]
    pub fn forbids(self) -> bool {
        matches!(self, Self::SamePhone | Self::Declared)
    }
}

/// What may make a surveyor partial (C21).
#[must_use]
pub fn interest(surveyor: &Surveyor, customer_name: &str, contact_phone: &str) -> Option<Interest> {
    let person = &surveyor.person;
    if surveyor.declared {
        Some(Interest::Declared)
    } else if is_own_claim(person, contact_phone) {
        Some(Interest::SamePhone)
    } else if person.name == customer_name {
        Some(Interest::SameName)
    } else {
        None
    }
}

/// Whether the customer's number is the surveyor's.
#[must_use]
pub fn is_own_claim(person: &Person, contact_phone: &str) -> bool {
    person.phone.as_deref() == Some(contact_phone)
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
    let expected_at = travel.as_ref().map(|travel| now + surveyor.work_left + travel.span);
    let verdict = expected_at.map_or(ArrivalVerdict::Unknown, |at| limit.judge(at));
    Candidate { surveyor, travel, expected_at, verdict, interest }
}

impl Candidate {
    /// Whether the system may ask them by itself. A dispatcher may send others, but nobody with an
    /// interest.
    #[must_use]
    pub fn may_be_asked(&self) -> bool {
        let surveyor = &self.surveyor;
        let free = surveyor.on_shift && !surveyor.declined && !surveyor.unfit && !surveyor.asked;
        free && !self.interest.is_some_and(Interest::forbids)
    }
}

/// Puts the best first: those who must not go last, then those who lack what is asked for, those who
/// declined, those who are not on duty, and those whose arrival nobody can tell; among the others who
/// is expected first.
pub fn rank(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|candidate| {
        (
            candidate.interest.is_some_and(Interest::forbids),
            candidate.surveyor.unfit,
            candidate.surveyor.declined,
            !candidate.surveyor.on_shift,
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
    /// What the place was given in.
    pub datum: Datum,
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
        Surveyor::on_duty(person(id))
    }

    fn travel(span: Span) -> Option<Travel> {
        Some(Travel { span, distance_m: 1.0, uncertainty: Span::ZERO, source: "t" })
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
            let work_left = Span::minutes(15 * open_tasks);
            let surveyor = Surveyor { open_tasks, work_left, declined, ..surveyor(id) };
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
    fn neighbours_share_a_square_or_touch() {
        let at = |lat, lon| Point::new(lat, lon).unwrap();
        let scene = at(30.2741, 120.1302);
        assert_eq!(cells_around(scene, 1).len(), 9);
        assert!(cells_around(scene, 1).contains(&cell(at(30.2241, 120.1802))));
        assert!(!cells_around(scene, 1).contains(&cell(at(30.1741, 120.1302))));
        assert_ne!(cell(at(0.01, 0.01)), cell(at(-0.01, 0.01)));
        assert!(cells_around(at(-0.01, -0.01), 1).contains(&cell(at(0.01, 0.01))));
    }

    #[test]
    fn who_is_asked_by_the_system() {
        let candidate = |change: &dyn Fn(&mut Surveyor)| {
            let mut surveyor = surveyor(1);
            change(&mut surveyor);
            judge(surveyor, None, None, &URBAN, NOW).may_be_asked()
        };
        assert!(candidate(&|_| {}));
        assert!(!candidate(&|s| s.on_shift = false));
        assert!(!candidate(&|s| s.declined = true));
        assert!(!candidate(&|s| s.unfit = true));
        assert!(!candidate(&|s| s.asked = true));
        let needs = Needs { skill: Some("injury".into()), vehicle_class: None };
        assert!(!needs.fit(&[], &[]) && needs.fit(&["injury".into()], &[]));
        assert_eq!(work_left(true, NOW, NOW), REST_AT_SCENE);
        assert_eq!(work_left(false, NOW + Span::minutes(5), NOW), Span::minutes(30));
        assert_eq!(work_left(false, NOW - Span::minutes(5), NOW), AT_SCENE);
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
        let one = surveyor(1);
        for (customer, phone, expected) in [
            ("other", "13800000001", Some(Interest::SamePhone)),
            ("s1", "13900000000", Some(Interest::SameName)),
            ("other", "13900000000", None),
        ] {
            assert_eq!(interest(&one, customer, phone), expected);
        }
        let without = Person { phone: None, ..person(1) };
        assert_eq!(interest(&Surveyor { person: without, ..surveyor(1) }, "other", ""), None);
        let declared = Surveyor { declared: true, ..surveyor(1) };
        assert_eq!(interest(&declared, "other", ""), Some(Interest::Declared));
        assert!(Interest::Declared.forbids());
        assert!(Interest::SamePhone.forbids() && !Interest::SameName.forbids());
    }

    #[test]
    fn a_jittery_track_gives_its_newest_useful_point() {
        let fix = |at: i64, accuracy_m, mock| Fix {
            place: Point::new(30.0, 120.0).unwrap(),
            datum: Datum::Wgs84,
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
