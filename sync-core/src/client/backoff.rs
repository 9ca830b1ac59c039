//! When to try again: soon at first, then less and less often, never at the same moment as everybody
//! else.

use crate::time::{Instant, Span};

/// The first pause.
const FIRST: Span = Span(1_000);
/// No pause is longer: a network that is back is used within so much.
const LONGEST: Span = Span(8_000);

/// Pauses between tries that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    not_before: Instant,
    /// State of a small generator: what it gives need not be unpredictable, only different.
    state: u64,
}

impl Backoff {
    /// A start with some number that differs from phone to phone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { failures: 0, not_before: Instant(0), state: seed | 1 }
    }

    /// A try failed. `wait` is what the server asked for, if it answered.
    pub fn failed(&mut self, now: Instant, wait: Option<Span>) {
        let most = (FIRST.0 << self.failures.min(3)).min(LONGEST.0);
        // Anywhere from half to the whole of the pause.
        let half = most / 2;
        let jitter = i64::try_from(self.next() % 1_024).unwrap_or_default();
        let pause = half + half * jitter / 1_024;
        self.failures = self.failures.saturating_add(1);
        let asked = wait.map_or(0, |wait| wait.0.clamp(0, 3_600_000));
        self.not_before = now + Span(pause.max(asked));
    }

    /// A try succeeded, or the platform says that the network is back.
    pub fn reset(&mut self) {
        self.failures = 0;
        self.not_before = Instant(0);
    }

    /// Until when to wait; nothing if now is fine.
    #[must_use]
    pub fn wait(&self, now: Instant) -> Option<Instant> {
        // A clock that was set back must not silence the phone for long.
        let far = self.not_before.since(now) > Span(3_600_000);
        (now < self.not_before && !far).then_some(self.not_before)
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(1_772_415_000_000);

    #[test]
    fn pauses_grow_to_a_bound_and_differ_between_phones() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            let pause = |_| {
                backoff.failed(NOW, None);
                backoff.wait(NOW).unwrap().since(NOW).0
            };
            (0..8).map(pause).collect::<Vec<_>>()
        };
        let one = pauses(7);
        for (n, pause) in one.iter().enumerate() {
            let most = (1_000_i64 << n.min(3)).min(8_000);
            assert!((most / 2..=most).contains(pause), "{n}: {pause}");
        }
        assert_ne!(one, pauses(8));
        assert_eq!(one, pauses(7), "the same phone can be replayed");
    }

    #[test]
    fn the_server_may_ask_for_longer_and_success_forgets() {
        let mut backoff = Backoff::new(1);
        backoff.failed(NOW, Some(Span(60_000)));
        assert_eq!(backoff.wait(NOW), Some(NOW + Span(60_000)));
        assert_eq!(backoff.wait(NOW + Span(60_000)), None);
        // The clock was set back by a year.
        assert_eq!(backoff.wait(NOW - Span::days(365)), None);
        backoff.reset();
        assert_eq!(backoff.wait(NOW), None);
    }
}
