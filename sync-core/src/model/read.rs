//! Typed reads of a draft, bounded in depth: root, section, item, text.

use std::{borrow::Cow, cell::Cell, collections::BTreeMap};

use automerge::{
    Automerge, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValueRef, ValueRef, iter::MapRange,
};
use uuid::Uuid;

use super::{
    ChecklistItem, Draft, Line, Note, Photo, Rates, SCHEMA, Scene, Vehicle,
    schema::{Section, parse_id},
};
use crate::money::Fen;

/// Why a document cannot be read as a draft.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadFault {
    /// A head is not in the document.
    #[error("the document does not hold the change {0}")]
    UnknownHead(ChangeHash),
    /// The document is of another schema.
    #[error("the draft is not of schema {SCHEMA}")]
    OtherSchema,
    /// Something is missing or has the wrong type.
    #[error("{0} is missing or has the wrong type")]
    Malformed(String),
}

/// What stands at a key.
pub(super) enum Found {
    /// Nothing, or null.
    Absent,
    /// A string.
    Str(String),
    /// An integer.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// The content of a text.
    Text(String),
    /// Anything that no field may hold.
    Other,
}

/// A field's Rust type.
pub(super) trait Leaf: Sized {
    /// The value, or nothing if the type does not fit.
    fn from_leaf(found: Found) -> Option<Self>;
    /// Whether the field is left out of canonical bytes.
    fn is_unset(&self) -> bool;
}

macro_rules! optional_leaves {
    ($($type:ty: $pattern:pat => $value:expr;)*) => {$(
        impl Leaf for Option<$type> {
            fn from_leaf(found: Found) -> Option<Self> {
                match found {
                    Found::Absent => Some(None),
                    $pattern => $value.map(Some),
                    _ => None,
                }
            }
            fn is_unset(&self) -> bool {
                self.is_none()
            }
        }
    )*};
}

optional_leaves! {
    String: Found::Str(text) => Some(text);
    i64: Found::Int(n) => Some(n);
    Fen: Found::Int(n) => Some(Fen(n));
    bool: Found::Bool(yes) => Some(yes);
    Uuid: Found::Str(text) => parse_id(&text);
}

impl Leaf for bool {
    fn from_leaf(found: Found) -> Option<Self> {
        Option::<bool>::from_leaf(found).map(Option::unwrap_or_default)
    }
    fn is_unset(&self) -> bool {
        !self
    }
}

impl Leaf for String {
    fn from_leaf(found: Found) -> Option<Self> {
        match found {
            Found::Absent => Some(Self::new()),
            Found::Text(text) => Some(text),
            _ => None,
        }
    }
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

/// A map of the document, now or at given heads.
#[derive(Clone)]
pub(super) struct Entry<'d> {
    doc: &'d Automerge,
    heads: Option<&'d [ChangeHash]>,
    path: String,
    contested: &'d Cell<bool>,
    /// By key, as the document orders them; the id where an object stands.
    values: Vec<(Cow<'d, str>, ValueRef<'d>, Option<ObjId>)>,
}

impl<'d> Entry<'d> {
    fn open(
        doc: &'d Automerge,
        heads: Option<&'d [ChangeHash]>,
        obj: &ObjId,
        path: String,
        contested: &'d Cell<bool>,
    ) -> Self {
        let range: MapRange<'d> = match heads {
            Some(heads) => doc.map_range_at(obj, .., heads),
            None => doc.map_range(obj, ..),
        };
        let values = range
            .map(|item| {
                let id = matches!(item.value, ValueRef::Object(_)).then(|| item.id());
                let removed = item.key == "removed"
                    && item.value == ValueRef::Scalar(ScalarValueRef::Boolean(true));
                contested.set(contested.get() || item.conflict || removed);
                (item.key, item.value, id)
            })
            .collect();
        Self { doc, heads, path, contested, values }
    }

    fn malformed(&self, name: &str) -> ReadFault {
        let slash = if self.path.is_empty() { "" } else { "/" };
        ReadFault::Malformed(format!("{}{slash}{name}", self.path))
    }

    fn child(&self, name: &str) -> Result<Self, ReadFault> {
        match self.get(name) {
            Some((ValueRef::Object(ObjType::Map), Some(id))) => {
                let slash = if self.path.is_empty() { "" } else { "/" };
                let path = format!("{}{slash}{name}", self.path);
                Ok(Self::open(self.doc, self.heads, id, path, self.contested))
            }
            _ => Err(self.malformed(name)),
        }
    }

    /// The value of a field.
    ///
    /// # Errors
    /// [`ReadFault::Malformed`] if it has the wrong type.
    pub(super) fn leaf<T: Leaf>(&self, name: &str) -> Result<T, ReadFault> {
        T::from_leaf(self.found(name)?).ok_or_else(|| self.malformed(name))
    }

    fn found(&self, name: &str) -> Result<Found, ReadFault> {
        Ok(match self.get(name) {
            None | Some((ValueRef::Scalar(ScalarValueRef::Null), _)) => Found::Absent,
            Some((ValueRef::Object(ObjType::Text), Some(id))) => Found::Text(
                match self.heads {
                    Some(heads) => self.doc.text_at(id, heads),
                    None => self.doc.text(id),
                }
                .map_err(|_| self.malformed(name))?,
            ),
            Some((ValueRef::Scalar(value), _)) => match value {
                ScalarValueRef::Str(text) => Found::Str(text.clone().into_owned()),
                ScalarValueRef::Int(n) => Found::Int(*n),
                ScalarValueRef::Boolean(yes) => Found::Bool(*yes),
                _ => Found::Other,
            },
            Some(_) => Found::Other,
        })
    }

    fn get(&self, name: &str) -> Option<(&ValueRef<'d>, Option<&ObjId>)> {
        let at = self.values.binary_search_by(|(key, ..)| key.as_ref().cmp(name)).ok()?;
        self.values.get(at).map(|(_, value, id)| (value, id.as_ref()))
    }

    /// Every item of a keyed section.
    fn items<K: Ord, T>(
        &self,
        section: Section,
        key: impl Fn(&str) -> Option<K>,
        read: impl Fn(&Entry<'_>) -> Result<T, ReadFault>,
    ) -> Result<BTreeMap<K, T>, ReadFault> {
        let section = self.child(section.key())?;
        section
            .values
            .iter()
            .map(|(name, ..)| {
                let key = key(name).ok_or_else(|| section.malformed(name))?;
                Ok((key, read(&section.child(name)?)?))
            })
            .collect()
    }
}

/// Reads the whole draft, and whether there is anything in it that could be a conflict: values that
/// stand against each other, or an item that was removed.
pub(super) fn draft(
    doc: &Automerge,
    heads: Option<&[ChangeHash]>,
) -> Result<(Draft, bool), ReadFault> {
    let unknown =
        heads.unwrap_or_default().iter().find(|head| doc.get_change_meta_by_hash(head).is_none());
    if let Some(head) = unknown {
        return Err(ReadFault::UnknownHead(*head));
    }
    let contested = Cell::new(false);
    let root = Entry::open(doc, heads, &ROOT, String::new(), &contested);
    if root.leaf::<Option<i64>>("schema")? != Some(SCHEMA) {
        return Err(ReadFault::OtherSchema);
    }
    let case_id = root.leaf::<Option<Uuid>>("case_id")?.ok_or_else(|| root.malformed("case_id"))?;
    let slug = |name: &str| super::schema::is_slug(name).then(|| name.to_owned());
    let draft = Draft {
        schema: SCHEMA,
        case_id,
        scene: Scene::read(&root.child(Section::Scene.key())?)?,
        rates: Rates::read(&root.child(Section::Rates.key())?)?,
        vehicles: root.items(Section::Vehicles, parse_id, Vehicle::read)?,
        lines: root.items(Section::Lines, parse_id, Line::read)?,
        photos: root.items(Section::Photos, parse_id, Photo::read)?,
        checklist: root.items(Section::Checklist, slug, ChecklistItem::read)?,
        notes: root.items(Section::Notes, parse_id, Note::read)?,
    };
    Ok((draft, contested.get()))
}
