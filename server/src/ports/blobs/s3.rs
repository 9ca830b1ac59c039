//! Blobs as objects of an S3 bucket.
//!
//! Bytes are staged as local files like any others and sent in one conditional request, so that an
//! object is there whole or not at all and never takes the place of another.

mod lock;

use std::{io::Read, path::Path, sync::Arc, time::Duration};

use actix_web::web::Bytes;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use object_store::{
    Error, Extensions, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum},
    path::Path as Key,
};
use sync_core::{photo::ContentHash, time::Instant};
use tokio::sync::Semaphore;
use uuid::Uuid;

use self::lock::{Connector, Wish};
use super::{
    Blob, BlobFault, Blobs, Guard, PartName, blocking,
    staging::{Complete, Staged, Staging},
    verified,
};
use crate::config::ObjectLock;

/// Objects sent at a time: each is held in memory while it is sent.
const PLACES: usize = 4;
/// Bytes read at a time for sending.
const STEP: usize = 256 * 1024;
/// A phone tries again by itself; longer waits of ours would only hold its request.
const RETRY_TIME: Duration = Duration::from_secs(20);

/// Objects of one bucket below one prefix. Several nodes may share them.
pub struct S3Blobs {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    staging: Staging,
    places: Semaphore,
    lock: Option<ObjectLock>,
}

impl S3Blobs {
    /// Prepares the way to the bucket; nothing is asked of it yet. Region, endpoint and credentials
    /// are those of the usual `AWS_` variables, which the client library reads itself. With a lock,
    /// the bucket must have been made with object lock.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn open(
        bucket: &str,
        prefix: &str,
        incoming: &Path,
        lock: Option<ObjectLock>,
    ) -> Result<Self, String> {
        let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
        Self::with(builder, prefix, incoming, lock)
    }

    fn with(
        builder: AmazonS3Builder,
        prefix: &str,
        incoming: &Path,
        lock: Option<ObjectLock>,
    ) -> Result<Self, String> {
        let retry = RetryConfig { retry_timeout: RETRY_TIME, ..RetryConfig::default() };
        // The bucket refuses bytes that changed on the way.
        let mut builder = builder.with_checksum_algorithm(Checksum::SHA256).with_retry(retry);
        let line = |error: Error| error.to_string();
        if lock.is_some() {
            let credentials = builder.clone().build().map_err(line)?.credentials().clone();
            let region = builder.get_config_value(&AmazonS3ConfigKey::Region);
            let region = region.unwrap_or_else(|| "us-east-1".to_owned());
            builder = builder
                .with_credentials(credentials.clone())
                .with_http_connector(Connector { credentials, region });
        }
        let store = builder.build().map_err(line)?;
        Ok(Self { lock, ..Self::over(Arc::new(store), prefix, incoming)? })
    }

    fn over(store: Arc<dyn ObjectStore>, prefix: &str, incoming: &Path) -> Result<Self, String> {
        let prefix = Key::parse(prefix).map_err(|error| error.to_string())?;
        let staging =
            Staging::open(incoming).map_err(|error| format!("{}: {error}", incoming.display()))?;
        Ok(Self { store, prefix, staging, places: Semaphore::new(PLACES), lock: None })
    }

    /// The same with so many bytes of the local disk left free.
    #[must_use]
    pub fn with_headroom(self, headroom: u64) -> Self {
        Self { staging: self.staging.with_headroom(headroom), ..self }
    }

    fn key(&self, sha256: ContentHash) -> Key {
        let name = sha256.to_string();
        let (upper, lower) = (name.get(..2), name.get(2..4));
        let upper = self.prefix.clone().join(upper.unwrap_or_default());
        upper.join(lower.unwrap_or_default()).join(name)
    }

    fn part(&self, name: PartName) -> Key {
        let folder = self.prefix.clone().join("uploads").join(name.upload.to_string());
        folder.join(name.file_name())
    }

    async fn keep(&self, bytes: Complete, until: Option<Instant>) -> Result<(), BlobFault> {
        let _place = self.places.acquire().await.map_err(|_| BlobFault::Busy)?;
        let (key, sha256) = (self.key(bytes.sha256), bytes.sha256);
        let payload = blocking(move || payload(&bytes)).await?;
        let wish = self.lock.zip(until).map(|(mode, until)| Wish::Keep(mode, until));
        let created =
            self.store.put_opts(&key, payload.clone(), options(PutMode::Create, wish)).await;
        match created {
            Ok(_) => return Ok(()),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Err(error) => return Err(fault(error)),
        }
        // A receipt for bytes that have rotted would be a lie.
        if let Some(blob) = self.find(sha256).await?
            && is_intact(blob).await?
        {
            return Ok(());
        }
        tracing::error!(%sha256, "damaged photo bytes were put right");
        metrics::counter!("chakan_blobs_repaired_total").increment(1);
        let put = self.store.put_opts(&key, payload, options(PutMode::Overwrite, wish)).await;
        put.map(drop).map_err(fault)
    }

    /// Sets one thing of an object's lock.
    async fn set(&self, key: &Key, wish: Wish, body: String) -> Result<(), BlobFault> {
        let options = options(PutMode::Overwrite, Some(wish));
        self.store.put_opts(key, PutPayload::from(body), options).await.map(drop).map_err(fault)
    }

    async fn find(&self, sha256: ContentHash) -> Result<Option<Blob>, BlobFault> {
        let found = self.store.get_opts(&self.key(sha256), GetOptions::default()).await;
        let Some(found) = if_there(found)? else { return Ok(None) };
        let size = found.meta.size;
        let pieces = found.into_stream().map(|piece| piece.map_err(fault)).boxed();
        Ok(Some(Blob { size, bytes: verified(pieces, size, sha256) }))
    }

    async fn find_size(&self, sha256: ContentHash) -> Result<Option<u64>, BlobFault> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let found = self.store.get_opts(&self.key(sha256), options).await;
        Ok(if_there(found)?.map(|found| found.meta.size))
    }
}

impl Blobs for S3Blobs {
    fn stage(&self, most: u64) -> BoxFuture<'_, Result<Staged, BlobFault>> {
        self.staging.begin(most).boxed()
    }

    fn put(&self, bytes: Complete) -> BoxFuture<'_, Result<(), BlobFault>> {
        self.keep(bytes, None).boxed()
    }

    fn put_original(
        &self,
        bytes: Complete,
        until: Instant,
    ) -> BoxFuture<'_, Result<(), BlobFault>> {
        self.keep(bytes, Some(until)).boxed()
    }

    fn has_lock(&self) -> bool {
        self.lock.is_some()
    }

    fn guard(&self, guard: Guard) -> BoxFuture<'_, Result<(), BlobFault>> {
        async move {
            let Some(mode) = self.lock else { return Ok(()) };
            let key = self.key(guard.sha256);
            self.set(&key, Wish::Retention, lock::retention(mode, guard.until)).await?;
            self.set(&key, Wish::LegalHold, lock::legal_hold(guard.held)).await
        }
        .boxed()
    }

    fn size(&self, sha256: ContentHash) -> BoxFuture<'_, Result<Option<u64>, BlobFault>> {
        self.find_size(sha256).boxed()
    }

    fn open(&self, sha256: ContentHash) -> BoxFuture<'_, Result<Option<Blob>, BlobFault>> {
        self.find(sha256).boxed()
    }

    fn keep_part(&self, name: PartName, bytes: Complete) -> BoxFuture<'_, Result<(), BlobFault>> {
        async move {
            let _place = self.places.acquire().await.map_err(|_| BlobFault::Busy)?;
            let payload = blocking(move || payload(&bytes)).await?;
            let key = self.part(name);
            let put = self.store.put_opts(&key, payload, PutMode::Overwrite.into());
            put.await.map(drop).map_err(fault)
        }
        .boxed()
    }

    fn open_part(
        &self,
        name: PartName,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Bytes, BlobFault>>, BlobFault>> {
        async move {
            let found = self.store.get_opts(&self.part(name), GetOptions::default()).await;
            let found = found.map_err(fault)?;
            Ok(found.into_stream().map(|piece| piece.map_err(fault)).boxed())
        }
        .boxed()
    }

    fn forget_parts(&self, upload: Uuid) -> BoxFuture<'_, Result<(), BlobFault>> {
        async move {
            let folder = self.prefix.clone().join("uploads").join(upload.to_string());
            let mut parts = self.store.list(Some(&folder));
            while let Some(part) = parts.next().await {
                self.store.delete(&part.map_err(fault)?.location).await.map_err(fault)?;
            }
            Ok(())
        }
        .boxed()
    }

    /// In a bucket with object lock this only hides the object; its versions stay until their own
    /// retention is over and a rule of the bucket removes them.
    fn remove(&self, sha256: ContentHash) -> BoxFuture<'_, Result<(), BlobFault>> {
        let key = self.key(sha256);
        async move { if_there(self.store.delete(&key).await).map(drop) }.boxed()
    }

    /// The bucket answers for its own flushing.
    fn is_trustworthy(&self) -> bool {
        true
    }
}

fn options(mode: PutMode, wish: Option<Wish>) -> PutOptions {
    let mut extensions = Extensions::new();
    if let Some(wish) = wish {
        extensions.insert(wish);
    }
    PutOptions { mode, extensions, ..PutOptions::default() }
}

/// Whether all bytes are there and match their name.
async fn is_intact(mut blob: Blob) -> Result<bool, BlobFault> {
    while let Some(piece) = blob.bytes.next().await {
        match piece {
            Ok(_) => {}
            Err(BlobFault::Damaged) => return Ok(false),
            Err(fault) => return Err(fault),
        }
    }
    Ok(true)
}

fn payload(bytes: &Complete) -> Result<PutPayload, BlobFault> {
    let mut file = bytes.reader()?;
    let mut pieces = Vec::new();
    loop {
        let mut piece = vec![0_u8; STEP];
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(PutPayload::from_iter(pieces));
        }
        piece.truncate(count);
        pieces.push(Bytes::from(piece));
    }
}

fn if_there<T>(outcome: Result<T, Error>) -> Result<Option<T>, BlobFault> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(fault(error)),
    }
}

fn fault(error: Error) -> BlobFault {
    BlobFault::Io(std::io::Error::other(error))
}

#[cfg(test)]
mod tests;
