//! What a change of the push could see: the live document at the change's dependencies, with the
//! push's own earlier changes on top.

use std::collections::{BTreeSet, HashMap, HashSet};

use automerge::{
    ActorId, Automerge, ChangeHash, ReadDoc,
    legacy::{ElementId, Op, OpId},
};

use super::{
    super::{Rejection, Rule, header::KnownDep},
    objects::{Place, Role, op_id},
};

/// The point of history that the push has reached.
pub(super) struct History<'d> {
    doc: &'d Automerge,
    /// Changes of the live document that, with all that they build on, are what the push builds on.
    clock: Vec<ChangeHash>,
    /// Changes of the live document that the push does not build on.
    unseen: HashMap<ChangeHash, Unseen>,
    /// The first operation of each actor that the push does not build on. An actor's changes are a
    /// chain, so all its later ones are not built on either.
    first_unseen: HashMap<ActorId, u64>,
    /// Counts the moves of `clock`, so that what was read before one is read again.
    moves: usize,
    fields: HashMap<(OpId, &'static str), Standing>,
    texts: HashMap<OpId, Live>,
}

/// A change that the push does not build on.
struct Unseen {
    actor: ActorId,
    max_op: u64,
    deps: Vec<ChangeHash>,
}

/// What stands at a key.
#[derive(Default)]
struct Standing {
    moves: usize,
    in_doc: BTreeSet<OpId>,
    overwritten: BTreeSet<OpId>,
    own: Option<OpId>,
}

/// The elements of a text that are not deleted.
#[derive(Default)]
struct Live {
    moves: usize,
    elements: HashSet<OpId>,
    deleted: HashSet<OpId>,
    inserted: HashSet<OpId>,
}

impl<'d> History<'d> {
    pub(super) fn new(doc: &'d Automerge) -> Self {
        Self {
            doc,
            clock: Vec::new(),
            unseen: HashMap::new(),
            first_unseen: HashMap::new(),
            moves: 0,
            fields: HashMap::new(),
            texts: HashMap::new(),
        }
    }

    /// Moves to a change that builds on these changes of the live document, too. Over a whole push
    /// this costs no more than one look at each change that the first one did not build on.
    pub(super) fn advance(&mut self, known_deps: &[KnownDep]) {
        if self.clock.is_empty() {
            self.begin(known_deps);
            return;
        }
        let mut ancestors: Vec<ChangeHash> = known_deps.iter().map(|dep| dep.hash).collect();
        let mut latest: HashMap<ActorId, (u64, ChangeHash)> = HashMap::new();
        while let Some(hash) = ancestors.pop() {
            let Some(change) = self.unseen.remove(&hash) else { continue };
            if let Some(first) = self.first_unseen.get_mut(&change.actor) {
                *first = change.max_op.saturating_add(1).max(*first);
            }
            ancestors.extend(change.deps);
            let newest = latest.entry(change.actor).or_insert((change.max_op, hash));
            *newest = (change.max_op, hash).max(*newest);
        }
        if !latest.is_empty() {
            // The newest change of each actor stands for all its earlier ones.
            let covered = |hash: &ChangeHash| {
                let actor =
                    self.doc.get_change_meta_by_hash(hash).map(|meta| meta.actor.into_owned());
                actor.is_some_and(|actor| latest.contains_key(&actor))
            };
            self.clock.retain(|hash| !covered(hash));
            self.clock.extend(latest.into_values().map(|(_, hash)| hash));
            self.moves = self.moves.saturating_add(1);
        }
    }

    fn begin(&mut self, known_deps: &[KnownDep]) {
        self.clock = known_deps.iter().map(|dep| dep.hash).collect();
        self.moves = 1;
        for meta in self.doc.get_changes_meta(&self.clock) {
            let actor = meta.actor.into_owned();
            let first = self.first_unseen.entry(actor.clone()).or_insert(meta.start_op);
            *first = meta.start_op.min(*first);
            let unseen = Unseen { actor, max_op: meta.max_op, deps: meta.deps };
            self.unseen.insert(meta.hash, unseen);
        }
    }

    /// Whether the push builds on this operation of the live document.
    pub(super) fn covers(&self, id: &OpId) -> bool {
        self.first_unseen.get(id.actor()).is_none_or(|first| id.counter() < *first)
    }

    /// How many items of the live document the push sees in a section.
    pub(super) fn count(&self, place: &Place) -> usize {
        place.exid.as_ref().map_or(0, |map| self.doc.length_at(map, &self.clock))
    }

    /// A write to a key: it must overwrite exactly what stands there.
    pub(super) fn overwrite(
        &mut self,
        place: &Place,
        name: &'static str,
        id: &OpId,
        op: &Op,
    ) -> Result<(), Rejection> {
        let Role::Fields { object } = &place.role else {
            return Err(Rejection::new(Rule::UnknownObject));
        };
        let standing = self.fields.entry((object.clone(), name)).or_default();
        if standing.moves != self.moves {
            standing.moves = self.moves;
            standing.in_doc = match &place.exid {
                Some(map) => self
                    .doc
                    .get_all_at(map, name, &self.clock)
                    .map_err(|fault| Rejection::new(Rule::UnknownObject).because(fault))?
                    .iter()
                    .filter_map(|(_, id)| op_id(id))
                    .collect(),
                None => BTreeSet::new(),
            };
        }
        let visible: BTreeSet<&OpId> =
            standing.in_doc.difference(&standing.overwritten).chain(&standing.own).collect();
        let overwritten: BTreeSet<&OpId> = op.pred.iter().collect();
        if visible != overwritten || op.pred.len() != overwritten.len() {
            return Err(Rejection::new(Rule::Pred));
        }
        standing.overwritten.extend(op.pred.iter().cloned());
        standing.own = Some(id.clone());
        Ok(())
    }

    /// A character put after an element.
    pub(super) fn insert(
        &mut self,
        place: &Place,
        text: &OpId,
        after: &ElementId,
        id: &OpId,
    ) -> Result<(), Rejection> {
        let live = self.live(place, text);
        if let ElementId::Id(after) = after
            && !live.elements.contains(after)
        {
            return Err(Rejection::new(Rule::TextElement));
        }
        live.elements.insert(id.clone());
        live.inserted.insert(id.clone());
        Ok(())
    }

    /// How many characters of a text that was written to are there now.
    pub(super) fn length(&self, text: &OpId) -> usize {
        self.texts.get(text).map_or(0, |live| live.elements.len())
    }

    /// A character taken away.
    pub(super) fn delete(
        &mut self,
        place: &Place,
        text: &OpId,
        target: &OpId,
    ) -> Result<(), Rejection> {
        let live = self.live(place, text);
        if !live.elements.remove(target) {
            return Err(Rejection::new(Rule::TextElement));
        }
        if !live.inserted.remove(target) {
            live.deleted.insert(target.clone());
        }
        Ok(())
    }

    fn live(&mut self, place: &Place, text: &OpId) -> &mut Live {
        let live = self.texts.entry(text.clone()).or_default();
        if live.moves != self.moves {
            live.moves = self.moves;
            live.elements = match &place.exid {
                Some(object) => self
                    .doc
                    .list_range_at(object, .., &self.clock)
                    .filter_map(|item| op_id(&item.id()))
                    .filter(|id| !live.deleted.contains(id))
                    .collect(),
                None => HashSet::new(),
            };
            live.elements.extend(live.inserted.iter().cloned());
        }
        live
    }
}
