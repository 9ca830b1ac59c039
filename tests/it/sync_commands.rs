//! Journeys: the outbox of a phone (A5.9).

use diesel::ExpressionMethods;
use serde_json::{Value, json};
use server::{auth::policy::Role, db::schema::devices};
use sync_core::{ids::DeviceId, time::Span};
use tests::{Reply, TestApp, each_engine};
use uuid::Uuid;

use crate::field::{Phone, Scene, assign, clock, new_case, new_id, timeline, verdict};

/// A command of an outbox.
fn command(phone: &Phone<'_>, case: &str, kind: &str, age: Span, fields: Value) -> Value {
    let mut command = phone.event(phone.app.now() - age, fields);
    command["case_id"] = json!(case);
    command["kind"] = json!(kind);
    command
}

fn statuses(reply: Reply) -> Vec<String> {
    let results = reply.expect(200).value()["results"].as_array().unwrap().clone();
    results.iter().map(|result| result["status"].as_str().unwrap().to_owned()).collect()
}

fn code(result: &Value) -> &str {
    result["problem"]["code"].as_str().unwrap()
}

/// A whole visit without signal, newest last.
fn visit(phone: &Phone<'_>, scene: &Scene) -> Vec<Value> {
    let case = scene.case.as_str();
    let minutes = |n| Span::minutes(n);
    vec![
        command(phone, case, "accept_task", minutes(58), json!({ "task_id": scene.task["id"] })),
        command(phone, case, "record_contact", minutes(57), json!({ "reached": true })),
        command(
            phone,
            case,
            "record_arrival",
            minutes(35),
            json!({ "position": { "lat": 30.2741, "lon": 120.1302 } }),
        ),
        command(phone, case, "complete_survey", minutes(5), json!({ "formalities_told": true })),
    ]
}

each_engine!(a_visit_without_signal_is_applied_once_and_in_order, |app| {
    let scene = Scene::new(&app);
    app.advance(Span::hours(1));
    // Three hours fast: evidence, but not what limits are counted from.
    let phone = Phone { ahead: Span::hours(3), ..Phone::new(&app, &scene.surveyor) };
    let outbox = visit(&phone, &scene);
    assert_eq!(verdict(&scene.surveyor, &scene.case, "first_contact"), "breached");
    let results = phone.sync(&outbox).expect(200).value();
    assert_eq!(results["results"][0]["id"], outbox[0]["id"]);
    assert_eq!(results["results"][3]["case_status"], "surveyed");
    assert_eq!(statuses(phone.sync(&outbox)), ["already_applied"; 4]);
    app.advance(Span::minutes(3));
    assert_eq!(statuses(phone.sync(&outbox)), ["already_applied"; 4]);
    let expected = [
        "case_reported",
        "task_assigned",
        "task_accepted",
        "customer_reached",
        "arrived",
        "survey_completed",
    ];
    assert_eq!(timeline(&scene.surveyor, &scene.case), expected);
    for name in ["dispatch", "first_contact", "arrival"] {
        assert_eq!(verdict(&scene.surveyor, &scene.case, name), "met", "{name}");
    }
    assert_eq!(clock(&scene.surveyor, &scene.case, "arrival")["margin_ms"], 35 * 60_000);
    let task = scene.surveyor.get("/tasks").expect(200).value();
    assert_eq!(task["items"][0]["status"], "done");
});

each_engine!(the_same_outbox_from_many_requests_at_once_takes_effect_once, |app| {
    let scenes: Vec<Scene> = (0..3).map(|_| Scene::new(&app)).collect();
    app.advance(Span::hours(1));
    let outboxes: Vec<(Phone<'_>, Vec<Value>)> = scenes
        .iter()
        .map(|scene| {
            let phone = Phone::new(&app, &scene.surveyor);
            let outbox = visit(&phone, scene);
            (phone, outbox)
        })
        .collect();
    let applied = std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..4 {
            for (phone, outbox) in &outboxes {
                threads.push(scope.spawn(move || statuses(phone.sync(outbox))));
            }
        }
        let all = threads.into_iter().flat_map(|thread| thread.join().unwrap());
        all.filter(|status| status == "applied").count()
    });
    assert_eq!(applied, 3 * 4);
    for scene in &scenes {
        assert_eq!(timeline(&scene.surveyor, &scene.case).len(), 6);
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM survey_arrivals"), 3);
    assert_eq!(app.count("SELECT count(*) AS n FROM sync_commands WHERE status = 'applied'"), 12);
});

each_engine!(one_bad_command_holds_up_none_of_the_others, |app| {
    let scene = Scene::new(&app);
    let phone = Phone::new(&app, &scene.surveyor);
    let hidden = new_case(&app);
    let contact = |case: &str| {
        command(&phone, case, "record_contact", Span::ZERO, json!({ "reached": false }))
    };
    let mut unreadable = contact(&scene.case);
    unreadable["reached"] = json!("maybe");
    let mut nameless = contact(&scene.case);
    nameless.as_object_mut().unwrap().remove("id");
    let mut unknown = contact(&scene.case);
    unknown["kind"] = json!("pay_claim");
    let mut online = contact(&scene.case);
    online["device_now"] = phone.shows(app.now());
    let outbox = [
        contact(&scene.case),
        json!("not an object"),
        unreadable,
        nameless,
        unknown,
        online,
        contact(&hidden),
        contact(&scene.case),
    ];
    let reply = phone.sync(&outbox);
    let results = reply.clone().expect(200).value()["results"].clone();
    let expected =
        ["applied", "refused", "refused", "refused", "refused", "refused", "refused", "applied"];
    assert_eq!(statuses(reply), expected);
    for (n, field) in [(1, ""), (2, "reached"), (3, "id"), (4, "kind"), (5, "device_now")] {
        assert_eq!(results[n]["problem"]["errors"][0]["field"], field, "{n}");
        assert_eq!(code(&results[n]), "invalid_fields");
    }
    assert_eq!((&results[1]["id"], &results[3]["id"]), (&Value::Null, &Value::Null));
    assert_eq!(results[2]["id"], outbox[2]["id"]);
    assert_eq!(code(&results[6]), "not_found");
    assert_eq!(timeline(&scene.surveyor, &scene.case).len(), 2 + 2);
});

each_engine!(a_refusal_is_kept_and_a_repeat_is_judged_anew, |app| {
    let surveyor = app.person(Role::Surveyor);
    let phone = Phone::new(&app, &surveyor);
    let case = new_case(&app);
    let contact = command(&phone, &case, "record_contact", Span::ZERO, json!({ "reached": true }));
    let outbox = [contact];
    for _ in 0..2 {
        assert_eq!(statuses(phone.sync(&outbox)), ["refused"]);
    }
    let kept = "SELECT count(*) AS n FROM sync_commands WHERE status = 'refused'";
    assert_eq!(app.count(kept), 1);
    let _ = assign(&app.person(Role::Dispatcher), &case, &surveyor).expect(201);
    assert_eq!(statuses(phone.sync(&outbox)), ["applied"]);
    assert_eq!(app.count(kept), 0);
    assert_eq!(statuses(phone.sync(&outbox)), ["already_applied"]);
});

each_engine!(an_id_names_one_command, |app| {
    let scene = Scene::new(&app);
    let phone = Phone::new(&app, &scene.surveyor);
    let contact = |reached: bool| {
        let fields = json!({ "reached": reached });
        command(&phone, &scene.case, "record_contact", Span::ZERO, fields)
    };
    let first = contact(true);
    // Another command of the same kind: only its content tells them apart.
    let mut second = first.clone();
    second["note"] = json!("换了内容");
    // Twice in one outbox, then under the same id with other content.
    let reply = phone.sync(&[first.clone(), first.clone(), second.clone()]);
    let results = reply.clone().expect(200).value();
    assert_eq!(statuses(reply), ["applied", "already_applied", "refused"]);
    assert_eq!(results["results"][2]["problem"]["errors"][0]["code"], "id_taken");
    // What was written down online needs no second event.
    let mut online = contact(false);
    online.as_object_mut().unwrap().retain(|name, _| name != "case_id" && name != "kind");
    let path = format!("/cases/{}/contacts", scene.case);
    let _ = phone.send(&path, &online).expect(200);
    online["case_id"] = json!(scene.case);
    online["kind"] = json!("record_contact");
    assert_eq!(statuses(phone.sync(&[online])), ["already_applied"]);
    assert_eq!(timeline(&scene.surveyor, &scene.case).len(), 2 + 2);
});

each_engine!(what_arrives_out_of_order_never_moves_a_case_back, |app| {
    let scene = Scene::new(&app);
    app.advance(Span::hours(1));
    let phone = Phone::new(&app, &scene.surveyor);
    let mut outbox = visit(&phone, &scene);
    outbox.reverse();
    assert_eq!(statuses(phone.sync(&outbox)), ["applied"; 4]);
    let case = scene.surveyor.get(&format!("/cases/{}", scene.case)).expect(200).value();
    assert_eq!(case["case"]["status"], "surveyed");
    for name in ["first_contact", "arrival"] {
        assert_eq!(verdict(&scene.surveyor, &scene.case, name), "met", "{name}");
    }
});

each_engine!(answers_to_tasks_wait_in_the_outbox_too, |app| {
    let scene = Scene::new(&app);
    let phone = Phone::new(&app, &scene.surveyor);
    let decline = |case: &str, task: &Value| {
        let fields = json!({ "task_id": task, "reason": "车辆故障" });
        command(&phone, case, "decline_task", Span::ZERO, fields)
    };
    let other = Scene::new(&app);
    let wrong = [
        decline(&scene.case, &other.task["id"]),
        decline(&other.case, &scene.task["id"]),
        decline(&scene.case, &json!(Uuid::nil())),
    ];
    assert_eq!(statuses(phone.sync(&wrong)), ["refused"; 3]);
    let answer = decline(&scene.case, &scene.task["id"]);
    assert_eq!(statuses(phone.sync(std::slice::from_ref(&answer))), ["applied"]);
    assert_eq!(statuses(phone.sync(&[answer])), ["already_applied"]);
    let fields = json!({ "task_id": scene.task["id"] });
    let change_of_mind = command(&phone, &scene.case, "accept_task", Span::ZERO, fields);
    let results = phone.sync(&[change_of_mind]).expect(200).value();
    assert_eq!(results["results"][0]["problem"]["facts"]["reason"], "task_already_declined");
});

fn outbox_of(app: &TestApp, scene: &Scene, count: usize) -> Vec<Value> {
    let phone = Phone::new(app, &scene.surveyor);
    let contact =
        |_| command(&phone, &scene.case, "record_contact", Span::ZERO, json!({ "reached": false }));
    (0..count).map(contact).collect()
}

each_engine!(an_outbox_is_bounded, |app| {
    let scene = Scene::new(&app);
    let phone = Phone::new(&app, &scene.surveyor);
    assert_eq!(statuses(phone.sync(&outbox_of(&app, &scene, 100))), ["applied"; 100]);
    phone.sync(&outbox_of(&app, &scene, 101)).refuses("commands", "out_of_range");
    assert_eq!(statuses(phone.sync(&[])), [""; 0]);
    let mut long = outbox_of(&app, &scene, 1);
    long[0]["kind"] = json!("x".repeat(65));
    long[0]["id"] = json!(new_id());
    assert_eq!(statuses(phone.sync(&long)), ["refused"]);
});

each_engine!(the_device_that_sent_a_command_is_kept, |app| {
    let Scene { case, surveyor, task } = Scene::new(&app);
    let (device, person) = (DeviceId(new_id()), surveyor.id);
    app.write(move |conn| {
        use diesel::RunQueryDsl;
        diesel::insert_into(devices::table)
            .values((
                devices::id.eq(device.to_string()),
                devices::person_id.eq(person.to_string()),
                devices::public_key.eq(vec![7_u8; 32]),
                devices::name.eq("phone"),
                devices::platform.eq("android"),
                devices::enrolled_at.eq(0),
                devices::version.eq(1),
            ))
            .execute(conn)?;
        Ok(())
    });
    let surveyor = surveyor.on_device(device);
    let scene = Scene { case, surveyor, task };
    let phone = Phone::new(&app, &scene.surveyor);
    let outbox = outbox_of(&app, &scene, 1);
    assert_eq!(statuses(phone.sync(&outbox)), ["applied"]);
    for table in ["sync_commands", "case_events"] {
        let sql = format!("SELECT count(*) AS n FROM {table} WHERE device_id = '{device}'");
        assert_eq!(app.count(&sql), 1, "{table}");
    }
});
