//! Rows of outbox commands.

use api_spec::problem::Problem;
use diesel::prelude::*;
use sync_core::{ids::EventId, time::Instant};

use super::envelope::Envelope;
use crate::{
    auth::policy::Actor,
    db::{Conn, schema::sync_commands as commands},
    error::ApiError,
};

/// What became of a command before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) applied: bool,
    pub(super) sha256: Vec<u8>,
}

const APPLIED: &str = "applied";
const REFUSED: &str = "refused";

pub(super) fn find(conn: &mut Conn, actor: &Actor, id: EventId) -> Result<Option<Known>, ApiError> {
    let row: Option<(String, Vec<u8>)> = commands::table
        .find((actor.person.to_string(), id.to_string()))
        .select((commands::status, commands::sha256))
        .first(conn)
        .optional()?;
    Ok(row.map(|(status, sha256)| Known { applied: status == APPLIED, sha256 }))
}

/// Keeps what became of a command; a refusal gives way to what a repeat became.
pub(super) fn put(
    conn: &mut Conn,
    actor: &Actor,
    envelope: &Envelope,
    refusal: Option<&Problem>,
    now: Instant,
) -> Result<(), ApiError> {
    let problem = refusal.map(serde_json::to_string).transpose().map_err(ApiError::internal)?;
    let values = (
        commands::case_id.eq(envelope.case_id.to_string()),
        commands::kind.eq(&envelope.kind),
        commands::sha256.eq(envelope.sha256.as_slice()),
        commands::status.eq(if refusal.is_some() { REFUSED } else { APPLIED }),
        commands::problem.eq(problem),
        commands::device_id.eq(actor.device.map(|id| id.to_string())),
        commands::received_at.eq(now.0),
    );
    let key = (actor.person.to_string(), envelope.id.to_string());
    let refused_before = commands::table.find(key.clone()).filter(commands::status.eq(REFUSED));
    if diesel::update(refused_before).set(values.clone()).execute(conn)? == 1 {
        return Ok(());
    }
    let row = (commands::person_id.eq(key.0), commands::id.eq(key.1), values);
    // The same outbox arrived twice at once: look again at what the other one did.
    diesel::insert_into(commands::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

pub(super) fn delete_before(conn: &mut Conn, before: Instant) -> Result<usize, ApiError> {
    let old = commands::table.filter(commands::received_at.lt(before.0));
    Ok(diesel::delete(old).execute(conn)?)
}
