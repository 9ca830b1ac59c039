//! Rosters, duty, profiles, interests and what cases ask for.

use actix_web::{HttpResponse, delete, get, post, put, web};
use api_spec::{
    duty::{
        CaseNeeds, CreateShiftRequest, DeclareInterestRequest, DutyRequest, DutyResponse,
        InterestResponse, ShiftResponse, ShiftsResponse, SurveyorProfile,
    },
    problem::FieldError,
};
use sync_core::{
    identifiers::{check_phone, check_plate},
    ids::{CaseId, PersonId, ShiftId},
    time::Span,
};

use super::super::{
    rules::Needs,
    store::{
        rosters::{self as store, Profile, ShiftRow},
        surveyors,
    },
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, Role, op},
    },
    body::{Body, Command, IdPath},
    case_log,
    db::{
        Conn,
        types::{Id, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    intake,
    wire::{self, Fields},
};

/// Put a surveyor of your branch on the roster
///
/// Where a branch keeps a roster, only those on it count as on duty (C05, C20).
#[utoipa::path(operation_id = "create_shift", tags = ["dispatch", "command"], request_body = CreateShiftRequest, responses((status = 201, description = "on the roster", body = ShiftResponse)))]
#[post("/shifts")]
pub async fn create_shift(
    app: web::Data<App>,
    actor: By<op::CreateShift>,
    command: Command<CreateShiftRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = &command.value;
    let mut fields = Fields::default();
    let kind = match request.kind.as_str() {
        kind @ ("duty" | "on_call") => Ok(kind.to_owned()),
        _ => Err(FieldError::new("kind", "unknown", "duty or on_call")),
    };
    let kind = fields.keep(kind);
    let starts_at = fields.keep(wire::instant("starts_at", request.starts_at));
    let ends_at = fields.keep(wire::instant("ends_at", request.ends_at));
    let (Some(kind), Some(starts_at), Some(ends_at)) = (kind, starts_at, ends_at) else {
        return Err(fields.refused());
    };
    if ends_at <= starts_at || ends_at.since(starts_at) > Span::hours(48) {
        let allowed = "after starts_at, at most 48 hours later";
        return Err(ApiError::invalid_field("ends_at", "out_of_range", allowed));
    }
    let (actor, inner, person) = (actor.into_actor(), app.clone(), PersonId(request.person_id));
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        must_be_ours(conn, &actor, person)?;
        let shift = ShiftRow {
            id: Id(inner.new_id()),
            person_id: Id(person),
            kind: kind.clone(),
            starts_at: Ms(starts_at),
            ends_at: Ms(ends_at),
        };
        store::insert_shift(conn, &shift, actor.person)?;
        Reply::created(&shift_response(shift))
    })
    .await
}

fn must_be_ours(conn: &mut Conn, actor: &Actor, person: PersonId) -> Result<(), ApiError> {
    match surveyors::find_person(conn, &actor.branch_path, person)? {
        Some(_) => Ok(()),
        None => {
            let allowed = "an active surveyor of your branch or one below it";
            Err(ApiError::invalid_field("person_id", "unknown", allowed))
        }
    }
}

fn shift_response(shift: ShiftRow) -> ShiftResponse {
    ShiftResponse {
        id: shift.id.0.into(),
        person_id: shift.person_id.0.into(),
        kind: shift.kind,
        starts_at: wire::time(shift.starts_at.0),
        ends_at: wire::time(shift.ends_at.0),
    }
}

/// The roster of your branch and those below it
#[utoipa::path(operation_id = "list_shifts", tag = "dispatch", responses((status = 200, description = "the roster", body = ShiftsResponse)))]
#[get("/shifts")]
pub async fn list_shifts(
    app: web::Data<App>,
    actor: By<op::ListShifts>,
) -> Result<web::Json<ShiftsResponse>, ApiError> {
    let (actor, now) = (actor.into_actor(), app.now());
    let rows = app.db.read(move |conn| store::list_shifts(conn, &actor.branch_path, now)).await?;
    Ok(web::Json(ShiftsResponse { items: rows.into_iter().map(shift_response).collect() }))
}

/// Take a shift back
#[utoipa::path(operation_id = "cancel_shift", tag = "dispatch", params(("id" = uuid::Uuid, Path, description = "shift")), responses((status = 204, description = "taken back")))]
#[delete("/shifts/{id}")]
pub async fn cancel_shift(
    app: web::Data<App>,
    actor: By<op::CancelShift>,
    id: IdPath<ShiftId>,
) -> Result<HttpResponse, ApiError> {
    let (actor, now, id) = (actor.into_actor(), app.now(), id.0);
    let known =
        app.db.write(move |conn| store::cancel_shift(conn, &actor.branch_path, id, now)).await?;
    if known { Ok(HttpResponse::NoContent().finish()) } else { Err(ApiError::not_found()) }
}

/// Say whether you can be sent
///
/// It counts more than the roster for the next 16 hours (C20).
#[utoipa::path(operation_id = "set_duty", tag = "dispatch", request_body = DutyRequest, responses((status = 200, description = "noted", body = DutyResponse)))]
#[put("/duty")]
pub async fn set_duty(
    app: web::Data<App>,
    actor: By<op::SetDuty>,
    body: Body<DutyRequest>,
) -> Result<web::Json<DutyResponse>, ApiError> {
    let (person, now, on_duty) = (actor.person, app.now(), body.value.on_duty);
    app.db.write(move |conn| store::insert_duty(conn, person, on_duty, now)).await?;
    Ok(web::Json(DutyResponse { on_duty, since: wire::time(now) }))
}

/// Say what a surveyor of your branch can be sent to
#[utoipa::path(operation_id = "set_surveyor_profile", tag = "dispatch", params(("id" = uuid::Uuid, Path, description = "person")), request_body = SurveyorProfile, responses((status = 200, description = "set", body = SurveyorProfile)))]
#[put("/surveyors/{id}/profile")]
pub async fn set_surveyor_profile(
    app: web::Data<App>,
    actor: By<op::SetSurveyorProfile>,
    id: IdPath<PersonId>,
    body: Body<SurveyorProfile>,
) -> Result<web::Json<SurveyorProfile>, ApiError> {
    let request = body.value;
    let mut fields = Fields::default();
    codes(&mut fields, "skills", &request.skills);
    codes(&mut fields, "vehicle_classes", &request.vehicle_classes);
    let home = request.home.and_then(|home| fields.keep(wire::given_point("home", home)));
    fields.finish()?;
    let profile = Profile {
        skills: request.skills.clone(),
        vehicle_classes: request.vehicle_classes.clone(),
        home: home.map(|(place, _)| place),
    };
    let (actor, now, person) = (actor.into_actor(), app.now(), id.0);
    app.db
        .write(move |conn| {
            surveyors::find_person(conn, &actor.branch_path, person)?
                .ok_or_else(ApiError::not_found)?;
            store::replace_profile(conn, person, &profile, actor.person, now)
        })
        .await?;
    Ok(web::Json(request))
}

fn codes(fields: &mut Fields, name: &str, codes: &[String]) {
    let fits = codes.len() <= 32 && codes.iter().all(|code| is_code(code));
    if !fits {
        let allowed = "at most 32 codes, each 1 to 32 of a-z, 0-9, _ and -";
        fields.keep::<()>(Err(FieldError::new(name, "malformed", allowed)));
    }
}

fn is_code(code: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    (1..=32).contains(&code.len()) && code.bytes().all(plain)
}

/// Declare that a surveyor must not handle somebody's claims
///
/// Surveyors declare for themselves, heads for their people (C21).
#[utoipa::path(operation_id = "declare_interest", tags = ["dispatch", "command"], params(("id" = uuid::Uuid, Path, description = "person")), request_body = DeclareInterestRequest, responses((status = 201, description = "declared", body = InterestResponse)))]
#[post("/surveyors/{id}/interests")]
pub async fn declare_interest(
    app: web::Data<App>,
    actor: By<op::DeclareInterest>,
    id: IdPath<PersonId>,
    command: Command<DeclareInterestRequest>,
) -> Result<HttpResponse, ApiError> {
    let mut fields = Fields::default();
    let (kind, value) = (command.value.kind.as_str(), command.value.value.as_str());
    let normalised = match kind {
        "plate" => check_plate(value)
            .map(|plate| plate.normalised)
            .map_err(|refusal| intake::identifier_refusal("value", refusal)),
        "phone" => check_phone(value)
            .map(|phone| phone.normalised)
            .map_err(|refusal| intake::identifier_refusal("value", refusal)),
        _ => Err(FieldError::new("kind", "unknown", "plate or phone")),
    };
    let value = fields.keep(normalised);
    let relation = fields.text("relation", &command.value.relation, 1, 100);
    let (Some(value), Some(relation)) = (value, relation) else { return Err(fields.refused()) };
    let (kind, person) = (command.value.kind.clone(), id.0);
    let (actor, inner) = (actor.into_actor(), app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let now = inner.now();
        let own = actor.person == person && actor.is(Role::Surveyor);
        let ours = actor.is(Role::Manager)
            && surveyors::find_person(conn, &actor.branch_path, person)?.is_some();
        if !own && !ours {
            return Err(ApiError::not_found());
        }
        let what = (kind.as_str(), value.as_str());
        store::replace_interest(conn, person, what, &relation, actor.person, now)?;
        Reply::created(&InterestResponse {
            person_id: person.into(),
            kind: kind.clone(),
            declared_at: wire::time(now),
        })
    })
    .await
}

/// Say what a case asks of its surveyor
#[utoipa::path(operation_id = "set_case_needs", tag = "dispatch", params(("id" = uuid::Uuid, Path, description = "case")), request_body = CaseNeeds, responses((status = 200, description = "set", body = CaseNeeds)))]
#[put("/cases/{id}/needs")]
pub async fn set_case_needs(
    app: web::Data<App>,
    actor: By<op::SetCaseNeeds>,
    id: IdPath<CaseId>,
    body: Body<CaseNeeds>,
) -> Result<web::Json<CaseNeeds>, ApiError> {
    let request = body.value;
    let mut fields = Fields::default();
    for (name, code) in [("skill", &request.skill), ("vehicle_class", &request.vehicle_class)] {
        if code.as_ref().is_some_and(|code| !is_code(code)) {
            let allowed = "1 to 32 of a-z, 0-9, _ and -";
            fields.keep::<()>(Err(FieldError::new(name, "malformed", allowed)));
        }
    }
    fields.finish()?;
    let needs =
        Needs { skill: request.skill.clone(), vehicle_class: request.vehicle_class.clone() };
    let (actor, now, id) = (actor.into_actor(), app.now(), id.0);
    app.db
        .write(move |conn| {
            case_log::see(conn, &actor, id)?;
            store::replace_needs(conn, id, &needs, actor.person, now)
        })
        .await?;
    Ok(web::Json(request))
}
