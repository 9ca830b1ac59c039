//! PURE: who may verify or adjudicate which amount (C27, C33, B22).

pub mod authority;

pub use self::authority::{AuthorityRefusal, Exposure, Limits, judge};

use sync_core::time::{Instant, Span};

/// Where nothing else is set: one working day around the clock (C27 leaves it to the company).
pub const USUAL_LIMIT: Span = Span::hours(24);
/// Below this share of the limit the verifier is warned, in percent.
const WARN_PERCENT: i64 = 20;

/// How the verification clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// In time.
    Running,
    /// Little is left.
    AtRisk,
    /// The limit is over.
    Late,
}

impl ClockState {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::AtRisk => "at_risk",
            Self::Late => "late",
        }
    }
}

/// The clock of a version that waits since `queued_at` and is due at `due_at`.
pub fn clock(queued_at: Instant, due_at: Instant, now: Instant) -> ClockState {
    let (whole, left) = (due_at.since(queued_at).0, due_at.since(now).0);
    if left < 0 {
        ClockState::Late
    } else if left * 100 <= whole * WARN_PERCENT {
        ClockState::AtRisk
    } else {
        ClockState::Running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_warns_before_it_is_late() {
        let due = Instant(0) + Span::hours(10);
        for (hours, expected) in [
            (0, ClockState::Running),
            (7, ClockState::Running),
            (8, ClockState::AtRisk),
            (10, ClockState::AtRisk),
            (11, ClockState::Late),
        ] {
            assert_eq!(clock(Instant(0), due, Instant(0) + Span::hours(hours)), expected);
        }
    }
}
