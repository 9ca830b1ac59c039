//! Rows of shifts, duty, profiles, interests and needs.

use std::collections::{HashMap, HashSet};

use diesel::{dsl::max, prelude::*};
use sync_core::{
    geo::Point,
    ids::{CaseId, PersonId, ShiftId},
    time::{Instant, Span},
};

use super::{super::rules::Needs, queue, surveyors::TOGETHER};
use crate::{
    db::{
        Conn,
        schema::{
            branches, case_needs as needs, duty_log as duty, interests, people, shifts,
            surveyor_profiles as profiles,
        },
        types::{Id, Ms},
    },
    error::ApiError,
};

/// What is known of a surveyor beside who they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Profile {
    pub(in super::super) skills: Vec<String>,
    pub(in super::super) vehicle_classes: Vec<String>,
    pub(in super::super) home: Option<Point>,
}

type ProfileRow = (Id<PersonId>, String, String, Option<f64>, Option<f64>);

pub(in super::super) fn list_profiles(
    conn: &mut Conn,
    ids: &[String],
) -> Result<HashMap<PersonId, Profile>, ApiError> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    let mut found = HashMap::new();
    for some in ids.chunks(TOGETHER) {
        let rows: Vec<ProfileRow> = profiles::table
            .filter(profiles::person_id.eq_any(some.to_vec()))
            .select((
                profiles::person_id,
                profiles::skills,
                profiles::vehicle_classes,
                profiles::home_lat,
                profiles::home_lon,
            ))
            .load(conn)?;
        for (id, skills, classes, lat, lon) in rows {
            let home = lat.zip(lon).and_then(|(lat, lon)| Point::new(lat, lon).ok());
            let profile =
                Profile { skills: words(&skills), vehicle_classes: words(&classes), home };
            found.insert(id.0, profile);
        }
    }
    Ok(found)
}

pub(in super::super) fn replace_profile(
    conn: &mut Conn,
    person: PersonId,
    profile: &Profile,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::delete(profiles::table.find(person.to_string())).execute(conn)?;
    let row = (
        profiles::person_id.eq(person.to_string()),
        profiles::skills.eq(profile.skills.join(" ")),
        profiles::vehicle_classes.eq(profile.vehicle_classes.join(" ")),
        profiles::home_lat.eq(profile.home.map(Point::lat)),
        profiles::home_lon.eq(profile.home.map(Point::lon)),
        profiles::set_at.eq(now.0),
        profiles::set_by.eq(by.to_string()),
    );
    diesel::insert_into(profiles::table).values(row).execute(conn)?;
    Ok(())
}

/// Who is on duty. Where a branch keeps a roster that reaches to now, only those on it are; what
/// somebody has said of themselves since the shift began counts more.
pub(in super::super) fn on_duty(
    conn: &mut Conn,
    ids: &[String],
    branch_path: &str,
    now: Instant,
) -> Result<HashSet<PersonId>, ApiError> {
    let kept: i64 = shifts::table
        .inner_join(people::table.inner_join(branches::table))
        .filter(branches::path.like(format!("{branch_path}%")))
        .filter(shifts::ends_at.gt((now - RECENT).0))
        .filter(shifts::cancelled_at.is_null())
        .count()
        .get_result(conn)?;
    let mut on = HashSet::new();
    for some in ids.chunks(TOGETHER) {
        let turns: Vec<Id<PersonId>> = shifts::table
            .filter(shifts::person_id.eq_any(some.to_vec()))
            .filter(shifts::starts_at.le(now.0))
            .filter(shifts::ends_at.gt(now.0))
            .filter(shifts::cancelled_at.is_null())
            .select(shifts::person_id)
            .load(conn)?;
        on.extend(turns.into_iter().map(|id| id.0));
        if kept == 0 {
            on.extend(some.iter().filter_map(|id| id.parse::<PersonId>().ok()));
        }
        let said: Vec<(Id<PersonId>, Option<i64>)> = duty::table
            .filter(duty::person_id.eq_any(some.to_vec()))
            .filter(duty::said_at.gt((now - Span::hours(16)).0))
            .group_by(duty::person_id)
            .select((duty::person_id, max(duty::said_at)))
            .load(conn)?;
        for (id, said_at) in said {
            let word: Option<bool> = duty::table
                .find((id.0.to_string(), said_at.unwrap_or(0)))
                .select(duty::on_duty)
                .first(conn)
                .optional()?;
            match word {
                Some(true) => drop(on.insert(id.0)),
                Some(false) => drop(on.remove(&id.0)),
                None => {}
            }
        }
    }
    Ok(on)
}

/// A roster whose last shift ended before this is not kept any more.
const RECENT: Span = Span::days(3);

pub(in super::super) fn insert_duty(
    conn: &mut Conn,
    person: PersonId,
    on_duty: bool,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::delete(duty::table.find((person.to_string(), now.0))).execute(conn)?;
    let row = (
        duty::person_id.eq(person.to_string()),
        duty::said_at.eq(now.0),
        duty::on_duty.eq(on_duty),
    );
    diesel::insert_into(duty::table).values(row).execute(conn)?;
    Ok(())
}

/// A turn on duty.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = shifts)]
pub(in super::super) struct ShiftRow {
    pub(in super::super) id: Id<ShiftId>,
    pub(in super::super) person_id: Id<PersonId>,
    pub(in super::super) kind: String,
    pub(in super::super) starts_at: Ms,
    pub(in super::super) ends_at: Ms,
}

pub(in super::super) fn insert_shift(
    conn: &mut Conn,
    shift: &ShiftRow,
    by: PersonId,
) -> Result<(), ApiError> {
    let row = (
        shifts::id.eq(shift.id.0.to_string()),
        shifts::person_id.eq(shift.person_id.0.to_string()),
        shifts::kind.eq(&shift.kind),
        shifts::starts_at.eq(shift.starts_at.0.0),
        shifts::ends_at.eq(shift.ends_at.0.0),
        shifts::created_by.eq(by.to_string()),
    );
    diesel::insert_into(shifts::table).values(row).execute(conn)?;
    Ok(())
}

/// The shifts of a branch and those below it that are not over.
pub(in super::super) fn list_shifts(
    conn: &mut Conn,
    branch_path: &str,
    now: Instant,
) -> Result<Vec<ShiftRow>, ApiError> {
    Ok(shifts::table
        .inner_join(people::table.inner_join(branches::table))
        .filter(branches::path.like(format!("{branch_path}%")))
        .filter(shifts::ends_at.gt(now.0))
        .filter(shifts::cancelled_at.is_null())
        .order((shifts::starts_at, shifts::id))
        .limit(1_000)
        .select(ShiftRow::as_select())
        .load(conn)?)
}

/// Takes a shift of the branch back; answers whether there was one.
pub(in super::super) fn cancel_shift(
    conn: &mut Conn,
    branch_path: &str,
    id: ShiftId,
    now: Instant,
) -> Result<bool, ApiError> {
    let known = list_shifts(conn, branch_path, now)?.iter().any(|shift| shift.id.0 == id);
    if known {
        diesel::update(shifts::table.find(id.to_string()))
            .set(shifts::cancelled_at.eq(now.0))
            .execute(conn)?;
    }
    Ok(known)
}

/// Who declared an interest in this plate or phone.
pub(in super::super) fn list_interested(
    conn: &mut Conn,
    plate: &str,
    phone: &str,
) -> Result<HashSet<PersonId>, ApiError> {
    let by_plate = interests::kind.eq("plate").and(interests::value.eq(plate.to_owned()));
    let by_phone = interests::kind.eq("phone").and(interests::value.eq(phone.to_owned()));
    let rows: Vec<Id<PersonId>> =
        interests::table.filter(by_plate.or(by_phone)).select(interests::person_id).load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

pub(in super::super) fn replace_interest(
    conn: &mut Conn,
    person: PersonId,
    (kind, value): (&str, &str),
    relation: &str,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::delete(interests::table.find((person.to_string(), kind, value))).execute(conn)?;
    let row = (
        interests::person_id.eq(person.to_string()),
        interests::kind.eq(kind),
        interests::value.eq(value),
        interests::relation.eq(relation),
        interests::declared_at.eq(now.0),
        interests::declared_by.eq(by.to_string()),
    );
    diesel::insert_into(interests::table).values(row).execute(conn)?;
    Ok(())
}

pub(in super::super) fn find_needs(conn: &mut Conn, id: CaseId) -> Result<Needs, ApiError> {
    let row: Option<(Option<String>, Option<String>)> = needs::table
        .find(id.to_string())
        .select((needs::skill, needs::vehicle_class))
        .first(conn)
        .optional()?;
    let (skill, vehicle_class) = row.unwrap_or_default();
    Ok(Needs { skill, vehicle_class })
}

pub(in super::super) fn replace_needs(
    conn: &mut Conn,
    id: CaseId,
    wanted: &Needs,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::delete(needs::table.find(id.to_string())).execute(conn)?;
    let row = (
        needs::case_id.eq(id.to_string()),
        needs::skill.eq(&wanted.skill),
        needs::vehicle_class.eq(&wanted.vehicle_class),
        needs::set_at.eq(now.0),
        needs::set_by.eq(by.to_string()),
    );
    diesel::insert_into(needs::table).values(row).execute(conn)?;
    Ok(())
}

/// Whose people share the work of a branch while a catastrophe goes on there.
pub(in super::super) fn find_shared_path(
    conn: &mut Conn,
    branch_path: &str,
    now: Instant,
) -> Result<Option<String>, ApiError> {
    let going_on = queue::list_catastrophes(conn, now)?;
    let here = going_on.into_iter().find(|(_, path)| branch_path.starts_with(path.as_str()));
    match here {
        Some((row, _)) => queue::branch_path(conn, row.shared_with.0),
        None => Ok(None),
    }
}
