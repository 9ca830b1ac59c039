//! Guessing passwords (B18).

use serde_json::json;
use server::auth::policy::Role;
use sync_core::time::Span;
use tests::{PASSWORD, Reply, each_engine};

use super::phone::{Phone, by_password, log_in};

/// All of an answer that a stranger sees, but for its request id.
fn seen(reply: &Reply) -> (u16, String, Vec<Option<String>>) {
    let names =
        ["content-type", "retry-after", "www-authenticate", "cache-control", "content-length"];
    let headers = names.iter().map(|name| reply.header(name).map(str::to_owned)).collect();
    (reply.status, reply.text(), headers)
}

each_engine!(twenty_guesses_an_hour_are_looked_at_and_no_name_tells_whether_it_exists, |app| {
    let person = app.person(Role::Surveyor);
    for n in 0..20 {
        let known = by_password(&app, &person.username, &format!("wrong password {n}"));
        let unknown = by_password(&app, "nobody.at.all", &format!("wrong password {n}"));
        known.problem(401, "login_failed");
        assert_eq!(seen(&known), seen(&unknown), "guess {n}");
        app.advance(Span::seconds(1));
    }
    let known = by_password(&app, &person.username, "wrong password 20");
    let unknown = by_password(&app, "nobody.at.all", "wrong password 20");
    known.problem(429, "too_many_requests");
    assert_eq!(seen(&known), seen(&unknown));
    // The first guess was twenty seconds ago.
    assert_eq!(known.header("retry-after"), Some("3580"));
    // The right password is not looked at either, in whatever spelling the name comes.
    by_password(&app, &person.username, PASSWORD).problem(429, "too_many_requests");
    let spelled = format!(" {} ", person.username.to_uppercase());
    by_password(&app, &spelled, PASSWORD).problem(429, "too_many_requests");

    app.advance(Span::seconds(3_579));
    by_password(&app, &person.username, PASSWORD).problem(429, "too_many_requests");
    app.advance(Span::seconds(1));
    let _ = by_password(&app, &person.username, PASSWORD).expect(200);
    // A right password costs nothing: the one place is free again.
    let _ = by_password(&app, &person.username, PASSWORD).expect(200);
    by_password(&app, &person.username, "wrong password").problem(401, "login_failed");
    by_password(&app, &person.username, PASSWORD).problem(429, "too_many_requests");
});

each_engine!(guesses_at_once_are_no_more_than_guesses_in_a_row, |app| {
    let person = app.person(Role::Surveyor);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let guess = |n: usize| {
            let (app, username) = (&app, &person.username);
            scope.spawn(move || by_password(app, username, &format!("wrong password {n}")).status)
        };
        let running: Vec<_> = (0..40).map(guess).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|seen| **seen == status).count();
    assert_eq!((count(401), count(429)), (20, 20), "{statuses:?}");
});

each_engine!(a_hundred_guesses_an_hour_from_one_address_are_looked_at, |app| {
    let person = app.person(Role::Surveyor);
    for n in 0..100 {
        let name = format!("sprayed.{}", n % 10);
        // What a header says about the address does not count.
        let reply = app
            .request("POST", "/auth/login")
            .header("x-forwarded-for", &format!("203.0.113.{n}"))
            .header("forwarded", &format!("for=203.0.113.{n}"))
            .json(&json!({ "username": name, "password": "Winter 2026!" }))
            .send();
        reply.problem(401, "login_failed");
    }
    by_password(&app, &person.username, PASSWORD).problem(429, "too_many_requests");
    // The account itself has all its guesses left: its owner's phone is not concerned.
    let phone = Phone::of(&person);
    let _ = phone.log_in(&app, &person);
    app.advance(Span::hours(1));
    let _ = by_password(&app, &person.username, PASSWORD).expect(200);
});

each_engine!(strangers_do_not_shut_out_the_owner_on_an_enrolled_device, |app| {
    let (person, other) = (app.person(Role::Surveyor), app.person(Role::Surveyor));
    let (phone, others_phone) = (Phone::of(&person), Phone::of(&other));
    for n in 0..20 {
        by_password(&app, &person.username, &format!("wrong password {n}"))
            .problem(401, "login_failed");
    }
    by_password(&app, &person.username, PASSWORD).problem(429, "too_many_requests");
    let _ = phone.log_in(&app, &person);

    // A stranger gains nothing by naming the device, nor with a device of another person.
    let name = &person.username;
    for body in [
        phone.copy_without_key().login(name, PASSWORD, app.now()),
        Phone::new().login(name, PASSWORD, app.now()),
        others_phone.login(name, PASSWORD, app.now()),
    ] {
        log_in(&app, &body).problem(429, "too_many_requests");
    }
    // A proof is for one user name and one moment.
    let mut moved = phone.login(name, PASSWORD, app.now());
    moved["device_proof"]["at"] = json!(server::wire::time(app.now() + Span::seconds(1)));
    log_in(&app, &moved).problem(429, "too_many_requests");
    // Whoever has the phone has twenty guesses of their own.
    for n in 0..20 {
        let body = phone.login(name, &format!("wrong password {n}"), app.now());
        log_in(&app, &body).problem(401, "login_failed");
    }
    let body = phone.login(name, PASSWORD, app.now());
    log_in(&app, &body).problem(429, "too_many_requests");
});

each_engine!(a_log_in_of_the_wrong_shape_is_told_so_without_a_look_at_the_account, |app| {
    let refused = |body: serde_json::Value, field: &str, code: &str| {
        log_in(&app, &body).refuses(field, code);
    };
    let device = Phone::new();
    let proof = device.login("a", "b", app.now())["device_proof"].clone();
    refused(json!({ "username": "", "password": "x" }), "username", "wrong_length");
    refused(json!({ "username": "a".repeat(65), "password": "x" }), "username", "wrong_length");
    refused(json!({ "username": "a", "password": "" }), "password", "wrong_length");
    refused(json!({ "username": "a", "password": "x".repeat(257) }), "password", "wrong_length");
    let half = json!({ "username": "a", "password": "b", "device_id": device.id });
    refused(half, "device_proof", "required");
    refused(
        json!({ "username": "a", "password": "b", "device_proof": proof }),
        "device_id",
        "required",
    );
    refused(json!({ "username": "a", "password": "b", "admin": true }), "admin", "wrong_shape");
    assert_eq!(app.count("SELECT count(*) AS n FROM login_throttle"), 0);
});

each_engine!(nothing_in_the_throttle_says_who_tried, |app| {
    by_password(&app, "secret.name", "wrong password").problem(401, "login_failed");
    let two = "SELECT count(*) AS n FROM login_throttle WHERE length(subject) > 64";
    assert_eq!(app.count(two), 2);
    let named = "SELECT count(*) AS n FROM login_throttle WHERE subject LIKE '%secret%' OR subject LIKE '%127.0%'";
    assert_eq!(app.count(named), 0);
    // A day later the round of the hour forgets them.
    app.advance(Span::hours(25));
    app.run_due_jobs();
    assert_eq!(app.count("SELECT count(*) AS n FROM login_throttle"), 0);
});
