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
    Stored(Vec<u8>),
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
pub(super) fn stored(conn: &mut Conn, case_id: CaseId, head: &Head) -> Result<Vec<u8>, ApiError> {
    let (mut after, mut bytes) = (0, Vec::new());
    let mut upto = head.lsn;
    while let Some(snapshot) = store::find_snapshot(conn, case_id, upto)? {
        let lsn = snapshot.lsn()?;
        if Sha256::digest(&snapshot.bytes)[..] == snapshot.sha256 {
            (after, bytes) = (lsn, snapshot.bytes);
            break;
        }
        damaged(case_id, lsn);
        upto = lsn.saturating_sub(1);
    }
    for change in store::list_bytes(conn, case_id, (after, head.lsn), None)? {
        bytes.extend(change);
    }
    Ok(bytes)
}

/// Has the document, loading it off the async threads if need be.
pub(super) async fn load(
    app: &App,
    case_id: CaseId,
    head: &Head,
    loading: Loading,
) -> Result<Arc<Automerge>, ApiError> {
    let bytes = match loading {
        Loading::Kept(doc) => return Ok(doc),
        Loading::Stored(bytes) => bytes,
    };
    let saved = bytes.len();
    let loaded = app.drafts.compute(move || gate::load(&bytes)).await?;
    let doc = match loaded {
        Some(Ok(doc)) if doc.get_heads() == head.heads => Arc::new(doc),
        Some(Ok(_)) => return Err(unreadable(case_id, "other heads than recorded")),
        Some(Err(rejection)) => return Err(unreadable(case_id, rejection.rule.code())),
        None => return Err(unreadable(case_id, "the library panicked")),
    };
    app.drafts.keep(case_id, head, doc.clone(), saved);
    Ok(doc)
}

fn damaged(case_id: CaseId, lsn: u64) {
    tracing::error!(case = %case_id, lsn, "a draft snapshot is damaged");
    metrics::counter!("chakan_draft_snapshots_damaged_total").increment(1);
}

fn unreadable(case_id: CaseId, why: &str) -> ApiError {
    ApiError::internal(format_args!("the draft of case {case_id} cannot be loaded: {why}"))
}
