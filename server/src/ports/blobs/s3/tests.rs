mod bucket;

use std::path::PathBuf;

use object_store::memory::InMemory;

use self::bucket::Bucket;
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
    let blobs = S3Blobs::open("chakan-test", "claims", &dir.0, None).unwrap();
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

fn locked(bucket: &Bucket, dir: &Dir, lock: Option<ObjectLock>) -> S3Blobs {
    S3Blobs::with(bucket.builder(), "photos", &dir.0, lock).unwrap()
}

/// 2037-03-05T01:30:00.123Z
const UNTIL: Instant = Instant(2_119_829_400_123);

#[tokio::test]
async fn over_http_objects_come_back_and_damaged_ones_are_put_right() {
    let (dir, bucket) = (Dir::new(), Bucket::open());
    for lock in [None, Some(ObjectLock::Compliance)] {
        let blobs = locked(&bucket, &dir, lock);
        let bytes = vec![7; 600_000 + usize::from(lock.is_some())];
        let sha256 = hash(&bytes);
        for _ in 0..2 {
            blobs.put_original(complete(&blobs, &bytes).await, UNTIL).await.unwrap();
            assert_eq!(read(&blobs, sha256).await.unwrap(), bytes);
        }
        bucket.damage(blobs.key(sha256).as_ref());
        assert!(matches!(read(&blobs, sha256).await, Err(BlobFault::Damaged)));
        blobs.put_original(complete(&blobs, &bytes).await, UNTIL).await.unwrap();
        assert_eq!(read(&blobs, sha256).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn originals_are_sent_with_the_day_until_which_the_bucket_keeps_them() {
    let (dir, bucket) = (Dir::new(), Bucket::open());
    for (lock, mode) in [
        (Some(ObjectLock::Compliance), Some("COMPLIANCE")),
        (Some(ObjectLock::Governance), Some("GOVERNANCE")),
        (None, None),
    ] {
        let blobs = locked(&bucket, &dir, lock);
        let bytes = format!("{mode:?}").into_bytes();
        // A try that fails is signed anew, wishes included.
        bucket.fail(1);
        blobs.put_original(complete(&blobs, &bytes).await, UNTIL).await.unwrap();
        let day = mode.map(|_| "2037-03-05T01:30:00Z");
        let seen = bucket.seen();
        assert_eq!(seen.len(), 2);
        for one in seen {
            assert_eq!(one.header("x-amz-object-lock-mode"), mode);
            assert_eq!(one.header("x-amz-object-lock-retain-until-date"), day);
            assert_eq!(one.header("if-none-match"), Some("*"));
            assert_eq!(one.body, bytes);
        }
        // A copy can be made again and is not kept.
        blobs.put(complete(&blobs, b"a copy").await).await.unwrap();
        assert!(bucket.seen().iter().all(|one| one.header("x-amz-object-lock-mode").is_none()));
    }
}

#[tokio::test]
async fn a_held_object_is_kept_by_the_bucket_until_the_hold_is_lifted() {
    let (dir, bucket) = (Dir::new(), Bucket::open());
    let blobs = locked(&bucket, &dir, Some(ObjectLock::Compliance));
    let bytes = b"evidence".to_vec();
    let sha256 = hash(&bytes);
    blobs.put_original(complete(&blobs, &bytes).await, UNTIL).await.unwrap();
    bucket.seen();
    blobs.guard(Guard { sha256, until: UNTIL, held: true }).await.unwrap();
    let seen = bucket.seen();
    let said: Vec<_> = seen
        .iter()
        .map(|one| (one.query.as_str(), String::from_utf8(one.body.clone()).unwrap()))
        .collect();
    assert_eq!(said[0].0, "retention");
    assert!(said[0].1.contains("<Mode>COMPLIANCE</Mode>"), "{said:?}");
    assert!(said[0].1.contains("<RetainUntilDate>2037-03-05T01:30:00Z</RetainUntilDate>"));
    assert_eq!(said[1].0, "legal-hold");
    assert!(said[1].1.contains("<Status>ON</Status>"));
    // The bucket asks for a sum beside the body of such a request.
    assert!(seen.iter().all(|one| one.header("x-amz-checksum-sha256").is_some()));
    assert!(blobs.remove(sha256).await.is_err());
    assert_eq!(read(&blobs, sha256).await.unwrap(), bytes);
    blobs.guard(Guard { sha256, until: UNTIL, held: false }).await.unwrap();
    blobs.remove(sha256).await.unwrap();
    assert!(blobs.open(sha256).await.unwrap().is_none());
    // Without a lock nothing is asked of the bucket.
    let plain = locked(&bucket, &dir, None);
    bucket.seen();
    plain.guard(Guard { sha256, until: UNTIL, held: true }).await.unwrap();
    assert!(bucket.seen().is_empty() && !plain.has_lock() && blobs.has_lock());
}
