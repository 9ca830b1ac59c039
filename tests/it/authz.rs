//! Guards: who may call what, as a table, and every operation tried without rights (B20).

use server::auth::policy::{Audience, Role, op};
use tests::{Documented, Engine, Person, Reply, Request, TestApp, documented, expect_file, report};
use uuid::Uuid;

/// A documented path with every template filled.
pub(crate) fn with_ids(path: &str, id: Uuid) -> String {
    let fill = |part: &str| {
        if part.starts_with('{') { id.to_string() } else { part.to_owned() }
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

fn audience(operation: &Documented) -> Audience {
    let row = op::TABLE.iter().find(|(id, _)| *id == operation.id);
    row.unwrap_or_else(|| panic!("{} has no row in auth/policy.rs", operation.id)).1
}

#[test]
fn the_table_is_as_reviewed() {
    let mut lines = vec![
        "Who may call what. R: this role may. *: everybody who is logged in. -: no log-in asked."
            .into(),
        "Written by tests/it/authz.rs from auth/policy.rs and the OpenAPI document.".into(),
        String::new(),
        heading(),
    ];
    let mut operations: Vec<_> = documented().iter().collect();
    operations.sort_by_key(|operation| position(&operation.id));
    for operation in operations {
        let marks = Role::ALL.iter().map(|role| match audience(operation) {
            Audience::Public => '-',
            Audience::Everyone => '*',
            audience if audience.admits(&[*role]) => 'R',
            Audience::Roles(_) => '.',
        });
        lines.push(row(&operation.id, marks));
    }
    let unbuilt: Vec<_> = op::TABLE
        .iter()
        .map(|(id, _)| *id)
        .filter(|id| documented().iter().all(|operation| operation.id != *id))
        .collect();
    if !unbuilt.is_empty() {
        lines.push(String::new());
        lines.push(format!("Rows without an operation: {}", unbuilt.join(" ")));
    }
    expect_file("tests/it/policy.txt", &(lines.join("\n") + "\n"));
}

fn position(id: &str) -> usize {
    op::TABLE.iter().position(|(known, _)| *known == id).unwrap_or(usize::MAX)
}

fn heading() -> String {
    let names: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let numbered: Vec<_> =
        ('a'..).zip(&names).map(|(letter, name)| format!("{letter} {name}")).collect();
    format!("{}\n\n{}", numbered.join("\n"), row("", ('a'..).take(names.len())))
}

fn row(name: &str, marks: impl Iterator<Item = char>) -> String {
    let marks: Vec<String> = marks.map(String::from).collect();
    format!("{name:<22}{}", marks.join(" "))
}

#[test]
fn no_row_stands_twice() {
    let mut ids: Vec<_> = op::TABLE.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn without_a_token_every_operation_answers_the_same_401() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let gone = app.person(Role::Admin);
    let expired = gone.token();
    app.advance(sync_core::time::Span::hours(1));
    let refused = |request: Request| {
        let reply = request.send();
        assert_eq!(reply.status, 401, "{reply}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{reply}");
        reply
    };
    let mut bodies = Vec::new();
    for operation in documented().iter().filter(|operation| audience(operation) != Audience::Public)
    {
        let path = with_ids(&operation.path, Uuid::from_u128(7));
        let request = || attempt(app.request(&operation.method, &path), operation);
        for request in [
            request(),
            request().token("nonsense"),
            request().token(&expired),
            request().header("authorization", "Basic Og=="),
        ] {
            let reply = refused(request);
            // HEAD is answered without a body.
            if operation.method != "HEAD" {
                reply.problem(401, "unauthenticated");
                bodies.push(reply.body);
            }
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "the refusals differ");
}

#[test]
fn every_role_that_is_not_named_is_refused_and_every_other_is_not() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    // At the top of the tree: some operations ask for more than a role elsewhere.
    let people: Vec<Person> =
        Role::ALL.iter().map(|role| app.person_at("head", &[*role])).collect();
    let mut wrong = Vec::new();
    for operation in documented() {
        let path = with_ids(&operation.path, Uuid::from_u128(7));
        for person in &people {
            let reply = attempt(person.request(&operation.method, &path), operation).send();
            let may = audience(operation).admits(&person.roles);
            if (reply.status == 403) == may {
                wrong.push(format!("{} as {:?}: {reply}", operation.id, person.roles));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A request that carries what every request of its kind carries, and nothing that makes sense: who
/// may not call must hear so before hearing what is wrong.
fn attempt(request: Request, operation: &Documented) -> Request {
    match operation.method.as_str() {
        "GET" | "HEAD" | "DELETE" => request,
        _ => request.key("one").if_match(1).json(&serde_json::json!({})),
    }
}

#[test]
fn a_hidden_case_is_no_case_for_every_operation() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let agent = app.person(Role::Intake);
    let case = agent.post("/cases", &report()).expect(201).value();
    let case: Uuid = serde_json::from_value(case["case"]["id"].clone()).unwrap();
    let mut tried = 0;
    for operation in documented().iter().filter(|operation| operation.path.contains("/cases/{id}"))
    {
        for role in Role::ALL.iter().filter(|role| audience(operation).admits(&[**role])) {
            let stranger = app.person_at("nb", &[*role]);
            let ask = |id| {
                attempt(
                    stranger.request(&operation.method, &with_ids(&operation.path, id)),
                    operation,
                )
                .send()
            };
            let (hidden, none) = (ask(case), ask(Uuid::from_u128(7)));
            assert_eq!(
                (hidden.status, &hidden.body),
                (none.status, &none.body),
                "{} as {role}",
                operation.id
            );
            assert_refused(&hidden, operation);
            tried += 1;
        }
    }
    assert!(tried > 0);
}

/// Reads answer 404. What changes something may complain about the empty body first: that says
/// nothing about the case.
fn assert_refused(reply: &Reply, operation: &Documented) {
    let allowed: &[u16] = if operation.method == "GET" { &[404] } else { &[404, 415, 422] };
    assert!(allowed.contains(&reply.status), "{reply}");
}
