//! What must hold for every log.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

fn any_instant() -> impl Strategy<Value = Instant> {
    // Few and close instants, so that equal ones and narrow misses are common; and absurd ones.
    prop_oneof![
        20 => (0_i64..150).prop_map(|minute| Instant(minute * 60_000)),
        1 => any::<i64>().prop_map(Instant),
    ]
}

fn any_event() -> impl Strategy<Value = LoggedEvent> {
    // Half of them about the clocks of dispatch, or most logs would say nothing.
    let usual = vec![
        EventKind::CaseReported,
        EventKind::TaskAssigned,
        EventKind::CustomerReached,
        EventKind::Arrived,
        EventKind::ArrivalAgreed,
        EventKind::ClockPaused,
        EventKind::ClockResumed,
        EventKind::ClockExtended,
        EventKind::ContractLimitSet,
        EventKind::SurgeLimitSet,
        EventKind::CaseClosed,
        EventKind::CaseReopened,
    ];
    let kind = prop_oneof![select(usual), select(EventKind::KNOWN)];
    let confidence = select(TimeConfidence::ALL);
    let clock = option::of(prop_oneof![
        select(vec![ClockName::Dispatch, ClockName::Arrival]),
        select(ClockName::ALL)
    ]);
    let limit = option::of(prop_oneof![
        (1_i64..90).prop_map(|minutes| Limit::Span { ms: Span::minutes(minutes) }),
        (1_u16..90).prop_map(|days| Limit::WorkingDays { days }),
        (1_u16..90).prop_map(|days| Limit::CalendarDays { days }),
        (1_i64..90).prop_map(|hours| Limit::OfficeHours { ms: Span::hours(hours) }),
        Just(Limit::OfficeDayEnd),
        Just(Limit::MonthEnd),
    ]);
    let times = (any_instant(), any_instant(), option::of(any_instant()));
    (kind, times, confidence, clock, limit).prop_map(
        |(kind, (occurred_at, recorded_at, agreed_for), confidence, clock, limit)| LoggedEvent {
            kind,
            occurred_at,
            recorded_at,
            agreed_for,
            clock,
            limit,
            confidence,
        },
    )
}

fn any_zone() -> impl Strategy<Value = ZoneClass> {
    select(ZoneClass::ALL)
}

fn fold(log: &[LoggedEvent], zone: ZoneClass, now: Instant) -> Vec<ClockState> {
    clocks(log, &PromiseProfile::zhejiang_2010(), WorkCalendar::built_in(), zone, now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_order_of_the_log_does_not_matter(
        (log, shuffled) in vec(any_event(), 0..30)
            .prop_flat_map(|log| (Just(log.clone()), Just(log).prop_shuffle())),
        zone in any_zone(),
        now in any_instant(),
    ) {
        prop_assert_eq!(fold(&log, zone, now), fold(&shuffled, zone, now));
    }

    #[test]
    fn an_entry_logged_twice_counts_once(
        log in vec(any_event(), 1..20),
        zone in any_zone(),
        now in any_instant(),
    ) {
        let twice = [log.clone(), log.clone()].concat();
        prop_assert_eq!(fold(&log, zone, now), fold(&twice, zone, now));
    }

    #[test]
    fn a_failed_attempt_changes_no_clock(
        log in vec(any_event(), 0..20),
        attempt in any_event(),
        zone in any_zone(),
        now in any_instant(),
    ) {
        let attempt = LoggedEvent { kind: EventKind::ContactAttempted, ..attempt };
        let with_attempt = [log.clone(), vec![attempt]].concat();
        prop_assert_eq!(fold(&log, zone, now), fold(&with_attempt, zone, now));
    }

    #[test]
    fn a_stopped_clock_no_longer_looks_at_the_time(
        log in vec(any_event(), 0..20),
        zone in any_zone(),
        (now, later) in (any_instant(), any_instant()),
    ) {
        for (a, b) in fold(&log, zone, now).iter().zip(&fold(&log, zone, later)) {
            if a.is_running() {
                prop_assert_eq!((a.limit_at, a.started_at), (b.limit_at, b.started_at));
            } else {
                prop_assert_eq!(a, b);
            }
        }
    }

    #[test]
    fn the_verdict_agrees_with_the_instants(
        log in vec(any_event(), 0..30),
        zone in any_zone(),
        now in any_instant(),
    ) {
        for state in fold(&log, zone, now) {
            let (Some(started_at), Some(limit_at)) = (state.started_at, state.limit_at) else {
                let without = matches!(state.verdict, Verdict::NotStarted | Verdict::Paused);
                prop_assert!(without, "{:?}", state);
                continue;
            };
            prop_assert!(state.stopped_at.is_none_or(|stopped_at| started_at <= stopped_at));
            let late = state.stopped_at.unwrap_or(now) > limit_at;
            prop_assert_eq!(state.verdict.is_late(), late);
            let span = match state.verdict {
                Verdict::NotStarted | Verdict::Ended | Verdict::Paused => Span::ZERO,
                Verdict::Running { remaining_ms: span } | Verdict::AtRisk { remaining_ms: span }
                | Verdict::Met { margin_ms: span } | Verdict::Breached { by_ms: span }
                | Verdict::Explained { by_ms: span } => span,
            };
            prop_assert!(span >= Span::ZERO);
        }
    }
}
