//! Journeys: zones, positions, candidates and tasks (C04, C09, C21).

use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::time::{Instant, Span};
use tests::{Person, TestApp, each_engine, report};
use uuid::Uuid;

use crate::field::{Scene, accept, assign, at_metres_north, new_case, timeline};

/// A square of two tenths of a degree around the scene of [`report`].
fn town(class: &str) -> Value {
    let ring = [[120.0, 30.2], [120.2, 30.2], [120.2, 30.4], [120.0, 30.4], [120.0, 30.2]];
    json!({
        "type": "FeatureCollection", "name": "exported by some tool",
        "features": [{
            "type": "Feature", "id": 1,
            "properties": { "name": "城区", "class": class, "fill": "red" },
            "geometry": { "type": "Polygon", "coordinates": [ring] },
        }],
    })
}

fn report_position(app: &TestApp, surveyor: &Person, metres_north: f64, measured_at: Instant) {
    let (lat, lon) = at_metres_north(metres_north);
    let point = json!({
        "lat": lat, "lon": lon, "accuracy_m": 10.0, "measured_at": wire::time(measured_at),
    });
    let body = json!({ "device_now": wire::time(app.now()), "points": [point] });
    let _ = surveyor.post("/positions", &body).expect(200);
}

fn candidates(dispatcher: &Person, case: &str) -> Value {
    dispatcher.get(&format!("/cases/{case}/candidates")).expect(200).value()
}

fn ids(candidates: &Value) -> Vec<String> {
    let list = candidates["candidates"].as_array().unwrap();
    list.iter().map(|c| c["surveyor"]["id"].as_str().unwrap().to_owned()).collect()
}

fn id_of(person: &Person) -> String {
    person.id.to_string()
}

each_engine!(surveyors_are_ranked_by_when_they_would_be_there, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let case = new_case(&app);
    let [near, busy, far, stale, silent] = [0; 5].map(|_| app.person(Role::Surveyor));
    let elsewhere = app.person_at("nb", &[Role::Surveyor]);
    report_position(&app, &stale, 10.0, app.now() - Span::minutes(30) - Span(1));
    report_position(&app, &near, 3_000.0, app.now() - Span::minutes(30));
    report_position(&app, &busy, 1_000.0, app.now());
    report_position(&app, &far, 30_000.0, app.now());
    report_position(&app, &elsewhere, 1.0, app.now());
    let _ = assign(&dispatcher, &new_case(&app), &busy).expect(201);

    let found = candidates(&dispatcher, &case);
    let mut unknown = [id_of(&stale), id_of(&silent)];
    unknown.sort();
    let expected = [&[id_of(&near), id_of(&busy), id_of(&far)], unknown.as_slice()].concat();
    assert_eq!(ids(&found), expected);
    let list = &found["candidates"];
    assert_eq!(list[0]["verdict"], "in_time");
    assert_eq!(list[0]["estimate_source"], "straight_line");
    assert_eq!(list[0]["position_age_ms"], 1_800_000);
    assert_eq!((&list[1]["open_tasks"], &list[1]["verdict"]), (&json!(1), &json!("in_time")));
    assert_eq!(list[2]["verdict"], "late");
    assert_eq!((&list[3]["verdict"], &list[3]["travel_ms"]), (&json!("unknown"), &Value::Null));
});

each_engine!(the_zone_decides_between_half_an_hour_and_an_hour, |app| {
    let (dispatcher, manager) = (app.person(Role::Dispatcher), app.person(Role::Manager));
    let surveyor = app.person(Role::Surveyor);
    let case = new_case(&app);
    // The straight-line estimate takes 210 ms for each metre: 1.4 times the way at 24 km/h.
    let verdict_at = |metres: f64| {
        app.advance(Span::seconds(1));
        report_position(&app, &surveyor, metres, app.now());
        let found = candidates(&dispatcher, &case);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&found["zone_class"]), text(&found["candidates"][0]["verdict"]))
    };
    let other = |verdict: &str| ("other".to_owned(), verdict.to_owned());
    let urban = |verdict: &str| ("urban".to_owned(), verdict.to_owned());
    assert_eq!(verdict_at(8_500.0), other("in_time"));
    assert_eq!(verdict_at(13_700.0), other("in_time"));
    assert_eq!(verdict_at(13_720.0), other("at_risk"));
    assert_eq!(verdict_at(17_140.0), other("at_risk"));
    assert_eq!(verdict_at(17_145.0), other("late"));
    let stored = manager.put("/zones", &town("urban")).expect(201).value();
    assert_eq!((&stored["version"], &stored["in_force"]), (&json!(1), &json!(true)));
    assert_eq!(verdict_at(6_850.0), urban("in_time"));
    assert_eq!(verdict_at(6_860.0), urban("at_risk"));
    assert_eq!(verdict_at(8_570.0), urban("at_risk"));
    assert_eq!(verdict_at(8_573.0), urban("late"));
    assert_eq!(candidates(&dispatcher, &case)["zone_version"], 1);
});

each_engine!(a_case_keeps_the_zones_that_judged_it, |app| {
    let (dispatcher, manager) = (app.person(Role::Dispatcher), app.person(Role::Manager));
    let [first, second] = [0; 2].map(|_| app.person(Role::Surveyor));
    let _ = manager.put("/zones", &town("urban")).expect(201);
    let judged = new_case(&app);
    let task = assign(&dispatcher, &judged, &first).expect(201).value();
    assert_eq!((&task["zone_class"], &task["zone_version"]), (&json!("urban"), &json!(1)));

    let mut moved = town("urban");
    moved["features"][0]["geometry"]["coordinates"] =
        json!([[[10.0, 50.0], [10.1, 50.0], [10.1, 50.1], [10.0, 50.0]]]);
    let _ = manager.put("/zones", &moved).expect(201);
    let again = assign(&dispatcher, &judged, &second).expect(201).value();
    assert_eq!((&again["zone_class"], &again["zone_version"]), (&json!("urban"), &json!(1)));
    let fresh = assign(&dispatcher, &new_case(&app), &first).expect(201).value();
    assert_eq!((&fresh["zone_class"], &fresh["zone_version"]), (&json!("other"), &json!(2)));

    let list = manager.get("/zones").expect(200).value();
    let versions: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|set| (set["version"].as_i64().unwrap(), set["in_force"].as_bool().unwrap()))
        .collect();
    assert_eq!(versions, [(2, true), (1, false)]);
});

each_engine!(zones_of_a_branch_hold_for_those_below_until_they_have_their_own, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let class =
        || candidates(&dispatcher, &new_case(&app))["zone_class"].as_str().unwrap().to_owned();
    let nowhere = {
        let mut zones = town("urban");
        zones["features"][0]["geometry"]["coordinates"] =
            json!([[[10.0, 50.0], [10.1, 50.0], [10.1, 50.1], [10.0, 50.0]]]);
        zones
    };
    let _ = app.person_at("head", &[Role::Manager]).put("/zones", &town("urban")).expect(201);
    let _ = app.person_at("nb", &[Role::Manager]).put("/zones", &nowhere).expect(201);
    assert_eq!(class(), "urban");
    let _ = app.person(Role::Manager).put("/zones", &nowhere).expect(201);
    assert_eq!(class(), "other");
    // Another branch's zones are not shown, those above are.
    let list = app.person_at("nb", &[Role::Manager]).get("/zones").expect(200).value();
    let versions: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|set| set["version"].clone()).collect();
    assert_eq!(versions, [json!(2), json!(1)]);
});

each_engine!(an_import_names_what_is_wrong_and_is_bounded, |app| {
    let manager = app.person(Role::Manager);
    manager.put("/zones", &town("rural")).refuses("features[0].properties.class", "unknown");
    let mut open = town("urban");
    open["features"][0]["geometry"]["coordinates"][0].as_array_mut().unwrap().pop();
    manager.put("/zones", &open).refuses("features[0].geometry.coordinates[0]", "ring_not_closed");
    let mut swapped = town("urban");
    swapped["features"][0]["geometry"]["coordinates"][0][1] = json!([30.2, 120.2]);
    manager
        .put("/zones", &swapped)
        .refuses("features[0].geometry.coordinates[0][1]", "not_on_earth");

    // Latitude first, also where it could be a longitude: nobody surveys so far north.
    swapped["features"][0]["geometry"]["coordinates"] =
        json!([[[43.8, 87.6], [43.9, 87.6], [43.9, 87.7], [43.8, 87.6]]]);
    manager
        .put("/zones", &swapped)
        .refuses("features[0].geometry.coordinates[0][0]", "axes_swapped");
    let mut crossed = town("urban");
    let bow_tie =
        json!([[[120.0, 30.2], [120.2, 30.4], [120.2, 30.2], [120.0, 30.4], [120.0, 30.2]]]);
    let second = json!({
        "type": "Feature", "properties": { "name": "二区", "class": "urban" },
        "geometry": { "type": "MultiPolygon", "coordinates": [
            town("urban")["features"][0]["geometry"]["coordinates"], bow_tie,
        ] },
    });
    crossed["features"].as_array_mut().unwrap().push(second);
    manager
        .put("/zones", &crossed)
        .refuses("features[1].geometry.coordinates[1][0][2]", "crosses_itself");
    let huge = vec![b' '; 10 * 1024 * 1024];
    let sent = manager.request("PUT", "/zones").header("content-type", "application/json");
    let _ = sent.bytes(huge).send().problem(413, "too_large");
    assert_eq!(app.count("SELECT count(*) AS n FROM zone_sets"), 0, "nothing changes");

    let ring = |vertices: usize| {
        let mut ring = vec![json!([1, 1]); vertices];
        ring.push(json!([2, 2]));
        ring.insert(0, json!([2, 2]));
        ring
    };
    let with = |ring: Vec<Value>| {
        let mut zones = town("urban");
        zones["features"][0]["geometry"]["coordinates"] = json!([ring]);
        zones
    };
    // More than an ordinary body, and still fine.
    let stored = manager.put("/zones", &with(ring(150_000))).expect(201).value();
    assert_eq!(stored["zones"][0]["vertices"], 150_002);
    manager.put("/zones", &with(ring(200_000))).refuses("features", "too_many_vertices");
    let _ = manager.put("/zones", &with(ring(400_000))).problem(413, "too_large");
    // Two imports at once are two versions.
    let imports: Vec<i64> = std::thread::scope(|scope| {
        let import = || manager.put("/zones", &town("urban")).expect(201).value();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(import)).collect();
        let version = |set: Value| set["version"].as_i64().unwrap();
        threads.into_iter().map(|thread| version(thread.join().unwrap())).collect()
    });
    let mut sorted = imports.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [2, 3, 4, 5], "{imports:?}");
});

each_engine!(a_track_may_come_late_twice_and_from_a_wrong_clock, |app| {
    let (dispatcher, surveyor) = (app.person(Role::Dispatcher), app.person(Role::Surveyor));
    let case = new_case(&app);
    // The phone's clock is three hours fast.
    let ahead = Span::hours(3);
    let point = |age: Span, metres: f64, extra: Value| {
        let (lat, lon) = at_metres_north(metres);
        let mut point = json!({
            "lat": lat, "lon": lon, "measured_at": wire::time(app.now() + ahead - age),
        });
        point.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        point
    };
    let send = |points: &[Value]| {
        let body = json!({ "device_now": wire::time(app.now() + ahead), "points": points });
        surveyor.post("/positions", &body).expect(200).value()
    };
    let distance = || {
        let found = candidates(&dispatcher, &case);
        let first = &found["candidates"][0];
        (first["distance_m"].as_i64(), first["position_age_ms"].as_i64())
    };
    let newest = point(Span::minutes(1), 1_000.0, json!({ "accuracy_m": 20.0 }));
    let counts = |accepted, known, ignored| json!({ "accepted": accepted, "known": known, "ignored": ignored });
    assert_eq!(send(&[newest.clone(), newest.clone()]), counts(1, 1, 0));
    assert_eq!(distance(), (Some(1_400), Some(60_000)));
    // Older, made up, or too wide to plan with: kept, but not where the surveyor is.
    assert_eq!(send(&[point(Span::minutes(5), 9_000.0, json!({}))]), counts(1, 0, 0));
    assert_eq!(distance(), (Some(1_400), Some(60_000)));
    let batch = [
        point(Span::ZERO, 5.0, json!({ "mock": true })),
        point(Span(1), 5.0, json!({ "accuracy_m": 5_000.0 })),
        point(Span::days(90), 5.0, json!({})),
        newest,
    ];
    assert_eq!(send(&batch), counts(2, 1, 1));
    assert_eq!(distance(), (Some(1_400), Some(60_000)));
    assert_eq!(app.count("SELECT count(*) AS n FROM positions"), 4);

    let bad = json!({ "device_now": wire::time(app.now()), "points": [
        { "lat": 91.0, "lon": 0.0, "measured_at": wire::time(app.now()) },
    ] });
    surveyor.post("/positions", &bad).refuses("points[0]", "out_of_range");
    // By its own clock a phone cannot have been anywhere yet; receivers' clocks differ a little.
    let minute = Span::minutes(1);
    let ahead_of = |by: Span| {
        json!({
            "device_now": wire::time(app.now() + ahead),
            "points": [point(Span::ZERO, 7.0, json!({})), point(Span(-by.0), 7.0, json!({}))],
        })
    };
    let before = app.count("SELECT count(*) AS n FROM positions");
    let future = ahead_of(minute + Span(1));
    surveyor.post("/positions", &future).refuses("points[1].measured_at", "in_the_future");
    assert_eq!(app.count("SELECT count(*) AS n FROM positions"), before, "nothing changes");
    let many = vec![point(Span::ZERO, 0.0, json!({})); 501];
    let body = json!({ "device_now": wire::time(app.now()), "points": many });
    surveyor.post("/positions", &body).refuses("points", "out_of_range");

    app.advance(Span::days(91));
    app.run_due_jobs();
    assert_eq!(app.count("SELECT count(*) AS n FROM positions"), 0);
    assert_eq!(app.count("SELECT count(*) AS n FROM latest_positions"), 0);
});

each_engine!(a_full_batch_sent_from_several_places_at_once_is_stored_once, |app| {
    const MOST: i64 = 500;
    let surveyor = app.person(Role::Surveyor);
    let batch = |from: i64| {
        let point = |n: i64| {
            let measured_at = wire::time(app.now() - Span::seconds(2_000 - n));
            json!({ "lat": 30.0, "lon": 120.0, "measured_at": measured_at })
        };
        let points: Vec<Value> = (from..from + MOST).map(point).collect();
        json!({ "device_now": wire::time(app.now()), "points": points })
    };
    let (first, second) = (batch(0), batch(MOST / 2));
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let send = |body: &Value| surveyor.post("/positions", body).expect(200).value();
        let threads: Vec<_> = [&first, &second, &first, &second]
            .into_iter()
            .map(|body| scope.spawn(move || send(body)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |what: &str| answers.iter().map(|answer| answer[what].as_i64().unwrap()).sum::<i64>();
    let distinct = MOST + MOST / 2;
    assert_eq!((sum("accepted"), sum("known")), (distinct, 4 * MOST - distinct), "{answers:?}");
    assert_eq!(app.count("SELECT count(*) AS n FROM positions"), distinct);
});

each_engine!(an_assigned_task_is_on_the_phone_with_the_next_limit, |app| {
    let (dispatcher, surveyor) = (app.person(Role::Dispatcher), app.person(Role::Surveyor));
    let case = new_case(&app);
    app.advance(Span::minutes(2));
    report_position(&app, &surveyor, 1_000.0, app.now());
    let task = assign(&dispatcher, &case, &surveyor).expect(201).value();
    assert_eq!(task["status"], "assigned");
    assert_eq!(task["case"]["status"], "dispatched");
    assert_eq!(task["estimate_ms"], 210_000);
    let list = surveyor.get("/tasks?status=open").expect(200).value();
    assert_eq!(list["items"], json!([task]));
    let next = &list["items"][0]["next_limit"];
    assert_eq!(next["clock"], "first_contact");
    assert_eq!(next["limit_at"], json!(wire::time(app.now() + Span::minutes(5))));

    let accepted = accept(&app, &surveyor, &task).expect(200).value();
    assert_eq!(accepted["status"], "accepted");
    let other = app.person(Role::Surveyor);
    assert_eq!(other.get("/tasks").expect(200).value()["items"], json!([]));
    for office in [app.person(Role::Manager), dispatcher] {
        let list = office.get("/tasks?status=accepted").expect(200).value();
        assert_eq!(list["items"][0]["id"], task["id"]);
        let none = office.get("/tasks?status=declined").expect(200).value();
        assert_eq!(none["items"], json!([]));
    }
    let neighbour = app.person_at("nb", &[Role::Dispatcher]);
    assert_eq!(neighbour.get("/tasks").expect(200).value()["items"], json!([]));
    surveyor.get("/tasks?status=lost").refuses("status", "unknown");
});

each_engine!(sending_another_surveyor_releases_the_first_and_keeps_the_clocks, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let Scene { case, surveyor: first, task, .. } = Scene::new(&app);
    let started = app.now();
    app.advance(Span::minutes(7));
    let second = app.person(Role::Surveyor);
    let _ = assign(&dispatcher, &case, &first).problem(409, "conflict");
    let again = assign(&dispatcher, &case, &second).expect(201).value();
    // The customer has been waiting since the first assignment.
    assert_eq!(again["next_limit"]["limit_at"], json!(wire::time(started + Span::minutes(5))));
    assert_eq!(again["next_limit"]["verdict"], "breached");
    let old = first.get("/tasks").expect(200).value();
    assert_eq!(
        (&old["items"][0]["id"], &old["items"][0]["status"]),
        (&task["id"], &json!("withdrawn"))
    );
    // A late answer is kept, but does not bring the task back.
    let late = accept(&app, &first, &task).expect(200).value();
    assert_eq!(late["status"], "withdrawn");
    assert_eq!(
        timeline(&first, &case),
        ["case_reported", "task_assigned", "task_withdrawn", "task_assigned", "task_accepted"]
    );
    let open = dispatcher.get(&format!("/tasks?status=open&case_id={case}")).expect(200).value();
    assert_eq!(open["items"].as_array().unwrap().len(), 1);
});

each_engine!(a_declined_task_goes_to_somebody_else, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let Scene { case, surveyor, task, .. } = Scene::new(&app);
    let path = format!("/tasks/{}/decline", task["id"].as_str().unwrap());
    let now = wire::time(app.now());
    let mut answer = json!({ "id": Uuid::from_u128(7), "device_now": now, "occurred_at": now });
    answer["reason"] = json!(" ");
    surveyor.post(&path, &answer).refuses("reason", "wrong_length");
    answer["reason"] = json!("车辆故障");
    for _ in 0..2 {
        let declined = surveyor.post(&path, &answer).expect(200).value();
        assert_eq!(
            (&declined["status"], &declined["reason"]),
            (&json!("declined"), &json!("车辆故障"))
        );
    }
    assert_eq!(timeline(&dispatcher, &case), ["case_reported", "task_assigned", "task_declined"]);
    let problem = accept(&app, &surveyor, &task).problem(409, "conflict");
    assert_eq!(problem.facts["reason"], "task_already_declined");
    let found = candidates(&dispatcher, &case);
    assert_eq!(found["candidates"][0]["declined"], true);

    let other = app.person(Role::Surveyor);
    assert_eq!(ids(&candidates(&dispatcher, &case)), [id_of(&other), id_of(&surveyor)]);
    let task = assign(&dispatcher, &case, &other).expect(201).value();
    let _ = accept(&app, &other, &task).expect(200);
    let path = format!("/tasks/{}/decline", task["id"].as_str().unwrap());
    answer["id"] = json!(Uuid::from_u128(8));
    let problem = other.post(&path, &answer).problem(409, "conflict");
    assert_eq!(problem.facts["reason"], "task_already_accepted");
});

each_engine!(a_task_is_withdrawn_as_it_was_read, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let Scene { surveyor, task, .. } = Scene::new(&app);
    let path = format!("/tasks/{}/withdraw", task["id"].as_str().unwrap());
    let body = json!({ "reason": "客户取消" });
    let _ = dispatcher.post(&path, &body).problem(428, "precondition_required");
    let read = task["version"].as_i64().unwrap();
    let _ = accept(&app, &surveyor, &task).expect(200);
    let withdraw = |version| dispatcher.request("POST", &path).if_match(version).json(&body).send();
    let problem = withdraw(read).problem(412, "version_mismatch");
    let now = problem.facts["version"].as_i64().unwrap();
    assert_eq!(withdraw(now).expect(200).value()["status"], "withdrawn");
});

each_engine!(what_belongs_to_others_does_not_exist, |app| {
    let Scene { case, task, .. } = Scene::new(&app);
    let task = task["id"].as_str().unwrap();
    let stranger = app.person_at("nb", &[Role::Dispatcher, Role::Surveyor]);
    let candidates = format!("/cases/{case}/candidates");
    let _ = stranger.get(&candidates).problem(404, "not_found");
    let _ = assign(&stranger, &case, &stranger).problem(404, "not_found");
    let _ = stranger
        .request("POST", &format!("/tasks/{task}/withdraw"))
        .if_match(1)
        .json(&json!({ "reason": "x" }))
        .send()
        .problem(404, "not_found");
    let colleague = app.person(Role::Surveyor);
    let _ = accept(&app, &colleague, &json!({ "id": task })).problem(404, "not_found");
    let _ = accept(&app, &colleague, &json!({ "id": Uuid::nil() })).problem(404, "not_found");
    let _ = colleague.get(&candidates).problem(403, "forbidden");
    // Nor can a surveyor of another branch be sent, or somebody who does not survey.
    let dispatcher = app.person(Role::Dispatcher);
    for nobody in [stranger, app.person(Role::Manager)] {
        assign(&dispatcher, &new_case(&app), &nobody).refuses("surveyor_id", "unknown");
    }
});

each_engine!(nobody_is_sent_to_their_own_claim, |app| {
    let (dispatcher, surveyor) = (app.person(Role::Dispatcher), app.person(Role::Surveyor));
    let phone = report()["contact_phone"].as_str().unwrap().to_owned();
    let id = id_of(&surveyor);
    app.write(move |conn| {
        use diesel::RunQueryDsl;
        let sql = format!("UPDATE people SET phone = '{phone}' WHERE id = '{id}'");
        diesel::sql_query(sql).execute(conn)?;
        Ok(())
    });
    let case = new_case(&app);
    assert_eq!(candidates(&dispatcher, &case)["candidates"][0]["interest"], "same_phone");
    let problem = assign(&dispatcher, &case, &surveyor).problem(409, "conflict");
    assert_eq!(problem.facts["reason"], "conflict_of_interest");
});

each_engine!(many_assignments_at_once_leave_one_open_task, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let case = new_case(&app);
    let surveyors: Vec<Person> = (0..6).map(|_| app.person(Role::Surveyor)).collect();
    std::thread::scope(|scope| {
        for surveyor in &surveyors {
            // Each order arrives twice, under the id its maker gave it.
            let id = Uuid::from_u128(surveyor.id.0.as_u128() ^ 1);
            for _ in 0..2 {
                let (dispatcher, case) = (&dispatcher, &case);
                scope.spawn(move || {
                    let order = json!({ "id": id, "surveyor_id": surveyor.id });
                    dispatcher.post(&format!("/cases/{case}/tasks"), &order).expect(201).value()
                });
            }
        }
    });
    let open = "SELECT count(*) AS n FROM tasks WHERE status = 'assigned'";
    assert_eq!(app.count(open), 1);
    assert_eq!(app.count("SELECT count(*) AS n FROM tasks"), 6);
    assert_eq!(timeline(&dispatcher, &case).len(), 1 + 6 + 5);
    let here = "SELECT count(*) AS n FROM case_people WHERE until IS NULL";
    assert_eq!(app.count(here), 1);
});
