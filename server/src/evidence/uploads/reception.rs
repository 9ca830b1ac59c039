//! The bytes of one request, on their way into parts. What has arrived is kept whenever it can be:
//! when the connection breaks, when the sender is too slow, and when another request takes over.

use std::time::{Duration, Instant};

use actix_web::web::Payload;
use api_spec::problem::Code;
use aws_lc_rs::digest;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{
    headers::Checksum,
    lease::{self, Lease},
    rules, store,
};
use crate::{
    app::App,
    error::ApiError,
    evidence::incoming::Pace,
    ports::blobs::{Complete, PartName, Staged},
};

/// What has arrived on a slow link counts after this time at the latest.
const COUNTED_AFTER: Duration = Duration::from_secs(4);

/// How a request's bytes ended.
pub(super) struct Taken {
    /// The upload's offset now.
    pub(super) offset: u64,
    /// All bytes of the upload, if they came in this one request: not yet flushed.
    pub(super) whole: Option<Complete>,
    /// Why not all bytes came, if they did not.
    pub(super) stopped: Option<ApiError>,
}

/// Where the bytes belong.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) lease: Lease,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Takes the bytes of one request.
///
/// # Errors
/// Faults of store and database, `checksum_mismatch`; then nothing of this request counts.
pub(super) async fn take(
    app: &App,
    mut body: Payload,
    place: Place,
    checksum: Option<Checksum>,
) -> Result<Taken, ApiError> {
    let mut summing = checksum.map(Summing::begin);
    let mut offset = place.offset;
    let mut pace = Pace::begin();
    let mut part = Part::begin(app, place.length - offset).await?;
    let stopped = loop {
        match next(app, &mut body, &mut pace, place.lease).await {
            Ok(Some(piece)) => {
                if let Some(summing) = &mut summing {
                    summing.context.update(&piece);
                }
                part.staged.push(&piece).await?;
                let all = offset + part.staged.size() == place.length;
                // A chunk with a sum counts as a whole or not at all.
                if summing.is_none() && !all && part.began.elapsed() > COUNTED_AFTER {
                    let fresh = Part::begin(app, place.length - offset - part.staged.size());
                    let full = std::mem::replace(&mut part, fresh.await?);
                    offset = count(app, place.lease, offset, full.staged.complete().await?).await?;
                }
            }
            Ok(None) => break None,
            Err(stopped) => break Some(stopped),
        }
    };
    if let Some(summing) = summing {
        if let Some(stopped) = stopped {
            return Err(stopped);
        }
        summing.check()?;
    }
    let bytes = part.staged.complete().await?;
    if stopped.is_none() && place.offset == 0 && offset == 0 && bytes.size == place.length {
        return Ok(Taken { offset, whole: Some(bytes), stopped });
    }
    offset = count(app, place.lease, offset, bytes).await?;
    Ok(Taken { offset, whole: None, stopped })
}

/// A part that is arriving.
struct Part {
    staged: Staged,
    began: Instant,
}

impl Part {
    async fn begin(app: &App, most: u64) -> Result<Self, ApiError> {
        Ok(Self { staged: app.ports.blobs.stage(most).await?, began: Instant::now() })
    }
}

/// The next piece; an error when there will be none though the body has not ended.
async fn next(
    app: &App,
    body: &mut Payload,
    pace: &mut Pace,
    lease: Lease,
) -> Result<Option<actix_web::web::Bytes>, ApiError> {
    loop {
        match timeout(lease::LOOK, body.next()).await {
            Ok(Some(Ok(piece))) => {
                pace.add(piece.len());
                if pace.looks_again(lease::LOOK) && lease.is_wanted(app).await {
                    // The piece is dropped: whoever takes over asks for the offset and sends it again.
                    return Err(ApiError::new(Code::UploadTaken));
                }
                return Ok(Some(piece));
            }
            Ok(Some(Err(_))) => {
                return Err(ApiError::new(Code::Malformed).detail("the body broke off"));
            }
            Ok(None) => return Ok(None),
            Err(_) if lease.is_wanted(app).await => return Err(ApiError::new(Code::UploadTaken)),
            Err(_) => pace.check()?,
        }
    }
}

/// Flushes a part and lets it count; answers the offset behind it.
async fn count(app: &App, lease: Lease, start: u64, bytes: Complete) -> Result<u64, ApiError> {
    let size = bytes.size;
    if size == 0 {
        return Ok(start);
    }
    let name = PartName { upload: lease.id, start, fence: lease.fence };
    app.ports.blobs.keep_part(name, bytes).await?;
    let (until, expires_at) = (app.now() + rules::LEASE, app.now() + rules::KEPT);
    let counted = app.db.write(move |conn| {
        store::insert_part(conn, (lease.id, lease.fence), (start, size), (until, expires_at))
    });
    if counted.await? { Ok(start + size) } else { Err(ApiError::new(Code::UploadTaken)) }
}

/// The sum over a request's bytes as they come.
struct Summing {
    context: digest::Context,
    expected: Vec<u8>,
}

impl Summing {
    fn begin(checksum: Checksum) -> Self {
        let (algorithm, expected) = match checksum {
            // The protocol asks for it; it keeps accidents out, not attackers.
            Checksum::Sha1(sum) => (&digest::SHA1_FOR_LEGACY_USE_ONLY, sum),
            Checksum::Sha256(sum) => (&digest::SHA256, sum),
        };
        Self { context: digest::Context::new(algorithm), expected }
    }

    fn check(self) -> Result<(), ApiError> {
        if self.context.finish().as_ref() == self.expected.as_slice() {
            Ok(())
        } else {
            Err(ApiError::new(Code::ChecksumMismatch))
        }
    }
}
