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
#[path = "network/server.rs"]
mod server;
#[path = "network/steps.rs"]
mod steps;

use javascript::JavaScript;
use server::{Server, writer};
use steps::{Answer, Edit, Step, rough_steps, steps};

const AT: Instant = Instant(1_780_000_000_000);
/// The most changes in one reply, small so that paging is part of the game.
const PAGE: usize = 7;

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
