//! What proves an agreement: the bundle, the printed document, agreements without signal, agents, parts.

use std::process::Command;

use api_spec::agreement::AgreementBundle;
use serde_json::{Value, json};
use server::{agreement::verify::bundle_holds, evidence::verify::PublicKeys, wire};
use sha2::{Digest, Sha256};
use sync_core::{
    ids::{CaseId, VersionId},
    protocol::agreement_text,
    time::Span,
};
use tests::{Device, Person, Scratch, TestApp, binary, each_engine};
use uuid::Uuid;

use crate::{
    assessed::{Assessed, code_in, submit},
    field::{new_id, timeline},
};

const DRAWN: &str = "100,100 200,150 300,80;350,120 400,200";

fn keys(app: &TestApp) -> Value {
    app.request("GET", "/.well-known/seal-keys.json").send().expect(200).value()
}

each_engine!(a_bundle_is_proved_offline_and_no_byte_of_it_can_be_changed, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let code = assessed.code(&link);
    let _ = app.request("GET", &format!("{link}/bundle")).send().problem(404, "not_found");
    let form = format!("code={code}&drawing={}", DRAWN.replace(' ', "+").replace(';', "%3B"));
    let page = submit(&app, &format!("{link}/agree"), &form).expect(200).text();
    assert!(page.contains(&format!("{link}/bundle")) && page.contains("agreement.pdf"), "{page}");

    let saved = app.request("GET", &format!("{link}/bundle")).send().expect(200);
    let bundle: AgreementBundle = saved.json();
    let own: AgreementBundle =
        assessed.surveyor.get(&assessed.path("/agreement/bundle")).expect(200).json();
    assert_eq!(bundle, own);
    assert_eq!(bundle.drawing.as_deref(), Some(DRAWN));
    let public = PublicKeys::of_jwks(&keys(&app)).unwrap();
    let proved = bundle_holds(&bundle, &public).unwrap();
    assert!(proved.contains("140950 fen on version 1"), "{proved}");
    let other_pdf = base64_of(b"%PDF-1.7 another");
    for (what, changed) in [
        (
            "amount",
            AgreementBundle { record: bundle.record.replace("140950", "140951"), ..bundle.clone() },
        ),
        (
            "sheet",
            AgreementBundle {
                sheet: bundle.sheet.replace("前保险杠", "后保险杠"),
                ..bundle.clone()
            },
        ),
        ("document", AgreementBundle { pdf: Some(other_pdf), ..bundle.clone() }),
        ("no document", AgreementBundle { pdf: None, ..bundle.clone() }),
        ("signature by hand", AgreementBundle { drawing: None, ..bundle.clone() }),
        ("key", AgreementBundle { key_id: Uuid::nil().to_string(), ..bundle.clone() }),
    ] {
        assert!(bundle_holds(&changed, &public).is_err(), "another {what} passes");
    }

    // The same by the command, from two files.
    let place = Scratch::new("bundle");
    let (file, keys_file) = (place.path().join("bundle.json"), place.path().join("keys.json"));
    std::fs::write(&file, &saved.body).unwrap();
    std::fs::write(&keys_file, keys(&app).to_string()).unwrap();
    let verify = |file: &std::path::Path| {
        Command::new(binary::path())
            .args(["verify", "agreement"])
            .arg(file)
            .arg("--keys")
            .arg(&keys_file)
            .output()
            .unwrap()
    };
    assert!(verify(&file).status.success());
    std::fs::write(&file, String::from_utf8(saved.body).unwrap().replace("前保险杠", "后保险杠"))
        .unwrap();
    let refused = verify(&file);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not the one that was agreed on"));

    let acts = app
        .person(server::auth::policy::Role::Manager)
        .get(&assessed.path("/custody"))
        .expect(200)
        .text();
    assert!(acts.contains("agreement_sealed"), "{acts}");
});

fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes)
}

/// What a phone without signal brings back.
fn signed(app: &TestApp, device: &Device, case: &str, version: &Value, sha256: &str) -> Value {
    let (id, at) = (new_id(), app.now() - Span::hours(2));
    let drawn: String = Sha256::digest(DRAWN).iter().map(|b| format!("{b:02x}")).collect();
    let version_id = VersionId(version["id"].as_str().unwrap().parse().unwrap());
    let case = CaseId(case.parse().unwrap());
    let text = agreement_text(id, case, version_id, sha256, at, &drawn);
    json!({
        "id": id, "version_id": version["id"], "sheet_sha256": sha256,
        "signed_at": wire::time(at), "device_now": wire::time(app.now()),
        "drawing": DRAWN, "signature": device.sign(&text),
    })
}

fn on_phone(assessed: &Assessed<'_>) -> (Device, Person) {
    Device::of(&assessed.surveyor)
}

each_engine!(an_agreement_without_signal_is_confirmed_for_the_very_bytes_on_record, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let version = assessed.frozen();
    let (phone, surveyor) = on_phone(&assessed);
    let path = assessed.path("/offline-agreements");
    let sha256 = version["sheet_sha256"].as_str().unwrap();
    let body = signed(&app, &phone, &assessed.case, &version, sha256);
    let _ = assessed.surveyor.post(&path, &body).problem(403, "forbidden");

    let mut forged = body.clone();
    forged["sheet_sha256"] = json!("0".repeat(64));
    surveyor.post(&path, &forged).refuses("signature", "wrong_signature");

    let done = surveyor.post(&path, &body).expect(200).value();
    assert_eq!(done["state"], "confirmed");
    assert_eq!(done["signed_at"], body["signed_at"]);
    let again = surveyor.post(&path, &body).expect(200).value();
    assert_eq!(again, done);
    assert_eq!(assessed.agreement()["state"], "agreed");
    let bundle: AgreementBundle =
        surveyor.get(&assessed.path("/agreement/bundle")).expect(200).json();
    assert!(bundle.record.contains("\"method\":\"device_signature\""));
    bundle_holds(&bundle, &PublicKeys::of_jwks(&keys(&app)).unwrap()).unwrap();
    let verifier = app.person(server::auth::policy::Role::Verifier);
    let queue = verifier.get("/verification-queue").expect(200).value();
    assert_eq!(queue["items"][0]["version_id"], version["id"]);
});

each_engine!(an_agreement_without_signal_on_anything_else_is_visibly_void, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let version = assessed.frozen();
    let (phone, surveyor) = on_phone(&assessed);
    let path = assessed.path("/offline-agreements");
    let other = signed(&app, &phone, &assessed.case, &version, &"0".repeat(64));
    let voided = surveyor.post(&path, &other).expect(200).value();
    assert_eq!(
        (&voided["state"], &voided["void_reason"]),
        (&json!("void"), &json!("not_on_record"))
    );

    assessed.add_part("大灯", 100);
    let _ = assessed.frozen();
    let sha256 = version["sheet_sha256"].as_str().unwrap();
    let late = signed(&app, &phone, &assessed.case, &version, sha256);
    let voided = surveyor.post(&path, &late).expect(200).value();
    assert_eq!(voided["void_reason"], "newer_version");
    assert_eq!(assessed.agreement()["void_offline"].as_array().unwrap().len(), 2);
    assert!(
        timeline(&assessed.surveyor, &assessed.case).contains(&"offline_agreement_void".into())
    );
    assert_ne!(assessed.agreement()["state"], "agreed");
});

/// The same as a command of the phone's outbox.
fn command(body: &Value, case: &str) -> Value {
    let mut command = body.clone();
    let fields = command.as_object_mut().unwrap();
    fields.remove("device_now");
    let at = fields.remove("signed_at").unwrap();
    command["occurred_at"] = at;
    command["kind"] = json!("deliver_agreement");
    command["case_id"] = json!(case);
    command
}

/// Sends an outbox with all that a phone sends; answers the results of its commands.
fn sync(app: &TestApp, surveyor: &Person, commands: &[Value]) -> Vec<Value> {
    let body = json!({
        "device_now": wire::time(app.now()), "commands": commands, "drafts": [], "manifests": [],
    });
    let done = surveyor.post("/sync", &body).expect(200).value();
    done["commands"].as_array().unwrap().clone()
}

each_engine!(the_outbox_brings_an_agreement_once_and_in_its_place, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let version = assessed.frozen();
    let (phone, surveyor) = on_phone(&assessed);
    let sha256 = version["sheet_sha256"].as_str().unwrap();
    let body = signed(&app, &phone, &assessed.case, &version, sha256);
    let given = command(&body, &assessed.case);
    // From a browser there is no key that could have signed.
    let results = sync(&app, &assessed.surveyor, std::slice::from_ref(&given));
    assert_eq!(results[0]["problem"]["code"], "forbidden");
    let mut both = given.clone();
    both["signed_at"] = both["occurred_at"].clone();
    both["id"] = json!(new_id());
    both["drawing"] = json!("x");
    let called = json!({
        "id": new_id(), "case_id": assessed.case, "kind": "record_contact", "reached": true,
        "occurred_at": wire::time(app.now() - Span::hours(3)),
    });
    let results = sync(&app, &surveyor, &[called, both, given.clone()]);
    let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, ["applied", "refused", "applied"]);
    assert_eq!(results[1]["problem"]["errors"][0]["field"], "drawing");
    assert_eq!(results[2]["case_status"], "agreed");
    // The answer was lost: the same outbox again, also by the operation of its own.
    let again = sync(&app, &surveyor, &[given]);
    assert_eq!(again[0]["status"], "already_applied");
    let known = surveyor.post(&assessed.path("/offline-agreements"), &body).expect(200).value();
    assert_eq!(known["state"], "confirmed");
    let agreement = assessed.agreement();
    assert_eq!(agreement["state"], "agreed");
    // When the customer signed, not when it arrived.
    assert_eq!(agreement["agreed"]["agreed_at"], body["signed_at"]);
    let log = timeline(&assessed.surveyor, &assessed.case);
    assert_eq!(log.iter().filter(|kind| *kind == "agreed").count(), 1);
});

each_engine!(an_agreement_in_the_outbox_that_does_not_hold_is_told_as_often_as_it_is_sent, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let version = assessed.frozen();
    let (phone, surveyor) = on_phone(&assessed);
    let sha256 = version["sheet_sha256"].as_str().unwrap();
    let given = command(&signed(&app, &phone, &assessed.case, &version, sha256), &assessed.case);
    assessed.add_part("大灯", 100);
    let _ = assessed.frozen();
    for _ in 0..2 {
        let results = sync(&app, &surveyor, std::slice::from_ref(&given));
        assert_eq!(results[0]["status"], "refused");
        assert_eq!(results[0]["problem"]["facts"]["reason"], "newer_version");
        let detail = results[0]["problem"]["detail"].as_str().unwrap();
        assert!(detail.contains("void: newer_version"), "{detail}");
    }
    assert_eq!(assessed.agreement()["void_offline"].as_array().unwrap().len(), 1);
    let log = timeline(&assessed.surveyor, &assessed.case);
    assert_eq!(log.iter().filter(|kind| *kind == "offline_agreement_void").count(), 1);
    assert_ne!(assessed.agreement()["state"], "agreed");
});

each_engine!(
    what_the_customer_bears_and_was_not_told_of_is_not_agreed_on_without_signal_either,
    |app| {
        let mut assessed = Assessed::with_a_bumper(&app);
        let hub = assessed.add_uncovered_hub();
        assessed.edit(|pen| {
            pen.set_line_field(hub, "explained", false).unwrap();
        });
        let version = assessed.frozen();
        let (phone, surveyor) = on_phone(&assessed);
        let sha256 = version["sheet_sha256"].as_str().unwrap();
        let body = signed(&app, &phone, &assessed.case, &version, sha256);
        let voided =
            surveyor.post(&assessed.path("/offline-agreements"), &body).expect(200).value();
        assert_eq!(voided["void_reason"], "not_explained");
    }
);

each_engine!(an_authorised_agent_gets_link_and_codes_and_stands_in_the_record, |app| {
    const AGENT: &str = "13900001111";
    let assessed = Assessed::with_a_bumper(&app);
    let version = assessed.frozen();
    let wanted = json!({
        "agent_name": "受托人", "agent_phone": AGENT, "principal_role": "insured",
        "document_sha256": "a".repeat(64), "valid_until": wire::time(app.now() + Span::days(5)),
    });
    let path = assessed.path("/authorisations");
    let row = assessed.surveyor.post(&path, &wanted).expect(201).value();
    let link = json!({ "version_id": version["id"], "authorisation_id": row["id"] });
    let _ = assessed.surveyor.post(&assessed.path("/links"), &link).expect(201);
    let message = app.last_message_to(AGENT);
    let at = message.find("/a/").unwrap();
    let address = message[at..].split(' ').next().unwrap().to_owned();
    let _ = app.request("POST", &format!("{address}/code")).send().expect(200);
    let _ = assessed.agree(&address, &code_in(&app.last_message_to(AGENT))).expect(200);
    let record = assessed.agreement()["agreed"]["record"].as_str().unwrap().to_owned();
    assert!(record.contains("受托人") && record.contains(&"a".repeat(64)), "{record}");

    let revoke = format!("{path}/{}/revoke", row["id"].as_str().unwrap());
    let _ = assessed.surveyor.post(&revoke, &json!({})).expect(200);
    let again = assessed.surveyor.post(&assessed.path("/links"), &link);
    again.refuses("authorisation_id", "not_in_force");
});

each_engine!(a_customer_agrees_on_some_lines_and_names_a_total_for_the_rest, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let lamp = assessed.add_part("大灯", 100_000);
    let (_, link) = assessed.send();
    let code = assessed.code(&link);
    let partly = format!("{link}/partly");
    let _ = submit(&app, &partly, &format!("code={code}")).expect(422);
    let _ = submit(&app, &partly, &format!("d_{lamp}=1&code={code}")).expect(200);
    let standing = assessed.agreement();
    assert_eq!(standing["state"], "objected");
    assert_eq!(standing["partial"]["disputed_lines"], json!([lamp]));
    assert_eq!(standing["partial"]["agreed_fen"], 140_950);
    // The code counted once.
    let _ = assessed.agree(&link, &code).expect(422);

    let form = "reason=amount&text=%E5%A4%AA%E4%BD%8E&amount_yuan=3000";
    let _ = submit(&app, &format!("{link}/object"), form).expect(200);
    let talks = assessed.surveyor.get(&assessed.path("/negotiation")).expect(200).value();
    assert_eq!(talks["points"][0]["customer_fen"], 300_000);
    assert_eq!(talks["points"][0]["insurer_fen"], 240_950);
    assert_eq!(talks["rounds"][0]["channel"], "page");
    let _ = submit(&app, &format!("{link}/complain"), "text=%E6%80%81%E5%BA%A6").expect(200);
    let log = timeline(&assessed.surveyor, &assessed.case);
    for kind in ["partly_agreed", "objected", "offer_made", "complaint_made"] {
        assert!(log.iter().any(|known| known == kind), "{kind} is not in {log:?}");
    }
});
