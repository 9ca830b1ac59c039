//! What units owe each other, and the cases that one surveys for another (C46, C48).

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    page::{Page, PageQuery},
    problem::{Code, FieldError},
    scene::{
        EnterFeeRequest, LedgerQuery, LedgerResponse, SettleFeeRequest, UnitBalance, UnitCaseItem,
        UnitFee,
    },
};
use sync_core::{
    ids::{BranchId, CaseId, FeeId},
    money::Fen,
    time::{Instant, Span},
};

use super::{
    super::rules::units::{Owed, balances},
    api::{known_branch, see_between_units},
    store::{self, FeeRow, NewFee, UnitCaseRow},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath, Query},
    case_log,
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity, intake,
    wire::{self, Fields},
};

/// Amounts of one answer.
const MOST_FEES: i64 = 2_000;
/// The longest window.
const WINDOW: Span = Span::days(366);

/// Enter what one unit owes another for a case
///
/// By the case's branch or by the unit that surveys for it. Both are branches: a customer owes nothing
/// for it (C48).
#[utoipa::path(operation_id = "enter_fee", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = EnterFeeRequest, responses((status = 201, description = "entered", body = UnitFee)))]
#[post("/cases/{id}/unit-fees")]
pub async fn enter_fee(
    app: web::Data<App>,
    actor: By<op::EnterFee>,
    id: IdPath<CaseId>,
    command: Command<EnterFeeRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = command.value;
    let mut fields = Fields::default();
    let reason = fields.text("reason", &request.reason, 1, 200);
    if !(1..=100_000_000).contains(&request.amount_fen) {
        let refused = FieldError::new("amount_fen", "out_of_range", "1 to 100000000 fen");
        fields.keep::<()>(Err(refused));
    }
    if request.creditor_id == request.debtor_id {
        let refused = FieldError::new("debtor_id", "same_unit", "another branch than the creditor");
        fields.keep::<()>(Err(refused));
    }
    let reason = reason.unwrap_or_default();
    fields.finish()?;
    let (actor, inner, case_id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        see_between_units(conn, &actor, case_id)?;
        let (creditor, debtor) = (BranchId(request.creditor_id), BranchId(request.debtor_id));
        known_branch(conn, "creditor_id", creditor)?;
        known_branch(conn, "debtor_id", debtor)?;
        let fee = NewFee {
            id: inner.new_id(),
            case_id,
            creditor,
            debtor,
            amount_fen: request.amount_fen,
            reason: &reason,
            by: actor.person,
            now: inner.now(),
        };
        store::insert_fee(conn, &fee)?;
        case_log::changed(conn, case_id, "unit_fee", fee.now)?;
        Reply::created(&fee_response(get_fee(conn, fee.id)?))
    })
    .await
}

fn get_fee(conn: &mut Conn, id: FeeId) -> Result<FeeRow, ApiError> {
    store::find_fee(conn, id)?.ok_or_else(ApiError::not_found)
}

pub(super) fn fee_response(row: FeeRow) -> UnitFee {
    UnitFee {
        id: row.id.0.into(),
        case_id: row.case_id.0.into(),
        creditor_id: row.creditor_id.0.into(),
        debtor_id: row.debtor_id.0.into(),
        amount_fen: row.amount_fen.0.0,
        reason: row.reason,
        entered_at: wire::time(row.entered_at.0),
        settled_at: row.settled_at.map(|at| wire::time(at.0)),
    }
}

/// Say that your branch was paid what another unit owed it
///
/// By a manager of the creditor: 409 `creditor_confirms` for the debtor's. Once only, 409
/// `settled_before`.
#[utoipa::path(operation_id = "settle_fee", tags = ["survey", "command"], params(("id" = uuid::Uuid, Path, description = "amount")), request_body = SettleFeeRequest, responses((status = 200, description = "settled", body = UnitFee)))]
#[post("/unit-fees/{id}/settlement")]
pub async fn settle_fee(
    app: web::Data<App>,
    actor: By<op::SettleFee>,
    id: IdPath<FeeId>,
    command: Command<SettleFeeRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let fee = get_fee(conn, id)?;
        let refused = |reason: &str| ApiError::new(Code::Conflict).fact("reason", reason);
        if !is_ours(conn, &actor, fee.creditor_id.0)? {
            let debtor = is_ours(conn, &actor, fee.debtor_id.0)?;
            return Err(if debtor { refused("creditor_confirms") } else { ApiError::not_found() });
        }
        let now = inner.now();
        if !store::settle_fee(conn, id, actor.person, now)? {
            return Err(refused("settled_before"));
        }
        case_log::changed(conn, fee.case_id.0, "unit_fee", now)?;
        Reply::ok(&fee_response(get_fee(conn, id)?))
    })
    .await
}

fn is_ours(conn: &mut Conn, actor: &Actor, branch: BranchId) -> Result<bool, ApiError> {
    let path = identity::find_branch_path(conn, branch)?;
    Ok(path.is_some_and(|path| actor.covers(&path)))
}

/// What your branch and other units owe each other
///
/// Amounts that were entered in a window of at most 366 days, and what of them is still open with each
/// unit. Another branch of yours by `branch_id`.
#[utoipa::path(operation_id = "list_fees", tag = "survey", params(LedgerQuery), responses((status = 200, description = "the ledger", body = LedgerResponse)))]
#[get("/unit-fees")]
pub async fn list_fees(
    app: web::Data<App>,
    actor: By<op::ListFees>,
    query: Query<LedgerQuery>,
) -> Result<web::Json<LedgerResponse>, ApiError> {
    let refused = |error| ApiError::invalid(vec![error]);
    let from = wire::instant("from", query.0.from).map_err(refused)?;
    let to = wire::instant("to", query.0.to).map_err(refused)?;
    if to <= from || to.since(from) > WINDOW {
        let allowed = "after from, at most 366 days later";
        return Err(ApiError::invalid_field("to", "out_of_range", allowed));
    }
    let actor = actor.into_actor();
    let us = query.0.branch_id.map_or(actor.branch, BranchId);
    let rows = app.db.read(move |conn| {
        if !is_ours(conn, &actor, us)? {
            return Err(ApiError::invalid_field("branch_id", "unknown", "a branch of yours"));
        }
        store::list_ledger(conn, us, from..to, MOST_FEES + 1)
    });
    let rows = rows.await?;
    if i64::try_from(rows.len()).unwrap_or(i64::MAX) > MOST_FEES {
        let allowed = "a shorter window: at most 2,000 amounts";
        return Err(ApiError::invalid_field("to", "too_many", allowed));
    }
    let owed = |row: &FeeRow| Owed {
        creditor: row.creditor_id.0,
        debtor: row.debtor_id.0,
        amount: Fen(row.amount_fen.0.0),
        settled: row.settled_at.is_some(),
    };
    let open = balances(us, &rows.iter().map(owed).collect::<Vec<_>>());
    let balance = |balance: super::super::rules::units::Balance| UnitBalance {
        branch_id: balance.with.into(),
        owed_to_us_fen: balance.owed_to_us.0,
        owed_by_us_fen: balance.owed_by_us.0,
    };
    Ok(web::Json(LedgerResponse {
        branch_id: us.into(),
        items: rows.into_iter().map(fee_response).collect(),
        open: open.into_iter().map(balance).collect(),
    }))
}

/// The cases that your branch surveys for another one, the latest first
#[utoipa::path(operation_id = "list_unit_cases", tag = "survey", params(PageQuery), responses((status = 200, description = "a page", body = Page<UnitCaseItem>)))]
#[get("/unit-cases")]
pub async fn list_unit_cases(
    app: web::Data<App>,
    actor: By<op::ListUnitCases>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<UnitCaseItem>>, ApiError> {
    let (paging, actor) = (query.0, actor.into_actor());
    let after = Cursor::of(&paging)?;
    let limit = i64::from(paging.size()) + 1;
    let found = app.db.read(move |conn| {
        let rows = store::list_unit_cases(conn, actor.branch, after.as_ref(), limit)?;
        rows.into_iter().map(|row| unit_case(conn, row)).collect::<Result<Vec<_>, _>>()
    });
    let cursor = |(item, arranged_at): &(UnitCaseItem, Instant)| Cursor {
        at_ms: arranged_at.0,
        id: item.case_id.to_string(),
    };
    Ok(web::Json(page(found.await?, &paging, cursor, |(item, _)| item)))
}

fn unit_case(conn: &mut Conn, row: UnitCaseRow) -> Result<(UnitCaseItem, Instant), ApiError> {
    let (id, arranged_at) = (row.case_id.0, row.arranged_at.0);
    let case = intake::get_case(conn, id)?;
    let item = UnitCaseItem {
        case_id: id.into(),
        report_no: case.report_no,
        case_status: case_log::status(conn, id)?.to_string(),
        for_branch_id: case.branch.into(),
        unit: row.unit,
        arranged_at: wire::time(arranged_at),
    };
    Ok((item, arranged_at))
}
