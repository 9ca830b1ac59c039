//! A server's directory with people, cases and drafts, made once and used by all measurements.

use std::{path::Path, sync::Mutex};

use diesel::RunQueryDsl;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use server::{
    auth::{Auth, token::Bearer},
    ports::ids::{Ids, SystemIds},
};
use sync_core::ids::DeviceId;
use tests::Scratch;

use crate::{
    case::{self, Style, now},
    server::{self as process, Process},
    wire::{Ask, Line},
};

/// Cases that are filled with copies of a template, beside the two templates.
const SPARE: usize = 62;

/// Everything on disk.
pub struct World {
    scratch: Scratch,
    auth: Auth,
    /// Cases without a draft yet, or with a copy of a template.
    pub cases: Vec<String>,
    spare: Mutex<Vec<String>>,
    /// A draft of about 3,000 changes, and one of about 300.
    pub fine: String,
    pub coarse: String,
    pub changes: [usize; 2],
}

/// Somebody who calls.
pub struct Caller {
    pub line: Line,
    pub token: String,
}

impl Caller {
    pub fn send(&mut self, path: &str, body: &[u8]) -> Vec<u8> {
        let key = SystemIds.uuid().to_string();
        self.line.expect(&case::ask(path, &self.token, &key, body))
    }

    pub fn post<T: DeserializeOwned>(&mut self, path: &str, body: &Value) -> T {
        let body = serde_json::to_vec(body).expect("JSON");
        serde_json::from_slice(&self.send(path, &body)).expect("an answer")
    }

    pub fn get(&mut self, path: &str) -> Vec<u8> {
        let ask = Ask { method: "GET", path, token: &self.token, key: "", headers: "", body: b"" };
        self.line.expect(&ask)
    }
}

impl World {
    /// Makes so many people and cases, and the two templates.
    pub fn make(people: usize, cases: usize) -> Self {
        let scratch = Scratch::new("sync-bench");
        let server = Process::start(scratch.path(), people);
        let auth = process::auth(scratch.path());
        let mut world = Self {
            scratch,
            auth,
            cases: Vec::new(),
            spare: Mutex::default(),
            fine: String::new(),
            coarse: String::new(),
            changes: [0, 0],
        };
        let mut desk = world.caller(&server, 0);
        world.cases = (0..cases + SPARE).map(|n| report(&mut desk, n)).collect();
        world.fine = world.cases.pop().expect("a case");
        world.coarse = world.cases.pop().expect("a case");
        world.spare = Mutex::new(world.cases.split_off(cases));
        let three = || [1, 2, 3].map(|n| world.caller(&server, n));
        world.changes = [
            case::fill(&world.fine, three(), Style::Fine),
            case::fill(&world.coarse, three(), Style::Coarse),
        ];
        world
    }

    /// Starts a server that remembers nothing.
    pub fn server(&self) -> Process {
        Process::start(self.scratch.path(), 0)
    }

    /// Where everything lies.
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    pub fn token(&self, person: usize, device: Option<DeviceId>) -> String {
        let bearer = Bearer { person: process::person(person), device };
        self.auth.tokens.issue(bearer, SystemIds.uuid(), now()).expect("a token").0
    }

    pub fn caller(&self, server: &Process, person: usize) -> Caller {
        Caller { line: Line::to(server.port), token: self.token(person, None) }
    }

    /// Another case with the draft of a template, for somebody who writes to it.
    pub fn copy_of(&self, template: &str) -> String {
        let case = self.spare.lock().expect("no panic").pop().expect("a spare case");
        self.copy(template, std::slice::from_ref(&case));
        case
    }

    /// Gives these cases the draft of a template: its newest snapshot and what follows it. No server
    /// may run meanwhile.
    pub fn copy(&self, template: &str, cases: &[String]) {
        let mut conn = server::db::open::open(&process::database(self.path())).expect("a database");
        let mut run = |sql: String| {
            diesel::sql_query(sql).execute(&mut conn).expect("a copy");
        };
        run("BEGIN IMMEDIATE".into());
        for case in cases {
            run(format!(
                "INSERT INTO case_draft (case_id, epoch, lsn, heads, max_op, snapshot_lsn, tail_bytes, opened_at, changed_at)
                 SELECT '{case}', epoch, lsn, heads, max_op, snapshot_lsn, tail_bytes, opened_at, changed_at
                 FROM case_draft WHERE case_id = '{template}'"
            ));
            run(format!(
                "INSERT INTO draft_change (case_id, lsn, epoch, hash, actor, seq, deps, start_op, max_op, client_time, received_at, person_id, size, bytes)
                 SELECT '{case}', lsn, epoch, hash, actor, seq, deps, start_op, max_op, client_time, received_at, person_id, size, bytes
                 FROM draft_change WHERE case_id = '{template}'
                 AND lsn > (SELECT snapshot_lsn FROM case_draft WHERE case_id = '{template}')"
            ));
            run(format!(
                "INSERT INTO draft_snapshot (case_id, lsn, heads, bytes, sha256, verified_at)
                 SELECT '{case}', lsn, heads, bytes, sha256, verified_at
                 FROM draft_snapshot WHERE case_id = '{template}'
                 AND lsn = (SELECT snapshot_lsn FROM case_draft WHERE case_id = '{template}')"
            ));
        }
        run("COMMIT".into());
    }
}

fn report(desk: &mut Caller, n: usize) -> String {
    let body = json!({
        "customer_name": "压测", "contact_phone": "13800000000", "plate": format!("浙A{n:05}"),
        "loss_at": server::wire::time(now()), "loss_place": "文三路 90 号",
        "position": { "lat": 30.2741, "lon": 120.1551, "accuracy_m": 12.0 },
    });
    let saved: Value = desk.post("/api/v1/cases", &body);
    saved["case"]["id"].as_str().expect("an id").to_owned()
}
