//! PURE: what happens next with a case that nobody is on the way to (C04).

use sync_core::time::{Instant, Span};

use super::ArrivalVerdict;

/// How a branch sends people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A dispatcher sends; the system only warns.
    Manual,
    /// The system asks one surveyor after another.
    Automatic,
}

impl Mode {
    /// Every mode.
    pub const ALL: &'static [Self] = &[Self::Manual, Self::Automatic];

    /// The code on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automatic => "automatic",
        }
    }
}

/// Who was asked to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nobody so far.
    Nobody,
    /// A dispatcher.
    Dispatcher,
    /// The head of claims.
    Manager,
}

impl Level {
    /// The number in the database.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Nobody => 0,
            Self::Dispatcher => 1,
            Self::Manager => 2,
        }
    }

    /// The level of a number; a number of a later release is the highest.
    #[must_use]
    pub fn of(number: i64) -> Self {
        match number {
            0 => Self::Nobody,
            1 => Self::Dispatcher,
            _ => Self::Manager,
        }
    }

    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Dispatcher => "dispatcher",
            Self::Manager => "manager",
        }
    }
}

/// A case that nobody is on the way to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How its branch sends people.
    pub mode: Mode,
    /// How long a surveyor may think.
    pub offer: Span,
    /// Since when nobody is on the way.
    pub since: Instant,
    /// Before this somebody must be, or a person must have been asked.
    pub limit_at: Instant,
    /// Who was asked to decide.
    pub escalated: Level,
    /// Until when a surveyor may still answer, if one was asked.
    pub open_until: Option<Instant>,
}

/// What to do now. More than one thing may be due; the first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the offer back: nobody answered.
    LapseOffer,
    /// Ask a person to decide.
    Escalate(Level),
    /// Ask the best surveyor.
    Offer,
    /// Nothing before this instant.
    Wait(Instant),
}

impl Waiting {
    /// A person has to have heard of it when so much of the time is left, in percent.
    const DISPATCHER_PERCENT: i64 = 40;
    const MANAGER_PERCENT: i64 = 20;

    /// A case to which nothing has happened yet.
    #[must_use]
    pub fn begun(mode: Mode, offer: Span, now: Instant, limit_at: Instant) -> Self {
        let escalated = Level::Nobody;
        Self { mode, offer, since: now, limit_at, escalated, open_until: None }
    }

    /// When to look at it first. Who could be sent need not be looked up where people send, before
    /// somebody has to be told.
    #[must_use]
    pub fn first_look(&self) -> Instant {
        match self.step(Somebody::Nobody, self.since) {
            Step::Wait(until) => until,
            _ => self.since,
        }
    }

    fn asked_at(&self, percent: i64) -> Instant {
        let whole = self.limit_at.since(self.since).0.max(0);
        self.limit_at - Span(whole / 100 * percent)
    }

    /// Who has to have been asked by now.
    fn due(&self, now: Instant) -> Level {
        if self.asked_at(Self::MANAGER_PERCENT) <= now {
            Level::Manager
        } else if self.asked_at(Self::DISPATCHER_PERCENT) <= now {
            Level::Dispatcher
        } else {
            Level::Nobody
        }
    }

    /// What to do now. `somebody` tells whether a surveyor could be asked.
    #[must_use]
    pub fn step(&self, somebody: Somebody, now: Instant) -> Step {
        let over = |until: Instant| until <= now || somebody == Somebody::Elsewhere;
        if self.open_until.is_some_and(over) {
            return Step::LapseOffer;
        }
        // Without anybody in time a person has to choose the least late, and the sooner they know, the
        // more they can do. Only a person arranges another unit (C11).
        let at_once = match (self.mode, somebody) {
            (_, Somebody::Elsewhere) => Level::Dispatcher,
            (Mode::Automatic, Somebody::InTime) => Level::Nobody,
            (Mode::Automatic, _) if self.open_until.is_none() => Level::Dispatcher,
            _ => Level::Nobody,
        };
        let wanted = self.due(now).max(at_once);
        if self.escalated < wanted {
            return Step::Escalate(wanted);
        }
        let may_ask = self.mode == Mode::Automatic && self.open_until.is_none();
        if may_ask && matches!(somebody, Somebody::InTime | Somebody::Late) {
            return Step::Offer;
        }
        // Surveyors come on duty and move without this case being told.
        let again = may_ask && somebody == Somebody::Nobody;
        Step::Wait(self.next_look(again, now))
    }

    /// When time alone changes what is to be done.
    fn next_look(&self, again: bool, now: Instant) -> Instant {
        const AGAIN: Span = Span::seconds(10);
        let again = again.then_some(now + AGAIN);
        let levels = [
            (Level::Dispatcher, self.asked_at(Self::DISPATCHER_PERCENT)),
            (Level::Manager, self.asked_at(Self::MANAGER_PERCENT)),
        ];
        let escalation = levels.into_iter().find(|(level, _)| self.escalated < *level);
        let escalation = escalation.map(|(_, at)| at);
        // When everybody knows there is only the answer to wait for.
        let never = now + Span::days(365);
        [self.open_until, escalation, again]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(never)
            .max(now + Span(1))
    }
}

/// Whether a surveyor could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Somebody {
    /// One who would be there before the limit.
    InTime,
    /// Only some who would be late, or whose arrival nobody can tell.
    Late,
    /// None.
    Nobody,
    /// Nobody of ours is to be asked: the place is outside the branch's area (C11).
    Elsewhere,
}

impl Somebody {
    /// Whether a surveyor could be asked, by how the best would do.
    #[must_use]
    pub fn of(best: Option<ArrivalVerdict>) -> Self {
        match best {
            None => Self::Nobody,
            Some(ArrivalVerdict::InTime | ArrivalVerdict::AtRisk) => Self::InTime,
            Some(ArrivalVerdict::Late | ArrivalVerdict::Unknown) => Self::Late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Instant = Instant(1_750_000_000_000);

    fn waiting(mode: Mode) -> Waiting {
        Waiting::begun(mode, Span::seconds(60), BEGIN, BEGIN + Span::minutes(5))
    }

    #[test]
    fn a_new_case_is_looked_at_when_something_can_be_due() {
        // At once where the system sends; else when the dispatcher has to be told, two minutes before.
        assert_eq!(waiting(Mode::Automatic).first_look(), BEGIN);
        assert_eq!(waiting(Mode::Manual).first_look(), BEGIN + Span::minutes(3));
        let late = Waiting::begun(Mode::Manual, Span::seconds(60), BEGIN, BEGIN);
        assert_eq!(late.first_look(), BEGIN, "somebody has to be told now");
    }

    #[test]
    fn one_step_at_a_time() {
        use Somebody::{Elsewhere, InTime, Late, Nobody};
        let at = |seconds| BEGIN + Span::seconds(seconds);
        let automatic = waiting(Mode::Automatic);
        let asked = Waiting { open_until: Some(at(60)), ..automatic };
        let known = |level| Waiting { escalated: level, ..automatic };
        for (case, somebody, now, expected) in [
            (automatic, InTime, 0, Step::Offer),
            (automatic, Late, 0, Step::Escalate(Level::Dispatcher)),
            (automatic, Nobody, 0, Step::Escalate(Level::Dispatcher)),
            (known(Level::Dispatcher), Late, 1, Step::Offer),
            (known(Level::Dispatcher), Nobody, 1, Step::Wait(at(11))),
            (asked, Nobody, 10, Step::Wait(at(60))),
            (asked, InTime, 60, Step::LapseOffer),
            (known(Level::Dispatcher), InTime, 240, Step::Escalate(Level::Manager)),
            (known(Level::Manager), InTime, 241, Step::Offer),
            (waiting(Mode::Manual), Nobody, 0, Step::Wait(at(180))),
            (waiting(Mode::Manual), InTime, 180, Step::Escalate(Level::Dispatcher)),
            (waiting(Mode::Manual), InTime, 240, Step::Escalate(Level::Manager)),
            (automatic, Elsewhere, 0, Step::Escalate(Level::Dispatcher)),
            (waiting(Mode::Manual), Elsewhere, 0, Step::Escalate(Level::Dispatcher)),
            (known(Level::Dispatcher), Elsewhere, 1, Step::Wait(at(240))),
            (asked, Elsewhere, 10, Step::LapseOffer),
        ] {
            assert_eq!(case.step(somebody, at(now)), expected, "{case:?} {somebody:?} {now}");
        }
    }

    /// A small generator: the same days on every machine.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }

        fn span(&mut self, most_ms: u64) -> Span {
            Span(i64::try_from(self.below(most_ms)).unwrap())
        }
    }

    /// One case of one random day: surveyors answer or do not, come and go, rounds are late. Answers
    /// whether it had an owner at its limit, and who had been asked before it.
    fn live(random: &mut Random) -> (bool, Level) {
        let mode = if random.below(4) == 0 { Mode::Manual } else { Mode::Automatic };
        let limit = Span(30_000) + random.span(600_000);
        let offer = Span(5_000) + random.span(120_000);
        let mut case = Waiting { offer, limit_at: BEGIN + limit, ..waiting(mode) };
        let (mut now, mut answer_at) = (BEGIN + random.span(1_000), None);
        loop {
            if case.limit_at < now {
                return (false, case.escalated);
            }
            if let Some((at, yes)) = answer_at
                && at <= now
                && case.open_until.is_some_and(|until| at < until)
            {
                if yes {
                    return (true, case.escalated);
                }
                (case.open_until, answer_at) = (None, None);
            }
            let somebody = match random.below(3) {
                0 => Somebody::InTime,
                1 => Somebody::Late,
                _ => Somebody::Nobody,
            };
            match case.step(somebody, now) {
                Step::LapseOffer => (case.open_until, answer_at) = (None, None),
                Step::Escalate(level) => case.escalated = level,
                Step::Offer => {
                    case.open_until = Some(now + offer);
                    answer_at = (random.below(2) == 0)
                        .then(|| (now + random.span(200_000), random.below(6) == 0));
                }
                // The round that looks is up to three seconds late.
                Step::Wait(until) => {
                    assert!(now < until);
                    now = until + random.span(3_000);
                }
            }
        }
    }

    #[test]
    fn in_100_000_random_days_no_case_is_forgotten() {
        let (mut random, mut owned, mut asked) = (Random(7), 0, 0);
        for day in 0..100_000 {
            let (owner, level) = live(&mut random);
            assert!(owner || level == Level::Manager, "day {day}: nobody was asked");
            owned += u32::from(owner);
            asked += u32::from(!owner);
        }
        assert!(owned > 5_000 && asked > 5_000, "{owned} {asked}");
    }
}
