//! Rows of refresh tokens: hashes only, so that the table is of no use to a thief.

use diesel::prelude::*;
use sha2::{Digest, Sha256};
use sync_core::{
    ids::{DeviceId, PersonId},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{
        Conn,
        schema::refresh_tokens,
        types::{Id, Ms},
    },
    error::ApiError,
};

/// A refresh token as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
pub(in crate::identity) struct TokenRow {
    pub(in crate::identity) family_id: Id<Uuid>,
    pub(in crate::identity) person_id: Id<PersonId>,
    pub(in crate::identity) device_id: Id<DeviceId>,
    pub(in crate::identity) expires_at: Ms,
    pub(in crate::identity) used_at: Option<Ms>,
    pub(in crate::identity) revoked_at: Option<Ms>,
}

/// A refresh token to store.
pub(in crate::identity) struct NewToken<'a> {
    pub(in crate::identity) token: &'a str,
    pub(in crate::identity) family: Uuid,
    pub(in crate::identity) person: PersonId,
    pub(in crate::identity) device: DeviceId,
    pub(in crate::identity) issued_at: Instant,
    pub(in crate::identity) expires_at: Instant,
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

pub(in crate::identity) fn find_token(
    conn: &mut Conn,
    token: &str,
) -> Result<Option<TokenRow>, ApiError> {
    Ok(refresh_tokens::table
        .find(hash(token))
        .select(TokenRow::as_select())
        .first(conn)
        .optional()?)
}

pub(in crate::identity) fn insert_token(
    conn: &mut Conn,
    new: &NewToken<'_>,
) -> Result<(), ApiError> {
    let row = (
        refresh_tokens::token_hash.eq(hash(new.token)),
        refresh_tokens::family_id.eq(new.family.to_string()),
        refresh_tokens::person_id.eq(new.person.to_string()),
        refresh_tokens::device_id.eq(new.device.to_string()),
        refresh_tokens::issued_at.eq(new.issued_at.0),
        refresh_tokens::expires_at.eq(new.expires_at.0),
    );
    diesel::insert_into(refresh_tokens::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::identity) fn update_used(
    conn: &mut Conn,
    token: &str,
    now: Instant,
) -> Result<(), ApiError> {
    let unused = refresh_tokens::table.find(hash(token)).filter(refresh_tokens::used_at.is_null());
    let marked = diesel::update(unused).set(refresh_tokens::used_at.eq(now.0)).execute(conn)?;
    // Somebody else used it between our look and our write: look again.
    if marked == 1 { Ok(()) } else { Err(ApiError::contention()) }
}

pub(in crate::identity) fn revoke_family(
    conn: &mut Conn,
    family: Uuid,
    now: Instant,
) -> Result<usize, ApiError> {
    let those = refresh_tokens::table
        .filter(refresh_tokens::family_id.eq(family.to_string()))
        .filter(refresh_tokens::revoked_at.is_null());
    Ok(diesel::update(those).set(refresh_tokens::revoked_at.eq(now.0)).execute(conn)?)
}

pub(in crate::identity) fn revoke_of_device(
    conn: &mut Conn,
    device: DeviceId,
    now: Instant,
) -> Result<usize, ApiError> {
    let those = refresh_tokens::table
        .filter(refresh_tokens::device_id.eq(device.to_string()))
        .filter(refresh_tokens::revoked_at.is_null());
    Ok(diesel::update(those).set(refresh_tokens::revoked_at.eq(now.0)).execute(conn)?)
}

pub(in crate::identity) fn revoke_of_person(
    conn: &mut Conn,
    person: PersonId,
    now: Instant,
) -> Result<usize, ApiError> {
    let devices = crate::db::schema::devices::table
        .filter(crate::db::schema::devices::person_id.eq(person.to_string()))
        .select(crate::db::schema::devices::id)
        .load::<Id<DeviceId>>(conn)?;
    devices.into_iter().try_fold(0, |sum, device| Ok(sum + revoke_of_device(conn, device.0, now)?))
}

/// Forgets tokens whose family has ended by itself; answers how many.
pub(in crate::identity) fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    Ok(diesel::delete(refresh_tokens::table.filter(refresh_tokens::expires_at.lt(now.0)))
        .execute(conn)?)
}
