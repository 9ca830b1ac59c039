//! PURE: how well an arrival is proven, from everything that speaks for or against it.
//!
//! Nothing here blocks work: a doubt is written down with its reason, and people judge.

use std::ops::RangeInclusive;

use sync_core::{
    geo::Point,
    time::{Instant, Span},
};

/// A scene is a stretch of road, not a point.
const FENCE_M: f64 = 200.0;
/// Whoever stays so long inside the fence is there.
const DWELL: Span = Span::minutes(3);
/// Points that are so far apart in time say nothing about what was between them.
const GAP: Span = Span::minutes(10);
/// No surveyor's car is faster: 180 km/h.
const FASTEST_M_PER_S: f64 = 50.0;
/// A wider circle proves nothing about a fence.
const WIDEST_M: f64 = 300.0;
/// Whoever arrives takes photos at once; those from before or long after say nothing of the arrival.
const PHOTOS_BEFORE: Span = Span::minutes(5);
const PHOTOS_AFTER: Span = Span::minutes(15);
/// The track of an arrival: the last of the way, and long enough after it to see somebody stay.
const TRACK_BEFORE: Span = Span::minutes(20);
const TRACK_AFTER: Span = Span::minutes(30);

/// One point of a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackPoint {
    /// Where.
    pub place: Point,
    /// Radius of the 68 % circle in metres.
    pub accuracy_m: Option<f64>,
    /// When it was measured, corrected.
    pub at: Instant,
    /// Whether the phone says that it is made up.
    pub mock: bool,
}

/// What is known of an arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The place of loss and how well it is known.
    pub scene: Option<(Point, Option<f64>)>,
    /// When the surveyor says they arrived.
    pub claimed_at: Instant,
    /// Where the phone was then.
    pub claimed: Option<TrackPoint>,
    /// The phone's track around that time, in any order.
    pub track: Vec<TrackPoint>,
    /// Where and when the surveyor took photos of the case, in any order.
    pub photos: Vec<TrackPoint>,
    /// Whether the customer confirmed it.
    pub confirmed: bool,
}

/// How well it is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Two things that do not depend on each other say so, and nothing speaks against it.
    Proven,
    /// Something says so.
    Plausible,
    /// Nothing says so, or something speaks against it.
    Doubtful,
}

impl Grade {
    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Plausible => "plausible",
            Self::Doubtful => "doubtful",
        }
    }
}

/// The judgement and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How well it is proven.
    pub grade: Grade,
    /// Codes of what speaks for it.
    pub for_it: Vec<&'static str>,
    /// Codes of what speaks against it, or must not be trusted.
    pub against: Vec<&'static str>,
    /// When the track first entered the fence to stay, if it did.
    pub entered_at: Option<Instant>,
}

/// Judges an arrival.
#[must_use]
pub fn judge(facts: &Facts) -> Proof {
    let mut track = facts.track.clone();
    // Points that come late are put where they belong.
    track.sort_by_key(|point| point.at);
    let (mut for_it, mut against) = (Vec::new(), Vec::new());
    suspicions(facts, &track, &mut against);
    let entered_at = facts.scene.and_then(|scene| stay(&track, scene));
    if let (Some(scene), Some(claimed)) = (facts.scene, facts.claimed.filter(|point| !point.mock)) {
        match inside(&claimed, scene) {
            true => for_it.push("claimed_inside"),
            false => against.push("claimed_outside"),
        }
    }
    if entered_at.is_some() {
        for_it.push("dwell_inside");
    }
    match photo_inside(facts) {
        Some(true) => for_it.push("photo_inside"),
        Some(false) => against.push("photo_outside"),
        None => {}
    }
    if facts.confirmed {
        for_it.push("customer_confirmed");
    }
    let grade = match (for_it.len(), against.is_empty()) {
        (2.., true) => Grade::Proven,
        (3.., false) | (1, true) => Grade::Plausible,
        // The customer's own word counts against a phone's.
        _ if facts.confirmed => Grade::Plausible,
        _ => Grade::Doubtful,
    };
    Proof { grade, for_it, against, entered_at }
}

/// When the photos of an arrival are taken.
#[must_use]
pub fn photo_times(claimed_at: Instant) -> RangeInclusive<Instant> {
    claimed_at - PHOTOS_BEFORE..=claimed_at + PHOTOS_AFTER
}

/// When the track of an arrival was driven.
#[must_use]
pub fn track_times(claimed_at: Instant) -> RangeInclusive<Instant> {
    claimed_at - TRACK_BEFORE..=claimed_at + TRACK_AFTER
}

fn photos(facts: &Facts) -> impl Iterator<Item = &TrackPoint> {
    let times = photo_times(facts.claimed_at);
    facts.photos.iter().filter(move |photo| times.contains(&photo.at))
}

/// Whether one of them was taken inside the fence; nothing is known without one that tells where.
fn photo_inside(facts: &Facts) -> Option<bool> {
    let scene = facts.scene?;
    let mut found = None;
    for photo in photos(facts).filter(|photo| tells(photo)) {
        found = Some(found.unwrap_or(false) || inside(photo, scene));
    }
    found
}

/// Whether a point is not made up, and no wider than can tell of a fence.
fn tells(point: &TrackPoint) -> bool {
    !point.mock && point.accuracy_m.is_none_or(|metres| metres <= WIDEST_M)
}

fn inside(point: &TrackPoint, (scene, scene_accuracy): (Point, Option<f64>)) -> bool {
    let doubt =
        point.accuracy_m.unwrap_or(0.0).min(WIDEST_M) + scene_accuracy.unwrap_or(0.0).min(WIDEST_M);
    point.place.distance_m(scene) - doubt <= FENCE_M
}

/// When the track entered the fence to stay. Leaving it for a moment, as jitter does, is no exit, and
/// passing through is no entry: so there is one arrival at most.
fn stay(track: &[TrackPoint], scene: (Point, Option<f64>)) -> Option<Instant> {
    let mut run: Option<(Instant, Instant)> = None;
    let mut outside: Option<Instant> = None;
    for point in track.iter().filter(|point| tells(point)) {
        let silent = run.is_some_and(|(_, last)| point.at.since(last) > GAP);
        if inside(point, scene) {
            outside = None;
            let from = run.filter(|_| !silent).map_or(point.at, |(from, _)| from);
            run = Some((from, point.at));
            if point.at.since(from) >= DWELL {
                return Some(from);
            }
        } else {
            let since = *outside.get_or_insert(point.at);
            // Out for longer than jitter lasts.
            if point.at.since(since) >= Span::minutes(1) {
                run = None;
            }
        }
    }
    None
}

fn suspicions(facts: &Facts, track: &[TrackPoint], against: &mut Vec<&'static str>) {
    let claimed_mock = facts.claimed.is_some_and(|point| point.mock);
    let mut seen = track.iter().chain(photos(facts));
    if claimed_mock || seen.any(|point| point.mock) {
        against.push("mock_location");
    }
    let pairs = || track.iter().zip(track.iter().skip(1));
    let too_fast = |(a, b): (&TrackPoint, &TrackPoint)| {
        let doubt = a.accuracy_m.unwrap_or(50.0) + b.accuracy_m.unwrap_or(50.0);
        let metres = (a.place.distance_m(b.place) - doubt).max(0.0);
        #[expect(clippy::as_conversions, reason = "minutes in milliseconds are exact in a double")]
        let seconds = b.at.since(a.at).0.max(1_000) as f64 / 1_000.0;
        metres / seconds > FASTEST_M_PER_S
    };
    if pairs().any(too_fast) {
        against.push("impossible_speed");
    }
    // Real fixes never agree to the last digit for long, unless the receiver repeats an old one.
    let same = |(a, b): &(&TrackPoint, &TrackPoint)| a.place == b.place && a.at < b.at;
    if pairs().filter(same).count() >= 5 {
        against.push("reused_fix");
    }
    if facts.claimed.is_none() {
        against.push("no_position");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Instant = Instant(1_750_000_000_000);

    fn place(metres_north: f64) -> Point {
        Point::new(30.0 + (metres_north / 6_371_008.8).to_degrees(), 120.0).unwrap()
    }

    fn at(seconds: i64, metres: f64) -> TrackPoint {
        TrackPoint {
            place: place(metres),
            accuracy_m: Some(10.0),
            at: NOON + Span::seconds(seconds),
            mock: false,
        }
    }

    fn facts(track: Vec<TrackPoint>) -> Facts {
        Facts {
            scene: Some((place(0.0), None)),
            claimed_at: NOON,
            claimed: Some(at(0, 5.0)),
            track,
            photos: vec![],
            confirmed: false,
        }
    }

    /// Drives up and stays for ten minutes.
    fn honest() -> Vec<TrackPoint> {
        let driving = (-10..0).map(|n| at(n * 60, -f64::from(i32::try_from(n).unwrap()) * 600.0));
        let staying = (0..20).map(|n| at(n * 30, f64::from(i32::try_from(n % 3).unwrap()) * 7.0));
        driving.chain(staying).collect()
    }

    fn codes(facts: &Facts) -> (Grade, Vec<&'static str>, Vec<&'static str>) {
        let proof = judge(facts);
        (proof.grade, proof.for_it, proof.against)
    }

    #[test]
    fn an_honest_arrival_is_proven_in_any_order_of_its_points() {
        let mut shuffled = facts(honest());
        let expected = (Grade::Proven, vec!["claimed_inside", "dwell_inside"], vec![]);
        assert_eq!(codes(&shuffled), expected);
        let entered = judge(&shuffled).entered_at;
        assert_eq!(entered, Some(NOON));
        for turn in [1, 7, 13, 29] {
            shuffled.track.rotate_left(turn);
            shuffled.track.reverse();
            assert_eq!(
                (codes(&shuffled), judge(&shuffled).entered_at),
                (expected.clone(), entered)
            );
        }
    }

    #[test]
    fn jitter_gives_one_arrival_and_passing_through_none() {
        // In and out of the fence every few seconds.
        let jitter = (0..40).map(|n| at(n * 10, if n % 4 == 0 { 230.0 } else { 180.0 }));
        assert_eq!(judge(&facts(jitter.collect())).entered_at, Some(NOON + Span::seconds(10)));
        let through: Vec<_> =
            (-20..20).map(|n| at(n * 10, f64::from(i32::try_from(n).unwrap()) * 150.0)).collect();
        assert_eq!(judge(&facts(through)).entered_at, None);
        // Two points with an hour between them say nothing about the hour.
        assert_eq!(judge(&facts(vec![at(0, 0.0), at(3_600, 0.0)])).entered_at, None);
    }

    #[test]
    fn a_photo_from_inside_the_fence_speaks_for_an_arrival() {
        let judged =
            |photos: &[TrackPoint]| codes(&Facts { photos: photos.to_vec(), ..facts(vec![]) });
        let claimed = (Grade::Plausible, vec!["claimed_inside"], vec![]);
        let proven = (Grade::Proven, vec!["claimed_inside", "photo_inside"], vec![]);
        let outside = (Grade::Doubtful, vec!["claimed_inside"], vec!["photo_outside"]);
        let wide = TrackPoint { accuracy_m: Some(301.0), ..at(60, 0.0) };
        for (photos, expected) in [
            (vec![], &claimed),
            (vec![at(60, 190.0)], &proven),
            (vec![at(60, 209.0)], &proven),
            (vec![at(60, 211.0)], &outside),
            // On the way there one may have been taken already.
            (vec![at(600, 20.0), at(-200, 900.0)], &proven),
            (vec![at(-300, 0.0)], &proven),
            (vec![at(900, 0.0)], &proven),
            // Too early or too late, or nowhere exactly: they say nothing.
            (vec![at(-301, 0.0), at(901, 0.0), at(-301, 900.0), wide], &claimed),
        ] {
            assert_eq!(judged(&photos), *expected, "{photos:?}");
        }
        let mock = TrackPoint { mock: true, ..at(60, 0.0) };
        let said = (Grade::Doubtful, vec!["claimed_inside"], vec!["mock_location"]);
        assert_eq!(judged(&[mock]), said);
        // What speaks against it blocks nothing, and the customer's word counts against it.
        let confirmed = Facts { photos: vec![at(60, 900.0)], confirmed: true, ..facts(vec![]) };
        assert_eq!(codes(&confirmed).0, Grade::Plausible);
        let nowhere = Facts { scene: None, photos: vec![at(60, 0.0)], ..facts(vec![]) };
        assert_eq!(codes(&nowhere).1, Vec::<&str>::new());
    }

    #[test]
    fn a_track_shows_the_way_and_the_stay() {
        let times = track_times(NOON);
        assert_eq!(times, NOON - Span::minutes(20)..=NOON + Span::minutes(30));
        assert!(
            times.contains(photo_times(NOON).start()) && times.contains(photo_times(NOON).end())
        );
    }

    #[test]
    fn what_must_not_be_trusted_is_said() {
        let mut mock = facts(honest());
        mock.claimed = Some(TrackPoint { mock: true, ..at(0, 0.0) });
        assert_eq!(codes(&mock), (Grade::Doubtful, vec!["dwell_inside"], vec!["mock_location"]));
        let teleport = facts(vec![at(-10, 90_000.0), at(0, 0.0)]);
        assert_eq!(codes(&teleport).2, ["impossible_speed"]);
        let reused = facts((0..10).map(|n| at(n * 30, 0.0)).collect());
        assert_eq!(codes(&reused).2, ["reused_fix"]);
        let mut far = facts(vec![]);
        far.claimed = Some(at(0, 900.0));
        assert_eq!(codes(&far), (Grade::Doubtful, vec![], vec!["claimed_outside"]));
        far.confirmed = true;
        assert_eq!(codes(&far).0, Grade::Plausible);
        let nothing = Facts { claimed: None, ..facts(vec![]) };
        assert_eq!(codes(&nothing), (Grade::Doubtful, vec![], vec!["no_position"]));
        assert_eq!(codes(&facts(vec![])).0, Grade::Plausible);
    }
}
