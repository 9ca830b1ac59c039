//! PURE: what a verifier should look at. Marks refuse nothing and are not shown to the customer.

use std::collections::BTreeSet;

use sync_core::{
    cover::LossSuggestion,
    estimate::Cover,
    ids::LineId,
    model::LineKind,
    money::Fen,
    rate_card::OffCard,
    sheet::{CaseSheet, SheetRow},
};

/// A price may be this far from the list, where no rate card says.
pub const TOLERANCE_BP: i64 = 2_000;
/// Fewer earlier prices say nothing.
pub const LEAST_SIMILAR: usize = 5;

/// What is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkCode {
    /// Far from the price list.
    FarFromList,
    /// Far from what the same part cost in other cases.
    FarFromSimilar,
    /// A rate that is not the rate card's.
    OffCard,
    /// A price that rests on nothing.
    NoBasis,
    /// A line that the customer bears was not explained (C26).
    NotExplained,
    /// A supplement without a photo of its own.
    SupplementWithoutPhoto,
    /// Repair may not be worth while.
    TotalLoss,
}

impl MarkCode {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FarFromList => "far_from_list",
            Self::FarFromSimilar => "far_from_similar",
            Self::OffCard => "off_card",
            Self::NoBasis => "no_basis",
            Self::NotExplained => "not_explained",
            Self::SupplementWithoutPhoto => "supplement_without_photo",
            Self::TotalLoss => "total_loss",
        }
    }
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What.
    pub code: MarkCode,
    /// Where in the draft.
    pub path: String,
    /// What the sheet says, in the unit of the field.
    pub value: Option<i64>,
    /// What it was compared with.
    pub expected: Option<i64>,
}

/// What a line's price is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Part number or code of the operation.
    pub code: String,
    /// Source of the part or trade; empty for any.
    pub source: String,
    /// The listed price, or the middle one of earlier cases.
    pub price: Fen,
}

/// What a sheet is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Against {
    /// Prices of the lists in force.
    pub listed: Vec<Known>,
    /// Middle prices of other cases.
    pub similar: Vec<Known>,
    /// Rates that are not the rate card's.
    pub off_card: Vec<OffCard>,
    /// How far is far, basis points.
    pub tolerance_bp: Option<i64>,
    /// Lines that a photo shows.
    pub photographed: BTreeSet<LineId>,
}

/// Everything that a verifier should look at, in the order of the sheet.
#[must_use]
pub fn marks(sheet: &CaseSheet, against: &Against) -> Vec<Mark> {
    let mut found: Vec<Mark> = against.off_card.iter().map(off_card).collect();
    for vehicle in &sheet.vehicles {
        if let Some(loss) = vehicle.total_loss
            && loss.suggestion != LossSuggestion::Repair
        {
            let path = format!("vehicles/{}/actual_value_fen", vehicle.vehicle_id);
            let (value, expected) =
                (Some(vehicle.totals.total_fen.0), Some(loss.actual_value_fen.0));
            found.push(Mark { code: MarkCode::TotalLoss, path, value, expected });
        }
        found.extend(vehicle.lines.iter().flat_map(|line| of_line(line, against)));
    }
    found
}

fn off_card(off: &OffCard) -> Mark {
    let (value, expected) = (Some(off.value), Some(off.card));
    Mark { code: MarkCode::OffCard, path: off.path.clone(), value, expected }
}

fn of_line(line: &SheetRow, against: &Against) -> Vec<Mark> {
    let at = |code, field: &str, value, expected| Mark {
        code,
        path: format!("lines/{}/{field}", line.id),
        value,
        expected,
    };
    let mut found = Vec::new();
    if let Some((field, price)) = comparable(line) {
        let tolerance = against.tolerance_bp.unwrap_or(TOLERANCE_BP);
        for (code, known) in
            [(MarkCode::FarFromList, &against.listed), (MarkCode::FarFromSimilar, &against.similar)]
        {
            if let Some(expected) = find(known, line)
                && is_far(price, expected, tolerance)
            {
                found.push(at(code, field, Some(price.0), Some(expected.0)));
            }
        }
    }
    let priced = matches!(
        line.kind,
        LineKind::Replace | LineKind::Repair | LineKind::Material | LineKind::Sublet
    );
    if priced && line.price_basis.is_none() {
        found.push(at(MarkCode::NoBasis, "price_basis", None, None));
    }
    if line.cover != Cover::Covered && !line.explained {
        found.push(at(MarkCode::NotExplained, "explained", None, None));
    }
    if line.supplement && !against.photographed.contains(&line.id) {
        found.push(at(MarkCode::SupplementWithoutPhoto, "supplement", None, None));
    }
    found
}

/// The price of a line that lists know: of one part, or of a whole operation.
#[must_use]
pub fn comparable(line: &SheetRow) -> Option<(&'static str, Fen)> {
    line.part_no.as_ref()?;
    match line.kind {
        LineKind::Replace | LineKind::Material => Some(("unit_price_fen", line.unit_price_fen?)),
        LineKind::Repair => match (line.hours_milli, line.rate_fen) {
            (Some(hours), Some(rate)) => Some(("rate_fen", rate.scaled(hours, 1_000)?)),
            _ => Some(("amount_fen", line.amount_fen)),
        },
        _ => None,
    }
}

/// What the price of a line is known by besides its code.
#[must_use]
pub fn source_of(line: &SheetRow) -> &'static str {
    match (line.part_source, line.labor_type) {
        (Some(source), _) => source.as_str(),
        (None, Some(trade)) => trade.as_str(),
        (None, None) => "",
    }
}

/// The price for this source, else for any.
fn find(known: &[Known], line: &SheetRow) -> Option<Fen> {
    let of = |source: &str| {
        known
            .iter()
            .find(|k| Some(&k.code) == line.part_no.as_ref() && k.source == source)
            .map(|k| k.price)
    };
    of(source_of(line)).or_else(|| of(""))
}

fn is_far(price: Fen, expected: Fen, tolerance_bp: i64) -> bool {
    let apart = (i128::from(price.0) - i128::from(expected.0)).abs() * 10_000;
    apart > i128::from(expected.0) * i128::from(tolerance_bp)
}

/// The middle of some prices; nothing while there are too few.
#[must_use]
pub fn middle(mut prices: Vec<Fen>) -> Option<Fen> {
    prices.sort();
    prices.get(prices.len() / 2).copied().filter(|_| prices.len() >= LEAST_SIMILAR)
}

#[cfg(test)]
mod tests {
    use sync_core::{model::PartSource, sheet::VehicleSheet};
    use uuid::Uuid;

    use super::*;

    /// A row from the fields that matter here.
    fn line(n: u128, json: &str) -> SheetRow {
        let mut row = serde_json::json!({
            "id": Uuid::from_u128(n), "kind": "replace", "name": "n", "discount_bp": 10_000,
            "cover": "covered", "explained": false, "supplement": false, "amount_fen": 1,
            "price_basis": "quote",
        });
        let more: serde_json::Value = serde_json::from_str(json).unwrap();
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(row).unwrap()
    }

    fn sheet(lines: Vec<SheetRow>) -> CaseSheet {
        let vehicle = VehicleSheet {
            vehicle_id: Uuid::from_u128(9),
            role: None,
            plate: None,
            vin: None,
            brand_model: None,
            lines,
            totals: sync_core::sheet::Totals::default(),
            total_loss: None,
        };
        CaseSheet { vehicles: vec![vehicle], ..CaseSheet::default() }
    }

    fn known(code: &str, source: &str, price: i64) -> Known {
        Known { code: code.into(), source: source.into(), price: Fen(price) }
    }

    #[test]
    fn what_is_far_from_the_list_for_its_source_is_marked() {
        let oe = PartSource::OeDealer.as_str();
        let part = |price: i64| {
            line(1, &format!(r#"{{"part_no":"B","part_source":"{oe}","unit_price_fen":{price}}}"#))
        };
        let against = Against {
            listed: vec![known("B", oe, 1_000), known("B", "", 400)],
            similar: vec![known("B", oe, 2_000)],
            ..Against::default()
        };
        for (price, expected) in [
            (1_200, vec!["far_from_similar"]),
            (1_201, vec!["far_from_list", "far_from_similar"]),
            (800, vec!["far_from_similar"]),
            (1_800, vec!["far_from_list"]),
        ] {
            let found = marks(&sheet(vec![part(price)]), &against);
            let codes: Vec<_> = found.iter().map(|mark| mark.code.as_str()).collect();
            assert_eq!(codes, expected, "{price}");
        }
        let tight = Against { tolerance_bp: Some(0), ..against };
        assert_eq!(marks(&sheet(vec![part(1_000)]), &tight).len(), 1);
        let other = line(1, r#"{"part_no":"C","unit_price_fen":1}"#);
        assert!(marks(&sheet(vec![other]), &tight).is_empty());
    }

    #[test]
    fn what_rests_on_nothing_or_was_not_told_is_marked() {
        let lines = vec![
            line(1, r#"{"price_basis":null}"#),
            line(2, r#"{"cover":"uncovered","explained":false}"#),
            line(3, r#"{"cover":"uncovered","explained":true}"#),
            line(4, r#"{"supplement":true}"#),
            line(5, r#"{"supplement":true}"#),
        ];
        let photographed = BTreeSet::from([LineId(Uuid::from_u128(5))]);
        let against = Against { photographed, ..Against::default() };
        let found: Vec<_> = marks(&sheet(lines), &against)
            .into_iter()
            .map(|mark| (mark.code.as_str(), mark.path.split('/').nth(1).unwrap().ends_with('4')))
            .collect();
        assert_eq!(
            found,
            [("no_basis", false), ("not_explained", false), ("supplement_without_photo", true)]
        );
    }

    #[test]
    fn the_middle_of_few_prices_says_nothing() {
        let fen = |list: &[i64]| list.iter().map(|f| Fen(*f)).collect::<Vec<_>>();
        assert_eq!(middle(fen(&[1, 2, 3, 4])), None);
        assert_eq!(middle(fen(&[9, 1, 5, 100, 3])), Some(Fen(5)));
    }
}
