//! What several stories in the field begin with.

use serde_json::{Value, json};
use server::{
    auth::policy::Role,
    ports::ids::{Ids, SystemIds},
    wire,
};
use sync_core::time::{Instant, Span};
use tests::{Person, Reply, TestApp, report};
use uuid::Uuid;

/// A case whose surveyor was just sent.
pub(crate) struct Scene {
    pub(crate) case: String,
    pub(crate) surveyor: Person,
    pub(crate) task: Value,
}

impl Scene {
    pub(crate) fn new(app: &TestApp) -> Self {
        let (case, surveyor) = (new_case(app), app.person(Role::Surveyor));
        let task = assign(&app.person(Role::Dispatcher), &case, &surveyor).expect(201).value();
        Self { case, surveyor, task }
    }
}

/// A new id.
pub(crate) fn new_id() -> Uuid {
    SystemIds.uuid()
}

/// A case reported at `hz`.
pub(crate) fn new_case(app: &TestApp) -> String {
    let saved = app.person(Role::Intake).post("/cases", &report()).expect(201).value();
    saved["case"]["id"].as_str().unwrap().to_owned()
}

/// Sends a surveyor.
pub(crate) fn assign(dispatcher: &Person, case: &str, surveyor: &Person) -> Reply {
    dispatcher.post(&format!("/cases/{case}/tasks"), &json!({ "surveyor_id": surveyor.id }))
}

/// Takes a task now, by a clock that is right.
pub(crate) fn accept(app: &TestApp, surveyor: &Person, task: &Value) -> Reply {
    let now = wire::time(app.now());
    let body = json!({ "id": new_id(), "device_now": now, "occurred_at": now });
    surveyor.post(&format!("/tasks/{}/accept", task["id"].as_str().unwrap()), &body)
}

/// So many metres north of the scene of [`report`], as latitude and longitude.
pub(crate) fn at_metres_north(metres: f64) -> (f64, f64) {
    (30.2741 + (metres / 6_371_008.8).to_degrees(), 120.1302)
}

/// The kinds of a case's events, in the order of the log.
pub(crate) fn timeline(person: &Person, case: &str) -> Vec<String> {
    let detail = person.get(&format!("/cases/{case}")).expect(200).value();
    let events = detail["timeline"].as_array().unwrap();
    events.iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

/// A phone whose clock may be wrong.
pub(crate) struct Phone<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) surveyor: &'a Person,
    pub(crate) ahead: Span,
}

impl<'a> Phone<'a> {
    /// A phone whose clock is right.
    pub(crate) fn new(app: &'a TestApp, surveyor: &'a Person) -> Self {
        Self { app, surveyor, ahead: Span::ZERO }
    }

    /// What the phone's clock shows at a true time.
    pub(crate) fn shows(&self, at: Instant) -> Value {
        json!(wire::time(at + self.ahead))
    }

    /// A field event of a true time, with the frame of an operation.
    pub(crate) fn event(&self, at: Instant, fields: Value) -> Value {
        let mut event = json!({ "id": new_id(), "occurred_at": self.shows(at) });
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        event
    }

    /// Sends an event online.
    pub(crate) fn send(&self, path: &str, event: &Value) -> Reply {
        let mut body = event.clone();
        body["device_now"] = self.shows(self.app.now());
        self.surveyor.post(path, &body)
    }

    /// Sends an outbox.
    pub(crate) fn sync(&self, commands: &[Value]) -> Reply {
        let body = json!({ "device_now": self.shows(self.app.now()), "commands": commands });
        self.surveyor.post("/sync/commands", &body)
    }
}

/// One clock of a case.
pub(crate) fn clock(person: &Person, case: &str, name: &str) -> Value {
    let clocks = person.get(&format!("/cases/{case}/clocks")).expect(200).value();
    let all = clocks["clocks"].as_array().unwrap();
    all.iter().find(|clock| clock["clock"] == name).unwrap().clone()
}

/// The verdict of one clock.
pub(crate) fn verdict(person: &Person, case: &str, name: &str) -> String {
    clock(person, case, name)["verdict"].as_str().unwrap().to_owned()
}
