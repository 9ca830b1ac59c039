//! Rows of holds and of damaged contents.

use diesel::prelude::*;
use sync_core::{
    custody::{Act, Log},
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

/// Whether the holds of a case are those that its log tells of.
pub(in crate::evidence) fn are_holds_as_noted(
    conn: &mut Conn,
    case_id: CaseId,
    log: &Log,
) -> Result<bool, ApiError> {
    type Row = (String, String, String, i64, Option<String>, Option<i64>);
    let mut rows: Vec<Row> = holds::table
        .filter(holds::case_id.eq(case_id.to_string()))
        .select((
            holds::id,
            holds::reason,
            holds::held_by,
            holds::held_at,
            holds::released_by,
            holds::released_at,
        ))
        .load(conn)?;
    let mut told: Vec<Row> = Vec::new();
    for (entry, _) in &log.entries {
        let data: serde_json::Value = serde_json::from_str(&entry.data).unwrap_or_default();
        let text = |name: &str| data.get(name).and_then(serde_json::Value::as_str);
        match entry.act.parse() {
            Ok(Act::Held) => {
                let Some((id, reason)) = text("hold_id").zip(text("reason")) else { continue };
                let (by, at) = (entry.actor.clone(), entry.at.0);
                told.push((id.to_owned(), reason.to_owned(), by, at, None, None));
            }
            Ok(Act::Released) => {
                for row in told.iter_mut().filter(|row| row.5.is_none()) {
                    (row.4, row.5) = (Some(entry.actor.clone()), Some(entry.at.0));
                }
            }
            _ => {}
        }
    }
    rows.sort();
    told.sort();
    Ok(rows == told)
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

/// How many contents are known to be damaged or gone.
pub(super) fn count_faults(conn: &mut Conn) -> Result<i64, ApiError> {
    Ok(faults::table.count().get_result(conn)?)
}

/// Which of these contents are known to be damaged or gone.
pub(in crate::evidence) fn list_faulty(
    conn: &mut Conn,
    contents: &[ContentHash],
) -> Result<Vec<ContentHash>, ApiError> {
    let names: Vec<String> = contents.iter().map(ContentHash::to_string).collect();
    let rows: Vec<Id<ContentHash>> = faults::table
        .filter(faults::sha256.eq_any(names))
        .order(faults::sha256)
        .select(faults::sha256)
        .load(conn)?;
    Ok(rows.into_iter().map(|sha256| sha256.0).collect())
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
