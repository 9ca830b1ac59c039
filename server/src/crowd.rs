//! When those who are turned away should come back: the more they are, the further apart.
//!
//! After an outage thousands of phones reconnect at once. If all of them tried again within some seconds,
//! most would be turned away again and again, and each of these tries costs what could have served one.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZero,
    sync::{LazyLock, Mutex, PoisonError},
    time::Instant,
};

/// So many seconds are the least that those who are turned away are spread over, and for so long one
/// of them counts, and as long again.
const WINDOW_S: u64 = 8;
/// How many one core serves in a second. Rather too many: a server that waits for its callers serves
/// nobody, and who comes too early is only told once more.
const SERVED_BY_A_CORE: usize = 150;
/// Nobody is sent away for longer.
const LONGEST_S: u64 = 60;

/// After how many seconds somebody who is turned away now should come back; each call counts one.
pub(crate) fn come_back_after_s() -> u32 {
    static CROWD: LazyLock<(Instant, Mutex<Crowd>)> =
        LazyLock::new(|| (Instant::now(), Mutex::default()));
    let (began, crowd) = &*CROWD;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let served = u64::try_from(cores * SERVED_BY_A_CORE).unwrap_or(u64::MAX);
    let spread = crowd
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .one_more(began.elapsed().as_secs(), served);
    within_s(spread)
}

/// The same for somebody whom others only got in the way of: there is no crowd, and most of them are
/// tried again here before anybody hears of it.
pub(crate) fn come_back_soon_s() -> u32 {
    within_s(WINDOW_S)
}

fn within_s(spread: u64) -> u32 {
    u32::try_from(1 + RandomState::new().hash_one(()) % spread).unwrap_or(1)
}

/// Those who were turned away lately.
#[derive(Debug, Default)]
struct Crowd {
    window: u64,
    now: u64,
    before: u64,
}

impl Crowd {
    /// One more is turned away at this second; over how many seconds those of now are spread, if so many
    /// can be served in one.
    fn one_more(&mut self, second: u64, served: u64) -> u64 {
        let window = second / WINDOW_S;
        if window != self.window {
            self.before = if window == self.window + 1 { self.now } else { 0 };
            (self.window, self.now) = (window, 0);
        }
        self.now += 1;
        (WINDOW_S + (self.now + self.before) / served.max(1)).min(LONGEST_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_spread_over_seconds_and_a_crowd_over_the_time_that_it_takes() {
        let mut crowd = Crowd::default();
        assert_eq!(crowd.one_more(0, 100), 8);
        let last = (0..3_000).map(|_| crowd.one_more(3, 100)).last();
        assert_eq!(last, Some(8 + 30), "3,000 take 30 seconds");
        assert_eq!(crowd.one_more(9, 100), 8 + 30, "they still count in the window after theirs");
        assert_eq!(crowd.one_more(17, 100), 8, "and not in the one after that");
        assert_eq!(crowd.one_more(400, 100), 8);
        let last = (0..100_000).map(|_| crowd.one_more(400, 100)).last();
        assert_eq!(last, Some(60), "nobody is sent away for longer");
    }

    #[test]
    fn those_of_one_moment_come_back_at_different_ones() {
        let waits: std::collections::BTreeSet<u32> =
            (0..200).map(|_| come_back_after_s()).collect();
        assert!(waits.len() > 3 && waits.iter().all(|wait| (1..=60).contains(wait)), "{waits:?}");
        let soon: std::collections::BTreeSet<u32> = (0..200).map(|_| come_back_soon_s()).collect();
        assert!(soon.len() > 3 && soon.iter().all(|wait| (1..=8).contains(wait)), "{soon:?}");
    }
}
