//! PURE: when something happened that a device saw (A5.9).

use sync_core::{
    clock::TimeConfidence,
    time::{ClockOffset, Instant, Span},
};

/// One request of a device: what time it was here, and what the device took it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When the server got the request.
    pub now: Instant,
    device_now: Instant,
    offset: ClockOffset,
}

/// When a device saw something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// By the device's own clock.
    pub device_at: Instant,
    /// By the server's time, as far as it can be told; never later than the receipt.
    pub occurred_at: Instant,
    /// How far `occurred_at` can be trusted.
    pub confidence: TimeConfidence,
}

impl Receipt {
    /// Older things are more likely a clock that was set while the device waited.
    const LONGEST_WAIT: Span = Span::days(30);

    /// A request that reached the server at `now` while the device's clock said `device_now`.
    #[must_use]
    pub fn new(device_now: Instant, now: Instant) -> Self {
        Self { now, device_now, offset: ClockOffset::measured(device_now, now) }
    }

    /// When something happened that the device saw at `device_at`, about a case that exists since
    /// `earliest`. It is doubtful when it cannot be so: after it was sent, before there was a case.
    #[must_use]
    pub fn seen(&self, device_at: Instant, earliest: Instant) -> Seen {
        let occurred_at = self.offset.correct(device_at, self.now);
        let after_sending = self.device_now + ClockOffset::NOISE < device_at;
        let too_early = occurred_at + ClockOffset::NOISE < earliest;
        let waited_long = self.now.since(occurred_at) > Self::LONGEST_WAIT;
        let doubtful = after_sending || too_early || waited_long;
        let confidence =
            if doubtful { TimeConfidence::Doubtful } else { TimeConfidence::Corrected };
        Seen { device_at, occurred_at, confidence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(1_750_000_000_000);

    #[test]
    fn a_wrong_clock_is_corrected_and_a_jumping_one_is_told() {
        use TimeConfidence::{Corrected, Doubtful};
        let reported = NOW - Span::hours(2);
        for (behind_min, age_min, expected_age_min, confidence) in [
            (0, 10, 10, Corrected),
            (180, 10, 10, Corrected),
            (-180, 10, 10, Corrected),
            (0, 0, 0, Corrected),
            // After it was sent: the clock was set back in between.
            (0, -5, 0, Doubtful),
            // Before the case was reported: the clock was set forward in between.
            (0, 121, 121, Doubtful),
        ] {
            let device_now = NOW - Span::minutes(behind_min);
            let seen =
                Receipt::new(device_now, NOW).seen(device_now - Span::minutes(age_min), reported);
            assert_eq!(NOW.since(seen.occurred_at), Span::minutes(expected_age_min));
            assert_eq!(seen.confidence, confidence, "{behind_min} {age_min}");
        }
        let old = Receipt::new(NOW, NOW).seen(NOW - Span::days(31), NOW - Span::days(60));
        assert_eq!(old.confidence, Doubtful);
    }
}
