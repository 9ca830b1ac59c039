//! Rows of late work: what is held beside the draft.

use diesel::prelude::*;
use sync_core::{
    gate::AdmittedChange,
    ids::{CaseId, DeviceId, PersonId},
    model::{ActorId, ChangeHash},
    time::Instant,
};
use uuid::Uuid;

use super::{count, hashes, joined, number};
use crate::{
    db::{
        Conn,
        schema::{draft_late, draft_late_change as held_change, draft_late_taken as taken},
        types::{Id, Ms},
    },
    draft::rules::{Head, LateState},
    error::ApiError,
};

/// Late work of one actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::draft) struct Late {
    pub(in crate::draft) id: Uuid,
    pub(in crate::draft) actor: ActorId,
    pub(in crate::draft) person: PersonId,
    pub(in crate::draft) device: Option<DeviceId>,
    pub(in crate::draft) state: LateState,
    /// The actor's last sequence number, in the draft or here.
    pub(in crate::draft) last_seq: u64,
    pub(in crate::draft) opened_at: Instant,
    pub(in crate::draft) changed_at: Instant,
    pub(in crate::draft) decided_at: Option<Instant>,
    pub(in crate::draft) decided_by: Option<PersonId>,
    /// In the order of the actor's numbers.
    pub(in crate::draft) changes: Vec<LateChange>,
}

/// One change of late work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::draft) struct LateChange {
    pub(in crate::draft) hash: ChangeHash,
    pub(in crate::draft) deps: Vec<ChangeHash>,
    pub(in crate::draft) bytes: Vec<u8>,
}

#[derive(Queryable)]
struct Row {
    id: Id<Uuid>,
    actor: Vec<u8>,
    person: Id<PersonId>,
    device: Option<Id<DeviceId>>,
    state: String,
    last_seq: i64,
    opened_at: Ms,
    changed_at: Ms,
    decided_at: Option<Ms>,
    decided_by: Option<Id<PersonId>>,
}

type Columns = (
    draft_late::id,
    draft_late::actor,
    draft_late::person_id,
    draft_late::device_id,
    draft_late::state,
    draft_late::last_seq,
    draft_late::opened_at,
    draft_late::changed_at,
    draft_late::decided_at,
    draft_late::decided_by,
);
const COLUMNS: Columns = (
    draft_late::id,
    draft_late::actor,
    draft_late::person_id,
    draft_late::device_id,
    draft_late::state,
    draft_late::last_seq,
    draft_late::opened_at,
    draft_late::changed_at,
    draft_late::decided_at,
    draft_late::decided_by,
);

/// What is held of an actor; nothing once it was taken over in whole.
pub(in crate::draft) fn find_late(
    conn: &mut Conn,
    case_id: CaseId,
    actor: &ActorId,
    head: &Head,
) -> Result<Option<Late>, ApiError> {
    let row: Option<Row> = draft_late::table
        .filter(draft_late::case_id.eq(case_id.to_string()))
        .filter(draft_late::actor.eq(actor.to_bytes()))
        .filter(draft_late::epoch.eq(i64::from(head.epoch)))
        .filter(draft_late::state.ne(LateState::Taken.as_str()))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    row.map(|row| late(conn, row)).transpose()
}

/// All late work of a case's present document, by when it was opened.
pub(in crate::draft) fn list_late(
    conn: &mut Conn,
    case_id: CaseId,
    head: &Head,
) -> Result<Vec<Late>, ApiError> {
    let rows: Vec<Row> = draft_late::table
        .filter(draft_late::case_id.eq(case_id.to_string()))
        .filter(draft_late::epoch.eq(i64::from(head.epoch)))
        .order((draft_late::opened_at, draft_late::id))
        .select(COLUMNS)
        .load(conn)?;
    rows.into_iter().map(|row| late(conn, row)).collect()
}

fn late(conn: &mut Conn, row: Row) -> Result<Late, ApiError> {
    let changes: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> = held_change::table
        .filter(held_change::late_id.eq(row.id.0.to_string()))
        .order(held_change::seq)
        .select((held_change::hash, held_change::deps, held_change::bytes))
        .load(conn)?;
    let change = |(hash, deps, bytes): (Vec<u8>, Vec<u8>, Vec<u8>)| {
        let hash = hashes(&hash)?.first().copied();
        let hash = hash.ok_or_else(|| ApiError::internal("a stored hash is damaged"))?;
        Ok::<_, ApiError>(LateChange { hash, deps: hashes(&deps)?, bytes })
    };
    Ok(Late {
        id: row.id.0,
        actor: ActorId::from(row.actor),
        person: row.person.0,
        device: row.device.map(|id| id.0),
        state: LateState::parse(&row.state).ok_or_else(|| ApiError::internal("a state"))?,
        last_seq: count(row.last_seq)?,
        opened_at: row.opened_at.0,
        changed_at: row.changed_at.0,
        decided_at: row.decided_at.map(|at| at.0),
        decided_by: row.decided_by.map(|id| id.0),
        changes: changes.into_iter().map(change).collect::<Result<_, _>>()?,
    })
}

/// A push of late work.
pub(in crate::draft) struct LatePush<'a> {
    pub(in crate::draft) id: Uuid,
    pub(in crate::draft) case_id: CaseId,
    pub(in crate::draft) epoch: u32,
    pub(in crate::draft) actor: &'a ActorId,
    pub(in crate::draft) person: PersonId,
    pub(in crate::draft) device: Option<DeviceId>,
    pub(in crate::draft) push_id: &'a str,
    pub(in crate::draft) last_seq: u64,
    pub(in crate::draft) rows: &'a [AdmittedChange],
    pub(in crate::draft) now: Instant,
}

/// Holds a push beside the draft; answers the id of the work it belongs to.
pub(in crate::draft) fn hold_late(conn: &mut Conn, push: &LatePush<'_>) -> Result<Uuid, ApiError> {
    let known: Option<Id<Uuid>> = draft_late::table
        .filter(draft_late::case_id.eq(push.case_id.to_string()))
        .filter(draft_late::actor.eq(push.actor.to_bytes()))
        .select(draft_late::id)
        .first(conn)
        .optional()?;
    let moved = (
        draft_late::state.eq(LateState::Held.as_str()),
        draft_late::last_seq.eq(number(push.last_seq)?),
        draft_late::changed_at.eq(push.now.0),
    );
    let id = match known {
        Some(Id(id)) => {
            let undecided =
                (draft_late::decided_at.eq(None::<i64>), draft_late::decided_by.eq(None::<String>));
            diesel::update(draft_late::table.find(id.to_string()))
                .set((moved, undecided))
                .execute(conn)?;
            id
        }
        None => {
            let row = (
                draft_late::id.eq(push.id.to_string()),
                draft_late::case_id.eq(push.case_id.to_string()),
                draft_late::actor.eq(push.actor.to_bytes().to_vec()),
                draft_late::epoch.eq(i64::from(push.epoch)),
                draft_late::person_id.eq(push.person.to_string()),
                draft_late::device_id.eq(push.device.map(|id| id.to_string())),
                draft_late::opened_at.eq(push.now.0),
                moved,
            );
            diesel::insert_into(draft_late::table)
                .values(row)
                .execute(conn)
                .map_err(ApiError::or_again)?;
            push.id
        }
    };
    for change in push.rows {
        let row = (
            held_change::late_id.eq(id.to_string()),
            held_change::seq.eq(number(change.seq)?),
            held_change::case_id.eq(push.case_id.to_string()),
            held_change::hash.eq(change.hash.0.to_vec()),
            held_change::deps.eq(joined(&change.deps)),
            held_change::client_time.eq(change.client_time.0),
            held_change::received_at.eq(push.now.0),
            held_change::push_id.eq(push.push_id),
            held_change::bytes.eq(&change.bytes),
        );
        diesel::insert_into(held_change::table)
            .values(row)
            .execute(conn)
            .map_err(ApiError::or_again)?;
    }
    Ok(id)
}

/// Notes what was decided on late work that still ends with this number; whether it does. What was
/// taken in whole stands in the draft's log from then on, and only there.
pub(in crate::draft) fn decide_late(
    conn: &mut Conn,
    late: &Late,
    state: LateState,
    by: PersonId,
    now: Instant,
) -> Result<bool, ApiError> {
    let same = draft_late::table
        .find(late.id.to_string())
        .filter(draft_late::last_seq.eq(number(late.last_seq)?))
        .filter(draft_late::state.eq(late.state.as_str()));
    let updated = diesel::update(same)
        .set((
            draft_late::state.eq(state.as_str()),
            draft_late::decided_at.eq(Some(now.0)),
            draft_late::decided_by.eq(Some(by.to_string())),
        ))
        .execute(conn)?;
    if updated == 1 && state == LateState::Taken {
        let of_it = held_change::table.filter(held_change::late_id.eq(late.id.to_string()));
        diesel::delete(of_it).execute(conn)?;
    }
    Ok(updated == 1)
}

/// Notes that places of late work were written again.
pub(in crate::draft) fn note_taken(
    conn: &mut Conn,
    late: Uuid,
    paths: &[String],
    lsn: u64,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    for path in paths {
        let row = (
            taken::late_id.eq(late.to_string()),
            taken::path.eq(path),
            taken::lsn.eq(number(lsn)?),
            taken::taken_by.eq(by.to_string()),
            taken::taken_at.eq(now.0),
        );
        diesel::insert_into(taken::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    }
    Ok(())
}

/// The places of late work that were written again.
pub(in crate::draft) fn list_taken(conn: &mut Conn, late: Uuid) -> Result<Vec<String>, ApiError> {
    let mut paths: Vec<String> = taken::table
        .filter(taken::late_id.eq(late.to_string()))
        .order(taken::path)
        .select(taken::path)
        .load(conn)?;
    paths.dedup();
    Ok(paths)
}

/// Whether late work still waits in a case.
pub(in crate::draft) fn is_late_waiting(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<bool, ApiError> {
    let waiting: i64 = draft_late::table
        .filter(draft_late::case_id.eq(case_id.to_string()))
        .filter(draft_late::state.eq(LateState::Held.as_str()))
        .count()
        .get_result(conn)?;
    Ok(waiting > 0)
}
