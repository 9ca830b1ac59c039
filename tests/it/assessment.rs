//! Journeys: freezing the draft as versions of the loss sheet (B1, C25, C26).

use serde_json::{Value, json};
use server::auth::policy::Role;
use sha2::{Digest, Sha256};
use sync_core::{estimate::chinese_capitals, money::Fen};
use tests::each_engine;
use uuid::Uuid;

use crate::{
    assessed::{Assessed, open},
    field::{Scene, assign, timeline},
};

each_engine!(a_version_is_the_draft_as_it_was_seen_with_sums_and_hash, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    assessed.add_part("大灯", 100_050);
    let whole = assessed.freeze().expect(201).value();
    let version = &whole["version"];
    assert_eq!(version["number"], 1);
    assert_eq!(version["total_fen"], 241_000);
    assert_eq!(version["total_in_capitals"], json!(chinese_capitals(Fen(241_000))));
    assert_eq!(version["heads"], assessed.heads());
    assert_eq!(whole["vehicles"][0]["lines"].as_array().unwrap().len(), 2);
    let canonical = whole["canonical"].as_str().unwrap();
    let sha256: String = Sha256::digest(canonical).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(version["sheet_sha256"], json!(sha256));

    // Later writing does not touch it.
    assessed.add_part("后视镜", 30_000);
    let path = assessed.path(&format!("/versions/{}", version["id"].as_str().unwrap()));
    assert_eq!(assessed.surveyor.get(&path).expect(200).value(), whole);
    let list = assessed.surveyor.get(&assessed.path("/versions")).expect(200).value();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let log = timeline(&assessed.surveyor, &assessed.case);
    assert_eq!(log.iter().filter(|kind| *kind == "version_frozen").count(), 1);
});

each_engine!(versions_are_listed_newest_first_page_by_page, |app| {
    let mut assessed = Assessed::new(&app);
    for n in 1..=5 {
        assessed.add_part("件", n * 100);
        let _ = assessed.freeze().expect(201);
    }
    let mut seen = Vec::new();
    let mut path = assessed.path("/versions?limit=2");
    loop {
        let page = assessed.surveyor.get(&path).expect(200).value();
        seen.extend(page["items"].as_array().unwrap().iter().map(|v| v["number"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = assessed.path(&format!("/versions?limit=2&cursor={cursor}"));
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
});

each_engine!(a_draft_that_moved_and_an_unchanged_one_are_not_frozen, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let seen = assessed.heads();
    assessed.add_part("大灯", 100);
    let stale = json!({ "based_on": seen });
    let reply = assessed.surveyor.post(&assessed.path("/versions"), &stale);
    let problem = reply.problem(409, "conflict");
    assert_eq!(problem.facts["reason"], "draft_moved");
    assert_eq!(problem.facts["heads"], assessed.heads());

    let _ = assessed.freeze().expect(201);
    let again = assessed.freeze().problem(409, "conflict");
    assert_eq!(again.facts["reason"], "sheet_unchanged");
    for nonsense in [json!([]), json!(["x"]), json!(vec!["0".repeat(64); 65])] {
        let body = json!({ "based_on": nonsense });
        assessed.surveyor.post(&assessed.path("/versions"), &body).refuses("based_on", "not_heads");
    }
});

each_engine!(an_open_conflict_over_money_keeps_the_draft_from_being_frozen, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let assessor = app.person(Role::Assessor);
    let mut tablet = open(&assessor, &assessed.case);
    assessed.edit(|pen| {
        pen.set_rate("parts_management_bp", 500_i64).unwrap();
    });
    tablet.edit(app.now()).unwrap().set_rate("parts_management_bp", 800_i64).unwrap();
    let path = assessed.path("/draft/sync");
    let _ = assessor.post(&path, &tablet.next_request()).expect(200);

    let refused = assessed.freeze().problem(409, "conflict");
    assert_eq!(refused.facts["reason"], "open_conflicts");
    assert_eq!(refused.facts["paths"], json!(["rates/parts_management_bp"]));
    let settle = json!({ "path": "rates/parts_management_bp", "value": 500 });
    let _ = assessor.post(&assessed.path("/draft/conflicts/settle"), &settle).expect(200);
    let version = assessed.freeze().expect(201).value();
    assert_eq!(version["totals"]["management_fee_fen"], 7_048);
});

each_engine!(what_a_sheet_lacks_is_named_by_line_and_field, |app| {
    let mut assessed = Assessed::new(&app);
    assessed.freeze().refuses("lines", "sheet_no_lines");
    let line = Uuid::from_u128(1);
    assessed.edit(|pen| {
        pen.add_line(line, &[("kind", "repair".into())]).unwrap();
    });
    let problem = assessed.freeze().problem(422, "invalid_fields");
    let fields: Vec<_> =
        problem.errors.iter().map(|e| (e.field.as_str(), e.code.as_str())).collect();
    let of = |field: &str| format!("lines/{line}/{field}");
    assert_eq!(
        fields,
        [
            (of("name").as_str(), "sheet_value_missing"),
            (of("vehicle_id").as_str(), "sheet_value_missing"),
        ]
    );
});

each_engine!(who_was_relieved_and_who_is_elsewhere_freezes_nothing, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let body = json!({ "based_on": assessed.heads() });
    let other = app.person(Role::Surveyor);
    let _ = other.post(&assessed.path("/versions"), &body).problem(404, "not_found");
    let elsewhere = app.person_at("nb", &[Role::Assessor]);
    let _ = elsewhere.post(&assessed.path("/versions"), &body).problem(404, "not_found");
    let _ = assign(&app.person(Role::Dispatcher), &assessed.case, &other).expect(201);
    let _ = assessed.freeze().problem(403, "forbidden");
    let _ = other.post(&assessed.path("/versions"), &body).expect(201);
});

each_engine!(before_the_survey_and_without_a_draft_there_is_no_version, |app| {
    let Scene { case, surveyor, .. } = Scene::new(&app);
    let path = format!("/cases/{case}/versions");
    let body = json!({ "based_on": ["0".repeat(64)] });
    let reason = |reply: tests::Reply| reply.problem(409, "conflict").facts["reason"].clone();
    assert_eq!(reason(surveyor.post(&path, &body)), "no_draft");
    drop(open(&surveyor, &case));
    assert_eq!(reason(surveyor.post(&path, &body)), "draft_moved");
});

each_engine!(a_retry_answers_the_version_that_was_frozen, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let body = json!({ "based_on": assessed.heads() });
    let freeze = |person: &tests::Person| {
        person.request("POST", &assessed_path(&assessed)).key("once").json(&body).send()
    };
    let first: Value = freeze(&assessed.surveyor).expect(201).value();
    let person = assessed.surveyor.clone();
    assessed.add_part("大灯", 1);
    let again: Value =
        person.request("POST", &assessed_path(&assessed)).key("once").json(&body).send().value();
    assert_eq!(again, first);
});

fn assessed_path(assessed: &Assessed<'_>) -> String {
    assessed.path("/versions")
}
