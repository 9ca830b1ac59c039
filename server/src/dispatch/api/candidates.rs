//! Who could be sent to a case.

use actix_web::{get, web};
use api_spec::dispatch::{CandidateResponse, CandidatesResponse};
use sync_core::{clock::ClockName, geo::Point, ids::CaseId, promise::ZoneClass, time::Instant};

use super::{
    super::{
        clocks::{CaseClocks, JudgedZone, case_clocks},
        rules::{
            self, ArrivalLimit, Candidate, MOST_CANDIDATES, MOST_ESTIMATES, Surveyor, Travel,
            fresh_position,
        },
        store::surveyors as store,
    },
    surveyor,
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::IdPath,
    case_log,
    db::Conn,
    error::ApiError,
    intake::{self, ReportedCase},
    ports::travel_time::TravelTime,
    wire,
};

/// Who could be sent to a case, best first
///
/// Active surveyors of the case's branch and those below it, by when they are expected at the scene:
/// travel from a position of the last 30 minutes, and the work they have not finished. The verdict
/// says whether that keeps the promise of 30 or 60 minutes (C09).
#[utoipa::path(operation_id = "list_candidates", tag = "dispatch", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "candidates", body = CandidatesResponse)))]
#[get("/cases/{id}/candidates")]
pub async fn list_candidates(
    app: web::Data<App>,
    actor: By<op::ListCandidates>,
    id: IdPath<CaseId>,
) -> Result<web::Json<CandidatesResponse>, ApiError> {
    let (actor, id, inner) = (actor.into_actor(), id.0, app.clone());
    let response = app.db.read(move |conn| candidates(conn, &inner, &actor, id)).await?;
    Ok(web::Json(response))
}

fn candidates(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    id: CaseId,
) -> Result<CandidatesResponse, ApiError> {
    let now = app.now();
    let branch_path = case_log::see(conn, actor, id)?.facts.branch_path;
    let case = intake::get_case(conn, id)?;
    let clocks = case_clocks(conn, id, now)?;
    let zone = match clocks.zone {
        Some(zone) => zone,
        None => app.zones.judge(conn, &branch_path, case.position)?,
    };
    let limit = arrival_limit(&clocks, zone.class, now);
    let surveyors = store::list_surveyors(conn, &branch_path, id)?;
    let ranked = ranked(surveyors, &case, &limit, app.ports.travel_time.as_ref(), now);
    let limit_at = wire::time(limit.limit_at);
    Ok(response(id, zone, limit_at, ranked, now))
}

/// The limit that runs already, or the one that would begin with sending somebody now.
fn arrival_limit(clocks: &CaseClocks, class: ZoneClass, now: Instant) -> ArrivalLimit {
    let running = clocks.states.iter().find(|state| state.clock == ClockName::Arrival);
    let (started_at, limit_at) = running
        .and_then(|state| state.started_at.zip(state.limit_at))
        .unwrap_or_else(|| (now, now + clocks.profile.span(ClockName::Arrival, class)));
    ArrivalLimit {
        started_at,
        limit_at,
        warn_percent: clocks.profile.warn_percent(ClockName::Arrival),
    }
}

fn ranked(
    surveyors: Vec<Surveyor>,
    case: &ReportedCase,
    limit: &ArrivalLimit,
    travel_time: &dyn TravelTime,
    now: Instant,
) -> Vec<Candidate> {
    let mut travels = travels(&surveyors, case.position, travel_time, now);
    travels.resize(surveyors.len(), None);
    let judge = |(surveyor, travel): (Surveyor, Option<Travel>)| {
        let interest = rules::interest(&surveyor.person, &case.customer_name, &case.contact_phone);
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
    scene: Option<Point>,
    travel_time: &dyn TravelTime,
    now: Instant,
) -> Vec<Option<Travel>> {
    let Some(scene) = scene else { return Vec::new() };
    let places: Vec<Option<Point>> =
        surveyors.iter().map(|surveyor| fresh_position(surveyor, now)).collect();
    let mut distances: Vec<f64> = places.iter().flatten().map(|p| p.distance_m(scene)).collect();
    distances.sort_by(f64::total_cmp);
    let farthest = distances.get(MOST_ESTIMATES).copied().unwrap_or(f64::INFINITY);
    let travel = |place: Option<Point>| {
        let place = place.filter(|place| place.distance_m(scene) <= farthest)?;
        let estimate = travel_time.estimate(place, scene);
        Some(Travel {
            span: estimate.span,
            distance_m: estimate.distance_m,
            source: estimate.source,
        })
    };
    places.into_iter().map(travel).collect()
}

fn response(
    id: CaseId,
    zone: JudgedZone,
    arrival_limit_at: chrono::DateTime<chrono::Utc>,
    ranked: Vec<Candidate>,
    now: Instant,
) -> CandidatesResponse {
    let candidate = |candidate: Candidate| CandidateResponse {
        verdict: candidate.verdict.as_str().to_owned(),
        travel_ms: candidate.travel.as_ref().map(|travel| travel.span.0),
        distance_m: candidate.travel.as_ref().map(|travel| wire::whole_metres(travel.distance_m)),
        estimate_source: candidate.travel.map(|travel| travel.source.to_owned()),
        expected_at: candidate.expected_at.map(wire::time),
        position_age_ms: candidate.surveyor.position.map(|(_, at)| now.since(at).0.max(0)),
        open_tasks: candidate.surveyor.open_tasks,
        declined: candidate.surveyor.declined,
        interest: candidate.interest.map(|interest| interest.as_str().to_owned()),
        surveyor: {
            let person = candidate.surveyor.person;
            surveyor(person.id, person.name, person.staff_no)
        },
    };
    CandidatesResponse {
        case_id: id.into(),
        zone_class: zone.class.to_string(),
        zone_version: zone.version,
        arrival_limit_at,
        candidates: ranked.into_iter().map(candidate).collect(),
    }
}
