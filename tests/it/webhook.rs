//! Journeys: servers of others that are told, and the gateway for text messages (B9).

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use server::{
    auth::policy::Role,
    ports::{
        notifier::{HttpGateway, Message, Notifier},
        post::{HttpPost, Letter, Post, PostFault},
    },
};
use sync_core::{ids::ShopId, time::Span};
use tests::{Engine, Person, Received, Receiver, START, TestApp, TestClock};

use crate::{
    assessed::{Assessed, CUSTOMER},
    field::{new_case, new_id},
    shops::{choose, shop},
};

/// Runs a story on both engines, on servers that may call this machine.
fn each(story: fn(&TestApp)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let settings = vec![("webhooks_loopback", json!(true))];
        if let Some(app) = TestApp::start_with(engine, settings) {
            story(&app);
        }
    }
}

fn progress(mechanic: &Person, case: &str, stage: &str) {
    let path = format!("/shop/cases/{case}/progress");
    let _ = mechanic.post(&path, &json!({ "stage": stage })).expect(201);
}

fn register(admin: &Person, body: &Value) -> String {
    let saved = admin.post("/webhooks", body).expect(201).value();
    saved["id"].as_str().unwrap().to_owned()
}

fn told(receiver: &Receiver) -> Vec<(String, String)> {
    let received = receiver.received();
    let said = received.iter().map(|message| serde_json::from_str::<Value>(&message.body).unwrap());
    let text = |said: &Value, name: &str| said[name].as_str().unwrap().to_owned();
    said.map(|said| (text(&said, "case_id"), text(&said, "step"))).collect()
}

fn steps(receiver: &Receiver, case: &str) -> Vec<String> {
    let all = told(receiver).into_iter();
    all.filter(|(of, _)| of == case).map(|(_, step)| step).collect()
}

/// Checks a signature as a receiver does that knows nothing but the secret.
fn is_signed(message: &Received, secret: &str) -> bool {
    let secret = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let (id, at) = (message.header("webhook-id"), message.header("webhook-timestamp"));
    let signed = message.header("webhook-signature").strip_prefix("v1,").unwrap();
    let signed = BASE64_STANDARD.decode(signed).unwrap();
    hmac::verify(&key, format!("{id}.{at}.{}", message.body).as_bytes(), &signed).is_ok()
}

#[test]
fn a_shop_is_told_of_its_own_cases_in_order_signed_and_without_whom_they_concern() {
    each(|app| {
        let admin = app.person(Role::Admin);
        let (ours, theirs) = (shop(app, "L1", None), shop(app, "L2", None));
        let receiver = Receiver::start();
        let wanted = json!({ "audience": "shop", "shop_id": ours, "url": receiver.url() });
        let id = register(&admin, &wanted);
        app.advance(Span::seconds(1));

        let assessed = Assessed::with_a_bumper(app);
        let other = new_case(app);
        choose(&assessed.surveyor, &assessed.case, ours);
        choose(&app.person(Role::Intake), &other, theirs);
        let (_, link) = assessed.send();
        let code = assessed.code(&link);
        let _ = assessed.agree(&link, &code).expect(200);
        let mechanic = app.shop_person(ShopId(ours));
        progress(&mechanic, &assessed.case, "received");
        assert!(told(&receiver).len() < 3, "nothing leaves inside a request");
        app.run_due_jobs();
        assert_eq!(steps(&receiver, &assessed.case), ["shop_chosen", "agreed", "repairing"]);
        assert_eq!(told(&receiver).len(), 3, "the other shop's case is none of their business");

        let detail = admin.get(&format!("/webhooks/{id}")).expect(200).value();
        let secret = detail["secret"].as_str().unwrap();
        let (mut last, mut ids) = (0, Vec::new());
        for message in receiver.received() {
            assert!(is_signed(&message, secret), "{message:?}");
            let forged = Received { body: message.body.replace("step", "stop"), ..message.clone() };
            assert!(!is_signed(&forged, secret));
            let seconds: i64 = message.header("webhook-timestamp").parse().unwrap();
            assert_eq!(seconds, app.now().0 / 1_000);
            let said: Value = serde_json::from_str(&message.body).unwrap();
            assert_eq!(said["id"], message.header("webhook-id"));
            let fields: Vec<_> = said.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(fields, ["at", "case_id", "id", "sequence", "step"]);
            assert!(said["sequence"].as_i64().unwrap() > last);
            last = said["sequence"].as_i64().unwrap();
            ids.push(message.header("webhook-id").to_owned());
            for hidden in [CUSTOMER, "沈听澜", "浙A7T3K9", "文三路口"] {
                assert!(!format!("{message:?}").contains(hidden), "{hidden}");
            }
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);

        // Ended: what happens afterwards is not told.
        let revoke = format!("/webhooks/{id}/revoke");
        for _ in 0..2 {
            let ended = admin.post(&revoke, &json!({})).expect(200).value();
            assert!(ended["revoked_at"].is_string());
        }
        progress(&mechanic, &assessed.case, "completed");
        app.run_due_jobs();
        assert_eq!(told(&receiver).len(), 3);
        let kept =
            app.count("SELECT count(*) AS n FROM webhook_deliveries WHERE state = 'waiting'");
        assert_eq!(kept, 0);
    });
}

#[test]
fn what_is_not_taken_comes_again_and_nothing_of_the_case_overtakes_it() {
    each(|app| {
        let admin = app.person(Role::Admin);
        let ours = shop(app, "L1", None);
        let receiver = Receiver::start();
        let wanted = json!({ "audience": "shop", "shop_id": ours, "url": receiver.url() });
        let id = register(&admin, &wanted);
        let (intake, mechanic) = (app.person(Role::Intake), app.shop_person(ShopId(ours)));
        let (first, second) = (new_case(app), new_case(app));
        receiver.answer(&["500 Oops"]);
        choose(&intake, &first, ours);
        app.run_due_jobs();
        assert_eq!(told(&receiver).len(), 1);
        // It waits its turn; another case does not wait for it.
        progress(&mechanic, &first, "received");
        choose(&intake, &second, ours);
        app.run_due_jobs();
        assert_eq!(told(&receiver).len(), 2);
        assert_eq!(steps(&receiver, &second), ["shop_chosen"]);
        app.advance(Span::seconds(9));
        app.run_due_jobs();
        assert_eq!(told(&receiver).len(), 2, "too early");
        app.advance(Span::seconds(4));
        app.run_due_jobs();
        assert_eq!(steps(&receiver, &first), ["shop_chosen", "shop_chosen", "repairing"]);
        let ids: Vec<_> =
            receiver.received().iter().map(|m| m.header("webhook-id").to_owned()).collect();
        assert_eq!(ids[0], ids[2], "a retry has the same id");
        let stuck = || admin.get(&format!("/webhooks/{id}")).expect(200).value()["stuck"].clone();
        assert_eq!(stuck(), json!([]));

        // Given up after the tenth try; what follows waits behind it until somebody decides.
        receiver.always(Some("302 Found\r\nlocation: http://127.0.0.1:1/"));
        progress(&mechanic, &first, "repairing");
        for _ in 0..10 {
            app.run_due_jobs();
            app.advance(Span::hours(31));
        }
        app.run_due_jobs();
        let tried = steps(&receiver, &first).len() - 3;
        assert_eq!(tried, 10);
        let seen = stuck();
        assert_eq!((&seen[0]["attempts"], &seen[0]["case_id"]), (&json!(10), &json!(first)));
        assert_eq!(seen[0]["last_error"], "answered 302");
        progress(&mechanic, &first, "completed");
        app.run_due_jobs();
        app.advance(Span::days(10));
        app.run_due_jobs();
        assert_eq!(steps(&receiver, &first).len(), 13);

        receiver.always(None);
        let path = format!("/webhooks/{id}/stuck");
        let settle = |case: &str, again: bool| {
            admin.post(&path, &json!({ "case_id": case, "again": again }))
        };
        let refused = settle(&second, true).problem(409, "conflict");
        assert_eq!(refused.facts["reason"], "not_stuck");
        assert_eq!(settle(&first, true).expect(200).value(), json!([]));
        app.run_due_jobs();
        assert_eq!(steps(&receiver, &first).len(), 15, "both, in order");
        let sequence =
            |m: &Received| serde_json::from_str::<Value>(&m.body).unwrap()["sequence"].as_i64();
        let last: Vec<_> = receiver.received().iter().rev().take(2).map(sequence).collect();
        assert!(last[0] > last[1]);

        // Left out instead.
        receiver.always(Some("410 Gone"));
        progress(&mechanic, &first, "delivered");
        for _ in 0..11 {
            app.run_due_jobs();
            app.advance(Span::hours(31));
        }
        let before = told(&receiver).len();
        receiver.always(None);
        let _ = settle(&first, false).expect(200);
        app.run_due_jobs();
        assert_eq!(told(&receiver).len(), before);
        let skipped =
            app.count("SELECT count(*) AS n FROM webhook_deliveries WHERE state = 'skipped'");
        assert_eq!(skipped, 1);
    });
}

#[test]
fn a_node_that_dies_while_it_sends_leaves_it_to_the_next_one() {
    each(|app| {
        let admin = app.person(Role::Admin);
        let ours = shop(app, "L1", None);
        let receiver = Receiver::start();
        let wanted = json!({ "audience": "shop", "shop_id": ours, "url": receiver.url() });
        let _ = register(&admin, &wanted);
        let case = new_case(app);
        choose(&app.person(Role::Intake), &case, ours);
        app.run_due_jobs();
        assert_eq!(told(&receiver).len(), 1);
        // As if the answer had never been noted.
        let until = app.now() + Span::seconds(60);
        app.write(move |conn| {
            use diesel::RunQueryDsl;
            let again = "UPDATE webhook_deliveries SET state = 'waiting', settled_at = NULL";
            diesel::sql_query(again).execute(conn)?;
            let locked =
                format!("UPDATE webhook_lanes SET state = 'waiting', locked_until = {}", until.0);
            diesel::sql_query(locked).execute(conn)?;
            Ok(())
        });
        app.run_due_jobs();
        assert_eq!(told(&receiver).len(), 1, "somebody sends it already");
        app.advance(Span::seconds(60));
        // Two nodes find it at once.
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| app.run_due_jobs());
            }
        });
        let received = receiver.received();
        assert_eq!(received.len(), 2);
        assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
        let waiting = "SELECT count(*) AS n FROM webhook_deliveries WHERE state = 'waiting'";
        assert_eq!(app.count(waiting), 0);
    });
}

#[test]
fn the_core_system_hears_every_event_of_its_branch_and_of_no_other() {
    each(|app| {
        let admin = app.person_at("hz", &[Role::Admin]);
        let before = new_case(app);
        app.advance(Span::seconds(1));
        let receiver = Receiver::start();
        let _ = register(&admin, &json!({ "audience": "core_system", "url": receiver.url() }));
        let assessed = Assessed::with_a_bumper(app);
        let _ = assessed.frozen();
        let elsewhere = app.person_at("nb", &[Role::Intake]);
        let _ = elsewhere.post("/cases", &tests::report_of("浙B12345")).expect(201);
        app.run_due_jobs();
        assert_eq!(
            steps(&receiver, &assessed.case),
            crate::field::timeline(&assessed.surveyor, &assessed.case)
        );
        assert!(steps(&receiver, &before).is_empty(), "what was before it is not told");
        let cases: std::collections::BTreeSet<_> = told(&receiver).into_iter().collect();
        assert!(cases.iter().all(|(case, _)| *case == assessed.case), "{cases:?}");
        // What happens to an earlier case from now on is told.
        choose(&app.person(Role::Intake), &before, shop(app, "L1", None));
        app.run_due_jobs();
        assert_eq!(steps(&receiver, &before), ["shop_chosen"]);
    });
}

#[test]
fn only_administrators_register_and_only_public_addresses() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let (admin, ours) = (app.person(Role::Admin), shop(&app, "L1", None));
    let hook = |url: &str| json!({ "audience": "shop", "shop_id": ours, "url": url });
    for (url, code) in [
        ("http://hooks.example.cn/", "not_https"),
        ("http://127.0.0.1:1/", "not_https"),
        ("https://127.0.0.1/", "not_public"),
        ("https://10.1.2.3/", "not_public"),
        ("https://169.254.169.254/latest/meta-data", "not_public"),
        ("https://[::1]/", "not_public"),
        ("https://localhost/", "not_public"),
        ("https://a:b@hooks.example.cn/", "credentials"),
        ("hooks.example.cn", "malformed"),
    ] {
        admin.post("/webhooks", &hook(url)).refuses("url", code);
    }
    let fine = hook("https://hooks.example.cn/chakan");
    let mut wrong = fine.clone();
    wrong["shop_id"] = json!(new_id());
    admin.post("/webhooks", &wrong).refuses("shop_id", "unknown");
    wrong.as_object_mut().unwrap().remove("shop_id");
    admin.post("/webhooks", &wrong).refuses("shop_id", "exactly_for_shop");
    wrong["audience"] = json!("everybody");
    admin.post("/webhooks", &wrong).refuses("audience", "unknown");
    let _ = app.person(Role::Manager).post("/webhooks", &fine).problem(403, "forbidden");

    let id = register(&admin, &fine);
    assert_eq!(admin.get("/webhooks").expect(200).value().as_array().unwrap().len(), 1);
    let elsewhere = app.person_at("nb", &[Role::Admin]);
    assert_eq!(elsewhere.get("/webhooks").expect(200).value(), json!([]));
    let path = format!("/webhooks/{id}");
    let _ = elsewhere.get(&path).problem(404, "not_found");
    let _ = elsewhere.post(&format!("{path}/revoke"), &json!({})).problem(404, "not_found");
    let above = app.person_at("head", &[Role::Admin]);
    let secret = above.get(&path).expect(200).value()["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() > 40);
    // The secret stands nowhere, not even in a kept reply.
    let replies =
        app.count("SELECT count(*) AS n FROM idempotency_keys WHERE body LIKE '%whsec_%'");
    assert_eq!(replies, 0);
}

fn letter<'a>(url: &'a str, at: &TestClock) -> Letter<'a> {
    use server::ports::clock::Clock;
    Letter { url, secret: b"0123456789abcdef01234567", id: "one", at: at.now(), body: "{}" }
}

#[test]
fn a_name_that_leads_home_is_not_called_whatever_it_said_before() {
    let (receiver, clock) = (Receiver::start(), TestClock::at(START));
    let strict = HttpPost::to_strangers(false);
    let home = PostFault::NoAnswer("the name leads nowhere that may be called");
    let port = receiver.address().port();
    for host in
        ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]"]
    {
        let url = format!("http://{host}:{port}/");
        let fault = strict.post(&letter(&url, &clock)).unwrap_err();
        assert_eq!(fault, home, "{host}");
    }
    assert!(receiver.received().is_empty());
    let open = HttpPost::to_strangers(true);
    open.post(&letter(&format!("http://localhost:{port}/"), &clock)).unwrap();
    // A redirect leads nowhere either.
    receiver.answer(&[&format!("307 Away\r\nlocation: http://127.0.0.1:{port}/other")]);
    let away = open.post(&letter(&receiver.url(), &clock)).unwrap_err();
    assert_eq!(away, PostFault::Refused(307));
    assert_eq!(receiver.received().len(), 2);
}

#[test]
fn https_is_spoken_and_a_stranger_is_not_trusted() {
    use std::io::Read;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let mut first = [0_u8; 2];
        listener.accept().unwrap().0.read_exact(&mut first).map(|()| first).ok()
    });
    let clock = TestClock::at(START);
    let fault = HttpPost::to_strangers(true).post(&letter(&url, &clock)).unwrap_err();
    assert!(matches!(fault, PostFault::NoAnswer(_)), "{fault}");
    // A handshake of TLS, whatever comes of it; without a store of roots nobody is called at all.
    match heard.join().unwrap() {
        Some(first) => assert_eq!(first, [0x16, 0x03]),
        None => assert_eq!(fault, PostFault::NoAnswer("no trusted connection")),
    }
}

#[test]
fn the_gateway_for_text_messages_is_told_again_until_it_takes_one() {
    let (receiver, clock) = (Receiver::start(), Arc::new(TestClock::at(START)));
    let secret = b"0123456789abcdef01234567".to_vec();
    let post = Arc::new(HttpPost::to_operators_own());
    let gateway = HttpGateway::new(receiver.url(), secret.clone(), post, clock);
    let message = Message {
        id: new_id().to_string(),
        recipient: CUSTOMER.into(),
        text: "验证码123456".into(),
    };
    receiver.answer(&["503 Later"]);
    let fault = gateway.send(&message).unwrap_err().to_string();
    assert!(fault.contains("503") && !fault.contains(CUSTOMER) && !fault.contains("123456"));
    gateway.send(&message).unwrap();
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(secret));
    for request in &received {
        assert!(is_signed(request, &secret));
        let said: Value = serde_json::from_str(&request.body).unwrap();
        let expected = json!({ "id": message.id, "to": CUSTOMER, "text": "验证码123456" });
        assert_eq!((said, request.header("webhook-id")), (expected, message.id.as_str()));
    }
}
