//! Rows of tasks.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PersonId, TaskId},
    lifecycle::TaskStatus,
    promise::ZoneClass,
    time::{Instant, Span},
};

use super::super::clocks::JudgedZone;
use crate::{
    auth::policy::{Actor, Role},
    db::{
        Conn,
        page::Cursor,
        schema::{branches, cases, people, tasks},
        types::{Id, Ms},
    },
    error::ApiError,
};

/// A task as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = tasks)]
pub(in super::super) struct TaskRow {
    pub(in super::super) id: Id<TaskId>,
    pub(in super::super) case_id: Id<CaseId>,
    pub(in super::super) surveyor_id: Id<PersonId>,
    pub(in super::super) status: String,
    pub(in super::super) zone_class: String,
    pub(in super::super) zone_version: Option<i64>,
    pub(in super::super) estimate_ms: Option<i64>,
    pub(in super::super) assigned_at: Ms,
    pub(in super::super) answered_at: Option<Ms>,
    pub(in super::super) ended_at: Option<Ms>,
    pub(in super::super) reason: Option<String>,
    pub(in super::super) version: i64,
}

impl TaskRow {
    /// Where it stands.
    pub(in super::super) fn task_status(&self) -> Result<TaskStatus, ApiError> {
        self.status.parse().map_err(|_| ApiError::internal("unknown task status"))
    }

    /// What the zones said of the place, if there were any.
    pub(in super::super) fn zone_told(&self) -> Option<ZoneClass> {
        self.zone_version.and_then(|_| self.zone_class.parse().ok())
    }
}

/// A task with the surveyor's name and staff number and the status of the case.
pub(in super::super) type NamedTask = (TaskRow, (String, Option<String>), String);

/// What a new task is stored with.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct NewTask {
    pub(in super::super) id: TaskId,
    pub(in super::super) case_id: CaseId,
    pub(in super::super) surveyor: PersonId,
    pub(in super::super) zone: JudgedZone,
    pub(in super::super) estimate: Option<Span>,
    pub(in super::super) by: PersonId,
    pub(in super::super) now: Instant,
}

pub(in super::super) fn insert(conn: &mut Conn, new: &NewTask) -> Result<(), ApiError> {
    let row = (
        tasks::id.eq(new.id.to_string()),
        tasks::case_id.eq(new.case_id.to_string()),
        tasks::surveyor_id.eq(new.surveyor.to_string()),
        tasks::status.eq(TaskStatus::Assigned.as_str()),
        tasks::zone_class.eq(new.zone.class.as_str()),
        tasks::zone_version.eq(new.zone.version),
        tasks::estimate_ms.eq(new.estimate.map(|span| span.0)),
        tasks::assigned_by.eq(new.by.to_string()),
        tasks::assigned_at.eq(new.now.0),
        tasks::version.eq(1),
    );
    // Somebody else was sent to the case at the same moment: look again.
    diesel::insert_into(tasks::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

pub(in super::super) fn find(conn: &mut Conn, id: TaskId) -> Result<Option<TaskRow>, ApiError> {
    Ok(tasks::table.find(id.to_string()).select(TaskRow::as_select()).first(conn).optional()?)
}

pub(in super::super) fn get_named(conn: &mut Conn, id: TaskId) -> Result<NamedTask, ApiError> {
    let task: Option<NamedTask> = tasks::table
        .inner_join(people::table)
        .inner_join(cases::table)
        .filter(tasks::id.eq(id.to_string()))
        .select((TaskRow::as_select(), (people::name, people::staff_no), cases::status))
        .first(conn)
        .optional()?;
    task.ok_or_else(ApiError::not_found)
}

/// The task that somebody still has to do something about, if there is one.
pub(in super::super) fn find_open(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<TaskRow>, ApiError> {
    let open = tasks::status
        .eq(TaskStatus::Assigned.as_str())
        .or(tasks::status.eq(TaskStatus::Accepted.as_str()));
    Ok(tasks::table
        .filter(tasks::case_id.eq(case_id.to_string()))
        .filter(open)
        .select(TaskRow::as_select())
        .first(conn)
        .optional()?)
}

/// The last task of a person on a case, in whatever state.
pub(in super::super) fn find_last_of(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
) -> Result<Option<TaskRow>, ApiError> {
    Ok(tasks::table
        .filter(tasks::case_id.eq(case_id.to_string()))
        .filter(tasks::surveyor_id.eq(person.to_string()))
        .order(tasks::assigned_at.desc())
        .select(TaskRow::as_select())
        .first(conn)
        .optional()?)
}

/// What changes with a task's status.
#[derive(Clone, Debug)]
pub(in super::super) struct Change<'a> {
    pub(in super::super) status: TaskStatus,
    pub(in super::super) answered_at: Option<Instant>,
    pub(in super::super) ended_at: Option<Instant>,
    pub(in super::super) reason: Option<&'a str>,
}

/// Changes a task that is still as it was read.
pub(in super::super) fn update(
    conn: &mut Conn,
    task: &TaskRow,
    change: &Change<'_>,
) -> Result<(), ApiError> {
    let as_read = tasks::table.find(task.id.0.to_string()).filter(tasks::version.eq(task.version));
    let changed = diesel::update(as_read)
        .set((
            tasks::status.eq(change.status.as_str()),
            tasks::answered_at.eq(change.answered_at.map(|at| at.0)),
            tasks::ended_at.eq(change.ended_at.map(|at| at.0)),
            tasks::reason.eq(change.reason),
            tasks::version.eq(task.version + 1),
        ))
        .execute(conn)?;
    if changed == 1 { Ok(()) } else { Err(ApiError::contention()) }
}

/// What a list of tasks is narrowed by.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Filter {
    pub(in super::super) status: Vec<TaskStatus>,
    pub(in super::super) case_id: Option<CaseId>,
}

/// The newest tasks first: a surveyor's own, and for the office those of their branch and below.
pub(in super::super) fn list(
    conn: &mut Conn,
    actor: &Actor,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<NamedTask>, ApiError> {
    let own = tasks::surveyor_id.eq(actor.person.to_string());
    let below = branches::path.like(format!("{}%", actor.branch_path));
    let office = actor.is(Role::Dispatcher) || actor.is(Role::Manager);
    let mut query = tasks::table
        .inner_join(people::table)
        .inner_join(cases::table.inner_join(branches::table))
        .select((TaskRow::as_select(), (people::name, people::staff_no), cases::status))
        .into_boxed();
    query = if office { query.filter(own.or(below)) } else { query.filter(own) };
    if let Some(case_id) = filter.case_id {
        query = query.filter(tasks::case_id.eq(case_id.to_string()));
    }
    match filter.status.as_slice() {
        [] => {}
        [status] => query = query.filter(tasks::status.eq(status.as_str())),
        [a, b, ..] => {
            query = query.filter(tasks::status.eq(a.as_str()).or(tasks::status.eq(b.as_str())));
        }
    }
    if let Some(Cursor { at_ms, id }) = after {
        let older = tasks::assigned_at.lt(*at_ms);
        query = query.filter(older.or(tasks::assigned_at.eq(*at_ms).and(tasks::id.lt(id.clone()))));
    }
    Ok(query.order((tasks::assigned_at.desc(), tasks::id.desc())).limit(limit).load(conn)?)
}
