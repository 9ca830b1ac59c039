//! Drafts on several nodes with one database and no sticky routing (B8, B13): what one node remembers
//! never stands against what another one wrote.

use std::{sync::Barrier, thread};

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::protocol::SyncRequest;
use tests::{Device, Node, Person, Reply, TestApp, each_engine, logs};
use uuid::Uuid;

use super::{
    people::send_to,
    phone::{Phone, case_of, draft_of, issue, replace, server_draft, two_phones},
};

const LINE: Uuid = Uuid::from_u128(0x71);
const COPIES: usize = 50;

/// Sends copies of one request at once, to both nodes in turn.
fn at_once(here: &Person, there: &Person, send: impl Fn(&Person) -> Reply + Sync) -> Vec<Reply> {
    let start = Barrier::new(COPIES);
    let (start, send) = (&start, &send);
    thread::scope(|scope| {
        let copies: Vec<_> = (0..COPIES)
            .map(|n| {
                let person = if n % 2 == 0 { here } else { there };
                scope.spawn(move || {
                    start.wait();
                    send(person)
                })
            })
            .collect();
        copies.into_iter().map(|copy| copy.join().unwrap()).collect()
    })
}

fn count(app: &TestApp, what: &str) -> i64 {
    app.count(&format!("SELECT count(*) AS n FROM {what}"))
}

each_engine!(fifty_copies_of_one_push_on_two_nodes_are_one_push, |app| {
    let node = app.beside();
    let (case, mut a, _) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
        pen.set_scene("place", "x").unwrap();
    });
    let request = a.session.next_request();
    let body = a.signed("copy", &request);
    let path = draft_of(&case, "/sync");
    let copies = at_once(&a.person, &node.again(&a.person), |person| {
        person.request("POST", &path).key("copy").json(&body).send().expect(200)
    });
    assert!(copies.iter().all(|copy| copy.body == copies[0].body), "{copies:?}");
    assert_eq!(copies[0].value()["accepted"], 2);
    assert_eq!(count(&app, "draft_change"), 3);
    assert_eq!(count(&app, "draft_push"), 1);
    assert_eq!(count(&app, "case_events WHERE kind = 'draft_synced'"), 1);
    // Another payload under the same name is told so on either node.
    a.edit(|pen| {
        pen.set_scene("place", "y").unwrap();
    });
    let other = a.signed("copy", &a.session.next_request());
    for person in [&a.person, &node.again(&a.person)] {
        let reused = person.request("POST", &path).key("copy").json(&other).send();
        let _ = reused.problem(422, "idempotency_key_reused");
    }
});

each_engine!(fifty_copies_of_a_whole_phone_on_two_nodes_are_one, |app| {
    let node = app.beside();
    let case = case_of(&app);
    let surveyor = app.person(Role::Surveyor);
    send_to(&app, &surveyor, &case);
    let mut phone = Phone::open(&app, &surveyor, &case);
    phone.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    let now = server::wire::time(app.now());
    let mut push = serde_json::to_value(phone.session.next_request()).unwrap();
    push["case_id"] = json!(case);
    push["push_id"] = json!("copy");
    let photo = json!({
        "id": Uuid::from_u128(6), "sha256": "ab".repeat(32), "size": 5, "slot": "vin",
        "captured_at": now,
    });
    let arrived = json!({
        "id": Uuid::from_u128(5), "case_id": case, "kind": "record_arrival", "occurred_at": now,
    });
    let body = json!({
        "device_now": now, "commands": [arrived], "drafts": [push],
        "manifests": [{ "case_id": case, "photos": [photo] }], "feed": null,
    });
    let copies = at_once(&surveyor, &node.again(&surveyor), |person| {
        person.post("/sync", &body).expect(200)
    });
    // Whether it was this copy that did it is all that may differ.
    let mut firsts = 0;
    let alike: Vec<Value> = copies
        .iter()
        .map(|copy| {
            let mut said = copy.value();
            let status = said["commands"][0]["status"].take();
            firsts += usize::from(status == "applied");
            assert!(status == "applied" || status == "already_applied", "{status}");
            said["commands"][0]["case_status"].take();
            said
        })
        .collect();
    assert_eq!(firsts, 1);
    let drafts = |copy: &Value| serde_json::to_vec(copy).unwrap();
    assert!(alike.iter().all(|copy| drafts(copy) == drafts(&alike[0])), "{alike:?}");
    assert_eq!(alike[0]["drafts"][0]["reply"]["accepted"], 1);
    assert_eq!(count(&app, "draft_change"), 2);
    assert_eq!(count(&app, "draft_push"), 1);
    assert_eq!(count(&app, "case_events WHERE kind = 'arrived'"), 1);
    assert_eq!(count(&app, "photos"), 1);
    // Without commands nothing differs at all.
    let body =
        json!({ "device_now": now, "drafts": body["drafts"], "manifests": body["manifests"] });
    let copies = at_once(&surveyor, &node.again(&surveyor), |person| {
        person.post("/sync", &body).expect(200)
    });
    assert!(copies.iter().all(|copy| copy.body == copies[0].body), "{copies:?}");
});

/// Sends to the nodes in turn.
fn in_turn(phone: &mut Phone, nodes: &[&Person; 2], round: usize) {
    phone.person = nodes[round % 2].clone();
}

each_engine!(pushes_that_alternate_between_nodes_meet_no_stale_draft, |app| {
    let node = app.beside();
    let (case, mut a, mut b) = two_phones(&app);
    let (a_here, a_there) = (a.person.clone(), node.again(&a.person));
    let (b_here, b_there) = (b.person.clone(), node.again(&b.person));
    for round in 0..12 {
        in_turn(&mut a, &[&a_here, &a_there], round);
        in_turn(&mut b, &[&b_there, &b_here], round / 2);
        a.edit(|pen| {
            // More than a snapshot is due after, within the story.
            for n in 0..25 {
                pen.set_scene("place", format!("{round}.{n}").as_str()).unwrap();
            }
        });
        b.edit(|pen| {
            let line = Uuid::from_u128(1_000 + u128::try_from(round).unwrap());
            pen.add_line(line, &replace(5)).unwrap();
        });
        a.sync();
        b.sync();
        a.sync();
        assert_eq!(a.draft(), b.draft(), "round {round}");
        // Either node shows what the other one was told.
        assert_eq!(server_draft(&a_here, &case), server_draft(&a_there, &case), "round {round}");
        a.assert_same_as_server();
    }
    assert!(count(&app, "draft_snapshot") <= 2);
    assert!(app.count("SELECT snapshot_lsn AS n FROM case_draft") > 1);
    assert_eq!(app.count("SELECT lsn AS n FROM case_draft"), count(&app, "draft_change"));
    // A node that remembers nothing reads the same.
    let fresh = app.beside();
    assert_eq!(server_draft(&fresh.again(&a_here), &case), server_draft(&a_here, &case));
});

each_engine!(a_snapshot_is_stored_on_one_node_while_the_other_is_pushed_to, |app| {
    let node = app.beside();
    let (case, mut a, mut b) = two_phones(&app);
    let start = Barrier::new(2);
    b.person = node.again(&b.person);
    thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for round in 0..3 {
                a.edit(|pen| {
                    for n in 0..201 {
                        pen.set_scene("place", format!("{round}.{n}").as_str()).unwrap();
                    }
                });
                a.sync();
            }
        });
        scope.spawn(|| {
            start.wait();
            for n in 0..20 {
                b.edit(|pen| {
                    pen.add_line(Uuid::from_u128(1_000 + n), &replace(5)).unwrap();
                });
                b.sync();
            }
        });
    });
    a.sync();
    b.sync();
    assert_eq!(a.draft(), b.draft());
    assert_eq!(a.draft().lines.len(), 20);
    a.assert_same_as_server();
    b.assert_same_as_server();
    assert_eq!(count(&app, "draft_change"), 1 + 3 * 201 + 20);
    assert!(app.count("SELECT snapshot_lsn AS n FROM case_draft") > 200);
    assert_eq!(count(&app, "draft_snapshot"), 2);
    // Either of the snapshots and what follows it is the draft.
    let now = server_draft(&a.person, &case);
    for sql in [
        "DELETE FROM draft_snapshot WHERE lsn = (SELECT max(lsn) FROM draft_snapshot)",
        "DELETE FROM draft_snapshot",
    ] {
        let fresh = app.beside();
        assert_eq!(server_draft(&fresh.again(&a.person), &case), now, "before {sql}");
        app.write(move |conn| Ok(diesel::RunQueryDsl::execute(diesel::sql_query(sql), conn)?));
    }
    let fresh = app.beside();
    assert_eq!(server_draft(&fresh.again(&a.person), &case), now, "from the log alone");
});

each_engine!(whichever_node_meets_a_damaged_snapshot_replaces_it_and_says_so, |app| {
    let node = app.beside();
    let (case, mut a, _) = two_phones(&app);
    let (here, there) = (a.person.clone(), node.again(&a.person));
    let sound = "SELECT count(*) AS n FROM draft_snapshot WHERE sha256 <> bytes";
    for (round, (writes, meets)) in [(&here, &there), (&there, &here)].into_iter().enumerate() {
        a.person = writes.clone();
        a.edit(|pen| {
            pen.add_line(Uuid::from_u128(1_000 + u128::try_from(round).unwrap()), &replace(5))
                .unwrap();
            for n in 0..220 {
                pen.set_scene("place", format!("{round}.{n}").as_str()).unwrap();
            }
        });
        a.sync();
        let damage = "UPDATE draft_snapshot SET sha256 = bytes";
        app.write(move |conn| Ok(diesel::RunQueryDsl::execute(diesel::sql_query(damage), conn)?));
        assert_eq!(app.count(sound), 0);
        let told = || logs::errors_with(&case).len();
        let before = told();
        // Who has the draft in memory does not even look.
        let now = server_draft(writes, &case);
        assert_eq!((told(), app.count(sound)), (before, 0));
        assert_eq!(server_draft(meets, &case), now);
        assert!(told() > before, "nobody was told");
        assert_eq!(app.count(sound), 1, "replaced by what the log says");
        // Both go on from it.
        for person in [meets, writes] {
            a.person = person.clone();
            a.edit(|pen| {
                pen.set_scene("weather", "rain").unwrap();
            });
            a.sync();
            a.assert_same_as_server();
        }
    }
    let metrics = app.request("GET", "/metrics").send().expect(200).text();
    for name in ["chakan_draft_snapshots_damaged_total", "chakan_draft_snapshots_rebuilt_total"] {
        assert!(metrics.contains(name), "{name}");
    }
});

/// Asks a node until the device is refused there. It is believed for a while what was read before; how
/// long is `TrustCache`'s to say, and its test's.
fn until_refused(phone: &Phone, node: &Node) {
    let there = node.again(&phone.person);
    let pull = SyncRequest { changes: Vec::new(), ..phone.session.next_request() };
    let path = draft_of(&phone.case, "/sync");
    let asked = (0..100_000).find(|n| {
        let reply = there.request("POST", &path).key(&n.to_string()).json(&pull).send();
        reply.status == 401
    });
    assert!(asked.is_some(), "believed for ever");
}

each_engine!(a_device_that_is_revoked_on_one_node_is_refused_on_the_other, |app| {
    let (node, third) = (app.beside(), app.beside());
    let case = case_of(&app);
    let (device, person) = Device::of(&app.person(Role::Assessor));
    let mut phone = Phone::open(&app, &person, &case);
    phone.device = Some(device.into());
    // The second node knows the device and has just believed it; the third one has never seen it.
    phone.person = node.again(&person);
    phone.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    phone.sync();
    let id = phone.device.as_ref().unwrap().id;
    let _ =
        app.person(Role::Manager).post(&format!("/devices/{id}/revoke"), &json!({})).expect(200);

    phone.edit(|pen| {
        pen.set_scene("place", "after").unwrap();
    });
    let request = phone.session.next_request();
    for (at, key) in [(person.clone(), "1"), (third.again(&person), "2")] {
        phone.person = at;
        let _ = phone.send(key, &request).problem(401, "unauthenticated");
    }
    until_refused(&phone, &node);
    phone.person = node.again(&person);
    for key in ["3", "4", "5"] {
        let _ = phone.send(key, &request).problem(401, "unauthenticated");
    }
    let _ = issue(&phone.person, &case, phone.install, None).problem(401, "unauthenticated");
    let _ = phone
        .person
        .post("/sync", &json!({ "device_now": server::wire::time(app.now()) }))
        .problem(401, "unauthenticated");
    assert_eq!(count(&app, "draft_change"), 2, "nothing of it came in");
});
