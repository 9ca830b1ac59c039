//! Handlers of the audit.

use actix_web::{get, web};
use api_spec::draft::{
    AmendmentsResponse, CompareDraftQuery, CompareDraftResponse, DraftHistoryQuery,
    DraftHistoryResponse,
};
use sync_core::ids::CaseId;

use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{IdPath, Query},
    case_log,
    draft::history,
    error::ApiError,
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
