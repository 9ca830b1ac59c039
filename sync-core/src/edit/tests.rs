use super::*;
use crate::{
    model::{CheckState, Draft, LineKind, Seed, seed},
    money::Fen,
};

const AT: Instant = Instant(1_780_000_000_000);
const LINE: Uuid = Uuid::from_u128(200);

fn base() -> Automerge {
    seed(&Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([1; 16]),
        at: AT,
        vehicles: Vec::new(),
        checklist: vec!["photos".to_owned()],
    })
    .unwrap()
}

fn writer() -> Writer {
    Writer {
        actor: ActorId::from([5; 16]),
        person: PersonId(Uuid::from_u128(5)),
        roles: Roles::ALL,
    }
}

fn description() -> Path {
    Path::single(Section::Scene, "description")
}

#[test]
fn one_call_makes_one_change_and_what_stands_already_makes_none() {
    let (mut doc, writer) = (base(), writer());
    let mut editor = DraftEditor::new(&mut doc, &writer, AT).unwrap();
    assert!(editor.set_scene("place", "x").unwrap().is_some());
    assert!(editor.set_scene("place", "x").unwrap().is_none());
    assert!(editor.set_scene("place", "").unwrap().is_some());
    let fields = [("kind", LineKind::Replace.into()), ("unit_price_fen", Fen(7).into())];
    assert!(editor.add_line(LINE, &fields).unwrap().is_some());
    assert!(editor.tick("photos", CheckState::Done, "yes").unwrap().is_some());
    assert!(editor.set_text(&description(), "a\r\nb").unwrap().is_some());
    assert!(editor.set_text(&description(), "a\nb").unwrap().is_none());
    let own = doc.get_changes_meta(&base().get_heads());
    assert_eq!(own.len(), 5);
    assert!(own.iter().all(|meta| meta.timestamp == AT.0 && *meta.actor == writer.actor));
    let draft = Draft::read(&doc).unwrap();
    assert_eq!((draft.scene.place, draft.scene.description.as_str()), (None, "a\nb"));
    assert_eq!(draft.lines[&LINE].unit_price_fen, Some(Fen(7)));
    assert_eq!(draft.checklist["photos"].answer.as_deref(), Some("yes"));
}

#[test]
fn refused_writes_leave_no_trace() {
    let (mut doc, writer) = (base(), writer());
    {
        let mut editor = DraftEditor::new(&mut doc, &writer, AT).unwrap();
        editor.add_line(LINE, &[("kind", "repair".into())]).unwrap();
    }
    let heads = doc.get_heads();
    let mut editor = DraftEditor::new(&mut doc, &writer, AT).unwrap();
    let other = Uuid::from_u128(9);
    assert!(matches!(editor.set_scene("nope", 1), Err(EditRefusal::UnknownPath(_))));
    assert!(matches!(editor.set_line_field(other, "note", "x"), Err(EditRefusal::NoSuchItem(_))));
    assert!(matches!(editor.add_line(LINE, &[]), Err(EditRefusal::ItemExists(_))));
    assert!(matches!(editor.add_line(other, &[]), Err(EditRefusal::Missing(_))));
    assert!(matches!(
        editor.set_line_field(LINE, "unit_price_fen", -1),
        Err(EditRefusal::Misfit { misfit: Misfit::OutOfRange, .. })
    ));
    assert!(matches!(
        editor.put_fields(
            Section::Lines,
            Some(&LINE.to_string()),
            &[("note", "good".into()), ("qty_milli", "bad".into()),]
        ),
        Err(EditRefusal::Misfit { misfit: Misfit::WrongType, .. })
    ));
    assert!(matches!(
        editor.set_scene("description", "x"),
        Err(EditRefusal::Misfit { misfit: Misfit::WrongType, .. })
    ));
    for (text, expected) in
        [("\0".to_owned(), Misfit::ControlCharacter), ("长".repeat(4_001), Misfit::OutOfRange)]
    {
        let refused = editor.set_text(&description(), &text);
        assert!(matches!(refused, Err(EditRefusal::Misfit { misfit, .. }) if misfit == expected));
    }
    let place = Path::single(Section::Scene, "place");
    assert!(matches!(editor.set_text(&place, "x"), Err(EditRefusal::Misfit { .. })));
    assert!(matches!(editor.tick("nope", CheckState::Done, ""), Err(EditRefusal::NoSuchItem(_))));
    assert!(matches!(
        editor.put_fields(Section::Scene, Some("x"), &[("place", "y".into())]),
        Err(EditRefusal::UnknownPath(_))
    ));
    assert_eq!(doc.get_heads(), heads);
}

#[test]
fn roles_without_rights_are_told_before_they_write() {
    let mut doc = base();
    let shop = Writer { roles: Roles::NONE.with(schema::Role::Shop), ..writer() };
    let mut editor = DraftEditor::new(&mut doc, &shop, AT).unwrap();
    for refused in [
        editor.set_scene("place", "x"),
        editor.add_line(LINE, &[("kind", "repair".into())]),
        editor.set_text(&description(), "x"),
        editor.set_rate("body_discount_bp", 1),
    ] {
        assert!(matches!(refused, Err(EditRefusal::Denied { denial: Denial::Role, .. })));
    }
    assert!(editor.add_note(Uuid::from_u128(300), "we need a supplement").is_ok());
}

#[test]
fn a_pen_needs_a_clock_and_an_actor() {
    let mut doc = base();
    for at in [Instant(0), Instant::LATEST, Instant(i64::MIN)] {
        assert!(matches!(DraftEditor::new(&mut doc, &writer(), at), Err(EditRefusal::Clock)));
    }
    let short = Writer { actor: ActorId::from(vec![1; 15]), ..writer() };
    assert!(matches!(DraftEditor::new(&mut doc, &short, AT), Err(EditRefusal::Actor)));
}

#[test]
fn texts_are_rewritten_whatever_they_were() {
    let (mut doc, writer) = (base(), writer());
    let long: String = (0..4_000_u32).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
    let longer: String = (0..4_000_u32).filter_map(|n| char::from_u32(0x6e00 + n)).collect();
    for text in [
        "",
        "abc",
        "abcabc",
        "abXabc",
        "e\u{301}",
        "🚗🚗",
        long.as_str(),
        longer.as_str(),
        &format!("{}end", &long[..3_000]),
        "end",
    ] {
        DraftEditor::new(&mut doc, &writer, AT).unwrap().set_text(&description(), text).unwrap();
        assert_eq!(Draft::read(&doc).unwrap().scene.description, text);
    }
}

#[test]
fn two_people_write_in_one_text() {
    let (mut a, writer) = (base(), writer());
    DraftEditor::new(&mut a, &writer, AT)
        .unwrap()
        .set_text(&description(), "The car stood at the light.")
        .unwrap();
    let mut b = a.clone();
    let other = Writer { actor: ActorId::from([6; 16]), ..writer.clone() };
    DraftEditor::new(&mut a, &writer, AT)
        .unwrap()
        .set_text(&description(), "The red car stood at the light.")
        .unwrap();
    DraftEditor::new(&mut b, &other, AT)
        .unwrap()
        .set_text(&description(), "The car stood at the light, then it rolled.")
        .unwrap();
    a.merge(&mut b).unwrap();
    let text = Draft::read(&a).unwrap().scene.description;
    assert_eq!(text, "The red car stood at the light, then it rolled.");
}
