//! Photo plans for every kind of accident, as data that an operator can change.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::{AccidentKind, Wanted};
use crate::photo::PhotoSlot;

/// Kinds of photo in one plan.
const MOST_SLOTS: usize = 40;
/// Photos of one kind that a plan may want.
const MOST_WANTED: i64 = 20;
/// No camera's shorter side is longer.
const LONGEST_SIDE: i64 = 16_000;
/// The plans that ship as default.
const BUILT_IN: &str = include_str!("plans.json");

/// A plan for every kind of accident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanBook(BTreeMap<AccidentKind, Vec<Wanted>>);

/// One photo of a plan, as somebody gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenSlot {
    /// What it shows.
    pub slot: String,
    /// How many of them at least; 0: taken if there is something to show.
    pub least: i64,
    /// Pixels of its shorter side at least.
    pub shorter_side: i64,
}

/// What is wrong with given plans: where, by a stable code, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFault {
    /// The place, such as `collision.3.least`.
    pub field: String,
    /// The code.
    pub code: &'static str,
    /// What is allowed there.
    pub allowed: String,
}

impl PlanBook {
    /// The plans that ship as default.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static BOOK: LazyLock<PlanBook> =
            LazyLock::new(|| serde_json::from_str(BUILT_IN).unwrap_or_default());
        &BOOK
    }

    /// The photos that an accident of this kind needs, in the order in which they are taken.
    #[must_use]
    pub fn plan(&self, kind: AccidentKind) -> &[Wanted] {
        self.0.get(&kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// What the strictest plan wants of a photo of this slot.
    #[must_use]
    pub fn wanted(&self, slot: PhotoSlot) -> Option<Wanted> {
        let all = self.0.values().flatten().filter(|wanted| wanted.slot == slot);
        all.copied().max_by_key(|wanted| wanted.shorter_side)
    }

    /// Checks plans by the names of their kinds.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn check(given: &BTreeMap<String, Vec<GivenSlot>>) -> Result<Self, Vec<PlanFault>> {
        let mut faults = Vec::new();
        let mut book = BTreeMap::new();
        for (name, slots) in given {
            match name.parse::<AccidentKind>() {
                Ok(kind) => book.extend(check_plan(&mut faults, name, slots).map(|p| (kind, p))),
                Err(_) => faults.push(fault(name, "unknown", AccidentKind::NAMES.join(", "))),
            }
        }
        for kind in AccidentKind::ALL {
            if !given.contains_key(kind.as_str()) {
                faults.push(fault(kind.as_str(), "missing", "a plan for every kind of accident"));
            }
        }
        if faults.is_empty() { Ok(Self(book)) } else { Err(faults) }
    }
}

fn fault(field: &str, code: &'static str, allowed: impl Into<String>) -> PlanFault {
    PlanFault { field: field.to_owned(), code, allowed: allowed.into() }
}

fn check_plan(faults: &mut Vec<PlanFault>, kind: &str, slots: &[GivenSlot]) -> Option<Vec<Wanted>> {
    let before = faults.len();
    if !(1..=MOST_SLOTS).contains(&slots.len()) {
        faults.push(fault(kind, "wrong_length", format!("1 to {MOST_SLOTS} slots")));
        return None;
    }
    if slots.iter().all(|slot| slot.least == 0) {
        faults.push(fault(kind, "nothing_required", "at least one slot that is required"));
    }
    let mut plan: Vec<Wanted> = Vec::new();
    for (n, given) in slots.iter().enumerate() {
        let at = |name: &str| format!("{kind}.{n}.{name}");
        let slot = given.slot.parse::<PhotoSlot>();
        match slot {
            Err(_) => faults.push(fault(&at("slot"), "unknown", PhotoSlot::NAMES.join(", "))),
            Ok(slot) if plan.iter().any(|other| other.slot == slot) => {
                faults.push(fault(&at("slot"), "twice", "each slot once in a plan"));
            }
            Ok(_) => {}
        }
        let number = |value: i64, most: i64| {
            u32::try_from(value).ok().filter(|_| (0..=most).contains(&value))
        };
        let (least, side) =
            (number(given.least, MOST_WANTED), number(given.shorter_side, LONGEST_SIDE));
        if least.is_none() {
            faults.push(fault(&at("least"), "out_of_range", format!("0 to {MOST_WANTED}")));
        }
        if side.is_none() {
            let allowed = format!("pixels, 0 to {LONGEST_SIDE}");
            faults.push(fault(&at("shorter_side"), "out_of_range", allowed));
        }
        if let (Ok(slot), Some(least), Some(shorter_side)) = (slot, least, side) {
            plan.push(Wanted { slot, least, shorter_side });
        }
    }
    (faults.len() == before).then_some(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> BTreeMap<String, Vec<GivenSlot>> {
        let slot = |wanted: &Wanted| GivenSlot {
            slot: wanted.slot.as_str().to_owned(),
            least: wanted.least.into(),
            shorter_side: wanted.shorter_side.into(),
        };
        let built_in = PlanBook::built_in().0.iter();
        built_in.map(|(kind, plan)| (kind.to_string(), plan.iter().map(slot).collect())).collect()
    }

    #[test]
    fn what_ships_is_checked_like_what_is_given() {
        assert_eq!(PlanBook::check(&given()).as_ref(), Ok(PlanBook::built_in()));
        assert_eq!(PlanBook::built_in().0.len(), AccidentKind::ALL.len());
        let text = serde_json::to_string(PlanBook::built_in()).unwrap();
        assert_eq!(serde_json::from_str::<PlanBook>(&text).unwrap(), *PlanBook::built_in());
        let vin = PlanBook::built_in().wanted(PhotoSlot::Vin);
        assert_eq!(vin.map(|wanted| wanted.shorter_side), Some(1_500));
        assert_eq!(PlanBook::built_in().wanted(PhotoSlot::Other), None);
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let slots = |book: &mut BTreeMap<String, Vec<GivenSlot>>| book.remove("glass").unwrap();
        let mut wrong = given();
        let mut glass = slots(&mut wrong);
        glass[0].slot = "selfie".into();
        glass[1].least = 21;
        glass[2].least = -1;
        glass[3].shorter_side = i64::from(u32::MAX) + 1;
        glass[4].slot = "vin".into();
        wrong.insert("glass".into(), glass);
        wrong.insert("ufo".into(), Vec::new());
        wrong.insert("flood".into(), Vec::new());
        wrong.remove("scratch");
        let all_optional = wrong.get_mut("injury").unwrap();
        all_optional.iter_mut().for_each(|slot| slot.least = 0);
        let faults = PlanBook::check(&wrong).unwrap_err();
        let places: Vec<_> = faults.iter().map(|f| (f.field.as_str(), f.code)).collect();
        assert_eq!(
            places,
            [
                ("flood", "wrong_length"),
                ("glass.0.slot", "unknown"),
                ("glass.1.least", "out_of_range"),
                ("glass.2.least", "out_of_range"),
                ("glass.3.shorter_side", "out_of_range"),
                ("injury", "nothing_required"),
                ("ufo", "unknown"),
                ("scratch", "missing"),
            ]
        );
        let mut twice = given();
        let again = twice["glass"][0].clone();
        twice.get_mut("glass").unwrap().push(again);
        let faults = PlanBook::check(&twice).unwrap_err();
        assert_eq!((faults[0].field.as_str(), faults[0].code), ("glass.5.slot", "twice"));
    }
}
