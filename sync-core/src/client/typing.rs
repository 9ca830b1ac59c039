//! Edits that are still being made: what somebody types becomes one change when they leave the field
//! or pause, not one for each key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    edit::{DraftEditor, EditRefusal},
    ids::CaseId,
    model::schema::{Kind, Path, Scalar},
    time::{Instant, Span},
};

/// A pause that ends an edit.
pub const IDLE: Span = Span(2_000);

/// What is being typed: the newest value of each field, and when it was last touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typing {
    fields: BTreeMap<(CaseId, Path), (Scalar, Instant)>,
}

/// One field that is being typed into, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Typed {
    pub(super) case_id: CaseId,
    pub(super) path: Path,
    pub(super) value: Scalar,
    pub(super) at: Instant,
}

impl Typing {
    /// Takes the value that the field shows now.
    pub fn type_in(&mut self, case_id: CaseId, path: Path, value: Scalar, now: Instant) {
        self.fields.insert((case_id, path), (value, now));
    }

    /// Whether nothing is being typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The fields that were left alone for long enough, by case.
    #[must_use]
    pub fn ripe(&self, now: Instant) -> BTreeMap<CaseId, Vec<(Path, Scalar)>> {
        self.those(|at| now.since(at) >= IDLE || now < at)
    }

    /// Every field of a case, because its form is left.
    #[must_use]
    pub fn of(&self, case_id: CaseId) -> Vec<(Path, Scalar)> {
        self.those(|_| true).remove(&case_id).unwrap_or_default()
    }

    fn those(&self, which: impl Fn(Instant) -> bool) -> BTreeMap<CaseId, Vec<(Path, Scalar)>> {
        let mut found: BTreeMap<CaseId, Vec<(Path, Scalar)>> = BTreeMap::new();
        for ((case_id, path), (value, at)) in &self.fields {
            if which(*at) {
                found.entry(*case_id).or_default().push((path.clone(), value.clone()));
            }
        }
        found
    }

    /// Forgets fields that became changes.
    pub fn done(&mut self, case_id: CaseId, paths: &[(Path, Scalar)]) {
        for (path, _) in paths {
            self.fields.remove(&(case_id, path.clone()));
        }
    }

    pub(super) fn list(&self) -> Vec<Typed> {
        let typed = |((case_id, path), (value, at)): (&(CaseId, Path), &(Scalar, Instant))| Typed {
            case_id: *case_id,
            path: path.clone(),
            value: value.clone(),
            at: *at,
        };
        self.fields.iter().map(typed).collect()
    }

    pub(super) fn restore(typed: Vec<Typed>) -> Self {
        let mut typing = Self::default();
        for Typed { case_id, path, value, at } in typed {
            typing.type_in(case_id, path, value, at);
        }
        typing
    }
}

/// Writes fields into a draft: those of one item or section in one change, as a form does.
///
/// # Errors
/// The first [`EditRefusal`]; what was written before it stays.
pub(super) fn write(
    pen: &mut DraftEditor<'_>,
    fields: &[(Path, Scalar)],
) -> Result<(), EditRefusal> {
    let mut forms: BTreeMap<Path, Vec<(&'static str, Scalar)>> = BTreeMap::new();
    for (path, value) in fields {
        let row = path.row().ok_or_else(|| EditRefusal::UnknownPath(path.to_string()))?;
        if let Kind::Text(_) = row.kind {
            let text = match value {
                Scalar::Str(text) => text.as_str(),
                _ => "",
            };
            pen.set_text(path, text)?;
        } else {
            let form = Path { field: None, ..path.clone() };
            forms.entry(form).or_default().push((row.name, value.clone()));
        }
    }
    for (form, fields) in forms {
        pen.put_fields(form.section, form.item.as_deref(), &fields)?;
    }
    Ok(())
}
