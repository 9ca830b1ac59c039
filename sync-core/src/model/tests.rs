use super::*;
use crate::{
    edit::{DraftEditor, Writer},
    estimate::{self, Item, LaborPrice},
    ids::PersonId,
    time::Instant,
};
use automerge::{ROOT, transaction::Transactable};
use schema::{Path, Scalar, Section};

const AT: Instant = Instant(1_780_000_000_000);
const CAR: Uuid = Uuid::from_u128(100);

fn a_seed() -> Seed {
    Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([1; 16]),
        at: AT,
        vehicles: vec![SeedVehicle {
            id: CAR,
            role: VehicleRole::Own,
            plate: Some("浙A12345".to_owned()),
            vin: Some("LSVAA4182E2184847".to_owned()),
            brand_model: None,
        }],
        checklist: vec!["papers".to_owned(), "photos".to_owned()],
    }
}

fn write(doc: &mut Automerge, work: impl FnOnce(&mut DraftEditor<'_>)) {
    let writer = Writer {
        actor: ActorId::from([5; 16]),
        person: PersonId(Uuid::from_u128(5)),
        roles: Roles::ALL,
    };
    work(&mut DraftEditor::new(doc, &writer, AT).unwrap());
}

#[test]
fn equal_seeds_have_equal_bytes() {
    let (a, b) = (seed(&a_seed()).unwrap(), seed(&a_seed()).unwrap());
    assert_eq!(a.save(), b.save());
    assert_eq!(a.get_heads().len(), 1);
    let other = Seed { case_id: Uuid::from_u128(2).into(), ..a_seed() };
    assert_ne!(seed(&other).unwrap().get_heads(), a.get_heads());
}

#[test]
fn a_seed_reads_as_what_it_was_made_from() {
    let draft = Draft::read(&seed(&a_seed()).unwrap()).unwrap();
    assert_eq!((draft.schema, draft.case_id), (SCHEMA, Uuid::from_u128(1)));
    let car = &draft.vehicles[&CAR];
    assert_eq!((car.role, car.plate.as_deref()), (Some(VehicleRole::Own), Some("浙A12345")));
    assert_eq!(car.brand_model, None);
    assert_eq!(draft.checklist.keys().collect::<Vec<_>>(), ["papers", "photos"]);
    assert!(draft.lines.is_empty() && draft.notes.is_empty());
}

#[test]
fn seeds_that_do_not_fit_the_schema() {
    let vehicle =
        |vin: &str| SeedVehicle { vin: Some(vin.to_owned()), ..a_seed().vehicles[0].clone() };
    for (bad, expected) in [
        (Seed { actor: ActorId::from(vec![1; 8]), ..a_seed() }, "16 bytes"),
        (Seed { checklist: vec!["A B".to_owned()], ..a_seed() }, "malformed or doubled"),
        (
            Seed { checklist: vec!["a".to_owned(), "a".to_owned()], ..a_seed() },
            "malformed or doubled",
        ),
        (Seed { vehicles: vec![vehicle("a\0b")], ..a_seed() }, "vin of a vehicle"),
        (Seed { vehicles: vec![vehicle(&"x".repeat(33))], ..a_seed() }, "vin of a vehicle"),
        (Seed { vehicles: vec![vehicle("x"); 65], ..a_seed() }, "too many"),
    ] {
        let fault = seed(&bad).unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn the_hash_is_over_what_is_said_and_nothing_else() {
    let mut a = seed(&a_seed()).unwrap();
    let before = content_hash(&Draft::read(&a).unwrap());
    write(&mut a, |editor| {
        editor.set_rate("body_discount_bp", 9_000).unwrap();
    });
    let heads = a.get_heads();
    let changed = content_hash(&Draft::read(&a).unwrap());
    assert_ne!(changed, before);
    // Other history, same content.
    write(&mut a, |editor| {
        editor.set_rate("body_discount_bp", 1).unwrap();
        editor.set_rate("body_discount_bp", 9_000).unwrap();
        editor.set_scene("place", "x").unwrap();
        editor.set_scene("place", Scalar::Null).unwrap();
    });
    assert_eq!(content_hash(&Draft::read(&a).unwrap()), changed);
    // The past stays what it was.
    write(&mut a, |editor| {
        editor.set_rate("body_discount_bp", 1).unwrap();
        editor.add_note(Uuid::from_u128(300), "later").unwrap();
        editor.set_text(&Path::single(Section::Scene, "description"), "later").unwrap();
    });
    assert_eq!(content_hash(&Draft::read_at(&a, &heads).unwrap()), changed);
    let stored: Draft = serde_json::from_slice(&canonical_json(&Draft::read(&a).unwrap())).unwrap();
    assert_eq!(stored, Draft::read(&a).unwrap());
}

#[test]
fn the_canonical_form_is_fixed() {
    // A change here changes the hash of every frozen version: fields may only be added.
    let mut doc = seed(&a_seed()).unwrap();
    write(&mut doc, |editor| {
        let fields = [("kind", LineKind::Replace.into()), ("unit_price_fen", Fen(5).into())];
        editor.add_line(Uuid::from_u128(200), &fields).unwrap();
    });
    let json = String::from_utf8(canonical_json(&Draft::read(&doc).unwrap())).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"schema":1,"case_id":"00000000-0000-0000-0000-000000000001","scene":{},"rates":{},"#,
            r#""vehicles":{"00000000-0000-0000-0000-000000000064":{"role":"own","plate":"浙A12345","#,
            r#""vin":"LSVAA4182E2184847"}},"lines":{"00000000-0000-0000-0000-0000000000c8":"#,
            r#"{"kind":"replace","unit_price_fen":5}},"photos":{},"checklist":{"papers":{},"#,
            r#""photos":{}},"notes":{}}"#
        )
    );
}

#[test]
fn documents_that_are_no_draft() {
    assert_eq!(Draft::read(&Automerge::new()), Err(ReadFault::OtherSchema));
    let spoil = |work: fn(&mut automerge::transaction::Transaction<'_>)| {
        let mut doc = seed(&a_seed()).unwrap();
        let mut tx = doc.transaction();
        work(&mut tx);
        tx.commit();
        Draft::read(&doc).unwrap_err()
    };
    let malformed = |path: &str| ReadFault::Malformed(path.to_owned());
    assert_eq!(spoil(|tx| tx.put(ROOT, "schema", 2).unwrap()), ReadFault::OtherSchema);
    assert_eq!(spoil(|tx| tx.put(ROOT, "scene", 2).unwrap()), malformed("scene"));
    assert_eq!(spoil(|tx| tx.put(ROOT, "case_id", "x").unwrap()), malformed("case_id"));
    assert_eq!(spoil(|tx| tx.delete(ROOT, "notes").unwrap()), malformed("notes"));
    let unknown = ChangeHash([7; 32]);
    let doc = seed(&a_seed()).unwrap();
    assert_eq!(Draft::read_at(&doc, &[unknown]), Err(ReadFault::UnknownHead(unknown)));
}

#[test]
fn the_sheet_is_computed_from_the_draft() {
    let mut doc = seed(&a_seed()).unwrap();
    let line = |n: u128| Uuid::from_u128(200 + n);
    let add = |editor: &mut DraftEditor<'_>, n, mut fields: Vec<(&'static str, Scalar)>| {
        fields.push(("vehicle_id", CAR.into()));
        editor.add_line(line(n), &fields).unwrap();
    };
    write(&mut doc, |editor| {
        add(editor, 0, vec![("kind", "replace".into()), ("unit_price_fen", 10_000.into())]);
        add(
            editor,
            1,
            vec![
                ("kind", "repair".into()),
                ("labor_type", "body".into()),
                ("hours_milli", 1_500.into()),
                ("rate_fen", 8_000.into()),
            ],
        );
        add(editor, 2, vec![("kind", "salvage".into()), ("amount_fen", 500.into())]);
        add(editor, 3, vec![("kind", "rescue".into()), ("amount_fen", 30_000.into())]);
        add(editor, 4, vec![("kind", "replace".into()), ("unit_price_fen", 9.into())]);
        editor.remove_line(line(4)).unwrap();
        editor.set_rate("parts_management_bp", 1_000).unwrap();
        editor.set_rate("body_discount_bp", 9_000).unwrap();
    });
    let draft = Draft::read(&doc).unwrap();
    let lines = draft.sheet_lines(CAR).unwrap();
    let sheet = estimate::compute(&lines, &draft.sheet_rates()).unwrap();
    assert_eq!(lines.len(), 4);
    assert_eq!((sheet.parts_fen, sheet.labor_fen), (Fen(10_000), Fen(10_800)));
    assert_eq!(sheet.total_fen, Fen(10_000 + 1_000 + 10_800 - 500));
    assert_eq!(sheet.rescue_fen, Fen(30_000));
    assert!(draft.sheet_lines(Uuid::from_u128(101)).unwrap().is_empty());
}

#[test]
fn a_line_without_a_price_is_named() {
    for (fields, missing) in [
        (vec![("kind", Scalar::from("replace"))], "unit_price_fen"),
        (vec![("kind", "repair".into())], "labor_type"),
        (vec![("kind", "repair".into()), ("labor_type", "body".into())], "hours_milli"),
        (
            vec![
                ("kind", "repair".into()),
                ("labor_type", "body".into()),
                ("hours_milli", 1.into()),
            ],
            "rate_fen",
        ),
        (vec![("kind", "sublet".into())], "amount_fen"),
        (vec![("kind", Scalar::from("salvage"))], "amount_fen"),
    ] {
        let mut doc = seed(&a_seed()).unwrap();
        let line = Uuid::from_u128(200);
        write(&mut doc, |editor| {
            editor.add_line(line, &fields).unwrap();
            editor.set_line_field(line, "vehicle_id", CAR).unwrap();
        });
        let gap = Draft::read(&doc).unwrap().sheet_lines(CAR).unwrap_err();
        assert_eq!(gap.0.to_string(), format!("lines/{line}/{missing}"));
    }
    let mut doc = seed(&a_seed()).unwrap();
    write(&mut doc, |editor| {
        let fields = [
            ("kind", "repair".into()),
            ("labor_type", "body".into()),
            ("amount_fen", 7.into()),
            ("vehicle_id", CAR.into()),
        ];
        editor.add_line(Uuid::from_u128(200), &fields).unwrap();
    });
    let lines = Draft::read(&doc).unwrap().sheet_lines(CAR).unwrap();
    let price = LaborPrice::Fixed { amount_fen: Fen(7) };
    assert!(matches!(&lines[0].item, Item::Repair { price: found, .. } if *found == price));
}
