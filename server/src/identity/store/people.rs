//! Rows of people.

use diesel::prelude::*;
use sync_core::{
    ids::{BranchId, PersonId, ShopId},
    time::Instant,
};

use crate::{
    auth::{
        policy::{Actor, Role},
        token::Bearer,
    },
    db::{
        Conn,
        page::Cursor,
        schema::{branches, devices, people},
        types::{Id, Ms},
    },
    error::ApiError,
    identity::NewPerson,
};

/// A person as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = people)]
pub(in crate::identity) struct PersonRow {
    pub(in crate::identity) id: Id<PersonId>,
    pub(in crate::identity) username: String,
    pub(in crate::identity) name: String,
    pub(in crate::identity) staff_no: Option<String>,
    pub(in crate::identity) phone: Option<String>,
    pub(in crate::identity) password_hash: String,
    pub(in crate::identity) roles: String,
    pub(in crate::identity) branch_id: Id<BranchId>,
    pub(in crate::identity) shop_id: Option<Id<ShopId>>,
    pub(in crate::identity) disabled_at: Option<Ms>,
    pub(in crate::identity) created_at: Ms,
    pub(in crate::identity) version: i64,
}

pub(in crate::identity) fn find_person(
    conn: &mut Conn,
    username: &str,
) -> Result<Option<PersonRow>, ApiError> {
    Ok(people::table
        .filter(people::username.eq(username))
        .select(PersonRow::as_select())
        .first(conn)
        .optional()?)
}

pub(in crate::identity) fn get_person(
    conn: &mut Conn,
    id: PersonId,
) -> Result<PersonRow, ApiError> {
    find_with_path(conn, id)?.map(|(row, _)| row).ok_or_else(ApiError::not_found)
}

/// A person and the path of their branch.
pub(in crate::identity) fn find_with_path(
    conn: &mut Conn,
    id: PersonId,
) -> Result<Option<(PersonRow, String)>, ApiError> {
    Ok(people::table
        .inner_join(branches::table)
        .filter(people::id.eq(id.to_string()))
        .select((PersonRow::as_select(), branches::path))
        .first(conn)
        .optional()?)
}

pub(in crate::identity) fn find_actor(
    conn: &mut Conn,
    bearer: Bearer,
) -> Result<Option<Actor>, ApiError> {
    let found = find_with_path(conn, bearer.person)?;
    let Some((person, branch_path)) = found.filter(|(person, _)| person.disabled_at.is_none())
    else {
        return Ok(None);
    };
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

pub(in crate::identity) fn list_phones(
    conn: &mut Conn,
    role: Role,
) -> Result<Vec<String>, ApiError> {
    let rows: Vec<(String, Option<String>)> = people::table
        .filter(people::disabled_at.is_null())
        .filter(people::phone.is_not_null())
        .filter(people::roles.like(format!("%{}%", role.as_str())))
        .order(people::id)
        .select((people::roles, people::phone))
        .load(conn)?;
    let whose =
        |(text, phone): (String, Option<String>)| phone.filter(|_| roles(&text).contains(&role));
    Ok(rows.into_iter().filter_map(whose).collect())
}

/// Phone numbers of everybody in good standing who has this role at this branch.
pub(in crate::identity) fn list_phones_at(
    conn: &mut Conn,
    branch: BranchId,
    role: Role,
) -> Result<Vec<String>, ApiError> {
    let rows: Vec<(String, Option<String>)> = people::table
        .filter(people::branch_id.eq(branch.to_string()))
        .filter(people::disabled_at.is_null())
        .filter(people::phone.is_not_null())
        .order(people::id)
        .select((people::roles, people::phone))
        .load(conn)?;
    let whose =
        |(text, phone): (String, Option<String>)| phone.filter(|_| roles(&text).contains(&role));
    Ok(rows.into_iter().filter_map(whose).collect())
}

/// A role of a later release gives no rights in this one.
pub(in crate::identity) fn roles(text: &str) -> Vec<Role> {
    text.split(' ').filter_map(|role| role.parse().ok()).collect()
}

fn roles_text(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" ")
}

pub(in crate::identity) fn insert_person(
    conn: &mut Conn,
    person: &NewPerson,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        people::id.eq(person.id.to_string()),
        people::username.eq(&person.username),
        people::name.eq(&person.name),
        people::staff_no.eq(&person.staff_no),
        people::phone.eq(&person.phone),
        people::password_hash.eq(&person.password_hash),
        people::roles.eq(roles_text(&person.roles)),
        people::branch_id.eq(person.branch.to_string()),
        people::shop_id.eq(person.shop.map(|id| id.to_string())),
        people::created_at.eq(now.0),
        people::version.eq(1),
    );
    diesel::insert_into(people::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::identity) fn is_person(conn: &mut Conn, id: PersonId) -> Result<bool, ApiError> {
    let count: i64 =
        people::table.filter(people::id.eq(id.to_string())).count().get_result(conn)?;
    Ok(count > 0)
}

/// Only people for whom it is a change, so that nothing is written at an ordinary start.
pub(in crate::identity) fn update_disabled(
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

/// Whether anybody else has this staff number.
pub(in crate::identity) fn is_staff_no_taken(
    conn: &mut Conn,
    staff_no: &str,
    except: PersonId,
) -> Result<bool, ApiError> {
    let others: i64 = people::table
        .filter(people::staff_no.eq(staff_no))
        .filter(people::id.ne(except.to_string()))
        .count()
        .get_result(conn)?;
    Ok(others > 0)
}

/// What a person is from now on.
#[derive(Clone, Debug)]
pub(in crate::identity) struct PersonState {
    pub(in crate::identity) name: String,
    pub(in crate::identity) staff_no: Option<String>,
    pub(in crate::identity) phone: Option<String>,
    pub(in crate::identity) password_hash: String,
    pub(in crate::identity) roles: Vec<Role>,
    pub(in crate::identity) branch: BranchId,
    pub(in crate::identity) shop: Option<ShopId>,
    pub(in crate::identity) disabled_at: Option<Instant>,
}

/// Changes the row if it still has this version; answers whether it did.
pub(in crate::identity) fn update_person(
    conn: &mut Conn,
    id: PersonId,
    version: i64,
    state: &PersonState,
) -> Result<bool, ApiError> {
    let row = people::table.find(id.to_string()).filter(people::version.eq(version));
    let changed = diesel::update(row)
        .set((
            people::name.eq(&state.name),
            people::staff_no.eq(&state.staff_no),
            people::phone.eq(&state.phone),
            people::password_hash.eq(&state.password_hash),
            people::roles.eq(roles_text(&state.roles)),
            people::branch_id.eq(state.branch.to_string()),
            people::shop_id.eq(state.shop.map(|id| id.to_string())),
            people::disabled_at.eq(state.disabled_at.map(|at| at.0)),
            people::version.eq(version + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// What a list of people is narrowed by.
#[derive(Clone, Debug, Default)]
pub(in crate::identity) struct Filter {
    pub(in crate::identity) role: Option<Role>,
    pub(in crate::identity) branch: Option<BranchId>,
    pub(in crate::identity) username: Option<String>,
}

/// People of the branch with this path and all below it, oldest first.
pub(in crate::identity) fn list_people(
    conn: &mut Conn,
    path: &str,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<PersonRow>, ApiError> {
    let mut query = people::table
        .inner_join(branches::table)
        .filter(branches::path.like(format!("{path}%")))
        .select(PersonRow::as_select())
        .into_boxed();
    if let Some(role) = filter.role {
        let (only, role) = (people::roles.eq(role.as_str()), role.as_str());
        query = query.filter(
            only.or(people::roles.like(format!("{role} %")))
                .or(people::roles.like(format!("% {role}")))
                .or(people::roles.like(format!("% {role} %"))),
        );
    }
    if let Some(branch) = filter.branch {
        query = query.filter(people::branch_id.eq(branch.to_string()));
    }
    if let Some(username) = &filter.username {
        query = query.filter(people::username.eq(username.clone()));
    }
    if let Some(Cursor { at_ms, id }) = after {
        let same = people::created_at.eq(*at_ms).and(people::id.gt(id.clone()));
        query = query.filter(people::created_at.gt(*at_ms).or(same));
    }
    Ok(query.order((people::created_at, people::id)).limit(limit).load(conn)?)
}
