//! Which fields merge by themselves and which need a person.
//!
//! Two concurrent values of a plain field settle themselves: the later one shows. Two different
//! amounts, liabilities or identities are never settled in silence: they are listed here until
//! somebody writes again ([`crate::edit::DraftEditor::settle`]).

use std::collections::BTreeSet;

use automerge::{
    ActorId, Automerge, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, ScalarValueRef,
    Value, ValueRef,
};

use serde::{Deserialize, Serialize};

use crate::{
    edit::object_at,
    model::schema::{Concern, Field, Path, Scalar, Section, Shape},
};

/// Values that were written without knowing of each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The field.
    pub path: Path,
    /// Why it matters.
    pub concern: Concern,
    /// What happened.
    pub kind: ConflictKind,
    /// The values, the one that shows now last.
    pub candidates: Vec<Candidate>,
}

impl Conflict {
    /// Whether approval has to wait for a person.
    #[must_use]
    pub const fn needs_person(&self) -> bool {
        self.concern.needs_person()
    }
}

/// How values came to stand against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Different values were written to one field.
    Values,
    /// An item was removed while somebody else wrote to a field of it that needs a person; the path
    /// is the item's `removed`.
    RemovedMeanwhile,
}

/// One of the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The field that it was written to.
    pub path: Path,
    /// The value.
    pub value: Scalar,
    /// The operation, as `counter@actor`.
    pub op: String,
    /// The change that wrote it.
    pub change: ChangeHash,
    /// Who wrote it.
    pub actor: ActorId,
}

/// Every conflict of a draft, in document order. Equal concurrent values are none.
#[must_use]
pub fn list(doc: &Automerge) -> Vec<Conflict> {
    let mut found = Vec::new();
    for section in Section::ALL {
        let Ok(Some(map)) = object_at(doc, &ROOT, section.key()) else { continue };
        match section.shape() {
            Shape::Single => in_map(doc, section, None, &map, &mut found),
            Shape::Keyed { .. } | Shape::Fixed => {
                for entry in doc.map_range(&map, ..) {
                    if entry.value == ValueRef::Object(ObjType::Map) {
                        in_map(doc, section, Some(&entry.key), &entry.id(), &mut found);
                    }
                }
            }
        }
    }
    found
}

fn in_map(
    doc: &Automerge,
    section: Section,
    item: Option<&str>,
    map: &ObjId,
    found: &mut Vec<Conflict>,
) {
    let path = |row: &'static Field| Path {
        section,
        item: item.map(str::to_owned),
        field: Some(row.name),
    };
    let mut removed = None;
    for entry in doc.map_range(map, ..) {
        let is_removal = entry.key == "removed"
            && entry.value == ValueRef::Scalar(ScalarValueRef::Boolean(true));
        if !entry.conflict && !is_removal {
            continue;
        }
        let Some(row) = section.field(&entry.key) else { continue };
        if is_removal {
            removed = doc.hash_for_opid(&entry.id()).map(|change| (path(row), change));
        }
        if !entry.conflict {
            continue;
        }
        let path = path(row);
        let candidates = candidates(doc, map, &path);
        let differ = candidates.windows(2).any(|pair| match pair {
            [a, b] => a.value != b.value,
            _ => false,
        });
        if differ {
            removed = removed.filter(|(removal, _)| *removal != path);
            found.push(Conflict {
                path,
                concern: row.concern,
                kind: ConflictKind::Values,
                candidates,
            });
        }
    }
    if let Some((path, removal)) = removed {
        found.extend(removed_meanwhile(doc, map, path, removal));
    }
}

fn candidates(doc: &Automerge, map: &ObjId, path: &Path) -> Vec<Candidate> {
    let values = path.field.and_then(|field| doc.get_all(map, field).ok()).unwrap_or_default();
    values.iter().filter_map(|(value, id)| candidate(doc, path, value, id)).collect()
}

fn candidate(doc: &Automerge, path: &Path, value: &Value<'_>, id: &ObjId) -> Option<Candidate> {
    let ObjId::Id(_, actor, _) = id else { return None };
    let value = match value {
        Value::Scalar(value) => match value.as_ref() {
            ScalarValue::Null => Scalar::Null,
            ScalarValue::Boolean(yes) => Scalar::Bool(*yes),
            ScalarValue::Int(n) => Scalar::Int(*n),
            ScalarValue::Str(text) => Scalar::Str(text.to_string()),
            _ => return None,
        },
        Value::Object(_) => return None,
    };
    let change = doc.hash_for_opid(id)?;
    Some(Candidate { path: path.clone(), value, op: id.to_string(), change, actor: actor.clone() })
}

/// A removal against writes that did not know of it and that it did not know of. The library merges
/// both without a flag, and the removal would swallow the write.
fn removed_meanwhile(
    doc: &Automerge,
    map: &ObjId,
    path: Path,
    removal: ChangeHash,
) -> Option<Conflict> {
    let mut candidates_against = Vec::new();
    for row in path.section.fields() {
        if !row.concern.needs_person() || row.name == "removed" {
            continue;
        }
        let seen: BTreeSet<String> = doc
            .get_all_at(map, row.name, &[removal])
            .unwrap_or_default()
            .iter()
            .map(|(_, id)| id.to_string())
            .collect();
        let mut writes = candidates(doc, map, &Path { field: Some(row.name), ..path.clone() });
        writes.retain(|write| !seen.contains(&write.op) && !is_removed_at(doc, map, write.change));
        candidates_against.append(&mut writes);
    }
    if candidates_against.is_empty() {
        return None;
    }
    candidates_against.extend(candidates(doc, map, &path));
    let concern = path.row()?.concern;
    let kind = ConflictKind::RemovedMeanwhile;
    Some(Conflict { path, concern, kind, candidates: candidates_against })
}

fn is_removed_at(doc: &Automerge, map: &ObjId, change: ChangeHash) -> bool {
    matches!(
        doc.get_at(map, "removed", &[change]),
        Ok(Some((Value::Scalar(value), _))) if *value == ScalarValue::Boolean(true)
    )
}

#[cfg(test)]
mod tests;
