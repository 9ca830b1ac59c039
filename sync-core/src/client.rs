//! The phone's engine, without IO: it keeps what is only on this phone, says what to send next, and
//! takes what came back. The app moves the bytes, signs pushes and tells the time; it may be killed at
//! any moment, and goes on from its [`Store`].
//!
//! One request carries commands, drafts and announcements together, each with its own result, so that
//! nothing waits behind something else that is refused. Photos are uploaded when nothing smaller waits:
//! first all previews, then the originals.

mod backoff;
pub mod drive;
mod media;
mod saved;
mod store;
mod typing;
pub mod wire;

use std::collections::BTreeMap;

pub use backoff::Backoff;
pub use media::{Media, Stage, WaitingPhoto};
pub use store::{MemoryStore, Store, StoreFault};
pub use typing::Typing;
pub use wire::{DraftPush, PhoneReply, PhoneRequest};

use crate::{
    conflict::Conflict,
    edit::{DraftEditor, EditRefusal, Writer},
    ids::{CaseId, PhotoId},
    limits,
    model::{
        ActorId,
        schema::{Path, Scalar},
    },
    outbox::{IdTaken, Outbox, OutboxItem},
    protocol::{Effect, Fresh, Lock, OpenFault, Session, SyncRefusal},
    recover::HeldEdit,
    time::{Instant, Span},
};

/// Most drafts of one request; what is more follows in the next.
const MOST_DRAFTS: usize = 50;

/// Everything that a phone has of its cases.
pub struct Engine<S> {
    store: S,
    drafts: BTreeMap<CaseId, Held>,
    outbox: Outbox,
    media: Media,
    typing: Typing,
    feed: Option<String>,
    backoff: Backoff,
    /// Whether the feed is to be asked although nothing waits.
    look: bool,
}

/// One case's draft on the phone.
struct Held {
    /// None while the draft was never fetched.
    session: Option<Session>,
    /// Whether the server must be asked for an actor before anything else.
    needs_actor: bool,
    /// Whether an exchange is due although nothing waits.
    pull: bool,
    /// Places that the server refused: they are not written again.
    refused: Vec<Path>,
    /// What could not be written again: a person has to look.
    held: Vec<HeldEdit>,
    conflicts: Vec<Conflict>,
    lock: Lock,
    /// How many changes wait on the server for whoever works on the case now.
    late: u64,
}

/// What the app is to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Ask for an actor of this case, in place of the old one if there is one, and call
    /// [`Engine::issued`].
    Issue {
        /// The case.
        case_id: CaseId,
        /// The actor that can write no more.
        replaces: Option<ActorId>,
    },
    /// Sign the pushes, send this, and call [`Engine::answered`] or [`Engine::failed`].
    Sync(Box<PhoneRequest>),
    /// Upload the preview or the original of a photo, and call [`Engine::uploaded`].
    Upload {
        /// The photo.
        photo: PhotoId,
        /// [`Stage::Announced`]: its preview; [`Stage::Previewed`]: its original.
        stage: Stage,
    },
    /// Nothing before this instant.
    Wait(Instant),
    /// Nothing to do.
    Idle,
}

/// What the server gives with an actor.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Who writes.
    pub writer: Writer,
    /// The draft's epoch.
    pub epoch: u32,
    /// The log number of the draft.
    pub cursor: u64,
    /// The actor's last sequence number.
    pub last_seq: u64,
    /// The draft.
    pub snapshot: Vec<u8>,
}

/// Something that is only on this phone.
#[derive(Clone, Debug, PartialEq)]
pub enum Unsent {
    /// A command.
    Command(OutboxItem),
    /// A command that the server refused and nobody has looked at.
    Refused(OutboxItem),
    /// So many changes of a draft.
    Changes(CaseId, usize),
    /// A field that is being typed into.
    Typing(CaseId, Path),
    /// An edit that could not be written again.
    Edit(CaseId, HeldEdit),
    /// A photo whose original the server has not.
    Photo(PhotoId),
}

/// Why the engine did not do something.
#[derive(Debug, thiserror::Error)]
pub enum EngineFault {
    /// The phone cannot store. Nothing was done that is not stored.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// What is stored, or what the server sent, is no draft.
    #[error(transparent)]
    Open(#[from] OpenFault),
    /// The edit is not possible.
    #[error(transparent)]
    Edit(#[from] EditRefusal),
    /// The command's id names another one.
    #[error(transparent)]
    IdTaken(#[from] IdTaken),
    /// The case is not on this phone.
    #[error("the draft of this case is not on this phone")]
    NotHere,
    /// What is stored cannot be read.
    #[error("what is stored under {0} cannot be read")]
    Damaged(String),
}

impl<S: Store> Engine<S> {
    /// The engine as it was stored. `seed` is some number that differs from phone to phone.
    ///
    /// # Errors
    /// [`EngineFault::Store`], [`EngineFault::Damaged`], [`EngineFault::Open`].
    pub fn open(store: S, seed: u64) -> Result<Self, EngineFault> {
        let mut engine = Self {
            store,
            drafts: BTreeMap::new(),
            outbox: Outbox::default(),
            media: Media::default(),
            typing: Typing::default(),
            feed: None,
            backoff: Backoff::new(seed),
            look: true,
        };
        saved::restore(&mut engine)?;
        Ok(engine)
    }

    /// The storage, for tests and for platforms that keep it themselves.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Wants a case on this phone.
    pub fn want(&mut self, case_id: CaseId) {
        self.drafts.entry(case_id).or_insert_with(Held::wanted);
    }

    /// The draft of a case as this phone has it.
    #[must_use]
    pub fn session(&self, case_id: CaseId) -> Option<&Session> {
        self.drafts.get(&case_id)?.session.as_ref()
    }

    /// Conflicts of a case that wait for a person, and whether it may be written to.
    #[must_use]
    pub fn standing(&self, case_id: CaseId) -> Option<(&[Conflict], Lock, u64)> {
        let held = self.drafts.get(&case_id)?;
        Some((&held.conflicts, held.lock, held.late))
    }

    /// Notes a command.
    ///
    /// # Errors
    /// [`EngineFault::IdTaken`], [`EngineFault::Store`].
    pub fn note(&mut self, item: OutboxItem) -> Result<(), EngineFault> {
        self.outbox.push(item)?;
        saved::outbox(self)
    }

    /// Forgets a refused command once a person has seen it.
    ///
    /// # Errors
    /// [`EngineFault::Store`].
    pub fn dismiss(&mut self, id: crate::ids::EventId) -> Result<(), EngineFault> {
        self.outbox.dismiss(id);
        saved::outbox(self)
    }

    /// Takes a photo into the queue.
    ///
    /// # Errors
    /// [`EngineFault::Store`].
    pub fn add_photo(&mut self, photo: WaitingPhoto) -> Result<(), EngineFault> {
        self.media.push(photo);
        saved::media(self)
    }

    /// A field shows another value: kept at once, and made a change when the field is left.
    ///
    /// # Errors
    /// [`EngineFault::NotHere`], [`EngineFault::Store`].
    pub fn type_in(
        &mut self,
        case_id: CaseId,
        path: Path,
        value: Scalar,
        now: Instant,
    ) -> Result<(), EngineFault> {
        self.session(case_id).ok_or(EngineFault::NotHere)?;
        self.typing.type_in(case_id, path, value, now);
        saved::typing(self)
    }

    /// A form is left: what was typed into this case becomes changes.
    ///
    /// # Errors
    /// [`EngineFault::Edit`], [`EngineFault::Store`]; what was typed stays typed then.
    pub fn leave(&mut self, case_id: CaseId, now: Instant) -> Result<(), EngineFault> {
        let fields = self.typing.of(case_id);
        self.commit(case_id, &fields, now)
    }

    fn commit(
        &mut self,
        case_id: CaseId,
        fields: &[(Path, Scalar)],
        now: Instant,
    ) -> Result<(), EngineFault> {
        if fields.is_empty() {
            return Ok(());
        }
        self.edit(case_id, now, |pen| typing::write(pen, fields))?;
        self.typing.done(case_id, fields);
        saved::typing(self)
    }

    /// Writes into a draft at once.
    ///
    /// # Errors
    /// [`EngineFault::NotHere`], [`EngineFault::Edit`], [`EngineFault::Store`].
    pub fn edit<T>(
        &mut self,
        case_id: CaseId,
        now: Instant,
        work: impl FnOnce(&mut DraftEditor<'_>) -> Result<T, EditRefusal>,
    ) -> Result<T, EngineFault> {
        let held = self.drafts.get_mut(&case_id).ok_or(EngineFault::NotHere)?;
        let session = held.session.as_mut().ok_or(EngineFault::NotHere)?;
        let done = work(&mut session.edit(now)?)?;
        saved::draft(self, case_id)?;
        Ok(done)
    }

    /// Somebody said that something changed, or the network is back.
    pub fn look(&mut self) {
        self.look = true;
        self.backoff.reset();
    }

    /// What to do next. Asking again gives the same until something happened.
    ///
    /// # Errors
    /// [`EngineFault::Store`]; [`EngineFault::Edit`] when what was typed does not fit.
    pub fn next(&mut self, now: Instant) -> Result<Next, EngineFault> {
        for (case_id, fields) in self.typing.ripe(now) {
            self.commit(case_id, &fields, now)?;
        }
        if let Some(until) = self.backoff.wait(now) {
            return Ok(Next::Wait(until));
        }
        let request = self.request(now);
        if !request.is_empty() || self.look {
            return Ok(Next::Sync(Box::new(request)));
        }
        let needs = self.drafts.iter().find(|(_, held)| held.needs_actor);
        if let Some((case_id, held)) = needs {
            let replaces = held.session.as_ref().map(|session| session.writer().actor.clone());
            return Ok(Next::Issue { case_id: *case_id, replaces });
        }
        Ok(match self.media.next() {
            Some((photo, stage)) => Next::Upload { photo: photo.id, stage },
            None => Next::Idle,
        })
    }

    fn request(&self, now: Instant) -> PhoneRequest {
        let due = self.drafts.iter().filter(|(_, held)| held.is_due()).take(MOST_DRAFTS);
        let push = |(case_id, held): (&CaseId, &Held)| {
            let session = held.session.as_ref()?;
            Some(DraftPush::new(*case_id, session.next_request()))
        };
        // Together no more than one request may hold: at least one draft goes.
        let mut bytes = 0_usize;
        let mut drafts = Vec::new();
        for push in due.filter_map(push) {
            bytes =
                bytes.saturating_add(push.request.changes.iter().map(|blob| blob.0.len()).sum());
            if bytes > limits::REQUEST_BYTES && !drafts.is_empty() {
                break;
            }
            drafts.push(push);
        }
        PhoneRequest {
            device_now: now,
            commands: self.outbox.next_batch(),
            drafts,
            manifests: self.media.to_announce(),
            feed: self.feed.clone(),
        }
    }

    /// No answer came, or none for the whole request. `wait` is what the server asked for.
    pub fn failed(&mut self, now: Instant, wait: Option<Span>) {
        self.backoff.failed(now, wait);
    }

    /// Takes the answer to a request.
    ///
    /// # Errors
    /// [`EngineFault::Store`]: what was not stored is asked for again.
    pub fn answered(
        &mut self,
        now: Instant,
        request: &PhoneRequest,
        reply: PhoneReply,
    ) -> Result<(), EngineFault> {
        let mut again = false;
        let results = reply.results();
        self.outbox.mark(&results);
        saved::outbox(self)?;
        let retry =
            |result: &crate::outbox::ItemResult| result.outcome == crate::outbox::Outcome::Retry;
        again |= results.iter().any(retry) || results.len() < request.commands.len();
        for push in &request.drafts {
            let mut answers = reply.drafts.iter();
            let answer = answers.find(|answer| answer.case_id == Some(push.case_id));
            again |= !self.take_draft(push, answer.cloned())?;
        }
        for (case_id, photos) in &request.manifests {
            let mut answers = reply.manifests.iter();
            let answer = answers.find(|answer| answer.case_id == Some(*case_id));
            let Some(manifest) = answer.and_then(|answer| answer.reply.as_ref()) else {
                again = true;
                continue;
            };
            let ids: Vec<PhotoId> = manifest.photos.iter().map(|photo| photo.id).collect();
            let here = manifest.photos.iter().filter(|photo| photo.received);
            let here: Vec<String> = here.map(|photo| photo.sha256.clone()).collect();
            self.media.announced(*case_id, &ids, &here);
            again |= ids.len() < photos.len();
        }
        saved::media(self)?;
        self.look = false;
        if let Some(feed) = reply.feed {
            self.follow(feed)?;
        }
        if again {
            self.backoff.failed(now, None)
        } else {
            self.backoff.reset()
        }
        Ok(())
    }

    /// What changed elsewhere is pulled.
    fn follow(&mut self, feed: wire::Feed) -> Result<(), EngineFault> {
        for (case_id, held) in &mut self.drafts {
            let told = |change: &wire::FeedChange| change.case_id == *case_id;
            held.pull |= feed.reset || feed.changes.iter().any(told);
        }
        self.look = feed.more;
        self.feed = Some(feed.cursor);
        saved::feed(self)
    }

    /// Takes the answer for one draft; whether it need not be asked again after a pause.
    fn take_draft(
        &mut self,
        push: &DraftPush,
        answer: Option<wire::DraftAnswer>,
    ) -> Result<bool, EngineFault> {
        let Some(held) = self.drafts.get_mut(&push.case_id) else { return Ok(true) };
        let Some(session) = held.session.as_mut() else { return Ok(true) };
        if session.writer().actor != push.request.actor {
            // It was given up meanwhile.
            return Ok(true);
        }
        let Some(answer) = answer else { return Ok(false) };
        let effects = match (answer.reply, answer.problem) {
            (Some(reply), _) => {
                (held.lock, held.late) = (reply.lock, reply.late);
                session.apply_reply(reply)
            }
            (None, Some(problem)) => match problem.sync_refusal() {
                Some(refusal) if problem.status < 500 => {
                    if let SyncRefusal::Quarantined(told) = &refusal {
                        held.refused.extend(told.path.as_deref().and_then(Path::parse));
                    }
                    session.refused(&refusal)
                }
                _ => return Ok(false),
            },
            (None, None) => return Ok(false),
        };
        let mut fine = true;
        held.pull = false;
        for effect in effects {
            match effect {
                Effect::Send => held.pull = true,
                Effect::ShowConflicts(conflicts) => held.conflicts = conflicts,
                Effect::GetActor | Effect::Reopen => held.needs_actor = true,
                Effect::TryLater(_) | Effect::WaitForUnlock => {
                    held.pull = true;
                    fine = false;
                }
                Effect::Save | Effect::InStep => {}
            }
        }
        saved::draft(self, push.case_id)?;
        Ok(fine)
    }

    /// Takes an actor that the server issued; work that was not sent is written again under it.
    ///
    /// # Errors
    /// [`EngineFault::Open`]; [`EngineFault::Store`].
    pub fn issued(
        &mut self,
        case_id: CaseId,
        issued: Issued,
        now: Instant,
    ) -> Result<(), EngineFault> {
        let held = self.drafts.entry(case_id).or_insert_with(Held::wanted);
        let Issued { writer, epoch, cursor, last_seq, snapshot } = issued;
        let session = match held.session.take() {
            None => Session::open(&snapshot, writer, epoch, cursor, last_seq),
            Some(old) => {
                let fresh = Fresh { snapshot: &snapshot, writer, epoch, cursor };
                match old.recover(fresh, now, &held.refused) {
                    Ok((session, more)) => {
                        held.held.extend(more);
                        Ok(session)
                    }
                    Err(fault) => {
                        // What is on this phone stays as it is.
                        held.session = Some(old);
                        Err(fault)
                    }
                }
            }
        }?;
        held.session = Some(session);
        (held.needs_actor, held.pull) = (false, true);
        saved::draft(self, case_id)
    }

    /// An upload is done: a preview, or an original whose receipt the app has verified.
    ///
    /// # Errors
    /// [`EngineFault::Store`].
    pub fn uploaded(&mut self, photo: PhotoId, stage: Stage) -> Result<(), EngineFault> {
        self.media.uploaded(photo, stage);
        saved::media(self)
    }

    /// Everything that is only on this phone: what would be lost with it.
    #[must_use]
    pub fn unsent(&self) -> Vec<Unsent> {
        let mut found: Vec<Unsent> = self.outbox.waiting().cloned().map(Unsent::Command).collect();
        found.extend(self.outbox.refused().iter().map(|(item, _)| Unsent::Refused(item.clone())));
        for (case_id, held) in &self.drafts {
            let pending = held.session.as_ref().map_or(0, Session::pending);
            found.extend((pending > 0).then_some(Unsent::Changes(*case_id, pending)));
            found.extend(held.held.iter().cloned().map(|edit| Unsent::Edit(*case_id, edit)));
        }
        found.extend(self.typing.list().into_iter().map(|t| Unsent::Typing(t.case_id, t.path)));
        found.extend(self.media.waiting().iter().map(|photo| Unsent::Photo(photo.id)));
        found
    }

    /// Commands that the server refused, with what it said.
    #[must_use]
    pub fn refused(&self) -> &[(OutboxItem, crate::outbox::Outcome)] {
        self.outbox.refused()
    }

    /// Photos whose originals the server has not.
    #[must_use]
    pub fn photos(&self) -> &[WaitingPhoto] {
        self.media.waiting()
    }

    /// A person has looked at the edits of a case that could not be written again.
    ///
    /// # Errors
    /// [`EngineFault::Store`].
    pub fn seen(&mut self, case_id: CaseId) -> Result<(), EngineFault> {
        if let Some(held) = self.drafts.get_mut(&case_id) {
            held.held.clear();
        }
        saved::draft(self, case_id)
    }
}

impl Held {
    fn wanted() -> Self {
        Self {
            session: None,
            needs_actor: true,
            pull: false,
            refused: Vec::new(),
            held: Vec::new(),
            conflicts: Vec::new(),
            lock: Lock::Open,
            late: 0,
        }
    }

    fn is_due(&self) -> bool {
        let pending = || self.session.as_ref().is_some_and(|session| session.pending() > 0);
        !self.needs_actor && (self.pull || pending())
    }
}

impl PhoneRequest {
    fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.drafts.is_empty() && self.manifests.is_empty()
    }
}

#[cfg(test)]
mod tests;
