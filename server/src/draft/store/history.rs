//! Rows of the change log as the audit reads them, and signatures of pushes.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, DeviceId, PersonId},
    model::{ActorId, ChangeHash},
    time::Instant,
};

use super::{count, hashes, number};
use crate::{
    db::{
        Conn,
        schema::{draft_change, draft_late_change, draft_signature as signature},
        types::{Id, Ms},
    },
    draft::{append::Signature, rules::Head},
    error::ApiError,
};

/// A change of the log without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::draft) struct Logged {
    pub(in crate::draft) lsn: u64,
    pub(in crate::draft) hash: ChangeHash,
    pub(in crate::draft) actor: ActorId,
    pub(in crate::draft) person: Option<PersonId>,
    pub(in crate::draft) device: Option<DeviceId>,
    pub(in crate::draft) push_id: Option<String>,
    pub(in crate::draft) written_at: Instant,
    pub(in crate::draft) received_at: Instant,
}

#[derive(Queryable)]
struct Row {
    lsn: i64,
    hash: Vec<u8>,
    actor: Vec<u8>,
    person: Option<Id<PersonId>>,
    device: Option<Id<DeviceId>>,
    push_id: Option<String>,
    written_at: Ms,
    received_at: Ms,
}

/// Changes of the present document after a number, in order.
pub(in crate::draft) fn list_logged(
    conn: &mut Conn,
    case_id: CaseId,
    head: &Head,
    after: u64,
    most: i64,
) -> Result<Vec<Logged>, ApiError> {
    let rows: Vec<Row> = draft_change::table
        .filter(draft_change::case_id.eq(case_id.to_string()))
        .filter(draft_change::epoch.eq(i64::from(head.epoch)))
        .filter(draft_change::lsn.gt(number(after)?))
        .filter(draft_change::lsn.le(number(head.lsn)?))
        .order(draft_change::lsn)
        .limit(most)
        .select((
            draft_change::lsn,
            draft_change::hash,
            draft_change::actor,
            draft_change::person_id,
            draft_change::device_id,
            draft_change::push_id,
            draft_change::client_time,
            draft_change::received_at,
        ))
        .load(conn)?;
    let read = |row: Row| {
        let hash = hashes(&row.hash)?.first().copied();
        Ok(Logged {
            lsn: count(row.lsn)?,
            hash: hash.ok_or_else(|| ApiError::internal("a stored hash is damaged"))?,
            actor: ActorId::from(row.actor),
            person: row.person.map(|id| id.0),
            device: row.device.map(|id| id.0),
            push_id: row.push_id,
            written_at: row.written_at.0,
            received_at: row.received_at.0,
        })
    };
    rows.into_iter().map(read).collect()
}

/// The hashes of the present document's log up to a number, and what each builds on: enough to tell
/// the heads of that point.
pub(in crate::draft) fn list_links(
    conn: &mut Conn,
    case_id: CaseId,
    head: &Head,
    upto: u64,
) -> Result<Vec<(ChangeHash, Vec<ChangeHash>)>, ApiError> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = draft_change::table
        .filter(draft_change::case_id.eq(case_id.to_string()))
        .filter(draft_change::epoch.eq(i64::from(head.epoch)))
        .filter(draft_change::lsn.le(number(upto)?))
        .order(draft_change::lsn)
        .select((draft_change::hash, draft_change::deps))
        .load(conn)?;
    let read = |(hash, deps): (Vec<u8>, Vec<u8>)| {
        let hash = hashes(&hash)?.first().copied();
        let hash = hash.ok_or_else(|| ApiError::internal("a stored hash is damaged"))?;
        Ok((hash, hashes(&deps)?))
    };
    rows.into_iter().map(read).collect()
}

/// Whether a change is in the draft's log or held beside it.
pub(in crate::draft) fn is_known(
    conn: &mut Conn,
    case_id: CaseId,
    hash: &ChangeHash,
) -> Result<bool, ApiError> {
    let (case_id, hash) = (case_id.to_string(), hash.0.to_vec());
    let logged: i64 = draft_change::table
        .filter(draft_change::case_id.eq(&case_id))
        .filter(draft_change::hash.eq(&hash))
        .count()
        .get_result(conn)?;
    let late: i64 = draft_late_change::table
        .filter(draft_late_change::case_id.eq(&case_id))
        .filter(draft_late_change::hash.eq(&hash))
        .count()
        .get_result(conn)?;
    Ok(logged + late > 0)
}

/// The first number of the present document's log.
pub(in crate::draft) fn first_lsn(
    conn: &mut Conn,
    case_id: CaseId,
    head: &Head,
) -> Result<u64, ApiError> {
    let first: Option<i64> = draft_change::table
        .filter(draft_change::case_id.eq(case_id.to_string()))
        .filter(draft_change::epoch.eq(i64::from(head.epoch)))
        .select(diesel::dsl::min(draft_change::lsn))
        .first(conn)?;
    count(first.unwrap_or(1))
}

/// Keeps what a device's key signed.
pub(in crate::draft) fn insert_signature(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
    push_id: &str,
    signed: &Signature,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        signature::person_id.eq(person.to_string()),
        signature::push_id.eq(push_id),
        signature::case_id.eq(case_id.to_string()),
        signature::device_id.eq(signed.device.to_string()),
        signature::signed.eq(&signed.text),
        signature::signature.eq(&signed.bytes),
        signature::received_at.eq(now.0),
    );
    diesel::insert_into(signature::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

/// Whether a person's push was signed.
pub(in crate::draft) fn is_signed(
    conn: &mut Conn,
    person: PersonId,
    push_id: &str,
) -> Result<bool, ApiError> {
    let found: i64 = signature::table
        .filter(signature::person_id.eq(person.to_string()))
        .filter(signature::push_id.eq(push_id))
        .count()
        .get_result(conn)?;
    Ok(found > 0)
}
