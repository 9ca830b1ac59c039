//! Photo bytes, named by their SHA-256 and kept for good.
//!
//! Bytes are staged in a private file, hashed while they arrive, and only then put under their name.
//! Names come from hashes that we have computed, never from a user. What was put is never replaced
//! by other bytes, and deleted only after its time.

mod files;
mod parts;
#[cfg(feature = "s3")]
mod s3;
mod staging;
#[cfg(test)]
mod testing;

use std::{io, sync::Arc};

use actix_web::web::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sha2::{Digest, Sha256};
use sync_core::{photo::ContentHash, time::Instant};
use uuid::Uuid;

use crate::config::{BlobsPlace, Config};

pub use files::FileBlobs;
pub use parts::PartName;
#[cfg(feature = "s3")]
pub use s3::S3Blobs;
pub use staging::{Complete, Staged};

/// Keeps bytes for good.
pub trait Blobs: Send + Sync {
    /// A private place for at most `most` bytes that are still arriving. Dropping it removes it.
    ///
    /// # Errors
    /// [`BlobFault::Full`], [`BlobFault::Busy`] or [`BlobFault::Io`], as a value of the future.
    fn stage(&self, most: u64) -> BoxFuture<'_, Result<Staged, BlobFault>>;

    /// Puts bytes under their hash unless they stand there already. When the future answers `Ok`,
    /// the bytes survive a loss of power. Bytes that stand there damaged are put right.
    ///
    /// # Errors
    /// [`BlobFault`], as a value of the future; then nothing may be acknowledged.
    fn put(&self, bytes: Complete) -> BoxFuture<'_, Result<(), BlobFault>>;

    /// [`Self::put`] for an original, which a store with a lock of its own keeps until then.
    ///
    /// # Errors
    /// As [`Self::put`].
    fn put_original(
        &self,
        bytes: Complete,
        until: Instant,
    ) -> BoxFuture<'_, Result<(), BlobFault>> {
        let _ = until;
        self.put(bytes)
    }

    /// Whether the store has a lock of its own, which [`Self::guard`] sets.
    fn has_lock(&self) -> bool {
        false
    }

    /// Lets the store's own lock keep an original until then, and as long as it is held. A store
    /// without one does nothing.
    ///
    /// # Errors
    /// [`BlobFault::Io`], as a value of the future.
    fn guard(&self, guard: Guard) -> BoxFuture<'_, Result<(), BlobFault>> {
        let _ = guard;
        futures_util::future::ready(Ok(())).boxed()
    }

    /// The number of bytes under this hash, if there are any.
    ///
    /// # Errors
    /// [`BlobFault::Io`], as a value of the future.
    fn size(&self, sha256: ContentHash) -> BoxFuture<'_, Result<Option<u64>, BlobFault>>;

    /// The bytes under this hash, if there are any.
    ///
    /// # Errors
    /// [`BlobFault::Io`], as a value of the future.
    fn open(&self, sha256: ContentHash) -> BoxFuture<'_, Result<Option<Blob>, BlobFault>>;

    /// Keeps bytes of an upload that goes on later. When the future answers `Ok`, they survive a loss
    /// of power.
    ///
    /// # Errors
    /// [`BlobFault`], as a value of the future.
    fn keep_part(&self, name: PartName, bytes: Complete) -> BoxFuture<'_, Result<(), BlobFault>>;

    /// The bytes of a part.
    ///
    /// # Errors
    /// [`BlobFault::Io`] also when they are not there, as a value of the future.
    fn open_part(
        &self,
        name: PartName,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Bytes, BlobFault>>, BlobFault>>;

    /// Removes all parts of an upload, if there are any.
    ///
    /// # Errors
    /// [`BlobFault::Io`], as a value of the future.
    fn forget_parts(&self, upload: Uuid) -> BoxFuture<'_, Result<(), BlobFault>>;

    /// Deletes bytes for good. Whether that is allowed was decided before, by retention and holds.
    ///
    /// # Errors
    /// [`BlobFault::Io`] also when the store itself still keeps them, as a value of the future.
    fn remove(&self, sha256: ContentHash) -> BoxFuture<'_, Result<(), BlobFault>>;

    /// Whether the store still knows what it has flushed. After a failed flush it does not, and takes
    /// nothing until it is opened anew.
    fn is_trustworthy(&self) -> bool;
}

/// How long an original is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The original.
    pub sha256: ContentHash,
    /// Not deleted before.
    pub until: Instant,
    /// Nor while this is so.
    pub held: bool,
}

/// Opens the store that the settings name. What is arriving for S3 is staged in the data directory.
///
/// # Errors
/// One line for the operator.
pub fn open(config: &Config) -> Result<Arc<dyn Blobs>, String> {
    let (data_dir, headroom) = (&config.data_dir, config.blobs_headroom);
    match &config.blobs {
        BlobsPlace::Files(dir) => match FileBlobs::open(dir) {
            Ok(blobs) => Ok(Arc::new(blobs.with_headroom(headroom))),
            Err(error) => Err(format!("{}: {error}", dir.display())),
        },
        #[cfg(feature = "s3")]
        BlobsPlace::S3 { bucket, prefix } => {
            let blobs =
                S3Blobs::open(bucket, prefix, &data_dir.join("incoming"), config.blobs_lock)?;
            Ok(Arc::new(blobs.with_headroom(headroom)))
        }
        #[cfg(not(feature = "s3"))]
        BlobsPlace::S3 { .. } => {
            Err(format!("no S3 in this build; {} and {headroom} stay unused", data_dir.display()))
        }
    }
}

/// Stored bytes on their way out.
pub struct Blob {
    /// How many there are.
    pub size: u64,
    /// The bytes in order. The last piece comes only if all of them together match the hash.
    pub bytes: BoxStream<'static, Result<Bytes, BlobFault>>,
}

/// The store cannot do it.
#[derive(Debug, thiserror::Error)]
pub enum BlobFault {
    /// There is no room.
    #[error("no room")]
    Full,
    /// As many uploads as we take at a time are under way.
    #[error("too many uploads at a time")]
    Busy,
    /// More bytes than were announced.
    #[error("more bytes than announced")]
    TooLong,
    /// A flush failed earlier, so nothing can be promised any more.
    #[error("a flush failed; restart after checking the disk")]
    Untrustworthy,
    /// The stored bytes do not match their name any more.
    #[error("stored bytes are damaged")]
    Damaged,
    /// Reading or writing failed.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for BlobFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// Bytes on their way out, measured against their name. The last piece is held back if the whole does
/// not match: the reader then gets a transfer that broke off, not bytes that pass for the original.
fn verified(
    pieces: BoxStream<'static, Result<Bytes, BlobFault>>,
    size: u64,
    sha256: ContentHash,
) -> BoxStream<'static, Result<Bytes, BlobFault>> {
    let outgoing = (pieces, Sha256::new(), size);
    let next = move |(mut pieces, mut hash, left): (BoxStream<'static, _>, Sha256, u64)| async move {
        if left == 0 {
            let whole = ContentHash(hash.finalize().into()) == sha256;
            return if whole { Ok(None) } else { Err(damaged(sha256)) };
        }
        let piece: Bytes = match pieces.next().await {
            Some(piece) => piece?,
            None => return Err(damaged(sha256)),
        };
        hash.update(&piece);
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let left = left.checked_sub(length).ok_or_else(|| damaged(sha256))?;
        if left == 0 && ContentHash(hash.clone().finalize().into()) != sha256 {
            return Err(damaged(sha256));
        }
        Ok(Some((piece, (pieces, hash, left))))
    };
    stream::try_unfold(outgoing, next).boxed()
}

fn damaged(sha256: ContentHash) -> BlobFault {
    tracing::error!(%sha256, "stored photo bytes are damaged");
    metrics::counter!("chakan_blobs_damaged_total").increment(1);
    BlobFault::Damaged
}

/// Disk work, off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobFault> + Send + 'static,
) -> Result<T, BlobFault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(fault) => Err(BlobFault::Io(io::Error::other(fault))),
    }
}
