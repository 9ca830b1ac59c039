//! Looking for those who could be sent: neighbours by grid, then travel time, then a verdict.

use sync_core::{
    clock::ClockName,
    geo::Point,
    ids::{CaseId, PersonId},
    promise::ZoneClass,
    time::Instant,
};

use super::{
    clocks::{CaseClocks, JudgedZone, case_clocks},
    rules::{
        self, ArrivalLimit, ArrivalVerdict, Candidate, MOST_CANDIDATES, MOST_ESTIMATES, Surveyor,
        Travel, fresh_position,
    },
    store::{rosters, surveyors as store},
};
use crate::{
    app::App,
    db::Conn,
    error::ApiError,
    intake::{self, ReportedCase},
    ports::travel_time::{Goal, TravelTime},
};

/// Who could be sent to a case, best first.
pub(super) struct Found {
    pub(super) zone: JudgedZone,
    /// Whether the place is outside the branch's area, if its areas are told.
    pub(super) outside: Option<bool>,
    pub(super) limit: ArrivalLimit,
    pub(super) candidates: Vec<Candidate>,
}

/// Looks among the people of `branch_path` and below.
pub(super) fn search(
    conn: &mut Conn,
    app: &App,
    branch_path: &str,
    id: CaseId,
) -> Result<Found, ApiError> {
    let now = app.now();
    let case = intake::get_case(conn, id)?;
    let clocks = case_clocks(conn, id, now)?;
    let (now_in, outside) = app.zones.look(conn, branch_path, case.position)?;
    let zone = clocks.zone.unwrap_or(now_in);
    let limit = arrival_limit(&clocks, zone.class, now);
    let needs = rosters::find_needs(conn, id)?;
    let interested = rosters::list_interested(conn, &case.plate, &case.contact_phone)?;
    let shared = rosters::find_shared_path(conn, branch_path, now)?;
    let pool = shared.as_deref().unwrap_or(branch_path);
    let mut surveyors = store::list_surveyors(conn, pool, id, case.position, now)?;
    for surveyor in &mut surveyors {
        surveyor.declared = interested.contains(&surveyor.person.id);
        surveyor.unfit = !needs.fit(&surveyor.skills, &surveyor.vehicle_classes);
    }
    // A person knows more of the place than the zones do.
    let outside = if clocks.proxy_is_wanted { Some(true) } else { outside };
    let scene = case.position.map(|place| Goal { place, zone: zone.told() });
    let travels = travels(&surveyors, scene, app.ports.travel_time.as_ref(), now);
    let candidates = ranked(surveyors, travels, &case, &limit, now);
    Ok(Found { zone, outside, limit, candidates })
}

/// The limit that runs already, or the one that would begin with sending somebody now.
fn arrival_limit(clocks: &CaseClocks, class: ZoneClass, now: Instant) -> ArrivalLimit {
    let running = clocks.states.iter().find(|state| state.clock == ClockName::Arrival);
    let (started_at, limit_at) = running
        .and_then(|state| state.started_at.zip(state.limit_at))
        .unwrap_or_else(|| (now, now + clocks.profile.span(ClockName::Arrival, class)));
    let warn_percent = clocks.profile.warn_percent(ClockName::Arrival);
    ArrivalLimit { started_at, limit_at, warn_percent }
}

fn ranked(
    surveyors: Vec<Surveyor>,
    mut travels: Vec<Option<Travel>>,
    case: &ReportedCase,
    limit: &ArrivalLimit,
    now: Instant,
) -> Vec<Candidate> {
    travels.resize(surveyors.len(), None);
    let judge = |(surveyor, travel): (Surveyor, Option<Travel>)| {
        let interest = rules::interest(&surveyor, &case.customer_name, &case.contact_phone);
        rules::judge(surveyor, travel, interest, limit, now)
    };
    let mut candidates: Vec<Candidate> = surveyors.into_iter().zip(travels).map(judge).collect();
    rules::rank(&mut candidates);
    candidates.truncate(MOST_CANDIDATES);
    candidates
}

/// Travel of each surveyor, asked for those who are nearest as the crow flies.
fn travels(
    surveyors: &[Surveyor],
    scene: Option<Goal>,
    travel_time: &dyn TravelTime,
    now: Instant,
) -> Vec<Option<Travel>> {
    let Some(goal) = scene else { return Vec::new() };
    let scene = goal.place;
    let places: Vec<Option<Point>> =
        surveyors.iter().map(|surveyor| fresh_position(surveyor, now).or(surveyor.home)).collect();
    let mut distances: Vec<f64> = places.iter().flatten().map(|p| p.distance_m(scene)).collect();
    distances.sort_by(f64::total_cmp);
    let farthest = distances.get(MOST_ESTIMATES).copied().unwrap_or(f64::INFINITY);
    let near = |place: &Option<Point>| place.filter(|place| place.distance_m(scene) <= farthest);
    let wanted: Vec<Point> = places.iter().filter_map(near).collect();
    let mut estimates = travel_time.estimate_all(&wanted, goal, now).into_iter();
    let travel = |place: Option<Point>| {
        near(&place)?;
        let estimate = estimates.next()?;
        Some(Travel {
            span: estimate.span,
            distance_m: estimate.distance_m,
            uncertainty: estimate.uncertainty,
            source: estimate.source,
        })
    };
    places.into_iter().map(travel).collect()
}

/// Who could be sent to a case, in short.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// Whether the case is outside the branch's area, if its areas are told: then nobody of it is asked.
    pub outside: Option<bool>,
    /// How many could be there in time.
    pub in_time: usize,
    /// The best: id, name, verdict, when they would be there.
    pub first: Vec<(PersonId, String, &'static str, Option<Instant>)>,
}

/// Who could be sent to a case of a branch, in short.
///
/// # Errors
/// `not_found` when there is no such case.
pub fn best_candidates(
    conn: &mut Conn,
    app: &App,
    branch_path: &str,
    id: CaseId,
    most: usize,
) -> Result<Best, ApiError> {
    let Found { outside, candidates: found, .. } = search(conn, app, branch_path, id)?;
    let could: Vec<&Candidate> = found.iter().filter(|c| c.may_be_asked()).collect();
    let in_time = |candidate: &&&Candidate| {
        matches!(candidate.verdict, ArrivalVerdict::InTime | ArrivalVerdict::AtRisk)
    };
    let short = |candidate: &&Candidate| {
        let person = &candidate.surveyor.person;
        (person.id, person.name.clone(), candidate.verdict.as_str(), candidate.expected_at)
    };
    Ok(Best {
        outside,
        in_time: could.iter().filter(in_time).count(),
        first: could.iter().take(most).map(short).collect(),
    })
}
