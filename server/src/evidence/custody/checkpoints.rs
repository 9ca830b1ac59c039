//! Checkpoints: the heads of all cases that have changed, under one signature.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sync_core::{
    custody::{Checkpoint, Covered, NOTHING_BEFORE, leaf, proof, root},
    ids::CaseId,
    photo::ContentHash,
};

use super::store::{self, Leaf};
use crate::{app::App, db::Conn, error::ApiError};

/// Heads of one checkpoint; the rest waits for the next one.
const MOST_HEADS: i64 = 2_000;
/// The file beside the database.
const FILE: &str = "custody-checkpoints.jsonl";

/// Makes a checkpoint over the heads that no checkpoint covers; nothing when there are none.
///
/// # Errors
/// Database faults.
pub(in crate::evidence) fn make(
    conn: &mut Conn,
    app: &App,
) -> Result<Option<(Checkpoint, String)>, ApiError> {
    let heads = store::list_uncovered(conn, MOST_HEADS)?;
    if heads.is_empty() {
        return Ok(None);
    }
    let before = store::find_newest(conn)?.map(|(checkpoint, _)| checkpoint);
    let key = app.auth.seals.newest()?;
    let checkpoint = Checkpoint {
        number: before.as_ref().map_or(1, |before| before.number + 1),
        at: app.now(),
        previous: before.map_or(NOTHING_BEFORE, |before| before.sha256()),
        root: root(&leaves(&heads)),
        heads: u64::try_from(heads.len()).map_err(ApiError::internal)?,
        key_id: key.id.clone(),
    };
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(checkpoint.text().as_bytes()));
    store::insert_checkpoint(conn, &checkpoint, &signature, &heads)?;
    Ok(Some((checkpoint, signature)))
}

pub(super) fn leaves(heads: &[Leaf]) -> Vec<ContentHash> {
    heads.iter().map(|head| leaf(head.case_id, head.seq, head.sha256)).collect()
}

/// Writes a checkpoint to the file beside the database, for good.
///
/// # Errors
/// When the file cannot be written or flushed.
pub(in crate::evidence) fn remember(
    data_dir: &Path,
    checkpoint: &Checkpoint,
    signature: &str,
) -> io::Result<()> {
    let line = serde_json::json!({
        "number": checkpoint.number,
        "at": checkpoint.at.0,
        "previous": checkpoint.previous,
        "root": checkpoint.root,
        "heads": checkpoint.heads,
        "key_id": checkpoint.key_id,
        "signature": signature,
    });
    std::fs::create_dir_all(data_dir)?;
    let mut file =
        OpenOptions::new().append(true).create(true).mode(0o600).open(data_dir.join(FILE))?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()
}

/// The checkpoints that name a case, each with the case's way to its root.
///
/// # Errors
/// Database faults.
pub(super) fn of_case(conn: &mut Conn, case_id: CaseId) -> Result<Vec<Covered>, ApiError> {
    let mut all = Vec::new();
    for (checkpoint, signature) in store::list_of_case(conn, case_id)? {
        let heads = store::list_leaves(conn, checkpoint.number)?;
        let found = heads.iter().enumerate().find(|(_, head)| head.case_id == case_id);
        let Some((index, head)) = found else { continue };
        let proof = proof(&leaves(&heads), index).unwrap_or_default();
        let (seq, sha256) = (head.seq, head.sha256);
        all.push(Covered { checkpoint, signature, seq, sha256, proof });
    }
    Ok(all)
}
