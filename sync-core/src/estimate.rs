//! The arithmetic of the loss sheet (B1), in whole fen.
//!
//! Each line is rounded once, half up, and every total sums rounded lines, so the printed sheet adds
//! up with a pocket calculator. One sheet is for one vehicle. The total is what the insurer would
//! bear before deductibles; rescue and towing stand beside it, because another cap applies to them,
//! and so do lines that the cover does not include or that the customer bears (C26).

mod capitals;
mod input;
#[cfg(test)]
mod property_test;
#[cfg(test)]
mod sheet_test;

use std::collections::{BTreeMap, BTreeSet};

pub use capitals::chinese_capitals;
pub use input::{Cover, Item, LaborPrice, LaborType, Rates, SalvageKeeper, SheetLine};
use serde::{Deserialize, Serialize};

use crate::{ids::LineId, money::Fen, wire_name::wire_names};

/// More lines than any vehicle has parts.
pub const MAX_LINES: usize = 10_000;

/// A computed loss sheet. Amounts are positive, also those of deductions; only in `lines` is a
/// deduction negative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// Every line with its amount, in the order in which the lines came.
    pub lines: Vec<PricedLine>,
    /// Covered parts.
    pub parts_fen: Fen,
    /// Covered labor.
    pub labor_fen: Fen,
    /// Covered labor by type; types without a line are missing.
    pub labor_by_type_fen: BTreeMap<LaborType, Fen>,
    /// Management fee on parts and on labor, each rounded for itself.
    pub management_fee_fen: Fen,
    /// Covered auxiliary material.
    pub material_fen: Fen,
    /// Covered work of other workshops.
    pub sublet_fen: Fen,
    /// Deducted because the insured keeps what is left, the whole wreck included.
    pub salvage_fen: Fen,
    /// Deducted because new replaces old.
    pub betterment_fen: Fen,
    /// Parts, labor, management fee, material and sublet less salvage and betterment.
    pub total_fen: Fen,
    /// Rescue and towing, outside the total.
    pub rescue_fen: Fen,
    /// Lines that the cover does not include, outside the total.
    pub uncovered_fen: Fen,
    /// Lines that the customer bears, outside the total.
    pub self_borne_fen: Fen,
}

/// One line of a computed sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    /// The line.
    pub id: LineId,
    /// Its rounded amount; negative for a deduction, zero for salvage that the insurer takes.
    pub amount_fen: Fen,
}

/// Why no sheet can be computed: what is wrong where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct SheetFault {
    /// The line; missing if the fault is in the rates or in the sheet as a whole.
    pub line: Option<LineId>,
    /// The field as it is named in the input, or `amount_fen` and `total_fen` for results.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: SheetFaultReason,
}

wire_names! {
    /// What is wrong with a value of a sheet.
    pub enum SheetFaultReason {
        /// Quantities, prices and amounts are not negative.
        Negative = "sheet_value_negative",
        /// Above what can be meant (a discount or rate above 100 %, a line above [`Fen::MAX_LINE`]).
        TooLarge = "sheet_value_too_large",
        /// Two lines have the same id.
        DuplicateLine = "sheet_line_twice",
        /// More than [`MAX_LINES`] lines.
        TooManyLines = "sheet_too_many_lines",
        /// A deduction from something that is not covered.
        DeductionNotCovered = "sheet_deduction_not_covered",
        /// The deductions exceed the loss.
        BelowZero = "sheet_below_zero",
    }
}

/// Computes the sheet.
///
/// # Errors
/// The first [`SheetFault`], in the order of the lines. No input makes it wrap or panic.
pub fn compute(lines: &[SheetLine], rates: &Rates) -> Result<Sheet, SheetFault> {
    rates.check()?;
    check_ids(lines)?;
    let panels = lines.iter().filter(|line| line.is_refinish()).count();
    let mut sheet = Sheet::default();
    for line in lines {
        let amount = line.amount(rates, panels)?;
        sheet.add(line, amount)?;
    }
    sheet.total(rates)
}

fn check_ids(lines: &[SheetLine]) -> Result<(), SheetFault> {
    if lines.len() > MAX_LINES {
        let reason = SheetFaultReason::TooManyLines;
        return Err(SheetFault { line: None, field: "lines", reason });
    }
    let mut seen = BTreeSet::new();
    match lines.iter().find(|line| !seen.insert(line.id)) {
        None => Ok(()),
        Some(twin) => Err(twin.fault("id", SheetFaultReason::DuplicateLine)),
    }
}

impl Sheet {
    /// The total in the capitals that cannot be altered by a pen stroke (大写).
    #[must_use]
    pub fn total_in_capitals(&self) -> String {
        chinese_capitals(self.total_fen)
    }

    /// Adds a line to the sum it belongs to. At most [`MAX_LINES`] amounts of at most
    /// [`Fen::MAX_LINE`] fit in every sum, but overflow is refused all the same.
    fn add(&mut self, line: &SheetLine, amount: Fen) -> Result<(), SheetFault> {
        let printed = match line.item {
            Item::Betterment { .. } => Fen(-amount.0),
            Item::Salvage { kept_by: SalvageKeeper::Insured, .. } => Fen(-amount.0),
            Item::Salvage { kept_by: SalvageKeeper::Insurer, .. } => Fen::ZERO,
            _ => amount,
        };
        self.lines.push(PricedLine { id: line.id, amount_fen: printed });
        if let (Item::Repair { labor_type, .. }, Cover::Covered) = (&line.item, line.cover) {
            let labor = self.labor_by_type_fen.entry(*labor_type).or_default();
            grow(labor, amount).ok_or_else(|| line.too_large())?;
        }
        match self.sum_of(line) {
            Some(sum) => grow(sum, amount).ok_or_else(|| line.too_large()),
            None => Ok(()),
        }
    }

    /// The sum that a line belongs to; salvage that the insurer takes belongs to none.
    fn sum_of(&mut self, line: &SheetLine) -> Option<&mut Fen> {
        match (line.cover, &line.item) {
            (Cover::Uncovered, _) => Some(&mut self.uncovered_fen),
            (Cover::SelfBorne, _) => Some(&mut self.self_borne_fen),
            (Cover::Covered, Item::Replace { .. }) => Some(&mut self.parts_fen),
            (Cover::Covered, Item::Repair { .. }) => Some(&mut self.labor_fen),
            (Cover::Covered, Item::Material { .. }) => Some(&mut self.material_fen),
            (Cover::Covered, Item::Sublet { .. }) => Some(&mut self.sublet_fen),
            (Cover::Covered, Item::Betterment { .. }) => Some(&mut self.betterment_fen),
            (Cover::Covered, Item::Rescue { .. }) => Some(&mut self.rescue_fen),
            (Cover::Covered, Item::Salvage { kept_by, .. }) => match kept_by {
                SalvageKeeper::Insured => Some(&mut self.salvage_fen),
                SalvageKeeper::Insurer => None,
            },
        }
    }

    /// The finished sheet: fees on the sums, then the total.
    fn total(mut self, rates: &Rates) -> Result<Self, SheetFault> {
        const FULL_BP: i64 = input::FULL_BP;
        let fault = |reason| SheetFault { line: None, field: "total_fen", reason };
        let too_large = || fault(SheetFaultReason::TooLarge);
        let fees = [
            self.parts_fen.scaled(rates.parts_management_bp, FULL_BP),
            self.labor_fen.scaled(rates.labor_management_bp, FULL_BP),
        ];
        for fee in fees {
            grow(&mut self.management_fee_fen, fee.ok_or_else(too_large)?).ok_or_else(too_large)?;
        }
        grow(&mut self.salvage_fen, rates.whole_salvage_fen).ok_or_else(too_large)?;

        let mut total = Fen::ZERO;
        for part in [
            self.parts_fen,
            self.labor_fen,
            self.management_fee_fen,
            self.material_fen,
            self.sublet_fen,
        ] {
            grow(&mut total, part).ok_or_else(too_large)?;
        }
        self.total_fen = total
            .checked_sub(self.salvage_fen)
            .and_then(|rest| rest.checked_sub(self.betterment_fen))
            .filter(|total| *total >= Fen::ZERO)
            .ok_or_else(|| fault(SheetFaultReason::BelowZero))?;
        Ok(self)
    }
}

fn grow(sum: &mut Fen, amount: Fen) -> Option<()> {
    *sum = sum.checked_add(amount)?;
    Some(())
}
