//! Another implementation of the CRDT as one more replica, through the same HTTP protocol.

use std::process::Command;

use serde_json::Value;
use server::auth::policy::Role;
use tests::{Engine, TestApp, binary::repository};
use uuid::Uuid;

use super::phone::{Phone, case_of, draft_of, replace};

/// Runs the replica; nothing where its packages are not installed and nobody asked for them.
fn replica(app: &TestApp, token: &str, case: &str, rounds: u32, seed: u32) -> Option<Value> {
    let folder = repository().join("tests/js");
    if !folder.join("node_modules/@automerge/automerge").is_dir() {
        let required = std::env::var_os("CHAKAN_TEST_JS").is_some_and(|text| text == "require");
        assert!(!required, "npm ci in tests/js was not run");
        println!("without the JavaScript replica: run npm ci in tests/js");
        return None;
    }
    let output = Command::new("node")
        .current_dir(folder)
        .args(["replica.mjs", &format!("http://{}", app.address()), token, case])
        .args([rounds.to_string(), seed.to_string()])
        .output()
        .expect("node runs");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    Some(serde_json::from_str(out.lines().last().unwrap()).unwrap())
}

#[test]
fn a_javascript_replica_converges_with_phones() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    for seed in 1..=3_u32 {
        let case = case_of(&app);
        let mut phone = Phone::open(&app, &app.person(Role::Assessor), &case);
        let other = app.person(Role::Assessor);
        for round in 0..3_u32 {
            phone.edit(|pen| {
                let line = Uuid::from_u128(u128::from(seed * 10 + round));
                pen.add_line(line, &replace(100 * i64::from(round))).unwrap();
                pen.set_scene("place", format!("rust {round}").as_str()).unwrap();
                let description = sync_core::model::schema::Path::parse("scene/description");
                pen.set_text(&description.unwrap(), &format!("{round} 从手机🚗")).unwrap();
            });
            // Unsent while the other one works: its changes and these know nothing of each other.
            let Some(done) = replica(&app, &other.token(), &case, 2, seed * 7 + round) else {
                return;
            };
            assert_eq!(done["same"], true, "{done}");
            phone.sync();
            phone.assert_same_as_server();
        }
        // Everything that both wrote is there, and the replica reads what the phone reads.
        let done = replica(&app, &other.token(), &case, 1, 99).unwrap();
        phone.sync();
        phone.assert_same_as_server();
        let draft = phone.draft();
        assert_eq!(done["lines"], draft.lines.len());
        assert_eq!(draft.lines.len(), 3 + 3 * 2 + 1);
        assert_eq!(done["description"], draft.scene.description.as_str());
        let heads: Vec<String> =
            phone.session.doc().get_heads().iter().map(ToString::to_string).collect();
        assert_eq!(done["heads"], serde_json::json!(heads));
        let held = "SELECT count(*) AS n FROM draft_quarantine";
        assert_eq!(app.count(held), 0, "nothing that it writes is refused");
        let _ = phone.person.get(&draft_of(&case, "/history")).expect(200);
    }
}
