//! Rows of holds and of damaged contents.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PersonId},
    photo::ContentHash,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{
        Conn,
        schema::{blob_faults as faults, evidence_holds as holds},
        types::{Id, Ms},
    },
    error::ApiError,
};

pub(super) fn insert_hold(
    conn: &mut Conn,
    (id, case_id): (Uuid, CaseId),
    reason: &str,
    person: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        holds::id.eq(id.to_string()),
        holds::case_id.eq(case_id.to_string()),
        holds::reason.eq(reason),
        holds::held_by.eq(person.to_string()),
        holds::held_at.eq(now.0),
    );
    diesel::insert_into(holds::table).values(row).execute(conn)?;
    Ok(())
}

/// Ends every hold of a case; answers how many.
pub(super) fn update_released(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
    now: Instant,
) -> Result<usize, ApiError> {
    let standing = holds::table
        .filter(holds::case_id.eq(case_id.to_string()))
        .filter(holds::released_at.is_null());
    Ok(diesel::update(standing)
        .set((holds::released_at.eq(now.0), holds::released_by.eq(person.to_string())))
        .execute(conn)?)
}

pub(super) fn is_any_held(conn: &mut Conn, cases: &[CaseId]) -> Result<bool, ApiError> {
    let cases: Vec<String> = cases.iter().map(CaseId::to_string).collect();
    let standing =
        holds::table.filter(holds::case_id.eq_any(cases)).filter(holds::released_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(standing)).get_result(conn)?)
}

/// Notes a fault; answers whether it is news.
pub(super) fn insert_fault(
    conn: &mut Conn,
    sha256: ContentHash,
    fault: &str,
    now: Instant,
) -> Result<bool, ApiError> {
    let known: i64 =
        faults::table.filter(faults::sha256.eq(sha256.to_string())).count().get_result(conn)?;
    if known > 0 {
        return Ok(false);
    }
    let row = (
        faults::sha256.eq(sha256.to_string()),
        faults::fault.eq(fault),
        faults::found_at.eq(now.0),
    );
    diesel::insert_into(faults::table).values(row).execute(conn)?;
    Ok(true)
}

/// The bytes are right again; answers whether they were not.
pub(super) fn delete_fault(conn: &mut Conn, sha256: ContentHash) -> Result<bool, ApiError> {
    let gone = diesel::delete(faults::table.find(sha256.to_string())).execute(conn)?;
    Ok(gone > 0)
}

/// Damaged contents, longest known first.
pub(super) fn list_faults(
    conn: &mut Conn,
    most: i64,
) -> Result<Vec<(ContentHash, String, Instant)>, ApiError> {
    let rows: Vec<(Id<ContentHash>, String, Ms)> = faults::table
        .order((faults::found_at, faults::sha256))
        .limit(most)
        .select((faults::sha256, faults::fault, faults::found_at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(sha256, fault, at)| (sha256.0, fault, at.0)).collect())
}
