use automerge::ActorId;

use super::*;
use crate::{
    conflict,
    gate::{PushContext, admit},
    ids::PersonId,
    model::{
        Seed, content_hash,
        schema::{Role, Roles},
        seed,
    },
};

const AT: Instant = Instant(1_780_000_000_000);
const LINE: Uuid = Uuid::from_u128(200);

fn writer(actor: u8) -> Writer {
    Writer {
        actor: ActorId::from([actor; 16]),
        person: PersonId(Uuid::from_u128(5)),
        roles: Roles::NONE.with(Role::Surveyor),
    }
}

fn base() -> Automerge {
    let mut doc = seed(&Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([1; 16]),
        at: AT,
        vehicles: Vec::new(),
        checklist: vec!["photos".to_owned()],
    })
    .unwrap();
    write(&mut doc, 2, |editor| {
        let fields = [("kind", "replace".into()), ("unit_price_fen", 5.into())];
        editor.add_line(LINE, &fields).unwrap();
        editor.set_text(&description(), "The car was hit.").unwrap();
        editor.set_scene("place", "old").unwrap();
    });
    doc
}

fn description() -> Path {
    Path::single(Section::Scene, "description")
}

fn write(doc: &mut Automerge, actor: u8, work: impl FnOnce(&mut DraftEditor<'_>)) {
    work(&mut DraftEditor::new(doc, &writer(actor), AT).unwrap());
}

/// Everything that a device can have done before it lost its actor.
fn unsent(editor: &mut DraftEditor<'_>) {
    editor.set_line_field(LINE, "unit_price_fen", 7).unwrap();
    editor.set_scene("place", Scalar::Null).unwrap();
    editor.set_text(&description(), "The red car was hit.").unwrap();
    editor.add_line(Uuid::from_u128(201), &[("kind", "repair".into())]).unwrap();
    editor.add_note(Uuid::from_u128(300), "").unwrap();
    editor.add_note(Uuid::from_u128(301), "seen").unwrap();
    editor.tick("photos", crate::model::CheckState::Done, "").unwrap();
    editor.add_vehicle(Uuid::from_u128(100), &[]).unwrap();
}

/// The gate lets the recovered work in under the new actor.
fn passes(server: &Automerge, recovered: &Recovered, new: &Writer) {
    let mut changes = recovered.doc.get_changes(&server.get_heads());
    let changes: Vec<Vec<u8>> =
        changes.iter_mut().map(|change| change.bytes().into_owned()).collect();
    let context = PushContext {
        actor: new.actor.clone(),
        person: new.person,
        roles: new.roles,
        last_seq: 0,
        now: AT,
    };
    let slices: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
    let admitted = admit(server, &context, &slices).unwrap();
    assert_eq!(admitted.rows.len(), recovered.replayed);
    assert_eq!(admitted.heads, recovered.doc.get_heads());
}

#[test]
fn all_unsent_work_goes_on_under_the_new_actor() {
    let server = base();
    let mut local = server.clone();
    write(&mut local, 5, unsent);
    let new = writer(6);
    let recovered = rebase(&server, &local, &new, AT, &[]).unwrap();
    assert_eq!(recovered.held, []);
    let (got, wanted) = (Draft::read(&recovered.doc).unwrap(), Draft::read(&local).unwrap());
    assert_eq!(got, wanted);
    assert_eq!(content_hash(&got), content_hash(&wanted));
    let old = writer(5).actor;
    assert!(recovered.doc.get_changes_meta(&[]).iter().all(|meta| *meta.actor != old));
    passes(&server, &recovered, &new);
}

#[test]
fn what_others_did_meanwhile_stays_and_money_becomes_a_conflict() {
    let common = base();
    let mut local = common.clone();
    write(&mut local, 5, unsent);
    let mut server = common;
    write(&mut server, 2, |editor| {
        editor.set_line_field(LINE, "unit_price_fen", 9).unwrap();
        editor.set_line_field(LINE, "qty_milli", 2_000).unwrap();
        editor.set_text(&description(), "The car was hit twice.").unwrap();
    });
    let new = writer(6);
    let recovered = rebase(&server, &local, &new, AT, &[]).unwrap();
    let draft = Draft::read(&recovered.doc).unwrap();
    assert_eq!(draft.scene.description, "The red car was hit twice.");
    assert_eq!(draft.lines[&LINE].qty_milli, Some(2_000));
    let conflicts = conflict::list(&recovered.doc);
    let values: Vec<_> = conflicts[0].candidates.iter().map(|c| c.value.clone()).collect();
    assert_eq!(conflicts.len(), 1);
    assert!(values.contains(&Scalar::Int(7)) && values.contains(&Scalar::Int(9)));
    passes(&server, &recovered, &new);
}

#[test]
fn what_the_server_refused_is_held_and_the_rest_goes_on() {
    let server = base();
    let mut local = server.clone();
    write(&mut local, 5, unsent);
    let new = writer(6);
    let price = Path::of_item(Section::Lines, LINE.to_string(), "unit_price_fen");
    let note = Path::parse(&format!("notes/{}", Uuid::from_u128(301))).unwrap();
    let recovered = rebase(&server, &local, &new, AT, &[price.clone(), note.clone()]).unwrap();
    let held: Vec<String> = recovered.held.iter().map(|held| held.path.to_string()).collect();
    let in_note = |field: &str| format!("{note}/{field}");
    assert_eq!(held, [price.to_string(), in_note("author"), in_note("at_ms"), in_note("text")]);
    assert_eq!(recovered.held[0].value, Scalar::Int(7));
    let draft = Draft::read(&recovered.doc).unwrap();
    assert_eq!(draft.lines[&LINE].unit_price_fen, Some(crate::money::Fen(5)));
    assert_eq!((draft.notes.len(), draft.lines.len(), draft.vehicles.len()), (1, 2, 1));
    passes(&server, &recovered, &new);
}

#[test]
fn work_beyond_the_new_role_is_held() {
    let server = base();
    let mut local = server.clone();
    write(&mut local, 5, unsent);
    let new = Writer { roles: Roles::NONE.with(Role::Office), ..writer(6) };
    let recovered = rebase(&server, &local, &new, AT, &[]).unwrap();
    let draft = Draft::read(&recovered.doc).unwrap();
    assert_eq!(draft.lines.len(), 1);
    assert_eq!(draft.lines[&LINE].unit_price_fen, Some(crate::money::Fen(5)));
    assert_eq!((draft.scene.place, draft.notes.len()), (None, 2));
    let held: Vec<String> = recovered.held.iter().map(|held| held.path.to_string()).collect();
    assert_eq!(held.len(), 4, "{held:?}");
    passes(&server, &recovered, &new);
}

#[test]
fn a_new_draft_document_takes_what_still_has_a_place() {
    let mut local = base();
    write(&mut local, 5, unsent);
    let server = seed(&Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([9; 16]),
        at: AT,
        vehicles: Vec::new(),
        checklist: Vec::new(),
    })
    .unwrap();
    let recovered = rebase(&server, &local, &writer(6), AT, &[]).unwrap();
    let draft = Draft::read(&recovered.doc).unwrap();
    assert_eq!((draft.lines.len(), draft.vehicles.len(), draft.notes.len()), (2, 1, 2));
    assert!(recovered.held.iter().all(|held| held.path.section == Section::Checklist));
    assert_eq!(recovered.held.len(), 2);
    passes(&server, &recovered, &writer(6));
}

#[test]
fn an_item_that_reached_the_server_on_another_way_is_not_made_twice() {
    let common = base();
    let mut local = common.clone();
    write(&mut local, 5, unsent);
    // The same work, written again under another actor, and then gone on with.
    let first = rebase(&common, &local, &writer(6), AT, &[]).unwrap();
    let mut server = first.doc;
    write(&mut local, 5, |editor| {
        editor.set_line_field(Uuid::from_u128(201), "labor_type", "body").unwrap();
    });
    let again = rebase(&server, &local, &writer(7), AT, &[]).unwrap();
    let draft = Draft::read(&again.doc).unwrap();
    assert_eq!((draft.lines.len(), draft.notes.len(), draft.vehicles.len()), (2, 2, 1));
    assert_eq!(
        draft.lines[&Uuid::from_u128(201)].labor_type,
        Some(crate::estimate::LaborType::Body)
    );
    assert_eq!(draft.notes[&Uuid::from_u128(301)].text, "seen");
    assert_eq!(again.held, []);
    passes(&server, &again, &writer(7));

    // Evidence that differs cannot be written over; it is shown instead.
    let photo = Uuid::from_u128(400);
    let add = |doc: &mut Automerge, actor: u8, digit: &str| {
        write(doc, actor, |editor| {
            let fields = [("sha256", digit.repeat(64).into()), ("captured_at_ms", AT.into())];
            editor.add_photo(photo, &fields).unwrap();
        });
    };
    add(&mut server, 6, "a");
    add(&mut local, 5, "b");
    let again = rebase(&server, &local, &writer(7), AT, &[]).unwrap();
    let held: Vec<String> = again.held.iter().map(|held| held.path.to_string()).collect();
    assert_eq!(held, [format!("photos/{photo}/sha256")]);
    passes(&server, &again, &writer(7));
}
