//! Rows of refused bytes.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, DeviceId, PersonId},
    model::{ActorId, ChangeHash},
    protocol::Held,
    time::Instant,
};
use uuid::Uuid;

use super::{count, hashes};
use crate::{
    db::{
        Conn,
        page::Cursor,
        schema::{branches, cases, draft_quarantine as quarantine},
        types::{Id, Ms},
    },
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
    pub(in crate::draft) device: Option<DeviceId>,
    pub(in crate::draft) signature: Option<Vec<u8>>,
    pub(in crate::draft) push_id: String,
    pub(in crate::draft) held: Held,
    pub(in crate::draft) detail: String,
    pub(in crate::draft) bytes: Vec<u8>,
    pub(in crate::draft) sha256: [u8; 32],
    pub(in crate::draft) now: Instant,
}

/// Keeps a refused push, once; answers whether it is new.
pub(in crate::draft) fn insert_held(conn: &mut Conn, push: &HeldPush) -> Result<bool, ApiError> {
    let known: i64 = quarantine::table
        .filter(quarantine::case_id.eq(push.case_id.to_string()))
        .filter(quarantine::actor.eq(push.actor.to_bytes()))
        .filter(quarantine::bytes_sha256.eq(push.sha256.to_vec()))
        .count()
        .get_result(conn)?;
    if known > 0 {
        return Ok(false);
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
        quarantine::device_id.eq(push.device.map(|id| id.to_string())),
        quarantine::signature.eq(&push.signature),
    );
    diesel::insert_into(quarantine::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(true)
}

/// Quarantined changes without their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::draft) struct Quarantined {
    pub(in crate::draft) id: Uuid,
    pub(in crate::draft) case_id: CaseId,
    pub(in crate::draft) actor: ActorId,
    pub(in crate::draft) person: PersonId,
    pub(in crate::draft) device: Option<DeviceId>,
    pub(in crate::draft) rule: String,
    pub(in crate::draft) path: Option<String>,
    pub(in crate::draft) detail: String,
    pub(in crate::draft) sha256: Vec<u8>,
    pub(in crate::draft) size: u64,
    pub(in crate::draft) signed: bool,
    pub(in crate::draft) received_at: Instant,
    pub(in crate::draft) decision: Option<String>,
    pub(in crate::draft) decided_by: Option<PersonId>,
    pub(in crate::draft) decided_at: Option<Instant>,
    pub(in crate::draft) reason: Option<String>,
}

type Entry = (
    (Id<Uuid>, Id<CaseId>, Vec<u8>, Id<PersonId>, Option<Id<DeviceId>>),
    (String, Option<String>, String, Vec<u8>, i64, Option<Vec<u8>>, Ms),
    (Option<String>, Option<Id<PersonId>>, Option<Ms>, Option<String>),
);

type EntryColumns = (
    (
        quarantine::id,
        quarantine::case_id,
        quarantine::actor,
        quarantine::person_id,
        quarantine::device_id,
    ),
    (
        quarantine::rule,
        quarantine::path,
        quarantine::detail,
        quarantine::bytes_sha256,
        quarantine::size,
        quarantine::signature,
        quarantine::received_at,
    ),
    (quarantine::decision, quarantine::decided_by, quarantine::decided_at, quarantine::reason),
);
const ENTRY: EntryColumns = (
    (
        quarantine::id,
        quarantine::case_id,
        quarantine::actor,
        quarantine::person_id,
        quarantine::device_id,
    ),
    (
        quarantine::rule,
        quarantine::path,
        quarantine::detail,
        quarantine::bytes_sha256,
        quarantine::size,
        quarantine::signature,
        quarantine::received_at,
    ),
    (quarantine::decision, quarantine::decided_by, quarantine::decided_at, quarantine::reason),
);

fn entry((whose, what, decided): Entry) -> Result<Quarantined, ApiError> {
    let (id, case_id, actor, person, device) = whose;
    let (rule, path, detail, sha256, size, signature, received_at) = what;
    let (decision, decided_by, decided_at, reason) = decided;
    Ok(Quarantined {
        id: id.0,
        case_id: case_id.0,
        actor: ActorId::from(actor),
        person: person.0,
        device: device.map(|id| id.0),
        rule,
        path,
        detail,
        sha256,
        size: count(size)?,
        signed: signature.is_some(),
        received_at: received_at.0,
        decision,
        decided_by: decided_by.map(|id| id.0),
        decided_at: decided_at.map(|at| at.0),
        reason,
    })
}

/// Which quarantined changes are asked for.
#[derive(Clone, Debug, Default)]
pub(in crate::draft) struct Which {
    /// Of cases of branches at or below this path.
    pub(in crate::draft) branch_path: String,
    pub(in crate::draft) case_id: Option<CaseId>,
    /// Decided ones, open ones, or both.
    pub(in crate::draft) decided: Option<Decided>,
    pub(in crate::draft) after: Option<Cursor>,
    pub(in crate::draft) limit: i64,
}

/// Whether somebody has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::draft) enum Decided {
    Yes,
    No,
}

/// Newest first.
pub(in crate::draft) fn list_quarantined(
    conn: &mut Conn,
    which: &Which,
) -> Result<Vec<Quarantined>, ApiError> {
    let below = format!("{}%", which.branch_path);
    let mut query = quarantine::table
        .inner_join(cases::table.inner_join(branches::table))
        .filter(branches::path.like(below))
        .select(ENTRY)
        .into_boxed();
    if let Some(case_id) = which.case_id {
        query = query.filter(quarantine::case_id.eq(case_id.to_string()));
    }
    match which.decided {
        Some(Decided::Yes) => query = query.filter(quarantine::decided_at.is_not_null()),
        Some(Decided::No) => query = query.filter(quarantine::decided_at.is_null()),
        None => {}
    }
    if let Some(Cursor { at_ms, id }) = &which.after {
        let same = quarantine::received_at.eq(*at_ms).and(quarantine::id.lt(id.clone()));
        query = query.filter(quarantine::received_at.lt(*at_ms).or(same));
    }
    let rows: Vec<Entry> = query
        .order((quarantine::received_at.desc(), quarantine::id.desc()))
        .limit(which.limit)
        .load(conn)?;
    rows.into_iter().map(entry).collect()
}

/// Quarantined changes with their bytes.
pub(in crate::draft) fn find_quarantined(
    conn: &mut Conn,
    id: Uuid,
) -> Result<Option<(Quarantined, Vec<u8>)>, ApiError> {
    let row: Option<(Entry, Vec<u8>)> = quarantine::table
        .find(id.to_string())
        .select((ENTRY, quarantine::bytes))
        .first(conn)
        .optional()?;
    row.map(|(row, bytes)| Ok((entry(row)?, bytes))).transpose()
}

/// Notes a decision, once; whether nobody had decided.
pub(in crate::draft) fn decide_held(
    conn: &mut Conn,
    id: Uuid,
    decision: &str,
    reason: &str,
    by: PersonId,
    now: Instant,
) -> Result<bool, ApiError> {
    let open = quarantine::table.find(id.to_string()).filter(quarantine::decided_at.is_null());
    let updated = diesel::update(open)
        .set((
            quarantine::decision.eq(Some(decision)),
            quarantine::reason.eq(Some(reason)),
            quarantine::decided_by.eq(Some(by.to_string())),
            quarantine::decided_at.eq(Some(now.0)),
        ))
        .execute(conn)?;
    Ok(updated == 1)
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
