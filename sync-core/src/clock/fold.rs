//! The computation of one clock.

use super::{ClockState, LoggedEvent, TimeConfidence, Verdict};
use crate::{
    calendar::WorkCalendar,
    lifecycle::EventKind,
    promise::{ClockRule, Limit, OfficeHours, StartsAt, Terms, ZoneClass},
    time::Instant,
};

/// When an event happened, ordered so that among events of the same instant the one that the server
/// knew first and trusts most is taken, in whatever order they are logged.
type Mark = (Instant, Instant, TimeConfidence);

/// One clock over one log.
pub(super) struct Fold<'a> {
    pub(super) log: &'a [LoggedEvent],
    pub(super) rule: &'a ClockRule,
    pub(super) office: OfficeHours,
    pub(super) calendar: &'a WorkCalendar,
    pub(super) zone: ZoneClass,
    pub(super) now: Instant,
}

/// Where the limit stands.
struct Limited {
    /// None while the clock is paused.
    at: Option<Instant>,
    provisional: bool,
    confidence: TimeConfidence,
}

impl Fold<'_> {
    pub(super) fn run(&self) -> ClockState {
        let Some((started_at, _, start_confidence)) = self.start() else {
            return self.not_started();
        };
        // What happened before the start (an arrival before anybody was assigned) counts as done at
        // the start.
        let at_or_after_start = |mark: Mark| (mark.0.max(started_at), mark.1, mark.2);
        let stop = self.first(&self.rule.stops).map(at_or_after_start);
        let end = self.end().map(at_or_after_start);
        let ended = end.is_some_and(|end| stop.is_none_or(|stop| end.0 < stop.0));
        let over = if ended { end } else { stop };

        let limited = self.limited(started_at, over.map(|mark| mark.0));
        let confidence = start_confidence
            .max(limited.confidence)
            .max(over.map_or(TimeConfidence::Certain, |mark| mark.2));
        let verdict = match (limited.at, over) {
            (Some(limit_at), Some((at, ..))) if limit_at < at => self.late(limit_at, at),
            (_, Some(_)) if ended => Verdict::Ended,
            (Some(limit_at), Some((at, ..))) => Verdict::Met { margin_ms: limit_at.since(at) },
            // Stopped while it stood still.
            (None, Some(_)) => Verdict::Ended,
            (Some(limit_at), None) if limit_at < self.now => self.late(limit_at, self.now),
            (Some(limit_at), None) => self.running(started_at, limit_at),
            (None, None) => Verdict::Paused,
        };
        let opens = self
            .rule
            .opens_after_days
            .map(|days| crate::calendar::Day::of(started_at).plus(i32::from(days)).start());
        ClockState {
            clock: self.rule.clock,
            started_at: Some(started_at),
            limit_at: limited.at,
            provisional: limited.provisional,
            opens_at: opens,
            warns_at: limited.at.map_or_else(Vec::new, |at| self.rule.warns_at(started_at, at)),
            stopped_at: over.map(|mark| mark.0),
            stop_recorded_at: over.map(|mark| mark.1),
            confidence,
            verdict,
        }
    }

    fn not_started(&self) -> ClockState {
        ClockState {
            clock: self.rule.clock,
            started_at: None,
            limit_at: None,
            provisional: false,
            opens_at: None,
            warns_at: Vec::new(),
            stopped_at: None,
            stop_recorded_at: None,
            confidence: TimeConfidence::Certain,
            verdict: Verdict::NotStarted,
        }
    }

    /// Dispatching again keeps the first start, because the customer has been waiting since then.
    fn start(&self) -> Option<Mark> {
        let missing = |kind: &EventKind| self.first(std::slice::from_ref(kind)).is_none();
        if self.rule.requires.iter().any(missing) {
            return None;
        }
        match self.rule.starts_at {
            StartsAt::First => self.first(&self.rule.starts),
            StartsAt::Last => {
                let mut marks = Vec::with_capacity(self.rule.starts.len());
                for kind in &self.rule.starts {
                    marks.push(self.first(std::slice::from_ref(kind))?);
                }
                marks.into_iter().max()
            }
        }
    }

    fn running(&self, started_at: Instant, limit_at: Instant) -> Verdict {
        let remaining_ms = limit_at.since(self.now);
        let warned =
            self.rule.warns_at(started_at, limit_at).first().is_some_and(|at| *at <= self.now);
        if warned { Verdict::AtRisk { remaining_ms } } else { Verdict::Running { remaining_ms } }
    }

    /// Late; explained if the customer was told in time. Only a delay on the way can be explained
    /// like this: who tells the customer of a delay has already reached them (C10).
    fn late(&self, limit_at: Instant, at: Instant) -> Verdict {
        let by_ms = at.since(limit_at);
        let told = self.first(&self.rule.explained_by).is_some_and(|told| told.0 <= limit_at);
        if told { Verdict::Explained { by_ms } } else { Verdict::Breached { by_ms } }
    }

    /// The limit, and how far the times behind it can be trusted.
    fn limited(&self, started_at: Instant, over_at: Option<Instant>) -> Limited {
        let (limit, contract) = self.promised();
        let (at, provisional, paused, pauses) = self.with_pauses(limit, started_at, over_at);
        let confidence = contract.max(pauses);
        let (at, provisional, moved) = self.with_moves(at, provisional, started_at, over_at);
        // What was agreed upon stands still for nobody.
        let at = if paused && moved.is_none() { None } else { Some(at) };
        Limited {
            at,
            provisional: provisional && at.is_some(),
            confidence: confidence.max(moved.unwrap_or(TimeConfidence::Certain)),
        }
    }

    /// A limit in the contract prevails over the promise (C45); the last one that was entered counts.
    fn promised(&self) -> (Limit, TimeConfidence) {
        self.about(&EventKind::ContractLimitSet)
            .filter_map(|event| {
                let limit = event.limit.filter(|limit| limit.is_sane())?;
                Some((event.occurred_at, event.recorded_at, limit, event.confidence))
            })
            .max()
            .map_or((self.rule.limit, TimeConfidence::Certain), |found| (found.2, found.3))
    }

    /// The limit after every pause that began before it ran out, and whether one still goes on.
    fn with_pauses(
        &self,
        limit: Limit,
        started_at: Instant,
        over_at: Option<Instant>,
    ) -> (Instant, bool, bool, TimeConfidence) {
        let terms = self.terms();
        let until = over_at.unwrap_or(Instant(i64::MAX));
        let (mut counted, mut confidence) = (Vec::new(), TimeConfidence::Certain);
        let mut end = limit.ends_at(started_at, &terms, &counted);
        for ((from, to), sure) in self.pauses() {
            if to.is_some_and(|to| to <= started_at) {
                continue;
            }
            if end.0 < from || until <= from {
                break;
            }
            confidence = confidence.max(sure);
            let Some(to) = to.or(over_at).map(|to| to.min(until)) else {
                return (end.0, end.1, true, confidence);
            };
            counted.push((from, to));
            end = limit.ends_at(started_at, &terms, &counted);
        }
        (end.0, end.1, false, confidence)
    }

    /// Pauses in order, each with how far its times can be trusted; the last one may have no end.
    fn pauses(&self) -> Vec<((Instant, Option<Instant>), TimeConfidence)> {
        let mut marks: Vec<_> = self
            .about(&EventKind::ClockPaused)
            .map(|event| (event.occurred_at, true, event.confidence))
            .chain(
                self.about(&EventKind::ClockResumed)
                    .map(|event| (event.occurred_at, false, event.confidence)),
            )
            .collect();
        marks.sort_unstable();
        let mut pauses: Vec<((Instant, Option<Instant>), TimeConfidence)> = Vec::new();
        for (at, begins, sure) in marks {
            match pauses.last_mut() {
                Some(((_, to @ None), known)) if !begins => {
                    *to = Some(at);
                    *known = sure.max(*known);
                }
                Some(((_, None), _)) => {}
                _ if begins => pauses.push(((at, None), sure)),
                _ => {}
            }
        }
        pauses
    }

    /// Times that take the place of the limit: agreed with the customer (A6), also earlier ones;
    /// extended by somebody who may (C38); ordered in a catastrophe (C58), only later ones. Each
    /// counts only while the limit of that moment had not run out, or a promise already broken could
    /// be agreed away.
    fn with_moves(
        &self,
        limit_at: Instant,
        provisional: bool,
        started_at: Instant,
        over_at: Option<Instant>,
    ) -> (Instant, bool, Option<TimeConfidence>) {
        let in_time = |at: Instant| over_at.is_none_or(|over_at| at <= over_at);
        let mut moves: Vec<_> = self
            .log
            .iter()
            .filter(|event| in_time(event.occurred_at))
            .filter_map(|event| {
                Some((event.occurred_at, self.moved_to(event, started_at)?, event.confidence))
            })
            .collect();
        moves.sort_unstable();
        let begin = (limit_at, provisional, None);
        // The first agreement makes the limit, where there is no other.
        let agreed_only = self.rule.limit == Limit::Agreed;
        moves.into_iter().fold(
            begin,
            |(limit, provisional, sure), (at, (order, to, guess), confidence)| {
                let first = agreed_only && sure.is_none();
                let later_only = order != Order::Agreed;
                if (limit < at && !first) || (later_only && to <= limit) {
                    return (limit, provisional, sure);
                }
                let _ = provisional;
                (to, guess, Some(confidence.max(sure.unwrap_or(TimeConfidence::Certain))))
            },
        )
    }

    fn moved_to(&self, event: &LoggedEvent, started_at: Instant) -> Option<(Order, Instant, bool)> {
        let mine = event.clock == Some(self.rule.clock);
        if self.rule.agreed_by.contains(&event.kind) {
            // A time that had passed when it was agreed is a typing error, not an agreement.
            let agreed_for = event.agreed_for?;
            let sane = event.occurred_at.max(started_at) <= agreed_for;
            return sane.then_some((Order::Agreed, agreed_for, false));
        }
        match event.kind {
            EventKind::ClockExtended if mine => Some((Order::Extended, event.agreed_for?, false)),
            EventKind::SurgeLimitSet if mine => {
                let limit = event.limit.filter(|limit| limit.is_sane())?;
                let (at, provisional) = limit.ends_at(started_at, &self.terms(), &[]);
                Some((Order::Surge, at, provisional))
            }
            _ => None,
        }
    }

    fn terms(&self) -> Terms<'_> {
        Terms { zone: self.zone, calendar: self.calendar, office: self.office }
    }

    /// What makes the promise void: there is no case any more, or, out of the province, the two
    /// hours for a proxy have taken the place of sending somebody (C11), or the other way round.
    /// Reopening takes a closing back, and sending somebody of our own takes the proxy back, or doing
    /// either for a moment would hide a broken promise.
    fn end(&self) -> Option<Mark> {
        let last = |kind: EventKind| {
            let of_kind = self.log.iter().filter(|event| event.kind == kind);
            of_kind.map(|event| event.occurred_at).max()
        };
        let (reopened_at, needed_at) =
            (last(EventKind::CaseReopened), last(EventKind::ProxyNeeded));
        let dropped_at = last(EventKind::ProxyDropped);
        let stands = |event: &LoggedEvent| match event.kind {
            EventKind::CaseClosed => reopened_at < Some(event.occurred_at),
            EventKind::ProxyNeeded => dropped_at < Some(event.occurred_at),
            EventKind::ProxyDropped => needed_at <= Some(event.occurred_at),
            _ => true,
        };
        self.first_where(|event| self.rule.voided_by.contains(&event.kind) && stands(event))
    }

    /// Events of this kind that are about this clock.
    fn about<'s>(&'s self, kind: &'s EventKind) -> impl Iterator<Item = &'s LoggedEvent> {
        self.log
            .iter()
            .filter(move |event| event.kind == *kind && event.clock == Some(self.rule.clock))
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

/// Why a limit moves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Agreed,
    Extended,
    Surge,
}
