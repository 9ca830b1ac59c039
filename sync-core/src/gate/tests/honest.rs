use super::*;
use crate::model::{
    CheckState, Draft, content_hash,
    schema::{Path, Section},
};

fn description() -> Path {
    Path::single(Section::Scene, "description")
}

/// One of everything that an editor can do.
fn a_day_in_the_field(editor: &mut DraftEditor<'_>) {
    let line = Uuid::from_u128(200);
    let note = Uuid::from_u128(300);
    editor.set_scene("place", "文三路 12").unwrap();
    editor.set_scene("weather", "rain").unwrap();
    editor.set_scene("weather", Scalar::Null).unwrap();
    editor.set_rate("parts_management_bp", 1_500).unwrap();
    editor.set_vehicle_field(VEHICLE, "mileage_km", 83_000).unwrap();
    editor.add_vehicle(Uuid::from_u128(101), &[("role", "third_party".into())]).unwrap();
    editor.add_line(line, &replace("前保险杠", 120_000)).unwrap();
    editor.set_line_field(line, "unit_price_fen", 110_000).unwrap();
    editor.remove_line(line).unwrap();
    editor.set_line_field(line, "removed", false).unwrap();
    let sha = "ab".repeat(32);
    editor
        .add_photo(
            Uuid::from_u128(400),
            &[
                ("sha256", sha.as_str().into()),
                ("captured_at_ms", NOW.into()),
                ("slot", "front_45".into()),
                ("lat_e7", 302_741_000.into()),
            ],
        )
        .unwrap();
    editor.set_photo_field(Uuid::from_u128(400), "line_id", line).unwrap();
    editor.tick("photos", CheckState::Done, "all there").unwrap();
    editor.add_note(note, "first\nline 你好 🚗").unwrap();
    let text = Path::of_item(Section::Notes, note.to_string(), "text");
    editor.set_text(&text, "first lines, 你们好").unwrap();
    editor.set_text(&description(), "He braked late on the wet road.").unwrap();
    editor.set_text(&description(), "She braked very late on the road.").unwrap();
    editor.set_text(&description(), "").unwrap();
    editor.set_text(&description(), &"长".repeat(4_000)).unwrap();
}

#[test]
fn a_whole_day_passes_in_one_push_or_change_by_change() {
    let server = seeded();
    let me = surveyor();
    let mut device = server.clone();
    edits(&mut device, &me, a_day_in_the_field);
    let changes = missing(&device, &server);

    let whole = push(&server, &context(&me, 0), &changes).unwrap();
    assert_eq!(whole.rows.len(), changes.len());
    assert_eq!(whole.heads, device.get_heads());
    assert_eq!(Draft::read(&whole.doc).unwrap(), Draft::read(&device).unwrap());

    let mut one_by_one = server;
    for (seq, change) in (0..).zip(&changes) {
        let admitted = push(&one_by_one, &context(&me, seq), std::slice::from_ref(change)).unwrap();
        let loaded = Automerge::load(&admitted.doc.save()).unwrap();
        assert_eq!(loaded.get_heads(), admitted.heads);
        one_by_one = admitted.doc;
    }
    assert_eq!(one_by_one.get_heads(), device.get_heads());
}

/// Whether the library made the push again, and what it is when it is loaded.
fn told_again(mut admitted: Admitted) -> bool {
    let told = !admitted.reloaded;
    let (saved, contested) = (admitted.doc.save(), admitted.contested);
    admitted.reload().unwrap();
    assert_eq!(admitted.snapshot(), Some(saved));
    assert_eq!((admitted.doc.get_heads(), admitted.contested), (admitted.heads, contested));
    told
}

#[test]
fn the_library_makes_every_small_edit_again() {
    let mut server = seeded();
    let me = surveyor();
    let mut device = server.clone();
    edits(&mut device, &me, a_day_in_the_field);
    let mut small = 0;
    for (seq, change) in (0..).zip(missing(&device, &server)) {
        let admitted = push(&server, &context(&me, seq), &[change]).unwrap();
        server = admitted.doc.clone();
        let row = &admitted.rows[0];
        let ops = row.max_op - row.start_op + 1;
        let most = u64::try_from(crate::limits::REPLAYED_OPS).unwrap();
        let (paths, is_small) = (row.paths.clone(), ops <= most);
        small += usize::from(is_small);
        assert_eq!(told_again(admitted), is_small, "{ops} operations on {paths:?}");
    }
    assert_eq!(small, 18);
}

/// Were the library wrong about what it writes itself, no reader would start from it.
#[test]
fn what_does_not_load_becomes_no_snapshot() {
    let server = seeded();
    let me = surveyor();
    let mut device = server.clone();
    edits(&mut device, &me, |editor| {
        editor.set_scene("place", "x").unwrap();
    });
    let admitted = push(&server, &context(&me, 0), &missing(&device, &server)).unwrap();
    assert_eq!(admitted.snapshot(), None, "nobody has loaded it");
    let mut change = device.get_last_local_change().unwrap().decode();
    // It overwrites what nobody wrote.
    let nowhere = automerge::legacy::OpId::new(9_998, &ActorId::from([1; 16]));
    change.operations[0].pred = vec![nowhere].into();
    let mut broken = server.clone();
    broken.apply_changes([change.into()]).unwrap();
    let mut wrong = Admitted { heads: broken.get_heads(), doc: broken, ..admitted };
    assert_eq!(wrong.reload().unwrap_err().rule, Rule::Unloadable);
    assert_eq!(wrong.snapshot(), None);
}

#[test]
fn what_the_library_would_not_write_there_is_loaded() {
    let server = seeded();
    let (me, other) = (surveyor(), writer(6, Roles::STAFF));
    let (mut mine, mut theirs) = (server.clone(), server.clone());
    let write = |doc: &mut Automerge, who: &Writer, place: &str| {
        edits(doc, who, |editor| {
            editor.set_scene("place", place).unwrap();
        });
    };
    write(&mut theirs, &other, "theirs");
    write(&mut mine, &me, "mine");
    let first = push(&server, &context(&other, 0), &missing(&theirs, &server)).unwrap();
    let ahead = first.doc.clone();
    assert!(told_again(first), "it builds on all that there is");
    let second = push(&ahead, &context(&me, 0), &missing(&mine, &ahead)).unwrap();
    assert!(second.reloaded && second.contested, "it does not know of the other change");
}

#[test]
fn rows_say_what_was_written_and_where() {
    let server = seeded();
    let me = surveyor();
    let mut device = server.clone();
    let line = Uuid::from_u128(200);
    edits(&mut device, &me, |editor| {
        editor.add_line(line, &replace("bumper", 1)).unwrap();
        editor.set_scene("place", "x").unwrap();
    });
    let admitted = push(&server, &context(&me, 0), &missing(&device, &server)).unwrap();
    let [first, second] = admitted.rows.as_slice() else { panic!("{:?}", admitted.rows) };
    let under = |field: &str| format!("lines/{line}{field}");
    assert_eq!(first.paths, [under(""), under("/kind"), under("/name"), under("/unit_price_fen")]);
    assert_eq!(second.paths, ["scene/place"]);
    assert_eq!((first.seq, second.seq, admitted.last_seq), (1, 2, 2));
    assert_eq!(second.deps, [first.hash]);
    assert_eq!(first.max_op + 1, second.start_op);
    assert_eq!(admitted.max_op, second.max_op);
    assert_eq!(first.client_time, NOW);
    assert_eq!(first.actor, me.actor);
    assert!(told_again(admitted), "both, one after the other");
}

#[test]
fn a_full_text_may_be_rewritten_as_a_whole() {
    let server = seeded();
    let me = surveyor();
    let mut device = server.clone();
    edits(&mut device, &me, |editor| {
        editor.set_text(&description(), &"a".repeat(4_000)).unwrap();
        editor.set_text(&description(), &"b".repeat(4_000)).unwrap();
    });
    let admitted = push(&server, &context(&me, 0), &missing(&device, &server)).unwrap();
    assert_eq!(Draft::read(&admitted.doc).unwrap().scene.description, "b".repeat(4_000));
}

#[test]
fn what_is_already_known_is_skipped() {
    let server = seeded();
    let me = surveyor();
    let mut device = server.clone();
    edits(&mut device, &me, |editor| {
        editor.set_scene("place", "x").unwrap();
    });
    let first = missing(&device, &server);
    let held = push(&server, &context(&me, 0), &first).unwrap().doc;
    edits(&mut device, &me, |editor| {
        editor.set_scene("place", "y").unwrap();
    });
    let both = missing(&device, &server);

    let again = push(&held, &context(&me, 1), &first).unwrap();
    assert_eq!((again.rows.len(), again.duplicates, again.last_seq), (0, 1, 1));
    assert_eq!(again.heads, held.get_heads());

    let mut doubled = both.clone();
    doubled.extend(both);
    let rest = push(&held, &context(&me, 1), &doubled).unwrap();
    assert_eq!((rest.rows.len(), rest.duplicates, rest.last_seq), (1, 3, 2));
    assert_eq!(rest.heads, device.get_heads());
}

#[test]
fn late_work_on_an_old_draft_passes_and_merges() {
    let mut server = seeded();
    let (me, other) = (surveyor(), writer(6, Roles::STAFF));
    let mut mine = server.clone();
    let mut theirs = server.clone();
    edits(&mut theirs, &other, |editor| {
        editor.set_scene("place", "theirs").unwrap();
        editor.set_text(&description(), "They saw the red car.").unwrap();
        editor.add_line(Uuid::from_u128(201), &replace("door", 5)).unwrap();
    });
    server = push(&server, &context(&other, 0), &missing(&theirs, &server)).unwrap().doc;

    edits(&mut mine, &me, |editor| {
        editor.set_scene("place", "mine").unwrap();
        editor.set_text(&description(), "I saw the blue car.").unwrap();
        editor.add_line(Uuid::from_u128(200), &replace("hood", 7)).unwrap();
    });
    // Mid-way the device hears of the other's work and goes on from both.
    let mut heard = server.clone();
    mine.merge(&mut heard).unwrap();
    edits(&mut mine, &me, |editor| {
        editor.set_scene("place", "agreed").unwrap();
        editor.set_text(&description(), "We saw the car.").unwrap();
        editor.set_line_field(Uuid::from_u128(201), "unit_price_fen", 6).unwrap();
    });
    let admitted = push(&server, &context(&me, 0), &missing(&mine, &server)).unwrap();
    assert_eq!(admitted.rows.len(), 6);
    assert_eq!(admitted.heads, mine.get_heads());
    let draft = Draft::read(&admitted.doc).unwrap();
    assert_eq!(draft.scene.place.as_deref(), Some("agreed"));
    assert_eq!(draft.lines.len(), 2);
    assert_eq!(content_hash(&draft), content_hash(&Draft::read(&mine).unwrap()));
}

#[test]
fn a_settled_conflict_passes_whichever_value_is_chosen() {
    for chosen in [1, 2] {
        let base = seeded();
        let (me, other) = (surveyor(), writer(6, Roles::STAFF));
        let mut mine = base.clone();
        let mut theirs = base.clone();
        edits(&mut mine, &me, |editor| {
            editor.set_rate("body_discount_bp", 1).unwrap();
        });
        edits(&mut theirs, &other, |editor| {
            editor.set_rate("body_discount_bp", 2).unwrap();
        });
        let server = push(&base, &context(&me, 0), &missing(&mine, &base)).unwrap().doc;
        let server = push(&server, &context(&other, 0), &missing(&theirs, &server)).unwrap().doc;
        assert_eq!(crate::conflict::list(&server).len(), 1);
        let mut heard = server.clone();
        mine.merge(&mut heard).unwrap();
        edits(&mut mine, &me, |editor| {
            editor.settle(&Path::single(Section::Rates, "body_discount_bp"), chosen).unwrap();
        });
        let server = push(&server, &context(&me, 1), &missing(&mine, &server)).unwrap().doc;
        assert!(crate::conflict::list(&server).is_empty());
        assert_eq!(Draft::read(&server).unwrap().rates.body_discount_bp, Some(chosen));
    }
}
