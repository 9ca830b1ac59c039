//! Handlers.

use actix_web::{HttpResponse, post, web};
use api_spec::sync::{
    SyncCommandsRequest, SyncCommandsResponse, SyncPhoneRequest, SyncPhoneResponse,
};

use super::{commands, phone};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Answer, Body},
    error::ApiError,
};

/// Send what was done without signal
///
/// Commands are applied in their order, each once, however often they are sent: no Idempotency-Key
/// is needed, and `device_now` is to be fresh on every try. A refused command holds up none of the
/// others.
#[utoipa::path(operation_id = "sync_commands", tag = "sync", request_body = SyncCommandsRequest, responses((status = 200, description = "a result for each command", body = SyncCommandsResponse)))]
#[post("/sync/commands")]
pub async fn sync_commands(
    app: web::Data<App>,
    actor: By<op::SyncCommands>,
    body: Body<SyncCommandsRequest>,
) -> Result<web::Json<SyncCommandsResponse>, ApiError> {
    let SyncCommandsRequest { device_now, commands } = body.value;
    let results = commands::apply_all(&app, actor.into_actor(), device_now, commands).await?;
    Ok(web::Json(SyncCommandsResponse { results }))
}

/// Everything that waits on a phone, in one round trip
///
/// Commands, drafts, announcements of photos, and what changed in your cases. Every item has its own
/// result: what one is refused for holds up no other, and one with a problem of status 500 or more is
/// to be sent again. Commands and pushes have names of their own, so a request may be sent any number
/// of times. JSON or CBOR, packed with gzip or not.
#[utoipa::path(operation_id = "sync_phone", tag = "sync", request_body = SyncPhoneRequest, responses((status = 200, description = "a result for each item", body = SyncPhoneResponse)))]
#[post("")]
pub async fn sync_phone(
    app: web::Data<App>,
    actor: By<op::SyncPhone>,
    answer: Answer,
    body: Body<SyncPhoneRequest>,
) -> Result<HttpResponse, ApiError> {
    let response = phone::sync(&app, actor.into_actor(), body.value).await?;
    answer.ok(serde_json::to_vec(&response).map_err(ApiError::internal)?)
}
