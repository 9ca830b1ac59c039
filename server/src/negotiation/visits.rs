//! Handlers for visits that are agreed with the customer (C22, C23, C28).

use actix_web::{HttpResponse, post, web};
use api_spec::{
    negotiation::{
        AgreeVisitRequest, ChangeVisitRequest, NegotiationResponse, RecordVisitRequest,
        VisitChange, VisitExpert, VisitResponse,
    },
    problem::FieldError,
};
use sync_core::{
    ids::CaseId,
    lifecycle::EventKind,
    time::{Instant, Span},
};
use uuid::Uuid;

use super::{
    api::{conflict, of_case as negotiation, one_of},
    store::{self, ChangeRow, VisitRow},
};
use crate::{
    app::App,
    assessment,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath},
    case_log::{self, Author, NewEvent},
    db::{
        Conn,
        types::{Id, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    wire::{self, Fields},
};

/// Visits further ahead are typing errors.
const FURTHEST: Span = Span::days(366);

/// Agree on a visit with the customer
///
/// To assess (C22), to survey again, or to assess together with an independent adjuster or expert
/// (C28); the insurer consents by this call, the customer as told.
#[utoipa::path(operation_id = "agree_visit", tags = ["negotiation", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = AgreeVisitRequest, responses((status = 201, description = "agreed", body = NegotiationResponse)))]
#[post("/cases/{id}/visits")]
pub async fn agree_visit(
    app: web::Data<App>,
    actor: By<op::AgreeVisit>,
    id: IdPath<CaseId>,
    command: Command<AgreeVisitRequest>,
) -> Result<HttpResponse, ApiError> {
    let wanted = check(&command.value, app.now(), app.ports.ids.uuid(), actor.person)?;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let seen = case_log::see(conn, &actor, case_id)?;
        assessment::must_work_on(&actor, &seen)?;
        store::insert_visit(conn, case_id, &wanted, inner.now())?;
        let data = serde_json::json!({
            "visit_id": wanted.id.0, "purpose": wanted.purpose,
            "starts_at": wire::time(wanted.starts_at.0),
        });
        say(conn, &inner, &actor, case_id, EventKind::VisitAgreed, data)?;
        Reply::created(&negotiation(conn, case_id)?)
    })
    .await
}

fn check(
    request: &AgreeVisitRequest,
    now: Instant,
    id: Uuid,
    by: sync_core::ids::PersonId,
) -> Result<VisitRow, ApiError> {
    let mut fields = Fields::default();
    let reason = fields.text("reason", &request.reason, 1, 500).unwrap_or_default();
    let place = fields.text("place", &request.place, 1, 300).unwrap_or_default();
    const PURPOSES: [&str; 3] = ["assessment", "resurvey", "joint_assessment"];
    one_of(&mut fields, "purpose", &request.purpose, &PURPOSES);
    one_of(
        &mut fields,
        "customer_consent",
        &request.customer_consent,
        &["phone", "on_site", "written"],
    );
    let starts_at = ahead(&mut fields, request.starts_at, now);
    if request.purpose == "joint_assessment" && request.expert.is_none() {
        let allowed = "a joint assessment needs an independent adjuster or expert";
        fields.keep::<()>(Err(FieldError::new("expert", "missing", allowed)));
    }
    let mut expert = (None, None, None);
    if let Some(VisitExpert { name, organisation, kind }) = &request.expert {
        one_of(&mut fields, "expert.kind", kind, &["adjuster", "expert"]);
        expert = (
            fields.text("expert.name", name, 1, 100),
            fields.text("expert.organisation", organisation, 1, 200),
            Some(kind.clone()),
        );
    }
    fields.finish()?;
    let (expert_name, expert_organisation, expert_kind) = expert;
    Ok(VisitRow {
        id: Id(id),
        purpose: request.purpose.clone(),
        reason,
        starts_at: Ms(starts_at.unwrap_or(now)),
        place,
        expert_name,
        expert_organisation,
        expert_kind,
        customer_consent: request.customer_consent.clone(),
        status: "agreed".into(),
        came_at: None,
        result: None,
        outcome: None,
        made_by: Id(by),
    })
}

fn ahead(fields: &mut Fields, at: chrono::DateTime<chrono::Utc>, now: Instant) -> Option<Instant> {
    let at = fields.keep(wire::instant("starts_at", at))?;
    if at > now && at < now + FURTHEST {
        return Some(at);
    }
    let allowed = "in the future, within a year";
    fields.keep::<()>(Err(FieldError::new("starts_at", "out_of_range", allowed)));
    None
}

fn say(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    kind: EventKind,
    data: serde_json::Value,
) -> Result<(), ApiError> {
    let now = app.now();
    let event = NewEvent {
        id: app.new_id(),
        case_id,
        kind,
        author: Author::from(actor),
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data,
    };
    case_log::append(conn, &event).map(|_| ())
}

fn open_visit(
    conn: &mut Conn,
    actor: &Actor,
    case_id: CaseId,
    id: &str,
) -> Result<VisitRow, ApiError> {
    let seen = case_log::see(conn, actor, case_id)?;
    let id = id.parse().map_err(|_| ApiError::not_found())?;
    let visit = store::find_visit(conn, case_id, id)?.ok_or_else(ApiError::not_found)?;
    assessment::must_work_on(actor, &seen)?;
    if visit.status == "agreed" { Ok(visit) } else { Err(conflict("visit_over")) }
}

/// Move a visit or call it off, with what was explained to the customer (C23)
#[utoipa::path(operation_id = "change_visit", tags = ["negotiation", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("visit_id" = uuid::Uuid, Path, description = "visit")), request_body = ChangeVisitRequest, responses((status = 200, description = "changed", body = NegotiationResponse)))]
#[post("/cases/{id}/visits/{visit_id}/change")]
pub async fn change_visit(
    app: web::Data<App>,
    actor: By<op::ChangeVisit>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
    command: Command<ChangeVisitRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = command.value;
    let mut fields = Fields::default();
    let explanation = fields.text("explanation", &request.explanation, 1, 500).unwrap_or_default();
    one_of(&mut fields, "asked_by", &request.asked_by, &["insurer", "customer"]);
    let after = request.starts_at.and_then(|at| ahead(&mut fields, at, app.now()));
    fields.finish()?;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    let visit_id = path.into_inner().1;
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let visit = open_visit(conn, &actor, case_id, &visit_id)?;
        let change = ChangeRow {
            before_at: visit.starts_at,
            after_at: after.map(Ms),
            explanation: explanation.clone(),
            asked_by: request.asked_by.clone(),
            changed_at: Ms(inner.now()),
        };
        store::change_visit(conn, visit.id.0, &change, actor.person)?;
        let data = serde_json::json!({
            "visit_id": visit.id.0, "asked_by": change.asked_by,
            "starts_at": after.map(wire::time),
        });
        say(conn, &inner, &actor, case_id, EventKind::VisitAgreed, data)?;
        Reply::ok(&negotiation(conn, case_id)?)
    })
    .await
}

/// Record when a visit really took place and what came of it
#[utoipa::path(operation_id = "record_visit", tags = ["negotiation", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("visit_id" = uuid::Uuid, Path, description = "visit")), request_body = RecordVisitRequest, responses((status = 200, description = "recorded", body = NegotiationResponse)))]
#[post("/cases/{id}/visits/{visit_id}/result")]
pub async fn record_visit(
    app: web::Data<App>,
    actor: By<op::RecordVisit>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
    command: Command<RecordVisitRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = command.value;
    let mut fields = Fields::default();
    let result = fields.text("result", &request.result, 1, 2_000).unwrap_or_default();
    one_of(&mut fields, "outcome", &request.outcome, &["confirmed", "changed", "no_result"]);
    let came = fields.keep(wire::instant("came_at", request.came_at));
    if came.is_some_and(|at| at > app.now() + Span::minutes(10)) {
        fields.keep::<()>(Err(FieldError::new(
            "came_at",
            "in_the_future",
            "a visit that took place",
        )));
    }
    fields.finish()?;
    let came = came.unwrap_or_else(|| app.now());
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    let visit_id = path.into_inner().1;
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let visit = open_visit(conn, &actor, case_id, &visit_id)?;
        store::finish_visit(conn, visit.id.0, came, (&result, &request.outcome))?;
        let data = serde_json::json!({
            "visit_id": visit.id.0, "purpose": visit.purpose, "outcome": request.outcome,
            "came_at": wire::time(came),
        });
        say(conn, &inner, &actor, case_id, EventKind::VisitDone, data)?;
        Reply::ok(&negotiation(conn, case_id)?)
    })
    .await
}

pub(super) fn of_case(conn: &mut Conn, case_id: CaseId) -> Result<Vec<VisitResponse>, ApiError> {
    let visits = store::list_visits(conn, case_id)?;
    visits.into_iter().map(|visit| response(conn, visit)).collect()
}

fn response(conn: &mut Conn, visit: VisitRow) -> Result<VisitResponse, ApiError> {
    let changes = store::list_changes(conn, visit.id.0)?;
    let expert = match (visit.expert_name, visit.expert_organisation, visit.expert_kind) {
        (Some(name), Some(organisation), Some(kind)) => {
            Some(VisitExpert { name, organisation, kind })
        }
        _ => None,
    };
    Ok(VisitResponse {
        id: visit.id.0,
        purpose: visit.purpose,
        reason: visit.reason,
        starts_at: wire::time(visit.starts_at.0),
        place: visit.place,
        expert,
        customer_consent: visit.customer_consent,
        status: visit.status,
        came_at: visit.came_at.map(|at| wire::time(at.0)),
        late_by_minutes: visit.came_at.map(|at| at.0.since(visit.starts_at.0).0.div_euclid(60_000)),
        result: visit.result,
        outcome: visit.outcome,
        changes: changes
            .into_iter()
            .map(|change| VisitChange {
                before: wire::time(change.before_at.0),
                after: change.after_at.map(|at| wire::time(at.0)),
                explanation: change.explanation,
                asked_by: change.asked_by,
                changed_at: wire::time(change.changed_at.0),
            })
            .collect(),
        made_by: visit.made_by.0.into(),
    })
}
