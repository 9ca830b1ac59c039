//! Handlers of what is held beside the draft: late work and quarantine.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    draft::{
        DecideQuarantineRequest, HandInDraftRequest, HandInDraftResponse, LateWorkResponse,
        ListQuarantineQuery, QuarantineEntry, QuarantineResponse, TakeLateWorkRequest,
        TakeLateWorkResponse,
    },
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};
use sync_core::{ids::CaseId, model::schema::Path};
use uuid::Uuid;

use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Body, Command, IdPath, Query},
    case_log,
    db::page::{Cursor, page},
    draft::{
        late_work::{self, Take},
        quarantine::{self, Decision},
        store::{self, Decided, Quarantined, Which},
    },
    error::ApiError,
    wire::Fields,
};

/// Most places that are taken over at once.
const MOST_PATHS: usize = 200;

/// Late work of earlier surveyors
///
/// What came in after somebody else was sent to the case; it is not in the draft.
#[utoipa::path(operation_id = "list_late_work", tag = "draft", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "late work", body = LateWorkResponse)))]
#[get("/cases/{id}/draft/late-work")]
pub async fn list_late_work(
    app: web::Data<App>,
    actor: By<op::ListLateWork>,
    id: IdPath<CaseId>,
) -> Result<web::Json<LateWorkResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    app.db.read(move |conn| case_log::see(conn, &actor, id).map(|_| ())).await?;
    Ok(web::Json(late_work::list(&app, id).await?))
}

/// Take late work over into the draft
///
/// In whole it enters under its writer's name, and meets what others wrote as any concurrent work does;
/// by place it is written again in yours. 409 with reason `late_work_changed` when more of it came in
/// since, `late_work_decided`, `cannot_take` with the path, `nothing_to_take`.
#[utoipa::path(operation_id = "take_late_work", tags = ["draft", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("late_id" = uuid::Uuid, Path, description = "late work")), request_body = TakeLateWorkRequest, responses((status = 200, description = "decided", body = TakeLateWorkResponse)))]
#[post("/cases/{id}/draft/late-work/{late_id}/take")]
pub async fn take_late_work(
    app: web::Data<App>,
    actor: By<op::TakeLateWork>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
    command: Command<TakeLateWorkRequest>,
) -> Result<HttpResponse, ApiError> {
    let take = take(&command.value)?;
    let late_id: Uuid = path.1.parse().map_err(|_| ApiError::not_found())?;
    let body = late_work::take(&app, actor.into_actor(), id.0, late_id, command.key, take).await?;
    Ok(super::json(body))
}

fn take(request: &TakeLateWorkRequest) -> Result<Take, ApiError> {
    match request.take.as_str() {
        "whole" => return Ok(Take::Whole),
        "close" => return Ok(Take::Close),
        "items" => {}
        _ => {
            return Err(ApiError::invalid_field("take", "unknown", "whole, items or close"));
        }
    }
    if !(1..=MOST_PATHS).contains(&request.paths.len()) {
        let allowed = format!("1 to {MOST_PATHS} places");
        return Err(ApiError::invalid_field("paths", "out_of_range", allowed));
    }
    let mut fields = Fields::default();
    let parsed = |(n, text): (usize, &String)| {
        fields.keep(Path::parse(text).ok_or_else(|| {
            FieldError::new(format!("paths[{n}]"), "unknown", "a place in the draft")
        }))
    };
    let paths: Vec<Option<Path>> = request.paths.iter().enumerate().map(parsed).collect();
    match paths.into_iter().collect() {
        Some(paths) => Ok(Take::Items(paths)),
        None => Err(fields.refused()),
    }
}

/// Hand in changes of a device that was revoked
///
/// No log-in: the signature of the device's key is the proof. The changes are put aside for a manager,
/// neither merged nor dropped; nothing of the case is told. Anything else answers 401.
#[utoipa::path(operation_id = "hand_in_draft", tag = "draft", params(("id" = uuid::Uuid, Path, description = "case")), request_body = HandInDraftRequest, responses((status = 200, description = "put aside", body = HandInDraftResponse), (status = 401, description = "not signed by a revoked device", body = Problem, content_type = "application/problem+json"), (status = 429, description = "more than is kept", body = Problem, content_type = "application/problem+json")))]
#[post("")]
pub async fn hand_in_draft(
    app: web::Data<App>,
    id: IdPath<CaseId>,
    body: Body<HandInDraftRequest>,
) -> Result<web::Json<HandInDraftResponse>, ApiError> {
    quarantine::hand_in(&app, id.0, body.value).await?;
    Ok(web::Json(HandInDraftResponse { status: "quarantined".into() }))
}

/// Changes that were put aside, newest first
#[utoipa::path(operation_id = "list_quarantine", tag = "draft", params(ListQuarantineQuery), responses((status = 200, description = "a page", body = Page<QuarantineEntry>)))]
#[get("/quarantine")]
pub async fn list_quarantine(
    app: web::Data<App>,
    actor: By<op::ListQuarantine>,
    query: Query<ListQuarantineQuery>,
) -> Result<web::Json<Page<QuarantineEntry>>, ApiError> {
    let ListQuarantineQuery { case_id, state, cursor, limit } = query.0;
    let decided = match state.as_deref() {
        None => None,
        Some("open") => Some(Decided::No),
        Some("decided") => Some(Decided::Yes),
        Some(_) => return Err(ApiError::invalid_field("state", "unknown", "open or decided")),
    };
    let paging = PageQuery { cursor, limit };
    let which = Which {
        branch_path: actor.branch_path.clone(),
        case_id: case_id.map(CaseId),
        decided,
        after: Cursor::of(&paging)?,
        limit: i64::from(paging.size()) + 1,
    };
    let rows = app.db.read(move |conn| store::list_quarantined(conn, &which)).await?;
    let cursor = |row: &Quarantined| Cursor { at_ms: row.received_at.0, id: row.id.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, quarantine::entry)))
}

/// Quarantined changes, with what they would do now
#[utoipa::path(operation_id = "get_quarantine", tag = "draft", params(("id" = uuid::Uuid, Path, description = "quarantine entry")), responses((status = 200, description = "the changes", body = QuarantineResponse)))]
#[get("/quarantine/{id}")]
pub async fn get_quarantine(
    app: web::Data<App>,
    actor: By<op::GetQuarantine>,
    id: IdPath<Uuid>,
) -> Result<web::Json<QuarantineResponse>, ApiError> {
    Ok(web::Json(quarantine::get(&app, actor.into_actor(), id.0).await?))
}

/// Decide on quarantined changes
///
/// 409 with reason `not_admissible` and the rule when the gate does not let them in, `already_decided`.
#[utoipa::path(operation_id = "decide_quarantine", tags = ["draft", "command"], params(("id" = uuid::Uuid, Path, description = "quarantine entry")), request_body = DecideQuarantineRequest, responses((status = 200, description = "decided", body = QuarantineEntry)))]
#[post("/quarantine/{id}/decide")]
pub async fn decide_quarantine(
    app: web::Data<App>,
    actor: By<op::DecideQuarantine>,
    id: IdPath<Uuid>,
    command: Command<DecideQuarantineRequest>,
) -> Result<HttpResponse, ApiError> {
    let Command { value, key } = command;
    let mut fields = Fields::default();
    let decision = fields.keep(
        Decision::parse(&value.decision)
            .ok_or_else(|| FieldError::new("decision", "unknown", "admit or discard")),
    );
    let reason = fields.text("reason", &value.reason, 1, 500);
    let (Some(decision), Some(reason)) = (decision, reason) else {
        return Err(fields.refused());
    };
    let body = quarantine::decide(&app, actor.into_actor(), id.0, key, decision, reason).await?;
    Ok(super::json(body))
}
