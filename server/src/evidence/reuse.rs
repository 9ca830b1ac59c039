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
    photos: Vec<(ContentHash, [u64; VARIANTS])>,
}

impl ReuseIndex {
    /// Adds a photo.
    pub fn add(&self, sha256: ContentHash, hashes: [u64; VARIANTS]) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).photos.push((sha256, hashes));
    }

    /// The photos that look like this one, nearest first, with the number of bits that differ.
    #[must_use]
    pub fn find(&self, looks: &Looks) -> Vec<(ContentHash, u32)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let near = known.photos.iter().filter_map(|(sha256, hashes)| {
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
                known.photos.extend(row.hashes.map(|hashes| (row.sha256, hashes)));
            }
        }
    }
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
