//! The one way into a draft: read, let the gate judge a copy, store if nobody was faster, else again.

use std::sync::Arc;

use api_spec::problem::Code;
use sha2::{Digest, Sha256};
use sync_core::{
    automerge::Automerge,
    conflict::{self, Conflict},
    gate::{self, Admitted, AdmittedChange, Class, PushContext, Rejection, Rule},
    ids::CaseId,
    lifecycle::EventKind,
    model::{ActorId, schema::Roles},
    protocol::{Lock, SyncRefusal},
};

use super::{
    document::{self, Loading},
    refuse,
    rules::{self, Head},
    store::{self, NewPush, NewSnapshot},
};
use crate::{
    app::App,
    auth::policy,
    body::CommandKey,
    case_log::{self, NewEvent},
    db::Conn,
    error::ApiError,
};

/// How often an append is tried when other nodes are faster.
const TRIES: usize = 8;
/// The largest draft, as saved. A large honest case has some tens of kilobytes.
const MOST_SAVED_BYTES: usize = 4 * 1024 * 1024;

/// Who appends.
#[derive(Clone, Debug)]
pub(super) struct Appender {
    pub(super) case_id: CaseId,
    pub(super) author: policy::Actor,
    /// The actor that the changes are by.
    pub(super) actor: ActorId,
    /// The push id, and what it stands for.
    pub(super) key: CommandKey,
    /// Why a conflict is settled with a value that none of its writers wrote.
    pub(super) reason: Option<String>,
}

/// Something that appends changes: what a device pushes, or a settlement.
pub(super) trait Append: Send + Sync + 'static {
    /// Who appends.
    fn by(&self) -> &Appender;

    /// How many bytes it holds in memory while it waits.
    fn size(&self) -> usize;

    /// Whether it may be done now, and under which roles.
    fn check(&self, conn: &mut Conn, head: &Head) -> Result<Roles, ApiError>;

    /// The changes, made for this document if they do not come from outside.
    fn changes(&self, doc: &Automerge, roles: Roles) -> Result<Vec<Vec<u8>>, ApiError>;

    /// The answer, read in the transaction that appends.
    fn answer(&self, conn: &mut Conn, landed: &Landed) -> Result<Vec<u8>, ApiError>;
}

/// Where an append ended.
#[derive(Clone, Debug)]
pub(super) struct Landed {
    /// The draft after it.
    pub(super) head: Head,
    /// How many changes were new.
    pub(super) accepted: usize,
    /// The actor's last sequence number.
    pub(super) last_seq: u64,
}

/// Appends, and gives the answer; the answer from before if this push id appended already.
pub(super) async fn append<A: Append>(app: &App, work: Arc<A>) -> Result<Vec<u8>, ApiError> {
    let _place = app.drafts.place(work.size())?;
    let _turn = app.drafts.turn(work.by().case_id).await?;
    for _ in 0..TRIES {
        match attempt(app, &work).await? {
            Outcome::Answered(answer) => return Ok(answer),
            Outcome::Moved => metrics::counter!("chakan_draft_append_retries_total").increment(1),
        }
    }
    Err(ApiError::overloaded())
}

enum Outcome {
    Answered(Vec<u8>),
    /// Somebody else appended first.
    Moved,
}

/// What a try starts from.
struct Start {
    head: Head,
    roles: Roles,
    last_seq: u64,
    loading: Loading,
}

/// What passed the gate, ready to be stored.
struct Prepared {
    from: Head,
    to: Head,
    rows: Vec<AdmittedChange>,
    last_seq: u64,
    snapshot: Option<Vec<u8>>,
    conflicts: Vec<Conflict>,
    doc: Arc<Automerge>,
    saved: usize,
}

async fn attempt<A: Append>(app: &App, work: &Arc<A>) -> Result<Outcome, ApiError> {
    let start = match start(app, work.clone()).await? {
        Ok(start) => start,
        Err(answer) => return Ok(Outcome::Answered(answer)),
    };
    let by = work.by();
    let doc = document::load(app, by.case_id, &start.head, start.loading).await?;
    let context = PushContext {
        actor: by.actor.clone(),
        person: by.author.person,
        roles: start.roles,
        last_seq: start.last_seq,
        now: app.now(),
    };
    let (inner, roles) = (work.clone(), start.roles);
    let judged = app.drafts.compute(move || judge(inner.as_ref(), &doc, roles, &context)).await?;
    let (admitted, conflicts) = match judged {
        Some(Ok(passed)) => passed,
        Some(Err(Refused::Request(error))) => return Err(error),
        Some(Err(Refused::Gate { rejection, changes })) => {
            return Err(refuse::rejected(app, by, &changes, rejection).await);
        }
        // The gate catches panics of the library itself, so this one is ours.
        None => return Err(ApiError::internal("the gate panicked")),
    };
    if admitted.rows.is_empty() {
        return nothing_new(app, work.clone(), start.head, start.last_seq).await;
    }
    let prepared = Arc::new(prepare(start.head, admitted, conflicts)?);
    let outcome = store_all(app, work.clone(), prepared.clone()).await?;
    if matches!(outcome, Outcome::Answered(_)) {
        app.drafts.keep(by.case_id, &prepared.to, prepared.doc.clone(), prepared.saved);
    }
    Ok(outcome)
}

/// Reads what a try starts from, or the answer from before. Everything is read as of the one head, so
/// that it fits together although other transactions go on.
async fn start<A: Append>(app: &App, work: Arc<A>) -> Result<Result<Start, Vec<u8>>, ApiError> {
    let inner = app.clone();
    app.db
        .read(move |conn| {
            let by = work.by();
            if let Some(answer) = store::find_push(conn, by.author.person, &by.key)? {
                return Ok(Err(answer));
            }
            let head = store::find_head(conn, by.case_id)?.ok_or_else(ApiError::not_found)?;
            let roles = work.check(conn, &head)?;
            let last_seq = store::last_seq(conn, by.case_id, &by.actor, head.lsn)?;
            let loading = document::find(conn, &inner, by.case_id, &head)?;
            Ok(Ok(Start { head, roles, last_seq, loading }))
        })
        .await
}

enum Refused {
    Request(ApiError),
    Gate { rejection: Rejection, changes: Vec<Vec<u8>> },
}

fn judge<A: Append>(
    work: &A,
    doc: &Automerge,
    roles: Roles,
    context: &PushContext,
) -> Result<(Admitted, Vec<Conflict>), Refused> {
    let changes = work.changes(doc, roles).map_err(Refused::Request)?;
    let slices: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
    let admit = || gate::admit(doc, context, &slices).map(|a| (conflict::list(&a.doc), a));
    let verdict = std::panic::catch_unwind(std::panic::AssertUnwindSafe(admit));
    match verdict.unwrap_or_else(|_| Err(panicked())) {
        Ok((conflicts, admitted)) => Ok((admitted, conflicts)),
        Err(rejection) => Err(Refused::Gate { rejection, changes }),
    }
}

/// A panic over somebody's bytes is a refusal of these bytes.
fn panicked() -> Rejection {
    Rejection {
        rule: Rule::LibraryPanic,
        class: Class::Malformed,
        change_index: None,
        path: None,
        detail: String::new(),
    }
}

fn prepare(from: Head, admitted: Admitted, conflicts: Vec<Conflict>) -> Result<Prepared, ApiError> {
    let saved = admitted.snapshot.as_ref().map_or(0, Vec::len);
    if saved > MOST_SAVED_BYTES {
        return Err(refuse::problem(&SyncRefusal::TooLarge).fact("rule", Rule::DraftFull.code()));
    }
    let size = |n: usize| u64::try_from(n).map_err(ApiError::internal);
    let bytes = size(admitted.rows.iter().map(|row| row.bytes.len()).sum())?;
    let changes = size(admitted.rows.len())?;
    let due = from.snapshot_due(changes, bytes);
    let lsn = from.lsn + changes;
    let to = Head {
        lsn,
        heads: admitted.heads,
        max_op: from.max_op.max(admitted.max_op),
        snapshot_lsn: if due { lsn } else { from.snapshot_lsn },
        tail_bytes: if due { 0 } else { from.tail_bytes + bytes },
        ..from.clone()
    };
    Ok(Prepared {
        from,
        to,
        rows: admitted.rows,
        last_seq: admitted.last_seq,
        snapshot: admitted.snapshot.filter(|_| due),
        conflicts,
        doc: Arc::new(admitted.doc),
        saved,
    })
}

/// All changes were known: nothing is stored, the answer is that of a pull.
async fn nothing_new<A: Append>(
    app: &App,
    work: Arc<A>,
    head: Head,
    last_seq: u64,
) -> Result<Outcome, ApiError> {
    let landed = Landed { head, accepted: 0, last_seq };
    let answer = app.db.read(move |conn| work.answer(conn, &landed)).await?;
    Ok(Outcome::Answered(answer))
}

async fn store_all<A: Append>(
    app: &App,
    work: Arc<A>,
    prepared: Arc<Prepared>,
) -> Result<Outcome, ApiError> {
    let inner = app.clone();
    app.db
        .write(move |conn| {
            let by = work.by();
            if let Some(answer) = store::find_push(conn, by.author.person, &by.key)? {
                return Ok(Outcome::Answered(answer));
            }
            let (from, to) = (&prepared.from, &prepared.to);
            if !store::advance(conn, by.case_id, from, to, inner.now())? {
                return Ok(Outcome::Moved);
            }
            store_changes(conn, &inner, by, &prepared)?;
            store_conflicts(conn, &inner, by, &prepared)?;
            case_log::append(conn, &event(&inner, by, &prepared))?;
            let landed = Landed {
                head: to.clone(),
                accepted: prepared.rows.len(),
                last_seq: prepared.last_seq,
            };
            let response = work.answer(conn, &landed)?;
            let push = NewPush {
                person: by.author.person,
                key: &by.key,
                case_id: by.case_id,
                actor: &by.actor,
                response: &response,
                now: inner.now(),
            };
            store::insert_push(conn, &push)?;
            Ok(Outcome::Answered(response))
        })
        .await
}

fn store_changes(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    let appender = store::Appender {
        case_id: by.case_id,
        epoch: prepared.from.epoch,
        person: Some(by.author.person),
        device: by.author.device,
        push_id: Some(&by.key.key),
        now: app.now(),
    };
    for (lsn, row) in (prepared.from.lsn + 1..).zip(&prepared.rows) {
        store::insert_change(conn, &appender, lsn, row)?;
    }
    if let Some(bytes) = &prepared.snapshot {
        let snapshot = NewSnapshot {
            case_id: by.case_id,
            lsn: prepared.to.lsn,
            heads: &prepared.to.heads,
            bytes,
            sha256: Sha256::digest(bytes).into(),
            now: app.now(),
        };
        store::insert_snapshot(conn, &snapshot, prepared.from.snapshot_lsn)?;
    }
    Ok(())
}

fn store_conflicts(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    let open: Vec<_> =
        store::list_open(conn, by.case_id)?.into_iter().map(|row| row.standing).collect();
    let changes = rules::compare_conflicts(&open, prepared.conflicts.clone());
    let (lsn, now) = (prepared.to.lsn, app.now());
    for conflict in &changes.opened {
        store::insert_conflict(conn, by.case_id, conflict, lsn, now)?;
    }
    for (opened_lsn, conflict) in &changes.changed {
        store::update_conflict(conn, by.case_id, *opened_lsn, conflict, lsn)?;
    }
    let resolution =
        store::Resolution { lsn, by: by.author.person, reason: by.reason.as_deref(), now };
    for (opened_lsn, path) in &changes.resolved {
        store::resolve_conflict(conn, by.case_id, *opened_lsn, path, &resolution)?;
    }
    Ok(())
}

fn event(app: &App, by: &Appender, prepared: &Prepared) -> NewEvent {
    let now = app.now();
    let paths = prepared.rows.iter().flat_map(|row| &row.paths).map(String::as_str);
    NewEvent {
        id: app.new_id(),
        case_id: by.case_id,
        kind: EventKind::DraftSynced,
        author: (&by.author).into(),
        device_at: prepared.rows.last().map(|row| row.client_time),
        occurred_at: now,
        recorded_at: now,
        data: serde_json::json!({
            "epoch": prepared.to.epoch,
            "from_lsn": prepared.from.lsn + 1,
            "to_lsn": prepared.to.lsn,
            "actor": by.actor.to_hex_string(),
            "sections": rules::sections(paths),
            // A version is approved already: somebody has to look at what came late.
            "after_approval": prepared.from.lock == Lock::Approved,
        }),
    }
}

/// The refusal of somebody who sees the case but does not work on it.
pub(super) fn not_a_writer() -> ApiError {
    ApiError::new(Code::Forbidden).detail("you are not among those who work on this draft")
}
