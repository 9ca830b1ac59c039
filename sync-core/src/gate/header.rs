//! Step 3: the header of a change against what the server knows of its actor and of history.

use std::collections::{BTreeSet, HashMap};

use automerge::{Automerge, Change, ChangeHash, legacy::OpId};

use super::{PushContext, Rejection, Rule, preflight::Chunk};
use crate::limits;

/// The actor's chain of changes, as far as the push was checked.
pub(super) struct Chain<'d> {
    doc: &'d Automerge,
    context: &'d PushContext,
    last_seq: u64,
    last: Option<ChangeHash>,
    /// The highest operation counter of each change of the push.
    in_push: HashMap<ChangeHash, u64>,
    /// Changes of the draft that were looked up.
    in_doc: HashMap<ChangeHash, KnownDep>,
}

/// A change of the draft that the push builds on.
#[derive(Clone, Debug)]
pub(super) struct KnownDep {
    /// Its hash.
    pub hash: ChangeHash,
    /// Its last operation.
    pub last: OpId,
}

impl<'d> Chain<'d> {
    pub(super) fn new(doc: &'d Automerge, context: &'d PushContext) -> Self {
        Self {
            doc,
            context,
            last_seq: context.last_seq,
            last: None,
            in_push: HashMap::new(),
            in_doc: HashMap::new(),
        }
    }

    /// What can be said before the library decodes the change.
    pub(super) fn check_cheap(&self, chunk: &Chunk) -> Result<(), Rejection> {
        if chunk.actor != self.context.actor.to_bytes() {
            return Err(Rejection::new(Rule::ForeignActor));
        }
        let expected = self.last_seq.saturating_add(1);
        if chunk.seq < expected {
            return Err(
                Rejection::new(Rule::ActorReused).because(format!("sequence number {}", chunk.seq))
            );
        }
        if chunk.seq > expected {
            return Err(Rejection::seq_gap(expected).because(format!("got {}", chunk.seq)));
        }
        if chunk.ops == 0 {
            return Err(Rejection::new(Rule::EmptyChange));
        }
        let latest = self.context.now + limits::CLOCK_AHEAD;
        if chunk.time < 0 || chunk.time > latest.0 {
            return Err(Rejection::new(Rule::Stamp).because(chunk.time));
        }
        if chunk.start_op == 0 {
            return Err(Rejection::new(Rule::StartOp));
        }
        if chunk.start_op.saturating_add(chunk.ops) > limits::DRAFT_OPS {
            return Err(Rejection::new(Rule::DraftFull));
        }
        Ok(())
    }

    /// Dependencies, counter and chain; gives the dependencies that are in the draft.
    pub(super) fn check_history(&mut self, change: &Change) -> Result<Vec<KnownDep>, Rejection> {
        let distinct: BTreeSet<_> = change.deps().iter().collect();
        if distinct.len() != change.deps().len() {
            return Err(Rejection::new(Rule::DoubledDep));
        }
        let mut known = Vec::new();
        let mut highest = 0;
        for dep in change.deps() {
            let max_op = match self.in_push.get(dep) {
                Some(max_op) => *max_op,
                None => {
                    let dep = self.known_dep(dep)?;
                    let max_op = dep.last.counter();
                    known.push(dep);
                    max_op
                }
            };
            highest = highest.max(max_op);
        }
        if change.start_op().get() != highest.saturating_add(1) {
            let why = format!("{} instead of {}", change.start_op(), highest.saturating_add(1));
            return Err(Rejection::new(Rule::StartOp).because(why));
        }
        self.check_chain(change)?;
        Ok(known)
    }

    fn known_dep(&mut self, hash: &ChangeHash) -> Result<KnownDep, Rejection> {
        if let Some(known) = self.in_doc.get(hash) {
            return Ok(known.clone());
        }
        let meta = self
            .doc
            .get_change_meta_by_hash(hash)
            .ok_or_else(|| Rejection::new(Rule::UnknownDeps).because(hash))?;
        let known = KnownDep { hash: *hash, last: OpId::new(meta.max_op, &meta.actor) };
        self.in_doc.insert(*hash, known.clone());
        Ok(known)
    }

    /// The library's clocks assume that a change covers the actor's earlier ones.
    fn check_chain(&self, change: &Change) -> Result<(), Rejection> {
        let unbroken = match self.last {
            Some(last) => change.deps().contains(&last),
            None if self.last_seq == 0 => !change.deps().is_empty(),
            None => !self
                .doc
                .get_changes_meta(change.deps())
                .iter()
                .any(|meta| *meta.actor == self.context.actor),
        };
        if unbroken { Ok(()) } else { Err(Rejection::new(Rule::BrokenChain)) }
    }

    /// Takes a checked change into the chain.
    pub(super) fn accept(&mut self, change: &Change) {
        self.last_seq = change.seq();
        self.last = Some(change.hash());
        self.in_push.insert(change.hash(), change.max_op());
    }
}
