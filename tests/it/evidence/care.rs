//! Journeys: evidence is kept as long as it must be, and looked after (B26); part of it is fetched.

use super::*;

each_engine!(nothing_is_deleted_before_its_time_or_under_a_hold, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let blob = format!("/cases/{case}/blobs/{}", hash(&bytes));
    let (admin, manager) = (app.person(Role::Admin), app.person(Role::Manager));
    let _ = manager.delete(&blob).problem(403, "forbidden");
    let reason = |problem: api_spec::problem::Problem| problem.facts["reason"].clone();
    assert_eq!(reason(admin.delete(&blob).problem(409, "conflict")), json!("retained"));
    let why = json!({ "reason": "诉讼中" });
    let hold = manager.post(&format!("/cases/{case}/evidence/hold"), &why).expect(201).value();
    assert_eq!(hold["held"], json!(true));
    app.advance(Span::days(11 * 366 + 1));
    assert_eq!(reason(admin.delete(&blob).problem(409, "conflict")), json!("held"));
    let release = format!("/cases/{case}/evidence/release");
    let _ = manager.post(&release, &why).expect(200);
    assert_eq!(reason(manager.post(&release, &why).problem(409, "conflict")), json!("not_held"));
    app.run_due_jobs();
    // Preview and thumbnail of so small a picture are the same bytes.
    assert_eq!(files(&app).len(), 2, "the original and its copy");
    let _ = admin.delete(&blob).expect(204);
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
    for table in
        ["copies", "photo_likenesses", "photo_looks WHERE hashes IS NOT NULL", "blob_faults"]
    {
        assert_eq!(app.count(&format!("SELECT count(*) AS n FROM {table}")), 0, "{table}");
    }
    // Asking again helps when the process died in between; what is gone on purpose is no damage.
    let _ = admin.delete(&blob).expect(204);
    let _ = surveyor.get(&blob).problem(404, "not_found");
    app.advance(Span::days(1));
    app.run_due_jobs();
    let damaged = manager.get("/evidence/damaged").expect(200).value();
    assert_eq!(damaged["contents"], json!([]));
    let state = app.state();
    let signed =
        move |key: &str, text: &[u8], signature: &[u8]| state.auth.is_sealed(key, text, signature);
    assert_eq!(app.read(move |conn| evidence::examine(conn, None, signed)), []);
    let log = manager.get(&format!("/cases/{case}/custody")).expect(200).value();
    let acts: Vec<_> =
        log["entries"].as_array().unwrap().iter().map(|entry| entry["act"].clone()).collect();
    assert_eq!(acts, ["captured", "received", "held", "released", "derived", "expired"]);
});

each_engine!(every_planted_fault_is_found_and_named_and_none_besides, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let pictures: Vec<_> = (0..30).map(jpeg).collect();
    let entries: Vec<_> = pictures.iter().map(|bytes| entry(bytes)).collect();
    let _ = declare(&surveyor, case, &entries).expect(200);
    for bytes in &pictures {
        let _ = upload(&surveyor, case, bytes).expect(201);
    }
    app.run_due_jobs();
    let manager = app.person(Role::Manager);
    let damaged = || {
        let listed = manager.get("/evidence/damaged").expect(200).value();
        let mut names: Vec<_> = listed["contents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["sha256"].as_str().unwrap().to_owned(), one["fault"].clone()))
            .collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        names
    };
    assert_eq!(damaged(), []);
    let mut planted = Vec::new();
    for (n, bytes) in pictures.iter().enumerate().filter(|(n, _)| n % 3 == 0) {
        let name = hash(bytes);
        let file = app.data_dir().join("blobs").join(&name[..2]).join(&name[2..4]).join(&name);
        std::fs::remove_file(&file).unwrap();
        if n % 2 == 0 {
            let mut rotten = bytes.clone();
            let at = n * 7 % rotten.len();
            rotten[at] ^= 1 << (n % 8);
            std::fs::write(&file, rotten).unwrap();
        }
        planted.push((name, json!(if n % 2 == 0 { "damaged" } else { "missing" })));
    }
    planted.sort_by(|a, b| a.0.cmp(&b.0));
    let receipt = format!("/cases/{case}/photos/receipt");
    let _ = surveyor.get(&receipt).problem(409, "conflict");
    let admin = app.person(Role::Admin).id.to_string();
    app.write(move |conn| {
        use diesel::RunQueryDsl;
        let sql = format!("UPDATE people SET phone = '13800138000' WHERE id = '{admin}'");
        Ok(diesel::sql_query(sql).execute(conn)?)
    });
    app.advance(Span::days(1));
    app.run_due_jobs();
    assert_eq!(damaged(), planted);
    // Somebody is told, once, and the list names the cases whose surveyors may help.
    let told = || app.messages().iter().filter(|one| one.text.contains("照片存储告警")).count();
    assert_eq!(told(), 1);
    let listed = manager.get("/evidence/damaged").expect(200).value();
    assert_eq!(listed["contents"][0]["case_ids"], json!([case]));
    let metrics = app.request("GET", "/metrics").send().expect(200);
    let metrics = String::from_utf8(metrics.body.clone()).unwrap();
    assert!(metrics.contains("chakan_blobs_faulty"), "{metrics}");
    let problem = surveyor.get(&receipt).problem(409, "conflict");
    assert_eq!(problem.facts["reason"], json!("bytes_lost"));
    // Sending them again puts them right, and the next look says so.
    for bytes in &pictures {
        let _ = upload(&surveyor, case, bytes).expect(200);
    }
    app.advance(Span::days(1));
    app.run_due_jobs();
    assert_eq!(damaged(), []);
    assert_eq!(told(), 1);
    let receipt = surveyor.get(&receipt).expect(200).value();
    assert_eq!(receipt["photos"].as_array().unwrap().len(), 30);
});

each_engine!(part_of_an_original_can_be_fetched, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let blob = format!("/cases/{case}/blobs/{}", hash(&bytes));
    let size = bytes.len();
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=10-19".to_owned(), 10, 20),
        (format!("bytes={}-", size - 5), size - 5, size),
        ("bytes=-7".to_owned(), size - 7, size),
        ("bytes=5-999999".to_owned(), 5, size),
    ] {
        let reply = surveyor.request("GET", &blob).header("range", &range).send().expect(206);
        assert!(reply.body == bytes[from..to], "{range}");
        let expected = format!("bytes {from}-{}/{size}", to - 1);
        assert_eq!(reply.header("content-range"), Some(expected.as_str()));
    }
    let beyond = format!("bytes={size}-");
    let reply = surveyor.request("GET", &blob).header("range", &beyond).send();
    let _ = reply.problem(416, "range_not_satisfiable");
    for nonsense in ["bytes=5-4", "bytes=0-1,4-5", "lines=1-2", "bytes=x-"] {
        let reply = surveyor.request("GET", &blob).header("range", nonsense).send().expect(200);
        assert!(reply.body == bytes);
    }
});
