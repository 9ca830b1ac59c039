//! How long a link holds, and what makes it and an agreement void.

use serde_json::{Value, json};
use server::{
    auth::{keys, policy::Role},
    wire,
};
use sha2::{Digest, Sha256};
use sync_core::{lifecycle::EventKind, time::Span};
use tests::{TestApp, each_engine};

use crate::{
    assessed::{Assessed, CUSTOMER, happened, submit},
    field::{Scene, assign, timeline},
};

fn get(app: &TestApp, link: &str) -> tests::Reply {
    app.request("GET", link).send()
}

each_engine!(the_customer_agrees_once_and_the_record_is_sealed, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (version, link) = assessed.send();
    assert_eq!(assessed.agreement()["state"], "open");
    let page = get(&app, &link).expect(200).text();
    assert!(page.contains("¥1,409.50") && page.contains("壹仟肆佰零玖元伍角整"), "{page}");
    assert!(page.contains(version["sheet_sha256"].as_str().unwrap().split_at(16).0));

    let code = assessed.code(&link);
    app.advance(Span::minutes(3));
    let done = assessed.agree(&link, &code).expect(200).text();
    assert!(done.contains("您已确认本定损单"), "{done}");
    let again = assessed.agree(&link, &code).expect(409).text();
    assert!(again.contains("此前已确认"), "{again}");

    let agreement = assessed.agreement();
    assert_eq!(agreement["state"], "agreed");
    let agreed = &agreement["agreed"];
    assert_eq!(agreed["version_id"], version["id"]);
    assert_eq!(agreed["total_fen"], 140_950);
    assert_eq!(agreed["agreed_at"], json!(wire::time(app.now())));
    let record: Value = serde_json::from_str(agreed["record"].as_str().unwrap()).unwrap();
    assert_eq!(record["sheet_sha256"], version["sheet_sha256"]);
    assert_eq!(record["total_fen"], 140_950);
    assert_eq!(record["code_sent_to"], "186****1253");

    // Anybody with the public key can check the record, and no other one.
    let seals = &app.state().auth.seals;
    let public = seals.find(agreed["key_id"].as_str().unwrap()).unwrap().public();
    let signature = decode(agreed["signature"].as_str().unwrap());
    let bytes = agreed["record"].as_str().unwrap().as_bytes();
    assert!(keys::verify(&public, bytes, &signature));
    let other = agreed["record"].as_str().unwrap().replace("140950", "140951");
    assert!(!keys::verify(&public, other.as_bytes(), &signature));

    let log = timeline(&assessed.surveyor, &assessed.case);
    assert_eq!(log[log.len() - 3..], ["version_frozen", "link_sent", "agreed"]);
    let detail = assessed.surveyor.get(&assessed.path("")).expect(200).value();
    assert_eq!(detail["case"]["status"], "agreed");
    let last = detail["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["actor"], "customer");
    assert_eq!(last["data"]["sheet_sha256"], version["sheet_sha256"]);
});

fn decode(text: &str) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.decode(text).unwrap()
}

each_engine!(a_newer_version_voids_link_and_agreement_and_says_so, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let (first, link) = assessed.send();
    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    app.advance(Span::minutes(1));
    assessed.add_part("大灯", 100_000);
    // What is written does not touch the agreement; what is frozen does.
    assert_eq!(assessed.agreement()["state"], "agreed");
    let second = assessed.frozen();

    let page = get(&app, &link).expect(410).text();
    assert!(page.contains("定损单已更新") && page.contains("曾于以下时间确认"), "{page}");
    assert!(!page.contains("<form") && !page.contains("¥"), "{page}");
    for action in ["code", "agree", "object"] {
        let form = "code=123456&reason=other";
        let _ = submit(&app, &format!("{link}/{action}"), form).expect(410);
    }
    let agreement = assessed.agreement();
    assert_eq!(
        (&agreement["state"], &agreement["void_reason"]),
        (&json!("void"), &json!("newer_version"))
    );
    assert_eq!(agreement["agreed"]["version_id"], first["id"]);
    assert_eq!(agreement["agreed"]["void_reason"], "newer_version");
    let mut log = timeline(&assessed.surveyor, &assessed.case);
    log.retain(|kind| kind != "draft_synced");
    let end = ["agreed", "draft_amended", "version_frozen", "agreement_voided"];
    assert_eq!(log[log.len() - 4..], end);

    // The old version can be agreed on in no way any more; the new one as usual.
    let old = json!({ "version_id": first["id"] });
    let refused = assessed.surveyor.post(&assessed.path("/links"), &old).problem(409, "conflict");
    assert_eq!(refused.facts["reason"], "not_newest_version");
    let link = assessed.send_version(&second);
    assert_eq!(assessed.agreement()["state"], "open");
    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    assert_eq!(assessed.agreement()["agreed"]["version_id"], second["id"]);
});

each_engine!(a_code_for_one_amount_agrees_on_no_other, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let (_, first) = assessed.send();
    let code = assessed.code(&first);
    assessed.add_part("大灯", 100_000);
    let (_, second) = assessed.send();
    let page = assessed.agree(&second, &code).expect(422).text();
    assert!(page.contains("没有可用的验证码"), "{page}");
    let _ = assessed.agree(&first, &code).expect(410);
    assert_eq!(app.count("SELECT count(*) AS n FROM agreements"), 0);
});

each_engine!(a_newer_link_takes_the_place_of_the_older_one, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (version, first) = assessed.send();
    app.advance(Span::minutes(1));
    let second = assessed.send_version(&version);
    assert!(get(&app, &first).expect(410).text().contains("新的链接"));
    let code = assessed.code(&second);
    let _ = assessed.agree(&first, &code).expect(410);
    let _ = assessed.agree(&second, &code).expect(200);
    // The agreement is on the version, so a link that is sent again shows it.
    let third = assessed.send_version(&version);
    let page = get(&app, &third).expect(200).text();
    assert!(page.contains("已确认"), "{page}");
    for action in ["code?", "agree?", "object?", "partly?"] {
        assert!(!page.contains(&format!("{third}/{action}")), "{action} is offered: {page}");
    }
});

each_engine!(a_link_ends_after_72_hours_and_an_agreement_does_not, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    app.advance(Span(72 * 3_600_000 - 1));
    let code = assessed.code(&link);
    let _ = get(&app, &link).expect(200);
    app.advance(Span(1));
    assert!(get(&app, &link).expect(410).text().contains("链接已过期"));
    let _ = assessed.agree(&link, &code).expect(410);
    let agreement = assessed.agreement();
    assert_eq!(
        (&agreement["state"], &agreement["void_reason"]),
        (&json!("void"), &json!("expired"))
    );

    let link = assessed.send_version(&agreement_version(&assessed));
    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    app.advance(Span::days(10));
    assert!(get(&app, &link).expect(410).text().contains("曾于以下时间确认"));
    assert_eq!(assessed.agreement()["state"], "agreed");
});

fn agreement_version(assessed: &Assessed<'_>) -> Value {
    json!({ "id": assessed.agreement()["link"]["version_id"] })
}

each_engine!(only_who_is_sent_to_the_case_sends_links_and_only_to_mobiles, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let version = assessed.frozen();
    let path = assessed.path("/links");
    let link = |extra: Value| {
        let mut body = json!({ "version_id": version["id"] });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let landline = link(json!({ "phone": "0571-88886666" }));
    assessed.surveyor.post(&path, &landline).refuses("phone", "not_mobile");
    let nonsense = link(json!({ "phone": "12" }));
    assessed.surveyor.post(&path, &nonsense).refuses("phone", "phone_format");
    let unknown = json!({ "version_id": assessed.vehicle });
    assessed.surveyor.post(&path, &unknown).refuses("version_id", "unknown");
    let stranger = app.person(Role::Surveyor);
    let _ = stranger.post(&path, &link(json!({}))).problem(404, "not_found");

    // The link may go elsewhere; its codes go to the number on the case.
    let elsewhere = link(json!({ "phone": "13912345678" }));
    let sent = assessed.surveyor.post(&path, &elsewhere).expect(201).value();
    assert_eq!(
        (&sent["sent_to"], &sent["code_to"]),
        (&json!("139****5678"), &json!("186****1253"))
    );
    let message = app.last_message_to("13912345678");
    assert!(message.contains("S0") && message.contains("https://chakan.example/a/"), "{message}");

    let _ = assign(&app.person(Role::Dispatcher), &assessed.case, &stranger).expect(201);
    let _ = assessed.surveyor.post(&path, &link(json!({}))).problem(403, "forbidden");
});

each_engine!(a_case_with_a_landline_is_agreed_on_through_the_number_of_the_link, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    app.write(|conn| {
        let landline = "UPDATE cases SET contact_phone = '057188886666'";
        diesel::RunQueryDsl::execute(diesel::sql_query(landline), conn)?;
        Ok(())
    });
    let version = assessed.frozen();
    let mut body = json!({ "version_id": version["id"] });
    assessed.surveyor.post(&assessed.path("/links"), &body).refuses("phone", "not_mobile");
    body["phone"] = json!("13912345678");
    let sent = assessed.surveyor.post(&assessed.path("/links"), &body).expect(201).value();
    assert_eq!(sent["code_to"], "139****5678");
    // Whoever verifies the case sees that the number came from the surveyor.
    let detail = assessed.surveyor.get(&assessed.path("")).expect(200).value();
    let last = detail["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["data"]["to_contact_of_case"], false);
});

each_engine!(a_link_says_nothing_in_answers_tables_and_retries, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let token = link.strip_prefix("/a/").unwrap().to_owned();
    assert_eq!(token.len(), 43);
    let secret = token.clone();
    let kept: i64 = app.count(&format!(
        "SELECT (SELECT count(*) FROM outbox_messages WHERE body LIKE '%{secret}%') \
         + (SELECT count(*) FROM case_events WHERE data LIKE '%{secret}%') AS n"
    ));
    assert_eq!(kept, 0, "the token stands in the database");
    let sha256: String =
        Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let stored = match app.engine {
        tests::Engine::Sqlite => "lower(hex(token_sha256))",
        tests::Engine::Postgres => "encode(token_sha256, 'hex')",
    };
    let found = format!("SELECT count(*) AS n FROM agreement_links WHERE {stored} = '{sha256}'");
    assert_eq!(app.count(&found), 1);
    assert!(!assessed.agreement().to_string().contains(&token));
    assert!(!assessed.agreement().to_string().contains(CUSTOMER));
});

each_engine!(ten_links_a_day_are_enough_for_one_number, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let version = assessed.frozen();
    let body = json!({ "version_id": version["id"] });
    for _ in 0..10 {
        let _ = assessed.surveyor.post(&assessed.path("/links"), &body).expect(201);
    }
    let refused = assessed.surveyor.post(&assessed.path("/links"), &body);
    let problem = refused.problem(429, "too_many_requests");
    assert_eq!(problem.facts["reason"], "too_many_links");
    app.advance(Span(24 * 3_600_000 + 1));
    let _ = assessed.surveyor.post(&assessed.path("/links"), &body).expect(201);
});

each_engine!(a_closed_case_is_neither_sent_nor_agreed_on, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (version, link) = assessed.send();
    let code = assessed.code(&link);
    happened(&app, &assessed.case, EventKind::CaseClosed);
    let page = assessed.agree(&link, &code).expect(409).text();
    assert!(page.contains("案件当前状态不能进行此操作"), "{page}");
    let body = json!({ "version_id": version["id"] });
    let refused = assessed.surveyor.post(&assessed.path("/links"), &body).problem(409, "conflict");
    assert_eq!(refused.facts["reason"], "case_over");
    assert_eq!(app.count("SELECT count(*) AS n FROM agreements"), 0);
    // The refused try has used nothing up.
    assert_eq!(app.count("SELECT count(*) AS n FROM agreement_codes WHERE used_at IS NULL"), 1);
});

each_engine!(before_a_link_there_is_nothing_to_agree_on, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let agreement = surveyor.get(&format!("/cases/{case}/agreement")).expect(200).value();
    assert_eq!(agreement["state"], "none");
    assert_eq!(agreement["link"], Value::Null);
});
