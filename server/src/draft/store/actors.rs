//! Rows of issued actors.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, DeviceId, PersonId},
    model::ActorId,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{Conn, schema::draft_actor, types::Id},
    draft::rules::Issued,
    error::ApiError,
};

/// Who writes under an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::draft) enum ActorKind {
    /// A device.
    Device,
    /// The server, for a person who acts through it.
    Server,
    /// The server, for the first change.
    Seed,
}

impl ActorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Server => "server",
            Self::Seed => "seed",
        }
    }
}

/// An actor as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::draft) struct Actor {
    pub(in crate::draft) actor: ActorId,
    pub(in crate::draft) case_id: CaseId,
    pub(in crate::draft) install_id: Option<Uuid>,
    pub(in crate::draft) issued: Issued<PersonId, DeviceId>,
}

type Row = (
    Vec<u8>,
    Id<CaseId>,
    Option<Id<PersonId>>,
    Option<Id<Uuid>>,
    Option<Id<DeviceId>>,
    Option<i64>,
);

type Columns = (
    draft_actor::actor,
    draft_actor::case_id,
    draft_actor::person_id,
    draft_actor::install_id,
    draft_actor::device_id,
    draft_actor::revoked_at,
);
const COLUMNS: Columns = (
    draft_actor::actor,
    draft_actor::case_id,
    draft_actor::person_id,
    draft_actor::install_id,
    draft_actor::device_id,
    draft_actor::revoked_at,
);

fn actor(row: Row) -> Actor {
    let (actor, case_id, person, install, device, revoked_at) = row;
    Actor {
        actor: ActorId::from(actor),
        case_id: case_id.0,
        install_id: install.map(|id| id.0),
        issued: Issued {
            person: person.map(|id| id.0),
            device: device.map(|id| id.0),
            revoked: revoked_at.is_some(),
        },
    }
}

pub(in crate::draft) fn find_actor(
    conn: &mut Conn,
    case_id: CaseId,
    id: &ActorId,
) -> Result<Option<Actor>, ApiError> {
    let row: Option<Row> = draft_actor::table
        .filter(draft_actor::actor.eq(id.to_bytes()))
        .filter(draft_actor::case_id.eq(case_id.to_string()))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(actor))
}

pub(in crate::draft) fn list_actors(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<Actor>, ApiError> {
    let rows: Vec<Row> = draft_actor::table
        .filter(draft_actor::case_id.eq(case_id.to_string()))
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(actor).collect())
}

/// The actor that was issued under this key.
pub(in crate::draft) fn find_issued(
    conn: &mut Conn,
    person: PersonId,
    issue_key: &str,
) -> Result<Option<Actor>, ApiError> {
    let row: Option<Row> = draft_actor::table
        .filter(draft_actor::person_id.eq(person.to_string()))
        .filter(draft_actor::issue_key.eq(issue_key))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(actor))
}

/// The actor under which the server writes for a person.
pub(in crate::draft) fn find_server_actor(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
) -> Result<Option<ActorId>, ApiError> {
    let row: Option<Vec<u8>> = draft_actor::table
        .filter(draft_actor::case_id.eq(case_id.to_string()))
        .filter(draft_actor::person_id.eq(person.to_string()))
        .filter(draft_actor::kind.eq(ActorKind::Server.as_str()))
        .filter(draft_actor::revoked_at.is_null())
        .select(draft_actor::actor)
        .first(conn)
        .optional()?;
    Ok(row.map(ActorId::from))
}

/// An actor to issue.
pub(in crate::draft) struct NewActor<'a> {
    pub(in crate::draft) actor: &'a ActorId,
    pub(in crate::draft) case_id: CaseId,
    pub(in crate::draft) kind: ActorKind,
    pub(in crate::draft) person: Option<PersonId>,
    pub(in crate::draft) install_id: Option<Uuid>,
    pub(in crate::draft) device: Option<DeviceId>,
    pub(in crate::draft) issue_key: Option<&'a str>,
    pub(in crate::draft) now: Instant,
}

pub(in crate::draft) fn insert_actor(conn: &mut Conn, new: &NewActor<'_>) -> Result<(), ApiError> {
    let row = (
        draft_actor::actor.eq(new.actor.to_bytes().to_vec()),
        draft_actor::case_id.eq(new.case_id.to_string()),
        draft_actor::kind.eq(new.kind.as_str()),
        draft_actor::person_id.eq(new.person.map(|id| id.to_string())),
        draft_actor::install_id.eq(new.install_id.map(|id| id.to_string())),
        draft_actor::device_id.eq(new.device.map(|id| id.to_string())),
        draft_actor::issue_key.eq(new.issue_key),
        draft_actor::issued_at.eq(new.now.0),
    );
    diesel::insert_into(draft_actor::table)
        .values(row)
        .execute(conn)
        .map_err(ApiError::or_again)?;
    Ok(())
}

pub(in crate::draft) fn revoke_actor(
    conn: &mut Conn,
    id: &ActorId,
    now: Instant,
) -> Result<(), ApiError> {
    let standing = draft_actor::table
        .filter(draft_actor::actor.eq(id.to_bytes()))
        .filter(draft_actor::revoked_at.is_null());
    diesel::update(standing).set(draft_actor::revoked_at.eq(Some(now.0))).execute(conn)?;
    Ok(())
}

/// Ends every actor of a case: its document is another one from now on.
pub(in crate::draft) fn revoke_actors(
    conn: &mut Conn,
    case_id: CaseId,
    now: Instant,
) -> Result<(), ApiError> {
    let standing = draft_actor::table
        .filter(draft_actor::case_id.eq(case_id.to_string()))
        .filter(draft_actor::revoked_at.is_null());
    diesel::update(standing).set(draft_actor::revoked_at.eq(Some(now.0))).execute(conn)?;
    Ok(())
}
