//! PURE: which cases wait for somebody, and until when.

use sync_core::{
    clock::{ClockName, ClockState},
    lifecycle::{CaseStatus, EventKind},
    promise::{PromiseProfile, ZoneClass},
    time::Instant,
};

use super::autopilot::Level;

/// What a case waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Nothing: somebody has it, or nobody has to go.
    Nothing,
    /// A surveyor of ours.
    Surveyor,
    /// Another unit: the loss is outside the area that the branch surveys itself (C11).
    Proxy,
}

/// What a case waits for, by its log in the order of recording.
pub fn wants<'a>(
    status: CaseStatus,
    somebody_has_it: bool,
    log: impl Iterator<Item = &'a EventKind>,
) -> Wants {
    let (mut surveyed, mut insisted, mut proxy) = (false, false, false);
    for kind in log {
        match kind {
            EventKind::SurveyCompleted => surveyed = true,
            EventKind::SurveyWaived => insisted = false,
            // On-site or not was decided without the customer's wish: then somebody goes (C08).
            EventKind::SurveyInsisted => insisted = true,
            EventKind::ProxyNeeded => proxy = true,
            EventKind::ProxyArranged | EventKind::ProxyDropped => proxy = false,
            _ => {}
        }
    }
    let open = match status {
        CaseStatus::Reported | CaseStatus::Dispatched | CaseStatus::Contacted => true,
        CaseStatus::Waived => insisted,
        _ => false,
    };
    match (open && !somebody_has_it && !surveyed, proxy) {
        (false, _) => Wants::Nothing,
        (true, false) => Wants::Surveyor,
        (true, true) => Wants::Proxy,
    }
}

/// Whether another unit is looked for, somebody having the case or not.
pub fn proxy_is_wanted<'a>(log: impl Iterator<Item = &'a EventKind>) -> bool {
    wants(CaseStatus::Reported, false, log) == Wants::Proxy
}

/// What only a place can tell of a case: that the branch does not survey there itself. Once somebody was
/// sent, or a person has decided, the place decides nothing any more.
pub fn place_decides<'a>(mut log: impl Iterator<Item = &'a EventKind>) -> bool {
    use EventKind as E;
    !log.any(|kind| {
        matches!(kind, E::TaskAssigned | E::ProxyNeeded | E::ProxyArranged | E::ProxyDropped)
    })
}

/// Whether a case may wait anew since this: somebody had it, nobody had to go, or it is another matter now.
#[must_use]
pub fn frees(kind: &EventKind) -> bool {
    use EventKind as E;
    matches!(
        kind,
        E::TaskDeclined | E::TaskWithdrawn | E::SurveyInsisted | E::CaseReopened | E::ProxyNeeded
    )
}

/// Until when somebody must have it: the limit of dispatch, or that of arranging another unit; where
/// that has stopped already, as long as dispatch may take again, but not longer than the customer was
/// promised an arrival.
#[must_use]
pub fn decide_by(states: &[ClockState], profile: &PromiseProfile, now: Instant) -> Instant {
    let ahead = |clock: ClockName| running(states, clock).filter(|at| now < *at);
    if let Some(limit_at) = ahead(ClockName::Proxy).or_else(|| ahead(ClockName::Dispatch)) {
        return limit_at;
    }
    let again = now + profile.span(ClockName::Dispatch, ZoneClass::Other);
    ahead(ClockName::Arrival).map_or(again, |at| at.min(again))
}

fn running(states: &[ClockState], clock: ClockName) -> Option<Instant> {
    let found = states.iter().find(|state| state.clock == clock);
    found.filter(|state| state.is_running()).and_then(|state| state.limit_at)
}

/// A case in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Since when it waits.
    pub since: Instant,
    /// Until when somebody must have it.
    pub limit_at: Instant,
    /// Who was asked to decide.
    pub escalated: Level,
    /// When to look at it.
    pub next_at: Instant,
}

/// The place of a case in the queue after something happened to it; none if it waits for nothing.
/// `freed_at` is when it was freed last ([`frees`]), which nobody may have seen while somebody had it.
#[must_use]
pub fn placed(
    known: Option<Place>,
    wants: Wants,
    freed_at: Option<Instant>,
    states: &[ClockState],
    profile: &PromiseProfile,
    now: Instant,
) -> Option<Place> {
    if wants == Wants::Nothing {
        return None;
    }
    let anew = |limit_at| Place { since: now, limit_at, escalated: Level::Nobody, next_at: now };
    let by = || decide_by(states, profile, now);
    let Some(known) = known else { return Some(anew(by())) };
    // Another unit has another limit.
    let proxy = running(states, ClockName::Proxy).filter(|_| wants == Wants::Proxy);
    if let Some(limit_at) = proxy.filter(|at| now < *at && *at != known.limit_at) {
        return Some(anew(limit_at));
    }
    if freed_at.is_some_and(|freed_at| known.since < freed_at) {
        // It waits anew, but nothing makes a limit later that is still ahead.
        let ahead = Some(known.limit_at).filter(|limit_at| now < *limit_at);
        return Some(anew(ahead.map_or_else(by, |limit_at| limit_at.min(by()))));
    }
    // Something changed: look at once.
    Some(Place { next_at: now, ..known })
}

#[cfg(test)]
mod tests {
    use sync_core::{
        clock::{TimeConfidence, Verdict},
        time::Span,
    };

    use super::*;

    const BEGIN: Instant = Instant(1_750_000_000_000);

    fn clock(clock: ClockName, limit: i64, stopped: bool) -> ClockState {
        let limit_at = BEGIN + Span::minutes(limit);
        ClockState {
            clock,
            started_at: Some(BEGIN - Span::minutes(10)),
            limit_at: Some(limit_at),
            provisional: false,
            opens_at: None,
            warns_at: Vec::new(),
            stopped_at: stopped.then_some(BEGIN),
            stop_recorded_at: stopped.then_some(BEGIN),
            confidence: TimeConfidence::Certain,
            verdict: Verdict::Running { remaining_ms: limit_at.since(BEGIN) },
        }
    }

    #[test]
    fn a_case_waits_until_somebody_has_it_or_nobody_has_to_go() {
        use CaseStatus as S;
        use Wants::{Nothing, Proxy, Surveyor};
        for (status, held, log, expected) in [
            (S::Reported, false, "case_reported", Surveyor),
            (S::Reported, true, "case_reported task_assigned", Nothing),
            (S::Dispatched, false, "task_assigned task_declined", Surveyor),
            (S::Contacted, false, "task_assigned task_withdrawn", Surveyor),
            (S::Waived, false, "survey_waived", Nothing),
            (S::Waived, false, "survey_waived survey_insisted", Surveyor),
            (S::Waived, true, "survey_waived survey_insisted", Nothing),
            (S::Waived, false, "survey_insisted survey_waived", Nothing),
            (S::Arrived, false, "arrived", Nothing),
            (S::Reported, false, "survey_completed case_closed case_reopened", Nothing),
            (S::Reported, false, "case_reported proxy_needed", Proxy),
            (S::Dispatched, true, "task_assigned proxy_needed", Nothing),
            (S::Dispatched, false, "task_assigned proxy_needed task_withdrawn", Proxy),
            (S::Dispatched, false, "proxy_needed proxy_dropped task_withdrawn", Surveyor),
            (S::Proxy, false, "proxy_needed proxy_arranged", Nothing),
            (S::Closed, false, "case_closed", Nothing),
        ] {
            let kinds: Vec<EventKind> = log.split(' ').map(|kind| kind.parse().unwrap()).collect();
            assert_eq!(wants(status, held, kinds.iter()), expected, "{status} {held} {log}");
        }
    }

    #[test]
    fn a_place_decides_only_before_somebody_has() {
        for (log, decides) in [
            ("case_reported duplicate_suspected", true),
            ("case_reported task_offered offer_lapsed", true),
            ("case_reported task_assigned task_withdrawn", false),
            ("case_reported proxy_needed", false),
            ("case_reported proxy_needed proxy_dropped", false),
        ] {
            let kinds: Vec<EventKind> = log.split(' ').map(|kind| kind.parse().unwrap()).collect();
            assert_eq!(place_decides(kinds.iter()), decides, "{log}");
        }
    }

    #[test]
    fn somebody_has_it_by_the_limit_of_dispatch_or_as_long_again() {
        use ClockName::{Arrival, Dispatch, Proxy};
        let profile = PromiseProfile::zhejiang_2010();
        let by = |states: &[ClockState]| decide_by(states, &profile, BEGIN).since(BEGIN);
        let minutes = Span::minutes;
        assert_eq!(by(&[clock(Dispatch, 4, false), clock(Arrival, 2, false)]), minutes(4));
        // Sent once already, or too late already: five minutes more, but no promised arrival is passed.
        assert_eq!(by(&[clock(Dispatch, 4, true), clock(Arrival, 20, false)]), minutes(5));
        assert_eq!(by(&[clock(Dispatch, 0, false), clock(Arrival, 20, false)]), minutes(5));
        assert_eq!(by(&[clock(Dispatch, 4, true), clock(Arrival, 2, false)]), minutes(2));
        assert_eq!(by(&[clock(Dispatch, 4, true), clock(Arrival, 2, true)]), minutes(5));
        assert_eq!(by(&[clock(Dispatch, 4, true), clock(Arrival, -1, false)]), minutes(5));
        assert_eq!(by(&[]), minutes(5));
        // Another unit is to be found within two hours (C11).
        assert_eq!(by(&[clock(Dispatch, 4, true), clock(Proxy, 110, false)]), minutes(110));
        assert_eq!(by(&[clock(Proxy, 110, true)]), minutes(5));
        assert_eq!(by(&[clock(Proxy, 0, false)]), minutes(5));
    }

    #[test]
    fn a_place_in_the_queue_is_kept_unless_another_unit_is_wanted() {
        let profile = PromiseProfile::zhejiang_2010();
        let later = BEGIN + Span::minutes(1);
        let states = [clock(ClockName::Dispatch, 4, false)];
        let first = placed(None, Wants::Surveyor, None, &states, &profile, BEGIN).unwrap();
        let limit_at = BEGIN + Span::minutes(4);
        let expected = Place { since: BEGIN, limit_at, escalated: Level::Nobody, next_at: BEGIN };
        assert_eq!(first, expected);
        let told = Place { escalated: Level::Dispatcher, ..first };
        let again = placed(Some(told), Wants::Surveyor, Some(BEGIN), &states, &profile, later);
        assert_eq!(again, Some(Place { next_at: later, ..told }));
        assert_eq!(placed(Some(told), Wants::Nothing, None, &states, &profile, later), None);
        let proxy = [clock(ClockName::Dispatch, 4, true), clock(ClockName::Proxy, 110, false)];
        let limit_at = BEGIN + Span::minutes(110);
        let anew = Place { since: later, limit_at, escalated: Level::Nobody, next_at: later };
        assert_eq!(placed(Some(told), Wants::Proxy, None, &proxy, &profile, later), Some(anew));
        let told = Place { escalated: Level::Manager, ..anew };
        for now in [later, BEGIN + Span::minutes(111)] {
            let again = placed(Some(told), Wants::Proxy, None, &proxy, &profile, now);
            assert_eq!(again, Some(Place { next_at: now, ..told }));
        }
        // Sent and withdrawn between two rounds: it waits anew, whoever was asked before.
        let freed_at = Some(later + Span(1));
        let now = later + Span::seconds(1);
        let again = placed(Some(told), Wants::Surveyor, freed_at, &[], &profile, now);
        let limit_at = now + Span::minutes(5);
        let expected = Place { since: now, limit_at, escalated: Level::Nobody, next_at: now };
        assert_eq!(again, Some(expected));
        let near = Place { limit_at: now + Span::minutes(1), ..told };
        let again = placed(Some(near), Wants::Surveyor, freed_at, &[], &profile, now);
        assert_eq!(again, Some(Place { limit_at: near.limit_at, ..expected }));
    }
}
