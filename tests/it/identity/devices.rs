//! Enrolling, listing and revoking devices.

use serde_json::json;
use server::{auth::policy::Role, wire};
use sync_core::{ids::DeviceId, time::Span};
use tests::{PASSWORD, each_engine};
use uuid::Uuid;

use super::phone::{Phone, by_password, log_in};

each_engine!(a_device_proves_its_key_when_it_is_enrolled, |app| {
    let (person, other) = (app.person(Role::Surveyor), app.person(Role::Surveyor));
    let phone = Phone::new();
    let device = person.post("/devices", &phone.enrolment(&person)).expect(201).value();
    assert_eq!(device["id"], json!(phone.id));
    assert_eq!(device["person_id"], json!(person.id));
    assert_eq!(device["revoked_at"], json!(null));
    // The app tries again under a new key of its own: the same device.
    let again = person.post("/devices", &phone.enrolment(&person)).expect(201).value();
    assert_eq!(again, device);

    let mut copied = phone.enrolment(&other);
    copied["id"] = json!(Uuid::from_u128(7));
    other.post("/devices", &copied).refuses("proof", "bad_signature");
    // Signed by the phone's owner for themselves, presented by somebody else.
    other.post("/devices", &phone.enrolment(&person)).refuses("proof", "bad_signature");
    other.post("/devices", &phone.enrolment(&other)).refuses("id", "id_taken");
    let renamed = phone.under_another_id(Uuid::from_u128(8));
    person.post("/devices", &renamed.enrolment(&person)).refuses("public_key", "key_taken");

    for (field, value, code) in [
        ("public_key", json!("AAAA"), "not_a_key"),
        ("public_key", json!("%%%"), "not_a_key"),
        ("name", json!(""), "wrong_length"),
        ("name", json!("a\u{7}b"), "forbidden_character"),
        ("platform", json!("x".repeat(65)), "wrong_length"),
        ("proof", json!("x".repeat(10_000)), "bad_signature"),
        ("id", json!("phone"), "wrong_shape"),
    ] {
        let mut body = Phone::new().enrolment(&person);
        body[field] = value;
        person.post("/devices", &body).refuses(field, code);
    }
});

each_engine!(nobody_carries_more_than_twenty_devices, |app| {
    let person = app.person(Role::Surveyor);
    let first = Phone::of(&person);
    for _ in 0..19 {
        let _ = Phone::of(&person);
    }
    let one_more = Phone::new();
    let refused = person.post("/devices", &one_more.enrolment(&person)).problem(409, "conflict");
    assert_eq!(refused.facts["reason"], "too_many_devices");
    let _ = person.post(&format!("/devices/{}/revoke", first.id), &json!({})).expect(200);
    let _ = person.post("/devices", &one_more.enrolment(&person)).expect(201);
    let page = person.get("/devices?limit=15").expect(200).value();
    let rest = person
        .get(&format!("/devices?limit=15&cursor={}", page["next_cursor"].as_str().unwrap()))
        .expect(200)
        .value();
    let count = |page: &serde_json::Value| page["items"].as_array().unwrap().len();
    assert_eq!((count(&page), count(&rest)), (15, 6));
});

each_engine!(a_wrong_clock_is_told_the_right_time, |app| {
    let person = app.person(Role::Surveyor);
    let phone = Phone::of(&person);
    for off in [Span::days(400), Span::days(-20_000), Span(300_001), Span(-300_001)] {
        let body = phone.login(&person.username, PASSWORD, app.now() + off);
        let refused = log_in(&app, &body).problem(401, "login_failed");
        assert_eq!(refused.facts["reason"], "device_clock", "{off:?}");
        let told = refused.facts["server_time"].as_str().unwrap();
        assert_eq!(told, server::wire::time(app.now()).to_rfc3339(), "{off:?}");
    }
    // Such a try says nothing about the password and costs no guess.
    assert_eq!(app.count("SELECT count(*) AS n FROM login_throttle"), 0);
    for off in [Span::minutes(5), Span::minutes(-5)] {
        let body = phone.login(&person.username, PASSWORD, app.now() + off);
        let _ = log_in(&app, &body).expect(200);
    }
});

each_engine!(a_revoked_device_is_out_at_once, |app| {
    let person = app.person(Role::Surveyor);
    let phone = Phone::of(&person);
    let body = phone.login(&person.username, PASSWORD, app.now());
    let tokens = log_in(&app, &body).expect(200).value();
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let me = || app.request("GET", "/auth/me").token(access).send();
    let _ = me().expect(200);
    let tell_place = || {
        let now = wire::time(app.now());
        let point = json!({ "lat": 30.0, "lon": 120.0, "measured_at": now });
        let body = json!({ "device_now": now, "points": [point] });
        app.request("POST", "/positions").token(access).json(&body).send()
    };
    let _ = tell_place().expect(200);

    let manager = app.person(Role::Manager);
    let revoked =
        manager.post(&format!("/devices/{}/revoke", phone.id), &json!({})).expect(200).value();
    assert_eq!(revoked["revoked_by"], json!(manager.id));
    me().problem(401, "unauthenticated");
    // Nor does it tell any more where its owner is.
    app.advance(Span::seconds(1));
    tell_place().problem(401, "unauthenticated");
    assert_eq!(app.count("SELECT count(*) AS n FROM positions"), 1);
    phone.refresh(&app, refresh).problem(401, "refresh_refused");
    // The password is right, but the device is of no use: it can enrol again under a new id and key.
    let refused = log_in(&app, &phone.login(&person.username, PASSWORD, app.now()));
    assert_eq!(refused.problem(401, "login_failed").facts["reason"], "device_refused");
    let wrong = log_in(&app, &phone.login(&person.username, "wrong password", app.now()));
    assert!(wrong.problem(401, "login_failed").facts.is_empty());
    person.post("/devices", &phone.enrolment(&person)).refuses("id", "id_taken");
    // The person themselves is in good standing.
    let _ = by_password(&app, &person.username, PASSWORD).expect(200);
    let again = person.post(&format!("/devices/{}/revoke", phone.id), &json!({})).expect(200);
    assert_eq!(again.value(), revoked, "the first revocation stands");
});

each_engine!(devices_of_others_do_not_exist_but_for_those_in_charge, |app| {
    let person = app.person(Role::Surveyor);
    let phone = Phone::of(&person);
    let list = format!("/devices?person_id={}", person.id);
    let revoke = format!("/devices/{}/revoke", phone.id);
    let nothing = format!("/devices/{}/revoke", Uuid::from_u128(9));
    for stranger in [
        app.person(Role::Surveyor),
        app.person(Role::Dispatcher),
        app.person_at("nb", &[Role::Manager]),
        app.person_at("nb", &[Role::Admin]),
    ] {
        stranger.get(&list).problem(404, "not_found");
        let hidden = stranger.post(&revoke, &json!({}));
        hidden.problem(404, "not_found");
        assert_eq!(hidden.body, stranger.post(&nothing, &json!({})).body);
    }
    for in_charge in [
        person.clone(),
        person.on_device(DeviceId(phone.id)),
        app.person(Role::Manager),
        app.person_at("head", &[Role::Admin]),
    ] {
        let page = in_charge.get(&list).expect(200).value();
        assert_eq!(page["items"][0]["id"], json!(phone.id));
    }
    let _ = person.post(&revoke, &json!({})).expect(200);
});
