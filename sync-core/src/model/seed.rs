//! The document that the server starts every draft with. Only the seed makes the root's maps: two
//! devices that each made one would hide each other's whole subtree.

use std::collections::BTreeSet;

use automerge::{
    ActorId, Automerge, AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ValueRef,
    transaction::{CommitOptions, Transactable, Transaction},
};
use uuid::Uuid;

use super::{
    SCHEMA, VehicleRole,
    schema::{self, Scalar, Section},
};
use crate::{ids::CaseId, limits, time::Instant};

/// What a draft starts with.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The case.
    pub case_id: CaseId,
    /// The server's actor for this case.
    pub actor: ActorId,
    /// When the draft was opened.
    pub at: Instant,
    /// The vehicles known from the report.
    pub vehicles: Vec<SeedVehicle>,
    /// The codes of the standard procedure (C13).
    pub checklist: Vec<String>,
}

/// A vehicle known from the report.
#[derive(Clone, Debug)]
pub struct SeedVehicle {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub role: VehicleRole,
    /// Number plate, if known.
    pub plate: Option<String>,
    /// Vehicle identification number, if known.
    pub vin: Option<String>,
    /// Brand and model, if known.
    pub brand_model: Option<String>,
}

/// Why there is no seed.
#[derive(Debug, thiserror::Error)]
pub enum SeedFault {
    /// The actor id has not 16 bytes.
    #[error("an actor id has 16 bytes")]
    Actor,
    /// More vehicles or checklist items than a draft may hold.
    #[error("too many vehicles or checklist items")]
    TooMany,
    /// A checklist code is not well-formed or stands there twice.
    #[error("the checklist code {0:?} is malformed or doubled")]
    ChecklistCode(String),
    /// A vehicle's text does not fit the schema.
    #[error("{field} of a vehicle: {misfit}")]
    Vehicle {
        /// The field.
        field: &'static str,
        /// Why not.
        misfit: schema::Misfit,
    },
    /// The CRDT library refused.
    #[error(transparent)]
    Library(#[from] AutomergeError),
}

/// The seed document: one change by the server's actor. Equal arguments give equal bytes.
///
/// # Errors
/// [`SeedFault`] if the arguments do not fit the schema.
pub fn seed(seed: &Seed) -> Result<Automerge, SeedFault> {
    check(seed)?;
    let mut doc = Automerge::new().with_actor(seed.actor.clone());
    let stamp = CommitOptions::default().with_time(seed.at.0);
    doc.transact_with::<_, _, AutomergeError, _>(|_| stamp, |tx| write(tx, seed))
        .map_err(|failure| failure.error)?;
    Ok(doc)
}

fn check(seed: &Seed) -> Result<(), SeedFault> {
    if seed.actor.to_bytes().len() != limits::ACTOR_BYTES {
        return Err(SeedFault::Actor);
    }
    if seed.vehicles.len() > limits::VEHICLES || seed.checklist.len() > limits::CHECKLIST_ITEMS {
        return Err(SeedFault::TooMany);
    }
    let mut seen = BTreeSet::new();
    for code in &seed.checklist {
        if !schema::is_slug(code) || !seen.insert(code) {
            return Err(SeedFault::ChecklistCode(code.clone()));
        }
    }
    for vehicle in &seed.vehicles {
        for (field, text) in texts(vehicle) {
            let row = Section::Vehicles.field(field).map(|row| row.kind);
            let fit =
                row.map(|kind| schema::fits(kind, &Scalar::Str(text.to_owned()), Uuid::nil()));
            if let Some(Err(misfit)) = fit {
                return Err(SeedFault::Vehicle { field, misfit });
            }
        }
    }
    Ok(())
}

fn texts(vehicle: &SeedVehicle) -> impl Iterator<Item = (&'static str, &str)> {
    [
        ("plate", vehicle.plate.as_deref()),
        ("vin", vehicle.vin.as_deref()),
        ("brand_model", vehicle.brand_model.as_deref()),
    ]
    .into_iter()
    .filter_map(|(field, text)| Some((field, text?)))
}

fn write(tx: &mut Transaction<'_>, seed: &Seed) -> Result<(), AutomergeError> {
    tx.put(ROOT, "schema", SCHEMA)?;
    tx.put(ROOT, "case_id", seed.case_id.to_string())?;
    for section in Section::ALL {
        let map = tx.put_object(ROOT, section.key(), ObjType::Map)?;
        match section {
            Section::Scene => {
                tx.put_object(&map, "description", ObjType::Text)?;
            }
            Section::Vehicles => write_vehicles(tx, &map, &seed.vehicles)?,
            Section::Checklist => {
                for code in &seed.checklist {
                    tx.put_object(&map, code.as_str(), ObjType::Map)?;
                }
            }
            Section::Rates | Section::Lines | Section::Photos | Section::Notes => {}
        }
    }
    Ok(())
}

fn write_vehicles(
    tx: &mut Transaction<'_>,
    map: &ObjId,
    vehicles: &[SeedVehicle],
) -> Result<(), AutomergeError> {
    for vehicle in vehicles {
        let item = tx.put_object(map, vehicle.id.to_string(), ObjType::Map)?;
        tx.put(&item, "role", vehicle.role.as_str())?;
        for (field, text) in texts(vehicle) {
            tx.put(&item, field, text)?;
        }
    }
    Ok(())
}

/// A new document with the content of `doc` and none of its history: one change by `actor`. Of values
/// that stand against each other only the one that shows is taken along.
///
/// # Errors
/// [`SeedFault`].
pub fn reseed(doc: &Automerge, actor: ActorId, at: Instant) -> Result<Automerge, SeedFault> {
    if actor.to_bytes().len() != limits::ACTOR_BYTES {
        return Err(SeedFault::Actor);
    }
    let mut fresh = Automerge::new().with_actor(actor);
    let stamp = CommitOptions::default().with_time(at.0);
    fresh
        .transact_with::<_, _, AutomergeError, _>(|_| stamp, |tx| copy(doc, &ROOT, tx, &ROOT))
        .map_err(|failure| failure.error)?;
    Ok(fresh)
}

/// Copies a map with all below it. The gate has bounded the depth of every draft.
fn copy(
    doc: &Automerge,
    from: &ObjId,
    tx: &mut Transaction<'_>,
    to: &ObjId,
) -> Result<(), AutomergeError> {
    for entry in doc.map_range(from, ..) {
        match entry.value {
            ValueRef::Object(ObjType::Text) => {
                let text = tx.put_object(to, entry.key.as_ref(), ObjType::Text)?;
                tx.splice_text(&text, 0, 0, &doc.text(entry.id())?)?;
            }
            ValueRef::Object(kind) => {
                let map = tx.put_object(to, entry.key.as_ref(), kind)?;
                copy(doc, &entry.id(), tx, &map)?;
            }
            ValueRef::Scalar(value) => {
                tx.put(to, entry.key.as_ref(), value.to_owned())?;
            }
        }
    }
    Ok(())
}
