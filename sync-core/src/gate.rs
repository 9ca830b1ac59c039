//! Everything that changes from a device must pass before the live draft holds them.
//!
//! The CRDT library panics, hangs, allocates without bound or builds a document that cannot be loaded
//! again on crafted bytes, and it leaves authorisation to its user. So a push goes through six steps
//! and stops at the first that fails; the live document is never touched:
//!
//! 1. preflight: an own bounded parser counts everything before anything is expanded;
//! 2. decode, and encode again: only the one canonical encoding of a change passes;
//! 3. header: the issued actor, the next sequence number, known dependencies, an exact counter;
//! 4. operations: each is what an honest editor would have written at that point of history, at a
//!    place of the schema, of the right type and size, by somebody who may write there;
//! 5. twin: all changes are applied to a copy in one batch;
//! 6. verify: the copy is saved, loaded and compared; what was loaded becomes the live document. Of a
//!    small push it is enough that the library, told the same edits, makes the very same changes and
//!    the same document: it is loaded later, before anything is stored that a reader starts from
//!    ([`Admitted::snapshot`]).
//!
//! The phone runs the same gate before it sends, and over what it receives.
//!
//! A push ends in bounded time because what can cost time is counted before it costs any (B33), and not
//! by a clock that would refuse honest work on a slow day:
//!
//! * bytes are bounded as sent and as inflated ([`limits::PUSH_BYTES`], [`limits::PUSH_INFLATED_BYTES`]),
//!   so is the number of changes ([`limits::PUSH_CHANGES`]);
//! * operations are counted from run lengths before anything is expanded, for each change and for the
//!   push ([`limits::CHANGE_OPS`], [`limits::PUSH_OPS`]): steps 2 and 4 do a bounded piece of work for each;
//! * dependencies and actors of a change are few, and history is walked once for a push, not once for a
//!   change: each change of the draft that the push does not build on is looked at once;
//! * the draft itself holds at most [`limits::DRAFT_OPS`] operations, which bounds steps 5 and 6 whatever
//!   was pushed before.
//!
//! `cargo bench -p tests --bench sync -- worst` measures pushes at these limits, by operation.

mod header;
mod ops;
mod preflight;
mod replay;
mod rule;
mod twin;

use std::collections::BTreeSet;

use automerge::{ActorId, Automerge, Change, ChangeHash, legacy::Op};

pub use rule::{Class, Rejection, Rule};

use crate::{ids::PersonId, limits, model::schema::Roles, time::Instant};
use header::Chain;
use ops::Shadow;

/// What the server knows about who pushes.
#[derive(Clone, Debug)]
pub struct PushContext {
    /// The actor that was issued to this device for this case.
    pub actor: ActorId,
    /// Who holds the token.
    pub person: PersonId,
    /// Their roles.
    pub roles: Roles,
    /// The last sequence number of this actor that is already in the draft; 0 for none.
    pub last_seq: u64,
    /// The server's clock.
    pub now: Instant,
}

/// A push that passed.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The draft with the push in it; takes the place of the live document after commit.
    pub doc: Automerge,
    /// The new changes in order, without those that were already known.
    pub rows: Vec<AdmittedChange>,
    /// How many changes of the push were already known.
    pub duplicates: usize,
    /// The heads of `doc`, sorted.
    pub heads: Vec<ChangeHash>,
    /// The highest operation counter among the new changes; 0 if there are none.
    pub max_op: u64,
    /// The actor's last sequence number after the push.
    pub last_seq: u64,
    /// How many bytes `doc` is when saved, not deflated; 0 if the push held nothing new.
    pub saved: usize,
    /// Whether [`crate::conflict::list`] could find anything in `doc`.
    pub contested: bool,
    /// Whether `doc` was saved and loaded for this push.
    pub reloaded: bool,
}

impl Admitted {
    /// `doc` as it is stored for readers to start from: only what was loaded once.
    #[must_use]
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        self.reloaded.then(|| self.doc.save())
    }

    /// Saves `doc` and loads it again, unless that was done. If it fails, `doc` stays as it was.
    ///
    /// # Errors
    /// [`Rule::Unloadable`], [`Rule::Diverged`], [`Rule::Unreadable`] or [`Rule::LibraryPanic`].
    pub fn reload(&mut self) -> Result<(), Rejection> {
        if !self.reloaded {
            let twin::Verified { doc, saved, contested } = twin::verify(&self.doc)?;
            (self.doc, self.saved, self.contested, self.reloaded) = (doc, saved, contested, true);
        }
        Ok(())
    }
}

/// One new change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedChange {
    /// Its hash.
    pub hash: ChangeHash,
    /// Its actor.
    pub actor: ActorId,
    /// Its number in the actor's chain, from 1.
    pub seq: u64,
    /// The changes that it builds on.
    pub deps: Vec<ChangeHash>,
    /// Its first operation counter.
    pub start_op: u64,
    /// Its last operation counter.
    pub max_op: u64,
    /// When it was made, by the device's clock: evidence, not truth.
    pub client_time: Instant,
    /// The change as stored and sent on, deflated where that is worth it.
    pub bytes: Vec<u8>,
    /// The places it writes to, sorted.
    pub paths: Vec<String>,
}

/// Lets a push into a copy of the draft, or says why not.
///
/// # Errors
/// The first [`Rejection`]; nothing of the push is in `doc` then.
pub fn admit(
    doc: &Automerge,
    context: &PushContext,
    changes: &[&[u8]],
) -> Result<Admitted, Rejection> {
    let (fresh, duplicates) = fresh_chunks(doc, changes)?;
    if fresh.is_empty() {
        return Ok(nothing_new(doc, context, duplicates));
    }
    let mut chain = Chain::new(doc, context);
    let mut shadow = Shadow::new(doc, context)?;
    let mut rows = Vec::with_capacity(fresh.len());
    let mut decoded = Vec::with_capacity(fresh.len());
    for (index, chunk) in &fresh {
        let (change, row) = check_change(&mut chain, &mut shadow, chunk)
            .map_err(|rejection| rejection.in_change(*index))?;
        rows.push(row);
        decoded.push(change);
    }
    let replayed = replay::replay(doc, &decoded);
    let twin = twin::apply(doc, decoded.into_iter().map(|(change, _)| change).collect())?;
    let compared = match replayed {
        Some(replayed) => twin::compare(twin, &replayed)?,
        None => Err(twin),
    };
    let (twin::Verified { doc, saved, contested }, reloaded) = match compared {
        Ok(same) => (same, false),
        Err(twin) => (twin::verify(&twin)?, true),
    };
    Ok(Admitted {
        reloaded,
        heads: doc.get_heads(),
        doc,
        duplicates,
        max_op: rows.last().map_or(0, |row| row.max_op),
        last_seq: rows.last().map_or(context.last_seq, |row| row.seq),
        rows,
        saved,
        contested,
    })
}

fn nothing_new(doc: &Automerge, context: &PushContext, duplicates: usize) -> Admitted {
    Admitted {
        doc: doc.clone(),
        rows: Vec::new(),
        duplicates,
        heads: doc.get_heads(),
        max_op: 0,
        last_seq: context.last_seq,
        saved: 0,
        contested: true,
        reloaded: false,
    }
}

/// Takes changes that the server sent into a copy of the document. Framing, sizes and encoding are
/// checked as for a push; who may write what is the server's to say.
///
/// # Errors
/// The first [`Rejection`].
pub fn receive(doc: &Automerge, changes: &[&[u8]]) -> Result<Automerge, Rejection> {
    let mut budget = limits::REPLY_BYTES;
    let mut decoded = Vec::new();
    for (index, bytes) in changes.iter().enumerate() {
        let chunk = preflight::chunk(bytes, &mut budget)
            .map_err(|rule| Rejection::new(rule).in_change(index))?;
        if doc.get_change_meta_by_hash(&chunk.hash).is_none() {
            let (change, _) =
                twin::decode(&chunk).map_err(|rejection| rejection.in_change(index))?;
            decoded.push(change);
        }
    }
    if decoded.is_empty() { Ok(doc.clone()) } else { twin::apply(doc, decoded) }
}

/// Loads a document that the server saved.
///
/// # Errors
/// [`Rule::PushTooLarge`], [`Rule::Unloadable`] or [`Rule::LibraryPanic`].
pub fn load(snapshot: &[u8]) -> Result<Automerge, Rejection> {
    if snapshot.len() > limits::REPLY_BYTES {
        return Err(Rejection::new(Rule::PushTooLarge));
    }
    twin::load(snapshot)
}

/// Whether a document is the same after it was saved and loaded.
#[must_use]
pub fn reloads(doc: &Automerge) -> bool {
    twin::verify(doc).is_ok()
}

/// Parses the framing of one change without giving it to the library: its hash, and how many
/// operations it holds.
///
/// # Errors
/// The [`Rule`] that it breaks.
pub fn inspect(change: &[u8]) -> Result<(ChangeHash, u64), Rule> {
    let mut budget = limits::PUSH_INFLATED_BYTES;
    preflight::chunk(change, &mut budget).map(|chunk| (chunk.hash, chunk.ops))
}

/// Takes changes that were stored one after the other apart again; nothing if they were not.
#[must_use]
pub fn split(joined: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = joined;
    let mut changes = Vec::new();
    while !rest.is_empty() {
        let length = preflight::framed_length(rest)?;
        let (change, others) = rest.split_at_checked(length)?;
        changes.push(change);
        rest = others;
    }
    Some(changes)
}

type Fresh = Vec<(usize, preflight::Chunk)>;

/// Preflight of the whole push; changes that are already known are counted and left out.
fn fresh_chunks(doc: &Automerge, changes: &[&[u8]]) -> Result<(Fresh, usize), Rejection> {
    if changes.len() > limits::PUSH_CHANGES {
        return Err(Rejection::new(Rule::PushTooManyChanges));
    }
    if changes.iter().map(|bytes| bytes.len()).sum::<usize>() > limits::PUSH_BYTES {
        return Err(Rejection::new(Rule::PushTooLarge));
    }
    let mut budget = limits::PUSH_INFLATED_BYTES;
    let mut seen = BTreeSet::new();
    let mut fresh = Vec::new();
    for (index, bytes) in changes.iter().enumerate() {
        let chunk = preflight::chunk(bytes, &mut budget)
            .map_err(|rule| Rejection::new(rule).in_change(index))?;
        let known = doc.get_change_meta_by_hash(&chunk.hash).is_some();
        if !known && seen.insert(chunk.hash) {
            fresh.push((index, chunk));
        }
    }
    // Each operation costs, however few bytes it takes: a column of equal values is two bytes long.
    if fresh.iter().map(|(_, chunk)| chunk.ops).fold(0, u64::saturating_add) > limits::PUSH_OPS {
        return Err(Rejection::new(Rule::PushTooManyOps));
    }
    let duplicates = changes.len().saturating_sub(fresh.len());
    Ok((fresh, duplicates))
}

fn check_change(
    chain: &mut Chain<'_>,
    shadow: &mut Shadow<'_>,
    chunk: &preflight::Chunk,
) -> Result<((Change, Vec<Op>), AdmittedChange), Rejection> {
    chain.check_cheap(chunk)?;
    let (mut change, operations) = twin::decode(chunk)?;
    let known_deps = chain.check_history(&change)?;
    let paths = shadow.check(&change, &operations, &known_deps)?;
    chain.accept(&change);
    let row = AdmittedChange {
        hash: change.hash(),
        actor: change.actor_id().clone(),
        seq: change.seq(),
        deps: change.deps().to_vec(),
        start_op: change.start_op().get(),
        max_op: change.max_op(),
        client_time: Instant(change.timestamp()),
        bytes: change.bytes().into_owned(),
        paths,
    };
    Ok(((change, operations), row))
}

#[cfg(test)]
mod tests;
