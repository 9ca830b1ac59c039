//! Assigning, listing, answering and withdrawing tasks.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    case::Position,
    dispatch::{
        AcceptTaskRequest, AssignTaskRequest, DeclineTaskRequest, ListTasksQuery,
        NextLimitResponse, TaskCaseResponse, TaskResponse, WithdrawTaskRequest,
    },
    page::{Page, PageQuery},
};
use sync_core::{
    clock::next_limit,
    geo::Point,
    ids::{CaseId, PersonId, TaskId},
    lifecycle::TaskStatus,
    time::{Instant, Span},
};

use super::{
    super::{
        check::{Asked, check_accept, check_decline, check_reason},
        clocks::case_clocks,
        rules::FRESH,
        store::{
            positions,
            tasks::{self as store, Filter, NamedTask},
        },
        tasks::{self, Answer, Assignment},
    },
    surveyor,
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Body, Command, IdPath, IfMatch, Query},
    case_log::{self, Receipt},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    intake,
    ports::travel_time::Goal,
    wire,
};

/// Send a surveyor to a case
///
/// The first assignment starts the clocks for first contact and arrival; it also judges the zone.
/// Whoever had the task before is released and the clocks go on (A6). A surveyor with a conflict of
/// interest is refused (C21).
#[utoipa::path(operation_id = "assign_task", tags = ["dispatch", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = AssignTaskRequest, responses((status = 201, description = "assigned", body = TaskResponse)))]
#[post("/cases/{id}/tasks")]
pub async fn assign_task(
    app: web::Data<App>,
    actor: By<op::AssignTask>,
    id: IdPath<CaseId>,
    command: Command<AssignTaskRequest>,
) -> Result<HttpResponse, ApiError> {
    let actor = actor.into_actor();
    let (case_id, surveyor) = (id.0, PersonId(command.value.surveyor_id));
    let (inner, by) = (app.clone(), actor.clone());
    // Outside the transaction: another estimator may ask a map service.
    let estimate = app.db.read(move |conn| estimate(conn, &inner, &by, case_id, surveyor)).await?;
    let (inner, wanted) = (app.clone(), command.value.id.map(TaskId));
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let task = wanted.unwrap_or_else(|| inner.new_id());
        tasks::assign(conn, &inner, &actor, &Assignment { task, case_id, surveyor, estimate })?;
        let named = store::get_named(conn, task)?;
        Reply::created(&task_response(conn, named, inner.now())?)
    })
    .await
}

fn estimate(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    surveyor: PersonId,
) -> Result<Option<Span>, ApiError> {
    let branch_path = case_log::see(conn, actor, case_id)?.facts.branch_path;
    let scene = intake::get_case(conn, case_id)?.position;
    // Reading the zones here spares the transaction from parsing them.
    let zone = app.zones.judge(conn, &branch_path, scene)?.told();
    let here = positions::find_latest(conn, surveyor)?;
    let fresh = here.filter(|(_, at)| app.now().since(*at) <= FRESH);
    let travel = fresh.zip(scene);
    let estimate = |((here, _), place)| {
        app.ports.travel_time.estimate(here, Goal { place, zone }, app.now()).span
    };
    Ok(travel.map(estimate))
}

/// Tasks, newest first
///
/// A surveyor's own; for dispatchers and managers also those of their branch and below.
#[utoipa::path(operation_id = "list_tasks", tag = "dispatch", params(ListTasksQuery), responses((status = 200, description = "a page", body = Page<TaskResponse>)))]
#[get("/tasks")]
pub async fn list_tasks(
    app: web::Data<App>,
    actor: By<op::ListTasks>,
    query: Query<ListTasksQuery>,
) -> Result<web::Json<Page<TaskResponse>>, ApiError> {
    let query = query.0;
    let paging = PageQuery { cursor: query.cursor.clone(), limit: query.limit };
    let after = Cursor::of(&paging)?;
    let filter = filter(&query)?;
    let limit = i64::from(paging.size()) + 1;
    let (actor, now) = (actor.into_actor(), app.now());
    let tasks = app
        .db
        .read(move |conn| {
            let rows = store::list(conn, &actor, &filter, after.as_ref(), limit)?;
            rows.into_iter().map(|row| task_response(conn, row, now)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let cursor = |task: &TaskResponse| Cursor {
        at_ms: task.assigned_at.timestamp_millis(),
        id: task.id.to_string(),
    };
    Ok(web::Json(page(tasks, &paging, cursor, |task| task)))
}

fn filter(query: &ListTasksQuery) -> Result<Filter, ApiError> {
    let status = match query.status.as_deref() {
        None => Vec::new(),
        Some("open") => vec![TaskStatus::Assigned, TaskStatus::Accepted],
        Some(status) => vec![status.parse::<TaskStatus>().map_err(|_| {
            let allowed = format!("open or one of {}", TaskStatus::NAMES.join(", "));
            ApiError::invalid_field("status", "unknown", allowed)
        })?],
    };
    Ok(Filter { status, case_id: query.case_id.map(CaseId) })
}

/// Take a task
///
/// The id in the body makes the answer happen once: no Idempotency-Key is needed, and `device_now`
/// is to be fresh on every try. A task that was withdrawn meanwhile stays withdrawn.
#[utoipa::path(operation_id = "accept_task", tag = "dispatch", params(("id" = uuid::Uuid, Path, description = "task")), request_body = AcceptTaskRequest, responses((status = 200, description = "noted", body = TaskResponse)))]
#[post("/tasks/{id}/accept")]
pub async fn accept_task(
    app: web::Data<App>,
    actor: By<op::AcceptTask>,
    id: IdPath<TaskId>,
    body: Body<AcceptTaskRequest>,
) -> Result<web::Json<TaskResponse>, ApiError> {
    let asked = Asked { task: id.0, case_id: None };
    let (answer, receipt) = check_accept(asked, &body.value, app.now())?;
    note_answer(app, actor.into_actor(), answer, receipt).await
}

/// Do not take a task
///
/// The id in the body makes the answer happen once: no Idempotency-Key is needed, and `device_now`
/// is to be fresh on every try.
#[utoipa::path(operation_id = "decline_task", tag = "dispatch", params(("id" = uuid::Uuid, Path, description = "task")), request_body = DeclineTaskRequest, responses((status = 200, description = "noted", body = TaskResponse)))]
#[post("/tasks/{id}/decline")]
pub async fn decline_task(
    app: web::Data<App>,
    actor: By<op::DeclineTask>,
    id: IdPath<TaskId>,
    body: Body<DeclineTaskRequest>,
) -> Result<web::Json<TaskResponse>, ApiError> {
    let asked = Asked { task: id.0, case_id: None };
    let (answer, receipt) = check_decline(asked, &body.value, app.now())?;
    note_answer(app, actor.into_actor(), answer, receipt).await
}

async fn note_answer(
    app: web::Data<App>,
    actor: Actor,
    answer: Answer,
    receipt: Receipt,
) -> Result<web::Json<TaskResponse>, ApiError> {
    let task = app
        .db
        .write(move |conn| {
            tasks::answer_task(conn, &actor, &answer, &receipt)?;
            let named = store::get_named(conn, answer.asked.task)?;
            task_response(conn, named, receipt.now)
        })
        .await?;
    Ok(web::Json(task))
}

/// Take a task back
///
/// What its surveyor sends later is still taken, under their name.
#[utoipa::path(operation_id = "withdraw_task", tags = ["dispatch", "command", "versioned"], params(("id" = uuid::Uuid, Path, description = "task")), request_body = WithdrawTaskRequest, responses((status = 200, description = "withdrawn", body = TaskResponse)))]
#[post("/tasks/{id}/withdraw")]
pub async fn withdraw_task(
    app: web::Data<App>,
    actor: By<op::WithdrawTask>,
    id: IdPath<TaskId>,
    version: IfMatch,
    command: Command<WithdrawTaskRequest>,
) -> Result<HttpResponse, ApiError> {
    let reason = check_reason(&command.value.reason)?;
    let (actor, inner, task) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        tasks::withdraw(conn, &inner, &actor, task, version.0, &reason)?;
        let named = store::get_named(conn, task)?;
        Reply::ok(&task_response(conn, named, inner.now())?)
    })
    .await
}

fn task_response(
    conn: &mut Conn,
    (task, (name, staff_no), case_status): NamedTask,
    now: Instant,
) -> Result<TaskResponse, ApiError> {
    let case = intake::get_case(conn, task.case_id.0)?;
    let clocks = case_clocks(conn, task.case_id.0, now)?;
    let next_limit = next_limit(&clocks.states).and_then(|state| {
        Some(NextLimitResponse {
            clock: state.clock.to_string(),
            limit_at: wire::time(state.limit_at?),
            verdict: state.verdict.as_str().to_owned(),
        })
    });
    let accuracy_m = case.accuracy_m;
    let position = |point: Point| Position { lat: point.lat(), lon: point.lon(), accuracy_m };
    Ok(TaskResponse {
        id: task.id.0.into(),
        status: task.status,
        case: TaskCaseResponse {
            id: case.id.into(),
            report_no: case.report_no,
            status: case_status,
            contact_name: case.contact_name,
            contact_phone: case.contact_phone,
            plate: case.plate,
            loss_place: case.loss_place,
            position: case.position.map(position),
        },
        surveyor: surveyor(task.surveyor_id.0, name, staff_no),
        zone_class: task.zone_class,
        zone_version: task.zone_version,
        estimate_ms: task.estimate_ms,
        assigned_at: wire::time(task.assigned_at.0),
        answered_at: task.answered_at.map(|at| wire::time(at.0)),
        ended_at: task.ended_at.map(|at| wire::time(at.0)),
        reason: task.reason,
        next_limit,
        version: task.version,
    })
}
