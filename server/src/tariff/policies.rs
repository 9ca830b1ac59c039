//! Handlers for the terms of the policy and for what a sheet is made under.

use actix_web::{HttpResponse, get, post, web};
use api_spec::tariff::{CaseTermsResponse, PolicyResponse, RecordPolicyRequest};
use sync_core::{ids::CaseId, time::Instant};

use super::{
    api::card_response,
    card_in_force, check,
    lists::list_response,
    rules::ListKind,
    store::{self, PolicyRow},
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Command, IdPath},
    case_log,
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    identity, repair, wire,
};

/// Record the terms of the policy as they stand now
///
/// A snapshot never changes; a later look is a snapshot of its own. The share of liability is the one
/// that is assumed, and everything computed from it is marked as indicative (B2).
#[utoipa::path(operation_id = "record_policy", tags = ["tariff", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = RecordPolicyRequest, responses((status = 201, description = "saved", body = PolicyResponse)))]
#[post("/cases/{id}/policy")]
pub async fn record_policy(
    app: web::Data<App>,
    actor: By<op::RecordPolicy>,
    id: IdPath<CaseId>,
    command: Command<RecordPolicyRequest>,
) -> Result<HttpResponse, ApiError> {
    let RecordPolicyRequest { terms, origin } = command.value;
    check::one_of("origin", &origin, &check::ORIGINS)?;
    check::policy(&terms, 0)?;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, case_id)?;
        let number = store::find_policy(conn, case_id)?.map_or(0, |row| row.number) + 1;
        let snapshot = check::policy(&terms, number)?;
        let text = serde_json::to_string(&snapshot).map_err(ApiError::internal)?;
        store::insert_policy(conn, case_id, number, (&text, &origin), actor.person, inner.now())?;
        let row = store::find_policy(conn, case_id)?.ok_or_else(ApiError::not_found)?;
        Reply::created(&policy_response(row)?)
    })
    .await
}

fn policy_response(row: PolicyRow) -> Result<PolicyResponse, ApiError> {
    let snapshot = serde_json::from_str(&row.terms).map_err(ApiError::internal)?;
    Ok(PolicyResponse {
        number: row.number,
        terms: check::policy_terms(&snapshot),
        origin: row.origin,
        taken_by: row.taken_by.0.into(),
        taken_at: wire::time(row.taken_at.0),
    })
}

/// What a sheet of this case would be made under now
#[utoipa::path(operation_id = "get_case_terms", tag = "tariff", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "rate card, policy, price lists", body = CaseTermsResponse)))]
#[get("/cases/{id}/terms")]
pub async fn get_case_terms(
    app: web::Data<App>,
    actor: By<op::GetCaseTerms>,
    id: IdPath<CaseId>,
) -> Result<web::Json<CaseTermsResponse>, ApiError> {
    let (actor, case_id, now) = (actor.into_actor(), id.0, app.now());
    let terms = app
        .db
        .read(move |conn| {
            let seen = case_log::see(conn, &actor, case_id)?;
            case_terms(conn, case_id, &seen.facts.branch_path, now)
        })
        .await?;
    Ok(web::Json(terms))
}

fn case_terms(
    conn: &mut Conn,
    case_id: CaseId,
    branch_path: &str,
    now: Instant,
) -> Result<CaseTermsResponse, ApiError> {
    let class = repair::chosen_class(conn, case_id)?;
    let card = match card_in_force(conn, branch_path, class, now)? {
        None => None,
        Some(card) => store::find_card(conn, card.id)?.map(card_response).transpose()?,
    };
    let policy = store::find_policy(conn, case_id)?.map(policy_response).transpose()?;
    let branches = identity::branches_upwards(conn, branch_path)?;
    let mut price_lists = Vec::new();
    for kind in ListKind::ALL {
        for branch in &branches {
            if let Some(row) = store::find_newest_list(conn, *branch, kind)? {
                price_lists.push(list_response(row));
                break;
            }
        }
    }
    Ok(CaseTermsResponse { rate_card: card, policy, price_lists })
}
