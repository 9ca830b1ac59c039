//! Rows of uploads that go on later, and of their parts.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PersonId, PhotoId},
    photo::ContentHash,
    time::Instant,
};
use uuid::Uuid;

use super::rules::Held;
use crate::{
    db::{
        Conn,
        schema::{upload_parts as parts, uploads},
        types::{Id, Ms},
    },
    error::ApiError,
};

/// An upload as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = uploads)]
pub(super) struct UploadRow {
    pub(super) id: Id<Uuid>,
    pub(super) person_id: Id<PersonId>,
    pub(super) case_id: Option<Id<CaseId>>,
    pub(super) sha256: Option<Id<ContentHash>>,
    length: i64,
    received_bytes: i64,
    pub(super) metadata: Option<String>,
    fence: i64,
    pub(super) leased_until: Option<Ms>,
    pub(super) wanted: bool,
    pub(super) expires_at: Ms,
    pub(super) finished_at: Option<Ms>,
    pub(super) ended_at: Option<Ms>,
}

impl UploadRow {
    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.length).unwrap_or_default()
    }

    /// How many bytes are here for good.
    pub(super) fn offset(&self) -> u64 {
        u64::try_from(self.received_bytes).unwrap_or_default()
    }

    pub(super) fn fence(&self) -> u64 {
        u64::try_from(self.fence).unwrap_or_default()
    }

    pub(super) fn held(&self) -> Held {
        Held { until: self.leased_until.map(|at| at.0) }
    }
}

/// An upload to begin.
pub(super) struct NewUpload {
    pub(super) id: Uuid,
    pub(super) person: PersonId,
    pub(super) case: Option<CaseId>,
    pub(super) photo: Option<PhotoId>,
    pub(super) sha256: Option<ContentHash>,
    pub(super) length: u64,
    pub(super) metadata: Option<String>,
    pub(super) now: Instant,
    pub(super) expires_at: Instant,
    /// Held by whoever begins it, under the first token.
    pub(super) leased_until: Option<Instant>,
}

pub(super) fn insert(conn: &mut Conn, new: &NewUpload) -> Result<(), ApiError> {
    let row = (
        uploads::id.eq(new.id.to_string()),
        uploads::person_id.eq(new.person.to_string()),
        uploads::case_id.eq(new.case.map(|id| id.to_string())),
        uploads::photo_id.eq(new.photo.map(|id| id.to_string())),
        uploads::sha256.eq(new.sha256.map(|hash| hash.to_string())),
        uploads::length.eq(column(new.length)),
        uploads::received_bytes.eq(0),
        uploads::metadata.eq(&new.metadata),
        uploads::fence.eq(i64::from(new.leased_until.is_some())),
        uploads::leased_until.eq(new.leased_until.map(|at| at.0)),
        uploads::wanted.eq(false),
        uploads::created_at.eq(new.now.0),
        uploads::expires_at.eq(new.expires_at.0),
    );
    diesel::insert_into(uploads::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn find(conn: &mut Conn, id: Uuid) -> Result<Option<UploadRow>, ApiError> {
    Ok(uploads::table.find(id.to_string()).select(UploadRow::as_select()).first(conn).optional()?)
}

/// How many uploads of a person go on.
pub(super) fn count_open(conn: &mut Conn, person: PersonId) -> Result<i64, ApiError> {
    Ok(uploads::table
        .filter(uploads::person_id.eq(person.to_string()))
        .filter(uploads::finished_at.is_null())
        .filter(uploads::ended_at.is_null())
        .count()
        .get_result(conn)?)
}

/// Gives the lease to a new holder under the next token, if nobody took it in between.
pub(super) fn update_lease(
    conn: &mut Conn,
    known: &UploadRow,
    until: Instant,
) -> Result<bool, ApiError> {
    let row = uploads::table
        .filter(uploads::id.eq(known.id.0.to_string()))
        .filter(uploads::fence.eq(known.fence));
    let changed = diesel::update(row)
        .set((
            uploads::fence.eq(known.fence + 1),
            uploads::leased_until.eq(until.0),
            uploads::wanted.eq(false),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Asks the holder to let go.
pub(super) fn update_wanted(conn: &mut Conn, id: Uuid, fence: u64) -> Result<(), ApiError> {
    let row = uploads::table
        .filter(uploads::id.eq(id.to_string()))
        .filter(uploads::fence.eq(column(fence)));
    diesel::update(row).set(uploads::wanted.eq(true)).execute(conn)?;
    Ok(())
}

/// Ends the lease of this holder; that of another one stays.
pub(super) fn update_released(conn: &mut Conn, id: Uuid, fence: u64) -> Result<(), ApiError> {
    let row = uploads::table
        .filter(uploads::id.eq(id.to_string()))
        .filter(uploads::fence.eq(column(fence)));
    diesel::update(row)
        .set((uploads::leased_until.eq(None::<i64>), uploads::wanted.eq(false)))
        .execute(conn)?;
    Ok(())
}

/// Notes a part that is flushed, and the new offset; answers whether this holder may still do so.
pub(super) fn insert_part(
    conn: &mut Conn,
    (id, fence): (Uuid, u64),
    (start, size): (u64, u64),
    (leased_until, expires_at): (Instant, Instant),
) -> Result<bool, ApiError> {
    let row = uploads::table
        .filter(uploads::id.eq(id.to_string()))
        .filter(uploads::fence.eq(column(fence)))
        .filter(uploads::received_bytes.eq(column(start)))
        .filter(uploads::ended_at.is_null());
    let changed = diesel::update(row)
        .set((
            uploads::received_bytes.eq(column(start + size)),
            uploads::leased_until.eq(leased_until.0),
            uploads::expires_at.eq(expires_at.0),
        ))
        .execute(conn)?;
    if changed == 0 {
        return Ok(false);
    }
    let part = (
        parts::upload_id.eq(id.to_string()),
        parts::start_at.eq(column(start)),
        parts::size.eq(column(size)),
        parts::fence.eq(column(fence)),
    );
    diesel::insert_into(parts::table).values(part).execute(conn)?;
    Ok(true)
}

/// The parts in their order: start and token.
pub(super) fn list_parts(conn: &mut Conn, id: Uuid) -> Result<Vec<(u64, u64)>, ApiError> {
    let rows: Vec<(i64, i64)> = parts::table
        .filter(parts::upload_id.eq(id.to_string()))
        .order(parts::start_at)
        .select((parts::start_at, parts::fence))
        .load(conn)?;
    let wide = |n| u64::try_from(n).unwrap_or_default();
    Ok(rows.into_iter().map(|(start, fence)| (wide(start), wide(fence))).collect())
}

/// All bytes are stored under their hash for this case; answers whether this holder may say so.
pub(super) fn update_finished(
    conn: &mut Conn,
    (id, fence): (Uuid, u64),
    (case_id, sha256): (CaseId, ContentHash),
    now: Instant,
) -> Result<bool, ApiError> {
    let row = uploads::table
        .filter(uploads::id.eq(id.to_string()))
        .filter(uploads::fence.eq(column(fence)))
        .filter(uploads::ended_at.is_null());
    let changed = diesel::update(row)
        .set((
            uploads::received_bytes.eq(uploads::length),
            uploads::case_id.eq(case_id.to_string()),
            uploads::sha256.eq(sha256.to_string()),
            uploads::finished_at.eq(now.0),
            uploads::leased_until.eq(None::<i64>),
        ))
        .execute(conn)?;
    diesel::delete(parts::table.filter(parts::upload_id.eq(id.to_string()))).execute(conn)?;
    Ok(changed == 1)
}

/// The upload can never go on.
pub(super) fn update_ended(conn: &mut Conn, id: Uuid, now: Instant) -> Result<(), ApiError> {
    diesel::update(uploads::table.find(id.to_string()))
        .set((uploads::ended_at.eq(now.0), uploads::fence.eq(uploads::fence + 1)))
        .execute(conn)?;
    diesel::delete(parts::table.filter(parts::upload_id.eq(id.to_string()))).execute(conn)?;
    Ok(())
}

/// Unfinished uploads whose time is over, some at a time.
pub(super) fn list_expired(
    conn: &mut Conn,
    now: Instant,
    most: i64,
) -> Result<Vec<Uuid>, ApiError> {
    let rows: Vec<Id<Uuid>> = uploads::table
        .filter(uploads::finished_at.is_null())
        .filter(uploads::ended_at.is_null())
        .filter(uploads::expires_at.lt(now.0))
        .order(uploads::expires_at)
        .limit(most)
        .select(uploads::id)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

/// Forgets uploads that have been over since then.
pub(super) fn delete_old(conn: &mut Conn, before: Instant) -> Result<usize, ApiError> {
    let over = uploads::ended_at.lt(before.0).or(uploads::finished_at.lt(before.0));
    Ok(diesel::delete(uploads::table.filter(over)).execute(conn)?)
}

/// Sizes and tokens are far below 2^63.
fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
