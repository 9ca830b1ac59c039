//! Random days, lived by the rules: no case stays without somebody past its limit before a person was
//! asked to decide (C04, C08, C11).
//!
//! People report, answer, stay silent, decline, withdraw, insist, come on duty and leave; rounds are up
//! to three seconds late. Everything is decided by the rules that the rounds use. What must hold is
//! computed again from the history of each case, by other means than the rules use.
//! `CHAKAN_DAYS=100000` asks for more days, `CHAKAN_DAY=n` for one that failed.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::{
    calendar::WorkCalendar,
    clock::{ClockName, ClockState, LoggedEvent, TimeConfidence, clocks},
    geo::Point,
    ids::PersonId,
    lifecycle::{CaseStatus, EventKind, apply},
    promise::{PromiseProfile, ZoneClass},
    time::{Instant, Span},
};
use uuid::Uuid;

use super::rules::{
    ArrivalLimit, Candidate, Person, Surveyor, Travel,
    autopilot::{Level, Mode, Somebody, Step, Waiting},
    fresh_position, interest, judge,
    queue::{Place, Wants, frees, place_decides, placed, proxy_is_wanted, wants},
    rank,
};
use crate::ports::travel_time::straight_line;

const BEGIN: Instant = Instant(1_772_409_600_000);
/// Nothing new happens after this; what is open then is watched until its limit.
const BUSY: Span = Span::minutes(40);
const END: Span = Span::minutes(190);
const CUSTOMER: &str = "13800000000";

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn within(&mut self, most: Span) -> Span {
        Span(i64::try_from(self.below(u64::try_from(most.0).unwrap())).unwrap())
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len().try_into().unwrap())).unwrap()]
    }
}

/// What people do.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Report(usize),
    Answer(usize, usize, bool),
    /// A person sends somebody.
    Send(usize, usize),
    Decline(usize),
    Withdraw(usize),
    Say(usize, &'static str),
    Duty(usize),
    Move(usize),
}

/// A time in which nobody has a case although somebody should.
#[derive(Clone, Copy, Debug)]
struct Alone {
    since: Instant,
    limit_at: Instant,
    proxy: bool,
}

#[derive(Default)]
struct Case {
    log: Vec<LoggedEvent>,
    outside: bool,
    position: Option<Point>,
    partial: BTreeSet<usize>,
    status: Option<CaseStatus>,
    owner: Option<usize>,
    place: Option<Place>,
    changed: bool,
    offer: Option<(usize, Instant)>,
    refused: BTreeSet<usize>,
    escalations: Vec<(Instant, Level)>,
    alone: Option<Alone>,
}

impl Case {
    fn kinds(&self) -> impl DoubleEndedIterator<Item = &EventKind> {
        self.log.iter().map(|event| &event.kind)
    }

    /// Appends what happened, as the server does; answers whether it was taken.
    fn say(&mut self, kind: &str, now: Instant, occurred_at: Instant) -> bool {
        let kind: EventKind = kind.parse().unwrap();
        let status = self.status.unwrap_or(CaseStatus::Reported);
        if self.status.is_some() {
            let Ok(transition) = apply(status, &kind) else { return false };
            self.status = Some(transition.after(status));
        } else {
            self.status = Some(status);
        }
        self.log.push(LoggedEvent {
            kind,
            occurred_at,
            recorded_at: now,
            agreed_for: None,
            clock: None,
            limit: None,
            confidence: TimeConfidence::Certain,
        });
        self.changed = true;
        true
    }

    fn clocks(&self, profile: &PromiseProfile, now: Instant) -> Vec<ClockState> {
        clocks(&self.log, profile, WorkCalendar::built_in(), ZoneClass::Other, now)
    }

    fn wants(&self) -> Wants {
        let status = self.status.unwrap_or(CaseStatus::Closed);
        wants(status, self.owner.is_some(), self.kinds())
    }
}

struct Day {
    dice: Dice,
    now: Instant,
    profile: PromiseProfile,
    mode: Mode,
    offer: Span,
    deeds: Vec<(Instant, Deed)>,
    surveyors: Vec<Surveyor>,
    cases: Vec<Case>,
    offered: u64,
    served: u64,
    asked: u64,
}

fn person(n: usize) -> PersonId {
    PersonId(Uuid::from_u128(u128::try_from(n).unwrap()))
}

impl Day {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 7);
        let mode = if dice.one_in(3) { Mode::Manual } else { Mode::Automatic };
        let offer = Span::seconds(10) + dice.within(Span::seconds(110));
        let people = 1 + dice.below(5);
        let surveyor = |n: u64| {
            Surveyor::on_duty(Person {
                id: person(usize::try_from(n).unwrap()),
                name: format!("s{n}"),
                staff_no: None,
                // Somebody's own claim is among them now and then (C21).
                phone: (n == 4).then(|| CUSTOMER.to_owned()),
            })
        };
        let mut day = Self {
            now: BEGIN,
            profile: PromiseProfile::zhejiang_2010(),
            mode,
            offer,
            deeds: Vec::new(),
            surveyors: (0..people).map(surveyor).collect(),
            cases: Vec::new(),
            offered: 0,
            served: 0,
            asked: 0,
            dice,
        };
        day.plan();
        day
    }

    fn plan(&mut self) {
        let everybody = self.surveyors.len();
        for n in 0..everybody {
            self.deeds.push((BEGIN, Deed::Move(n)));
            for _ in 0..self.dice.below(6) {
                let at = BEGIN + self.dice.within(BUSY);
                let deed = if self.dice.one_in(2) { Deed::Duty(n) } else { Deed::Move(n) };
                self.deeds.push((at, deed));
            }
        }
        for n in 0..usize::try_from(1 + self.dice.below(4)).unwrap() {
            let near = 30.0 + f64::from(u32::try_from(self.dice.below(40)).unwrap()) / 100.0;
            let position = (!self.dice.one_in(6)).then(|| Point::new(near, 120.0).unwrap());
            let outside = position.is_some() && self.dice.one_in(4);
            let partial = (0..everybody).filter(|_| self.dice.one_in(12)).collect();
            self.cases.push(Case { position, outside, partial, ..Case::default() });
            let reported_at = BEGIN + self.dice.within(Span::minutes(15));
            self.deeds.push((reported_at, Deed::Report(n)));
            for _ in 0..self.dice.below(7) {
                let at = reported_at + self.dice.within(Span::minutes(25));
                let who = usize::try_from(self.dice.below(everybody.try_into().unwrap())).unwrap();
                let words = [
                    "proxy_needed",
                    "proxy_arranged",
                    "survey_waived",
                    "survey_insisted",
                    "customer_reached",
                    "arrived",
                    "survey_completed",
                    "case_closed",
                    "case_reopened",
                    "task_accepted",
                ];
                let deed = match self.dice.below(8) {
                    0 | 1 => Deed::Send(n, who),
                    2 => Deed::Withdraw(n),
                    3 => Deed::Decline(n),
                    _ => Deed::Say(n, self.dice.pick(&words)),
                };
                self.deeds.push((at, deed));
            }
        }
    }

    fn live(mut self) -> (u64, u64, u64) {
        while self.now < BEGIN + END {
            // Rounds are late, and what people do is in time.
            let round_at = self.next_round() + self.dice.within(Span::seconds(3));
            self.deeds.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
            while let Some((at, deed)) = self.deeds.pop_if(|(at, _)| *at <= round_at) {
                self.now = self.now.max(at);
                self.happen(deed);
                self.observe();
            }
            self.now = round_at;
            self.observe();
            self.round();
            self.observe();
        }
        (self.offered, self.served, self.asked)
    }

    /// When something may be due: soon after whatever happens next.
    fn next_round(&self) -> Instant {
        let due = self.cases.iter().filter_map(|case| Some(case.place?.next_at));
        let changed = self.cases.iter().any(|case| case.changed).then_some(self.now);
        let deeds = self.deeds.iter().map(|(at, _)| *at);
        due.chain(changed).chain(deeds).min().unwrap_or(BEGIN + END).max(self.now + Span(1))
    }

    fn happen(&mut self, deed: Deed) {
        let now = self.now;
        match deed {
            Deed::Report(n) => {
                assert!(self.cases[n].say("case_reported", now, now));
            }
            Deed::Answer(n, who, yes) => {
                let Some((asked, until)) = self.cases[n].offer else { return };
                if asked != who || until <= now {
                    return;
                }
                self.cases[n].offer = None;
                if yes {
                    self.send(n, who);
                } else {
                    self.cases[n].refused.insert(who);
                    assert!(self.cases[n].say("offer_lapsed", now, now));
                }
            }
            Deed::Send(n, who) => self.send(n, who),
            Deed::Decline(n) | Deed::Withdraw(n) => {
                let case = &mut self.cases[n];
                let Some(who) = case.owner.take() else { return };
                let said = if matches!(deed, Deed::Decline(_)) {
                    case.refused.insert(who);
                    "task_declined"
                } else {
                    "task_withdrawn"
                };
                assert!(case.say(said, now, now));
            }
            Deed::Say(n, word) => {
                let case = &mut self.cases[n];
                let sent = case.kinds().any(|kind| *kind == EventKind::TaskAssigned);
                let field = !matches!(word, "proxy_needed" | "proxy_arranged" | "survey_insisted")
                    && !word.starts_with("case_");
                if case.status.is_none() || (field && !sent) {
                    return;
                }
                if case.say(word, now, now) && word == "survey_completed" {
                    case.owner = None;
                }
            }
            Deed::Duty(n) => self.surveyors[n].on_shift ^= true,
            Deed::Move(n) => {
                let lat = 30.0 + f64::from(u32::try_from(self.dice.below(40)).unwrap()) / 100.0;
                self.surveyors[n].position = Some((Point::new(lat, 120.0).unwrap(), now));
            }
        }
    }

    /// As `tasks::place` does.
    fn send(&mut self, n: usize, who: usize) {
        let now = self.now;
        let case = &mut self.cases[n];
        let own = self.surveyors[who].person.phone.is_some() || case.partial.contains(&who);
        let status = case.status;
        if own || status.is_none_or(|at| apply(at, &EventKind::TaskAssigned).is_err()) {
            return;
        }
        if case.owner.take().is_some() {
            assert!(case.say("task_withdrawn", now, now));
        }
        if proxy_is_wanted(case.kinds()) {
            assert!(case.say("proxy_dropped", now, now));
        }
        assert!(case.say("task_assigned", now, now));
        case.owner = Some(who);
    }

    fn round(&mut self) {
        for n in 0..self.cases.len() {
            if std::mem::take(&mut self.cases[n].changed) {
                self.refresh(n);
            }
        }
        for n in 0..self.cases.len() {
            for _ in 0..4 {
                if self.cases[n].place.is_none_or(|place| self.now < place.next_at) {
                    break;
                }
                self.step(n);
            }
        }
    }

    /// As `rounds::refresh` does.
    fn refresh(&mut self, n: usize) {
        let (now, case) = (self.now, &mut self.cases[n]);
        if case.outside && place_decides(case.kinds()) && case.wants() != Wants::Nothing {
            let reported_at = case.log[0].occurred_at;
            assert!(case.say("proxy_needed", now, reported_at));
        }
        let states = case.clocks(&self.profile, now);
        let freed = case.log.iter().rfind(|event| frees(&event.kind));
        let freed_at = freed.map(|event| event.recorded_at);
        case.place = placed(case.place, case.wants(), freed_at, &states, &self.profile, now);
        if case.place.is_none() && case.offer.take().is_some() {
            assert!(case.say("offer_lapsed", now, now));
        }
    }

    /// As `rounds::one_step` does.
    fn step(&mut self, n: usize) {
        let now = self.now;
        if self.cases[n].wants() == Wants::Nothing {
            return self.refresh(n);
        }
        let elsewhere = self.cases[n].outside || self.cases[n].wants() == Wants::Proxy;
        let candidates = if elsewhere { Vec::new() } else { self.candidates(n) };
        let best = candidates.iter().find(|candidate| candidate.may_be_asked());
        let somebody = match elsewhere {
            true => Somebody::Elsewhere,
            false => Somebody::of(best.map(|best| best.verdict)),
        };
        let best = best.map(|best| best.surveyor.person.id);
        let known = self.cases[n].place.unwrap();
        let open = self.cases[n].offer;
        let waiting = Waiting {
            mode: self.mode,
            offer: self.offer,
            since: known.since,
            limit_at: known.limit_at,
            escalated: known.escalated,
            open_until: open.map(|(_, until)| until),
        };
        match waiting.step(somebody, now) {
            Step::LapseOffer => {
                let (who, until) = self.cases[n].offer.take().unwrap();
                if until <= now {
                    self.cases[n].refused.insert(who);
                }
                assert!(self.cases[n].say("offer_lapsed", now, now));
            }
            Step::Escalate(level) => {
                assert!(known.escalated < level, "asked twice");
                let case = &mut self.cases[n];
                case.escalations.push((now, level));
                case.place = Some(Place { escalated: level, next_at: now, ..known });
                assert!(case.say("dispatch_escalated", now, now));
            }
            Step::Offer => self.ask(n, best.unwrap()),
            Step::Wait(until) => {
                assert!(now < until, "a round without an end");
                self.cases[n].place = Some(Place { next_at: until, ..known });
            }
        }
    }

    fn ask(&mut self, n: usize, best: PersonId) {
        let who = (0..self.surveyors.len()).find(|who| person(*who) == best).unwrap();
        // Nobody is asked twice at a time, off duty, about their own claim, or again after a no.
        let surveyor = &self.surveyors[who];
        assert!(self.cases.iter().all(|case| case.offer.is_none_or(|(asked, _)| asked != who)));
        assert!(surveyor.on_shift && surveyor.person.phone.is_none());
        assert!(!self.cases[n].refused.contains(&who) && !self.cases[n].partial.contains(&who));
        assert!(!self.cases[n].outside && self.mode == Mode::Automatic);
        let until = self.now + self.offer;
        self.cases[n].offer = Some((who, until));
        self.offered += 1;
        assert!(self.cases[n].say("task_offered", self.now, self.now));
        if !self.dice.one_in(3) {
            let at = self.now + self.dice.within(self.offer + Span::seconds(5));
            let yes = self.dice.one_in(3);
            self.deeds.push((at, Deed::Answer(n, who, yes)));
        }
    }

    /// As `search::search` does.
    fn candidates(&self, n: usize) -> Vec<Candidate> {
        let case = &self.cases[n];
        let states = case.clocks(&self.profile, self.now);
        let arrival = states.iter().find(|state| state.clock == ClockName::Arrival).unwrap();
        let (started_at, limit_at) = arrival.started_at.zip(arrival.limit_at).unwrap_or((
            self.now,
            self.now + self.profile.span(ClockName::Arrival, ZoneClass::Other),
        ));
        let limit = ArrivalLimit { started_at, limit_at, warn_percent: 20 };
        let mut load = BTreeMap::<usize, i64>::new();
        for owner in self.cases.iter().filter_map(|case| case.owner) {
            *load.entry(owner).or_default() += 1;
        }
        let judged = self.surveyors.iter().enumerate().map(|(who, surveyor)| {
            let open_tasks = load.get(&who).copied().unwrap_or(0);
            let surveyor = Surveyor {
                open_tasks,
                work_left: Span(open_tasks * Span::minutes(20).0),
                declined: case.refused.contains(&who),
                declared: case.partial.contains(&who),
                asked: self.cases.iter().any(|case| case.offer.is_some_and(|(a, _)| a == who)),
                ..surveyor.clone()
            };
            let from = fresh_position(&surveyor, self.now);
            let travel = from.zip(case.position).map(|(from, to)| {
                let estimate = straight_line(from, to);
                let (span, distance_m) = (estimate.span, estimate.distance_m);
                Travel { span, distance_m, uncertainty: Span::ZERO, source: estimate.source }
            });
            let interest = interest(&surveyor, "c", CUSTOMER);
            judge(surveyor, travel, interest, &limit, self.now)
        });
        let mut candidates: Vec<Candidate> = judged.collect();
        rank(&mut candidates);
        candidates
    }

    /// Watches each case: when a time alone ends, or its limit has passed, somebody must have been asked.
    fn observe(&mut self) {
        let now = self.now;
        for n in 0..self.cases.len() {
            let alone = alone(&self.cases[n], now);
            let before = self.cases[n].alone;
            let same = matches!((before, alone), (Some(a), Some(b)) if a.proxy == b.proxy);
            if let Some(before) = before {
                self.check(n, before);
                if !same && self.cases[n].owner.is_some() {
                    self.served += 1;
                }
            }
            if !same {
                self.cases[n].alone = alone;
            }
        }
    }

    fn check(&mut self, n: usize, alone: Alone) {
        if self.now <= alone.limit_at {
            return;
        }
        let case = &self.cases[n];
        let in_time = |(at, level): &(Instant, Level)| {
            alone.since <= *at && *at <= alone.limit_at && *level == Level::Manager
        };
        let asked = case.escalations.iter().any(in_time);
        let minutes = |at: Instant| at.since(BEGIN).0 / 1_000;
        let log: Vec<_> =
            case.log.iter().map(|e| format!("{}@{}", e.kind, minutes(e.recorded_at))).collect();
        assert!(
            asked,
            "case {n} alone since {} s, until {} s, asked {:?}: {log:?}",
            minutes(alone.since),
            minutes(alone.limit_at),
            case.escalations.iter().map(|(at, level)| (minutes(*at), level)).collect::<Vec<_>>(),
        );
        self.asked += 1;
    }
}

/// Whether somebody should have a case and nobody does, and until when that may last: told from the
/// history by itself.
fn alone(case: &Case, now: Instant) -> Option<Alone> {
    let last = |kinds: &[EventKind]| case.log.iter().rev().find(|e| kinds.contains(&e.kind));
    let status = case.status?;
    let insisted = last(&[EventKind::SurveyInsisted, EventKind::SurveyWaived])
        .is_some_and(|event| event.kind == EventKind::SurveyInsisted);
    let open = status < CaseStatus::Waived || (status == CaseStatus::Waived && insisted);
    let done = last(&[EventKind::SurveyCompleted]).is_some();
    if !open || done || case.owner.is_some() {
        return None;
    }
    let about_proxies = [EventKind::ProxyNeeded, EventKind::ProxyArranged, EventKind::ProxyDropped];
    let needed = last(&about_proxies).filter(|event| event.kind == EventKind::ProxyNeeded);
    let first = |kind: EventKind| case.log.iter().find(|event| event.kind == kind);
    let again = now + Span::minutes(5);
    let limit_at = match needed {
        Some(_) => {
            let since = first(EventKind::ProxyNeeded).unwrap().occurred_at;
            let limit_at = since + Span::hours(2);
            if now < limit_at { limit_at } else { again }
        }
        None => {
            let reported_at = case.log[0].occurred_at;
            let by_report = reported_at + Span::minutes(5);
            let anew = case
                .kinds()
                .all(|kind| !matches!(kind, EventKind::TaskAssigned | EventKind::ProxyNeeded));
            // No round can be in time for what is over before it.
            let ahead = now + Span::seconds(20) < by_report;
            if anew && ahead { by_report } else { again }
        }
    };
    Some(Alone { since: now, limit_at, proxy: needed.is_some() })
}

#[test]
fn in_random_days_no_case_is_forgotten() {
    let read = |name: &str| -> Option<u64> {
        #[expect(clippy::disallowed_methods, reason = "how the tests are run")]
        std::env::var(name).ok().and_then(|n| n.parse().ok())
    };
    let days = match read("CHAKAN_DAY") {
        Some(day) => day..day + 1,
        None => 0..read("CHAKAN_DAYS").unwrap_or(400),
    };
    let (count, mut sums) = (days.end - days.start, (0, 0, 0));
    for seed in days {
        let lived = std::panic::catch_unwind(|| Day::new(seed).live());
        let Ok(lived) = lived else { panic!("CHAKAN_DAY={seed} shows it again") };
        sums = (sums.0 + lived.0, sums.1 + lived.1, sums.2 + lived.2);
    }
    println!("{count} days: offers, times served, times a manager was asked in time {sums:?}");
    // A day in which nothing happens proves nothing.
    assert!(
        count < 100 || (count < sums.0 && count / 2 < sums.1 && count / 4 < sums.2),
        "{sums:?}"
    );
}
