use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::{
    edit::{DraftEditor, Writer},
    ids::PersonId,
    limits,
    model::{
        Automerge, Seed,
        schema::{Path, Roles, Section},
        seed,
    },
};

const AT: Instant = Instant(1_780_000_000_000);

fn base() -> Automerge {
    seed(&Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([1; 16]),
        at: AT,
        vehicles: Vec::new(),
        checklist: Vec::new(),
    })
    .unwrap()
}

fn writer(n: u8) -> Writer {
    Writer {
        actor: ActorId::from([n; 16]),
        person: PersonId(Uuid::from_u128(n.into())),
        roles: Roles::ALL,
    }
}

fn phone() -> Session {
    Session::open(&base().save(), writer(5), 1, 1, 0).unwrap()
}

fn place(session: &mut Session, text: &str) {
    session.edit(AT).unwrap().set_scene("place", text).unwrap();
}

/// A reply of a server that holds the session's changes up to a number and nothing else new.
fn reply(session: &Session, last_seq: u64) -> SyncReply {
    let own = session.doc().get_changes_meta(&base().get_heads());
    let head = own.iter().find(|meta| meta.seq == last_seq).map(|meta| vec![meta.hash]);
    SyncReply {
        epoch: 1,
        actor: session.writer().actor.clone(),
        accepted: 0,
        last_seq,
        cursor: session.cursor(),
        heads: head.unwrap_or_else(|| base().get_heads()),
        pull: Pull::Changes { changes: Vec::new(), more: false },
        lock: Lock::Open,
        conflicts: Vec::new(),
        held: Vec::new(),
        late: 0,
        server_time: AT,
    }
}

fn wants(effects: &[Effect], effect: &Effect) -> bool {
    effects.contains(effect)
}

#[test]
fn requests_are_cut_by_count_and_by_size() {
    let mut session = phone();
    for n in 0..450 {
        place(&mut session, &n.to_string());
    }
    assert_eq!(session.next_request().changes.len(), limits::REQUEST_CHANGES);
    session.apply_reply(reply(&session, 400));
    assert_eq!(session.next_request().changes.len(), 50);
    session.apply_reply(reply(&session, 450));
    assert_eq!((session.next_request().changes.len(), session.pending()), (0, 0));

    // Incompressible text, so that size decides.
    let path = Path::single(Section::Scene, "description");
    let mut random = 1_u32;
    for _ in 0..30 {
        let text: String = (0..4_000)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from_u32(0x4e00 + (random >> 16) % 0x5000).unwrap()
            })
            .collect();
        session.edit(AT).unwrap().set_text(&path, &text).unwrap();
    }
    let request = session.next_request();
    let bytes: usize = request.changes.iter().map(|blob| blob.0.len()).sum();
    assert!(request.changes.len() < 30 && bytes <= limits::REQUEST_BYTES, "{bytes}");
    assert_eq!(request, session.next_request());
}

#[test]
fn a_device_that_differs_twice_asks_for_a_snapshot() {
    let mut session = phone();
    place(&mut session, "mine");
    let mut server = base();
    let theirs = writer(6);
    DraftEditor::new(&mut server, &theirs, AT).unwrap().set_scene("weather", "rain").unwrap();
    let strange = SyncReply { heads: server.get_heads(), ..reply(&session, 0) };
    for expected in [Want::Changes, Want::Changes, Want::Snapshot] {
        assert_eq!(session.next_request().want, expected);
        let effects = session.apply_reply(strange.clone());
        assert!(wants(&effects, &Effect::Send) && !wants(&effects, &Effect::InStep));
    }
    let snapshot = SyncReply { pull: Pull::Snapshot(Blob(server.save())), ..strange };
    let effects = session.apply_reply(snapshot);
    // The own change is still there and still to be sent.
    assert!(wants(&effects, &Effect::Send));
    assert_eq!((session.pending(), session.next_request().want), (1, Want::Changes));
    assert_eq!(session.next_request().changes.len(), 1);
    let draft = crate::model::Draft::read(session.doc()).unwrap();
    assert_eq!(draft.scene.place.as_deref(), Some("mine"));
    assert_eq!(draft.scene.weather, Some(crate::model::Weather::Rain));
}

#[test]
fn replies_that_come_late_or_are_for_another_actor_change_nothing() {
    let mut session = phone();
    place(&mut session, "mine");
    let newer = SyncReply { cursor: 9, ..reply(&session, 1) };
    assert!(wants(&session.apply_reply(newer), &Effect::InStep));
    let late = SyncReply { cursor: 8, ..reply(&session, 0) };
    assert_eq!(session.apply_reply(late), []);
    let other = SyncReply { actor: ActorId::from([7; 16]), cursor: 10, ..reply(&session, 40) };
    assert_eq!(session.apply_reply(other), []);
    assert_eq!((session.cursor(), session.acked_seq(), session.pending()), (9, 1, 0));
}

#[test]
fn replies_that_are_no_good_change_nothing() {
    let mut session = phone();
    let before = session.save();
    for pull in [
        Pull::Changes { changes: vec![Blob(vec![1, 2, 3])], more: false },
        Pull::Snapshot(Blob(b"not a draft".to_vec())),
        Pull::Snapshot(Blob(vec![0; limits::REPLY_BYTES + 1])),
    ] {
        let bad = SyncReply { pull, cursor: 5, ..reply(&session, 0) };
        let effects = session.apply_reply(bad);
        assert!(matches!(effects.as_slice(), [Effect::TryLater(_)]), "{effects:?}");
    }
    assert_eq!((session.save(), session.cursor()), (before, 1));
    assert_eq!(session.next_request().want, Want::Snapshot);
}

#[test]
fn an_actor_that_wrote_more_than_the_device_knows_is_given_up() {
    let mut session = phone();
    place(&mut session, "x");
    let effects = session.apply_reply(reply(&session, 3));
    assert!(wants(&effects, &Effect::GetActor));
    assert!(session.edit(AT).is_err());
}

#[test]
fn a_snapshot_does_not_swallow_work_under_a_number_that_was_used_twice() {
    let mut restored = phone();
    let mut lost = phone();
    place(&mut lost, "before the backup was restored");
    place(&mut restored, "after");
    let snapshot = SyncReply {
        pull: Pull::Snapshot(Blob(lost.save())),
        heads: lost.doc().get_heads(),
        cursor: 2,
        ..reply(&restored, 1)
    };
    let before = restored.save();
    assert_eq!(restored.apply_reply(snapshot), [Effect::GetActor]);
    assert_eq!(restored.save(), before);
    let server = lost.save();
    let fresh = Fresh { snapshot: &server, writer: writer(7), epoch: 1, cursor: 2 };
    let (session, held) = restored.recover(fresh, AT, &[]).unwrap();
    assert_eq!((session.pending(), held), (1, Vec::new()));
    let writer = Writer { person: PersonId(Uuid::from_u128(5)), ..writer(7) };
    assert_eq!(session.next_request().actor, writer.actor);
    assert_eq!(crate::conflict::list(session.doc()).len(), 1);
}

#[test]
fn refusals() {
    let held = Held { change: None, rule: "role".to_owned(), path: None };
    for (refusal, effect) in [
        (SyncRefusal::ActorReused, Effect::GetActor),
        (SyncRefusal::SeqGap { expected_seq: 9 }, Effect::GetActor),
        (SyncRefusal::SeqGap { expected_seq: 2 }, Effect::Send),
        (SyncRefusal::SeqGap { expected_seq: 1 }, Effect::Send),
        (SyncRefusal::UnknownDeps, Effect::GetActor),
        (SyncRefusal::TooLarge, Effect::GetActor),
        (SyncRefusal::Quarantined(held), Effect::GetActor),
        (SyncRefusal::EpochOver, Effect::Reopen),
        (SyncRefusal::Locked, Effect::WaitForUnlock),
    ] {
        let mut session = phone();
        place(&mut session, "x");
        session.apply_reply(reply(&session, 1));
        place(&mut session, "y");
        assert!(wants(&session.refused(&refusal), &effect), "{refusal:?}");
        if let SyncRefusal::SeqGap { expected_seq: n @ 1..=2 } = refusal {
            // Everything from there on is sent again.
            assert_eq!(u64::try_from(session.pending()).unwrap(), 3 - n);
        }
    }
}

#[test]
fn another_epoch_ends_the_session() {
    let mut session = phone();
    let effects = session.apply_reply(SyncReply { epoch: 2, ..reply(&session, 0) });
    assert_eq!(effects, [Effect::Reopen]);
    assert!(session.edit(AT).is_err());
}

#[test]
fn messages_have_one_shape_on_the_wire() {
    let mut session = phone();
    place(&mut session, "x");
    let request = session.next_request();
    let json = serde_json::to_value(&request).unwrap();
    let keys: BTreeMap<String, serde_json::Value> = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(
        keys.keys().collect::<Vec<_>>(),
        ["actor", "changes", "cursor", "epoch", "heads", "want"]
    );
    assert_eq!(json["actor"], "05".repeat(16));
    assert_eq!(json["want"], "changes");
    assert!(json["changes"][0].as_str().unwrap().starts_with("hW9Kg"));
    assert_eq!(json["heads"][0].as_str().unwrap().len(), 64);
    assert_eq!(serde_json::from_value::<SyncRequest>(json).unwrap(), request);
    for bad in ["\"x\"", "\"hW9Kg===\"", "5"] {
        assert!(serde_json::from_str::<Blob>(bad).is_err());
    }
    let refusal = SyncRefusal::SeqGap { expected_seq: 4 };
    let json = serde_json::to_string(&refusal).unwrap();
    assert_eq!(json, r#"{"reason":"seq_gap","expected_seq":4}"#);
}
