use std::path::PathBuf;

use object_store::memory::InMemory;

use super::*;
use crate::ports::blobs::testing::{Dir, complete, hash, read};

fn blobs(dir: &Dir, store: &Arc<InMemory>) -> S3Blobs {
    S3Blobs::over(store.clone(), "claims/photos", &dir.0).unwrap()
}

/// The journey that every store must pass.
async fn keeps_what_it_is_given(blobs: &S3Blobs, dir: &Dir) {
    let bytes: Vec<u8> = (0..700_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let sha256 = hash(&bytes);
    let done = complete(blobs, &bytes).await;
    assert_eq!(blobs.size(sha256).await.unwrap(), None);
    assert!(blobs.open(sha256).await.unwrap().is_none());
    blobs.put(done).await.unwrap();
    assert_eq!(blobs.size(sha256).await.unwrap(), Some(700_000));
    assert_eq!(read(blobs, sha256).await.unwrap(), bytes);
    blobs.put(complete(blobs, &bytes).await).await.unwrap();
    assert_eq!(read(blobs, sha256).await.unwrap(), bytes);
    assert_eq!(dir.files(), Vec::<PathBuf>::new(), "nothing stays staged");

    for damage in [&bytes[1..], &bytes[..699_999], b"other", b""] {
        let damaged = PutPayload::from(damage.to_vec());
        blobs.store.put_opts(&blobs.key(sha256), damaged, PutMode::Overwrite.into()).await.unwrap();
        let found = read(blobs, sha256).await;
        assert!(matches!(found, Err(BlobFault::Damaged)), "{:?}", found.map(|bytes| bytes.len()));
        blobs.put(complete(blobs, &bytes).await).await.unwrap();
        assert_eq!(read(blobs, sha256).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn objects_come_back_and_are_not_replaced_unless_they_are_damaged() {
    let (dir, store) = (Dir::new(), Arc::new(InMemory::new()));
    let blobs = blobs(&dir, &store);
    keeps_what_it_is_given(&blobs, &dir).await;
    let key = blobs.key(hash(b"x")).to_string();
    let name = hash(b"x").to_string();
    assert_eq!(key, format!("claims/photos/{}/{}/{name}", &name[..2], &name[2..4]));
}

/// Needs a bucket `chakan-test` at the endpoint that the `AWS_` variables name.
#[tokio::test]
#[ignore = "asks an S3 server"]
async fn a_real_bucket_keeps_what_it_is_given() {
    let dir = Dir::new();
    let blobs = S3Blobs::open("chakan-test", "claims", &dir.0).unwrap();
    keeps_what_it_is_given(&blobs, &dir).await;
}

#[tokio::test]
async fn nobody_leaves_the_prefix() {
    let dir = Dir::new();
    for prefix in ["a//b", "../up", "./here"] {
        let store = Arc::new(InMemory::new());
        assert!(S3Blobs::over(store, prefix, &dir.0).is_err(), "{prefix}");
    }
}
