//! The customer's page: what it shows, to whom, in which form.

use serde_json::json;
use sync_core::time::Span;
use tests::{Engine, TestApp, each_engine};

use crate::{
    assessed::{Assessed, submit},
    field::timeline,
};

each_engine!(a_thousand_looks_consume_nothing_and_store_nothing, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let code = assessed.code(&link);
    let stored = || {
        let tables = [
            "agreement_links",
            "agreement_codes",
            "agreement_objections",
            "agreements",
            "case_events",
            "outbox_messages",
            "jobs",
            "idempotency_keys",
        ];
        tables.map(|table| app.count(&format!("SELECT count(*) AS n FROM {table}")))
    };
    let before = (stored(), assessed.agreement());
    for n in 0..1_000 {
        let method = if n % 10 == 0 { "HEAD" } else { "GET" };
        let reply = app.request(method, &link).send();
        assert_eq!(reply.status, if method == "GET" { 200 } else { 405 });
        // What scanners try besides.
        if n % 100 == 0 {
            for action in ["code", "agree", "object"] {
                let _ = app.request("GET", &format!("{link}/{action}")).send().expect(405);
            }
        }
    }
    assert_eq!((stored(), assessed.agreement()), before);
    let _ = assessed.agree(&link, &code).expect(200);
});

each_engine!(objecting_takes_no_code_and_leaves_agreeing_open, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let object = |form: &str| submit(&app, &format!("{link}/object"), form);
    let page = object("reason=missing_damage&text=%E5%A4%A7%E7%81%AF%E4%B9%9F%E5%9D%8F%E4%BA%86");
    let page = page.expect(200).text();
    assert!(page.contains("您的异议已记录"), "{page}");
    let agreement = assessed.agreement();
    assert_eq!(agreement["state"], "objected");
    assert_eq!(agreement["objections"][0]["reason"], "missing_damage");
    assert_eq!(agreement["objections"][0]["text"], "大灯也坏了");
    let detail = assessed.surveyor.get(&assessed.path("")).expect(200).value();
    assert_eq!(detail["case"]["status"], "disputed");
    // What the customer said stands in a place of its own, not in the log.
    assert!(!detail["timeline"].to_string().contains("大灯"));

    for wrong in ["", "reason=", "reason=nonsense", "text=x", "reason=other&more=1"] {
        let reply = object(wrong);
        let expected = if wrong.contains("more") { 200 } else { 422 };
        assert_eq!(reply.status, expected, "{wrong}: {reply}");
    }
    let long = format!("reason=other&text={}", "x".repeat(1_001));
    let _ = object(&long).expect(422);
    for _ in 0..3 {
        let _ = object("reason=other").expect(200);
    }
    let _ = object("reason=other").expect(429);

    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    let _ = object("reason=other").expect(409);
    assert_eq!(assessed.agreement()["state"], "agreed");
    assert_eq!(timeline(&assessed.surveyor, &assessed.case).last().unwrap(), "agreed");
});

each_engine!(an_address_that_leads_nowhere_is_one_page_for_all, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let almost = {
        let last = if link.ends_with('A') { 'E' } else { 'A' };
        format!("{}{last}", &link[..link.len() - 1])
    };
    let other = format!("/a/{}", "A".repeat(43));
    let bodies: Vec<_> = [almost.as_str(), &other, "/a/x", "/a/%3Cscript%3E", "/a/..%2F..%2Fetc"]
        .iter()
        .map(|path| app.request("GET", path).send().expect(404).text())
        .collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(!bodies[0].contains("¥") && !bodies[0].contains("<form"));
    for action in ["code", "agree", "object"] {
        let path = format!("{other}/{action}");
        let _ = submit(&app, &path, "code=123456&reason=other").expect(404);
    }
});

#[test]
fn the_page_is_sealed_off_and_speaks_two_languages() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let page = app.request("GET", &link).send().expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("style-src 'sha256-"));
    assert!(page.header("set-cookie").is_none());
    let text = page.text();
    assert!(text.contains("lang=\"zh-CN\"") && text.contains("?lang=en"), "{text}");
    assert!(page.body.len() < 30 * 1024);
    // Neither the number nor the name: whoever holds the link may be anybody.
    for hidden in ["18667091253", "沈听澜", "顾望舒"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let english = |request: tests::Request| request.send().expect(200).text();
    let asked = english(app.request("GET", &format!("{link}?lang=en")));
    let accepted = english(app.request("GET", &link).header("accept-language", "en-GB,en;q=0.9"));
    assert_eq!(asked, accepted);
    assert!(asked.contains("no admission of liability") && asked.contains("free to choose"));
    let answer = submit(&app, &format!("{link}/agree?lang=en"), "code=1").expect(422).text();
    assert!(answer.contains("Enter the code of six digits"), "{answer}");
}

#[test]
fn what_is_no_form_is_answered_as_a_page() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let agree = || app.request("POST", &format!("{link}/agree"));
    let form = "application/x-www-form-urlencoded";
    let json = agree().json(&json!({ "code": "123456" })).send();
    let large =
        agree().header("content-type", form).bytes("code=".to_owned() + &"1".repeat(20_000));
    let broken = agree().header("content-type", form).bytes(vec![0xFF, 0xFE]);
    for (reply, status) in [(json, 415), (large.send(), 413), (broken.send(), 400)] {
        let reply = reply.expect(status);
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(reply.text().contains("服务热线"), "{reply}");
    }
}

#[test]
fn hostile_words_of_a_line_stay_words() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let mut assessed = Assessed::new(&app);
    assessed.add_part("<script>alert(1)</script>", 100);
    let (_, link) = assessed.send();
    let page = app.request("GET", &link).send().expect(200).text();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
}

#[test]
fn a_hundred_lines_are_a_page_that_loads_anywhere() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let mut assessed = Assessed::new(&app);
    for n in 0..100 {
        assessed.add_part("左前大灯总成", 10_000 + n);
    }
    app.advance(Span::minutes(1));
    let (_, link) = assessed.send();
    let page = app.request("GET", &link).send().expect(200);
    assert!(page.body.len() <= 30 * 1024, "{} bytes", page.body.len());
    assert_eq!(page.text().matches("左前大灯总成").count(), 100);
}
