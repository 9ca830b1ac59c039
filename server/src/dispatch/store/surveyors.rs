//! Rows of people, as those who can be sent.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use sync_core::{
    geo::Point,
    ids::{CaseId, PersonId},
    lifecycle::{CaseStatus, TaskStatus},
    time::{Instant, Span},
};

use super::{
    super::rules::{FRESH, MOST_ESTIMATES, Person, Surveyor, cells_around, work_left},
    offers, rosters,
};
use crate::{
    auth::policy::Role,
    db::{
        Conn,
        schema::{branches, cases, latest_positions, people, tasks},
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

/// Surveyors of a branch and of those below it who may work now: those around the place where it is
/// known and enough are there, otherwise all of them.
pub(in super::super) fn list_surveyors(
    conn: &mut Conn,
    branch_path: &str,
    case_id: CaseId,
    scene: Option<Point>,
    now: Instant,
) -> Result<Vec<Surveyor>, ApiError> {
    let mut people = None;
    for around in [1, 3] {
        let Some(scene) = scene else { break };
        let near = near(conn, branch_path, &cells_around(scene, around), now)?;
        if near.len() >= MOST_ESTIMATES {
            people = Some(near);
            break;
        }
    }
    let rows = match people {
        Some(near) => rows(conn, branch_path, Some(near))?,
        None => rows(conn, branch_path, None)?,
    };
    let people: Vec<Person> = rows.into_iter().filter_map(surveyor).collect();
    let ids: Vec<String> = people.iter().map(|person| person.id.to_string()).collect();
    let mut positions = positions(conn, &ids)?;
    let mut tasks = open_tasks(conn, &ids, now)?;
    let declined = declined(conn, case_id)?;
    let mut profiles = rosters::list_profiles(conn, &ids)?;
    let duty = rosters::on_duty(conn, &ids, branch_path, now)?;
    let asked = offers::list_asked(conn, &ids)?;
    let with_facts = |person: Person| {
        let profile = profiles.remove(&person.id).unwrap_or_default();
        let (open_tasks, work_left) = tasks.remove(&person.id).unwrap_or((0, Span::ZERO));
        Surveyor {
            position: positions.remove(&person.id),
            home: profile.home,
            open_tasks,
            work_left,
            declined: declined.contains(&person.id),
            on_shift: duty.contains(&person.id),
            skills: profile.skills,
            vehicle_classes: profile.vehicle_classes,
            unfit: false,
            declared: false,
            asked: asked.contains(&person.id),
            person,
        }
    };
    Ok(people.into_iter().map(with_facts).collect())
}

/// Surveyors with a fresh position in these squares.
fn near(
    conn: &mut Conn,
    branch_path: &str,
    cells: &[i64],
    now: Instant,
) -> Result<Vec<String>, ApiError> {
    Ok(latest_positions::table
        .inner_join(people::table.inner_join(branches::table))
        .filter(latest_positions::cell.eq_any(cells.to_vec()))
        .filter(latest_positions::measured_at.ge((now - FRESH).0))
        .filter(people::disabled_at.is_null())
        .filter(branches::path.like(format!("{branch_path}%")))
        .select(latest_positions::person_id)
        .load(conn)?)
}

fn rows(
    conn: &mut Conn,
    branch_path: &str,
    only: Option<Vec<String>>,
) -> Result<Vec<PersonRow>, ApiError> {
    let mut query = people::table
        .inner_join(branches::table)
        .filter(people::disabled_at.is_null())
        .filter(people::roles.like(format!("%{}%", Role::Surveyor)))
        .filter(branches::path.like(format!("{branch_path}%")))
        .select((people::id, people::name, people::staff_no, people::phone, people::roles))
        .into_boxed();
    if let Some(only) = only {
        query = query.filter(people::id.eq_any(only));
    }
    Ok(query.load(conn)?)
}

/// The person, if one of their roles is to survey.
fn surveyor((id, name, staff_no, phone, roles): PersonRow) -> Option<Person> {
    let surveys = roles.split(' ').any(|role| role == Role::Surveyor.as_str());
    surveys.then_some(Person { id: id.0, name, staff_no, phone })
}

fn positions(
    conn: &mut Conn,
    ids: &[String],
) -> Result<HashMap<PersonId, (Point, Instant)>, ApiError> {
    let mut found = HashMap::new();
    for some in ids.chunks(TOGETHER) {
        let rows: Vec<(Id<PersonId>, f64, f64, i64)> = latest_positions::table
            .filter(latest_positions::person_id.eq_any(some.to_vec()))
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
        found.extend(rows.into_iter().filter_map(position));
    }
    Ok(found)
}

/// Few enough for one statement of either engine.
pub(in super::super) const TOGETHER: usize = 5_000;

/// How many tasks each has not finished, and how long they will take.
fn open_tasks(
    conn: &mut Conn,
    ids: &[String],
    now: Instant,
) -> Result<HashMap<PersonId, (i64, Span)>, ApiError> {
    let open = tasks::status
        .eq(TaskStatus::Assigned.as_str())
        .or(tasks::status.eq(TaskStatus::Accepted.as_str()));
    let mut found: HashMap<PersonId, (i64, Span)> = HashMap::new();
    for some in ids.chunks(TOGETHER) {
        let rows: Vec<(Id<PersonId>, i64, Option<i64>, String)> = tasks::table
            .inner_join(cases::table)
            .filter(tasks::surveyor_id.eq_any(some.to_vec()))
            .filter(open)
            .select((tasks::surveyor_id, tasks::assigned_at, tasks::estimate_ms, cases::status))
            .load(conn)?;
        for (id, assigned_at, estimate_ms, status) in rows {
            let at_scene = status == CaseStatus::Arrived.as_str();
            let there = Instant(assigned_at) + Span(estimate_ms.unwrap_or(0));
            let (count, left) = found.entry(id.0).or_insert((0, Span::ZERO));
            *count += 1;
            *left = *left + work_left(at_scene, there, now);
        }
    }
    Ok(found)
}

/// Who did not want this case.
fn declined(conn: &mut Conn, case_id: CaseId) -> Result<HashSet<PersonId>, ApiError> {
    let rows: Vec<Id<PersonId>> = tasks::table
        .filter(tasks::case_id.eq(case_id.to_string()))
        .filter(tasks::status.eq(TaskStatus::Declined.as_str()))
        .select(tasks::surveyor_id)
        .load(conn)?;
    let lapsed = offers::list_lapsed(conn, case_id)?;
    Ok(rows.into_iter().map(|id| id.0).chain(lapsed).collect())
}
