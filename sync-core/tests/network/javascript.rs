//! One phone of the network is another implementation of the CRDT: automerge for JavaScript, in a
//! process of its own (B6).

use std::{
    cell::RefCell,
    io::{BufRead, BufReader, Write},
    path::Path as FilePath,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::*;

/// The process, spoken to by lines.
pub(super) struct JavaScript {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Changes that it made, in all schedules.
    made: usize,
}

impl JavaScript {
    /// Nothing where its packages are not installed and nobody asked for them.
    #[expect(clippy::print_stdout, reason = "says what is left out")]
    fn start() -> Option<Self> {
        let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../tests/js");
        if !folder.join("node_modules/@automerge/automerge").is_dir() {
            let required = std::env::var_os("CHAKAN_TEST_JS").is_some_and(|text| text == "require");
            assert!(!required, "npm ci in tests/js was not run");
            println!("without the JavaScript phone: run npm ci in tests/js");
            return None;
        }
        let mut child = Command::new("node")
            .current_dir(folder)
            .arg("phone.mjs")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Some(Self { child, input, output: BufReader::new(output), made: 0 })
    }

    fn ask(&mut self, what: &str, mut fields: Value) -> Value {
        fields["do"] = what.into();
        writeln!(self.input, "{fields}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{what}: it ended"))
    }

    /// Begins anew as one more phone on this server.
    pub(super) fn open(&mut self, server: &Server, writer: &Writer) {
        let phone = json!({
            "snapshot": Blob(server.doc.save()), "actor": writer.actor.to_hex_string(), "cursor": 1,
            "person": writer.person, "time": AT.0 / 1_000, "at_ms": AT.0,
        });
        let _ = self.ask("open", phone);
    }

    pub(super) fn restart(&mut self) {
        let _ = self.ask("restart", json!({}));
    }

    /// The same edits as those of the other phones, but for those that need the conflict list.
    pub(super) fn edit(&mut self, edit: Edit, new: Uuid) -> Vec<ChangeHash> {
        let asked = match edit {
            Edit::Scene(field, value) => {
                let value = ["", "a", "b", "c"][usize::from(value)];
                json!({ "kind": "scene", "pick": field, "value": value })
            }
            Edit::Rate(rate) => json!({ "kind": "rate", "value": rate }),
            Edit::AddLine => json!({ "kind": "add_line", "id": new }),
            Edit::Price(pick, price) => json!({ "kind": "price", "pick": pick, "value": price }),
            Edit::Remove(pick) => json!({ "kind": "removed", "pick": pick, "value": true }),
            Edit::Restore(pick) => json!({ "kind": "removed", "pick": pick, "value": false }),
            Edit::Describe(at, more) => json!({ "kind": "describe", "pick": at, "value": more }),
            Edit::Note(text) => json!({ "kind": "note", "id": new, "value": text }),
            Edit::Tick(done) => {
                json!({ "kind": "tick", "value": if done { "done" } else { "not_applicable" } })
            }
            Edit::RewriteNote(_) | Edit::Photo | Edit::Settle(..) => return Vec::new(),
        };
        let made = self.ask("edit", asked)["made"].take();
        let made: Vec<ChangeHash> = serde_json::from_value(made).unwrap();
        self.made += made.len();
        made
    }

    pub(super) fn next_request(&mut self) -> SyncRequest {
        serde_json::from_value(self.ask("request", json!({}))).unwrap()
    }

    pub(super) fn answer(&mut self, answer: Result<SyncReply, SyncRefusal>) {
        match answer {
            Ok(reply) => drop(self.ask("answer", json!({ "reply": reply }))),
            // Of a request that came twice and late: what it holds is asked for again.
            Err(SyncRefusal::SeqGap { .. }) => {}
            Err(refusal) => panic!("an honest phone was refused: {refusal:?}"),
        }
    }

    /// What it holds, and how many of its changes the server is not known to hold.
    pub(super) fn look(&mut self) -> (Vec<ChangeHash>, Automerge, u64) {
        let mut seen = self.ask("look", json!({}));
        let doc: Blob = serde_json::from_value(seen["doc"].take()).unwrap();
        let mut heads: Vec<ChangeHash> = serde_json::from_value(seen["heads"].take()).unwrap();
        heads.sort_unstable();
        (heads, gate::load(&doc.0).unwrap(), seen["pending"].as_u64().unwrap())
    }
}

impl Drop for JavaScript {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many schedules have it among their phones: 60 unless `CHAKAN_SCHEDULES_JS` says otherwise.
fn mixed_schedules() -> ProptestConfig {
    let asked = std::env::var("CHAKAN_SCHEDULES_JS").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(60), max_shrink_iters: 200, ..schedules() }
}

#[test]
fn a_phone_in_javascript_converges_with_the_others_and_loses_nothing() {
    let Some(javascript) = JavaScript::start() else { return };
    let javascript = RefCell::new(Some(javascript));
    let some = (2..7_u8, prop::collection::vec(steps(), 1..120));
    let lived = TestRunner::new(mixed_schedules()).run(&some, |(phones, steps)| {
        let process = javascript.borrow_mut().take();
        // After a schedule that failed the process is gone with it.
        let process = process.or_else(JavaScript::start);
        let world = World::with_javascript(phones, process.unwrap());
        *javascript.borrow_mut() = world.live_through(steps).1;
        Ok(())
    });
    lived.unwrap();
    let made = javascript.take().unwrap().made;
    println!("{} schedules, {made} changes by JavaScript", mixed_schedules().cases);
    assert!(made > 0);
}
