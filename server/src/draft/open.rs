//! Issuing actors, and the seed document that a case's first actor finds.

use api_spec::{draft::IssueDraftActorResponse, problem::Code};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use sync_core::{
    automerge::Automerge,
    gate::AdmittedChange,
    ids::{CaseId, DeviceId},
    model::{
        ActorId, Seed, SeedVehicle, VehicleRole,
        schema::{self, Roles, Scalar, Section},
    },
    time::Instant,
};
use uuid::Uuid;

use super::{
    access, append, document,
    rules::{self, ExchangeRefusal},
    store::{self, ActorKind, NewActor, NewDraft, NewSnapshot},
    wire,
};
use crate::{
    app::App, auth::policy::Actor, body::CommandKey, case_log, db::Conn, error::ApiError, intake,
};

/// What somebody asks for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) case_id: CaseId,
    pub(super) author: Actor,
    pub(super) key: CommandKey,
    pub(super) install_id: Uuid,
    pub(super) replaces: Option<ActorId>,
}

/// Issues an actor, beginning the draft if the case has none. The answer is not kept for retries as
/// other commands' are, because it holds the whole draft: the key stands with the actor instead.
pub(super) async fn issue(app: &App, ask: Ask) -> Result<IssueDraftActorResponse, ApiError> {
    let seed = seed_if_none(app, &ask).await?;
    let candidate = new_actor_id(app);
    let (inner, wanted) = (app.clone(), ask.clone());
    let actor = app
        .db
        .write(move |conn| {
            let now = inner.now();
            begin_if_none(conn, &wanted, seed.as_ref(), now)?;
            issue_in(conn, &wanted, &candidate, now)
        })
        .await?;
    app.db.read(move |conn| answer(conn, &ask, &actor)).await
}

/// 16 unguessable bytes.
pub(super) fn new_actor_id(app: &App) -> ActorId {
    let mut bytes = [0_u8; 16];
    app.ports.ids.random(&mut bytes);
    ActorId::from(bytes)
}

/// The roles under which somebody who works in the field writes.
fn field_roles(conn: &mut Conn, ask: &Ask) -> Result<Roles, ApiError> {
    let case = case_log::see(conn, &ask.author, ask.case_id)?;
    let roles = access::draft_roles(&ask.author, &case.facts);
    if access::works_in_the_field(roles) { Ok(roles) } else { Err(append::not_a_writer()) }
}

fn issue_in(
    conn: &mut Conn,
    ask: &Ask,
    candidate: &ActorId,
    now: Instant,
) -> Result<ActorId, ApiError> {
    let person = ask.author.person;
    if let Some(known) = store::find_issued(conn, person, &ask.key.key)? {
        let same = known.case_id == ask.case_id && known.install_id == Some(ask.install_id);
        return if same { Ok(known.actor) } else { Err(ApiError::new(Code::IdempotencyKeyReused)) };
    }
    let own = |actor: &store::Actor| actor.issued.person == Some(person);
    let actors = store::list_actors(conn, ask.case_id)?;
    match &ask.replaces {
        None => {
            let standing = actors.iter().find(|actor| own(actor) && ask.is_of(actor));
            if let Some(standing) = standing {
                return Ok(standing.actor.clone());
            }
        }
        Some(old) => {
            let old = actors.iter().find(|actor| own(actor) && actor.actor == *old);
            let old = old.ok_or_else(unknown_actor)?;
            store::revoke_actor(conn, &old.actor, now)?;
        }
    }
    if actors.iter().filter(|actor| own(actor)).count() >= rules::MOST_ACTORS {
        return Err(ApiError::new(Code::Conflict).fact("reason", "too_many_actors"));
    }
    let new = NewActor {
        actor: candidate,
        case_id: ask.case_id,
        kind: ActorKind::Device,
        person: Some(person),
        install_id: Some(ask.install_id),
        device: ask.author.device,
        issue_key: Some(&ask.key.key),
        now,
    };
    store::insert_actor(conn, &new)?;
    Ok(candidate.clone())
}

impl Ask {
    /// Whether an actor is the one that this installation writes under.
    fn is_of(&self, actor: &store::Actor) -> bool {
        let device: Option<DeviceId> = actor.issued.device;
        actor.install_id == Some(self.install_id)
            && device == self.author.device
            && !actor.issued.revoked
    }
}

fn unknown_actor() -> ApiError {
    ApiError::invalid_field("replaces", "unknown", "an actor that was issued to you for this case")
}

fn answer(
    conn: &mut Conn,
    ask: &Ask,
    actor: &ActorId,
) -> Result<IssueDraftActorResponse, ApiError> {
    let roles = field_roles(conn, ask)?;
    let head = store::find_head(conn, ask.case_id)?.ok_or_else(ApiError::not_found)?;
    let mut snapshot = document::stored(conn, ask.case_id, &head)?.bytes;
    let mut last_seq = store::last_seq(conn, ask.case_id, actor, head.lsn)?;
    // Of this very actor's work some may be held beside the draft; a device that asks again has it.
    if let Some(late) = store::find_late(conn, ask.case_id, actor, &head)? {
        snapshot.extend(late.changes.iter().flat_map(|change| &change.bytes));
        last_seq = last_seq.max(late.last_seq);
    }
    Ok(IssueDraftActorResponse {
        actor: actor.to_hex_string(),
        person_id: ask.author.person.into(),
        roles: access::names(roles),
        epoch: head.epoch,
        cursor: head.lsn,
        last_seq,
        snapshot: BASE64_STANDARD.encode(snapshot),
        lock: wire::lock(head.lock),
    })
}

/// A seed document, ready to be stored.
struct NewSeed {
    doc: Automerge,
    actor: ActorId,
    change: AdmittedChange,
    saved: Vec<u8>,
}

/// Makes the seed outside of the transaction, if the case has no draft yet.
async fn seed_if_none(app: &App, ask: &Ask) -> Result<Option<NewSeed>, ApiError> {
    let asked = ask.clone();
    let reported = app
        .db
        .read(move |conn| {
            let case = case_log::see(conn, &asked.author, asked.case_id)?;
            field_roles(conn, &asked)?;
            if store::find_head(conn, asked.case_id)?.is_some() {
                return Ok(None);
            }
            if case.status == sync_core::lifecycle::CaseStatus::Closed {
                return Err(ExchangeRefusal::Locked.into());
            }
            intake::get_case(conn, asked.case_id).map(Some)
        })
        .await?;
    let Some(case) = reported else { return Ok(None) };
    let vehicle = SeedVehicle {
        id: app.ports.ids.uuid(),
        role: VehicleRole::Own,
        plate: that_fits("plate", Some(case.plate)),
        vin: that_fits("vin", case.vin),
        brand_model: None,
    };
    let seed = Seed {
        case_id: ask.case_id,
        actor: new_actor_id(app),
        at: app.now(),
        vehicles: vec![vehicle],
        checklist: rules::STANDARD_PROCEDURE.iter().map(|code| (*code).to_owned()).collect(),
    };
    new_seed(&seed).map(Some)
}

/// A text of the report, unless the draft has no room for it: an odd number plate must not keep
/// anybody from the draft.
fn that_fits(field: &str, text: Option<String>) -> Option<String> {
    let row = Section::Vehicles.field(field)?;
    text.filter(|text| schema::fits(row.kind, &Scalar::Str(text.clone()), Uuid::nil()).is_ok())
}

fn new_seed(seed: &Seed) -> Result<NewSeed, ApiError> {
    let doc = sync_core::model::seed(seed).map_err(ApiError::internal)?;
    let change = first_change(&doc, seed.at)?;
    let saved = doc.save();
    Ok(NewSeed { doc, actor: seed.actor.clone(), change, saved })
}

/// The one change that a document begins with.
pub(super) fn first_change(doc: &Automerge, at: Instant) -> Result<AdmittedChange, ApiError> {
    let mut changes = doc.get_changes(&[]);
    let change = changes.first_mut().ok_or_else(|| ApiError::internal("an empty seed"))?;
    Ok(AdmittedChange {
        hash: change.hash(),
        actor: change.actor_id().clone(),
        seq: change.seq(),
        deps: change.deps().to_vec(),
        start_op: change.start_op().get(),
        max_op: change.max_op(),
        client_time: at,
        bytes: change.bytes().into_owned(),
        paths: Vec::new(),
    })
}

/// Stores the seed unless somebody else began the draft meanwhile.
fn begin_if_none(
    conn: &mut Conn,
    ask: &Ask,
    seed: Option<&NewSeed>,
    now: Instant,
) -> Result<(), ApiError> {
    let case_id = ask.case_id;
    let Some(seed) = seed else { return Ok(()) };
    if store::find_head(conn, case_id)?.is_some() {
        return Ok(());
    }
    let heads = seed.doc.get_heads();
    let new = NewDraft { case_id, heads: &heads, max_op: seed.change.max_op, now };
    store::insert_draft(conn, &new)?;
    let actor = NewActor {
        actor: &seed.actor,
        case_id,
        kind: ActorKind::Seed,
        person: None,
        install_id: None,
        device: None,
        issue_key: None,
        now,
    };
    store::insert_actor(conn, &actor)?;
    let by = store::Appender { case_id, epoch: 1, person: None, device: None, push_id: None, now };
    store::insert_changes(conn, &by, 1, std::slice::from_ref(&seed.change))?;
    let sha256 = Sha256::digest(&seed.saved).into();
    let snapshot = NewSnapshot { case_id, lsn: 1, heads: &heads, bytes: &seed.saved, sha256, now };
    store::insert_snapshot(conn, &snapshot, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_of_the_seed() {
        for (text, fits) in [("浙A7T3K9", true), ("", false), (&"使".repeat(11), false)] {
            assert_eq!(that_fits("plate", Some(text.into())).is_some(), fits, "{text}");
        }
        assert_eq!(that_fits("vin", None), None);
    }
}
