//! How many guesses at a password are evaluated (B18).
//!
//! Every guess takes a place before its password is looked at, so that a thousand at once are no
//! more than a thousand in a row; a right password gives its place back. Beyond the limit the answer
//! is the same for a right password, a wrong one and a user name that nobody has.

use sync_core::time::{Instant, Span};

/// A guess counts for this long.
pub(in crate::identity) const WINDOW: Span = Span::hours(1);

/// Whose guesses are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Scope {
    /// Guesses of strangers at one user name.
    Account,
    /// Guesses of strangers from one address.
    Address,
    /// Guesses on one enrolled device, which strangers cannot use up.
    Device,
}

impl Scope {
    /// How many guesses of any hour are evaluated.
    pub(in crate::identity) fn most(self) -> usize {
        match self {
            Self::Account | Self::Device => 20,
            // A branch office may stand behind one address.
            Self::Address => 100,
        }
    }

    /// Keeps subjects of different scopes apart.
    pub(in crate::identity) fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Address => "address",
            Self::Device => "device",
        }
    }
}

/// The guesses that count after one more, or how long until one more is evaluated.
///
/// # Errors
/// The wait, between one millisecond and two windows.
pub(in crate::identity) fn take(
    scope: Scope,
    guesses: &[Instant],
    now: Instant,
) -> Result<Vec<Instant>, Span> {
    // Guesses far ahead were counted while the server's clock was wrong.
    let counts = |at: &Instant| now.since(*at).abs() < WINDOW;
    let mut recent: Vec<Instant> = guesses.iter().copied().filter(counts).collect();
    recent.sort_unstable();
    let over = recent.len().checked_sub(scope.most());
    if let Some(first_to_lapse) = over.and_then(|over| recent.get(over)) {
        return Err((*first_to_lapse + WINDOW).since(now));
    }
    recent.push(now);
    Ok(recent)
}

/// The guesses that count after one proved right.
pub(in crate::identity) fn give_back(guesses: &[Instant], taken: Instant) -> Vec<Instant> {
    let mut rest = guesses.to_vec();
    if let Some(place) = rest.iter().position(|at| *at == taken) {
        rest.remove(place);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant(1_750_000_000_000);

    fn at(minutes: i64) -> Instant {
        START + Span::minutes(minutes)
    }

    /// Guesses at these minutes, each taken if the rule lets it.
    fn evaluated(scope: Scope, minutes: impl IntoIterator<Item = i64>) -> (usize, Vec<Instant>) {
        let mut taken = 0;
        let mut guesses = Vec::new();
        for minute in minutes {
            if let Ok(more) = take(scope, &guesses, at(minute)) {
                guesses = more;
                taken += 1;
            }
        }
        (taken, guesses)
    }

    #[test]
    fn no_more_than_the_limit_is_evaluated_in_any_hour() {
        for (scope, minutes, expected) in [
            (Scope::Account, vec![0; 500], 20),
            (Scope::Device, vec![0; 500], 20),
            (Scope::Address, vec![0; 500], 100),
            // A burst on each side of the hour's end.
            (Scope::Account, [vec![0], vec![59; 100], vec![61; 100]].concat(), 21),
            (Scope::Account, (0..60).collect(), 20),
            // One hour after the first guess there is one place again, not twenty.
            (Scope::Account, [vec![0], vec![30; 100], vec![60; 100]].concat(), 21),
            (Scope::Account, [vec![0; 20], vec![60; 100]].concat(), 40),
        ] {
            let first: Vec<i64> = minutes.iter().copied().take(3).collect();
            assert_eq!(evaluated(scope, minutes).0, expected, "{scope:?} {first:?}");
        }
    }

    #[test]
    fn the_wait_ends_when_the_oldest_guess_lapses() {
        let (_, guesses) = evaluated(Scope::Account, [vec![0], vec![10; 19]].concat());
        assert_eq!(take(Scope::Account, &guesses, at(45)), Err(Span::minutes(15)));
        assert!(take(Scope::Account, &guesses, at(60)).is_ok());
        assert_eq!(take(Scope::Account, &guesses, at(60)).map(|g| g.len()), Ok(20));
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let (_, guesses) = evaluated(Scope::Account, vec![0; 20]);
        let rest = give_back(&guesses, at(0));
        assert_eq!(rest.len(), 19);
        assert_eq!(take(Scope::Account, &rest, at(1)).map(|g| g.len()), Ok(20));
        assert_eq!(give_back(&rest, at(7)), rest, "a place that was never taken");
    }

    #[test]
    fn a_jump_of_the_clock_locks_nobody_out_for_long() {
        let (_, guesses) = evaluated(Scope::Account, vec![24 * 60; 20]);
        assert!(take(Scope::Account, &guesses, at(0)).is_ok(), "the clock was a day ahead");
        let (_, guesses) = evaluated(Scope::Account, vec![30; 20]);
        assert_eq!(take(Scope::Account, &guesses, at(0)), Err(Span::minutes(90)));
    }
}
