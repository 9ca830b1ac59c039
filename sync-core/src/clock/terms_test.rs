//! Pauses, extensions, other limits, and clocks that count days.

use super::*;
use crate::calendar::Day;

const REPORTED_AT: Instant = Instant(1_750_000_000_000);

fn after(minutes: i64) -> Instant {
    REPORTED_AT + Span::minutes(minutes)
}

fn event(kind: &str, occurred_at: Instant) -> LoggedEvent {
    LoggedEvent {
        kind: kind.parse().unwrap(),
        occurred_at,
        recorded_at: occurred_at,
        agreed_for: None,
        clock: None,
        limit: None,
        confidence: TimeConfidence::Certain,
    }
}

fn about(clock: ClockName, kind: &str, minute: i64) -> LoggedEvent {
    LoggedEvent { clock: Some(clock), ..event(kind, after(minute)) }
}

fn state(clock: ClockName, log: &[LoggedEvent], now: Instant) -> Option<ClockState> {
    let profile = PromiseProfile::zhejiang_2010();
    let states = clocks(log, &profile, WorkCalendar::built_in(), ZoneClass::Urban, now);
    states.into_iter().find(|state| state.clock == clock)
}

/// The limit of an arrival in minutes after the report, where the surveyor was sent at once.
fn arrival_limit(events: &[LoggedEvent], now: i64) -> (Option<i64>, &'static str) {
    let sent = [event("case_reported", after(0)), event("task_assigned", after(0))];
    let log = [&sent, events].concat();
    let state = state(ClockName::Arrival, &log, after(now)).unwrap();
    let minutes = state.limit_at.map(|at| at.since(REPORTED_AT).0 / 60_000);
    (minutes, state.verdict.as_str())
}

#[test]
fn a_pause_moves_the_limit_by_as_long_as_it_lasted() {
    use ClockName::{Arrival, Dispatch};
    let pause =
        |from, to| vec![about(Arrival, "clock_paused", from), about(Arrival, "clock_resumed", to)];
    let open = vec![about(Arrival, "clock_paused", 10)];
    for (events, now, expected) in [
        (vec![], 20, (Some(30), "running")),
        (pause(10, 25), 30, (Some(45), "running")),
        (open.clone(), 60, (None, "paused")),
        // It began after the promise was broken, or belongs to another clock.
        (pause(31, 50), 60, (Some(30), "breached")),
        (vec![about(Dispatch, "clock_paused", 1)], 29, (Some(30), "at_risk")),
        // Each begins before the limit that the one before it has made.
        ([pause(10, 25), pause(40, 50)].concat(), 54, (Some(55), "at_risk")),
        // Said twice, and resumed without a pause.
        ([pause(10, 25), pause(10, 25)].concat(), 44, (Some(45), "at_risk")),
        (vec![about(Arrival, "clock_resumed", 5)], 20, (Some(30), "running")),
        ([open, vec![event("arrived", after(15))]].concat(), 60, (Some(35), "met")),
    ] {
        assert_eq!(arrival_limit(&events, now), expected, "{events:?}");
    }
}

#[test]
fn only_a_limit_that_has_not_run_out_can_be_extended() {
    let extended = |at, until| LoggedEvent {
        agreed_for: Some(after(until)),
        ..about(ClockName::Arrival, "clock_extended", at)
    };
    for (events, expected) in [
        (vec![extended(29, 90)], Some(90)),
        (vec![extended(30, 90)], Some(90)),
        (vec![extended(31, 90)], Some(30)),
        (vec![extended(20, 10)], Some(30)),
        (vec![extended(20, 50), extended(45, 70)], Some(70)),
    ] {
        assert_eq!(arrival_limit(&events, 28).0, expected, "{events:?}");
    }
}

#[test]
fn the_contract_prevails_and_an_order_only_lengthens() {
    let limited = |kind, at, minutes| LoggedEvent {
        limit: Some(Limit::Span { ms: Span::minutes(minutes) }),
        ..about(ClockName::Arrival, kind, at)
    };
    let contract = |at, minutes| limited("contract_limit_set", at, minutes);
    let surge = |at, minutes| limited("surge_limit_set", at, minutes);
    for (events, expected) in [
        // Entered late, it prevails all the same; shorter or longer; the last one counts.
        (vec![contract(50, 20)], Some(20)),
        (vec![contract(1, 45), contract(2, 40)], Some(40)),
        (vec![contract(1, 0)], Some(30)),
        (vec![surge(10, 120)], Some(120)),
        (vec![surge(31, 120)], Some(30)),
        (vec![surge(10, 20)], Some(30)),
        (vec![contract(1, 200), surge(10, 120)], Some(200)),
    ] {
        assert_eq!(arrival_limit(&events, 15).0, expected, "{events:?}");
    }
}

fn noon(day: &str) -> Instant {
    day.parse::<Day>().unwrap().start() + Span::hours(12)
}

/// A5.2, through the clocks that they are about.
#[test]
fn clocks_count_days_as_the_check_values_say() {
    for (clock, kinds, received, expected) in [
        (
            ClockName::FastTrackPayment,
            &["agreed", "documents_completed", "fast_track_eligible"][..],
            "2025-09-26",
            "2025-09-29",
        ),
        (ClockName::Payment, &["payment_agreed"], "2025-09-26", "2025-09-30"),
        (
            ClockName::PaymentAgreement,
            &["claim_applied", "agreement_eligible"],
            "2025-09-26",
            "2025-10-16",
        ),
        (ClockName::Payment, &["payment_agreed"], "2026-02-12", "2026-02-24"),
        (ClockName::ExtensionTold, &["claim_applied"], "2026-02-12", "2026-03-04"),
        (
            ClockName::FastTrackPayment,
            &["agreed", "documents_completed", "fast_track_eligible"],
            "2026-09-30",
            "2026-10-09",
        ),
        // Three calendar days that end in the holiday: the day after it (203), not three working days.
        (ClockName::RejectionNotice, &["claim_rejected"], "2026-09-28", "2026-10-08"),
        (ClockName::RejectionNotice, &["claim_rejected"], "2026-03-02", "2026-03-05"),
    ] {
        let log: Vec<_> = kinds.iter().map(|kind| event(kind, noon(received))).collect();
        let state = state(clock, &log, noon(received)).unwrap();
        let end = expected.parse::<Day>().unwrap().end();
        assert_eq!((state.limit_at, state.provisional), (Some(end), false), "{clock} {received}");
        // The last millisecond of the day keeps the promise.
        assert_eq!(
            state.limit_at.unwrap() + Span(1),
            expected.parse::<Day>().unwrap().plus(1).start()
        );
    }
}

#[test]
fn a_promise_with_conditions_exists_only_with_all_of_them() {
    let day = noon("2026-03-02");
    let later = noon("2026-03-05");
    let log = [event("agreed", day), event("documents_completed", later)];
    assert_eq!(state(ClockName::FastTrackPayment, &log, later), None);
    let log = [&log[..], &[event("fast_track_eligible", later)]].concat();
    let found = state(ClockName::FastTrackPayment, &log, later).unwrap();
    assert_eq!(found.started_at, Some(later));
    assert_eq!(state(ClockName::TimelinessCallback, &[event("case_reported", day)], later), None);
}

#[test]
fn the_advance_warns_on_day_45_and_55() {
    let applied = noon("2026-03-02");
    let log = [event("claim_applied", applied), event("documents_received", applied)];
    let at = |now| state(ClockName::Advance, &log, now).unwrap();
    let found = at(applied);
    let days: Vec<String> = found.warns_at.iter().map(|at| Day::of(*at).to_string()).collect();
    assert_eq!(days, ["2026-04-16", "2026-04-26"]);
    // 60 days lead to 1 May, a holiday that ends on the 5th.
    assert_eq!(Day::of(found.limit_at.unwrap()).to_string(), "2026-05-06");
    assert_eq!(found.verdict.as_str(), "running");
    assert_eq!(at(noon("2026-04-16")).verdict.as_str(), "at_risk");
}

#[test]
fn a_year_without_notice_makes_a_limit_provisional() {
    let log = [event("payment_agreed", noon("2026-12-30"))];
    let found = state(ClockName::Payment, &log, noon("2026-12-30")).unwrap();
    assert!(found.provisional);
    assert_eq!(Day::of(found.limit_at.unwrap()).to_string(), "2027-01-04");
}

#[test]
fn an_appointment_is_kept_by_its_slot_and_moves_only_before_it() {
    let slot = |minute, until| LoggedEvent {
        agreed_for: Some(after(until)),
        ..event("slot_agreed", after(minute))
    };
    let at = |log: &[LoggedEvent], now| {
        let state = state(ClockName::AssessmentAppointment, log, after(now)).unwrap();
        (state.limit_at.map(|at| at.since(REPORTED_AT).0 / 60_000), state.verdict.as_str())
    };
    assert_eq!(at(&[slot(0, 60)], 30), (Some(60), "running"));
    assert_eq!(at(&[slot(0, 60), slot(50, 90)], 70), (Some(90), "running"));
    assert_eq!(at(&[slot(0, 60), slot(61, 90)], 80), (Some(60), "breached"));
    let there = event("assessor_arrived", after(60));
    assert_eq!(at(&[slot(0, 60), there], 80), (Some(60), "met"));
}

#[test]
fn a_settled_call_back_opens_on_the_tenth_day() {
    let log = [event("paid", noon("2026-03-02"))];
    let found = state(ClockName::SettledCallback, &log, noon("2026-03-03")).unwrap();
    assert_eq!(found.opens_at, Some("2026-03-12".parse::<Day>().unwrap().start()));
    assert_eq!(Day::of(found.limit_at.unwrap()).to_string(), "2026-03-17");
}
