//! How soon everybody who watches a board hears of a case.

#![expect(clippy::disallowed_methods, reason = "reports are sent by the clock")]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use serde_json::Value;
use server::{
    auth::policy::Role,
    ports::ids::{Ids, SystemIds},
};
use tests::{Engine, Person, TestApp, report};

const WATCHERS: usize = 500;
const REPORTS: u32 = 500;
/// Fifty reports a second.
const EVERY: Duration = Duration::from_millis(20);
const SENDERS: u32 = 4;

/// Five hundred watchers while fifty cases a second are reported: from the moment that a report is sent
/// until a watcher has it, beside the time until whoever reported it has the answer.
pub fn five_hundred() {
    println!("\n{WATCHERS} watchers of one board, {REPORTS} reports, one every {EVERY:?}");
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(app) = TestApp::start(engine) else { continue };
        let (agent, dispatcher) = (app.person(Role::Intake), app.person(Role::Dispatcher));
        let (heard, hearing) = mpsc::channel();
        let token = dispatcher.token();
        for _ in 0..WATCHERS {
            watch(app.address(), &token, heard.clone());
        }
        drop(heard);
        let (sent, answered) = send(app.address(), &agent);
        let wanted = WATCHERS * sent.len();
        let mut waits = Vec::with_capacity(wanted);
        while waits.len() < wanted {
            let Ok((case, at)) = hearing.recv_timeout(Duration::from_secs(30)) else { break };
            if let Some(began) = sent.get(&case) {
                waits.push(ms(at.duration_since(*began)));
            }
        }
        waits.sort_by(f64::total_cmp);
        let at = |all: &[f64], share: f64| {
            all.get((all.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN)
        };
        println!(
            "{engine:?}: heard {} of {wanted}: p50 {:.0} ms, p99 {:.0} ms (aim 300); answers p50 {:.0} ms, p99 {:.0} ms",
            waits.len(),
            at(&waits, 0.5),
            at(&waits, 0.99),
            at(&answered, 0.5),
            at(&answered, 0.99),
        );
    }
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

/// A watcher with a thread of its own, which tells of every case that it hears of.
fn watch(address: SocketAddr, token: &str, heard: mpsc::Sender<(String, Instant)>) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(
        stream,
        "GET /api/v1/board/stream HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .expect("a request");
    let mut lines = BufReader::with_capacity(4_096, stream).lines();
    // The stream stands once it has said so.
    while !lines.next().expect("a line").expect("a line").starts_with("event: open") {}
    let listen = move || {
        for line in lines.map_while(Result::ok) {
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let at = Instant::now();
            let Ok(change) = serde_json::from_str::<Value>(data) else { continue };
            let case = change["case_id"].as_str().unwrap_or_default().to_owned();
            if change["topic"] == "case_reported" && heard.send((case, at)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().stack_size(128 * 1024).spawn(listen).expect("a thread");
}

/// Sends the reports, each when it is due; answers when each was sent, and how long its answer took.
fn send(address: SocketAddr, person: &Person) -> (HashMap<String, Instant>, Vec<f64>) {
    let (began, token) = (Instant::now() + EVERY, person.token());
    let done = Mutex::new((HashMap::new(), Vec::new()));
    let (done_by, token) = (&done, &token);
    std::thread::scope(|scope| {
        for first in 0..SENDERS {
            scope.spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                for n in (first..REPORTS).step_by(SENDERS as usize) {
                    let due = began + EVERY * n;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let sent = Instant::now();
                    let mut answer = agent
                        .post(&format!("http://{address}/api/v1/cases"))
                        .header("authorization", &format!("Bearer {token}"))
                        .header("idempotency-key", &SystemIds.uuid().to_string())
                        .send_json(report())
                        .expect("an answer");
                    let took = sent.elapsed();
                    let body: Value = answer.body_mut().read_json().expect("a case");
                    let case = body["case"]["id"].as_str().expect("an id").to_owned();
                    let mut done = done_by.lock().expect("no panic");
                    done.0.insert(case, sent);
                    done.1.push(ms(took));
                }
            });
        }
    });
    let (sent, mut answered) = done.into_inner().expect("no panic");
    answered.sort_by(f64::total_cmp);
    (sent, answered)
}
