//! What stories about a loss sheet begin with: a surveyed case with a draft.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use server::{
    auth::policy::Role,
    case_log::{self, Author, NewEvent},
};
use sync_core::{
    edit::{DraftEditor, Writer},
    ids::CaseId,
    lifecycle::EventKind,
    model::schema::{Role as DraftRole, Roles, Scalar},
    protocol::{Session, SyncReply},
};
use tests::{Person, Reply, TestApp};
use uuid::Uuid;

use crate::field::{Scene, new_id};

/// The customer's number in [`tests::report`].
pub(crate) const CUSTOMER: &str = "18667091253";

/// A surveyed case whose surveyor has the draft open.
pub(crate) struct Assessed<'a> {
    pub(crate) app: &'a TestApp,
    pub(crate) case: String,
    pub(crate) surveyor: Person,
    pub(crate) vehicle: Uuid,
    session: Session,
}

impl<'a> Assessed<'a> {
    /// A case with an empty sheet.
    pub(crate) fn new(app: &'a TestApp) -> Self {
        let Scene { case, surveyor, .. } = Scene::new(app);
        happened(app, &case, EventKind::SurveyCompleted);
        let session = open(&surveyor, &case);
        let draft = sync_core::model::Draft::read(session.doc()).unwrap();
        let vehicle = *draft.vehicles.keys().next().unwrap();
        Self { app, case, surveyor, vehicle, session }
    }

    /// A case with one line for a bumper of ¥1,409.50.
    pub(crate) fn with_a_bumper(app: &'a TestApp) -> Self {
        let mut assessed = Self::new(app);
        assessed.add_part("前保险杠", 140_950);
        assessed
    }

    pub(crate) fn path(&self, what: &str) -> String {
        format!("/cases/{}{what}", self.case)
    }

    /// Puts a part on the sheet.
    pub(crate) fn add_part(&mut self, name: &str, price_fen: i64) -> Uuid {
        let (id, vehicle) = (new_id(), self.vehicle);
        let fields: [(&'static str, Scalar); 4] = [
            ("kind", "replace".into()),
            ("vehicle_id", vehicle.into()),
            ("name", name.into()),
            ("unit_price_fen", price_fen.into()),
        ];
        self.edit(|pen| {
            pen.add_line(id, &fields).unwrap();
        });
        id
    }

    /// Puts a wheel hub on the sheet that was damaged before: the insurance does not bear it, and the
    /// customer was told (C26).
    pub(crate) fn add_uncovered_hub(&mut self) -> Uuid {
        let (id, vehicle) = (new_id(), self.vehicle);
        let fields = [
            ("kind", "replace".into()),
            ("vehicle_id", vehicle.into()),
            ("name", "旧轮毂".into()),
            ("unit_price_fen", 77_700_i64.into()),
            ("cover", "uncovered".into()),
            ("reason", "事故前已损坏".into()),
            ("explained", true.into()),
        ];
        self.edit(|pen| {
            pen.add_line(id, &fields).unwrap();
        });
        id
    }

    /// Freezes the draft, sends it, and lets the customer agree; answers the version.
    pub(crate) fn agreed(&self) -> Value {
        let (version, link) = self.send();
        let code = self.code(&link);
        let _ = self.agree(&link, &code).expect(200);
        version
    }

    /// Writes to the draft and brings it to the server.
    pub(crate) fn edit(&mut self, work: impl FnOnce(&mut DraftEditor<'_>)) {
        work(&mut self.session.edit(self.app.now()).unwrap());
        let path = self.path("/draft/sync");
        let reply = self.surveyor.post(&path, &self.session.next_request()).expect(200);
        self.session.apply_reply(reply.json::<SyncReply>());
        assert_eq!(self.session.pending(), 0);
    }

    /// The heads of the draft at the server.
    pub(crate) fn heads(&self) -> Value {
        self.surveyor.get(&self.path("/draft")).expect(200).value()["heads"].clone()
    }

    /// Asks to freeze the draft as it stands.
    pub(crate) fn freeze(&self) -> Reply {
        self.surveyor.post(&self.path("/versions"), &json!({ "based_on": self.heads() }))
    }

    /// Freezes the draft as it stands; answers the version without its lines.
    pub(crate) fn frozen(&self) -> Value {
        self.freeze().expect(201).value()["version"].clone()
    }

    /// Freezes the draft and sends the customer a link; answers the version and the link's path.
    pub(crate) fn send(&self) -> (Value, String) {
        let version = self.frozen();
        let link = self.send_version(&version);
        (version, link)
    }

    /// Sends the customer a link to a version; answers its path.
    pub(crate) fn send_version(&self, version: &Value) -> String {
        let wanted = json!({ "version_id": version["id"] });
        let _ = self.surveyor.post(&self.path("/links"), &wanted).expect(201);
        let message = self.app.last_message_to(CUSTOMER);
        let at = message.find("/a/").unwrap_or_else(|| panic!("no link in {message}"));
        message[at..].split(' ').next().unwrap().to_owned()
    }

    /// Asks for a code as the customer; answers it.
    pub(crate) fn code(&self, link: &str) -> String {
        let _ = self.app.request("POST", &format!("{link}/code")).send().expect(200);
        code_in(&self.app.last_message_to(CUSTOMER))
    }

    /// Enters a code as the customer.
    pub(crate) fn agree(&self, link: &str, code: &str) -> Reply {
        submit(self.app, &format!("{link}/agree"), &format!("code={code}"))
    }

    /// The agreement as the surveyor sees it.
    pub(crate) fn agreement(&self) -> Value {
        self.surveyor.get(&self.path("/agreement")).expect(200).value()
    }
}

/// A second device with the draft of a case.
pub(crate) fn open(person: &Person, case: &str) -> Session {
    let path = format!("/cases/{case}/draft/actors");
    let issued = person.post(&path, &json!({ "install_id": new_id() })).expect(200).value();
    let writer = Writer {
        actor: issued["actor"].as_str().unwrap().parse().unwrap(),
        person: person.id,
        roles: Roles::NONE.with(DraftRole::Surveyor),
    };
    let snapshot = BASE64_STANDARD.decode(issued["snapshot"].as_str().unwrap()).unwrap();
    let number = |name: &str| issued[name].as_u64().unwrap();
    let epoch = u32::try_from(number("epoch")).unwrap();
    Session::open(&snapshot, writer, epoch, number("cursor"), number("last_seq")).unwrap()
}

/// The six digits in a message.
pub(crate) fn code_in(message: &str) -> String {
    let runs = message.split(|c: char| !c.is_ascii_digit());
    let code = runs.into_iter().find(|run| run.len() == 6);
    code.unwrap_or_else(|| panic!("no code in {message}")).to_owned()
}

/// Sends a form.
pub(crate) fn submit(app: &TestApp, path: &str, form: &str) -> Reply {
    let request = app.request("POST", path);
    request.header("content-type", "application/x-www-form-urlencoded").bytes(form).send()
}

/// Puts limits of authority in force: role, by decision, by case.
pub(crate) fn set_limits(app: &TestApp, rows: &[(&str, i64, i64)]) {
    let row = |(role, single, case): &(&str, i64, i64)| json!({ "role": role, "single_fen": single, "case_fen": case, "period_days": 30 });
    let limits: Vec<Value> = rows.iter().map(row).collect();
    let manager = app.person(Role::Manager);
    let _ = manager.post("/authority-limits", &json!({ "limits": limits })).expect(201);
}

/// Verifies a version.
pub(crate) fn verify(person: &Person, assessed: &Assessed<'_>, version: &Value) -> Reply {
    let body = json!({ "version_id": version["id"] });
    person.post(&assessed.path("/verification/verify"), &body)
}

/// Why it was refused.
#[track_caller]
pub(crate) fn reason(reply: Reply) -> String {
    reply.problem(409, "conflict").facts["reason"].as_str().unwrap().to_owned()
}

/// Lets something stand in the log that other stories are about.
pub(crate) fn happened(app: &TestApp, case: &str, kind: EventKind) {
    let now = app.now();
    let event = NewEvent {
        id: new_id().into(),
        case_id: CaseId(case.parse().unwrap()),
        kind,
        author: Author::System,
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data: json!({}),
    };
    app.write(move |conn| case_log::append(conn, &event).map(|_| ()));
}
