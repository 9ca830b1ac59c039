//! Journeys: the system sends, asks persons in time, solves waves and bears catastrophes (C04, C05,
//! C20, C21, C58).

use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::time::Span;
use tests::{Person, TestApp, each_engine};

use crate::field::{assign, at_metres_north, clock, new_case, new_id, timeline};

fn be_at(app: &TestApp, surveyor: &Person, metres_north: f64) {
    let (lat, lon) = at_metres_north(metres_north);
    let point =
        json!({ "lat": lat, "lon": lon, "accuracy_m": 10.0, "measured_at": wire::time(app.now()) });
    let body = json!({ "device_now": wire::time(app.now()), "points": [point] });
    let _ = surveyor.post("/positions", &body).expect(200);
}

fn automatic(app: &TestApp) {
    let manager = app.person(Role::Manager);
    let _ = manager.put("/dispatch-mode", &json!({ "mode": "automatic" })).expect(200);
}

fn offers(surveyor: &Person) -> Vec<Value> {
    surveyor.get("/offers").expect(200).value()["items"].as_array().unwrap().clone()
}

fn path(offer: &Value, what: &str) -> String {
    format!("/offers/{}/{what}", offer["id"].as_str().unwrap())
}

each_engine!(the_best_is_asked_then_the_next_and_whoever_takes_it_is_sent, |app| {
    automatic(&app);
    let dispatcher = app.person(Role::Dispatcher);
    let [near, middle, far] = [0; 3].map(|_| app.person(Role::Surveyor));
    for (surveyor, metres) in [(&near, 500.0), (&middle, 1_500.0), (&far, 3_000.0)] {
        be_at(&app, surveyor, metres);
    }
    let case = new_case(&app);
    app.run_due_jobs();
    let asked = offers(&near);
    assert_eq!((asked.len(), offers(&middle).len()), (1, 0));
    assert_eq!((&asked[0]["case_id"], &asked[0]["verdict"]), (&json!(case), &json!("in_time")));
    // A surveyor who was only asked does not see the case.
    near.get(&format!("/cases/{case}")).problem(404, "not_found");

    let _ = near.post(&path(&asked[0], "decline"), &json!({ "reason": "车坏了" })).expect(200);
    app.run_due_jobs();
    assert_eq!((offers(&near).len(), offers(&middle).len()), (0, 1));
    // Without an answer the next one is asked after a minute, and the late answer comes too late.
    let second = offers(&middle).remove(0);
    app.advance(Span::seconds(60));
    middle.post(&path(&second, "accept"), &json!({})).problem(409, "conflict");
    app.run_due_jobs();
    let third = offers(&far).remove(0);
    near.post(&path(&third, "accept"), &json!({})).problem(404, "not_found");
    let taken = far.post(&path(&third, "accept"), &json!({})).expect(200).value();
    assert!(taken["task_id"].is_string());
    app.run_due_jobs();
    let kinds = timeline(&dispatcher, &case);
    let expected = [
        "case_reported",
        "task_offered",
        "offer_lapsed",
        "task_offered",
        "offer_lapsed",
        "task_offered",
        "task_assigned",
        "task_accepted",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(clock(&dispatcher, &case, "dispatch")["verdict"], "met");
    let _ = far.get(&format!("/cases/{case}")).expect(200);
    far.post(&path(&third, "accept"), &json!({})).problem(409, "conflict");
});

/// What the feed tells a phone after a place: topics with the time of each.
fn heard(app: &TestApp, surveyor: &Person, after: &Value) -> Vec<(String, Value)> {
    let feed = phone_feed(app, surveyor, json!({ "after": after }));
    let change =
        |change: &Value| (change["topic"].as_str().unwrap().to_owned(), change["at"].clone());
    feed["changes"].as_array().unwrap().iter().map(change).collect()
}

fn phone_feed(app: &TestApp, surveyor: &Person, asked: Value) -> Value {
    // What was just written is settled.
    app.run_due_jobs();
    let body = json!({ "device_now": wire::time(app.now()), "feed": asked });
    surveyor.post("/sync", &body).expect(200).value()["feed"].clone()
}

each_engine!(who_is_asked_hears_of_it_and_of_its_end_and_nobody_else_in_the_field, |app| {
    automatic(&app);
    let dispatcher = app.person(Role::Dispatcher);
    let [earlier, near, far] = [0; 3].map(|_| app.person(Role::Surveyor));
    be_at(&app, &near, 500.0);
    be_at(&app, &far, 3_000.0);
    let case = new_case(&app);
    let task = assign(&dispatcher, &case, &earlier).expect(201).value();
    let begin =
        [&earlier, &near, &far].map(|person| phone_feed(&app, person, json!({}))["cursor"].clone());
    let streams = [&near, &far, &dispatcher].map(|person| {
        let stream = person.request("GET", "/board/stream").listen();
        assert_eq!(stream.next().kind, "open");
        stream
    });

    let now = wire::time(app.now());
    let answer =
        json!({ "id": new_id(), "device_now": now, "occurred_at": now, "reason": "车坏了" });
    let decline = format!("/tasks/{}/decline", task["id"].as_str().unwrap());
    let _ = earlier.post(&decline, &answer).expect(200);
    app.run_due_jobs();
    let first_at = app.now();
    app.advance(Span::seconds(60));
    app.run_due_jobs();
    let second_at = app.now();
    assert_eq!((offers(&near).len(), offers(&far).len()), (0, 1));
    // A dispatcher decides: the question to the second one is taken back.
    app.advance(Span::seconds(1));
    let _ = assign(&dispatcher, &case, &earlier).expect(201);
    app.run_due_jobs();
    let told = |topic: &str, at| (topic.to_owned(), json!(wire::time(at)));
    let asked_first = [told("task_offered", first_at), told("offer_lapsed", second_at)];
    let asked_next = [told("task_offered", second_at), told("offer_lapsed", app.now())];
    assert_eq!(heard(&app, &near, &begin[1]), asked_first);
    assert_eq!(heard(&app, &far, &begin[2]), asked_next);
    // Whoever was sent before hears of the case, and not whom else it was offered to.
    let others = heard(&app, &earlier, &begin[0]);
    assert!(others.iter().any(|(topic, _)| topic == "task_assigned"), "{others:?}");
    assert!(others.iter().all(|(topic, _)| !topic.contains("offer")), "{others:?}");

    let [on_near, on_far, on_board] = streams;
    for (stream, expected) in [(&on_near, &asked_first), (&on_far, &asked_next)] {
        for (topic, at) in expected {
            let event = stream.next().data;
            assert_eq!((&event["topic"], &event["at"]), (&json!(topic), at));
            assert_eq!(event["case_id"], json!(case));
        }
    }
    let mut board = Vec::new();
    while board.iter().filter(|topic| *topic == "offer_lapsed").count() < 2 {
        board.push(on_board.next().data["topic"].as_str().unwrap().to_owned());
    }
    assert_eq!(board.iter().filter(|topic| *topic == "task_offered").count(), 2, "{board:?}");
    // To hear of an offer is not to see the case.
    near.get(&format!("/cases/{case}")).problem(404, "not_found");
});

each_engine!(out_of_the_branchs_area_the_system_asks_a_person_and_not_its_surveyors, |app| {
    automatic(&app);
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let near = app.person(Role::Surveyor);
    be_at(&app, &near, 500.0);
    let area = |west: f64| {
        let east = west + 1.0;
        let ring = [[west, 30.0], [east, 30.0], [east, 31.0], [west, 31.0], [west, 30.0]];
        let zone = json!({
            "type": "Feature", "properties": { "name": "辖区", "class": "area" },
            "geometry": { "type": "Polygon", "coordinates": [ring] },
        });
        let zones = json!({ "type": "FeatureCollection", "features": [zone] });
        let _ = manager.put("/zones", &zones).expect(201);
    };
    let out_of_area = |case: &str| {
        let found = dispatcher.get(&format!("/cases/{case}/candidates")).expect(200).value();
        found["out_of_area"].clone()
    };
    area(121.0);
    let outside = new_case(&app);
    app.run_due_jobs();
    assert_eq!(out_of_area(&outside), true);
    let expected = ["case_reported", "proxy_needed", "dispatch_escalated"];
    assert_eq!(timeline(&dispatcher, &outside), expected);
    let queue = dispatcher.get("/board/queue").expect(200).value();
    assert_eq!((&queue["items"][0]["out_of_area"], offers(&near)), (&json!(true), vec![]));
    // It is for a person to decide, who may send somebody all the same.
    let _ = assign(&dispatcher, &outside, &app.person(Role::Surveyor)).expect(201);

    area(120.0);
    let inside = new_case(&app);
    app.run_due_jobs();
    assert_eq!((out_of_area(&inside), offers(&near).len()), (json!(false), 1));
});

each_engine!(what_a_dispatcher_decides_is_never_undone, |app| {
    automatic(&app);
    let dispatcher = app.person(Role::Dispatcher);
    let [asked, chosen] = [0; 2].map(|_| app.person(Role::Surveyor));
    be_at(&app, &asked, 10.0);
    let case = new_case(&app);
    app.run_due_jobs();
    let offer = offers(&asked).remove(0);
    let _ = assign(&dispatcher, &case, &chosen).expect(201);
    app.run_due_jobs();
    assert!(offers(&asked).is_empty());
    asked.post(&path(&offer, "accept"), &json!({})).problem(409, "conflict");
    app.advance(Span::minutes(3));
    app.run_due_jobs();
    let tasks = dispatcher.get(&format!("/tasks?case_id={case}&status=open")).expect(200).value();
    assert_eq!(tasks["items"][0]["surveyor"]["id"], json!(chosen.id));
    assert_eq!(tasks["items"].as_array().unwrap().len(), 1);
});

each_engine!(a_person_is_asked_before_the_limit_whoever_sends, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let late = app.person(Role::Surveyor);
    be_at(&app, &late, 60_000.0);
    let levels = |case: &str| -> Vec<Value> {
        let detail = dispatcher.get(&format!("/cases/{case}")).expect(200).value();
        let events = detail["timeline"].as_array().unwrap().iter();
        events
            .filter(|event| event["kind"] == "dispatch_escalated")
            .map(|event| {
                assert_eq!(event["data"]["least_late"], json!(late.id));
                event["data"]["level"].clone()
            })
            .collect()
    };
    let by_hand = new_case(&app);
    app.run_due_jobs();
    assert!(levels(&by_hand).is_empty());
    app.advance(Span::minutes(3));
    app.run_due_jobs();
    assert_eq!(levels(&by_hand), ["dispatcher"]);
    app.advance(Span::minutes(1));
    app.run_due_jobs();
    app.run_due_jobs();
    assert_eq!(levels(&by_hand), ["dispatcher", "manager"]);
    // Nobody would be in time: a person hears at once, and the least late is asked all the same.
    automatic(&app);
    be_at(&app, &late, 60_000.0);
    let by_system = new_case(&app);
    app.run_due_jobs();
    assert_eq!(levels(&by_system), ["dispatcher"]);
    assert_eq!(offers(&late).len(), 1);
});

each_engine!(only_who_is_on_duty_fit_and_without_interest_is_asked, |app| {
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let [on, off, unfit, partial] = [0; 4].map(|_| app.person(Role::Surveyor));
    for surveyor in [&off, &unfit, &partial] {
        be_at(&app, surveyor, 100.0);
    }
    be_at(&app, &on, 4_000.0);
    let shift = |person: &Person, from: i64, to: i64| {
        let at = |hours| wire::time(app.now() + Span::hours(hours));
        json!({ "person_id": person.id, "kind": "duty", "starts_at": at(from), "ends_at": at(to) })
    };
    for person in [&on, &unfit, &partial] {
        let _ = dispatcher.post("/shifts", &shift(person, -1, 8)).expect(201);
    }
    dispatcher.post("/shifts", &shift(&on, 8, 1)).refuses("ends_at", "out_of_range");
    let elsewhere = app.person_at("nb", &[Role::Surveyor]);
    dispatcher.post("/shifts", &shift(&elsewhere, 0, 1)).refuses("person_id", "unknown");
    assert_eq!(on.get("/shifts").expect(200).value()["items"].as_array().unwrap().len(), 3);

    let skills = |person: &Person, skills: Value| {
        let profile = json!({ "skills": skills, "vehicle_classes": [] });
        manager.put(&format!("/surveyors/{}/profile", person.id), &profile)
    };
    for person in [&on, &off, &partial] {
        let _ = skills(person, json!(["injury"])).expect(200);
    }
    skills(&on, json!(["In Jury"])).refuses("skills", "malformed");
    let interest = json!({ "kind": "plate", "value": "浙a 7T3K9", "relation": "表弟" });
    let _ = partial.post(&format!("/surveyors/{}/interests", partial.id), &interest).expect(201);
    partial.post(&format!("/surveyors/{}/interests", on.id), &interest).problem(404, "not_found");

    let case = new_case(&app);
    let _ =
        dispatcher.put(&format!("/cases/{case}/needs"), &json!({ "skill": "injury" })).expect(200);
    let found = dispatcher.get(&format!("/cases/{case}/candidates")).expect(200).value();
    let first = &found["candidates"][0];
    assert_eq!(
        (&first["surveyor"]["id"], &first["on_shift"], &first["fit"]),
        (&json!(on.id), &json!(true), &json!(true))
    );
    let of = |person: &Person| {
        let all = found["candidates"].as_array().unwrap();
        all.iter().find(|c| c["surveyor"]["id"] == json!(person.id)).unwrap().clone()
    };
    assert_eq!(of(&off)["on_shift"], false);
    assert_eq!(of(&unfit)["fit"], false);
    assert_eq!(of(&partial)["interest"], "declared");
    assign(&dispatcher, &case, &partial).problem(409, "conflict");

    // What somebody says of themselves counts more than the roster.
    let _ = off.put("/duty", &json!({ "on_duty": true })).expect(200);
    let _ = on.put("/duty", &json!({ "on_duty": false })).expect(200);
    let again = dispatcher.get(&format!("/cases/{case}/candidates")).expect(200).value();
    assert_eq!(again["candidates"][0]["surveyor"]["id"], json!(off.id));
});

each_engine!(a_wave_is_solved_at_once_and_explained, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let surveyors = [0; 3].map(|_| app.person(Role::Surveyor));
    for (surveyor, metres) in surveyors.iter().zip([300.0, 600.0, 900.0]) {
        be_at(&app, surveyor, metres);
    }
    let cases = [0; 4].map(|_| new_case(&app));
    app.run_due_jobs();
    let plan = |send: bool| {
        dispatcher.post("/dispatch/batches", &json!({ "send": send })).expect(200).value()
    };
    let shown = plan(false);
    assert_eq!((&shown["sent"], &shown["without"]), (&json!(false), &json!(1)));
    assert!(shown["items"].as_array().unwrap().iter().all(|item| item["task_id"].is_null()));
    let sent = plan(true);
    let items = sent["items"].as_array().unwrap();
    assert_eq!(items.len(), 4);
    let mut people: Vec<&str> =
        items.iter().filter_map(|item| item["surveyor_id"].as_str()).collect();
    people.sort_unstable();
    people.dedup();
    assert_eq!(people.len(), 3);
    assert!(items.iter().all(|item| !item["why"].as_str().unwrap().is_empty()));
    app.run_due_jobs();
    // Those that are assigned are left alone.
    assert_eq!(plan(true)["items"].as_array().unwrap().len(), 1);
    let none = json!({ "send": false, "case_ids": [] });
    dispatcher.post("/dispatch/batches", &none).refuses("case_ids", "out_of_range");
    assert_eq!(cases.len(), 4);
});

each_engine!(a_catastrophe_stands_on_every_case_and_lengthens_only_by_order, |app| {
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let before = new_case(&app);
    app.run_due_jobs();
    app.advance(Span::minutes(1));
    let declare = |urban: Value, other: Value| {
        manager.post("/catastrophes", &json!({
            "name": "台风", "reason": "全市积水", "ends_at": wire::time(app.now() + Span::days(2)),
            "shared_with": app.branch("head"), "arrival_urban_minutes": urban, "arrival_other_minutes": other,
        }))
    };
    declare(json!(120), Value::Null).refuses("arrival_urban_minutes", "out_of_range");
    let declared = declare(json!(120), json!(240)).expect(201).value();
    let neighbour = app.person_at("nb", &[Role::Surveyor]);
    be_at(&app, &neighbour, 800.0);
    let case = new_case(&app);
    app.run_due_jobs();
    let kinds = timeline(&dispatcher, &case);
    assert_eq!(kinds, ["case_reported", "catastrophe_tagged", "surge_limit_set"]);
    assert!(!timeline(&dispatcher, &before).contains(&"catastrophe_tagged".to_owned()));
    // People of the branch above share the work.
    let found = dispatcher.get(&format!("/cases/{case}/candidates")).expect(200).value();
    assert_eq!(found["candidates"][0]["surveyor"]["id"], json!(neighbour.id));
    let _ = assign(&dispatcher, &case, &neighbour).expect(201);
    let arrival = clock(&dispatcher, &case, "arrival");
    assert_eq!(arrival["limit_at"], json!(wire::time(app.now() + Span::minutes(240))));
    let list = dispatcher.get("/catastrophes").expect(200).value();
    assert_eq!(list["items"][0]["id"], declared["id"]);
    dispatcher.post("/catastrophes", &json!({})).problem(403, "forbidden");
});

each_engine!(the_board_shows_the_nearest_limit_first_with_who_could_be_there, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let surveyor = app.person(Role::Surveyor);
    let older = new_case(&app);
    app.advance(Span::minutes(1));
    let newer = new_case(&app);
    be_at(&app, &surveyor, 200.0);
    app.run_due_jobs();
    let queue = || dispatcher.get("/board/queue").expect(200).value();
    let shown = queue();
    let order: Vec<&str> =
        shown["items"].as_array().unwrap().iter().map(|i| i["case_id"].as_str().unwrap()).collect();
    assert_eq!(order, [older.as_str(), newer.as_str()]);
    let first = &shown["items"][0];
    assert_eq!((&first["clock"], &first["in_time"]), (&json!("dispatch"), &json!(1)));
    assert_eq!(first["remaining_ms"], 240_000);
    assert_eq!(first["best"][0]["surveyor_id"], json!(surveyor.id));
    app.advance(Span::seconds(1));
    let _ = assign(&dispatcher, &older, &surveyor).expect(201);
    app.run_due_jobs();
    let after = queue();
    // First contact runs out after the newer case's dispatch.
    let order: Vec<&Value> =
        after["items"].as_array().unwrap().iter().map(|i| &i["clock"]).collect();
    assert_eq!(order, ["dispatch", "first_contact"]);
    assert_eq!(after["items"][1]["waiting"], false);
    let elsewhere =
        app.person_at("nb", &[Role::Dispatcher]).get("/board/queue").expect(200).value();
    assert_eq!(elsewhere["items"], json!([]));
});
