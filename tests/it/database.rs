//! Journeys of the database layer: what a transaction promises, and what happens when it cannot.

use std::{
    sync::{Arc, Condvar, Mutex, mpsc},
    time::{Duration, Instant},
};

use actix_web::rt;
use api_spec::problem::Code;
use diesel::prelude::*;
use server::{
    auth::policy::Role,
    db::{Conn, Db, schema::branches},
    error::ApiError,
    identity,
    ports::ids::{Ids, SystemIds},
};
use sync_core::ids::BranchId;
use tests::{Cluster, Engine, START, Safety, TestApp, each_engine, report, report_of};
use tokio::sync::mpsc as signals;

/// Writes one row that the tests can tell by its code.
fn insert(conn: &mut Conn, code: &str) -> Result<(), ApiError> {
    identity::insert_branch(conn, SystemIds.uuid().into(), code, code, None, START)
}

/// Which of these rows stand there.
fn standing(app: &TestApp, codes: &'static [&'static str]) -> Vec<String> {
    app.read(move |conn| {
        let found = branches::table.filter(branches::code.eq_any(codes.iter().copied()));
        Ok(found.select(branches::code).order(branches::code).load(conn)?)
    })
}

/// Holds writes back until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        drop(self.opened.wait_while(self.is_open.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// Lets everything that can go on go on.
async fn settle() {
    for _ in 0..100 {
        rt::task::yield_now().await;
    }
}

each_engine!(a_failing_and_a_panicking_write_undo_themselves_alone, |app| {
    let db = app.state().db;
    rt::Runtime::new().unwrap().block_on(async {
        // All of them wait for the first one, so that they share a commit where commits are shared.
        let gate = Arc::new(Gate::default());
        let opened = gate.clone();
        let first = write(&db, move |conn| {
            opened.pass();
            insert(conn, "first")
        });
        let fails = write(&db, |conn| {
            insert(conn, "fails")?;
            Err(ApiError::new(Code::Conflict))
        });
        let panics = write(&db, |conn| {
            insert(conn, "panics")?;
            panic!("as the test wants it")
        });
        let panics_inside = write(&db, |conn| {
            server::db::savepoint(conn, |conn| {
                insert(conn, "inside")?;
                panic!("as the test wants it")
            })
        });
        let twice = write(&db, |conn| {
            insert(conn, "twice")?;
            // The outer work goes on after a refusal inside it.
            let again = server::db::savepoint(conn, |conn| insert(conn, "twice"));
            assert!(again.is_err_and(|error| error.is_unique_violation()));
            insert(conn, "twice2")
        });
        let last = write(&db, |conn| insert(conn, "last"));
        settle().await;
        gate.open();
        first.await.unwrap().unwrap();
        assert_eq!(fails.await.unwrap().unwrap_err().code(), Code::Conflict);
        assert_eq!(panics.await.unwrap().unwrap_err().code(), Code::Internal);
        assert_eq!(panics_inside.await.unwrap().unwrap_err().code(), Code::Internal);
        twice.await.unwrap().unwrap();
        last.await.unwrap().unwrap();
    });
    let found = standing(&app, &["first", "fails", "panics", "inside", "twice", "twice2", "last"]);
    assert_eq!(found, ["first", "last", "twice", "twice2"]);
});

/// Hands a write over now and answers later.
fn write(
    db: &Db,
    work: impl FnMut(&mut Conn) -> Result<(), ApiError> + Send + 'static,
) -> rt::task::JoinHandle<Result<(), ApiError>> {
    let db = db.clone();
    rt::spawn(async move { db.write(work).await })
}

#[test]
fn nobody_hears_of_success_before_the_shared_commit() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let db = app.state().db;
    let (heard, mut running) = signals::unbounded_channel();
    let (go_on, wait) = mpsc::channel::<()>();
    rt::Runtime::new().unwrap().block_on(async {
        let gate = Arc::new(Gate::default());
        let opened = gate.clone();
        let first = write(&db, move |conn| {
            opened.pass();
            insert(conn, "first")
        });
        let quick = write(&db, |conn| insert(conn, "quick"));
        let slow = write(&db, move |conn| {
            heard.send(()).unwrap();
            wait.recv().unwrap();
            insert(conn, "slow")
        });
        settle().await;
        gate.open();
        running.recv().await.unwrap();
        // The first two have run, and the commit waits for the third.
        let seen: i64 = db
            .read(|conn| {
                let ran = branches::table.filter(branches::code.eq_any(["first", "quick"]));
                Ok(ran.count().get_result(conn)?)
            })
            .await
            .unwrap();
        settle().await;
        assert_eq!(seen, 0, "visible before the commit");
        assert!(!first.is_finished() && !quick.is_finished(), "answered before the commit");
        go_on.send(()).unwrap();
        for answer in [first, quick, slow] {
            answer.await.unwrap().unwrap();
        }
    });
    assert_eq!(standing(&app, &["first", "quick", "slow"]), ["first", "quick", "slow"]);
}

each_engine!(more_writes_than_may_wait_are_turned_away, |app| {
    app.expect_server_errors();
    let agent = app.person(Role::Intake);
    // The agent is known from here on, so that what follows waits for nothing but the write.
    agent.get("/auth/me").expect(200);
    let db = app.state().db;
    rt::Runtime::new().unwrap().block_on(async {
        let gate = Arc::new(Gate::default());
        let waiting: Vec<_> = (0..3_000)
            .map(|_| {
                let gate = gate.clone();
                write(&db, move |_| {
                    gate.pass();
                    Ok(())
                })
            })
            .collect();
        settle().await;
        let refused = agent.post("/cases", &report());
        refused.problem(503, "overloaded");
        // Spread, so that those who are turned away at once do not come back at once.
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        app.request("GET", "/live").send().expect(200);
        gate.open();
        let (mut done, mut turned_away) = (0, 0);
        for answer in waiting {
            match answer.await.unwrap() {
                Ok(()) => done += 1,
                Err(error) => {
                    assert_eq!(error.code(), Code::Overloaded);
                    turned_away += 1;
                }
            }
        }
        assert!(done >= 1_000 && turned_away >= 500, "{done} done, {turned_away} turned away");
    });
    agent.post("/cases", &report()).expect(201);
});

each_engine!(eighty_increments_at_once_are_eighty, |app| {
    let db = app.state().db;
    let branch = app.branch("hz");
    let outcomes = rt::Runtime::new().unwrap().block_on(async {
        let running: Vec<_> =
            (0..80).map(|_| write(&db, move |conn| increment(conn, branch))).collect();
        let mut outcomes = Vec::new();
        for one in running {
            outcomes.push(one.await.unwrap());
        }
        outcomes
    });
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_err()).collect();
    assert!(failed.is_empty(), "{} gave up: {:?}", failed.len(), failed[0]);
    assert_eq!(app.count("SELECT version AS n FROM branches WHERE code = 'hz'"), 81);
});

/// Reads, thinks and writes: the update that a database loses when nobody takes care.
fn increment(conn: &mut Conn, branch: BranchId) -> Result<(), ApiError> {
    let row = branches::table.find(branch.to_string());
    let version: i64 = row.clone().select(branches::version).first(conn)?;
    diesel::update(row).set(branches::version.eq(version + 1)).execute(conn)?;
    Ok(())
}

#[test]
fn a_lost_database_is_told_in_time_and_found_again() {
    /// The promise of B38.
    const IN_TIME: Duration = Duration::from_secs(3);
    let Some(cluster) = Cluster::start(Safety::Durable) else { return };
    let app = TestApp::start_on(&cluster);
    app.expect_server_errors();
    let agent = app.person(Role::Intake);
    let kept = agent.request("POST", "/cases").key("kept").json(&report()).send().expect(201);

    cluster.stop();
    // Twice the same write: the first one meets connections that were alive a moment ago.
    for (method, path) in
        [("POST", "/cases"), ("POST", "/cases"), ("GET", "/cases"), ("GET", "/ready")]
    {
        let request = agent.request(method, path);
        let request = if method == "POST" {
            request.key("lost").json(&report_of("浙A00001"))
        } else {
            request
        };
        let began = Instant::now();
        let reply = request.send();
        let took = began.elapsed();
        reply.problem(503, "database_unavailable");
        assert!(reply.header("retry-after").is_some(), "{reply}");
        assert!(took < IN_TIME, "{method} {path} took {took:?}");
    }
    app.request("GET", "/live").send().expect(200);

    cluster.start_again();
    let began = Instant::now();
    let mut tries = 0;
    while app.request("GET", "/ready").send().status != 200 {
        tries += 1;
        assert!(began.elapsed() < Duration::from_secs(15), "not healed after {tries} tries");
    }
    // Connections that died with the server are found out one by one; nobody has to restart anything.
    let again = retried(|| agent.request("POST", "/cases").key("kept").json(&report()).send());
    assert_eq!(again.body, kept.body, "an acknowledged case survives");
    retried(|| agent.request("POST", "/cases").key("lost").json(&report_of("浙A00001")).send());
    assert_eq!(app.count("SELECT count(*) AS n FROM cases"), 2);
}

/// What an honest phone does: the same request again while the answer is 503.
fn retried(send: impl Fn() -> tests::Reply) -> tests::Reply {
    let replies = std::iter::repeat_with(send).take(50);
    let mut settled = replies.filter(|reply| reply.status != 503);
    settled.next().expect("an answer after fifty tries").expect(201)
}
