//! The gate against honest pushes and against every kind of crafted change.

mod authority;
mod crafted;
mod framing;
mod headers;
mod honest;

use automerge::{ActorId, Automerge, Change, ExpandedChange};
use uuid::Uuid;

use super::{Admitted, PushContext, Rejection, Rule, admit};
use crate::{
    edit::{DraftEditor, Writer},
    ids::PersonId,
    model::{
        Seed, SeedVehicle, VehicleRole,
        schema::{Role, Roles, Scalar},
        seed,
    },
    time::{Instant, Span},
};

const NOW: Instant = Instant(1_780_000_000_000);
const VEHICLE: Uuid = Uuid::from_u128(100);

fn seeded() -> Automerge {
    seed(&Seed {
        case_id: Uuid::from_u128(1).into(),
        actor: ActorId::from([1; 16]),
        at: NOW - Span::days(1),
        vehicles: vec![SeedVehicle {
            id: VEHICLE,
            role: VehicleRole::Own,
            plate: Some("浙A12345".to_owned()),
            vin: None,
            brand_model: None,
        }],
        checklist: vec!["photos".to_owned(), "papers".to_owned()],
    })
    .unwrap()
}

fn writer(n: u8, roles: Roles) -> Writer {
    Writer { actor: ActorId::from([n; 16]), person: PersonId(Uuid::from_u128(n.into())), roles }
}

fn surveyor() -> Writer {
    writer(5, Roles::NONE.with(Role::Surveyor))
}

fn context(writer: &Writer, last_seq: u64) -> PushContext {
    PushContext {
        actor: writer.actor.clone(),
        person: writer.person,
        roles: writer.roles,
        last_seq,
        now: NOW,
    }
}

/// What a device does between two looks at the server.
fn edits(doc: &mut Automerge, writer: &Writer, work: impl FnOnce(&mut DraftEditor<'_>)) {
    work(&mut DraftEditor::new(doc, writer, NOW).unwrap());
}

/// The changes of `device` that `server` does not hold, in order.
fn missing(device: &Automerge, server: &Automerge) -> Vec<Vec<u8>> {
    let known = server.get_heads();
    let known: Vec<_> =
        known.into_iter().filter(|head| device.get_change_meta_by_hash(head).is_some()).collect();
    device.get_changes(&known).iter_mut().map(|change| change.bytes().into_owned()).collect()
}

fn push(
    server: &Automerge,
    context: &PushContext,
    changes: &[Vec<u8>],
) -> Result<Admitted, Rejection> {
    admit(server, context, &changes.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Fields for a valid line.
fn replace(name: &str, price: i64) -> Vec<(&'static str, Scalar)> {
    vec![("kind", "replace".into()), ("name", name.into()), ("unit_price_fen", price.into())]
}

/// The last change that `work` makes on a device that starts from `server`, taken apart.
fn expanded(
    server: &Automerge,
    writer: &Writer,
    work: impl FnOnce(&mut DraftEditor<'_>),
) -> ExpandedChange {
    let mut device = server.clone();
    edits(&mut device, writer, work);
    device.get_last_local_change().unwrap().decode()
}

fn bytes(change: ExpandedChange) -> Vec<u8> {
    Change::from(change).raw_bytes().to_vec()
}

/// What the gate says to one change, which must be no.
fn refusal(server: &Automerge, context: &PushContext, change: Vec<u8>) -> Rejection {
    match push(server, context, &[change]) {
        Err(rejection) => rejection,
        Ok(admitted) => panic!("admitted: {:?}", admitted.rows),
    }
}
