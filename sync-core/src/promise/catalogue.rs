//! The clocks that ship with the product (A6), as data.

use super::rule::{ClockRule, Limit, StartsAt, Warn};
use crate::{clock::ClockName, lifecycle::EventKind, time::Span};

/// Warn when a fifth of the limit is left: our default, in no standard.
const FIFTH: Warn = Warn::Percent { percent: 20 };

fn rule(clock: ClockName, starts: &[EventKind], stops: &[EventKind], limit: Limit) -> ClockRule {
    ClockRule {
        clock,
        starts: starts.to_vec(),
        starts_at: StartsAt::First,
        requires: Vec::new(),
        stops: stops.to_vec(),
        voided_by: vec![EventKind::CaseClosed],
        agreed_by: Vec::new(),
        explained_by: Vec::new(),
        limit,
        opens_after_days: None,
        warn: FIFTH,
    }
}

/// The motor-insurance customer service standard of Zhejiang, 2010, with the floors of the law (B6)
/// and our defaults where neither says anything.
pub(super) fn zhejiang_2010() -> Vec<ClockRule> {
    [dispatch(), settlement(), afterwards(), outside_cases()].concat()
}

/// C04, C06, C09, C11, C22, Q10.
fn dispatch() -> Vec<ClockRule> {
    use EventKind as E;
    let minutes = |n| Limit::Span { ms: Span::minutes(n) };
    let by_zone = Limit::ByZone { urban_ms: Span::minutes(30), other_ms: Span::minutes(60) };
    // Out of the province, the two hours for a proxy take the place of sending somebody (C11).
    let or_proxy = vec![E::CaseClosed, E::ProxyNeeded];
    vec![
        ClockRule {
            voided_by: or_proxy.clone(),
            ..rule(ClockName::Dispatch, &[E::CaseReported], &[E::TaskAssigned], minutes(5))
        },
        // A failed attempt to reach the customer keeps nothing.
        rule(ClockName::FirstContact, &[E::TaskAssigned], &[E::CustomerReached], minutes(5)),
        ClockRule {
            voided_by: or_proxy,
            agreed_by: vec![E::ArrivalAgreed],
            explained_by: vec![E::DelayNotified],
            ..rule(ClockName::Arrival, &[E::TaskAssigned], &[E::Arrived, E::SurveyWaived], by_zone)
        },
        ClockRule {
            voided_by: vec![E::CaseClosed, E::ProxyDropped],
            ..rule(ClockName::Proxy, &[E::ProxyNeeded], &[E::ProxyArranged], minutes(120))
        },
        ClockRule {
            requires: vec![E::CallbackPlanned],
            ..rule(
                ClockName::TimelinessCallback,
                &[E::CaseReported],
                &[E::TimelinessCalled],
                by_zone,
            )
        },
        ClockRule {
            agreed_by: vec![E::SlotAgreed],
            ..rule(
                ClockName::AssessmentAppointment,
                &[E::SlotAgreed],
                &[E::AssessorArrived],
                Limit::Agreed,
            )
        },
    ]
}

/// C30-C44 and the floors of the law.
fn settlement() -> Vec<ClockRule> {
    use EventKind as E;
    let working = |days| Limit::WorkingDays { days };
    let calendar = |days| Limit::CalendarDays { days };
    vec![
        rule(
            ClockName::DeficiencyList,
            &[E::DocumentsReceived],
            &[E::DeficiencyListed, E::DocumentsCompleted],
            Limit::OfficeDayEnd,
        ),
        ClockRule {
            requires: vec![E::AgreementEligible],
            ..rule(
                ClockName::PaymentAgreement,
                &[E::ClaimApplied],
                &[E::PaymentAgreed, E::ClaimRejected],
                working(10),
            )
        },
        rule(
            ClockName::ExtensionTold,
            &[E::ClaimApplied],
            &[E::ExtensionTold, E::PaymentAgreed, E::ClaimRejected],
            working(10),
        ),
        ClockRule {
            starts_at: StartsAt::Last,
            requires: vec![E::FastTrackEligible],
            ..rule(
                ClockName::FastTrackPayment,
                &[E::Agreed, E::DocumentsCompleted],
                &[E::Paid],
                working(2),
            )
        },
        rule(ClockName::Payment, &[E::PaymentAgreed], &[E::Paid], working(3)),
        ClockRule {
            voided_by: Vec::new(),
            ..rule(
                ClockName::RejectionNotice,
                &[E::ClaimRejected],
                &[E::RejectionTold],
                calendar(3),
            )
        },
        ClockRule {
            starts_at: StartsAt::Last,
            warn: Warn::AfterDays { days: vec![45, 55] },
            ..rule(
                ClockName::Advance,
                &[E::ClaimApplied, E::DocumentsReceived],
                &[E::AdvancePaid, E::Adjudicated, E::ClaimRejected],
                calendar(60),
            )
        },
        rule(
            ClockName::LegalAssessment,
            &[E::ClaimApplied],
            &[E::Adjudicated, E::ClaimRejected],
            calendar(30),
        ),
        rule(ClockName::LegalPayment, &[E::PaymentAgreed], &[E::Paid], calendar(10)),
    ]
}

/// Call-backs and complaints.
fn afterwards() -> Vec<ClockRule> {
    use EventKind as E;
    let working = |days| Limit::WorkingDays { days };
    let calendar = |days| Limit::CalendarDays { days };
    let open = |rule| ClockRule { voided_by: Vec::new(), ..rule };
    vec![
        open(ClockRule {
            opens_after_days: Some(10),
            ..rule(ClockName::SettledCallback, &[E::Paid], &[E::SettledCalled], calendar(15))
        }),
        open(rule(
            ClockName::ClaimEndCallback,
            &[E::CaseClosed],
            &[E::ClaimEndCalled],
            calendar(7),
        )),
        open(rule(
            ClockName::ComplaintResponse,
            &[E::ComplaintReceived],
            &[E::ComplaintResponded, E::ComplaintAnswered],
            Limit::Span { ms: Span::hours(24) },
        )),
        open(rule(
            ClockName::ComplaintAnswer,
            &[E::ComplaintReceived],
            &[E::ComplaintAnswered],
            working(3),
        )),
        open(rule(
            ClockName::RegulatorComplaint,
            &[E::RegulatorComplained],
            &[E::RegulatorReported],
            working(3),
        )),
        // 15 days; 30 and 30 more only by extensions with an approver.
        open(rule(
            ClockName::NationalComplaint,
            &[E::ComplaintReceived],
            &[E::ComplaintConcluded],
            calendar(15),
        )),
    ]
}

/// Clocks whose log is not that of a case: an assessor's month, a contract, an engagement.
fn outside_cases() -> Vec<ClockRule> {
    use EventKind as E;
    let working = |days| Limit::WorkingDays { days };
    let open = |rule| ClockRule { voided_by: Vec::new(), ..rule };
    vec![
        open(rule(
            ClockName::AssessorSample,
            &[E::MonthBegan],
            &[E::SamplesCompleted],
            Limit::MonthEnd,
        )),
        open(rule(
            ClockName::Retention,
            &[E::ContractEnded],
            &[E::RetentionEnded],
            Limit::Years { years: 5 },
        )),
        open(rule(ClockName::CrmArchive, &[E::EngagementSigned], &[E::ArchiveMade], working(3))),
        open(rule(ClockName::CrmStar, &[E::EngagementSigned], &[E::StarRated], working(5))),
        open(rule(ClockName::CrmPlan, &[E::EngagementSigned], &[E::PlanWritten], working(10))),
    ]
}
