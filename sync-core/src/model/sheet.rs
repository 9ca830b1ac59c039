//! The draft's lines and rates as the input of the loss-sheet arithmetic, so that phone and server
//! compute the same total from the same draft.

use uuid::Uuid;

use super::{
    Draft, Line, LineKind, Rates as DraftRates,
    schema::{Path, Section},
};
use crate::{
    estimate::{Cover, Item, LaborPrice, LaborType, Rates, SalvageKeeper, SheetLine},
    ids::LineId,
    money::Fen,
};

/// A field that a line cannot be priced without.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing")]
pub struct SheetGap(pub Path);

impl Draft {
    /// The lines of one vehicle that are on the sheet, by id. What is not said has the plain meaning:
    /// one piece, no discount, covered, salvage kept by the insured.
    ///
    /// # Errors
    /// The first [`SheetGap`].
    pub fn sheet_lines(&self, vehicle: Uuid) -> Result<Vec<SheetLine>, SheetGap> {
        self.lines
            .iter()
            .filter(|(_, line)| !line.removed && line.vehicle_id == Some(vehicle))
            .map(|(id, line)| {
                Ok(SheetLine {
                    id: LineId(*id),
                    cover: line.cover.unwrap_or(Cover::Covered),
                    discount_bp: line.discount_bp.unwrap_or(10_000),
                    item: item(*id, line)?,
                })
            })
            .collect()
    }

    /// The rates of the sheet. What is not said is no fee, no discount and no salvage.
    #[must_use]
    pub fn sheet_rates(&self) -> Rates {
        let plain = Rates::default();
        let DraftRates { parts_management_bp, labor_management_bp, .. } = self.rates;
        Rates {
            parts_management_bp: parts_management_bp.unwrap_or(plain.parts_management_bp),
            labor_management_bp: labor_management_bp.unwrap_or(plain.labor_management_bp),
            parts_discount_bp: self.rates.parts_discount_bp.unwrap_or(plain.parts_discount_bp),
            labor_discount_bp: LaborType::ALL
                .iter()
                .filter_map(|labor_type| Some((*labor_type, self.rates.labor(*labor_type)?)))
                .collect(),
            multi_panel_discount_bp: self
                .rates
                .multi_panel_discount_bp
                .unwrap_or(plain.multi_panel_discount_bp),
            multi_panel_from: self
                .rates
                .multi_panel_from
                .and_then(|from| u32::try_from(from).ok())
                .unwrap_or(plain.multi_panel_from),
            whole_salvage_fen: self.rates.whole_salvage_fen.unwrap_or(plain.whole_salvage_fen),
        }
    }
}

impl DraftRates {
    const fn labor(&self, labor_type: LaborType) -> Option<i64> {
        match labor_type {
            LaborType::RemoveInstall => self.remove_install_discount_bp,
            LaborType::Body => self.body_discount_bp,
            LaborType::Refinish => self.refinish_discount_bp,
            LaborType::Mechanical => self.mechanical_discount_bp,
            LaborType::Electrical => self.electrical_discount_bp,
            LaborType::Glass => self.glass_discount_bp,
            LaborType::Frame => self.frame_discount_bp,
        }
    }
}

fn item(id: Uuid, line: &Line) -> Result<Item, SheetGap> {
    let gap = |field| SheetGap(Path::of_item(Section::Lines, id.to_string(), field));
    let amount = || line.amount_fen.ok_or_else(|| gap("amount_fen"));
    let counted = || -> Result<(i64, Fen), SheetGap> {
        let price = line.unit_price_fen.ok_or_else(|| gap("unit_price_fen"))?;
        Ok((line.qty_milli.unwrap_or(1_000), price))
    };
    Ok(match line.kind.ok_or_else(|| gap("kind"))? {
        LineKind::Replace => {
            let (qty_milli, unit_price_fen) = counted()?;
            Item::Replace { qty_milli, unit_price_fen }
        }
        LineKind::Material => {
            let (qty_milli, unit_price_fen) = counted()?;
            Item::Material { qty_milli, unit_price_fen }
        }
        LineKind::Repair => Item::Repair {
            labor_type: line.labor_type.ok_or_else(|| gap("labor_type"))?,
            price: match (line.hours_milli, line.amount_fen) {
                (Some(hours_milli), _) => {
                    let rate_fen = line.rate_fen.ok_or_else(|| gap("rate_fen"))?;
                    LaborPrice::Hours { hours_milli, rate_fen }
                }
                (None, Some(amount_fen)) => LaborPrice::Fixed { amount_fen },
                (None, None) => return Err(gap("hours_milli")),
            },
        },
        LineKind::Sublet => Item::Sublet { amount_fen: amount()? },
        LineKind::Betterment => Item::Betterment { amount_fen: amount()? },
        LineKind::Salvage => Item::Salvage {
            amount_fen: amount()?,
            kept_by: line.kept_by.unwrap_or(SalvageKeeper::Insured),
        },
        LineKind::Rescue => Item::Rescue { amount_fen: amount()? },
    })
}
