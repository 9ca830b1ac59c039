//! Who may write what.

use super::*;
use crate::{
    edit::EditRefusal,
    gate::Class,
    model::schema::{Denial, Path, Section},
};

/// An honest change by somebody with every role, pushed by somebody with these roles only.
fn as_role(
    roles: Roles,
    prepare: impl FnOnce(&mut DraftEditor<'_>),
    work: impl FnOnce(&mut DraftEditor<'_>),
) -> Result<Admitted, Rejection> {
    let owner = writer(7, Roles::ALL);
    let mut server = seeded();
    edits(&mut server, &owner, prepare);
    let mut device = server.clone();
    edits(&mut device, &writer(8, Roles::ALL), work);
    push(&server, &context(&writer(8, roles), 0), &missing(&device, &server))
}

fn a_line(editor: &mut DraftEditor<'_>) {
    editor.add_line(Uuid::from_u128(200), &replace("x", 5)).unwrap();
}

fn a_photo(editor: &mut DraftEditor<'_>) {
    let fields = [("sha256", "ab".repeat(32).into()), ("captured_at_ms", NOW.into())];
    editor.add_photo(Uuid::from_u128(400), &fields).unwrap();
}

#[test]
fn sections_belong_to_roles() {
    type Work = fn(&mut DraftEditor<'_>);
    let works: [(Work, [bool; 4]); 7] = [
        (
            |e| {
                e.set_scene("place", "x").unwrap();
            },
            [true, false, true, false],
        ),
        (
            |e| {
                e.set_rate("body_discount_bp", 1).unwrap();
            },
            [true, true, false, false],
        ),
        (
            |e| {
                e.set_line_field(Uuid::from_u128(200), "unit_price_fen", 1).unwrap();
            },
            [true, true, false, false],
        ),
        (
            |e| {
                e.add_line(Uuid::from_u128(201), &replace("y", 1)).unwrap();
            },
            [true, true, false, false],
        ),
        (a_photo, [true, false, false, true]),
        (
            |e| {
                e.tick("photos", crate::model::CheckState::Done, "").unwrap();
            },
            [true, false, false, false],
        ),
        (
            |e| {
                e.add_note(Uuid::from_u128(300), "n").unwrap();
            },
            [true, true, true, true],
        ),
    ];
    let roles = [Role::Surveyor, Role::Verifier, Role::Office, Role::Shop];
    for (n, (work, allowed)) in works.into_iter().enumerate() {
        for (role, allowed) in roles.into_iter().zip(allowed) {
            let result = as_role(Roles::NONE.with(role), a_line, work);
            match result {
                Ok(_) => assert!(allowed, "{n} {role:?}"),
                Err(rejection) => {
                    assert!(!allowed, "{n} {role:?}: {rejection}");
                    assert_eq!((rejection.rule, rejection.class), (Rule::Role, Class::Forbidden));
                    assert!(rejection.path.is_some());
                }
            }
        }
        assert!(as_role(Roles::NONE, a_line, work).is_err());
    }
}

#[test]
fn the_description_is_not_the_shops() {
    let path = Path::single(Section::Scene, "description");
    let rejection = as_role(
        Roles::NONE.with(Role::Shop),
        |_| {},
        |editor| {
            editor.set_text(&path, "x").unwrap();
        },
    )
    .unwrap_err();
    assert_eq!(rejection.rule, Rule::Role);
}

#[test]
fn evidence_is_written_once() {
    let server = {
        let mut server = seeded();
        edits(&mut server, &surveyor(), a_photo);
        server
    };
    let honest = |editor: &mut DraftEditor<'_>| {
        editor.set_photo_field(Uuid::from_u128(400), "slot", "front").unwrap();
    };
    for (field, value) in [("sha256", Scalar::from("cd".repeat(32))), ("lat_e7", Scalar::Int(5))] {
        let mut change = expanded(&server, &surveyor(), honest);
        change.operations[0].key = field.into();
        change.operations[0].action =
            automerge::legacy::OpType::Put(crate::edit::library_value(&value));
        let rejection = refusal(&server, &context(&surveyor(), 1), bytes(change));
        assert_eq!((rejection.rule, rejection.class), (Rule::Moment, Class::Forbidden));

        let me = surveyor();
        let mut device = server.clone();
        let refused = DraftEditor::new(&mut device, &me, NOW).unwrap().set_photo_field(
            Uuid::from_u128(400),
            field,
            value,
        );
        assert!(matches!(refused, Err(EditRefusal::Denied { denial: Denial::Moment, .. })));
    }
}

#[test]
fn a_note_is_its_authors() {
    let a_note = |editor: &mut DraftEditor<'_>| {
        editor.add_note(Uuid::from_u128(300), "n").unwrap();
    };
    let text = Path::of_item(Section::Notes, Uuid::from_u128(300).to_string(), "text");
    let mut server = seeded();
    edits(&mut server, &surveyor(), a_note);

    // The honest editor refuses, so the change is made by the author and passed off as another's.
    let other = writer(6, Roles::ALL);
    let mut device = server.clone();
    let refused = DraftEditor::new(&mut device, &other, NOW).unwrap().set_text(&text, "changed");
    assert!(matches!(refused, Err(EditRefusal::Denied { denial: Denial::NotOwner, .. })));
    let works: [fn(&mut DraftEditor<'_>, &Path); 2] = [
        |editor, text| {
            editor.set_text(text, "changed").unwrap();
        },
        |editor, text| {
            let item = text.item.as_deref();
            editor.put_fields(Section::Notes, item, &[("removed", true.into())]).unwrap();
        },
    ];
    for work in works {
        let as_author = Writer { actor: other.actor.clone(), ..surveyor() };
        let change = expanded(&server, &as_author, |editor| work(editor, &text));
        push(&server, &context(&as_author, 0), &[bytes(change.clone())]).unwrap();
        let rejection = refusal(&server, &context(&other, 0), bytes(change));
        assert_eq!((rejection.rule, rejection.class), (Rule::NotOwner, Class::Forbidden));
    }

    // Nor may a note be made in another's name.
    let forged = expanded(&server, &surveyor(), |editor| {
        editor.add_note(Uuid::from_u128(301), "x").unwrap();
    });
    let liar = PushContext { person: other.person, ..context(&surveyor(), 1) };
    let rejection = refusal(&server, &liar, bytes(forged));
    assert_eq!((rejection.rule, rejection.class), (Rule::NotOwn, Class::Forbidden));
}

#[test]
fn the_checklist_is_the_servers() {
    let me = surveyor();
    let server = seeded();
    let mut change = expanded(&server, &me, a_line);
    let checklist = server
        .get_changes(&[])
        .iter()
        .flat_map(|change| (1_u64..).zip(change.decode().operations))
        .find(|(_, op)| op.key == "checklist".into())
        .map(|(n, _)| automerge::legacy::OpId::new(n, &ActorId::from([1; 16])))
        .unwrap();
    change.operations.truncate(1);
    change.operations[0].obj = automerge::legacy::ObjectId::Id(checklist);
    let rejection = refusal(&server, &context(&me, 0), bytes(change));
    assert_eq!(rejection.rule, Rule::Role);
}
