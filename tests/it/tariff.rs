//! Journeys: rate cards, price lists and the terms of a case (B1, B2).

use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::{model::schema::Scalar, time::Span};
use tests::{Person, Reply, TestApp, each_engine};

use crate::{
    assessed::Assessed,
    field::{new_case, new_id},
};

const HEAD: &str = "code,name,source,price_yuan\n";

fn card(shop_class: &str, body_rate: i64) -> Value {
    json!({ "shop_class": shop_class, "card": { "hourly_fen": { "body": body_rate } } })
}

fn list(rows: &str, replaces: Option<i64>) -> Value {
    let mut body = json!({ "kind": "parts", "csv": format!("{HEAD}{rows}") });
    if let Some(version) = replaces {
        body["replaces_version"] = json!(version);
    }
    body
}

fn import(manager: &Person, rows: &str, replaces: i64) -> Reply {
    manager.post("/price-lists", &list(rows, Some(replaces)))
}

fn terms(person: &Person, case: &str) -> Value {
    person.get(&format!("/cases/{case}/terms")).expect(200).value()
}

/// Version and rate of the card that a case would be assessed under.
fn in_force(person: &Person, case: &str) -> (Value, Value) {
    let card = &terms(person, case)["rate_card"];
    (card["version"].clone(), card["card"]["hourly_fen"]["body"].clone())
}

fn refused(reply: &Reply) -> Vec<(String, String)> {
    let problem = reply.problem(422, "invalid_fields");
    problem.errors.into_iter().map(|error| (error.field, error.code)).collect()
}

each_engine!(a_rate_card_holds_from_its_day_on_and_the_newest_one_wins, |app| {
    let manager = app.person(Role::Manager);
    let case = new_case(&app);
    assert_eq!(terms(&manager, &case)["rate_card"], Value::Null);
    let _ = manager.post("/rate-cards", &card("any", 8_000)).expect(201);
    let mut later = card("any", 9_000);
    later["valid_from"] = json!(wire::time(app.now() + Span::days(1)));
    let second = manager.post("/rate-cards", &later).expect(201).value();
    assert_eq!(second["version"], 2);
    assert_eq!(in_force(&manager, &case), (json!(1), json!(8_000)));
    app.advance(Span(Span::days(1).0 - 1));
    assert_eq!(in_force(&manager, &case), (json!(1), json!(8_000)));
    app.advance(Span(1));
    assert_eq!(in_force(&manager, &case), (json!(2), json!(9_000)));

    // No version is ever changed: the list holds all of them, newest first, page by page.
    let (mut seen, mut path) = (Vec::new(), "/rate-cards?limit=1".to_owned());
    loop {
        let page = app.person(Role::Verifier).get(&path).expect(200).value();
        seen.extend(page["items"].as_array().unwrap().iter().map(|card| card["version"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/rate-cards?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, [json!(2), json!(1)]);
});

each_engine!(a_card_of_the_branch_goes_before_one_above_and_one_for_the_class_before_any, |app| {
    let (head, manager) = (app.person_at("head", &[Role::Manager]), app.person(Role::Manager));
    let case = new_case(&app);
    let _ = head.post("/rate-cards", &card("any", 7_000)).expect(201);
    assert_eq!(in_force(&manager, &case).1, json!(7_000));
    let _ = manager.post("/rate-cards", &card("any", 8_000)).expect(201);
    let _ = manager.post("/rate-cards", &card("one", 9_500)).expect(201);
    assert_eq!(in_force(&manager, &case).1, json!(8_000));

    let shop = json!({
        "name": "维修厂", "address": "文三路1号", "class": "one", "licence_no": "L1",
        "licence_valid_until": "2030-12-31", "credit_code": "91350100M000100Y43",
    });
    let shop = manager.post("/shops", &shop).expect(201).value();
    let choice = json!({ "shop_id": shop["shop"]["id"], "free_choice_told": true });
    let _ = manager.post(&format!("/cases/{case}/shop"), &choice).expect(200);
    assert_eq!(in_force(&manager, &case), (json!(1), json!(9_500)));
    // Another branch has none of its own, and sees none of a neighbour's.
    let elsewhere = app.person_at("nb", &[Role::Manager]);
    let seen = elsewhere.get("/rate-cards").expect(200).value();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
    let _ = elsewhere.get(&format!("/cases/{case}/terms")).problem(404, "not_found");
});

each_engine!(rates_that_cannot_be_meant_are_refused_by_name, |app| {
    let manager = app.person(Role::Manager);
    for (field, value, refused_as, code) in [
        ("parts_management_bp", json!(10_001), "card.parts_management_bp", "out_of_range"),
        ("parts_discount_bp", json!(-1), "card.parts_discount_bp", "out_of_range"),
        ("multi_panel_from", json!(1), "card.multi_panel_from", "out_of_range"),
        ("multi_panel_from", json!(i64::MAX), "card.multi_panel_from", "out_of_range"),
        ("hourly_fen", json!({ "body": -1 }), "card.hourly_fen", "out_of_range"),
        ("hourly_fen", json!({ "magic": 1 }), "card.hourly_fen", "unknown"),
        ("labor_discount_bp", json!({ "magic": 1 }), "card.labor_discount_bp", "unknown"),
    ] {
        let mut body = card("any", 8_000);
        body["card"][field] = value;
        manager.post("/rate-cards", &body).refuses(refused_as, code);
    }
    manager.post("/rate-cards", &card("four", 1)).refuses("shop_class", "unknown");
    let mut never = card("any", 1);
    never["valid_from"] = json!("1999-01-01T00:00:00Z");
    manager.post("/rate-cards", &never).refuses("valid_from", "out_of_range");
    assert_eq!(app.count("SELECT count(*) AS n FROM rate_cards"), 0);
});

each_engine!(a_list_is_imported_only_as_it_was_previewed, |app| {
    let (manager, case) = (app.person(Role::Manager), new_case(&app));
    let preview =
        |rows: &str| manager.post("/price-lists/preview", &list(rows, None)).expect(200).value();
    let first = preview("B-1,前保险杠,oe_dealer,1409.50\nL-2,左前大灯,,2350\n");
    assert_eq!((&first["added"], &first["replaces_version"]), (&json!(2), &json!(0)));
    assert_eq!(first["version"], Value::Null);
    assert_eq!(app.count("SELECT count(*) AS n FROM price_lists"), 0, "a preview saves nothing");

    let rows = "B-1,前保险杠,oe_dealer,1409.50\nL-2,左前大灯,,2350\n";
    manager.post("/price-lists", &list(rows, None)).refuses("replaces_version", "missing");
    assert_eq!(import(&manager, rows, 0).expect(201).value()["version"], 1);
    let moved = import(&manager, rows, 0).problem(409, "conflict");
    assert_eq!(
        (&moved.facts["reason"], &moved.facts["version"]),
        (&json!("list_moved"), &json!(1))
    );

    let next = "B-1,前保险杠,oe_dealer,1500\nF-3,雾灯,,200\n";
    let shown = preview(next);
    let counts = ["items", "added", "changed", "removed"].map(|name| shown[name].clone());
    assert_eq!(counts, [json!(2), json!(1), json!(1), json!(1)]);
    assert_eq!(
        shown["examples"],
        json!([
            { "code": "B-1", "source": "oe_dealer", "name": "前保险杠", "before_fen": 140_950, "after_fen": 150_000 },
            { "code": "F-3", "source": "", "name": "雾灯", "after_fen": 20_000 },
            { "code": "L-2", "source": "", "name": "左前大灯", "before_fen": 235_000 },
        ])
    );
    assert_eq!(import(&manager, next, 1).expect(201).value()["version"], 2);
    let lists = &terms(&manager, &case)["price_lists"];
    assert_eq!((&lists[0]["kind"], &lists[0]["version"]), (&json!("parts"), &json!(2)));
    // The list of labor is another one, with versions of its own.
    let labor = json!({
        "kind": "labor", "replaces_version": 0,
        "csv": "code,name,labor_type,price_yuan\nW-1,前保险杠喷漆,refinish,450\n",
    });
    assert_eq!(manager.post("/price-lists", &labor).expect(201).value()["version"], 1);
    let listed = app.person(Role::Assessor).get("/price-lists?limit=2").expect(200).value();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(terms(&manager, &case)["price_lists"].as_array().unwrap().len(), 2);
    assert_eq!(app.count("SELECT count(*) AS n FROM price_lists"), 3, "no version goes away");
});

each_engine!(rows_that_cannot_be_used_are_named_and_nothing_is_saved, |app| {
    let manager = app.person(Role::Manager);
    let bad = "B-1,前保险杠,gold,1\n,x,,1\nB-2,x,,1.234\nB-3,x,,1\nB-3,y,,2\nB-4,x,1\n";
    let expected = [
        ("csv:2", "source"),
        ("csv:3", "code"),
        ("csv:4", "price"),
        ("csv:6", "twice"),
        ("csv:7", "columns"),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(f, c)| ((*f).to_owned(), (*c).to_owned())).collect();
    for path in ["/price-lists/preview", "/price-lists"] {
        assert_eq!(refused(&manager.post(path, &list(bad, Some(0)))), expected, "{path}");
    }
    let wrong = |change: Value| {
        let mut body = list("a,b,,1\n", Some(0));
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        manager.post("/price-lists", &body)
    };
    wrong(json!({ "kind": "paint" })).refuses("kind", "unknown");
    wrong(json!({ "kind": "labor" })).refuses("csv:1", "csv_head");
    wrong(json!({ "csv": "" })).refuses("csv:1", "csv_head");
    wrong(json!({ "csv": HEAD })).refuses("csv:2", "empty");
    wrong(json!({ "csv": "x".repeat(2_000_001) })).refuses("csv", "wrong_length");
    let endless =
        format!("{HEAD}{}", (0..20_001).map(|n| format!("c{n},n,,1\n")).collect::<String>());
    wrong(json!({ "csv": endless })).refuses("csv:20002", "too_many_rows");
    assert_eq!(app.count("SELECT count(*) AS n FROM price_lists"), 0);
    assert_eq!(app.count("SELECT count(*) AS n FROM price_items"), 0);
});

each_engine!(two_imports_of_one_preview_are_one_list, |app| {
    let managers: Vec<Person> = (0..4).map(|_| app.person(Role::Manager)).collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = managers
            .iter()
            .zip(1..)
            .map(|(manager, price)| {
                scope.spawn(move || import(manager, &format!("a,A,,{price}\n"), 0).status)
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let of = |status: u16| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((of(201), of(409)), (1, 3), "{statuses:?}");
    assert_eq!(app.count("SELECT count(*) AS n FROM price_items"), 1);
});

/// What the verifier is told of a sheet with one listed part at this price.
fn marks_of(assessed: &mut Assessed<'_>, price: i64, source: Option<&str>) -> Vec<(Value, Value)> {
    let (line, vehicle) = (new_id(), assessed.vehicle);
    let mut fields: Vec<(&'static str, Scalar)> = vec![
        ("kind", "replace".into()),
        ("vehicle_id", vehicle.into()),
        ("name", "前保险杠".into()),
        ("part_no", "B-1".into()),
        ("price_basis", "list".into()),
        ("unit_price_fen", price.into()),
    ];
    if let Some(source) = source {
        fields.push(("part_source", source.into()));
    }
    assessed.edit(|pen| {
        pen.add_line(line, &fields).unwrap();
    });
    let _ = assessed.frozen();
    let verifier = assessed.app.person(Role::Verifier);
    let shown = verifier.get(&assessed.path("/verification")).expect(200).value();
    let own = format!("lines/{line}/unit_price_fen");
    let marks = shown["marks"].as_array().unwrap().iter();
    let of_line = marks.filter(|mark| mark["path"] == json!(own));
    of_line.map(|mark| (mark["code"].clone(), mark["expected"].clone())).collect()
}

each_engine!(a_price_far_from_the_list_in_force_is_told_to_the_verifier, |app| {
    let head = app.person_at("head", &[Role::Manager]);
    let manager = app.person(Role::Manager);
    let mut assessed = Assessed::new(&app);
    // Without a list there is nothing to compare with.
    assert!(marks_of(&mut assessed, 1_000_000, None).is_empty());
    let _ = import(&head, "B-1,前保险杠,oe_dealer,1000\nB-1,前保险杠,,500\n", 0).expect(201);
    // A fifth is near; the price of the source goes before the one for any.
    assert!(marks_of(&mut assessed, 120_000, Some("oe_dealer")).is_empty());
    let far = json!("far_from_list");
    assert_eq!(
        marks_of(&mut assessed, 120_001, Some("oe_dealer")),
        [(far.clone(), json!(100_000))]
    );
    assert_eq!(marks_of(&mut assessed, 120_000, Some("recycled")), [(far.clone(), json!(50_000))]);
    // The branch's own list takes the place of the one above, and a newer one that of the older.
    let _ = import(&manager, "B-1,前保险杠,,1200\n", 0).expect(201);
    assert!(marks_of(&mut assessed, 120_002, Some("oe_dealer")).is_empty());
    let _ = import(&manager, "B-1,前保险杠,,2000\n", 1).expect(201);
    assert_eq!(marks_of(&mut assessed, 120_003, Some("oe_dealer")), [(far, json!(200_000))]);
    // The rate card says how far is far.
    let card = json!({ "shop_class": "any", "card": { "tolerance_bp": 5_000 } });
    let _ = manager.post("/rate-cards", &card).expect(201);
    assert!(marks_of(&mut assessed, 120_004, Some("oe_dealer")).is_empty());
});

each_engine!(the_terms_of_the_policy_are_kept_as_they_were_each_time, |app| {
    let (agent, case) = (app.person(Role::Intake), new_case(&app));
    let path = format!("/cases/{case}/policy");
    let policy = |terms: Value| json!({ "origin": "policy_document", "terms": terms });
    let first = json!({ "own_damage_fen": 20_000_000, "liability_bp": 10_000 });
    let saved = agent.post(&path, &policy(first)).expect(201).value();
    assert_eq!((&saved["number"], &saved["taken_by"]), (&json!(1), &json!(agent.id)));
    app.advance(Span::hours(1));
    let second = json!({ "own_damage_fen": 18_000_000, "liability_bp": 7_000 });
    let _ = agent.post(&path, &policy(second)).expect(201);
    let seen = &terms(&agent, &case)["policy"];
    assert_eq!((&seen["number"], &seen["terms"]["liability_bp"]), (&json!(2), &json!(7_000)));
    assert_eq!(app.count("SELECT count(*) AS n FROM policy_snapshots"), 2);

    for (change, field) in [
        (json!({ "liability_bp": 10_001 }), "terms.liability_bp"),
        (json!({ "liability_bp": 1, "deductible_fen": -1 }), "terms.deductible_fen"),
        (json!({ "liability_bp": 1, "own_damage_fen": -1 }), "terms.own_damage_fen"),
    ] {
        agent.post(&path, &policy(change)).refuses(field, "out_of_range");
    }
    let rumour = json!({ "origin": "hearsay", "terms": { "liability_bp": 1 } });
    agent.post(&path, &rumour).refuses("origin", "unknown");
    let elsewhere = app.person_at("nb", &[Role::Intake]);
    let _ = elsewhere.post(&path, &policy(json!({ "liability_bp": 1 }))).problem(404, "not_found");
});

#[test]
fn who_keeps_prices_is_not_who_assesses() {
    let app = TestApp::start(tests::Engine::Sqlite).unwrap();
    for role in [Role::Surveyor, Role::Assessor, Role::Verifier] {
        let person = app.person(role);
        let _ = import(&person, "a,A,,1\n", 0).problem(403, "forbidden");
        let _ = person.post("/rate-cards", &card("any", 1)).problem(403, "forbidden");
    }
}
