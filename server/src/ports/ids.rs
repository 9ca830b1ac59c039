//! New ids and secrets.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

/// Where new ids and unguessable values come from.
pub trait Ids: Send + Sync {
    /// A new version-7 UUID.
    fn uuid(&self) -> Uuid;

    /// Unguessable bytes.
    fn random(&self, bytes: &mut [u8]);
}

impl dyn Ids {
    /// A new id of any kind.
    pub fn new<T: From<Uuid>>(&self) -> T {
        T::from(self.uuid())
    }

    /// A secret with 256 bits of randomness, safe in a URL.
    #[must_use]
    pub fn secret(&self) -> String {
        let mut bytes = [0_u8; 32];
        self.random(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Six random decimal digits, each value equally likely.
    #[must_use]
    pub fn six_digits(&self) -> String {
        loop {
            let mut bytes = [0_u8; 4];
            self.random(&mut bytes);
            let number = u32::from_le_bytes(bytes);
            // The largest multiple of a million in 32 bits: beyond it some codes would be likelier.
            if number < 4_294_000_000 {
                return format!("{:06}", number % 1_000_000);
            }
        }
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn uuid(&self) -> Uuid {
        #[expect(clippy::disallowed_methods, reason = "this is the port's real implementation")]
        Uuid::now_v7()
    }

    fn random(&self, bytes: &mut [u8]) {
        // A process without randomness must not go on handing out guessable secrets.
        if aws_lc_rs::rand::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
