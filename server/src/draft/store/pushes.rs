//! Rows of answered pushes.

use api_spec::problem::Code;
use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PersonId},
    model::ActorId,
    time::Instant,
};

use crate::{
    body::CommandKey,
    db::{Conn, schema::draft_push},
    error::ApiError,
};

/// The answer that a push got before.
///
/// # Errors
/// `idempotency_key_reused` for another request under the same id.
pub(in crate::draft) fn find_push(
    conn: &mut Conn,
    person: PersonId,
    key: &CommandKey,
) -> Result<Option<Vec<u8>>, ApiError> {
    let row: Option<(Vec<u8>, Vec<u8>)> = draft_push::table
        .find((person.to_string(), &key.key))
        .select((draft_push::request_sha256, draft_push::response))
        .first(conn)
        .optional()?;
    match row {
        None => Ok(None),
        Some((sha256, response)) if sha256 == key.request_sha256 => Ok(Some(response)),
        Some(_) => Err(ApiError::new(Code::IdempotencyKeyReused)),
    }
}

/// A push that appended something.
pub(in crate::draft) struct NewPush<'a> {
    pub(in crate::draft) person: PersonId,
    pub(in crate::draft) key: &'a CommandKey,
    pub(in crate::draft) case_id: CaseId,
    pub(in crate::draft) actor: &'a ActorId,
    pub(in crate::draft) response: &'a [u8],
    pub(in crate::draft) now: Instant,
}

pub(in crate::draft) fn insert_push(conn: &mut Conn, push: &NewPush<'_>) -> Result<(), ApiError> {
    let row = (
        draft_push::person_id.eq(push.person.to_string()),
        draft_push::push_id.eq(&push.key.key),
        draft_push::case_id.eq(push.case_id.to_string()),
        draft_push::actor.eq(push.actor.to_bytes().to_vec()),
        draft_push::request_sha256.eq(push.key.request_sha256.to_vec()),
        draft_push::response.eq(push.response),
        draft_push::created_at.eq(push.now.0),
    );
    diesel::insert_into(draft_push::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

/// Forgets answers given before `before`; answers how many.
pub(in crate::draft) fn prune(conn: &mut Conn, before: Instant) -> Result<usize, ApiError> {
    Ok(diesel::delete(draft_push::table.filter(draft_push::created_at.lt(before.0)))
        .execute(conn)?)
}
