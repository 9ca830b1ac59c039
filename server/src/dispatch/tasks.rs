//! What can be done with a task, inside the caller's transaction.

use serde_json::json;
use sync_core::{
    ids::{CaseId, EventId, PersonId, TaskId},
    lifecycle::{EventKind, TaskAction, TaskRefusal, TaskStatus, Transition, apply_to_task},
    time::{Instant, Span},
};

use super::{
    check::Asked,
    clocks::{JudgedZone, case_clocks},
    rules::is_own_claim,
    store::{
        rosters, surveyors,
        tasks::{self as store, Change, NewTask, TaskRow},
    },
};
use crate::{
    app::App,
    auth::policy::Actor,
    case_log::{self, Appended, Author, NewEvent, Receipt},
    db::Conn,
    error::ApiError,
    intake,
};
use api_spec::problem::Code;

/// Who is to be sent where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assignment {
    pub(super) task: TaskId,
    pub(super) case_id: CaseId,
    pub(super) surveyor: PersonId,
    pub(super) estimate: Option<Span>,
}

/// Sends a surveyor to a case (C04). Whoever had the task before is released: their late work still
/// lands. The first assignment judges the zone and starts the clocks for good.
pub(super) fn assign(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    order: &Assignment,
) -> Result<(), ApiError> {
    let branch_path = case_log::see(conn, actor, order.case_id)?.facts.branch_path;
    place(conn, app, Author::from(actor), actor.person, &branch_path, order)
}

/// [`assign`], by whoever may: a person who sees the case, or a surveyor who takes what the system
/// has offered. A surveyor must be of `branch_path` or below, or of those who share its work.
pub(super) fn place(
    conn: &mut Conn,
    app: &App,
    author: Author,
    by: PersonId,
    branch_path: &str,
    order: &Assignment,
) -> Result<(), ApiError> {
    let now = app.now();
    if let Some(known) = store::find(conn, order.task)? {
        let same = known.case_id.0 == order.case_id && known.surveyor_id.0 == order.surveyor;
        return if same { Ok(()) } else { Err(id_taken()) };
    }
    let case = intake::get_case(conn, order.case_id)?;
    let shared = rosters::find_shared_path(conn, branch_path, now)?;
    let pool = shared.as_deref().unwrap_or(branch_path);
    let person = surveyors::find_person(conn, pool, order.surveyor)?.ok_or_else(|| {
        let allowed = "an active surveyor of the case's branch or one below it";
        ApiError::invalid_field("surveyor_id", "unknown", allowed)
    })?;
    let declared = rosters::list_interested(conn, &case.plate, &case.contact_phone)?;
    if declared.contains(&person.id) || is_own_claim(&person, &case.contact_phone) {
        return Err(refused("conflict_of_interest"));
    }
    release_earlier(conn, app, author, order, now)?;
    let clocks = case_clocks(conn, order.case_id, now)?;
    // Somebody of our own goes: no other unit is looked for any more (C11).
    if clocks.proxy_is_wanted {
        let data = json!({ "surveyor_id": order.surveyor });
        log(conn, app, author, order.case_id, EventKind::ProxyDropped, data, now)?;
    }
    let zone = match clocks.zone {
        Some(zone) => zone,
        None => app.zones.judge(conn, branch_path, case.position)?,
    };
    let new = NewTask {
        id: order.task,
        case_id: order.case_id,
        surveyor: order.surveyor,
        zone,
        estimate: order.estimate,
        by,
        now,
    };
    store::insert(conn, &new)?;
    case_log::send_person(conn, order.case_id, order.surveyor, now)?;
    let data = assigned_data(order, zone);
    log(conn, app, author, order.case_id, EventKind::TaskAssigned, data, now)
}

fn assigned_data(order: &Assignment, zone: JudgedZone) -> serde_json::Value {
    json!({
        "task_id": order.task,
        "surveyor_id": order.surveyor,
        "zone_class": zone.class,
        "zone_version": zone.version,
        "estimate_ms": order.estimate,
    })
}

fn release_earlier(
    conn: &mut Conn,
    app: &App,
    author: Author,
    order: &Assignment,
    now: Instant,
) -> Result<(), ApiError> {
    let Some(open) = store::find_open(conn, order.case_id)? else { return Ok(()) };
    if open.surveyor_id.0 == order.surveyor {
        return Err(refused("already_assigned").fact("task_id", open.id.0.to_string()));
    }
    end(conn, app, author, &open, "reassigned", now)
}

/// Takes a task back that is as the caller read it.
pub(super) fn withdraw(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    task: TaskId,
    version: i64,
    reason: &str,
) -> Result<(), ApiError> {
    let task = store::find(conn, task)?.ok_or_else(ApiError::not_found)?;
    case_log::see(conn, actor, task.case_id.0)?;
    if task.version != version {
        return Err(ApiError::new(Code::VersionMismatch).fact("version", task.version));
    }
    match apply_to_task(task.task_status()?, TaskAction::Withdraw).map_err(contradicted)? {
        Transition::Moved(_) => end(conn, app, Author::from(actor), &task, reason, app.now()),
        Transition::Stays => Ok(()),
    }
}

fn end(
    conn: &mut Conn,
    app: &App,
    author: Author,
    task: &TaskRow,
    reason: &str,
    now: Instant,
) -> Result<(), ApiError> {
    let change = Change {
        status: TaskStatus::Withdrawn,
        answered_at: task.answered_at.map(|at| at.0),
        ended_at: Some(now),
        reason: Some(reason),
    };
    store::update(conn, task, &change)?;
    let (case_id, surveyor) = (task.case_id.0, task.surveyor_id.0);
    case_log::release_person(conn, case_id, surveyor, now)?;
    let data = json!({ "task_id": task.id.0, "surveyor_id": surveyor, "reason": reason });
    log(conn, app, author, case_id, EventKind::TaskWithdrawn, data, now)
}

/// Something that this server decided just now.
pub(super) fn log(
    conn: &mut Conn,
    app: &App,
    author: Author,
    case_id: CaseId,
    kind: EventKind,
    data: serde_json::Value,
    now: Instant,
) -> Result<(), ApiError> {
    case_log::append(conn, &decided(app, author, case_id, kind, data, now)).map(|_| ())
}

/// The event of something that this server decided just now.
pub(super) fn decided(
    app: &App,
    author: Author,
    case_id: CaseId,
    kind: EventKind,
    data: serde_json::Value,
    now: Instant,
) -> NewEvent {
    NewEvent {
        id: app.new_id(),
        case_id,
        kind,
        author,
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data,
    }
}

/// A surveyor's answer to a task, perhaps given without signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Made by the device; becomes the event's id.
    pub id: EventId,
    /// The task.
    pub asked: Asked,
    /// When, by the device's clock.
    pub device_at: Instant,
    /// Yes or no.
    pub word: AnswerWord,
}

/// Yes or no to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerWord {
    /// The surveyor takes it.
    Accept,
    /// The surveyor does not take it, and why.
    Decline {
        /// 1 to 500 characters.
        reason: String,
    },
}

/// Notes a surveyor's answer. An answer that comes after the task was withdrawn or done is kept in the
/// log and does not bring the task back.
///
/// # Errors
/// `not_found` for another person's task; `conflict` when the answer contradicts an earlier one.
pub fn answer_task(
    conn: &mut Conn,
    actor: &Actor,
    answer: &Answer,
    receipt: &Receipt,
) -> Result<Appended, ApiError> {
    let task = store::find(conn, answer.asked.task)?
        .filter(|task| task.surveyor_id.0 == actor.person)
        .filter(|task| answer.asked.case_id.is_none_or(|case_id| task.case_id.0 == case_id))
        .ok_or_else(ApiError::not_found)?;
    let case_id = task.case_id.0;
    let case_status = case_log::see(conn, actor, case_id)?.status;
    let (action, kind, reason) = match &answer.word {
        AnswerWord::Accept => (TaskAction::Accept, EventKind::TaskAccepted, None),
        AnswerWord::Decline { reason } => {
            (TaskAction::Decline, EventKind::TaskDeclined, Some(reason.as_str()))
        }
    };
    let seen = receipt.seen(answer.device_at, task.assigned_at.0);
    let status = task.task_status()?;
    match apply_to_task(status, action).map_err(contradicted)? {
        Transition::Moved(next) => {
            let change = Change {
                status: next,
                answered_at: Some(seen.occurred_at),
                ended_at: (!next.is_open()).then_some(seen.occurred_at),
                reason,
            };
            store::update(conn, &task, &change)?;
            if !next.is_open() {
                case_log::release_person(conn, case_id, actor.person, receipt.now)?;
            }
        }
        // The same answer again, perhaps under another name: once is enough.
        Transition::Stays if is_said(conn, &task, &kind)? => {
            return Ok(Appended::Known(case_status));
        }
        Transition::Stays => {}
    }
    let event = NewEvent {
        id: answer.id,
        case_id,
        kind,
        author: Author::from(actor),
        device_at: Some(seen.device_at),
        occurred_at: seen.occurred_at,
        recorded_at: receipt.now,
        data: json!({
            "task_id": task.id.0,
            "reason": reason,
            "withdrawn_before": status == TaskStatus::Withdrawn,
            "time_confidence": seen.confidence,
        }),
    };
    case_log::append(conn, &event)
}

/// Whether this answer to a task stands in the log.
fn is_said(conn: &mut Conn, task: &TaskRow, kind: &EventKind) -> Result<bool, ApiError> {
    let id = json!(task.id.0);
    let log = case_log::entries(conn, task.case_id.0)?;
    Ok(log.iter().any(|entry| entry.kind == *kind && entry.data.get("task_id") == Some(&id)))
}

/// Marks a surveyor's open task on a case as done; without one nothing changes.
///
/// # Errors
/// Database faults.
pub fn complete_task(
    conn: &mut Conn,
    case_id: CaseId,
    surveyor: PersonId,
    at: Instant,
) -> Result<(), ApiError> {
    let Some(task) = store::find_open(conn, case_id)?.filter(|task| task.surveyor_id.0 == surveyor)
    else {
        return Ok(());
    };
    let change = Change {
        status: TaskStatus::Done,
        // Work without a word of acceptance is acceptance.
        answered_at: Some(task.answered_at.map_or(at, |at| at.0)),
        ended_at: Some(at),
        reason: None,
    };
    store::update(conn, &task, &change)
}

pub(super) fn refused(reason: &str) -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", reason)
}

fn contradicted(refusal: TaskRefusal) -> ApiError {
    refused(refusal.code())
}

fn id_taken() -> ApiError {
    ApiError::invalid_field("id", "id_taken", "this id names another task; make a new one")
}
