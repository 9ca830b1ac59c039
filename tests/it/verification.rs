//! Journeys: verifying what was agreed, by somebody else, within their authority (C27, B22).

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::time::Span;
use tests::{Person, TestApp, each_engine};

use crate::assessed::{Assessed, open, reason, set_limits, verify};

fn agreed(app: &TestApp) -> (Assessed<'_>, Value) {
    let assessed = Assessed::with_a_bumper(app);
    let version = assessed.agreed();
    (assessed, version)
}

fn limited(app: &TestApp, single: i64, case: i64) {
    set_limits(app, &[("verifier", single, case), ("manager", 100_000_000, 100_000_000)]);
}

each_engine!(an_agreed_version_waits_until_somebody_else_verifies_exactly_it, |app| {
    let (assessed, version) = agreed(&app);
    limited(&app, 1_000_000, 1_000_000);
    let verifier = app.person(Role::Verifier);
    let queue = verifier.get("/verification-queue").expect(200).value();
    assert_eq!(queue["items"][0]["version_id"], version["id"]);
    assert_eq!(queue["items"][0]["clock"], "running");
    // A price that rests on nothing is marked.
    assert_eq!(queue["items"][0]["marks"], 1);
    assert!(app.person_at("nb", &[Role::Verifier]).get("/verification-queue").expect(200).value()["items"].as_array().unwrap().is_empty());

    let started =
        verifier.post(&assessed.path("/verification/start"), &json!({})).expect(200).value();
    assert_eq!(started["waiting"]["started_by"], json!(verifier.id));
    assert_eq!(started["marks"][0]["code"], "no_basis");
    app.advance(Span::hours(23));
    let late = verifier.get(&assessed.path("/verification")).expect(200).value();
    assert_eq!(late["waiting"]["clock"], "at_risk");
    let done = verify(&verifier, &assessed, &version).expect(200).value();
    assert_eq!(done["waiting"], Value::Null);
    assert_eq!(done["decisions"][0]["outcome"], "verified");
    assert_eq!(done["decisions"][0]["amount_fen"], 140_950);
    assert_eq!(reason(verify(&verifier, &assessed, &version)), "does_not_wait");
    let case = verifier.get(&assessed.path("")).expect(200).value();
    assert_eq!(case["case"]["status"], "verified");
});

each_engine!(nobody_verifies_what_they_assessed_in_any_role_or_name, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    // Also an assessor who only wrote one line to the draft.
    let both = app.person_at("hz", &[Role::Assessor, Role::Verifier]);
    let mut tablet = open(&both, &assessed.case);
    tablet.edit(app.now()).unwrap().set_rate("parts_management_bp", 500_i64).unwrap();
    let _ = both.post(&assessed.path("/draft/sync"), &tablet.next_request()).expect(200);
    assessed.edit(|_| {});
    let version = assessed.agreed();
    limited(&app, 1_000_000, 1_000_000);
    assert_eq!(reason(verify(&both, &assessed, &version)), "assessed_this_case");

    let verifier = app.person(Role::Verifier);
    let until = server::wire::time(app.now() + Span::days(1));
    let wanted = json!({ "to": verifier.id, "ends_at": until, "reason": "休假" });
    let given = both.post("/delegations", &wanted).expect(201).value();
    let for_both = json!({ "version_id": version["id"], "on_behalf_of": both.id });
    let path = assessed.path("/verification/verify");
    assert_eq!(reason(verifier.post(&path, &for_both)), "assessed_this_case");
    let revoke = format!("/delegations/{}/revoke", given["id"].as_str().unwrap());
    let _ = verifier.post(&revoke, &json!({})).problem(403, "forbidden");
    let _ = both.post(&revoke, &json!({})).expect(200);
    assert_eq!(reason(verifier.post(&path, &for_both)), "not_delegated");
    let _ = verify(&verifier, &assessed, &version).expect(200);
});

each_engine!(amounts_above_the_limit_need_somebody_with_more_authority, |app| {
    let (assessed, version) = agreed(&app);
    let verifier = app.person(Role::Verifier);
    assert_eq!(reason(verify(&verifier, &assessed, &version)), "no_authority");
    limited(&app, 140_949, 1_000_000);
    let problem = verify(&verifier, &assessed, &version).problem(409, "conflict");
    assert_eq!(problem.facts["reason"], "above_single_limit");
    assert_eq!(problem.facts["limit_fen"], 140_949);

    // With the authority of somebody who has more.
    let manager = app.person(Role::Manager);
    let until = server::wire::time(app.now() + Span::days(1));
    let wanted = json!({ "to": verifier.id, "ends_at": until, "reason": "出差" });
    let _ = manager.post("/delegations", &wanted).expect(201);
    let body = json!({ "version_id": version["id"], "on_behalf_of": manager.id });
    let done = verifier.post(&assessed.path("/verification/verify"), &body).expect(200).value();
    assert_eq!(done["decisions"][0]["on_behalf_of"], json!(manager.id));
});

each_engine!(a_returned_version_is_answered_or_replaced_and_agreed_on_again, |app| {
    let (mut assessed, version) = agreed(&app);
    limited(&app, 1_000_000, 1_000_000);
    let verifier = app.person(Role::Verifier);
    let whole =
        verifier.get(&assessed.path(&format!("/versions/{}", version["id"].as_str().unwrap())));
    let line = whole.expect(200).value()["vehicles"][0]["lines"][0]["id"].clone();
    let path = assessed.path("/verification/return");
    let stray = json!({ "version_id": version["id"], "remarks": [{ "line_id": uuid::Uuid::nil(), "reason": "x" }] });
    verifier.post(&path, &stray).refuses("remarks[0].line_id", "unknown");
    let remarks =
        json!([{ "line_id": line, "reason": "可修复，不需更换", "proposed_fen": 60_000 }]);
    let body = json!({ "version_id": version["id"], "remarks": remarks });
    let returned = verifier.post(&path, &body).expect(200).value();
    assert_eq!(returned["decisions"][0]["outcome"], "adjusted");
    assert_eq!(returned["decisions"][0]["remarks"], remarks);
    assert_eq!(returned["waiting"], Value::Null);

    let answer = json!({ "version_id": version["id"], "answer": "支架断裂，照片见附件" });
    let again = assessed.surveyor.post(&assessed.path("/verification/answer"), &answer).expect(200);
    assert_eq!(again.value()["waiting"]["version_id"], version["id"]);
    let twice = assessed.surveyor.post(&assessed.path("/verification/answer"), &answer);
    assert_eq!(reason(twice), "answered_already");

    // Another version takes it out of the queue, and nobody verifies the old one.
    assessed.add_part("雾灯", 20_000);
    let newer = assessed.frozen();
    assert_eq!(reason(verify(&verifier, &assessed, &version)), "does_not_wait");
    assert_eq!(reason(verify(&verifier, &assessed, &newer)), "does_not_wait");
    let link = assessed.send_version(&newer);
    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    let done = verify(&verifier, &assessed, &newer).expect(200).value();
    assert_eq!(done["decisions"].as_array().unwrap().len(), 2);

    // Who verified cannot assess any more.
    let verifier_path = assessed.path("/versions/compare");
    let changed = verifier.get(&verifier_path).expect(200).value();
    assert_eq!(changed["lines"][0]["name"], "雾灯");
});

each_engine!(racing_verifiers_make_one_decision, |app| {
    let (assessed, version) = agreed(&app);
    limited(&app, 1_000_000, 1_000_000);
    let people: Vec<Person> = (0..6).map(|_| app.person(Role::Verifier)).collect();
    let done: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = people
            .iter()
            .map(|person| {
                let (path, body) =
                    (assessed.path("/verification/verify"), json!({ "version_id": version["id"] }));
                scope.spawn(move || person.post(&path, &body).status == 200)
            })
            .collect();
        tries.into_iter().map(|t| usize::from(t.join().unwrap())).sum()
    });
    assert_eq!(done, 1);
    assert_eq!(app.count("SELECT count(*) AS n FROM verifications"), 1);
});
