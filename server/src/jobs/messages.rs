//! Messages to people outside: written in the transaction that causes them, sent by a job.

use diesel::prelude::*;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use sync_core::{
    ids::{CaseId, MessageId},
    time::Instant,
};

use super::{Job, JobFault, enqueue};
use crate::{
    app::App,
    db::{Conn, schema::outbox_messages as messages, types::Ms},
    error::ApiError,
    ports::notifier::Message,
};

/// A message to write into the outbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The case it is about.
    pub case_id: Option<CaseId>,
    /// Phone number.
    pub recipient: String,
    /// What to say.
    pub text: String,
    /// Of no use after this instant.
    pub expires_at: Option<Instant>,
}

/// Writes a message into the outbox; it is sent after the transaction commits.
///
/// # Errors
/// Database faults.
pub fn send_message(
    conn: &mut Conn,
    app: &App,
    message: &NewMessage,
) -> Result<MessageId, ApiError> {
    let id: MessageId = app.new_id();
    let now = app.now();
    let row = (
        messages::id.eq(id.to_string()),
        messages::case_id.eq(message.case_id.map(|id| id.to_string())),
        messages::recipient.eq(&message.recipient),
        messages::body.eq(&message.text),
        messages::expires_at.eq(message.expires_at.map(|at| at.0)),
        messages::created_at.eq(now.0),
    );
    diesel::insert_into(messages::table).values(row).execute(conn)?;
    enqueue(conn, app, &DeliverMessage { message_id: id }, now)?;
    Ok(id)
}

/// Hands one message to the notifier.
#[derive(Serialize, Deserialize)]
pub(super) struct DeliverMessage {
    message_id: MessageId,
}

#[derive(Queryable)]
struct Row {
    recipient: String,
    body: String,
    expires_at: Option<Ms>,
    sent_at: Option<Ms>,
}

impl Job for DeliverMessage {
    const KIND: &'static str = "deliver_message";

    fn run(self, app: App) -> LocalBoxFuture<'static, Result<(), JobFault>> {
        Box::pin(async move {
            let id = self.message_id;
            let row: Option<Row> = app
                .db
                .read(move |conn| {
                    let columns = (
                        messages::recipient,
                        messages::body,
                        messages::expires_at,
                        messages::sent_at,
                    );
                    Ok(messages::table
                        .find(id.to_string())
                        .select(columns)
                        .first(conn)
                        .optional()?)
                })
                .await?;
            let Some(row) = row.filter(|row| row.sent_at.is_none()) else { return Ok(()) };
            if row.expires_at.is_some_and(|at| at.0 <= app.now()) {
                // A stale code or link would only confuse; whoever needs one asks for a new one.
                return app
                    .db
                    .write(move |conn| forget_text(conn, id, None))
                    .await
                    .map_err(JobFault::from);
            }
            let message = Message { id: id.to_string(), recipient: row.recipient, text: row.body };
            let notifier = app.ports.notifier.clone();
            tokio::task::spawn_blocking(move || notifier.send(&message))
                .await
                .map_err(|fault| JobFault(fault.to_string()))?
                .map_err(|fault| JobFault(fault.to_string()))?;
            let now = app.now();
            app.db.write(move |conn| forget_text(conn, id, Some(now))).await.map_err(JobFault::from)
        })
    }
}

/// Marks a message as dealt with and drops its text, which may hold a code or a link.
fn forget_text(conn: &mut Conn, id: MessageId, sent_at: Option<Instant>) -> Result<(), ApiError> {
    diesel::update(messages::table.find(id.to_string()))
        .set((messages::sent_at.eq(sent_at.map(|at| at.0)), messages::body.eq("")))
        .execute(conn)?;
    Ok(())
}
