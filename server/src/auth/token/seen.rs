//! Tokens whose signature was checked before. A phone or a dispatcher's screen sends the same token
//! for a quarter of an hour; the signature is checked once, everything that time can change each time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest;
use sync_core::time::Instant;

use super::{Claims, lives_at};

/// Beyond this many, those that have ended are swept out; if that frees none, all are.
const MOST: usize = 20_000;

/// Held for a map operation only.
#[derive(Default)]
pub(super) struct SeenTokens(Mutex<HashMap<Digest, SeenToken>>);

/// Of the token as sent, signature included: the memory holds nothing that could be used to log in.
type Digest = [u8; 32];

/// What a good signature vouches for, and which key made it.
#[derive(Clone)]
pub(super) struct SeenToken {
    pub(super) key_id: String,
    pub(super) public: Vec<u8>,
    pub(super) claims: Claims,
}

impl SeenTokens {
    pub(super) fn find(&self, token: &str) -> Option<SeenToken> {
        self.lock().get(&digest_of(token)).cloned()
    }

    pub(super) fn keep(&self, token: &str, seen: SeenToken, now: Instant) {
        let mut tokens = self.lock();
        if tokens.len() >= MOST {
            tokens.retain(|_, seen| lives_at(&seen.claims, now));
        }
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(digest_of(token), seen);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, SeenToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest_of(token: &str) -> Digest {
    let mut digest = [0; 32];
    let sha256 = digest::digest(&digest::SHA256, token.as_bytes());
    digest.iter_mut().zip(sha256.as_ref()).for_each(|(to, from)| *to = *from);
    digest
}
