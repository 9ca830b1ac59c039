//! Handlers of the audit.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    draft::{
        Amendment, AmendmentsResponse, CompareDraftQuery, CompareDraftResponse, DraftHistoryQuery,
        DraftHistoryResponse, ReviewAmendmentRequest,
    },
    problem::FieldError,
};
use sync_core::ids::CaseId;
use uuid::Uuid;

use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Command, IdPath, Query},
    case_log,
    draft::{
        history::{self, Asked},
        rules::Review,
    },
    error::ApiError,
    idempotency::{self, Reply},
    wire::Fields,
};

/// Who changed what in a draft, and when
///
/// In the order in which the server learned of it; each change against what its writer saw.
#[utoipa::path(operation_id = "get_draft_history", tag = "draft", params(("id" = uuid::Uuid, Path, description = "case"), DraftHistoryQuery), responses((status = 200, description = "changes", body = DraftHistoryResponse)))]
#[get("/cases/{id}/draft/history")]
pub async fn get_draft_history(
    app: web::Data<App>,
    actor: By<op::GetDraftHistory>,
    id: IdPath<CaseId>,
    query: Query<DraftHistoryQuery>,
) -> Result<web::Json<DraftHistoryResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    app.db.read(move |conn| case_log::see(conn, &actor, id).map(|_| ())).await?;
    let after = query.0.after.unwrap_or(0);
    Ok(web::Json(history::history(&app, id, after, query.0.limit).await?))
}

/// What differs between two states of a draft
#[utoipa::path(operation_id = "compare_draft", tag = "draft", params(("id" = uuid::Uuid, Path, description = "case"), CompareDraftQuery), responses((status = 200, description = "the difference", body = CompareDraftResponse)))]
#[get("/cases/{id}/draft/difference")]
pub async fn compare_draft(
    app: web::Data<App>,
    actor: By<op::CompareDraft>,
    id: IdPath<CaseId>,
    query: Query<CompareDraftQuery>,
) -> Result<web::Json<CompareDraftResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    app.db.read(move |conn| case_log::see(conn, &actor, id).map(|_| ())).await?;
    Ok(web::Json(history::compare(&app, id, query.0.from, query.0.to).await?))
}

/// What was written after a version was frozen, agreed or the case was closed
///
/// The version stays as it was; each entry tells what a push changed in the draft, field by field.
#[utoipa::path(operation_id = "list_amendments", tag = "draft", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "amendments", body = AmendmentsResponse)))]
#[get("/cases/{id}/draft/amendments")]
pub async fn list_amendments(
    app: web::Data<App>,
    actor: By<op::ListAmendments>,
    id: IdPath<CaseId>,
) -> Result<web::Json<AmendmentsResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let found = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, id)?;
            history::amendments(conn, id)
        })
        .await?;
    Ok(web::Json(found))
}

/// Decide on what was written after a version was frozen, agreed or the case was closed
///
/// Acknowledged, what it came after stands and nobody has to look again; for a new version it stays on
/// the list until one is frozen. 409 with reason `already_covered`, `already_decided`, `own_work` (nobody
/// acknowledges what they wrote), `case_closed` (no version comes any more).
#[utoipa::path(operation_id = "review_amendment", tags = ["draft", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("amendment_id" = uuid::Uuid, Path, description = "amendment")), request_body = ReviewAmendmentRequest, responses((status = 200, description = "decided", body = Amendment)))]
#[post("/cases/{id}/draft/amendments/{amendment_id}/review")]
pub async fn review_amendment(
    app: web::Data<App>,
    actor: By<op::ReviewAmendment>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
    command: Command<ReviewAmendmentRequest>,
) -> Result<HttpResponse, ApiError> {
    let Command { value, key } = command;
    let amendment_id: Uuid = path.1.parse().map_err(|_| ApiError::not_found())?;
    let mut fields = Fields::default();
    let review = fields.keep(
        Review::parse(&value.decision)
            .ok_or_else(|| FieldError::new("decision", "unknown", "acknowledge or new_version")),
    );
    let reason = fields.text("reason", &value.reason, 1, 500);
    let (Some(review), Some(reason)) = (review, reason) else { return Err(fields.refused()) };
    let asked = Asked { case_id: id.0, amendment_id, review, reason };
    let (author, inner) = (actor.into_actor(), app.clone());
    idempotency::once(&app, author.person.to_string(), key, move |conn| {
        Reply::ok(&history::review(conn, &inner, &author, &asked)?)
    })
    .await
}
