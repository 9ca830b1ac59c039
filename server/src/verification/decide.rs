//! Handlers that decide on a version that waits.

use actix_web::{HttpResponse, post, web};
use api_spec::{
    problem::{Code, FieldError},
    verification::{
        AnswerReturnRequest, Remark, ReturnVersionRequest, StartVerificationRequest,
        VerifyVersionRequest,
    },
};
use sync_core::{
    ids::{CaseId, PersonId, VersionId},
    lifecycle::EventKind,
    money::Fen,
    time::Instant,
};

use super::{
    amount, api, authority, refused,
    rules::{
        Exposure,
        authority::{VERIFYING, limits_of},
        judge,
    },
    store::{self, NewDecision, RemarkRow},
};
use crate::{
    app::App,
    assessment::{self, Duty, Version, Waiting, may_take},
    auth::{
        actor::By,
        policy::{Actor, op},
        token::Bearer,
    },
    body::{Command, IdPath},
    case_log::{self, Author, NewEvent, SeenCase},
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    identity, repair,
    wire::Fields,
};

fn conflict(reason: &str) -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", reason)
}

/// Begin to look at what waits
///
/// Starts the verifier's part of the clock (C27). Somebody else may still decide.
#[utoipa::path(operation_id = "start_verification", tags = ["verification", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = StartVerificationRequest, responses((status = 200, description = "where it stands", body = api_spec::verification::VerificationResponse)))]
#[post("/cases/{id}/verification/start")]
pub async fn start_verification(
    app: web::Data<App>,
    actor: By<op::StartVerification>,
    id: IdPath<CaseId>,
    command: Command<StartVerificationRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, case_id)?;
        let now = inner.now();
        if assessment::waiting(conn, case_id)?.is_none() {
            return Err(conflict("nothing_waits"));
        }
        let held = assessment::held(conn, case_id)?;
        may_take(Duty::Verify, &[actor.person], &held).map_err(|r| conflict(r.code()))?;
        assessment::begin_verification(conn, case_id, &actor, now)?;
        Reply::ok(&api::standing(conn, case_id, now)?)
    })
    .await
}

/// What a decision is about, checked: the version waits, is the newest, and nobody changed it.
struct Before {
    seen: SeenCase,
    version: Version,
    waiting: Waiting,
    people: Vec<PersonId>,
    principal: Option<PersonId>,
}

fn before(
    conn: &mut Conn,
    actor: &Actor,
    case_id: CaseId,
    version_id: VersionId,
    on_behalf_of: Option<PersonId>,
    now: Instant,
) -> Result<Before, ApiError> {
    let seen = case_log::see(conn, actor, case_id)?;
    let unknown = || ApiError::invalid_field("version_id", "unknown", "a version of this case");
    let version = assessment::find_version(conn, case_id, version_id)?.ok_or_else(unknown)?;
    let principal = on_behalf_of.filter(|principal| *principal != actor.person);
    if let Some(principal) = principal
        && !store::is_delegated(conn, principal, actor.person, now)?
    {
        return Err(conflict("not_delegated"));
    }
    let people: Vec<PersonId> = [Some(actor.person), principal].into_iter().flatten().collect();
    let held = assessment::held(conn, case_id)?;
    may_take(Duty::Verify, &people, &held).map_err(|refusal| conflict(refusal.code()))?;
    let waiting = assessment::waiting(conn, case_id)?;
    let waiting = waiting.filter(|waiting| waiting.version_id == version_id);
    let waiting = waiting.ok_or_else(|| conflict("does_not_wait"))?;
    Ok(Before { seen, version, waiting, people, principal })
}

/// Verify exactly this version
///
/// 409 with a reason: `assessed_this_case` (also when you or the one you act for wrote to the draft),
/// `no_authority`, `above_single_limit`, `above_case_limit`, `above_shop_limit`, `above_pair_limit`
/// with `limit_fen`, `does_not_wait` when it was decided or replaced meanwhile.
#[utoipa::path(operation_id = "verify_version", tags = ["verification", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = VerifyVersionRequest, responses((status = 200, description = "verified", body = api_spec::verification::VerificationResponse)))]
#[post("/cases/{id}/verification/verify")]
pub async fn verify_version(
    app: web::Data<App>,
    actor: By<op::VerifyVersion>,
    id: IdPath<CaseId>,
    command: Command<VerifyVersionRequest>,
) -> Result<HttpResponse, ApiError> {
    let VerifyVersionRequest { version_id, on_behalf_of } = command.value;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    let principal = on_behalf_of.map(PersonId);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let now = inner.now();
        let before = before(conn, &actor, case_id, VersionId(version_id), principal, now)?;
        let (exposure, authority_version) = within_authority(conn, &actor, &before, now)?;
        decide(conn, &inner, &actor, &before, "verified", exposure.increase(), authority_version)?;
        say(conn, &inner, &actor, EventKind::Verified, &before, now)?;
        Reply::ok(&api::standing(conn, case_id, now)?)
    })
    .await
}

/// Whether the amount is within the authority that is used; what was verified before.
fn within_authority(
    conn: &mut Conn,
    actor: &Actor,
    before: &Before,
    now: Instant,
) -> Result<(Exposure, Option<i64>), ApiError> {
    let Before { seen, version, people, principal, .. } = before;
    let user = match principal {
        None => Some(actor.clone()),
        Some(principal) => {
            let bearer = Bearer { person: *principal, device: None };
            // Who may not see the case lends no authority over it.
            identity::actor_in_good_standing(conn, bearer)?
                .filter(|principal| principal.covers(&seen.facts.branch_path))
        }
    };
    let authority = authority::in_force(conn, &seen.facts.branch_path, now)?;
    let limits = user
        .zip(authority.as_ref())
        .and_then(|(user, authority)| limits_of(&user.roles, VERIFYING, &authority.table));
    let since = limits.map_or(now, |limits| now - limits.period);
    let shop = repair::chosen_shop(conn, version.case_id)?;
    let exposure = Exposure {
        whole: amount(version),
        before: store::last_verified(conn, version.case_id)?,
        shop: match shop {
            None => None,
            Some(shop) => Some(store::verified_for_shop(conn, shop, since)?),
        },
        pair: store::verified_between(conn, people, version.author, since)?,
    };
    judge(limits, &exposure).map_err(refused)?;
    Ok((exposure, authority.map(|authority| authority.version)))
}

/// Writes a decision, makes it a duty of everybody whose authority was used, and empties the queue.
fn decide(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    before: &Before,
    outcome: &str,
    increase: Fen,
    authority_version: Option<i64>,
) -> Result<uuid::Uuid, ApiError> {
    let now = app.now();
    let Before { version, waiting, people, principal, .. } = before;
    assessment::take_duty(conn, version.case_id, people, Duty::Verify, now)?;
    let id = app.ports.ids.uuid();
    let decision = NewDecision {
        id,
        case_id: version.case_id,
        version_id: version.id,
        outcome,
        amount: amount(version),
        increase,
        assessor: version.author,
        shop: repair::chosen_shop(conn, version.case_id)?,
        queued_at: waiting.queued_at,
        started_at: waiting.started.map_or(now, |(_, at)| at),
        decided_at: now,
        decided_by: actor.person,
        on_behalf_of: *principal,
        authority_version,
    };
    store::insert_decision(conn, &decision)?;
    assessment::leave_queue(conn, version.case_id)?;
    Ok(id)
}

fn say(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    kind: EventKind,
    before: &Before,
    now: Instant,
) -> Result<(), ApiError> {
    let version = &before.version;
    let event = NewEvent {
        id: app.new_id(),
        case_id: version.case_id,
        kind,
        author: Author::from(actor),
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data: serde_json::json!({
            "version_id": version.id,
            "number": version.number,
            "amount_fen": amount(version),
            "on_behalf_of": before.principal,
        }),
    };
    case_log::append(conn, &event).map(|_| ())
}

/// Return a version with reasons, line by line
///
/// With `proposed_fen` it is a proposal to adjust: the assessor and the customer have to agree again,
/// on a version of its own. Nothing that the customer agreed on is changed by it.
#[utoipa::path(operation_id = "return_version", tags = ["verification", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = ReturnVersionRequest, responses((status = 200, description = "returned", body = api_spec::verification::VerificationResponse)))]
#[post("/cases/{id}/verification/return")]
pub async fn return_version(
    app: web::Data<App>,
    actor: By<op::ReturnVersion>,
    id: IdPath<CaseId>,
    command: Command<ReturnVersionRequest>,
) -> Result<HttpResponse, ApiError> {
    let ReturnVersionRequest { version_id, remarks, on_behalf_of } = command.value;
    let rows = check(&remarks)?;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    let principal = on_behalf_of.map(PersonId);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let now = inner.now();
        let before = before(conn, &actor, case_id, VersionId(version_id), principal, now)?;
        lines_exist(&before.version, &rows)?;
        let adjusts = rows.iter().any(|row| row.proposed_fen.is_some());
        let outcome = if adjusts { "adjusted" } else { "returned" };
        let id = decide(conn, &inner, &actor, &before, outcome, Fen::ZERO, None)?;
        store::insert_remarks(conn, id, &rows)?;
        say(conn, &inner, &actor, EventKind::VersionReturned, &before, now)?;
        Reply::ok(&api::standing(conn, case_id, now)?)
    })
    .await
}

fn check(remarks: &[Remark]) -> Result<Vec<RemarkRow>, ApiError> {
    if !(1..=200).contains(&remarks.len()) {
        return Err(ApiError::invalid_field("remarks", "out_of_range", "1 to 200 reasons"));
    }
    let mut fields = Fields::default();
    let mut rows = Vec::new();
    for (n, remark) in remarks.iter().enumerate() {
        let reason = fields.text(&format!("remarks[{n}].reason"), &remark.reason, 1, 500);
        if !remark.proposed_fen.is_none_or(|fen| (0..=Fen::MAX_LINE.0).contains(&fen)) {
            let at = format!("remarks[{n}].proposed_fen");
            fields.keep::<()>(Err(FieldError::new(at, "out_of_range", "0 to 100,000,000,000 fen")));
        }
        rows.extend(reason.map(|reason| RemarkRow {
            line_id: remark.line_id.map(|id| id.to_string()),
            reason,
            proposed_fen: remark.proposed_fen,
        }));
    }
    fields.finish()?;
    Ok(rows)
}

fn lines_exist(version: &Version, rows: &[RemarkRow]) -> Result<(), ApiError> {
    let sheet = version.read()?.sheet;
    let known: Vec<String> =
        sheet.vehicles.iter().flat_map(|v| &v.lines).map(|line| line.id.to_string()).collect();
    let stray =
        rows.iter().position(|row| row.line_id.as_ref().is_some_and(|id| !known.contains(id)));
    match stray {
        None => Ok(()),
        Some(n) => {
            let field = format!("remarks[{n}].line_id");
            Err(ApiError::invalid_field(&field, "unknown", "a line of this version"))
        }
    }
}

/// Send the same version to the verifier again, with an answer
///
/// For a return that the assessor does not share; otherwise another version is frozen.
#[utoipa::path(operation_id = "answer_return", tags = ["verification", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = AnswerReturnRequest, responses((status = 200, description = "it waits again", body = api_spec::verification::VerificationResponse)))]
#[post("/cases/{id}/verification/answer")]
pub async fn answer_return(
    app: web::Data<App>,
    actor: By<op::AnswerReturn>,
    id: IdPath<CaseId>,
    command: Command<AnswerReturnRequest>,
) -> Result<HttpResponse, ApiError> {
    let mut fields = Fields::default();
    let answer = fields.text("answer", &command.value.answer, 1, 1_000);
    fields.finish()?;
    let (answer, version_id) = (answer.unwrap_or_default(), VersionId(command.value.version_id));
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let seen = case_log::see(conn, &actor, case_id)?;
        assessment::must_work_on(&actor, &seen)?;
        let now = inner.now();
        assessment::take_duty(conn, case_id, &[actor.person], Duty::Assess, now)?;
        let newest = assessment::find_newest(conn, case_id)?.filter(|v| v.id == version_id);
        let version = newest.ok_or_else(|| conflict("not_newest_version"))?;
        let last = store::list_decisions(conn, case_id)?.into_iter().next();
        let returned = last.filter(|d| d.version_id.0 == version_id && d.outcome != "verified");
        let returned = returned.ok_or_else(|| conflict("not_returned"))?;
        if returned.answer.is_some() {
            return Err(conflict("answered_already"));
        }
        store::update_answer(conn, returned.id.0, &answer, actor.person, now)?;
        super::wait(conn, &seen.facts.branch_path, &version, now)?;
        Reply::ok(&api::standing(conn, case_id, now)?)
    })
    .await
}
