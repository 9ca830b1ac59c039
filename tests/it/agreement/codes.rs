//! One-time codes: in time, within five tries, within the budget, once.

use sync_core::time::Span;
use tests::{Engine, TestApp, each_engine};

use crate::assessed::{Assessed, CUSTOMER, code_in};

/// Another code than this one.
fn another(code: &str) -> String {
    let last = code.ends_with('0');
    format!("{}{}", &code[..5], if last { '1' } else { '0' })
}

each_engine!(five_wrong_codes_kill_the_right_one, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let code = assessed.code(&link);
    let wrong = another(&code);
    for left in (1..=4).rev() {
        let page = assessed.agree(&link, &wrong).expect(422).text();
        assert!(page.contains(&format!("还可以输入{left}次")), "{page}");
    }
    let _ = assessed.agree(&link, &wrong).expect(429);
    let page = assessed.agree(&link, &code).expect(429).text();
    assert!(page.contains("输入错误次数过多"), "{page}");
    assert_eq!(assessed.agreement()["code"]["wrong_tries"], 5);
    assert_eq!(app.count("SELECT count(*) AS n FROM agreements"), 0);
    // A new code has tries of its own, and only the last one counts.
    app.advance(Span(1));
    let next = assessed.code(&link);
    if next != code {
        let _ = assessed.agree(&link, &code).expect(422);
    }
    let _ = assessed.agree(&link, &next).expect(200);
});

each_engine!(a_code_ends_after_ten_minutes, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let code = assessed.code(&link);
    app.advance(Span::minutes(10));
    let page = assessed.agree(&link, &code).expect(422).text();
    assert!(page.contains("没有可用的验证码"), "{page}");
    let code = assessed.code(&link);
    app.advance(Span(600_000 - 1));
    let _ = assessed.agree(&link, &code).expect(200);
});

each_engine!(what_is_no_code_uses_up_no_try, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let _ = assessed.agree(&link, "123456").expect(422);
    let code = assessed.code(&link);
    for typed in ["", "12345", "1234567", "abcdef", "%00", "%F0%9F%92%A9"] {
        let _ = assessed.agree(&link, typed).expect(422);
    }
    assert_eq!(assessed.agreement()["code"]["wrong_tries"], 0);
    // As a Chinese keyboard may write it.
    let wide: String = code
        .chars()
        .map(|c| char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).unwrap())
        .flat_map(|c| c.to_string().into_bytes())
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let _ = assessed.agree(&link, &wide).expect(200);
});

each_engine!(five_codes_a_day_go_to_one_number_and_no_more, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (version, link) = assessed.send();
    for _ in 0..5 {
        let _ = app.request("POST", &format!("{link}/code")).send().expect(200);
        app.advance(Span::minutes(30));
    }
    let before = app.messages().len();
    let refused = app.request("POST", &format!("{link}/code")).send().expect(429);
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(wait, (24 * 60 - 150) * 60 + 1);
    // Another link to the same number is no way around it.
    let link = assessed.send_version(&version);
    let _ = app.request("POST", &format!("{link}/code")).send().expect(429);
    assert_eq!(app.messages().len(), before + 1, "a message beyond the link");
    app.advance(Span::seconds(wait));
    let _ = app.request("POST", &format!("{link}/code")).send().expect(200);
});

/// On both engines, on servers where a flood of codes may cost three messages within an hour.
#[test]
fn all_numbers_together_get_so_many_codes_an_hour_and_no_more() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let settings = vec![("codes_per_hour", serde_json::json!(3))];
        let Some(app) = TestApp::start_with(engine, settings) else { continue };
        // The budget asks for neither number nor case.
        let cases = [Assessed::with_a_bumper(&app), Assessed::with_a_bumper(&app)];
        let links = cases.each_ref().map(|assessed| assessed.send().1);
        let ask = |link: &str| app.request("POST", &format!("{link}/code")).send();
        for link in [&links[0], &links[1], &links[0]] {
            let _ = ask(link).expect(200);
            app.advance(Span::minutes(10));
        }
        let before = app.messages().len();
        for link in &links {
            let refused = ask(link).expect(429);
            assert_eq!(refused.header("retry-after"), Some("601"));
            assert!(refused.text().contains("获取验证码次数过多"), "{}", refused.text());
        }
        assert_eq!(app.messages().len(), before, "a message beyond the budget");
        // The first of the three is more than an hour ago.
        app.advance(Span::minutes(31));
        let _ = ask(&links[1]).expect(200);
        let _ = ask(&links[1]).expect(429);
    }
}

each_engine!(a_message_says_what_the_code_is_for_and_is_not_kept, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let code = assessed.code(&link);
    let message = app.last_message_to(CUSTOMER);
    assert_eq!(code_in(&message), code);
    assert!(message.contains("¥1,409.50") && message.contains("第1版"), "{message}");
    let kept = format!("SELECT count(*) AS n FROM outbox_messages WHERE body LIKE '%{code}%'");
    assert_eq!(app.count(&kept), 0);
});

#[test]
fn codes_are_worth_nothing_on_another_installation() {
    let one = TestApp::start(Engine::Sqlite).unwrap();
    let other = TestApp::start(Engine::Sqlite).unwrap();
    let secret = |app: &TestApp| app.state().auth.secret.derive("agreement_code", b"123456");
    assert_ne!(secret(&one), secret(&other));
}
