//! Journeys: on the way, arrived and proven, by another unit, and what the head of claims sees of it.

use diesel::RunQueryDsl;
use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::{
    ids::CaseId,
    time::{Instant, Span},
};
use tests::{Person, START, TestApp, each_engine};

use crate::evidence::{entry, jpeg, upload};
use crate::field::{Phone, Scene, assign, at_metres_north, clock, new_case, timeline};

const CUSTOMER: &str = "18667091253";

fn be_at(app: &TestApp, surveyor: &Person, points: &[(Instant, f64)]) {
    let point = |(at, metres): &(Instant, f64)| {
        let (lat, lon) = at_metres_north(*metres);
        json!({ "lat": lat, "lon": lon, "accuracy_m": 8.0, "measured_at": wire::time(*at) })
    };
    let points: Vec<Value> = points.iter().map(point).collect();
    let body = json!({ "device_now": wire::time(app.now()), "points": points });
    let _ = surveyor.post("/positions", &body).expect(200);
}

/// The path of the last link that the customer got.
fn link(app: &TestApp) -> String {
    let text = app.last_message_to(CUSTOMER);
    format!("/t/{}", text.rsplit("/t/").next().unwrap())
}

each_engine!(the_customer_sees_the_surveyor_only_while_the_job_runs, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let scene = Scene::new(&app);
    let path = format!("/tasks/{}/tracking", scene.task["id"].as_str().unwrap());
    let _ = dispatcher.post(&path, &json!({})).expect(201);
    let page = link(&app);
    let show = || app.request("GET", &page).send().expect(200);
    assert!(show().text().contains("正在等待位置"));
    be_at(&app, &scene.surveyor, &[(app.now(), 4_000.0)]);
    app.run_due_jobs();
    let shown = show();
    // 4 km at 210 ms for each metre: 14 minutes after 09:30.
    assert!(shown.text().contains("09:44") && shown.text().contains("30.3101"), "{shown}");
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    app.request("GET", "/t/x").send().expect(200);

    let phone = Phone::new(&app, &scene.surveyor);
    let arrived = phone.event(app.now(), json!({ "staff_shown": true }));
    let _ = phone.send(&format!("/cases/{}/arrivals", scene.case), &arrived).expect(200);
    let after = show();
    assert!(after.text().contains("已到达") && !after.text().contains("30.3101"), "{after}");
    for _ in 0..2 {
        let confirmed = app.request("POST", &format!("{page}/confirm")).send().expect(200);
        assert!(confirmed.text().contains("感谢"), "{confirmed}");
    }
    let said = timeline(&dispatcher, &scene.case);
    assert_eq!(said.iter().filter(|kind| *kind == "arrival_confirmed").count(), 1);
    // The phone told no place: the customer's word is what speaks for it.
    let path = format!("/cases/{}/arrival-proof", scene.case);
    let proof = app.person(Role::Manager).get(&path).expect(200).value();
    assert_eq!(
        (&proof["grade"], &proof["for_it"], &proof["against"]),
        (&json!("plausible"), &json!(["customer_confirmed"]), &json!(["no_position"]))
    );
});

each_engine!(a_place_that_is_long_past_tells_nobody_when_to_expect_somebody, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let (case, surveyor) = (new_case(&app), app.person(Role::Surveyor));
    be_at(&app, &surveyor, &[(app.now() - Span::minutes(31), 4_000.0)]);
    let task = assign(&dispatcher, &case, &surveyor).expect(201).value();
    let path = format!("/tasks/{}/tracking", task["id"].as_str().unwrap());
    let _ = dispatcher.post(&path, &json!({})).expect(201);
    app.run_due_jobs();
    let shown = app.request("GET", &link(&app)).send().expect(200);
    assert!(shown.text().contains("正在等待位置"), "{shown}");
    assert_eq!(app.count("SELECT count(*) AS n FROM task_etas"), 0);
    be_at(&app, &surveyor, &[(app.now(), 4_000.0)]);
    app.run_due_jobs();
    assert_eq!(app.count("SELECT count(*) AS n FROM task_etas"), 1);
});

each_engine!(trips_teach_and_the_head_sees_how_far_estimates_were_off, |app| {
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let ring = [[120.0, 30.2], [120.2, 30.2], [120.2, 30.4], [120.0, 30.4], [120.0, 30.2]];
    let zones = json!({ "type": "FeatureCollection", "features": [{
        "type": "Feature", "properties": { "name": "城区", "class": "urban" },
        "geometry": { "type": "Polygon", "coordinates": [ring] },
    }] });
    let _ = manager.put("/zones", &zones).expect(201);
    let surveyor = app.person(Role::Surveyor);
    let case = new_case(&app);
    be_at(&app, &surveyor, &[(app.now(), 4_000.0)]);
    let task = assign(&dispatcher, &case, &surveyor).expect(201).value();
    assert_eq!(task["estimate_ms"], 840_000);
    // They need six minutes more than that.
    app.advance(Span::minutes(20));
    let phone = Phone::new(&app, &surveyor);
    let arrived = phone.event(app.now(), json!({}));
    let _ = phone.send(&format!("/cases/{case}/arrivals"), &arrived).expect(200);
    app.run_due_jobs();
    let kept = "SELECT count(*) AS n FROM trips WHERE zone_class = 'urban' AND estimate_ms = 840000 \
                AND actual_ms = 1200000 AND straight_ms = 840000";
    assert_eq!(app.count(kept), 1);
    let window = format!("from={}&to={}", time(START), time(START + Span::hours(1)));
    let travel = |person: &Person, window: &str| {
        person.get(&format!("/figures?{window}")).expect(200).value()["travel"].clone()
    };
    let off = json!([{
        "branch_id": app.branch("hz"), "trips": 1,
        "mean_error_ms": 360_000, "mean_absolute_error_ms": 360_000,
    }]);
    assert_eq!(travel(&manager, &window), off);
    assert_eq!(travel(&app.person_at("head", &[Role::Manager]), &window), off);
    // Neither other branches nor other days.
    assert_eq!(travel(&app.person_at("nb", &[Role::Manager]), &window), json!([]));
    let before = format!("from={}&to={}", time(START - Span::hours(1)), time(START));
    assert_eq!(travel(&manager, &before), json!([]));

    // Within minutes the next estimate has learned from it, a little: one trip proves little.
    app.run_due_jobs();
    be_at(&app, &surveyor, &[(app.now(), 4_000.0)]);
    let found =
        dispatcher.get(&format!("/cases/{}/candidates", new_case(&app))).expect(200).value();
    let next = &found["candidates"][0];
    assert_eq!(next["estimate_source"], "calibrated");
    let travel_ms = next["travel_ms"].as_i64().unwrap();
    assert!((900_000..1_200_000).contains(&travel_ms), "{travel_ms}");
});

each_engine!(another_surveyor_ends_the_link_of_the_first, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let scene = Scene::new(&app);
    let path = format!("/tasks/{}/tracking", scene.task["id"].as_str().unwrap());
    let _ = dispatcher.post(&path, &json!({})).expect(201);
    let page = link(&app);
    be_at(&app, &scene.surveyor, &[(app.now(), 4_000.0)]);
    let _ = assign(&dispatcher, &scene.case, &app.person(Role::Surveyor)).expect(201);
    let shown = app.request("GET", &page).send().expect(200);
    assert!(shown.text().contains("已失效") && !shown.text().contains("30.31"), "{shown}");
    dispatcher.post(&path, &json!({})).problem(409, "conflict");
    app.advance(Span::hours(13));
    assert!(app.request("GET", &page).send().text().contains("已失效"));
});

each_engine!(who_will_be_late_is_told_of_before_the_limit_and_once, |app| {
    let scene = Scene::new(&app);
    let dispatcher = app.person(Role::Dispatcher);
    let predicted = || {
        let kinds = timeline(&dispatcher, &scene.case);
        kinds.iter().filter(|kind| *kind == "delay_predicted").count()
    };
    // 15 km take 52.5 minutes of the hour.
    be_at(&app, &scene.surveyor, &[(app.now(), 15_000.0)]);
    app.run_due_jobs();
    assert_eq!(predicted(), 0);
    for minutes in [10, 11] {
        app.advance(Span::minutes(minutes));
        be_at(&app, &scene.surveyor, &[(app.now(), 15_000.0)]);
        app.run_due_jobs();
        assert_eq!(predicted(), 1);
    }
    assert_eq!(clock(&dispatcher, &scene.case, "arrival")["verdict"], "running");
});

each_engine!(one_whose_estimate_fails_does_not_keep_the_others_from_theirs, |app| {
    let scenes = [Scene::new(&app), Scene::new(&app)];
    app.run_due_jobs();
    let estimated = |scene: &Scene| {
        let task = scene.task["id"].as_str().unwrap();
        app.count(&format!("SELECT count(*) AS n FROM task_etas WHERE task_id = '{task}'"))
    };
    // Whichever is looked at first: a row that cannot be read stops nobody but itself.
    for (broken, other) in [(0, 1), (1, 0)] {
        let case = &scenes[broken].case;
        let run = |sql: String| {
            let _ = app.write(move |conn| Ok(diesel::sql_query(&sql).execute(conn)?));
        };
        let set = |status: &str| {
            run(format!("UPDATE cases SET status = '{status}' WHERE id = '{case}'"));
        };
        run("DELETE FROM task_etas".into());
        set("damaged");
        for scene in &scenes {
            be_at(&app, &scene.surveyor, &[(app.now(), 4_000.0)]);
        }
        app.run_due_jobs();
        assert_eq!((estimated(&scenes[broken]), estimated(&scenes[other])), (0, 1));
        set("dispatched");
        app.run_due_jobs();
        assert_eq!((estimated(&scenes[broken]), estimated(&scenes[other])), (1, 1));
    }
});

each_engine!(an_arrival_is_proven_by_what_is_known_of_it_also_later, |app| {
    let scene = Scene::new(&app);
    let manager = app.person(Role::Manager);
    app.advance(Span::minutes(20));
    let arrived_at = app.now();
    let phone = Phone::new(&app, &scene.surveyor);
    let (lat, lon) = at_metres_north(30.0);
    let position = json!({ "lat": lat, "lon": lon, "accuracy_m": 8.0 });
    let event = phone.event(arrived_at, json!({ "staff_shown": true, "position": position }));
    let path = format!("/cases/{}/arrival-proof", scene.case);
    manager.get(&path).problem(404, "not_found");
    let _ = phone.send(&format!("/cases/{}/arrivals", scene.case), &event).expect(200);
    let proof = || manager.get(&path).expect(200).value();
    assert_eq!(
        (&proof()["grade"], &proof()["for_it"]),
        (&json!("plausible"), &json!(["claimed_inside"]))
    );
    // The track was buffered without signal and comes later, in any order.
    app.advance(Span::minutes(15));
    let track: Vec<_> = (0..12)
        .map(|n| {
            (arrived_at + Span::seconds(30 * ((n * 5) % 12)), f64::from(i32::try_from(n).unwrap()))
        })
        .collect();
    be_at(&app, &scene.surveyor, &track);
    let found = proof();
    assert_eq!(found["grade"], "proven");
    assert_eq!(found["entered_at"], json!(wire::time(arrived_at)));
    assert_eq!(found["points"], 12);
});

each_engine!(a_photo_from_the_scene_proves_an_arrival_and_one_from_elsewhere_does_not, |app| {
    let manager = app.person(Role::Manager);
    app.advance(Span::minutes(20));
    let arrive = |scene: &Scene| {
        let (lat, lon) = at_metres_north(30.0);
        let position = json!({ "lat": lat, "lon": lon, "accuracy_m": 8.0 });
        let phone = Phone::new(&app, &scene.surveyor);
        let event = phone.event(app.now(), json!({ "position": position }));
        let _ = phone.send(&format!("/cases/{}/arrivals", scene.case), &event).expect(200);
    };
    // So many seconds after the arrival, so many metres from the scene, by a clock that is an hour fast.
    let photo = |bytes: &[u8], seconds: i64, metres: f64| {
        let (lat, lon) = at_metres_north(metres);
        let mut photo = entry(bytes);
        photo["captured_at"] =
            json!(wire::time(app.now() + Span::hours(1) + Span::seconds(seconds)));
        photo["position"] = json!({ "lat": lat, "lon": lon, "accuracy_m": 8.0 });
        photo
    };
    let declare = |scene: &Scene, photo: &Value| {
        let device_now = wire::time(app.now() + Span::hours(1));
        let body = json!({ "device_now": device_now, "photos": [photo] });
        let _ = scene.surveyor.post(&format!("/cases/{}/photos", scene.case), &body).expect(200);
    };
    let proof = |scene: &Scene| {
        let proof =
            manager.get(&format!("/cases/{}/arrival-proof", scene.case)).expect(200).value();
        (proof["grade"].clone(), proof["for_it"].clone(), proof["against"].clone())
    };
    let plausible = (json!("plausible"), json!(["claimed_inside"]), json!([]));

    let scene = Scene::new(&app);
    arrive(&scene);
    let case = CaseId(scene.case.parse().unwrap());
    let (early, shown) = (jpeg(1), jpeg(2));
    declare(&scene, &photo(&early, -600, 50.0));
    let _ = upload(&scene.surveyor, case, &early).expect(201);
    assert_eq!(proof(&scene), plausible, "long before the arrival");
    declare(&scene, &photo(&shown, 60, 50.0));
    assert_eq!(proof(&scene), plausible, "announced, not here");
    let _ = upload(&scene.surveyor, case, &shown).expect(201);
    let proven = (json!("proven"), json!(["claimed_inside", "photo_inside"]), json!([]));
    assert_eq!(proof(&scene), proven);

    let elsewhere = Scene::new(&app);
    arrive(&elsewhere);
    let case = CaseId(elsewhere.case.parse().unwrap());
    // The photo of another case proves nothing here, wherever it says it was taken.
    declare(&elsewhere, &photo(&shown, 60, 50.0));
    let _ = upload(&elsewhere.surveyor, case, &shown).expect(201);
    assert_eq!(proof(&elsewhere), plausible);
    let far = jpeg(3);
    declare(&elsewhere, &photo(&far, 60, 2_000.0));
    let _ = upload(&elsewhere.surveyor, case, &far).expect(201);
    let doubtful = (json!("doubtful"), json!(["claimed_inside"]), json!(["photo_outside"]));
    assert_eq!(proof(&elsewhere), doubtful);
    // It blocks nothing.
    let phone = Phone::new(&app, &elsewhere.surveyor);
    let done = phone.event(app.now(), json!({ "formalities_told": true }));
    let path = format!("/cases/{}/survey-completions", elsewhere.case);
    let _ = phone.send(&path, &done).expect(200);
});

each_engine!(out_of_the_province_another_unit_comes_and_the_customer_pays_nothing, |app| {
    let (dispatcher, manager) = (app.person(Role::Dispatcher), app.person(Role::Manager));
    let case = new_case(&app);
    let at = |what: &str| format!("/cases/{case}/{what}");
    let _ = dispatcher.post(&at("proxy-needs"), &json!({ "place": "江西省上饶市" })).expect(200);
    assert_eq!(
        clock(&dispatcher, &case, "proxy")["limit_at"],
        json!(wire::time(START + Span::hours(2)))
    );
    assert_eq!(clock(&dispatcher, &case, "dispatch")["verdict"], "ended");
    let proxy =
        |phone: &str| json!({ "unit": "上饶中支", "contact_name": "周正", "contact_phone": phone });
    dispatcher.post(&at("proxy"), &proxy("12")).refuses("contact_phone", "phone_format");
    let arranged = dispatcher.post(&at("proxy"), &proxy("13970312345")).expect(200).value();
    assert_eq!(arranged["case_status"], "proxy");
    let told = app.last_message_to(CUSTOMER);
    assert!(
        told.contains("上饶中支") && told.contains("13970312345") && told.contains("不向您收取")
    );
    assert_eq!(clock(&dispatcher, &case, "proxy")["verdict"], "met");

    // The insured's wish is followed, or it is said why not.
    let repair = |body: &Value| dispatcher.post(&at("repair-places"), body);
    repair(&json!({ "wish": "杭州", "agreed": "上饶" })).refuses("reason", "required");
    repair(&json!({ "wish": "杭州", "reason": "太远" })).refuses("reason", "not_needed");
    let _ = repair(&json!({ "wish": "杭州" })).expect(200);
    let _ =
        repair(&json!({ "wish": "杭州", "agreed": "上饶", "reason": "车辆不能移动" })).expect(200);
    let detail = dispatcher.get(&format!("/cases/{case}")).expect(200).value();
    let events = detail["timeline"].as_array().unwrap().iter();
    let agreed: Vec<_> = events
        .filter(|event| event["kind"] == "repair_place_agreed")
        .map(|event| (event["data"]["agreed"].clone(), event["data"]["followed"].clone()))
        .collect();
    assert_eq!(agreed, [(json!("杭州"), json!(true)), (json!("上饶"), json!(false))]);

    let _ = dispatcher.post(&at("unit-messages"), &json!({ "text": "请拍车架号" })).expect(201);
    let fee = |creditor: Value, debtor: Value| json!({ "creditor_id": creditor, "debtor_id": debtor, "amount_fen": 20_000, "reason": "代查勘" });
    let (hz, nb) = (json!(app.branch("hz")), json!(app.branch("nb")));
    let _ = manager.post(&at("unit-fees"), &fee(nb.clone(), hz.clone())).expect(201);
    manager.post(&at("unit-fees"), &fee(hz.clone(), hz.clone())).refuses("debtor_id", "same_unit");
    manager.post(&at("unit-fees"), &fee(hz, json!(manager.id))).refuses("debtor_id", "unknown");
    let units = manager.get(&at("units")).expect(200).value();
    assert_eq!(
        (&units["unit"], &units["messages"][0]["text"]),
        (&json!("上饶中支"), &json!("请拍车架号"))
    );
    assert_eq!(units["fees"][0]["debtor_id"], json!(app.branch("hz")));
});

each_engine!(help_is_called_only_with_consent_and_the_fee_told_before, |app| {
    let scene = Scene::new(&app);
    let surveyor = &scene.surveyor;
    let offer = |payer: &str| json!({ "provider": "安捷救援", "fee_fen": 38_000, "payer": payer });
    let path = format!("/cases/{}/rescues", scene.case);
    surveyor.post(&path, &offer("nobody")).refuses("payer", "unknown");
    let offered = surveyor.post(&path, &offer("customer")).expect(201).value();
    let step = |what: &str| format!("/rescues/{}/{what}", offered["id"].as_str().unwrap());
    surveyor.post(&step("call"), &json!({})).problem(409, "conflict");
    let _ = surveyor.post(&step("answer"), &json!({ "accepted": true })).expect(200);
    surveyor.post(&step("answer"), &json!({ "accepted": false })).problem(409, "conflict");
    let called = surveyor.post(&step("call"), &json!({})).expect(200).value();
    assert_eq!(called["answer"], "accepted");
    surveyor.post(&step("call"), &json!({})).problem(409, "conflict");
    app.person(Role::Surveyor).post(&step("call"), &json!({})).problem(404, "not_found");
    let dispatcher = app.person(Role::Dispatcher);
    let insist = json!({ "words": "我要求现场查勘" });
    let _ = dispatcher.post(&format!("/cases/{}/insistences", scene.case), &insist).expect(200);
    let kinds = timeline(&dispatcher, &scene.case);
    assert_eq!(
        kinds[2..],
        ["rescue_offered", "rescue_answered", "rescue_called", "survey_insisted"]
    );
});

each_engine!(a_customer_who_insists_is_visited_and_the_head_of_claims_hears_of_it, |app| {
    const HEAD: &str = "13957199082";
    let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
    let sql = format!("UPDATE people SET phone = '{HEAD}' WHERE id = '{}'", manager.id);
    let _ = app.write(move |conn| Ok(diesel::sql_query(&sql).execute(conn)?));
    let scene = Scene::new(&app);
    let phone = Phone::new(&app, &scene.surveyor);
    let waived = phone.event(app.now(), json!({ "reason": "损失轻微" }));
    let _ = phone.send(&format!("/cases/{}/survey-waivers", scene.case), &waived).expect(200);
    let path = format!("/tasks/{}/withdraw", scene.task["id"].as_str().unwrap());
    let withdraw = dispatcher.request("POST", &path).if_match(1);
    let _ = withdraw.json(&json!({ "reason": "已免现场" })).send().expect(200);
    app.run_due_jobs();
    let waits = || -> Vec<Value> {
        let solved =
            dispatcher.post("/dispatch/batches", &json!({ "send": false })).expect(200).value();
        let items = solved["items"].as_array().unwrap().iter();
        items.map(|item| item["case_id"].clone()).collect()
    };
    assert_eq!(waits(), Vec::<Value>::new(), "nobody has to go");
    let insist = json!({ "words": "我要求现场查勘" });
    let _ = dispatcher.post(&format!("/cases/{}/insistences", scene.case), &insist).expect(200);
    app.run_due_jobs();
    assert_eq!(waits(), [json!(scene.case)], "somebody has to");
    let told = app.last_message_to(HEAD);
    assert!(told.contains("坚持") && !told.contains("我要求"), "{told}");
    // Nobody did anything about it: they are asked again before the time is over.
    app.advance(Span::minutes(4));
    app.run_due_jobs();
    let kinds = timeline(&dispatcher, &scene.case);
    assert!(kinds.contains(&"dispatch_escalated".to_owned()), "{kinds:?}");
});

each_engine!(the_head_sees_what_was_kept_what_counts_and_what_was_left_out, |app| {
    let manager = app.person(Role::Manager);
    let dispatcher = app.person(Role::Dispatcher);
    let surveyor = app.person(Role::Surveyor);
    let [kept, late, open] = [0; 3].map(|_| new_case(&app));
    let _ = assign(&dispatcher, &kept, &surveyor).expect(201);
    app.advance(Span::minutes(6));
    let _ = assign(&dispatcher, &late, &surveyor).expect(201);
    let void = new_case(&app);
    let _ = dispatcher
        .post(&format!("/cases/{void}/proxy-needs"), &json!({ "place": "江西" }))
        .expect(200);
    let window = |from: Instant, to: Instant| format!("?from={}&to={}", time(from), time(to));
    let query = window(START - Span::hours(1), START + Span::hours(1));
    let found = manager.get(&format!("/figures{query}")).expect(200).value();
    let of = |of: &str, name: &str| {
        let all = found["items"].as_array().unwrap();
        let figure = all.iter().find(|row| row["of"] == of && row["clock"] == name).unwrap();
        ["numerator", "denominator", "excluded_open", "excluded_void"]
            .map(|n| figure[n].as_i64().unwrap())
    };
    // The one that nobody was sent to is late too, while it runs: it counts.
    assert_eq!(of("branch", "dispatch"), [1, 3, 0, 1]);
    assert_eq!(of("person", "dispatch"), [1, 2, 0, 0]);
    assert_eq!(of("branch", "first_contact"), [0, 1, 1, 0]);
    let table = manager.get(&format!("/figures.csv{query}")).expect(200);
    let text = table.text();
    let row = format!("branch,{},dispatch,1,3,0,0,1,0,0\r\n", app.branch("hz"));
    assert!(text.contains(&row) && text.starts_with("of,id,clock,"), "{text}");
    let backwards = window(START, START - Span::hours(1));
    manager.get(&format!("/figures{backwards}")).refuses("to", "out_of_range");
    dispatcher.get(&format!("/figures{query}")).problem(403, "forbidden");
    assert!(!open.is_empty());
});

/// A time as it stands in a query.
fn time(at: Instant) -> String {
    wire::time(at).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
