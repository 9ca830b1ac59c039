//! A phone of these stories: the session that phones run, and requests made from what it says.

use std::sync::Arc;

use api_spec::problem::Problem;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use server::{
    auth::policy::Role,
    ports::ids::{Ids, SystemIds},
};
use sync_core::{
    edit::{DraftEditor, Writer},
    model::{
        ActorId, Automerge, ChangeHash, Draft,
        schema::{self, Roles, Scalar},
    },
    protocol::{Blob, Effect, Fresh, Session, SyncRefusal, SyncReply, SyncRequest, push_text},
    recover::HeldEdit,
    time::Instant,
};
use tests::{Device, Person, Reply, TestApp};
use uuid::Uuid;

/// A phone with one draft.
pub struct Phone {
    pub person: Person,
    pub case: String,
    pub install: Uuid,
    /// What signs its pushes, if it is enrolled.
    pub device: Option<Arc<Device>>,
    pub session: Session,
    pub now: Instant,
}

/// A reported case.
pub fn case_of(app: &TestApp) -> String {
    let reply = app.person(Role::Intake).post("/cases", &tests::report()).expect(201);
    reply.value()["case"]["id"].as_str().unwrap().to_owned()
}

/// A case and two assessors' phones with its draft.
pub fn two_phones(app: &TestApp) -> (String, Phone, Phone) {
    let case = case_of(app);
    let one = Phone::open(app, &app.person(Role::Assessor), &case);
    let two = Phone::open(app, &app.person(Role::Assessor), &case);
    (case, one, two)
}

/// The fields of a valid loss line.
pub fn replace(price: i64) -> Vec<(&'static str, Scalar)> {
    vec![("kind", "replace".into()), ("unit_price_fen", price.into())]
}

/// Where a part of a case's draft is.
pub fn draft_of(case: &str, what: &str) -> String {
    format!("/cases/{case}/draft{what}")
}

/// The draft as the server reads it.
#[track_caller]
pub fn server_draft(person: &Person, case: &str) -> Value {
    person.get(&draft_of(case, "")).expect(200).value()
}

/// Asks for an actor.
pub fn issue(person: &Person, case: &str, install: Uuid, replaces: Option<&str>) -> Reply {
    let mut body = json!({ "install_id": install });
    if let Some(actor) = replaces {
        body["replaces"] = actor.into();
    }
    person.post(&draft_of(case, "/actors"), &body)
}

/// The snapshot in an answer of [`issue`].
pub fn snapshot(issued: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(issued["snapshot"].as_str().unwrap()).unwrap()
}

/// The writer that an answer of [`issue`] makes.
pub fn writer(person: &Person, issued: &Value) -> Writer {
    let actor: ActorId = issued["actor"].as_str().unwrap().parse().unwrap();
    let names = issued["roles"].as_array().unwrap().iter().map(|role| role.as_str().unwrap());
    let roles = names.map(|role| match role {
        "surveyor" => schema::Role::Surveyor,
        "verifier" => schema::Role::Verifier,
        "office" => schema::Role::Office,
        other => panic!("{other}"),
    });
    Writer { actor, person: person.id, roles: roles.collect::<Roles>() }
}

/// The refusal in a problem.
#[track_caller]
pub fn refusal(reply: &Reply) -> SyncRefusal {
    let problem: Problem = serde_json::from_slice(&reply.body).unwrap();
    serde_json::from_value(Value::Object(problem.facts)).unwrap_or_else(|e| panic!("{e}: {reply}"))
}

/// The changes that `work` makes on top of a document, in order.
pub fn changes_on(
    doc: &mut Automerge,
    writer: &Writer,
    at: Instant,
    work: impl FnOnce(&mut DraftEditor<'_>),
) -> Vec<Blob> {
    let before: Vec<ChangeHash> = doc.get_heads();
    work(&mut DraftEditor::new(doc, writer, at).unwrap());
    doc.get_changes(&before).iter_mut().map(|change| Blob(change.bytes().into_owned())).collect()
}

impl Phone {
    /// Opens a case's draft on a new installation.
    #[track_caller]
    pub fn open(app: &TestApp, person: &Person, case: &str) -> Self {
        Self::open_on(app, person, case, SystemIds.uuid())
    }

    /// Opens a case's draft on an installation.
    #[track_caller]
    pub fn open_on(app: &TestApp, person: &Person, case: &str, install: Uuid) -> Self {
        let issued = issue(person, case, install, None).expect(200).value();
        let session = Session::open(
            &snapshot(&issued),
            writer(person, &issued),
            issued["epoch"].as_u64().unwrap().try_into().unwrap(),
            issued["cursor"].as_u64().unwrap(),
            issued["last_seq"].as_u64().unwrap(),
        )
        .unwrap();
        let (person, case) = (person.clone(), case.to_owned());
        Self { person, case, install, device: None, session, now: app.now() }
    }

    /// What a backup of this phone holds.
    pub fn backup(&self) -> Self {
        let session = Session::open(
            &self.session.save(),
            self.session.writer().clone(),
            1,
            self.session.cursor(),
            self.session.acked_seq(),
        )
        .unwrap();
        let (person, case) = (self.person.clone(), self.case.clone());
        Self { person, case, session, device: self.device.clone(), ..*self }
    }

    /// Writes.
    pub fn edit(&mut self, work: impl FnOnce(&mut DraftEditor<'_>)) {
        work(&mut self.session.edit(self.now).unwrap());
    }

    /// The actor id as it stands in requests.
    pub fn actor(&self) -> String {
        self.session.writer().actor.to_hex_string()
    }

    /// Sends a request under a push id.
    pub fn send(&self, key: &str, request: &SyncRequest) -> Reply {
        let path = draft_of(&self.case, "/sync");
        self.person.request("POST", &path).key(key).json(&self.signed(key, request)).send()
    }

    /// A request with the signature of the phone's device.
    pub fn signed(&self, key: &str, request: &SyncRequest) -> Value {
        let mut body = serde_json::to_value(request).unwrap();
        if let Some(device) = &self.device {
            let changes: Vec<&[u8]> = request.changes.iter().map(|b| b.0.as_slice()).collect();
            let case = self.case.parse().unwrap();
            body["signature"] = device.sign(&push_text(key, case, &request.actor, &changes)).into();
        }
        body
    }

    /// Sends these changes in place of the phone's own.
    pub fn send_changes(&self, changes: Vec<Blob>) -> Reply {
        let request = SyncRequest { changes, ..self.session.next_request() };
        self.send(&SystemIds.uuid().to_string(), &request)
    }

    /// Sends the next request and takes the answer.
    pub fn exchange(&mut self) -> Vec<Effect> {
        let reply = self.send(&SystemIds.uuid().to_string(), &self.session.next_request());
        self.take(&reply)
    }

    /// Takes an answer as a phone does.
    pub fn take(&mut self, reply: &Reply) -> Vec<Effect> {
        if reply.status == 200 {
            return self.session.apply_reply(reply.json::<SyncReply>());
        }
        self.session.refused(&refusal(reply))
    }

    /// Exchanges until phone and server hold the same; answers how many exchanges that took.
    #[track_caller]
    pub fn sync(&mut self) -> usize {
        for n in 1..20 {
            let effects = self.exchange();
            if effects.contains(&Effect::InStep) {
                return n;
            }
            assert!(effects.contains(&Effect::Send), "{effects:?}");
        }
        panic!("never in step");
    }

    /// Goes on under a new actor.
    #[track_caller]
    pub fn recover(&mut self) -> Vec<HeldEdit> {
        let issued = issue(&self.person, &self.case, self.install, Some(&self.actor()));
        let issued = issued.expect(200).value();
        let snapshot = snapshot(&issued);
        let fresh = Fresh {
            snapshot: &snapshot,
            writer: writer(&self.person, &issued),
            epoch: issued["epoch"].as_u64().unwrap().try_into().unwrap(),
            cursor: issued["cursor"].as_u64().unwrap(),
        };
        let (session, held) = self.session.recover(fresh, self.now, &[]).unwrap();
        self.session = session;
        held
    }

    /// The draft as the phone has it.
    pub fn draft(&self) -> Draft {
        Draft::read(self.session.doc()).unwrap()
    }

    /// The draft as the server has it.
    #[track_caller]
    pub fn server_draft(&self) -> Value {
        server_draft(&self.person, &self.case)
    }

    /// Fails unless phone and server show the same.
    #[track_caller]
    pub fn assert_same_as_server(&self) {
        let server = self.server_draft();
        assert_eq!(server["draft"], serde_json::to_value(self.draft()).unwrap());
        let heads: Vec<String> =
            self.session.doc().get_heads().iter().map(ToString::to_string).collect();
        assert_eq!(server["heads"], json!(heads));
    }
}
