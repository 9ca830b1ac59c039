//! Smaller copies of photos.

use futures_util::{FutureExt, StreamExt, future::BoxFuture};

use super::blobs::Blob;
use crate::imaging::{Ask, Made, Unreadable, make};

/// The copies could not be made this time; the photo itself may be fine.
#[derive(Debug, thiserror::Error)]
#[error("imaging: {0}")]
pub struct ImagingFault(pub String);

/// Makes copies of photos.
pub trait Imaging: Send + Sync {
    /// Does what is asked. The inner error is an answer about the photo, and final.
    ///
    /// # Errors
    /// [`ImagingFault`], as a value of the future: try again later.
    fn make(
        &self,
        ask: Ask,
        blob: Blob,
    ) -> BoxFuture<'_, Result<Result<Made, Unreadable>, ImagingFault>>;
}

/// Does it in this process: for tests about other things.
#[derive(Clone, Copy, Debug)]
pub struct HereImaging;

impl Imaging for HereImaging {
    fn make(
        &self,
        ask: Ask,
        mut blob: Blob,
    ) -> BoxFuture<'_, Result<Result<Made, Unreadable>, ImagingFault>> {
        async move {
            let mut bytes = Vec::new();
            while let Some(piece) = blob.bytes.next().await {
                bytes.extend_from_slice(&piece.map_err(|fault| ImagingFault(fault.to_string()))?);
            }
            Ok(make(&ask, bytes))
        }
        .boxed()
    }
}
