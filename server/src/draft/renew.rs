//! A new document for a closed case: its content without its history, under the next epoch. The log of
//! the old one stays for the audit. A device that comes later opens the draft anew and writes its own
//! work again, which amends what was closed.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sync_core::{
    automerge::Automerge,
    conflict::{self, Conflict},
    ids::CaseId,
    lifecycle::EventKind,
    model::{self, ActorId, Draft},
    time::{Instant, Span},
};

use super::{
    open, read,
    rules::{Head, Pin},
    store::{self, ActorKind, NewActor, NewSnapshot},
};
use crate::{
    app::App,
    case_log::{self, Author, NewEvent},
    db::Conn,
    error::ApiError,
    jobs::{self, Job, JobFault},
};

/// How many drafts are renewed at a time.
const AT_A_TIME: i64 = 20;

/// Renews the drafts of closed cases; runs once an hour.
#[derive(Serialize, Deserialize)]
pub struct RenewDrafts {}

impl Job for RenewDrafts {
    const KIND: &'static str = "renew_drafts";

    fn run(self, app: App) -> LocalBoxFuture<'static, Result<(), JobFault>> {
        Box::pin(async move {
            let due = app.db.read(|conn| store::list_to_renew(conn, AT_A_TIME)).await?;
            let more = due.len() >= usize::try_from(AT_A_TIME).unwrap_or(usize::MAX);
            for case_id in due {
                renew(&app, case_id).await?;
            }
            let pause = if more { Span::minutes(1) } else { Span::hours(1) };
            let (inner, at) = (app.clone(), app.now() + pause);
            app.db.write(move |conn| jobs::enqueue(conn, &inner, &Self {}, at).map(|_| ())).await?;
            Ok(())
        })
    }
}

/// A document without history.
struct Renewed {
    doc: Automerge,
    actor: ActorId,
    saved: Vec<u8>,
}

/// Renews one draft, unless work of it still waits for somebody.
async fn renew(app: &App, case_id: CaseId) -> Result<(), ApiError> {
    let Some((head, doc)) = read::loaded(app, case_id).await? else { return Ok(()) };
    let (actor, at) = (open::new_actor_id(app), app.now());
    let renewed = match app.drafts.compute(move || renewed(&doc, actor, at)).await? {
        Some(renewed) => renewed?.map(Arc::new),
        None => return Err(ApiError::internal("renewing a draft panicked")),
    };
    let inner = app.clone();
    app.db
        .write(move |conn| {
            let closed = store::find_head(conn, case_id)?
                .is_some_and(|now| now.lsn == head.lsn && now.pin == Some(Pin::Closed));
            let waits = store::is_late_waiting(conn, case_id)?;
            match &renewed {
                _ if !closed => Ok(()),
                Some(renewed) if !waits => begin(conn, &inner, case_id, &head, renewed),
                // Conflicts and late work would be lost with the history: a person has to look first.
                _ => store::put_off_renewal(conn, case_id, head.lsn),
            }
        })
        .await
}

/// The content in a document of its own, if nothing in it waits for a person.
fn renewed(doc: &Automerge, actor: ActorId, at: Instant) -> Result<Option<Renewed>, ApiError> {
    if conflict::list(doc).iter().any(Conflict::needs_person) {
        return Ok(None);
    }
    let fresh = model::reseed(doc, actor.clone(), at).map_err(ApiError::internal)?;
    let read = |doc: &Automerge| Draft::read(doc).map_err(ApiError::internal);
    let saved = fresh.save();
    let loaded = sync_core::gate::load(&saved).map_err(ApiError::internal)?;
    if model::content_hash(&read(&loaded)?) != model::content_hash(&read(doc)?) {
        return Err(ApiError::internal("a renewed draft says something else"));
    }
    Ok(Some(Renewed { doc: fresh, actor, saved }))
}

fn begin(
    conn: &mut Conn,
    app: &App,
    case_id: CaseId,
    from: &Head,
    renewed: &Renewed,
) -> Result<(), ApiError> {
    let now = app.now();
    let change = open::first_change(&renewed.doc, now)?;
    let to = Head {
        epoch: from.epoch + 1,
        lsn: from.lsn + 1,
        heads: renewed.doc.get_heads(),
        max_op: change.max_op,
        snapshot_lsn: from.lsn + 1,
        tail_bytes: 0,
        ..from.clone()
    };
    if !store::begin_epoch(conn, case_id, from, &to, now)? {
        return Ok(());
    }
    store::revoke_actors(conn, case_id, now)?;
    let actor = NewActor {
        actor: &renewed.actor,
        case_id,
        kind: ActorKind::Seed,
        person: None,
        install_id: None,
        device: None,
        issue_key: None,
        now,
    };
    store::insert_actor(conn, &actor)?;
    let by = store::Appender {
        case_id,
        epoch: to.epoch,
        person: None,
        device: None,
        push_id: None,
        now,
    };
    store::insert_changes(conn, &by, to.lsn, &[change])?;
    let snapshot = NewSnapshot {
        case_id,
        lsn: to.lsn,
        heads: &to.heads,
        bytes: &renewed.saved,
        sha256: Sha256::digest(&renewed.saved).into(),
        now,
    };
    store::insert_snapshot(conn, &snapshot, to.lsn)?;
    let event = NewEvent {
        id: app.new_id(),
        case_id,
        kind: EventKind::DraftRenewed,
        author: Author::System,
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data: serde_json::json!({ "epoch": to.epoch, "lsn": to.lsn }),
    };
    case_log::append(conn, &event).map(|_| ())
}
