//! The device's side of the cursor protocol, without IO: it says what to send next and takes what
//! came back. The app moves the bytes and may lose, double or delay them as it likes.

use automerge::{Automerge, Change, ChangeHash};

use super::{Blob, Pull, SyncRefusal, SyncReply, SyncRequest, Want};
use crate::{
    conflict::Conflict,
    edit::{DraftEditor, EditRefusal, Writer},
    gate::{self, Rejection},
    limits,
    model::{Draft, ReadFault, schema::Path},
    recover::{self, HeldEdit, RecoverFault},
    time::Instant,
};

/// One draft on one device.
#[derive(Debug)]
pub struct Session {
    doc: Automerge,
    writer: Writer,
    epoch: u32,
    cursor: u64,
    /// The last own sequence number that the server is known to hold.
    acked_seq: u64,
    /// Heads that the server is known to hold.
    server_heads: Vec<ChangeHash>,
    mismatches: u32,
    standing: Standing,
}

/// Whether the session can go on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Going,
    NeedsActor,
    EpochOver,
}

/// What the app has to do after something came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store [`Session::save`] before anything else: the draft or what is known of the server changed.
    Save,
    /// Send [`Session::next_request`] now.
    Send,
    /// Device and server hold the same.
    InStep,
    /// Show these conflicts.
    ShowConflicts(Vec<Conflict>),
    /// This actor can write no more: get a new one and call [`crate::recover::rebase`].
    GetActor,
    /// The case has a new draft document: open it anew, and rebase what was not sent.
    Reopen,
    /// Nothing can be sent until the draft is unlocked.
    WaitForUnlock,
    /// What came back was not usable; try again later. It was not applied.
    TryLater(String),
}

/// What the server gives a device that goes on under a new actor.
#[derive(Clone, Debug)]
pub struct Fresh<'b> {
    /// The server's draft.
    pub snapshot: &'b [u8],
    /// The person and roles as before, with the actor that the server issued anew.
    pub writer: Writer,
    /// The draft's epoch.
    pub epoch: u32,
    /// The log number of the snapshot.
    pub cursor: u64,
}

/// Why a stored or fetched draft cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// The bytes are not a draft.
    #[error(transparent)]
    Bytes(#[from] Rejection),
    /// The document is not a draft of this schema.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// The unsent work cannot be written again.
    #[error(transparent)]
    Recover(Box<RecoverFault>),
}

impl Session {
    /// Opens a draft from a snapshot of the server, or from what [`Session::save`] gave. `last_seq` is
    /// what the server last said of this actor.
    ///
    /// # Errors
    /// [`OpenFault`] if the bytes are not a draft.
    pub fn open(
        snapshot: &[u8],
        writer: Writer,
        epoch: u32,
        cursor: u64,
        last_seq: u64,
    ) -> Result<Self, OpenFault> {
        let doc = gate::load(snapshot)?;
        Draft::read(&doc)?;
        Ok(Self {
            doc,
            writer,
            epoch,
            cursor,
            acked_seq: last_seq,
            server_heads: Vec::new(),
            mismatches: 0,
            standing: Standing::Going,
        })
    }

    /// Goes on under a new actor after [`Effect::GetActor`] or [`Effect::Reopen`]: opens the server's
    /// snapshot and writes again what the server does not hold, except the places in `hold`.
    ///
    /// # Errors
    /// [`OpenFault`]; this session is as it was.
    pub fn recover(
        &self,
        fresh: Fresh<'_>,
        at: Instant,
        hold: &[Path],
    ) -> Result<(Self, Vec<HeldEdit>), OpenFault> {
        let server = gate::load(fresh.snapshot)?;
        let recovered = recover::rebase(&server, &self.doc, &fresh.writer, at, hold)
            .map_err(|fault| OpenFault::Recover(Box::new(fault)))?;
        let mut session = Self::open(fresh.snapshot, fresh.writer, fresh.epoch, fresh.cursor, 0)?;
        session.doc = recovered.doc;
        Ok((session, recovered.held))
    }

    /// The draft's document.
    #[must_use]
    pub fn doc(&self) -> &Automerge {
        &self.doc
    }

    /// Who writes.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The draft's epoch.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The last log number seen.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The last own sequence number that the server is known to hold.
    #[must_use]
    pub fn acked_seq(&self) -> u64 {
        self.acked_seq
    }

    /// The document's bytes; with cursor, epoch and acknowledged number all that has to be stored.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        self.doc.save()
    }

    /// A pen for the draft.
    ///
    /// # Errors
    /// [`EditRefusal::Actor`] if this actor can write no more, [`EditRefusal::Clock`].
    pub fn edit(&mut self, at: Instant) -> Result<DraftEditor<'_>, EditRefusal> {
        if self.standing != Standing::Going {
            return Err(EditRefusal::Actor);
        }
        DraftEditor::new(&mut self.doc, &self.writer, at)
    }

    /// How many own changes the server is not known to hold.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending_changes(self.acked_seq).len()
    }

    /// The next request. Asking again gives the same until something comes back or is written.
    #[must_use]
    pub fn next_request(&self) -> SyncRequest {
        SyncRequest {
            epoch: self.epoch,
            actor: self.writer.actor.clone(),
            cursor: self.cursor,
            heads: self.doc.get_heads(),
            changes: first_chunk(self.pending_changes(self.acked_seq)),
            want: if self.mismatches >= 2 { Want::Snapshot } else { Want::Changes },
        }
    }

    /// Takes a reply.
    pub fn apply_reply(&mut self, reply: SyncReply) -> Vec<Effect> {
        if reply.epoch != self.epoch {
            return self.refused(&SyncRefusal::EpochOver);
        }
        if reply.cursor < self.cursor || reply.actor != self.writer.actor {
            // An older reply that came late; a newer one was already applied.
            return Vec::new();
        }
        let taken = match &reply.pull {
            Pull::Changes { changes, .. } => gate::receive(&self.doc, &blobs(changes)).map(Some),
            Pull::Snapshot(bytes) => self.rebuilt(&bytes.0, reply.last_seq),
        };
        match taken {
            Ok(Some(doc)) => self.doc = doc,
            Ok(None) => return self.needs_actor(),
            Err(rejection) => {
                self.mismatches = self.mismatches.saturating_add(1);
                return vec![Effect::TryLater(rejection.to_string())];
            }
        }
        self.cursor = reply.cursor;
        self.acknowledge(reply.last_seq);
        let mut effects = vec![Effect::Save];
        effects.extend(self.compare(&reply));
        effects.push(Effect::ShowConflicts(reply.conflicts));
        effects
    }

    /// Takes a refusal of a request that this session made.
    pub fn refused(&mut self, refusal: &SyncRefusal) -> Vec<Effect> {
        match refusal {
            SyncRefusal::SeqGap { expected_seq } if *expected_seq <= self.last_own_seq() + 1 => {
                // The server lost what it had acknowledged, or never had it: send from there.
                self.acknowledge(expected_seq.saturating_sub(1));
                vec![Effect::Save, Effect::Send]
            }
            SyncRefusal::ActorReused
            | SyncRefusal::SeqGap { .. }
            | SyncRefusal::UnknownDeps
            | SyncRefusal::TooLarge
            | SyncRefusal::Quarantined(_) => self.needs_actor(),
            SyncRefusal::EpochOver => {
                self.standing = Standing::EpochOver;
                vec![Effect::Reopen]
            }
            SyncRefusal::Locked => vec![Effect::WaitForUnlock],
        }
    }

    fn acknowledge(&mut self, last_seq: u64) {
        if last_seq < self.acked_seq {
            // The server holds less than it once said, so what it said of its heads is void, too.
            self.server_heads.clear();
        }
        self.acked_seq = last_seq;
    }

    fn needs_actor(&mut self) -> Vec<Effect> {
        self.standing = Standing::NeedsActor;
        vec![Effect::GetActor]
    }

    /// Whether device and server now differ by nothing but own changes that were not yet taken.
    fn compare(&mut self, reply: &SyncReply) -> Vec<Effect> {
        if reply.last_seq > self.last_own_seq() {
            // The actor wrote more than this device knows: it was restored from an old backup.
            return self.needs_actor();
        }
        if matches!(reply.pull, Pull::Changes { more: true, .. }) {
            return vec![Effect::Send];
        }
        let known = |head: &ChangeHash| self.doc.get_change_meta_by_hash(head).is_some();
        let same = reply.heads.iter().all(known)
            && self
                .doc
                .get_changes_meta(&reply.heads)
                .iter()
                .all(|meta| *meta.actor == self.writer.actor && meta.seq > reply.last_seq);
        if !same {
            self.mismatches = self.mismatches.saturating_add(1);
            return vec![Effect::Send];
        }
        self.mismatches = 0;
        self.server_heads.clone_from(&reply.heads);
        if self.pending() == 0 { vec![Effect::InStep] } else { vec![Effect::Send] }
    }

    /// The server's snapshot with what the server does not hold on top; nothing if that does not go
    /// together because the actor's numbers were used twice.
    fn rebuilt(&self, snapshot: &[u8], last_seq: u64) -> Result<Option<Automerge>, Rejection> {
        let server = gate::load(snapshot)?;
        let held = |change: &Change| server.get_change_meta_by_hash(&change.hash()).is_some();
        let mut own = self.pending_changes(0);
        let pending = own.split_off(own.partition_point(|change| change.seq() <= last_seq));
        if !own.iter().all(held) {
            return Ok(None);
        }
        let pending: Vec<&[u8]> = pending.iter().map(Change::raw_bytes).collect();
        Ok(gate::receive(&server, &pending).ok())
    }

    /// Own changes after a sequence number, in order.
    fn pending_changes(&self, after: u64) -> Vec<Change> {
        // The server may hold fewer than it once said, so its heads help only with later numbers.
        let have = if after >= self.acked_seq { self.server_heads.as_slice() } else { &[] };
        let mut pending = self.doc.get_changes(have);
        pending.retain(|change| *change.actor_id() == self.writer.actor && change.seq() > after);
        pending.sort_by_key(Change::seq);
        pending
    }

    fn last_own_seq(&self) -> u64 {
        self.doc
            .get_changes_meta(&[])
            .iter()
            .filter(|meta| *meta.actor == self.writer.actor)
            .map(|meta| meta.seq)
            .max()
            .unwrap_or(0)
    }
}

fn blobs(changes: &[Blob]) -> Vec<&[u8]> {
    changes.iter().map(|blob| blob.0.as_slice()).collect()
}

/// As many changes as fit into one request, at least one.
fn first_chunk(pending: Vec<Change>) -> Vec<Blob> {
    let mut bytes = 0_usize;
    let mut chunk = Vec::new();
    for mut change in pending.into_iter().take(limits::REQUEST_CHANGES) {
        let encoded = change.bytes().into_owned();
        bytes = bytes.saturating_add(encoded.len());
        if bytes > limits::REQUEST_BYTES && !chunk.is_empty() {
            break;
        }
        chunk.push(Blob(encoded));
    }
    chunk
}
