//! Journeys: adjudicating what was verified, by somebody who never assessed it (C33, C34, B22).

use serde_json::{Value, json};
use server::auth::policy::Role;
use tests::{Person, Reply, TestApp, each_engine};

use crate::assessed::{Assessed, open, reason, set_limits, verify};

fn limited(app: &TestApp) {
    let rows = [
        ("verifier", 1_000_000, 1_000_000),
        ("manager", 100_000_000, 100_000_000),
        ("adjudicator", 1_000_000, 1_000_000),
    ];
    set_limits(app, &rows);
}

/// A case whose only version, of ¥1,409.50, is verified.
fn verified(app: &TestApp) -> (Assessed<'_>, Value) {
    let assessed = Assessed::with_a_bumper(app);
    let version = assessed.agreed();
    limited(app);
    let _ = verify(&app.person(Role::Verifier), &assessed, &version).expect(200);
    (assessed, version)
}

fn wish(version: &Value, amount: i64) -> Value {
    json!({ "version_id": version["id"], "amount_fen": amount, "clauses": ["示范条款第十六条"] })
}

fn adjudicate(person: &Person, assessed: &Assessed<'_>, body: &Value) -> Reply {
    person.post(&assessed.path("/adjudication"), body)
}

/// Writes a rate to the draft from a tablet of somebody.
fn write(app: &TestApp, person: &Person, assessed: &Assessed<'_>, rate: i64) {
    let mut tablet = open(person, &assessed.case);
    tablet.edit(app.now()).unwrap().set_rate("parts_management_bp", rate).unwrap();
    let _ = person.post(&assessed.path("/draft/sync"), &tablet.next_request()).expect(200);
}

fn lines_written_by(app: &TestApp, person: &Person) -> i64 {
    let id = person.id;
    app.count(&format!("SELECT count(*) AS n FROM draft_change WHERE person_id = '{id}'"))
}

each_engine!(a_verified_claim_is_adjudicated_once_and_stands, |app| {
    let (mut assessed, version) = verified(&app);
    let adjudicator = app.person(Role::Adjudicator);
    let with = |body: &Value| adjudicate(&adjudicator, &assessed, body);
    with(&wish(&version, 140_951)).refuses("amount_fen", "out_of_range");
    with(&wish(&version, -1)).refuses("amount_fen", "out_of_range");
    with(&wish(&version, 140_000)).refuses("reason", "required");
    let mut odd = wish(&version, 140_950);
    odd["reason"] = json!("无");
    with(&odd).refuses("reason", "forbidden");
    odd["clauses"] = json!([]);
    with(&odd).refuses("clauses", "out_of_range");
    odd["clauses"] = json!(["第十六条", " "]);
    with(&odd).refuses("clauses[1]", "wrong_length");
    odd = wish(&version, 1);
    odd["version_id"] = json!(assessed.vehicle);
    with(&odd).refuses("version_id", "unknown");
    let elsewhere = app.person_at("nb", &[Role::Adjudicator]);
    let body = wish(&version, 140_950);
    let _ = adjudicate(&elsewhere, &assessed, &body).problem(404, "not_found");
    let _ = adjudicate(&app.person(Role::Verifier), &assessed, &body).problem(403, "forbidden");

    // With the deductible taken off, and why.
    let mut wanted = wish(&version, 120_950);
    wanted["reason"] = json!("绝对免赔额200元");
    let done = with(&wanted).expect(201).value();
    assert_eq!((&done["amount_fen"], &done["verified_fen"]), (&json!(120_950), &json!(140_950)));
    assert_eq!(done["decided_by"], json!(adjudicator.id));
    let again = with(&wanted).problem(409, "conflict");
    assert_eq!(again.facts["reason"], "already_adjudicated");
    let standing = assessed.surveyor.get(&assessed.path("/adjudication")).expect(200).value();
    assert_eq!(standing["items"], json!([done]));
    let case = adjudicator.get(&assessed.path("")).expect(200).value();
    assert_eq!(case["case"]["status"], "adjudicated");
    for (audience, now) in [("customer", "adjudicated"), ("verifier", "adjudicated")] {
        let path = assessed.path(&format!("/status?audience={audience}"));
        assert_eq!(adjudicator.get(&path).expect(200).value()["now"], now);
    }
    // Its sheet stands.
    assessed.add_part("大灯", 100);
    assert_eq!(reason(assessed.freeze()), "already_adjudicated");
});

each_engine!(nobody_adjudicates_what_they_assessed_whatever_their_role_is_by_now, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    limited(&app);
    // One wrote a line as assessor and was made adjudicator since; the other has both roles.
    let moved = app.person_at("hz", &[Role::Assessor]);
    let both = app.person_at("hz", &[Role::Assessor, Role::Adjudicator]);
    write(&app, &moved, &assessed, 500);
    write(&app, &both, &assessed, 600);
    assessed.edit(|_| {});
    let admin = app.person_at("head", &[Role::Admin]);
    let path = format!("/people/{}", moved.id);
    let _ = admin.patch(&path, 1, &json!({ "roles": ["adjudicator"] })).expect(200);
    let version = assessed.agreed();
    let _ = verify(&app.person(Role::Verifier), &assessed, &version).expect(200);
    let total = version["total_fen"].as_i64().unwrap();
    for person in [&moved, &both] {
        let refused = adjudicate(person, &assessed, &wish(&version, total));
        assert_eq!(reason(refused), "assessed_this_case");
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM adjudications"), 0);
    let clean = app.person(Role::Adjudicator);
    let _ = adjudicate(&clean, &assessed, &wish(&version, total)).expect(201);
});

each_engine!(whoever_judged_a_case_writes_beside_its_draft_only, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let version = assessed.agreed();
    limited(&app);
    let verifier = app.person_at("hz", &[Role::Assessor, Role::Verifier]);
    let principal = app.person_at("hz", &[Role::Assessor, Role::Verifier]);
    let until = server::wire::time(app.now() + sync_core::time::Span::days(1));
    let lent = json!({ "to": verifier.id, "ends_at": until, "reason": "休假" });
    let _ = principal.post("/delegations", &lent).expect(201);
    let body = json!({ "version_id": version["id"], "on_behalf_of": principal.id });
    let _ = verifier.post(&assessed.path("/verification/verify"), &body).expect(200);
    let adjudicator = app.person_at("hz", &[Role::Assessor, Role::Adjudicator]);
    let _ = adjudicate(&adjudicator, &assessed, &wish(&version, 140_950)).expect(201);

    // Nothing of it is lost, and nothing of it makes them an assessor.
    for (n, person) in (1..).zip([&verifier, &principal, &adjudicator]) {
        write(&app, person, &assessed, 100 * n);
        assert_eq!(lines_written_by(&app, person), 0);
        let held = assessed.surveyor.get(&assessed.path("/draft/late-work")).expect(200).value();
        assert_eq!(json!(held["items"].as_array().unwrap().len()), json!(n), "{held}");
    }
    assessed.edit(|_| {});
    let offer = json!({
        "version_id": version["id"], "side": "insurer", "move": "offer", "amount_fen": 100,
        "statement": "可修复", "channel": "phone",
    });
    for (person, duty) in
        [(&verifier, "verified"), (&principal, "verified"), (&adjudicator, "adjudicated")]
    {
        let refused = person.post(&assessed.path("/negotiation"), &offer);
        assert_eq!(reason(refused), format!("{duty}_this_case"));
    }
});

each_engine!(authority_to_adjudicate_is_data_of_its_own, |app| {
    let (assessed, version) = verified(&app);
    let body = wish(&version, 140_950);
    let adjudicator = app.person(Role::Adjudicator);
    // A verifier's limits lend nothing to an adjudicator of the same name.
    app.advance(sync_core::time::Span::minutes(1));
    set_limits(&app, &[("verifier", 1_000_000, 1_000_000)]);
    let both = app.person_at("hz", &[Role::Verifier, Role::Adjudicator]);
    for person in [&adjudicator, &both] {
        assert_eq!(reason(adjudicate(person, &assessed, &body)), "no_authority");
    }
    for (single, case, code, limit) in [
        (140_949, 1_000_000, "above_single_limit", 140_949),
        (1_000_000, 140_949, "above_case_limit", 140_949),
    ] {
        app.advance(sync_core::time::Span::minutes(1));
        set_limits(&app, &[("adjudicator", single, case)]);
        let refused = adjudicate(&adjudicator, &assessed, &body).problem(409, "conflict");
        assert_eq!(refused.facts["reason"], code);
        assert_eq!(refused.facts["limit_fen"], limit);
    }
    app.advance(sync_core::time::Span::minutes(1));
    set_limits(&app, &[("adjudicator", 140_950, 140_950)]);
    let _ = adjudicate(&adjudicator, &assessed, &body).expect(201);
    let other = Assessed::with_a_bumper(&app);
    adjudicate(&adjudicator, &other, &wish(&version, 1)).refuses("version_id", "unknown");
    let waiting = other.agreed();
    assert_eq!(
        reason(adjudicate(&adjudicator, &other, &wish(&waiting, 140_950))),
        "version_not_verified"
    );
});
