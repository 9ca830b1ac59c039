//! Guard: what people are called, where they can be reached and what they drive stands in no log and
//! in no metric (B21). The harness listens to the logs of every other test as well.

use serde_json::json;
use server::auth::policy::Role;
use tests::{each_engine, logs, report};

each_engine!(personal_data_stands_in_no_log_and_no_metric, |app| {
    const NAME: &str = "欧阳金丝雀";
    const PHONE: &str = "13957199081";
    const PLATE: &str = "浙C7Y4N0";
    const VIN: &str = "LFV3A23C0J3CANARY";
    const POLICY: &str = "PICANARY20260001";
    const PLACE: &str = "金丝雀路一号";
    let planted = [NAME, PHONE, PLATE, VIN, POLICY, PLACE, "%E6%B5%99C7Y4N0"];
    planted.into_iter().for_each(logs::plant);

    let heard = logs::heard();
    let agent = app.person(Role::Intake);
    let mut body = report();
    for (name, value) in [
        ("customer_name", NAME),
        ("contact_name", NAME),
        ("contact_phone", PHONE),
        ("plate", PLATE),
        ("vin", VIN),
        ("policy_no", POLICY),
        ("loss_place", PLACE),
        ("description", NAME),
    ] {
        body[name] = json!(value);
    }
    let send =
        |body: &serde_json::Value| agent.request("POST", "/cases").key("k").json(body).send();
    let saved = send(&body).expect(201).value();
    let case = saved["case"]["id"].as_str().unwrap().to_owned();
    // Refusals, retries and searches carry the same data.
    send(&body).expect(201);
    body["customer_name"] = json!(format!("{NAME}\u{7}"));
    body["contact_phone"] = json!(format!("{PHONE}{PHONE}"));
    agent.post("/cases", &body).problem(422, "invalid_fields");
    send(&body).problem(422, "invalid_fields");
    body[PLATE] = json!(PHONE);
    agent.post("/cases", &body).problem(422, "invalid_fields");
    agent
        .request("POST", "/cases")
        .header("content-type", "application/json")
        .bytes(format!("{{\"plate\": {PLATE}"))
        .send()
        .expect(400);
    for query in [
        format!("plate=%E6%B5%99C7Y4N0&phone={PHONE}"),
        format!("phone={PHONE}x"),
        format!("{PHONE}=1"),
    ] {
        assert!(agent.get(&format!("/cases?{query}")).status < 500);
    }
    agent.get(&format!("/cases/{case}")).expect(200);
    agent.get(&format!("/cases/{PHONE}")).expect(404);
    app.request("GET", &format!("/api/v1/{PHONE}")).send().expect(404);
    let login = json!({ "username": PHONE, "password": NAME });
    app.request("POST", "/auth/login").json(&login).send().expect(401);
    // A message that nobody takes ends up in the job's log line.
    app.expect_job_failures();
    app.notifier.go_away();
    let state = app.state();
    app.write(move |conn| {
        let message = server::jobs::NewMessage {
            case_id: None,
            recipient: PHONE.into(),
            text: NAME.into(),
            expires_at: None,
        };
        server::jobs::send_message(conn, &state, &message).map(|_| ())
    });
    app.run_due_jobs();
    let failed = app.job_errors();
    assert!(failed.iter().any(|line| line.starts_with("deliver_message")), "{failed:?}");
    assert!(logs::personal_data_in(&failed.join("\n")).is_empty(), "{failed:?}");

    assert!(logs::heard() > heard + 10, "the log is silent, so this test proves nothing");
    assert_eq!(logs::personal_data_in(&format!("to {PHONE}")), [PHONE], "the ear works");
    let leaks = logs::leaks();
    assert!(leaks.is_empty(), "{leaks:#?}");
    let metrics = app.request("GET", "/metrics").send().expect(200).text();
    assert!(metrics.contains("chakan_http_requests_total"));
    assert!(logs::personal_data_in(&metrics).is_empty(), "{metrics}");
    assert!(!metrics.contains(&case), "ids make metrics grow without end");
});
