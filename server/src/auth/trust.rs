//! Whether a person and their device are in good standing, remembered for half a second.
//!
//! Roles, branch and revocations are read from the database, never from the token, so a demotion or a
//! lost phone takes effect within a second on every node, and at once on the node that was told.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{policy::Actor, token::Bearer};

/// How long an answer is believed. The promise is one second; the rest is for the request itself.
const BELIEVED: Duration = Duration::from_millis(500);
/// Beyond this many entries the old ones are swept out.
const MOST: usize = 20_000;

/// Actors that were looked up a moment ago.
#[derive(Default)]
pub struct TrustCache {
    // Held for a map operation only. Monotonic time: a jump of the wall clock must not extend trust.
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    actors: HashMap<Bearer, (Instant, Actor)>,
    /// Grows with every `forget`: a look-up that began before it may have read what is out of date.
    epoch: u64,
}

/// Proof of when a look-up began.
#[derive(Clone, Copy)]
pub struct Epoch(u64);

impl TrustCache {
    /// The actor if the answer is fresh, or the mark to hand to [`Self::keep`] after looking them up.
    ///
    /// # Errors
    /// The mark, when nothing fresh is known.
    pub fn find(&self, bearer: Bearer) -> Result<Actor, Epoch> {
        let seen = self.lock();
        match seen.actors.get(&bearer) {
            Some((at, actor)) if at.elapsed() < BELIEVED => Ok(actor.clone()),
            _ => Err(Epoch(seen.epoch)),
        }
    }

    /// Remembers an actor, unless somebody's standing changed since the look-up began.
    pub fn keep(&self, bearer: Bearer, actor: Actor, began: Epoch) {
        let mut seen = self.lock();
        if seen.epoch != began.0 {
            return;
        }
        if seen.actors.len() >= MOST {
            seen.actors.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        }
        seen.actors.insert(bearer, (Instant::now(), actor));
    }

    /// Forgets everybody: somebody's standing has changed.
    pub fn forget(&self) {
        let mut seen = self.lock();
        seen.epoch += 1;
        seen.actors.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
