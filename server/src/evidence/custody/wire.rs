//! A case's log as a JSON document, and back again for the offline verifier.

use api_spec::evidence::{
    CustodyCheckpoint, CustodyEntry, CustodyHead, CustodyLogResponse, CustodyStep,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sync_core::{
    custody::{Checkpoint, Covered, Entry, Head, Log, Step},
    ids::{CaseId, DeviceId},
    photo::ContentHash,
    time::Instant,
};

/// The name of the document's shape.
const FORMAT: &str = "chakan custody log 1";

/// A log as it is handed out.
#[must_use]
pub fn response(log: &Log) -> CustodyLogResponse {
    CustodyLogResponse {
        format: FORMAT.into(),
        case_id: log.case_id.into(),
        entries: log.entries.iter().map(entry).collect(),
        head: log.head.as_ref().map(|(head, signature)| CustodyHead {
            seq: wide(head.seq),
            sha256: head.sha256.to_string(),
            at: head.at.0,
            key_id: head.key_id.clone(),
            signature: BASE64_URL_SAFE_NO_PAD.encode(signature),
        }),
        checkpoints: log.checkpoints.iter().map(checkpoint).collect(),
    }
}

fn entry((entry, sha256): &(Entry, ContentHash)) -> CustodyEntry {
    CustodyEntry {
        seq: wide(entry.seq),
        previous: entry.previous.to_string(),
        act: entry.act.clone(),
        actor: entry.actor.clone(),
        device_id: entry.device.map(Into::into),
        at: entry.at.0,
        subject: entry.subject.clone(),
        data: entry.data.clone(),
        sha256: sha256.to_string(),
    }
}

fn checkpoint(covered: &Covered) -> CustodyCheckpoint {
    let checkpoint = &covered.checkpoint;
    CustodyCheckpoint {
        number: wide(checkpoint.number),
        at: checkpoint.at.0,
        previous: checkpoint.previous.to_string(),
        root: checkpoint.root.to_string(),
        heads: wide(checkpoint.heads),
        key_id: checkpoint.key_id.clone(),
        signature: BASE64_URL_SAFE_NO_PAD.encode(&covered.signature),
        seq: wide(covered.seq),
        sha256: covered.sha256.to_string(),
        proof: covered.proof.iter().map(step).collect(),
    }
}

fn step(step: &Step) -> CustodyStep {
    let (side, sha256) = match step {
        Step::Left(hash) => ("left", hash),
        Step::Right(hash) => ("right", hash),
    };
    CustodyStep { side: side.into(), sha256: sha256.to_string() }
}

fn wide(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A log as it was handed out, to be verified; what cannot be read is named.
///
/// # Errors
/// One line that names the place.
pub fn log_of(document: &CustodyLogResponse) -> Result<Log, String> {
    if document.format != FORMAT {
        return Err(format!("format: {:?} is not {FORMAT:?}", document.format));
    }
    let case_id = CaseId(document.case_id);
    let entries = document.entries.iter().enumerate().map(|(n, wire)| {
        read_entry(case_id, wire).ok_or_else(|| format!("entry {}: cannot be read", n + 1))
    });
    let entries = entries.collect::<Result<_, _>>()?;
    let head = match &document.head {
        None => None,
        Some(wire) => Some(read_head(case_id, wire).ok_or("head: cannot be read")?),
    };
    let checkpoints = document.checkpoints.iter().map(|wire| {
        read_checkpoint(wire).ok_or_else(|| format!("checkpoint {}: cannot be read", wire.number))
    });
    Ok(Log { case_id, entries, head, checkpoints: checkpoints.collect::<Result<_, _>>()? })
}

fn read_entry(case_id: CaseId, wire: &CustodyEntry) -> Option<(Entry, ContentHash)> {
    let entry = Entry {
        case_id,
        seq: u64::try_from(wire.seq).ok()?,
        previous: wire.previous.parse().ok()?,
        act: wire.act.clone(),
        actor: wire.actor.clone(),
        device: wire.device_id.map(DeviceId),
        at: Instant(wire.at),
        subject: wire.subject.clone(),
        data: wire.data.clone(),
    };
    Some((entry, wire.sha256.parse().ok()?))
}

fn read_head(case_id: CaseId, wire: &CustodyHead) -> Option<(Head, Vec<u8>)> {
    let head = Head {
        case_id,
        seq: u64::try_from(wire.seq).ok()?,
        sha256: wire.sha256.parse().ok()?,
        at: Instant(wire.at),
        key_id: wire.key_id.clone(),
    };
    Some((head, BASE64_URL_SAFE_NO_PAD.decode(&wire.signature).ok()?))
}

fn read_checkpoint(wire: &CustodyCheckpoint) -> Option<Covered> {
    let checkpoint = Checkpoint {
        number: u64::try_from(wire.number).ok()?,
        at: Instant(wire.at),
        previous: wire.previous.parse().ok()?,
        root: wire.root.parse().ok()?,
        heads: u64::try_from(wire.heads).ok()?,
        key_id: wire.key_id.clone(),
    };
    let steps = wire.proof.iter().map(|step| {
        let sha256 = step.sha256.parse().ok()?;
        match step.side.as_str() {
            "left" => Some(Step::Left(sha256)),
            "right" => Some(Step::Right(sha256)),
            _ => None,
        }
    });
    Some(Covered {
        checkpoint,
        signature: BASE64_URL_SAFE_NO_PAD.decode(&wire.signature).ok()?,
        seq: u64::try_from(wire.seq).ok()?,
        sha256: wire.sha256.parse().ok()?,
        proof: steps.collect::<Option<_>>()?,
    })
}
