//! What changed between two versions, line by line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{CaseSheet, SheetRow};
use crate::{ids::LineId, money::Fen};

/// What a version changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Lines that differ, by id; equal ones are left out.
    pub lines: Vec<LineChange>,
    /// Sums that differ.
    pub totals: Vec<FieldChange>,
    /// Rates that differ.
    pub rates: Vec<FieldChange>,
}

/// A line that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineChange {
    /// The line.
    pub id: LineId,
    /// Its vehicle, in the newer version if it is there.
    pub vehicle_id: Uuid,
    /// Its name, in the newer version if it is there.
    pub name: String,
    /// Its amount before; missing for a line that was added.
    pub before_fen: Option<Fen>,
    /// Its amount after; missing for a line that was taken off.
    pub after_fen: Option<Fen>,
    /// Fields that differ; empty for a line that was added or taken off.
    pub fields: Vec<FieldChange>,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// Before; null where it was not said.
    pub before: Value,
    /// After; null where it is not said.
    pub after: Value,
}

/// What `after` changed compared with `before`.
#[must_use]
pub fn compare(before: &CaseSheet, after: &CaseSheet) -> Comparison {
    let (old, new) = (rows(before), rows(after));
    let ids: std::collections::BTreeSet<LineId> = old.keys().chain(new.keys()).copied().collect();
    let lines = ids.into_iter().filter_map(|id| line(id, old.get(&id), new.get(&id)));
    Comparison {
        lines: lines.collect(),
        totals: fields(&before.totals, &after.totals),
        rates: fields(&before.rates, &after.rates),
    }
}

type Placed<'s> = (Uuid, &'s SheetRow);

fn rows(sheet: &CaseSheet) -> BTreeMap<LineId, Placed<'_>> {
    let of = |vehicle: &'_ super::VehicleSheet| vehicle.vehicle_id;
    sheet
        .vehicles
        .iter()
        .flat_map(|vehicle| vehicle.lines.iter().map(move |row| (row.id, (of(vehicle), row))))
        .collect()
}

fn line(id: LineId, old: Option<&Placed<'_>>, new: Option<&Placed<'_>>) -> Option<LineChange> {
    let (vehicle_id, shown) = new.or(old)?;
    let mut changed = match (old, new) {
        (Some((_, old)), Some((_, new))) => fields(old, new),
        _ => Vec::new(),
    };
    if let (Some((from, _)), Some((to, _))) = (old, new)
        && from != to
    {
        let (before, after) = (Value::from(from.to_string()), Value::from(to.to_string()));
        changed.push(FieldChange { field: "vehicle_id".into(), before, after });
    }
    if old.is_some() && new.is_some() && changed.is_empty() {
        return None;
    }
    Some(LineChange {
        id,
        vehicle_id: *vehicle_id,
        name: shown.name.clone(),
        before_fen: old.map(|(_, row)| row.amount_fen),
        after_fen: new.map(|(_, row)| row.amount_fen),
        fields: changed,
    })
}

/// The fields of two values of one type that differ, by name.
fn fields<T: Serialize>(before: &T, after: &T) -> Vec<FieldChange> {
    let object = |value: &T| match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (mut old, mut new) = (object(before), object(after));
    let names: std::collections::BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let change = |field: String| {
        let before = old.remove(&field).unwrap_or(Value::Null);
        let after = new.remove(&field).unwrap_or(Value::Null);
        (before != after).then_some(FieldChange { field, before, after })
    };
    names.into_iter().filter_map(change).collect()
}
