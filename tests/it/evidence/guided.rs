//! Journeys: which photos a case needs, what is wrong with those that are there, what they prove.

use super::*;

each_engine!(a_plan_is_filled_and_a_reviewer_asks_for_more, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let path = format!("/cases/{case}/capture-plan");
    let plan = |kind: &str| surveyor.get(&format!("{path}?kind={kind}")).expect(200).value();
    let missing = |plan: &Value| -> u64 {
        plan["slots"].as_array().unwrap().iter().map(|slot| slot["missing"].as_u64().unwrap()).sum()
    };
    let before = missing(&plan("glass"));
    assert!(before > 3);
    let mut photo = entry(&jpeg(1));
    photo["slot"] = json!("vin");
    let _ = declare(&surveyor, case, &[photo]).expect(200);
    assert_eq!(missing(&plan("glass")), before - 1);
    surveyor.get(&format!("{path}?kind=ufo")).refuses("kind", "unknown");

    let verifier = app.person(Role::Verifier);
    let asked = json!({ "slot": "damage_close", "least": 2, "reason": "左前门看不清，请再拍两张" });
    let requests = format!("/cases/{case}/photo-requests");
    let _ = surveyor.post(&requests, &asked).problem(403, "forbidden");
    let saved = verifier.post(&requests, &asked).expect(201).value();
    assert_eq!((&saved["taken"], &saved["answered"]), (&json!(0), &json!(false)));
    for (name, value, code) in [
        ("slot", json!("selfie"), "unknown"),
        ("least", json!(0), "out_of_range"),
        ("reason", json!("  "), "wrong_length"),
    ] {
        let mut wrong = asked.clone();
        wrong[name] = value;
        verifier.post(&requests, &wrong).refuses(name, code);
    }
    // The phone hears of it, and its new photos answer it.
    assert_eq!(plan("glass")["requests"][0]["reason"], asked["reason"]);
    assert_eq!(events(&surveyor, case, "photos_requested"), 1);
    app.advance(Span::minutes(30));
    let later = (2..4).map(|n| {
        let mut photo = entry(&jpeg(n));
        photo["captured_at"] = json!(wire::time(app.now()));
        photo
    });
    let _ = declare(&surveyor, case, &later.collect::<Vec<_>>()).expect(200);
    let answered = plan("glass")["requests"][0].clone();
    assert_eq!((&answered["taken"], &answered["answered"]), (&json!(2), &json!(true)));
});

each_engine!(photos_are_graded_with_reasons_and_never_refused, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let mut far = entry(&jpeg(1));
    far["position"] = json!({ "lat": 31.5, "lon": 121.0, "accuracy_m": 8.0 });
    let mut mock = entry(&jpeg(2));
    mock["mock"] = json!(true);
    let fair = entry(&jpeg(3));
    let _ = declare(&surveyor, case, &[&far, &mock, &fair]).expect(200);
    for n in 1..4 {
        let _ = upload(&surveyor, case, &jpeg(n)).expect(201);
    }
    let listed = list(&surveyor, case);
    let of = |photo: &Value| {
        let all = listed["photos"].as_array().unwrap();
        let found = all.iter().find(|listed| listed["id"] == photo["id"]).unwrap();
        let codes: Vec<_> =
            found["notes"].as_array().unwrap().iter().map(|note| note["code"].clone()).collect();
        (found["grade"].clone(), codes)
    };
    assert_eq!(of(&far), (json!("weak"), vec![json!("far_from_scene")]));
    assert_eq!(of(&mock), (json!("weak"), vec![json!("mock_position")]));
    assert_eq!(of(&fair), (json!("fair"), vec![]));
});
