//! Commands that take effect once: do the work, save the reply under its key, all in one commit.
//!
//! Nothing is read first: the unique key refuses a second copy and undoes its work, and only then is
//! the first one's reply looked up. A new command, nearly always the case, pays for one insert.

use actix_web::{HttpResponse, http::StatusCode};
use api_spec::problem::Code;
use diesel::prelude::*;
use serde::Serialize;
use sync_core::time::{Instant, Span};

use crate::{
    app::App,
    body::CommandKey,
    db::{Conn, schema::idempotency_keys as keys},
    error::ApiError,
    native,
};

/// How long a reply is kept: phones stay offline for weeks.
pub const KEPT: Span = Span::days(90);

/// The answer to a command: status and JSON body. A retry gets the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Reply {
    /// 201 with the new record.
    ///
    /// # Errors
    /// Internal, when the body cannot be written as JSON.
    pub fn created(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(201, body)
    }

    /// 200 with a result.
    ///
    /// # Errors
    /// Internal, when the body cannot be written as JSON.
    pub fn ok(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(200, body)
    }

    fn json(status: u16, body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { status, body: serde_json::to_vec(body).map_err(ApiError::internal)? })
    }

    fn response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        HttpResponse::build(status).content_type("application/json").body(self.body)
    }
}

/// Runs a command in one transaction, or answers what it answered before.
///
/// `actor` names whose key it is. Refusals are not kept: a command that changed nothing may be tried
/// again with the same key.
///
/// # Errors
/// What the work answers; `idempotency_key_reused` for another request under the same key.
pub async fn once<F>(
    app: &App,
    actor: String,
    key: CommandKey,
    work: F,
) -> Result<HttpResponse, ApiError>
where
    F: FnMut(&mut Conn) -> Result<Reply, ApiError> + Send + 'static,
{
    run(app, actor, key, Box::new(work)).await
}

/// A command's work, whatever the command.
type Work = Box<dyn FnMut(&mut Conn) -> Result<Reply, ApiError> + Send>;

async fn run(
    app: &App,
    actor: String,
    key: CommandKey,
    mut work: Work,
) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let (owner, claimed) = (actor.clone(), key.clone());
    let outcome = app
        .db
        .write(move |conn| {
            let reply = work(conn)?;
            insert(conn, &owner, &claimed, &reply, now)?;
            Ok(reply)
        })
        .await;
    match outcome {
        Ok(reply) => Ok(reply.response()),
        // The first copy's own effects may be what refused this one: only its reply tells them apart.
        Err(refusal) if !refusal.is_connection_lost() => {
            match app.db.read(move |conn| find(conn, &actor, &key)).await? {
                Some(reply) => Ok(reply.response()),
                None => Err(refusal),
            }
        }
        Err(fault) => Err(fault),
    }
}

fn find(conn: &mut Conn, actor: &str, key: &CommandKey) -> Result<Option<Reply>, ApiError> {
    let row: Option<(Vec<u8>, i64, Vec<u8>)> = keys::table
        .find((actor, &key.key))
        .select((keys::request_sha256, keys::status, keys::body))
        .first(conn)
        .optional()?;
    let Some((request_sha256, status, body)) = row else { return Ok(None) };
    if request_sha256 != key.request_sha256 {
        return Err(ApiError::new(Code::IdempotencyKeyReused));
    }
    Ok(Some(Reply { status: u16::try_from(status).unwrap_or(200), body }))
}

fn insert(
    conn: &mut Conn,
    actor: &str,
    key: &CommandKey,
    reply: &Reply,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        keys::actor.eq(actor),
        keys::idempotency_key.eq(&key.key),
        keys::request_sha256.eq(key.request_sha256.as_slice()),
        keys::status.eq(i64::from(reply.status)),
        keys::body.eq(&reply.body),
        keys::created_at.eq(now.0),
    );
    let statement = diesel::insert_into(keys::table).values(row);
    native!(conn, |c| statement.execute(c)).map_err(|error| match ApiError::from(error) {
        // Another copy of the request has the key; if it is gone by the time of the look-up, the
        // caller comes again.
        error if error.is_unique_violation() => ApiError::overloaded(),
        error => error,
    })?;
    Ok(())
}

/// Forgets replies older than [`KEPT`], some at a time; answers how many.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    Ok(diesel::delete(keys::table.filter(keys::created_at.lt((now - KEPT).0))).execute(conn)?)
}
