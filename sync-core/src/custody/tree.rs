//! The hash tree of RFC 6962 over the heads of a checkpoint, so that one case can be shown to be in
//! it without telling of the others.

use sha2::{Digest, Sha256};

use crate::{ids::CaseId, photo::ContentHash};

/// One step from a leaf to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The neighbour stands to the left.
    Left(ContentHash),
    /// The neighbour stands to the right.
    Right(ContentHash),
}

/// The leaf of one case: SHA-256 over a zero byte and `case <id> seq <position> sha256 <hash>`.
#[must_use]
pub fn leaf(case_id: CaseId, seq: u64, sha256: ContentHash) -> ContentHash {
    let text = format!("case {case_id} seq {seq} sha256 {sha256}");
    ContentHash(Sha256::new().chain_update([0]).chain_update(text).finalize().into())
}

fn node(left: ContentHash, right: ContentHash) -> ContentHash {
    let hash = Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0);
    ContentHash(hash.finalize().into())
}

/// The root over leaves; of no leaves, the hash of nothing.
#[must_use]
pub fn root(leaves: &[ContentHash]) -> ContentHash {
    match leaves {
        [] => ContentHash(Sha256::digest([]).into()),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(half(many.len()));
            node(root(left), root(right))
        }
    }
}

/// The way from the leaf at `index` to the root; nothing when there is no such leaf.
#[must_use]
pub fn proof(leaves: &[ContentHash], index: usize) -> Option<Vec<Step>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut steps, last) = if index < left.len() {
        (proof(left, index)?, Step::Right(root(right)))
    } else {
        (proof(right, index - left.len())?, Step::Left(root(left)))
    };
    steps.push(last);
    Some(steps)
}

/// Where the steps lead from a leaf.
pub(super) fn climb(leaf: ContentHash, steps: &[Step]) -> ContentHash {
    steps.iter().fold(leaf, |below, step| match step {
        Step::Left(left) => node(*left, below),
        Step::Right(right) => node(below, *right),
    })
}

/// The largest power of two below `count`, which is at least 2.
fn half(count: usize) -> usize {
    let mut half = 1;
    while half * 2 < count {
        half *= 2;
    }
    half
}
