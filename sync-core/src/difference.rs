//! What differs between two states of a draft, field by field: the audit of who changed what, what a
//! late edit amends, what separates two versions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use automerge::Automerge;

use crate::model::{
    ChangeHash, Draft, Rates, ReadFault, Scene,
    schema::{Path, Scalar, Section, Shape},
};

/// A field that differs. Of an item that has no field yet only its presence differs: the path names
/// the item, and the values are null and true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDifference {
    /// The field.
    pub path: Path,
    /// Its value before; null if it was not known.
    pub before: Scalar,
    /// Its value after.
    pub after: Scalar,
}

/// Every field that differs, in document order. Nothing is ever deleted from a draft, so an item that
/// only `before` has can come up only when the two are not states of one draft.
#[must_use]
pub fn between(before: &Draft, after: &Draft) -> Vec<FieldDifference> {
    let (before, after) = (values(before), values(after));
    let mut found = Vec::new();
    let places: BTreeSet<&Place> = before.items.union(&after.items).collect();
    for (section, item) in places {
        let path = |field| Path { section: *section, item: item.clone(), field };
        let fields = section.fields().iter().filter_map(|row| {
            let path = path(Some(row.name));
            let (before, after) = (before.get(&path), after.get(&path));
            (before != after).then_some(FieldDifference { path, before, after })
        });
        let fields: Vec<_> = fields.collect();
        let place = (*section, item.clone());
        let (was, is) = (before.items.contains(&place), after.items.contains(&place));
        if fields.is_empty() && was != is {
            let presence = |there| if there { Scalar::Bool(true) } else { Scalar::Null };
            found.push(FieldDifference {
                path: path(None),
                before: presence(was),
                after: presence(is),
            });
        }
        found.extend(fields);
    }
    found
}

/// What changes of a document wrote, each against what its writer saw, one after the other: of a field
/// that several of them wrote, the value before the first and the one after the last.
///
/// # Errors
/// [`ReadFault`] if a change is not in the document or the document was no draft then.
pub fn of_changes(
    doc: &Automerge,
    changes: &[ChangeHash],
) -> Result<Vec<FieldDifference>, ReadFault> {
    let mut writes: BTreeMap<Path, FieldDifference> = BTreeMap::new();
    for one in each_change(doc, changes)? {
        for write in one {
            match writes.get_mut(&write.path) {
                Some(known) => known.after = write.after,
                None => drop(writes.insert(write.path.clone(), write)),
            }
        }
    }
    Ok(writes.into_values().filter(|write| write.before != write.after).collect())
}

/// What each of these changes wrote, against what its writer saw.
///
/// # Errors
/// As for [`of_changes`].
pub fn each_change(
    doc: &Automerge,
    changes: &[ChangeHash],
) -> Result<Vec<Vec<FieldDifference>>, ReadFault> {
    let mut last: Option<(ChangeHash, Draft)> = None;
    let mut found = Vec::with_capacity(changes.len());
    for hash in changes {
        let change = doc.get_change_meta_by_hash(hash).ok_or(ReadFault::UnknownHead(*hash))?;
        let after = Draft::read_at(doc, &[*hash])?;
        let before = match last.take() {
            // Most changes follow each other, so their states need to be read only once.
            Some((known, draft)) if change.deps == [known] => draft,
            _ if change.deps.is_empty() => empty(&after),
            _ => Draft::read_at(doc, &change.deps)?,
        };
        found.push(between(&before, &after));
        last = Some((*hash, after));
    }
    Ok(found)
}

/// Nothing, for the change that began the document.
fn empty(draft: &Draft) -> Draft {
    Draft {
        schema: draft.schema,
        case_id: draft.case_id,
        scene: Scene::default(),
        rates: Rates::default(),
        vehicles: BTreeMap::new(),
        lines: BTreeMap::new(),
        photos: BTreeMap::new(),
        checklist: BTreeMap::new(),
        notes: BTreeMap::new(),
    }
}

/// A draft as values by place.
#[derive(Default)]
pub(crate) struct Values {
    pub(crate) items: BTreeSet<Place>,
    fields: BTreeMap<Path, Scalar>,
}

pub(crate) type Place = (Section, Option<String>);
pub(crate) type Fields = Vec<(&'static str, Scalar)>;

pub(crate) fn values(draft: &Draft) -> Values {
    let mut values = Values::default();
    let Ok(json) = serde_json::to_value(draft) else { return values };
    for section in Section::ALL {
        let Some(content) = json.get(section.key()).and_then(|value| value.as_object()) else {
            continue;
        };
        if section.shape() == Shape::Single {
            values.add((section, None), content);
            continue;
        }
        for (item, content) in content {
            if let Some(content) = content.as_object() {
                values.add((section, Some(item.clone())), content);
            }
        }
    }
    values
}

impl Values {
    fn add(&mut self, place: Place, content: &serde_json::Map<String, serde_json::Value>) {
        let (section, item) = &place;
        for row in section.fields() {
            let value = content.get(row.name).cloned().map(serde_json::from_value);
            if let Some(Ok(value)) = value {
                let path = Path { section: *section, item: item.clone(), field: Some(row.name) };
                self.fields.insert(path, value);
            }
        }
        self.items.insert(place);
    }

    pub(crate) fn get(&self, path: &Path) -> Scalar {
        self.fields.get(path).cloned().unwrap_or(Scalar::Null)
    }
}

/// What `after` has that `before` has not, by place, vehicles before the lines that name them.
pub(crate) fn differences(before: &Values, after: &Values) -> Vec<(Place, Fields)> {
    let mut found = Vec::new();
    for place in &after.items {
        let (section, item) = place;
        let mut fields = Fields::new();
        for row in section.fields() {
            let path = Path { section: *section, item: item.clone(), field: Some(row.name) };
            let value = after.get(&path);
            if value != before.get(&path) {
                fields.push((row.name, value));
            }
        }
        if !fields.is_empty() || !before.items.contains(place) {
            found.push((place.clone(), fields));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        edit::{DraftEditor, Writer},
        ids::{CaseId, PersonId},
        model::{ActorId, Seed, SeedVehicle, VehicleRole, schema::Roles, seed},
        time::Instant,
    };

    const AT: Instant = Instant(1_772_415_000_000);

    #[test]
    fn fields_and_bare_items_are_told_with_both_values() {
        let seeded = Seed {
            case_id: CaseId(Uuid::from_u128(1)),
            actor: ActorId::from([1; 16]),
            at: AT,
            vehicles: vec![SeedVehicle {
                id: Uuid::from_u128(2),
                role: VehicleRole::Own,
                plate: None,
                vin: None,
                brand_model: None,
            }],
            checklist: vec!["photos".to_owned()],
        };
        let mut doc = seed(&seeded).unwrap();
        let before = Draft::read(&doc).unwrap();
        assert_eq!(between(&before, &before), []);
        let writer = Writer {
            actor: ActorId::from([2; 16]),
            person: PersonId(Uuid::from_u128(3)),
            roles: Roles::ALL,
        };
        let (line, other) = (Uuid::from_u128(9), Uuid::from_u128(10));
        let mut pen = DraftEditor::new(&mut doc, &writer, AT).unwrap();
        pen.set_scene("place", "here").unwrap();
        pen.add_line(line, &[("kind", "replace".into()), ("unit_price_fen", 5.into())]).unwrap();
        pen.add_vehicle(other, &[]).unwrap();
        let after = Draft::read(&doc).unwrap();
        let told: Vec<(String, Scalar, Scalar)> = between(&before, &after)
            .into_iter()
            .map(|field| (field.path.to_string(), field.before, field.after))
            .collect();
        assert_eq!(
            told,
            [
                ("scene/place".to_owned(), Scalar::Null, "here".into()),
                (format!("vehicles/{other}"), Scalar::Null, true.into()),
                (format!("lines/{line}/kind"), Scalar::Null, "replace".into()),
                (format!("lines/{line}/unit_price_fen"), Scalar::Null, 5.into()),
            ]
        );
        // Each change against what its writer saw; the seed against nothing.
        let hashes: Vec<ChangeHash> = doc.get_changes(&[]).iter().map(|c| c.hash()).collect();
        let each = each_change(&doc, &hashes).unwrap();
        assert_eq!(each.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 2, 1]);
        assert_eq!(of_changes(&doc, &hashes[1..]).unwrap(), between(&before, &after));
        assert!(of_changes(&doc, &[ChangeHash([7; 32])]).is_err());
        // Read backwards it is the same with the sides changed.
        let back: Vec<_> = between(&after, &before)
            .into_iter()
            .map(|field| (field.path.to_string(), field.after, field.before))
            .collect();
        assert_eq!(back, told);
    }
}
