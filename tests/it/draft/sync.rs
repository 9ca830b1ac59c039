//! Exchanges of honest phones.

use serde_json::json;
use server::draft;
use sha2::{Digest, Sha256};
use sync_core::{
    automerge::Automerge,
    model::{Draft, content_hash},
    protocol::{Pull, SyncReply, SyncRequest, Want},
};
use tests::each_engine;
use uuid::Uuid;

use super::phone::{Phone, draft_of, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

each_engine!(two_phones_that_were_offline_converge, |app| {
    let (case, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.set_scene("place", "a").unwrap();
        pen.add_line(LINE, &replace(10_000)).unwrap();
    });
    b.edit(|pen| {
        pen.set_scene("weather", "rain").unwrap();
        pen.add_note(Uuid::from_u128(9), "b was here").unwrap();
    });
    assert_eq!(a.sync(), 1);
    assert_eq!(b.sync(), 1);
    assert_eq!(a.sync(), 1);
    assert_eq!(a.draft(), b.draft());
    a.assert_same_as_server();
    let server = a.server_draft();
    assert_eq!((&server["lsn"], &server["lock"]), (&json!(5), &json!("open")));
    let sha256 = content_hash(&a.draft()).map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(server["content_sha256"], sha256);
    assert_eq!(server["conflicts"], json!([]));
    // The log tells of pushes, not of pulls.
    let timeline = a.person.get(&format!("/cases/{case}")).expect(200).value()["timeline"].clone();
    let synced: Vec<_> = timeline
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["kind"] == "draft_synced")
        .map(|event| (event["data"]["from_lsn"].clone(), event["data"]["sections"].clone()))
        .collect();
    assert_eq!(
        synced,
        [(json!(2), json!(["lines", "scene"])), (json!(4), json!(["notes", "scene"]))]
    );
});

each_engine!(the_seed_knows_the_report_and_the_procedure, |app| {
    let (_, a, b) = two_phones(&app);
    assert_eq!(a.session.doc().get_heads(), b.session.doc().get_heads());
    let draft = a.draft();
    let plates: Vec<_> = draft.vehicles.values().map(|vehicle| vehicle.plate.as_deref()).collect();
    assert_eq!(plates, [Some("浙A7T3K9")]);
    assert!(draft.checklist.contains_key("vin_compared"));
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 1);
});

each_engine!(a_long_absence_is_caught_up_page_by_page_or_with_a_snapshot, |app| {
    let (case, mut a, mut b) = two_phones(&app);
    let mut far = Phone::open(&app, &b.person, &case);
    for n in 0..250 {
        a.edit(|pen| {
            pen.set_scene("place", n.to_string().as_str()).unwrap();
        });
    }
    assert_eq!(a.sync(), 2);
    assert_eq!(b.sync(), 2, "250 changes are two pages");
    assert_eq!(b.draft(), a.draft());
    assert_eq!(app.count("SELECT snapshot_lsn AS n FROM case_draft"), 251);

    for n in 0..200 {
        a.edit(|pen| {
            pen.set_scene("place", format!("again {n}").as_str()).unwrap();
        });
    }
    far.edit(|pen| {
        pen.set_scene("weather", "fog").unwrap();
    });
    a.sync();
    let reply = far.send("far", &SyncRequest { changes: Vec::new(), ..far.session.next_request() });
    assert!(matches!(reply.json::<SyncReply>().pull, Pull::Snapshot(_)), "450 behind");
    far.sync();
    a.sync();
    assert_eq!(far.draft(), a.draft());
    a.assert_same_as_server();
    // Of the snapshots the last two are kept.
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_snapshot"), 2);
});

each_engine!(a_snapshot_is_the_whole_draft_with_its_latest_changes, |app| {
    let (_, mut a, b) = two_phones(&app);
    a.edit(|pen| {
        pen.set_scene("place", "here").unwrap();
        pen.add_line(LINE, &replace(500)).unwrap();
    });
    a.sync();
    let ask = SyncRequest { want: Want::Snapshot, ..b.session.next_request() };
    for request in [ask.clone(), SyncRequest { cursor: 0, want: Want::Changes, ..ask }] {
        let reply = b.send(&Uuid::from_u128(request.cursor.into()).to_string(), &request);
        let reply = reply.json::<SyncReply>();
        let Pull::Snapshot(bytes) = &reply.pull else { panic!("{reply:?}") };
        let doc = Automerge::load(&bytes.0).unwrap();
        assert_eq!((doc.get_heads(), reply.cursor), (reply.heads.clone(), 3));
        assert_eq!(Draft::read(&doc).unwrap(), a.draft());
    }
});

each_engine!(another_server_process_reads_the_same, |app| {
    let mut app = app;
    let (case, mut a, b) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(700)).unwrap();
    });
    let request = a.session.next_request();
    let first = a.send("push-1", &request).expect(200);
    let before = a.server_draft();
    app.restart();
    a.person = app.again(&a.person);
    assert_eq!(a.server_draft(), before);
    assert_eq!(a.send("push-1", &request).expect(200).body, first.body);
    let _ = a.take(&first);
    a.edit(|pen| {
        pen.set_line_field(LINE, "unit_price_fen", 800).unwrap();
    });
    a.sync();
    a.assert_same_as_server();

    // A damaged snapshot is passed over, and a lost one as well: the log is the truth.
    let now = a.server_draft();
    for sql in ["UPDATE draft_snapshot SET sha256 = bytes", "DELETE FROM draft_snapshot"] {
        app.write(move |conn| Ok(diesel::RunQueryDsl::execute(diesel::sql_query(sql), conn)?));
        app.restart();
        a.person = app.again(&a.person);
        assert_eq!(a.server_draft(), now, "{sql}");
        let mut fresh = Phone::open(&app, &app.again(&b.person), &case);
        fresh.sync();
        assert_eq!(fresh.draft(), a.draft(), "{sql}");
    }
    // Found once, a damaged snapshot is replaced by what the log says.
    let sound = "SELECT count(*) AS n FROM draft_snapshot WHERE sha256 <> bytes";
    for sql in [
        "UPDATE draft_snapshot SET sha256 = bytes",
        // Its checksum is right, but it is of another document.
        "UPDATE draft_snapshot SET bytes = x'856f4a83', sha256 = SHA",
    ] {
        a.edit(|pen| {
            for n in 0..250 {
                pen.set_line_field(LINE, "unit_price_fen", n + i64::try_from(sql.len()).unwrap())
                    .unwrap();
            }
        });
        a.sync();
        assert!(app.count(sound) > 0);
        let sha = Sha256::digest([0x85, 0x6f, 0x4a, 0x83]);
        let sha: String = sha.iter().map(|byte| format!("{byte:02x}")).collect();
        let (open, close) = match app.engine {
            tests::Engine::Sqlite => ("x'", "'"),
            tests::Engine::Postgres => ("'\\x", "'::bytea"),
        };
        let sql = sql.replace("SHA", &format!("{open}{sha}{close}"));
        let sql = sql.replace("x'856f4a83'", &format!("{open}856f4a83{close}"));
        app.write(move |conn| Ok(diesel::RunQueryDsl::execute(diesel::sql_query(&sql), conn)?));
        app.restart();
        a.person = app.again(&a.person);
        a.assert_same_as_server();
        let newest = "SELECT count(*) AS n FROM draft_snapshot s JOIN case_draft d ON d.lsn = s.lsn \
                      AND d.case_id = s.case_id WHERE length(s.bytes) > 100";
        assert_eq!(app.count(newest), 1);
    }
});

each_engine!(what_was_approved_stands_still_while_the_draft_goes_on, |app| {
    let (case, mut a, _) = two_phones(&app);
    let id = case.parse().unwrap();
    a.edit(|pen| {
        pen.add_line(LINE, &replace(900)).unwrap();
    });
    a.sync();
    let state = app.state();
    let wait = actix_web::rt::Runtime::new().unwrap();
    let pinned = wait.block_on(draft::current(&state, id)).unwrap().unwrap();
    assert_eq!(pinned.sha256, content_hash(&pinned.draft));
    let (heads, sha256) = (pinned.heads.clone(), pinned.sha256);
    app.write(move |conn| draft::approve(conn, id, &heads, &sha256));

    a.edit(|pen| {
        pen.set_line_field(LINE, "unit_price_fen", 1).unwrap();
    });
    a.sync();
    assert_eq!(a.server_draft()["lock"], "approved");
    let late = "SELECT count(*) AS n FROM case_events WHERE data LIKE '%\"after_approval\":true%'";
    assert_eq!(app.count(late), 1, "whoever reviews is told of the late change");
    let now = wait.block_on(draft::current(&state, id)).unwrap().unwrap();
    assert_ne!((now.lsn, now.sha256), (pinned.lsn, pinned.sha256));
    let then = wait.block_on(draft::at(&state, id, pinned.heads.clone())).unwrap();
    assert_eq!(then, pinned.draft);
    for unknown in [Vec::new(), vec![sync_core::model::ChangeHash([9; 32])]] {
        assert!(wait.block_on(draft::at(&state, id, unknown)).is_err());
    }
    let standing = app.read(move |conn| draft::standing(conn, id)).unwrap();
    assert_eq!((standing.lsn, standing.heads), (now.lsn, now.heads));
});

each_engine!(addresses_around_the_exchange_answer_as_everywhere, |app| {
    let (case, a, _) = two_phones(&app);
    for (method, path, status, code) in [
        ("GET", draft_of(&case, "/sync"), 405, "method_not_allowed"),
        ("PUT", draft_of(&case, ""), 405, "method_not_allowed"),
        ("GET", draft_of(&case, "/sync/more"), 404, "not_found"),
        ("POST", draft_of("not-an-id", "/sync"), 404, "not_found"),
    ] {
        let request = a.person.request(method, &path).json(&a.session.next_request());
        let reply = request.try_send().unwrap();
        let _ = reply.problem(status, code);
    }
    let path = draft_of(&case, "/sync");
    let no_key = a.person.request("POST", &path).key("").json(&a.session.next_request()).send();
    let _ = no_key.problem(400, "idempotency_key_missing");
});
