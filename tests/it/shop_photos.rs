//! Journeys: what a repair shop sends of its cases, with an account and by its link (C18, B20, B21).

use serde_json::{Value, json};
use server::{auth::policy::Role, evidence};
use sync_core::{ids::ShopId, time::Span};
use tests::{Person, Reply, TestApp, each_engine};
use uuid::Uuid;

use crate::{
    assessed::{Assessed, CUSTOMER},
    evidence::{hash, jpeg},
    field::{new_case, new_id, timeline},
    shops::{SHOP, choose, send, shop},
};

/// What no byte for a shop holds.
const HIDDEN: [&str; 5] = [CUSTOMER, "沈听澜", "顾望舒", "文三路口", "30.27"];

fn put(person: &Person, case: &str, what: &str, bytes: &[u8]) -> Reply {
    let path = format!("/shop/cases/{case}/photos/{}{what}", hash(bytes));
    person.request("PUT", &path).bytes(bytes).send()
}

fn photos(person: &Person, case: &str) -> Vec<Value> {
    let list = person.get(&format!("/cases/{case}/photos")).expect(200).value();
    list["photos"].as_array().unwrap().clone()
}

fn waiting(person: &Person) -> Vec<Value> {
    let page = person.get("/supplements").expect(200).value();
    page["items"].as_array().unwrap().clone()
}

/// That log, rows and bytes say the same.
fn unaltered(app: &TestApp) {
    assert_eq!(app.read(|conn| evidence::examine(conn, None, |_, _, _| true)), []);
}

each_engine!(a_shop_sends_photos_of_damage_and_of_the_repair_to_its_own_cases_only, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (case, ours, theirs) =
        (assessed.case.clone(), shop(&app, "L1", None), shop(&app, "L2", None));
    let (mechanic, rival) = (app.shop_person(ShopId(ours)), app.shop_person(ShopId(theirs)));
    let none = put(&mechanic, &new_id().to_string(), "", &jpeg(1)).problem(404, "not_found");
    let hidden = put(&mechanic, &case, "", &jpeg(1)).problem(404, "not_found");
    assert_eq!(serde_json::to_value(hidden).unwrap(), serde_json::to_value(none).unwrap());
    choose(&assessed.surveyor, &case, ours);
    let _ = put(&rival, &case, "", &jpeg(1)).problem(404, "not_found");
    let _ = put(&assessed.surveyor, &case, "", &jpeg(1)).problem(403, "forbidden");

    let asked = json!({ "words": "水箱支架开裂" });
    let path = format!("/shop/cases/{case}/supplements");
    let told = mechanic.post(&path, &asked).expect(201).value();
    let request = told["supplements"][0]["id"].as_str().unwrap().to_owned();
    let of_request = format!("?supplement_id={request}");
    let wrong = format!("/shop/cases/{case}/photos/{}", "0".repeat(64));
    let wrong = mechanic.request("PUT", &wrong).bytes(jpeg(1)).send();
    let _ = wrong.problem(422, "hash_mismatch");
    let _ = put(&mechanic, &case, "", b"no picture").problem(415, "unsupported_media_type");
    let stray = format!("?supplement_id={}", new_id());
    put(&mechanic, &case, &stray, &jpeg(1)).refuses("supplement_id", "unknown");
    assert_eq!(photos(&assessed.surveyor, &case), Vec::<Value>::new());

    let receipt = put(&mechanic, &case, &of_request, &jpeg(1)).expect(201).value();
    assert_eq!(receipt["sha256"], json!(hash(&jpeg(1))));
    let again = put(&mechanic, &case, &of_request, &jpeg(1)).expect(200).value();
    assert_eq!(again, receipt);
    let _ = put(&mechanic, &case, "", &jpeg(2)).expect(201);
    let found = photos(&assessed.surveyor, &case);
    assert_eq!(found.len(), 2);
    let of = |slot: &str| found.iter().find(|photo| photo["slot"] == slot).unwrap();
    let source = json!({ "shop_id": ours, "supplement_id": request });
    assert_eq!(of("repair_damage")["from_shop"], source);
    assert_eq!(of("repair_done")["from_shop"], json!({ "shop_id": ours }));
    assert_eq!(of("repair_done")["declared_by"], json!(mechanic.id));
    let bytes = format!("/cases/{case}/blobs/{}", hash(&jpeg(1)));
    assert_eq!(assessed.surveyor.get(&bytes).expect(200).body, jpeg(1));
    let _ = mechanic.get(&bytes).problem(403, "forbidden");
    unaltered(&app);

    // The customer goes elsewhere: nothing more comes from here.
    app.advance(Span::minutes(1));
    choose(&assessed.surveyor, &case, theirs);
    let _ = put(&mechanic, &case, "", &jpeg(3)).problem(404, "not_found");
    put(&rival, &case, &of_request, &jpeg(3)).refuses("supplement_id", "unknown");
});

each_engine!(a_request_waits_for_the_assessors_of_the_branch_and_for_whoever_is_sent, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let ours = shop(&app, "L1", None);
    let mechanic = app.shop_person(ShopId(ours));
    let other = new_case(&app);
    for (n, case) in [&assessed.case, &other].into_iter().enumerate() {
        choose(&app.person(Role::Intake), case, ours);
        let asked = json!({ "words": format!("第{n}处") });
        let _ = mechanic.post(&format!("/shop/cases/{case}/supplements"), &asked).expect(201);
        app.advance(Span::minutes(1));
    }
    let assessor = app.person(Role::Assessor);
    let all = waiting(&assessor);
    let cases: Vec<&Value> = all.iter().map(|item| &item["case_id"]).collect();
    assert_eq!(cases, [&json!(assessed.case), &json!(other)]);
    assert_eq!(all[0]["shop_name"], "维修厂L1");
    assert_eq!(waiting(&assessed.surveyor), all[..1]);
    assert_eq!(waiting(&app.person_at("head", &[Role::Manager])), all);
    assert!(waiting(&app.person_at("nb", &[Role::Assessor])).is_empty());
    assert!(waiting(&app.person(Role::Surveyor)).is_empty());
    let first = assessor.get("/supplements?limit=1").expect(200).value();
    let next = format!("/supplements?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(assessor.get(&next).expect(200).value()["items"], json!([all[1]]));

    let id = all[0]["id"].as_str().unwrap();
    let answer = json!({ "accepted": true, "answer": "同意复勘" });
    let _ =
        assessor.post(&assessed.path(&format!("/supplements/{id}/answer")), &answer).expect(200);
    assert_eq!(waiting(&assessor), all[1..]);
    // What comes after the answer belongs to another request.
    let late = format!("?supplement_id={id}");
    put(&mechanic, &assessed.case, &late, &jpeg(1)).refuses("supplement_id", "unknown");
});

/// A form as a browser sends it.
fn form(app: &TestApp, path: &str, fields: &[(&str, &str)], files: &[&[u8]]) -> Reply {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend(head.bytes().chain(value.bytes()).chain(*b"\r\n"));
    }
    for file in files {
        let head = "--frontier\r\nContent-Disposition: form-data; name=\"photos\"; \
             filename=\"IMG_1.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
        body.extend(head.bytes().chain(file.iter().copied()).chain(*b"\r\n"));
    }
    body.extend(b"--frontier--\r\n");
    let kind = "multipart/form-data; boundary=frontier";
    app.request("POST", path).header("content-type", kind).bytes(body).send()
}

each_engine!(a_shop_without_an_account_asks_and_tells_with_photos_on_its_page, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let case = assessed.case.clone();
    let ours = shop(&app, "L1", Some(SHOP));
    choose(&assessed.surveyor, &case, ours);
    let (_, link) = send(&app, &assessed.surveyor, &case);
    let page = app.request("GET", &link).send().expect(200);
    assert!(page.text().contains("multipart/form-data") && page.body.len() < 30 * 1024);
    let (ask, tell) = (format!("{link}/supplements"), format!("{link}/progress"));

    // Nothing of what is wrong is kept, and the page says what it is.
    let picture = jpeg(1);
    let seven = [&picture[..]; 7];
    for (path, fields, files, status, says) in [
        (&ask, vec![("words", " ")], vec![], 422, "请填写说明"),
        (&ask, vec![("words", "水箱")], seven.to_vec(), 422, "照片最多6张"),
        (&ask, vec![("words", "水箱")], vec![&b"no picture"[..]], 415, "照片格式不支持"),
        (&tell, vec![("stage", "sold"), ("words", "")], vec![], 422, "选择进度"),
        (&tell, vec![("odd", "1")], vec![], 400, "请填写说明"),
    ] {
        let reply = form(&app, path, &fields, &files).expect(status);
        assert!(reply.text().contains(says), "{reply}");
        assert!(HIDDEN.iter().all(|hidden| !reply.text().contains(hidden)), "{reply}");
    }
    let plain = app.request("POST", &ask);
    let plain = plain.header("content-type", "application/x-www-form-urlencoded").bytes("words=x");
    let _ = plain.send().expect(415);
    assert_eq!(app.count("SELECT count(*) AS n FROM supplement_requests"), 0);
    assert_eq!(photos(&assessed.surveyor, &case), Vec::<Value>::new());

    let (one, two) = (jpeg(1), jpeg(2));
    let sent = form(&app, &ask, &[("words", "水箱支架开裂\r\n另见照片")], &[&one, &two, b""]);
    let back = sent.expect(303);
    assert_eq!(back.header("location"), Some(format!("{link}?lang=zh-CN&done=1").as_str()));
    let done = app.request("GET", back.header("location").unwrap()).send().expect(200).text();
    assert!(
        done.contains("已提交") && done.contains("水箱支架开裂") && done.contains("待答复"),
        "{done}"
    );
    assert!(HIDDEN.iter().all(|hidden| !done.contains(hidden)), "{done}");
    let told = [("stage", "completed"), ("words", "")];
    let _ = form(&app, &tell, &told, &[&jpeg(3)]).expect(303);

    // The assessor finds it as a task, with the shop as source of its photos.
    let request = waiting(&assessed.surveyor)[0]["id"].clone();
    let found = photos(&assessed.surveyor, &case);
    let of = |slot: &str| found.iter().filter(|photo| photo["slot"] == slot).collect::<Vec<_>>();
    assert_eq!((of("repair_damage").len(), of("repair_done").len()), (2, 1));
    for photo in of("repair_damage") {
        assert_eq!(photo["from_shop"], json!({ "shop_id": ours, "supplement_id": request }));
        // Nobody of the insurer stands for what the shop sent.
        let by: Uuid = photo["declared_by"].as_str().unwrap().parse().unwrap();
        assert_eq!(app.count(&format!("SELECT count(*) AS n FROM people WHERE id = '{by}' AND shop_id = '{ours}' AND disabled_at IS NOT NULL")), 1);
    }
    let log = timeline(&assessed.surveyor, &case);
    for kind in ["supplement_requested", "repair_progressed", "photo_received"] {
        assert!(log.iter().any(|known| known == kind), "{kind} is not in {log:?}");
    }
    unaltered(&app);
});

each_engine!(a_form_through_no_link_is_answered_like_no_link_before_it_is_read, |app| {
    let intake = app.person(Role::Intake);
    let (ours, theirs) = (shop(&app, "L1", Some(SHOP)), shop(&app, "L2", None));
    let case = new_case(&app);
    choose(&intake, &case, ours);
    let (_, link) = send(&app, &intake, &case);
    let unknown = app.request("GET", &format!("/s/{}", "A".repeat(43))).send().expect(404).body;
    app.advance(Span::minutes(1));
    choose(&intake, &case, theirs);
    let nobody = format!("/s/{}", "A".repeat(43));
    for link in [&link, &nobody] {
        for what in ["supplements", "progress"] {
            let path = format!("{link}/{what}");
            let reply = form(&app, &path, &[("words", "x"), ("stage", "received")], &[&jpeg(1)]);
            assert_eq!(reply.expect(404).body, unknown);
        }
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM blobs"), 0);
    assert_eq!(app.count("SELECT count(*) AS n FROM people WHERE username LIKE 'desk-%'"), 0);
});
