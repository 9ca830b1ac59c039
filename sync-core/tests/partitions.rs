//! Liveness: a phone whose network was down, deaf or flapping for minutes has nothing left to send ten
//! seconds after it healed, without anybody telling it that it healed. Time is virtual.

#![expect(clippy::unwrap_used, reason = "a panic is how a test says no")]
#![expect(clippy::disallowed_methods, reason = "how many runs is asked by the environment")]

use serde_json::{Value, json};
use sync_core::{
    client::{
        Engine, MemoryStore,
        drive::{self, Answer, Step, Transport},
    },
    edit::Writer,
    gate::{self, PushContext},
    ids::{CaseId, EventId, PersonId},
    model::{ActorId, Automerge, Draft, Seed, schema::Roles, seed},
    outbox::OutboxItem,
    protocol::{Blob, Lock, Pull, SyncReply, SyncRequest},
    time::{Instant, Span},
};
use uuid::Uuid;

const START: Instant = Instant(1_780_000_000_000);
const CASE: CaseId = CaseId(Uuid::from_u128(1));
/// How long a healed phone may take.
const IN_TIME: Span = Span(10_000);

/// A small generator: every run can be repeated by its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Weather {
    Fine,
    /// Nothing arrives.
    Down,
    /// Requests arrive, answers do not.
    Deaf,
    /// One in three exchanges works.
    Flapping,
    /// The server turns everybody away.
    Overloaded,
}

struct World {
    now: Instant,
    dice: Dice,
    weather: Weather,
    doc: Automerge,
    last_seq: u64,
    done: Vec<Value>,
}

fn writer() -> Writer {
    let person = PersonId(Uuid::from_u128(3));
    Writer { actor: ActorId::from([5; 16]), person, roles: Roles::ALL }
}

impl World {
    fn serve(&mut self, path: &str, body: &Value) -> Value {
        if path.ends_with("/actors") {
            let snapshot = Blob(self.doc.save());
            return json!({
                "actor": writer().actor, "person_id": writer().person, "epoch": 1, "cursor": 1,
                "roles": ["surveyor", "verifier", "office", "shop"],
                "last_seq": self.last_seq, "snapshot": snapshot, "lock": "open",
            });
        }
        let mut commands = Vec::new();
        for item in body["commands"].as_array().unwrap() {
            let known = self.done.contains(&item["id"]);
            commands.push(json!({
                "id": item["id"], "status": if known { "already_applied" } else { "applied" },
            }));
            if !known {
                self.done.push(item["id"].clone());
            }
        }
        let drafts: Vec<Value> =
            body["drafts"].as_array().unwrap().iter().map(|item| self.exchange(item)).collect();
        json!({ "commands": commands, "drafts": drafts, "manifests": [],
            "feed": { "changes": [], "cursor": "0.1", "more": false, "reset": false }, "server_time": 0 })
    }

    fn exchange(&mut self, item: &Value) -> Value {
        let request: SyncRequest = serde_json::from_value(item.clone()).unwrap();
        let changes: Vec<&[u8]> = request.changes.iter().map(|blob| blob.0.as_slice()).collect();
        let me = writer();
        let context = PushContext {
            actor: me.actor.clone(),
            person: me.person,
            roles: me.roles,
            last_seq: self.last_seq,
            now: self.now,
        };
        let admitted = gate::admit(&self.doc, &context, &changes).unwrap();
        self.doc = admitted.doc;
        self.last_seq = admitted.last_seq;
        let reply = SyncReply {
            epoch: 1,
            actor: me.actor,
            accepted: u32::try_from(admitted.rows.len()).unwrap(),
            last_seq: self.last_seq,
            cursor: request.cursor.max(1 + self.last_seq),
            heads: self.doc.get_heads(),
            pull: Pull::Changes { changes: Vec::new(), more: false },
            lock: Lock::Open,
            conflicts: Vec::new(),
            held: Vec::new(),
            late: 0,
            server_time: self.now,
        };
        json!({ "case_id": item["case_id"], "reply": reply })
    }
}

impl Transport for World {
    fn post(&mut self, path: &str, body: &Value) -> Option<Answer> {
        let weather = match self.weather {
            Weather::Flapping => match self.dice.roll(3) {
                0 => Weather::Fine,
                1 => Weather::Down,
                _ => Weather::Deaf,
            },
            other => other,
        };
        // Nobody waits longer than that for an answer that does not come.
        let took = if weather == Weather::Fine { 400 } else { 1_500 };
        self.now = self.now + Span(took);
        match weather {
            Weather::Down => None,
            Weather::Overloaded => {
                let wait = u32::try_from(1 + self.dice.roll(4)).unwrap();
                Some(Answer { status: 503, body: json!({}), retry_after_s: Some(wait) })
            }
            Weather::Deaf => {
                let _ = self.serve(path, body);
                None
            }
            _ => Some(Answer { status: 200, body: self.serve(path, body), retry_after_s: None }),
        }
    }

    fn sign(&mut self, _: &str) -> Option<String> {
        None
    }

    fn install_id(&self) -> Uuid {
        Uuid::from_u128(7)
    }

    fn now(&self) -> Instant {
        self.now
    }
}

fn world(run: u64) -> World {
    let seeded = Seed {
        case_id: CASE,
        actor: ActorId::from([1; 16]),
        at: START,
        vehicles: Vec::new(),
        checklist: vec!["photos".to_owned()],
    };
    let dice = Dice(run.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let doc = seed(&seeded).unwrap();
    World { now: START, dice, weather: Weather::Fine, doc, last_seq: 0, done: Vec::new() }
}

/// One run: how long the phone took after the network had healed.
fn run(number: u64) -> Span {
    let mut world = world(number);
    let mut engine = Engine::open(MemoryStore::default(), number).unwrap();
    engine.want(CASE);
    while drive::run(&mut engine, &mut world, 50).unwrap() != Step::Idle {}

    let (mut commands, mut edits) = (0_u128, 0);
    for _ in 0..3 + world.dice.roll(10) {
        world.weather = match world.dice.roll(4) {
            0 => Weather::Down,
            1 => Weather::Deaf,
            2 => Weather::Flapping,
            _ => Weather::Overloaded,
        };
        let until = world.now + Span(i64::try_from(world.dice.roll(120_000)).unwrap());
        let place = format!("p{}", world.dice.roll(1_000));
        engine.edit(CASE, world.now, |pen| pen.set_scene("place", place.as_str())).unwrap();
        edits += 1;
        commands += 1;
        let id = EventId(Uuid::from_u128(u128::from(number) << 32 | commands));
        let (kind, occurred_at) = ("record_contact".to_owned(), world.now);
        engine.note(OutboxItem { id, case_id: CASE, kind, occurred_at, body: json!({}) }).unwrap();
        while world.now < until {
            match drive::step(&mut engine, &mut world).unwrap() {
                Step::Did => {}
                Step::Wait(at) => world.now = at.min(until),
                Step::Idle => world.now = until,
                Step::Upload(..) => panic!("no photos here"),
            }
            if world.dice.roll(20) == 0 {
                // Killed, and started again: it may try at once.
                engine = Engine::open(engine.store().clone(), number).unwrap();
                world.now = world.now + Span(100);
            }
        }
    }
    world.weather = Weather::Fine;
    let healed = world.now;
    while !engine.unsent().is_empty() || edits == 0 {
        match drive::step(&mut engine, &mut world).unwrap() {
            Step::Wait(at) => world.now = at,
            Step::Did => {}
            other => panic!("{other:?} with {:?} unsent", engine.unsent()),
        }
        assert!(world.now.since(healed) <= Span::hours(1), "run {number}: never empty");
    }
    assert_eq!(world.done.len(), usize::try_from(commands).unwrap(), "run {number}");
    let here = Draft::read(engine.session(CASE).unwrap().doc()).unwrap();
    assert_eq!(Draft::read(&world.doc).unwrap(), here, "run {number}");
    world.now.since(healed)
}

#[test]
fn nothing_is_left_ten_seconds_after_healing() {
    let asked = std::env::var("CHAKAN_PARTITIONS").ok().and_then(|text| text.parse().ok());
    let runs: u64 = asked.unwrap_or(1_000);
    let mut took: Vec<Span> = (1..=runs).map(run).collect();
    took.sort();
    let late = took.iter().filter(|span| **span > IN_TIME).count();
    let middle = took.get(took.len() / 2).map_or(0, |span| span.0);
    let worst = took.last().map_or(0, |span| span.0);
    eprintln!("{runs} partitions: empty after {middle} ms in the middle, {worst} ms at worst");
    let in_time = runs - u64::try_from(late).unwrap();
    eprintln!(
        "figure: partitions after which nothing is left to send within 10 s: {in_time} of {runs}"
    );
    assert_eq!(late, 0, "of {runs} runs, worst {worst} ms");
}
