//! The handler for where a case stands, for one audience.

use actix_web::{get, web};
use api_spec::board::{CaseStatusResponse, StatusStep};
use serde::Deserialize;
use sync_core::ids::CaseId;
use utoipa::IntoParams;

use super::rules::status::{Audience, steps};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{IdPath, Query},
    case_log,
    error::ApiError,
    wire,
};

/// For whom.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatusQuery {
    /// `customer` (if absent), `shop`, `dispatcher`, `verifier`.
    #[param(max_length = 20)]
    pub audience: Option<String>,
}

/// Where a case stands, as one audience is told
///
/// Computed from the case's log, so nobody is told of anything before it is committed.
#[utoipa::path(operation_id = "get_case_status", tag = "board", params(("id" = uuid::Uuid, Path, description = "case"), StatusQuery), responses((status = 200, description = "the steps", body = CaseStatusResponse)))]
#[get("/cases/{id}/status")]
pub async fn get_case_status(
    app: web::Data<App>,
    actor: By<op::GetCaseStatus>,
    id: IdPath<CaseId>,
    query: Query<StatusQuery>,
) -> Result<web::Json<CaseStatusResponse>, ApiError> {
    let (actor, case_id) = (actor.into_actor(), id.0);
    let log = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            case_log::entries(conn, case_id)
        })
        .await?;
    let asked = query.0.audience.unwrap_or_else(|| "customer".into());
    let audience = Audience::parse(&asked).ok_or_else(|| {
        ApiError::invalid_field("audience", "unknown", "customer, shop, dispatcher, verifier")
    })?;
    let steps = steps(audience, log.iter().map(|entry| (&entry.kind, entry.recorded_at)));
    Ok(web::Json(CaseStatusResponse {
        audience: asked,
        now: steps.last().map(|(step, _)| (*step).to_owned()),
        steps: steps
            .into_iter()
            .map(|(step, at)| StatusStep { step: step.to_owned(), at: wire::time(at) })
            .collect(),
    }))
}
