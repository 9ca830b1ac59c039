//! Amounts that two people wrote without knowing of each other.

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::protocol::Effect;
use tests::{Reply, TestApp, each_engine};
use uuid::Uuid;

use super::phone::{Phone, draft_of, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

fn price() -> String {
    format!("lines/{LINE}/unit_price_fen")
}

/// Two phones that gave one line two prices.
fn two_prices(app: &TestApp) -> (String, Phone, Phone) {
    let (case, mut a, mut b) = two_phones(app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    a.sync();
    b.sync();
    for (phone, price, note) in [(&mut a, 200, "a"), (&mut b, 300, "b")] {
        phone.edit(|pen| {
            pen.set_line_field(LINE, "unit_price_fen", price).unwrap();
            pen.set_line_field(LINE, "note", note).unwrap();
        });
    }
    a.sync();
    (case, a, b)
}

fn settle(phone: &Phone, body: &Value) -> Reply {
    phone.person.post(&draft_of(&phone.case, "/conflicts/settle"), body)
}

fn open(phone: &Phone) -> Vec<Value> {
    phone.server_draft()["conflicts"].as_array().unwrap().clone()
}

each_engine!(two_prices_wait_for_a_person, |app| {
    let (_, mut a, mut b) = two_prices(&app);
    assert_eq!(open(&a), Vec::<Value>::new());
    let effects = b.exchange();
    let shown = effects.iter().find_map(|effect| match effect {
        Effect::ShowConflicts(conflicts) => Some(conflicts.clone()),
        _ => None,
    });
    let shown = shown.unwrap();
    assert_eq!(shown.len(), 1, "the note needs nobody: {shown:?}");
    assert_eq!(shown[0].path.to_string(), price());

    let conflicts = open(&a);
    let money = conflicts.iter().find(|conflict| conflict["path"] == price()).unwrap();
    assert_eq!((&money["concern"], &money["needs_person"]), (&json!("money"), &json!(true)));
    let mut writers: Vec<_> = money["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["value"].as_i64().unwrap(), one["person_id"].clone()))
        .collect();
    writers.sort_by_key(|(value, _)| *value);
    assert_eq!(writers, [(200, json!(a.person.id)), (300, json!(b.person.id))]);
    let first = &money["candidates"][0];
    assert!(first["install_id"].is_string() && first["written_at"].is_string(), "{first}");
    let note = conflicts.iter().find(|conflict| conflict["path"] != price()).unwrap();
    assert_eq!((&note["concern"], &note["needs_person"]), (&json!("plain"), &json!(false)));

    // Settled by one of the two, on the server.
    let body = json!({ "path": price(), "value": 200, "changed_lsn": money["changed_lsn"] });
    let settled = settle(&b, &body).expect(200).value();
    assert_eq!((&settled["waiting"], &settled["lsn"]), (&json!(0), &json!(7)));
    a.sync();
    b.sync();
    assert_eq!(a.draft().lines[&LINE].unit_price_fen.unwrap().0, 200);
    b.assert_same_as_server();
    assert!(open(&a).iter().all(|conflict| conflict["path"] != price()));
    let by = format!(
        "SELECT count(*) AS n FROM draft_conflict WHERE resolved_by = '{}' AND resolved_lsn = 7",
        b.person.id
    );
    assert_eq!(app.count(&by), 1);
    let change =
        format!("SELECT count(*) AS n FROM draft_change WHERE person_id = '{}'", b.person.id);
    assert_eq!(app.count(&change), 3, "the settlement is a change of whoever decided");
    let _ = settle(&b, &body).problem(409, "conflict");
});

each_engine!(a_phone_that_writes_again_settles_too, |app| {
    let (_, mut a, mut b) = two_prices(&app);
    b.sync();
    assert_eq!(open(&b).len(), 2);
    b.edit(|pen| {
        pen.set_line_field(LINE, "unit_price_fen", 250).unwrap();
    });
    b.sync();
    a.sync();
    assert_eq!(open(&a).len(), 1);
    assert_eq!(a.draft().lines[&LINE].unit_price_fen.unwrap().0, 250);
});

each_engine!(equal_prices_are_no_conflict, |app| {
    let (_, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.set_rate("parts_discount_bp", 9_000).unwrap();
    });
    b.edit(|pen| {
        pen.set_rate("parts_discount_bp", 9_000).unwrap();
    });
    a.sync();
    b.sync();
    assert_eq!(open(&a), Vec::<Value>::new());
});

each_engine!(a_settlement_must_fit, |app| {
    let (case, a, mut b) = two_prices(&app);
    b.sync();
    let before = a.server_draft();
    let refuses = |body: Value, field: &str, code: &str| settle(&a, &body).refuses(field, code);
    refuses(json!({ "path": price(), "value": 7 }), "reason", "required");
    refuses(json!({ "path": price(), "value": 7, "reason": " " }), "reason", "wrong_length");
    refuses(json!({ "path": "lines/x", "value": 7 }), "path", "unknown");
    refuses(json!({ "path": "nowhere", "value": 7 }), "path", "unknown");
    refuses(json!({ "path": price(), "value": -1, "reason": "r" }), "value", "does_not_fit");
    refuses(json!({ "path": price(), "value": "7", "reason": "r" }), "value", "does_not_fit");
    refuses(json!({ "path": price(), "value": 1.5 }), "value", "wrong_shape");
    refuses(json!({ "path": price(), "value": [] }), "value", "wrong_shape");
    for (body, reason) in [
        (json!({ "path": "rates/parts_discount_bp", "value": 1 }), "conflict_not_open"),
        (json!({ "path": price(), "value": 200, "changed_lsn": 1 }), "conflict_changed"),
    ] {
        let problem = settle(&a, &body).problem(409, "conflict");
        assert_eq!(problem.facts["reason"], reason);
    }
    // A manager sees the case but does not write prices.
    let manager = app.person(Role::Manager);
    let body = json!({ "path": price(), "value": 200 });
    let _ = manager.post(&draft_of(&case, "/conflicts/settle"), &body).problem(403, "forbidden");
    assert_eq!(a.server_draft(), before);

    // A verifier does; another price needs a reason, which is kept; a retry settles once.
    let verifier = app.person(Role::Verifier);
    let body = json!({ "path": price(), "value": 7, "reason": "both were mistyped" });
    let path = draft_of(&case, "/conflicts/settle");
    let once = verifier.request("POST", &path).key("k").json(&body).send().expect(200);
    let again = verifier.request("POST", &path).key("k").json(&body).send().expect(200);
    assert_eq!(once.body, again.body);
    let kept = "SELECT count(*) AS n FROM draft_conflict WHERE reason = 'both were mistyped'";
    assert_eq!(app.count(kept), 1);
    assert_eq!(a.server_draft()["draft"]["lines"][LINE.to_string()]["unit_price_fen"], 7);
});

each_engine!(a_line_that_was_removed_while_it_was_priced_waits_for_a_person, |app| {
    let (_, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    a.sync();
    b.sync();
    a.edit(|pen| {
        pen.remove_line(LINE).unwrap();
    });
    b.edit(|pen| {
        pen.set_line_field(LINE, "unit_price_fen", 5).unwrap();
    });
    a.sync();
    b.sync();
    let removed = format!("lines/{LINE}/removed");
    let conflicts = open(&b);
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert_eq!(conflicts[0]["kind"], "removed_meanwhile");
    assert_eq!(conflicts[0]["path"], removed.as_str());
    let settled = settle(&b, &json!({ "path": removed, "value": false })).expect(200).value();
    assert_eq!(settled["waiting"], 0);
    a.sync();
    assert!(!a.draft().lines[&LINE].removed);
});
