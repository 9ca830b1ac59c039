//! The clocks of a case, as a fold over its event log (A6).
//!
//! Nothing is stored: [`clocks`] reads the whole log each time and judges by when things happened,
//! not by when the server heard of them (A5.9). So an arrival that was captured without signal and
//! is synced an hour later takes the breach back, and the order of the log does not matter. Limits
//! include the last millisecond: what is promised "within 5 minutes" is kept at exactly 5:00 (A5.1).
//!
//! What starts and stops a clock and how its limit is counted is data of the promise profile. A log
//! may pause a clock, extend its limit, or hold another limit of the contract (C45) or of a manager's
//! order in a catastrophe (C58).

#[cfg(test)]
mod property_test;
#[cfg(test)]
mod story_test;
#[cfg(test)]
mod terms_test;

use serde::{Deserialize, Serialize};

mod fold;

use crate::{
    calendar::WorkCalendar,
    lifecycle::EventKind,
    promise::{Limit, PromiseProfile, ZoneClass},
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
        /// From report to the timeliness call-back (Q10).
        TimelinessCallback = "timeliness_callback",
        /// Until the agreed time of the assessment (C22).
        AssessmentAppointment = "assessment_appointment",
        /// From papers handed in to the one list of what is missing (C32).
        DeficiencyList = "deficiency_list",
        /// From the claim application to the payment agreement (C37).
        PaymentAgreement = "payment_agreement",
        /// From the claim application to telling the customer of an extension (C38).
        ExtensionTold = "extension_told",
        /// From the last condition of the fast track to the payment (C39).
        FastTrackPayment = "fast_track_payment",
        /// From the payment agreement to the payment (C40).
        Payment = "payment",
        /// From the decision "not covered" to the notice (C41).
        RejectionNotice = "rejection_notice",
        /// From application and papers to the advance on the provable part (C43).
        Advance = "advance",
        /// The law's floor for assessing (B6).
        LegalAssessment = "legal_assessment",
        /// The law's floor for paying (B6).
        LegalPayment = "legal_payment",
        /// From payment to the settled-claim call-back (Q04).
        SettledCallback = "settled_callback",
        /// From the end of the claim to its call-back (Q18).
        ClaimEndCallback = "claim_end_callback",
        /// Two successful calls for an assessor within the month (Q06).
        AssessorSample = "assessor_sample",
        /// From a complaint to the first response (Q35).
        ComplaintResponse = "complaint_response",
        /// From a complaint to the owner's answer (Q36).
        ComplaintAnswer = "complaint_answer",
        /// From a regulator's complaint to the report (Q38).
        RegulatorComplaint = "regulator_complaint",
        /// The national rule for complaints (B6).
        NationalComplaint = "national_complaint",
        /// From the end of the contract until records may be deleted (Q02).
        Retention = "retention",
        /// From the engagement to team and archive (M04, M05).
        CrmArchive = "crm_archive",
        /// From the engagement to the star rating (M07).
        CrmStar = "crm_star",
        /// From the engagement to the service plan (M10).
        CrmPlan = "crm_plan",
    }
}

impl ClockName {
    /// Whether dispatchers watch it: whether somebody is sent, calls and comes in time.
    #[must_use]
    pub const fn is_of_dispatch(self) -> bool {
        matches!(
            self,
            Self::Dispatch
                | Self::FirstContact
                | Self::Arrival
                | Self::Proxy
                | Self::AssessmentAppointment
        )
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
    /// The time agreed with the customer, or the end of an extension.
    pub agreed_for: Option<Instant>,
    /// Which clock a pause, an extension or another limit is about.
    pub clock: Option<ClockName>,
    /// Another limit than the promise's, of a contract or a manager's order.
    pub limit: Option<Limit>,
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
    /// Stands still, with a reason; it has no limit until it goes on.
    Paused,
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
            Self::Paused => "paused",
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
    /// The last instant that keeps the promise; missing while the clock is paused.
    pub limit_at: Option<Instant>,
    /// Whether the limit rests on a year whose working days are not known yet (A5.3).
    pub provisional: bool,
    /// From when on the work may be done, where it may not be done at once.
    pub opens_at: Option<Instant>,
    /// When somebody is to be warned, in order.
    pub warns_at: Vec<Instant>,
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
/// always, any other once it has started. The order of the log does not matter.
#[must_use]
pub fn clocks(
    log: &[LoggedEvent],
    profile: &PromiseProfile,
    calendar: &WorkCalendar,
    zone: ZoneClass,
    now: Instant,
) -> Vec<ClockState> {
    let always = |clock: ClockName| {
        matches!(clock, ClockName::Dispatch | ClockName::FirstContact | ClockName::Arrival)
    };
    profile
        .rules
        .iter()
        .map(|rule| fold::Fold { log, rule, office: profile.office, calendar, zone, now }.run())
        .filter(|state| always(state.clock) || state.started_at.is_some())
        .collect()
}

/// The running clock of dispatch whose limit is nearest, those that ran out first: what a
/// dispatcher's list is sorted by.
#[must_use]
pub fn next_limit(states: &[ClockState]) -> Option<&ClockState> {
    states
        .iter()
        .filter(|state| state.is_running() && state.clock.is_of_dispatch())
        .filter(|state| state.limit_at.is_some())
        .min_by_key(|state| state.limit_at)
}
