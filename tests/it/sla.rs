//! Journeys: alarms before and after a limit, late truth, other limits, working days (A5, A6).

use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::{lifecycle::EventKind, time::Span};
use tests::{Person, START, TestApp, each_engine, report};

use crate::{
    assessed::{Assessed, happened},
    field::{Phone, Scene, assign, clock, new_case, verdict},
};

fn alarms(person: &Person, case: &str) -> Vec<Value> {
    let list = person.get(&format!("/alarms?case_id={case}")).expect(200).value();
    let mut items = list["items"].as_array().unwrap().clone();
    items.reverse();
    items
}

/// Clock, kind, audience and why it is over, of each alarm.
fn told(person: &Person, case: &str) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("open").to_owned();
    let line = |alarm: &Value| {
        ["clock", "kind", "audience", "cleared_by"].map(|name| word(&alarm[name])).join(" ")
    };
    alarms(person, case).iter().map(line).collect()
}

each_engine!(somebody_is_warned_before_the_limit_and_told_after_it, |app| {
    let manager = app.person(Role::Manager);
    let case = new_case(&app);
    app.run_due_jobs();
    assert!(told(&manager, &case).is_empty());
    app.advance(Span(4 * 60_000 - 1));
    app.run_due_jobs();
    assert!(told(&manager, &case).is_empty());
    app.advance(Span(1));
    app.run_due_jobs();
    assert_eq!(told(&manager, &case), ["dispatch at_risk dispatcher open"]);
    // The last millisecond keeps the promise.
    app.advance(Span::minutes(1));
    app.run_due_jobs();
    app.run_due_jobs();
    assert_eq!(told(&manager, &case).len(), 1);
    app.advance(Span(1));
    app.run_due_jobs();
    let both = ["dispatch at_risk dispatcher open", "dispatch breached manager open"];
    assert_eq!(told(&manager, &case), both);
    let open = manager.get("/alarms?state=open").expect(200).value();
    assert_eq!(open["items"].as_array().unwrap().len(), 2);

    let _ = assign(&app.person(Role::Dispatcher), &case, &app.person(Role::Surveyor)).expect(201);
    app.run_due_jobs();
    let over = ["dispatch at_risk dispatcher over_late", "dispatch breached manager over_late"];
    assert_eq!(told(&manager, &case), over);
    let elsewhere = app.person_at("nb", &[Role::Manager]).get("/alarms").expect(200).value();
    assert_eq!(elsewhere["items"], json!([]));
});

each_engine!(late_truth_clears_an_alarm_and_deletes_nothing, |app| {
    let manager = app.person(Role::Manager);
    let scene = Scene::new(&app);
    let sent_at = app.now();
    app.advance(Span::minutes(61));
    app.run_due_jobs();
    assert_eq!(verdict(&manager, &scene.case, "arrival"), "breached");
    let raised = alarms(&manager, &scene.case);
    let breach = raised.iter().find(|a| a["clock"] == "arrival" && a["kind"] == "breached");
    assert_eq!(breach.unwrap()["cleared_by"], Value::Null);

    // The surveyor was there after half an hour, without signal, on a phone that is ten minutes fast.
    let phone = Phone { ahead: Span::minutes(10), ..Phone::new(&app, &scene.surveyor) };
    let arrived = phone.event(
        sent_at + Span::minutes(30),
        json!({ "staff_shown": true, "kind": "record_arrival", "case_id": scene.case }),
    );
    let mut body = arrived.clone();
    body.as_object_mut().unwrap().retain(|name, _| name != "kind" && name != "case_id");
    let _ = phone.send(&format!("/cases/{}/arrivals", scene.case), &body).expect(200);
    app.run_due_jobs();
    let after = alarms(&manager, &scene.case);
    assert_eq!(after.len(), raised.len());
    let cleared =
        after.iter().find(|a| a["clock"] == "arrival" && a["kind"] == "breached").unwrap();
    assert_eq!(cleared["cleared_by"], "late_sync");
    let note = cleared["note"].as_str().unwrap();
    assert!(note.contains("2026-03-02T02:00:00") && note.contains("corrected"), "{note}");
    let arrival = clock(&manager, &scene.case, "arrival");
    assert_eq!(
        (&arrival["verdict"], &arrival["cleared_by_late_sync"]),
        (&json!("met"), &json!(true))
    );
});

each_engine!(a_late_arrival_that_turns_out_to_be_an_early_one, |app| {
    let manager = app.person(Role::Manager);
    let scene = Scene::new(&app);
    let phone = Phone::new(&app, &scene.surveyor);
    let sent_at = app.now();
    app.advance(Span::minutes(70));
    app.run_due_jobs();
    let path = format!("/cases/{}/arrivals", scene.case);
    let late = phone.event(app.now(), json!({ "staff_shown": true }));
    let _ = phone.send(&path, &late).expect(200);
    app.run_due_jobs();
    assert!(told(&manager, &scene.case).contains(&"arrival breached manager over_late".to_owned()));
    let early = phone.event(sent_at + Span::minutes(20), json!({ "staff_shown": true }));
    let _ = phone.send(&path, &early).expect(200);
    app.run_due_jobs();
    assert!(told(&manager, &scene.case).contains(&"arrival breached manager late_sync".to_owned()));
});

each_engine!(a_clock_stands_still_goes_on_and_is_extended, |app| {
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let scene = Scene::new(&app);
    let path = |what: &str| format!("/cases/{}/clocks/arrival/{what}", scene.case);
    let limit = || clock(&manager, &scene.case, "arrival")["limit_at"].clone();
    let at = |minutes| json!(wire::time(START + Span::minutes(minutes)));
    let reason = json!({ "reason": "道路封闭" });
    let _ = dispatcher.post(&path("resume"), &reason).expect(409);
    app.advance(Span::minutes(10));
    let paused = dispatcher.post(&path("pause"), &reason).expect(200).value();
    assert_eq!((&paused["verdict"], &paused["limit_at"]), (&json!("paused"), &Value::Null));
    let _ = dispatcher.post(&path("pause"), &reason).expect(409);
    app.advance(Span::minutes(120));
    app.run_due_jobs();
    assert!(told(&manager, &scene.case).iter().all(|line| !line.starts_with("arrival")));
    let _ = dispatcher.post(&path("resume"), &reason).expect(200);
    assert_eq!(limit(), at(180));

    let extend = |minutes| {
        let until = at(minutes);
        manager.post(
            &path("extend"),
            &json!({ "until": until, "reason": "客户同意", "customer_told": true }),
        )
    };
    let _ = extend(170).expect(409);
    let _ = extend(240).expect(200);
    assert_eq!(limit(), at(240));
    dispatcher.post(&path("extend"), &reason).problem(403, "forbidden");
    app.advance(Span::minutes(200));
    let _ = extend(600).expect(409);

    // C45: the contract prevails from the start.
    let contract = |limit: Value| {
        manager.post(&path("contract-limit"), &json!({ "limit": limit, "clause": "第十二条" }))
    };
    let _ = contract(json!({ "kind": "span", "ms": 86_400_000 })).expect(200);
    // The extension that was given before names an earlier time and so means nothing now.
    assert_eq!(limit(), at(24 * 60 + 120));
    contract(json!({ "kind": "span", "ms": 0 })).refuses("limit", "out_of_range");
    contract(json!({ "kind": "forever" })).refuses("limit", "wrong_shape");
    app.run_due_jobs();
    let limits = manager.get(&format!("/cases/{}/limits", scene.case)).expect(200).value();
    let kept = limits["items"].as_array().unwrap().iter().filter(|row| row["clock"] == "arrival");
    assert!(kept.count() >= 2, "{limits}");
    manager
        .post("/cases/00000000-0000-7000-8000-000000000000/clocks/arrival/pause", &reason)
        .problem(404, "not_found");
    manager
        .post(&format!("/cases/{}/clocks/lunch/pause", scene.case), &reason)
        .problem(404, "not_found");
});

/// A fact that no operation of this release writes yet.
fn write_fact(app: &TestApp, case: &str, kind: &str) {
    use server::{
        case_log::{self, Author, NewEvent},
        ports::ids::{Ids, SystemIds},
    };
    let (case, kind, now) = (case.parse().unwrap(), kind.parse().unwrap(), app.now());
    let event = NewEvent {
        id: SystemIds.uuid().into(),
        case_id: case,
        kind,
        author: Author::System,
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data: json!({}),
    };
    app.write(move |conn| case_log::append(conn, &event).map(|_| ()));
}

each_engine!(a_notice_counts_provisional_limits_again_and_keeps_the_old_ones, |app| {
    let (admin, manager) = (app.person(Role::Admin), app.person(Role::Manager));
    let case = new_case(&app);
    // 2026-12-30, a Wednesday, at 10:00 in Shanghai.
    app.clock.set(sync_core::time::Instant(1_798_596_000_000));
    write_fact(&app, &case, "claim_applied");
    app.run_due_jobs();
    let limits = || -> Vec<(Value, Value, Value)> {
        let list = manager.get(&format!("/cases/{case}/limits")).expect(200).value();
        let of_clock =
            list["items"].as_array().unwrap().iter().filter(|row| row["clock"] == "extension_told");
        of_clock
            .map(|row| (row["limit_at"].clone(), row["provisional"].clone(), row["reason"].clone()))
            .collect()
    };
    let end_of = |day: &str| json!(format!("{day}T15:59:59.999Z"));
    let before = (end_of("2027-01-13"), json!(true), json!("started"));
    assert_eq!(limits(), [before]);

    let notice = |days: Value, worked: Value| json!({ "year": 2027, "days_off": days, "make_up_working_days": worked, "source": "国办发明电" });
    let days = json!([
        "2027-01-01",
        "2027-01-02",
        "2027-01-03",
        "2027-02-05",
        "2027-02-06",
        "2027-02-08",
        "2027-02-09",
        "2027-02-10"
    ]);
    let stored = admin
        .post("/working-days", &notice(days.clone(), json!(["2027-01-09"])))
        .expect(201)
        .value();
    assert_eq!(stored["version"], 1);
    app.run_due_jobs();
    let after = (end_of("2027-01-13"), json!(false), json!("notice_imported"));
    assert_eq!(limits().len(), 2);
    // 31 Dec, 4-9 Jan (six days, the Saturday is worked), 11-13 Jan.
    assert_eq!(limits()[1], after);
    let years = manager.get("/working-days").expect(200).value();
    assert_eq!(years["items"].as_array().unwrap().len(), 5);

    // A corrected notice counts again.
    let _ = admin.post("/working-days", &notice(days.clone(), json!([]))).expect(201);
    app.run_due_jobs();
    assert_eq!(limits()[2], (end_of("2027-01-14"), json!(false), json!("moved")));
    for (body, field, code) in [
        (notice(json!(["2027-01-01"]), json!([])), "days_off", "out_of_range"),
        (notice(days.clone(), json!(["2027-01-04"])), "make_up_working_days", "no_weekend"),
        (notice(days.clone(), json!(["2027-01-02"])), "make_up_working_days", "contradicts"),
        (notice(days.clone(), json!(["2026-01-04"])), "days_off", "other_year"),
    ] {
        admin.post("/working-days", &body).refuses(field, code);
    }
    manager.post("/working-days", &notice(days, json!([]))).problem(403, "forbidden");
});

each_engine!(a_branch_chooses_a_promise_and_open_cases_keep_theirs, |app| {
    let (admin, manager) = (app.person(Role::Admin), app.person(Role::Manager));
    let old = new_case(&app);
    let fast = json!({
        "clock": "dispatch", "starts": ["case_reported"], "stops": ["task_assigned"],
        "limit": { "kind": "span", "ms": 120_000 }, "warn": { "kind": "percent", "percent": 50 },
    });
    let promise = |version: u32, until: Value, rules: Value| json!({ "code": "fast-insurer", "version": version, "valid_from": "2026-01-01T00:00:00Z", "valid_until": until, "rules": rules });
    let _ = admin.post("/promises", &promise(1, Value::Null, json!([fast]))).expect(201);
    admin.post("/promises", &promise(1, Value::Null, json!([fast]))).refuses("version", "taken");
    admin
        .post("/promises", &promise(2, json!("2025-01-01T00:00:00Z"), json!([fast])))
        .refuses("valid_until", "out_of_range");
    admin
        .post("/promises", &promise(2, Value::Null, json!([fast, fast])))
        .refuses("rules", "out_of_range");
    admin
        .post("/promises", &promise(2, Value::Null, json!([{ "clock": "lunch" }])))
        .refuses("rules[0]", "wrong_shape");
    let choose = |code: &str| {
        admin.post("/promises/choices", &json!({ "branch_id": app.branch("hz"), "code": code }))
    };
    choose("nobody").refuses("code", "unknown");
    let _ = choose("fast-insurer").expect(200);
    let new = new_case(&app);
    let limit = |case: &str| clock(&manager, case, "dispatch")["limit_at"].clone();
    assert_eq!(limit(&old), json!(wire::time(START + Span::minutes(5))));
    assert_eq!(limit(&new), json!(wire::time(START + Span::minutes(2))));
    let clocks = manager.get(&format!("/cases/{new}/clocks")).expect(200).value();
    assert_eq!(clocks["promise_code"], "fast-insurer");
    let elsewhere =
        app.person_at("nb", &[Role::Intake]).post("/cases", &report()).expect(201).value();
    let id = elsewhere["case"]["id"].as_str().unwrap();
    assert_eq!(
        limit_at(&app.person_at("nb", &[Role::Manager]), id),
        json!(wire::time(START + Span::minutes(5)))
    );
    assert_eq!(manager.get("/promises").expect(200).value()["items"].as_array().unwrap().len(), 2);
});

fn limit_at(person: &Person, case: &str) -> Value {
    clock(person, case, "dispatch")["limit_at"].clone()
}

each_engine!(a_draft_that_is_synced_folds_no_clocks, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    app.run_due_jobs();
    // It happens more often than all else together, and says nothing of what was done.
    let synced =
        || app.count("SELECT count(*) AS n FROM case_changes WHERE topic = 'draft_synced'");
    let before = synced();
    let _ = assessed.add_part("后保险杠", 90_000);
    assert!(synced() > before);
    assert_eq!(app.run_due_jobs(), 0);
    happened(&app, &assessed.case, EventKind::ClaimApplied);
    assert!(app.run_due_jobs() > 0);
});
