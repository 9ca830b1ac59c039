//! The chain of custody of a case's evidence: every act is an entry that holds the hash of the one
//! before it, so that nothing can be changed, removed or put between later without being seen (B24).
//!
//! The newest entry of a case is signed as its *head*. From time to time the heads of all cases that
//! have changed are gathered in a *checkpoint*: the root of a hash tree (RFC 6962) over them, signed,
//! and chained to the checkpoint before. Everything here can be verified with the public keys alone.

mod chain;
mod tree;

pub use chain::{Covered, Fault, Log, Reason, verify};
pub use tree::{Step, leaf, proof, root};

use sha2::{Digest, Sha256};

use crate::{
    ids::{CaseId, DeviceId},
    photo::ContentHash,
    time::Instant,
    wire_name::wire_names,
};

wire_names! {
    /// What was done with evidence.
    pub enum Act {
        /// The phone announced a photo that it had taken: its facts, before any byte.
        Captured = "captured",
        /// The bytes are stored and match what was announced.
        Received = "received",
        /// A smaller copy was made.
        Derived = "derived",
        /// The bytes could not be made into a smaller copy.
        Unreadable = "unreadable",
        /// Somebody looked at a photo.
        Viewed = "viewed",
        /// A copy was made for somebody outside.
        Shared = "shared",
        /// Everything of the case was handed out as a bundle.
        Exported = "exported",
        /// Evidence may not be deleted until further notice.
        Held = "held",
        /// The hold was lifted.
        Released = "released",
        /// The bytes were deleted after their time.
        Expired = "expired",
        /// The stored bytes were found to be damaged or gone.
        Damaged = "damaged",
        /// Damaged or lost bytes were put right.
        Repaired = "repaired",
        /// Somebody asked for another photo.
        Requested = "requested",
        /// What the customer agreed to was sealed.
        AgreementSealed = "agreement_sealed",
    }
}

/// The hash before the first entry and before the first checkpoint.
pub const NOTHING_BEFORE: ContentHash = ContentHash([0; 32]);

/// One entry of a case's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The case.
    pub case_id: CaseId,
    /// Position in the case's log, from 1 without gaps.
    pub seq: u64,
    /// Hash of the entry before.
    pub previous: ContentHash,
    /// What was done: the name of an [`Act`], perhaps one that this release does not know.
    pub act: String,
    /// A person's id, `customer` or `system`.
    pub actor: String,
    /// The device that it was done with.
    pub device: Option<DeviceId>,
    /// When, by the server's clock.
    pub at: Instant,
    /// A photo's id, a content's hash, or `-`.
    pub subject: String,
    /// Facts of the act as JSON on one line, to the byte as it was hashed.
    pub data: String,
}

impl Entry {
    /// The text that is hashed. Every line ends with a line feed:
    ///
    /// ```text
    /// chakan custody entry 1
    /// case <id>
    /// seq <position>
    /// previous <hash>
    /// act <name>
    /// actor <who>
    /// device <id, or ->
    /// at <milliseconds since 1970-01-01T00:00:00Z>
    /// subject <photo id, hash, or ->
    /// data <JSON>
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        let device = self.device.map_or_else(|| "-".to_owned(), |id| id.to_string());
        format!(
            "chakan custody entry 1\ncase {}\nseq {}\nprevious {}\nact {}\nactor {}\ndevice {device}\n\
             at {}\nsubject {}\ndata {}\n",
            self.case_id,
            self.seq,
            self.previous,
            self.act,
            self.actor,
            self.at.0,
            self.subject,
            self.data,
        )
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn sha256(&self) -> ContentHash {
        hash(self.text().as_bytes())
    }

    /// Whether no value could pass for another line of the text.
    #[must_use]
    pub fn is_one_reading(&self) -> bool {
        [&self.act, &self.actor, &self.subject, &self.data]
            .iter()
            .all(|text| !text.is_empty() && !text.chars().any(char::is_control))
    }
}

/// The newest entry of a case, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The case.
    pub case_id: CaseId,
    /// Position of the newest entry.
    pub seq: u64,
    /// Its hash.
    pub sha256: ContentHash,
    /// When it was written, by the server's clock.
    pub at: Instant,
    /// The seal key that signs.
    pub key_id: String,
}

impl Head {
    /// The text that is signed with Ed25519. Every line ends with a line feed:
    ///
    /// ```text
    /// chakan custody head 1
    /// case <id>
    /// seq <position>
    /// sha256 <hash>
    /// at <milliseconds since 1970-01-01T00:00:00Z>
    /// key <key id>
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "chakan custody head 1\ncase {}\nseq {}\nsha256 {}\nat {}\nkey {}\n",
            self.case_id, self.seq, self.sha256, self.at.0, self.key_id
        )
    }
}

/// The heads of all cases that had changed since the checkpoint before, under one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// From 1 without gaps.
    pub number: u64,
    /// When it was made, by the server's clock.
    pub at: Instant,
    /// Hash of the text of the checkpoint before.
    pub previous: ContentHash,
    /// Root of the tree over the heads, in ascending order of the case.
    pub root: ContentHash,
    /// How many heads.
    pub heads: u64,
    /// The seal key that signs.
    pub key_id: String,
}

impl Checkpoint {
    /// The text that is signed with Ed25519. Every line ends with a line feed:
    ///
    /// ```text
    /// chakan custody checkpoint 1
    /// number <number>
    /// at <milliseconds since 1970-01-01T00:00:00Z>
    /// previous <hash>
    /// root <hash>
    /// heads <count>
    /// key <key id>
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "chakan custody checkpoint 1\nnumber {}\nat {}\nprevious {}\nroot {}\nheads {}\nkey {}\n",
            self.number, self.at.0, self.previous, self.root, self.heads, self.key_id
        )
    }

    /// SHA-256 of the text, which the next checkpoint names.
    #[must_use]
    pub fn sha256(&self) -> ContentHash {
        hash(self.text().as_bytes())
    }
}

fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests;
