//! A body on its way into the staging area: streamed, hashed, measured, and not for ever.

use std::time::Duration;

use actix_web::web::{Bytes, Payload};
use api_spec::problem::Code;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::{
    error::ApiError,
    ports::blobs::{Complete, Staged},
};

/// A sender must deliver [`LEAST_BYTES`] in every such time (B35).
const WINDOW: Duration = Duration::from_secs(30);
/// One kilobyte a second: the slowest link on which a photo has a chance to arrive at all.
const LEAST_BYTES: usize = 30 * 1024;

/// Takes the whole body.
///
/// # Errors
/// `malformed_request` when it breaks off, `too_slow`, `hash_mismatch` when it is longer than
/// announced, faults of the store. Nothing is kept then.
pub(super) async fn take(mut body: Payload, mut staged: Staged) -> Result<Complete, ApiError> {
    let mut pace = Pace::begin();
    while let Some(piece) = next(&mut body, &mut pace).await? {
        staged.push(&piece).await?;
    }
    Ok(staged.complete().await?)
}

async fn next(body: &mut Payload, pace: &mut Pace) -> Result<Option<Bytes>, ApiError> {
    loop {
        match timeout_at(pace.ends, body.next()).await {
            Ok(Some(Ok(piece))) => {
                pace.bytes += piece.len();
                return Ok(Some(piece));
            }
            Ok(Some(Err(_))) => {
                return Err(ApiError::new(Code::Malformed).detail("the body broke off"));
            }
            Ok(None) => return Ok(None),
            Err(_) if pace.bytes >= LEAST_BYTES => *pace = Pace::begin(),
            Err(_) => return Err(ApiError::new(Code::TooSlow)),
        }
    }
}

/// How much came in the running window. Time spent on our own disk counts for the sender.
struct Pace {
    ends: Instant,
    bytes: usize,
}

impl Pace {
    fn begin() -> Self {
        Self { ends: Instant::now() + WINDOW, bytes: 0 }
    }
}
