//! Whether a case's log is what was written: the first entry that is not is named.

use std::fmt;

use super::{Checkpoint, Entry, Head, NOTHING_BEFORE, tree};
use crate::{ids::CaseId, photo::ContentHash};

/// What is known of one case's log, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The case.
    pub case_id: CaseId,
    /// Entries in the order of their positions, each with the hash that stands beside it.
    pub entries: Vec<(Entry, ContentHash)>,
    /// The signed head with its signature; nothing for a case without entries.
    pub head: Option<(Head, Vec<u8>)>,
    /// Every checkpoint that names the case, oldest first.
    pub checkpoints: Vec<Covered>,
}

/// One checkpoint that names the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Its signature.
    pub signature: Vec<u8>,
    /// The case's newest entry at that time.
    pub seq: u64,
    /// Its hash.
    pub sha256: ContentHash,
    /// The way from the case's leaf to the checkpoint's root.
    pub proof: Vec<tree::Step>,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The entry's position; nothing when the fault lies outside the entries.
    pub seq: Option<u64>,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The entry belongs to another case.
    OtherCase,
    /// An entry is not there.
    Missing,
    /// The entry is not what was hashed.
    Altered,
    /// The entry does not follow the one before it.
    BrokenChain,
    /// A value holds something that could pass for another value.
    TwoReadings,
    /// The entry stands behind the signed head.
    BeyondHead,
    /// The signed head is missing, or is not what was signed.
    Head,
    /// The signed head names another hash than the entry has.
    HeadDiffers,
    /// This checkpoint is not what was signed.
    Checkpoint(u64),
    /// The entry is not the one that this checkpoint names; it was written anew after the one before.
    Rewritten(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "entry {seq}: {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherCase => f.write_str("belongs to another case"),
            Self::Missing => f.write_str("is missing"),
            Self::Altered => f.write_str("is not what was hashed"),
            Self::BrokenChain => f.write_str("does not follow the entry before"),
            Self::TwoReadings => f.write_str("holds a value that can be read in two ways"),
            Self::BeyondHead => f.write_str("stands behind the signed head"),
            Self::Head => f.write_str("the signed head is missing or not what was signed"),
            Self::HeadDiffers => f.write_str("is not the one that the signed head names"),
            Self::Checkpoint(n) => write!(f, "checkpoint {n} is not what was signed"),
            Self::Rewritten(n) => write!(f, "is not the one that checkpoint {n} names"),
        }
    }
}

/// Verifies a case's log. `is_signed(key id, text, signature)` says whether that key has signed.
///
/// # Errors
/// The first fault: of the entries in their order, then of the head, then of the checkpoints.
pub fn verify(log: &Log, is_signed: impl Fn(&str, &[u8], &[u8]) -> bool) -> Result<(), Fault> {
    let last = chain(log)?;
    head(log, last, &is_signed)?;
    log.checkpoints.iter().try_for_each(|covered| checkpoint(log, covered, &is_signed))
}

/// The chain by itself; answers the position and hash of its end.
fn chain(log: &Log) -> Result<(u64, ContentHash), Fault> {
    let mut end = (0, NOTHING_BEFORE);
    for (entry, sha256) in &log.entries {
        let expected = end.0 + 1;
        let fault = |seq, reason| Err(Fault { seq: Some(seq), reason });
        if entry.case_id != log.case_id {
            return fault(expected, Reason::OtherCase);
        } else if entry.seq != expected {
            return fault(expected, Reason::Missing);
        } else if !entry.is_one_reading() {
            return fault(expected, Reason::TwoReadings);
        } else if entry.sha256() != *sha256 {
            return fault(expected, Reason::Altered);
        } else if entry.previous != end.1 {
            return fault(expected, Reason::BrokenChain);
        }
        end = (expected, *sha256);
    }
    Ok(end)
}

fn head(
    log: &Log,
    (seq, sha256): (u64, ContentHash),
    is_signed: &impl Fn(&str, &[u8], &[u8]) -> bool,
) -> Result<(), Fault> {
    let Some((head, signature)) = &log.head else {
        let fault = Fault { seq: None, reason: Reason::Head };
        return if seq == 0 { Ok(()) } else { Err(fault) };
    };
    let signed = is_signed(&head.key_id, head.text().as_bytes(), signature);
    if !signed || head.case_id != log.case_id {
        Err(Fault { seq: None, reason: Reason::Head })
    } else if head.seq > seq {
        Err(Fault { seq: Some(seq + 1), reason: Reason::Missing })
    } else if head.seq < seq {
        Err(Fault { seq: Some(head.seq + 1), reason: Reason::BeyondHead })
    } else if head.sha256 != sha256 {
        Err(Fault { seq: Some(seq), reason: Reason::HeadDiffers })
    } else {
        Ok(())
    }
}

fn checkpoint(
    log: &Log,
    covered: &Covered,
    is_signed: &impl Fn(&str, &[u8], &[u8]) -> bool,
) -> Result<(), Fault> {
    let checkpoint = &covered.checkpoint;
    let number = checkpoint.number;
    let leaf = tree::leaf(log.case_id, covered.seq, covered.sha256);
    let signed = is_signed(&checkpoint.key_id, checkpoint.text().as_bytes(), &covered.signature);
    if !signed || tree::climb(leaf, &covered.proof) != checkpoint.root {
        return Err(Fault { seq: None, reason: Reason::Checkpoint(number) });
    }
    match log.entries.iter().find(|(entry, _)| entry.seq == covered.seq) {
        Some((_, sha256)) if *sha256 == covered.sha256 => Ok(()),
        Some(_) => Err(Fault { seq: Some(covered.seq), reason: Reason::Rewritten(number) }),
        None => Err(Fault { seq: Some(covered.seq), reason: Reason::Missing }),
    }
}
