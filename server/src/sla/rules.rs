//! PURE: what follows from how the clocks of a case stand.

use sync_core::{
    clock::{ClockName, ClockState, Verdict},
    time::{Instant, Span},
};

/// Who is to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// While there is time: whoever sends people.
    Dispatcher,
    /// When a promise is broken, or on any clock that is not of dispatch.
    Manager,
}

impl Audience {
    /// The code in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatcher => "dispatcher",
            Self::Manager => "manager",
        }
    }
}

/// What somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// Little time is left.
    AtRisk,
    /// The limit ran out.
    Breached,
    /// The limit ran out, but the customer had been told (C10).
    Explained,
}

impl AlarmKind {
    /// The code in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtRisk => "at_risk",
            Self::Breached => "breached",
            Self::Explained => "explained",
        }
    }
}

/// Why an alarm is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// Done in time.
    Done,
    /// Done, but late: the breach stands.
    OverLate,
    /// The limit is another one now.
    LimitMoved,
    /// There is no such promise any more.
    Void,
    /// It was done in time, and the server heard of it too late (A5.9).
    LateSync,
}

impl Cleared {
    /// The code in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::OverLate => "over_late",
            Self::LimitMoved => "limit_moved",
            Self::Void => "void",
            Self::LateSync => "late_sync",
        }
    }
}

/// An alarm as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAlarm<Id> {
    /// Which one.
    pub id: Id,
    /// Its kind, by its code.
    pub kind: String,
    /// The limit that it was about.
    pub limit_at: Option<Instant>,
    /// Why it is over, by its code.
    pub cleared_by: Option<String>,
}

/// What is to be done about the alarms of one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<Id> {
    /// Raise one.
    pub raise: Option<(AlarmKind, Audience)>,
    /// These are over.
    pub clear: Vec<(Id, Cleared)>,
}

/// Judges the alarms of one clock.
#[must_use]
pub fn judge<Id: Copy>(state: &ClockState, known: &[KnownAlarm<Id>], now: Instant) -> Judged<Id> {
    let raise = wanted(state, known, now).map(|kind| (kind, audience(state.clock, kind)));
    let clear = known.iter().filter_map(|alarm| Some((alarm.id, over(state, alarm)?))).collect();
    Judged { raise, clear }
}

fn audience(clock: ClockName, kind: AlarmKind) -> Audience {
    match kind {
        AlarmKind::AtRisk if clock.is_of_dispatch() => Audience::Dispatcher,
        _ => Audience::Manager,
    }
}

fn wanted<Id>(state: &ClockState, known: &[KnownAlarm<Id>], now: Instant) -> Option<AlarmKind> {
    let told = |kind: AlarmKind| {
        let same = |alarm: &&KnownAlarm<Id>| {
            alarm.kind == kind.as_str() && alarm.limit_at == state.limit_at
        };
        known.iter().filter(same).count()
    };
    match state.verdict {
        // One for each of the points at which a warning is due.
        Verdict::AtRisk { .. } => {
            let passed = state.warns_at.iter().filter(|at| **at <= now).count();
            (told(AlarmKind::AtRisk) < passed).then_some(AlarmKind::AtRisk)
        }
        Verdict::Breached { .. } => (told(AlarmKind::Breached) == 0).then_some(AlarmKind::Breached),
        Verdict::Explained { .. } => {
            (told(AlarmKind::Explained) == 0).then_some(AlarmKind::Explained)
        }
        _ => None,
    }
}

fn over<Id>(state: &ClockState, alarm: &KnownAlarm<Id>) -> Option<Cleared> {
    let open = alarm.cleared_by.is_none();
    let breach = alarm.kind != AlarmKind::AtRisk.as_str();
    let cleared = match state.verdict {
        // A breach that was over may still turn out to be none.
        Verdict::Met { .. } if breach && state.was_cleared_late() => Cleared::LateSync,
        Verdict::Met { .. } if breach => Cleared::LimitMoved,
        Verdict::Met { .. } => Cleared::Done,
        Verdict::Ended => Cleared::Void,
        Verdict::Breached { .. } | Verdict::Explained { .. } => {
            state.stopped_at?;
            Cleared::OverLate
        }
        Verdict::Running { .. } | Verdict::Paused => Cleared::LimitMoved,
        Verdict::AtRisk { .. } if breach || alarm.limit_at != state.limit_at => Cleared::LimitMoved,
        Verdict::AtRisk { .. } => return None,
        Verdict::NotStarted => Cleared::Void,
    };
    let corrected = alarm.cleared_by.as_deref() == Some(Cleared::OverLate.as_str())
        && breach
        && cleared == Cleared::LateSync;
    (open || corrected).then_some(cleared)
}

/// When a clock has to be looked at again, because time alone changes it.
#[must_use]
pub fn next_look(state: &ClockState, now: Instant) -> Option<Instant> {
    if !state.is_running() {
        return None;
    }
    let limit_at = state.limit_at?;
    let warning = state.warns_at.iter().copied().find(|at| now < *at);
    // The last millisecond keeps the promise.
    let breach = Some(limit_at + Span(1)).filter(|at| now < *at);
    warning.into_iter().chain(breach).min()
}

/// Why a limit is another one than before.
#[must_use]
pub fn moved_by(provisional_before: bool, provisional_now: bool) -> &'static str {
    if provisional_before && !provisional_now { "notice_imported" } else { "moved" }
}

#[cfg(test)]
mod tests {
    use sync_core::clock::TimeConfidence;

    use super::*;

    const NOW: Instant = Instant(1_750_000_000_000);

    fn state(verdict: Verdict, limit: i64, stopped: Option<(i64, i64)>) -> ClockState {
        let at = |minute: i64| NOW + Span::minutes(minute);
        ClockState {
            clock: ClockName::Arrival,
            started_at: Some(at(-30)),
            limit_at: Some(at(limit)),
            provisional: false,
            opens_at: None,
            warns_at: vec![at(limit - 6)],
            stopped_at: stopped.map(|(stopped, _)| at(stopped)),
            stop_recorded_at: stopped.map(|(_, heard)| at(heard)),
            confidence: TimeConfidence::Corrected,
            verdict,
        }
    }

    fn alarm(kind: AlarmKind, limit: i64, cleared_by: Option<Cleared>) -> KnownAlarm<u8> {
        KnownAlarm {
            id: 7,
            kind: kind.as_str().into(),
            limit_at: Some(NOW + Span::minutes(limit)),
            cleared_by: cleared_by.map(|by| by.as_str().into()),
        }
    }

    #[test]
    fn each_alarm_is_raised_once_and_over_for_a_reason() {
        use AlarmKind::{AtRisk, Breached};
        use Audience::{Dispatcher, Manager};
        let span = Span::minutes(1);
        let running = Verdict::Running { remaining_ms: span };
        let at_risk = Verdict::AtRisk { remaining_ms: span };
        let breached = Verdict::Breached { by_ms: span };
        let met = Verdict::Met { margin_ms: span };
        for (what, state, known, raise, clear) in [
            ("time left", state(running, 20, None), vec![], None, None),
            ("warned", state(at_risk, 5, None), vec![], Some((AtRisk, Dispatcher)), None),
            ("warned before", state(at_risk, 5, None), vec![alarm(AtRisk, 5, None)], None, None),
            (
                "broken",
                state(breached, -1, None),
                vec![alarm(AtRisk, -1, None)],
                Some((Breached, Manager)),
                None,
            ),
            ("known", state(breached, -1, None), vec![alarm(Breached, -1, None)], None, None),
            (
                "late",
                state(breached, -5, Some((-1, -1))),
                vec![alarm(Breached, -5, None)],
                None,
                Some(Cleared::OverLate),
            ),
            (
                "in time",
                state(met, 5, Some((0, 0))),
                vec![alarm(AtRisk, 5, None)],
                None,
                Some(Cleared::Done),
            ),
            (
                "heard late",
                state(met, -5, Some((-6, 0))),
                vec![alarm(Breached, -5, None)],
                None,
                Some(Cleared::LateSync),
            ),
            (
                "heard later",
                state(met, -5, Some((-6, 0))),
                vec![alarm(Breached, -5, Some(Cleared::OverLate))],
                None,
                Some(Cleared::LateSync),
            ),
            (
                "once",
                state(met, -5, Some((-6, 0))),
                vec![alarm(Breached, -5, Some(Cleared::LateSync))],
                None,
                None,
            ),
            (
                "extended",
                state(running, 60, None),
                vec![alarm(Breached, -5, None)],
                None,
                Some(Cleared::LimitMoved),
            ),
            (
                "another limit",
                state(at_risk, 5, None),
                vec![alarm(AtRisk, 1, None)],
                Some((AtRisk, Dispatcher)),
                Some(Cleared::LimitMoved),
            ),
            (
                "closed",
                state(Verdict::Ended, 5, Some((0, 0))),
                vec![alarm(AtRisk, 5, None)],
                None,
                Some(Cleared::Void),
            ),
        ] {
            let judged = judge(&state, &known, NOW);
            assert_eq!(judged.raise, raise, "{what}");
            assert_eq!(
                judged.clear,
                clear.map(|by| (7, by)).into_iter().collect::<Vec<_>>(),
                "{what}"
            );
        }
    }

    #[test]
    fn each_further_point_warns_again() {
        let mut found = state(Verdict::AtRisk { remaining_ms: Span::minutes(1) }, 10, None);
        found.warns_at = vec![NOW - Span::minutes(5), NOW, NOW + Span::minutes(5)];
        let known = |n| vec![alarm(AlarmKind::AtRisk, 10, None); n];
        for (told, raised) in [(0, true), (1, true), (2, false)] {
            assert_eq!(judge(&found, &known(told), NOW).raise.is_some(), raised, "{told}");
        }
    }

    #[test]
    fn a_clock_is_looked_at_when_time_alone_changes_it() {
        let at = |minute| NOW + Span::minutes(minute);
        let running = Verdict::Running { remaining_ms: Span(1) };
        assert_eq!(next_look(&state(running, 20, None), NOW), Some(at(14)));
        assert_eq!(next_look(&state(running, 6, None), NOW), Some(at(6) + Span(1)));
        assert_eq!(next_look(&state(running, 0, None), NOW), Some(at(0) + Span(1)));
        assert_eq!(next_look(&state(running, -1, None), NOW), None);
        assert_eq!(next_look(&state(running, 20, Some((0, 0))), NOW), None);
    }
}
