//! Rows of devices.

use diesel::prelude::*;
use sync_core::{
    ids::{DeviceId, PersonId},
    time::Instant,
};

use crate::{
    db::{
        Conn,
        page::Cursor,
        schema::devices,
        types::{Id, Ms},
    },
    error::ApiError,
};

/// A device as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = devices)]
pub(in crate::identity) struct DeviceRow {
    pub(in crate::identity) id: Id<DeviceId>,
    pub(in crate::identity) person_id: Id<PersonId>,
    pub(in crate::identity) public_key: Vec<u8>,
    pub(in crate::identity) name: String,
    pub(in crate::identity) platform: String,
    pub(in crate::identity) enrolled_at: Ms,
    pub(in crate::identity) revoked_at: Option<Ms>,
    pub(in crate::identity) revoked_by: Option<Id<PersonId>>,
}

/// A device to store.
#[derive(Clone, Debug)]
pub(in crate::identity) struct NewDevice {
    pub(in crate::identity) id: DeviceId,
    pub(in crate::identity) person: PersonId,
    pub(in crate::identity) public_key: Vec<u8>,
    pub(in crate::identity) name: String,
    pub(in crate::identity) platform: String,
}

pub(in crate::identity) fn find_device(
    conn: &mut Conn,
    id: DeviceId,
) -> Result<Option<DeviceRow>, ApiError> {
    Ok(devices::table.find(id.to_string()).select(DeviceRow::as_select()).first(conn).optional()?)
}

pub(in crate::identity) fn is_key_taken(conn: &mut Conn, key: &[u8]) -> Result<bool, ApiError> {
    let same: i64 = devices::table.filter(devices::public_key.eq(key)).count().get_result(conn)?;
    Ok(same > 0)
}

pub(in crate::identity) fn count_in_force(
    conn: &mut Conn,
    person: PersonId,
) -> Result<i64, ApiError> {
    Ok(devices::table
        .filter(devices::person_id.eq(person.to_string()))
        .filter(devices::revoked_at.is_null())
        .count()
        .get_result(conn)?)
}

pub(in crate::identity) fn insert_device(
    conn: &mut Conn,
    new: &NewDevice,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        devices::id.eq(new.id.to_string()),
        devices::person_id.eq(new.person.to_string()),
        devices::public_key.eq(&new.public_key),
        devices::name.eq(&new.name),
        devices::platform.eq(&new.platform),
        devices::enrolled_at.eq(now.0),
        devices::version.eq(1),
    );
    diesel::insert_into(devices::table).values(row).execute(conn)?;
    Ok(())
}

/// Newest first.
pub(in crate::identity) fn list_devices(
    conn: &mut Conn,
    person: PersonId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<DeviceRow>, ApiError> {
    let mut query = devices::table
        .filter(devices::person_id.eq(person.to_string()))
        .select(DeviceRow::as_select())
        .into_boxed();
    if let Some(Cursor { at_ms, id }) = after {
        let same = devices::enrolled_at.eq(*at_ms).and(devices::id.lt(id.clone()));
        query = query.filter(devices::enrolled_at.lt(*at_ms).or(same));
    }
    Ok(query.order((devices::enrolled_at.desc(), devices::id.desc())).limit(limit).load(conn)?)
}

pub(in crate::identity) fn update_revoked(
    conn: &mut Conn,
    id: DeviceId,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let in_force = devices::table.find(id.to_string()).filter(devices::revoked_at.is_null());
    diesel::update(in_force)
        .set((
            devices::revoked_at.eq(now.0),
            devices::revoked_by.eq(by.to_string()),
            devices::version.eq(devices::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}
