//! What a loss sheet is computed from, and the amount of one line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{SheetFault, SheetFaultReason};
use crate::{ids::LineId, money::Fen, wire_name::wire_names};

/// Basis points of the whole.
pub(super) const FULL_BP: i64 = 10_000;
/// A million pieces, in thousandths.
const MAX_QTY_MILLI: i64 = 1_000_000_000;
/// Ten thousand hours, in thousandths.
const MAX_HOURS_MILLI: i64 = 10_000_000;

wire_names! {
    /// The trade that does the work.
    pub enum LaborType {
        /// Remove and install (拆装).
        RemoveInstall = "remove_install",
        /// Sheet metal (钣金).
        Body = "body",
        /// Paint (喷漆); one line is one panel.
        Refinish = "refinish",
        /// Mechanical (机修).
        Mechanical = "mechanical",
        /// Electrical (电工).
        Electrical = "electrical",
        /// Glass.
        Glass = "glass",
        /// Frame.
        Frame = "frame",
    }
}

wire_names! {
    /// Whether the insurance bears a line (C26).
    pub enum Cover {
        /// It does.
        Covered = "covered",
        /// It is no insured item.
        Uncovered = "uncovered",
        /// It is insured, but the customer bears it.
        SelfBorne = "self_borne",
    }
}

wire_names! {
    /// Who keeps what is left of the damaged thing.
    pub enum SalvageKeeper {
        /// The insured, against a deduction.
        Insured = "insured",
        /// The insurer; nothing is deducted.
        Insurer = "insurer",
    }
}

/// One line as it was entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetLine {
    /// The line.
    pub id: LineId,
    /// Whether the insurance bears it.
    pub cover: Cover,
    /// The share that remains after this line's discount, 0 to 10,000; 10,000 is the full price.
    pub discount_bp: i64,
    /// What is done or deducted.
    #[serde(flatten)]
    pub item: Item,
}

/// What a line is for. Quantities and hours are in thousandths, so that 1.5 litres or 0.3 hours can
/// be entered; nothing may be negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Item {
    /// A part is replaced.
    Replace {
        /// Pieces in thousandths, up to a million pieces.
        qty_milli: i64,
        /// Price of one piece.
        unit_price_fen: Fen,
    },
    /// Labor.
    Repair {
        /// The trade, which decides the discount.
        labor_type: LaborType,
        /// Hours or a fixed fee.
        #[serde(flatten)]
        price: LaborPrice,
    },
    /// Auxiliary material.
    Material {
        /// Units in thousandths, up to a million units.
        qty_milli: i64,
        /// Price of one unit.
        unit_price_fen: Fen,
    },
    /// Work of another workshop.
    Sublet {
        /// Its bill.
        amount_fen: Fen,
    },
    /// A deduction because new replaces old.
    Betterment {
        /// What is deducted.
        amount_fen: Fen,
    },
    /// What the damaged thing is still worth.
    Salvage {
        /// As agreed by both sides.
        amount_fen: Fen,
        /// Who keeps it.
        kept_by: SalvageKeeper,
    },
    /// Rescue and towing.
    Rescue {
        /// The bill.
        amount_fen: Fen,
    },
}

/// How labor is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LaborPrice {
    /// By time.
    Hours {
        /// Hours in thousandths, up to ten thousand hours.
        hours_milli: i64,
        /// Price of one hour.
        rate_fen: Fen,
    },
    /// A fixed fee.
    Fixed {
        /// The fee.
        amount_fen: Fen,
    },
}

/// Rates of the whole sheet, in basis points. A discount is the share that remains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Management fee on covered parts.
    pub parts_management_bp: i64,
    /// Management fee on covered labor.
    pub labor_management_bp: i64,
    /// Discount on every part.
    pub parts_discount_bp: i64,
    /// Discount by trade; a trade that is missing has none.
    pub labor_discount_bp: BTreeMap<LaborType, i64>,
    /// Discount on every painted panel, on top of the trade's, when there are many.
    pub multi_panel_discount_bp: i64,
    /// How many painted panels are many. All panels of the vehicle count, also those that are not
    /// covered: they are painted in one go.
    pub multi_panel_from: u32,
    /// What the whole wreck is worth, if the insured keeps it.
    pub whole_salvage_fen: Fen,
}

impl Default for Rates {
    /// No fees and no discounts.
    fn default() -> Self {
        Self {
            parts_management_bp: 0,
            labor_management_bp: 0,
            parts_discount_bp: FULL_BP,
            labor_discount_bp: BTreeMap::new(),
            multi_panel_discount_bp: FULL_BP,
            multi_panel_from: 2,
            whole_salvage_fen: Fen::ZERO,
        }
    }
}

impl Rates {
    pub(super) fn check(&self) -> Result<(), SheetFault> {
        let shares = [
            ("parts_management_bp", self.parts_management_bp),
            ("labor_management_bp", self.labor_management_bp),
            ("parts_discount_bp", self.parts_discount_bp),
            ("multi_panel_discount_bp", self.multi_panel_discount_bp),
        ];
        let by_trade = self.labor_discount_bp.values().map(|bp| ("labor_discount_bp", *bp));
        for (field, value) in shares.into_iter().chain(by_trade) {
            in_range(None, field, value, FULL_BP)?;
        }
        in_range(None, "whole_salvage_fen", self.whole_salvage_fen.0, Fen::MAX_LINE.0).map(drop)
    }

    fn labor_discount(&self, labor_type: LaborType, panels: usize) -> [i64; 2] {
        let trade = self.labor_discount_bp.get(&labor_type).copied().unwrap_or(FULL_BP);
        let many = u32::try_from(panels).is_ok_and(|panels| panels >= self.multi_panel_from);
        let panel = if labor_type == LaborType::Refinish && many {
            self.multi_panel_discount_bp
        } else {
            FULL_BP
        };
        [trade, panel]
    }
}

impl SheetLine {
    pub(super) fn is_refinish(&self) -> bool {
        matches!(self.item, Item::Repair { labor_type: LaborType::Refinish, .. })
    }

    /// The amount of the line: quantity x price x discounts, rounded once. Never negative and at
    /// most [`Fen::MAX_LINE`]. `panels` is the number of painted panels of the vehicle.
    pub(super) fn amount(&self, rates: &Rates, panels: usize) -> Result<Fen, SheetFault> {
        let price = Price::of(self, "discount_bp", self.discount_bp, FULL_BP)?.per(FULL_BP);
        match &self.item {
            Item::Replace { qty_milli, unit_price_fen } => {
                let parts = price.counted("qty_milli", *qty_milli, MAX_QTY_MILLI)?;
                parts.priced("unit_price_fen", *unit_price_fen)?.discounted(rates.parts_discount_bp)
            }
            Item::Material { qty_milli, unit_price_fen } => price
                .counted("qty_milli", *qty_milli, MAX_QTY_MILLI)?
                .priced("unit_price_fen", *unit_price_fen)?,
            Item::Repair { labor_type, price: labor } => {
                let [trade, panel] = rates.labor_discount(*labor_type, panels);
                price.labor(labor)?.discounted(trade).discounted(panel)
            }
            Item::Sublet { amount_fen } | Item::Rescue { amount_fen } => {
                price.priced("amount_fen", *amount_fen)?
            }
            Item::Betterment { amount_fen } | Item::Salvage { amount_fen, .. } => {
                if self.cover != Cover::Covered {
                    return Err(self.fault("cover", SheetFaultReason::DeductionNotCovered));
                }
                price.priced("amount_fen", *amount_fen)?
            }
        }
        .rounded()
    }

    pub(super) fn fault(&self, field: &'static str, reason: SheetFaultReason) -> SheetFault {
        SheetFault { line: Some(self.id), field, reason }
    }

    pub(super) fn too_large(&self) -> SheetFault {
        self.fault("amount_fen", SheetFaultReason::TooLarge)
    }
}

/// A price in the making, as an exact fraction. With every factor checked, the numerator stays below
/// 10^11 fen x 10^9 thousandths x 10^4 for each of at most three discounts: 10^32, well within i128.
struct Price {
    line: LineId,
    numerator: i128,
    denominator: i128,
}

impl Price {
    fn of(line: &SheetLine, field: &'static str, value: i64, max: i64) -> Result<Self, SheetFault> {
        let numerator = in_range(Some(line.id), field, value, max)?;
        Ok(Self { line: line.id, numerator, denominator: 1 })
    }

    fn times(self, field: &'static str, value: i64, max: i64) -> Result<Self, SheetFault> {
        let factor = in_range(Some(self.line), field, value, max)?;
        Ok(Self { numerator: self.numerator * factor, ..self })
    }

    fn per(self, divisor: i64) -> Self {
        Self { denominator: self.denominator * i128::from(divisor), ..self }
    }

    fn counted(self, field: &'static str, milli: i64, max: i64) -> Result<Self, SheetFault> {
        Ok(self.times(field, milli, max)?.per(1_000))
    }

    fn priced(self, field: &'static str, price: Fen) -> Result<Self, SheetFault> {
        self.times(field, price.0, Fen::MAX_LINE.0)
    }

    fn labor(self, price: &LaborPrice) -> Result<Self, SheetFault> {
        match price {
            LaborPrice::Hours { hours_milli, rate_fen } => self
                .counted("hours_milli", *hours_milli, MAX_HOURS_MILLI)?
                .priced("rate_fen", *rate_fen),
            LaborPrice::Fixed { amount_fen } => self.priced("amount_fen", *amount_fen),
        }
    }

    /// A discount of the rates, which are checked already.
    fn discounted(self, share_bp: i64) -> Self {
        Self { numerator: self.numerator * i128::from(share_bp), ..self }.per(FULL_BP)
    }

    fn rounded(self) -> Result<Fen, SheetFault> {
        let half_up = (self.numerator * 2 + self.denominator) / (self.denominator * 2);
        let reason = SheetFaultReason::TooLarge;
        let fault = SheetFault { line: Some(self.line), field: "amount_fen", reason };
        i64::try_from(half_up).map(Fen).ok().filter(|amount| *amount <= Fen::MAX_LINE).ok_or(fault)
    }
}

fn in_range(
    line: Option<LineId>,
    field: &'static str,
    value: i64,
    max: i64,
) -> Result<i128, SheetFault> {
    let fault = |reason| Err(SheetFault { line, field, reason });
    if value < 0 {
        fault(SheetFaultReason::Negative)
    } else if value > max {
        fault(SheetFaultReason::TooLarge)
    } else {
        Ok(i128::from(value))
    }
}
