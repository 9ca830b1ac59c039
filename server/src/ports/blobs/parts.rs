//! Parts of uploads that go on later: files below one directory for each upload.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use actix_web::web::Bytes;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use uuid::Uuid;

use super::{BlobFault, blocking, staging::Complete};

/// Bytes read at a time.
const STEP: usize = 256 * 1024;

/// Where a part begins in its upload, and under which lease it was written. A writer whose lease is
/// over writes under a name of its own, which nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartName {
    /// The upload.
    pub upload: Uuid,
    /// Bytes of the upload before this part.
    pub start: u64,
    /// The fencing token of the lease.
    pub fence: u64,
}

impl PartName {
    /// The name within the upload's folder.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("{}-{}", self.start, self.fence)
    }
}

fn folder(root: &Path, upload: Uuid) -> PathBuf {
    root.join(upload.to_string())
}

/// Moves a part into its place. The caller flushes the file before.
pub(super) fn keep(root: &Path, name: PartName, bytes: &Complete) -> io::Result<()> {
    let folder = folder(root, name.upload);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    fs::rename(bytes.path(), folder.join(name.file_name()))?;
    File::open(&folder)?.sync_all()?;
    File::open(root)?.sync_all()
}

/// The bytes of a part, each piece read off the async threads.
pub(super) fn open(
    root: &Path,
    name: PartName,
) -> io::Result<BoxStream<'static, Result<Bytes, BlobFault>>> {
    let file = File::open(folder(root, name.upload).join(name.file_name()))?;
    let next = |mut file: File| {
        blocking(move || {
            let mut piece = vec![0_u8; STEP];
            let count = file.read(&mut piece)?;
            piece.truncate(count);
            Ok((count > 0).then(|| (Bytes::from(piece), file)))
        })
    };
    Ok(stream::try_unfold(file, next).boxed())
}

/// Removes all parts of an upload.
pub(super) fn forget(root: &Path, upload: Uuid) -> io::Result<()> {
    match fs::remove_dir_all(folder(root, upload)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
