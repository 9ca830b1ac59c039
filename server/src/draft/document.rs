//! From rows to a document: the newest sound snapshot and the changes after it, one after the other,
//! are bytes that load as the whole draft.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use sync_core::{automerge::Automerge, gate, ids::CaseId};

use super::{rules::Head, store};
use crate::{app::App, db::Conn, error::ApiError};

/// A document in memory, or the bytes it is loaded from.
pub(super) enum Loading {
    Kept(Arc<Automerge>),
    Stored(Stored),
}

/// A draft as bytes from the tables.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// They load as the whole draft.
    pub(super) bytes: Vec<u8>,
    /// The number of the snapshot that they begin with; 0 for none.
    from: u64,
    /// The numbers of snapshots that could not be used.
    damaged: Vec<u64>,
}

/// What is needed to have the document of this head.
pub(super) fn find(
    conn: &mut Conn,
    app: &App,
    case_id: CaseId,
    head: &Head,
) -> Result<Loading, ApiError> {
    match app.drafts.find(case_id, head) {
        Some(doc) => Ok(Loading::Kept(doc)),
        None => Ok(Loading::Stored(stored(conn, case_id, head)?)),
    }
}

/// The whole draft up to a head as bytes, from rows alone. A damaged snapshot is passed over: the one
/// before it, or the log from its start, gives the same draft.
pub(super) fn stored(conn: &mut Conn, case_id: CaseId, head: &Head) -> Result<Stored, ApiError> {
    stored_before(conn, case_id, head, head.lsn)
}

/// [`stored`], from a snapshot up to `upto` or from none.
fn stored_before(
    conn: &mut Conn,
    case_id: CaseId,
    head: &Head,
    mut upto: u64,
) -> Result<Stored, ApiError> {
    let mut found = Stored::default();
    while let Some(snapshot) = store::find_snapshot(conn, case_id, upto)? {
        let lsn = snapshot.lsn()?;
        if Sha256::digest(&snapshot.bytes)[..] == snapshot.sha256 {
            (found.from, found.bytes) = (lsn, snapshot.bytes);
            break;
        }
        damaged(case_id, lsn);
        found.damaged.push(lsn);
        upto = lsn.saturating_sub(1);
    }
    let after = match found.from {
        0 => store::first_lsn(conn, case_id, head)?.saturating_sub(1),
        lsn => lsn,
    };
    for change in store::list_bytes(conn, case_id, (after, head.lsn), None)? {
        found.bytes.extend(change);
    }
    Ok(found)
}

/// Has the document, loading it off the async threads if need be. A snapshot that does not load, or
/// loads as something else, is replaced by what the log says, and told.
pub(super) async fn load(
    app: &App,
    case_id: CaseId,
    head: &Head,
    loading: Loading,
) -> Result<Arc<Automerge>, ApiError> {
    let mut stored = match loading {
        Loading::Kept(doc) => return Ok(doc),
        Loading::Stored(stored) => stored,
    };
    loop {
        let (from, broken) = (stored.from, stored.damaged.clone());
        let why = match read(app, head, stored.bytes).await? {
            Ok((doc, saved)) => {
                let doc = Arc::new(doc);
                if !broken.is_empty() {
                    rebuild(app, case_id, head, doc.clone(), broken).await?;
                }
                metrics::counter!("chakan_draft_documents_loaded_total").increment(1);
                app.drafts.keep(case_id, head, doc.clone(), saved);
                return Ok(doc);
            }
            Err(why) if from == 0 => return Err(unreadable(case_id, why)),
            Err(why) => why,
        };
        // Its checksum is right, and still it is not what the log says.
        tracing::error!(case = %case_id, lsn = from, why, "a draft snapshot does not hold the draft");
        metrics::counter!("chakan_draft_snapshots_damaged_total").increment(1);
        let older = head.clone();
        stored = app
            .db
            .read(move |conn| stored_before(conn, case_id, &older, from.saturating_sub(1)))
            .await?;
        stored.damaged.splice(0..0, broken);
        stored.damaged.push(from);
    }
}

/// [`load`] for somebody who has a thread and a transaction of their own. Damage is left to a reader who
/// can repair it.
pub(super) fn load_here(
    case_id: CaseId,
    head: &Head,
    loading: Loading,
) -> Result<Arc<Automerge>, ApiError> {
    let stored = match loading {
        Loading::Kept(doc) => return Ok(doc),
        Loading::Stored(stored) => stored,
    };
    match gate::load(&stored.bytes) {
        Ok(doc) if doc.get_heads() == head.heads => Ok(Arc::new(doc)),
        _ => {
            tracing::error!(case = %case_id, lsn = stored.from, "a draft did not load while it was held");
            Err(ApiError::overloaded())
        }
    }
}

/// The document that these bytes hold and how many they are when not deflated, or why it is not the one
/// of this head.
async fn read(
    app: &App,
    head: &Head,
    bytes: Vec<u8>,
) -> Result<Result<(Automerge, usize), &'static str>, ApiError> {
    let load = move || gate::load(&bytes).map(|doc| (doc.save_nocompress().len(), doc));
    Ok(match app.drafts.compute(load).await? {
        Some(Ok((saved, doc))) if doc.get_heads() == head.heads => Ok((doc, saved)),
        Some(Ok(_)) => Err("other heads than recorded"),
        Some(Err(rejection)) => Err(rejection.rule.code()),
        None => Err("the library panicked"),
    })
}

/// Puts a sound snapshot of this head in the place of damaged ones.
async fn rebuild(
    app: &App,
    case_id: CaseId,
    head: &Head,
    doc: Arc<Automerge>,
    damaged: Vec<u64>,
) -> Result<(), ApiError> {
    let Some(bytes) = app.drafts.compute(move || doc.save()).await? else { return Ok(()) };
    let (head, now) = (head.clone(), app.now());
    app.db
        .write(move |conn| {
            let snapshot = store::NewSnapshot {
                case_id,
                lsn: head.lsn,
                heads: &head.heads,
                bytes: &bytes,
                sha256: Sha256::digest(&bytes).into(),
                now,
            };
            store::replace_snapshots(conn, &snapshot, &damaged)
        })
        .await?;
    metrics::counter!("chakan_draft_snapshots_rebuilt_total").increment(1);
    Ok(())
}

fn damaged(case_id: CaseId, lsn: u64) {
    tracing::error!(case = %case_id, lsn, "a draft snapshot is damaged");
    metrics::counter!("chakan_draft_snapshots_damaged_total").increment(1);
}

fn unreadable(case_id: CaseId, why: &str) -> ApiError {
    ApiError::internal(format_args!("the draft of case {case_id} cannot be loaded: {why}"))
}
