//! A store with a lock of its own is told how long it keeps originals, and which are held (B26).

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use sync_core::{ids::CaseId, photo::ContentHash, time::Instant};

use super::{rules, store};
use crate::{
    app::App,
    db::Conn,
    error::ApiError,
    evidence::store as photos,
    jobs::{self, Job, JobFault},
    ports::blobs::Guard,
};

/// Until when bytes that are received now are kept.
pub(in crate::evidence) fn kept_until(now: Instant) -> Instant {
    now + rules::RETENTION
}

/// Brings the store's own lock up to date for these contents.
#[derive(Serialize, Deserialize)]
pub struct GuardEvidence {
    /// The contents.
    pub contents: Vec<ContentHash>,
}

/// Lets the store's lock follow what has changed for these contents, if it has one.
///
/// # Errors
/// Database faults.
pub(in crate::evidence) fn guard(
    conn: &mut Conn,
    app: &App,
    contents: Vec<ContentHash>,
) -> Result<(), ApiError> {
    if !app.ports.blobs.has_lock() || contents.is_empty() {
        return Ok(());
    }
    jobs::enqueue(conn, app, &GuardEvidence { contents }, app.now()).map(drop)
}

impl Job for GuardEvidence {
    const KIND: &'static str = "guard_evidence";

    fn run(self, app: App) -> LocalBoxFuture<'static, Result<(), JobFault>> {
        Box::pin(async move {
            for sha256 in self.contents {
                let wanted = app.db.read(move |conn| wanted(conn, sha256)).await?;
                let Some(guard) = wanted else { continue };
                let set = app.ports.blobs.guard(guard).await;
                set.map_err(|fault| JobFault(fault.to_string()))?;
            }
            Ok(())
        })
    }
}

/// What is to be kept of a content as of now; nothing when it is not here.
fn wanted(conn: &mut Conn, sha256: ContentHash) -> Result<Option<Guard>, ApiError> {
    if photos::find_content(conn, sha256)?.is_none() {
        return Ok(None);
    }
    let received = photos::list_receipts(conn, sha256)?;
    let cases: Vec<CaseId> = received.iter().map(|(case, _)| *case).collect();
    let held = store::is_any_held(conn, &cases)?;
    let until = received.iter().map(|(_, at)| kept_until(*at)).max();
    Ok(until.map(|until| Guard { sha256, until, held }))
}
