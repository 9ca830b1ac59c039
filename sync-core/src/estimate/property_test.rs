//! What must hold for every sheet.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Mostly values that occur, sometimes any value at all.
fn number(usual: i64) -> impl Strategy<Value = i64> {
    prop_oneof![60 => 0..=usual, 1 => any::<i64>()]
}

fn fen(usual: i64) -> impl Strategy<Value = Fen> {
    number(usual).prop_map(Fen)
}

fn any_item() -> impl Strategy<Value = Item> {
    let labor = || select(LaborType::ALL);
    prop_oneof![
        3 => (number(9_000), fen(999_999))
            .prop_map(|(qty_milli, unit_price_fen)| Item::Replace { qty_milli, unit_price_fen }),
        3 => (labor(), number(9_000), fen(20_000)).prop_map(|(labor_type, hours_milli, rate_fen)| {
            Item::Repair { labor_type, price: LaborPrice::Hours { hours_milli, rate_fen } }
        }),
        1 => (labor(), fen(99_999)).prop_map(|(labor_type, amount_fen)| {
            Item::Repair { labor_type, price: LaborPrice::Fixed { amount_fen } }
        }),
        1 => (number(9_000), fen(9_999))
            .prop_map(|(qty_milli, unit_price_fen)| Item::Material { qty_milli, unit_price_fen }),
        1 => fen(99_999).prop_map(|amount_fen| Item::Sublet { amount_fen }),
        1 => fen(9_999).prop_map(|amount_fen| Item::Betterment { amount_fen }),
        1 => (fen(9_999), select(SalvageKeeper::ALL))
            .prop_map(|(amount_fen, kept_by)| Item::Salvage { amount_fen, kept_by }),
        1 => fen(99_999).prop_map(|amount_fen| Item::Rescue { amount_fen }),
    ]
}

fn any_lines() -> impl Strategy<Value = Vec<SheetLine>> {
    let cover = prop_oneof![8 => Just(Cover::Covered), 1 => select(Cover::ALL)];
    vec((cover, number(10_000), any_item()), 0..14).prop_map(|lines| {
        lines
            .into_iter()
            .zip(1..)
            .map(|((cover, discount_bp, item), n)| {
                let id = LineId(uuid::Uuid::from_u128(n));
                SheetLine { id, cover, discount_bp, item }
            })
            .collect()
    })
}

fn any_rates() -> impl Strategy<Value = Rates> {
    let trade = (select(LaborType::ALL), number(10_000));
    let shares = (number(3_000), number(3_000), number(10_000), number(10_000));
    (shares, vec(trade, 0..4), any::<u8>(), fen(999)).prop_map(
        |((parts, labor, parts_discount_bp, panels), trades, from, whole_salvage_fen)| Rates {
            parts_management_bp: parts,
            labor_management_bp: labor,
            parts_discount_bp,
            labor_discount_bp: trades.into_iter().collect(),
            multi_panel_discount_bp: panels,
            multi_panel_from: u32::from(from % 5),
            whole_salvage_fen,
        },
    )
}

/// The sheet as a second reading of the rules computes it: exact fractions, rounded once.
fn second_opinion(lines: &[SheetLine], rates: &Rates) -> i128 {
    let panels = lines
        .iter()
        .filter(|line| matches!(line.item, Item::Repair { labor_type: LaborType::Refinish, .. }))
        .count();
    let round =
        |numerator: i128, denominator: i128| (numerator + denominator / 2).div_euclid(denominator);
    let (mut parts, mut labor, mut total) = (0, 0, -i128::from(rates.whole_salvage_fen.0));
    for line in lines.iter().filter(|line| line.cover == Cover::Covered) {
        let own = i128::from(line.discount_bp);
        let trade = |labor_type: &LaborType| {
            let share = rates.labor_discount_bp.get(labor_type).copied().unwrap_or(10_000);
            let many = panels >= usize::try_from(rates.multi_panel_from).unwrap();
            let panel = if *labor_type == LaborType::Refinish && many {
                rates.multi_panel_discount_bp
            } else {
                10_000
            };
            i128::from(share) * i128::from(panel)
        };
        match &line.item {
            Item::Replace { qty_milli, unit_price_fen } => {
                let price = i128::from(*qty_milli) * i128::from(unit_price_fen.0);
                let amount =
                    round(price * own * i128::from(rates.parts_discount_bp), 100_000_000_000);
                parts += amount;
                total += amount;
            }
            Item::Repair { labor_type, price } => {
                let (value, per) = match price {
                    LaborPrice::Hours { hours_milli, rate_fen } => {
                        (i128::from(*hours_milli) * i128::from(rate_fen.0), 1_000)
                    }
                    LaborPrice::Fixed { amount_fen } => (i128::from(amount_fen.0), 1),
                };
                let amount = round(value * own * trade(labor_type), per * 1_000_000_000_000);
                labor += amount;
                total += amount;
            }
            Item::Material { qty_milli, unit_price_fen } => {
                total +=
                    round(i128::from(*qty_milli) * i128::from(unit_price_fen.0) * own, 10_000_000);
            }
            Item::Sublet { amount_fen } => total += round(i128::from(amount_fen.0) * own, 10_000),
            Item::Betterment { amount_fen }
            | Item::Salvage { amount_fen, kept_by: SalvageKeeper::Insured } => {
                total -= round(i128::from(amount_fen.0) * own, 10_000);
            }
            Item::Salvage { .. } | Item::Rescue { .. } => {}
        }
    }
    let fee = |sum: i128, bp: i64| round(sum * i128::from(bp), 10_000);
    total + fee(parts, rates.parts_management_bp) + fee(labor, rates.labor_management_bp)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    /// What the phone computes from its own bytes is what the server computes from its own, to the
    /// fen, and both are what the rules say when they are read a second time.
    #[test]
    fn phone_and_server_compute_the_same_fen(lines in any_lines(), rates in any_rates()) {
        let server = compute(&lines, &rates);
        let carried: (Vec<SheetLine>, Rates) =
            serde_json::from_slice(&serde_json::to_vec(&(&lines, &rates)).unwrap()).unwrap();
        let phone = compute(&carried.0, &carried.1);
        prop_assert_eq!(&phone, &server);
        if let Ok(sheet) = server {
            prop_assert_eq!(serde_json::to_vec(&sheet).unwrap(), serde_json::to_vec(&phone.unwrap()).unwrap());
            prop_assert_eq!(second_opinion(&lines, &rates), i128::from(sheet.total_fen.0));
        }
    }
}

fn sum(amounts: impl Iterator<Item = Fen>) -> i128 {
    amounts.map(|fen| i128::from(fen.0)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Whoever adds up the printed amounts finds the printed totals.
    #[test]
    fn the_printed_sheet_adds_up(lines in any_lines(), rates in any_rates()) {
        let Ok(sheet) = compute(&lines, &rates) else { return Ok(()) };
        let printed = |cover: Cover, wanted: fn(&Item) -> bool| {
            sum(lines
                .iter()
                .zip(&sheet.lines)
                .filter(|(line, _)| line.cover == cover && wanted(&line.item))
                .map(|(_, priced)| priced.amount_fen))
        };
        let total = printed(Cover::Covered, |item| !matches!(item, Item::Rescue { .. }))
            + i128::from(sheet.management_fee_fen.0)
            - i128::from(rates.whole_salvage_fen.0);
        prop_assert_eq!(total, i128::from(sheet.total_fen.0));
        prop_assert!(sheet.total_fen >= Fen::ZERO);
        let rescue = printed(Cover::Covered, |item| matches!(item, Item::Rescue { .. }));
        prop_assert_eq!(rescue, i128::from(sheet.rescue_fen.0));
        prop_assert_eq!(printed(Cover::Uncovered, |_| true), i128::from(sheet.uncovered_fen.0));
        prop_assert_eq!(printed(Cover::SelfBorne, |_| true), i128::from(sheet.self_borne_fen.0));
        prop_assert_eq!(sum(sheet.labor_by_type_fen.values().copied()), i128::from(sheet.labor_fen.0));
        let blocks = [sheet.parts_fen, sheet.labor_fen, sheet.management_fee_fen, sheet.material_fen,
            sheet.sublet_fen];
        let deductions = [sheet.salvage_fen, sheet.betterment_fen];
        prop_assert_eq!(
            sum(blocks.into_iter()) - sum(deductions.into_iter()),
            i128::from(sheet.total_fen.0)
        );
    }

    #[test]
    fn the_order_of_lines_does_not_matter(
        (lines, shuffled) in any_lines()
            .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        rates in any_rates(),
    ) {
        let totals = |lines: &[SheetLine]| {
            let mut sheet = compute(lines, &rates).ok()?;
            sheet.lines.sort_by_key(|line| line.id);
            Some(sheet)
        };
        prop_assert_eq!(totals(&lines), totals(&shuffled));
    }

    #[test]
    fn any_numbers_at_all_are_survived(
        numbers in any::<[i64; 8]>(),
        fen in any::<[i64; 4]>(),
        from in any::<u32>(),
    ) {
        let [qty_milli, hours_milli, discount_bp, a, b, c, d, e] = numbers;
        let rates = Rates {
            parts_management_bp: a,
            labor_management_bp: b,
            parts_discount_bp: c,
            labor_discount_bp: BTreeMap::from([(LaborType::Body, d)]),
            multi_panel_discount_bp: e,
            multi_panel_from: from,
            whole_salvage_fen: Fen(fen[3]),
        };
        let price = LaborPrice::Hours { hours_milli, rate_fen: Fen(fen[1]) };
        for item in [
            Item::Replace { qty_milli, unit_price_fen: Fen(fen[0]) },
            Item::Repair { labor_type: LaborType::Body, price },
            Item::Sublet { amount_fen: Fen(fen[2]) },
        ] {
            let id = LineId(uuid::Uuid::nil());
            let line = SheetLine { id, cover: Cover::Covered, discount_bp, item };
            let _ = compute(std::slice::from_ref(&line), &rates);
            let _ = compute(&[line], &Rates::default());
        }
    }
}
