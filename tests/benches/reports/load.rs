//! The load generator: one thread a connection, blocking sockets, nothing parsed but the status line
//! and the length, so that it costs little beside what it measures.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use crate::processes::Process;

/// How much to send.
#[derive(Clone, Copy)]
pub struct Plan {
    pub connections: usize,
    pub time: Duration,
    pub requests_each: usize,
}

/// What came back.
pub struct Outcome {
    pub rate: f64,
    /// Processor time that the process itself spent on one answer; steadier than the rate on a busy
    /// machine. PostgreSQL's own processes are not in it.
    pub cpu_us: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub answered: usize,
    pub failed: usize,
    /// How the failed ones were answered; nothing when the connection broke.
    pub failures: BTreeMap<Option<u16>, usize>,
}

/// Loads a process by the plan.
pub fn run(process: &Process, plan: &Plan) -> Outcome {
    let start = Arc::new(Barrier::new(plan.connections + 1));
    let plan = *plan;
    let threads: Vec<_> = (0..plan.connections)
        .map(|_| {
            let (start, process) = (start.clone(), process.target());
            std::thread::Builder::new()
                .stack_size(128 * 1024)
                .spawn(move || {
                    start.wait();
                    let end = Instant::now() + plan.time;
                    let mut times = Vec::new();
                    let mut failures: BTreeMap<Option<u16>, usize> = BTreeMap::new();
                    let mut failed = 0;
                    let mut connection = None;
                    while Instant::now() < end && times.len() + failed < plan.requests_each {
                        let body = format!(
                            r#"{{"customer_name":"压测","contact_phone":"13800000000","plate":"浙A{:05}","loss_at":"2026-01-01T00:00:00Z","loss_place":"文三路 90 号","position":{{"lat":30.2741,"lon":120.1551,"accuracy_m":12.0}}}}"#,
                            rand(99_999)
                        );
                        let request = format!(
                            "POST {} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\nidempotency-key: {:016x}{:016x}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                            process.path, process.token, rand(u64::MAX), rand(u64::MAX), body.len()
                        );
                        let began = Instant::now();
                        match exchange(&mut connection, process.port, &request) {
                            Some(200..=299) => times.push(began.elapsed()),
                            failure => {
                                *failures.entry(failure).or_default() += 1;
                                failed += 1;
                                connection = None;
                            }
                        }
                    }
                    (times, failures)
                })
                .expect("a thread")
        })
        .collect();
    start.wait();
    let (began, cpu) = (Instant::now(), process.cpu_seconds());
    let mut times = Vec::new();
    let mut failures: BTreeMap<Option<u16>, usize> = BTreeMap::new();
    for thread in threads {
        let (some, lost) = thread.join().expect("the generator does not panic");
        times.extend(some);
        for (status, count) in lost {
            *failures.entry(status).or_default() += count;
        }
    }
    let took = began.elapsed();
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
    };
    Outcome {
        cpu_us: (process.cpu_seconds() - cpu) * 1e6 / times.len().max(1) as f64,
        rate: times.len() as f64 / took.as_secs_f64(),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        answered: times.len(),
        failed: failures.values().sum(),
        failures,
    }
}

/// Sends one request and reads one answer; the status, or nothing when the connection broke.
fn exchange(
    connection: &mut Option<BufReader<TcpStream>>,
    port: u16,
    request: &str,
) -> Option<u16> {
    if connection.is_none() {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        *connection = Some(BufReader::new(stream));
    }
    let reader = connection.as_mut()?;
    reader.get_mut().write_all(request.as_bytes()).ok()?;
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    Some(status)
}

/// A fast number below or at `most`; different in every thread.
fn rand(most: u64) -> u64 {
    use std::{
        cell::Cell,
        hash::{BuildHasher, Hasher, RandomState},
    };
    thread_local!(static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish() | 1));
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        if most == u64::MAX { x } else { x % (most + 1) }
    })
}
