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
pub struct Epoch {
    epoch: u64,
    at: Instant,
}

impl TrustCache {
    /// The actor if the answer is fresh, or the mark to hand to [`Self::keep`] after looking them up.
    ///
    /// # Errors
    /// The mark, when nothing fresh is known.
    pub fn find(&self, bearer: Bearer) -> Result<Actor, Epoch> {
        self.find_at(bearer, Instant::now())
    }

    fn find_at(&self, bearer: Bearer, now: Instant) -> Result<Actor, Epoch> {
        let seen = self.lock();
        match seen.actors.get(&bearer) {
            Some((at, actor)) if now.saturating_duration_since(*at) < BELIEVED => Ok(actor.clone()),
            _ => Err(Epoch { epoch: seen.epoch, at: now }),
        }
    }

    /// Remembers an actor, unless somebody's standing changed since the look-up began.
    pub fn keep(&self, bearer: Bearer, actor: Actor, began: Epoch) {
        let mut seen = self.lock();
        if seen.epoch != began.epoch {
            return;
        }
        if seen.actors.len() >= MOST {
            seen.actors.retain(|_, (at, _)| began.at.saturating_duration_since(*at) < BELIEVED);
        }
        seen.actors.insert(bearer, (began.at, actor));
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

#[cfg(test)]
mod tests {
    use sync_core::ids::{BranchId, PersonId};
    use uuid::Uuid;

    use super::*;

    fn somebody() -> (Bearer, Actor) {
        let person = PersonId(Uuid::from_u128(1));
        let actor = Actor {
            person,
            device: None,
            roles: Vec::new(),
            branch: BranchId(Uuid::nil()),
            branch_path: String::new(),
            shop: None,
            name: String::new(),
            staff_no: None,
        };
        (Bearer { person, device: None }, actor)
    }

    /// B13: on a node that nobody told, a revocation counts once the belief is over, and that is
    /// counted from before the look-up, however long the look-up took.
    #[test]
    fn what_was_read_is_believed_for_less_than_the_promised_second() {
        let (cache, (bearer, actor)) = (TrustCache::default(), somebody());
        let began = Instant::now();
        let mark = cache.find_at(bearer, began).unwrap_err();
        cache.keep(bearer, actor, mark);
        let at = |ms| cache.find_at(bearer, began + Duration::from_millis(ms)).is_ok();
        assert!(at(0) && at(499));
        assert!(!at(500) && !at(10_000));
        assert!(BELIEVED <= Duration::from_secs(1) / 2);
    }

    #[test]
    fn on_the_node_that_was_told_nothing_older_is_believed() {
        let (cache, (bearer, actor)) = (TrustCache::default(), somebody());
        let now = Instant::now();
        let before = cache.find_at(bearer, now).unwrap_err();
        cache.forget();
        // Read before the news, brought after it.
        cache.keep(bearer, actor.clone(), before);
        let mark = cache.find_at(bearer, now).unwrap_err();
        cache.keep(bearer, actor, mark);
        assert!(cache.find_at(bearer, now).is_ok());
        cache.forget();
        assert!(cache.find_at(bearer, now).is_err());
    }
}
