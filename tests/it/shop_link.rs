//! Journeys: what a repair shop sees by a link, and the customer by theirs (C18, C52, B21).

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::{ids::ShopId, time::Span};
use tests::{Person, Reply, TestApp, each_engine};

use crate::{
    assessed::{Assessed, CUSTOMER, submit},
    field::{new_case, new_id},
    shops::{SHOP, choose, send, shop},
};

fn get(app: &TestApp, path: &str) -> Reply {
    app.request("GET", path).send()
}

fn states(person: &Person, case: &str) -> Vec<Value> {
    let links = person.get(&format!("/cases/{case}/shop-links")).expect(200).value();
    links.as_array().unwrap().iter().map(|link| link["state"].clone()).collect()
}

each_engine!(a_shop_without_an_account_sees_status_and_approved_lines_of_one_case, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let _ = assessed.add_uncovered_hub();
    choose(&assessed.surveyor, &assessed.case, shop(&app, "L1", Some(SHOP)));
    let (sent, link) = send(&app, &assessed.surveyor, &assessed.case);
    assert_eq!(sent["state"], "in_force");
    let before = get(&app, &link).expect(200).text();
    assert!(before.contains("浙A7T3K9") && before.contains("目前没有已确认的项目"), "{before}");
    assert!(!before.contains("¥"), "nothing is agreed yet: {before}");

    let (_, page) = assessed.send();
    let code = assessed.code(&page);
    let _ = assessed.agree(&page, &code).expect(200);
    let seen = get(&app, &link).expect(200);
    let text = seen.text();
    for needed in ["前保险杠", "¥1,409.50", "客户已确认定损单", "您可以自主选择任何一家维修企业"]
    {
        assert!(text.contains(needed), "{needed} is missing: {text}");
    }
    for hidden in
        [CUSTOMER, "沈听澜", "顾望舒", "文三路口", "30.27", "旧轮毂", "事故前已损坏", "员工"]
    {
        assert!(!text.contains(hidden), "the shop sees {hidden}");
    }
    assert!(!text.contains("<script"), "{text}");
    assert!(seen.body.len() < 30 * 1024);
    let policy = seen.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("style-src 'sha256-"));
    assert_eq!(seen.header("referrer-policy"), Some("no-referrer"));
    let english = get(&app, &format!("{link}?lang=en")).expect(200).text();
    assert!(english.contains("Lines that the customer agreed on"), "{english}");

    // A newer version takes the approved lines away until it is agreed on, and the page says why.
    assessed.add_part("大灯", 100);
    let _ = assessed.frozen();
    let text = get(&app, &link).expect(200).text();
    assert!(text.contains("原确认失效") && !text.contains("¥"), "{text}");
});

each_engine!(a_link_that_is_over_is_no_link_and_says_nothing, |app| {
    let intake = app.person(Role::Intake);
    let (ours, theirs) = (shop(&app, "L1", Some(SHOP)), shop(&app, "L2", Some("13588110033")));
    let case = new_case(&app);
    choose(&intake, &case, ours);
    let unknown = get(&app, &format!("/s/{}", "A".repeat(43))).expect(404).body;
    assert_eq!(get(&app, &format!("/a/{}", "A".repeat(43))).expect(404).body, unknown);
    for odd in ["/s/x", "/s/%3Cscript%3E", "/s/..%2F..%2Fetc"] {
        assert_eq!(get(&app, odd).expect(404).body, unknown, "{odd}");
    }
    let nowhere = |link: &str| get(&app, link).expect(404).body == unknown;

    // Taken back.
    let (sent, link) = send(&app, &intake, &case);
    let _ = get(&app, &link).expect(200);
    let path = format!("/cases/{case}/shop-links/{}/revoke", sent["id"].as_str().unwrap());
    let elsewhere = app.person_at("nb", &[Role::Manager]);
    let _ = elsewhere.post(&path, &json!({})).problem(404, "not_found");
    let _ = get(&app, &link).expect(200);
    for _ in 0..2 {
        let over = intake.post(&path, &json!({})).expect(200).value();
        assert_eq!(over["state"], "revoked");
        assert!(nowhere(&link));
    }
    let stray = format!("/cases/{case}/shop-links/{}/revoke", new_id());
    let _ = intake.post(&stray, &json!({})).problem(404, "not_found");

    // The customer goes elsewhere, and comes back.
    app.advance(Span::minutes(1));
    let (_, link) = send(&app, &intake, &case);
    app.advance(Span::minutes(1));
    choose(&intake, &case, theirs);
    assert!(nowhere(&link));
    assert_eq!(states(&intake, &case), [json!("other_shop"), json!("revoked")]);
    app.advance(Span::minutes(1));
    choose(&intake, &case, ours);
    let _ = get(&app, &link).expect(200);

    // Its time is over.
    app.advance(Span(Span::days(14).0 - 120_001));
    let _ = get(&app, &link).expect(200);
    app.advance(Span(1));
    assert!(nowhere(&link));
    assert_eq!(states(&intake, &case), [json!("expired"), json!("revoked")]);
});

each_engine!(a_link_goes_to_the_chosen_shop_only_and_stands_nowhere, |app| {
    let intake = app.person(Role::Intake);
    let case = new_case(&app);
    let path = format!("/cases/{case}/shop-links");
    let refused = |body: Value| intake.post(&path, &body).problem(409, "conflict");
    assert_eq!(refused(json!({})).facts["reason"], "no_shop_chosen");
    choose(&intake, &case, shop(&app, "L1", Some("0571-88886666")));
    assert_eq!(refused(json!({})).facts["reason"], "shop_without_mobile");
    app.advance(Span::minutes(1));
    choose(&intake, &case, shop(&app, "L2", Some(SHOP)));
    for days in [0, 31, -1] {
        intake.post(&path, &json!({ "days": days })).refuses("days", "out_of_range");
    }
    let stranger = app.person(Role::Surveyor);
    let _ = stranger.post(&path, &json!({})).problem(404, "not_found");
    let mechanic = app.shop_person(ShopId(shop(&app, "L3", Some(SHOP))));
    let _ = mechanic.post(&path, &json!({})).problem(403, "forbidden");

    let (_, link) = send(&app, &intake, &case);
    let token = link.strip_prefix("/s/").unwrap().to_owned();
    assert_eq!(token.len(), 43);
    let kept: i64 = app.count(&format!(
        "SELECT (SELECT count(*) FROM outbox_messages WHERE body LIKE '%{token}%') \
         + (SELECT count(*) FROM case_events WHERE data LIKE '%{token}%') AS n"
    ));
    assert_eq!(kept, 0, "the token stands in the database");
    for _ in 0..4 {
        let _ = intake.post(&path, &json!({})).expect(201);
    }
    let many = intake.post(&path, &json!({})).problem(429, "too_many_requests");
    assert_eq!(many.facts["reason"], "too_many_links");
    app.advance(Span::days(1));
    let _ = intake.post(&path, &json!({ "days": 1 })).expect(201);

    // Looking changes nothing.
    let stored = || {
        app.count("SELECT (SELECT count(*) FROM case_events) + (SELECT count(*) FROM jobs) AS n")
    };
    let before = stored();
    for n in 0..50 {
        let method = if n % 10 == 0 { "HEAD" } else { "GET" };
        let status = app.request(method, &link).send().status;
        assert_eq!(status, if method == "GET" { 200 } else { 405 });
    }
    assert_eq!(stored(), before);
});

each_engine!(the_work_of_an_earlier_shop_is_not_told_to_the_next, |app| {
    let (first, second) = (shop(&app, "L1", Some("13588110033")), shop(&app, "L2", Some(SHOP)));
    let (intake, case) = (app.person(Role::Intake), new_case(&app));
    choose(&intake, &case, first);
    let mechanic = app.shop_person(ShopId(first));
    let asked = json!({ "words": "水箱支架开裂" });
    let _ = mechanic.post(&format!("/shop/cases/{case}/supplements"), &asked).expect(201);
    app.advance(Span::minutes(1));
    choose(&intake, &case, second);
    let (_, link) = send(&app, &intake, &case);
    let text = get(&app, &link).expect(200).text();
    assert!(text.contains("已选择维修企业") && !text.contains("已申请增补"), "{text}");
    assert_eq!(text.matches("<tr>").count(), 2, "the head and one step: {text}");
});

each_engine!(the_customer_sees_how_far_the_case_is_before_and_after_agreeing, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let progress = format!("{link}/progress");
    let sheet = get(&app, &link).expect(200).text();
    assert!(sheet.contains(&format!("{progress}?lang=zh-CN")), "{sheet}");
    let before = get(&app, &progress).expect(200).text();
    assert!(
        before.contains("<strong>待您确认</strong>") && before.contains("查勘完成"),
        "{before}"
    );
    assert!(!before.contains("客户已确认定损单"), "{before}");
    for hidden in [CUSTOMER, "沈听澜", "顾望舒"] {
        assert!(!before.contains(hidden), "{hidden}");
    }
    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    let after = get(&app, &format!("{progress}?lang=en")).expect(200).text();
    assert!(after.contains("<strong>The customer agreed on the loss sheet</strong>"), "{after}");

    // What voids the link ends the view; what is no link is the same page as everywhere.
    assessed.add_part("大灯", 100);
    let _ = assessed.frozen();
    assert!(get(&app, &progress).expect(410).text().contains("定损单已更新"));
    let nowhere = format!("/a/{}", "A".repeat(43));
    let unknown = get(&app, &nowhere).expect(404).body;
    assert_eq!(get(&app, &format!("{nowhere}/progress")).expect(404).body, unknown);
    let _ = submit(&app, &progress, "x=1").expect(405);
});
