//! Between the wire's shapes and those of the shared core. The two serialise alike, which the tests
//! hold them to; they are apart because the contract knows no library.

use api_spec::{
    draft::{
        DraftCandidate, DraftConflict, DraftHeld, DraftLock, DraftPull, DraftValue, DraftWant,
        FieldWrite, SyncDraftRequest, SyncDraftResponse,
    },
    problem::FieldError,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use sync_core::{
    conflict::{Candidate, Conflict, ConflictKind},
    difference::FieldDifference,
    ids::CaseId,
    limits,
    model::{
        ActorId, ChangeHash,
        schema::{Concern, Scalar},
    },
    protocol::{Blob, Held, Lock, Pull, SyncReply, SyncRequest, Want},
};

use super::{refuse, rules};
use crate::{body::CommandKey, error::ApiError, wire::Fields};

/// Most heads that a device may name.
const MOST_HEADS: usize = 256;

/// A request from the wire.
///
/// # Errors
/// Refused fields; `too_large` for more changes or bytes than a push may hold.
pub(super) fn request(request: SyncDraftRequest) -> Result<SyncRequest, ApiError> {
    must_fit(&request.changes)?;
    let mut fields = Fields::default();
    let actor = fields.keep(actor("actor", &request.actor));
    let heads = fields.keep(heads(&request.heads));
    let changes: Option<Vec<Blob>> =
        request.changes.iter().enumerate().map(|(n, text)| fields.keep(blob(n, text))).collect();
    let (Some(actor), Some(heads), Some(changes)) = (actor, heads, changes) else {
        return Err(fields.refused());
    };
    let want = match request.want {
        DraftWant::Changes => Want::Changes,
        DraftWant::Snapshot => Want::Snapshot,
    };
    let (epoch, cursor) = (request.epoch, request.cursor);
    Ok(SyncRequest { epoch, actor, cursor, heads, changes, want })
}

/// What makes two pushes the same: their name and what they say, in whatever form and inside whatever
/// request they came.
pub(super) fn key(
    case_id: CaseId,
    push_id: String,
    request: &SyncDraftRequest,
) -> Result<CommandKey, ApiError> {
    let said = serde_json::to_vec(request).map_err(ApiError::internal)?;
    let hash = Sha256::new().chain_update(case_id.to_string()).chain_update(said).finalize();
    Ok(CommandKey { key: push_id, request_sha256: hash.into() })
}

/// An actor id from the wire.
///
/// # Errors
/// A refused field.
pub(super) fn actor(field: &str, text: &str) -> Result<ActorId, FieldError> {
    rules::parse_actor(text).ok_or_else(|| {
        FieldError::new(field, "wrong_form", "an actor id of 32 lower-case hexadecimal digits")
    })
}

/// Changes from the wire.
///
/// # Errors
/// Refused fields; `too_large`.
pub(super) fn changes(texts: &[String]) -> Result<Vec<Vec<u8>>, ApiError> {
    must_fit(texts)?;
    let mut fields = Fields::default();
    let blobs: Option<Vec<Vec<u8>>> =
        texts.iter().enumerate().map(|(n, text)| fields.keep(blob(n, text)).map(|b| b.0)).collect();
    blobs.ok_or_else(|| fields.refused())
}

/// Before decoding, so the padding of each change is counted as well; the gate counts exactly.
fn must_fit(texts: &[String]) -> Result<(), ApiError> {
    let most = (limits::PUSH_BYTES / 3 + texts.len()) * 4;
    let encoded: usize = texts.iter().map(String::len).sum();
    if texts.len() > limits::PUSH_CHANGES || encoded > most {
        return Err(refuse::problem(&sync_core::protocol::SyncRefusal::TooLarge));
    }
    Ok(())
}

/// A field that changed.
pub(super) fn write(difference: FieldDifference) -> FieldWrite {
    FieldWrite {
        path: difference.path.to_string(),
        before: value(difference.before),
        after: value(difference.after),
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn heads(texts: &[String]) -> Result<Vec<ChangeHash>, FieldError> {
    if texts.len() > MOST_HEADS {
        return Err(FieldError::new("heads", "too_many", format!("at most {MOST_HEADS}")));
    }
    let hash = |(n, text): (usize, &String)| {
        text.parse().map_err(|_| {
            let field = format!("heads[{n}]");
            FieldError::new(field, "wrong_form", "a change hash of 64 hexadecimal digits")
        })
    };
    texts.iter().enumerate().map(hash).collect()
}

fn blob(n: usize, text: &str) -> Result<Blob, FieldError> {
    BASE64_STANDARD.decode(text).map(Blob).map_err(|_| {
        FieldError::new(format!("changes[{n}]"), "wrong_form", "base64, standard alphabet, padded")
    })
}

pub(super) fn reply(reply: SyncReply) -> SyncDraftResponse {
    SyncDraftResponse {
        epoch: reply.epoch,
        actor: reply.actor.to_hex_string(),
        accepted: reply.accepted,
        last_seq: reply.last_seq,
        cursor: reply.cursor,
        heads: reply.heads.iter().map(ToString::to_string).collect(),
        pull: match reply.pull {
            Pull::Changes { changes, more } => DraftPull::Changes {
                changes: changes.iter().map(|blob| BASE64_STANDARD.encode(&blob.0)).collect(),
                more,
            },
            Pull::Snapshot(blob) => DraftPull::Snapshot(BASE64_STANDARD.encode(blob.0)),
        },
        lock: lock(reply.lock),
        conflicts: reply.conflicts.into_iter().map(conflict).collect(),
        held: reply.held.into_iter().map(held).collect(),
        late: reply.late,
        server_time: reply.server_time.0,
    }
}

pub(super) fn lock(lock: Lock) -> DraftLock {
    match lock {
        Lock::Open => DraftLock::Open,
        Lock::Approved => DraftLock::Approved,
        Lock::Closed => DraftLock::Closed,
    }
}

fn held(held: Held) -> DraftHeld {
    DraftHeld { change: held.change.map(|hash| hash.to_string()), rule: held.rule, path: held.path }
}

fn conflict(conflict: Conflict) -> DraftConflict {
    DraftConflict {
        path: conflict.path.to_string(),
        concern: concern(conflict.concern).to_owned(),
        kind: kind(conflict.kind).to_owned(),
        candidates: conflict.candidates.into_iter().map(candidate).collect(),
    }
}

fn candidate(candidate: Candidate) -> DraftCandidate {
    DraftCandidate {
        path: candidate.path.to_string(),
        value: value(candidate.value),
        op: candidate.op,
        change: candidate.change.to_string(),
        actor: candidate.actor.to_hex_string(),
    }
}

pub(super) fn concern(concern: Concern) -> &'static str {
    match concern {
        Concern::Plain => "plain",
        Concern::Money => "money",
        Concern::Liability => "liability",
        Concern::Identity => "identity",
    }
}

pub(super) fn kind(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::Values => "values",
        ConflictKind::RemovedMeanwhile => "removed_meanwhile",
    }
}

pub(super) fn value(value: Scalar) -> DraftValue {
    match value {
        Scalar::Null => DraftValue::Null,
        Scalar::Bool(yes) => DraftValue::Bool(yes),
        Scalar::Int(n) => DraftValue::Int(n),
        Scalar::Str(text) => DraftValue::Str(text),
    }
}

pub(super) fn scalar(value: DraftValue) -> Scalar {
    match value {
        DraftValue::Null => Scalar::Null,
        DraftValue::Bool(yes) => Scalar::Bool(yes),
        DraftValue::Int(n) => Scalar::Int(n),
        DraftValue::Str(text) => Scalar::from(text),
    }
}

#[cfg(test)]
mod tests;
