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
