//! The log of all acts on the evidence of a case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Every act on the evidence of a case, verifiable with the public seal keys alone.
///
/// Each entry's `sha256` is SHA-256 over its text: the lines `chakan custody entry 1`, `case <id>`,
/// `seq <n>`, `previous <hash>`, `act <name>`, `actor <who>`, `device <id or ->`, `at <ms>`,
/// `subject <text>`, `data <JSON>`, every one ended by a line feed. `previous` is the hash of the entry
/// before, 64 zeros for the first.
///
/// The head is signed (Ed25519, base64url without padding) over `chakan custody head 1`, `case <id>`,
/// `seq <n>`, `sha256 <hash>`, `at <ms>`, `key <key id>`; a checkpoint over
/// `chakan custody checkpoint 1`, `number <n>`, `at <ms>`, `previous <hash>`, `root <hash>`,
/// `heads <n>`, `key <key id>`. A checkpoint's root is that of a hash tree as in RFC 6962 whose leaf for
/// this case is SHA-256 over a zero byte and `case <id> seq <n> sha256 <hash>`; `proof` leads from it to
/// the root, a node being SHA-256 over a one byte, left and right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyLogResponse {
    /// `chakan custody log 1`.
    pub format: String,
    /// Case.
    pub case_id: Uuid,
    /// Every entry, in the order of `seq`.
    pub entries: Vec<CustodyEntry>,
    /// The newest entry, signed; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<CustodyHead>,
    /// Every checkpoint that names the case, oldest first.
    pub checkpoints: Vec<CustodyCheckpoint>,
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyEntry {
    /// Position, from 1 without gaps.
    pub seq: i64,
    /// Hash of the entry before.
    pub previous: String,
    /// What was done: `captured`, `received`, `derived`, `unreadable`, `viewed`, `shared`, `exported`,
    /// `held`, `released`, `expired`, `damaged`, `repaired`, `requested` or `agreement_sealed`.
    pub act: String,
    /// A person's id, `customer` or `system`.
    pub actor: String,
    /// The device that it was done with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<Uuid>,
    /// When, in milliseconds since 1970-01-01T00:00:00Z by the server's clock.
    pub at: i64,
    /// A photo's id, a content's hash, or `-` for the whole case.
    pub subject: String,
    /// Facts of the act: JSON, as text, to the byte as it was hashed.
    pub data: String,
    /// Hash of this entry.
    pub sha256: String,
}

/// The newest entry, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyHead {
    /// Its position.
    pub seq: i64,
    /// Its hash.
    pub sha256: String,
    /// When it was written, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// Which seal key signed.
    pub key_id: String,
    /// Ed25519, base64url without padding.
    pub signature: String,
}

/// The heads of many cases under one signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyCheckpoint {
    /// From 1 without gaps.
    pub number: i64,
    /// When it was made, in milliseconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// Hash of the text of the checkpoint before.
    pub previous: String,
    /// Root of the tree.
    pub root: String,
    /// How many cases are in it.
    pub heads: i64,
    /// Which seal key signed.
    pub key_id: String,
    /// Ed25519, base64url without padding.
    pub signature: String,
    /// The position of this case's newest entry at that time.
    pub seq: i64,
    /// Its hash.
    pub sha256: String,
    /// The way from this case's leaf to the root.
    pub proof: Vec<CustodyStep>,
}

/// One step towards the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyStep {
    /// Where the neighbour stands: `left` or `right`.
    pub side: String,
    /// The neighbour's hash.
    pub sha256: String,
}
