//! What freezing a sheet, looking into the verifiers' queue and opening a customer's page cost:
//! `cargo bench -p tests --bench agreement`. Names after `--` choose: `freeze queue page`.
//!
//! * `freeze`: a sheet of 40 lines with 30 photos, and the PDF file of it, beside a request of the same
//!   person that only reads
//! * `queue`: a page of a queue of a million waiting cases, on both databases, beside the same page when
//!   the queue is short (`CHAKAN_BENCH_QUEUE` sets how long it is)
//! * `page`: the customer's page at 200 requests a second, each sent when it is due, whatever became of
//!   those before it; beside a route that does nothing
//!
//! Only ratios between lines of one run mean anything.

#![expect(
    clippy::disallowed_methods,
    reason = "requests are sent by the clock; settings of the bench"
)]

#[expect(dead_code, reason = "a story needs more of it than a bench")]
#[path = "../../it/assessed.rs"]
mod assessed;
#[expect(dead_code, reason = "a story needs more of it than a bench")]
#[path = "../../it/field.rs"]
mod field;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use diesel::RunQueryDsl;
use serde_json::json;
use server::{
    auth::policy::Role,
    config::Database,
    db::open,
    ports::ids::{Ids, SystemIds},
};
use sync_core::model::schema::Scalar;
use tests::{Engine, Person, TestApp};

use assessed::Assessed;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let all: [(&str, fn()); 3] = [("freeze", freeze), ("queue", queue), ("page", page)];
    for (name, run) in all {
        if chosen.is_empty() || chosen.iter().any(|one| one == name) {
            run();
        }
    }
}

/// Times in milliseconds, sorted.
struct Times(Vec<f64>);

impl Times {
    fn of(count: usize, mut work: impl FnMut(usize)) -> Self {
        let time = |n| {
            let began = Instant::now();
            work(n);
            began.elapsed().as_secs_f64() * 1e3
        };
        Self::sorted((0..count).map(time).collect())
    }

    fn sorted(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    fn at(&self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        self.0[(last as f64 * share).round() as usize]
    }

    fn print(&self, what: &str, floor: Option<&Self>) {
        let (p50, p99) = (self.at(0.5), self.at(0.99));
        let ratio = floor.map_or(String::new(), |floor| format!("   {:.1} x", p50 / floor.at(0.5)));
        println!("{what:<48} p50 {p50:>8.2} ms   p99 {p99:>8.2} ms{ratio}");
    }
}

/// One answer, read to its end; no checks that would count.
fn get(agent: &ureq::Agent, address: SocketAddr, path: &str, person: Option<&Person>) {
    let mut request = agent.get(&format!("http://{address}{path}"));
    if let Some(person) = person {
        request = request.header("authorization", &format!("Bearer {}", person.token()));
    }
    let mut answer = request.call().expect("an answer");
    assert_eq!(answer.status(), 200);
    let _ = answer.body_mut().read_to_vec().expect("a body");
}

/// Freezes sheets, each of another case.
fn freeze() {
    let app = TestApp::start(Engine::Sqlite).expect("SQLite is everywhere");
    let agent = ureq::Agent::new_with_defaults();
    let ready: Vec<_> = (0..20).map(|_| large(&app)).collect();
    let heads: Vec<_> = ready.iter().map(|one| json!({ "based_on": one.heads() })).collect();
    let reads = Times::of(200, |n| {
        let one = &ready[n % ready.len()];
        get(&agent, app.address(), &format!("/api/v1{}", one.path("")), Some(&one.surveyor));
    });
    let freezes = Times::of(ready.len(), |n| {
        let one = &ready[n];
        let answer = agent
            .post(&format!("http://{}/api/v1{}", app.address(), one.path("/versions")))
            .header("authorization", &format!("Bearer {}", one.surveyor.token()))
            .header("idempotency-key", &SystemIds.uuid().to_string())
            .send_json(&heads[n]);
        assert_eq!(answer.expect("an answer").status(), 201);
    });
    reads.print("read a case", None);
    freezes.print("freeze 40 lines, 30 photos (aim 30 ms)", Some(&reads));
    let sheets = Times::of(ready.len(), |n| {
        let one = &ready[n];
        let path = format!("/api/v1{}", one.path("/documents/assessment-sheet"));
        get(&agent, app.address(), &path, Some(&one.surveyor));
    });
    sheets.print("its sheet as a PDF file (aim 300 ms)", Some(&reads));
}

/// A case with 40 lines and 30 photos, announced.
fn large(app: &TestApp) -> Assessed<'_> {
    let mut assessed = Assessed::new(app);
    let vehicle = assessed.vehicle;
    let photos: Vec<_> = (0..30).map(|_| SystemIds.uuid()).collect();
    let hash = |id: &uuid::Uuid| format!("{:064x}", id.as_u128());
    let declare = |id: &uuid::Uuid| {
        json!({ "id": id, "sha256": hash(id), "size": 3_000_000, "slot": "damage_close",
            "captured_at": server::wire::time(app.now()) })
    };
    let declared: Vec<_> = photos.iter().map(declare).collect();
    let path = assessed.path("/photos");
    let _ = assessed.surveyor.post(&path, &json!({ "photos": declared })).expect(200);
    let now = app.now();
    assessed.edit(|pen| {
        for id in &photos {
            let fields: [(&'static str, Scalar); 3] = [
                ("sha256", hash(id).as_str().into()),
                ("slot", "damage_close".into()),
                ("captured_at_ms", now.into()),
            ];
            pen.add_photo(*id, &fields).expect("a photo");
        }
        for n in 0..40 {
            let fields: [(&'static str, Scalar); 4] = [
                ("kind", "replace".into()),
                ("vehicle_id", vehicle.into()),
                ("name", format!("前保险杠支架 {n}").as_str().into()),
                ("unit_price_fen", (140_950 + i64::from(n)).into()),
            ];
            pen.add_line(SystemIds.uuid(), &fields).expect("a line");
        }
    });
    assessed
}

/// A page of a queue that is short, then long.
fn queue() {
    let length = std::env::var("CHAKAN_BENCH_QUEUE").ok().and_then(|text| text.parse().ok());
    let length: u64 = length.unwrap_or(1_000_000);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(app) = TestApp::start(engine) else { continue };
        let (agent, verifier) = (ureq::Agent::new_with_defaults(), app.person(Role::Verifier));
        let look = || {
            Times::of(300, |n| {
                let order = ["marks", "amount", "age"][n % 3];
                let path = format!("/api/v1/verification-queue?order={order}&limit=50");
                get(&agent, app.address(), &path, Some(&verifier));
            })
        };
        let scope = app.branch("hz").to_string();
        plant(&app, engine, &scope, 0, 100);
        let short = look();
        plant(&app, engine, &scope, 100, length);
        let long = look();
        short.print(&format!("{engine:?}: a page of 100 waiting"), None);
        long.print(&format!("{engine:?}: a page of {length} waiting (aim 20 ms)"), Some(&short));
    }
}

/// Rows of the queue with numbers from..upto, as so many agreed versions would have left them.
fn plant(app: &TestApp, engine: Engine, scope: &str, from: u64, upto: u64) {
    let database = Database::from_url(app.database_url()).expect("its own address");
    let conn = &mut open::open(&database).expect("a connection");
    let (quiet, id) = match engine {
        Engine::Sqlite => ("PRAGMA foreign_keys = OFF", "printf('%012x', i)"),
        Engine::Postgres => ("SET session_replication_role = replica", "lpad(to_hex(i), 12, '0')"),
    };
    let rows = format!(
        "INSERT INTO verification_queue (scope_id, case_id, version_id, amount_fen, marks, queued_at, due_at) \
         WITH RECURSIVE n(i) AS (SELECT CAST({from} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {upto}) \
         SELECT '{scope}', '0f000000-0000-7000-8000-' || {id}, '0f000000-0000-7000-9000-' || {id}, \
         i * 7919 % 1000003, i * 31 % 7, 1700000000000 + i, 1700086400000 + i FROM n"
    );
    for sql in [quiet, &rows] {
        diesel::sql_query(sql).execute(conn).expect("the rows of a queue");
    }
}

/// The customer's page, one request every 5 ms.
fn page() {
    let app = TestApp::start(Engine::Sqlite).expect("SQLite is everywhere");
    let assessed = large(&app);
    let (_, link) = assessed.send();
    let bare = at_a_rate(app.address(), "/live");
    let pages = at_a_rate(app.address(), &link);
    bare.print("nothing, at 200 requests/s", None);
    pages.print("the customer's page, at 200 requests/s (aim 50 ms)", Some(&bare));
}

/// Times from when a request was due until its answer was there.
fn at_a_rate(address: SocketAddr, path: &str) -> Times {
    const EVERY: Duration = Duration::from_millis(5);
    const SENDERS: u32 = 16;
    const EACH: u32 = 125;
    let began = Instant::now() + EVERY;
    let sender = |first: u32| {
        let agent = ureq::Agent::new_with_defaults();
        let send = |n: u32| {
            let due = began + EVERY * (first + n * SENDERS);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            get(&agent, address, path, None);
            due.elapsed().as_secs_f64() * 1e3
        };
        (0..EACH).map(send).collect::<Vec<f64>>()
    };
    let sender = &sender;
    let times = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..SENDERS).map(|first| scope.spawn(move || sender(first))).collect();
        threads.into_iter().flat_map(|one| one.join().expect("no panic")).collect()
    });
    Times::sorted(times)
}
