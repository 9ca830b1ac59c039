//! Handlers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    page::{Page, PageQuery},
    problem::{Code, FieldError},
    sla::{
        AlarmResponse, ClockStandsResponse, ContractLimitRequest, ExtendClockRequest,
        LimitResponse, LimitsResponse, ListAlarmsQuery, PauseClockRequest,
    },
};
use serde_json::{Value, json};
use sync_core::{
    clock::{ClockName, ClockState, Verdict},
    ids::CaseId,
    lifecycle::EventKind,
    promise::Limit,
};

use super::store::{self, AlarmRow, Filter};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, CommandKey, IdPath, NamePath, Query},
    case_log::{self, Author, NewEvent},
    db::{
        Conn,
        page::{Cursor, page},
    },
    dispatch::{self, CaseClocks},
    error::ApiError,
    idempotency::{self, Reply},
    wire::{self, Fields},
};

/// Alarms of your branch and those below it, newest first
///
/// They are never deleted. One that was raised because something was heard of late is marked
/// `late_sync`, with a note on how its time was corrected (A5.9).
#[utoipa::path(operation_id = "list_alarms", tag = "sla", params(ListAlarmsQuery), responses((status = 200, description = "a page", body = Page<AlarmResponse>)))]
#[get("/alarms")]
pub async fn list_alarms(
    app: web::Data<App>,
    actor: By<op::ListAlarms>,
    query: Query<ListAlarmsQuery>,
) -> Result<web::Json<Page<AlarmResponse>>, ApiError> {
    let query = query.0;
    let paging = PageQuery { cursor: query.cursor, limit: query.limit };
    let after = Cursor::of(&paging)?;
    let open_only = match query.state.as_deref() {
        None => false,
        Some("open") => true,
        Some(_) => return Err(ApiError::invalid_field("state", "unknown", "open")),
    };
    let filter = Filter { open_only, case_id: query.case_id.map(CaseId) };
    let (actor, limit) = (actor.into_actor(), i64::from(paging.size()) + 1);
    let list =
        move |conn: &mut Conn| store::list_alarms(conn, &actor, filter, after.as_ref(), limit);
    let rows = app.db.read(list).await?;
    let cursor = |row: &AlarmRow| Cursor { at_ms: row.raised_at.0.0, id: row.id.0.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, alarm_response)))
}

fn alarm_response(row: AlarmRow) -> AlarmResponse {
    AlarmResponse {
        id: row.id.0.into(),
        case_id: row.case_id.0.into(),
        clock: row.clock,
        kind: row.kind,
        audience: row.audience,
        limit_at: row.limit_at.map(|at| wire::time(at.0)),
        raised_at: wire::time(row.raised_at.0),
        cleared_at: row.cleared_at.map(|at| wire::time(at.0)),
        cleared_by: row.cleared_by,
        note: row.note,
    }
}

/// Every limit that the clocks of a case had
///
/// A limit that was promised is never silently changed: the old one stays beside the new one (A5.3).
#[utoipa::path(operation_id = "list_limits", tag = "sla", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the limits", body = LimitsResponse)))]
#[get("/cases/{id}/limits")]
pub async fn list_limits(
    app: web::Data<App>,
    actor: By<op::ListLimits>,
    id: IdPath<CaseId>,
) -> Result<web::Json<LimitsResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let rows = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, id)?;
            store::list_limits(conn, id)
        })
        .await?;
    let item =
        |(clock, ordinal, limit_at, provisional, reason, set_at): store::LimitRow| LimitResponse {
            clock,
            ordinal,
            limit_at: limit_at.map(|at| wire::time(sync_core::time::Instant(at))),
            provisional,
            reason,
            set_at: wire::time(set_at.0),
        };
    Ok(web::Json(LimitsResponse { items: rows.into_iter().map(item).collect() }))
}

/// Let a clock stand still
///
/// Its limit moves by as long as it stood, if it had not run out before. 409 `clock_not_running`.
#[utoipa::path(operation_id = "pause_clock", tags = ["sla", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("name" = String, Path, description = "clock")), request_body = PauseClockRequest, responses((status = 200, description = "paused", body = ClockStandsResponse)))]
#[post("/cases/{id}/clocks/{name}/pause")]
pub async fn pause_clock(
    app: web::Data<App>,
    actor: By<op::PauseClock>,
    id: IdPath<CaseId>,
    clock: NamePath,
    command: Command<PauseClockRequest>,
) -> Result<HttpResponse, ApiError> {
    let (clock, reason) = (clock_of(&clock)?, reason(&command.value.reason)?);
    let facts = json!({ "clock": clock, "reason": reason });
    let order = Order { id: id.0, clock, kind: EventKind::ClockPaused, facts };
    carry_out(app, actor.into_actor(), command.key, order, |state| {
        matches!(state.verdict, Verdict::Running { .. } | Verdict::AtRisk { .. })
    })
    .await
}

/// Let a clock go on
#[utoipa::path(operation_id = "resume_clock", tags = ["sla", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("name" = String, Path, description = "clock")), request_body = PauseClockRequest, responses((status = 200, description = "running", body = ClockStandsResponse)))]
#[post("/cases/{id}/clocks/{name}/resume")]
pub async fn resume_clock(
    app: web::Data<App>,
    actor: By<op::ResumeClock>,
    id: IdPath<CaseId>,
    clock: NamePath,
    command: Command<PauseClockRequest>,
) -> Result<HttpResponse, ApiError> {
    let (clock, reason) = (clock_of(&clock)?, reason(&command.value.reason)?);
    let facts = json!({ "clock": clock, "reason": reason });
    let order = Order { id: id.0, clock, kind: EventKind::ClockResumed, facts };
    let paused = |state: &ClockState| state.verdict == Verdict::Paused;
    carry_out(app, actor.into_actor(), command.key, order, paused).await
}

/// Give a clock a later limit
///
/// By a head of claims, with a reason, while the limit has not run out (C38).
#[utoipa::path(operation_id = "extend_clock", tags = ["sla", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("name" = String, Path, description = "clock")), request_body = ExtendClockRequest, responses((status = 200, description = "extended", body = ClockStandsResponse)))]
#[post("/cases/{id}/clocks/{name}/extend")]
pub async fn extend_clock(
    app: web::Data<App>,
    actor: By<op::ExtendClock>,
    id: IdPath<CaseId>,
    clock: NamePath,
    command: Command<ExtendClockRequest>,
) -> Result<HttpResponse, ApiError> {
    let clock = clock_of(&clock)?;
    let mut fields = Fields::default();
    let reason = fields.text("reason", &command.value.reason, 1, 500);
    let until = fields.keep(wire::instant("until", command.value.until));
    let (Some(reason), Some(until)) = (reason, until) else { return Err(fields.refused()) };
    let actor = actor.into_actor();
    let facts = json!({
        "clock": clock,
        "until": wire::time(until),
        "reason": reason,
        "approver": actor.person,
        "customer_told": command.value.customer_told,
    });
    let order = Order { id: id.0, clock, kind: EventKind::ClockExtended, facts };
    let open = move |state: &ClockState| {
        let running = matches!(state.verdict, Verdict::Running { .. } | Verdict::AtRisk { .. });
        running && state.limit_at < Some(until)
    };
    carry_out(app, actor, command.key, order, open).await
}

/// Enter a limit of the contract
///
/// It prevails over the promise, from the start of the clock (C45).
#[utoipa::path(operation_id = "set_contract_limit", tags = ["sla", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("name" = String, Path, description = "clock")), request_body = ContractLimitRequest, responses((status = 200, description = "entered", body = ClockStandsResponse)))]
#[post("/cases/{id}/clocks/{name}/contract-limit")]
pub async fn set_contract_limit(
    app: web::Data<App>,
    actor: By<op::SetContractLimit>,
    id: IdPath<CaseId>,
    clock: NamePath,
    command: Command<ContractLimitRequest>,
) -> Result<HttpResponse, ApiError> {
    let clock = clock_of(&clock)?;
    let mut fields = Fields::default();
    let clause = fields.text("clause", &command.value.clause, 1, 200);
    let limit = serde_json::from_value::<Limit>(command.value.limit.clone())
        .map_err(|fault| FieldError::new("limit", "wrong_shape", fault.to_string()))
        .and_then(|limit| match limit.is_sane() {
            true => Ok(limit),
            false => Err(FieldError::new("limit", "out_of_range", "up to 4,000 days")),
        });
    let (Some(clause), Some(limit)) = (clause, fields.keep(limit)) else {
        return Err(fields.refused());
    };
    let facts = json!({ "clock": clock, "limit": limit, "clause": clause });
    let order = Order { id: id.0, clock, kind: EventKind::ContractLimitSet, facts };
    carry_out(app, actor.into_actor(), command.key, order, |_| true).await
}

/// What is to be written about a clock.
#[derive(Clone)]
struct Order {
    id: CaseId,
    clock: ClockName,
    kind: EventKind,
    facts: Value,
}

async fn carry_out(
    app: web::Data<App>,
    actor: Actor,
    key: CommandKey,
    order: Order,
    may: impl Fn(&ClockState) -> bool + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let inner = app.clone();
    idempotency::once(&app, actor.person.to_string(), key, move |conn| {
        case_log::see(conn, &actor, order.id)?;
        let now = inner.now();
        let before = dispatch::case_clocks(conn, order.id, now)?;
        let allowed = order.kind == EventKind::ContractLimitSet
            || stands(&before, order.clock).is_some_and(&may);
        if !allowed {
            let found = stands(&before, order.clock);
            let verdict = found.map_or("not_started", |state| state.verdict.as_str());
            return Err(ApiError::new(Code::Conflict)
                .fact("reason", "clock_does_not_allow")
                .fact("verdict", verdict));
        }
        let event = NewEvent {
            id: inner.new_id(),
            case_id: order.id,
            kind: order.kind.clone(),
            author: Author::from(&actor),
            device_at: None,
            occurred_at: now,
            recorded_at: now,
            data: order.facts.clone(),
        };
        case_log::append(conn, &event)?;
        let after = dispatch::case_clocks(conn, order.id, now)?;
        Reply::ok(&stands_response(order.clock, stands(&after, order.clock)))
    })
    .await
}

fn stands(clocks: &CaseClocks, clock: ClockName) -> Option<&ClockState> {
    clocks.states.iter().find(|state| state.clock == clock)
}

fn stands_response(clock: ClockName, state: Option<&ClockState>) -> ClockStandsResponse {
    ClockStandsResponse {
        clock: clock.to_string(),
        verdict: state.map_or("not_started", |state| state.verdict.as_str()).to_owned(),
        limit_at: state.and_then(|state| state.limit_at).map(wire::time),
        provisional: state.is_some_and(|state| state.provisional),
    }
}

fn clock_of(path: &NamePath) -> Result<ClockName, ApiError> {
    path.0.parse().map_err(|_| ApiError::not_found())
}

fn reason(text: &str) -> Result<String, ApiError> {
    let mut fields = Fields::default();
    fields.text("reason", text, 1, 500).ok_or_else(|| fields.refused())
}
