//! Journeys: repair shops and the customer's own choice (C18, C19).

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::time::Span;
use tests::{Person, TestApp, each_engine, report};

fn shop(licence_no: &str, class: &str) -> Value {
    json!({
        "name": format!("维修厂{licence_no}"), "address": "文三路1号", "class": class,
        "licence_no": licence_no, "licence_valid_until": "2026-03-31",
        "credit_code": "91350100M000100Y43",
    })
}

fn new_shop(app: &TestApp, licence_no: &str) -> String {
    let manager = app.person(Role::Manager);
    let saved = manager.post("/shops", &shop(licence_no, "two")).expect(201).value();
    saved["shop"]["id"].as_str().unwrap().to_owned()
}

fn new_case(agent: &Person) -> String {
    let saved = agent.post("/cases", &report()).expect(201).value();
    saved["case"]["id"].as_str().unwrap().to_owned()
}

each_engine!(a_listing_says_that_the_choice_is_free_and_names_no_default, |app| {
    let manager = app.person(Role::Manager);
    for (licence, class) in [("L1", "one"), ("L2", "two"), ("L3", "three")] {
        let saved = manager.post("/shops", &shop(licence, class)).expect(201).value();
        assert_eq!(saved["warnings"], json!([]));
    }
    let recommended = || {
        let list = app.person(Role::Surveyor).get("/shops").expect(200).value();
        assert!(list["free_choice"]["zh-CN"].as_str().unwrap().contains("自主选择"));
        let items = list["items"].as_array().unwrap().clone();
        assert!(items.iter().all(|shop| shop.get("default").is_none()));
        items.iter().map(|shop| shop["may_be_recommended"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(recommended(), [json!(true), json!(true), json!(false)]);
    // The licences end with 31 March in Beijing.
    app.advance(Span::days(30));
    assert_eq!(recommended(), [json!(false), json!(false), json!(false)]);
});

each_engine!(a_doubtful_credit_code_warns_and_an_impossible_one_is_refused, |app| {
    let manager = app.person(Role::Manager);
    let mut doubtful = shop("L1", "one");
    doubtful["credit_code"] = json!("91350100M000100Y44");
    let saved = manager.post("/shops", &doubtful).expect(201).value();
    assert_eq!(saved["warnings"][0]["code"], "credit_code_check_character");
    let mut impossible = shop("L2", "one");
    impossible["credit_code"] = json!("12345");
    manager.post("/shops", &impossible).refuses("credit_code", "credit_code_format");
    manager.post("/shops", &shop("L1", "one")).refuses("licence_no", "licence_taken");
});

each_engine!(shops_are_found_by_part_of_the_name_and_page_by_page, |app| {
    let manager = app.person(Role::Manager);
    for n in 0..5 {
        app.advance(Span::seconds(1));
        let _ = manager.post("/shops", &shop(&format!("L{n}"), "one")).expect(201);
    }
    let mut odd = shop("L9", "one");
    odd["name"] = json!("百分之100%修理 Auto");
    let _ = manager.post("/shops", &odd).expect(201);
    for (part, expected) in [("100%25", 1), ("AUTO", 1), ("auto", 1), ("l1", 1), ("_", 0)] {
        let found = manager.get(&format!("/shops?name={part}")).expect(200).value();
        assert_eq!(found["items"].as_array().unwrap().len(), expected, "{part}");
    }
    let mut seen = Vec::new();
    let mut path = "/shops?limit=2".to_owned();
    loop {
        let page = manager.get(&path).expect(200).value();
        for shop in page["items"].as_array().unwrap() {
            seen.push(shop["licence_no"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/shops?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["L0", "L1", "L2", "L3", "L4", "L9"]);
});

each_engine!(the_customers_choice_is_recorded_and_the_later_one_is_in_force, |app| {
    let (agent, first) = (app.person(Role::Intake), new_shop(&app, "L1"));
    let case = new_case(&agent);
    let path = format!("/cases/{case}/shop");
    agent
        .post(&path, &json!({ "shop_id": first, "free_choice_told": false }))
        .refuses("free_choice_told", "must_be_true");
    agent.post(&path, &json!({ "free_choice_told": true })).refuses("shop_id", "exactly_one");
    app.advance(Span::hours(1));
    let chosen = json!({ "shop_id": first, "free_choice_told": true });
    let choice = agent.post(&path, &chosen).expect(200).value();
    assert_eq!(choice["shop_id"], json!(first));
    assert_eq!(choice["recorded_by"], json!(agent.id.to_string()));

    // An earlier choice that arrives late stands in the log and changes nothing.
    let late = json!({
        "other_shop": { "name": "路边店" }, "free_choice_told": true,
        "chosen_at": "2026-03-02T01:40:00Z",
    });
    let choice = agent.post(&path, &late).expect(200).value();
    assert_eq!(choice["shop_id"], json!(first));

    app.advance(Span::minutes(1));
    let other = json!({ "other_shop": { "name": "路边店" }, "free_choice_told": true });
    let choice = agent.post(&path, &other).expect(200).value();
    assert_eq!(choice["other_shop"]["name"], "路边店");
    assert_eq!(choice["shop_id"], Value::Null);
    let detail = agent.get(&format!("/cases/{case}")).expect(200).value();
    let kinds: Vec<_> =
        detail["timeline"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert_eq!(kinds, ["case_reported", "shop_chosen", "shop_chosen", "shop_chosen"]);
});

each_engine!(a_hidden_case_and_an_unknown_shop_are_refused, |app| {
    let case = new_case(&app.person(Role::Intake));
    let path = format!("/cases/{case}/shop");
    let unknown = json!({ "shop_id": app.person(Role::Admin).id, "free_choice_told": true });
    app.person(Role::Manager).post(&path, &unknown).refuses("shop_id", "unknown");
    let stranger = app.person_at("nb", &[Role::Manager]);
    let _ = stranger.post(&path, &unknown).problem(404, "not_found");
});

each_engine!(near_shops_are_named_in_turns_with_the_statement_that_the_choice_is_free, |app| {
    let manager = app.person(Role::Manager);
    for (licence, class) in [("L1", "one"), ("L2", "two"), ("L3", "three")] {
        let mut body = shop(licence, class);
        body["position"] = json!({ "lat": 30.2741, "lon": 120.1302 });
        body["hours"] = json!("8:00-18:00");
        let _ = manager.post("/shops", &body).expect(201);
    }
    let case = new_case(&app.person(Role::Intake));
    let path = format!("/cases/{case}/shop-recommendations");
    let names = || -> Vec<String> {
        let named = manager.post(&path, &json!({})).expect(200).value();
        assert!(named["free_choice"]["zh-CN"].as_str().unwrap().contains("自主选择"));
        let shops = named["shops"].as_array().unwrap();
        shops.iter().map(|shop| shop["name"].as_str().unwrap().to_owned()).collect()
    };
    let (first, second) = (names(), names());
    assert_eq!(first.len(), 2);
    assert_eq!(first.iter().rev().collect::<Vec<_>>(), second.iter().collect::<Vec<_>>());
    assert_eq!(app.count("SELECT count(*) AS n FROM shop_recommendations"), 2);
    let elsewhere = app.person_at("nb", &[Role::Manager]);
    let _ = elsewhere.post(&path, &json!({})).problem(404, "not_found");
});

each_engine!(a_shop_tells_of_its_work_and_asks_for_supplements_on_its_own_cases_only, |app| {
    let (own, other) = (new_shop(&app, "L1"), new_shop(&app, "L2"));
    let person = |id: &str| app.shop_person(sync_core::ids::ShopId(id.parse().unwrap()));
    let (ours, theirs) = (person(&own), person(&other));
    let intake = app.person(Role::Intake);
    let case = new_case(&intake);
    let choice = json!({ "shop_id": own, "free_choice_told": true });
    let _ = intake.post(&format!("/cases/{case}/shop"), &choice).expect(200);
    let at = |what: &str| format!("/shop/cases/{case}/{what}");
    let done = json!({ "stage": "parts_arrived", "words": "前保险杠到货" });
    let told = ours.post(&at("progress"), &done).expect(201).value();
    assert_eq!(told["progress"][0]["stage"], "parts_arrived");
    ours.post(&at("progress"), &json!({ "stage": "x" })).refuses("stage", "unknown");
    let asked =
        ours.post(&at("supplements"), &json!({ "words": "水箱支架开裂" })).expect(201).value();
    for what in ["progress", "supplements"] {
        let body = if what == "progress" { done.clone() } else { json!({ "words": "x" }) };
        let _ = theirs.post(&at(what), &body).problem(404, "not_found");
    }
    let _ = theirs.get(&at("repair")).problem(404, "not_found");

    let id = asked["supplements"][0]["id"].as_str().unwrap().to_owned();
    let assessor = app.person(Role::Assessor);
    let open = assessor.get(&format!("/cases/{case}/supplements")).expect(200).value();
    assert_eq!(open[0]["state"], "open");
    let answer = json!({ "accepted": true, "answer": "已复勘，同意增补" });
    let path = format!("/cases/{case}/supplements/{id}/answer");
    let _ = assessor.post(&path, &answer).expect(200);
    let _ = assessor.post(&path, &answer).problem(409, "conflict");
    let seen = ours.get(&at("repair")).expect(200).value();
    assert_eq!(seen["supplements"][0]["state"], "accepted");

    // Each audience is told its own part of the same log.
    let status = |audience: &str| {
        let path = format!("/cases/{case}/status?audience={audience}");
        assessor.get(&path).expect(200).value()
    };
    assert_eq!(status("customer")["now"], "repairing");
    assert_eq!(status("shop")["now"], "supplement_answered");
    assert_eq!(status("dispatcher")["now"], "reported");
    let nobody = assessor.get(&format!("/cases/{case}/status?audience=x"));
    nobody.refuses("audience", "unknown");
});
