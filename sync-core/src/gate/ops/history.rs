//! What a change of the push could see: the live document at the change's dependencies, with the
//! push's own earlier changes on top.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ops::RangeInclusive,
};

use automerge::{
    ActorId, Automerge, ChangeHash, ReadDoc,
    legacy::{ElementId, Op, OpId},
};

use super::{
    super::{Rejection, Rule},
    objects::{Place, Role, op_id},
};

/// The point of history that the push has reached.
pub(super) struct History<'d> {
    doc: &'d Automerge,
    /// Every change of the live document that the push builds on so far.
    clock: Vec<ChangeHash>,
    /// Operations of the live document that the push does not build on.
    unseen: Vec<(ActorId, RangeInclusive<u64>)>,
    /// Counts the moves of `clock`, so that what was read before one is read again.
    moves: usize,
    fields: HashMap<(OpId, &'static str), Standing>,
    texts: HashMap<OpId, Live>,
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
            unseen: Vec::new(),
            moves: 0,
            fields: HashMap::new(),
            texts: HashMap::new(),
        }
    }

    /// Moves to a change that builds on these changes of the live document, too.
    pub(super) fn advance(&mut self, known_deps: &[ChangeHash]) {
        let before = self.clock.len();
        for dep in known_deps {
            if !self.clock.contains(dep) {
                self.clock.push(*dep);
            }
        }
        if self.clock.len() != before {
            self.moves = self.moves.saturating_add(1);
            self.unseen = self
                .doc
                .get_changes_meta(&self.clock)
                .into_iter()
                .map(|meta| (meta.actor.into_owned(), meta.start_op..=meta.max_op))
                .collect();
        }
    }

    /// Whether the push builds on this operation of the live document.
    pub(super) fn covers(&self, id: &OpId) -> bool {
        !self.unseen.iter().any(|(actor, ops)| actor == id.actor() && ops.contains(&id.counter()))
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

    /// A character put after an element; gives the length of the text.
    pub(super) fn insert(
        &mut self,
        place: &Place,
        text: &OpId,
        after: &ElementId,
        id: &OpId,
    ) -> Result<usize, Rejection> {
        let live = self.live(place, text);
        if let ElementId::Id(after) = after
            && !live.elements.contains(after)
        {
            return Err(Rejection::new(Rule::TextElement));
        }
        live.elements.insert(id.clone());
        live.inserted.insert(id.clone());
        Ok(live.elements.len())
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
