//! The cursor protocol of one draft: one request pushes what the device has and pulls what it lacks.
//!
//! The server keeps no state about devices except the last sequence number of each actor it issued,
//! and the device none about the server except a cursor into the case's log. So any request may be
//! lost, doubled or sent again: what is already known is skipped by hash.

mod session;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    conflict::Conflict,
    ids::{CaseId, VersionId},
    model::{ActorId, ChangeHash},
    time::Instant,
};

pub use session::{Effect, Fresh, OpenFault, Session};

/// Bytes that travel as a base64 string (standard alphabet, padded).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// What a device asks to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// The changes after the cursor.
    #[default]
    Changes,
    /// The whole draft.
    Snapshot,
}

/// Device to server: my changes, and where I stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The draft's epoch, counted up when a case gets a new draft document.
    pub epoch: u32,
    /// The actor that the server issued to this device for this case.
    pub actor: ActorId,
    /// The last log number that the device has seen; 0 for none.
    pub cursor: u64,
    /// The device's heads, these changes included.
    pub heads: Vec<ChangeHash>,
    /// The device's next changes in order of their sequence numbers; may be empty.
    #[serde(default)]
    pub changes: Vec<Blob>,
    /// What to send back.
    #[serde(default)]
    pub want: Want,
}

/// Server to device: what was taken, and what you lack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReply {
    /// The draft's epoch.
    pub epoch: u32,
    /// The actor that this answers.
    pub actor: ActorId,
    /// How many changes of the request were new and taken.
    pub accepted: u32,
    /// The last sequence number of this actor that the server holds; 0 for none.
    pub last_seq: u64,
    /// The log number up to which this reply brings the device.
    pub cursor: u64,
    /// The server's heads.
    pub heads: Vec<ChangeHash>,
    /// What the device lacks.
    pub pull: Pull,
    /// Whether the draft may still be written to.
    pub lock: Lock,
    /// Fields that wait for a person.
    #[serde(default)]
    pub conflicts: Vec<Conflict>,
    /// Changes of this device that wait in quarantine.
    #[serde(default)]
    pub held: Vec<Held>,
    /// How many changes of this actor wait for whoever works on the case now: the device holds them,
    /// the server holds them, and the heads above count them in.
    #[serde(default)]
    pub late: u64,
    /// The server's clock, so that the device can correct its own.
    pub server_time: Instant,
}

/// What a device's key signs for a push: the push id, the case, the actor, and the SHA-256 over the
/// changes as they are sent, one after the other. The signature is kept with the changes for good.
#[must_use]
pub fn push_text(push_id: &str, case_id: CaseId, actor: &ActorId, changes: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for change in changes {
        hash.update(change);
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("chakan-push:{push_id}:{case_id}:{}:{digest}", actor.to_hex_string())
}

/// What a device's key signs when the customer agrees on the phone without signal: the agreement's own
/// id, the case, the frozen version and the SHA-256 of its sheet, when it was signed by the phone's
/// clock, and the SHA-256 of the drawn signature.
#[must_use]
pub fn agreement_text(
    id: Uuid,
    case_id: CaseId,
    version_id: VersionId,
    sheet_sha256: &str,
    signed_at: Instant,
    drawing_sha256: &str,
) -> String {
    let at = signed_at.0;
    format!("chakan-agree:{id}:{case_id}:{version_id}:{sheet_sha256}:{at}:{drawing_sha256}")
}

/// What a device lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// Changes after the cursor that are not this actor's, in log order.
    Changes {
        /// The changes.
        changes: Vec<Blob>,
        /// Whether more follow after the new cursor.
        more: bool,
    },
    /// The whole draft, for a new device or one that is far behind.
    Snapshot(Blob),
}

/// Whether a draft may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// Everybody may write within their role.
    Open,
    /// A version is approved; later writes enter the draft and open a review, the version stays.
    Approved,
    /// The case is over.
    Closed,
}

/// A change that waits in quarantine. It holds every later change of its actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The change, if it could be read that far.
    pub change: Option<ChangeHash>,
    /// The rule that it broke.
    pub rule: String,
    /// The place in the draft, if one is to blame.
    pub path: Option<String>,
}

/// Why the server took nothing of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum SyncRefusal {
    /// 409: the actor's sequence number is taken by another change.
    ActorReused,
    /// 409: changes before these are missing.
    SeqGap {
        /// The sequence number that is expected next.
        expected_seq: u64,
    },
    /// 409: the changes build on some that the server does not hold.
    UnknownDeps,
    /// 410: the case has a new draft document.
    EpochOver,
    /// 413: a limit is exceeded.
    TooLarge,
    /// 422: a change was refused and put into quarantine.
    Quarantined(Held),
    /// 423: the draft is locked for this role.
    Locked,
}

#[cfg(test)]
mod tests;
