//! Rows of refused bytes.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PersonId},
    model::{ActorId, ChangeHash},
    protocol::Held,
    time::Instant,
};
use uuid::Uuid;

use super::{count, hashes};
use crate::{
    db::{Conn, schema::draft_quarantine as quarantine},
    draft::rules::HeldSoFar,
    error::ApiError,
};

/// Most entries that a device is told of.
const MOST_TOLD: i64 = 20;

pub(in crate::draft) fn held_so_far(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
) -> Result<HeldSoFar, ApiError> {
    let sizes: Vec<i64> = quarantine::table
        .filter(quarantine::case_id.eq(case_id.to_string()))
        .filter(quarantine::person_id.eq(person.to_string()))
        .select(quarantine::size)
        .load(conn)?;
    Ok(HeldSoFar {
        pushes: u64::try_from(sizes.len()).unwrap_or(u64::MAX),
        bytes: count(sizes.iter().sum())?,
    })
}

/// A refused push.
#[derive(Clone, Debug)]
pub(in crate::draft) struct HeldPush {
    pub(in crate::draft) id: Uuid,
    pub(in crate::draft) case_id: CaseId,
    pub(in crate::draft) actor: ActorId,
    pub(in crate::draft) person: PersonId,
    pub(in crate::draft) push_id: String,
    pub(in crate::draft) held: Held,
    pub(in crate::draft) detail: String,
    pub(in crate::draft) bytes: Vec<u8>,
    pub(in crate::draft) sha256: [u8; 32],
    pub(in crate::draft) now: Instant,
}

/// Keeps a refused push, once.
pub(in crate::draft) fn insert_held(conn: &mut Conn, push: &HeldPush) -> Result<(), ApiError> {
    let known: i64 = quarantine::table
        .filter(quarantine::case_id.eq(push.case_id.to_string()))
        .filter(quarantine::actor.eq(push.actor.to_bytes()))
        .filter(quarantine::bytes_sha256.eq(push.sha256.to_vec()))
        .count()
        .get_result(conn)?;
    if known > 0 {
        return Ok(());
    }
    let row = (
        quarantine::id.eq(push.id.to_string()),
        quarantine::case_id.eq(push.case_id.to_string()),
        quarantine::actor.eq(push.actor.to_bytes().to_vec()),
        quarantine::person_id.eq(push.person.to_string()),
        quarantine::push_id.eq(&push.push_id),
        quarantine::change_hash.eq(push.held.change.map(|hash| hash.0.to_vec())),
        quarantine::rule.eq(&push.held.rule),
        quarantine::path.eq(&push.held.path),
        quarantine::detail.eq(&push.detail),
        quarantine::bytes.eq(&push.bytes),
        quarantine::bytes_sha256.eq(push.sha256.to_vec()),
        quarantine::size.eq(i64::try_from(push.bytes.len()).unwrap_or(i64::MAX)),
        quarantine::received_at.eq(push.now.0),
    );
    diesel::insert_into(quarantine::table).values(row).execute(conn).map_err(super::or_again)?;
    Ok(())
}

/// What of an actor waits for a decision, oldest first.
pub(in crate::draft) fn list_held(
    conn: &mut Conn,
    case_id: CaseId,
    actor: &ActorId,
) -> Result<Vec<Held>, ApiError> {
    let rows: Vec<(Option<Vec<u8>>, String, Option<String>)> = quarantine::table
        .filter(quarantine::case_id.eq(case_id.to_string()))
        .filter(quarantine::actor.eq(actor.to_bytes()))
        .filter(quarantine::decided_at.is_null())
        .order((quarantine::received_at, quarantine::id))
        .limit(MOST_TOLD)
        .select((quarantine::change_hash, quarantine::rule, quarantine::path))
        .load(conn)?;
    let held = |(hash, rule, path): (Option<Vec<u8>>, String, Option<String>)| {
        let change: Option<ChangeHash> =
            hash.map(|bytes| hashes(&bytes)).transpose()?.and_then(|all| all.first().copied());
        Ok(Held { change, rule, path })
    };
    rows.into_iter().map(held).collect()
}
