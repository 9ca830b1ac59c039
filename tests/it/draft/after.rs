//! What comes after a version was frozen, agreed, or the case closed; and the new document of a closed
//! case.

use serde_json::{Value, json};
use server::{auth::policy::Role, draft};
use sync_core::{
    protocol::{Effect, SyncRefusal},
    time::Span,
};
use tests::{Person, Reply, TestApp, each_engine};
use uuid::Uuid;

use super::phone::{Phone, draft_of, refusal, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

fn close(app: &TestApp) {
    app.write(|conn| {
        let sql = diesel::sql_query("UPDATE cases SET status = 'closed'");
        Ok(diesel::RunQueryDsl::execute(sql, conn)?)
    });
}

fn pin(app: &TestApp, phone: &Phone, how: &str) {
    let id = phone.case.parse().unwrap();
    let state = app.state();
    let wait = actix_web::rt::Runtime::new().unwrap();
    let now = wait.block_on(draft::current(&state, id)).unwrap().unwrap();
    let (at, how) = (app.now(), how.to_owned());
    app.write(move |conn| match how.as_str() {
        "frozen" => draft::froze(conn, id, &now.heads, &now.sha256, at),
        _ => draft::approve(conn, id, &now.heads, &now.sha256),
    });
}

each_engine!(late_edits_amend_and_say_exactly_what, |app| {
    let (case, mut a, _) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    a.sync();
    let price = format!("lines/{LINE}/unit_price_fen");
    let mut value = 100;
    for (n, amends) in ["frozen", "approved", "closed"].into_iter().enumerate() {
        match amends {
            "closed" => close(&app),
            how => pin(&app, &a, how),
        }
        value += 1;
        a.edit(|pen| {
            pen.set_line_field(LINE, "unit_price_fen", value).unwrap();
        });
        a.sync();
        let list = a.person.get(&draft_of(&case, "/amendments")).expect(200).value();
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), n + 1);
        let newest = &items[0];
        assert_eq!((&newest["amends"], &newest["covered_at"]), (&json!(amends), &json!(null)));
        let write = json!([{ "path": price, "before": value - 1, "after": value }]);
        assert_eq!(newest["writes"], write);
        assert_eq!(newest["person_id"], json!(a.person.id));
    }
    let told = "SELECT count(*) AS n FROM case_events WHERE kind = 'draft_amended'";
    assert_eq!(app.count(told), 3);
    // A write that changes nothing, or a pull, amends nothing.
    a.sync();
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_amendment"), 3);
});

each_engine!(somebody_else_looks_at_a_late_edit_and_decides_once, |app| {
    let (case, mut a, b) = two_phones(&app);
    let late = |a: &mut Phone, value: i64| {
        a.edit(|pen| {
            pen.set_rate("body_discount_bp", value).unwrap();
        });
        a.sync();
    };
    pin(&app, &a, "frozen");
    late(&mut a, 9_000);
    late(&mut a, 8_000);
    let list = |phone: &Phone| {
        let list = phone.person.get(&draft_of(&case, "/amendments")).expect(200).value();
        list["items"].as_array().unwrap().clone()
    };
    let (first, second) = (list(&a)[1].clone(), list(&a)[0].clone());
    let review = |person: &Person, amendment: &Value, decision: &str| {
        let id = amendment["id"].as_str().unwrap();
        let body = json!({ "decision": decision, "reason": "the shop had sent a better offer" });
        person
            .request("POST", &draft_of(&case, &format!("/amendments/{id}/review")))
            .key(&format!("{id}{decision}"))
            .json(&body)
            .send()
    };
    let refused = |reply: Reply, reason: &str| {
        assert_eq!(reply.problem(409, "conflict").facts["reason"], reason);
    };
    // Who wrote it does not wave it through, but may ask for a new version.
    refused(review(&a.person, &first, "acknowledge"), "own_work");
    let done = review(&b.person, &first, "acknowledge").expect(200);
    let said = done.value();
    assert_eq!(
        (&said["decision"], &said["decided_by"]),
        (&json!("acknowledge"), &json!(b.person.id))
    );
    assert_eq!(review(&b.person, &first, "acknowledge").expect(200).body, done.body, "a retry");
    refused(review(&b.person, &first, "new_version"), "already_decided");
    assert_eq!(list(&a)[1], said);
    // What is to be in a new version waits for it, and then there is nothing left to decide.
    let waits = review(&a.person, &second, "new_version").expect(200).value();
    assert_eq!((&waits["decision"], &waits["covered_at"]), (&json!("new_version"), &json!(null)));
    late(&mut a, 7_000);
    let third = list(&a)[0].clone();
    pin(&app, &a, "frozen");
    assert_ne!(list(&a)[1]["covered_at"], json!(null));
    refused(review(&b.person, &third, "acknowledge"), "already_covered");
    let told = "SELECT count(*) AS n FROM case_events WHERE kind = 'amendment_reviewed'";
    assert_eq!(app.count(told), 2);
    // A closed case gets no version any more.
    close(&app);
    late(&mut a, 6_000);
    let fourth = list(&a)[0].clone();
    refused(review(&b.person, &fourth, "new_version"), "case_closed");
    review(&b.person, &fourth, "maybe").refuses("decision", "unknown");
    let stranger = app.person_at("nb", &[Role::Verifier]);
    let _ = review(&stranger, &fourth, "acknowledge").problem(404, "not_found");
    let _ = review(&app.person(Role::Surveyor), &fourth, "acknowledge").problem(403, "forbidden");
    let none = json!({ "id": Uuid::from_u128(7) });
    let _ = review(&b.person, &none, "acknowledge").problem(404, "not_found");
    let _ = review(&b.person, &fourth, "acknowledge").expect(200);
});

each_engine!(a_newer_version_takes_amendments_up_and_ends_an_agreement, |app| {
    let (case, mut a, _) = two_phones(&app);
    pin(&app, &a, "approved");
    assert_eq!(a.server_draft()["lock"], "approved");
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    a.sync();
    pin(&app, &a, "frozen");
    assert_eq!(a.server_draft()["lock"], "open", "the agreement on the older version is over");
    let list = a.person.get(&draft_of(&case, "/amendments")).expect(200).value();
    assert_ne!(list["items"][0]["covered_at"], json!(null));
});

each_engine!(a_closed_case_goes_on_with_a_new_document, |app| {
    let (case, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
        pen.set_text(&sync_core::model::schema::Path::parse("scene/description").unwrap(), "文字")
            .unwrap();
    });
    a.sync();
    b.sync();
    b.edit(|pen| {
        pen.set_line_field(LINE, "unit_price_fen", 300).unwrap();
    });
    let before = a.server_draft();
    close(&app);
    app.advance(Span::hours(2));
    app.run_due_jobs();
    let after = a.server_draft();
    assert_eq!((&after["epoch"], &after["lsn"]), (&json!(2), &json!(4)));
    for part in ["draft", "content_sha256"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change WHERE epoch = 1"), 3);
    // It is not renewed again and again.
    app.advance(Span::hours(2));
    app.run_due_jobs();
    assert_eq!(a.server_draft()["epoch"], 2);

    // The device that was offline opens it anew; its work amends what was closed.
    let reply = b.send("1", &b.session.next_request());
    assert_eq!(refusal(&reply), SyncRefusal::EpochOver);
    assert_eq!(b.take(&reply), [Effect::Reopen]);
    assert_eq!(b.recover(), []);
    b.sync();
    assert_eq!(b.draft().lines[&LINE].unit_price_fen.unwrap().0, 300);
    b.assert_same_as_server();
    let list = b.person.get(&draft_of(&case, "/amendments")).expect(200).value();
    let write =
        json!([{ "path": format!("lines/{LINE}/unit_price_fen"), "before": 100, "after": 300 }]);
    assert_eq!(
        (&list["items"][0]["amends"], &list["items"][0]["writes"]),
        (&json!("closed"), &write)
    );
    let old = b.person.get(&draft_of(&case, "?lsn=3"));
    old.refuses("lsn", "out_of_range");
});

each_engine!(a_conflict_keeps_a_closed_draft_as_it_is, |app| {
    let (_, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.set_scene("injured_count", 1).unwrap();
    });
    b.edit(|pen| {
        pen.set_scene("injured_count", 2).unwrap();
    });
    a.sync();
    b.sync();
    close(&app);
    app.advance(Span::hours(2));
    app.run_due_jobs();
    let draft = a.server_draft();
    assert_eq!((&draft["epoch"], draft["conflicts"].as_array().unwrap().len()), (&json!(1), 1));
});
