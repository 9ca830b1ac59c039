//! Who could be sent to a case.

use actix_web::{get, web};
use api_spec::dispatch::{CandidateResponse, CandidatesResponse};
use sync_core::{ids::CaseId, time::Instant};

use super::{
    super::{
        rules::Candidate,
        search::{Found, search},
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
    let branch_path = case_log::see(conn, actor, id)?.facts.branch_path;
    let found = search(conn, app, &branch_path, id)?;
    Ok(response(id, found, app.now()))
}

fn response(id: CaseId, found: Found, now: Instant) -> CandidatesResponse {
    let limit_at = found.limit.limit_at;
    let candidate = |candidate: Candidate| CandidateResponse {
        verdict: candidate.verdict.as_str().to_owned(),
        margin_ms: candidate.expected_at.map(|at| limit_at.since(at).0),
        uncertainty_ms: candidate.travel.as_ref().map(|travel| travel.uncertainty.0),
        on_shift: candidate.surveyor.on_shift,
        fit: !candidate.surveyor.unfit,
        being_asked: candidate.surveyor.asked,
        work_left_ms: candidate.surveyor.work_left.0,
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
        zone_class: found.zone.class.to_string(),
        zone_version: found.zone.version,
        out_of_area: found.outside,
        arrival_limit_at: wire::time(limit_at),
        candidates: found.candidates.into_iter().map(candidate).collect(),
    }
}
