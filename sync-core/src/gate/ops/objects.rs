//! Which object of the document stands for which place of the schema.

use std::{collections::HashMap, rc::Rc};

use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ValueRef, legacy::OpId};

use super::super::{Rejection, Rule};
use crate::{
    edit::object_at,
    model::schema::{Field, Kind, Path, Section, Shape},
};

/// An object of the document.
pub(super) struct Place {
    /// Where it stands.
    pub path: Rc<Path>,
    /// What it holds.
    pub role: Role,
    /// The object in the live document; nothing if the push makes it.
    pub exid: Option<ObjId>,
}

/// What an object holds.
pub(super) enum Role {
    /// Items by key.
    Items,
    /// The fields of a section or an item.
    Fields {
        /// The object's own id.
        object: OpId,
    },
    /// The characters of a text.
    Text {
        /// Its row of the table.
        row: &'static Field,
        /// The item that it belongs to, if any.
        item: Option<OpId>,
    },
}

impl Place {
    /// A place that the push makes.
    pub(super) fn made(path: Path, role: Role) -> Self {
        Self { path: Rc::new(path), role, exid: None }
    }
}

/// The id of an object as operations name it.
pub(super) fn op_id(id: &ObjId) -> Option<OpId> {
    match id {
        ObjId::Root => None,
        ObjId::Id(counter, actor, _) => Some(OpId::new(*counter, actor)),
    }
}

/// Every object of the live document. What the schema does not know cannot be written to.
pub(super) fn of(doc: &Automerge) -> Result<HashMap<OpId, Rc<Place>>, Rejection> {
    let mut objects = HashMap::new();
    for section in Section::ALL {
        let path = Path { section, item: None, field: None };
        let map = object_at(doc, &ROOT, section.key())
            .ok()
            .flatten()
            .ok_or_else(|| Rejection::new(Rule::Unreadable).at(&path))?;
        match section.shape() {
            Shape::Single => add_fields(doc, &mut objects, path, map),
            Shape::Keyed { .. } | Shape::Fixed => {
                for entry in doc.map_range(&map, ..) {
                    if entry.value == ValueRef::Object(ObjType::Map) {
                        let item = Some(entry.key.clone().into_owned());
                        let path = Path { item, ..path.clone() };
                        add_fields(doc, &mut objects, path, entry.id());
                    }
                }
                if let Some(id) = op_id(&map) {
                    let place = Place { path: Rc::new(path), role: Role::Items, exid: Some(map) };
                    objects.insert(id, Rc::new(place));
                }
            }
        }
    }
    Ok(objects)
}

fn add_fields(doc: &Automerge, objects: &mut HashMap<OpId, Rc<Place>>, path: Path, map: ObjId) {
    let Some(id) = op_id(&map) else { return };
    let item = path.item.is_some().then(|| id.clone());
    for row in path.section.fields().iter().filter(|row| matches!(row.kind, Kind::Text(_))) {
        if let Ok(Some(text)) = object_at(doc, &map, row.name)
            && let Some(text_id) = op_id(&text)
        {
            let path = Rc::new(Path { field: Some(row.name), ..path.clone() });
            let role = Role::Text { row, item: item.clone() };
            objects.insert(text_id, Rc::new(Place { path, role, exid: Some(text) }));
        }
    }
    let role = Role::Fields { object: id.clone() };
    objects.insert(id, Rc::new(Place { path: Rc::new(path), role, exid: Some(map) }));
}
