//! Rows of the chain of custody.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use diesel::prelude::*;
use sync_core::{
    custody::{Checkpoint, Entry, Head},
    ids::{CaseId, DeviceId, PersonId},
    photo::ContentHash,
    time::Instant,
};

use crate::{
    db::{
        Conn,
        schema::{
            custody_checkpoint_heads as leaves, custody_checkpoints as checkpoints,
            custody_entries as entries, custody_heads as heads,
        },
        types::{Id, Ms},
    },
    error::ApiError,
};

/// Checkpoints of one answer; whoever is further behind asks again.
const MOST_BEHIND: i64 = 10_000;

/// What must be known of a head in order to append.
pub(super) struct Newest {
    pub(super) seq: u64,
    pub(super) sha256: ContentHash,
}

pub(super) fn find_head(conn: &mut Conn, case_id: CaseId) -> Result<Option<Newest>, ApiError> {
    let found: Option<(i64, Id<ContentHash>)> = heads::table
        .find(case_id.to_string())
        .select((heads::seq, heads::sha256))
        .first(conn)
        .optional()?;
    Ok(found.map(|(seq, sha256)| Newest { seq: number(seq), sha256: sha256.0 }))
}

pub(super) fn insert_entry(
    conn: &mut Conn,
    entry: &Entry,
    sha256: ContentHash,
) -> Result<(), ApiError> {
    let row = (
        entries::case_id.eq(entry.case_id.to_string()),
        entries::seq.eq(column(entry.seq)),
        entries::previous.eq(entry.previous.to_string()),
        entries::act.eq(&entry.act),
        entries::actor.eq(&entry.actor),
        entries::device_id.eq(entry.device.map(|id| id.to_string())),
        entries::at.eq(entry.at.0),
        entries::subject.eq(&entry.subject),
        entries::data.eq(&entry.data),
        entries::sha256.eq(sha256.to_string()),
    );
    diesel::insert_into(entries::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

pub(super) fn insert_head(conn: &mut Conn, head: &Head, signature: &str) -> Result<(), ApiError> {
    let row = (
        heads::case_id.eq(head.case_id.to_string()),
        heads::seq.eq(column(head.seq)),
        heads::sha256.eq(head.sha256.to_string()),
        heads::at.eq(head.at.0),
        heads::key_id.eq(&head.key_id),
        heads::signature.eq(signature),
        heads::covered_seq.eq(0),
    );
    diesel::insert_into(heads::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

pub(super) fn update_head(
    conn: &mut Conn,
    before: u64,
    head: &Head,
    signature: &str,
) -> Result<(), ApiError> {
    let row = heads::table
        .filter(heads::case_id.eq(head.case_id.to_string()))
        .filter(heads::seq.eq(column(before)));
    let changed = diesel::update(row)
        .set((
            heads::seq.eq(column(head.seq)),
            heads::sha256.eq(head.sha256.to_string()),
            heads::at.eq(head.at.0),
            heads::key_id.eq(&head.key_id),
            heads::signature.eq(signature),
        ))
        .execute(conn)?;
    if changed == 1 { Ok(()) } else { Err(ApiError::contention()) }
}

pub(super) fn is_noted_since(
    conn: &mut Conn,
    case_id: CaseId,
    (act, subject): (&str, &str),
    person: PersonId,
    since: Instant,
) -> Result<bool, ApiError> {
    let noted = entries::table
        .filter(entries::case_id.eq(case_id.to_string()))
        .filter(entries::subject.eq(subject))
        .filter(entries::act.eq(act))
        .filter(entries::actor.eq(person.to_string()))
        .filter(entries::at.ge(since.0));
    Ok(diesel::select(diesel::dsl::exists(noted)).get_result(conn)?)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = entries)]
struct EntryRow {
    case_id: Id<CaseId>,
    seq: i64,
    previous: Id<ContentHash>,
    act: String,
    actor: String,
    device_id: Option<Id<DeviceId>>,
    at: Ms,
    subject: String,
    data: String,
    sha256: Id<ContentHash>,
}

/// In the order of their positions.
pub(super) fn list_entries(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<(Entry, ContentHash)>, ApiError> {
    let rows: Vec<EntryRow> = entries::table
        .filter(entries::case_id.eq(case_id.to_string()))
        .order(entries::seq)
        .select(EntryRow::as_select())
        .load(conn)?;
    let entry = |row: EntryRow| {
        let entry = Entry {
            case_id: row.case_id.0,
            seq: number(row.seq),
            previous: row.previous.0,
            act: row.act,
            actor: row.actor,
            device: row.device_id.map(|id| id.0),
            at: row.at.0,
            subject: row.subject,
            data: row.data,
        };
        (entry, row.sha256.0)
    };
    Ok(rows.into_iter().map(entry).collect())
}

pub(super) fn find_head_row(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<(Head, Vec<u8>)>, ApiError> {
    type Row = (i64, Id<ContentHash>, Ms, String, String);
    let found: Option<Row> = heads::table
        .find(case_id.to_string())
        .select((heads::seq, heads::sha256, heads::at, heads::key_id, heads::signature))
        .first(conn)
        .optional()?;
    Ok(found.map(|(seq, sha256, at, key_id, signature)| {
        let head = Head { case_id, seq: number(seq), sha256: sha256.0, at: at.0, key_id };
        (head, bytes(&signature))
    }))
}

/// One leaf of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) case_id: CaseId,
    pub(super) seq: u64,
    pub(super) sha256: ContentHash,
}

/// Heads that no checkpoint covers yet, in ascending order of the case.
pub(super) fn list_uncovered(conn: &mut Conn, most: i64) -> Result<Vec<Leaf>, ApiError> {
    let rows: Vec<(Id<CaseId>, i64, Id<ContentHash>)> = heads::table
        .filter(heads::seq.gt(heads::covered_seq))
        .order(heads::case_id)
        .limit(most)
        .select((heads::case_id, heads::seq, heads::sha256))
        .load(conn)?;
    Ok(rows.into_iter().map(leaf).collect())
}

fn leaf((case_id, seq, sha256): (Id<CaseId>, i64, Id<ContentHash>)) -> Leaf {
    Leaf { case_id: case_id.0, seq: number(seq), sha256: sha256.0 }
}

/// The newest checkpoint, with its signature.
pub(super) fn find_newest(conn: &mut Conn) -> Result<Option<(Checkpoint, Vec<u8>)>, ApiError> {
    let row: Option<CheckpointRow> = checkpoints::table
        .order(checkpoints::number.desc())
        .select(CheckpointRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(CheckpointRow::into_parts))
}

pub(super) fn insert_checkpoint(
    conn: &mut Conn,
    checkpoint: &Checkpoint,
    signature: &str,
    covered: &[Leaf],
) -> Result<(), ApiError> {
    let row = (
        checkpoints::number.eq(column(checkpoint.number)),
        checkpoints::at.eq(checkpoint.at.0),
        checkpoints::previous.eq(checkpoint.previous.to_string()),
        checkpoints::root.eq(checkpoint.root.to_string()),
        checkpoints::heads.eq(column(checkpoint.heads)),
        checkpoints::key_id.eq(&checkpoint.key_id),
        checkpoints::signature.eq(signature),
    );
    diesel::insert_into(checkpoints::table)
        .values(row)
        .execute(conn)
        .map_err(ApiError::or_again)?;
    for leaf in covered {
        let row = (
            leaves::number.eq(column(checkpoint.number)),
            leaves::case_id.eq(leaf.case_id.to_string()),
            leaves::seq.eq(column(leaf.seq)),
            leaves::sha256.eq(leaf.sha256.to_string()),
        );
        diesel::insert_into(leaves::table).values(row).execute(conn)?;
        diesel::update(heads::table.find(leaf.case_id.to_string()))
            .set(heads::covered_seq.eq(column(leaf.seq)))
            .execute(conn)?;
    }
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = checkpoints)]
struct CheckpointRow {
    number: i64,
    at: Ms,
    previous: Id<ContentHash>,
    root: Id<ContentHash>,
    heads: i64,
    key_id: String,
    signature: String,
}

impl CheckpointRow {
    fn into_parts(self) -> (Checkpoint, Vec<u8>) {
        let checkpoint = Checkpoint {
            number: number(self.number),
            at: self.at.0,
            previous: self.previous.0,
            root: self.root.0,
            heads: number(self.heads),
            key_id: self.key_id,
        };
        (checkpoint, bytes(&self.signature))
    }
}

/// The checkpoints that name a case, oldest first.
pub(super) fn list_of_case(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<(Checkpoint, Vec<u8>)>, ApiError> {
    let rows: Vec<CheckpointRow> = checkpoints::table
        .inner_join(leaves::table.on(leaves::number.eq(checkpoints::number)))
        .filter(leaves::case_id.eq(case_id.to_string()))
        .order(checkpoints::number)
        .select(CheckpointRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(CheckpointRow::into_parts).collect())
}

/// Every checkpoint, oldest first.
pub(super) fn list_checkpoints(conn: &mut Conn) -> Result<Vec<(Checkpoint, Vec<u8>)>, ApiError> {
    let rows: Vec<CheckpointRow> = checkpoints::table
        .order(checkpoints::number)
        .select(CheckpointRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(CheckpointRow::into_parts).collect())
}

/// Checkpoints behind this number, oldest first, some at a time.
pub(super) fn list_behind(
    conn: &mut Conn,
    number: u64,
) -> Result<Vec<(Checkpoint, Vec<u8>)>, ApiError> {
    let rows: Vec<CheckpointRow> = checkpoints::table
        .filter(checkpoints::number.gt(column(number)))
        .order(checkpoints::number)
        .limit(MOST_BEHIND)
        .select(CheckpointRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(CheckpointRow::into_parts).collect())
}

/// The leaves of a checkpoint, in ascending order of the case.
pub(super) fn list_leaves(conn: &mut Conn, checkpoint: u64) -> Result<Vec<Leaf>, ApiError> {
    let rows: Vec<(Id<CaseId>, i64, Id<ContentHash>)> = leaves::table
        .filter(leaves::number.eq(column(checkpoint)))
        .order(leaves::case_id)
        .select((leaves::case_id, leaves::seq, leaves::sha256))
        .load(conn)?;
    Ok(rows.into_iter().map(leaf).collect())
}

/// Cases that have a log, a page at a time in ascending order.
pub(super) fn list_cases(
    conn: &mut Conn,
    after: Option<CaseId>,
    most: i64,
) -> Result<Vec<CaseId>, ApiError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows: Vec<Id<CaseId>> = heads::table
        .filter(heads::case_id.gt(after))
        .order(heads::case_id)
        .limit(most)
        .select(heads::case_id)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

/// Cases with entries and without a head.
pub(super) fn list_headless(conn: &mut Conn) -> Result<Vec<CaseId>, ApiError> {
    let rows: Vec<Id<CaseId>> = entries::table
        .left_join(heads::table.on(heads::case_id.eq(entries::case_id)))
        .filter(heads::case_id.nullable().is_null())
        .select(entries::case_id)
        .distinct()
        .load(conn)?;
    Ok(rows.into_iter().map(|id| id.0).collect())
}

/// A negative number can only have been put there by hand: no entry has it, so it is found out.
fn number(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(u64::MAX)
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What is not base64 is no signature, and is found out when it is verified.
fn bytes(signature: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap_or_default()
}
