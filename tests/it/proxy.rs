//! Journeys: losses outside the area that a branch surveys itself (C11, C46-C48).

use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::time::{Instant, Span};
use tests::{Person, START, TestApp, each_engine};

use crate::field::{assign, clock, new_case, timeline, verdict};

const CUSTOMER: &str = "18667091253";

/// An import of one area between two longitudes; the case of [`new_case`] is at 120.13.
fn area(manager: &Person, west: f64, east: f64) {
    let ring = [[west, 30.0], [east, 30.0], [east, 31.0], [west, 31.0], [west, 30.0]];
    let zones = json!({ "type": "FeatureCollection", "features": [{
        "type": "Feature", "properties": { "name": "辖区", "class": "area" },
        "geometry": { "type": "Polygon", "coordinates": [ring] },
    }] });
    let _ = manager.put("/zones", &zones).expect(201);
}

fn event(person: &Person, case: &str, kind: &str) -> Value {
    let detail = person.get(&format!("/cases/{case}")).expect(200).value();
    let events = detail["timeline"].as_array().unwrap();
    events.iter().rfind(|event| event["kind"] == kind).unwrap().clone()
}

fn arrangement(branch: Value) -> Value {
    json!({
        "unit": "宁波中支", "branch_id": branch, "contact_name": "周正", "contact_phone": "13970312345",
    })
}

fn time(at: Instant) -> Value {
    json!(wire::time(at))
}

fn levels(person: &Person, case: &str) -> Vec<Value> {
    let detail = person.get(&format!("/cases/{case}")).expect(200).value();
    let all = detail["timeline"].as_array().unwrap().iter();
    all.filter(|event| event["kind"] == "dispatch_escalated")
        .map(|event| event["data"]["level"].clone())
        .collect()
}

each_engine!(a_place_outside_the_area_starts_the_two_hours_by_itself, |app| {
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    area(&manager, 121.0, 122.0);
    let case = new_case(&app);
    // The round is late; the place was known when the case was reported.
    app.advance(Span::seconds(30));
    app.run_due_jobs();
    assert_eq!(
        timeline(&dispatcher, &case),
        ["case_reported", "proxy_needed", "dispatch_escalated"]
    );
    let needed = event(&dispatcher, &case, "proxy_needed");
    assert_eq!((&needed["actor"], &needed["occurred_at"]), (&json!("system"), &time(START)));
    assert_eq!(needed["data"], json!({ "by": "zones", "zone_version": 1 }));
    let limit = time(START + Span::hours(2));
    assert_eq!(clock(&dispatcher, &case, "proxy")["limit_at"], limit);
    assert_eq!(verdict(&dispatcher, &case, "dispatch"), "ended");
    let asked = event(&dispatcher, &case, "dispatch_escalated")["data"].clone();
    assert_eq!(
        (&asked["level"], &asked["reason"], &asked["limit_at"]),
        (&json!("dispatcher"), &json!("out_of_area"), &limit)
    );
    let queue = || dispatcher.get("/board/queue").expect(200).value()["items"].clone();
    let shown = queue()[0].clone();
    assert_eq!((&shown["clock"], &shown["waiting"]), (&json!("proxy"), &json!(true)));
    assert_eq!((&shown["out_of_area"], &shown["limit_at"]), (&json!(true), &limit));

    // Nobody has done anything when a fifth is left: the head hears of it, once.
    app.advance(Span::minutes(95));
    app.run_due_jobs();
    assert_eq!(levels(&dispatcher, &case), ["dispatcher"]);
    for _ in 0..2 {
        app.advance(Span::minutes(1));
        app.run_due_jobs();
        assert_eq!(levels(&dispatcher, &case), ["dispatcher", "manager"]);
    }
    let path = format!("/cases/{case}/proxy");
    let _ = dispatcher.post(&path, &arrangement(Value::Null)).expect(200);
    app.run_due_jobs();
    assert_eq!(verdict(&dispatcher, &case, "proxy"), "met");
    assert_eq!(queue(), json!([]), "nobody is waited for any more");
    let told = app.last_message_to(CUSTOMER);
    assert!(told.contains("宁波中支") && told.contains("周正") && told.contains("13970312345"));
    assert!(told.contains("不向您收取任何费用"));
});

each_engine!(somebody_of_our_own_may_go_all_the_same, |app| {
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let surveyor = app.person(Role::Surveyor);
    let _ = manager.put("/dispatch-mode", &json!({ "mode": "automatic" })).expect(200);
    area(&manager, 121.0, 122.0);
    let case = new_case(&app);
    app.run_due_jobs();
    assert_eq!(surveyor.get("/offers").expect(200).value()["items"], json!([]));
    app.advance(Span::minutes(3));
    let task = assign(&dispatcher, &case, &surveyor).expect(201).value();
    app.run_due_jobs();
    let kinds = timeline(&dispatcher, &case);
    assert_eq!(kinds[3..], ["proxy_dropped", "task_assigned"]);
    assert_eq!(verdict(&dispatcher, &case, "proxy"), "ended");
    // The promise of dispatch counts again, from the report.
    let sent = clock(&dispatcher, &case, "dispatch");
    assert_eq!((&sent["verdict"], &sent["margin_ms"]), (&json!("met"), &json!(120_000)));
    assert_eq!(verdict(&dispatcher, &case, "arrival"), "running");

    // Without them a person decides again, at once, and the system still asks nobody of ours.
    app.advance(Span::minutes(1));
    let path = format!("/tasks/{}/withdraw", task["id"].as_str().unwrap());
    let withdrawn = dispatcher.request("POST", &path).if_match(task["version"].as_i64().unwrap());
    let _ = withdrawn.json(&json!({ "reason": "车辆故障" })).send().expect(200);
    app.run_due_jobs();
    let kinds = timeline(&dispatcher, &case);
    assert_eq!(kinds[5..], ["task_withdrawn", "dispatch_escalated"]);
    assert_eq!(surveyor.get("/offers").expect(200).value()["items"], json!([]));
    let wave = json!({ "send": true });
    let solved = dispatcher.post("/dispatch/batches", &wave).expect(200).value();
    assert_eq!((&solved["items"][0]["task_id"], &solved["without"]), (&Value::Null, &json!(1)));
});

each_engine!(an_offer_that_is_out_ends_when_the_place_turns_out_to_be_elsewhere, |app| {
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let surveyor = app.person(Role::Surveyor);
    let _ = manager.put("/dispatch-mode", &json!({ "mode": "automatic" })).expect(200);
    let case = new_case(&app);
    app.run_due_jobs();
    let offer = surveyor.get("/offers").expect(200).value()["items"][0].clone();
    assert_eq!(offer["case_id"], json!(case));
    app.advance(Span::seconds(20));
    let need = json!({ "place": "江西省上饶市" });
    let _ = dispatcher.post(&format!("/cases/{case}/proxy-needs"), &need).expect(200);
    app.run_due_jobs();
    assert_eq!(surveyor.get("/offers").expect(200).value()["items"], json!([]));
    let lapsed = event(&dispatcher, &case, "offer_lapsed");
    assert_eq!(lapsed["data"]["outcome"], "withdrawn");
    let asked = event(&dispatcher, &case, "dispatch_escalated")["data"].clone();
    let limit = time(app.now() + Span::hours(2));
    assert_eq!((&asked["reason"], &asked["limit_at"]), (&json!("out_of_area"), &limit));
});

each_engine!(areas_that_are_imported_later_say_more_of_a_case_that_waits, |app| {
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let (waits, sent) = (new_case(&app), new_case(&app));
    let _ = assign(&dispatcher, &sent, &app.person(Role::Surveyor)).expect(201);
    app.run_due_jobs();
    app.advance(Span::minutes(1));
    area(&manager, 121.0, 122.0);
    app.advance(Span::minutes(2));
    app.run_due_jobs();
    assert!(timeline(&dispatcher, &waits).contains(&"proxy_needed".to_owned()));
    // Known since the areas are.
    let limit = time(START + Span::minutes(121));
    assert_eq!(clock(&dispatcher, &waits, "proxy")["limit_at"], limit);
    assert_eq!(levels(&dispatcher, &waits), ["dispatcher"]);
    // Whoever is on the way stays.
    assert_eq!(timeline(&dispatcher, &sent), ["case_reported", "task_assigned"]);
});

each_engine!(whoever_arranges_at_once_has_known_that_it_is_needed, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let case = new_case(&app);
    app.advance(Span::minutes(2));
    let path = format!("/cases/{case}/proxy");
    let _ = dispatcher.post(&path, &arrangement(Value::Null)).expect(200);
    let _ = dispatcher.post(&path, &arrangement(Value::Null)).expect(200);
    let expected = ["case_reported", "proxy_needed", "proxy_arranged", "proxy_arranged"];
    assert_eq!(timeline(&dispatcher, &case), expected);
    assert_eq!(verdict(&dispatcher, &case, "proxy"), "met");
    assert_eq!(verdict(&dispatcher, &case, "dispatch"), "ended");
});

each_engine!(the_other_unit_sees_where_to_go_and_writes_back, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let other = app.person_at("nb", &[Role::Dispatcher]);
    let surveyor = app.person_at("nb", &[Role::Surveyor]);
    let case = new_case(&app);
    let at = |what: &str| format!("/cases/{case}/{what}");
    let write =
        |person: &Person, text: &str| person.post(&at("unit-messages"), &json!({ "text": text }));
    let listed = |person: &Person| person.get("/unit-cases").expect(200).value()["items"].clone();
    other.get(&at("units")).problem(404, "not_found");
    write(&other, "x").problem(404, "not_found");
    assert_eq!(listed(&other), json!([]));
    dispatcher
        .post(&at("proxy"), &arrangement(json!(dispatcher.id)))
        .refuses("branch_id", "unknown");
    let _ = dispatcher.post(&at("proxy"), &arrangement(json!(app.branch("nb")))).expect(200);

    let mine = listed(&other);
    assert_eq!(
        (&mine[0]["case_id"], &mine[0]["for_branch_id"]),
        (&json!(case), &json!(app.branch("hz")))
    );
    assert_eq!(listed(&dispatcher), json!([]));
    let _ = write(&dispatcher, "请拍车架号").expect(201);
    let _ = write(&other, "已到现场").expect(201);
    let seen = other.get(&at("units")).expect(200).value();
    assert_eq!(
        (&seen["case"]["plate"], &seen["case"]["contact_phone"]),
        (&json!("浙A7T3K9"), &json!(CUSTOMER))
    );
    assert_eq!((&seen["case"]["lat"], &seen["case"]["status"]), (&json!(30.2741), &json!("proxy")));
    let words = |units: &Value| -> Vec<(Value, Value)> {
        let all = units["messages"].as_array().unwrap().iter();
        all.map(|message| (message["branch_id"].clone(), message["text"].clone())).collect()
    };
    let expected = [
        (json!(app.branch("hz")), json!("请拍车架号")),
        (json!(app.branch("nb")), json!("已到现场")),
    ];
    assert_eq!(words(&seen), expected);
    assert_eq!(words(&dispatcher.get(&at("units")).expect(200).value()), expected);
    // It sees no more of the case than that, and nobody else of it sees anything.
    other.get(&format!("/cases/{case}")).problem(404, "not_found");
    surveyor.get(&at("units")).problem(404, "not_found");
    app.person_at("nb", &[Role::Intake]).get(&at("units")).problem(404, "not_found");
    // Another unit takes its place.
    let _ = dispatcher.post(&at("proxy"), &arrangement(Value::Null)).expect(200);
    other.get(&at("units")).problem(404, "not_found");
    assert_eq!(listed(&other), json!([]));
});

each_engine!(what_units_owe_is_settled_between_them_and_no_customer_hears_of_it, |app| {
    let (ours, theirs) = (app.person(Role::Manager), app.person_at("nb", &[Role::Manager]));
    let head = app.person_at("head", &[Role::Manager]);
    let case = new_case(&app);
    let path = format!("/cases/{case}/unit-fees");
    let fee = json!({
        "creditor_id": app.branch("nb"), "debtor_id": app.branch("hz"), "amount_fen": 20_000,
        "reason": "代查勘",
    });
    theirs.post(&path, &fee).problem(404, "not_found");
    let _ = ours
        .post(&format!("/cases/{case}/proxy"), &arrangement(json!(app.branch("nb"))))
        .expect(200);
    let messages = app.messages().len();
    let entered = theirs.post(&path, &fee).expect(201).value();
    assert_eq!((&entered["case_id"], &entered["settled_at"]), (&json!(case), &Value::Null));
    app.advance(Span::minutes(1));
    let _ = ours.post(&path, &fee).expect(201);

    let window = |from: Span, to: Span| {
        let at = |span| wire::time(START + span).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        format!("/unit-fees?from={}&to={}", at(from), at(to))
    };
    let all = window(Span::ZERO, Span::days(366));
    let open = |person: &Person, more: &str| {
        let ledger = person.get(&format!("{all}{more}")).expect(200).value();
        let row = |row: &Value| {
            ["branch_id", "owed_to_us_fen", "owed_by_us_fen"].map(|name| row[name].clone())
        };
        let open: Vec<_> = ledger["open"].as_array().unwrap().iter().map(row).collect();
        (ledger["items"].as_array().unwrap().len(), open)
    };
    let (hz, nb) = (json!(app.branch("hz")), json!(app.branch("nb")));
    assert_eq!(open(&ours, ""), (2, vec![[nb.clone(), json!(0), json!(40_000)]]));
    assert_eq!(open(&theirs, ""), (2, vec![[hz.clone(), json!(40_000), json!(0)]]));
    assert_eq!(open(&head, ""), (0, vec![]));
    let of_hz = format!("&branch_id={}", app.branch("hz"));
    assert_eq!(open(&head, &of_hz).0, 2);
    theirs.get(&format!("{all}{of_hz}")).refuses("branch_id", "unknown");
    let first_minute = window(Span::ZERO, Span::minutes(1));
    let some = ours.get(&first_minute).expect(200).value();
    assert_eq!(some["items"].as_array().unwrap().len(), 1);
    for (from, to) in [(Span::hours(1), Span::ZERO), (Span::ZERO, Span(Span::days(366).0 + 1_000))]
    {
        ours.get(&window(from, to)).refuses("to", "out_of_range");
    }

    // Who is owed says that it was paid.
    let settle = format!("/unit-fees/{}/settlement", entered["id"].as_str().unwrap());
    let refused = ours.post(&settle, &json!({})).problem(409, "conflict");
    assert_eq!(refused.facts["reason"], "creditor_confirms");
    let settled = theirs.post(&settle, &json!({})).expect(200).value();
    assert_eq!(settled["settled_at"], time(app.now()));
    let refused = theirs.post(&settle, &json!({})).problem(409, "conflict");
    assert_eq!(refused.facts["reason"], "settled_before");
    assert_eq!(open(&ours, ""), (2, vec![[nb, json!(0), json!(20_000)]]));
    let nothing = "/unit-fees/00000000-0000-7000-8000-000000000000/settlement";
    theirs.post(nothing, &json!({})).problem(404, "not_found");
    assert_eq!(app.messages().len(), messages, "no customer hears of it");
});

/// Only rows of one's own branches: what another one owes is none of one's business.
#[test]
fn amounts_of_others_do_not_exist() {
    let Some(app) = TestApp::start(tests::Engine::Sqlite) else { return };
    let ours = app.person(Role::Manager);
    let case = new_case(&app);
    let fee = json!({
        "creditor_id": app.branch("head"), "debtor_id": app.branch("nb"), "amount_fen": 1,
        "reason": "x",
    });
    let entered = ours.post(&format!("/cases/{case}/unit-fees"), &fee).expect(201).value();
    let settle = format!("/unit-fees/{}/settlement", entered["id"].as_str().unwrap());
    ours.post(&settle, &json!({})).problem(404, "not_found");
}
