//! Rates and discounts that are agreed beforehand, for a branch and a class of shops (B1): data with
//! versions, never constants. The phone fills them into the draft; what differs is told, not refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    estimate::{LaborType, Rates},
    model::{Draft, LineKind},
    money::Fen,
};

/// Rates of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateCard {
    /// Price of one labor hour by trade; a trade that is missing is free to agree.
    #[serde(default)]
    pub hourly_fen: BTreeMap<LaborType, Fen>,
    /// Management fee on parts, basis points.
    #[serde(default)]
    pub parts_management_bp: i64,
    /// Management fee on labor, basis points.
    #[serde(default)]
    pub labor_management_bp: i64,
    /// Share of the price of parts that is paid, basis points.
    #[serde(default = "full")]
    pub parts_discount_bp: i64,
    /// Share of the price of labor that is paid, by trade, basis points.
    #[serde(default)]
    pub labor_discount_bp: BTreeMap<LaborType, i64>,
    /// Share of the price of each painted panel that is paid when there are many, basis points.
    #[serde(default = "full")]
    pub multi_panel_discount_bp: i64,
    /// How many panels are many.
    #[serde(default = "two")]
    pub multi_panel_from: u32,
    /// Share of the actual value from which a total loss is suggested, basis points.
    #[serde(default)]
    pub total_loss_from_bp: Option<i64>,
    /// How far a price may be from the list before the verifier is told, basis points.
    #[serde(default)]
    pub tolerance_bp: Option<i64>,
}

const fn full() -> i64 {
    10_000
}

const fn two() -> u32 {
    2
}

/// Which rate card was in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateCardRef {
    /// The card.
    pub id: Uuid,
    /// Its version within its branch and class of shops.
    pub version: i64,
}

/// A rate of a draft that is not the card's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffCard {
    /// The place in the draft.
    pub path: String,
    /// What the draft says.
    pub value: i64,
    /// What the card says.
    pub card: i64,
}

impl RateCard {
    /// The first field that cannot be meant.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let share = |value: i64| (0..=10_000).contains(&value);
        let checks = [
            ("parts_management_bp", share(self.parts_management_bp)),
            ("labor_management_bp", share(self.labor_management_bp)),
            ("parts_discount_bp", share(self.parts_discount_bp)),
            ("multi_panel_discount_bp", share(self.multi_panel_discount_bp)),
            ("labor_discount_bp", self.labor_discount_bp.values().all(|bp| share(*bp))),
            ("multi_panel_from", (2..=100).contains(&self.multi_panel_from)),
            ("total_loss_from_bp", self.total_loss_from_bp.is_none_or(share)),
            ("tolerance_bp", self.tolerance_bp.is_none_or(share)),
            (
                "hourly_fen",
                self.hourly_fen.values().all(|fen| (Fen::ZERO..=Fen::MAX_LINE).contains(fen)),
            ),
        ];
        checks.into_iter().find(|(_, fine)| !fine).map(|(name, _)| name)
    }

    /// The rates of a sheet under this card.
    #[must_use]
    pub fn rates(&self) -> Rates {
        Rates {
            parts_management_bp: self.parts_management_bp,
            labor_management_bp: self.labor_management_bp,
            parts_discount_bp: self.parts_discount_bp,
            labor_discount_bp: self.labor_discount_bp.clone(),
            multi_panel_discount_bp: self.multi_panel_discount_bp,
            multi_panel_from: self.multi_panel_from,
            whole_salvage_fen: Fen::ZERO,
        }
    }

    /// Where a draft departs from the card, in the order of the draft.
    #[must_use]
    pub fn departures(&self, draft: &Draft) -> Vec<OffCard> {
        let (own, card) = (draft.sheet_rates(), self.rates());
        let mut off = Vec::new();
        let mut compare = |path: String, value: i64, card: i64| {
            if value != card {
                off.push(OffCard { path, value, card });
            }
        };
        for (name, value, card) in [
            ("parts_management_bp", own.parts_management_bp, card.parts_management_bp),
            ("labor_management_bp", own.labor_management_bp, card.labor_management_bp),
            ("parts_discount_bp", own.parts_discount_bp, card.parts_discount_bp),
            ("multi_panel_discount_bp", own.multi_panel_discount_bp, card.multi_panel_discount_bp),
            ("multi_panel_from", own.multi_panel_from.into(), card.multi_panel_from.into()),
        ] {
            compare(format!("rates/{name}"), value, card);
        }
        for trade in LaborType::ALL {
            let share =
                |rates: &Rates| rates.labor_discount_bp.get(trade).copied().unwrap_or(10_000);
            compare(format!("rates/{trade}_discount_bp"), share(&own), share(&card));
        }
        for (id, line) in draft.lines.iter().filter(|(_, line)| !line.removed) {
            let hourly = line.labor_type.and_then(|trade| self.hourly_fen.get(&trade));
            let timed = line.kind == Some(LineKind::Repair) && line.hours_milli.is_some();
            if let (Some(rate), Some(card), true) = (line.rate_fen, hourly, timed) {
                compare(format!("lines/{id}/rate_fen"), rate.0, card.0);
            }
        }
        off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_no_fee_and_no_discount() {
        let card: RateCard = serde_json::from_str("{}").unwrap();
        assert_eq!(card.rates(), Rates::default());
        assert_eq!(card.fault(), None);
        let wrong = RateCard { parts_discount_bp: 10_001, ..card.clone() };
        assert_eq!(wrong.fault(), Some("parts_discount_bp"));
        let wrong = RateCard { hourly_fen: [(LaborType::Body, Fen(-1))].into(), ..card };
        assert_eq!(wrong.fault(), Some("hourly_fen"));
    }
}
