//! Headers that no honest device writes, and the answers they lead to.

use automerge::legacy::SortedVec;

use super::*;
use crate::gate::Class;

fn place(text: &'static str) -> impl FnOnce(&mut DraftEditor<'_>) {
    move |editor| {
        editor.set_scene("place", text).unwrap();
    }
}

fn check(craft: impl FnOnce(&mut ExpandedChange), rule: Rule, class: Class) {
    let server = seeded();
    let mut change = expanded(&server, &surveyor(), place("x"));
    craft(&mut change);
    let rejection = refusal(&server, &context(&surveyor(), 0), bytes(change));
    assert_eq!((rejection.rule, rejection.class), (rule, class), "{rejection}");
}

#[test]
fn sequence_numbers() {
    let gap = |expected| Class::SeqGap { expected };
    check(|change| change.seq = 2, Rule::SeqGap, gap(1));
    check(|change| change.seq = u64::MAX, Rule::SeqGap, gap(1));
    check(|change| change.seq = 0, Rule::ActorReused, Class::ActorReused);

    let server = seeded();
    let me = surveyor();
    let mut restored = server.clone();
    let mut device = server.clone();
    edits(&mut device, &me, place("x"));
    let server = push(&server, &context(&me, 0), &missing(&device, &server)).unwrap().doc;
    // A device restored from a backup uses its number a second time.
    edits(&mut restored, &me, place("y"));
    let reused = restored.get_last_local_change().unwrap().raw_bytes().to_vec();
    let rejection = refusal(&server, &context(&me, 1), reused);
    assert_eq!(rejection.class, Class::ActorReused);

    // The first of two was lost on the way.
    edits(&mut device, &me, place("y"));
    edits(&mut device, &me, place("z"));
    let last = device.get_last_local_change().unwrap().raw_bytes().to_vec();
    assert_eq!(refusal(&server, &context(&me, 1), last).class, gap(2));
}

#[test]
fn counters() {
    for start in [1, 2, 11, 13, 4_294_967_294] {
        let honest = expanded(&seeded(), &surveyor(), place("x")).start_op.get();
        let expected = if start > 1_000_000 { Rule::DraftFull } else { Rule::StartOp };
        let class = if start > 1_000_000 { Class::TooLarge } else { Class::Malformed };
        if start != honest {
            check(|change| change.start_op = start.try_into().unwrap(), expected, class);
        }
    }
}

#[test]
fn stamps() {
    let day = Span::days(1);
    for time in [-1, i64::MIN, (NOW + day).0 + 1, i64::MAX] {
        check(|change| change.time = time, Rule::Stamp, Class::Malformed);
    }
    let server = seeded();
    for time in [0, 1, NOW.0, (NOW + day).0] {
        let mut change = expanded(&server, &surveyor(), place("x"));
        change.time = time;
        push(&server, &context(&surveyor(), 0), &[bytes(change)]).unwrap();
    }
}

#[test]
fn dependencies() {
    let unknown = automerge::ChangeHash([7; 32]);
    check(|change| change.deps = vec![unknown], Rule::UnknownDeps, Class::UnknownDeps);
    check(|change| change.deps.push(unknown), Rule::UnknownDeps, Class::UnknownDeps);
    check(|change| change.deps.push(change.deps[0]), Rule::DoubledDep, Class::Malformed);
    let alone = |change: &mut ExpandedChange| {
        change.deps.clear();
        change.start_op = 1.try_into().unwrap();
    };
    check(alone, Rule::BrokenChain, Class::Malformed);
    let many = |change: &mut ExpandedChange| {
        change.deps = (0..65).map(|n| automerge::ChangeHash([n; 32])).collect();
    };
    check(many, Rule::ChangeTooLarge, Class::Malformed);
}

#[test]
fn an_actor_may_not_forget_its_own_past() {
    let server = seeded();
    let me = surveyor();
    let mut device = server.clone();
    edits(&mut device, &me, place("x"));
    let held = push(&server, &context(&me, 0), &missing(&device, &server)).unwrap().doc;
    // The second change builds on the seed alone, once across pushes and once within one.
    let mut change = expanded(&server, &me, place("y"));
    change.seq = 2;
    let forgetful = bytes(change);
    assert_eq!(refusal(&held, &context(&me, 1), forgetful.clone()).rule, Rule::BrokenChain);
    let mut both = missing(&device, &server);
    both.push(forgetful);
    let rejection = push(&server, &context(&me, 0), &both).unwrap_err();
    assert_eq!((rejection.rule, rejection.change_index), (Rule::BrokenChain, Some(1)));
}

#[test]
fn nobody_writes_as_somebody_else() {
    let other = ActorId::from([6; 16]);
    check(|change| change.actor_id = other, Rule::ForeignActor, Class::Forbidden);
    let short = ActorId::from(vec![5; 15]);
    check(|change| change.actor_id = short, Rule::ActorLength, Class::Malformed);
    let long = ActorId::from(vec![5; 17]);
    check(|change| change.actor_id = long, Rule::ActorLength, Class::Malformed);

    // Another device goes on with a chain that the server knows.
    let server = seeded();
    let (victim, thief) = (surveyor(), writer(6, Roles::STAFF));
    let mut device = server.clone();
    edits(&mut device, &victim, place("x"));
    let held = push(&server, &context(&victim, 0), &missing(&device, &server)).unwrap().doc;
    let forged = expanded(&held, &victim, place("forged"));
    let rejection = refusal(&held, &context(&thief, 0), bytes(forged));
    assert_eq!((rejection.rule, rejection.class), (Rule::ForeignActor, Class::Forbidden));
}

#[test]
fn what_a_change_may_carry_besides() {
    check(|change| change.operations.clear(), Rule::EmptyChange, Class::Malformed);
    check(|change| change.extra_bytes = vec![1], Rule::ExtraBytes, Class::Malformed);
    // An author footer, as the library writes it.
    check(|change| change.extra_bytes = vec![1, 2, 7, 7], Rule::ExtraBytes, Class::Malformed);
    check(|change| change.message = Some("x".repeat(257)), Rule::ChangeTooLarge, Class::Malformed);
    let server = seeded();
    let mut change = expanded(&server, &surveyor(), place("x"));
    change.message = Some("x".repeat(256));
    push(&server, &context(&surveyor(), 0), &[bytes(change)]).unwrap();
}

#[test]
fn a_draft_takes_no_more_than_its_cap() {
    let server = seeded();
    let mut change = expanded(&server, &surveyor(), place("x"));
    change.start_op = crate::limits::DRAFT_OPS.try_into().unwrap();
    change.operations[0].pred = SortedVec::new();
    let rejection = refusal(&server, &context(&surveyor(), 0), bytes(change));
    assert_eq!(rejection.class, Class::TooLarge);
}

#[test]
fn codes_are_stable_and_distinct() {
    let mut codes: Vec<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Rule::ALL.len());
    assert!(codes.iter().all(|code| crate::model::schema::is_slug(code)));
}
