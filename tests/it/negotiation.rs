//! Journeys: negotiating, explaining, visits (C14, C22, C23, C25, C28).

use serde_json::{Value, json};
use server::wire;
use sync_core::time::Span;
use tests::each_engine;

use crate::assessed::Assessed;

each_engine!(both_sides_offer_until_one_takes_the_others_offer, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let version = assessed.frozen();
    let path = assessed.path("/negotiation");
    let round = |side: &str, action: &str, amount: Value| {
        json!({
            "version_id": version["id"], "side": side, "move": action, "amount_fen": amount,
            "statement": "按4S店报价", "channel": "phone",
        })
    };
    let reason = |body: &Value| {
        let problem = assessed.surveyor.post(&path, body).problem(409, "conflict");
        problem.facts["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(&round("insurer", "accept", Value::Null)), "nothing_offered");
    let _ = assessed.surveyor.post(&path, &round("customer", "offer", json!(180_000))).expect(201);
    let _ = assessed.surveyor.post(&path, &round("insurer", "offer", json!(160_000))).expect(201);
    let agreed = assessed.surveyor.post(&path, &round("customer", "accept", Value::Null));
    let agreed = agreed.expect(201).value();
    assert_eq!(agreed["points"][0]["state"], "agreed");
    assert_eq!(agreed["points"][0]["agreed_fen"], 160_000);
    assert_eq!(agreed["rounds"].as_array().unwrap().len(), 3);
    assert_eq!(reason(&round("customer", "offer", json!(1))), "point_agreed");

    let other = app.person(server::auth::policy::Role::Surveyor);
    let _ = other.post(&path, &round("insurer", "offer", json!(1))).problem(404, "not_found");
    let stray = json!({
        "version_id": version["id"], "side": "customer", "move": "offer", "amount_fen": -1,
        "statement": "x", "channel": "phone",
    });
    assessed.surveyor.post(&path, &stray).refuses("amount_fen", "out_of_range");
});

each_engine!(a_dispute_leads_to_an_explanation_and_a_joint_assessment_with_a_result, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let _ = assessed.frozen();
    let explained = json!({
        "words": "保险杠支架已断裂", "basis": "evidence", "outcome": "resurvey_wanted",
    });
    let _ = assessed.surveyor.post(&assessed.path("/explanations"), &explained).expect(201);
    let at = |hours| json!(wire::time(app.now() + Span::hours(hours)));
    let mut wanted = json!({
        "purpose": "joint_assessment", "reason": "双方意见差距较大", "starts_at": at(24),
        "place": "文三路120号", "customer_consent": "phone",
    });
    assessed.surveyor.post(&assessed.path("/visits"), &wanted).refuses("expert", "missing");
    wanted["expert"] = json!({ "name": "公估师", "organisation": "公估公司", "kind": "adjuster" });
    let made = assessed.surveyor.post(&assessed.path("/visits"), &wanted).expect(201).value();
    let visit = format!("/visits/{}", made["visits"][0]["id"].as_str().unwrap());

    let moved =
        json!({ "starts_at": at(48), "explanation": "公估师临时有事", "asked_by": "insurer" });
    let changed = assessed.surveyor.post(&assessed.path(&format!("{visit}/change")), &moved);
    assert_eq!(changed.expect(200).value()["visits"][0]["changes"][0]["asked_by"], "insurer");
    app.advance(Span::hours(49));
    let result = json!({ "came_at": at(-1), "result": "支架确需更换", "outcome": "confirmed" });
    let path = assessed.path(&format!("{visit}/result"));
    let done = assessed.surveyor.post(&path, &result).expect(200).value();
    assert_eq!(done["visits"][0]["status"], "done");
    assert_eq!(done["visits"][0]["late_by_minutes"], 0);
    let again = assessed.surveyor.post(&path, &result).problem(409, "conflict");
    assert_eq!(again.facts["reason"], "visit_over");
});
