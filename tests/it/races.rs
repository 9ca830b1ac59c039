//! Two nodes on one PostgreSQL that do at the same moment what must not both be done (B19, B22).
//!
//! `CHAKAN_RACES=10000` asks for more of them than the usual few. Which race is run, and who begins it
//! where, follows from a seed, which is printed; `CHAKAN_RACES_SEED` runs the same ones again. Which of
//! two requests is faster is for the machine.

use std::{collections::BTreeMap, sync::Barrier, thread};

use serde_json::{Value, json};
use server::{auth::policy::Role, case_log};
use sync_core::{
    ids::CaseId,
    lifecycle::{EventKind, replay},
    protocol::Session,
    time::Span,
};
use tests::{Engine, Node, Person, TestApp};

use crate::{
    assessed::{Assessed, open, set_limits, verify},
    field::new_id,
    shops::{choose, shop},
};

const USUAL: u64 = 16;
/// Total of the sheet that the races are about.
const TOTAL: i64 = 140_950;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn asked(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many races is asked of the test, not of a server"
    )]
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

#[test]
fn what_two_nodes_do_at_once_is_done_by_one_of_them() {
    let Some(app) = TestApp::start(Engine::Postgres) else { return };
    let races = asked("CHAKAN_RACES").unwrap_or(USUAL);
    // The last bytes of an id are random.
    let fresh = || u64::from_le_bytes(*new_id().as_bytes().last_chunk().unwrap());
    let seed = asked("CHAKAN_RACES_SEED").unwrap_or_else(fresh).max(1);
    println!("CHAKAN_RACES={races} CHAKAN_RACES_SEED={seed}");
    let world = World { node: app.beside(), app: &app };
    limit(&app, None);
    let mut dice = Dice(seed);
    let mut outcomes = BTreeMap::<(&str, &str), u64>::new();
    for n in 0..races {
        // Each kind once before chance decides.
        let kinds = u64::try_from(KINDS.len()).unwrap();
        let kind = if n < kinds { n } else { dice.roll(kinds) };
        let (name, run) = KINDS[usize::try_from(kind).unwrap()];
        let swapped = dice.roll(2) == 1;
        let assessed = Assessed::with_a_bumper(&app);
        let outcome = run(&world, &assessed, swapped);
        world.check(&assessed.case, &format!("race {n} of {name}, seed {seed}"));
        *outcomes.entry((name, outcome)).or_default() += 1;
        // A number gets so many codes and links a day.
        app.advance(Span::hours(13));
    }
    println!("{outcomes:#?}");
}

type Race = fn(&World<'_>, &Assessed<'_>, bool) -> &'static str;

const KINDS: [(&str, Race); 8] = [
    ("confirming often", confirming_often),
    ("confirming and freezing", confirming_and_freezing),
    ("verifying and writing", verifying_and_writing),
    ("verifying and freezing by one person", verifying_and_freezing_by_one),
    ("verifying twice", verifying_twice),
    ("verifying and freezing by another", verifying_and_freezing_by_another),
    ("adjudicating and writing", adjudicating_and_writing),
    ("verifying two cases of one shop", verifying_two_cases_of_one_shop),
];

struct World<'a> {
    app: &'a TestApp,
    node: Node,
}

impl World<'_> {
    /// Both at the same moment, on different nodes; the statuses.
    fn race(
        &self,
        swapped: bool,
        one: (&Person, &str, &Value),
        other: (&Person, &str, &Value),
    ) -> (u16, u16) {
        let there = |person: &Person| self.node.again(person);
        let (first, second) = match swapped {
            false => (one.0.clone(), there(other.0)),
            true => (there(one.0), other.0.clone()),
        };
        let start = Barrier::new(2);
        let send = |person: &Person, path: &str, body: &Value| {
            start.wait();
            person.post(path, body).status
        };
        thread::scope(|scope| {
            let one = scope.spawn(|| send(&first, one.1, one.2));
            let other = scope.spawn(|| send(&second, other.1, other.2));
            (one.join().unwrap(), other.join().unwrap())
        })
    }

    fn person(&self, roles: &[Role]) -> Person {
        self.app.person_at("hz", roles)
    }

    /// What must hold whatever happened, from rows and log.
    fn check(&self, case: &str, what: &str) {
        let id: CaseId = case.parse::<uuid::Uuid>().unwrap().into();
        let judging = "b.duty IN ('verify', 'adjudicate')";
        for (sql, why) in [
            (
                format!(
                    "SELECT count(*) AS n FROM case_duties a JOIN case_duties b \
                     ON a.case_id = b.case_id AND a.person_id = b.person_id \
                     WHERE a.case_id = '{case}' AND a.duty = 'assess' AND {judging}"
                ),
                "somebody has both duties",
            ),
            (
                format!(
                    "SELECT count(*) AS n FROM draft_change a JOIN case_duties b \
                     ON a.case_id = b.case_id AND a.person_id = b.person_id \
                     WHERE a.case_id = '{case}' AND {judging}"
                ),
                "somebody wrote what they judged",
            ),
            (
                format!(
                    "SELECT count(*) AS n FROM (SELECT version_id FROM verifications \
                     WHERE case_id = '{case}' AND outcome = 'verified' \
                     GROUP BY version_id HAVING count(*) > 1) twice"
                ),
                "a version is verified twice",
            ),
            (
                "SELECT count(*) AS n FROM (SELECT version_id FROM agreements \
                 GROUP BY version_id HAVING count(*) > 1) twice"
                    .to_owned(),
                "a version is agreed on twice",
            ),
        ] {
            assert_eq!(self.app.count(&sql), 0, "{why}: {what}");
        }
        let (status, log) = self
            .app
            .read(move |conn| Ok((case_log::status(conn, id)?, case_log::entries(conn, id)?)));
        assert_eq!(status, replay(log.iter().map(|entry| &entry.kind)), "{what}");
        let of = |kind: EventKind| log.iter().filter(|entry| entry.kind == kind).count();
        let voids = of(EventKind::AgreementVoided);
        assert!(of(EventKind::Agreed) <= voids + 1, "two agreements are in force: {what}");
    }
}

/// Limits wide enough, except for what one shop may get within the period.
fn limit(app: &TestApp, shop_fen: Option<i64>) {
    let wide = |role: &'static str| (role, 100_000_000, 100_000_000);
    match shop_fen {
        None => set_limits(app, &[wide("verifier"), wide("adjudicator")]),
        Some(most) => {
            let row = json!({
                "role": "verifier", "single_fen": 100_000_000, "case_fen": 100_000_000,
                "shop_fen": most, "period_days": 30,
            });
            let limits = json!({ "limits": [row] });
            let _ = app.person(Role::Manager).post("/authority-limits", &limits).expect(201);
        }
    }
}

/// A tablet of somebody with a rate that is not sent yet.
fn written(app: &TestApp, person: &Person, case: &str) -> (Session, Value) {
    let mut tablet = open(person, case);
    tablet.edit(app.now()).unwrap().set_rate("parts_management_bp", 500_i64).unwrap();
    let push = serde_json::to_value(tablet.next_request()).unwrap();
    (tablet, push)
}

fn confirming_often(world: &World<'_>, assessed: &Assessed<'_>, swapped: bool) -> &'static str {
    const MANY: usize = 6;
    let (_, link) = assessed.send();
    let customer = Customer::new(world, assessed, &link);
    let start = Barrier::new(MANY);
    let send = |n: usize| customer.agree((n % 2 == 1) == swapped, &start);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let send = &send;
        let sent: Vec<_> = (0..MANY).map(|n| scope.spawn(move || send(n))).collect();
        sent.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let of = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((of(200), of(409)), (1, MANY - 1), "{statuses:?}");
    "one agreement"
}

/// A customer with the page of an offer open.
struct Customer<'a> {
    world: &'a World<'a>,
    path: String,
    form: String,
}

impl<'a> Customer<'a> {
    fn new(world: &'a World<'a>, assessed: &Assessed<'_>, link: &str) -> Self {
        let form = format!("code={}", assessed.code(link));
        Self { world, path: format!("{link}/agree"), form }
    }

    /// Agrees when everybody is ready, at the other node or at this one; the status.
    fn agree(&self, elsewhere: bool, start: &Barrier) -> u16 {
        let request = match elsewhere {
            true => self.world.node.request("POST", &self.path),
            false => self.world.app.request("POST", &self.path),
        };
        let kind = "application/x-www-form-urlencoded";
        let request = request.header("content-type", kind).bytes(self.form.as_str());
        start.wait();
        request.send().status
    }
}

fn confirming_and_freezing(
    world: &World<'_>,
    assessed: &Assessed<'_>,
    swapped: bool,
) -> &'static str {
    let (version, link) = assessed.send();
    let customer = Customer::new(world, assessed, &link);
    let body = another_version(world, assessed);
    let surveyor = match swapped {
        true => world.node.again(&assessed.surveyor),
        false => assessed.surveyor.clone(),
    };
    let start = Barrier::new(2);
    let (frozen, agreed) = thread::scope(|scope| {
        let freezing = scope.spawn(|| {
            start.wait();
            surveyor.post(&assessed.path("/versions"), &body).status
        });
        let agreeing = scope.spawn(|| customer.agree(!swapped, &start));
        (freezing.join().unwrap(), agreeing.join().unwrap())
    });
    assert_eq!(frozen, 201);
    let id = version["id"].as_str().unwrap();
    let kept = format!("SELECT count(*) AS n FROM agreements WHERE version_id = '{id}'");
    assert_ne!(assessed.agreement()["state"], "agreed");
    match agreed {
        200 => {
            assert_eq!(world.app.count(&kept), 1);
            "agreed, then void"
        }
        410 => {
            assert_eq!(world.app.count(&kept), 0);
            "frozen first"
        }
        other => panic!("{other}"),
    }
}

/// Somebody else writes; what a version with that is asked for with.
fn another_version(world: &World<'_>, assessed: &Assessed<'_>) -> Value {
    let writer = world.person(&[Role::Assessor]);
    let (_, push) = written(world.app, &writer, &assessed.case);
    let _ = writer.post(&assessed.path("/draft/sync"), &push).expect(200);
    json!({ "based_on": assessed.heads() })
}

/// Somebody who may write and judge, with something to send.
fn torn(world: &World<'_>, assessed: &Assessed<'_>, judge: Role) -> (Person, Value) {
    let both = world.person(&[Role::Assessor, judge]);
    let (_, push) = written(world.app, &both, &assessed.case);
    (both, push)
}

fn to_verify(version: &Value) -> Value {
    json!({ "version_id": version["id"] })
}

fn verifying_and_writing(
    world: &World<'_>,
    assessed: &Assessed<'_>,
    swapped: bool,
) -> &'static str {
    let version = assessed.agreed();
    let (both, push) = torn(world, assessed, Role::Verifier);
    let wish = to_verify(&version);
    let (verify, write) = (assessed.path("/verification/verify"), assessed.path("/draft/sync"));
    let statuses = world.race(swapped, (&both, &verify, &wish), (&both, &write, &push));
    match statuses {
        (200, 200) => "verified, written beside the draft",
        (409, 200) => "written first",
        other => panic!("{other:?}"),
    }
}

fn verifying_and_freezing_by_one(
    world: &World<'_>,
    assessed: &Assessed<'_>,
    swapped: bool,
) -> &'static str {
    let version = assessed.agreed();
    let both = world.person(&[Role::Assessor, Role::Verifier]);
    let (wish, body) = (to_verify(&version), another_version(world, assessed));
    let (verify, freeze) = (assessed.path("/verification/verify"), assessed.path("/versions"));
    match world.race(swapped, (&both, &verify, &wish), (&both, &freeze, &body)) {
        (200, 409) => "verified first",
        (409, 201) => "frozen first",
        other => panic!("{other:?}"),
    }
}

fn verifying_twice(world: &World<'_>, assessed: &Assessed<'_>, swapped: bool) -> &'static str {
    let version = assessed.agreed();
    let [one, other] = [(); 2].map(|()| world.person(&[Role::Verifier]));
    let (wish, path) = (to_verify(&version), assessed.path("/verification/verify"));
    match world.race(swapped, (&one, &path, &wish), (&other, &path, &wish)) {
        (200, 409) | (409, 200) => "one decision",
        other => panic!("{other:?}"),
    }
}

fn verifying_and_freezing_by_another(
    world: &World<'_>,
    assessed: &Assessed<'_>,
    swapped: bool,
) -> &'static str {
    let version = assessed.agreed();
    let verifier = world.person(&[Role::Verifier]);
    let (wish, body) = (to_verify(&version), another_version(world, assessed));
    let (verify, freeze) = (assessed.path("/verification/verify"), assessed.path("/versions"));
    let statuses =
        world.race(swapped, (&verifier, &verify, &wish), (&assessed.surveyor, &freeze, &body));
    // Whichever was first: the newest version is nobody's yet.
    let case = assessed.surveyor.get(&assessed.path("")).expect(200).value();
    assert_eq!(case["case"]["status"], "assessed", "{statuses:?}");
    match statuses {
        (200, 201) => "verified, then replaced",
        (409, 201) => "replaced first",
        other => panic!("{other:?}"),
    }
}

fn adjudicating_and_writing(
    world: &World<'_>,
    assessed: &Assessed<'_>,
    swapped: bool,
) -> &'static str {
    let version = assessed.agreed();
    let _ = verify(&world.person(&[Role::Verifier]), assessed, &version).expect(200);
    let (both, push) = torn(world, assessed, Role::Adjudicator);
    let wish = json!({
        "version_id": version["id"], "amount_fen": TOTAL, "clauses": ["示范条款第十六条"],
    });
    let (adjudicate, write) = (assessed.path("/adjudication"), assessed.path("/draft/sync"));
    match world.race(swapped, (&both, &adjudicate, &wish), (&both, &write, &push)) {
        (201, 200) => "adjudicated, written beside the draft",
        (409, 200) => "written first",
        other => panic!("{other:?}"),
    }
}

fn verifying_two_cases_of_one_shop(
    world: &World<'_>,
    assessed: &Assessed<'_>,
    swapped: bool,
) -> &'static str {
    let other = Assessed::with_a_bumper(world.app);
    // Enough for one of them.
    limit(world.app, Some(TOTAL + TOTAL / 2));
    let licence = assessed.case.clone();
    let ours = shop(world.app, &licence, None);
    let wishes = [assessed, &other].map(|one| {
        choose(&one.surveyor, &one.case, ours);
        to_verify(&one.agreed())
    });
    let [first, second] = [(); 2].map(|()| world.person(&[Role::Verifier]));
    let paths = [assessed, &other].map(|one| one.path("/verification/verify"));
    let statuses =
        world.race(swapped, (&first, &paths[0], &wishes[0]), (&second, &paths[1], &wishes[1]));
    world.app.advance(Span::minutes(1));
    limit(world.app, None);
    match statuses {
        (200, 409) | (409, 200) => "within the limit of the shop",
        other => panic!("{other:?}"),
    }
}
