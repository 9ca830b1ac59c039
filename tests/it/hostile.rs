//! Guard: whatever is sent to whichever operation, the server never makes a mistake (B34).

use serde_json::{Value, json};
use server::auth::policy::{Audience, Role, op};
use tests::{Documented, Person, Request, TestApp, documented, each_engine, example_body, report};
use uuid::Uuid;

use crate::authz::with_ids;

each_engine!(no_value_in_any_field_makes_the_server_fail, |app| {
    let world = World::new(&app);
    let mut sent = 0;
    for operation in documented() {
        let Some(body) = example_body(operation) else { continue };
        for hostile in bodies(&body) {
            world.send(&app, operation, "", Some(hostile));
            sent += 1;
        }
    }
    assert!(sent > 500, "only {sent} requests");
});

each_engine!(no_text_in_any_parameter_makes_the_server_fail, |app| {
    const TEXTS: &[&str] = &[
        "",
        "%00",
        "%FF%FE",
        "-1",
        "0",
        "99999999999999999999",
        "1e400",
        "NaN",
        "%F0%9F%9A%97",
        "..%2F..%2Fetc",
        "%27%20OR%201=1--",
        "2026-03-02T01:30:00Z",
        "9999-12-31T23:59:59Z",
        "%E2%80%AE",
        "a%25b_c",
        "true",
    ];
    let world = World::new(&app);
    for operation in documented() {
        for parameter in operation.entry["parameters"].as_array().into_iter().flatten() {
            let (name, place) =
                (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
            let long = "x".repeat(4_000);
            for text in TEXTS.iter().copied().chain([long.as_str()]) {
                match place {
                    "query" => world.send(&app, operation, &format!("?{name}={text}"), None),
                    "path" => world.send_at(&app, operation, &filled(&operation.path, name, text)),
                    _ => {}
                }
            }
        }
    }
});

/// The path with one of its parameters replaced.
fn filled(path: &str, name: &str, text: &str) -> String {
    with_ids(&path.replace(&format!("{{{name}}}"), text), Uuid::from_u128(7))
}

/// Somebody of every role at the top of the tree, and a case that they see.
struct World {
    people: Vec<Person>,
    case: Uuid,
}

impl World {
    fn new(app: &TestApp) -> Self {
        let people: Vec<_> = Role::ALL.iter().map(|role| app.person_at("head", &[*role])).collect();
        let saved = people[0].post("/cases", &report()).expect(201).value();
        let case = serde_json::from_value(saved["case"]["id"].clone()).unwrap();
        Self { people, case }
    }

    fn send(&self, app: &TestApp, operation: &Documented, query: &str, body: Option<Value>) {
        let path = with_ids(&operation.path, self.case) + query;
        let request = self.request(app, operation, &path);
        let shown = body.as_ref().map(Value::to_string);
        let request = match (body, operation.method.as_str()) {
            (Some(body), _) => request.json(&body),
            (None, "GET" | "HEAD" | "DELETE") => request,
            (None, _) => request.json(&json!({})),
        };
        let reply = request.send();
        assert!(reply.status < 500, "{reply} for {shown:?}");
    }

    fn send_at(&self, app: &TestApp, operation: &Documented, path: &str) {
        let request = self.request(app, operation, path);
        // With such a path it may be another operation, or none: the document cannot be asked.
        let reply = match operation.method.as_str() {
            "GET" | "HEAD" | "DELETE" => request.try_send(),
            _ => request.json(&json!({})).try_send(),
        };
        let reply = reply.unwrap();
        assert!((300..500).contains(&reply.status) || reply.status == 200, "{reply}");
    }

    /// As somebody who may.
    fn request(&self, app: &TestApp, operation: &Documented, path: &str) -> Request {
        let row = op::TABLE.iter().find(|(id, _)| *id == operation.id);
        let (_, audience) = row.expect("the guard of the table has said so already");
        let request = match audience {
            Audience::Public => app.request(&operation.method, path),
            audience => {
                let may = self.people.iter().find(|person| audience.admits(&person.roles));
                may.unwrap().request(&operation.method, path)
            }
        };
        if operation.method == "GET" { request } else { request.if_match(1) }
    }
}

/// The body with each of its values replaced by each hostile one, or gone.
fn bodies(body: &Value) -> Vec<Value> {
    let mut places = Vec::new();
    pointers(body, String::new(), &mut places);
    let mut all = vec![body.clone()];
    for place in &places {
        for hostile in hostile_values() {
            let mut changed = body.clone();
            *changed.pointer_mut(place).unwrap() = hostile;
            all.push(changed);
        }
        let (parent, name) = place.rsplit_once('/').unwrap_or(("", ""));
        let mut without = body.clone();
        if let Some(Value::Object(fields)) = without.pointer_mut(parent)
            && fields.remove(name).is_some()
        {
            fields.insert("no_such_field".into(), json!(1));
            all.push(without);
        }
    }
    all
}

fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, below)| pointers(below, format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(n, below)| pointers(below, format!("{at}/{n}"), found));
        }
        _ => {}
    }
    found.push(at);
}

fn hostile_values() -> Vec<Value> {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(0.5),
        json!(1e308),
        json!(""),
        json!("a\0b"),
        json!("\u{202e}\u{feff}\u{1}"),
        json!("长".repeat(3_000)),
        json!("9999-12-31T23:59:59Z"),
        json!("-2026-03-02T01:20:00Z"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("' OR 1=1 --"),
        json!("=="),
        json!([]),
        json!({}),
        json!([{}, {}]),
        deep,
    ]
}
