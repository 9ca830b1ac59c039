//! Operations that no honest device makes, each built from an honest change.

use automerge::{
    ObjType, ScalarValue,
    legacy::{ElementId, Key, MarkData, ObjectId, Op, OpId, OpType, SortedVec},
};

use super::*;
use crate::model::schema::{Path, Section};

fn me() -> Writer {
    surveyor()
}

/// A draft with a place, a description and a line, all by the surveyor.
fn busy() -> Automerge {
    let mut server = seeded();
    edits(&mut server, &me(), |editor| {
        editor.set_scene("place", "here").unwrap();
        editor.set_text(&Path::single(Section::Scene, "description"), "abc").unwrap();
        editor.add_line(Uuid::from_u128(200), &replace("bumper", 5)).unwrap();
        editor.add_note(Uuid::from_u128(300), "n").unwrap();
    });
    server
}

fn price(editor: &mut DraftEditor<'_>) {
    editor.set_line_field(Uuid::from_u128(200), "unit_price_fen", 7).unwrap();
}

fn text(editor: &mut DraftEditor<'_>) {
    editor.set_text(&Path::single(Section::Scene, "description"), "abcd").unwrap();
}

fn erase(editor: &mut DraftEditor<'_>) {
    editor.set_text(&Path::single(Section::Scene, "description"), "ac").unwrap();
}

fn line(editor: &mut DraftEditor<'_>) {
    editor.add_line(Uuid::from_u128(201), &replace("door", 5)).unwrap();
}

/// Crafts the first operation of an honest change and expects this rule.
fn check(honest: fn(&mut DraftEditor<'_>), craft: impl FnOnce(&mut Op), expected: Rule) {
    check_change(honest, |change| craft(&mut change.operations[0]), expected);
}

fn check_change(
    honest: fn(&mut DraftEditor<'_>),
    craft: impl FnOnce(&mut ExpandedChange),
    expected: Rule,
) {
    let server = busy();
    let mut change = expanded(&server, &me(), honest);
    craft(&mut change);
    let shown = format!("{:?}", change.operations);
    let rejection = refusal(&server, &context(&me(), 4), bytes(change));
    assert_eq!(rejection.rule, expected, "{rejection}\n{shown}");
    assert_eq!(rejection.change_index, Some(0));
}

fn own(counter: u64) -> OpId {
    OpId::new(counter, &me().actor)
}

fn put(value: impl Into<ScalarValue>) -> OpType {
    OpType::Put(value.into())
}

#[test]
fn honest_changes_that_the_others_start_from_pass() {
    let server = busy();
    for honest in [price, text, erase, line] {
        let change = expanded(&server, &me(), honest);
        push(&server, &context(&me(), 4), &[bytes(change)]).unwrap();
    }
}

#[test]
fn objects_that_are_not_there() {
    check(price, |op| op.obj = ObjectId::Id(own(9_999)), Rule::UnknownObject);
    check(
        price,
        |op| op.obj = ObjectId::Id(OpId::new(3, &ActorId::from([9; 16]))),
        Rule::UnknownObject,
    );
    // A scalar is no object.
    check(price, |op| op.obj = ObjectId::Id(op.pred.get(0).unwrap().clone()), Rule::UnknownObject);
    check(text, |op| op.obj = ObjectId::Id(own(9_999)), Rule::UnknownObject);
}

#[test]
fn the_root_and_the_sections_are_the_servers() {
    for key in ["schema", "case_id", "scene", "anything"] {
        let craft = |op: &mut Op| {
            op.obj = ObjectId::Root;
            op.key = Key::from(key);
            op.pred = SortedVec::new();
        };
        check(price, craft, Rule::UnknownPath);
    }
    let server = busy();
    for section in Section::ALL {
        let mut change = expanded(&server, &me(), line);
        change.operations.truncate(1);
        change.operations[0].obj = ObjectId::Root;
        change.operations[0].key = Key::from(section.key());
        let rejection = refusal(&server, &context(&me(), 4), bytes(change));
        assert_eq!(rejection.rule, Rule::UnknownPath);
    }
}

#[test]
fn fields_that_the_schema_does_not_know() {
    for key in ["total_fen", "", "unit_price_fen ", "Kind"] {
        check(price, |op| op.key = Key::from(key), Rule::UnknownPath);
    }
}

#[test]
fn values_of_the_wrong_type() {
    let values: [OpType; 9] = [
        put(7.0_f64),
        put(7_u64),
        put(ScalarValue::counter(7)),
        put(ScalarValue::Timestamp(7)),
        put(ScalarValue::Bytes(vec![7])),
        put("7"),
        put(true),
        put(f64::NAN),
        put(ScalarValue::Unknown { type_code: 12, bytes: vec![7] }),
    ];
    for value in values {
        check(price, |op| op.action = value, Rule::WrongType);
    }
    check(price, |op| op.action = put(-1_i64), Rule::OutOfRange);
    check(price, |op| op.action = put(100_000_000_001_i64), Rule::OutOfRange);
    check(price, |op| op.action = put(i64::MIN), Rule::OutOfRange);
    check_change(line, |change| change.operations[1].action = put("total_loss"), Rule::NotAllowed);
    check_change(line, |change| change.operations[2].action = put("a\0b"), Rule::ControlCharacter);
    check_change(
        line,
        |change| change.operations[2].action = put("x".repeat(201)),
        Rule::OutOfRange,
    );
    check_change(line, |change| change.operations[2].action = put(""), Rule::OutOfRange);
}

#[test]
fn operations_that_no_field_allows() {
    let mark = || MarkData { name: "bold".into(), value: true.into(), expand: true };
    for action in [
        OpType::Delete,
        OpType::Increment(5),
        OpType::MarkBegin(mark()),
        OpType::MarkEnd(false),
        OpType::Make(ObjType::Map),
        OpType::Make(ObjType::List),
        OpType::Make(ObjType::Text),
        OpType::Make(ObjType::Table),
    ] {
        let server = busy();
        let mut change = expanded(&server, &me(), price);
        change.operations[0].action = action.clone();
        let rejection = refusal(&server, &context(&me(), 4), bytes(change));
        let expected = match action {
            // Columns of marks are refused before anything is decoded.
            OpType::MarkBegin(_) => Rule::Column,
            _ => Rule::OpKind,
        };
        assert_eq!(rejection.rule, expected, "{action:?}: {rejection}");
    }
    for (action, expected) in [
        (OpType::MarkBegin(mark()), Rule::Column),
        (OpType::MarkEnd(true), Rule::Column),
        (OpType::MarkEnd(false), Rule::OpKind),
        (OpType::Make(ObjType::Map), Rule::OpKind),
        (OpType::Increment(1), Rule::OpKind),
        (OpType::Delete, Rule::OpKind),
    ] {
        check(text, |op| op.action = action, expected);
    }
}

#[test]
fn what_is_overwritten_must_be_exactly_what_stood_there() {
    check(price, |op| op.pred = SortedVec::new(), Rule::Pred);
    check(price, |op| op.pred = vec![own(9_998)].into(), Rule::Pred);
    check(price, |op| op.pred = vec![OpId::new(4, &ActorId::from([1; 16]))].into(), Rule::Pred);
    let twice = |op: &mut Op| {
        let pred = op.pred.get(0).unwrap().clone();
        op.pred = vec![pred.clone(), pred].into();
    };
    check(price, twice, Rule::Pred);
    let more = |op: &mut Op| {
        let pred = op.pred.get(0).unwrap().clone();
        op.pred = vec![pred, own(1)].into();
    };
    check(price, more, Rule::Pred);
}

#[test]
fn a_write_may_not_reach_over_a_concurrent_one() {
    let base = busy();
    let (me, other) = (me(), writer(6, Roles::STAFF));
    let mut theirs = base.clone();
    edits(&mut theirs, &other, |editor| {
        editor.set_line_field(Uuid::from_u128(200), "unit_price_fen", 9).unwrap();
    });
    let hidden = theirs.get_last_local_change().unwrap();
    let server = push(&base, &context(&other, 0), &missing(&theirs, &base)).unwrap().doc;
    let mut change = expanded(&base, &me, price);
    // Without knowing of the other's change it claims to overwrite that, too.
    let theirs = OpId::new(hidden.start_op().get(), &other.actor);
    let known = change.operations[0].pred.get(0).unwrap().clone();
    change.operations[0].pred = vec![known, theirs].into();
    assert_eq!(refusal(&server, &context(&me, 4), bytes(change)).rule, Rule::Pred);
}

#[test]
fn objects_of_a_concurrent_change_are_not_yet_there() {
    let base = busy();
    let (me, other) = (me(), writer(6, Roles::STAFF));
    let mut theirs = base.clone();
    edits(&mut theirs, &other, line);
    let made = theirs.get_last_local_change().unwrap().start_op().get();
    let server = push(&base, &context(&other, 0), &missing(&theirs, &base)).unwrap().doc;
    let mut change = expanded(&base, &me, price);
    change.operations[0].obj = ObjectId::Id(OpId::new(made, &other.actor));
    change.operations[0].pred = SortedVec::new();
    assert_eq!(refusal(&server, &context(&me, 4), bytes(change)).rule, Rule::UnknownObject);
}

#[test]
fn keys_of_the_other_kind() {
    let scene = |op: &mut Op| op.key = Key::Seq(ElementId::Head);
    check(price, scene, Rule::KeyKind);
    check(price, |op| op.insert = true, Rule::KeyKind);
    check(text, |op| op.key = Key::from("x"), Rule::KeyKind);
    check(line, |op| op.key = Key::Seq(ElementId::Head), Rule::KeyKind);
}

#[test]
fn text_elements() {
    check(text, |op| op.key = Key::Seq(ElementId::Id(own(9_999))), Rule::TextElement);
    // An element of another object.
    check(text, |op| op.key = Key::Seq(ElementId::Id(own(12))), Rule::TextElement);
    check(text, |op| op.action = put("two"), Rule::OutOfRange);
    check(text, |op| op.action = put(""), Rule::OutOfRange);
    check(text, |op| op.action = put("\u{0}"), Rule::ControlCharacter);
    check(text, |op| op.action = put("\u{fffc}"), Rule::ControlCharacter);
    check(text, |op| op.action = put(7_i64), Rule::WrongType);
    check(text, |op| op.insert = false, Rule::OpKind);
    check(text, |op| op.pred = vec![own(13)].into(), Rule::Pred);
    check(erase, |op| op.pred = SortedVec::new(), Rule::Pred);
    check(erase, |op| op.pred = vec![own(13)].into(), Rule::Pred);
    check(erase, |op| op.key = Key::Seq(ElementId::Head), Rule::OpKind);
    let elsewhere = |op: &mut Op| {
        op.key = Key::Seq(ElementId::Id(own(9_999)));
        op.pred = vec![own(9_999)].into();
    };
    check(erase, elsewhere, Rule::TextElement);
    let twice = |change: &mut ExpandedChange| {
        let delete = change.operations[0].clone();
        change.operations.push(delete);
    };
    check_change(erase, twice, Rule::TextElement);
}

#[test]
fn a_text_that_is_gone_cannot_be_written_after() {
    let server = busy();
    let mut device = server.clone();
    edits(&mut device, &me(), erase);
    let gone = match &expanded(&server, &me(), erase).operations[0].key {
        Key::Seq(ElementId::Id(id)) => id.clone(),
        other => panic!("{other:?}"),
    };
    let mut change = expanded(&device, &me(), |editor| {
        editor.set_text(&Path::single(Section::Scene, "description"), "acd").unwrap();
    });
    change.operations[0].key = Key::Seq(ElementId::Id(gone));
    let rejection = push(
        &server,
        &context(&me(), 4),
        &[device.get_last_local_change().unwrap().raw_bytes().to_vec(), bytes(change)],
    )
    .unwrap_err();
    assert_eq!((rejection.rule, rejection.change_index), (Rule::TextElement, Some(1)));
}

#[test]
fn items() {
    let exists = |op: &mut Op| op.key = Key::from(Uuid::from_u128(200).to_string());
    check(line, exists, Rule::ItemExists);
    check(line, |op| op.pred = vec![own(30)].into(), Rule::ItemExists);
    for key in ["x", "", "00000000000000000000000000000201", "00000000-0000-0000-0000-0000000000AB"]
    {
        check(line, |op| op.key = Key::from(key), Rule::ItemKey);
    }
    for action in
        [OpType::Make(ObjType::List), OpType::Make(ObjType::Text), OpType::Delete, put(1_i64)]
    {
        let cut = |change: &mut ExpandedChange| {
            change.operations.truncate(1);
            change.operations[0].action = action;
        };
        check_change(line, cut, Rule::OpKind);
    }
    check_change(line, |change| change.operations.truncate(1), Rule::MissingField);
    check_change(
        line,
        |change| change.operations[1].action = put(ScalarValue::Null),
        Rule::MissingField,
    );
    let twice = |change: &mut ExpandedChange| {
        let make = change.operations[0].clone();
        change.operations.push(make);
    };
    check_change(line, twice, Rule::ItemExists);
}

#[test]
fn an_item_that_somebody_else_made_meanwhile_is_not_hidden() {
    let base = busy();
    let (me, other) = (me(), writer(6, Roles::STAFF));
    let mut theirs = base.clone();
    edits(&mut theirs, &other, line);
    let server = push(&base, &context(&other, 0), &missing(&theirs, &base)).unwrap().doc;
    let change = expanded(&base, &me, line);
    assert_eq!(refusal(&server, &context(&me, 4), bytes(change)).rule, Rule::ItemExists);
}

#[test]
fn a_second_text_would_hide_the_first() {
    let note = |editor: &mut DraftEditor<'_>| {
        editor.add_note(Uuid::from_u128(301), "hello").unwrap();
    };
    let server = busy();
    let mut change = expanded(&server, &me(), note);
    let make = change
        .operations
        .iter()
        .find(|op| op.action == OpType::Make(ObjType::Text))
        .cloned()
        .unwrap();
    change.operations.push(make.clone());
    assert_eq!(refusal(&server, &context(&me(), 4), bytes(change.clone())).rule, Rule::Pred);
    // In a later change, over the existing one or beside it.
    let mut later = expanded(&server, &me(), price);
    later.operations[0] = Op { obj: note_object(&server), ..make };
    let rejection = refusal(&server, &context(&me(), 4), bytes(later));
    assert_eq!(rejection.rule, Rule::Moment, "{rejection}");
}

/// The map of the note that the draft holds.
fn note_object(server: &Automerge) -> ObjectId {
    let made = server
        .get_changes(&[])
        .iter()
        .flat_map(|change| {
            let start = change.start_op().get();
            let actor = change.actor_id().clone();
            (start..).zip(change.decode().operations).map(move |(n, op)| (OpId::new(n, &actor), op))
        })
        .find(|(_, op)| op.key == Key::from(Uuid::from_u128(300).to_string()));
    ObjectId::Id(made.unwrap().0)
}

#[test]
fn nesting_is_refused_at_its_first_level() {
    let server = busy();
    let mut change = expanded(&server, &me(), price);
    let start = change.start_op.get();
    let first = change.operations[0].clone();
    change.operations = (0..500)
        .map(|level| Op {
            action: OpType::Make(ObjType::Map),
            obj: if level == 0 { first.obj.clone() } else { ObjectId::Id(own(start + level - 1)) },
            key: Key::from("note"),
            pred: SortedVec::new(),
            insert: false,
        })
        .collect();
    assert_eq!(refusal(&server, &context(&me(), 4), bytes(change)).rule, Rule::OpKind);
}

#[test]
fn a_section_or_text_that_is_full_takes_no_more() {
    let mut server = seeded();
    edits(&mut server, &me(), |editor| {
        for n in 0..63 {
            editor.add_vehicle(Uuid::from_u128(500 + n), &[]).unwrap();
        }
    });
    let mut change = expanded(&seeded(), &me(), |editor| {
        editor.add_vehicle(Uuid::from_u128(999), &[]).unwrap();
    });
    let last = server.get_last_local_change().unwrap();
    change.deps = vec![last.hash()];
    change.seq = 64;
    change.start_op = (last.max_op() + 1).try_into().unwrap();
    let rejection = refusal(&server, &context(&me(), 63), bytes(change));
    assert_eq!((rejection.rule, rejection.path.as_deref()), (Rule::SectionFull, Some("vehicles")));

    let mut server = seeded();
    let path = Path::single(Section::Scene, "description");
    edits(&mut server, &me(), |editor| {
        editor.set_text(&path, &"x".repeat(4_000)).unwrap();
    });
    let last = server.get_last_local_change().unwrap();
    let mut change = expanded(&seeded(), &me(), |editor| {
        editor.set_text(&path, "y").unwrap();
    });
    change.deps = vec![last.hash()];
    change.seq = 2;
    change.start_op = (last.max_op() + 1).try_into().unwrap();
    let rejection = refusal(&server, &context(&me(), 1), bytes(change));
    assert_eq!(rejection.rule, Rule::TextTooLong);
    assert_eq!(rejection.path.as_deref(), Some("scene/description"));
}
