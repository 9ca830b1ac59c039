//! A device's exchange: what it pushes is appended, what it lacks is read from rows.

use std::sync::Arc;

use sync_core::{
    automerge::Automerge,
    ids::CaseId,
    model::schema::Roles,
    protocol::{Blob, Pull, SyncReply, SyncRequest},
};

use super::{
    access,
    append::{self, Append, Appender, Landed},
    document,
    rules::{self, Head, MOST_CONFLICTS, PullPlan},
    store, wire,
};
use crate::{app::App, auth::policy::Actor, body::CommandKey, case_log, db::Conn, error::ApiError};

/// One exchange of one device.
pub(super) struct Exchange {
    app: App,
    by: Appender,
    request: SyncRequest,
}

/// Takes what a device pushes and answers with what it lacks: the JSON of a `SyncDraftResponse`.
pub(super) async fn exchange(
    app: &App,
    author: Actor,
    case_id: CaseId,
    key: CommandKey,
    request: SyncRequest,
) -> Result<Vec<u8>, ApiError> {
    let by = Appender { case_id, author, actor: request.actor.clone(), key, reason: None };
    let exchange = Exchange { app: app.clone(), by, request };
    if exchange.request.changes.is_empty() {
        return app.db.read(move |conn| exchange.pull(conn)).await;
    }
    // Before anything waits for a turn: nobody outside may take up places.
    let exchange = Arc::new(exchange);
    let inner = exchange.clone();
    app.db.read(move |conn| case_log::see(conn, &inner.by.author, case_id).map(|_| ())).await?;
    append::append(app, exchange).await
}

impl Exchange {
    /// Only rows are read; no document is loaded.
    fn pull(&self, conn: &mut Conn) -> Result<Vec<u8>, ApiError> {
        let head = self.head(conn)?;
        self.check(conn, &head)?;
        let last_seq = store::last_seq(conn, self.by.case_id, &self.by.actor, head.lsn)?;
        self.answer(conn, &Landed { head, accepted: 0, last_seq })
    }

    fn head(&self, conn: &mut Conn) -> Result<Head, ApiError> {
        case_log::see(conn, &self.by.author, self.by.case_id)?;
        store::find_head(conn, self.by.case_id)?.ok_or_else(ApiError::not_found)
    }

    fn reply(&self, conn: &mut Conn, landed: &Landed) -> Result<SyncReply, ApiError> {
        let (pull, cursor) = self.pull_from(conn, &landed.head)?;
        let conflicts = store::list_open(conn, self.by.case_id)?
            .into_iter()
            .map(|row| row.standing.conflict)
            .filter(sync_core::conflict::Conflict::needs_person)
            .take(MOST_CONFLICTS);
        Ok(SyncReply {
            epoch: landed.head.epoch,
            actor: self.by.actor.clone(),
            accepted: u32::try_from(landed.accepted).unwrap_or(u32::MAX),
            last_seq: landed.last_seq,
            cursor,
            heads: landed.head.heads.clone(),
            pull,
            lock: landed.head.lock,
            conflicts: conflicts.collect(),
            held: store::list_held(conn, self.by.case_id, &self.by.actor)?,
            server_time: self.app.now(),
        })
    }

    /// What the device lacks, and the log number that it has then come to.
    fn pull_from(&self, conn: &mut Conn, head: &Head) -> Result<(Pull, u64), ApiError> {
        let (case_id, cursor) = (self.by.case_id, self.request.cursor);
        if rules::plan_pull(head, cursor, self.request.want) == PullPlan::Snapshot {
            let bytes = document::stored(conn, case_id, head)?;
            return Ok((Pull::Snapshot(Blob(bytes)), head.lsn));
        }
        let own = Some(&self.by.actor);
        let waiting = store::list_sizes(conn, case_id, (cursor, head.lsn), own)?;
        let sizes: Vec<u64> = waiting.iter().map(|(_, size)| *size).collect();
        let fitting = rules::page_len(&sizes);
        let more = fitting < waiting.len();
        let upto = match waiting.get(fitting.saturating_sub(1)) {
            Some((lsn, _)) if more => *lsn,
            _ => head.lsn,
        };
        let changes = store::list_bytes(conn, case_id, (cursor, upto), own)?;
        let changes = changes.into_iter().map(Blob).collect();
        Ok((Pull::Changes { changes, more }, upto))
    }
}

impl Append for Exchange {
    fn by(&self) -> &Appender {
        &self.by
    }

    fn size(&self) -> usize {
        self.request.changes.iter().map(|blob| blob.0.len()).sum()
    }

    fn check(&self, conn: &mut Conn, head: &Head) -> Result<Roles, ApiError> {
        let by = &self.by;
        let case = case_log::see(conn, &by.author, by.case_id)?;
        let roles = access::draft_roles(&by.author, &case.facts);
        if !access::works_in_the_field(roles) {
            return Err(append::not_a_writer());
        }
        let issued = store::find_actor(conn, by.case_id, &by.actor)?.map(|actor| actor.issued);
        rules::may_append(issued.as_ref(), &by.author.person, by.author.device.as_ref())?;
        let request = &self.request;
        rules::may_exchange(head, request.epoch, request.cursor, request.changes.len())?;
        Ok(roles)
    }

    fn changes(&self, _: &Automerge, _: Roles) -> Result<Vec<Vec<u8>>, ApiError> {
        Ok(self.request.changes.iter().map(|blob| blob.0.clone()).collect())
    }

    fn answer(&self, conn: &mut Conn, landed: &Landed) -> Result<Vec<u8>, ApiError> {
        let reply = self.reply(conn, landed)?;
        serde_json::to_vec(&wire::reply(reply)).map_err(ApiError::internal)
    }
}
