//! Guards: the OpenAPI document is complete and in step with the code.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use server::auth::policy::{Audience, op};
use tests::{Engine, TestApp, documented, expect_file, openapi_document};

#[test]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    let text = server::openapi::document().to_pretty_json().unwrap() + "\n";
    expect_file("api-spec/openapi.json", &text);
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let served = app.request("GET", "/api/v1/openapi.json").send().expect(200).value();
    assert_eq!(&served, openapi_document());
}

#[test]
fn every_operation_says_what_a_caller_must_know() {
    let policy: BTreeMap<_, _> = op::TABLE.iter().copied().collect();
    let mut ids = BTreeSet::new();
    let mut missing = Vec::new();
    for operation in documented() {
        let mut demand = |holds: bool, what: &str| {
            if !holds {
                missing.push(format!(
                    "{} {} ({}): {what}",
                    operation.method, operation.path, operation.id
                ));
            }
        };
        let entry = &operation.entry;
        demand(!operation.id.is_empty() && ids.insert(&operation.id), "an operation id of its own");
        demand(entry["summary"].as_str().is_some_and(|text| !text.is_empty()), "a summary");
        demand(
            entry["tags"].as_array().is_some_and(|tags| tags.len() == 1),
            "one tag, its capability",
        );
        let statuses: Vec<&str> =
            entry["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        demand(
            statuses.iter().any(|status| status.starts_with('2') || status.starts_with('3')),
            "a success",
        );
        demand(statuses.iter().any(|status| status.starts_with('4')), "an error response");
        for (status, response) in entry["responses"].as_object().unwrap() {
            demand(
                response["description"].as_str().is_some_and(|text| !text.is_empty()),
                &format!("a description of {status}"),
            );
        }
        match policy.get(operation.id.as_str()) {
            None => demand(false, "a row in auth/policy.rs"),
            Some(Audience::Public) => {
                demand(
                    entry["security"] == serde_json::json!([{}]),
                    "a security entry: none needed",
                );
            }
            Some(_) => {
                demand(
                    entry["security"] == serde_json::json!([{"bearer": []}]),
                    "a security entry: bearer",
                );
                demand(statuses.contains(&"401") && statuses.contains(&"403"), "401 and 403");
            }
        }
        let declared: BTreeSet<&str> = parameters(entry, "path").collect();
        let in_path: BTreeSet<&str> = operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        demand(declared == in_path, "exactly the parameters of its path");
    }
    assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
}

fn parameters<'a>(entry: &'a Value, place: &'static str) -> impl Iterator<Item = &'a str> {
    entry["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(move |parameter| parameter["in"] == place)
        .filter_map(|parameter| parameter["name"].as_str())
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_described() {
    let document = openapi_document();
    let mut broken = Vec::new();
    walk(document, &mut |value| {
        if let Some(target) = value["$ref"].as_str()
            && document.pointer(target.trim_start_matches('#')).is_none()
        {
            broken.push(target.to_owned());
        }
    });
    assert!(broken.is_empty(), "{broken:?}");
}

fn walk(value: &Value, see: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(fields) => {
            see(value);
            fields.values().for_each(|below| walk(below, see));
        }
        Value::Array(items) => items.iter().for_each(|below| walk(below, see)),
        _ => {}
    }
}

#[test]
fn another_method_on_a_known_path_is_told_which_ones_there_are() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    for operation in documented() {
        let path = crate::authz::with_ids(&operation.path, uuid::Uuid::from_u128(7));
        let reply = app.request("TRACE", &path).send();
        reply.problem(405, "method_not_allowed");
        assert!(reply.header("allow").unwrap().contains(&operation.method), "{reply}");
    }
    app.request("GET", "/api/v1/nothing").send().problem(404, "not_found");
    app.request("GET", "/elsewhere").send().problem(404, "not_found");
}
