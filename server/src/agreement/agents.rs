//! Agents of the insured and their authorisation (C51).

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    agreement::{AuthorisationResponse, RecordAuthorisationRequest, RevokeAuthorisationRequest},
    problem::FieldError,
};
use sync_core::{
    identifiers::{PhoneKind, check_phone},
    ids::CaseId,
    photo::ContentHash,
    time::{Instant, Span},
};
use uuid::Uuid;

use super::{
    rules::masked,
    store::{self, AuthorisationRow},
};
use crate::{
    app::App,
    assessment,
    auth::{actor::By, policy::op},
    body::{Command, IdPath},
    case_log,
    db::types::{Id, Ms},
    error::ApiError,
    idempotency::{self, Reply},
    intake::identifier_refusal,
    wire::{self, Fields},
};

/// Longer is a contract of its own.
const LONGEST: Span = Span::days(366);

/// Record that somebody may act for the insured (C51)
///
/// Without it, links and codes go to nobody but the customer. The paper is named by the SHA-256 of its
/// photo.
#[utoipa::path(operation_id = "record_authorisation", tags = ["agreement", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = RecordAuthorisationRequest, responses((status = 201, description = "recorded", body = AuthorisationResponse)))]
#[post("/cases/{id}/authorisations")]
pub async fn record_authorisation(
    app: web::Data<App>,
    actor: By<op::RecordAuthorisation>,
    id: IdPath<CaseId>,
    command: Command<RecordAuthorisationRequest>,
) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let row = check(&command.value, app.ports.ids.uuid(), actor.person, now)?;
    let (actor, case_id) = (actor.into_actor(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let seen = case_log::see(conn, &actor, case_id)?;
        assessment::must_work_on(&actor, &seen)?;
        store::insert_authorisation(conn, case_id, &row)?;
        Reply::created(&response(&row, now))
    })
    .await
}

fn check(
    request: &RecordAuthorisationRequest,
    id: Uuid,
    by: sync_core::ids::PersonId,
    now: Instant,
) -> Result<AuthorisationRow, ApiError> {
    let mut fields = Fields::default();
    let agent_name = fields.text("agent_name", &request.agent_name, 1, 100).unwrap_or_default();
    let phone = check_phone(&request.agent_phone)
        .map_err(|refusal| identifier_refusal("agent_phone", refusal));
    let phone = fields.keep(phone);
    if phone.as_ref().is_some_and(|phone| phone.kind == PhoneKind::Landline) {
        fields.keep::<()>(Err(FieldError::new("agent_phone", "not_mobile", "a mobile number")));
    }
    const ROLES: [&str; 3] = ["policyholder", "insured", "beneficiary"];
    if !ROLES.contains(&request.principal_role.as_str()) {
        fields.keep::<()>(Err(FieldError::new("principal_role", "unknown", ROLES.join(", "))));
    }
    if request.document_sha256.parse::<ContentHash>().is_err() {
        let allowed = "64 lower-case hexadecimal digits";
        fields.keep::<()>(Err(FieldError::new("document_sha256", "not_a_hash", allowed)));
    }
    let until = fields.keep(wire::instant("valid_until", request.valid_until));
    if until.is_some_and(|until| until <= now || until > now + LONGEST) {
        let allowed = "in the future, within a year";
        fields.keep::<()>(Err(FieldError::new("valid_until", "out_of_range", allowed)));
    }
    match (phone, until) {
        (Some(phone), Some(until)) => {
            fields.finish()?;
            Ok(AuthorisationRow {
                id: Id(id),
                agent_name,
                agent_phone: phone.normalised,
                principal_role: request.principal_role.clone(),
                document_sha256: request.document_sha256.clone(),
                valid_until: Ms(until),
                recorded_by: Id(by),
                recorded_at: Ms(now),
                revoked_at: None,
            })
        }
        _ => Err(fields.refused()),
    }
}

fn response(row: &AuthorisationRow, now: Instant) -> AuthorisationResponse {
    AuthorisationResponse {
        id: row.id.0,
        agent_name: row.agent_name.clone(),
        agent_phone: masked(&row.agent_phone),
        principal_role: row.principal_role.clone(),
        document_sha256: row.document_sha256.clone(),
        valid_until: wire::time(row.valid_until.0),
        in_force: row.is_in_force(now),
        recorded_by: row.recorded_by.0.into(),
        recorded_at: wire::time(row.recorded_at.0),
    }
}

/// Who may act for the insured on this case
#[utoipa::path(operation_id = "list_authorisations", tag = "agreement", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "latest first", body = Vec<AuthorisationResponse>)))]
#[get("/cases/{id}/authorisations")]
pub async fn list_authorisations(
    app: web::Data<App>,
    actor: By<op::ListAuthorisations>,
    id: IdPath<CaseId>,
) -> Result<web::Json<Vec<AuthorisationResponse>>, ApiError> {
    let (actor, case_id, now) = (actor.into_actor(), id.0, app.now());
    let rows = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            store::list_authorisations(conn, case_id)
        })
        .await?;
    Ok(web::Json(rows.iter().map(|row| response(row, now)).collect()))
}

/// End an authorisation
#[utoipa::path(operation_id = "revoke_authorisation", tags = ["agreement", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("authorisation_id" = uuid::Uuid, Path, description = "authorisation")), request_body = RevokeAuthorisationRequest, responses((status = 200, description = "ended", body = AuthorisationResponse)))]
#[post("/cases/{id}/authorisations/{authorisation_id}/revoke")]
pub async fn revoke_authorisation(
    app: web::Data<App>,
    actor: By<op::RevokeAuthorisation>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
    command: Command<RevokeAuthorisationRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, case_id, now) = (actor.into_actor(), id.0, app.now());
    let wanted = path.into_inner().1;
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let seen = case_log::see(conn, &actor, case_id)?;
        let wanted: Uuid = wanted.parse().map_err(|_| ApiError::not_found())?;
        let known = store::find_authorisation(conn, case_id, wanted)?;
        known.ok_or_else(ApiError::not_found)?;
        assessment::must_work_on(&actor, &seen)?;
        store::revoke_authorisation(conn, wanted, now)?;
        let row = store::find_authorisation(conn, case_id, wanted)?;
        Reply::ok(&response(&row.ok_or_else(ApiError::not_found)?, now))
    })
    .await
}
