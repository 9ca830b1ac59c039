//! Honest changes with something altered and the checksum repaired, as an authenticated attacker
//! would send them. Whatever the gate admits must load again and read the same, and honest devices
//! must be able to go on from it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test says no")]
#![expect(clippy::disallowed_methods, reason = "how many alterations is asked by the environment")]
#![expect(clippy::print_stderr, reason = "what was counted is published")]

use std::cell::Cell;

use automerge::{
    Automerge, Change, ExpandedChange, ObjType, ScalarValue,
    legacy::{ElementId, Key, ObjectId, Op, OpId, OpType},
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{TestCaseError, TestRunner},
};
use sha2::{Digest, Sha256};
use sync_core::{
    automerge,
    edit::{DraftEditor, Writer},
    gate::{self, Admitted, PushContext, Rejection, Rule},
    ids::PersonId,
    model::{
        ActorId, Draft, Seed, content_hash,
        schema::{Path, Roles, Scalar, Section},
        seed,
    },
    time::Instant,
};
use uuid::Uuid;

const AT: Instant = Instant(1_780_000_000_000);
const LINE: Uuid = Uuid::from_u128(200);

fn writer(n: u8) -> Writer {
    Writer {
        actor: ActorId::from([n; 16]),
        person: PersonId(Uuid::from_u128(n.into())),
        roles: Roles::ALL,
    }
}

fn description() -> Path {
    Path::single(Section::Scene, "description")
}

/// A draft that two devices have written to, with a conflict in it.
fn server() -> Automerge {
    let mut doc = seed(&Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([1; 16]),
        at: AT,
        vehicles: Vec::new(),
        checklist: vec!["photos".to_owned()],
    })
    .unwrap();
    work(&mut doc, 2, |editor| {
        editor.add_line(LINE, &[("kind", "replace".into()), ("name", "x".into())]).unwrap();
        editor.set_text(&description(), "abcd").unwrap();
    });
    let mut other = doc.clone();
    work(&mut other, 3, |editor| {
        editor.set_line_field(LINE, "qty_milli", 1).unwrap();
        editor.set_text(&description(), "abXcd").unwrap();
    });
    work(&mut doc, 2, |editor| {
        editor.set_line_field(LINE, "qty_milli", 2).unwrap();
        editor.set_text(&description(), "acd").unwrap();
        editor.add_note(Uuid::from_u128(301), "mine").unwrap();
    });
    doc.merge(&mut other).unwrap();
    doc
}

fn work(doc: &mut Automerge, n: u8, write: impl FnOnce(&mut DraftEditor<'_>)) {
    write(&mut DraftEditor::new(doc, &writer(n), AT).unwrap());
}

/// The changes of an honest device that the alterations start from.
fn honest(server: &Automerge) -> Vec<Change> {
    let mut device = server.clone();
    work(&mut device, 5, |editor| {
        editor.set_line_field(LINE, "qty_milli", 3).unwrap();
        editor.set_line_field(LINE, "unit_price_fen", 70).unwrap();
        editor.set_text(&description(), "ac, d").unwrap();
        editor.set_text(&description(), "c, de").unwrap();
        let fields = [("sha256", Scalar::from("ab".repeat(32))), ("captured_at_ms", AT.into())];
        editor.add_photo(Uuid::from_u128(400), &fields).unwrap();
        editor.add_note(Uuid::from_u128(300), "note").unwrap();
    });
    device.get_changes(&server.get_heads())
}

fn push(server: &Automerge, changes: &[Vec<u8>]) -> Result<Admitted, Rejection> {
    let me = writer(5);
    let context =
        PushContext { actor: me.actor, person: me.person, roles: me.roles, last_seq: 0, now: AT };
    gate::admit(server, &context, &changes.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// What was admitted loads, reads the same, and honest devices can go on from it.
fn holds(admitted: Admitted) {
    let mut loaded = gate::load(&admitted.doc.save()).unwrap();
    let draft = Draft::read(&admitted.doc).unwrap();
    assert_eq!(loaded.get_heads(), admitted.heads);
    assert_eq!(content_hash(&Draft::read(&loaded).unwrap()), content_hash(&draft));
    assert!(admitted.contested || sync_core::conflict::list(&loaded).is_empty());
    work(&mut loaded, 6, |editor| {
        editor.set_line_field(LINE, "qty_milli", 9).unwrap();
        editor.set_text(&description(), "go on").unwrap();
        editor.add_line(Uuid::from_u128(999), &[("kind", "repair".into())]).unwrap();
    });
    let again = gate::load(&loaded.save()).unwrap();
    assert_eq!(Draft::read(&again).unwrap(), Draft::read(&loaded).unwrap());
}

/// A chunk with another body and the checksum that fits it.
fn with_body(chunk: &[u8], alter: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let length_bytes = chunk[9..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let mut body = chunk[9 + length_bytes..].to_vec();
    alter(&mut body);
    let mut length = Vec::new();
    let mut rest = body.len();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap();
        rest >>= 7;
        length.push(if rest == 0 { low } else { low | 0x80 });
        if rest == 0 {
            break;
        }
    }
    let digest =
        Sha256::new().chain_update([1]).chain_update(&length).chain_update(&body).finalize();
    [&chunk[..4], &digest[..4], &[1], &length, &body].concat()
}

#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Copy(Index, Index, u8),
}

impl Damage {
    fn apply(&self, body: &mut Vec<u8>) {
        if body.is_empty() {
            return;
        }
        let length = body.len();
        match self {
            Self::Set(at, value) => body[at.index(length)] = *value,
            Self::Flip(at, bit) => body[at.index(length)] ^= 1 << (bit % 8),
            Self::Insert(at, value) => body.insert(at.index(body.len() + 1), *value),
            Self::Remove(at) => drop(body.remove(at.index(body.len()))),
            Self::Copy(from, to, length) => {
                let from = from.index(body.len());
                let piece: Vec<u8> = body[from..].iter().take((*length).into()).copied().collect();
                let to = to.index(body.len());
                body.splice(to..to, piece);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Damage::Set(at, value)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Damage::Insert(at, value)),
        any::<Index>().prop_map(Damage::Remove),
        (any::<Index>(), any::<Index>(), 1..9_u8)
            .prop_map(|(from, to, length)| Damage::Copy(from, to, length)),
    ]
}

/// An alteration of one operation or of the header, with everything taken from the history that the
/// attacker knows.
#[derive(Clone, Debug)]
enum Twist {
    Object(Index, Index),
    KeyTo(Index, Index),
    ElementTo(Index, Index),
    Action(Index, Index),
    Pred(Index, Vec<Index>),
    Insert(Index),
    Double(Index),
    Drop(Index),
    Swap(Index, Index),
    Deps(Vec<Index>),
    StartOp(i8),
}

fn twist() -> impl Strategy<Value = Twist> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(op, to)| Twist::Object(op, to)),
        (index(), index()).prop_map(|(op, to)| Twist::KeyTo(op, to)),
        (index(), index()).prop_map(|(op, to)| Twist::ElementTo(op, to)),
        (index(), index()).prop_map(|(op, to)| Twist::Action(op, to)),
        (index(), prop::collection::vec(index(), 0..3)).prop_map(|(op, to)| Twist::Pred(op, to)),
        index().prop_map(Twist::Insert),
        index().prop_map(Twist::Double),
        index().prop_map(Twist::Drop),
        (index(), index()).prop_map(|(a, b)| Twist::Swap(a, b)),
        prop::collection::vec(index(), 0..3).prop_map(Twist::Deps),
        (-3..4_i8).prop_map(Twist::StartOp),
    ]
}

/// Everything that the attacker can name.
struct Known {
    ids: Vec<OpId>,
    keys: Vec<String>,
    actions: Vec<OpType>,
    hashes: Vec<automerge::ChangeHash>,
}

impl Known {
    fn of(changes: &[Change]) -> Self {
        let mut known =
            Self { ids: Vec::new(), keys: Vec::new(), actions: Vec::new(), hashes: Vec::new() };
        for change in changes {
            known.hashes.push(change.hash());
            for (counter, op) in (change.start_op().get()..).zip(change.decode().operations) {
                known.ids.push(OpId::new(counter, change.actor_id()));
                if let Key::Map(key) = &op.key {
                    known.keys.push(key.to_string());
                }
                known.actions.push(op.action);
            }
        }
        known.actions.extend([
            OpType::Increment(1),
            OpType::Make(ObjType::List),
            OpType::Put(ScalarValue::F64(1.5)),
            OpType::Put(ScalarValue::counter(1)),
            OpType::MarkEnd(false),
        ]);
        known
    }

    fn id(&self, index: &Index) -> OpId {
        self.ids[index.index(self.ids.len())].clone()
    }
}

impl Twist {
    fn apply(&self, change: &mut ExpandedChange, known: &Known) {
        let count = change.operations.len();
        if count == 0 {
            return;
        }
        let op = |index: &Index| index.index(count);
        match self {
            Self::Object(at, to) => change.operations[op(at)].obj = ObjectId::Id(known.id(to)),
            Self::KeyTo(at, to) => {
                let key = &known.keys[to.index(known.keys.len())];
                change.operations[op(at)].key = Key::from(key);
            }
            Self::ElementTo(at, to) => {
                change.operations[op(at)].key = Key::Seq(ElementId::Id(known.id(to)));
            }
            Self::Action(at, to) => {
                change.operations[op(at)].action =
                    known.actions[to.index(known.actions.len())].clone();
            }
            Self::Pred(at, to) => {
                change.operations[op(at)].pred = to.iter().map(|to| known.id(to)).collect();
            }
            Self::Insert(at) => change.operations[op(at)].insert ^= true,
            Self::Double(at) => {
                let copy: Op = change.operations[op(at)].clone();
                change.operations.push(copy);
            }
            Self::Drop(at) => drop(change.operations.remove(op(at))),
            Self::Swap(a, b) => change.operations.swap(op(a), op(b)),
            Self::Deps(to) => {
                change.deps =
                    to.iter().map(|to| known.hashes[to.index(known.hashes.len())]).collect();
            }
            Self::StartOp(by) => {
                let start = change.start_op.get().saturating_add_signed((*by).into());
                change.start_op = start.try_into().unwrap_or(change.start_op);
            }
        }
    }
}

/// How many alterations of each kind: 20,000 unless `CHAKAN_GATE_MUTATIONS` says otherwise.
fn mutations() -> ProptestConfig {
    let asked = std::env::var("CHAKAN_GATE_MUTATIONS").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(20_000),
        max_shrink_iters: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn run<T: std::fmt::Debug>(
    what: &str,
    alterations: impl Strategy<Value = T>,
    check: impl Fn(T) -> Result<bool, TestCaseError>,
) {
    let (done, admitted) = (Cell::new(0_u64), Cell::new(0_u64));
    let outcome = TestRunner::new(mutations()).run(&alterations, |alteration| {
        admitted.set(admitted.get() + u64::from(check(alteration)?));
        done.set(done.get() + 1);
        Ok(())
    });
    outcome.unwrap_or_else(|fault| panic!("{fault}"));
    let (asked, done) = (mutations().cases, done.get());
    eprintln!("figure: {what} that did no harm: {done} of {asked}");
    eprintln!("figure: of them admitted, and sound after loading: {}", admitted.get());
}

#[test]
fn damaged_bytes_with_a_repaired_checksum() {
    let server = server();
    let honest = honest(&server);
    let damaged = (any::<Index>(), prop::collection::vec(damage(), 1..4));
    run("damaged changes with a repaired checksum", damaged, |(which, damages)| {
        let which = which.index(honest.len());
        let mut changes: Vec<Vec<u8>> =
            honest.iter().map(|change| change.raw_bytes().to_vec()).collect();
        changes.truncate(which + 1);
        changes[which] = with_body(&changes[which], |body| {
            for damage in &damages {
                damage.apply(body);
            }
        });
        let admitted = push(&server, &changes).map(holds);
        Ok(admitted.is_ok())
    });
}

#[test]
fn twisted_operations() {
    let server = server();
    let honest = honest(&server);
    let mut all = server.get_changes(&[]);
    all.extend(honest.iter().cloned());
    let known = Known::of(&all);
    let twisted = (any::<Index>(), prop::collection::vec(twist(), 1..4));
    run("twisted operations with a repaired checksum", twisted, |(which, twists)| {
        let which = which.index(honest.len());
        let mut change = honest[which].decode();
        for twist in &twists {
            twist.apply(&mut change, &known);
        }
        let mut changes: Vec<Vec<u8>> =
            honest[..which].iter().map(|change| change.raw_bytes().to_vec()).collect();
        changes.push(Change::from(change).raw_bytes().to_vec());
        match push(&server, &changes) {
            Ok(admitted) => {
                holds(admitted);
                Ok(true)
            }
            // A rule must say no, before the library gets to see the change or trips over it.
            Err(rejection) => {
                prop_assert!(
                    !matches!(
                        rejection.rule,
                        Rule::LibraryPanic
                            | Rule::Unloadable
                            | Rule::Diverged
                            | Rule::Unreadable
                            | Rule::NotApplicable
                    ),
                    "{rejection}"
                );
                Ok(false)
            }
        }
    });
}
