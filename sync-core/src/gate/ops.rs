//! Step 4: every operation against the schema and against history. Patches would not do: a losing
//! concurrent write and a write that is taken back within one push leave no patch.
//!
//! The test for each operation is whether an honest editor would have written exactly this at that
//! point of history: the object exists and was known, the place is in the table, what is overwritten
//! is exactly what stood there. What an honest editor never does (delete a key, count, mark, insert
//! into a map, write to the root) is refused without looking further.

mod history;
mod objects;

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use automerge::{
    Automerge, Change, ObjType, ReadDoc, ScalarValue, Value,
    legacy::{ElementId, Key, ObjectId, Op, OpId, OpType},
};

use super::{PushContext, Rejection, Rule, header::KnownDep};
use crate::model::schema::{
    self, Denial, Field, Kind, Misfit, Moment, Path, Scalar, Shape, Writable,
};
use history::History;
use objects::{Place, Role};

/// The draft as the changes of a push see it, one after the other.
pub(super) struct Shadow<'d> {
    doc: &'d Automerge,
    context: &'d PushContext,
    objects: HashMap<OpId, Rc<Place>>,
    history: History<'d>,
    /// Items that the push creates, by section and key.
    created: BTreeSet<Path>,
}

/// What one change creates.
#[derive(Default)]
struct Creations {
    items: HashMap<OpId, (Path, BTreeSet<&'static str>)>,
}

impl<'d> Shadow<'d> {
    pub(super) fn new(doc: &'d Automerge, context: &'d PushContext) -> Result<Self, Rejection> {
        Ok(Self {
            doc,
            context,
            objects: objects::of(doc)?,
            history: History::new(doc),
            created: BTreeSet::new(),
        })
    }

    /// Checks one change; gives the places that it writes to.
    pub(super) fn check(
        &mut self,
        change: &Change,
        operations: &[Op],
        known_deps: &[KnownDep],
    ) -> Result<Vec<String>, Rejection> {
        self.history.advance(known_deps);
        let mut creations = Creations::default();
        let mut paths = BTreeSet::new();
        let mut texts = HashMap::new();
        for (counter, op) in (change.start_op().get()..).zip(operations) {
            let id = OpId::new(counter, change.actor_id());
            let path = self.check_op(&id, op, &mut creations)?;
            if let (ObjectId::Id(object), Key::Seq(_)) = (&op.obj, &op.key) {
                texts.insert(object, Rc::clone(&path));
            }
            if !paths.contains(path.as_ref()) {
                paths.insert(path.as_ref().clone());
            }
        }
        creations.complete()?;
        // Only now: an honest rewriting puts the new characters before it takes the old ones.
        for (text, path) in texts {
            self.check_length(text, &path)?;
        }
        Ok(paths.iter().map(Path::to_string).collect())
    }

    fn check_op(
        &mut self,
        id: &OpId,
        op: &Op,
        creations: &mut Creations,
    ) -> Result<Rc<Path>, Rejection> {
        let place = match &op.obj {
            ObjectId::Root => return Err(Rejection::new(Rule::UnknownPath).because("the root")),
            ObjectId::Id(object) => self.place_of(object)?,
        };
        match &place.role {
            Role::Items => self.check_new_item(id, op, &place, creations),
            Role::Fields { .. } => self.check_field(id, op, &place, creations),
            Role::Text { row, item } => self
                .check_owner(&place, item.as_ref(), creations)
                .and_then(|()| self.check_element(id, op, &place, row)),
        }
        .map_err(|rejection| match rejection.path {
            Some(_) => rejection,
            None => rejection.at(&place.path),
        })
    }

    fn place_of(&self, object: &OpId) -> Result<Rc<Place>, Rejection> {
        let place = self.objects.get(object).filter(|place| {
            // Objects of the push itself were made by changes that this one builds on.
            place.exid.is_none() || self.history.covers(object)
        });
        place.cloned().ok_or_else(|| {
            Rejection::new(Rule::UnknownObject).because(format!("object {}", object.counter()))
        })
    }

    fn check_new_item(
        &mut self,
        id: &OpId,
        op: &Op,
        place: &Place,
        creations: &mut Creations,
    ) -> Result<Rc<Path>, Rejection> {
        let section = place.path.section;
        let key = map_key(op)?;
        if op.action != OpType::Make(ObjType::Map) {
            return Err(Rejection::new(Rule::OpKind).because("only items go here"));
        }
        let Shape::Keyed { creators, max } = section.shape() else {
            return Err(Rejection::new(Rule::Role).because("only the seed makes items here"));
        };
        if !creators.overlaps(self.context.roles) {
            return Err(Rejection::new(Rule::Role));
        }
        if schema::parse_id(key).is_none() {
            return Err(Rejection::new(Rule::ItemKey));
        }
        let path = Path { section, item: Some(key.to_owned()), field: None };
        // Also one that the device cannot have known: of two maps at one key one would be hidden.
        let exists = place.exid.as_ref().is_some_and(|map| is_taken(self.doc, map, key));
        if exists || !op.pred.is_empty() || self.created.contains(&path) {
            return Err(Rejection::new(Rule::ItemExists).at(path));
        }
        let in_push = self.created.iter().filter(|path| path.section == section).count();
        if self.history.count(place).saturating_add(in_push) >= max {
            return Err(Rejection::new(Rule::SectionFull));
        }
        self.created.insert(path.clone());
        creations.items.insert(id.clone(), (path.clone(), BTreeSet::new()));
        let made = Place::made(path, Role::Fields { object: id.clone() });
        let path = Rc::clone(&made.path);
        self.objects.insert(id.clone(), Rc::new(made));
        Ok(path)
    }

    fn check_field(
        &mut self,
        id: &OpId,
        op: &Op,
        place: &Place,
        creations: &mut Creations,
    ) -> Result<Rc<Path>, Rejection> {
        let name = map_key(op)?;
        let Some(row) = place.path.section.field(name) else {
            return Err(Rejection::new(Rule::UnknownPath).because(format!("no field {name:?}")));
        };
        let Role::Fields { object } = &place.role else {
            return Err(Rejection::new(Rule::UnknownObject));
        };
        let path = Path { field: Some(row.name), ..place.path.as_ref().clone() };
        let moment = creations.moment(object);
        let result = self
            .check_owner(place, Some(object), creations)
            .and_then(|()| permit(row, self.context, moment))
            .and_then(|()| match (&op.action, row.kind) {
                (OpType::Make(ObjType::Text), Kind::Text(_)) => {
                    self.check_new_text(id, op, place, row, moment)
                }
                (OpType::Put(value), _) => self.check_put(id, op, place, row, value),
                _ => Err(Rejection::new(Rule::OpKind)),
            });
        result.map_err(|rejection| rejection.at(&path))?;
        creations.given(object, row, op);
        Ok(Rc::new(path))
    }

    fn check_put(
        &mut self,
        id: &OpId,
        op: &Op,
        place: &Place,
        row: &'static Field,
        value: &ScalarValue,
    ) -> Result<(), Rejection> {
        let scalar = scalar(value).ok_or_else(|| Rejection::new(Rule::WrongType))?;
        schema::fits(row.kind, &scalar, self.context.person.0).map_err(misfit)?;
        self.history.overwrite(place, row.name, id, op)
    }

    /// A text may be made only together with its item: a second one would hide the first.
    fn check_new_text(
        &mut self,
        id: &OpId,
        op: &Op,
        place: &Place,
        row: &'static Field,
        moment: Moment,
    ) -> Result<(), Rejection> {
        if moment == Moment::Later || row.writable == Writable::InSeed {
            return Err(Rejection::new(Rule::ItemExists));
        }
        self.history.overwrite(place, row.name, id, op)?;
        if !op.pred.is_empty() {
            return Err(Rejection::new(Rule::ItemExists));
        }
        let path = Path { field: Some(row.name), ..place.path.as_ref().clone() };
        let Role::Fields { object } = &place.role else {
            return Err(Rejection::new(Rule::UnknownObject));
        };
        let role = Role::Text { row, item: Some(object.clone()) };
        self.objects.insert(id.clone(), Rc::new(Place::made(path, role)));
        Ok(())
    }

    fn check_element(
        &mut self,
        id: &OpId,
        op: &Op,
        place: &Place,
        row: &'static Field,
    ) -> Result<Rc<Path>, Rejection> {
        let Key::Seq(element) = &op.key else {
            return Err(Rejection::new(Rule::KeyKind));
        };
        if !row.writers.overlaps(self.context.roles) {
            return Err(Rejection::new(Rule::Role));
        }
        let ObjectId::Id(text) = &op.obj else {
            return Err(Rejection::new(Rule::UnknownObject));
        };
        match (&op.action, op.insert, element) {
            (OpType::Put(value), true, after) => {
                one_character(value)?;
                if !op.pred.is_empty() {
                    return Err(Rejection::new(Rule::Pred));
                }
                self.history.insert(place, text, after, id)?;
            }
            (OpType::Delete, false, ElementId::Id(target)) => {
                if op.pred.iter().ne([target]) {
                    return Err(Rejection::new(Rule::Pred));
                }
                self.history.delete(place, text, target)?;
            }
            _ => return Err(Rejection::new(Rule::OpKind)),
        }
        Ok(Rc::clone(&place.path))
    }

    fn check_length(&self, text: &OpId, path: &Path) -> Result<(), Rejection> {
        match path.row().map(|row| row.kind) {
            Some(Kind::Text(max)) if self.history.length(text) <= max => Ok(()),
            _ => Err(Rejection::new(Rule::TextTooLong).at(path)),
        }
    }

    /// Whether the writer may write to an item that belongs to whoever made it.
    fn check_owner(
        &self,
        place: &Place,
        item: Option<&OpId>,
        creations: &Creations,
    ) -> Result<(), Rejection> {
        let (Some(field), Some(item)) = (place.path.section.owner_field(), item) else {
            return Ok(());
        };
        if creations.items.contains_key(item) {
            return Ok(());
        }
        let Some(map) = self.objects.get(item).and_then(|place| place.exid.as_ref()) else {
            // Made earlier in this push, so by this writer.
            return Ok(());
        };
        match self.doc.get(map, field) {
            Ok(Some((Value::Scalar(owner), _)))
                if owner.as_str() == Some(self.context.person.to_string().as_str()) =>
            {
                Ok(())
            }
            _ => Err(Rejection::new(Rule::NotOwner)),
        }
    }
}

impl Creations {
    fn moment(&self, object: &OpId) -> Moment {
        if self.items.contains_key(object) { Moment::Creation } else { Moment::Later }
    }

    fn given(&mut self, object: &OpId, row: &'static Field, op: &Op) {
        if let Some((_, given)) = self.items.get_mut(object) {
            if op.action == OpType::Put(ScalarValue::Null) {
                given.remove(row.name);
            } else {
                given.insert(row.name);
            }
        }
    }

    /// Every new item has what it cannot be without.
    fn complete(&self) -> Result<(), Rejection> {
        for (path, given) in self.items.values() {
            let missing = path
                .section
                .fields()
                .iter()
                .find(|row| row.writable == Writable::Required && !given.contains(row.name));
            if let Some(row) = missing {
                let path = Path { field: Some(row.name), ..path.clone() };
                return Err(Rejection::new(Rule::MissingField).at(path));
            }
        }
        Ok(())
    }
}

fn is_taken(doc: &Automerge, map: &automerge::ObjId, key: &str) -> bool {
    !matches!(doc.get(map, key), Ok(None))
}

fn map_key(op: &Op) -> Result<&str, Rejection> {
    match (&op.key, op.insert) {
        (Key::Map(key), false) => Ok(key),
        _ => Err(Rejection::new(Rule::KeyKind)),
    }
}

fn permit(row: &Field, context: &PushContext, moment: Moment) -> Result<(), Rejection> {
    row.permits(context.roles, moment).map_err(|denial| {
        Rejection::new(match denial {
            Denial::Role => Rule::Role,
            Denial::Moment => Rule::Moment,
            Denial::NotOwner => Rule::NotOwner,
        })
    })
}

fn misfit(misfit: Misfit) -> Rejection {
    Rejection::new(match misfit {
        Misfit::WrongType => Rule::WrongType,
        Misfit::OutOfRange => Rule::OutOfRange,
        Misfit::NotAllowed => Rule::NotAllowed,
        Misfit::ControlCharacter => Rule::ControlCharacter,
        Misfit::NotOwn => Rule::NotOwn,
    })
}

/// The value as the schema knows it, or nothing for floats, counters, timestamps, bytes and unsigned
/// numbers, which no field holds.
fn scalar(value: &ScalarValue) -> Option<Scalar> {
    match value {
        ScalarValue::Null => Some(Scalar::Null),
        ScalarValue::Boolean(yes) => Some(Scalar::Bool(*yes)),
        ScalarValue::Int(n) => Some(Scalar::Int(*n)),
        ScalarValue::Str(text) => Some(Scalar::Str(text.to_string())),
        _ => None,
    }
}

fn one_character(value: &ScalarValue) -> Result<(), Rejection> {
    let ScalarValue::Str(text) = value else {
        return Err(Rejection::new(Rule::WrongType));
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if schema::is_printable(c) => Ok(()),
        (Some(_), None) => Err(Rejection::new(Rule::ControlCharacter)),
        _ => Err(Rejection::new(Rule::OutOfRange)),
    }
}
