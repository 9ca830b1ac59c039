//! How much the photo store may hold, and holds (B4): a limit in bytes for originals, their copies and
//! what is arriving. The disk's own limit is the store's.

use std::sync::{Mutex, PoisonError};

use diesel::{QueryableByName, RunQueryDsl, sql_types::BigInt};
use sync_core::{
    photo::ContentHash,
    time::{Instant, Span},
};

use super::store;
use crate::{app::App, db::Conn, error::ApiError, ports::blobs::BlobFault};

/// What other nodes have stored is counted again after this time.
const COUNTED_FOR: Span = Span::seconds(30);
/// A full store is counted again after this time, so that room that was made is soon used.
const FULL_FOR: Span = Span::seconds(1);

/// What is known of how full the store is.
#[derive(Debug, Default)]
pub struct Room {
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    at: Instant,
    bytes: u64,
}

impl Known {
    /// Whether so many bytes fit; nothing when it must be counted again first.
    fn fits(self, more: u64, quota: u64, now: Instant) -> Option<bool> {
        let fits = self.bytes.saturating_add(more) <= quota;
        let good_for = if fits { COUNTED_FOR } else { FULL_FOR };
        (now < self.at + good_for).then_some(fits)
    }
}

impl Room {
    fn known(&self) -> Option<Known> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    fn add(&self, more: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_mut() {
            known.bytes = known.bytes.saturating_add(more);
        }
    }
}

/// Refuses bytes for which there is no room. A content that is stored already takes none.
///
/// # Errors
/// `out_of_storage`, database faults.
pub(super) async fn check(
    app: &App,
    sha256: Option<ContentHash>,
    more: u64,
) -> Result<(), ApiError> {
    let Some(quota) = app.config.blobs_quota else { return Ok(()) };
    if let Some(sha256) = sha256
        && app.db.read(move |conn| store::find_content(conn, sha256)).await?.is_some()
    {
        return Ok(());
    }
    let now = app.now();
    let fits = match app.room.known().and_then(|known| known.fits(more, quota, now)) {
        Some(fits) => fits,
        None => {
            let known = Known { at: now, bytes: app.db.read(count).await? };
            metrics::gauge!("chakan_blobs_mebibytes").set(mebibytes(known.bytes));
            app.room.set(known);
            known.bytes.saturating_add(more) <= quota
        }
    };
    if fits { Ok(()) } else { Err(BlobFault::Full.into()) }
}

/// [`check`] for bytes that come now: those that come at the same time find them counted.
///
/// # Errors
/// As [`check`].
pub(super) async fn take(
    app: &App,
    sha256: Option<ContentHash>,
    more: u64,
) -> Result<(), ApiError> {
    check(app, sha256, more).await?;
    app.room.add(more);
    Ok(())
}

/// Bytes of originals, of their copies, and of what is arriving.
fn count(conn: &mut Conn) -> Result<u64, ApiError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    // Summing a BIGINT makes another type on each database.
    const SQL: &str = "SELECT CAST(COALESCE((SELECT SUM(size) FROM blobs WHERE removed_at IS NULL), 0) \
         + COALESCE((SELECT SUM(size) FROM copies), 0) \
         + COALESCE((SELECT SUM(size) FROM upload_parts), 0) AS BIGINT) AS n";
    let row: Row = diesel::sql_query(SQL).get_result(conn)?;
    Ok(u64::try_from(row.n).unwrap_or(0))
}

fn mebibytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes >> 20).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_store_is_counted_again_soon_and_one_with_room_later() {
        let known = Known { at: Instant(0), bytes: 90 };
        let after = |span: Span| Instant(0) + span;
        for (more, now, expected) in [
            (10, after(Span::seconds(29)), Some(true)),
            (10, after(Span::seconds(30)), None),
            (11, after(Span(999)), Some(false)),
            (11, after(Span::seconds(1)), None),
            (u64::MAX, Instant(0), Some(false)),
        ] {
            assert_eq!(known.fits(more, 100, now), expected, "{more} {now:?}");
        }
    }
}
