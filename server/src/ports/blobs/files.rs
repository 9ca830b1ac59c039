//! Blobs as files below one directory: `ab/cd/abcd…`, two levels of fan-out.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::web::Bytes;
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sha2::{Digest, Sha256};
use sync_core::photo::ContentHash;
use uuid::Uuid;

use super::{
    Blob, BlobFault, Blobs, PartName, blocking, parts,
    staging::{Complete, Staged, Staging},
    verified,
};

/// Bytes read at a time on the way out.
const STEP: u64 = 256 * 1024;

/// Files below one directory. Several processes may share it.
#[derive(Clone, Debug)]
pub struct FileBlobs {
    root: PathBuf,
    /// Parts of unfinished uploads, below the root and so in the same file system.
    uploads: PathBuf,
    staging: Staging,
    /// Set for good by a failed flush: the kernel forgets which pages it could not write, so a second
    /// flush that succeeds proves nothing.
    broken: Arc<AtomicBool>,
}

impl FileBlobs {
    /// Opens or creates the directory and removes what unfinished uploads of crashed processes left.
    ///
    /// # Errors
    /// When it cannot be created, read or flushed.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let root = dir.canonicalize()?;
        // In the same file system, so that moving a file into its place is one step.
        let staging = Staging::open(&root.join("incoming"))?;
        let uploads = root.join("uploads");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&uploads)?;
        sync_dir(&root)?;
        if let Some(above) = root.parent() {
            sync_dir(above)?;
        }
        Ok(Self { root, uploads, staging, broken: Arc::default() })
    }

    /// The same with so many bytes of the disk left free.
    #[must_use]
    pub fn with_headroom(self, headroom: u64) -> Self {
        Self { staging: self.staging.with_headroom(headroom), ..self }
    }

    fn place(&self, sha256: ContentHash) -> Place {
        let name = sha256.to_string();
        let upper = self.root.join(name.get(..2).unwrap_or_default());
        let lower = upper.join(name.get(2..4).unwrap_or_default());
        Place { path: lower.join(name), above: [lower, upper, self.root.clone()] }
    }

    fn keep(&self, bytes: &Complete) -> Result<(), BlobFault> {
        if !self.is_trustworthy() {
            return Err(BlobFault::Untrustworthy);
        }
        let place = self.place(bytes.sha256);
        let [lower, upper, _] = &place.above;
        bytes.file().set_permissions(Permissions::from_mode(0o400))?;
        self.flushed(bytes.file().sync_all())?;
        make_dir(upper)?;
        make_dir(lower)?;
        match standing(&place.path, bytes.sha256)? {
            // Whoever put it may not have come to flushing it.
            Standing::Intact(file) => self.flushed(file.sync_all())?,
            Standing::Nothing => fs::rename(bytes.path(), &place.path)?,
            Standing::Damaged => {
                tracing::error!(sha256 = %bytes.sha256, "damaged photo bytes were put right");
                metrics::counter!("chakan_blobs_repaired_total").increment(1);
                fs::rename(bytes.path(), &place.path)?;
            }
        }
        // All three, also if they stood already: whoever made them may not have come to flushing.
        place.above.iter().try_for_each(|dir| self.flushed(sync_dir(dir)))
    }

    /// A failed flush ends all promises, except that a full disk is known to be full.
    fn flushed(&self, outcome: io::Result<()>) -> Result<(), BlobFault> {
        outcome.map_err(|error| match BlobFault::from(error) {
            BlobFault::Full => BlobFault::Full,
            fault => {
                tracing::error!(%fault, "flushing photo bytes failed: no more photos are taken");
                self.broken.store(true, Ordering::SeqCst);
                fault
            }
        })
    }
}

impl Blobs for FileBlobs {
    fn stage(&self, most: u64) -> BoxFuture<'_, Result<Staged, BlobFault>> {
        self.staging.begin(most).boxed()
    }

    fn put(&self, bytes: Complete) -> BoxFuture<'_, Result<(), BlobFault>> {
        let blobs = self.clone();
        blocking(move || blobs.keep(&bytes)).boxed()
    }

    fn size(&self, sha256: ContentHash) -> BoxFuture<'_, Result<Option<u64>, BlobFault>> {
        let path = self.place(sha256).path;
        blocking(move || Ok(if_there(fs::metadata(path))?.map(|about| about.len()))).boxed()
    }

    fn open(&self, sha256: ContentHash) -> BoxFuture<'_, Result<Option<Blob>, BlobFault>> {
        let path = self.place(sha256).path;
        blocking(move || {
            let Some(file) = if_there(File::open(path))? else { return Ok(None) };
            let size = file.metadata()?.len();
            Ok(Some(Blob { size, bytes: verified(pieces(file, size), size, sha256) }))
        })
        .boxed()
    }

    fn keep_part(&self, name: PartName, bytes: Complete) -> BoxFuture<'_, Result<(), BlobFault>> {
        let blobs = self.clone();
        blocking(move || {
            if !blobs.is_trustworthy() {
                return Err(BlobFault::Untrustworthy);
            }
            blobs.flushed(bytes.file().sync_all())?;
            blobs.flushed(parts::keep(&blobs.uploads, name, &bytes))
        })
        .boxed()
    }

    fn open_part(
        &self,
        name: PartName,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Bytes, BlobFault>>, BlobFault>> {
        let uploads = self.uploads.clone();
        blocking(move || Ok(parts::open(&uploads, name)?)).boxed()
    }

    fn forget_parts(&self, upload: Uuid) -> BoxFuture<'_, Result<(), BlobFault>> {
        let uploads = self.uploads.clone();
        blocking(move || Ok(parts::forget(&uploads, upload)?)).boxed()
    }

    fn remove(&self, sha256: ContentHash) -> BoxFuture<'_, Result<(), BlobFault>> {
        let place = self.place(sha256);
        blocking(move || {
            if if_there(fs::remove_file(&place.path))?.is_some() {
                let [lower, ..] = &place.above;
                sync_dir(lower)?;
            }
            Ok(())
        })
        .boxed()
    }

    fn is_trustworthy(&self) -> bool {
        !self.broken.load(Ordering::SeqCst)
    }
}

/// Where the bytes of one hash belong.
struct Place {
    path: PathBuf,
    /// The directories above, from the nearest to the root.
    above: [PathBuf; 3],
}

enum Standing {
    Nothing,
    Intact(File),
    Damaged,
}

/// What stands under a name. Read in full: a receipt for bytes that have rotted would be a lie.
fn standing(path: &Path, sha256: ContentHash) -> io::Result<Standing> {
    let Some(mut file) = if_there(File::open(path))? else { return Ok(Standing::Nothing) };
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        match buffer.get(..count) {
            Some([]) | None => break,
            Some(bytes) => hash.update(bytes),
        }
    }
    let intact = ContentHash(hash.finalize().into()) == sha256;
    Ok(if intact { Standing::Intact(file) } else { Standing::Damaged })
}

fn if_there<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn make_dir(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A file's bytes in pieces, each read off the async threads.
fn pieces(file: File, size: u64) -> BoxStream<'static, Result<Bytes, BlobFault>> {
    let next = |(mut file, left): (File, u64)| {
        blocking(move || {
            let length = left.min(STEP);
            if length == 0 {
                return Ok(None);
            }
            let mut piece = vec![0_u8; usize::try_from(length).unwrap_or(0)];
            file.read_exact(&mut piece)?;
            Ok(Some((Bytes::from(piece), (file, left - length))))
        })
    };
    stream::try_unfold((file, size), next).boxed()
}

#[cfg(test)]
mod tests;
