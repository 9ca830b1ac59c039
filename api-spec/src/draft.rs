//! The shared draft of a case: actors, the sync exchange, typed reads, conflicts.
//!
//! The sync exchange has the shapes of the phone's library, field by field. Actor ids are 32 and
//! change hashes 64 lower-case hexadecimal digits; bytes travel as base64 (standard alphabet, padded).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Get an actor id to write under, and the draft to start from.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueDraftActorRequest {
    /// The installation of the app, made at its first start.
    pub install_id: Uuid,
    /// The actor that can append no more; it is revoked and a new one issued. Without it, an
    /// installation that asks again gets the actor it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 32, max_length = 32)]
    pub replaces: Option<String>,
}

/// An actor id, and the draft as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssueDraftActorResponse {
    /// The actor id: this person, this installation, this case, and nobody else.
    pub actor: String,
    /// The person it writes for.
    pub person_id: Uuid,
    /// Under which roles it writes: `surveyor`, `verifier`, `office`, `shop`.
    pub roles: Vec<String>,
    /// The draft's epoch.
    pub epoch: u32,
    /// The log number of the snapshot.
    pub cursor: u64,
    /// The actor's last sequence number in the draft; 0 for none.
    pub last_seq: u64,
    /// The draft.
    pub snapshot: String,
    /// Whether the draft may be written to.
    pub lock: DraftLock,
}

/// What a device asks to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DraftWant {
    /// The changes after the cursor.
    #[default]
    Changes,
    /// The whole draft.
    Snapshot,
}

/// Device to server: my changes, and where I stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncDraftRequest {
    /// The draft's epoch.
    pub epoch: u32,
    /// The actor that was issued to this installation for this case.
    #[schema(min_length = 32, max_length = 32)]
    pub actor: String,
    /// The last log number that the device has seen; 0 for none.
    pub cursor: u64,
    /// The device's heads, these changes included.
    #[schema(max_items = 256)]
    pub heads: Vec<String>,
    /// The device's next changes in order of their sequence numbers; may be empty. At most 1,000
    /// changes and 1 MiB.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub changes: Vec<String>,
    /// What to send back.
    #[serde(default)]
    pub want: DraftWant,
}

/// Server to device: what was taken, and what you lack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncDraftResponse {
    /// The draft's epoch.
    pub epoch: u32,
    /// The actor that this answers.
    pub actor: String,
    /// How many changes of the request were new and taken.
    pub accepted: u32,
    /// The actor's last sequence number in the draft; 0 for none.
    pub last_seq: u64,
    /// The log number up to which this reply brings the device.
    pub cursor: u64,
    /// The server's heads.
    pub heads: Vec<String>,
    /// What the device lacks.
    pub pull: DraftPull,
    /// Whether the draft may be written to.
    pub lock: DraftLock,
    /// Fields that wait for a person.
    pub conflicts: Vec<DraftConflict>,
    /// Changes of this actor that were put aside.
    pub held: Vec<DraftHeld>,
    /// The server's clock in milliseconds since 1970.
    pub server_time: i64,
}

/// What a device lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DraftPull {
    /// Changes after the cursor that are not this actor's, in log order.
    Changes {
        /// The changes.
        changes: Vec<String>,
        /// Whether more follow after the new cursor.
        more: bool,
    },
    /// The whole draft.
    Snapshot(String),
}

/// Whether a draft may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DraftLock {
    /// Everybody may write within their role.
    Open,
    /// A version is approved; later changes enter the draft and leave the version as it is.
    Approved,
    /// The case is over.
    Closed,
}

/// A change that was put aside. It holds every later change of its actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftHeld {
    /// The change, if it could be read that far.
    pub change: Option<String>,
    /// The rule that it broke.
    pub rule: String,
    /// The place in the draft, if one is to blame.
    pub path: Option<String>,
}

/// A value in the draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum DraftValue {
    /// Not known.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A string, code or id.
    Str(String),
}

/// Values that were written without knowing of each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftConflict {
    /// The field, for example `lines/<id>/unit_price_fen`.
    pub path: String,
    /// Why it matters: `plain`, `money`, `liability` or `identity`. All but the first need a person.
    pub concern: String,
    /// `values`, or `removed_meanwhile`: an item was removed while somebody else wrote to it.
    pub kind: String,
    /// The values, the one that shows now last.
    pub candidates: Vec<DraftCandidate>,
}

/// One of the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftCandidate {
    /// The field that it was written to.
    pub path: String,
    /// The value.
    pub value: DraftValue,
    /// The operation, as `counter@actor`.
    pub op: String,
    /// The change that wrote it.
    pub change: String,
    /// The actor that wrote it.
    pub actor: String,
}

/// The draft of a case as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DraftResponse {
    /// The case.
    pub case_id: Uuid,
    /// The draft's epoch.
    pub epoch: u32,
    /// The last number of the change log.
    pub lsn: u64,
    /// The heads: equal heads, equal draft.
    pub heads: Vec<String>,
    /// Whether it may be written to.
    pub lock: DraftLock,
    /// SHA-256 over the draft's canonical bytes, 64 hexadecimal digits.
    pub content_sha256: String,
    /// The draft by section: scene, rates, vehicles, lines, photos, checklist, notes. Where devices
    /// disagree it shows the value that won by itself; see `conflicts`.
    #[schema(value_type = Object)]
    pub draft: serde_json::Value,
    /// Concurrent values that nobody has settled.
    pub conflicts: Vec<OpenConflict>,
}

/// A conflict with its writers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenConflict {
    /// The field.
    pub path: String,
    /// Why it matters: `plain`, `money`, `liability` or `identity`.
    pub concern: String,
    /// Whether it blocks approval until a person has settled it.
    pub needs_person: bool,
    /// `values` or `removed_meanwhile`.
    pub kind: String,
    /// The log number under which it appeared.
    pub opened_lsn: u64,
    /// The log number under which its values changed last; send it with a settlement.
    pub changed_lsn: u64,
    /// When it appeared.
    pub opened_at: DateTime<Utc>,
    /// The values, the one that shows now last.
    pub candidates: Vec<WrittenValue>,
}

/// One of the values, with its writer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrittenValue {
    /// The field that it was written to.
    pub path: String,
    /// The value.
    pub value: DraftValue,
    /// The change that wrote it.
    pub change: String,
    /// Who wrote it; absent for what the case started with.
    pub person_id: Option<Uuid>,
    /// From which enrolled device, if from one.
    pub device_id: Option<Uuid>,
    /// From which installation, if from one.
    pub install_id: Option<Uuid>,
    /// When, by the device's clock.
    pub written_at: Option<DateTime<Utc>>,
    /// When the server got it.
    pub received_at: Option<DateTime<Utc>>,
}

/// Settle a conflict.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleConflictRequest {
    /// The field.
    #[schema(max_length = 200)]
    pub path: String,
    /// The value that is to stand: one of the candidates, or any other with a reason.
    pub value: DraftValue,
    /// Why, when the value is none of the candidates; 1 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub reason: Option<String>,
    /// `changed_lsn` of the conflict as it was looked at; refused when its values changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_lsn: Option<u64>,
}

/// A conflict was settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettleConflictResponse {
    /// The change that settled it.
    pub change: String,
    /// The last number of the change log.
    pub lsn: u64,
    /// The draft's heads.
    pub heads: Vec<String>,
    /// How many conflicts still wait for a person.
    pub waiting: u32,
}
