//! What is fuzzed, shared with the short run in the tests of `sync-core`. Nothing here may panic, and
//! what the gate lets in must load again.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use sync_core::{
    cbor,
    client::{Engine, MemoryStore, Next, PhoneReply, wire},
    edit::{DraftEditor, Writer},
    gate::{self, PushContext},
    ids::{CaseId, PersonId},
    model::{
        ActorId, Automerge, Draft, Seed, content_hash,
        schema::{Path, Roles, Section},
        seed,
    },
    protocol::{Session, SyncReply, SyncRequest},
    time::Instant,
};
use uuid::Uuid;

const AT: Instant = Instant(1_780_000_000_000);
const CASE: CaseId = CaseId(Uuid::from_u128(1));

/// What is given one input.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: &[(&str, Target)] =
    &[("preflight", preflight), ("gate", gate), ("reply", reply)];

fn writer(n: u8) -> Writer {
    let person = PersonId(Uuid::from_u128(n.into()));
    Writer { actor: ActorId::from([n; 16]), person, roles: Roles::ALL }
}

/// A draft with lines, texts and a conflict; made once.
pub fn server() -> &'static Automerge {
    static DOC: OnceLock<Automerge> = OnceLock::new();
    DOC.get_or_init(|| {
        let seeded = Seed {
            case_id: CASE,
            actor: ActorId::from([1; 16]),
            at: AT,
            vehicles: Vec::new(),
            checklist: vec!["photos".to_owned()],
        };
        let mut doc = seed(&seeded).expect("a seed");
        let mut other = doc.clone();
        work(&mut doc, 2, 1);
        work(&mut other, 3, 2);
        doc.merge(&mut other).expect("two honest devices");
        doc
    })
}

/// Honest work of one device.
pub fn work(doc: &mut Automerge, n: u8, value: i64) {
    let me = writer(n);
    let mut pen = DraftEditor::new(doc, &me, AT).expect("a pen");
    let [line, note] = items(n);
    let fields = [("kind", "replace".into()), ("unit_price_fen", (100 * value).into())];
    pen.add_line(line, &fields).expect("a line");
    pen.set_scene("injured_count", value).expect("a number");
    pen.set_text(&Path::single(Section::Scene, "description"), "追尾, ab").expect("a text");
    pen.set_text(&Path::single(Section::Scene, "description"), "追, abc").expect("a text");
    pen.add_note(note, "note").expect("a note");
}

/// The line and the note that a writer makes.
fn items(n: u8) -> [Uuid; 2] {
    [200, 300].map(|first: u128| Uuid::from_u128(first + u128::from(n)))
}

/// The frame of a change around a body, with the checksum that fits.
pub fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = |mut n: usize| {
        let mut bytes = Vec::new();
        loop {
            let low = u8::try_from(n & 0x7f).unwrap_or(0);
            n >>= 7;
            if n == 0 {
                bytes.push(low);
                return bytes;
            }
            bytes.push(low | 0x80);
        }
    };
    let hashed = [&[1], length(body.len()).as_slice(), body].concat();
    let digest = Sha256::digest(hashed);
    [&[0x85, 0x6f, 0x4a, 0x83], &digest[..4], &[kind], &length(body.len()), body].concat()
}

/// The bounded parser, on bytes as they come and as the body of a frame whose checksum fits.
pub fn preflight(data: &[u8]) {
    let _ = gate::inspect(data);
    let _ = gate::inspect(&framed(1, data));
    let _ = gate::split(data);
}

/// The whole gate: bodies behind two-byte lengths, each framed with the checksum that fits.
pub fn gate(data: &[u8]) {
    let mut changes = Vec::new();
    let mut rest = data;
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*head)).min(tail.len());
        let (body, others) = tail.split_at(length);
        changes.push(framed(1, body));
        rest = others;
    }
    let me = writer(5);
    let context =
        PushContext { actor: me.actor, person: me.person, roles: me.roles, last_seq: 0, now: AT };
    let slices: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
    if let Ok(admitted) = gate::admit(server(), &context, &slices) {
        let loaded = gate::load(&admitted.doc.save()).expect("what was admitted loads");
        let read = |doc| Draft::read(doc).expect("what was admitted is a draft");
        let draft = read(&loaded);
        assert_eq!(loaded.get_heads(), admitted.heads);
        assert_eq!(content_hash(&draft), content_hash(&read(&admitted.doc)));
        let conflicts = sync_core::conflict::list(&loaded);
        assert!(admitted.contested || conflicts.is_empty(), "{conflicts:?}");
        let mut on = loaded;
        // Somebody whose items nobody has made before them.
        let made = |n: u8| {
            let [line, note] = items(n);
            draft.lines.contains_key(&line) || draft.notes.contains_key(&note)
        };
        let next = (6..=u8::MAX).find(|n| !made(*n)).expect("somebody");
        work(&mut on, next, 3);
        assert!(gate::load(&on.save()).is_ok(), "honest devices can go on");
    }
    let _ = gate::receive(server(), &slices);
}

/// What the phone reads of the server, and the server of the phone, as JSON and as CBOR.
pub fn reply(data: &[u8]) {
    let _ = serde_json::from_slice::<SyncRequest>(data);
    let value = serde_json::from_slice(data).ok().or_else(|| cbor::to_json(data).ok());
    let Some(value) = value else { return };
    if let Ok(bytes) = cbor::of_json(&value) {
        let _ = cbor::to_json(&bytes);
    }
    if let Ok(reply) = serde_json::from_value::<SyncReply>(value.clone()) {
        let snapshot = server().save();
        let mut session = Session::open(&snapshot, writer(5), 1, 1, 0).expect("a draft");
        let _ = session.apply_reply(reply);
        let _ = session.next_request();
    }
    if let Ok(reply) = serde_json::from_value::<PhoneReply>(value.clone()) {
        let mut engine = Engine::open(MemoryStore::default(), 1).expect("an empty phone");
        if let Some(issued) = wire::issued(&value) {
            let _ = engine.issued(CASE, issued, AT);
        }
        if let Ok(Next::Sync(request)) = engine.next(AT) {
            let _ = engine.answered(AT, &request, reply);
        }
        let _ = engine.next(AT);
    }
}
