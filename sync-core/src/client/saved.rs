//! What the engine stores, under which name.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Engine, EngineFault, Held, Store, typing::Typing};
use crate::{
    edit::Writer,
    ids::{CaseId, PersonId},
    model::{
        ActorId,
        schema::{Path, Role, Roles, Scalar},
    },
    protocol::{Blob, Session},
    recover::HeldEdit,
};

const OUTBOX: &str = "outbox";
const MEDIA: &str = "media";
const TYPING: &str = "typing";
const FEED: &str = "feed";
const DRAFT: &str = "draft/";

/// A draft as it is stored.
#[derive(Serialize, Deserialize)]
struct SavedDraft {
    doc: Blob,
    actor: ActorId,
    person: PersonId,
    roles: [bool; 4],
    epoch: u32,
    cursor: u64,
    acked_seq: u64,
    needs_actor: bool,
    refused: Vec<Path>,
    held: Vec<(Path, Scalar, String)>,
}

const ROLES: [Role; 4] = [Role::Surveyor, Role::Verifier, Role::Office, Role::Shop];

fn put<S: Store>(
    engine: &mut Engine<S>,
    name: &str,
    value: &impl Serialize,
) -> Result<(), EngineFault> {
    let bytes = serde_json::to_vec(value).map_err(|_| EngineFault::Damaged(name.to_owned()))?;
    engine.store.put(name, &bytes)?;
    Ok(())
}

fn read<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, EngineFault> {
    serde_json::from_slice(bytes).map_err(|_| EngineFault::Damaged(name.to_owned()))
}

pub(super) fn outbox<S: Store>(engine: &mut Engine<S>) -> Result<(), EngineFault> {
    let outbox = engine.outbox.clone();
    put(engine, OUTBOX, &outbox)
}

pub(super) fn media<S: Store>(engine: &mut Engine<S>) -> Result<(), EngineFault> {
    let media = engine.media.clone();
    put(engine, MEDIA, &media)
}

pub(super) fn typing<S: Store>(engine: &mut Engine<S>) -> Result<(), EngineFault> {
    let typed = engine.typing.list();
    put(engine, TYPING, &typed)
}

pub(super) fn feed<S: Store>(engine: &mut Engine<S>) -> Result<(), EngineFault> {
    let feed = engine.feed.clone();
    put(engine, FEED, &feed)
}

pub(super) fn draft<S: Store>(engine: &mut Engine<S>, case_id: CaseId) -> Result<(), EngineFault> {
    let Some(held) = engine.drafts.get(&case_id) else { return Ok(()) };
    let Some(session) = &held.session else { return Ok(()) };
    let writer = session.writer();
    let saved = SavedDraft {
        doc: Blob(session.save()),
        actor: writer.actor.clone(),
        person: writer.person,
        roles: ROLES.map(|role| writer.roles.overlaps(Roles::NONE.with(role))),
        epoch: session.epoch(),
        cursor: session.cursor(),
        acked_seq: session.acked_seq(),
        needs_actor: held.needs_actor,
        refused: held.refused.clone(),
        held: held
            .held
            .iter()
            .map(|edit| (edit.path.clone(), edit.value.clone(), edit.reason.clone()))
            .collect(),
    };
    put(engine, &format!("{DRAFT}{case_id}"), &saved)
}

/// Reads everything that is stored into a new engine.
pub(super) fn restore<S: Store>(engine: &mut Engine<S>) -> Result<(), EngineFault> {
    for (name, bytes) in engine.store.all()? {
        match name.as_str() {
            OUTBOX => engine.outbox = read(&name, &bytes)?,
            MEDIA => engine.media = read(&name, &bytes)?,
            TYPING => engine.typing = Typing::restore(read(&name, &bytes)?),
            FEED => engine.feed = read(&name, &bytes)?,
            _ => {
                let case_id = name.strip_prefix(DRAFT).and_then(|id| id.parse().ok());
                let case_id = case_id.ok_or_else(|| EngineFault::Damaged(name.clone()))?;
                let held = opened(read(&name, &bytes)?)?;
                engine.drafts.insert(case_id, held);
            }
        }
    }
    Ok(())
}

fn opened(saved: SavedDraft) -> Result<Held, EngineFault> {
    let roles = ROLES.into_iter().zip(saved.roles).filter(|(_, yes)| *yes).map(|(role, _)| role);
    let writer = Writer { actor: saved.actor, person: saved.person, roles: roles.collect() };
    let session = Session::open(&saved.doc.0, writer, saved.epoch, saved.cursor, saved.acked_seq)?;
    let edit = |(path, value, reason)| HeldEdit { path, value, reason };
    Ok(Held {
        session: Some(session),
        needs_actor: saved.needs_actor,
        // Whatever happened while the app was not running.
        pull: true,
        refused: saved.refused,
        held: saved.held.into_iter().map(edit).collect(),
        ..Held::wanted()
    })
}
