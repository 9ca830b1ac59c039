//! People and branches.

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::time::Span;
use tests::{TestApp, each_engine};
use uuid::Uuid;

use super::phone::by_password;

fn new_person(app: &TestApp, username: &str) -> Value {
    json!({
        "username": username,
        "name": "新员工",
        "password": "long enough to keep",
        "roles": ["surveyor", "assessor"],
        "branch_id": app.branch("hz"),
    })
}

each_engine!(an_admin_creates_people_who_can_log_in, |app| {
    let admin = app.person(Role::Admin);
    let mut body = new_person(&app, "chen.new");
    body["staff_no"] = json!("HZ-1");
    body["phone"] = json!("+86 139 5550 0002");
    let made = admin.post("/people", &body).expect(201).value();
    assert_eq!(made["phone"], "13955500002");
    assert_eq!(made["roles"], json!(["surveyor", "assessor"]));
    assert_eq!(made["version"], 1);
    let tokens = by_password(&app, "chen.new", "long enough to keep").expect(200).value();
    assert!(tokens.get("refresh_token").is_none(), "no device, no refresh token");
    let _ = by_password(&app, "Chen.New ", "long enough to keep").expect(200);

    // The shop's side of the table.
    let mut shop = new_person(&app, "shop.new");
    (shop["roles"], shop["shop_id"]) = (json!(["shop"]), json!(Uuid::from_u128(5)));
    let made = admin.post("/people", &shop).expect(201).value();
    assert_eq!(made["shop_id"], json!(Uuid::from_u128(5)));
});

each_engine!(each_wrong_field_of_a_new_person_is_named, |app| {
    let admin = app.person(Role::Admin);
    let _ = admin.post("/people", &new_person(&app, "taken")).expect(201);
    let nb = app.branch("nb");
    for (field, value, code) in [
        ("username", json!("Chen"), "forbidden_character"),
        ("username", json!(""), "wrong_length"),
        ("username", json!("taken"), "taken"),
        ("password", json!("short"), "wrong_length"),
        ("password", json!("x".repeat(257)), "wrong_length"),
        ("name", json!(" "), "wrong_length"),
        ("roles", json!([]), "wrong_length"),
        ("roles", json!(["emperor"]), "unknown_role"),
        ("roles", json!(["surveyor", "surveyor"]), "twice"),
        ("shop_id", json!(Uuid::nil()), "not_allowed"),
        ("phone", json!("12345"), "phone_format"),
        ("staff_no", json!("x".repeat(33)), "wrong_length"),
        ("branch_id", json!(Uuid::nil()), "unknown"),
        // Exists, but is not below the admin's own.
        ("branch_id", json!(nb), "unknown"),
        ("branch_id", json!("hz"), "wrong_shape"),
        ("id", json!(Uuid::nil()), "wrong_shape"),
    ] {
        let mut body = new_person(&app, "somebody");
        body[field] = value.clone();
        let reply = admin.post("/people", &body);
        reply.refuses(field, code);
    }
    let mut same = new_person(&app, "somebody.else");
    same["password"] = json!("Somebody.Else");
    admin.post("/people", &same).refuses("password", "same_as_username");
    let mut shop = new_person(&app, "somebody");
    shop["roles"] = json!(["shop"]);
    admin.post("/people", &shop).refuses("shop_id", "required");
    shop["roles"] = json!(["shop", "admin"]);
    admin.post("/people", &shop).refuses("roles", "shop_not_alone");
    // All at once.
    let all = json!({ "username": "A", "name": "", "password": "", "roles": [], "branch_id": Uuid::nil() });
    let problem = admin.post("/people", &all).problem(422, "invalid_fields");
    assert_eq!(problem.errors.len(), 4, "{problem:?}");
});

each_engine!(creating_twice_with_one_key_makes_one_person, |app| {
    let admin = app.person(Role::Admin);
    let body = new_person(&app, "once");
    let send = |body: &Value| admin.request("POST", "/people").key("k1").json(body).send();
    let first = send(&body).expect(201);
    assert_eq!(send(&body).expect(201).body, first.body);
    let mut other = body.clone();
    other["password"] = json!("another long password");
    send(&other).problem(422, "idempotency_key_reused");
    assert_eq!(app.count("SELECT count(*) AS n FROM people WHERE username = 'once'"), 1);
    admin
        .request("POST", "/people")
        .without("idempotency-key")
        .header("idempotency-key", "")
        .json(&body)
        .send()
        .problem(400, "idempotency_key_missing");
});

each_engine!(taken_rights_are_gone_at_once, |app| {
    let (admin, person) = (app.person(Role::Admin), app.person(Role::Dispatcher));
    let path = format!("/people/{}", person.id);
    let token = person.token();
    let list = || app.request("GET", "/people").token(&token).send();
    let me = || app.request("GET", "/auth/me").token(&token).send();
    let _ = list().expect(200);
    let changed = admin.patch(&path, 1, &json!({ "roles": ["surveyor"] })).expect(200).value();
    assert_eq!((&changed["roles"], &changed["version"]), (&json!(["surveyor"]), &json!(2)));
    list().problem(403, "forbidden");
    let _ = me().expect(200);
    // Moved to another branch: other people in sight.
    let manager = app.person_at("head", &[Role::Admin]);
    let moved = json!({ "branch_id": app.branch("nb"), "roles": ["dispatcher"] });
    let _ = manager.patch(&path, 2, &moved).expect(200);
    let seen = list().expect(200).value();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "nobody else is at nb: {seen}");

    let disabled = manager.patch(&path, 3, &json!({ "disabled": true })).expect(200).value();
    assert!(disabled["disabled_at"].is_string());
    me().problem(401, "unauthenticated");
    by_password(&app, &person.username, tests::PASSWORD).problem(401, "login_failed");
    app.advance(Span::minutes(1));
    let again = manager.patch(&path, 4, &json!({ "disabled": true })).expect(200).value();
    assert_eq!(again["disabled_at"], disabled["disabled_at"], "since the first time");
    let _ = manager.patch(&path, 5, &json!({ "disabled": false })).expect(200);
    let _ = by_password(&app, &person.username, tests::PASSWORD).expect(200);
});

each_engine!(a_change_names_the_version_it_is_based_on, |app| {
    let (admin, person) = (app.person(Role::Admin), app.person(Role::Surveyor));
    let path = format!("/people/{}", person.id);
    let change = json!({ "name": "改名" });
    let _ = admin.patch(&path, 1, &change).expect(200);
    admin.patch(&path, 1, &change).problem(412, "version_mismatch");
    admin.request("PATCH", &path).json(&change).send().problem(428, "precondition_required");
    admin.patch(&path, 2, &json!({ "phone": "12" })).refuses("phone", "phone_format");
    let kept = admin.patch(&path, 2, &json!({ "phone": "057188886666" })).expect(200).value();
    assert_eq!((&kept["name"], &kept["phone"]), (&json!("改名"), &json!("057188886666")));
    let gone = admin.patch(&path, 3, &json!({ "phone": "" })).expect(200).value();
    assert_eq!(gone["phone"], json!(null));
    let shop = json!({ "roles": ["shop"], "shop_id": Uuid::from_u128(5) });
    let _ = admin.patch(&path, 4, &shop).expect(200);
    // Away from the shop, and the shop goes too.
    let back = admin.patch(&path, 5, &json!({ "roles": ["surveyor"] })).expect(200).value();
    assert_eq!(back["shop_id"], json!(null));
    let refused = json!({ "shop_id": Uuid::from_u128(5) });
    admin.patch(&path, 6, &refused).refuses("shop_id", "not_allowed");
    admin.patch(&path, 6, &json!({ "username": "other" })).refuses("username", "wrong_shape");
    let other = app.person(Role::Surveyor);
    let number = admin.get(&format!("/people?username={}", other.username)).expect(200).value();
    let taken = json!({ "staff_no": number["items"][0]["staff_no"] });
    admin.patch(&path, 6, &taken).refuses("staff_no", "taken");
});

each_engine!(nobody_changes_their_own_standing_or_people_out_of_sight, |app| {
    let admin = app.person(Role::Admin);
    let own = format!("/people/{}", admin.id);
    for change in [
        json!({ "roles": ["admin", "verifier"] }),
        json!({ "disabled": true }),
        json!({ "branch_id": app.branch("hz") }),
    ] {
        let refused = admin.patch(&own, 1, &change).problem(409, "conflict");
        assert_eq!(refused.facts["reason"], "own_standing");
    }
    let _ = admin.patch(&own, 1, &json!({ "name": "本人" })).expect(200);

    let nothing = admin.patch(&format!("/people/{}", Uuid::nil()), 1, &json!({}));
    nothing.problem(404, "not_found");
    for branch in ["nb", "head"] {
        let hidden = app.person_at(branch, &[Role::Surveyor]);
        let reply = admin.patch(&format!("/people/{}", hidden.id), 1, &json!({ "disabled": true }));
        assert_eq!(reply.body, nothing.body);
    }
    // Nobody is moved out of the admin's sight either.
    let person = app.person(Role::Surveyor);
    let out = json!({ "branch_id": app.branch("head") });
    admin.patch(&format!("/people/{}", person.id), 1, &out).refuses("branch_id", "unknown");
});

each_engine!(people_are_listed_by_branch_and_role_page_by_page, |app| {
    let head = app.person_at("head", &[Role::Manager]);
    let dispatcher = app.person(Role::Dispatcher);
    let mut surveyors = Vec::new();
    for _ in 0..5 {
        surveyors.push(json!(app.person(Role::Surveyor).id));
    }
    let both = app.person_at("nb", &[Role::Surveyor, Role::Assessor]);
    let _ = app.person_at("nb", &[Role::Assessor]);
    let ids = |page: &Value| -> Vec<Value> {
        page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    let mut seen = Vec::new();
    let mut path = "/people?role=surveyor&limit=2".to_owned();
    loop {
        let page = dispatcher.get(&path).expect(200).value();
        assert!(page["items"].as_array().unwrap().len() <= 2);
        seen.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/people?role=surveyor&limit=2&cursor={cursor}");
    }
    assert_eq!(seen, surveyors);
    let all = head.get("/people?role=surveyor").expect(200).value();
    assert_eq!(ids(&all).last(), Some(&json!(both.id)));
    assert_eq!(ids(&all).len(), 6);
    let at_nb = format!("/people?branch_id={}", app.branch("nb"));
    assert_eq!(ids(&head.get(&at_nb).expect(200).value()).len(), 2);
    assert_eq!(ids(&dispatcher.get(&at_nb).expect(200).value()).len(), 0);
    dispatcher.get("/people?role=emperor").refuses("role", "unknown_role");
    dispatcher.get("/people?cursor=x").refuses("cursor", "not_a_cursor");
    app.person(Role::Surveyor).get("/people").problem(403, "forbidden");
});

each_engine!(branches_grow_below_the_admins_own, |app| {
    let admin = app.person(Role::Admin);
    let below =
        |code: &str, parent: Value| json!({ "code": code, "name": "余杭", "parent_id": parent });
    let hz = json!(app.branch("hz"));
    let made = admin.post("/branches", &below("yh", hz.clone())).expect(201).value();
    assert_eq!(made["path"], "/head/hz/yh/");
    let surveyor = app.person_at("yh", &[Role::Surveyor]);
    let list = |page: Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list(surveyor.get("/branches").expect(200).value()), ["/head/hz/yh/"]);
    assert_eq!(list(admin.get("/branches").expect(200).value()), ["/head/hz/", "/head/hz/yh/"]);
    for (body, field, code) in [
        (below("yh", hz.clone()), "code", "taken"),
        (below("nb", hz.clone()), "code", "taken"),
        (below("a/b", hz.clone()), "code", "forbidden_character"),
        (below("", hz.clone()), "code", "wrong_length"),
        (below("x", json!(app.branch("nb"))), "parent_id", "unknown"),
        (below("x", json!(app.branch("head"))), "parent_id", "unknown"),
        (below("x", json!(Uuid::nil())), "parent_id", "unknown"),
        (below("x", json!(null)), "parent_id", "wrong_shape"),
    ] {
        admin.post("/branches", &body).refuses(field, code);
    }
    let mut parent = made["id"].clone();
    for level in 4..=8 {
        let made =
            admin.post("/branches", &below(&format!("l{level}"), parent)).expect(201).value();
        parent = made["id"].clone();
    }
    admin.post("/branches", &below("l9", parent)).refuses("parent_id", "too_deep");
    app.person(Role::Manager).post("/branches", &below("m", hz)).problem(403, "forbidden");
});
