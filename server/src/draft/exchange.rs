//! A device's exchange: what it pushes is appended, what it lacks is read from rows.

use std::sync::Arc;

use sync_core::{
    automerge::Automerge,
    ids::CaseId,
    model::{ChangeHash, schema::Roles},
    protocol::{Blob, Pull, SyncReply, SyncRequest, push_text},
};

use super::{
    access::{self, Landing},
    append::{self, Admission, Append, Appender, Landed},
    document,
    drafts::turned_away,
    rules::{self, Head, MOST_CONFLICTS, PullPlan},
    signature, store, wire,
};
use crate::{app::App, auth::policy::Actor, body::CommandKey, case_log, db::Conn, error::ApiError};

/// What a device asks, and what its key signed.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) request: SyncRequest,
    /// Base64, as it was sent.
    pub(super) signature: Option<String>,
}

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
    asked: Asked,
) -> Result<Vec<u8>, ApiError> {
    let Asked { request, signature } = asked;
    let by = Appender::own(case_id, author, request.actor.clone(), key);
    let exchange = Exchange { app: app.clone(), by, request };
    if exchange.request.changes.is_empty() {
        return app.db.read(move |conn| exchange.pull(conn)).await;
    }
    if app.drafts.is_full() {
        return Err(turned_away());
    }
    // Before anything waits for a turn: nobody outside may take up places.
    let (exchange, seen) = app.db.read(move |conn| exchange.open(conn, signature)).await?;
    match seen {
        Seen::Answered(answer) => Ok(answer),
        Seen::Start(start) => append::append_from(app, Arc::new(exchange), Some(*start)).await,
    }
}

/// What an exchange finds.
enum Seen {
    /// The answer from before.
    Answered(Vec<u8>),
    Start(Box<append::Start>),
}

impl Exchange {
    /// Whether this device may push, and from where it starts.
    fn open(
        mut self,
        conn: &mut Conn,
        signature: Option<String>,
    ) -> Result<(Self, Seen), ApiError> {
        let head = store::find_head(conn, self.by.case_id)?.ok_or_else(ApiError::not_found)?;
        let admission = self.check(conn, &head)?;
        let signed = signature::required(conn, &self.by.author, self.text(), signature.as_deref())?;
        self.by.signature = signed;
        let by = &self.by;
        let seen = match store::find_push(conn, by.author.person, &by.key)? {
            Some(answer) => Seen::Answered(answer),
            None => Seen::Start(Box::new(append::go_on(conn, &self.app, by, head, admission)?)),
        };
        Ok((self, seen))
    }

    /// Only rows are read; no document is loaded.
    fn pull(&self, conn: &mut Conn) -> Result<Vec<u8>, ApiError> {
        let head = self.head(conn)?;
        self.check(conn, &head)?;
        let last_seq = store::last_seq(conn, self.by.case_id, &self.by.actor, head.lsn)?;
        self.answer(conn, &Landed { head, accepted: 0, last_seq })
    }

    /// What the device's key has signed.
    fn text(&self) -> String {
        let changes: Vec<&[u8]> =
            self.request.changes.iter().map(|blob| blob.0.as_slice()).collect();
        push_text(&self.by.key.key, self.by.case_id, &self.by.actor, &changes)
    }

    fn head(&self, conn: &mut Conn) -> Result<Head, ApiError> {
        case_log::see(conn, &self.by.author, self.by.case_id)?;
        store::find_head(conn, self.by.case_id)?.ok_or_else(ApiError::not_found)
    }

    /// The draft as this device sees it: with what is held of its own.
    fn reply(&self, conn: &mut Conn, landed: &Landed) -> Result<SyncReply, ApiError> {
        let (by, head) = (&self.by, &landed.head);
        let late = store::find_late(conn, by.case_id, &by.actor, head)?;
        let (pull, cursor) = self.pull_from(conn, head, late.as_ref())?;
        let conflicts = store::list_open(conn, by.case_id)?
            .into_iter()
            .map(|row| row.standing.conflict)
            .filter(sync_core::conflict::Conflict::needs_person)
            .take(MOST_CONFLICTS);
        let (heads, last_seq, waiting) = match &late {
            None => (head.heads.clone(), landed.last_seq, 0),
            Some(late) => {
                let waiting = u64::try_from(late.changes.len()).unwrap_or(u64::MAX);
                let links = links(late);
                let heads = rules::heads_with(&head.heads, &links);
                (heads, landed.last_seq.max(late.last_seq), waiting)
            }
        };
        Ok(SyncReply {
            epoch: head.epoch,
            actor: by.actor.clone(),
            accepted: u32::try_from(landed.accepted).unwrap_or(u32::MAX),
            last_seq,
            cursor,
            heads,
            pull,
            lock: head.lock,
            conflicts: conflicts.collect(),
            held: store::list_held(conn, by.case_id, &by.actor)?,
            late: waiting,
            server_time: self.app.now(),
        })
    }

    /// What the device lacks, and the log number that it has then come to.
    fn pull_from(
        &self,
        conn: &mut Conn,
        head: &Head,
        late: Option<&store::Late>,
    ) -> Result<(Pull, u64), ApiError> {
        let (case_id, cursor) = (self.by.case_id, self.request.cursor);
        if rules::plan_pull(head, cursor, self.request.want) == PullPlan::Snapshot {
            let mut bytes = document::stored(conn, case_id, head)?.bytes;
            // Changes that follow a document load with it.
            let held = late.map(|late| late.changes.as_slice()).unwrap_or_default();
            bytes.extend(held.iter().flat_map(|change| &change.bytes));
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

    fn check(&self, conn: &mut Conn, head: &Head) -> Result<Admission, ApiError> {
        let by = &self.by;
        let case = case_log::see(conn, &by.author, by.case_id)?;
        let roles = access::draft_roles(&by.author, &case.facts);
        if !access::works_in_the_field(roles) {
            return Err(append::not_a_writer());
        }
        // First of all: with another document come other actors.
        rules::may_exchange(head, self.request.epoch, self.request.cursor)?;
        let issued = store::find_actor(conn, by.case_id, &by.actor)?.map(|actor| actor.issued);
        rules::may_append(issued.as_ref(), &by.author.person, by.author.device.as_ref())?;
        // An actor's changes are a chain: what follows held work is held with it.
        let landing = match store::find_late(conn, by.case_id, &by.actor, head)? {
            Some(_) => Landing::Late,
            None => {
                let judges = case_log::judges(conn, by.case_id)?;
                access::landing(&by.author, &case.facts, &judges)
            }
        };
        Ok(Admission { roles, landing })
    }

    fn changes(&self, _: &Automerge, _: Roles) -> Result<Vec<Vec<u8>>, ApiError> {
        Ok(self.request.changes.iter().map(|blob| blob.0.clone()).collect())
    }

    fn answer(&self, conn: &mut Conn, landed: &Landed) -> Result<Vec<u8>, ApiError> {
        let reply = self.reply(conn, landed)?;
        serde_json::to_vec(&wire::reply(reply)).map_err(ApiError::internal)
    }
}

/// The changes of late work and what each builds on.
pub(super) fn links(late: &store::Late) -> Vec<(ChangeHash, Vec<ChangeHash>)> {
    late.changes.iter().map(|change| (change.hash, change.deps.clone())).collect()
}
