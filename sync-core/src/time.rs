//! Instants and spans in whole milliseconds.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z. May come from a server or from a device;
/// the field that holds it says which.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(pub i64);

/// A span in milliseconds; negative when something happened early.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Instant {
    /// 2000-01-01T00:00:00Z: nothing that Chakan deals with is older.
    pub const EARLIEST: Self = Self(946_684_800_000);
    /// 2100-01-01T00:00:00Z: later instants are typing errors.
    pub const LATEST: Self = Self(4_102_444_800_000);

    /// Whether this is an instant that a person or device can honestly mean.
    #[must_use]
    pub fn is_plausible(self) -> bool {
        Self::EARLIEST <= self && self < Self::LATEST
    }

    /// The span since `earlier`, negative if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Whole seconds as a span.
    #[must_use]
    pub const fn seconds(n: i64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// Whole minutes as a span.
    #[must_use]
    pub const fn minutes(n: i64) -> Self {
        Self(n.saturating_mul(60_000))
    }

    /// Whole hours as a span.
    #[must_use]
    pub const fn hours(n: i64) -> Self {
        Self(n.saturating_mul(3_600_000))
    }

    /// 24-hour days as a span.
    #[must_use]
    pub const fn days(n: i64) -> Self {
        Self(n.saturating_mul(86_400_000))
    }

    /// The length without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub<Span> for Instant {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// What is known of a device's clock from one request: how far it is behind the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset(pub Span);

impl ClockOffset {
    /// Offsets below this are network delay, not a wrong clock, and are left alone.
    pub const NOISE: Span = Span::seconds(2);

    /// The offset seen when a device that said `device_now` reached the server at `server_now`.
    #[must_use]
    pub fn measured(device_now: Instant, server_now: Instant) -> Self {
        let behind = server_now.since(device_now);
        Self(if behind.abs() < Self::NOISE { Span::ZERO } else { behind })
    }

    /// The server time at which the device, by its own clock, saw `device_time` (A5.9). Never in the
    /// future: an event cannot have happened after it was received.
    #[must_use]
    pub fn correct(self, device_time: Instant, server_now: Instant) -> Instant {
        (device_time + self.0).min(server_now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_clock_is_corrected_by_what_was_measured() {
        let server = Instant(1_750_000_000_000);
        for (behind_s, event_age_s) in [(0, 30), (1, 30), (3_600, 30), (-3_600, 30), (86_400, 0)] {
            let device = server - Span::seconds(behind_s);
            let offset = ClockOffset::measured(device, server);
            let corrected = offset.correct(device - Span::seconds(event_age_s), server);
            let error = (corrected - Span::ZERO).since(server - Span::seconds(event_age_s)).abs();
            assert!(error < ClockOffset::NOISE, "{behind_s} {event_age_s}: off by {error:?}");
        }
    }

    #[test]
    fn an_event_is_never_later_than_its_receipt() {
        let server = Instant(1_750_000_000_000);
        let offset = ClockOffset::measured(server, server);
        assert_eq!(offset.correct(server + Span::hours(5), server), server);
    }
}
