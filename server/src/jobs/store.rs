//! Rows of background work.

use diesel::prelude::*;
use sync_core::{
    ids::JobId,
    time::{Instant, Span},
};

use crate::{
    db::{Conn, Native, schema::jobs, types::Id},
    error::ApiError,
    native,
};

/// A job that this runner has claimed.
#[derive(Queryable)]
pub(super) struct Claimed {
    pub(super) id: Id<JobId>,
    pub(super) kind: String,
    pub(super) payload: String,
    pub(super) attempts: i64,
}

pub(super) fn insert(
    conn: &mut Conn,
    id: JobId,
    kind: &str,
    payload: &str,
    run_at: Instant,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        jobs::id.eq(id.to_string()),
        jobs::kind.eq(kind),
        jobs::payload.eq(payload),
        jobs::run_at.eq(run_at.0),
        jobs::attempts.eq(0),
        jobs::created_at.eq(now.0),
    );
    diesel::insert_into(jobs::table).values(row).execute(conn)?;
    Ok(())
}

/// Takes up to `most` due jobs for `lease`; another runner leaves them alone until then.
pub(super) fn claim(
    conn: &mut Conn,
    now: Instant,
    lease: Span,
    most: i64,
) -> Result<Vec<Claimed>, ApiError> {
    let due = jobs::table
        .filter(jobs::dead_at.is_null())
        .filter(jobs::run_at.le(now.0))
        .filter(jobs::locked_until.is_null().or(jobs::locked_until.lt(now.0)))
        .order((jobs::run_at, jobs::id))
        .limit(most)
        .select((jobs::id, jobs::kind, jobs::payload, jobs::attempts));
    let claimed: Vec<Claimed> = match conn.native() {
        // Two runners must not wait for each other's rows.
        Native::Pg(pg) => due.for_update().skip_locked().load(pg)?,
        Native::Sqlite(sqlite) => due.load(sqlite)?,
    };
    let ids: Vec<String> = claimed.iter().map(|job| job.id.0.to_string()).collect();
    let lock = diesel::update(jobs::table.filter(jobs::id.eq_any(ids)))
        .set(jobs::locked_until.eq((now + lease).0));
    native!(conn, |c| lock.execute(c))?;
    Ok(claimed)
}

pub(super) fn delete(conn: &mut Conn, id: JobId) -> Result<(), ApiError> {
    diesel::delete(jobs::table.find(id.to_string())).execute(conn)?;
    Ok(())
}

/// Puts a failed job back, or gives it up when there is no next time.
pub(super) fn update_failed(
    conn: &mut Conn,
    id: JobId,
    error: &str,
    next: Option<Instant>,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::update(jobs::table.find(id.to_string()))
        .set((
            jobs::attempts.eq(jobs::attempts + 1),
            jobs::locked_until.eq(None::<i64>),
            jobs::last_error.eq(error),
            jobs::run_at.eq(next.unwrap_or(now).0),
            jobs::dead_at.eq(if next.is_none() { Some(now.0) } else { None }),
        ))
        .execute(conn)?;
    Ok(())
}

/// How many jobs wait and how many were given up.
pub(super) fn counts(conn: &mut Conn) -> Result<(i64, i64), ApiError> {
    let waiting = jobs::table.filter(jobs::dead_at.is_null()).count().get_result(conn)?;
    let dead = jobs::table.filter(jobs::dead_at.is_not_null()).count().get_result(conn)?;
    Ok((waiting, dead))
}

/// Whether a job of this kind waits already.
pub(super) fn is_waiting(conn: &mut Conn, kind: &str) -> Result<bool, ApiError> {
    let waiting: i64 = jobs::table
        .filter(jobs::kind.eq(kind))
        .filter(jobs::dead_at.is_null())
        .count()
        .get_result(conn)?;
    Ok(waiting > 0)
}
