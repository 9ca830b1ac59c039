//! Rows of drafts: the draft itself, its change log, its snapshots.

mod actors;
mod amendments;
mod conflicts;
mod held;
mod history;
mod late;
mod pushes;

use diesel::prelude::*;
use sync_core::{
    gate::AdmittedChange,
    ids::{CaseId, DeviceId, PersonId},
    model::{ActorId, ChangeHash},
    protocol::Lock,
    time::Instant,
};

use super::rules::{Head, PAGE_CHANGES, Pin};
use crate::{
    db::{
        Conn,
        schema::{case_draft, cases, draft_change, draft_snapshot},
        types::Id,
    },
    error::ApiError,
    native,
};

pub(super) use actors::{
    Actor, ActorKind, NewActor, find_actor, find_issued, find_server_actor, insert_actor,
    list_actors, revoke_actor, revoke_actors,
};
pub(super) use amendments::{
    Amendment, NewAmendment, Reviewed, cover_amendments, find_amendment, insert_amendment,
    list_amendments, review_amendment,
};
pub(super) use conflicts::{
    OpenRow, Resolution, insert_conflict, list_open, resolve_conflict, update_conflict,
};
pub(super) use held::{
    Decided, HeldPush, Quarantined, Which, decide_held, find_quarantined, held_so_far, insert_held,
    list_held, list_quarantined,
};
pub(super) use history::{
    Logged, first_lsn, insert_signature, is_known, is_signed, list_links, list_logged,
};
pub(super) use late::{
    Late, LatePush, decide_late, find_late, hold_late, is_late_waiting, list_late, list_taken,
    note_taken,
};
pub(super) use pushes::{NewPush, find_push, insert_push, prune};

type HeadRow = (i64, i64, Vec<u8>, i64, i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, String);

pub(super) fn find_head(conn: &mut Conn, case_id: CaseId) -> Result<Option<Head>, ApiError> {
    let row: Option<HeadRow> = case_draft::table
        .inner_join(cases::table)
        .filter(case_draft::case_id.eq(case_id.to_string()))
        .select((
            case_draft::epoch,
            case_draft::lsn,
            case_draft::heads,
            case_draft::max_op,
            case_draft::snapshot_lsn,
            case_draft::tail_bytes,
            case_draft::approved_heads,
            case_draft::frozen_heads,
            cases::status,
        ))
        .first(conn)
        .optional()?;
    row.map(head).transpose()
}

fn head(row: HeadRow) -> Result<Head, ApiError> {
    let (epoch, lsn, heads, max_op, snapshot_lsn, tail_bytes, approved, frozen, status) = row;
    let lock = if status == sync_core::lifecycle::CaseStatus::Closed.as_str() {
        Lock::Closed
    } else if approved.is_some() {
        Lock::Approved
    } else {
        Lock::Open
    };
    let pin = match (lock, frozen) {
        (Lock::Closed, _) => Some(Pin::Closed),
        (Lock::Approved, _) => Some(Pin::Approved),
        (Lock::Open, Some(_)) => Some(Pin::Frozen),
        (Lock::Open, None) => None,
    };
    Ok(Head {
        epoch: u32::try_from(epoch).map_err(ApiError::internal)?,
        lsn: count(lsn)?,
        heads: hashes(&heads)?,
        max_op: count(max_op)?,
        snapshot_lsn: count(snapshot_lsn)?,
        tail_bytes: count(tail_bytes)?,
        lock,
        pin,
    })
}

/// A draft to begin.
pub(super) struct NewDraft<'a> {
    pub(super) case_id: CaseId,
    pub(super) heads: &'a [ChangeHash],
    pub(super) max_op: u64,
    pub(super) now: Instant,
}

pub(super) fn insert_draft(conn: &mut Conn, new: &NewDraft<'_>) -> Result<(), ApiError> {
    let row = (
        case_draft::case_id.eq(new.case_id.to_string()),
        case_draft::epoch.eq(1),
        case_draft::lsn.eq(1),
        case_draft::heads.eq(joined(new.heads)),
        case_draft::max_op.eq(number(new.max_op)?),
        case_draft::snapshot_lsn.eq(1),
        case_draft::tail_bytes.eq(0),
        case_draft::opened_at.eq(new.now.0),
        case_draft::changed_at.eq(new.now.0),
    );
    diesel::insert_into(case_draft::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

/// Holds a draft until the end of the transaction: nobody else moves it meanwhile.
pub(super) fn hold_draft(conn: &mut Conn, case_id: CaseId) -> Result<(), ApiError> {
    diesel::update(case_draft::table.find(case_id.to_string()))
        .set(case_draft::changed_at.eq(case_draft::changed_at))
        .execute(conn)?;
    Ok(())
}

/// Moves the draft on from the number that was read; whether it still stood there.
pub(super) fn advance(
    conn: &mut Conn,
    case_id: CaseId,
    from: &Head,
    to: &Head,
    now: Instant,
) -> Result<bool, ApiError> {
    let still = case_draft::table
        .filter(case_draft::case_id.eq(case_id.to_string()))
        .filter(case_draft::epoch.eq(i64::from(from.epoch)))
        .filter(case_draft::lsn.eq(number(from.lsn)?));
    let moved = diesel::update(still)
        .set((
            case_draft::lsn.eq(number(to.lsn)?),
            case_draft::heads.eq(joined(&to.heads)),
            case_draft::max_op.eq(number(to.max_op)?),
            case_draft::snapshot_lsn.eq(number(to.snapshot_lsn)?),
            case_draft::tail_bytes.eq(number(to.tail_bytes)?),
            case_draft::changed_at.eq(now.0),
        ))
        .execute(conn)?;
    Ok(moved == 1)
}

/// Pins what was approved.
pub(super) fn update_approved(
    conn: &mut Conn,
    case_id: CaseId,
    heads: &[ChangeHash],
    sha256: &[u8; 32],
) -> Result<bool, ApiError> {
    let updated = diesel::update(case_draft::table.find(case_id.to_string()))
        .set((
            case_draft::approved_heads.eq(Some(joined(heads))),
            case_draft::approved_sha256.eq(Some(sha256.to_vec())),
        ))
        .execute(conn)?;
    Ok(updated == 1)
}

/// Pins the newest frozen version. An agreement on another one is over.
pub(super) fn update_frozen(
    conn: &mut Conn,
    case_id: CaseId,
    heads: &[ChangeHash],
    sha256: &[u8; 32],
) -> Result<bool, ApiError> {
    let updated = diesel::update(case_draft::table.find(case_id.to_string()))
        .set((
            case_draft::frozen_heads.eq(Some(joined(heads))),
            case_draft::frozen_sha256.eq(Some(sha256.to_vec())),
            case_draft::approved_heads.eq(None::<Vec<u8>>),
            case_draft::approved_sha256.eq(None::<Vec<u8>>),
        ))
        .execute(conn)?;
    Ok(updated == 1)
}

/// Drafts of closed cases whose document still has its history, oldest first; at most so many.
pub(super) fn list_to_renew(conn: &mut Conn, most: i64) -> Result<Vec<CaseId>, ApiError> {
    let closed = sync_core::lifecycle::CaseStatus::Closed.as_str();
    let ids: Vec<Id<CaseId>> = case_draft::table
        .inner_join(cases::table)
        .filter(cases::status.eq(closed))
        .filter(
            case_draft::renewed_lsn
                .is_null()
                .or(case_draft::renewed_lsn.ne(case_draft::lsn.nullable())),
        )
        .order((case_draft::changed_at, case_draft::case_id))
        .limit(most)
        .select(case_draft::case_id)
        .load(conn)?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

/// Begins the next epoch of a draft at the number after its last one; whether it still stood there.
pub(super) fn begin_epoch(
    conn: &mut Conn,
    case_id: CaseId,
    from: &Head,
    to: &Head,
    now: Instant,
) -> Result<bool, ApiError> {
    if !advance(conn, case_id, from, to, now)? {
        return Ok(false);
    }
    diesel::update(case_draft::table.find(case_id.to_string()))
        .set((
            case_draft::epoch.eq(i64::from(to.epoch)),
            case_draft::renewed_lsn.eq(Some(number(to.lsn)?)),
        ))
        .execute(conn)?;
    Ok(true)
}

/// Notes that a draft cannot be renewed as it stands; it is tried again after it has changed.
pub(super) fn put_off_renewal(conn: &mut Conn, case_id: CaseId, lsn: u64) -> Result<(), ApiError> {
    diesel::update(case_draft::table.find(case_id.to_string()))
        .set(case_draft::renewed_lsn.eq(Some(number(lsn)?)))
        .execute(conn)?;
    Ok(())
}

/// Who appends, and with what.
pub(super) struct Appender<'a> {
    pub(super) case_id: CaseId,
    pub(super) epoch: u32,
    pub(super) person: Option<PersonId>,
    pub(super) device: Option<DeviceId>,
    pub(super) push_id: Option<&'a str>,
    pub(super) now: Instant,
}

/// Stores changes under the numbers from `first` on, all with one statement.
pub(super) fn insert_changes<'c>(
    conn: &mut Conn,
    by: &Appender<'_>,
    first: u64,
    changes: &'c [AdmittedChange],
) -> Result<(), ApiError> {
    let row = |(lsn, change): (u64, &'c AdmittedChange)| -> Result<_, ApiError> {
        Ok((
            draft_change::case_id.eq(by.case_id.to_string()),
            draft_change::lsn.eq(number(lsn)?),
            draft_change::epoch.eq(i64::from(by.epoch)),
            draft_change::hash.eq(change.hash.0.to_vec()),
            draft_change::actor.eq(change.actor.to_bytes().to_vec()),
            draft_change::seq.eq(number(change.seq)?),
            draft_change::deps.eq(joined(&change.deps)),
            draft_change::start_op.eq(number(change.start_op)?),
            draft_change::max_op.eq(number(change.max_op)?),
            draft_change::client_time.eq(change.client_time.0),
            draft_change::received_at.eq(by.now.0),
            draft_change::person_id.eq(by.person.map(|id| id.to_string())),
            draft_change::device_id.eq(by.device.map(|id| id.to_string())),
            draft_change::push_id.eq(by.push_id),
            draft_change::size.eq(i64::try_from(change.bytes.len()).unwrap_or(i64::MAX)),
            draft_change::bytes.eq(change.bytes.as_slice()),
        ))
    };
    let rows: Vec<_> = (first..).zip(changes).map(row).collect::<Result<_, _>>()?;
    let statement = diesel::insert_into(draft_change::table).values(rows);
    native!(conn, |c| statement.execute(c)).map_err(ApiError::or_again)?;
    Ok(())
}

/// An actor's last sequence number in the log up to `lsn`; 0 for none.
pub(super) fn last_seq(
    conn: &mut Conn,
    case_id: CaseId,
    actor: &ActorId,
    lsn: u64,
) -> Result<u64, ApiError> {
    // An actor's changes are a chain, so the first from its end that stands there is the last: one row
    // is read, and not the whole chain.
    let last: Option<i64> = draft_change::table
        .filter(draft_change::case_id.eq(case_id.to_string()))
        .filter(draft_change::actor.eq(actor.to_bytes()))
        .filter(draft_change::lsn.le(number(lsn)?))
        .order(draft_change::seq.desc())
        .select(draft_change::seq)
        .first(conn)
        .optional()?;
    count(last.unwrap_or(0))
}

/// Number and size of the changes after `after` up to `upto`, in order, that are not by `except`; one
/// more than fits into a page.
pub(super) fn list_sizes(
    conn: &mut Conn,
    case_id: CaseId,
    range: (u64, u64),
    except: Option<&ActorId>,
) -> Result<Vec<(u64, u64)>, ApiError> {
    let except = except.map(|actor| actor.to_bytes().to_vec()).unwrap_or_default();
    let most = i64::try_from(PAGE_CHANGES).unwrap_or(i64::MAX).saturating_add(1);
    let rows: Vec<(i64, i64)> = draft_change::table
        .filter(draft_change::case_id.eq(case_id.to_string()))
        .filter(draft_change::lsn.gt(number(range.0)?))
        .filter(draft_change::lsn.le(number(range.1)?))
        .filter(draft_change::actor.ne(except))
        .order(draft_change::lsn)
        .limit(most)
        .select((draft_change::lsn, draft_change::size))
        .load(conn)?;
    rows.into_iter().map(|(lsn, size)| Ok((count(lsn)?, count(size)?))).collect()
}

/// The bytes of the changes after `after` up to `upto`, in order, that are not by `except`.
pub(super) fn list_bytes(
    conn: &mut Conn,
    case_id: CaseId,
    range: (u64, u64),
    except: Option<&ActorId>,
) -> Result<Vec<Vec<u8>>, ApiError> {
    let except = except.map(|actor| actor.to_bytes().to_vec()).unwrap_or_default();
    Ok(draft_change::table
        .filter(draft_change::case_id.eq(case_id.to_string()))
        .filter(draft_change::lsn.gt(number(range.0)?))
        .filter(draft_change::lsn.le(number(range.1)?))
        .filter(draft_change::actor.ne(except))
        .order(draft_change::lsn)
        .select(draft_change::bytes)
        .load(conn)?)
}

/// When a change was made, by its device's clock, and when it came in.
pub(super) fn find_times(
    conn: &mut Conn,
    case_id: CaseId,
    hash: &ChangeHash,
) -> Result<Option<(Instant, Instant)>, ApiError> {
    let row: Option<(i64, i64)> = draft_change::table
        .filter(draft_change::case_id.eq(case_id.to_string()))
        .filter(draft_change::hash.eq(hash.0.to_vec()))
        .select((draft_change::client_time, draft_change::received_at))
        .first(conn)
        .optional()?;
    Ok(row.map(|(made, received)| (Instant(made), Instant(received))))
}

/// A stored snapshot.
#[derive(Clone, Debug, Queryable)]
pub(super) struct SnapshotRow {
    lsn: i64,
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: Vec<u8>,
}

impl SnapshotRow {
    pub(super) fn lsn(&self) -> Result<u64, ApiError> {
        count(self.lsn)
    }
}

/// The newest snapshot up to `lsn`, or before it when that one cannot be used.
pub(super) fn find_snapshot(
    conn: &mut Conn,
    case_id: CaseId,
    lsn: u64,
) -> Result<Option<SnapshotRow>, ApiError> {
    Ok(draft_snapshot::table
        .filter(draft_snapshot::case_id.eq(case_id.to_string()))
        .filter(draft_snapshot::lsn.le(number(lsn)?))
        .order(draft_snapshot::lsn.desc())
        .select((draft_snapshot::lsn, draft_snapshot::bytes, draft_snapshot::sha256))
        .first(conn)
        .optional()?)
}

/// A verified snapshot to keep.
pub(super) struct NewSnapshot<'a> {
    pub(super) case_id: CaseId,
    pub(super) lsn: u64,
    pub(super) heads: &'a [ChangeHash],
    pub(super) bytes: &'a [u8],
    pub(super) sha256: [u8; 32],
    pub(super) now: Instant,
}

/// Keeps a snapshot and the one before it.
pub(super) fn insert_snapshot(
    conn: &mut Conn,
    new: &NewSnapshot<'_>,
    previous_lsn: u64,
) -> Result<(), ApiError> {
    let row = (
        draft_snapshot::case_id.eq(new.case_id.to_string()),
        draft_snapshot::lsn.eq(number(new.lsn)?),
        draft_snapshot::heads.eq(joined(new.heads)),
        draft_snapshot::bytes.eq(new.bytes),
        draft_snapshot::sha256.eq(new.sha256.to_vec()),
        draft_snapshot::verified_at.eq(new.now.0),
    );
    diesel::insert_into(draft_snapshot::table)
        .values(row)
        .execute(conn)
        .map_err(ApiError::or_again)?;
    let older = draft_snapshot::table
        .filter(draft_snapshot::case_id.eq(new.case_id.to_string()))
        .filter(draft_snapshot::lsn.lt(number(previous_lsn)?));
    diesel::delete(older).execute(conn)?;
    Ok(())
}

/// Puts a sound snapshot in the place of damaged ones.
pub(super) fn replace_snapshots(
    conn: &mut Conn,
    new: &NewSnapshot<'_>,
    damaged: &[u64],
) -> Result<(), ApiError> {
    for lsn in damaged {
        let key = (new.case_id.to_string(), number(*lsn)?);
        diesel::delete(draft_snapshot::table.find(key)).execute(conn)?;
    }
    let known: i64 = draft_snapshot::table
        .filter(draft_snapshot::case_id.eq(new.case_id.to_string()))
        .filter(draft_snapshot::lsn.eq(number(new.lsn)?))
        .count()
        .get_result(conn)?;
    if known == 0 { insert_snapshot(conn, new, 0) } else { Ok(()) }
}

fn joined(hashes: &[ChangeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn hashes(bytes: &[u8]) -> Result<Vec<ChangeHash>, ApiError> {
    let (whole, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() {
        Ok(whole.iter().copied().map(ChangeHash).collect())
    } else {
        Err(ApiError::internal("stored hashes are damaged"))
    }
}

fn number(n: u64) -> Result<i64, ApiError> {
    i64::try_from(n).map_err(ApiError::internal)
}

fn count(n: i64) -> Result<u64, ApiError> {
    u64::try_from(n).map_err(ApiError::internal)
}

/// Everybody who wrote to a draft.
pub(super) fn list_writers(conn: &mut Conn, case_id: CaseId) -> Result<Vec<PersonId>, ApiError> {
    let rows: Vec<Option<Id<PersonId>>> = draft_change::table
        .filter(draft_change::case_id.eq(case_id.to_string()))
        .filter(draft_change::person_id.is_not_null())
        .select(draft_change::person_id)
        .distinct()
        .load(conn)?;
    Ok(rows.into_iter().flatten().map(|id| id.0).collect())
}
