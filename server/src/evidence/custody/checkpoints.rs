//! Checkpoints: the heads of all cases that have changed, under one signature.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
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
/// Bytes at the end of the file that hold its last line.
const TAIL: u64 = 4_096;

/// Makes a checkpoint over the heads that no checkpoint covers; answers whether there were any.
///
/// # Errors
/// Database faults.
pub(in crate::evidence) fn make(conn: &mut Conn, app: &App) -> Result<bool, ApiError> {
    let heads = store::list_uncovered(conn, MOST_HEADS)?;
    if heads.is_empty() {
        return Ok(false);
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
    Ok(true)
}

pub(super) fn leaves(heads: &[Leaf]) -> Vec<ContentHash> {
    heads.iter().map(|head| leaf(head.case_id, head.seq, head.sha256)).collect()
}

/// Brings the file beside the database up to date, for good: every checkpoint that it does not hold yet
/// is added, also those that a process made which died before writing them down, or another node.
///
/// # Errors
/// Database faults; when the file cannot be written or flushed.
pub(in crate::evidence) async fn remember(app: &App) -> Result<(), ApiError> {
    let path = app.config.data_dir.join(FILE);
    let inner = path.clone();
    let last = off_thread(move || last_number(&inner)).await?;
    let (newest, missing) = app
        .db
        .read(move |conn| {
            let newest = store::find_newest(conn)?.map_or(0, |(newest, _)| newest.number);
            Ok((newest, store::list_behind(conn, last)?))
        })
        .await?;
    if newest < last {
        // Whoever puts an old database back does not make this go away.
        tracing::error!(newest, last, "the database is older than the checkpoints beside it");
    }
    metrics::gauge!("chakan_custody_rolled_back").set(if newest < last { 1.0 } else { 0.0 });
    if missing.is_empty() {
        return Ok(());
    }
    off_thread(move || add(&path, &missing)).await
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?;
    done.map_err(|error| ApiError::internal(format!("the file of checkpoints: {error}")))
}

/// The number of the last checkpoint in the file, 0 if there is none. A line that was cut is taken off.
fn last_number(path: &Path) -> io::Result<u64> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        opened => opened?,
    };
    file.lock()?;
    last_line(&mut file).map(|line| line.as_deref().and_then(number_of).unwrap_or(0))
}

fn number_of(line: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(line).ok()?.get("number")?.as_u64()
}

/// The last whole line; what stands behind it was cut in the middle and goes.
fn last_line(file: &mut File) -> io::Result<Option<String>> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < tail.len() {
        file.set_len(start + u64::try_from(whole).unwrap_or(0))?;
        file.sync_all()?;
    }
    let lines = String::from_utf8_lossy(tail.get(..whole).unwrap_or_default()).into_owned();
    Ok(lines.lines().last().map(str::to_owned))
}

/// Adds checkpoints that the file does not hold.
fn add(path: &Path, missing: &[(Checkpoint, Vec<u8>)]) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    file.lock()?;
    // Somebody else may have been faster.
    let last = last_line(&mut file)?.as_deref().and_then(number_of).unwrap_or(0);
    for (checkpoint, signature) in missing.iter().filter(|(one, _)| one.number > last) {
        let line = serde_json::json!({
            "number": checkpoint.number,
            "at": checkpoint.at.0,
            "previous": checkpoint.previous,
            "root": checkpoint.root,
            "heads": checkpoint.heads,
            "key_id": checkpoint.key_id,
            "signature": BASE64_URL_SAFE_NO_PAD.encode(signature),
        });
        file.write_all(format!("{line}\n").as_bytes())?;
    }
    file.sync_all()?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
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
