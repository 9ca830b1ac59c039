//! What single steps cost.

use std::time::{Duration, Instant};

use actix_web::rt;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types};
use serde_json::json;
use server::{
    auth::policy::Role,
    dispatch::{self, WaveChoice, solve_wave, solve_wave_in_turn, wave_lateness},
    sla, wire,
};
use sync_core::{geo::Point, ids::CaseId, time::Span};
use tests::{Engine, TestApp, report};

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let value = work();
    (value, began.elapsed())
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

/// A wave of cases: all at once against each in turn.
pub fn solver() {
    // A hailstorm in one corner of a district of 60 km, the surveyors all over it.
    let mut seed = 17_u64;
    let mut km = |most: i64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        i64::try_from((seed >> 33) % 1_000).unwrap() * most / 1_000
    };
    let mut choices = |cases: usize, surveyors: usize| -> Vec<Vec<Option<WaveChoice>>> {
        let people: Vec<_> = (0..surveyors).map(|_| (km(60), km(60))).collect();
        let scenes: Vec<_> = (0..cases).map(|_| (km(20), km(20))).collect();
        let choice = |scene: &(i64, i64), person: &(i64, i64)| {
            // Along the streets at 40 km/h.
            let minutes = ((scene.0 - person.0).abs() + (scene.1 - person.1).abs()) * 60 / 40;
            let late_by = Span::minutes((minutes - 30).max(0));
            Some(WaveChoice { arrives_after: Span::minutes(minutes), late_by })
        };
        scenes
            .iter()
            .map(|scene| people.iter().map(|person| choice(scene, person)).collect())
            .collect()
    };
    println!("\na wave of cases, each surveyor once");
    for (cases, surveyors) in [(50, 60), (200, 210), (200, 400)] {
        let rows = choices(cases, surveyors);
        let (together, spent) = timed(|| solve_wave(&rows));
        let (in_turn, spent_in_turn) = timed(|| solve_wave_in_turn(&rows));
        let late = |solution: &[Option<usize>]| wave_lateness(&rows, solution).0.0 / 60_000;
        println!(
            "{cases} x {surveyors}: together {} min late in {:.0} ms, in turn {} min late in {:.1} ms",
            late(&together),
            milliseconds(spent),
            late(&in_turn),
            milliseconds(spent_in_turn)
        );
    }
}

fn run_sql(app: &TestApp, sql: String) {
    app.write(move |conn| Ok(sql_query(&sql).execute(conn).map(|_| ())?));
}

fn new_case(app: &TestApp) -> String {
    let saved = app.person(Role::Intake).post("/cases", &report()).expect(201).value();
    saved["case"]["id"].as_str().unwrap().to_owned()
}

fn percentile(mut all: Vec<Duration>, percent: usize) -> f64 {
    all.sort_unstable();
    milliseconds(all[(all.len() * percent / 100).min(all.len() - 1)])
}

/// 20,000 surveyors around a town: by squares of a grid against all of them.
pub fn candidates() {
    const SURVEYORS: usize = 20_000;
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let case: CaseId = new_case(&app).parse().unwrap();
    let (branch, now) = (app.branch("hz"), app.now().0);
    let numbers = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {SURVEYORS})"
    );
    let id = "printf('01980000-0000-7000-8000-%012d', i)";
    run_sql(
        &app,
        format!(
            "{numbers} INSERT INTO people (id, username, name, password_hash, roles, branch_id, created_at, version) \
             SELECT {id}, 'b' || i, 'b' || i, 'x', 'surveyor', '{branch}', 0, 1 FROM n"
        ),
    );
    // A degree and a half square around the scene of the report.
    let (lat, lon) =
        ("29.6 + (i * 7919 % 15000) / 10000.0", "119.4 + (i * 104729 % 15000) / 10000.0");
    run_sql(
        &app,
        format!(
            "{numbers} INSERT INTO latest_positions (person_id, measured_at, lat, lon, cell) \
             SELECT {id}, {now}, {lat}, {lon}, \
             CAST(({lat}) * 20 AS INTEGER) * 10000 + CAST(({lon}) * 20 AS INTEGER) FROM n"
        ),
    );
    let state = app.state();
    let search = || {
        let inner = state.clone();
        timed(|| {
            app.read(move |conn| dispatch::best_candidates(conn, &inner, "/head/hz/", case, 3))
        })
    };
    let brute = || {
        timed(|| {
            app.read(|conn| {
                #[derive(QueryableByName)]
                struct Row {
                    #[diesel(sql_type = sql_types::Double)]
                    lat: f64,
                    #[diesel(sql_type = sql_types::Double)]
                    lon: f64,
                }
                let rows: Vec<Row> = sql_query(
                    "SELECT l.lat, l.lon FROM latest_positions l JOIN people p ON p.id = l.person_id \
                     JOIN branches b ON b.id = p.branch_id WHERE b.path LIKE '/head/hz/%' AND p.disabled_at IS NULL",
                )
                .load(conn)?;
                let scene = Point::new(30.2741, 120.1302).unwrap();
                let mut metres: Vec<f64> = rows
                    .iter()
                    .filter_map(|row| Some(Point::new(row.lat, row.lon).ok()?.distance_m(scene)))
                    .collect();
                metres.sort_by(f64::total_cmp);
                Ok(metres.into_iter().take(50).count())
            })
        })
    };
    let _ = (search(), brute());
    let (mut by_grid, mut by_scan) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        by_grid.push(search().1);
        if by_scan.len() < 40 {
            by_scan.push(brute().1);
        }
    }
    let found = search().0;
    println!("\ncandidates among {SURVEYORS} surveyors, {} in time", found.in_time);
    let (grid, scan) = (percentile(by_grid.clone(), 50), percentile(by_scan, 50));
    println!("whole search by grid: p50 {grid:.1} ms, p99 {:.1} ms", percentile(by_grid, 99));
    println!("scan of all positions alone: p50 {scan:.1} ms; scan / search {:.1}", scan / grid);
}

/// The cost of one round with so many open clocks, nothing due and ten due.
pub fn sweep() {
    println!("\none round of the alarms");
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let state = app.state();
    let runtime = rt::Runtime::new().unwrap();
    let mut have = 0;
    for open in [10_000_i64, 100_000, 1_000_000] {
        let (branch, later) = (app.branch("hz"), app.now().0 + 86_400_000);
        let database = server::config::Database::from_url(app.database_url()).unwrap();
        let mut conn = server::db::open::open(&database).unwrap();
        let mut run = |sql: &str| sql_query(sql).execute(&mut conn).unwrap();
        // Open clocks of cases that are of no other interest here.
        run("PRAGMA foreign_keys = OFF");
        run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT {have} UNION ALL SELECT i + 1 FROM n WHERE i < {open}) \
             INSERT INTO case_clocks (case_id, clock, branch_id, started_at, limit_at, provisional, verdict, next_at, folded_at) \
             SELECT printf('01970000-0000-7000-8000-%012d', i), 'arrival', '{branch}', 0, {later} + i, 0, 'running', {later} + i, 0 FROM n"
        ));
        have = open + 1;
        let round = || timed(|| runtime.block_on(sla::round(&state)).unwrap()).1;
        round();
        let idle: Vec<Duration> = (0..50).map(|_| round()).collect();
        let mut busy = Vec::new();
        for _ in 0..10 {
            let cases: Vec<String> = (0..10).map(|_| new_case(&app)).collect();
            round();
            app.advance(Span::minutes(4));
            busy.push(round());
            assert_eq!(cases.len(), 10);
        }
        println!(
            "{open:>9} open: nothing due {:.2} ms, ten due {:.1} ms (medians)",
            percentile(idle, 50),
            percentile(busy, 50)
        );
    }
}

/// Points a second through the operation, in batches.
pub fn positions() {
    const BATCH: usize = 500;
    const BATCHES: usize = 12;
    println!("\npositions in batches of {BATCH}, 8 phones at once");
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(app) = TestApp::start(engine) else { continue };
        let phones = [0; 8].map(|_| app.person(Role::Surveyor));
        let now = app.now();
        let (_, spent) = timed(|| {
            std::thread::scope(|scope| {
                for phone in &phones {
                    scope.spawn(move || {
                        for batch in 0..BATCHES {
                            let point = |n: usize| {
                                let back = i64::try_from((batch * BATCH + n) * 100).unwrap();
                                json!({ "lat": 30.2, "lon": 120.1, "measured_at": wire::time(now - Span(back)) })
                            };
                            let points: Vec<_> = (0..BATCH).map(point).collect();
                            let body = json!({ "device_now": wire::time(now), "points": points });
                            let _ = phone.post("/positions", &body).expect(200);
                        }
                    });
                }
            });
        });
        let points = f64::from(u32::try_from(8 * BATCHES * BATCH).unwrap());
        println!("{engine:?}: {:.0} points/s", points / spent.as_secs_f64());
    }
}
