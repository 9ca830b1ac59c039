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

/// A JPEG with a segment of XMP that names this program.
fn written_by(n: u8, program: &str) -> Vec<u8> {
    let text = format!("http://ns.adobe.com/xap/1.0/\0<x xmp:CreatorTool=\"{program}\"/>");
    let length = u16::try_from(text.len() + 2).unwrap().to_be_bytes();
    let plain = jpeg(n);
    [&plain[..2], &[0xff, 0xe1], &length, text.as_bytes(), &plain[2..]].concat()
}

each_engine!(clocks_and_distances_are_kept_as_they_were_first_known, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let edited = written_by(2, "Snapseed 2.21");
    let old = jpeg_taken_at(1, "2026:03:02 09:20:00");
    let mut far = entry(&jpeg(3));
    far["position"] = json!({ "lat": 31.5, "lon": 121.0, "accuracy_m": 8.0 });
    let photos = [entry(&old), entry(&edited), far];
    // The phone's clock is ten minutes ahead, and says so itself.
    let request = json!({ "photos": photos, "device_now": wire::time(START + Span::minutes(10)) });
    let _ = surveyor.post(&format!("/cases/{case}/photos"), &request).expect(200);
    let facts = |n: usize| {
        let listed = list(&surveyor, case)["photos"].clone();
        let listed = listed.as_array().unwrap().iter();
        let photo = listed.clone().find(|photo| photo["id"] == photos[n]["id"]).unwrap();
        (photo["facts"].clone(), photo["notes"].clone())
    };
    let announced = facts(0).0;
    assert_eq!(announced["device_ahead_ms"], json!(600_000));
    assert_eq!(announced["announced_at"], json!(wire::time(START)));
    assert_eq!(announced.get("camera_ahead_ms"), None, "before the file is here");
    let metres = facts(2).0["scene_metres"].as_i64().unwrap();
    assert!((100_000..300_000).contains(&metres), "{metres}");

    app.advance(Span::hours(2));
    for bytes in [&old, &edited, &jpeg(3)] {
        let _ = upload(&surveyor, case, bytes).expect(201);
    }
    let (kept, notes) = facts(0);
    assert_eq!(kept["camera_ahead_ms"], json!(-600_000));
    assert_eq!(kept["device_ahead_ms"], json!(600_000), "as it was when it was announced");
    let code = |note: &Value| note["code"].clone();
    let codes: Vec<_> = notes.as_array().unwrap().iter().map(code).collect();
    assert_eq!(codes, ["camera_clock_differs", "device_clock_differs"]);
    let (kept, notes) = facts(1);
    assert_eq!(kept["edited_by"], json!("Snapseed 2.21"));
    assert!(notes.as_array().unwrap().iter().any(|note| note["code"] == "edited"));
    assert_eq!((facts(2).0.get("edited_by"), &facts(2).0["screenshot"]), (None, &json!(false)));

    // The scene is put right; what was known before stays.
    let before = facts(2).0;
    let id = case.to_string();
    app.write(move |conn| {
        use diesel::RunQueryDsl;
        let sql = format!("UPDATE cases SET lat = 31.5, lon = 121.0 WHERE id = '{id}'");
        Ok(diesel::sql_query(sql).execute(conn)?)
    });
    assert_eq!(facts(2).0, before);
    let said = facts(2).1;
    assert!(!said.to_string().contains("far_from_scene"), "{said}");

    let wrong = json!({ "photos": [entry(&jpeg(9))], "device_now": "1970-01-01T00:00:00Z" });
    surveyor.post(&format!("/cases/{case}/photos"), &wrong).refuses("device_now", "out_of_range");
});

each_engine!(photo_plans_are_imported_by_version_and_a_case_keeps_its_own, |app| {
    let old = new_case(&app);
    let surveyor = surveyor_of(&app, old);
    let admin = app.person(Role::Admin);
    let first = admin.get("/photo-plans").expect(200).value();
    assert_eq!((&first["version"], first.get("imported_at")), (&json!(0), None));
    let mut plans = first["plans"].clone();
    plans["glass"] = json!([{ "slot": "mileage", "least": 3, "shorter_side": 2_000 }]);
    let request = json!({ "note": "玻璃单独破碎：里程表三张", "plans": plans });
    let _ = app.person(Role::Manager).post("/photo-plans", &request).problem(403, "forbidden");

    // What is wrong is named by kind, place and field, and nothing is kept.
    for (place, value, code) in [
        ("glass.0.slot", json!("selfie"), "unknown"),
        ("glass.0.least", json!(21), "out_of_range"),
        ("glass.0.shorter_side", json!(-1), "out_of_range"),
        ("collision.4.least", json!(-1), "out_of_range"),
    ] {
        let parts: Vec<_> = place.split('.').collect();
        let mut wrong = request.clone();
        wrong["plans"][parts[0]][parts[1].parse::<usize>().unwrap()][parts[2]] = value;
        admin.post("/photo-plans", &wrong).refuses(&format!("plans.{place}"), code);
    }
    let mut short = request.clone();
    short["plans"].as_object_mut().unwrap().remove("flood");
    admin.post("/photo-plans", &short).refuses("plans.flood", "missing");
    let mut silent = request.clone();
    silent["note"] = json!(" ");
    admin.post("/photo-plans", &silent).refuses("note", "wrong_length");
    assert_eq!(admin.get("/photo-plans").expect(200).value()["version"], json!(0));

    let saved = admin.post("/photo-plans", &request).expect(201).value();
    assert_eq!((&saved["version"], &saved["plans"]), (&json!(1), &plans));
    assert_eq!(surveyor.get("/photo-plans").expect(200).value(), saved);
    assert_eq!(surveyor.get("/photo-plans?version=0").expect(200).value(), first);
    let _ = surveyor.get("/photo-plans?version=9").problem(404, "not_found");

    app.advance(Span::minutes(1));
    let new = new_case(&app);
    send(&app, new, &surveyor);
    let plan = |case: CaseId| {
        surveyor.get(&format!("/cases/{case}/capture-plan?kind=glass")).expect(200).value()
    };
    assert_eq!(plan(old)["version"], json!(0));
    assert!(plan(old)["slots"].as_array().unwrap().len() > 3);
    assert_eq!(plan(new)["version"], json!(1));
    let wanted =
        json!([{ "slot": "mileage", "least": 3, "taken": 0, "missing": 3, "shorter_side": 2_000 }]);
    assert_eq!(plan(new)["slots"], wanted);
    // Another import changes neither of them, not even with a clock that was put back.
    app.advance(Span::hours(-2));
    assert_eq!(admin.post("/photo-plans", &request).expect(201).value()["version"], json!(2));
    assert_eq!((plan(old)["version"].clone(), plan(new)["version"].clone()), (json!(0), json!(1)));
});

each_engine!(asked_for_photos_reach_the_phone_by_its_feed, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let feed = |after: Option<&Value>| {
        let asked = after.map_or(json!({}), |cursor| json!({ "after": cursor }));
        let request = json!({ "device_now": wire::time(app.now()), "feed": asked });
        surveyor.post("/sync", &request).expect(200).value()["feed"].clone()
    };
    let cursor = feed(None)["cursor"].clone();
    let asked = json!({ "slot": "vin", "least": 1, "reason": "车架号看不清" });
    let verifier = app.person(Role::Verifier);
    let _ = verifier.post(&format!("/cases/{case}/photo-requests"), &asked).expect(201);
    // On PostgreSQL a change is told once nothing older can still appear; others write meanwhile.
    let news = (0..2_000).map(|_| feed(Some(&cursor))).find(|news| news["changes"] != json!([]));
    let news = news.expect("a change in the feed");
    let change = &news["changes"][0];
    assert_eq!(
        (&change["case_id"], &change["topic"]),
        (&json!(case.to_string()), &json!("photos_requested"))
    );
    let plan = surveyor.get(&format!("/cases/{case}/capture-plan")).expect(200).value();
    assert_eq!(plan["requests"][0]["reason"], asked["reason"]);
    // Somebody who is not on the case hears nothing.
    let other = app.person(Role::Surveyor);
    let request = json!({ "device_now": wire::time(app.now()), "feed": { "after": cursor } });
    let heard = other.post("/sync", &request).expect(200).value()["feed"]["changes"].clone();
    assert_eq!(heard, json!([]));
});
