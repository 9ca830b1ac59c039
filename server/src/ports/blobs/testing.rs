//! What the tests of every store share.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use sync_core::photo::ContentHash;

use super::{BlobFault, Blobs, Complete};

/// A directory of one test, gone afterwards.
pub(super) struct Dir(pub(super) PathBuf);

impl Dir {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("chakan-blobs-{}-{n}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        fn below(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { below(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        below(&self.0, &mut found);
        found
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    bytes.len().try_into().unwrap()
}

pub(super) fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

pub(super) async fn complete(blobs: &dyn Blobs, bytes: &[u8]) -> Complete {
    let mut staged = blobs.stage(length(bytes)).await.unwrap();
    for piece in bytes.chunks(10_000) {
        staged.push(piece).await.unwrap();
    }
    staged.complete().await.unwrap()
}

pub(super) async fn read(blobs: &dyn Blobs, sha256: ContentHash) -> Result<Vec<u8>, BlobFault> {
    let mut blob = blobs.open(sha256).await?.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = blob.bytes.next().await {
        bytes.extend(piece?);
    }
    assert_eq!(length(&bytes), blob.size);
    Ok(bytes)
}
