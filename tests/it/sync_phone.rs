//! A whole phone in one request, by the reference client of the phone's library.

use std::io::Write;

use serde_json::{Value, json};
use server::{
    auth::policy::Role,
    ports::ids::{Ids, SystemIds},
};
use sync_core::{
    cbor,
    client::{
        Engine, MemoryStore, Unsent,
        drive::{self, Answer, Step, Transport},
    },
    ids::{CaseId, EventId},
    model::{
        Draft,
        schema::{Path, Section},
    },
    outbox::OutboxItem,
    time::{Instant, Span},
};
use tests::{Device, Person, TestApp, each_engine, report};
use uuid::Uuid;

const LINE: Uuid = Uuid::from_u128(0x71);

/// The way from a phone to the server of a story.
struct Line<'a> {
    app: &'a TestApp,
    person: Person,
    device: Option<Device>,
    install: Uuid,
    /// Whether there is a network.
    up: bool,
    /// Whether answers arrive.
    deaf: bool,
    requests: usize,
}

impl<'a> Line<'a> {
    fn of(app: &'a TestApp, person: Person, device: Option<Device>) -> Self {
        let install = SystemIds.uuid();
        Self { app, person, device, install, up: true, deaf: false, requests: 0 }
    }
}

impl Transport for Line<'_> {
    fn post(&mut self, path: &str, body: &Value) -> Option<Answer> {
        if !self.up {
            return None;
        }
        self.requests += 1;
        let reply = self.person.post(path, body);
        let retry_after_s = reply.header("retry-after").and_then(|text| text.parse().ok());
        let (status, body) = (reply.status, serde_json::from_slice(&reply.body).unwrap());
        (!self.deaf).then_some(Answer { status, body, retry_after_s })
    }

    fn sign(&mut self, text: &str) -> Option<String> {
        self.device.as_ref().map(|device| device.sign(text))
    }

    fn install_id(&self) -> Uuid {
        self.install
    }

    fn now(&self) -> Instant {
        self.app.now()
    }
}

fn tasked(app: &TestApp) -> (CaseId, Person) {
    let case = app.person(Role::Intake).post("/cases", &report()).expect(201).value();
    let case_id: CaseId = serde_json::from_value(case["case"]["id"].clone()).unwrap();
    let surveyor = app.person(Role::Surveyor);
    let body = json!({ "surveyor_id": surveyor.id });
    let path = format!("/cases/{case_id}/tasks");
    let _ = app.person(Role::Dispatcher).post(&path, &body).expect(201);
    (case_id, surveyor)
}

fn arrival(case_id: CaseId, at: Instant) -> OutboxItem {
    OutboxItem {
        id: EventId(SystemIds.uuid()),
        case_id,
        kind: "record_arrival".into(),
        occurred_at: at,
        body: json!({}),
    }
}

fn settled(engine: &mut Engine<MemoryStore>, line: &mut Line<'_>) {
    for _ in 0..20 {
        match drive::run(engine, line, 50).unwrap() {
            Step::Wait(until) => line.app.advance(until.since(line.app.now())),
            Step::Idle => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("never idle");
}

each_engine!(an_offline_visit_goes_up_in_one_round_trip, |app| {
    let (case_id, surveyor) = tasked(&app);
    let (device, surveyor) = Device::of(&surveyor);
    let mut line = Line::of(&app, surveyor, Some(device));
    let mut engine = Engine::open(MemoryStore::default(), 7).unwrap();
    engine.want(case_id);
    settled(&mut engine, &mut line);

    line.up = false;
    app.advance(Span::minutes(30));
    engine.note(arrival(case_id, app.now())).unwrap();
    engine
        .edit(case_id, app.now(), |pen| pen.add_line(LINE, &[("kind", "replace".into())]))
        .unwrap();
    let place = Path::single(Section::Scene, "place");
    engine.type_in(case_id, place, "文三路".into(), app.now()).unwrap();
    app.advance(Span::seconds(3));
    assert!(matches!(drive::run(&mut engine, &mut line, 5).unwrap(), Step::Wait(_)));
    assert_eq!(engine.unsent().len(), 2);

    // The answer to the first try is lost; the app is killed; the second try changes nothing twice.
    (line.up, line.deaf) = (true, true);
    engine.look();
    let _ = drive::step(&mut engine, &mut line).unwrap();
    let mut engine = Engine::open(engine.store().clone(), 7).unwrap();
    (line.deaf, line.requests) = (false, 0);
    let _ = drive::step(&mut engine, &mut line).unwrap();
    assert_eq!((line.requests, engine.unsent()), (1, vec![]), "one round trip");
    settled(&mut engine, &mut line);
    let draft = line.person.get(&format!("/cases/{case_id}/draft")).expect(200).value();
    let here = Draft::read(engine.session(case_id).unwrap().doc()).unwrap();
    assert_eq!(draft["draft"], serde_json::to_value(&here).unwrap());
    assert_eq!(draft["draft"]["scene"]["place"], "文三路");
    for (sql, n) in [
        ("SELECT count(*) AS n FROM case_events WHERE kind = 'arrived'", 1),
        ("SELECT count(*) AS n FROM draft_change", 3),
        ("SELECT count(*) AS n FROM draft_signature", 1),
    ] {
        assert_eq!(app.count(sql), n, "{sql}");
    }
});

each_engine!(phones_hear_of_each_other_through_the_feed, |app| {
    let (case_id, surveyor) = tasked(&app);
    let phone =
        |person| (Engine::open(MemoryStore::default(), 3).unwrap(), Line::of(&app, person, None));
    let (mut one, mut one_line) = phone(surveyor);
    let (mut two, mut two_line) = phone(app.person(Role::Assessor));
    for (engine, line) in [(&mut one, &mut one_line), (&mut two, &mut two_line)] {
        engine.want(case_id);
        settled(engine, line);
    }
    one.edit(case_id, app.now(), |pen| pen.set_scene("place", "x")).unwrap();
    settled(&mut one, &mut one_line);
    // Never past a transaction that is still running, whoever's it is: a look may come a little early.
    let there = (0..2_000).find_map(|_| {
        two.look();
        settled(&mut two, &mut two_line);
        Draft::read(two.session(case_id).unwrap().doc()).unwrap().scene.place
    });
    assert_eq!(there.as_deref(), Some("x"));
});

each_engine!(one_bad_item_never_blocks_the_rest, |app| {
    let (case_id, surveyor) = tasked(&app);
    let now = server::wire::time(app.now());
    let issued = surveyor
        .post(&format!("/cases/{case_id}/draft/actors"), &json!({ "install_id": LINE }))
        .expect(200)
        .value();
    let pull = json!({
        "case_id": case_id, "push_id": "p", "epoch": 1, "actor": issued["actor"], "cursor": 0,
        "heads": [],
    });
    let arrived = json!({ "id": Uuid::from_u128(5), "case_id": case_id, "kind": "record_arrival", "occurred_at": now });
    let photo = json!({
        "id": Uuid::from_u128(6), "sha256": "ab".repeat(32), "size": 5, "slot": "vin", "captured_at": now,
    });
    let body = json!({
        "device_now": now,
        "commands": [7, { "id": Uuid::from_u128(4), "kind": "nonsense" }, arrived],
        "drafts": [
            "nonsense", { "case_id": case_id }, { "case_id": Uuid::from_u128(9), "push_id": "q" },
            { "case_id": case_id, "push_id": "r", "epoch": 1, "actor": "x", "cursor": 0, "heads": [] },
            pull,
        ],
        "manifests": [
            { "case_id": case_id, "photos": [] }, { "case_id": Uuid::from_u128(9), "photos": [photo] },
            { "case_id": case_id, "photos": [photo] },
        ],
        "feed": {},
    });
    let done = surveyor.post("/sync", &body).expect(200).value();
    let of = |list: &str, what: &str| -> Vec<Value> {
        done[list].as_array().unwrap().iter().map(|item| item[what].clone()).collect()
    };
    assert_eq!(of("commands", "status"), ["refused", "refused", "applied"]);
    let codes: Vec<Value> = of("drafts", "problem").iter().map(|p| p["code"].clone()).collect();
    let invalid = json!("invalid_fields");
    assert_eq!(codes[..4], [invalid.clone(), invalid.clone(), invalid.clone(), invalid.clone()]);
    assert!(done["drafts"][4]["reply"]["pull"]["snapshot"].is_string(), "{done}");
    let codes: Vec<Value> = of("manifests", "problem").iter().map(|p| p["code"].clone()).collect();
    assert_eq!(codes, [invalid, json!("not_found"), Value::Null]);
    assert_eq!(done["manifests"][2]["reply"]["declared"], 1);
    let cursor = done["feed"]["cursor"].as_str().unwrap();
    let again = json!({ "device_now": now, "feed": { "after": cursor } });
    let feed = surveyor.post("/sync", &again).expect(200).value()["feed"].clone();
    // Where other stories write to the same cluster, the place may be a little behind.
    let early = app.engine == tests::Engine::Postgres;
    assert!(early || feed["changes"] == json!([]), "{feed}");
    assert!(feed["changes"].is_array(), "{feed}");
    surveyor
        .post("/sync", &json!({ "device_now": now, "feed": { "after": "x" } }))
        .refuses("feed.after", "malformed");
    surveyor
        .post("/sync", &json!({ "device_now": now, "drafts": vec![0; 51] }))
        .refuses("drafts", "out_of_range");
    // An assessor has no outbox of a surveyor, but drafts.
    let assessor = app.person(Role::Assessor);
    let done = assessor.post("/sync", &body).expect(200).value();
    assert_eq!(done["commands"][2]["problem"]["code"], "forbidden");
});

each_engine!(packed_cbor_says_the_same_in_fewer_bytes, |app| {
    let (case_id, surveyor) = tasked(&app);
    let mut line = Line::of(&app, surveyor.clone(), None);
    let mut engine = Engine::open(MemoryStore::default(), 7).unwrap();
    engine.want(case_id);
    settled(&mut engine, &mut line);
    let line_id = |n: u128| Uuid::from_u128(1_000 + n);
    for n in 0..20_u128 {
        let fields = [("kind", "replace".into()), ("unit_price_fen", 100.into())];
        engine.edit(case_id, app.now(), |pen| pen.add_line(line_id(n), &fields)).unwrap();
        for field in ["unit_price_fen", "qty_milli", "rate_fen"] {
            for value in 0..3 {
                let value = 1_000 + i64::try_from(n).unwrap() * 17 + value;
                engine
                    .edit(case_id, app.now(), |pen| pen.set_line_field(line_id(n), field, value))
                    .unwrap();
            }
        }
    }
    assert_eq!(engine.unsent(), [Unsent::Changes(case_id, 200)]);
    engine.look();
    let sync_core::client::Next::Sync(request) = engine.next(app.now()).unwrap() else { panic!() };
    assert_eq!(request.drafts[0].request.changes.len(), 200, "all in one request");
    let json = request.to_json();
    let plain = cbor::of_json(&json).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&plain).unwrap();
    let packed = packer.finish().unwrap();
    println!(
        "200 changes: {} bytes as JSON, {} as CBOR, {} packed",
        json.to_string().len(),
        plain.len(),
        packed.len()
    );
    assert!(packed.len() <= 12_500, "{} bytes", packed.len());
    let send = |bytes: &[u8], encoding: &str| {
        surveyor
            .request("POST", "/sync")
            .bytes(bytes)
            .header("content-type", "application/cbor")
            .header("content-encoding", encoding)
            .header("accept", "application/cbor")
            .try_send()
            .unwrap()
    };
    let reply = send(&packed, "gzip");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/cbor")));
    let answer = cbor::to_json(&reply.body).unwrap();
    assert_eq!(answer["drafts"][0]["reply"]["accepted"], 200);
    // The same push as JSON by itself is the same push.
    let mut alone = json["drafts"][0].clone();
    let fields = alone.as_object_mut().unwrap();
    fields.remove("case_id");
    let push_id = fields.remove("push_id").unwrap();
    let path = format!("/cases/{case_id}/draft/sync");
    let same = surveyor.request("POST", &path).key(push_id.as_str().unwrap()).json(&alone).send();
    assert_eq!(same.expect(200).value()["accepted"], 200);
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 201);
    let reply = serde_json::from_value(answer).unwrap();
    engine.answered(app.now(), &request, reply).unwrap();
    assert_eq!(engine.unsent(), []);
    // A bomb is no larger than what is allowed, and other packings are not taken.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; 256 << 20]).unwrap();
    let _ = send(&packer.finish().unwrap(), "gzip").problem(413, "too_large");
    let _ = send(&plain, "br").problem(415, "unsupported_media_type");
    let _ = send(&packed, "identity").problem(400, "malformed_request");
});
