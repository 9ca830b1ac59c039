//! Writing into a draft, by path: `scene/place`, `lines/<id>/qty_milli`.

use sync_core::{
    edit::{DraftEditor, EditRefusal},
    model::{
        CheckState,
        schema::{Kind, Path, Scalar, Section},
    },
    time::Instant,
};
use uuid::Uuid;

use crate::{FieldValue, Phone, PhoneError, error::read, phone::case};

/// A field of a form and what it is to hold.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FieldEntry {
    /// The field's name, such as `qty_milli`.
    pub name: String,
    /// The value.
    pub value: FieldValue,
}

/// A collaborative text of a new item.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct TextEntry {
    /// The field's name.
    pub name: String,
    /// The text.
    pub text: String,
}

#[uniffi::export]
impl Phone {
    /// A field shows another value: kept at once, and made a change when the field is left or after a
    /// pause.
    ///
    /// # Errors
    /// [`PhoneError::NotHere`], [`PhoneError::Store`], [`PhoneError::UnknownPath`].
    pub fn type_in(
        &self,
        case_id: String,
        path: String,
        value: FieldValue,
        now: i64,
    ) -> Result<(), PhoneError> {
        let (case_id, path) = (case(&case_id)?, field(&path)?);
        self.engine.with(|engine| Ok(engine.type_in(case_id, path, value.into(), Instant(now))?))
    }

    /// A form is left: what was typed into this case becomes changes.
    ///
    /// # Errors
    /// Why a value does not fit; what was typed stays typed then.
    pub fn leave(&self, case_id: String, now: i64) -> Result<(), PhoneError> {
        let case_id = case(&case_id)?;
        self.engine.with(|engine| Ok(engine.leave(case_id, Instant(now))?))
    }

    /// Writes one field at once, a collaborative text as the smallest edit that leads there.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn write(
        &self,
        case_id: String,
        path: String,
        value: FieldValue,
        now: i64,
    ) -> Result<(), PhoneError> {
        let path = field(&path)?;
        self.edit(&case_id, now, |pen| {
            let is_text = path.row().is_some_and(|row| matches!(row.kind, Kind::Text(_)));
            match (is_text, Scalar::from(value)) {
                (true, Scalar::Str(text)) => pen.set_text(&path, &text),
                (true, Scalar::Null) => pen.set_text(&path, ""),
                (_, value) => {
                    let fields = [(path.field.unwrap_or_default(), value)];
                    pen.put_fields(path.section, path.item.as_deref(), &fields)
                }
            }
        })
    }

    /// Writes several fields of a section or an item in one change, as a form does.
    ///
    /// # Errors
    /// Why one does not fit; nothing is written then.
    pub fn write_form(
        &self,
        case_id: String,
        path: String,
        fields: Vec<FieldEntry>,
        now: i64,
    ) -> Result<(), PhoneError> {
        let form = place(&path)?;
        let fields = named(form.section, fields)?;
        self.edit(&case_id, now, |pen| pen.put_fields(form.section, form.item.as_deref(), &fields))
    }

    /// Adds an item, such as `lines/<new id>`, with its fields and texts in one change.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn add(
        &self,
        case_id: String,
        path: String,
        fields: Vec<FieldEntry>,
        texts: Vec<TextEntry>,
        now: i64,
    ) -> Result<(), PhoneError> {
        let item = place(&path)?;
        let id: Uuid = read("the item", item.item.as_deref().unwrap_or_default())?;
        let fields = named(item.section, fields)?;
        let texts =
            texts.into_iter().map(|entry| Ok((name(item.section, &entry.name)?, entry.text)));
        let texts: Vec<(&'static str, String)> = texts.collect::<Result<_, PhoneError>>()?;
        let texts: Vec<(&'static str, &str)> =
            texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        self.edit(&case_id, now, |pen| pen.add_item(item.section, id, &fields, &texts))
    }

    /// Adds a note in the writer's own name.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn add_note(
        &self,
        case_id: String,
        note_id: String,
        text: String,
        now: i64,
    ) -> Result<(), PhoneError> {
        let id = read("the note", &note_id)?;
        self.edit(&case_id, now, |pen| pen.add_note(id, &text))
    }

    /// Answers an item of the checklist; `state` is `open`, `done` or `not_applicable`.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn tick(
        &self,
        case_id: String,
        item: String,
        state: String,
        answer: String,
        now: i64,
    ) -> Result<(), PhoneError> {
        let state: CheckState = read("the state", &state)?;
        self.edit(&case_id, now, |pen| pen.tick(&item, state, &answer))
    }

    /// Settles a conflict: the chosen value over all that stand there.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn settle(
        &self,
        case_id: String,
        path: String,
        value: FieldValue,
        now: i64,
    ) -> Result<(), PhoneError> {
        let path = field(&path)?;
        self.edit(&case_id, now, |pen| pen.settle(&path, Scalar::from(value)))
    }
}

impl Phone {
    fn edit<T>(
        &self,
        case_id: &str,
        now: i64,
        work: impl FnOnce(&mut DraftEditor<'_>) -> Result<T, EditRefusal>,
    ) -> Result<(), PhoneError> {
        let case_id = case(case_id)?;
        self.engine.with(|engine| {
            engine.edit(case_id, Instant(now), work)?;
            Ok(())
        })
    }
}

/// A place in the draft.
fn place(text: &str) -> Result<Path, PhoneError> {
    Path::parse(text).ok_or_else(|| PhoneError::UnknownPath(format!("{text} is not in the schema")))
}

/// A field in the draft.
fn field(text: &str) -> Result<Path, PhoneError> {
    let path = place(text)?;
    match path.field {
        Some(_) => Ok(path),
        None => Err(PhoneError::UnknownPath(format!("{text} is not a field"))),
    }
}

fn name(section: Section, name: &str) -> Result<&'static str, PhoneError> {
    let row = section.field(name);
    row.map(|row| row.name).ok_or_else(|| {
        PhoneError::UnknownPath(format!("{}/{name} is not in the schema", section.key()))
    })
}

fn named(
    section: Section,
    fields: Vec<FieldEntry>,
) -> Result<Vec<(&'static str, Scalar)>, PhoneError> {
    fields.into_iter().map(|entry| Ok((name(section, &entry.name)?, entry.value.into()))).collect()
}
