//! Journeys: contact, delay, arrival, survey, and the clocks they stop (C06-C10, C12, A5.9).

use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::time::Span;
use tests::{Person, each_engine};

use crate::field::{Phone, Scene, assign, at_metres_north, clock, timeline, verdict};

fn at(metres_north: f64) -> Value {
    let (lat, lon) = at_metres_north(metres_north);
    json!({ "lat": lat, "lon": lon, "accuracy_m": 10.0 })
}

fn status(person: &Person, case: &str) -> Value {
    person.get(&format!("/cases/{case}")).expect(200).value()["case"]["status"].clone()
}

each_engine!(a_failed_call_stops_no_clock_and_a_late_one_is_a_breach, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let phone = Phone::new(&app, &surveyor);
    let path = format!("/cases/{case}/contacts");
    let first_contact = || verdict(&surveyor, &case, "first_contact");
    assert_eq!(verdict(&surveyor, &case, "dispatch"), "met");
    app.advance(Span::minutes(4));
    assert_eq!(first_contact(), "at_risk");
    let failed = phone.event(app.now(), json!({ "reached": false, "note": "无人接听" }));
    let noted = phone.send(&path, &failed).expect(200).value();
    assert_eq!(
        (&noted["event"]["kind"], &noted["case_status"]),
        (&json!("contact_attempted"), &json!("dispatched"))
    );
    app.advance(Span::minutes(1));
    assert_eq!(first_contact(), "at_risk");
    app.advance(Span(1));
    assert_eq!(first_contact(), "breached");
    let reached = phone.event(app.now() - Span(1), json!({ "reached": true, "plan": "on_site" }));
    let noted = phone.send(&path, &reached).expect(200).value();
    assert_eq!(noted["case_status"], "contacted");
    assert_eq!(noted["event"]["data"]["plan"], "on_site");
    // Reached at exactly five minutes: the promise is kept (A5.1), and the breach taken back (A5.9).
    let stopped = clock(&surveyor, &case, "first_contact");
    assert_eq!((&stopped["verdict"], &stopped["margin_ms"]), (&json!("met"), &json!(0)));
    assert_eq!(stopped["cleared_by_late_sync"], true);
    phone
        .send(&path, &phone.event(app.now(), json!({ "reached": true, "plan": "teleport" })))
        .refuses("plan", "unknown");
});

each_engine!(an_arrival_without_signal_takes_the_breach_back, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let started = app.now();
    app.advance(Span::minutes(95));
    assert_eq!(verdict(&surveyor, &case, "arrival"), "breached");
    let phone = Phone::new(&app, &surveyor);
    let arrived_at = started + Span::minutes(60);
    let arrival = phone.event(arrived_at, json!({ "position": at(120.0), "staff_shown": true }));
    let noted = phone.send(&format!("/cases/{case}/arrivals"), &arrival).expect(200).value();
    assert_eq!(noted["event"]["occurred_at"], json!(wire::time(arrived_at)));
    assert_eq!(noted["event"]["recorded_at"], json!(wire::time(app.now())));
    assert_eq!(noted["event"]["data"]["plausibility"], "at_scene");
    assert_eq!(noted["event"]["data"]["distance_m"], 120);
    assert_eq!(noted["event"]["data"]["by_earlier_surveyor"], false);
    let arrival = clock(&surveyor, &case, "arrival");
    assert_eq!((&arrival["verdict"], &arrival["margin_ms"]), (&json!("met"), &json!(0)));
    assert_eq!(arrival["confidence"], "corrected");
    assert_eq!(arrival["cleared_by_late_sync"], true);
    assert_eq!(status(&surveyor, &case), "arrived");
});

each_engine!(a_phone_that_is_hours_off_tells_the_true_time, |app| {
    for ahead in [Span::hours(3), Span::hours(-7)] {
        let Scene { case, surveyor, .. } = Scene::new(&app);
        let started = app.now();
        app.advance(Span::minutes(50));
        let phone = Phone { ahead, ..Phone::new(&app, &surveyor) };
        let arrival = phone.event(started + Span::minutes(40), json!({ "position": at(0.0) }));
        let _ = phone.send(&format!("/cases/{case}/arrivals"), &arrival).expect(200);
        let arrival = clock(&surveyor, &case, "arrival");
        assert_eq!(arrival["stopped_at"], json!(wire::time(started + Span::minutes(40))));
        assert_eq!(
            (&arrival["verdict"], &arrival["confidence"]),
            (&json!("met"), &json!("corrected"))
        );
    }
});

each_engine!(a_clock_that_jumped_is_told_from_one_that_is_wrong, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let reported = app.now();
    app.advance(Span::minutes(50));
    let phone = Phone::new(&app, &surveyor);
    // Noted while the clock was an hour slow; set right before it was sent.
    let event = phone.event(reported - Span::minutes(20), json!({ "position": at(0.0) }));
    let noted = phone.send(&format!("/cases/{case}/arrivals"), &event).expect(200).value();
    assert_eq!(noted["event"]["data"]["time_confidence"], "doubtful");
    assert_eq!(clock(&surveyor, &case, "arrival")["confidence"], "doubtful");
    // Noted while it was fast: nothing happens after it is heard of.
    let event = phone.event(app.now() + Span::hours(2), json!({ "reached": true }));
    let noted = phone.send(&format!("/cases/{case}/contacts"), &event).expect(200).value();
    assert_eq!(noted["event"]["data"]["time_confidence"], "doubtful");
    assert_eq!(noted["event"]["occurred_at"], noted["event"]["recorded_at"]);
});

each_engine!(a_delay_told_in_time_is_explained, |app| {
    for (told_after, expected) in
        [(Span::minutes(60), "explained"), (Span::minutes(61), "breached")]
    {
        let Scene { case, surveyor, .. } = Scene::new(&app);
        let started = app.now();
        let phone = Phone::new(&app, &surveyor);
        app.advance(Span::minutes(70));
        let told_at = started + told_after;
        let path = format!("/cases/{case}/delay-notices");
        let mut notice =
            phone.event(told_at, json!({ "new_eta": phone.shows(told_at + Span::minutes(20)) }));
        phone.send(&path, &notice).refuses("reason", "wrong_shape");
        notice["reason"] = json!("高架封路");
        let _ = phone.send(&path, &notice).expect(200);
        assert_eq!(verdict(&surveyor, &case, "arrival"), expected);
    }
});

each_engine!(another_time_agreed_in_time_becomes_the_limit, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    // The phone is three hours fast: "in two hours" is in two hours all the same.
    let phone = Phone { ahead: Span::hours(3), ..Phone::new(&app, &surveyor) };
    app.advance(Span::minutes(30));
    let path = format!("/cases/{case}/agreed-arrivals");
    let agree = |after: Span| {
        let event = phone.event(app.now(), json!({ "agreed_for": phone.shows(app.now() + after) }));
        phone.send(&path, &event)
    };
    agree(Span(-1)).refuses("agreed_for", "out_of_range");
    agree(Span(Span::days(7).0 + 1)).refuses("agreed_for", "out_of_range");
    let _ = agree(Span::hours(2)).expect(200);
    let limit = wire::time(app.now() + Span::hours(2));
    assert_eq!(clock(&surveyor, &case, "arrival")["limit_at"], json!(limit));
    app.advance(Span::minutes(100));
    assert_eq!(verdict(&surveyor, &case, "arrival"), "at_risk");
    app.advance(Span::minutes(20));
    app.advance(Span(1));
    assert_eq!(verdict(&surveyor, &case, "arrival"), "breached");
    // A promise already broken is not agreed away.
    let _ = agree(Span::hours(1)).expect(200);
    assert_eq!(verdict(&surveyor, &case, "arrival"), "breached");
});

each_engine!(no_arrival_is_refused_for_where_it_was, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let phone = Phone::new(&app, &surveyor);
    let path = format!("/cases/{case}/arrivals");
    for (fields, expected) in [
        (json!({}), "unknown"),
        (json!({ "position": at(600.0) }), "near"),
        (json!({ "position": at(80_000.0) }), "far"),
        (json!({ "position": at(0.0), "mock": true }), "made_up"),
    ] {
        let noted = phone.send(&path, &phone.event(app.now(), fields)).expect(200).value();
        assert_eq!(noted["event"]["data"]["plausibility"], expected);
        assert!(noted["event"]["data"].get("lat").is_none());
    }
    let stored = "SELECT count(*) AS n FROM survey_arrivals WHERE lat IS NOT NULL";
    assert_eq!(app.count(stored), 3);
    let nowhere = phone.event(app.now(), json!({ "position": { "lat": 95, "lon": 0 } }));
    phone.send(&path, &nowhere).refuses("position", "out_of_range");
});

each_engine!(an_event_that_arrives_many_times_at_once_is_one_event, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let phone = Phone::new(&app, &surveyor);
    let (arrivals, contacts) =
        (format!("/cases/{case}/arrivals"), format!("/cases/{case}/contacts"));
    let arrival = phone.event(app.now(), json!({ "position": at(0.0) }));
    let others: Vec<Value> =
        (0..4).map(|_| phone.event(app.now(), json!({ "reached": false }))).collect();
    let news = std::thread::scope(|scope| {
        let send = || phone.send(&arrivals, &arrival).expect(200).value();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
        for other in &others {
            let (phone, contacts) = (&phone, &contacts);
            scope.spawn(move || phone.send(contacts, other).expect(200));
        }
        let new = |reply: &Value| reply["already_known"] == false;
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(new).count()
    });
    assert_eq!(news, 1);
    assert_eq!(timeline(&surveyor, &case).len(), 2 + 1 + 4);
    assert_eq!(app.count("SELECT count(*) AS n FROM survey_arrivals"), 1);
    // The id stands for this event, and this surveyor's, for ever.
    let second = app.person(Role::Surveyor);
    let _ = assign(&app.person(Role::Dispatcher), &case, &second).expect(201);
    Phone::new(&app, &second).send(&arrivals, &arrival).refuses("id", "id_taken");
    let mut other = phone.event(app.now(), json!({ "reached": true }));
    other["id"] = arrival["id"].clone();
    phone.send(&contacts, &other).refuses("id", "id_taken");
});

each_engine!(late_work_of_an_earlier_surveyor_lands_under_their_name, |app| {
    let Scene { case, surveyor: first, .. } = Scene::new(&app);
    let arrived_at = app.now() + Span::minutes(20);
    app.advance(Span::minutes(40));
    let second = app.person(Role::Surveyor);
    let _ = assign(&app.person(Role::Dispatcher), &case, &second).expect(201);
    let phone = Phone::new(&app, &first);
    let arrival = phone.event(arrived_at, json!({ "position": at(0.0) }));
    let noted = phone.send(&format!("/cases/{case}/arrivals"), &arrival).expect(200).value();
    assert_eq!(noted["event"]["actor"], json!(first.id.to_string()));
    assert_eq!(noted["event"]["data"]["by_earlier_surveyor"], true);
    assert_eq!(verdict(&second, &case, "arrival"), "met");
    // Completing the survey late ends nobody else's task.
    let done = phone.event(app.now(), json!({}));
    let _ = phone.send(&format!("/cases/{case}/survey-completions"), &done).expect(200);
    let tasks = second.get("/tasks?status=open").expect(200).value();
    assert_eq!(tasks["items"].as_array().unwrap().len(), 1);
});

each_engine!(a_completed_survey_ends_the_task, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let phone = Phone::new(&app, &surveyor);
    let done = phone.event(app.now(), json!({ "formalities_told": true }));
    for known in [false, true] {
        let path = format!("/cases/{case}/survey-completions");
        let noted = phone.send(&path, &done).expect(200).value();
        assert_eq!(noted["already_known"], known);
        assert_eq!(noted["case_status"], "surveyed");
    }
    let tasks = surveyor.get("/tasks?status=done").expect(200).value();
    assert_eq!(tasks["items"][0]["case"]["status"], "surveyed");
    assert_eq!(tasks["items"][0]["answered_at"], json!(wire::time(app.now())));
});

each_engine!(a_customer_who_insists_is_visited_or_told_why_not, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let phone = Phone::new(&app, &surveyor);
    let path = format!("/cases/{case}/survey-waivers");
    let mut waiver =
        phone.event(app.now(), json!({ "reason": "台风停运", "customer_insists": true }));
    phone.send(&path, &waiver).refuses("exception", "required");
    waiver["exception"] = json!("weather");
    phone.send(&path, &waiver).refuses("exception", "unknown");
    waiver["exception"] = json!("force_majeure");
    let noted = phone.send(&path, &waiver).expect(200).value();
    assert_eq!(noted["case_status"], "waived");
    assert_eq!(noted["event"]["data"]["exception"], "force_majeure");
    assert_eq!(verdict(&surveyor, &case, "arrival"), "met");
});

each_engine!(only_who_was_sent_writes_and_only_who_sees_reads, |app| {
    let Scene { case, .. } = Scene::new(&app);
    let (colleague, both) =
        (app.person(Role::Surveyor), app.person_at("hz", &[Role::Surveyor, Role::Dispatcher]));
    let stranger = app.person_at("nb", &[Role::Dispatcher, Role::Surveyor]);
    let path = format!("/cases/{case}/contacts");
    for hidden in [&colleague, &stranger] {
        let phone = Phone::new(&app, hidden);
        let event = phone.event(app.now(), json!({ "reached": true }));
        let _ = phone.send(&path, &event).problem(404, "not_found");
        let clocks = hidden.get(&format!("/cases/{case}/clocks"));
        let _ = clocks.problem(404, "not_found");
    }
    let phone = Phone::new(&app, &both);
    let event = phone.event(app.now(), json!({ "reached": true }));
    let problem = phone.send(&path, &event).problem(409, "conflict");
    assert_eq!(problem.facts["reason"], "not_sent");
    assert_eq!(verdict(&both, &case, "dispatch"), "met");
    let _ = Phone::new(&app, &app.person(Role::Dispatcher))
        .send(&path, &event)
        .problem(403, "forbidden");
});
