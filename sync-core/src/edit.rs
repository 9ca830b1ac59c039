//! Targeted writes to a draft: what a phone calls. One call makes one change, checked against the
//! same table as the gate, so that an honest device never makes a change that the gate refuses.

use automerge::{
    ActorId, Automerge, AutomergeError, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValue,
    Value,
    transaction::{CommitOptions, Transactable, Transaction},
};
use uuid::Uuid;

use crate::{
    ids::PersonId,
    limits,
    model::schema::{
        self, Denial, Field, Kind, Misfit, Moment, Path, Roles, Scalar, Section, Shape, Writable,
    },
    time::Instant,
};

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The actor that the server issued for this person, device and case.
    pub actor: ActorId,
    /// The person.
    pub person: PersonId,
    /// Their roles.
    pub roles: Roles,
}

/// Why a write was not made. The draft is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum EditRefusal {
    /// The schema has no such place.
    #[error("{0} is not in the schema")]
    UnknownPath(String),
    /// There is no such item.
    #[error("{0} does not exist")]
    NoSuchItem(Path),
    /// The item is already there.
    #[error("{0} already exists")]
    ItemExists(Path),
    /// The role or the moment does not permit it.
    #[error("{path}: {denial}")]
    Denied {
        /// Where.
        path: Path,
        /// Why.
        denial: Denial,
    },
    /// The value does not fit.
    #[error("{path}: {misfit}")]
    Misfit {
        /// Where.
        path: Path,
        /// Why.
        misfit: Misfit,
    },
    /// The section is full.
    #[error("{0} is full")]
    Full(Path),
    /// A field that an item cannot be without was not given.
    #[error("{0} must be given")]
    Missing(Path),
    /// The instant is not one that a person or device can honestly mean.
    #[error("the device's clock is not set")]
    Clock,
    /// The actor id has not 16 bytes.
    #[error("an actor id has 16 bytes")]
    Actor,
    /// The CRDT library refused.
    #[error(transparent)]
    Library(#[from] AutomergeError),
}

/// The hash of the change that was made, or nothing if the draft already stood so.
pub type Edited = Result<Option<ChangeHash>, EditRefusal>;

/// A pen for one draft, one writer and one instant.
#[derive(Debug)]
pub struct DraftEditor<'d> {
    doc: &'d mut Automerge,
    writer: &'d Writer,
    at: Instant,
}

impl<'d> DraftEditor<'d> {
    /// A pen. `at` is the device's clock, corrected by what is known of it: the gate refuses stamps
    /// more than a day ahead of the server.
    ///
    /// # Errors
    /// [`EditRefusal::Clock`] and [`EditRefusal::Actor`].
    pub fn new(
        doc: &'d mut Automerge,
        writer: &'d Writer,
        at: Instant,
    ) -> Result<Self, EditRefusal> {
        if !at.is_plausible() {
            return Err(EditRefusal::Clock);
        }
        if writer.actor.to_bytes().len() != limits::ACTOR_BYTES {
            return Err(EditRefusal::Actor);
        }
        doc.set_actor(writer.actor.clone());
        Ok(Self { doc, writer, at })
    }

    /// Writes one field of the scene.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn set_scene(&mut self, field: &'static str, value: impl Into<Scalar>) -> Edited {
        self.put_fields(Section::Scene, None, &[(field, value.into())])
    }

    /// Writes one rate of the sheet.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn set_rate(&mut self, field: &'static str, value: impl Into<Scalar>) -> Edited {
        self.put_fields(Section::Rates, None, &[(field, value.into())])
    }

    /// Adds a vehicle.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn add_vehicle(&mut self, id: Uuid, fields: &[(&'static str, Scalar)]) -> Edited {
        self.add_item(Section::Vehicles, id, fields, &[])
    }

    /// Writes one field of a vehicle.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn set_vehicle_field(
        &mut self,
        id: Uuid,
        field: &'static str,
        value: impl Into<Scalar>,
    ) -> Edited {
        self.put_fields(Section::Vehicles, Some(&id.to_string()), &[(field, value.into())])
    }

    /// Adds a loss line.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn add_line(&mut self, id: Uuid, fields: &[(&'static str, Scalar)]) -> Edited {
        self.add_item(Section::Lines, id, fields, &[])
    }

    /// Writes one field of a loss line.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn set_line_field(
        &mut self,
        id: Uuid,
        field: &'static str,
        value: impl Into<Scalar>,
    ) -> Edited {
        self.put_fields(Section::Lines, Some(&id.to_string()), &[(field, value.into())])
    }

    /// Takes a loss line off the sheet; it stays in the document.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn remove_line(&mut self, id: Uuid) -> Edited {
        self.set_line_field(id, "removed", true)
    }

    /// Adds a photo. Hash, time and place are evidence: they can be written only here.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn add_photo(&mut self, id: Uuid, fields: &[(&'static str, Scalar)]) -> Edited {
        self.add_item(Section::Photos, id, fields, &[])
    }

    /// Writes one field of a photo.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn set_photo_field(
        &mut self,
        id: Uuid,
        field: &'static str,
        value: impl Into<Scalar>,
    ) -> Edited {
        self.put_fields(Section::Photos, Some(&id.to_string()), &[(field, value.into())])
    }

    /// Answers a checklist item (C13), in one change.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn tick(&mut self, item: &str, state: crate::model::CheckState, answer: &str) -> Edited {
        let fields =
            [("state", state.into()), ("answer", answer.into()), ("at_ms", self.at.into())];
        self.put_fields(Section::Checklist, Some(item), &fields)
    }

    /// Adds a note in the writer's own name.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn add_note(&mut self, id: Uuid, text: &str) -> Edited {
        let author = Scalar::from(self.writer.person.0);
        let fields = [("author", author), ("at_ms", self.at.into())];
        self.add_item(Section::Notes, id, &fields, &[("text", text)])
    }

    /// Replaces the content of a text, as the smallest edit that leads there, so that it merges with
    /// what others write meanwhile. Carriage returns are left out.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn set_text(&mut self, path: &Path, text: &str) -> Edited {
        let row = path.row().ok_or_else(|| EditRefusal::UnknownPath(path.to_string()))?;
        let text = self.text_that_fits(path, row, text, Moment::Later)?;
        let map = self.map_of(path.section, path.item.as_deref())?;
        self.check_owner(path.section, path.item.as_deref(), &map)?;
        let Some(id) = object_at(self.doc, &map, row.name)? else {
            return Err(EditRefusal::NoSuchItem(path.clone()));
        };
        self.commit(|tx| rewrite(tx, &id, &text))
    }

    /// Settles a conflict: writes the chosen value over all that stand there. A removal that is
    /// confirmed against later writes is written anew, so that it knows of them.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn settle(&mut self, path: &Path, value: impl Into<Scalar>) -> Edited {
        let field = path.field.ok_or_else(|| EditRefusal::UnknownPath(path.to_string()))?;
        let value = value.into();
        let mut fields = vec![(field, value.clone())];
        if field == "removed" && value == Scalar::Bool(true) {
            fields.insert(0, (field, Scalar::Bool(false)));
        }
        self.put_fields(path.section, path.item.as_deref(), &fields)
    }

    /// Writes several fields of one map in one change, as a form does.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn put_fields(
        &mut self,
        section: Section,
        item: Option<&str>,
        fields: &[(&'static str, Scalar)],
    ) -> Edited {
        for (name, value) in fields {
            self.check_scalar(section, item, name, value, Moment::Later)?;
        }
        let map = self.map_of(section, item)?;
        self.check_owner(section, item, &map)?;
        self.commit(|tx| put_all(tx, &map, fields))
    }

    /// Adds an item with its fields and texts in one change.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn add_item(
        &mut self,
        section: Section,
        id: Uuid,
        fields: &[(&'static str, Scalar)],
        texts: &[(&'static str, &str)],
    ) -> Edited {
        let id = id.to_string();
        let map = self.section_for_new(section, &id)?;
        for (name, value) in fields {
            self.check_scalar(section, Some(&id), name, value, Moment::Creation)?;
        }
        let texts = self.texts_that_fit(section, &id, texts)?;
        let given = |row: &Field| {
            fields.iter().any(|(name, value)| *name == row.name && *value != Scalar::Null)
                || texts.iter().any(|(name, _)| *name == row.name)
        };
        let missing =
            section.fields().iter().find(|row| row.writable == Writable::Required && !given(row));
        if let Some(row) = missing {
            return Err(EditRefusal::Missing(Path::of_item(section, id, row.name)));
        }
        self.commit(|tx| {
            let item = tx.put_object(&map, id.as_str(), ObjType::Map)?;
            put_all(tx, &item, fields)?;
            for (name, text) in &texts {
                let object = tx.put_object(&item, *name, ObjType::Text)?;
                tx.splice_text(&object, 0, 0, text)?;
            }
            Ok(())
        })
    }

    fn texts_that_fit(
        &self,
        section: Section,
        id: &str,
        texts: &[(&'static str, &str)],
    ) -> Result<Vec<(&'static str, String)>, EditRefusal> {
        texts
            .iter()
            .map(|(name, text)| {
                let path = Path::of_item(section, id, name);
                let row = path.row().ok_or_else(|| EditRefusal::UnknownPath(path.to_string()))?;
                Ok((row.name, self.text_that_fits(&path, row, text, Moment::Creation)?))
            })
            .collect()
    }

    fn text_that_fits(
        &self,
        path: &Path,
        row: &Field,
        text: &str,
        moment: Moment,
    ) -> Result<String, EditRefusal> {
        let Kind::Text(max) = row.kind else {
            return Err(EditRefusal::Misfit { path: path.clone(), misfit: Misfit::WrongType });
        };
        // The moment rules the making of the text; its characters stay open to its writers.
        let moment = if moment == Moment::Later { Moment::Creation } else { moment };
        self.check_permission(path, row, moment)?;
        let text = text.replace('\r', "");
        let misfit = if text.chars().count() > max {
            Misfit::OutOfRange
        } else if !text.chars().all(schema::is_printable) {
            Misfit::ControlCharacter
        } else {
            return Ok(text);
        };
        Err(EditRefusal::Misfit { path: path.clone(), misfit })
    }

    fn check_scalar(
        &self,
        section: Section,
        item: Option<&str>,
        name: &str,
        value: &Scalar,
        moment: Moment,
    ) -> Result<(), EditRefusal> {
        let Some(row) = section.field(name) else {
            return Err(EditRefusal::UnknownPath(format!("{}/{name}", section.key())));
        };
        let path = Path { section, item: item.map(str::to_owned), field: Some(row.name) };
        self.check_permission(&path, row, moment)?;
        schema::fits(row.kind, value, self.writer.person.0)
            .map_err(|misfit| EditRefusal::Misfit { path, misfit })
    }

    fn check_permission(
        &self,
        path: &Path,
        row: &Field,
        moment: Moment,
    ) -> Result<(), EditRefusal> {
        row.permits(self.writer.roles, moment)
            .map_err(|denial| EditRefusal::Denied { path: path.clone(), denial })
    }

    fn check_owner(
        &self,
        section: Section,
        item: Option<&str>,
        map: &ObjId,
    ) -> Result<(), EditRefusal> {
        let Some(field) = section.owner_field() else { return Ok(()) };
        let owner = self.doc.get(map, field)?;
        let own = owner.is_some_and(|(value, _)| {
            value.as_str() == Some(self.writer.person.to_string().as_str())
        });
        if own {
            return Ok(());
        }
        let path = Path { section, item: item.map(str::to_owned), field: None };
        Err(EditRefusal::Denied { path, denial: Denial::NotOwner })
    }

    fn section_for_new(&self, section: Section, id: &str) -> Result<ObjId, EditRefusal> {
        let path = Path { section, item: Some(id.to_owned()), field: None };
        let Shape::Keyed { creators, max } = section.shape() else {
            return Err(EditRefusal::UnknownPath(path.to_string()));
        };
        if !creators.overlaps(self.writer.roles) {
            return Err(EditRefusal::Denied { path, denial: Denial::Role });
        }
        let map = self.map_of(section, None)?;
        if self.doc.get(&map, id)?.is_some() {
            return Err(EditRefusal::ItemExists(path));
        }
        if self.doc.length(&map) >= max {
            return Err(EditRefusal::Full(Path { section, item: None, field: None }));
        }
        Ok(map)
    }

    fn map_of(&self, section: Section, item: Option<&str>) -> Result<ObjId, EditRefusal> {
        let path = || Path { section, item: item.map(str::to_owned), field: None };
        let map = object_at(self.doc, &ROOT, section.key())?;
        let map = map.ok_or_else(|| EditRefusal::NoSuchItem(path()))?;
        match (section.shape(), item) {
            (_, None) => Ok(map),
            (Shape::Single, Some(_)) => Err(EditRefusal::UnknownPath(path().to_string())),
            (_, Some(id)) => {
                object_at(self.doc, &map, id)?.ok_or_else(|| EditRefusal::NoSuchItem(path()))
            }
        }
    }

    fn commit<F>(&mut self, write: F) -> Edited
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
    {
        let stamp = CommitOptions::default().with_time(self.at.0);
        match self.doc.transact_with(|()| stamp, write) {
            Ok(done) => Ok(done.hash),
            Err(failure) => Err(failure.error.into()),
        }
    }
}

fn put_all(
    tx: &mut Transaction<'_>,
    map: &ObjId,
    fields: &[(&'static str, Scalar)],
) -> Result<(), AutomergeError> {
    for (name, value) in fields {
        put(tx, map, name, library_value(value))?;
    }
    Ok(())
}

/// Writes a value so that it overwrites all that stand there. Asked to write the value that already
/// wins, the library would only delete the losers; a concurrent choice of one of those would then
/// swallow this choice without a conflict. So another of the values is written in between.
fn put(
    tx: &mut Transaction<'_>,
    map: &ObjId,
    name: &str,
    value: ScalarValue,
) -> Result<(), AutomergeError> {
    let standing: Vec<ScalarValue> = tx
        .get_all(map, name)?
        .into_iter()
        .filter_map(|(value, _)| value.into_scalar().ok())
        .collect();
    let wins = standing.last() == Some(&value);
    if standing.len() > 1 && wins {
        let Some(other) = standing.into_iter().find(|other| *other != value) else {
            return Ok(());
        };
        tx.put(map, name, other)?;
    }
    tx.put(map, name, value)
}

/// Leads a text to a new content. The library's own comparison keeps most of what is equal but takes
/// quadratic time, so where much differs everything between the equal ends is replaced instead.
fn rewrite(tx: &mut Transaction<'_>, id: &ObjId, text: &str) -> Result<(), AutomergeError> {
    const COMPARED: usize = 300 * 300;
    let old: Vec<char> = tx.text(id)?.chars().collect();
    let new: Vec<char> = text.chars().collect();
    let equal = |pair: &(&char, &char)| pair.0 == pair.1;
    let start = old.iter().zip(&new).take_while(equal).count();
    let room = old.len().min(new.len()).saturating_sub(start);
    let end = old.iter().rev().zip(new.iter().rev()).take(room).take_while(equal).count();
    let gone = old.len().saturating_sub(start).saturating_sub(end);
    let come = new.len().saturating_sub(start).saturating_sub(end);
    if gone.saturating_mul(come) <= COMPARED {
        return tx.update_text(id, text);
    }
    let middle: String = new.iter().skip(start).take(come).collect();
    tx.splice_text(id, start, isize::try_from(gone).unwrap_or(isize::MAX), &middle)
}

/// A scalar as the CRDT library writes it.
pub(crate) fn library_value(value: &Scalar) -> ScalarValue {
    match value {
        Scalar::Null => ScalarValue::Null,
        Scalar::Bool(yes) => ScalarValue::Boolean(*yes),
        Scalar::Int(n) => ScalarValue::Int(*n),
        Scalar::Str(text) => ScalarValue::Str(text.as_str().into()),
    }
}

/// The object that stands at a key, if there is one.
pub(crate) fn object_at(
    doc: &Automerge,
    map: &ObjId,
    key: &str,
) -> Result<Option<ObjId>, AutomergeError> {
    Ok(match doc.get(map, key)? {
        Some((Value::Object(_), id)) => Some(id),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
