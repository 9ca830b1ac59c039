use super::*;
use crate::model::{Rates as DraftRates, Scene};

const CASE: Uuid = Uuid::from_u128(1);
const OWN: Uuid = Uuid::from_u128(10);
const OTHER: Uuid = Uuid::from_u128(11);

fn draft(lines: impl IntoIterator<Item = (u128, Line)>) -> Draft {
    let vehicle = |role, plate: &str| Vehicle {
        role: Some(role),
        plate: Some(plate.into()),
        ..Vehicle::default()
    };
    Draft {
        schema: 1,
        case_id: CASE,
        scene: Scene::default(),
        rates: DraftRates::default(),
        vehicles: BTreeMap::from([
            (OWN, vehicle(VehicleRole::Own, "浙A12345")),
            (OTHER, vehicle(VehicleRole::ThirdParty, "浙B12345")),
        ]),
        lines: lines.into_iter().map(|(id, line)| (Uuid::from_u128(id), line)).collect(),
        photos: BTreeMap::new(),
        checklist: BTreeMap::new(),
        notes: BTreeMap::new(),
    }
}

fn part(vehicle: Uuid, price: i64) -> Line {
    Line {
        kind: Some(LineKind::Replace),
        vehicle_id: Some(vehicle),
        name: Some("前保险杠".into()),
        unit_price_fen: Some(Fen(price)),
        ..Line::default()
    }
}

fn deduction(kind: LineKind) -> Line {
    Line { kind: Some(kind), amount_fen: Some(Fen(100)), ..part(OWN, 0) }
}

/// `path code` of each problem, with the line's number in place of its id.
fn problems(draft: &Draft) -> Vec<String> {
    let short = |path: String| match path.split('/').collect::<Vec<_>>()[..] {
        ["lines", id, field] => {
            format!("lines/{}/{field}", id.parse::<Uuid>().unwrap().as_u128())
        }
        _ => path,
    };
    let found = of_draft(draft).expect_err("a sheet was made");
    found.into_iter().map(|p| format!("{} {}", short(p.path), p.code)).collect()
}

#[test]
fn every_line_stands_on_the_sheet_of_its_vehicle_and_the_sums_add_up() {
    let removed = Line { removed: true, ..part(OWN, 7) };
    let uncovered =
        Line { cover: Some(Cover::Uncovered), reason: Some("旧伤".into()), ..part(OTHER, 300) };
    let draft =
        draft([(1, part(OWN, 10_000)), (2, part(OTHER, 2_000)), (3, removed), (4, uncovered)]);
    let sheet = of_draft(&draft).unwrap();
    let totals: Vec<i64> = sheet.vehicles.iter().map(|v| v.totals.total_fen.0).collect();
    assert_eq!(totals, [10_000, 2_000]);
    assert_eq!(sheet.totals.total_fen, Fen(12_000));
    assert_eq!(sheet.totals.uncovered_fen, Fen(300));
    assert_eq!(sheet.vehicles.iter().map(|v| v.lines.len()).sum::<usize>(), 3);
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    for (line, expected) in [
        (Line { vehicle_id: None, ..part(OWN, 1) }, vec!["lines/1/vehicle_id sheet_value_missing"]),
        (part(Uuid::from_u128(99), 1), vec!["lines/1/vehicle_id sheet_vehicle_unknown"]),
        (
            Line { name: None, unit_price_fen: None, ..part(OWN, 1) },
            vec!["lines/1/name sheet_value_missing", "lines/1/unit_price_fen sheet_value_missing"],
        ),
        (
            Line { cover: Some(Cover::SelfBorne), ..part(OWN, 1) },
            vec!["lines/1/reason sheet_value_missing"],
        ),
        (
            deduction(LineKind::Betterment),
            vec!["lines/1/reason sheet_value_missing", "total_fen sheet_below_zero"],
        ),
        (deduction(LineKind::Salvage), vec!["total_fen sheet_below_zero"]),
        (
            Line { qty_milli: Some(-1), ..part(OWN, 1) },
            vec!["lines/1/qty_milli sheet_value_negative"],
        ),
    ] {
        assert_eq!(problems(&draft([(1, line.clone())])), expected, "{line:?}");
    }
    assert_eq!(problems(&draft([])), ["lines sheet_no_lines"]);
}

#[test]
fn a_line_of_a_removed_vehicle_is_never_dropped_in_silence() {
    let mut draft = draft([(1, part(OWN, 1)), (2, part(OTHER, 1))]);
    draft.vehicles.get_mut(&OTHER).unwrap().removed = true;
    assert_eq!(problems(&draft), ["lines/2/vehicle_id sheet_vehicle_unknown"]);
}

#[test]
fn the_whole_salvage_is_deducted_once_from_the_vehicle_it_belongs_to() {
    let lines = [(1, part(OWN, 10_000)), (2, part(OTHER, 10_000))];
    let mut draft = draft(lines);
    draft.rates.whole_salvage_fen = Some(Fen(4_000));
    let sheet = of_draft(&draft).unwrap();
    let totals: Vec<i64> = sheet.vehicles.iter().map(|v| v.totals.total_fen.0).collect();
    assert_eq!(totals, [6_000, 10_000]);
    assert_eq!(sheet.totals.salvage_fen, Fen(4_000));
    assert_eq!(sheet.rates.whole_salvage_fen, Fen(4_000));

    draft.vehicles.get_mut(&OWN).unwrap().role = None;
    assert_eq!(problems(&draft), ["rates/whole_salvage_fen sheet_salvage_of_which_vehicle"]);
    draft.lines.get_mut(&Uuid::from_u128(2)).unwrap().removed = true;
    assert_eq!(of_draft(&draft).unwrap().totals.total_fen, Fen(6_000));
}

#[test]
fn equal_sheets_have_equal_bytes_and_any_change_shows_in_the_hash() {
    let frozen = |price, version| FrozenSheet {
        photos: Vec::new(),
        schema: SCHEMA,
        case_id: CaseId(CASE),
        version,
        draft_sha256: "00".into(),
        sheet: of_draft(&draft([(1, part(OWN, price))])).unwrap(),
    };
    let first = frozen(100, 1);
    assert_eq!(first.sha256(), frozen(100, 1).sha256());
    assert_ne!(first.sha256(), frozen(101, 1).sha256());
    assert_ne!(first.sha256(), frozen(100, 2).sha256());
    let read: FrozenSheet = serde_json::from_slice(&first.canonical_json()).unwrap();
    assert_eq!(read, first);
    assert_eq!(read.canonical_json(), first.canonical_json());
}

#[test]
fn a_supplement_is_compared_line_by_line() {
    let before = of_draft(&draft([(1, part(OWN, 10_000)), (2, part(OWN, 500))])).unwrap();
    let after = of_draft(&draft([(1, part(OWN, 12_000)), (3, part(OTHER, 700))])).unwrap();
    let found = compare(&before, &after);
    let lines: Vec<_> = found
        .lines
        .iter()
        .map(|line| {
            let fields: Vec<_> = line.fields.iter().map(|change| change.field.as_str()).collect();
            (line.id.0.as_u128(), line.before_fen.map(|f| f.0), line.after_fen.map(|f| f.0), fields)
        })
        .collect();
    assert_eq!(
        lines,
        [
            (1, Some(10_000), Some(12_000), vec!["amount_fen", "unit_price_fen"]),
            (2, Some(500), None, vec![]),
            (3, None, Some(700), vec![]),
        ]
    );
    let totals: Vec<_> = found.totals.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(totals, ["parts_fen", "total_fen"]);
    assert!(found.rates.is_empty());
    assert_eq!(compare(&after, &after), Comparison::default());
}

#[test]
fn terms_add_what_amounts_mean_and_change_no_amount() {
    let mut draft = draft([(1, part(OWN, 900_000)), (2, part(OTHER, 300_000))]);
    draft.vehicles.get_mut(&OWN).unwrap().actual_value_fen = Some(Fen(1_000_000));
    let policy = crate::cover::PolicySnapshot {
        number: 2,
        own_damage_fen: Some(Fen(1_000_000)),
        third_party_fen: Some(Fen(1_000_000)),
        compulsory_at_fault_fen: Some(Fen(200_000)),
        liability_bp: 10_000,
        ..Default::default()
    };
    let terms = Terms { policy: Some(policy), total_loss_from_bp: Some(8_000), ..Terms::default() };
    let (bare, sheet) = (of_draft(&draft).unwrap(), under(&draft, &terms).unwrap());
    assert_eq!(bare.totals, sheet.totals);
    assert_eq!(bare.indicative, None);
    let split = sheet.indicative.unwrap();
    assert_eq!((split.own_damage_fen, split.compulsory_fen), (Fen(900_000), Fen(200_000)));
    assert_eq!((split.third_party_fen, split.customer_fen), (Fen(100_000), Fen(0)));
    let own = sheet.vehicles.iter().find(|vehicle| vehicle.vehicle_id == OWN).unwrap();
    let suggested = own.total_loss.unwrap();
    assert_eq!(suggested.suggestion, crate::cover::LossSuggestion::Constructive);
    assert_eq!(suggested.share_bp, 9_000);
}
