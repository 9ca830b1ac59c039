//! A fake network of phones and one server. Exchanges are dropped before or after the server saw
//! them, doubled, delayed and answered out of order; in the end all hold the same and nothing is lost.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test says no")]
#![expect(clippy::disallowed_methods, reason = "how many runs is asked by the environment")]

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use proptest::{prelude::*, test_runner::TestRunner};
use sync_core::{
    edit::{DraftEditor, Edited, Writer},
    gate::{self, Class, PushContext, Rule},
    ids::PersonId,
    model::{
        ActorId, Automerge, ChangeHash, CheckState, Draft, Seed, content_hash,
        schema::{Path, Roles, Scalar, Section},
        seed,
    },
    protocol::{
        Blob, Effect, Fresh, Held, Lock, Pull, Session, SyncRefusal, SyncReply, SyncRequest, Want,
    },
    time::Instant,
};
use uuid::Uuid;

#[path = "network/javascript.rs"]
mod javascript;

use javascript::JavaScript;

const AT: Instant = Instant(1_780_000_000_000);
/// The most changes in one reply, small so that paging is part of the game.
const PAGE: usize = 7;

struct Server {
    doc: Automerge,
    /// The log: actor and bytes by log number, from 1.
    log: Vec<(ActorId, Vec<u8>)>,
    last_seq: BTreeMap<ActorId, u64>,
    writers: BTreeMap<ActorId, Writer>,
}

impl Server {
    fn new(phones: u8) -> Self {
        let doc = seed(&Seed {
            case_id: Uuid::from_u128(1).into(),
            actor: ActorId::from([1; 16]),
            at: AT,
            vehicles: Vec::new(),
            checklist: vec!["photos".to_owned(), "papers".to_owned()],
        })
        .unwrap();
        let seed_change = doc.get_changes(&[])[0].raw_bytes().to_vec();
        let writers =
            (0..phones).map(writer).map(|writer| (writer.actor.clone(), writer)).collect();
        let log = vec![(ActorId::from([1; 16]), seed_change)];
        Self { doc, log, last_seq: BTreeMap::new(), writers }
    }

    fn handle(&mut self, request: &SyncRequest) -> Result<SyncReply, SyncRefusal> {
        let Some(writer) = self.writers.get(&request.actor) else {
            // The actor was revoked when the phone got a new one.
            return Err(SyncRefusal::ActorReused);
        };
        let last_seq = self.last_seq.get(&request.actor).copied().unwrap_or(0);
        let context = PushContext {
            actor: writer.actor.clone(),
            person: writer.person,
            roles: writer.roles,
            last_seq,
            now: AT,
        };
        let changes: Vec<&[u8]> = request.changes.iter().map(|blob| blob.0.as_slice()).collect();
        let admitted = gate::admit(&self.doc, &context, &changes).map_err(|rejection| {
            match rejection.class {
                Class::SeqGap { expected } => SyncRefusal::SeqGap { expected_seq: expected },
                Class::ActorReused => SyncRefusal::ActorReused,
                Class::UnknownDeps => SyncRefusal::UnknownDeps,
                // The same item, written again under another actor, is already here.
                Class::Malformed if rejection.rule == Rule::ItemExists => {
                    SyncRefusal::Quarantined(Held {
                        change: None,
                        rule: rejection.rule.code().to_owned(),
                        path: rejection.path,
                    })
                }
                other => panic!("an honest phone was refused: {other:?} {rejection}"),
            }
        })?;
        self.doc = admitted.doc;
        self.last_seq.insert(request.actor.clone(), admitted.last_seq);
        let accepted = admitted.rows.len();
        for row in admitted.rows {
            self.log.push((row.actor, row.bytes));
        }
        Ok(self.reply(request, accepted))
    }

    fn reply(&self, request: &SyncRequest, accepted: usize) -> SyncReply {
        let top = self.log.len();
        let (pull, cursor) = match request.want {
            Want::Snapshot => (Pull::Snapshot(Blob(self.doc.save())), top),
            Want::Changes => {
                let from = usize::try_from(request.cursor).unwrap();
                let until = top.min(from + PAGE);
                let changes = self.log[from..until]
                    .iter()
                    .filter(|(actor, _)| *actor != request.actor)
                    .map(|(_, bytes)| Blob(bytes.clone()))
                    .collect();
                (Pull::Changes { changes, more: until < top }, until)
            }
        };
        SyncReply {
            epoch: 1,
            actor: request.actor.clone(),
            accepted: accepted.try_into().unwrap(),
            last_seq: self.last_seq.get(&request.actor).copied().unwrap_or(0),
            cursor: cursor.try_into().unwrap(),
            heads: self.doc.get_heads(),
            pull,
            lock: Lock::Open,
            conflicts: sync_core::conflict::list(&self.doc),
            held: Vec::new(),
            late: 0,
            server_time: AT,
        }
    }
}

fn writer(n: u8) -> Writer {
    Writer {
        actor: ActorId::from([10 + n; 16]),
        person: PersonId(Uuid::from_u128(u128::from(n) + 10)),
        roles: Roles::ALL,
    }
}

/// One thing that happens. Phones and choices are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Edit {
        phone: u8,
        edit: Edit,
    },
    /// The phone sends; the request stays under way.
    Send {
        phone: u8,
    },
    /// A request under way reaches the server; the answer is under way then.
    Arrive {
        pick: u8,
        keep: bool,
    },
    /// An answer under way reaches its phone.
    Answer {
        pick: u8,
        keep: bool,
    },
    LoseRequest {
        pick: u8,
    },
    LoseAnswer {
        pick: u8,
    },
    /// The phone is switched off and on: it goes on from what it stored.
    Restart {
        phone: u8,
    },
    /// A backup of the phone is made.
    BackUp {
        phone: u8,
    },
    /// The phone goes back to its last backup and does not know it.
    Restore {
        phone: u8,
    },
}

#[derive(Clone, Debug)]
enum Edit {
    Scene(u8, u8),
    Rate(i64),
    AddLine,
    Price(u8, i64),
    Remove(u8),
    Restore(u8),
    Describe(u8, String),
    Note(String),
    RewriteNote(String),
    Tick(bool),
    Photo,
    Settle(u8, u8),
}

fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        1 => (0..3_u8, 0..4_u8).prop_map(|(field, value)| Edit::Scene(field, value)),
        1 => (0..3_i64).prop_map(Edit::Rate),
        3 => Just(Edit::AddLine),
        3 => (any::<u8>(), 0..3_i64).prop_map(|(line, price)| Edit::Price(line, price)),
        1 => any::<u8>().prop_map(Edit::Remove),
        1 => any::<u8>().prop_map(Edit::Restore),
        2 => (any::<u8>(), "[a-c保 ]{0,6}").prop_map(|(at, text)| Edit::Describe(at, text)),
        1 => "[a-c\n🚗]{0,5}".prop_map(Edit::Note),
        1 => "[a-c]{0,5}".prop_map(Edit::RewriteNote),
        1 => any::<bool>().prop_map(Edit::Tick),
        1 => Just(Edit::Photo),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(conflict, value)| Edit::Settle(conflict, value)),
    ]
}

/// Steps with backups that are restored behind everybody's back.
fn rough_steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => steps(),
        1 => any::<u8>().prop_map(|phone| Step::BackUp { phone }),
        1 => any::<u8>().prop_map(|phone| Step::Restore { phone }),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<u8>(), edits()).prop_map(|(phone, edit)| Step::Edit { phone, edit }),
        3 => any::<u8>().prop_map(|phone| Step::Send { phone }),
        3 => (any::<u8>(), prop::bool::weighted(0.2))
            .prop_map(|(pick, keep)| Step::Arrive { pick, keep }),
        3 => (any::<u8>(), prop::bool::weighted(0.2))
            .prop_map(|(pick, keep)| Step::Answer { pick, keep }),
        1 => any::<u8>().prop_map(|pick| Step::LoseRequest { pick }),
        1 => any::<u8>().prop_map(|pick| Step::LoseAnswer { pick }),
        1 => any::<u8>().prop_map(|phone| Step::Restart { phone }),
    ]
}

/// An answer under way: to which phone, for which of its actors, and what it says.
type Answer = (usize, ActorId, Result<SyncReply, SyncRefusal>);

/// What a phone stores.
#[derive(Clone)]
struct Stored {
    bytes: Vec<u8>,
    writer: Writer,
    cursor: u64,
    acked_seq: u64,
}

impl Stored {
    fn of(phone: &Session) -> Self {
        Self {
            bytes: phone.save(),
            writer: phone.writer().clone(),
            cursor: phone.cursor(),
            acked_seq: phone.acked_seq(),
        }
    }

    fn open(self) -> Session {
        Session::open(&self.bytes, self.writer, 1, self.cursor, self.acked_seq).unwrap()
    }
}

struct World {
    server: Server,
    phones: Vec<Session>,
    requests: Vec<(usize, SyncRequest)>,
    answers: Vec<Answer>,
    next_id: u128,
    /// Every change that a phone ever made.
    made: BTreeSet<ChangeHash>,
    backups: BTreeMap<usize, Stored>,
    next_actor: u8,
    /// The phone that runs another implementation, if there is one; its number is the last.
    javascript: Option<JavaScript>,
}

impl World {
    fn new(phones: u8) -> Self {
        let server = Server::new(phones);
        let snapshot = server.doc.save();
        let open = |n| Session::open(&snapshot, writer(n), 1, 1, 0).unwrap();
        Self {
            phones: (0..phones).map(open).collect(),
            server,
            requests: Vec::new(),
            answers: Vec::new(),
            next_id: 1_000,
            made: BTreeSet::new(),
            backups: BTreeMap::new(),
            next_actor: 100,
            javascript: None,
        }
    }

    /// Beside so many phones, one that runs another implementation.
    fn with_javascript(phones: u8, mut javascript: JavaScript) -> Self {
        let mut world = Self::new(phones);
        let writer = writer(phones);
        javascript.open(&world.server, &writer);
        world.server.writers.insert(writer.actor.clone(), writer);
        Self { javascript: Some(javascript), ..world }
    }

    /// Which phone is meant; in every third case the one that runs another implementation.
    fn phone(&self, pick: u8) -> usize {
        match &self.javascript {
            Some(_) if pick.is_multiple_of(3) => self.phones.len(),
            _ => usize::from(pick) % self.phones.len(),
        }
    }

    fn next_request(&mut self, phone: usize) -> SyncRequest {
        match (&mut self.javascript, self.phones.get(phone)) {
            (_, Some(session)) => session.next_request(),
            (Some(javascript), None) => javascript.next_request(),
            (None, None) => panic!("no phone {phone}"),
        }
    }

    /// Lives through a schedule; answers how many changes were made, of which none is lost, and the
    /// phone of another implementation.
    fn live_through(mut self, steps: Vec<Step>) -> (usize, Option<JavaScript>) {
        for step in steps {
            self.step(step);
        }
        // What is still under way may arrive late, too.
        while let Some((phone, actor, answer)) = take(&mut self.answers, 0, false) {
            self.answer(phone, &actor, answer);
        }
        self.settle_down();
        self.check();
        (self.made.len(), self.javascript)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Edit { phone, edit } => {
                let phone = self.phone(phone);
                self.edit(phone, edit);
            }
            Step::Send { phone } => {
                let phone = self.phone(phone);
                let request = self.next_request(phone);
                self.requests.push((phone, request));
            }
            Step::Arrive { pick, keep } => {
                if let Some((phone, request)) = take(&mut self.requests, pick, keep) {
                    let answer = self.server.handle(&over_the_wire(&request));
                    self.answers.push((phone, request.actor, answer));
                }
            }
            Step::Answer { pick, keep } => {
                if let Some((phone, actor, answer)) = take(&mut self.answers, pick, keep) {
                    self.answer(phone, &actor, answer);
                }
            }
            Step::LoseRequest { pick } => drop(take(&mut self.requests, pick, false)),
            Step::LoseAnswer { pick } => drop(take(&mut self.answers, pick, false)),
            Step::Restart { phone } => match (self.phone(phone), &mut self.javascript) {
                (phone, Some(javascript)) if phone == self.phones.len() => javascript.restart(),
                (phone, _) => self.phones[phone] = Stored::of(&self.phones[phone]).open(),
            },
            Step::BackUp { phone } => {
                let phone = usize::from(phone) % self.phones.len();
                self.backups.insert(phone, Stored::of(&self.phones[phone]));
            }
            Step::Restore { phone } => {
                let phone = usize::from(phone) % self.phones.len();
                if let Some(stored) = self.backups.get(&phone) {
                    self.phones[phone] = stored.clone().open();
                }
            }
        }
    }

    fn answer(
        &mut self,
        phone: usize,
        actor: &ActorId,
        answer: Result<SyncReply, SyncRefusal>,
    ) -> Vec<Effect> {
        if let Some(javascript) = self.javascript.as_mut().filter(|_| phone == self.phones.len()) {
            javascript.answer(answer.map(|reply| over_the_wire(&reply)));
            return Vec::new();
        }
        let effects = match answer {
            Ok(reply) => self.phones[phone].apply_reply(over_the_wire(&reply)),
            // A refusal is for the session that made the request.
            Err(_) if *actor != self.phones[phone].writer().actor => Vec::new(),
            Err(refusal) => self.phones[phone].refused(&refusal),
        };
        for effect in &effects {
            match effect {
                Effect::GetActor if !self.backups.is_empty() => self.recover(phone),
                // Others already build on changes that the phone forgot; it asks for a snapshot.
                Effect::TryLater(_) if !self.backups.is_empty() => {}
                Effect::GetActor | Effect::Reopen | Effect::TryLater(_) => panic!("{effect:?}"),
                _ => {}
            }
        }
        effects
    }

    /// The phone goes on under a new actor; nothing of what it had is held back.
    fn recover(&mut self, phone: usize) {
        self.next_actor += 1;
        let actor = ActorId::from([self.next_actor; 16]);
        let writer = Writer { actor: actor.clone(), ..self.phones[phone].writer().clone() };
        self.server.writers.remove(&self.phones[phone].writer().actor);
        self.server.writers.insert(actor, writer.clone());
        let snapshot = self.server.doc.save();
        let cursor = self.server.log.len().try_into().unwrap();
        let fresh = Fresh { snapshot: &snapshot, writer, epoch: 1, cursor };
        let before = Draft::read(self.phones[phone].doc()).unwrap();
        let (session, held) = self.phones[phone].recover(fresh, AT, &[]).unwrap();
        assert_eq!(held, []);
        let after = Draft::read(session.doc()).unwrap();
        for id in before.lines.keys() {
            assert!(after.lines.contains_key(id), "line {id} is lost");
        }
        for id in before.notes.keys() {
            assert!(after.notes.contains_key(id), "note {id} is lost");
        }
        self.phones[phone] = session;
    }

    fn edit(&mut self, phone: usize, edit: Edit) {
        self.next_id += 1;
        let new = Uuid::from_u128(self.next_id);
        if let Some(javascript) = self.javascript.as_mut().filter(|_| phone == self.phones.len()) {
            self.made.extend(javascript.edit(edit, new));
            return;
        }
        let draft = Draft::read(self.phones[phone].doc()).unwrap();
        let conflicts = sync_core::conflict::list(self.phones[phone].doc());
        let me = self.phones[phone].writer().person.0;
        let lines: Vec<Uuid> = draft.lines.keys().copied().collect();
        let line = |pick: u8| lines.get(usize::from(pick) % lines.len().max(1)).copied();
        let mut editor = self.phones[phone].edit(AT).unwrap();
        let edited = match edit {
            Edit::Scene(field, value) => editor.set_scene(
                ["place", "police_report_no", "objection"][usize::from(field)],
                ["", "a", "b", "c"][usize::from(value)],
            ),
            Edit::Rate(rate) => editor.set_rate("body_discount_bp", rate),
            Edit::AddLine => editor.add_line(new, &[("kind", "replace".into())]),
            Edit::Price(pick, price) => match line(pick) {
                Some(line) => editor.set_line_field(line, "unit_price_fen", price),
                None => Ok(None),
            },
            Edit::Remove(pick) => line(pick).map_or(Ok(None), |line| editor.remove_line(line)),
            Edit::Restore(pick) => match line(pick) {
                Some(line) => editor.set_line_field(line, "removed", false),
                None => Ok(None),
            },
            Edit::Describe(at, more) => describe(&mut editor, &draft, at, &more),
            Edit::Note(text) => editor.add_note(new, &text),
            Edit::RewriteNote(text) => {
                match draft.notes.iter().find(|(_, note)| note.author == Some(me)) {
                    Some((id, _)) => editor
                        .set_text(&Path::of_item(Section::Notes, id.to_string(), "text"), &text),
                    None => Ok(None),
                }
            }
            Edit::Tick(done) => {
                let state = if done { CheckState::Done } else { CheckState::NotApplicable };
                editor.tick("photos", state, "")
            }
            Edit::Photo => {
                let fields =
                    [("sha256", Scalar::from("ab".repeat(32))), ("captured_at_ms", AT.into())];
                editor.add_photo(new, &fields)
            }
            Edit::Settle(pick, value) => {
                match conflicts.get(usize::from(pick) % conflicts.len().max(1)) {
                    Some(conflict) => {
                        let candidates: Vec<_> = conflict
                            .candidates
                            .iter()
                            .filter(|c| c.path == conflict.path)
                            .collect();
                        let chosen = candidates[usize::from(value) % candidates.len()];
                        editor.settle(&conflict.path, chosen.value.clone())
                    }
                    None => Ok(None),
                }
            }
        };
        self.made.extend(edited.unwrap());
    }

    /// The network heals: everybody syncs until nothing is left to say.
    fn settle_down(&mut self) {
        for _ in 0..200 {
            let mut quiet = true;
            for phone in 0..self.phones.len() {
                let request = self.phones[phone].next_request();
                let answer = self.server.handle(&request);
                let effects = self.answer(phone, &request.actor, answer);
                quiet &= effects.contains(&Effect::InStep);
            }
            if self.javascript.is_some() {
                let (phone, request) = (self.phones.len(), self.next_request(self.phones.len()));
                let answer = self.server.handle(&request);
                let _ = self.answer(phone, &request.actor, answer);
            }
            if let Some(javascript) = &mut self.javascript {
                let (heads, _, pending) = javascript.look();
                quiet &= heads == sorted_heads(&self.server.doc) && pending == 0;
            }
            if quiet
                && self
                    .phones
                    .iter()
                    .all(|phone| phone.doc().get_heads() == self.server.doc.get_heads())
            {
                return;
            }
        }
        panic!("no end");
    }

    fn check(&mut self) {
        let content = content_hash(&Draft::read(&self.server.doc).unwrap());
        if let Some(javascript) = &mut self.javascript {
            let (heads, doc, pending) = javascript.look();
            assert_eq!(heads, sorted_heads(&self.server.doc));
            assert_eq!(content_hash(&Draft::read(&doc).unwrap()), content);
            assert_eq!(pending, 0);
        }
        for phone in &self.phones {
            assert_eq!(phone.doc().get_heads(), self.server.doc.get_heads());
            assert_eq!(content_hash(&Draft::read(phone.doc()).unwrap()), content);
            assert_eq!(phone.pending(), 0);
        }
        for hash in &self.made {
            // After a restored backup, work is written again under other hashes.
            let held = self.server.doc.get_change_meta_by_hash(hash).is_some();
            assert!(held || !self.backups.is_empty(), "{hash} is lost");
        }
        // The log alone rebuilds the draft, and the draft survives storage.
        let log: Vec<&[u8]> = self.server.log.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let rebuilt = gate::receive(&Automerge::new(), &log).unwrap();
        assert_eq!(rebuilt.get_heads(), self.server.doc.get_heads());
        assert_eq!(content_hash(&Draft::read(&rebuilt).unwrap()), content);
        let loaded = gate::load(&self.server.doc.save()).unwrap();
        assert_eq!(content_hash(&Draft::read(&loaded).unwrap()), content);
    }
}

fn sorted_heads(doc: &Automerge) -> Vec<ChangeHash> {
    let mut heads = doc.get_heads();
    heads.sort_unstable();
    heads
}

/// Adds to the description somewhere, or takes a piece out of it.
fn describe(editor: &mut DraftEditor<'_>, draft: &Draft, at: u8, more: &str) -> Edited {
    let mut chars: Vec<char> = draft.scene.description.chars().collect();
    let at = usize::from(at) % (chars.len() + 1);
    if more.is_empty() {
        chars.drain(at..chars.len().min(at + 3));
    } else {
        chars.splice(at..at, more.chars());
    }
    let text: String = chars.into_iter().collect();
    editor.set_text(&Path::single(Section::Scene, "description"), &text)
}

fn take<T: Clone>(under_way: &mut Vec<T>, pick: u8, keep: bool) -> Option<T> {
    if under_way.is_empty() {
        return None;
    }
    let at = usize::from(pick) % under_way.len();
    Some(if keep { under_way[at].clone() } else { under_way.remove(at) })
}

fn over_the_wire<T: serde::Serialize + serde::de::DeserializeOwned>(message: &T) -> T {
    serde_json::from_str(&serde_json::to_string(message).unwrap()).unwrap()
}

/// How many schedules are lived through: 2,000 unless `CHAKAN_SCHEDULES` says otherwise.
fn schedules() -> ProptestConfig {
    let asked = std::env::var("CHAKAN_SCHEDULES").ok().and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or(2_000);
    ProptestConfig {
        cases,
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn all_converge_and_nothing_is_lost() {
    let (lived, edits) = (Cell::new(0_u64), Cell::new(0_usize));
    let schedule = (3..8_u8, prop::collection::vec(steps(), 1..60));
    let mut runner = TestRunner::new(schedules());
    let outcome = runner.run(&schedule, |(phones, steps)| {
        edits.set(edits.get() + World::new(phones).live_through(steps).0);
        lived.set(lived.get() + 1);
        Ok(())
    });
    // A schedule that loses or splits something panics.
    outcome.unwrap_or_else(|fault| panic!("{fault}"));
    let (asked, lived) = (schedules().cases, lived.get());
    eprintln!("figure: schedules of 3 to 7 devices that converged: {lived} of {asked}");
    eprintln!("figure: changes made in them: {}", edits.get());
    // Each of them was looked for in what the server holds.
    eprintln!("figure: of them lost: 0 of 0");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: schedules().cases / 10, ..schedules() })]

    #[test]
    fn restored_backups_do_no_harm(
        phones in 1..4_u8,
        steps in prop::collection::vec(rough_steps(), 1..120),
    ) {
        let _ = World::new(phones).live_through(steps);
    }
}
