//! A small world of people and cases, a million random steps, and no breach of duties or limits (B22).
//!
//! The world decides only by the rules. What must hold is computed again from its history, by other
//! means than the rules use.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::{ids::PersonId, money::Fen, time::Span};
use uuid::Uuid;

use super::rules::authority::{
    ADJUDICATING, Exposure, Limits, RoleLimits, VERIFYING, judge, limits_of,
};
use crate::{
    assessment::{Duty, Held, may_take},
    auth::policy::Role,
};

const STEPS: u64 = 1_000_000;
const PEOPLE: u64 = 8;
const CASES: u64 = 12;
const SHOPS: u64 = 3;
const DAY: i64 = 1;
const PERIOD: i64 = 30 * DAY;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[derive(Default)]
struct Case {
    version: u64,
    total: i64,
    assessor: Option<u64>,
    agreed: bool,
    verified: Option<u64>,
    verified_total: i64,
    adjudicated: Option<u64>,
    held: Vec<(u64, Duty)>,
}

struct Decision {
    case: u64,
    by: u64,
    principal: Option<u64>,
    assessor: u64,
    whole: i64,
    increase: i64,
    day: i64,
    limits: Limits,
}

struct World {
    dice: Dice,
    day: i64,
    roles: Vec<Vec<Role>>,
    table: Vec<RoleLimits>,
    /// Delegate to principal, until a day.
    delegations: BTreeMap<(u64, u64), i64>,
    cases: BTreeMap<u64, Case>,
    decisions: Vec<Decision>,
    adjudications: u64,
}

fn person(n: u64) -> PersonId {
    PersonId(Uuid::from_u128(u128::from(n)))
}

fn limits(single: i64, case: i64) -> Limits {
    Limits {
        single: Fen(single),
        case: Fen(case),
        shop: Some(Fen(case * 40)),
        pair: Some(Fen(case * 6)),
        period: Span::days(30),
    }
}

impl World {
    fn new() -> Self {
        let table = vec![
            RoleLimits { role: Role::Verifier, limits: limits(5_000, 9_000) },
            RoleLimits { role: Role::Manager, limits: limits(20_000, 30_000) },
            RoleLimits { role: Role::Adjudicator, limits: limits(20_000, 20_000) },
        ];
        let roles =
            (0..PEOPLE).map(|n| vec![if n % 2 == 0 { Role::Assessor } else { Role::Verifier }]);
        Self {
            dice: Dice(0x2545_F491_4F6C_DD1D),
            day: 0,
            roles: roles.collect(),
            table,
            delegations: BTreeMap::new(),
            cases: (0..CASES).map(|n| (n, Case::default())).collect(),
            decisions: Vec::new(),
            adjudications: 0,
        }
    }

    fn step(&mut self) {
        let (who, case) = (self.dice.roll(PEOPLE), self.dice.roll(CASES));
        match self.dice.roll(17) {
            0 => self.change_roles(who),
            1 => {
                let principal = self.dice.roll(PEOPLE);
                let days = i64::try_from(self.dice.roll(20)).unwrap();
                self.delegations.insert((who, principal), self.day + days);
            }
            2 if self.dice.roll(4) == 0 => self.day += DAY,
            3..=6 => self.assess(who, case),
            7..=9 => {
                let case = self.cases.get_mut(&case).unwrap();
                case.agreed = case.version > 0;
            }
            // A new claim takes the place of a finished one.
            10 if self.dice.roll(3) == 0 => drop(self.cases.insert(case, Case::default())),
            11 => self.write_draft(who, case),
            12 => self.adjudicate(who, case),
            _ => self.verify(who, case),
        }
    }

    fn change_roles(&mut self, who: u64) {
        const ROLES: [Role; 5] =
            [Role::Assessor, Role::Verifier, Role::Manager, Role::Surveyor, Role::Adjudicator];
        let mut roles = BTreeSet::new();
        for _ in 0..=self.dice.roll(2) {
            roles.insert(ROLES[usize::try_from(self.dice.roll(5)).unwrap()]);
        }
        self.roles[usize::try_from(who).unwrap()] = roles.into_iter().collect();
    }

    fn held(&self, case: u64) -> Vec<Held> {
        let held = self.cases[&case].held.iter();
        held.map(|(who, duty)| Held { person: person(*who), duty: *duty }).collect()
    }

    fn assess(&mut self, who: u64, case: u64) {
        let may = self.roles[usize::try_from(who).unwrap()].contains(&Role::Assessor);
        let held = self.held(case);
        // What is adjudicated stands.
        let stands = self.cases[&case].adjudicated.is_some();
        if !may || stands || may_take(Duty::Assess, &[person(who)], &held).is_err() {
            return;
        }
        let total = i64::try_from(self.dice.roll(12_000)).unwrap();
        let case = self.cases.get_mut(&case).unwrap();
        case.held.push((who, Duty::Assess));
        case.version += 1;
        (case.total, case.assessor, case.agreed) = (total, Some(who), false);
    }

    /// A verifier may write to a draft: then they have assessed. What somebody writes who has judged the
    /// case lands beside the draft.
    fn write_draft(&mut self, who: u64, case: u64) {
        let judged = self.cases[&case].held.iter().any(|(w, d)| *w == who && *d != Duty::Assess);
        if !judged {
            self.cases.get_mut(&case).unwrap().held.push((who, Duty::Assess));
        }
    }

    fn adjudicate(&mut self, who: u64, number: u64) {
        let case = &self.cases[&number];
        let verified = case.version > 0 && case.verified == Some(case.version);
        let separated = may_take(Duty::Adjudicate, &[person(who)], &self.held(number)).is_ok();
        let roles = &self.roles[usize::try_from(who).unwrap()];
        let limits = limits_of(roles, ADJUDICATING, &self.table);
        let exposure = Exposure { whole: Fen(case.verified_total), ..Exposure::default() };
        if !verified
            || case.adjudicated.is_some()
            || !separated
            || judge(limits, &exposure).is_err()
        {
            return;
        }
        assert!(roles.contains(&Role::Adjudicator));
        let case = self.cases.get_mut(&number).unwrap();
        assert!(!case.held.contains(&(who, Duty::Assess)), "{who} assessed and adjudicated");
        case.held.push((who, Duty::Adjudicate));
        case.adjudicated = Some(who);
        self.adjudications += 1;
    }

    fn verify(&mut self, who: u64, number: u64) {
        let principal = Some(self.dice.roll(PEOPLE)).filter(|_| self.dice.0.is_multiple_of(3));
        let principal = principal.filter(|p| *p != who);
        if let Some(principal) = principal
            && self.delegations.get(&(who, principal)).is_none_or(|until| *until <= self.day)
        {
            return;
        }
        let case = &self.cases[&number];
        if !case.agreed || case.verified == Some(case.version) {
            return;
        }
        let assessor = case.assessor.unwrap();
        let people: Vec<u64> = [Some(who), principal].into_iter().flatten().collect();
        let ids: Vec<PersonId> = people.iter().map(|n| person(*n)).collect();
        if may_take(Duty::Verify, &ids, &self.held(number)).is_err() {
            return;
        }
        let used = usize::try_from(principal.unwrap_or(who)).unwrap();
        let limits = limits_of(&self.roles[used], VERIFYING, &self.table);
        let recent = || self.decisions.iter().rev().take_while(|d| d.day > self.day - PERIOD);
        let sum = |wanted: &dyn Fn(&&Decision) -> bool| {
            Fen(recent().filter(wanted).map(|d| d.increase).sum())
        };
        let exposure = Exposure {
            whole: Fen(case.total),
            before: Fen(case.verified_total),
            shop: Some(sum(&|d| d.case % SHOPS == number % SHOPS)),
            pair: sum(&|d| {
                d.assessor == assessor
                    && (people.contains(&d.by) || d.principal.is_some_and(|p| people.contains(&p)))
            }),
        };
        if judge(limits, &exposure).is_err() {
            return;
        }
        self.decisions.push(Decision {
            case: number,
            by: who,
            principal,
            assessor,
            whole: case.total,
            increase: exposure.increase().0,
            day: self.day,
            limits: limits.unwrap(),
        });
        let case = self.cases.get_mut(&number).unwrap();
        case.held.extend(people.iter().map(|n| (*n, Duty::Verify)));
        (case.verified, case.verified_total) = (Some(case.version), case.total);
        self.check_last();
    }

    /// What must hold, from the history alone.
    fn check_last(&self) {
        let last = self.decisions.last().unwrap();
        let people = BTreeSet::from_iter([Some(last.by), last.principal].into_iter().flatten());
        for (who, duty) in &self.cases[&last.case].held {
            assert!(
                !(people.contains(who) && *duty == Duty::Assess),
                "{who} assessed and verified"
            );
        }
        assert!(last.increase <= last.limits.single.0 && last.whole <= last.limits.case.0);
        let (mut shop, mut pair) = (0, 0);
        for earlier in self.decisions.iter().rev() {
            if earlier.day <= last.day - PERIOD {
                break;
            }
            if earlier.case % SHOPS == last.case % SHOPS {
                shop += earlier.increase;
            }
            let hands = [Some(earlier.by), earlier.principal];
            if earlier.assessor == last.assessor
                && hands.iter().flatten().any(|h| people.contains(h))
            {
                pair += earlier.increase;
            }
        }
        assert!(shop <= last.limits.shop.unwrap().0 || last.increase == 0, "shop {shop}");
        assert!(pair <= last.limits.pair.unwrap().0 || last.increase == 0, "pair {pair}");
    }

    fn check_all(&self) {
        for (number, case) in &self.cases {
            let with = |duty| -> BTreeSet<u64> {
                case.held.iter().filter(|(_, held)| *held == duty).map(|(who, _)| *who).collect()
            };
            for judging in [Duty::Verify, Duty::Adjudicate] {
                let both: Vec<u64> =
                    with(Duty::Assess).intersection(&with(judging)).copied().collect();
                assert!(both.is_empty(), "case {number}: {both:?} on both sides");
            }
        }
    }
}

#[test]
fn a_million_random_steps_breach_neither_duties_nor_limits() {
    let mut world = World::new();
    for step in 0..STEPS {
        world.step();
        if step % 1_000 == 0 {
            world.check_all();
        }
    }
    world.check_all();
    // The world is alive: much was verified, some of it for somebody else, and all kinds of limits hold.
    assert!(world.decisions.len() > 1_000, "only {} decisions", world.decisions.len());
    assert!(world.decisions.iter().any(|decision| decision.principal.is_some()));
    assert!(world.adjudications > 1_000, "only {} adjudications", world.adjudications);
}
