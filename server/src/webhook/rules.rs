//! PURE: who is told, how long the pauses between tries are, and what becomes of a lane: one case on its
//! way to one server.

use sync_core::time::{Instant, Span};

/// Who a server belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Shop,
    CoreSystem,
}

impl Audience {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shop => "shop",
            Self::CoreSystem => "core_system",
        }
    }

    /// The audience with this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Shop, Self::CoreSystem].into_iter().find(|audience| audience.as_str() == text)
    }
}

/// A node that sends has finished long before; if not, it is gone, and another one sends again.
pub const LOCK: Span = Span::minutes(1);

/// Pauses after failed tries: two days in all, so that a weekend's outage of the far side is no loss.
const PAUSES: [Span; 9] = [
    Span::seconds(10),
    Span::minutes(1),
    Span::minutes(5),
    Span::minutes(15),
    Span::hours(1),
    Span::hours(3),
    Span::hours(6),
    Span::hours(12),
    Span::hours(24),
];

/// How a lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// Everything was told.
    Idle,
    /// Something waits for its turn.
    Waiting,
    /// Its next message was given up; somebody has to look.
    Stuck,
}

impl LaneState {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Stuck => "stuck",
        }
    }

    /// The state with this name; one of a later release is left alone.
    pub fn parse(text: &str) -> Self {
        match text {
            "waiting" => Self::Waiting,
            "idle" => Self::Idle,
            _ => Self::Stuck,
        }
    }
}

/// What decides about a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub state: LaneState,
    /// Failed tries of its next message.
    pub attempts: i64,
    pub next_at: Instant,
    pub locked_until: Option<Instant>,
}

impl Lane {
    /// Whether its next message may be sent now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.state == LaneState::Waiting
            && self.next_at <= now
            && self.locked_until.is_none_or(|until| until <= now)
    }

    /// Something new waits at its end.
    #[must_use]
    pub fn extended(self, now: Instant) -> Self {
        match self.state {
            LaneState::Idle => {
                Self { state: LaneState::Waiting, attempts: 0, next_at: now, ..self }
            }
            // What waits or is stuck stays so: nothing overtakes.
            LaneState::Waiting | LaneState::Stuck => self,
        }
    }

    /// Its next message was taken, or left out, or is to be tried again from the beginning.
    #[must_use]
    pub fn moved_on(self, more: bool, now: Instant) -> Self {
        let state = if more { LaneState::Waiting } else { LaneState::Idle };
        Self { state, attempts: 0, next_at: now, locked_until: None }
    }

    /// Its next message was not taken. `jitter`, 0 to 255, keeps those that failed together from coming
    /// back together: up to a quarter is added to the pause.
    #[must_use]
    pub fn failed(self, jitter: u8, now: Instant) -> Self {
        let pause = usize::try_from(self.attempts).ok().and_then(|n| PAUSES.get(n));
        let attempts = self.attempts + 1;
        match pause {
            Some(pause) => {
                let pause = Span(pause.0 + pause.0 * i64::from(jitter) / 1_024);
                Self {
                    state: LaneState::Waiting,
                    attempts,
                    next_at: now + pause,
                    locked_until: None,
                }
            }
            None => Self { state: LaneState::Stuck, attempts, locked_until: None, ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(1_000_000);

    fn lane(state: LaneState) -> Lane {
        Lane { state, attempts: 0, next_at: NOW, locked_until: None }
    }

    #[test]
    fn a_lane_is_due_when_it_waits_its_pause_is_over_and_nobody_sends() {
        use LaneState::{Idle, Stuck, Waiting};
        let later = NOW + Span(1);
        for (lane, expected) in [
            (lane(Waiting), true),
            (lane(Idle), false),
            (lane(Stuck), false),
            (Lane { next_at: later, ..lane(Waiting) }, false),
            (Lane { locked_until: Some(later), ..lane(Waiting) }, false),
            (Lane { locked_until: Some(NOW), ..lane(Waiting) }, true),
        ] {
            assert_eq!(lane.is_due(NOW), expected, "{lane:?}");
        }
    }

    #[test]
    fn ten_tries_over_two_days_and_then_somebody_has_to_look() {
        let (mut at, mut now) = (lane(LaneState::Waiting), NOW);
        let mut tries = 0;
        while at.state == LaneState::Waiting {
            assert!(at.is_due(now));
            at = at.failed(0, now);
            tries += 1;
            now = at.next_at.max(now);
        }
        assert_eq!((at.state, at.attempts, tries), (LaneState::Stuck, 10, 10));
        let hours = now.since(NOW).0 / 3_600_000;
        assert!((40..72).contains(&hours), "{hours}");
        // What comes after it waits behind it, and again means from the beginning.
        assert_eq!(at.extended(now), at);
        let again = at.moved_on(true, now);
        assert!(again.is_due(now) && again.attempts == 0);
    }

    #[test]
    fn a_pause_is_up_to_a_quarter_longer_and_a_success_ends_the_count() {
        let first = |jitter| lane(LaneState::Waiting).failed(jitter, NOW).next_at.since(NOW);
        assert_eq!(first(0), Span::seconds(10));
        assert!(Span(12_400) < first(255) && first(255) < Span(12_500));
        let failed = lane(LaneState::Waiting).failed(0, NOW);
        assert_eq!(failed.moved_on(true, NOW), lane(LaneState::Waiting));
        assert_eq!(failed.moved_on(false, NOW).state, LaneState::Idle);
        assert_eq!(lane(LaneState::Idle).extended(NOW), lane(LaneState::Waiting));
        assert_eq!(failed.extended(NOW + Span(1)), failed);
    }
}
