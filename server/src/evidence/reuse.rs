//! Photos that were seen before, perhaps compressed again, cropped, brightened or turned (B28).
//!
//! All hashes are kept in memory, 80 bytes for each photo, and every question looks at all of them:
//! that takes milliseconds for a million and misses nothing, on either database. What other nodes have
//! added since is read before each question.

use std::sync::{Arc, Mutex, PoisonError};

use sync_core::photo::ContentHash;

use super::copies::{Looked, list_looked};
use crate::{
    app::App,
    error::ApiError,
    imaging::{Looks, VARIANTS},
};

/// So many bits of 64 may differ in photos of one scene.
pub const NEAR: u32 = 5;
/// Rows read at a time.
const STEP: i64 = 20_000;
/// Likenesses of one photo that are told.
const MOST: usize = 20;

/// The hashes of all photos.
#[derive(Default)]
pub struct ReuseIndex {
    // Held while it is searched, too: a search takes milliseconds.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The last place in the order of looking that was read.
    last: i64,
    /// Apart from the names, because a search reads all of them.
    hashes: Vec<[u64; VARIANTS]>,
    names: Vec<ContentHash>,
}

impl Known {
    fn add(&mut self, sha256: ContentHash, hashes: [u64; VARIANTS]) {
        self.names.push(sha256);
        self.hashes.push(hashes);
    }
}

impl ReuseIndex {
    /// Adds a photo.
    pub fn add(&self, sha256: ContentHash, hashes: [u64; VARIANTS]) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).add(sha256, hashes);
    }

    /// The photos that look like this one, nearest first, with the number of bits that differ.
    #[must_use]
    pub fn find(&self, looks: &Looks) -> Vec<(ContentHash, u32)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let near = known.hashes.iter().zip(&known.names).filter_map(|(hashes, sha256)| {
            if !may_be_near(looks, hashes) {
                return None;
            }
            let distance = distance(looks, hashes);
            (distance <= NEAR).then_some((*sha256, distance))
        });
        let mut near: Vec<_> = near.collect();
        near.sort_by_key(|(_, distance)| *distance);
        near.truncate(MOST);
        near
    }

    fn last(&self) -> i64 {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    fn extend(&self, rows: Vec<Looked>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            // Two questions at a time may have read the same rows.
            if row.seq > known.last {
                known.last = row.seq;
                if let Some(hashes) = row.hashes {
                    known.add(row.sha256, hashes);
                }
            }
        }
    }
}

/// Whether [`distance`] may be at most [`NEAR`]: 5 bits lie in at most 5 of 8 bytes, so two that are
/// near agree in at least 3 of them. Of others one in a hundred agrees in 2, and only for those are bits
/// counted: on a processor that must run everywhere that takes five times as long.
fn may_be_near(looks: &Looks, hashes: &[u64; VARIANTS]) -> bool {
    let [whole, crops @ ..] = &looks.hashes;
    let [other, ..] = hashes;
    // Without a branch, so that several are compared at a time.
    let mut all = 0;
    for theirs in hashes {
        all |= agree_in_two_bytes(whole ^ theirs);
        for mine in &looks.turned {
            all |= agree_in_two_bytes(mine ^ theirs);
        }
    }
    crops.iter().fold(all, |all, mine| all | agree_in_two_bytes(mine ^ other)) != 0
}

/// Not 0 if a difference has at least two bytes of zeros; with one it may be so, too.
fn agree_in_two_bytes(difference: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The highest bit of every byte that is zero, and perhaps of a one above it.
    let zeros = difference.wrapping_sub(ONES) & !difference & (ONES << 7);
    zeros & zeros.wrapping_sub(1)
}

/// The fewest bits in which the whole of one, as it is or turned, differs from the whole or a crop of
/// the other; or the whole of the other from a crop of the one.
fn distance(looks: &Looks, hashes: &[u64; VARIANTS]) -> u32 {
    let [whole, crops @ ..] = &looks.hashes;
    let [other, ..] = hashes;
    let mut least = u32::MAX;
    for mine in std::iter::once(whole).chain(&looks.turned) {
        for theirs in hashes {
            least = least.min((mine ^ theirs).count_ones());
        }
    }
    crops.iter().fold(least, |least, mine| least.min((mine ^ other).count_ones()))
}

/// The photos that look like this one, with what every node has stored so far.
///
/// # Errors
/// Database faults.
pub async fn find(app: &App, looks: &Looks) -> Result<Vec<(ContentHash, u32)>, ApiError> {
    loop {
        let after = app.reuse.last();
        let rows = app.db.read(move |conn| list_looked(conn, after, STEP)).await?;
        if rows.is_empty() {
            break;
        }
        app.reuse.extend(rows);
    }
    let (index, looks): (Arc<ReuseIndex>, Looks) = (app.reuse.clone(), looks.clone());
    tokio::task::spawn_blocking(move || index.find(&looks)).await.map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What the first look passes over differs in more than [`NEAR`] bits.
        #[test]
        fn nothing_near_is_passed_over(bits in prop::collection::vec(0..64_u32, 0..=5)) {
            let difference = bits.iter().fold(0_u64, |all, bit| all | 1 << bit);
            prop_assert!(agree_in_two_bytes(difference) != 0, "{difference:x}");
        }
    }

    #[test]
    fn the_first_look_passes_over_most_others() {
        for (difference, agrees) in [
            (0x0102_0304_0506_0708, false),
            (0x0002_0304_0506_0708, false),
            (0x0002_0300_0506_0708, true),
            (0xffff_ffff_ffff_ffff, false),
            (0x8080_8080_8080_8080, false),
            (0, true),
        ] {
            assert_eq!(agree_in_two_bytes(difference) != 0, agrees, "{difference:x}");
        }
    }
}
