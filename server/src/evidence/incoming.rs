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
                pace.add(piece.len());
                return Ok(Some(piece));
            }
            Ok(Some(Err(_))) => {
                return Err(ApiError::new(Code::Malformed).detail("the body broke off"));
            }
            Ok(None) => return Ok(None),
            Err(_) => pace.check()?,
        }
    }
}

/// How much came in the running window. Time spent on our own disk counts for the sender.
pub(super) struct Pace {
    ends: Instant,
    bytes: usize,
    looked: Instant,
}

impl Pace {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self { ends: now + WINDOW, bytes: 0, looked: now }
    }

    /// So many bytes came.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Begins the next window if this one is over.
    ///
    /// # Errors
    /// `too_slow` when too little came in it.
    pub(super) fn check(&mut self) -> Result<(), ApiError> {
        let now = Instant::now();
        if now < self.ends {
            Ok(())
        } else if self.bytes >= LEAST_BYTES {
            *self = Self::begin();
            Ok(())
        } else {
            Err(ApiError::new(Code::TooSlow))
        }
    }

    /// Whether it is this long since it last said so.
    pub(super) fn looks_again(&mut self, every: Duration) -> bool {
        let now = Instant::now();
        let due = now.duration_since(self.looked) >= every;
        if due {
            self.looked = now;
        }
        due
    }
}

/// Takes a whole body of at most so many bytes into memory.
///
/// # Errors
/// `malformed_request` when it breaks off, `too_slow`, `too_large`.
pub async fn collect(mut body: Payload, most: usize) -> Result<Vec<u8>, ApiError> {
    let (mut all, mut pace) = (Vec::new(), Pace::begin());
    while let Some(piece) = next(&mut body, &mut pace).await? {
        if all.len() + piece.len() > most {
            return Err(ApiError::new(Code::TooLarge).detail(format!("at most {most} bytes")));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all)
}
