//! The one way into a draft: read, let the gate judge a copy, store if nobody was faster, else again.

use std::sync::Arc;

use api_spec::problem::Code;
use sync_core::{
    automerge::Automerge,
    conflict::{self, Conflict},
    difference::{self, FieldDifference},
    gate::{self, Admitted, AdmittedChange, Class, PushContext, Rejection, Rule},
    ids::{CaseId, DeviceId, PersonId},
    model::{ActorId, Draft, schema::Roles},
    protocol::SyncRefusal,
};

use super::{
    access::Landing,
    document::{self, Loading},
    drafts, landing, refuse,
    rules::Head,
    store,
};
use crate::{app::App, auth::policy, body::CommandKey, case_log, db::Conn, error::ApiError};

/// How often an append is tried when other nodes are faster.
const TRIES: usize = 8;
/// After so many lost races the draft is held while the gate works: or a large push would be overtaken
/// by small ones at another node for as long as they come.
const RACES: usize = 2;
/// The largest draft, as saved and not deflated. A large honest case has some tens of kilobytes.
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
    /// Whose work it is: the author's own, unless they take over somebody else's.
    pub(super) writer: Credit,
    /// Why a conflict is settled with a value that none of its writers wrote.
    pub(super) reason: Option<String>,
    /// What the device's key signed.
    pub(super) signature: Option<Signature>,
}

impl Appender {
    /// Somebody who appends work of their own.
    pub(super) fn own(
        case_id: CaseId,
        author: policy::Actor,
        actor: ActorId,
        key: CommandKey,
    ) -> Self {
        let writer = Credit { person: author.person, device: author.device };
        Self { case_id, author, actor, key, writer, reason: None, signature: None }
    }
}

/// Whose work changes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credit {
    pub(super) person: PersonId,
    pub(super) device: Option<DeviceId>,
}

/// A signature by a device's key, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) device: DeviceId,
    pub(super) text: String,
    pub(super) bytes: Vec<u8>,
}

/// Under which roles somebody appends, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admission {
    pub(super) roles: Roles,
    pub(super) landing: Landing,
}

/// Something that appends changes: what a device pushes, or a settlement.
pub(super) trait Append: Send + Sync + 'static {
    /// Who appends.
    fn by(&self) -> &Appender;

    /// How many bytes it holds in memory while it waits.
    fn size(&self) -> usize;

    /// Whether it may be done now, under which roles, and where it goes.
    fn check(&self, conn: &mut Conn, head: &Head) -> Result<Admission, ApiError>;

    /// The changes, made for this document if they do not come from outside.
    fn changes(&self, doc: &Automerge, roles: Roles) -> Result<Vec<Vec<u8>>, ApiError>;

    /// What else is noted in the transaction that appends.
    fn note(&self, _: &mut Conn, _: &Landed) -> Result<(), ApiError> {
        Ok(())
    }

    /// The answer, read in the transaction that appends.
    fn answer(&self, conn: &mut Conn, landed: &Landed) -> Result<Vec<u8>, ApiError>;
}

/// What somebody writes who has judged the assessor's work on a case does not enter its draft (B22).
///
/// # Errors
/// `conflict` with the reason.
pub(super) fn must_not_judge(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
) -> Result<(), ApiError> {
    if case_log::judges(conn, case_id)?.contains(&person) {
        let reason = ApiError::new(Code::Conflict).fact("reason", "judged_this_case");
        return Err(reason.detail("whoever verified or adjudicated a case does not assess it"));
    }
    Ok(())
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

impl Landed {
    /// All changes were known: nothing is stored, the answer is that of a pull.
    fn nothing(head: Head, last_seq: u64) -> Self {
        Self { head, accepted: 0, last_seq }
    }
}

/// Appends, and gives the answer; the answer from before if this push id appended already.
pub(super) async fn append<A: Append>(app: &App, work: Arc<A>) -> Result<Vec<u8>, ApiError> {
    append_from(app, work, None).await
}

/// [`append`] by somebody who has looked already.
pub(super) async fn append_from<A: Append>(
    app: &App,
    work: Arc<A>,
    mut seen: Option<Start>,
) -> Result<Vec<u8>, ApiError> {
    let case_id = work.by().case_id;
    let _place = app.drafts.place(work.size())?;
    let _turn = match app.drafts.free_turn(case_id)? {
        Some(turn) => turn,
        None => {
            // Somebody is about to move the draft on, and what was seen takes memory.
            seen = None;
            app.drafts.turn(case_id).await?
        }
    };
    for lost in 0..TRIES {
        let outcome = match lost {
            ..RACES => attempt(app, &work, seen.take()).await?,
            _ => attempt_holding(app, &work).await?,
        };
        match outcome {
            Outcome::Answered(answer) => return Ok(answer),
            Outcome::Moved => metrics::counter!("chakan_draft_append_retries_total").increment(1),
        }
    }
    Err(ApiError::overloaded())
}

pub(super) enum Outcome {
    Answered(Vec<u8>),
    /// Somebody else appended first.
    Moved,
}

/// What a try starts from.
pub(super) struct Start {
    head: Head,
    facts: Facts,
    loading: Loading,
    late: Option<store::Late>,
}

/// What is known of who appends.
struct Facts {
    admission: Admission,
    last_seq: u64,
}

impl Facts {
    fn context(&self, by: &Appender, app: &App) -> PushContext {
        PushContext {
            actor: by.actor.clone(),
            person: by.writer.person,
            roles: self.admission.roles,
            last_seq: self.last_seq,
            now: app.now(),
        }
    }
}

/// What passed the gate, ready to be stored.
pub(super) struct Prepared {
    pub(super) from: Head,
    pub(super) to: Head,
    pub(super) landing: Landing,
    pub(super) rows: Vec<AdmittedChange>,
    pub(super) last_seq: u64,
    pub(super) snapshot: Option<Vec<u8>>,
    pub(super) conflicts: Vec<Conflict>,
    /// What it changes, where something is pinned that it comes after.
    pub(super) amends: Vec<FieldDifference>,
    doc: Arc<Automerge>,
    saved: usize,
}

async fn attempt<A: Append>(
    app: &App,
    work: &Arc<A>,
    seen: Option<Start>,
) -> Result<Outcome, ApiError> {
    let (inner, asked) = (app.clone(), work.clone());
    let start = match seen {
        Some(start) => start,
        None => match app.db.read(move |conn| start(conn, &inner, asked.as_ref())).await? {
            Ok(start) => start,
            Err(answer) => return Ok(Outcome::Answered(answer)),
        },
    };
    let by = work.by();
    let doc = document::load(app, by.case_id, &start.head, start.loading).await?;
    let context = start.facts.context(by, app);
    let inner = work.clone();
    let (from, landing) = (start.head.clone(), start.facts.admission.landing);
    let on = On { doc, from, landing, late: start.late };
    let judged = app.drafts.compute(move || judge(inner.as_ref(), &on, &context)).await?;
    let verdict = match judged {
        Some(Ok(passed)) => passed,
        Some(Err(refused)) => return Err(refused.told(app, by).await),
        // The gate catches panics of the library itself, so this one is ours.
        None => return Err(ApiError::internal("the gate panicked")),
    };
    if verdict.admitted.rows.is_empty() {
        let (inner, landed) = (work.clone(), Landed::nothing(start.head, start.facts.last_seq));
        let answer = app.db.read(move |conn| inner.answer(conn, &landed)).await?;
        return Ok(Outcome::Answered(answer));
    }
    let prepared = Arc::new(prepare(start.head, start.facts.admission.landing, verdict)?);
    let outcome = landing::store_all(app, work.clone(), prepared.clone()).await?;
    keep(app, work.as_ref(), &outcome, &prepared);
    Ok(outcome)
}

/// The same in one transaction, which holds the draft from its beginning: nobody can be faster.
async fn attempt_holding<A: Append>(app: &App, work: &Arc<A>) -> Result<Outcome, ApiError> {
    let _turn = app.drafts.computing_turn().await?;
    let (inner, asked) = (app.clone(), work.clone());
    let held = app.db.write(move |conn| hold(conn, &inner, asked.as_ref())).await?;
    match held {
        Holding::Stored(outcome, prepared) => {
            keep(app, work.as_ref(), &outcome, &prepared);
            Ok(outcome)
        }
        Holding::Answered(answer) => Ok(Outcome::Answered(answer)),
        Holding::Refused(refused) => Err(refused.told(app, work.by()).await),
    }
}

/// Where an attempt that held the draft ended.
enum Holding {
    Stored(Outcome, Box<Prepared>),
    Answered(Vec<u8>),
    Refused(Refused),
}

fn hold<A: Append>(conn: &mut Conn, app: &App, work: &A) -> Result<Holding, ApiError> {
    let by = work.by();
    store::hold_draft(conn, by.case_id)?;
    let start = match start(conn, app, work)? {
        Ok(start) => start,
        Err(answer) => return Ok(Holding::Answered(answer)),
    };
    let doc = document::load_here(by.case_id, &start.head, start.loading)?;
    let context = start.facts.context(by, app);
    let (from, landing) = (start.head.clone(), start.facts.admission.landing);
    let on = On { doc, from, landing, late: start.late };
    let verdict = match judge(work, &on, &context) {
        Ok(passed) => passed,
        // Nothing was written; what is kept of the push is kept by a transaction of its own.
        Err(refused) => return Ok(Holding::Refused(refused)),
    };
    if verdict.admitted.rows.is_empty() {
        let landed = Landed::nothing(start.head, start.facts.last_seq);
        return Ok(Holding::Answered(work.answer(conn, &landed)?));
    }
    let prepared = prepare(start.head, start.facts.admission.landing, verdict)?;
    let outcome = landing::store_in(conn, app, work, &prepared)?;
    Ok(Holding::Stored(outcome, Box::new(prepared)))
}

/// Remembers the document that an append led to.
fn keep<A: Append>(app: &App, work: &A, outcome: &Outcome, prepared: &Prepared) {
    if matches!(outcome, Outcome::Answered(_)) && prepared.landing == Landing::Draft {
        let doc = prepared.doc.clone();
        app.drafts.keep(work.by().case_id, &prepared.to, doc, prepared.saved);
    }
}

/// Reads what a try starts from, or the answer from before. Everything is read as of the one head, so
/// that it fits together although other transactions go on.
fn start<A: Append>(
    conn: &mut Conn,
    app: &App,
    work: &A,
) -> Result<Result<Start, Vec<u8>>, ApiError> {
    let by = work.by();
    if let Some(answer) = store::find_push(conn, by.author.person, &by.key)? {
        return Ok(Err(answer));
    }
    let head = store::find_head(conn, by.case_id)?.ok_or_else(ApiError::not_found)?;
    let admission = work.check(conn, &head)?;
    go_on(conn, app, by, head, admission).map(Ok)
}

/// The rest of what a try starts from, for somebody who may append to this head.
pub(super) fn go_on(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    head: Head,
    admission: Admission,
) -> Result<Start, ApiError> {
    let mut last_seq = store::last_seq(conn, by.case_id, &by.actor, head.lsn)?;
    let late = match admission.landing {
        Landing::Draft => None,
        Landing::Late => store::find_late(conn, by.case_id, &by.actor, &head)?,
    };
    if let Some(late) = &late {
        last_seq = last_seq.max(late.last_seq);
    }
    let loading = document::find(conn, app, by.case_id, &head)?;
    Ok(Start { head, facts: Facts { admission, last_seq }, loading, late })
}

/// What changes are judged on.
struct On {
    doc: Arc<Automerge>,
    /// Where the draft stands, and whether it is what grows.
    from: Head,
    landing: Landing,
    /// Earlier work of the same actor that is held beside the draft.
    late: Option<store::Late>,
}

/// What the gate said.
struct Verdict {
    admitted: Admitted,
    snapshot: Option<Vec<u8>>,
    conflicts: Vec<Conflict>,
    amends: Vec<FieldDifference>,
}

enum Refused {
    Request(ApiError),
    Gate { rejection: Rejection, changes: Vec<Vec<u8>> },
}

impl Refused {
    /// The refusal as it is answered, after what is kept of the push is kept.
    async fn told(self, app: &App, by: &Appender) -> ApiError {
        match self {
            Self::Request(error) => error,
            Self::Gate { rejection, changes } => {
                refuse::rejected(app, by, &changes, rejection).await
            }
        }
    }
}

fn judge<A: Append>(work: &A, on: &On, context: &PushContext) -> Result<Verdict, Refused> {
    let changes = work.changes(&on.doc, context.roles).map_err(Refused::Request)?;
    let slices: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
    let admit = || {
        let view = on.view()?;
        let base = view.as_ref().unwrap_or(&on.doc);
        let mut admitted = gate::admit(base, context, &slices)?;
        let snapshot = if on.is_due(&admitted.rows) {
            prove(base, &mut admitted)?;
            admitted.snapshot().filter(|_| on.landing == Landing::Draft)
        } else {
            None
        };
        let conflicts = if admitted.contested { conflict::list(&admitted.doc) } else { Vec::new() };
        let pinned = on.from.pin.is_some();
        let amends = if pinned { changed(&on.doc, &admitted.doc)? } else { Vec::new() };
        Ok(Verdict { admitted, snapshot, conflicts, amends })
    };
    let verdict = std::panic::catch_unwind(std::panic::AssertUnwindSafe(admit));
    verdict
        .unwrap_or_else(|_| Err(panicked()))
        .map_err(|rejection| Refused::Gate { rejection, changes })
}

/// Loads what was let in. If what was there before does not load either, this push is not to blame: it is
/// stored as a change, which can always be applied, and the draft goes on without a new snapshot.
fn prove(base: &Automerge, admitted: &mut Admitted) -> Result<(), Rejection> {
    match admitted.reload() {
        Err(rejection) if !gate::reloads(base) => {
            let rule = rejection.rule.code();
            tracing::error!(rule, "a draft does not load any more and gets no snapshot");
            metrics::counter!("chakan_draft_snapshots_failed_total").increment(1);
            Ok(())
        }
        outcome => outcome,
    }
}

impl On {
    /// Whether these changes are loaded now: with a snapshot in the draft, always where they are held
    /// beside it, since no snapshot follows there.
    fn is_due(&self, rows: &[AdmittedChange]) -> bool {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let bytes = count(rows.iter().map(|row| row.bytes.len()).sum());
        let due = self.landing == Landing::Late || self.from.snapshot_due(count(rows.len()), bytes);
        due && !rows.is_empty()
    }

    /// The draft with what is held of the actor on top, if anything is.
    fn view(&self) -> Result<Option<Automerge>, Rejection> {
        let Some(late) = self.late.as_ref().filter(|late| !late.changes.is_empty()) else {
            return Ok(None);
        };
        let held: Vec<&[u8]> = late.changes.iter().map(|change| change.bytes.as_slice()).collect();
        gate::receive(&self.doc, &held).map(Some)
    }
}

fn changed(before: &Automerge, after: &Automerge) -> Result<Vec<FieldDifference>, Rejection> {
    let read = |doc| Draft::read(doc).map_err(|fault| refuse::unreadable(&fault));
    Ok(difference::between(&read(before)?, &read(after)?))
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

fn prepare(from: Head, landing: Landing, verdict: Verdict) -> Result<Prepared, ApiError> {
    let Verdict { admitted, snapshot, conflicts, amends } = verdict;
    if admitted.saved > MOST_SAVED_BYTES {
        return Err(refuse::problem(&SyncRefusal::TooLarge).fact("rule", Rule::DraftFull.code()));
    }
    let size = |n: usize| u64::try_from(n).map_err(ApiError::internal);
    let bytes = size(admitted.rows.iter().map(|row| row.bytes.len()).sum())?;
    let changes = size(admitted.rows.len())?;
    let due = snapshot.is_some();
    let lsn = from.lsn + changes;
    let to = match landing {
        // The draft stays as it is; its row is only held, so that nobody moves it meanwhile.
        Landing::Late => from.clone(),
        Landing::Draft => Head {
            lsn,
            heads: admitted.heads,
            max_op: from.max_op.max(admitted.max_op),
            snapshot_lsn: if due { lsn } else { from.snapshot_lsn },
            tail_bytes: if due { 0 } else { from.tail_bytes + bytes },
            ..from.clone()
        },
    };
    Ok(Prepared {
        from,
        to,
        landing,
        rows: admitted.rows,
        last_seq: admitted.last_seq,
        snapshot,
        conflicts,
        amends,
        doc: Arc::new(admitted.doc),
        saved: if admitted.reloaded { admitted.saved } else { drafts::grown(admitted.saved) },
    })
}

/// The refusal of somebody who sees the case but does not work on it.
pub(super) fn not_a_writer() -> ApiError {
    ApiError::new(Code::Forbidden).detail("you are not among those who work on this draft")
}

#[cfg(test)]
mod tests {
    use sync_core::{
        automerge::{Change, ReadDoc, legacy::OpId},
        edit::{DraftEditor, Writer},
        model::{Seed, schema::Role, seed},
        time::Instant,
    };
    use uuid::Uuid;

    use super::*;

    const AT: Instant = Instant(1_780_000_000_000);

    fn surveyor() -> Writer {
        let person = PersonId(Uuid::from_u128(5));
        let roles = Roles::NONE.with(Role::Surveyor);
        Writer { actor: ActorId::from([5; 16]), person, roles }
    }

    fn place(doc: &mut Automerge, name: &str) -> Change {
        let writer = surveyor();
        let mut pen = DraftEditor::new(doc, &writer, AT).unwrap();
        pen.set_scene("place", name).unwrap();
        doc.get_last_local_change().unwrap()
    }

    fn let_in(doc: &Automerge, last_seq: u64, change: &Change) -> Admitted {
        let Writer { actor, person, roles } = surveyor();
        let context = PushContext { actor, person, roles, last_seq, now: AT };
        gate::admit(doc, &context, &[change.raw_bytes()]).unwrap()
    }

    #[test]
    fn a_draft_that_does_not_load_any_more_loses_nothing_that_comes_after() {
        let sound = seed(&Seed {
            case_id: Uuid::from_u128(1).into(),
            actor: ActorId::from([1; 16]),
            at: AT,
            vehicles: Vec::new(),
            checklist: Vec::new(),
        })
        .unwrap();
        let mut device = sound.clone();
        let change = place(&mut device, "x");
        let admitted = let_in(&sound, 0, &change);
        assert_eq!(admitted.snapshot(), None, "nobody has loaded it");
        let mut honest = admitted.clone();
        prove(&sound, &mut honest).unwrap();
        assert!(gate::load(&honest.snapshot().unwrap()).is_ok());

        // It overwrites what nobody wrote: it can be applied, and what comes out cannot be loaded.
        let mut wrong = change.decode();
        wrong.operations[0].pred = vec![OpId::new(9_998, &ActorId::from([1; 16]))].into();
        let mut broken = sound.clone();
        broken.apply_changes([Change::from(wrong)]).unwrap();
        let mut blamed = Admitted { doc: broken.clone(), ..admitted };
        assert_eq!(prove(&sound, &mut blamed).unwrap_err().rule, Rule::Unloadable);

        let mut device = broken.clone();
        let after = place(&mut device, "y");
        let mut stored = let_in(&broken, 1, &after);
        prove(&broken, &mut stored).unwrap();
        assert_eq!((stored.rows.len(), stored.snapshot()), (1, None));
        assert!(stored.doc.get_missing_deps(&[]).is_empty());
    }
}
