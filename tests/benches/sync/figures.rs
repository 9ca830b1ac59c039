//! The gate by itself, beside what automerge alone needs for the same changes.

use sync_core::{
    automerge::{Automerge, Change},
    edit::{DraftEditor, Writer},
    gate::{self, PushContext},
    ids::PersonId,
    model::{
        ActorId, Seed,
        schema::{Path, Roles, Section},
    },
    protocol::Blob,
};
use uuid::Uuid;

use crate::{
    case::{Phone, now, small_changes},
    scaled,
    server::cpu_seconds,
    table::Table,
    world::World,
};

/// One phone's push of so many changes onto the draft of a case.
struct Sample {
    doc: Automerge,
    context: PushContext,
    changes: Vec<Blob>,
}

impl Sample {
    fn of(world: &World, server: &crate::server::Process, case: &str, count: usize) -> Self {
        let phone = Phone::open(world.caller(server, 4), case);
        let writer = phone.session.writer().clone();
        let doc = phone.session.doc().clone();
        let mut device = doc.clone();
        let mut pen = DraftEditor::new(&mut device, &writer, now()).expect("a draft");
        small_changes(&mut pen, count);
        let changes = device.get_changes(&doc.get_heads());
        let changes = changes.into_iter().map(|mut change| Blob(change.bytes().into_owned()));
        let context = PushContext {
            actor: writer.actor,
            person: writer.person,
            roles: writer.roles,
            last_seq: 0,
            now: now(),
        };
        Self { doc, context, changes: changes.collect() }
    }

    fn slices(&self) -> Vec<&[u8]> {
        self.changes.iter().map(|change| change.0.as_slice()).collect()
    }

    fn through_the_gate(&self) {
        let admitted =
            gate::admit(&self.doc, &self.context, &self.slices()).expect("honest changes");
        assert_eq!(admitted.rows.len(), self.changes.len());
    }

    /// What automerge alone does: no checks, nothing verified.
    fn raw(&self) {
        let changes = self.slices().into_iter().map(|bytes| Change::from_bytes(bytes.to_vec()));
        let changes: Vec<Change> = changes.map(|change| change.expect("a change")).collect();
        let mut twin = self.doc.clone();
        twin.apply_changes(changes).expect("they fit");
        assert_ne!(twin.get_heads(), self.doc.get_heads());
    }
}

pub fn gate(world: &World, table: &mut Table) {
    let server = world.server();
    for (name, case) in [("fine", &world.fine), ("coarse", &world.coarse)] {
        for (count, aim, rounds) in [(1, 10.0, 400), (200, 15.0, 200)] {
            let sample = Sample::of(world, &server, case, count);
            let raw = processor_ms(scaled(rounds * 4), || sample.raw());
            let gated = processor_ms(scaled(rounds), || sample.through_the_gate());
            let what = format!("gate alone, warm, {count} changes onto a {name} draft, CPU");
            table.at_most(&what, gated, aim, "ms").beside("raw automerge apply", gated / raw);
        }
    }
}

/// What is crafted: its name, the draft it is made for, the work.
type Craft = (&'static str, fn() -> Automerge, fn(&mut DraftEditor<'_>));

/// What takes the gate longest for its size: pushes as large as the limits allow, by a device that is
/// in good standing, onto the largest drafts (B33).
pub fn worst(_: &World, table: &mut Table) {
    let large = || {
        let mut doc = draft();
        while highest_op(&doc) < 152_000 {
            write(&mut doc, 3, rewrite_description);
        }
        doc
    };
    let crafts: [Craft; 5] = [
        ("a text written over five times", draft, |pen| {
            for _ in 0..5 {
                rewrite_description(pen);
            }
        }),
        ("1,000 changes of one field", draft, |pen| {
            for n in 0..1_000 {
                pen.set_rate("body_discount_bp", n).expect("a rate");
            }
        }),
        ("one field written 19,000 times in each of two changes", draft, |pen| {
            for round in 0..2 {
                let again: Vec<_> =
                    (0..19_000).map(|n| ("body_discount_bp", (n % 9_000 + round).into())).collect();
                pen.put_fields(Section::Rates, None, &again).expect("a form");
            }
        }),
        ("1,000 new lines", draft, |pen| {
            for n in 0..1_000_i64 {
                let fields = [("kind", "replace".into()), ("unit_price_fen", n.into())];
                pen.add_line(Uuid::from_u128(n.unsigned_abs().into()), &fields).expect("a line");
            }
        }),
        ("a text written over five times in a draft of 152,000 operations", draft, |pen| {
            for _ in 0..5 {
                rewrite_description(pen);
            }
        }),
    ];
    for (n, (name, start, craft)) in crafts.into_iter().enumerate() {
        let doc = if n == 4 { large() } else { start() };
        let mut device = doc.clone();
        write(&mut device, 5, craft);
        let changes = device.get_changes(&doc.get_heads());
        let ops: u64 = changes.iter().map(|change| change.len() as u64).sum();
        let changes = changes.into_iter().map(|mut change| Blob(change.bytes().into_owned()));
        let me = writer(5);
        let context = PushContext {
            actor: me.actor,
            person: me.person,
            roles: me.roles,
            last_seq: 0,
            now: now(),
        };
        let sample = Sample { doc, context, changes: changes.collect() };
        let verdict = gate::admit(&sample.doc, &sample.context, &sample.slices());
        let verdict = verdict.map_or_else(|refused| refused.rule.code(), |_| "admitted");
        let cost = processor_ms(scaled(20), || {
            drop(gate::admit(&sample.doc, &sample.context, &sample.slices()));
        });
        let what = format!("largest push, {name}: {ops} operations, {verdict}, CPU");
        table.at_most(&what, cost, 200.0, "ms");
        table.note("for each operation", cost * 1e3 / ops as f64, "us");
    }
}

fn draft() -> Automerge {
    sync_core::model::seed(&Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([1; 16]),
        at: now(),
        vehicles: Vec::new(),
        checklist: vec!["photos".to_owned()],
    })
    .expect("a seed")
}

fn writer(n: u8) -> Writer {
    let person = PersonId(Uuid::from_u128(n.into()));
    Writer { actor: ActorId::from([n; 16]), person, roles: Roles::ALL }
}

fn write(doc: &mut Automerge, n: u8, work: impl FnOnce(&mut DraftEditor<'_>)) {
    work(&mut DraftEditor::new(doc, &writer(n), now()).expect("a draft"));
}

/// Every character is put anew and every old one taken: 4,000 and 4,000 operations.
fn rewrite_description(pen: &mut DraftEditor<'_>) {
    let path = Path::single(Section::Scene, "description");
    let letters = ["a", "b"];
    // Whichever does not stand there now.
    for letter in letters {
        let text = letter.repeat(4_000);
        if pen.set_text(&path, &text).expect("a text").is_some() {
            return;
        }
    }
}

fn highest_op(doc: &Automerge) -> u64 {
    doc.get_changes_meta(&[]).iter().map(|meta| meta.max_op).max().unwrap_or(0)
}

/// Processor time of one round in milliseconds.
fn processor_ms(rounds: usize, mut work: impl FnMut()) -> f64 {
    for _ in 0..rounds / 10 + 1 {
        work();
    }
    let began = cpu_seconds("self");
    for _ in 0..rounds {
        work();
    }
    (cpu_seconds("self") - began) * 1e3 / rounds as f64
}

/// Processor time of a bare apply of one small change, in milliseconds.
pub fn raw_apply_ms(
    world: &World,
    server: &crate::server::Process,
    case: &str,
    count: usize,
) -> f64 {
    let sample = Sample::of(world, server, case, count);
    processor_ms(scaled(1_000), || sample.raw())
}
