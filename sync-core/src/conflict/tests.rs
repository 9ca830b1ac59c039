use automerge::ActorId;
use uuid::Uuid;

use super::*;
use crate::{
    edit::{DraftEditor, Writer},
    ids::PersonId,
    model::{Seed, schema::Roles, seed},
    time::Instant,
};

const AT: Instant = Instant(1_780_000_000_000);
const LINE: Uuid = Uuid::from_u128(200);

fn base() -> Automerge {
    let mut doc = seed(&Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([1; 16]),
        at: AT,
        vehicles: Vec::new(),
        checklist: Vec::new(),
    })
    .unwrap();
    write(&mut doc, 1, |editor| {
        editor.add_line(LINE, &[("kind", "replace".into())]).unwrap();
    });
    doc
}

fn write(doc: &mut Automerge, n: u8, work: impl FnOnce(&mut DraftEditor<'_>)) {
    let writer = Writer {
        actor: ActorId::from([n; 16]),
        person: PersonId(Uuid::from_u128(n.into())),
        roles: Roles::ALL,
    };
    work(&mut DraftEditor::new(doc, &writer, AT).unwrap());
}

type Work = fn(&mut DraftEditor<'_>);

/// What is listed after devices 2, 3, ... did this without knowing of each other.
fn apart(works: &[Work]) -> (Automerge, Vec<Conflict>) {
    let base = base();
    let mut merged = base.clone();
    for (n, work) in (2..).zip(works) {
        let mut device = base.clone();
        write(&mut device, n, work);
        merged.merge(&mut device).unwrap();
    }
    let list = list(&merged);
    (merged, list)
}

fn price(fen: i64) -> impl Fn(&mut DraftEditor<'_>) {
    move |editor| {
        editor.set_line_field(LINE, "unit_price_fen", fen).unwrap();
    }
}

#[test]
fn different_values_are_listed_with_who_wrote_them() {
    let (doc, list) = apart(&[|e| price(5)(e), |e| price(7)(e), |e| price(5)(e)]);
    let [conflict] = list.as_slice() else { panic!("{list:?}") };
    assert_eq!(conflict.path.to_string(), format!("lines/{LINE}/unit_price_fen"));
    assert_eq!((conflict.concern, conflict.kind), (Concern::Money, ConflictKind::Values));
    assert!(conflict.needs_person());
    let mut seen: Vec<_> =
        conflict.candidates.iter().map(|c| (c.actor.to_bytes()[0], c.value.clone())).collect();
    seen.sort();
    assert_eq!(seen, [(2, Scalar::Int(5)), (3, Scalar::Int(7)), (4, Scalar::Int(5))]);
    for candidate in &conflict.candidates {
        let meta = doc.get_change_meta_by_hash(&candidate.change).unwrap();
        assert_eq!(*meta.actor, candidate.actor);
    }
    // The one that shows comes last.
    let shown = crate::model::Draft::read(&doc).unwrap().lines[&LINE].unit_price_fen.unwrap();
    assert_eq!(conflict.candidates.last().unwrap().value, Scalar::Int(shown.0));
}

#[test]
fn what_merges_by_itself_is_not_listed() {
    let cases: [&[Work]; 5] = [
        &[|e| price(5)(e), |e| price(5)(e)],
        &[|e| price(5)(e), |e| drop_value(e.set_line_field(LINE, "qty_milli", 1))],
        &[|e| drop_value(e.remove_line(LINE)), |e| drop_value(e.remove_line(LINE))],
        &[|e| drop_value(e.remove_line(LINE)), |e| drop_value(e.set_line_field(LINE, "note", "x"))],
        &[
            |e| drop_value(e.add_line(Uuid::from_u128(201), &[("kind", "repair".into())])),
            |e| drop_value(e.add_line(Uuid::from_u128(202), &[("kind", "repair".into())])),
        ],
    ];
    for (n, works) in cases.into_iter().enumerate() {
        assert_eq!(apart(works).1, [], "case {n}");
    }
}

fn drop_value(edited: crate::edit::Edited) {
    edited.unwrap();
}

#[test]
fn a_plain_field_is_listed_but_needs_nobody() {
    let (_, list) = apart(&[
        |e| drop_value(e.set_scene("place", "a")),
        |e| drop_value(e.set_scene("place", "b")),
    ]);
    assert_eq!(list.len(), 1);
    assert!(!list[0].needs_person());
}

#[test]
fn a_removal_does_not_swallow_a_price_that_it_did_not_know_of() {
    let (mut doc, list) = apart(&[|e| drop_value(e.remove_line(LINE)), |e| price(7)(e)]);
    let [conflict] = list.as_slice() else { panic!("{list:?}") };
    assert_eq!(conflict.path.to_string(), format!("lines/{LINE}/removed"));
    assert_eq!(conflict.kind, ConflictKind::RemovedMeanwhile);
    let values: Vec<_> = conflict.candidates.iter().map(|c| c.value.clone()).collect();
    assert_eq!(values, [Scalar::Int(7), Scalar::Bool(true)]);

    // Either decision settles it, for good.
    for removed in [true, false] {
        let mut settled = doc.clone();
        write(&mut settled, 5, |editor| drop_value(editor.settle(&conflict.path, removed)));
        assert_eq!(super::list(&settled), [], "{removed}");
        assert_eq!(crate::model::Draft::read(&settled).unwrap().lines[&LINE].removed, removed);
    }
    // Somebody who sees the removal and writes all the same knows what they do.
    write(&mut doc, 5, |editor| drop_value(editor.settle(&conflict.path, true)));
    write(&mut doc, 3, price(8));
    assert_eq!(super::list(&doc), []);
}

#[test]
fn a_choice_against_a_concurrent_choice_stays_a_conflict() {
    // Both saw 5 against 7. One person confirms the value that wins, the other takes the other one.
    let (merged, list) = apart(&[|e| price(5)(e), |e| price(7)(e)]);
    let path = list[0].path.clone();
    let (mut a, mut b) = (merged.clone(), merged);
    let wins = list[0].candidates[1].value.clone();
    let loses = list[0].candidates[0].value.clone();
    write(&mut a, 5, |editor| drop_value(editor.settle(&path, wins.clone())));
    write(&mut b, 6, |editor| drop_value(editor.settle(&path, loses.clone())));
    assert_eq!((super::list(&a), super::list(&b)), (Vec::new(), Vec::new()));
    a.merge(&mut b).unwrap();
    let again = super::list(&a);
    assert_eq!(again.len(), 1);
    let mut values: Vec<_> = again[0].candidates.iter().map(|c| c.value.clone()).collect();
    values.sort();
    assert_eq!(values, [Scalar::Int(5), Scalar::Int(7)]);
}

#[test]
fn the_list_survives_the_wire() {
    let (_, list) = apart(&[|e| price(5)(e), |e| price(7)(e)]);
    let json = serde_json::to_string(&list).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Conflict>>(&json).unwrap(), list);
}
