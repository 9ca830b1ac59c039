use std::{fs::OpenOptions, path::PathBuf};

use super::*;
use crate::ports::blobs::testing::{Dir, complete, hash, length, read};

#[tokio::test]
async fn bytes_come_back_from_a_place_that_their_hash_names() {
    let dir = Dir::new();
    let blobs = FileBlobs::open(&dir.0).unwrap();
    for size in [0, 1, 9_999, 256 * 1024, 256 * 1024 + 1, 1_000_000] {
        let bytes: Vec<u8> = (0..size).map(|n: u32| n.to_le_bytes()[1]).collect();
        let done = complete(&blobs, &bytes).await;
        let sha256 = hash(&bytes);
        assert_eq!((done.sha256, done.size), (sha256, length(&bytes)));
        assert_eq!(blobs.size(sha256).await.unwrap(), None, "visible before it is put");
        blobs.put(done).await.unwrap();
        assert_eq!(blobs.size(sha256).await.unwrap(), Some(length(&bytes)));
        assert_eq!(read(&blobs, sha256).await.unwrap(), bytes);
        let name = sha256.to_string();
        assert!(dir.0.join(&name[..2]).join(&name[2..4]).join(&name).is_file());
    }
    assert_eq!(dir.files().len(), 6);
    let reopened = FileBlobs::open(&dir.0).unwrap();
    assert_eq!(reopened.size(hash(b"")).await.unwrap(), Some(0));
}

#[tokio::test]
async fn what_stands_is_not_replaced_unless_it_is_damaged() {
    let dir = Dir::new();
    let blobs = FileBlobs::open(&dir.0).unwrap();
    blobs.put(complete(&blobs, b"original").await).await.unwrap();
    let path = dir.files().pop().unwrap();
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let first = inode(&path);
    blobs.put(complete(&blobs, b"original").await).await.unwrap();
    assert_eq!(inode(&path), first);
    assert_eq!(dir.files().len(), 1);

    for damage in [&b"0riginal"[..], b"origin", b""] {
        fs::remove_file(&path).unwrap();
        fs::write(&path, damage).unwrap();
        if !damage.is_empty() {
            let read = read(&blobs, hash(b"original")).await;
            assert!(matches!(read, Err(BlobFault::Damaged)), "{read:?}");
        }
        blobs.put(complete(&blobs, b"original").await).await.unwrap();
        assert_eq!(read(&blobs, hash(b"original")).await.unwrap(), b"original");
    }
}

#[tokio::test]
async fn what_is_dropped_on_the_way_leaves_nothing() {
    let dir = Dir::new();
    let blobs = FileBlobs::open(&dir.0).unwrap();
    drop(blobs.stage(10).await.unwrap());
    let mut staged = blobs.stage(600_000).await.unwrap();
    staged.push(&vec![1; 500_000]).await.unwrap();
    assert_eq!(dir.files().len(), 1);
    drop(staged);
    let mut staged = blobs.stage(3).await.unwrap();
    assert!(matches!(staged.push(b"four").await, Err(BlobFault::TooLong)));
    drop(staged);
    drop(complete(&blobs, b"never put").await);
    assert_eq!(dir.files(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_start_sweeps_what_a_crash_left_and_spares_what_is_arriving() {
    let dir = Dir::new();
    let blobs = FileBlobs::open(&dir.0).unwrap();
    let mut staged = blobs.stage(8).await.unwrap();
    staged.push(b"arri").await.unwrap();
    let left = dir.0.join("incoming").join("left-by-a-crash");
    fs::write(&left, b"half").unwrap();
    // A command beside the running server opens the same store.
    drop(FileBlobs::open(&dir.0).unwrap());
    assert!(!left.exists());
    staged.push(b"ving").await.unwrap();
    blobs.put(staged.complete().await.unwrap()).await.unwrap();
    assert_eq!(read(&blobs, hash(b"arriving")).await.unwrap(), b"arriving");
}

#[tokio::test]
async fn after_a_failed_flush_nothing_is_promised_until_the_store_is_opened_anew() {
    let dir = Dir::new();
    let blobs = FileBlobs::open(&dir.0).unwrap();
    let full = io::Error::from(io::ErrorKind::StorageFull);
    assert!(matches!(blobs.flushed(Err(full)), Err(BlobFault::Full)));
    assert!(blobs.is_trustworthy(), "a full disk heals by itself");
    assert!(matches!(blobs.flushed(Err(io::Error::other("EIO"))), Err(BlobFault::Io(_))));
    assert!(!blobs.is_trustworthy());
    let refused = blobs.put(complete(&blobs, b"late").await).await;
    assert!(matches!(refused, Err(BlobFault::Untrustworthy)), "{refused:?}");
    assert_eq!(dir.files(), Vec::<PathBuf>::new());
    assert!(FileBlobs::open(&dir.0).unwrap().is_trustworthy());
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_leaves_nothing() {
    // Writing to this device always finds the disk full.
    let error = OpenOptions::new().write(true).open("/dev/full").and_then(|mut full| {
        use std::io::Write;
        full.write_all(b"x")
    });
    assert!(matches!(BlobFault::from(error.unwrap_err()), BlobFault::Full));
}

#[tokio::test]
async fn uploads_at_a_time_are_bounded() {
    let dir = Dir::new();
    let blobs = FileBlobs::open(&dir.0).unwrap();
    let mut taken = Vec::new();
    let refused = loop {
        match blobs.stage(1).await {
            Ok(staged) => taken.push(staged),
            Err(fault) => break fault,
        }
        assert!(taken.len() < 10_000, "there is no bound");
    };
    assert!(matches!(refused, BlobFault::Busy), "{refused:?}");
    taken.pop();
    drop(blobs.stage(1).await.unwrap());
}
