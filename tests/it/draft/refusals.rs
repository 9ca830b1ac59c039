//! Pushes that are refused: nothing of them is taken, and the phone knows how to go on.

use std::sync::Arc;

use serde_json::json;
use server::auth::policy::Role;
use sync_core::{
    edit::Writer,
    protocol::{Effect, SyncRefusal, SyncRequest},
};
use tests::{Device, each_engine};
use uuid::Uuid;

use super::phone::{Phone, case_of, changes_on, draft_of, issue, refusal, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

each_engine!(nobody_writes_under_the_actor_of_somebody_else, |app| {
    let (case, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    let before = a.server_draft();
    // The request as it is, sent by another person; the same person from another device.
    let stolen = b.send("1", &a.session.next_request());
    assert_eq!(refusal(&stolen), SyncRefusal::ActorReused);
    assert_eq!(stolen.problem(409, "actor_reused").facts["actor"], "not_issued");
    // Under the own actor, changes that are by somebody else.
    let foreign = b.send_changes(a.session.next_request().changes);
    let SyncRefusal::Quarantined(held) = refusal(&foreign) else { panic!("{foreign}") };
    assert_eq!((held.rule.as_str(), held.change.is_some()), ("foreign_actor", true));
    // An actor of the same person in another case, and one that was never issued.
    let other_case = case_of(&app);
    let elsewhere = issue(&a.person, &other_case, a.install, None).expect(200).value();
    for actor in [elsewhere["actor"].as_str().unwrap(), &"0e".repeat(16)] {
        let request = SyncRequest { actor: actor.parse().unwrap(), ..a.session.next_request() };
        assert_eq!(refusal(&a.send(actor, &request)), SyncRefusal::ActorReused);
    }
    assert_eq!(a.server_draft(), before);
    a.sync();
    b.sync();
    assert_eq!(a.draft(), b.draft());
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_quarantine"), 1);
    let _ = case;
});

each_engine!(an_actor_that_was_given_up_writes_no_more, |app| {
    let (case, mut a, _) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    let old = a.session.next_request();
    a.recover();
    let late = a.send("late", &old);
    assert_eq!(late.problem(409, "actor_reused").facts["actor"], "revoked");
    a.sync();
    assert_eq!(a.draft().lines.len(), 1);
    a.assert_same_as_server();
    let _ = case;
});

each_engine!(a_restored_backup_loses_nothing, |app| {
    let (_, mut a, _) = two_phones(&app);
    let mut backup = a.backup();
    a.edit(|pen| {
        pen.set_scene("place", "before the phone broke").unwrap();
    });
    a.sync();
    // The backup does not know of it and uses the same number again.
    backup.edit(|pen| {
        pen.set_scene("weather", "rain").unwrap();
    });
    let effects = backup.exchange();
    assert_eq!(effects, [Effect::GetActor]);
    assert_eq!(backup.recover(), []);
    backup.sync();
    let draft = backup.draft();
    assert_eq!(draft.scene.place.as_deref(), Some("before the phone broke"));
    assert!(draft.scene.weather.is_some());
    backup.assert_same_as_server();
});

each_engine!(changes_must_follow_each_other, |app| {
    let (_, mut a, b) = two_phones(&app);
    for n in 0..3 {
        a.edit(|pen| {
            pen.set_scene("place", n.to_string().as_str()).unwrap();
        });
    }
    let all = a.session.next_request().changes;
    let before = a.server_draft();
    let gap = a.send_changes(all[1..].to_vec());
    assert_eq!(gap.problem(409, "seq_gap").facts["expected_seq"], 1);
    assert_eq!(refusal(&gap), SyncRefusal::SeqGap { expected_seq: 1 });
    let turned: Vec<_> = all.iter().rev().cloned().collect();
    let _ = a.send_changes(turned).problem(409, "seq_gap");
    // What builds on changes that the server does not hold.
    let mut doc = a.session.doc().clone();
    let on_top = changes_on(&mut doc, b.session.writer(), a.now, |pen| {
        pen.set_scene("weather", "fog").unwrap();
    });
    let _ = b.send_changes(on_top).problem(409, "unknown_deps");
    assert_eq!(a.server_draft(), before);
    // Another change under a number that is taken.
    let taken = {
        let mut doc = b.session.doc().clone();
        changes_on(&mut doc, a.session.writer(), a.now, |pen| {
            pen.set_scene("place", "another first").unwrap();
        })
    };
    a.sync();
    let _ = a.send_changes(taken).problem(409, "actor_reused");
    a.assert_same_as_server();
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_quarantine"), 0);
});

each_engine!(a_server_that_lost_its_end_says_so, |app| {
    let (_, a, _) = two_phones(&app);
    let next = a.session.next_request();
    for request in [
        SyncRequest { epoch: 2, ..next.clone() },
        SyncRequest { epoch: 0, ..next.clone() },
        SyncRequest { cursor: 2, ..next.clone() },
        SyncRequest { cursor: u64::MAX, ..next },
    ] {
        let reply = a.send(&format!("{}-{}", request.epoch, request.cursor), &request);
        let _ = reply.problem(410, "epoch_over");
        assert_eq!(refusal(&reply), SyncRefusal::EpochOver);
    }
});

each_engine!(a_closed_case_settles_and_begins_nothing, |app| {
    let (case, a, _) = two_phones(&app);
    app.write(|conn| {
        let sql = diesel::sql_query("UPDATE cases SET status = 'closed'");
        Ok(diesel::RunQueryDsl::execute(sql, conn)?)
    });
    let pull = a.send_changes(Vec::new()).expect(200).value();
    assert_eq!((&pull["lock"], &pull["cursor"]), (&json!("closed"), &json!(1)));
    let settle = json!({ "path": "scene/place", "value": "x" });
    let path = draft_of(&case, "/conflicts/settle");
    let _ = a.person.post(&path, &settle).problem(423, "draft_locked");
    // A draft is not begun for a closed case either.
    let other = case_of(&app);
    app.write(|conn| {
        let sql = diesel::sql_query("UPDATE cases SET status = 'closed'");
        Ok(diesel::RunQueryDsl::execute(sql, conn)?)
    });
    let _ = issue(&a.person, &other, a.install, None).problem(423, "draft_locked");
});

each_engine!(what_a_role_may_not_write_is_put_aside, |app| {
    let (_, mut a, b) = two_phones(&app);
    a.edit(|pen| {
        pen.add_note(LINE, "mine").unwrap();
    });
    a.sync();
    let mut b = Phone::open(&app, &b.person, &b.case);
    let before = a.server_draft();
    // The library of an honest phone would not let b write to a's note: so b pretends to be a.
    let pretended = Writer { person: a.person.id, ..b.session.writer().clone() };
    let mut doc = b.session.doc().clone();
    let mut changes = changes_on(&mut doc, &pretended, b.now, |pen| {
        pen.set_scene("place", "fine").unwrap();
    });
    changes.extend(changes_on(&mut doc, &pretended, b.now, |pen| {
        let path = sync_core::model::schema::Path::parse(&format!("notes/{LINE}/text")).unwrap();
        pen.set_text(&path, "yours?").unwrap();
    }));
    let reply = b.send_changes(changes.clone());
    let problem = reply.problem(422, "quarantined");
    assert_eq!(problem.facts["rule"], "not_owner");
    assert_eq!(problem.facts["change_index"], 1);
    assert_eq!(problem.facts["path"], format!("notes/{LINE}/text"));
    let _ = b.send_changes(changes).problem(422, "quarantined");
    assert_eq!(a.server_draft(), before, "not even the first of the two was taken");
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_quarantine"), 1, "kept once");
    let pull = b.send_changes(Vec::new()).expect(200).value();
    assert_eq!(pull["held"].as_array().unwrap().len(), 1);
    // Under a new actor b goes on.
    b.recover();
    b.edit(|pen| {
        pen.set_scene("weather", "rain").unwrap();
    });
    b.sync();
    b.assert_same_as_server();
});

each_engine!(a_device_that_was_enrolled_anew_gets_an_actor_of_its_own, |app| {
    let case = case_of(&app);
    let person = app.person(Role::Assessor);
    let install = Uuid::from_u128(1);
    let [(old_key, old), (new_key, new)] = [(); 2].map(|()| Device::of(&person));
    let mut phone = Phone::open_on(&app, &old, &case, install);
    phone.device = Some(Arc::new(old_key));
    phone.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    let request = phone.session.next_request();
    for thief in [&new, &person] {
        let path = draft_of(&case, "/sync");
        let _ = thief.post(&path, &request).problem(409, "actor_reused");
    }
    phone.person = new;
    phone.device = Some(Arc::new(new_key));
    let effects = phone.exchange();
    assert_eq!(effects, [Effect::GetActor]);
    phone.recover();
    phone.sync();
    phone.assert_same_as_server();
});
