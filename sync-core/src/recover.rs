//! Going on under a new actor when the old one can write no more: after a restored backup, a refused
//! change, or a new draft document.
//!
//! A change in quarantine holds every later one of its actor, because they form a chain. So the
//! device takes the server's draft, gets a new actor, and writes its own unsent work again. It
//! writes at the point of history that it worked from, not on top of what others did since: so a
//! price that both changed stays a conflict instead of being overwritten in silence.

use std::collections::BTreeSet;

use automerge::{Automerge, AutomergeError, ChangeHash};
use uuid::Uuid;

use crate::{
    difference::{FieldDifference, Fields, Place, differences, values},
    edit::{DraftEditor, EditRefusal, Writer},
    model::{
        Draft, ReadFault,
        schema::{Kind, Path, Scalar, Section},
    },
    time::Instant,
};

/// A draft that goes on under a new actor.
#[derive(Debug)]
pub struct Recovered {
    /// The server's draft with the unsent work in it.
    pub doc: Automerge,
    /// How many changes were written again.
    pub replayed: usize,
    /// What was not written again, for the user to look at.
    pub held: Vec<HeldEdit>,
}

/// Unsent work that was not written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldEdit {
    /// Where.
    pub path: Path,
    /// The value that the device had; null if it had cleared the field or only made the item.
    pub value: Scalar,
    /// Why it was held, for people.
    pub reason: String,
}

/// Why nothing could be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverFault {
    /// One of the documents is not a draft.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// The CRDT library refused.
    #[error(transparent)]
    Library(#[from] AutomergeError),
    /// The new writer cannot write.
    #[error(transparent)]
    Edit(#[from] EditRefusal),
}

/// Writes what `local` holds beyond `server` again, by `writer`, whose actor the server has issued
/// anew. Places in `hold`, and items and fields below them, are left out: those that the server
/// refused. `at` is the stamp of the new changes.
///
/// # Errors
/// [`RecoverFault`]; nothing is lost then, both documents are as they were.
pub fn rebase(
    server: &Automerge,
    local: &Automerge,
    writer: &Writer,
    at: Instant,
    hold: &[Path],
) -> Result<Recovered, RecoverFault> {
    let common = common_heads(server, local);
    let (mut doc, before) = if common.is_empty() {
        // Another document altogether: there is no common point, so the server's present is taken.
        (server.clone(), values(&Draft::read(server)?))
    } else {
        (server.fork_at(&common)?, values(&Draft::read_at(local, &common)?))
    };
    let after = values(&Draft::read(local)?);
    let present = values(&Draft::read(server)?);
    // Items that reached the server on another way, such as a request that came late: made a second
    // time they would hide the first, so only what differs is written, on top of the present.
    let (twice, apart): (Vec<_>, Vec<_>) = differences(&before, &after)
        .into_iter()
        .partition(|(place, _)| !before.items.contains(place) && present.items.contains(place));
    let mut replay = Replay::new(&mut doc, writer, at)?;
    for (place, fields) in apart {
        replay.write(&place, fields, hold, before.items.contains(&place));
    }
    let (mut replayed, mut held) = replay.finish();
    doc.merge(&mut server.clone())?;
    let mut replay = Replay::new(&mut doc, writer, at)?;
    for (place, mut fields) in twice {
        fields.retain(|(name, value)| present.get(&path_of(&place, name)) != *value);
        if !fields.is_empty() {
            replay.write(&place, fields, hold, true);
        }
    }
    let (more, mut also_held) = replay.finish();
    replayed = more.saturating_add(replayed);
    held.append(&mut also_held);
    Ok(Recovered { doc, replayed, held })
}

/// Writes again, by somebody else and on top of `doc` as it stands, what others wrote: of `writes` the
/// places in `wanted` and those below them. So whoever takes work over answers for it, field by field.
///
/// # Errors
/// [`RecoverFault`]; `doc` is as it was then.
pub fn take_over(
    doc: &Automerge,
    writes: &[FieldDifference],
    writer: &Writer,
    at: Instant,
    wanted: &[Path],
) -> Result<Recovered, RecoverFault> {
    let mut doc = doc.clone();
    let present = values(&Draft::read(&doc)?);
    let mut places: Vec<(Place, Fields)> = Vec::new();
    for write in writes.iter().filter(|write| wanted.iter().any(|p| covers(p, &write.path))) {
        let place = (write.path.section, write.path.item.clone());
        let field = write.path.field.filter(|_| present.get(&write.path) != write.after);
        let field = field.map(|name| (name, write.after.clone()));
        match places.iter_mut().find(|(known, _)| *known == place) {
            Some((_, fields)) => fields.extend(field),
            None => places.push((place, field.into_iter().collect())),
        }
    }
    let mut replay = Replay::new(&mut doc, writer, at)?;
    for (place, fields) in places {
        let exists = present.items.contains(&place);
        if !fields.is_empty() || !exists {
            replay.write(&place, fields, &[], exists);
        }
    }
    let (replayed, held) = replay.finish();
    Ok(Recovered { doc, replayed, held })
}

fn path_of((section, item): &Place, field: &'static str) -> Path {
    Path { section: *section, item: item.clone(), field: Some(field) }
}

/// The heads of what both documents hold.
fn common_heads(server: &Automerge, local: &Automerge) -> Vec<ChangeHash> {
    let shared: Vec<_> = local
        .get_changes_meta(&[])
        .into_iter()
        .filter(|meta| server.get_change_meta_by_hash(&meta.hash).is_some())
        .collect();
    let built_on: BTreeSet<ChangeHash> =
        shared.iter().flat_map(|meta| meta.deps.iter().copied()).collect();
    shared.iter().map(|meta| meta.hash).filter(|hash| !built_on.contains(hash)).collect()
}

struct Replay<'d> {
    editor: DraftEditor<'d>,
    replayed: usize,
    held: Vec<HeldEdit>,
}

impl<'d> Replay<'d> {
    fn new(doc: &'d mut Automerge, writer: &'d Writer, at: Instant) -> Result<Self, EditRefusal> {
        let editor = DraftEditor::new(doc, writer, at)?;
        Ok(Self { editor, replayed: 0, held: Vec::new() })
    }

    fn finish(self) -> (usize, Vec<HeldEdit>) {
        (self.replayed, self.held)
    }

    fn write(&mut self, place: &Place, fields: Fields, hold: &[Path], exists: bool) {
        let (section, item) = place;
        let path = |field| Path { section: *section, item: item.clone(), field };
        let is_held = |field| hold.iter().any(|held| covers(held, &path(field)));
        if is_held(None) {
            self.hold_all(place, &fields, "refused by the server");
            return;
        }
        let (held, fields): (Fields, Fields) =
            fields.into_iter().partition(|(name, _)| is_held(Some(*name)));
        if !held.is_empty() {
            self.hold_all(place, &held, "refused by the server");
        }
        match (exists, item.as_deref().and_then(|id| id.parse().ok())) {
            (false, Some(id)) => self.add_item(place, id, &fields),
            _ => self.put_each(place, &fields),
        }
    }

    fn add_item(&mut self, place: &Place, id: Uuid, fields: &Fields) {
        let (texts, scalars) = texts_and_scalars(place.0, fields);
        let mut texts: Vec<(&'static str, &str)> =
            texts.iter().map(|(name, value)| (*name, text_of(value))).collect();
        for row in place.0.fields().iter().filter(|row| matches!(row.kind, Kind::Text(_))) {
            // An empty text is left out of the values, but the item has it.
            if !texts.iter().any(|(name, _)| *name == row.name) {
                texts.push((row.name, ""));
            }
        }
        match self.editor.add_item(place.0, id, &scalars, &texts) {
            Ok(_) => self.replayed = self.replayed.saturating_add(1),
            Err(refusal) => self.hold_all(place, fields, &refusal.to_string()),
        }
    }

    /// All scalars of a place in one change if that is possible, else one by one.
    fn put_each(&mut self, place: &Place, fields: &Fields) {
        let (section, item) = place;
        let (texts, scalars) = texts_and_scalars(*section, fields);
        if !scalars.is_empty()
            && self.editor.put_fields(*section, item.as_deref(), &scalars).is_ok()
        {
            self.replayed = self.replayed.saturating_add(1);
        } else {
            for field in scalars {
                let result =
                    self.editor.put_fields(*section, item.as_deref(), std::slice::from_ref(&field));
                self.count(place, field, result);
            }
        }
        for (name, value) in texts {
            let path = Path { section: *section, item: item.clone(), field: Some(name) };
            let result = self.editor.set_text(&path, text_of(&value));
            self.count(place, (name, value), result);
        }
    }

    fn count(&mut self, place: &Place, field: (&'static str, Scalar), result: crate::edit::Edited) {
        match result {
            Ok(_) => self.replayed = self.replayed.saturating_add(1),
            Err(refusal) => self.hold_all(place, &vec![field], &refusal.to_string()),
        }
    }

    fn hold_all(&mut self, (section, item): &Place, fields: &Fields, reason: &str) {
        let held = |field, value| HeldEdit {
            path: Path { section: *section, item: item.clone(), field },
            value,
            reason: reason.to_owned(),
        };
        if fields.is_empty() {
            self.held.push(held(None, Scalar::Null));
        }
        self.held.extend(fields.iter().map(|(name, value)| held(Some(*name), value.clone())));
    }
}

fn texts_and_scalars(section: Section, fields: &Fields) -> (Fields, Fields) {
    fields.iter().cloned().partition(|(name, _)| {
        section.field(name).is_some_and(|row| matches!(row.kind, Kind::Text(_)))
    })
}

fn text_of(value: &Scalar) -> &str {
    match value {
        Scalar::Str(text) => text,
        _ => "",
    }
}

/// Whether `path` is the held place or below it.
fn covers(held: &Path, path: &Path) -> bool {
    held.section == path.section
        && (held.item.is_none() || held.item == path.item)
        && (held.field.is_none() || held.field == path.field)
}

#[cfg(test)]
mod tests;
