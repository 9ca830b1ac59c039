//! Bytes that are still arriving: private files that vanish unless they are put.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    mem,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use sync_core::photo::ContentHash;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinHandle, spawn_blocking},
};

use super::{BlobFault, blocking};

/// Uploads at a time: bounds the disk that unfinished ones can take.
const PLACES: usize = 128;
/// Bytes gathered before they are written and hashed. An upload holds two such pieces in memory: one
/// arrives while the other is written.
const STEP: usize = 128 * 1024;

/// A directory of arriving files.
#[derive(Clone, Debug)]
pub(super) struct Staging {
    dir: PathBuf,
    places: Arc<Semaphore>,
    /// What is left free on the disk for the database: photos stop before small records do (B4).
    headroom: u64,
}

impl Staging {
    /// Opens or creates the directory and removes what crashed processes left in it.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        sweep(dir)?;
        Ok(Self { dir: dir.to_owned(), places: Arc::new(Semaphore::new(PLACES)), headroom: 0 })
    }

    /// The same with another room that is left free.
    pub(super) fn with_headroom(self, headroom: u64) -> Self {
        Self { headroom, ..self }
    }

    pub(super) async fn begin(&self, most: u64) -> Result<Staged, BlobFault> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| BlobFault::Busy)?;
        let (dir, headroom) = (self.dir.clone(), self.headroom);
        let file = blocking(move || {
            check_room(&dir, most.saturating_add(headroom))?;
            Ok(TempFile::create(&dir)?)
        })
        .await?;
        let writing = Writing { file, hash: Sha256::new(), place };
        let writing = Step::Done(writing, Vec::new());
        Ok(Staged { writing, buffer: Vec::new(), size: 0, most })
    }
}

/// Refuses when fewer bytes are free. Asked for each photo, so that room made is room used.
fn check_room(dir: &Path, bytes: u64) -> Result<(), BlobFault> {
    let about = rustix::fs::statvfs(dir).map_err(io::Error::from)?;
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    if free < bytes { Err(BlobFault::Full) } else { Ok(()) }
}

/// Bytes that are arriving. Dropping it removes them.
pub struct Staged {
    writing: Step,
    buffer: Vec<u8>,
    size: u64,
    most: u64,
}

/// Where the last piece is.
enum Step {
    /// Written, with the room that it took.
    Done(Writing, Vec<u8>),
    Running(JoinHandle<Result<(Writing, Vec<u8>), BlobFault>>),
    /// It failed: what was written is gone.
    Failed,
}

struct Writing {
    file: TempFile,
    hash: Sha256,
    place: OwnedSemaphorePermit,
}

/// All bytes have arrived; nothing is flushed yet. Dropping it removes them.
pub struct Complete {
    /// SHA-256 of the bytes.
    pub sha256: ContentHash,
    /// Number of bytes.
    pub size: u64,
    file: TempFile,
    /// The place is taken until the bytes are put or dropped.
    _place: OwnedSemaphorePermit,
}

impl Staged {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`BlobFault::TooLong`] beyond what was announced, [`BlobFault::Full`], [`BlobFault::Io`].
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), BlobFault> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.size = self.size.saturating_add(more);
        if self.size > self.most {
            return Err(BlobFault::TooLong);
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= STEP { self.write_step().await } else { Ok(()) }
    }

    /// How many bytes were added.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the bytes.
    ///
    /// # Errors
    /// [`BlobFault::Full`], [`BlobFault::Io`].
    pub async fn complete(mut self) -> Result<Complete, BlobFault> {
        self.write_step().await?;
        let (writing, _) = self.written().await?;
        Ok(Complete {
            sha256: ContentHash(writing.hash.finalize().into()),
            size: self.size,
            file: writing.file,
            _place: writing.place,
        })
    }

    /// Begins to write what was gathered as soon as the piece before it is written.
    async fn write_step(&mut self) -> Result<(), BlobFault> {
        let (mut writing, room) = self.written().await?;
        let mut buffer = mem::replace(&mut self.buffer, room);
        self.writing = Step::Running(spawn_blocking(move || {
            writing.file.file.write_all(&buffer)?;
            writing.hash.update(&buffer);
            buffer.clear();
            Ok((writing, buffer))
        }));
        Ok(())
    }

    /// Waits for the last piece.
    async fn written(&mut self) -> Result<(Writing, Vec<u8>), BlobFault> {
        match mem::replace(&mut self.writing, Step::Failed) {
            Step::Done(writing, room) => Ok((writing, room)),
            Step::Running(step) => {
                step.await.unwrap_or_else(|fault| Err(BlobFault::Io(io::Error::other(fault))))
            }
            Step::Failed => Err(BlobFault::Io(io::Error::other("an earlier step failed"))),
        }
    }
}

impl Complete {
    /// The bytes from the start, to look at before they are put.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn reader(&self) -> io::Result<File> {
        File::open(&self.file.path)
    }

    /// The file, for the store that puts it.
    pub(super) fn file(&self) -> &File {
        &self.file.file
    }

    /// Where the file is, for the store that moves it.
    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }
}

/// A file that is removed when it is dropped, unless it was moved away.
struct TempFile {
    file: File,
    path: PathBuf,
}

impl TempFile {
    /// A new locked file. The lock tells other processes that its owner lives: a start-up beside a
    /// running server must not sweep away what is arriving there.
    fn create(dir: &Path) -> io::Result<Self> {
        for _ in 0..8 {
            let path = dir.join(random_name()?);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            let swept = matches!(file.try_lock(), Err(TryLockError::WouldBlock))
                || file.metadata()?.nlink() == 0;
            if !swept {
                return Ok(Self { file, path });
            }
        }
        Err(io::Error::other("files are swept away as soon as they are made"))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // Moved away, or a leftover for the next sweep: neither is worth an error.
        let _ = fs::remove_file(&self.path);
    }
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
    Ok(ContentHash(bytes).to_string())
}

/// Removes files whose owner is gone.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        // Another sweep may have been faster.
        let Ok(file) = OpenOptions::new().write(true).open(&path) else { continue };
        if file.try_lock().is_ok() {
            let _ = fs::remove_file(&path);
        }
    }
    Ok(())
}
