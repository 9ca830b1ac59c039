//! Sheets worked out by hand.

use super::*;

fn id(n: u128) -> LineId {
    LineId(uuid::Uuid::from_u128(n))
}

fn line(n: u128, item: Item) -> SheetLine {
    SheetLine { id: id(n), cover: Cover::Covered, discount_bp: 10_000, item }
}

fn replace(qty_milli: i64, unit_price_fen: i64) -> Item {
    Item::Replace { qty_milli, unit_price_fen: Fen(unit_price_fen) }
}

fn hours(labor_type: LaborType, hours_milli: i64, rate_fen: i64) -> Item {
    Item::Repair { labor_type, price: LaborPrice::Hours { hours_milli, rate_fen: Fen(rate_fen) } }
}

fn fixed(labor_type: LaborType, amount_fen: i64) -> Item {
    Item::Repair { labor_type, price: LaborPrice::Fixed { amount_fen: Fen(amount_fen) } }
}

/// A rear-end collision: every kind of line once, worked out by hand.
#[test]
fn a_whole_sheet() {
    let rates = Rates {
        parts_management_bp: 500,
        labor_management_bp: 0,
        parts_discount_bp: 9_000,
        labor_discount_bp: BTreeMap::from([(LaborType::Body, 8_500)]),
        multi_panel_discount_bp: 8_000,
        multi_panel_from: 2,
        whole_salvage_fen: Fen::ZERO,
    };
    let lines = [
        // Bumper: 1 x 1,234.56 x 95 % x 90 % = 1,055.5488
        SheetLine { discount_bp: 9_500, ..line(1, replace(1_000, 123_456)) },
        // Clips: 12 x 1.15 x 90 % = 12.42
        line(2, replace(12_000, 115)),
        // Straightening: 2.5 h x 120.00 x 85 % = 255.00
        line(3, hours(LaborType::Body, 2_500, 12_000)),
        // Two panels: 300.00 x 80 % and 350.55 x 80 % = 280.44
        line(4, fixed(LaborType::Refinish, 30_000)),
        line(5, fixed(LaborType::Refinish, 35_055)),
        // 1.5 l x 33.33 = 49.995
        line(6, Item::Material { qty_milli: 1_500, unit_price_fen: Fen(3_333) }),
        line(7, Item::Sublet { amount_fen: Fen(20_000) }),
        line(8, Item::Betterment { amount_fen: Fen(5_000) }),
        line(9, Item::Salvage { amount_fen: Fen(3_000), kept_by: SalvageKeeper::Insured }),
        line(10, Item::Salvage { amount_fen: Fen(9_999), kept_by: SalvageKeeper::Insurer }),
        line(11, Item::Rescue { amount_fen: Fen(40_000) }),
        SheetLine { cover: Cover::Uncovered, ..line(12, replace(1_000, 10_000)) },
        SheetLine { cover: Cover::SelfBorne, ..line(13, hours(LaborType::Glass, 300, 10_000)) },
    ];
    let sheet = compute(&lines, &rates).unwrap();

    let amounts: Vec<i64> = sheet.lines.iter().map(|line| line.amount_fen.0).collect();
    assert_eq!(
        amounts,
        [
            105_555, 1_242, 25_500, 24_000, 28_044, 5_000, 20_000, -5_000, -3_000, 0, 40_000,
            9_000, 3_000
        ]
    );
    assert!(sheet.lines.iter().zip(1..).all(|(line, n)| line.id == id(n)));
    assert_eq!(sheet.parts_fen, Fen(106_797));
    // 5 % of 1,067.97 = 53.3985
    assert_eq!(sheet.management_fee_fen, Fen(5_340));
    assert_eq!(sheet.labor_fen, Fen(77_544));
    let by_type = [(LaborType::Body, Fen(25_500)), (LaborType::Refinish, Fen(52_044))];
    assert_eq!(sheet.labor_by_type_fen, BTreeMap::from(by_type));
    assert_eq!(sheet.material_fen, Fen(5_000));
    assert_eq!(sheet.sublet_fen, Fen(20_000));
    assert_eq!(sheet.betterment_fen, Fen(5_000));
    assert_eq!(sheet.salvage_fen, Fen(3_000));
    assert_eq!(sheet.total_fen, Fen(206_681));
    assert_eq!(sheet.rescue_fen, Fen(40_000));
    assert_eq!(sheet.uncovered_fen, Fen(9_000));
    assert_eq!(sheet.self_borne_fen, Fen(3_000));
    assert_eq!(sheet.total_in_capitals(), "贰仟零陆拾陆元捌角壹分");
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(compute(&[], &Rates::default()), Ok(Sheet::default()));
}

#[test]
fn a_line_is_rounded_once_and_half_up() {
    for (qty_milli, price, discount_bp, parts_bp, expected) in [
        (1_000, 1, 5_000, 10_000, 1),
        (1_000, 1, 4_999, 10_000, 0),
        (500, 1, 10_000, 10_000, 1),
        (499, 1, 10_000, 10_000, 0),
        // 0.7 of 0.7 of 1 is 0.49; rounding twice would make it 1.
        (1_000, 1, 7_000, 7_000, 0),
        (3_000, 3_333, 10_000, 10_000, 9_999),
        (0, 99_999, 10_000, 10_000, 0),
        (1_000, 99_999, 0, 10_000, 0),
        (1_000, Fen::MAX_LINE.0, 10_000, 10_000, Fen::MAX_LINE.0),
    ] {
        let rates = Rates { parts_discount_bp: parts_bp, ..Rates::default() };
        let line = SheetLine { discount_bp, ..line(1, replace(qty_milli, price)) };
        let sheet = compute(&[line], &rates).unwrap();
        assert_eq!(sheet.parts_fen, Fen(expected), "{qty_milli} x {price} x {discount_bp}");
    }
}

#[test]
fn many_painted_panels_are_cheaper() {
    let rates = Rates {
        labor_discount_bp: BTreeMap::from([(LaborType::Refinish, 9_000)]),
        multi_panel_discount_bp: 8_000,
        ..Rates::default()
    };
    let panel = |n| line(n, fixed(LaborType::Refinish, 10_000));
    let body = line(9, fixed(LaborType::Body, 10_000));
    let labor = |lines: &[SheetLine], rates: &Rates| compute(lines, rates).unwrap().labor_fen;
    assert_eq!(labor(&[panel(1)], &rates), Fen(9_000));
    assert_eq!(labor(&[panel(1), panel(2)], &rates), Fen(14_400));
    assert_eq!(labor(&[panel(1), body], &rates), Fen(19_000));
    let from_three = Rates { multi_panel_from: 3, ..rates.clone() };
    assert_eq!(labor(&[panel(1), panel(2)], &from_three), Fen(18_000));
    assert_eq!(labor(&[panel(1), panel(2), panel(3)], &from_three), Fen(21_600));
    // A panel that the customer pays is painted in the same go.
    let own = SheetLine { cover: Cover::SelfBorne, ..panel(2) };
    assert_eq!(labor(&[panel(1), own], &rates), Fen(7_200));
}

#[test]
fn fees_are_for_covered_parts_and_labor_only() {
    let rates = Rates { parts_management_bp: 1_000, labor_management_bp: 500, ..Rates::default() };
    let lines = [
        line(1, replace(1_000, 10_000)),
        line(2, fixed(LaborType::Frame, 10_010)),
        line(3, Item::Sublet { amount_fen: Fen(10_000) }),
        SheetLine { cover: Cover::Uncovered, ..line(4, replace(1_000, 10_000)) },
    ];
    let sheet = compute(&lines, &rates).unwrap();
    // 10 % of 100.00 and 5 % of 100.10, the second rounded up.
    assert_eq!(sheet.management_fee_fen, Fen(1_000 + 501));
    assert_eq!(sheet.total_fen, Fen(31_511));
}

#[test]
fn the_wreck_can_be_deducted_as_a_whole() {
    let part = || line(1, replace(1_000, 10_000));
    let with = |fen| Rates { whole_salvage_fen: Fen(fen), ..Rates::default() };
    let sheet = compute(&[part()], &with(4_000)).unwrap();
    assert_eq!((sheet.salvage_fen, sheet.total_fen), (Fen(4_000), Fen(6_000)));
    assert_eq!(compute(&[part()], &with(10_000)).unwrap().total_fen, Fen::ZERO);
    let fault = SheetFault { line: None, field: "total_fen", reason: SheetFaultReason::BelowZero };
    assert_eq!(compute(&[part()], &with(10_001)), Err(fault));
}

#[test]
fn impossible_values_are_refused_by_line_and_field() {
    use SheetFaultReason as R;
    let max = Fen::MAX_LINE.0;
    let betterment = |fen| Item::Betterment { amount_fen: Fen(fen) };
    let body = LaborType::Body;
    for (item, field, reason) in [
        (replace(-1, 1), "qty_milli", R::Negative),
        (replace(1_000_000_001, 1), "qty_milli", R::TooLarge),
        (replace(i64::MIN, i64::MIN), "qty_milli", R::Negative),
        (replace(1, -1), "unit_price_fen", R::Negative),
        (replace(1, max + 1), "unit_price_fen", R::TooLarge),
        (replace(2_000, max), "amount_fen", R::TooLarge),
        (replace(1_000_000_000, max), "amount_fen", R::TooLarge),
        (Item::Material { qty_milli: -5, unit_price_fen: Fen(1) }, "qty_milli", R::Negative),
        (Item::Material { qty_milli: 5, unit_price_fen: Fen(-1) }, "unit_price_fen", R::Negative),
        (hours(body, -1, 1), "hours_milli", R::Negative),
        (hours(body, 10_000_001, 1), "hours_milli", R::TooLarge),
        (hours(body, 1, -1), "rate_fen", R::Negative),
        (hours(body, 10_000_000, max), "amount_fen", R::TooLarge),
        (fixed(body, -1), "amount_fen", R::Negative),
        (Item::Sublet { amount_fen: Fen(i64::MAX) }, "amount_fen", R::TooLarge),
        (Item::Rescue { amount_fen: Fen(-1) }, "amount_fen", R::Negative),
        (betterment(-1), "amount_fen", R::Negative),
    ] {
        let lines = [line(1, replace(1_000, 1)), line(2, item.clone())];
        let expected = SheetFault { line: Some(id(2)), field, reason };
        assert_eq!(compute(&lines, &Rates::default()), Err(expected), "{item:?}");
    }
    for (discount_bp, reason) in [(-1, R::Negative), (10_001, R::TooLarge)] {
        let lines = [SheetLine { discount_bp, ..line(1, replace(1_000, 1)) }];
        let expected = SheetFault { line: Some(id(1)), field: "discount_bp", reason };
        assert_eq!(compute(&lines, &Rates::default()), Err(expected));
    }
    for cover in [Cover::Uncovered, Cover::SelfBorne] {
        let lines = [SheetLine { cover, ..line(1, betterment(1)) }];
        let reason = R::DeductionNotCovered;
        let expected = SheetFault { line: Some(id(1)), field: "cover", reason };
        assert_eq!(compute(&lines, &Rates::default()), Err(expected));
    }
}

#[test]
fn impossible_rates_are_refused() {
    let none = Rates::default;
    let body = |bp| BTreeMap::from([(LaborType::Body, bp)]);
    for (rates, field) in [
        (Rates { parts_management_bp: -1, ..none() }, "parts_management_bp"),
        (Rates { labor_management_bp: 10_001, ..none() }, "labor_management_bp"),
        (Rates { parts_discount_bp: 10_001, ..none() }, "parts_discount_bp"),
        (Rates { multi_panel_discount_bp: -1, ..none() }, "multi_panel_discount_bp"),
        (Rates { labor_discount_bp: body(-1), ..none() }, "labor_discount_bp"),
        (Rates { whole_salvage_fen: Fen(-1), ..none() }, "whole_salvage_fen"),
    ] {
        let fault = compute(&[], &rates).unwrap_err();
        assert_eq!((fault.line, fault.field), (None, field));
    }
}

#[test]
fn lines_are_named_once_and_not_too_many() {
    let part = |n| line(n, replace(1_000, Fen::MAX_LINE.0));
    let twice = [part(1), part(2), part(1)];
    let fault = compute(&twice, &Rates::default()).unwrap_err();
    let reason = SheetFaultReason::DuplicateLine;
    assert_eq!(fault, SheetFault { line: Some(id(1)), field: "id", reason });

    // The largest sheet there can be still adds up.
    let all: Vec<_> = (0..10_000).map(part).collect();
    let rates = Rates { parts_management_bp: 10_000, ..Rates::default() };
    let sheet = compute(&all, &rates).unwrap();
    assert_eq!(sheet.total_fen, Fen(2 * 10_000 * Fen::MAX_LINE.0));
    let more: Vec<_> = (0..10_001).map(part).collect();
    let fault = compute(&more, &rates).unwrap_err();
    assert_eq!(fault.reason, SheetFaultReason::TooManyLines);
}

#[test]
fn a_line_is_plain_json() {
    let json = serde_json::json!({
        "id": "00000000-0000-0000-0000-000000000001",
        "cover": "covered",
        "discount_bp": 10_000,
        "kind": "repair",
        "labor_type": "refinish",
        "hours_milli": 1_500,
        "rate_fen": 12_000,
    });
    let expected = line(1, hours(LaborType::Refinish, 1_500, 12_000));
    assert_eq!(serde_json::to_value(&expected).unwrap(), json);
    assert_eq!(serde_json::from_value::<SheetLine>(json).unwrap(), expected);
}
