//! Handlers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    problem::{Code, FieldError},
    settlement::{AdjudicateClaimRequest, AdjudicationResponse, AdjudicationsResponse},
};
use sync_core::{
    ids::{CaseId, VersionId},
    lifecycle::EventKind,
    money::Fen,
};

use super::{
    rules::{self, AmountRefusal, MOST_CLAUSES},
    store::{self, AdjudicationRow, Weight},
};
use crate::{
    app::App,
    assessment::{self, Duty, Version},
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath},
    case_log::{self, Author, NewEvent},
    db::{
        Conn,
        types::{Id, Money, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    repair,
    verification::{self, Adjudicating, Exposure},
    wire::{self, Fields},
};

/// Adjudicate a claim on exactly one verified version (C33)
///
/// 409 with a reason: `assessed_this_case` (also when you only wrote to the draft, in whatever role),
/// `not_newest_version`, `version_not_verified`, `no_authority`, `above_single_limit`,
/// `above_case_limit`, `above_shop_limit`, `above_pair_limit` with `limit_fen`, `already_adjudicated`.
#[utoipa::path(operation_id = "adjudicate_claim", tags = ["settlement", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = AdjudicateClaimRequest, responses((status = 201, description = "adjudicated", body = AdjudicationResponse)))]
#[post("/cases/{id}/adjudication")]
pub async fn adjudicate_claim(
    app: web::Data<App>,
    actor: By<op::AdjudicateClaim>,
    id: IdPath<CaseId>,
    command: Command<AdjudicateClaimRequest>,
) -> Result<HttpResponse, ApiError> {
    let asked = check(&command.value)?;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        Reply::created(&response(adjudicate(conn, &inner, &actor, case_id, &asked)?)?)
    })
    .await
}

struct Asked {
    version_id: VersionId,
    amount: Fen,
    clauses: Vec<String>,
    reason: Option<String>,
}

fn check(request: &AdjudicateClaimRequest) -> Result<Asked, ApiError> {
    let mut fields = Fields::default();
    if !(1..=MOST_CLAUSES).contains(&request.clauses.len()) {
        let fault = FieldError::new("clauses", "out_of_range", "1 to 20 clauses");
        return Err(ApiError::invalid(vec![fault]));
    }
    let clauses = request.clauses.iter().enumerate();
    let clauses =
        clauses.filter_map(|(n, text)| fields.text(&format!("clauses[{n}]"), text, 1, 200));
    let clauses = clauses.collect();
    let reason = request.reason.as_ref();
    let reason = reason.and_then(|text| fields.text("reason", text, 1, 1_000));
    fields.finish()?;
    let (version_id, amount) = (VersionId(request.version_id), Fen(request.amount_fen));
    Ok(Asked { version_id, amount, clauses, reason })
}

fn conflict(reason: &str) -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", reason)
}

fn adjudicate(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    asked: &Asked,
) -> Result<AdjudicationRow, ApiError> {
    let (seen, now) = (case_log::see(conn, actor, case_id)?, app.now());
    let unknown = || ApiError::invalid_field("version_id", "unknown", "a version of this case");
    let version = assessment::find_version(conn, case_id, asked.version_id)?.ok_or_else(unknown)?;
    // Separation before amounts.
    assessment::take_duty(conn, case_id, &[actor.person], Duty::Adjudicate, now)?;
    if assessment::newest_number(conn, case_id)? != version.number {
        return Err(conflict("not_newest_version"));
    }
    let verified = verification::verified_amount(conn, case_id, version.id)?;
    let verified = verified.ok_or_else(|| conflict("version_not_verified"))?;
    rules::judge_amount(asked.amount, verified, asked.reason.is_some())
        .map_err(|refusal| refused(refusal, verified))?;
    let authority = Adjudicating::of(conn, actor, &seen.facts.branch_path, now)?;
    let exposure = exposure(conn, actor, &version, asked.amount, authority.since(now))?;
    authority.check(&exposure)?;
    let row = AdjudicationRow {
        id: Id(app.ports.ids.uuid()),
        version_id: Id(version.id),
        amount_fen: Money(asked.amount),
        verified_fen: Money(verified),
        clauses: serde_json::to_string(&asked.clauses).map_err(ApiError::internal)?,
        reason: asked.reason.clone(),
        decided_by: Id(actor.person),
        decided_at: Ms(now),
    };
    let weight = Weight {
        increase: exposure.increase(),
        assessor: version.author,
        shop: repair::chosen_shop(conn, case_id)?,
        authority_version: authority.authority_version,
    };
    store::insert(conn, case_id, &row, &weight)?;
    say(conn, app, actor, case_id, &row)?;
    Ok(row)
}

fn refused(refusal: AmountRefusal, verified: Fen) -> ApiError {
    match refusal {
        AmountRefusal::OutOfRange => {
            let allowed = format!("0 to {} fen, which was verified", verified.0);
            ApiError::invalid_field("amount_fen", "out_of_range", allowed)
        }
        AmountRefusal::NoReason => {
            let allowed = "why it is less than was verified: the customer is told";
            ApiError::invalid_field("reason", "required", allowed)
        }
        AmountRefusal::NothingTakenOff => {
            let allowed = "none where everything that was verified is paid";
            ApiError::invalid_field("reason", "forbidden", allowed)
        }
    }
}

fn exposure(
    conn: &mut Conn,
    actor: &Actor,
    version: &Version,
    amount: Fen,
    since: sync_core::time::Instant,
) -> Result<Exposure, ApiError> {
    let before = store::list(conn, version.case_id)?.first().map(|row| row.amount_fen.0);
    let shop = match repair::chosen_shop(conn, version.case_id)? {
        None => None,
        Some(shop) => Some(store::adjudicated_for_shop(conn, shop, since)?),
    };
    let pair = store::adjudicated_between(conn, actor.person, version.author, since)?;
    Ok(Exposure { whole: amount, before: before.unwrap_or(Fen::ZERO), shop, pair })
}

fn say(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    row: &AdjudicationRow,
) -> Result<(), ApiError> {
    let now = row.decided_at.0;
    let event = NewEvent {
        id: app.new_id(),
        case_id,
        kind: EventKind::Adjudicated,
        author: Author::from(actor),
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data: serde_json::json!({
            "adjudication_id": row.id.0,
            "version_id": row.version_id.0,
            "amount_fen": row.amount_fen.0,
        }),
    };
    case_log::append(conn, &event).map(|_| ())
}

fn response(row: AdjudicationRow) -> Result<AdjudicationResponse, ApiError> {
    Ok(AdjudicationResponse {
        id: row.id.0,
        version_id: row.version_id.0.into(),
        amount_fen: row.amount_fen.0.0,
        verified_fen: row.verified_fen.0.0,
        clauses: serde_json::from_str(&row.clauses).map_err(ApiError::internal)?,
        reason: row.reason,
        decided_by: row.decided_by.0.into(),
        decided_at: wire::time(row.decided_at.0),
    })
}

/// What a claim was adjudicated at
#[utoipa::path(operation_id = "get_adjudication", tag = "settlement", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "latest first", body = AdjudicationsResponse)))]
#[get("/cases/{id}/adjudication")]
pub async fn get_adjudication(
    app: web::Data<App>,
    actor: By<op::GetAdjudication>,
    id: IdPath<CaseId>,
) -> Result<web::Json<AdjudicationsResponse>, ApiError> {
    let (actor, case_id) = (actor.into_actor(), id.0);
    let read = move |conn: &mut Conn| {
        case_log::see(conn, &actor, case_id)?;
        store::list(conn, case_id)
    };
    let rows = app.db.read(read).await?;
    let items = rows.into_iter().map(response).collect::<Result<_, _>>()?;
    Ok(web::Json(AdjudicationsResponse { items }))
}
