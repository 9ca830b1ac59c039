//! Journeys: taking loss reports (C01-C03, B4).

use std::sync::{Arc, Barrier};

use api_spec::case::{CaseDetailResponse, CaseResponse, ReportCaseResponse};
use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::time::{Instant, Span};
use tests::{Person, Reply, START, each_engine, report, report_of};
use uuid::Uuid;

/// A page of cases as the tests need it.
#[derive(serde::Deserialize)]
struct Cases {
    items: Vec<CaseResponse>,
    next_cursor: Option<String>,
}

each_engine!(a_report_is_saved_without_a_policy_number, |app| {
    let agent = app.person(Role::Intake);
    let saved: ReportCaseResponse = agent.post("/cases", &report()).expect(201).json();
    assert_eq!(saved.case.status, "reported");
    assert_eq!(saved.case.policy_no, None);
    assert_eq!(saved.case.reported_at, wire::time(START));
    assert_eq!(saved.case.branch_id, agent.branch.0);
    assert!(saved.warnings.is_empty() && saved.probable_duplicates.is_empty());
    // C02: the caller hears the number and when somebody will call.
    assert!(saved.next_steps.zh_cn.contains(&saved.case.report_no));
    assert!(saved.next_steps.en.contains(&saved.case.report_no));

    let read: CaseDetailResponse =
        agent.get(&format!("/cases/{}", saved.case.id)).expect(200).json();
    assert_eq!(json!(read.case), json!(saved.case));
    let kinds: Vec<_> = read.timeline.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["case_reported"]);
    assert_eq!(read.timeline[0].actor, agent.id.to_string());
});

each_engine!(the_caller_may_name_the_case_but_not_another_ones, |app| {
    let agent = app.person(Role::Intake);
    let id = Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001);
    let mut named = report();
    named["id"] = json!(id);
    let saved: ReportCaseResponse = agent.post("/cases", &named).expect(201).json();
    assert_eq!(saved.case.id, id);
    agent.post("/cases", &named).refuses("id", "id_taken");
});

each_engine!(identifiers_are_kept_in_one_notation, |app| {
    let agent = app.person(Role::Intake);
    let mut sloppy = report();
    sloppy["plate"] = json!(" 浙a·12345 ");
    sloppy["contact_phone"] = json!("+86 186-6709-1253");
    sloppy["customer_name"] = json!("  沈听澜 ");
    let saved: ReportCaseResponse = agent.post("/cases", &sloppy).expect(201).json();
    assert_eq!(saved.case.plate, "浙A12345");
    assert_eq!(saved.case.contact_phone, "18667091253");
    assert_eq!(saved.case.customer_name, "沈听澜");
    for query in ["plate=%E6%B5%99A-12345", "phone=%2B8618667091253", "status=reported"] {
        let found: Cases = agent.get(&format!("/cases?{query}")).expect(200).json();
        assert_eq!(found.items.len(), 1, "{query}");
    }
    for query in ["plate=%E6%B5%99A12346", "phone=18667091254", "status=dispatched", "report_no=1"]
    {
        let found: Cases = agent.get(&format!("/cases?{query}")).expect(200).json();
        assert!(found.items.is_empty(), "{query}");
    }
});

each_engine!(doubtful_values_are_accepted_with_a_warning, |app| {
    let agent = app.person(Role::Intake);
    let mut doubtful = report();
    // A right VIN with its last digit changed.
    doubtful["vin"] = json!("LSVAA4182E2184848");
    let saved: ReportCaseResponse = agent.post("/cases", &doubtful).expect(201).json();
    let warned: Vec<_> =
        saved.warnings.iter().map(|w| (w.field.as_str(), w.code.as_str())).collect();
    assert_eq!(warned, [("vin", "vin_check_digit")]);
});

each_engine!(a_retry_gets_the_same_bytes_and_another_request_is_refused, |app| {
    let agent = app.person(Role::Intake);
    let send = |body: &Value| agent.request("POST", "/cases").key("one").json(body).send();
    let first = send(&report()).expect(201);
    // B8: phones stay offline for weeks, and the world goes on meanwhile.
    app.advance(Span::days(89));
    let second = send(&report()).expect(201);
    assert_eq!(first.body, second.body);
    send(&report_of("浙A00001")).problem(422, "idempotency_key_reused");
    let elsewhere = app.person(Role::Intake);
    let own = elsewhere.request("POST", "/cases").key("one").json(&report()).send().expect(201);
    assert_ne!(first.body, own.body, "a key belongs to one person");
    agent
        .request("POST", "/cases")
        .key(" ")
        .json(&report())
        .send()
        .problem(400, "idempotency_key_missing");
    assert_eq!(app.count("SELECT count(*) AS n FROM cases"), 2);
});

each_engine!(a_refused_command_may_be_tried_again_with_its_key, |app| {
    let agent = app.person(Role::Intake);
    let mut body = report();
    body["contact_phone"] = json!("123");
    let send = |body: &Value| agent.request("POST", "/cases").key("one").json(body).send();
    send(&body).refuses("contact_phone", "phone_format");
    send(&report()).expect(201);
});

each_engine!(fifty_copies_at_once_have_one_effect, |app| {
    let agent = app.person(Role::Intake);
    let replies =
        at_once(50, move |_| agent.request("POST", "/cases").key("same").json(&report()).send());
    for reply in &replies {
        assert_eq!((reply.status, &reply.body), (201, &replies[0].body), "{reply}");
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM cases"), 1);
    assert_eq!(app.count("SELECT count(*) AS n FROM case_events"), 1);
});

each_engine!(fifty_reports_at_once_are_fifty_cases, |app| {
    let agent = app.person(Role::Intake);
    let replies =
        at_once(50, move |n| agent.post("/cases", &report_of(&format!("浙A{:05}", n + 10_000))));
    let mut numbers: Vec<String> =
        replies.iter().map(|reply| reply.json::<ReportCaseResponse>().case.report_no).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 50);
});

/// Does the same in many threads that start together.
fn at_once(threads: usize, act: impl Fn(usize) -> Reply + Clone + Send + 'static) -> Vec<Reply> {
    let together = Arc::new(Barrier::new(threads));
    let running: Vec<_> = (0..threads)
        .map(|n| {
            let (together, act) = (together.clone(), act.clone());
            std::thread::spawn(move || {
                together.wait();
                act(n)
            })
        })
        .collect();
    running.into_iter().map(|thread| thread.join().unwrap()).collect()
}

each_engine!(bad_values_are_refused_by_field, |app| {
    let agent = app.person(Role::Intake);
    let far = "长".repeat(301);
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("plate", json!("浙AI2345"), "plate", "plate_letter_i_or_o"),
        ("plate", json!("ABC"), "plate", "plate_format"),
        ("plate", json!(""), "plate", "identifier_empty"),
        ("plate", json!("浙".repeat(40)), "plate", "identifier_too_long"),
        ("contact_phone", json!("12345"), "contact_phone", "phone_format"),
        ("contact_phone", json!("１８６６７０９１２５三"), "contact_phone", "phone_format"),
        ("vin", json!("LSVAA4182I2184847"), "vin", "vin_letter_i_o_or_q"),
        ("vin", json!("LSVAA4182O2184847"), "vin", "vin_letter_i_o_or_q"),
        ("vin", json!("LSVAA4182Q2184847"), "vin", "vin_letter_i_o_or_q"),
        ("vin", json!("LSVAA4182E218484"), "vin", "vin_length"),
        ("vin", json!("LSVAA4182E218484*"), "vin", "vin_character"),
        ("position", json!({"lat": 91.0, "lon": 0.0}), "position", "out_of_range"),
        ("position", json!({"lat": -90.1, "lon": 0.0}), "position", "out_of_range"),
        ("position", json!({"lat": 0.0, "lon": 180.5}), "position", "out_of_range"),
        ("position", json!({"lat": "30", "lon": 120.0}), "position.lat", "wrong_shape"),
        ("position", json!({"lat": 30.0}), "position.lon", "wrong_shape"),
        (
            "position",
            json!({"lat": 30.0, "lon": 120.0, "accuracy_m": -1.0}),
            "position.accuracy_m",
            "out_of_range",
        ),
        ("loss_at", json!("9999-12-31T23:59:59Z"), "loss_at", "out_of_range"),
        ("loss_at", json!("1999-12-31T23:59:59Z"), "loss_at", "out_of_range"),
        ("loss_at", json!("2026-03-02T01:41:00Z"), "loss_at", "in_the_future"),
        ("loss_at", json!("yesterday"), "loss_at", "wrong_shape"),
        ("loss_at", json!(1_772_415_000), "loss_at", "wrong_shape"),
        ("customer_name", json!(" "), "customer_name", "wrong_length"),
        ("customer_name", json!("名".repeat(101)), "customer_name", "wrong_length"),
        ("customer_name", json!("a\u{7}b"), "customer_name", "forbidden_character"),
        ("customer_name", json!("a\0b"), "customer_name", "forbidden_character"),
        ("customer_name", json!(null), "customer_name", "wrong_shape"),
        ("loss_place", json!(far), "loss_place", "wrong_length"),
        ("description", json!("述".repeat(2_001)), "description", "wrong_length"),
        ("injured", json!("no"), "injured", "wrong_shape"),
        ("id", json!("not-an-id"), "id", "wrong_shape"),
        ("claim_no", json!("X1"), "claim_no", "wrong_shape"),
    ];
    for (name, value, field, code) in cases {
        let mut body = report();
        body[name] = value.clone();
        let reply = agent.post("/cases", &body);
        assert_eq!(reply.status, 422, "{name} = {value}: {reply}");
        reply.refuses(field, code);
    }
    // The latest loss that ten minutes of grace for the caller's clock allow.
    let mut body = report();
    body["loss_at"] = json!(wire::time(START + Span::minutes(10)));
    agent.post("/cases", &body).expect(201);
    assert_eq!(app.count("SELECT count(*) AS n FROM cases"), 1);
});

each_engine!(every_refused_field_is_named_at_once, |app| {
    let agent = app.person(Role::Intake);
    let mut body = report();
    body["plate"] = json!("?");
    body["contact_phone"] = json!("?");
    body["loss_place"] = json!("");
    let problem = agent.post("/cases", &body).problem(422, "invalid_fields");
    let mut refused: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
    refused.sort_unstable();
    assert_eq!(refused, ["contact_phone", "loss_place", "plate"]);
});

each_engine!(hostile_bodies_are_refused, |app| {
    let agent = app.person(Role::Intake);
    let post = |bytes: Vec<u8>| {
        agent
            .request("POST", "/cases")
            .header("content-type", "application/json")
            .bytes(bytes)
            .send()
    };
    let mut bare = report();
    for optional in ["position", "description"] {
        bare.as_object_mut().unwrap().remove(optional);
    }
    let text = bare.to_string();
    let with = |name: &str, value: &str| {
        format!("{},\"{name}\":{value}}}", text.strip_suffix('}').unwrap()).into_bytes()
    };
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for (bytes, status, code) in [
        (with("vin", "NaN"), 400, "malformed_request"),
        (with("vin", "\"\\ud800\""), 400, "malformed_request"),
        (with("vin", "\"\u{1}\""), 400, "malformed_request"),
        (with("position", "{\"lat\":1e400,\"lon\":0}"), 400, "malformed_request"),
        (with("deep", &nested(100)), 422, "invalid_fields"),
        (with("deep", &nested(100_000)), 422, "invalid_fields"),
        (nested(100).into_bytes(), 422, "invalid_fields"),
        (with("plate", "\"twice\""), 422, "invalid_fields"),
        (b"\"\xff\xfe\"".to_vec(), 400, "malformed_request"),
        (b"{\"plate\": \"\xff\"}".to_vec(), 400, "malformed_request"),
        (b"".to_vec(), 400, "malformed_request"),
        (b"{".to_vec(), 400, "malformed_request"),
        (format!("{text} {text}").into_bytes(), 400, "malformed_request"),
        (b"null".to_vec(), 422, "invalid_fields"),
        (with("description", &format!("\"{}\"", "x".repeat(10_000_000))), 413, "too_large"),
    ] {
        let shown = String::from_utf8_lossy(&bytes).chars().take(60).collect::<String>();
        let reply = post(bytes);
        assert_eq!(reply.status, status, "{shown}: {reply}");
        reply.problem(status, code);
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json-patch",
        "",
        "multipart/form-data; boundary=x",
    ] {
        let request = agent.request("POST", "/cases").json(&report()).header("content-type", kind);
        request.send().problem(415, "unsupported_media_type");
    }
    let without = agent.request("POST", "/cases").json(&report()).without("content-type").send();
    without.problem(415, "unsupported_media_type");
    assert_eq!(app.count("SELECT count(*) AS n FROM cases"), 0);
});

each_engine!(probable_duplicates_are_shown_and_never_refused, |app| {
    let agent = app.person(Role::Intake);
    let first: ReportCaseResponse = agent.post("/cases", &report()).expect(201).json();
    let mut again = report();
    again["loss_at"] = json!(wire::time(START - Span::minutes(40)));
    again["position"] = json!({ "lat": 30.2831, "lon": 120.1302 });
    let second: ReportCaseResponse = agent.post("/cases", &again).expect(201).json();
    let [duplicate] = &second.probable_duplicates[..] else { panic!("{second:?}") };
    assert_eq!(duplicate.case_id, first.case.id);
    assert_eq!(duplicate.report_no, first.case.report_no);
    assert_eq!(duplicate.minutes_apart, 30);
    assert!((990..1_010).contains(&duplicate.distance_m.unwrap()), "{duplicate:?}");

    let mut other_day = report();
    other_day["loss_at"] = json!(wire::time(START - Span::hours(12)));
    let other_day: ReportCaseResponse = agent.post("/cases", &other_day).expect(201).json();
    assert!(other_day.probable_duplicates.is_empty());
    // What another branch has reported is none of this agent's business.
    let elsewhere = app.person_at("nb", &[Role::Intake]);
    let there: ReportCaseResponse = elsewhere.post("/cases", &report()).expect(201).json();
    assert!(there.probable_duplicates.is_empty(), "{there:?}");
});

each_engine!(cases_are_listed_page_by_page_newest_first, |app| {
    let agent = app.person(Role::Intake);
    let mut reported = Vec::new();
    for n in 0..7 {
        // Some in the same millisecond: the id breaks the tie.
        if n % 3 == 0 {
            app.advance(Span::seconds(1));
        }
        let saved: ReportCaseResponse =
            agent.post("/cases", &report_of(&format!("浙A0000{n}"))).expect(201).json();
        reported.push(saved.case);
    }
    let mut listed = Vec::new();
    let mut path = "/cases?limit=2".to_owned();
    loop {
        let page: Cases = agent.get(&path).expect(200).json();
        assert!(page.items.len() <= 2 && !page.items.is_empty());
        listed.extend(page.items);
        match page.next_cursor {
            Some(cursor) => path = format!("/cases?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    reported.sort_by_key(|case| std::cmp::Reverse((case.reported_at, case.id)));
    let ids = |cases: &[CaseResponse]| cases.iter().map(|case| case.id).collect::<Vec<_>>();
    assert_eq!(ids(&listed), ids(&reported));

    for (query, field, code) in [
        ("cursor=nonsense", "cursor", "not_a_cursor"),
        ("limit=many", "query", "wrong_shape"),
        ("limit=-1", "query", "wrong_shape"),
        ("colour=red", "query", "wrong_shape"),
        ("status=lost", "status", "unknown"),
        ("plate=x", "plate", "plate_format"),
        ("report_no=a%00b", "query", "forbidden_character"),
    ] {
        let reply = agent.get(&format!("/cases?{query}"));
        assert_eq!(reply.status, 422, "{query}: {reply}");
        reply.refuses(field, code);
    }
});

each_engine!(a_hidden_case_looks_like_none, |app| {
    let here = app.person(Role::Intake);
    let saved: ReportCaseResponse = here.post("/cases", &report()).expect(201).json();
    let path = format!("/cases/{}", saved.case.id);
    let looks = |who: &Person, path: &str| {
        let reply = who.get(path);
        reply.problem(404, "not_found");
        reply.body
    };
    let none = looks(&here, &format!("/cases/{}", Uuid::from_u128(7)));
    assert_eq!(looks(&here, "/cases/not-an-id"), none);
    for stranger in [
        app.person_at("nb", &[Role::Dispatcher]),
        app.person_at("nb", &[Role::Manager]),
        app.person(Role::Surveyor),
    ] {
        assert_eq!(looks(&stranger, &path), none, "{:?}", stranger.roles);
        let list: Cases = stranger.get("/cases").expect(200).json();
        assert!(list.items.is_empty());
    }
    for colleague in [app.person(Role::Dispatcher), app.person_at("head", &[Role::Manager])] {
        colleague.get(&path).expect(200);
        let list: Cases = colleague.get("/cases").expect(200).json();
        assert_eq!(list.items.len(), 1);
    }
});

each_engine!(of_reports_of_one_car_at_once_each_sees_those_before_it, |app| {
    let agent = app.person(Role::Intake);
    let mut seen: Vec<usize> = std::thread::scope(|scope| {
        let report =
            || -> ReportCaseResponse { agent.post("/cases", &report()).expect(201).json() };
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(report)).collect();
        let saved = threads.into_iter().map(|thread| thread.join().unwrap());
        saved.map(|saved| saved.probable_duplicates.len()).collect()
    });
    seen.sort_unstable();
    assert_eq!(seen, (0..12).collect::<Vec<_>>());
});

each_engine!(a_restart_keeps_cases_and_replies, |app| {
    let mut app = app;
    let agent = app.person(Role::Intake);
    let first = agent.request("POST", "/cases").key("k").json(&report()).send().expect(201);
    app.restart();
    let agent = app.again(&agent);
    let second = agent.request("POST", "/cases").key("k").json(&report()).send().expect(201);
    assert_eq!(first.body, second.body);
    let _ =
        agent.get(&format!("/cases/{}", first.value()["case"]["id"].as_str().unwrap())).expect(200);
});

each_engine!(an_expired_token_and_an_unknown_person_are_refused, |app| {
    let agent = app.person(Role::Intake);
    let token = agent.token();
    let read = || app.request("GET", "/cases").token(&token).send();
    read().expect(200);
    app.advance(Span::minutes(15));
    read().problem(401, "unauthenticated");
    app.clock.set(Instant(START.0 - 86_400_000));
    read().problem(401, "unauthenticated");
});
