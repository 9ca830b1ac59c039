//! Clocks at their boundaries: each story is a log in minutes and seconds after the report.

use super::*;

const REPORTED_AT: Instant = Instant(1_750_000_000_000);

/// `m:ss` after the report.
fn at(time: &str) -> Instant {
    let (minutes, seconds) = time.split_once(':').unwrap();
    REPORTED_AT
        + Span(minutes.parse::<i64>().unwrap() * 60_000 + seconds.parse::<i64>().unwrap() * 1_000)
}

/// An entry as `kind time`, `kind time>agreed`, each with an optional `@recorded`.
fn entry(text: &str) -> LoggedEvent {
    let (kind, rest) = text.trim().split_once(' ').unwrap();
    let (rest, recorded) = rest.split_once('@').map_or((rest, None), |(a, b)| (a, Some(b)));
    let (occurred, agreed_for) = rest.split_once('>').map_or((rest, None), |(a, b)| (a, Some(b)));
    LoggedEvent {
        kind: kind.parse().unwrap(),
        occurred_at: at(occurred),
        recorded_at: at(recorded.unwrap_or(occurred)),
        agreed_for: agreed_for.map(at),
        clock: None,
        limit: None,
        confidence: if recorded.is_some() {
            TimeConfidence::Corrected
        } else {
            TimeConfidence::Certain
        },
    }
}

fn log(text: &str) -> Vec<LoggedEvent> {
    text.split(',').map(entry).collect()
}

/// The verdict with its span in seconds, such as `met 30`.
fn show(verdict: Verdict) -> String {
    let span = match verdict {
        Verdict::NotStarted | Verdict::Ended | Verdict::Paused => {
            return verdict.as_str().to_owned();
        }
        Verdict::Running { remaining_ms: span }
        | Verdict::AtRisk { remaining_ms: span }
        | Verdict::Met { margin_ms: span }
        | Verdict::Breached { by_ms: span }
        | Verdict::Explained { by_ms: span } => span,
    };
    format!("{} {}", verdict.as_str(), span.0 / 1_000)
}

fn state(clock: ClockName, text: &str, zone: ZoneClass, now: &str) -> Option<ClockState> {
    clocks(&log(text), &PromiseProfile::zhejiang_2010(), WorkCalendar::built_in(), zone, at(now))
        .into_iter()
        .find(|state| state.clock == clock)
}

fn check(clock: ClockName, text: &str, now: &str, expected: &str) {
    let found = state(clock, text, ZoneClass::Urban, now).map(|state| show(state.verdict));
    assert_eq!(found.as_deref(), Some(expected), "{clock} after {text} at {now}");
}

#[test]
fn dispatch_runs_from_report_to_the_first_assignment() {
    let check = |text, now, expected| check(ClockName::Dispatch, text, now, expected);
    check("case_reported 0:00", "0:00", "running 300");
    check("case_reported 0:00", "3:59", "running 61");
    check("case_reported 0:00", "4:00", "at_risk 60");
    check("case_reported 0:00", "5:00", "at_risk 0");
    check("case_reported 0:00", "5:01", "breached 1");
    check("case_reported 0:00, task_assigned 5:00", "9:00", "met 0");
    check("case_reported 0:00, task_assigned 5:01", "9:00", "breached 1");
    check(
        "case_reported 0:00, task_assigned 1:00, task_withdrawn 2:00, task_assigned 8:00",
        "9:00",
        "met 240",
    );
    // A delay notice explains an arrival, not a dispatch.
    check("case_reported 0:00, delay_notified 1:00, task_assigned 6:00", "9:00", "breached 60");
}

#[test]
fn only_reaching_the_customer_stops_first_contact() {
    let check = |text, now, expected| check(ClockName::FirstContact, text, now, expected);
    check("case_reported 0:00", "9:00", "not_started");
    check("task_assigned 1:00", "2:00", "running 240");
    check("task_assigned 1:00, contact_attempted 2:00", "7:00", "breached 60");
    check("task_assigned 1:00, contact_attempted 2:00, customer_reached 6:00", "7:00", "met 0");
    check("task_assigned 1:00, arrived 3:00", "7:00", "breached 60");
    check("task_assigned 1:00, task_assigned 5:00, customer_reached 8:00", "9:00", "breached 120");
    check("customer_reached 0:30, task_assigned 1:00", "7:00", "met 300");
}

#[test]
fn arrival_runs_from_the_first_assignment() {
    let check = |text, now, expected| check(ClockName::Arrival, text, now, expected);
    check("task_assigned 2:00, arrived 32:00", "40:00", "met 0");
    check("task_assigned 2:00, arrived 32:01", "40:00", "breached 1");
    check(
        "task_assigned 2:00, task_withdrawn 9:00, task_assigned 10:00, arrived 35:00",
        "40:00",
        "breached 180",
    );
    check("task_assigned 2:00, survey_waived 12:00", "40:00", "met 1200");
    check("task_assigned 2:00, arrived 20:00, arrived 36:00", "40:00", "met 720");
    check("task_assigned 2:00, arrived 36:00, survey_waived 20:00", "40:00", "met 720");
    check("arrived 1:00, task_assigned 2:00", "40:00", "met 1800");
}

#[test]
fn the_zone_decides_the_arrival_limit() {
    for (zone, expected) in [(ZoneClass::Urban, "breached 60"), (ZoneClass::Other, "met 1740")] {
        let state = state(ClockName::Arrival, "task_assigned 0:00, arrived 31:00", zone, "70:00");
        assert_eq!(show(state.unwrap().verdict), expected);
    }
}

#[test]
fn a_time_agreed_with_the_customer_becomes_the_limit() {
    let check = |text, now, expected| check(ClockName::Arrival, text, now, expected);
    check("task_assigned 0:00, arrival_agreed 10:00>90:00", "80:00", "at_risk 600");
    check("task_assigned 0:00, arrival_agreed 10:00>90:00, arrived 90:00", "99:00", "met 0");
    check("task_assigned 0:00, arrival_agreed 10:00>90:00, arrived 91:00", "99:00", "breached 60");
    check("task_assigned 0:00, arrival_agreed 30:00>90:00, arrived 40:00", "99:00", "met 3000");
    check("task_assigned 0:00, arrival_agreed 10:00>20:00, arrived 25:00", "99:00", "breached 300");
    check(
        "task_assigned 0:00, arrival_agreed 10:00>50:00, arrival_agreed 45:00>90:00, arrived 80:00",
        "99:00",
        "met 600",
    );
    // Agreed when the promise was already broken.
    check(
        "task_assigned 0:00, arrival_agreed 30:01>90:00, arrived 80:00",
        "99:00",
        "breached 3000",
    );
    check(
        "task_assigned 0:00, arrival_agreed 10:00>20:00, arrival_agreed 21:00>90:00",
        "30:00",
        "breached 600",
    );
    // Agreed for the re-survey, after the arrival.
    check("task_assigned 0:00, arrived 20:00, arrival_agreed 25:00>99:00", "99:00", "met 600");
    // A time that had passed, or none at all.
    check("task_assigned 0:00, arrival_agreed 10:00>9:00, arrived 20:00", "99:00", "met 600");
    check("task_assigned 0:00, arrival_agreed 10:00, arrived 20:00", "99:00", "met 600");
    // Agreed in the reporting call, before anybody was sent.
    check("arrival_agreed 1:00>60:00, task_assigned 2:00, arrived 50:00", "99:00", "met 600");
}

#[test]
fn a_delay_told_in_time_explains_the_breach() {
    let check = |text, now, expected| check(ClockName::Arrival, text, now, expected);
    check("task_assigned 0:00, delay_notified 30:00", "31:00", "explained 60");
    check("task_assigned 0:00, delay_notified 30:01", "31:00", "breached 60");
    check("task_assigned 0:00, delay_notified 10:00, arrived 45:00", "99:00", "explained 900");
    check("task_assigned 0:00, delay_notified 10:00, arrived 25:00", "99:00", "met 300");
    check(
        "task_assigned 0:00, delay_notified 40:00, delay_notified 29:00",
        "31:00",
        "explained 60",
    );
}

#[test]
fn a_proxy_takes_the_place_of_dispatch_and_arrival() {
    let urban = ZoneClass::Urban;
    assert_eq!(state(ClockName::Proxy, "case_reported 0:00", urban, "9:00"), None);
    assert_eq!(state(ClockName::Proxy, "proxy_arranged 1:00", urban, "9:00"), None);
    check(ClockName::Proxy, "proxy_needed 3:00", "9:00", "running 6840");
    check(ClockName::Proxy, "proxy_needed 3:00, proxy_arranged 123:00", "130:00", "met 0");
    check(ClockName::Proxy, "proxy_needed 3:00, proxy_arranged 123:01", "130:00", "breached 1");
    check(ClockName::Dispatch, "case_reported 0:00, proxy_needed 3:00", "99:00", "ended");
    check(ClockName::Dispatch, "case_reported 0:00, proxy_needed 6:00", "99:00", "breached 60");
    check(ClockName::Arrival, "task_assigned 0:00, proxy_needed 9:00", "99:00", "ended");
    check(ClockName::Arrival, "proxy_needed 1:00, task_assigned 2:00", "99:00", "ended");
    check(ClockName::FirstContact, "task_assigned 0:00, proxy_needed 3:00", "6:00", "breached 60");
}

#[test]
fn somebody_of_our_own_takes_the_place_of_a_proxy_again() {
    // A promise that was broken meanwhile stays broken.
    let log = "case_reported 0:00, proxy_needed 0:00, proxy_dropped 4:00, task_assigned 4:00";
    check(ClockName::Proxy, log, "300:00", "ended");
    check(ClockName::Dispatch, log, "300:00", "met 60");
    check(ClockName::Arrival, log, "5:00", "running 1740");
    let late = "case_reported 0:00, proxy_needed 0:00, proxy_dropped 20:00, task_assigned 20:00";
    check(ClockName::Dispatch, late, "300:00", "breached 900");
    // At the same moment the later word is that of who goes.
    let at_once = "case_reported 0:00, proxy_needed 1:00, proxy_dropped 1:00, task_assigned 1:00";
    check(ClockName::Proxy, at_once, "300:00", "ended");
    check(ClockName::Arrival, at_once, "2:00", "running 1740");
    // Needed again: the customer has been waiting since the first time.
    let again = "case_reported 0:00, proxy_needed 0:00, proxy_dropped 4:00, proxy_needed 30:00";
    check(ClockName::Proxy, again, "60:00", "running 3600");
    check(ClockName::Proxy, "proxy_needed 0:00, proxy_dropped 121:00", "300:00", "breached 60");
}

#[test]
fn closing_ends_what_still_runs() {
    let check = |text, expected| check(ClockName::Arrival, text, "99:00", expected);
    check("task_assigned 0:00, case_closed 9:00", "ended");
    check("task_assigned 0:00, case_closed 30:00", "ended");
    check("task_assigned 0:00, case_closed 31:00", "breached 60");
    check("task_assigned 0:00, arrived 9:00, case_closed 99:00", "met 1260");
    check("task_assigned 0:00, arrived 9:00, case_closed 9:00", "met 1260");
    check("task_assigned 0:00, case_closed 9:00, case_reopened 10:00", "breached 4140");
    check("task_assigned 0:00, case_closed 9:00, case_reopened 10:00, arrived 20:00", "met 600");
    check("task_assigned 0:00, case_closed 9:00, case_reopened 10:00, case_closed 15:00", "ended");
}

#[test]
fn late_truth_takes_a_breach_back() {
    let before =
        state(ClockName::Arrival, "task_assigned 0:00", ZoneClass::Urban, "45:00").unwrap();
    assert_eq!(show(before.verdict), "breached 900");
    let story = "task_assigned 0:00, arrived 28:00@50:00";
    let after = state(ClockName::Arrival, story, ZoneClass::Urban, "50:00").unwrap();
    assert_eq!(show(after.verdict), "met 120");
    assert_eq!(after.stop_recorded_at, Some(at("50:00")));
    assert_eq!(after.confidence, TimeConfidence::Corrected);
    assert!(after.was_cleared_late());

    for on_time in ["arrived 28:00@30:00", "arrived 28:00", "arrived 31:00@50:00"] {
        let story = format!("task_assigned 0:00, {on_time}");
        let state = state(ClockName::Arrival, &story, ZoneClass::Urban, "50:00").unwrap();
        assert!(!state.was_cleared_late(), "{on_time}");
    }
}

#[test]
fn a_clock_is_as_sure_as_its_least_sure_time() {
    use TimeConfidence as T;
    // An entry with a time of recording comes from a device and was corrected.
    for (story, expected) in [
        ("task_assigned 0:00, arrived 20:00", T::Certain),
        ("task_assigned 0:00@1:00, arrived 20:00", T::Corrected),
        ("task_assigned 0:00, arrived 20:00@21:00", T::Corrected),
        ("task_assigned 0:00, arrival_agreed 9:00>60:00@10:00, arrived 20:00", T::Corrected),
        ("task_assigned 0:00, arrived 20:00, arrival_agreed 25:00>60:00@26:00", T::Certain),
        ("task_assigned 0:00, customer_reached 9:00@10:00, arrived 20:00", T::Certain),
    ] {
        let state = state(ClockName::Arrival, story, ZoneClass::Urban, "70:00").unwrap();
        assert_eq!(state.confidence, expected, "{story}");
    }
}

#[test]
fn the_list_is_sorted_by_the_nearest_running_limit() {
    let next = |text: &str, now| {
        let states = clocks(
            &log(text),
            &PromiseProfile::zhejiang_2010(),
            WorkCalendar::built_in(),
            ZoneClass::Urban,
            at(now),
        );
        next_limit(&states).map(|state| (state.clock, state.limit_at.unwrap()))
    };
    assert_eq!(next("note_added 0:00", "1:00"), None);
    assert_eq!(next("case_reported 0:00", "9:00"), Some((ClockName::Dispatch, at("5:00"))));
    let sent = "case_reported 0:00, task_assigned 1:00";
    assert_eq!(next(sent, "2:00"), Some((ClockName::FirstContact, at("6:00"))));
    let reached = format!("{sent}, customer_reached 3:00");
    assert_eq!(next(&reached, "4:00"), Some((ClockName::Arrival, at("31:00"))));
    assert_eq!(next(&format!("{reached}, arrived 40:00"), "41:00"), None);
}

#[test]
fn a_state_survives_the_wire() {
    let state = state(ClockName::Arrival, "task_assigned 0:00", ZoneClass::Urban, "45:00").unwrap();
    let json = serde_json::to_value(&state).unwrap();
    assert_eq!(json["clock"], "arrival");
    assert_eq!(json["verdict"], "breached");
    assert_eq!(json["by_ms"], 900_000);
    assert_eq!(serde_json::from_value::<ClockState>(json).unwrap(), state);
}
