//! Refresh tokens: lost replies, theft, the end of a family (B15).

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::{ids::DeviceId, time::Span};
use tests::{Person, Reply, TestApp, each_engine};

use super::phone::{Phone, log_in};

fn successor(reply: &Reply) -> String {
    reply.value()["refresh_token"].as_str().unwrap().to_owned()
}

/// Gives somebody a phone number, so that they can be told.
fn with_phone(app: &TestApp, person: &Person, number: &str) {
    let admin = app.person(Role::Admin);
    let change = json!({ "phone": number });
    let _ = admin.patch(&format!("/people/{}", person.id), 1, &change).expect(200);
}

each_engine!(a_token_is_used_once_and_a_lost_reply_costs_nothing, |app| {
    let person = app.person(Role::Surveyor);
    let phone = Phone::of(&person);
    let first = phone.log_in(&app, &person);
    app.advance(Span::minutes(20));
    let answered = phone.refresh(&app, &first).expect(200);
    let body: Value = answered.value();
    let access = body["access_token"].as_str().unwrap();
    let me = app.request("GET", "/auth/me").token(access).send().expect(200).value();
    assert_eq!(me["id"], json!(person.id));
    assert_eq!(body["person"]["id"], json!(person.id));

    // The reply was lost: the same token again within a minute gets the same successor.
    let second = successor(&answered);
    assert_ne!(first, second);
    for wait in [0, 1, 59] {
        app.advance(Span::seconds(wait));
        assert_eq!(successor(&phone.refresh(&app, &first).expect(200)), second);
    }
    let third = successor(&phone.refresh(&app, &second).expect(200));
    assert!(third != second && third != first);
    // Only hashes are stored.
    let stored = "SELECT count(*) AS n FROM refresh_tokens WHERE length(token_hash) = 32";
    assert_eq!(app.count(stored), 3);
});

each_engine!(a_token_that_turns_up_again_later_ends_the_family, |app| {
    let person = app.person(Role::Surveyor);
    with_phone(&app, &person, "13955500001");
    let phone = Phone::of(&person);
    let first = phone.log_in(&app, &person);
    let second = successor(&phone.refresh(&app, &first).expect(200));
    app.advance(Span(60_001));
    phone.refresh(&app, &first).problem(401, "refresh_refused");
    phone.refresh(&app, &second).problem(401, "refresh_refused");
    assert!(app.last_message_to("13955500001").contains("重复使用"));
    // A new log-in on the same phone begins a family of its own.
    let fresh = phone.log_in(&app, &person);
    let _ = phone.refresh(&app, &fresh).expect(200);
    phone.refresh(&app, &second).problem(401, "refresh_refused");
    assert_eq!(app.messages().len(), 1, "an ended family is no new theft");
});

each_engine!(another_key_ends_the_family_at_once, |app| {
    let person = app.person(Role::Surveyor);
    let phone = Phone::of(&person);
    for thief in
        [phone.copy_without_key(), Phone::of(&app.person(Role::Surveyor)), Phone::of(&person)]
    {
        let token = phone.log_in(&app, &person);
        thief.refresh(&app, &token).problem(401, "refresh_refused");
        phone.refresh(&app, &token).problem(401, "refresh_refused");
    }
    // Also right after the owner's own use, and with a signature that is none.
    let token = phone.log_in(&app, &person);
    let next = successor(&phone.refresh(&app, &token).expect(200));
    let unsigned = json!({ "refresh_token": token, "proof": "" });
    app.request("POST", "/auth/refresh").json(&unsigned).send().problem(401, "refresh_refused");
    phone.refresh(&app, &next).problem(401, "refresh_refused");
});

each_engine!(made_up_tokens_are_refused, |app| {
    let phone = Phone::new();
    for token in ["", "x", &"x".repeat(43), &"x".repeat(100_000), "é\u{1F600}"] {
        phone.refresh(&app, token).problem(401, "refresh_refused");
    }
});

each_engine!(racing_uses_of_one_token_make_one_lineage, |app| {
    let person = app.person(Role::Surveyor);
    let phone = Phone::of(&person);
    let mut token = phone.log_in(&app, &person);
    for _ in 0..3 {
        let successors: Vec<String> = std::thread::scope(|scope| {
            let race = || scope.spawn(|| successor(&phone.refresh(&app, &token).expect(200)));
            let running: Vec<_> = (0..8).map(|_| race()).collect();
            running.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert!(successors.iter().all(|next| *next == successors[0]));
        token = successors[0].clone();
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM refresh_tokens"), 4);
});

each_engine!(a_family_ends_thirty_days_after_the_log_in_however_often_it_is_used, |app| {
    let person = app.person(Role::Surveyor);
    let phone = Phone::of(&person);
    let mut token = phone.log_in(&app, &person);
    for _ in 0..29 {
        app.advance(Span::days(1));
        token = successor(&phone.refresh(&app, &token).expect(200));
    }
    app.advance(Span::days(1));
    phone.refresh(&app, &token).problem(401, "refresh_refused");
    app.run_due_jobs();
    app.advance(Span::hours(2));
    app.run_due_jobs();
    assert_eq!(app.count("SELECT count(*) AS n FROM refresh_tokens"), 0, "forgotten");
});

each_engine!(logging_out_ends_the_devices_family_and_no_other, |app| {
    let person = app.person(Role::Surveyor);
    let (phone, tablet) = (Phone::of(&person), Phone::of(&person));
    let (token, kept) = (phone.log_in(&app, &person), tablet.log_in(&app, &person));
    let on_phone = person.on_device(DeviceId(phone.id));
    let _ = on_phone.request("POST", "/auth/logout").send().expect(204);
    let _ = on_phone.request("POST", "/auth/logout").send().expect(204);
    let _ = person.request("POST", "/auth/logout").send().expect(204);
    phone.refresh(&app, &token).problem(401, "refresh_refused");
    let _ = tablet.refresh(&app, &kept).expect(200);
});

each_engine!(a_disabled_person_and_a_new_password_end_every_family, |app| {
    let admin = app.person(Role::Admin);
    for change in [json!({ "disabled": true }), json!({ "password": "an entirely new one" })] {
        let person = app.person(Role::Surveyor);
        let phone = Phone::of(&person);
        let token = phone.log_in(&app, &person);
        let _ = admin.patch(&format!("/people/{}", person.id), 1, &change).expect(200);
        phone.refresh(&app, &token).problem(401, "refresh_refused");
        let body = phone.login(&person.username, tests::PASSWORD, app.now());
        log_in(&app, &body).problem(401, "login_failed");
    }
});
