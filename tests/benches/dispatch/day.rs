//! A day replayed under three ways of sending: 2,000 cases, 300 surveyors, losses of signal.
//!
//! The same cases, people, driving times and silences for each. A surveyor without signal does not
//! hear of an offer until it has lapsed; one who is simply sent hears of it when the signal is back.

use server::dispatch::{WaveChoice, solve_wave};
use sync_core::time::Span;

const CASES: usize = 2_000;
const SURVEYORS: usize = 300;
/// Seconds of the day in which cases come in; more of them in the rush hours.
const DAY: i64 = 14 * 3_600;
const AT_SCENE: i64 = 25 * 60;
const OFFER: i64 = 60;
/// Half a town across, in metres.
const TOWN: f64 = 15_000.0;
/// 24 km/h over a detour of 1.4.
const SECONDS_PER_METRE: f64 = 1.4 * 3.6 / 24.0;

/// A small generator: the same day on every machine.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }

    fn place(&mut self) -> (f64, f64) {
        // Denser towards the middle.
        let mut along = || (self.unit() + self.unit() - 1.0) * TOWN;
        (along(), along())
    }
}

#[derive(Clone)]
struct Case {
    at: i64,
    place: (f64, f64),
    /// 30 or 60 minutes.
    limit: i64,
}

#[derive(Clone)]
struct Surveyor {
    place: (f64, f64),
    free_at: i64,
    /// Pairs of seconds without signal.
    silences: Vec<(i64, i64)>,
}

impl Surveyor {
    fn hears_at(&self, at: i64) -> i64 {
        self.silences.iter().find(|(from, to)| *from <= at && at < *to).map_or(at, |(_, to)| *to)
    }

    /// Seconds from `now` until they are there, as far as anybody can tell.
    fn arrives_after(&self, case: &Case, now: i64) -> i64 {
        (self.free_at - now).max(0) + drive(self.place, case.place)
    }

    /// Goes; answers when they are there.
    fn go(&mut self, case: &Case, now: i64) -> i64 {
        let there = self.hears_at(now).max(self.free_at) + drive(self.place, case.place);
        self.place = case.place;
        self.free_at = there + AT_SCENE;
        there
    }
}

fn drive(a: (f64, f64), b: (f64, f64)) -> i64 {
    seconds((a.0 - b.0).hypot(a.1 - b.1) * SECONDS_PER_METRE)
}

fn seconds(value: f64) -> i64 {
    format!("{value:.0}").parse().unwrap()
}

fn town() -> (Vec<Case>, Vec<Surveyor>) {
    let mut random = Random(2_010);
    let mut cases: Vec<Case> = (0..CASES)
        .map(|_| {
            let rush = random.unit() < 0.5;
            let span = f64::from(i32::try_from(DAY).unwrap());
            let at = if rush { span * (0.1 + 0.15 * random.unit()) } else { span * random.unit() };
            let place = random.place();
            let urban = place.0.hypot(place.1) < TOWN * 0.5;
            Case { at: seconds(at), place, limit: if urban { 1_800 } else { 3_600 } }
        })
        .collect();
    cases.sort_by_key(|case| case.at);
    let surveyors = (0..SURVEYORS)
        .map(|_| {
            let place = random.place();
            let silences = (0..6)
                .map(|_| {
                    let from = seconds(random.unit() * f64::from(i32::try_from(DAY).unwrap()));
                    (from, from + 60 + seconds(random.unit() * 1_500.0))
                })
                .collect();
            Surveyor { place, free_at: 0, silences }
        })
        .collect();
    (cases, surveyors)
}

/// When each case was dispatched and reached, in seconds after its report.
type Served = Vec<(i64, i64)>;

/// Whoever is nearest as the crow flies is sent at once, busy or not, heard or not.
fn nearest_first(cases: &[Case], mut people: Vec<Surveyor>) -> Served {
    let serve = |case: &Case| {
        let nearest =
            (0..people.len()).min_by_key(|n| drive(people[*n].place, case.place)).unwrap();
        let there = people[nearest].go(case, case.at);
        (0, there - case.at)
    };
    cases.iter().map(serve).collect()
}

/// The best by expected arrival is asked; without an answer within a minute the next. After five
/// minutes a dispatcher sends the least late who has signal.
fn offers(cases: &[Case], mut people: Vec<Surveyor>) -> Served {
    let mut random = Random(7);
    let mut asked_until = vec![0; people.len()];
    let mut serve = |case: &Case| {
        let (mut now, mut tried) = (case.at, Vec::new());
        loop {
            let free = |n: &usize| !tried.contains(n) && asked_until[*n] <= now;
            let best =
                (0..people.len()).filter(free).min_by_key(|n| people[*n].arrives_after(case, now));
            let Some(best) = best else { break };
            let thinks = 5 + seconds(random.unit() * 30.0);
            let hears = people[best].hears_at(now);
            let by_hand = now - case.at >= 240;
            if hears + thinks < now + OFFER || (by_hand && hears == now) {
                // One in twelve declines.
                let yes = by_hand || random.unit() > 1.0 / 12.0;
                now = hears + thinks;
                if yes {
                    let there = people[best].go(case, now);
                    return (now - case.at, there - case.at);
                }
            } else {
                asked_until[best] = now + OFFER;
                now += OFFER;
            }
            tried.push(best);
        }
        (86_400, 86_400)
    };
    cases.iter().map(&mut serve).collect()
}

/// Every minute the waiting cases are solved together among those who have signal.
fn batches(cases: &[Case], mut people: Vec<Surveyor>) -> Served {
    let mut served = vec![(86_400, 86_400); cases.len()];
    let mut waiting: Vec<usize> = Vec::new();
    let mut next = 0;
    let mut now = 0;
    while next < cases.len() || !waiting.is_empty() {
        now += 60;
        while next < cases.len() && cases[next].at <= now {
            waiting.push(next);
            next += 1;
        }
        let heard: Vec<usize> =
            (0..people.len()).filter(|n| people[*n].hears_at(now) == now).collect();
        let row = |case: &usize| -> Vec<Option<WaveChoice>> {
            let case = &cases[*case];
            let choice = |n: &usize| {
                let after = people[*n].arrives_after(case, now);
                let late = (now + after - case.at - case.limit).max(0);
                Some(WaveChoice {
                    arrives_after: Span::seconds(after),
                    late_by: Span::seconds(late),
                })
            };
            heard.iter().map(choice).collect()
        };
        let rows: Vec<_> = waiting.iter().map(row).collect();
        let solution = solve_wave(&rows);
        let mut left = Vec::new();
        for (case, column) in waiting.drain(..).zip(solution) {
            match column {
                Some(column) => {
                    let there = people[heard[column]].go(&cases[case], now);
                    served[case] = (now - cases[case].at, there - cases[case].at);
                }
                None => left.push(case),
            }
        }
        waiting = left;
    }
    served
}

pub fn compare() {
    let (cases, people) = town();
    println!("a day: {CASES} cases, {SURVEYORS} surveyors, the same losses of signal for each way");
    println!(
        "{:<16} {:>14} {:>14} {:>12} {:>12}",
        "", "sent in 5 min", "there in time", "median min", "p95 min"
    );
    let share = |count: usize| {
        100.0 * f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(CASES).unwrap())
    };
    for (name, served) in [
        ("nearest first", nearest_first(&cases, people.clone())),
        ("offers", offers(&cases, people.clone())),
        ("batches", batches(&cases, people.clone())),
    ] {
        let sent = served.iter().filter(|(sent, _)| *sent <= 300).count();
        let in_time =
            served.iter().zip(&cases).filter(|((_, there), case)| *there <= case.limit).count();
        let mut waits: Vec<i64> = served.iter().map(|(_, there)| *there).collect();
        waits.sort_unstable();
        println!(
            "{name:<16} {:>13.1}% {:>13.1}% {:>12} {:>12}",
            share(sent),
            share(in_time),
            waits[CASES / 2] / 60,
            waits[CASES * 95 / 100] / 60
        );
    }
}
