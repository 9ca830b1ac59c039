//! The outbox: each command takes the path of its operation, behind a savepoint of its own.

use api_spec::{problem::Code, sync::SyncResult};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    envelope::{self, Command, Envelope, Unreadable},
    store,
};
use crate::{
    agreement::{self, Delivered},
    app::App,
    auth::policy::Actor,
    case_log::{self, Appended, Receipt},
    db::{self, Conn},
    dispatch,
    error::ApiError,
    survey, wire,
};

/// The most commands of one request.
const MOST_COMMANDS: usize = 100;

/// Applies the commands of an outbox in their order; one result for each.
///
/// # Errors
/// `invalid_fields` when the frame is wrong; what keeps all of them from being applied.
pub(super) async fn apply_all(
    app: &App,
    actor: Actor,
    device_now: DateTime<Utc>,
    commands: Vec<Value>,
) -> Result<Vec<SyncResult>, ApiError> {
    if commands.len() > MOST_COMMANDS {
        let allowed = format!("at most {MOST_COMMANDS} commands");
        return Err(ApiError::invalid_field("commands", "out_of_range", allowed));
    }
    let now = app.now();
    let clock = wire::instant("device_now", device_now)
        .map_err(|refusal| ApiError::invalid(vec![refusal]))?;
    let receipt = Receipt::new(clock, now);
    let items: Vec<Result<Envelope, Unreadable>> =
        commands.into_iter().map(|item| envelope::read(item, device_now, now)).collect();
    let inner = app.clone();
    app.db
        .write(move |conn| {
            let apply = |item: &Result<Envelope, Unreadable>| match item {
                Ok(envelope) => apply(conn, &inner, &actor, envelope, &receipt),
                Err(unreadable) => Ok(refused(unreadable.id, &unreadable.error)),
            };
            items.iter().map(apply).collect::<Result<Vec<_>, ApiError>>()
        })
        .await
}

/// Applies one command behind a savepoint.
///
/// # Errors
/// Only what keeps the whole outbox from being applied: it is to be sent again.
fn apply(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    envelope: &Envelope,
    receipt: &Receipt,
) -> Result<SyncResult, ApiError> {
    let id = Some(envelope.id.into());
    if let Some(known) = store::find(conn, actor, envelope.id)?.filter(|known| known.applied) {
        return Ok(if known.sha256 == envelope.sha256 {
            result(id, "already_applied")
        } else {
            refused(id, &id_taken())
        });
    }
    let done = db::savepoint(conn, |conn| {
        let done = run(conn, app, actor, &envelope.command, receipt)?;
        let problem = match &done {
            Done::Applied(_) => None,
            Done::Void(error) => Some(error.problem()),
        };
        store::put(conn, actor, envelope, problem.as_ref(), receipt.now)?;
        Ok(done)
    });
    match done {
        Ok(Done::Applied(appended)) => Ok(applied(id, appended)),
        // What was given does not hold, and that is kept: a person has to look.
        Ok(Done::Void(error)) => Ok(refused(id, &error)),
        // Our mistake with this one: the others go on, and this one stays in the outbox.
        Err(error) if error.code() == Code::Internal => Ok(result(id, "retry")),
        Err(error) if error.code().status() >= 500 => Err(error),
        Err(error) => {
            store::put(conn, actor, envelope, Some(&error.problem()), receipt.now)?;
            Ok(refused(id, &error))
        }
    }
}

/// What a command came to that leaves something behind.
enum Done {
    /// What was asked for.
    Applied(Appended),
    /// Something that is void, with the reason.
    Void(ApiError),
}

fn run(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    command: &Command,
    receipt: &Receipt,
) -> Result<Done, ApiError> {
    match command {
        Command::Field(command) => {
            survey::apply_command(conn, actor, command, receipt).map(Done::Applied)
        }
        Command::Answer(answer) => {
            dispatch::answer_task(conn, actor, answer, receipt).map(Done::Applied)
        }
        Command::Agreement(offered) => {
            match agreement::deliver_command(conn, app, actor, offered)? {
                Delivered::Confirmed => {
                    let status = case_log::status(conn, offered.case())?;
                    Ok(Done::Applied(Appended::New(status)))
                }
                Delivered::Void(error) => Ok(Done::Void(error)),
            }
        }
    }
}

fn applied(id: Option<uuid::Uuid>, appended: Appended) -> SyncResult {
    let (status, case_status) = match appended {
        Appended::New(case_status) => ("applied", case_status),
        Appended::Known(case_status) => ("already_applied", case_status),
    };
    SyncResult { case_status: Some(case_status.to_string()), ..result(id, status) }
}

pub(super) fn refused(id: Option<uuid::Uuid>, error: &ApiError) -> SyncResult {
    SyncResult { problem: Some(error.problem()), ..result(id, "refused") }
}

pub(super) fn result(id: Option<uuid::Uuid>, status: &str) -> SyncResult {
    SyncResult { id, status: status.to_owned(), case_status: None, problem: None }
}

fn id_taken() -> ApiError {
    ApiError::invalid_field("id", "id_taken", "this id names another command; make a new one")
}
