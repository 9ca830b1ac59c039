//! Reassigning while phones are offline: for any interleaving of reassignments, edits, syncs, lost
//! phones and take-overs, every change is in the draft, in late work or in quarantine, exactly once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use diesel::{QueryableByName, RunQueryDsl, sql_types};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use server::{
    auth::policy::Role,
    case_log,
    ports::ids::{Ids, SystemIds},
};
use sync_core::{
    gate,
    model::ChangeHash,
    protocol::{SyncRequest, push_text},
};
use tests::{Device, Engine, Person, TestApp};
use uuid::Uuid;

use super::phone::{Phone, case_of, draft_of, replace};

#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Edit(usize),
    Sync(usize),
    /// A push whose answer is lost.
    Lose(usize),
    Take(usize),
    /// The phone is lost; what it had not sent is handed in later.
    Revoke(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..3_usize;
    let step = prop_oneof![
        3 => who.clone().prop_map(Step::Send),
        6 => who.clone().prop_map(Step::Edit),
        4 => who.clone().prop_map(Step::Sync),
        1 => who.clone().prop_map(Step::Lose),
        1 => who.clone().prop_map(Step::Take),
        1 => (0..2_usize).prop_map(Step::Revoke),
    ];
    prop::collection::vec(step, 4..24)
}

struct Story<'a> {
    app: &'a TestApp,
    case: String,
    people: Vec<Person>,
    phones: Vec<Phone>,
    revoked: BTreeSet<usize>,
    manager: Person,
    sent: usize,
    made: u128,
}

impl<'a> Story<'a> {
    fn new(app: &'a TestApp) -> Self {
        let case = case_of(app);
        let mut story = Self {
            app,
            case,
            people: Vec::new(),
            phones: Vec::new(),
            revoked: BTreeSet::new(),
            manager: app.person(Role::Manager),
            sent: 0,
            made: SystemIds.uuid().as_u128() & !0xffff_ffff,
        };
        for n in 0..3 {
            let (device, person) = Device::of(&app.person(Role::Surveyor));
            story.people.push(person.clone());
            story.send(n);
            let mut phone = Phone::open(app, &person, &story.case);
            phone.device = Some(Arc::new(device));
            story.phones.push(phone);
        }
        story
    }

    fn send(&mut self, to: usize) {
        let (old, new) = (self.people[self.sent.min(to)].id, self.people[to].id);
        let (case, now, from) = (self.case.parse().unwrap(), self.app.now(), self.sent);
        let last = self.people.get(from).map_or(old, |person| person.id);
        self.app.write(move |conn| {
            case_log::release_person(conn, case, last, now)?;
            case_log::send_person(conn, case, new, now)
        });
        self.sent = to;
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Send(to) => self.send(to),
            Step::Edit(n) => {
                self.made += 1;
                let id = Uuid::from_u128(self.made);
                let value = i64::try_from(self.made % 997).unwrap();
                self.phones[n].edit(|pen| {
                    pen.add_line(id, &replace(value)).unwrap();
                    pen.set_scene("injured_count", value % 5).unwrap();
                });
            }
            Step::Sync(n) if !self.revoked.contains(&n) => {
                self.phones[n].sync();
            }
            Step::Lose(n) if !self.revoked.contains(&n) => {
                let request = self.phones[n].session.next_request();
                let _ = self.phones[n].send(&SystemIds.uuid().to_string(), &request).expect(200);
            }
            Step::Take(n) => self.take(n),
            Step::Revoke(n) if self.revoked.insert(n) => {
                let device = self.phones[n].device.as_ref().unwrap().id;
                let path = format!("/devices/{device}/revoke");
                let _ = self.manager.post(&path, &json!({})).expect(200);
            }
            Step::Sync(_) | Step::Lose(_) | Step::Revoke(_) => {}
        }
    }

    /// Whoever is sent now takes over what waits, if they still have a phone.
    fn take(&mut self, n: usize) {
        if self.revoked.contains(&n) || self.sent != n {
            return;
        }
        let person = self.people[n].clone();
        let list = person.get(&draft_of(&self.case, "/late-work")).expect(200).value();
        for work in list["items"].as_array().unwrap() {
            if work["state"] == "held" {
                let path = draft_of(
                    &self.case,
                    &format!("/late-work/{}/take", work["id"].as_str().unwrap()),
                );
                let _ = person.post(&path, &json!({ "take": "whole" })).expect(200);
            }
        }
    }

    /// All come home: who may sync does, and what lost phones had is handed in.
    fn end(&mut self) {
        for n in 0..3 {
            if !self.revoked.contains(&n) {
                self.phones[n].sync();
                continue;
            }
            let request = self.phones[n].session.next_request();
            if request.changes.is_empty() {
                continue;
            }
            let body = hand_in(&self.phones[n], &request);
            let path = draft_of(&self.case, "/hand-in");
            let _ = self.app.request("POST", &path).json(&body).send().expect(200);
        }
    }

    fn check(&self) {
        let mut places: BTreeMap<ChangeHash, Vec<&str>> = BTreeMap::new();
        for (place, sql) in [
            ("draft", "SELECT bytes FROM draft_change WHERE case_id = '{}'"),
            ("late", "SELECT bytes FROM draft_late_change WHERE case_id = '{}'"),
            ("quarantine", "SELECT bytes FROM draft_quarantine WHERE case_id = '{}'"),
        ] {
            for joined in bytes(self.app, &sql.replace("{}", &self.case)) {
                for change in gate::split(&joined).unwrap() {
                    places.entry(gate::inspect(change).unwrap().0).or_default().push(place);
                }
            }
        }
        for phone in &self.phones {
            let actor = &phone.session.writer().actor;
            for meta in phone.session.doc().get_changes_meta(&[]) {
                if *meta.actor != *actor {
                    continue;
                }
                let found = places.get(&meta.hash).cloned().unwrap_or_default();
                assert_eq!(found.len(), 1, "{:?} of {actor}: {found:?}", meta.seq);
            }
        }
    }
}

fn hand_in(phone: &Phone, request: &SyncRequest) -> Value {
    let device = phone.device.as_ref().unwrap();
    let changes: Vec<&[u8]> = request.changes.iter().map(|blob| blob.0.as_slice()).collect();
    let text = push_text("end", phone.case.parse().unwrap(), &request.actor, &changes);
    json!({
        "device_id": device.id, "actor": request.actor, "push_id": "end",
        "changes": request.changes, "signature": device.sign(&text),
    })
}

fn bytes(app: &TestApp, sql: &str) -> Vec<Vec<u8>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = sql_types::Binary)]
        bytes: Vec<u8>,
    }
    let sql = sql.to_owned();
    let rows = app.read(move |conn| Ok(diesel::sql_query(sql).load::<Row>(conn)?));
    rows.into_iter().map(|row| row.bytes).collect()
}

#[test]
fn every_edit_is_somewhere_exactly_once() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let asked = std::env::var_os("CHAKAN_HANDOVERS").and_then(|text| text.to_str()?.parse().ok());
    let config =
        Config { cases: asked.unwrap_or(20), failure_persistence: None, ..Config::default() };
    let done = TestRunner::new(config).run(&steps(), |steps| {
        let mut story = Story::new(&app);
        for step in &steps {
            story.act(step);
        }
        story.end();
        story.check();
        Ok(())
    });
    if let Err(failure) = done {
        panic!("{failure}");
    }
}
