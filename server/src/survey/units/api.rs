//! Insistence, rescue and surveys by another unit.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    problem::{Code, FieldError},
    scene::{
        AgreeRepairPlaceRequest, AnswerRescueRequest, ArrangeProxyRequest, CallRescueRequest,
        InsistRequest, NeedProxyRequest, NotedResponse, OfferRescueRequest, RescueResponse,
        UnitCase, UnitMessage, UnitsResponse, WriteUnitRequest,
    },
};
use serde_json::{Value, json};
use sync_core::{
    geo::Point,
    identifiers::check_phone,
    ids::{BranchId, CaseId, RescueId},
    lifecycle::EventKind,
    money::Fen,
};

use super::{
    super::rules::units::{ReasonFault, follow_wish, is_needed},
    ledger::fee_response,
    store::{self, MessageRow, RescueRow},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, Decision, Role, op, see_as_unit},
    },
    body::{Command, CommandKey, IdPath},
    case_log::{self, Author, NewEvent},
    db::{
        Conn,
        types::{Id, Money, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity, intake,
    jobs::{self, NewMessage},
    wire::{self, Fields},
};

type Noted = Result<HttpResponse, ApiError>;

/// Appends an event about a case that the actor sees, and does `also` with it.
async fn note(
    app: web::Data<App>,
    actor: Actor,
    key: CommandKey,
    case_id: CaseId,
    kind: EventKind,
    data: Value,
    mut also: impl FnMut(&mut Conn, &App, &Actor) -> Result<(), ApiError> + Send + 'static,
) -> Noted {
    let inner = app.clone();
    idempotency::once(&app, actor.person.to_string(), key, move |conn| {
        case_log::see(conn, &actor, case_id)?;
        also(conn, &inner, &actor)?;
        say(conn, &inner, &actor, case_id, kind.clone(), data.clone())?;
        let case_status = case_log::status(conn, case_id)?.to_string();
        Reply::ok(&NotedResponse { case_id: case_id.into(), case_status })
    })
    .await
}

fn say(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    kind: EventKind,
    data: Value,
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

fn refused(reason: &str) -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", reason)
}

/// The customer insists that somebody comes
///
/// Then somebody goes: a case that was waived waits for a surveyor again, if nobody has it. The heads of
/// claims of the branch, or of the nearest one above it that has any, are told by message (C08).
#[utoipa::path(operation_id = "insist_on_survey", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = InsistRequest, responses((status = 200, description = "written down", body = NotedResponse)))]
#[post("/cases/{id}/insistences")]
pub async fn insist_on_survey(
    app: web::Data<App>,
    actor: By<op::InsistOnSurvey>,
    id: IdPath<CaseId>,
    command: Command<InsistRequest>,
) -> Noted {
    let mut fields = Fields::default();
    let words = fields.text("words", &command.value.words, 1, 500);
    let Some(words) = words else { return Err(fields.refused()) };
    let (kind, data, case_id) = (EventKind::SurveyInsisted, json!({ "words": words }), id.0);
    let tell = move |conn: &mut Conn, app: &App, _: &Actor| {
        let case = intake::get_case(conn, case_id)?;
        let path = identity::branch_path(conn, case.branch)?;
        // What they said stands in the case.
        let text = format!("【查勘】案件{}的客户坚持要求现场查勘，请关注。", case.report_no);
        for recipient in identity::list_phones_above(conn, &path, Role::Manager)? {
            let (text, case_id) = (text.clone(), Some(case_id));
            let message = NewMessage { case_id, recipient, text, expires_at: None };
            jobs::send_message(conn, app, &message)?;
        }
        Ok(())
    };
    note(app, actor.into_actor(), command.key, case_id, kind, data, tell).await
}

/// Offer help for a vehicle that cannot move
///
/// Fee and payer are told beforehand; nobody is called without consent (C17).
#[utoipa::path(operation_id = "offer_rescue", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = OfferRescueRequest, responses((status = 201, description = "offered", body = RescueResponse)))]
#[post("/cases/{id}/rescues")]
pub async fn offer_rescue(
    app: web::Data<App>,
    actor: By<op::OfferRescue>,
    id: IdPath<CaseId>,
    command: Command<OfferRescueRequest>,
) -> Noted {
    let request = &command.value;
    let mut fields = Fields::default();
    let provider = fields.text("provider", &request.provider, 1, 100);
    let fee = match (0..=100_000_000).contains(&request.fee_fen) {
        true => Ok(Fen(request.fee_fen)),
        false => Err(FieldError::new("fee_fen", "out_of_range", "0 to 100000000 fen")),
    };
    let payer = match request.payer.as_str() {
        payer @ ("insurer" | "customer") => Ok(payer.to_owned()),
        _ => Err(FieldError::new("payer", "unknown", "insurer or customer")),
    };
    let (fee, payer) = (fields.keep(fee), fields.keep(payer));
    let (Some(provider), Some(fee), Some(payer)) = (provider, fee, payer) else {
        return Err(fields.refused());
    };
    let (actor, inner, case_id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, case_id)?;
        let row = RescueRow {
            id: Id(inner.new_id()),
            case_id: Id(case_id),
            provider: provider.clone(),
            fee_fen: Money(fee),
            payer: payer.clone(),
            offered_at: Ms(inner.now()),
            answer: None,
            called_at: None,
        };
        store::insert_rescue(conn, &row)?;
        let data = json!({ "rescue_id": row.id.0, "fee_fen": fee, "payer": payer });
        say(conn, &inner, &actor, case_id, EventKind::RescueOffered, data)?;
        Reply::created(&rescue_response(row))
    })
    .await
}

fn rescue_response(row: RescueRow) -> RescueResponse {
    RescueResponse {
        id: row.id.0.into(),
        case_id: row.case_id.0.into(),
        provider: row.provider,
        fee_fen: row.fee_fen.0.0,
        payer: row.payer,
        offered_at: wire::time(row.offered_at.0),
        answer: row.answer,
        called_at: row.called_at.map(|at| wire::time(at.0)),
    }
}

/// Note the customer's answer to an offer of help
#[utoipa::path(operation_id = "answer_rescue", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "rescue")), request_body = AnswerRescueRequest, responses((status = 200, description = "noted", body = RescueResponse)))]
#[post("/rescues/{id}/answer")]
pub async fn answer_rescue(
    app: web::Data<App>,
    actor: By<op::AnswerRescue>,
    id: IdPath<RescueId>,
    command: Command<AnswerRescueRequest>,
) -> Noted {
    let answer = if command.value.accepted { "accepted" } else { "refused" };
    let kind = EventKind::RescueAnswered;
    move_rescue(app, actor.into_actor(), command.key, id.0, kind, move |conn, id, now| {
        match store::answer_rescue(conn, id, answer, now)? {
            true => Ok(()),
            false => Err(refused("answered_before")),
        }
    })
    .await
}

/// Call the rescue unit that the customer has accepted
///
/// 409 `no_consent` without the customer's yes.
#[utoipa::path(operation_id = "call_rescue", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "rescue")), request_body = CallRescueRequest, responses((status = 200, description = "called", body = RescueResponse)))]
#[post("/rescues/{id}/call")]
pub async fn call_rescue(
    app: web::Data<App>,
    actor: By<op::CallRescue>,
    id: IdPath<RescueId>,
    command: Command<CallRescueRequest>,
) -> Noted {
    let kind = EventKind::RescueCalled;
    move_rescue(app, actor.into_actor(), command.key, id.0, kind, |conn, id, now| {
        match store::call_rescue(conn, id, now)? {
            true => Ok(()),
            false => Err(refused("no_consent")),
        }
    })
    .await
}

async fn move_rescue(
    app: web::Data<App>,
    actor: Actor,
    key: CommandKey,
    id: RescueId,
    kind: EventKind,
    step: impl Fn(&mut Conn, RescueId, sync_core::time::Instant) -> Result<(), ApiError>
    + Send
    + 'static,
) -> Noted {
    let inner = app.clone();
    idempotency::once(&app, actor.person.to_string(), key, move |conn| {
        let rescue = store::find_rescue(conn, id)?.ok_or_else(ApiError::not_found)?;
        case_log::see(conn, &actor, rescue.case_id.0)?;
        step(conn, id, inner.now())?;
        let rescue = store::find_rescue(conn, id)?.ok_or_else(ApiError::not_found)?;
        let data = json!({ "rescue_id": id, "answer": rescue.answer });
        say(conn, &inner, &actor, rescue.case_id.0, kind.clone(), data)?;
        Reply::ok(&rescue_response(rescue))
    })
    .await
}

/// Say that the loss is outside the province
///
/// The two hours for arranging another unit begin (C11). Where the areas of the branch are told, an exact
/// place outside of them says it by itself as soon as the case is reported.
#[utoipa::path(operation_id = "need_proxy", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = NeedProxyRequest, responses((status = 200, description = "written down", body = NotedResponse)))]
#[post("/cases/{id}/proxy-needs")]
pub async fn need_proxy(
    app: web::Data<App>,
    actor: By<op::NeedProxy>,
    id: IdPath<CaseId>,
    command: Command<NeedProxyRequest>,
) -> Noted {
    let mut fields = Fields::default();
    let place = fields.text("place", &command.value.place, 1, 300);
    let Some(place) = place else { return Err(fields.refused()) };
    let (kind, data) = (EventKind::ProxyNeeded, json!({ "place": place }));
    note(app, actor.into_actor(), command.key, id.0, kind, data, |_, _, _| Ok(())).await
}

/// Arrange that another unit surveys, and tell the customer who comes
///
/// The customer is told unit, contact and number by message, and pays nothing for it (C11, C48). A unit
/// that is a branch of ours sees where to go and writes back (C46).
#[utoipa::path(operation_id = "arrange_proxy", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = ArrangeProxyRequest, responses((status = 200, description = "arranged", body = NotedResponse)))]
#[post("/cases/{id}/proxy")]
pub async fn arrange_proxy(
    app: web::Data<App>,
    actor: By<op::ArrangeProxy>,
    id: IdPath<CaseId>,
    command: Command<ArrangeProxyRequest>,
) -> Noted {
    let request = &command.value;
    let mut fields = Fields::default();
    let unit = fields.text("unit", &request.unit, 1, 100);
    let name = fields.text("contact_name", &request.contact_name, 1, 100);
    let phone = check_phone(&request.contact_phone).map(|phone| phone.normalised);
    let phone = phone.map_err(|refusal| intake::identifier_refusal("contact_phone", refusal));
    let (Some(unit), Some(name), Some(phone)) = (unit, name, fields.keep(phone)) else {
        return Err(fields.refused());
    };
    let (case_id, branch) = (id.0, request.branch_id.map(BranchId));
    let (kind, data) = (EventKind::ProxyArranged, json!({ "unit": unit, "branch_id": branch }));
    let proxy = (unit, name, phone);
    let also = move |conn: &mut Conn, app: &App, actor: &Actor| {
        if let Some(branch) = branch {
            known_branch(conn, "branch_id", branch)?;
        }
        let now = app.now();
        // Whoever arranges one at once has known that it is needed.
        let log = case_log::entries(conn, case_id)?;
        if !is_needed(log.iter().map(|entry| &entry.kind)) {
            say(conn, app, actor, case_id, EventKind::ProxyNeeded, json!({ "by": "arrangement" }))?;
        }
        store::replace_proxy(conn, case_id, &proxy, branch, actor.person, now)?;
        let (unit, name, phone) = &proxy;
        let text = format!(
            "【查勘】您的案件由{unit}代为查勘，联系人{name}，电话{phone}。代查勘不向您收取任何费用。"
        );
        let recipient = intake::get_case(conn, case_id)?.contact_phone;
        let message = NewMessage { case_id: Some(case_id), recipient, text, expires_at: None };
        jobs::send_message(conn, app, &message).map(|_| ())
    };
    note(app, actor.into_actor(), command.key, case_id, kind, data, also).await
}

/// Agree where the vehicle of an out-of-area case is repaired
///
/// The insured's wish is followed; if it is not, the agreement says why (C47).
#[utoipa::path(operation_id = "agree_repair_place", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = AgreeRepairPlaceRequest, responses((status = 200, description = "written down", body = NotedResponse)))]
#[post("/cases/{id}/repair-places")]
pub async fn agree_repair_place(
    app: web::Data<App>,
    actor: By<op::AgreeRepairPlace>,
    id: IdPath<CaseId>,
    command: Command<AgreeRepairPlaceRequest>,
) -> Noted {
    let request = &command.value;
    let mut fields = Fields::default();
    let wish = fields.text("wish", &request.wish, 1, 300).unwrap_or_default();
    let agreed = match &request.agreed {
        Some(agreed) => fields.text("agreed", agreed, 1, 300).unwrap_or_default(),
        None => wish.clone(),
    };
    let reason = request.reason.as_ref().and_then(|reason| fields.text("reason", reason, 1, 500));
    let followed = follow_wish(&wish, &agreed, request.reason.as_deref());
    let followed = fields.keep(followed.map_err(|fault| {
        let (code, allowed) = match fault {
            ReasonFault::Required => ("required", "why the insured's wish is not followed"),
            ReasonFault::NotNeeded => ("not_needed", "no reason where the wish is followed"),
        };
        FieldError::new("reason", code, allowed)
    }));
    fields.finish()?;
    let data = json!({ "wish": wish, "agreed": agreed, "followed": followed, "reason": reason });
    let kind = EventKind::RepairPlaceAgreed;
    note(app, actor.into_actor(), command.key, id.0, kind, data, |_, _, _| Ok(())).await
}

pub(super) fn known_branch(conn: &mut Conn, field: &str, id: BranchId) -> Result<(), ApiError> {
    match identity::find_branch_path(conn, id)? {
        Some(_) => Ok(()),
        None => Err(ApiError::invalid_field(field, "unknown", "a branch")),
    }
}

/// Write to the other unit about a case
#[utoipa::path(operation_id = "write_unit", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = WriteUnitRequest, responses((status = 201, description = "written", body = UnitMessage)))]
#[post("/cases/{id}/unit-messages")]
pub async fn write_unit(
    app: web::Data<App>,
    actor: By<op::WriteUnit>,
    id: IdPath<CaseId>,
    command: Command<WriteUnitRequest>,
) -> Noted {
    let mut fields = Fields::default();
    let text = fields.text("text", &command.value.text, 1, 2_000);
    let Some(text) = text else { return Err(fields.refused()) };
    let (actor, inner, case_id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        see_between_units(conn, &actor, case_id)?;
        let (id, now) = (inner.new_id(), inner.now());
        store::insert_message(conn, id, case_id, &actor, &text, now)?;
        case_log::changed(conn, case_id, "unit_message", now)?;
        let row = (Id(id), Id(actor.branch), Id(actor.person), text.clone(), Ms(now));
        Reply::created(&message(row))
    })
    .await
}

fn message((id, branch, person, text, at): MessageRow) -> UnitMessage {
    UnitMessage {
        id: id.0.into(),
        branch_id: branch.0.into(),
        person_id: person.0.into(),
        text,
        sent_at: wire::time(at.0),
    }
}

/// Lets people of the case's branch in, and those in the office of the unit that surveys for it (C46).
pub(super) fn see_between_units(
    conn: &mut Conn,
    actor: &Actor,
    case_id: CaseId,
) -> Result<(), ApiError> {
    let asked = match store::find_unit(conn, case_id)? {
        Some(branch) => identity::find_branch_path(conn, branch)?,
        None => None,
    };
    if asked.is_some_and(|path| see_as_unit(actor, &path) == Decision::Allow) {
        return Ok(());
    }
    case_log::see(conn, actor, case_id).map(|_| ())
}

/// How a case stands between units
///
/// For the case's branch and for the unit that surveys for it, which learns here where to go and whom to
/// call.
#[utoipa::path(operation_id = "get_units", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "proxy, messages and fees", body = UnitsResponse)))]
#[get("/cases/{id}/units")]
pub async fn get_units(
    app: web::Data<App>,
    actor: By<op::GetUnits>,
    id: IdPath<CaseId>,
) -> Result<web::Json<UnitsResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let units = app.db.read(move |conn| {
        see_between_units(conn, &actor, id)?;
        let (unit, name, phone) = match store::find_proxy(conn, id)? {
            Some((unit, name, phone)) => (Some(unit), Some(name), Some(phone)),
            None => (None, None, None),
        };
        let case_status = case_log::status(conn, id)?.to_string();
        Ok(UnitsResponse {
            case: unit_case(intake::get_case(conn, id)?, case_status),
            unit,
            contact_name: name,
            contact_phone: phone,
            messages: store::list_messages(conn, id)?.into_iter().map(message).collect(),
            fees: store::list_fees(conn, id)?.into_iter().map(fee_response).collect(),
        })
    });
    Ok(web::Json(units.await?))
}

fn unit_case(case: intake::ReportedCase, status: String) -> UnitCase {
    UnitCase {
        id: case.id.into(),
        report_no: case.report_no,
        status,
        plate: case.plate,
        loss_place: case.loss_place,
        lat: case.position.map(Point::lat),
        lon: case.position.map(Point::lon),
        contact_name: case.contact_name,
        contact_phone: case.contact_phone,
    }
}
