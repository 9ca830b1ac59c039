//! The clocks of a case, as a fold over its event log (A6).
//!
//! Nothing is stored: [`clocks`] reads the whole log each time and judges by when things happened,
//! not by when the server heard of them (A5.9). So an arrival that was captured without signal and
//! is synced an hour later takes the breach back, and the order of the log does not matter. Limits
//! include the last millisecond: what is promised "within 5 minutes" is kept at exactly 5:00 (A5.1).

#[cfg(test)]
mod property_test;
#[cfg(test)]
mod story_test;

use serde::{Deserialize, Serialize};

use crate::{
    lifecycle::EventKind,
    promise::{PromiseProfile, ZoneClass},
    time::{Instant, Span},
    wire_name::wire_names,
};

wire_names! {
    /// What is being timed.
    pub enum ClockName {
        /// From report to the first assignment (C04).
        Dispatch = "dispatch",
        /// From the first assignment to speaking with the customer (C06).
        FirstContact = "first_contact",
        /// From the first assignment to the scene (C09).
        Arrival = "arrival",
        /// From knowing that a proxy is needed to telling the customer who comes (C11).
        Proxy = "proxy",
    }
}

wire_names! {
    /// How far the time of an event can be trusted, best first.
    pub enum TimeConfidence {
        /// The server saw it happen.
        Certain = "certain",
        /// A device saw it; its clock was corrected by a measured offset.
        Corrected = "corrected",
        /// A device saw it; its clock could not be checked or was found to jump.
        Doubtful = "doubtful",
    }
}

/// What the clocks need of one entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// What happened.
    pub kind: EventKind,
    /// When it happened, by the server's time (device time corrected).
    pub occurred_at: Instant,
    /// When the server wrote it down.
    pub recorded_at: Instant,
    /// The time agreed with the customer; for `arrival_agreed` only.
    pub agreed_for: Option<Instant>,
    /// How far `occurred_at` can be trusted.
    pub confidence: TimeConfidence,
}

/// How one clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// What starts it has not happened.
    NotStarted,
    /// Running, and there is time.
    Running {
        /// Time left until the limit.
        remaining_ms: Span,
    },
    /// Running, and little time is left: warn somebody.
    AtRisk {
        /// Time left until the limit.
        remaining_ms: Span,
    },
    /// Stopped within the limit.
    Met {
        /// Time that was left.
        margin_ms: Span,
    },
    /// The limit ran out. Still growing while the clock has not stopped.
    Breached {
        /// Time over the limit.
        by_ms: Span,
    },
    /// The limit ran out, but before that the customer was told of the delay and its reason (C10).
    Explained {
        /// Time over the limit.
        by_ms: Span,
    },
    /// The case was closed, or another clock took over, before the limit ran out: neither kept nor
    /// broken, and left out of every measure.
    Ended,
}

impl Verdict {
    /// The stable name of the verdict.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Running { .. } => "running",
            Self::AtRisk { .. } => "at_risk",
            Self::Met { .. } => "met",
            Self::Breached { .. } => "breached",
            Self::Explained { .. } => "explained",
            Self::Ended => "ended",
        }
    }

    /// Whether the limit ran out, explained or not.
    #[must_use]
    pub const fn is_late(self) -> bool {
        matches!(self, Self::Breached { .. } | Self::Explained { .. })
    }
}

/// One clock of one case at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockState {
    /// Which clock.
    pub clock: ClockName,
    /// When it started.
    pub started_at: Option<Instant>,
    /// The last instant that keeps the promise.
    pub limit_at: Option<Instant>,
    /// When it stopped or ended; missing while it runs.
    pub stopped_at: Option<Instant>,
    /// When the server heard of the stop.
    pub stop_recorded_at: Option<Instant>,
    /// The least trusted of the times that made this state.
    pub confidence: TimeConfidence,
    /// How it stands.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl ClockState {
    /// Whether it has started and not stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.started_at.is_some() && self.stopped_at.is_none()
    }

    /// Whether the promise was kept although the server heard of it only after the limit: a breach
    /// that was announced meanwhile is to be marked as cleared by late sync (A5.9).
    #[must_use]
    pub fn was_cleared_late(&self) -> bool {
        matches!(self.verdict, Verdict::Met { .. }) && self.limit_at < self.stop_recorded_at
    }
}

/// All clocks of a case whose log is `log`, as seen at `now`: dispatch, first contact and arrival
/// always, proxy once it matters. The order of the log does not matter.
#[must_use]
pub fn clocks(
    log: &[LoggedEvent],
    profile: &PromiseProfile,
    zone: ZoneClass,
    now: Instant,
) -> Vec<ClockState> {
    let limits = &profile.limits;
    [
        (ClockName::Dispatch, limits.dispatch_ms),
        (ClockName::FirstContact, limits.first_contact_ms),
        (ClockName::Arrival, limits.arrival(zone)),
        (ClockName::Proxy, limits.proxy_ms),
    ]
    .into_iter()
    .map(|(clock, limit)| Fold { log, clock, limit, warn_percent: limits.warn_percent, now }.run())
    .filter(|state| state.clock != ClockName::Proxy || state.started_at.is_some())
    .collect()
}

/// The running clock whose limit is nearest, those that ran out first: what a dispatcher's list is
/// sorted by.
#[must_use]
pub fn next_limit(states: &[ClockState]) -> Option<&ClockState> {
    states.iter().filter(|state| state.is_running()).min_by_key(|state| state.limit_at)
}

/// When an event happened, ordered so that among events of the same instant the one that the server
/// knew first and trusts most is taken, in whatever order they are logged.
type Mark = (Instant, Instant, TimeConfidence);

/// The computation of one clock.
struct Fold<'a> {
    log: &'a [LoggedEvent],
    clock: ClockName,
    limit: Span,
    warn_percent: u8,
    now: Instant,
}

impl Fold<'_> {
    fn run(&self) -> ClockState {
        let Some((started_at, _, start_confidence)) = self.first(start_of(self.clock)) else {
            return self.not_started();
        };
        // What happened before the start (an arrival before anybody was assigned) counts as done at
        // the start.
        let at_or_after_start = |mark: Mark| (mark.0.max(started_at), mark.1, mark.2);
        let stop = self.first(stops_of(self.clock)).map(at_or_after_start);
        let end = self.end().map(at_or_after_start);
        let ended = end.is_some_and(|end| stop.is_none_or(|stop| end.0 < stop.0));
        let over = if ended { end } else { stop };

        let (limit_at, limit_confidence) = self.limit(started_at, over.map(|mark| mark.0));
        let confidence = start_confidence
            .max(limit_confidence)
            .max(over.map_or(TimeConfidence::Certain, |mark| mark.2));
        ClockState {
            clock: self.clock,
            started_at: Some(started_at),
            limit_at: Some(limit_at),
            stopped_at: over.map(|mark| mark.0),
            stop_recorded_at: over.map(|mark| mark.1),
            confidence,
            verdict: match over {
                Some((at, ..)) if limit_at < at => self.late(limit_at, at),
                Some(_) if ended => Verdict::Ended,
                Some((at, ..)) => Verdict::Met { margin_ms: limit_at.since(at) },
                None if limit_at < self.now => self.late(limit_at, self.now),
                None => self.running(started_at, limit_at),
            },
        }
    }

    fn not_started(&self) -> ClockState {
        ClockState {
            clock: self.clock,
            started_at: None,
            limit_at: None,
            stopped_at: None,
            stop_recorded_at: None,
            confidence: TimeConfidence::Certain,
            verdict: Verdict::NotStarted,
        }
    }

    fn running(&self, started_at: Instant, limit_at: Instant) -> Verdict {
        let remaining_ms = limit_at.since(self.now);
        let whole = i128::from(limit_at.since(started_at).0);
        let at_risk = i128::from(remaining_ms.0) * 100 <= whole * i128::from(self.warn_percent);
        if at_risk { Verdict::AtRisk { remaining_ms } } else { Verdict::Running { remaining_ms } }
    }

    /// Late; explained if the customer was told in time. Only a delay on the way can be explained
    /// like this: who tells the customer of a delay has already reached them (C10).
    fn late(&self, limit_at: Instant, at: Instant) -> Verdict {
        let by_ms = at.since(limit_at);
        let told = self.clock == ClockName::Arrival
            && self.first(&[EventKind::DelayNotified]).is_some_and(|told| told.0 <= limit_at);
        if told { Verdict::Explained { by_ms } } else { Verdict::Breached { by_ms } }
    }

    /// The limit, and how far the times behind it can be trusted. Another time agreed with the
    /// customer becomes the limit of arrival (A6), also an earlier one; but only while the limit of
    /// that moment had not run out, or a promise already broken could be agreed away.
    fn limit(&self, started_at: Instant, over_at: Option<Instant>) -> (Instant, TimeConfidence) {
        let promised = (started_at + self.limit, TimeConfidence::Certain);
        if self.clock != ClockName::Arrival {
            return promised;
        }
        let mut agreements: Vec<_> = self
            .log
            .iter()
            .filter(|event| event.kind == EventKind::ArrivalAgreed)
            .filter(|event| over_at.is_none_or(|over_at| event.occurred_at <= over_at))
            .filter_map(|event| Some((event.occurred_at, event.agreed_for?, event.confidence)))
            // A time that had passed when it was agreed is a typing error, not an agreement.
            .filter(|(agreed_at, agreed_for, _)| (*agreed_at).max(started_at) <= *agreed_for)
            .collect();
        agreements.sort_unstable();
        agreements.into_iter().fold(promised, |limit, (agreed_at, agreed_for, confidence)| {
            if agreed_at <= limit.0 { (agreed_for, limit.1.max(confidence)) } else { limit }
        })
    }

    /// What makes the promise void: there is no case any more, or, out of the province, the two
    /// hours for a proxy have taken the place of sending somebody (C11). Reopening takes a closing
    /// back, or closing a case for a moment would hide a broken promise.
    fn end(&self) -> Option<Mark> {
        let reopened_at = self
            .log
            .iter()
            .filter(|event| event.kind == EventKind::CaseReopened)
            .map(|event| event.occurred_at)
            .max();
        let taken_over = matches!(self.clock, ClockName::Dispatch | ClockName::Arrival);
        self.first_where(|event| match event.kind {
            EventKind::CaseClosed => reopened_at < Some(event.occurred_at),
            EventKind::ProxyNeeded => taken_over,
            _ => false,
        })
    }

    fn first(&self, kinds: &[EventKind]) -> Option<Mark> {
        self.first_where(|event| kinds.contains(&event.kind))
    }

    fn first_where(&self, wanted: impl Fn(&LoggedEvent) -> bool) -> Option<Mark> {
        self.log
            .iter()
            .filter(|event| wanted(event))
            .map(|event| (event.occurred_at, event.recorded_at, event.confidence))
            .min()
    }
}

/// Dispatching again keeps the first start, because the customer has been waiting since then.
fn start_of(clock: ClockName) -> &'static [EventKind] {
    match clock {
        ClockName::Dispatch => &[EventKind::CaseReported],
        ClockName::FirstContact | ClockName::Arrival => &[EventKind::TaskAssigned],
        ClockName::Proxy => &[EventKind::ProxyNeeded],
    }
}

/// What keeps the promise. A failed attempt to reach the customer keeps nothing (C06).
fn stops_of(clock: ClockName) -> &'static [EventKind] {
    match clock {
        ClockName::Dispatch => &[EventKind::TaskAssigned],
        ClockName::FirstContact => &[EventKind::CustomerReached],
        ClockName::Arrival => &[EventKind::Arrived, EventKind::SurveyWaived],
        ClockName::Proxy => &[EventKind::ProxyArranged],
    }
}
