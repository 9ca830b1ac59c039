//! Rows of identity.

use diesel::prelude::*;
use sync_core::{
    ids::{BranchId, PersonId, ShopId},
    time::{Instant, Span},
};

use super::NewPerson;
use crate::{
    auth::{
        policy::{Actor, Role},
        token::Bearer,
    },
    db::{
        Conn,
        schema::{branches, devices, login_throttle, people, refresh_tokens},
        types::{Id, Ms},
    },
    error::ApiError,
};

/// A person as stored.
#[derive(Clone, Debug, Queryable)]
pub(super) struct PersonRow {
    pub(super) id: Id<PersonId>,
    pub(super) username: String,
    pub(super) name: String,
    pub(super) staff_no: Option<String>,
    pub(super) password_hash: String,
    pub(super) roles: String,
    pub(super) branch_id: Id<BranchId>,
    pub(super) shop_id: Option<Id<ShopId>>,
    pub(super) disabled_at: Option<Ms>,
    pub(super) version: i64,
}

type PersonColumns = (
    people::id,
    people::username,
    people::name,
    people::staff_no,
    people::password_hash,
    people::roles,
    people::branch_id,
    people::shop_id,
    people::disabled_at,
    people::version,
);
const PERSON: PersonColumns = (
    people::id,
    people::username,
    people::name,
    people::staff_no,
    people::password_hash,
    people::roles,
    people::branch_id,
    people::shop_id,
    people::disabled_at,
    people::version,
);

pub(super) fn find_person(conn: &mut Conn, username: &str) -> Result<Option<PersonRow>, ApiError> {
    Ok(people::table.filter(people::username.eq(username)).select(PERSON).first(conn).optional()?)
}

pub(super) fn get_person(conn: &mut Conn, id: PersonId) -> Result<PersonRow, ApiError> {
    let row: Option<PersonRow> =
        people::table.find(id.to_string()).select(PERSON).first(conn).optional()?;
    row.ok_or_else(ApiError::not_found)
}

pub(super) fn find_actor(conn: &mut Conn, bearer: Bearer) -> Result<Option<Actor>, ApiError> {
    let found: Option<(PersonRow, String)> = people::table
        .inner_join(branches::table)
        .filter(people::id.eq(bearer.person.to_string()))
        .filter(people::disabled_at.is_null())
        .select((PERSON, branches::path))
        .first(conn)
        .optional()?;
    let Some((person, branch_path)) = found else { return Ok(None) };
    if let Some(device) = bearer.device {
        let in_force: i64 = devices::table
            .filter(devices::id.eq(device.to_string()))
            .filter(devices::person_id.eq(bearer.person.to_string()))
            .filter(devices::revoked_at.is_null())
            .count()
            .get_result(conn)?;
        if in_force == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Actor {
        person: person.id.0,
        device: bearer.device,
        roles: roles(&person.roles),
        branch: person.branch_id.0,
        branch_path,
        shop: person.shop_id.map(|id| id.0),
        name: person.name,
        staff_no: person.staff_no,
    }))
}

/// A role of a later release gives no rights in this one.
pub(super) fn roles(text: &str) -> Vec<Role> {
    text.split(' ').filter_map(|role| role.parse().ok()).collect()
}

pub(super) fn insert_person(
    conn: &mut Conn,
    person: &NewPerson,
    now: Instant,
) -> Result<(), ApiError> {
    let roles: Vec<&str> = person.roles.iter().map(|role| role.as_str()).collect();
    let row = (
        people::id.eq(person.id.to_string()),
        people::username.eq(&person.username),
        people::name.eq(&person.name),
        people::staff_no.eq(&person.staff_no),
        people::phone.eq(&person.phone),
        people::password_hash.eq(&person.password_hash),
        people::roles.eq(roles.join(" ")),
        people::branch_id.eq(person.branch.to_string()),
        people::shop_id.eq(person.shop.map(|id| id.to_string())),
        people::created_at.eq(now.0),
        people::version.eq(1),
    );
    diesel::insert_into(people::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn insert_branch(
    conn: &mut Conn,
    id: BranchId,
    code: &str,
    name: &str,
    parent: Option<BranchId>,
    now: Instant,
) -> Result<(), ApiError> {
    let above: String = match parent {
        None => "/".into(),
        Some(parent) => branches::table
            .find(parent.to_string())
            .select(branches::path)
            .first(conn)
            .optional()?
            .ok_or_else(|| {
                ApiError::invalid_field("parent_id", "unknown", "there is no such branch")
            })?,
    };
    let row = (
        branches::id.eq(id.to_string()),
        branches::code.eq(code),
        branches::name.eq(name),
        branches::parent_id.eq(parent.map(|id| id.to_string())),
        branches::path.eq(format!("{above}{code}/")),
        branches::created_at.eq(now.0),
        branches::version.eq(1),
    );
    diesel::insert_into(branches::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn find_branch(conn: &mut Conn, code: &str) -> Result<Option<BranchId>, ApiError> {
    let id: Option<Id<BranchId>> = branches::table
        .filter(branches::code.eq(code))
        .select(branches::id)
        .first(conn)
        .optional()?;
    Ok(id.map(|id| id.0))
}

pub(super) fn is_person(conn: &mut Conn, id: PersonId) -> Result<bool, ApiError> {
    let count: i64 =
        people::table.filter(people::id.eq(id.to_string())).count().get_result(conn)?;
    Ok(count > 0)
}

/// Only people for whom it is a change, so that nothing is written at an ordinary start.
pub(super) fn update_disabled(
    conn: &mut Conn,
    ids: &[PersonId],
    at: Option<Instant>,
) -> Result<(), ApiError> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let someone = people::table.filter(people::id.eq_any(ids));
    let change =
        (people::disabled_at.eq(at.map(|at| at.0)), people::version.eq(people::version + 1));
    match at {
        Some(_) => diesel::update(someone.filter(people::disabled_at.is_null()))
            .set(change)
            .execute(conn)?,
        None => diesel::update(someone.filter(people::disabled_at.is_not_null()))
            .set(change)
            .execute(conn)?,
    };
    Ok(())
}

pub(super) fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    let tokens = diesel::delete(refresh_tokens::table.filter(refresh_tokens::expires_at.lt(now.0)))
        .execute(conn)?;
    let old = (now - Span::days(1)).0;
    let windows =
        diesel::delete(login_throttle::table.filter(login_throttle::window_started_at.lt(old)))
            .execute(conn)?;
    Ok(tokens + windows)
}
