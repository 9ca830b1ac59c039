//! Pushes that devices sign, devices that are lost, and what a manager decides on their work.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::protocol::{SyncRequest, push_text};
use tests::{Device, Person, Reply, TestApp, each_engine};
use uuid::Uuid;

use super::phone::{Phone, case_of, draft_of, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

fn signed(phone: &Phone, device: &Device, key: &str, request: &SyncRequest) -> Value {
    let changes: Vec<&[u8]> = request.changes.iter().map(|blob| blob.0.as_slice()).collect();
    let text = push_text(key, phone.case.parse().unwrap(), &request.actor, &changes);
    let mut body = serde_json::to_value(request).unwrap();
    body["signature"] = device.sign(&text).into();
    body
}

fn push(phone: &Phone, key: &str, body: &Value) -> Reply {
    phone.person.request("POST", &draft_of(&phone.case, "/sync")).key(key).json(body).send()
}

/// A phone on an enrolled device, with a line that was not sent.
fn on_device(app: &TestApp) -> (Device, Phone) {
    let case = case_of(app);
    let (device, person) = Device::of(&app.person(Role::Assessor));
    let mut phone = Phone::open(app, &person, &case);
    phone.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    (device, phone)
}

each_engine!(a_push_from_a_device_needs_its_signature_which_is_kept, |app| {
    let (device, phone) = on_device(&app);
    let request = phone.session.next_request();
    push(&phone, "1", &json!(request)).refuses("signature", "required");
    let body = signed(&phone, &device, "1", &request);
    // Under another push id the signature says nothing.
    push(&phone, "2", &body).refuses("signature", "bad_signature");
    let (other, _) = Device::of(&app.person(Role::Assessor));
    push(&phone, "1", &signed(&phone, &other, "1", &request)).refuses("signature", "bad_signature");
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 1);
    let _ = push(&phone, "1", &body).expect(200);
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_signature"), 1);
    let history = phone.person.get(&draft_of(&phone.case, "/history")).expect(200).value();
    let signed: Vec<_> =
        history["changes"].as_array().unwrap().iter().map(|c| c["signed"].as_bool()).collect();
    assert_eq!(signed, [Some(false), Some(true)]);
    // A pull brings nothing that would need one.
    let pull = SyncRequest { changes: Vec::new(), ..request };
    let _ = push(&phone, "3", &json!(pull)).expect(200);
});

fn hand_in(app: &TestApp, phone: &Phone, body: &Value) -> Reply {
    app.request("POST", &draft_of(&phone.case, "/hand-in")).json(body).send()
}

fn unsent(phone: &Phone, device: &Device) -> Value {
    let request = phone.session.next_request();
    let body = signed(phone, device, "unsent", &request);
    json!({
        "device_id": device.id, "actor": body["actor"], "push_id": "unsent",
        "changes": body["changes"], "signature": body["signature"],
    })
}

fn revoke(manager: &Person, device: &Device) {
    let path = format!("/devices/{}/revoke", device.id);
    let _ = manager.post(&path, &json!({})).expect(200);
}

each_engine!(signed_work_of_a_lost_phone_waits_for_a_manager, |app| {
    let (device, phone) = on_device(&app);
    let body = unsent(&phone, &device);
    // As long as the device is in force it syncs like everybody else.
    let _ = hand_in(&app, &phone, &body).problem(401, "unauthenticated");
    let manager = app.person(Role::Manager);
    revoke(&manager, &device);
    let request = phone.session.next_request();
    let refused = push(&phone, "x", &signed(&phone, &device, "x", &request));
    let _ = refused.problem(401, "unauthenticated");
    // Altered, by another key, for another actor: all the same answer.
    let mut altered = body.clone();
    altered["push_id"] = "other".into();
    let mut foreign = body.clone();
    foreign["actor"] = "0f".repeat(16).into();
    for body in [altered, foreign] {
        let _ = hand_in(&app, &phone, &body).problem(401, "unauthenticated");
    }
    for _ in 0..2 {
        let kept = hand_in(&app, &phone, &body).expect(200).value();
        assert_eq!(kept, json!({ "status": "quarantined" }));
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_quarantine"), 1);
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 1);

    let list = manager.get("/quarantine?state=open").expect(200).value();
    let entry = &list["items"][0];
    assert_eq!((&entry["rule"], &entry["signed"]), (&json!("device_revoked"), &json!(true)));
    let path = format!("/quarantine/{}", entry["id"].as_str().unwrap());
    let whole = manager.get(&path).expect(200).value();
    assert_eq!(whole["admissible"], true);
    let told: Vec<&str> =
        whole["writes"].as_array().unwrap().iter().map(|w| w["path"].as_str().unwrap()).collect();
    assert_eq!(told, [format!("lines/{LINE}/kind"), format!("lines/{LINE}/unit_price_fen")]);
    // Another branch's manager sees none of it.
    let stranger = app.person_at("nb", &[Role::Manager]);
    assert_eq!(stranger.get("/quarantine").expect(200).value()["items"], json!([]));
    let _ = stranger.get(&path).problem(404, "not_found");

    let decide = |decision: &str, key: &str| {
        let body = json!({ "decision": decision, "reason": "the phone was found" });
        manager.request("POST", &format!("{path}/decide")).key(key).json(&body).send()
    };
    decide("maybe", "0").refuses("decision", "unknown");
    let admitted = decide("admit", "1").expect(200);
    assert_eq!(admitted.value()["decision"], "admitted");
    assert_eq!(decide("admit", "1").expect(200).body, admitted.body);
    let again = decide("discard", "2").problem(409, "conflict");
    assert_eq!(again.facts["reason"], "already_decided");
    let draft = manager.get(&draft_of(&phone.case, "")).expect(200).value();
    assert_eq!(draft["draft"]["lines"][LINE.to_string()]["unit_price_fen"], 100);
    let history = manager.get(&draft_of(&phone.case, "/history?after=1")).expect(200).value();
    assert_eq!(history["changes"][0]["person_id"], json!(phone.person.id));
    assert_eq!(history["changes"][0]["device_id"], json!(device.id));
    assert_eq!(manager.get("/quarantine?state=open").expect(200).value()["items"], json!([]));
});

each_engine!(what_the_gate_refuses_cannot_be_admitted_and_is_never_dropped, |app| {
    let (case, a, b) = two_phones(&app);
    let mut writer = a;
    writer.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    let foreign = b.send_changes(writer.session.next_request().changes);
    let _ = foreign.problem(422, "quarantined");
    let _ =
        b.send_changes(vec![sync_core::protocol::Blob(vec![7; 90])]).problem(422, "quarantined");
    let manager = app.person(Role::Manager);
    let list = manager.get(&format!("/quarantine?case_id={case}")).expect(200).value();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    for entry in items {
        let path = format!("/quarantine/{}", entry["id"].as_str().unwrap());
        let whole = manager.get(&path).expect(200).value();
        assert_eq!(
            (&whole["admissible"], whole["writes"].as_array().unwrap().len()),
            (&json!(false), 0)
        );
        let body = json!({ "decision": "admit", "reason": "looks fine" });
        let refused = manager.post(&format!("{path}/decide"), &body).problem(409, "conflict");
        assert_eq!(refused.facts["reason"], "not_admissible");
        assert_eq!(refused.facts["rule"], whole["refused_by"]);
        let body = json!({ "decision": "discard", "reason": "forged" });
        let done = manager.post(&format!("{path}/decide"), &body).expect(200).value();
        assert_eq!((&done["decision"], &done["reason"]), (&json!("discarded"), &json!("forged")));
        let kept = manager.get(&path).expect(200).value();
        assert_eq!(kept["bytes"], whole["bytes"]);
        let bytes = BASE64_STANDARD.decode(kept["bytes"].as_str().unwrap()).unwrap();
        assert!(!bytes.is_empty());
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_quarantine"), 2);
});
