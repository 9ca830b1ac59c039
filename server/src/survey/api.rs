//! Handlers.

use actix_web::{get, post, web};
use api_spec::survey::{
    AgreeArrivalRequest, ClockResponse, ClocksResponse, CompleteSurveyRequest, FieldEventResponse,
    NotifyDelayRequest, RecordArrivalRequest, RecordContactRequest, WaiveSurveyRequest,
};
use sync_core::{
    clock::{ClockState, next_limit},
    ids::CaseId,
    time::Instant,
};

use super::{
    check::{Checked, FieldRequest},
    command::apply_command,
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Body, IdPath},
    case_log::{self, Appended},
    dispatch::{CaseClocks, case_clocks},
    error::ApiError,
    intake, wire,
};

type Answer = Result<web::Json<FieldEventResponse>, ApiError>;

/// You called the customer
///
/// The clock of first contact stops when the customer was reached; a failed attempt is kept (C06).
#[utoipa::path(operation_id = "record_contact", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), request_body = RecordContactRequest, responses((status = 200, description = "written down", body = FieldEventResponse)))]
#[post("/cases/{id}/contacts")]
pub async fn record_contact(
    app: web::Data<App>,
    actor: By<op::RecordContact>,
    id: IdPath<CaseId>,
    body: Body<RecordContactRequest>,
) -> Answer {
    write_down(app, actor.into_actor(), id, body).await
}

/// You told the customer of a delay
///
/// A delay told before the limit runs out is explained, not a broken promise (C10).
#[utoipa::path(operation_id = "notify_delay", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), request_body = NotifyDelayRequest, responses((status = 200, description = "written down", body = FieldEventResponse)))]
#[post("/cases/{id}/delay-notices")]
pub async fn notify_delay(
    app: web::Data<App>,
    actor: By<op::NotifyDelay>,
    id: IdPath<CaseId>,
    body: Body<NotifyDelayRequest>,
) -> Answer {
    write_down(app, actor.into_actor(), id, body).await
}

/// You agreed on another time of arrival with the customer
///
/// It becomes the arrival limit, unless the limit had run out before (A6).
#[utoipa::path(operation_id = "agree_arrival", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), request_body = AgreeArrivalRequest, responses((status = 200, description = "written down", body = FieldEventResponse)))]
#[post("/cases/{id}/agreed-arrivals")]
pub async fn agree_arrival(
    app: web::Data<App>,
    actor: By<op::AgreeArrival>,
    id: IdPath<CaseId>,
    body: Body<AgreeArrivalRequest>,
) -> Answer {
    write_down(app, actor.into_actor(), id, body).await
}

/// You reached the scene
///
/// The distance from the place of loss is judged and kept; no arrival is refused for it (C09).
#[utoipa::path(operation_id = "record_arrival", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), request_body = RecordArrivalRequest, responses((status = 200, description = "written down", body = FieldEventResponse)))]
#[post("/cases/{id}/arrivals")]
pub async fn record_arrival(
    app: web::Data<App>,
    actor: By<op::RecordArrival>,
    id: IdPath<CaseId>,
    body: Body<RecordArrivalRequest>,
) -> Answer {
    write_down(app, actor.into_actor(), id, body).await
}

/// Nobody needs to go to the scene
///
/// A customer who insists is visited, unless there is an exception (C07, C08).
#[utoipa::path(operation_id = "waive_survey", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), request_body = WaiveSurveyRequest, responses((status = 200, description = "written down", body = FieldEventResponse)))]
#[post("/cases/{id}/survey-waivers")]
pub async fn waive_survey(
    app: web::Data<App>,
    actor: By<op::WaiveSurvey>,
    id: IdPath<CaseId>,
    body: Body<WaiveSurveyRequest>,
) -> Answer {
    write_down(app, actor.into_actor(), id, body).await
}

/// The survey is complete
///
/// Your task is done with it (C13, C15).
#[utoipa::path(operation_id = "complete_survey", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), request_body = CompleteSurveyRequest, responses((status = 200, description = "written down", body = FieldEventResponse)))]
#[post("/cases/{id}/survey-completions")]
pub async fn complete_survey(
    app: web::Data<App>,
    actor: By<op::CompleteSurvey>,
    id: IdPath<CaseId>,
    body: Body<CompleteSurveyRequest>,
) -> Answer {
    write_down(app, actor.into_actor(), id, body).await
}

async fn write_down<T: FieldRequest>(
    app: web::Data<App>,
    actor: Actor,
    id: IdPath<CaseId>,
    body: Body<T>,
) -> Answer {
    let Checked { command, receipt } = body.value.check(id.0, app.now())?;
    let response = app
        .db
        .write(move |conn| {
            let appended = apply_command(conn, &actor, &command, &receipt)?;
            let event = case_log::entries(conn, command.case_id)?
                .into_iter()
                .find(|entry| entry.id == command.id)
                .ok_or_else(|| ApiError::internal("the event is missing"))?;
            let (status, already_known) = match appended {
                Appended::New(status) => (status, false),
                Appended::Known(status) => (status, true),
            };
            let event = intake::event_response(event);
            Ok(FieldEventResponse { event, case_status: status.to_string(), already_known })
        })
        .await?;
    Ok(web::Json(response))
}

/// How the promises of a case stand
///
/// Computed from the case's log at every call, by when things happened (A5.9).
#[utoipa::path(operation_id = "get_clocks", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the clocks", body = ClocksResponse)))]
#[get("/cases/{id}/clocks")]
pub async fn get_clocks(
    app: web::Data<App>,
    actor: By<op::GetClocks>,
    id: IdPath<CaseId>,
) -> Result<web::Json<ClocksResponse>, ApiError> {
    let (actor, id, now) = (actor.into_actor(), id.0, app.now());
    let clocks = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, id)?;
            case_clocks(conn, id, now)
        })
        .await?;
    Ok(web::Json(clocks_response(id, clocks, now)))
}

fn clocks_response(id: CaseId, clocks: CaseClocks, now: Instant) -> ClocksResponse {
    ClocksResponse {
        case_id: id.into(),
        as_of: wire::time(now),
        promise_code: clocks.profile.code,
        promise_version: clocks.profile.version,
        zone_class: clocks.zone.map(|zone| zone.class.to_string()),
        zone_version: clocks.zone.and_then(|zone| zone.version),
        next: next_limit(&clocks.states).map(|state| state.clock.to_string()),
        clocks: clocks.states.iter().map(|state| clock_response(state, now)).collect(),
    }
}

fn clock_response(state: &ClockState, now: Instant) -> ClockResponse {
    let margin = state.limit_at.map(|limit| limit.since(state.stopped_at.unwrap_or(now)).0);
    ClockResponse {
        clock: state.clock.to_string(),
        verdict: state.verdict.as_str().to_owned(),
        started_at: state.started_at.map(wire::time),
        limit_at: state.limit_at.map(wire::time),
        stopped_at: state.stopped_at.map(wire::time),
        stop_recorded_at: state.stop_recorded_at.map(wire::time),
        margin_ms: margin,
        confidence: state.confidence.to_string(),
        cleared_by_late_sync: state.was_cleared_late(),
    }
}
