//! Photo bytes, named by their SHA-256.

use std::path::{Path, PathBuf};

/// Keeps bytes for good.
pub trait Blobs: Send + Sync {
    /// Where files that belong to this store may be written before they are put.
    fn dir(&self) -> &Path;
}

/// Files below one directory.
#[derive(Clone, Debug)]
pub struct FileBlobs {
    dir: PathBuf,
}

impl FileBlobs {
    /// Opens or creates the directory.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(dir: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }
}

impl Blobs for FileBlobs {
    fn dir(&self) -> &Path {
        &self.dir
    }
}
