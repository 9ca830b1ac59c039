//! Handlers.

pub(super) mod held;
pub(super) mod history;

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    draft::{
        DraftResponse, GetDraftQuery, IssueDraftActorRequest, IssueDraftActorResponse,
        SettleConflictRequest, SettleConflictResponse, SyncDraftRequest, SyncDraftResponse,
    },
    problem::{FieldError, Problem},
};
use sync_core::{ids::CaseId, model::schema::Path};

use super::{
    open::{self, Ask},
    read,
    settle::{self, Decision},
    wire,
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Answer, Command, IdPath, Query},
    case_log,
    error::ApiError,
    wire::Fields,
};

/// Get an actor to write to a draft under
///
/// An actor id belongs to one person, one installation and one case. The first one begins the draft.
/// The answer holds the whole draft, so a device can go offline with it.
#[utoipa::path(operation_id = "issue_draft_actor", tags = ["draft", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = IssueDraftActorRequest, responses((status = 200, description = "the actor and the draft", body = IssueDraftActorResponse), (status = 423, description = "the case is closed", body = Problem, content_type = "application/problem+json")))]
#[post("/cases/{id}/draft/actors")]
pub async fn issue_draft_actor(
    app: web::Data<App>,
    actor: By<op::IssueDraftActor>,
    id: IdPath<CaseId>,
    command: Command<IssueDraftActorRequest>,
) -> Result<web::Json<IssueDraftActorResponse>, ApiError> {
    let Command { value, key } = command;
    let replaces = value.replaces.map(|text| wire::actor("replaces", &text)).transpose();
    let replaces = replaces.map_err(|refused| ApiError::invalid(vec![refused]))?;
    let author = actor.into_actor();
    let ask = Ask { case_id: id.0, author, key, install_id: value.install_id, replaces };
    Ok(web::Json(open::issue(&app, ask).await?))
}

/// Push changes of a draft and pull what is missing
///
/// JSON or CBOR (`Content-Type`, and `Accept` for the answer; changes and documents are byte strings
/// then), packed with gzip or not. One exchange does both; without changes it only pulls. The Idempotency-Key names the push: a retry
/// gets the same answer. Refusals take nothing: `actor_reused` (get a new actor), `seq_gap` (send from
/// `facts.expected_seq`), `unknown_deps`, `epoch_over` (open the draft anew), `too_large`,
/// `quarantined` (`facts.rule` and `facts.path` say why). Work that comes after a version was frozen, agreed
/// or the case closed is taken and listed as an amendment; work of somebody who is not sent to the case
/// any more is held beside the draft.
#[utoipa::path(operation_id = "sync_draft", tags = ["draft", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = SyncDraftRequest, responses((status = 200, description = "what was taken, and what you lack", body = SyncDraftResponse), (status = 410, description = "another draft document", body = Problem, content_type = "application/problem+json"), (status = 423, description = "the case is closed", body = Problem, content_type = "application/problem+json")))]
#[post("")]
pub async fn sync_draft(
    app: web::Data<App>,
    actor: By<op::SyncDraft>,
    id: IdPath<CaseId>,
    answer: Answer,
    command: Command<SyncDraftRequest>,
) -> Result<HttpResponse, ApiError> {
    let Command { value, key } = command;
    answer.ok(super::sync(&app, actor.into_actor(), id.0, key.key, value).await?)
}

/// The draft of a case, with its conflicts
///
/// With `lsn` as it stood at that number of its log, without conflicts.
#[utoipa::path(operation_id = "get_draft", tag = "draft", params(("id" = uuid::Uuid, Path, description = "case"), GetDraftQuery), responses((status = 200, description = "the draft", body = DraftResponse)))]
#[get("/cases/{id}/draft")]
pub async fn get_draft(
    app: web::Data<App>,
    actor: By<op::GetDraft>,
    id: IdPath<CaseId>,
    query: Query<GetDraftQuery>,
) -> Result<web::Json<DraftResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    app.db.read(move |conn| case_log::see(conn, &actor, id).map(|_| ())).await?;
    Ok(web::Json(match query.0.lsn {
        None => read::response(&app, id).await?,
        Some(lsn) => read::past(&app, id, lsn).await?,
    }))
}

/// Settle a conflict of a draft
///
/// Writes the value over all that stand there, as a change of yours.
#[utoipa::path(operation_id = "settle_conflict", tags = ["draft", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = SettleConflictRequest, responses((status = 200, description = "settled", body = SettleConflictResponse), (status = 423, description = "the case is closed", body = Problem, content_type = "application/problem+json")))]
#[post("/cases/{id}/draft/conflicts/settle")]
pub async fn settle_conflict(
    app: web::Data<App>,
    actor: By<op::SettleConflict>,
    id: IdPath<CaseId>,
    command: Command<SettleConflictRequest>,
) -> Result<HttpResponse, ApiError> {
    let decision = decision(command.value)?;
    let body = settle::settle(&app, actor.into_actor(), id.0, command.key, decision).await?;
    Ok(json(body))
}

fn decision(request: SettleConflictRequest) -> Result<Decision, ApiError> {
    let mut fields = Fields::default();
    let path = Path::parse(&request.path).filter(|path| path.field.is_some()).ok_or_else(|| {
        FieldError::new("path", "unknown", "a field of the draft such as scene/occurred_at_ms")
    });
    let path = fields.keep(path);
    let reason = match &request.reason {
        Some(reason) => fields.text("reason", reason, 1, 500).map(Some),
        None => Some(None),
    };
    let (Some(path), Some(reason)) = (path, reason) else { return Err(fields.refused()) };
    let value = wire::scalar(request.value);
    Ok(Decision { path, value, reason, changed_lsn: request.changed_lsn })
}

fn json(body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(body)
}
