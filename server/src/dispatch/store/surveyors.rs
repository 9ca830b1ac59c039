//! Rows of people, as those who can be sent.

use std::collections::{HashMap, HashSet};

use diesel::{dsl::count_star, prelude::*};
use sync_core::{
    geo::Point,
    ids::{CaseId, PersonId},
    lifecycle::TaskStatus,
    time::Instant,
};

use super::super::rules::{Person, Surveyor};
use crate::{
    auth::policy::Role,
    db::{
        Conn,
        schema::{branches, latest_positions, people, tasks},
        types::Id,
    },
    error::ApiError,
};

type PersonRow = (Id<PersonId>, String, Option<String>, Option<String>, String);

/// One surveyor of a branch or of those below it, if they may work now.
pub(in super::super) fn find_person(
    conn: &mut Conn,
    branch_path: &str,
    id: PersonId,
) -> Result<Option<Person>, ApiError> {
    let row: Option<PersonRow> = people::table
        .inner_join(branches::table)
        .filter(people::id.eq(id.to_string()))
        .filter(people::disabled_at.is_null())
        .filter(branches::path.like(format!("{branch_path}%")))
        .select((people::id, people::name, people::staff_no, people::phone, people::roles))
        .first(conn)
        .optional()?;
    Ok(row.and_then(surveyor))
}

/// Every surveyor of a branch and of those below it who may work now.
pub(in super::super) fn list_surveyors(
    conn: &mut Conn,
    branch_path: &str,
    case_id: CaseId,
) -> Result<Vec<Surveyor>, ApiError> {
    let rows: Vec<PersonRow> = people::table
        .inner_join(branches::table)
        .filter(people::disabled_at.is_null())
        .filter(people::roles.like(format!("%{}%", Role::Surveyor)))
        .filter(branches::path.like(format!("{branch_path}%")))
        .select((people::id, people::name, people::staff_no, people::phone, people::roles))
        .load(conn)?;
    let mut positions = positions(conn, branch_path)?;
    let open_tasks = open_tasks(conn, branch_path)?;
    let declined = declined(conn, case_id)?;
    let with_facts = |person: Person| Surveyor {
        position: positions.remove(&person.id),
        open_tasks: open_tasks.get(&person.id).copied().unwrap_or(0),
        declined: declined.contains(&person.id),
        person,
    };
    Ok(rows.into_iter().filter_map(surveyor).map(with_facts).collect())
}

/// The person, if one of their roles is to survey.
fn surveyor((id, name, staff_no, phone, roles): PersonRow) -> Option<Person> {
    let surveys = roles.split(' ').any(|role| role == Role::Surveyor.as_str());
    surveys.then_some(Person { id: id.0, name, staff_no, phone })
}

fn positions(
    conn: &mut Conn,
    branch_path: &str,
) -> Result<HashMap<PersonId, (Point, Instant)>, ApiError> {
    let rows: Vec<(Id<PersonId>, f64, f64, i64)> = latest_positions::table
        .inner_join(people::table.inner_join(branches::table))
        .filter(branches::path.like(format!("{branch_path}%")))
        .select((
            latest_positions::person_id,
            latest_positions::lat,
            latest_positions::lon,
            latest_positions::measured_at,
        ))
        .load(conn)?;
    let position = |(id, lat, lon, at): (Id<PersonId>, f64, f64, i64)| {
        Some((id.0, (Point::new(lat, lon).ok()?, Instant(at))))
    };
    Ok(rows.into_iter().filter_map(position).collect())
}

fn open_tasks(conn: &mut Conn, branch_path: &str) -> Result<HashMap<PersonId, i64>, ApiError> {
    let open = tasks::status
        .eq(TaskStatus::Assigned.as_str())
        .or(tasks::status.eq(TaskStatus::Accepted.as_str()));
    let rows: Vec<(Id<PersonId>, i64)> = tasks::table
        .inner_join(people::table.inner_join(branches::table))
        .filter(branches::path.like(format!("{branch_path}%")))
        .filter(open)
        .group_by(tasks::surveyor_id)
        .select((tasks::surveyor_id, count_star()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, count)| (id.0, count)).collect())
}

fn declined(conn: &mut Conn, case_id: CaseId) -> Result<HashSet<PersonId>, ApiError> {
    let rows: Vec<Id<PersonId>> = tasks::table
        .filter(tasks::case_id.eq(case_id.to_string()))
        .filter(tasks::status.eq(TaskStatus::Declined.as_str()))
        .select(tasks::surveyor_id)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}
