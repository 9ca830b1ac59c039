//! Durable case reports a second through HTTP, beside what the machine could do at best in the same
//! run: `cargo bench -p tests`.
//!
//! Every contestant is a process of its own that the same generator loads over loopback:
//!
//! * `bare`: an actix route that reads the body and answers, nothing else
//! * `raw`: the same route, which also inserts the four rows of a report with prepared statements,
//!   batched into shared commits with the server's own settings: no log-in, no checks, no savepoints
//! * `chakan`: the real operation on SQLite, and on PostgreSQL if its binaries are installed
//!
//! Only ratios between lines of one run mean anything; absolute figures drift with the machine.

mod load;
mod processes;

use std::time::Duration;

use load::{Outcome, Plan};
use processes::{Contestant, Process};

const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(8);
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, directory] = arguments.as_slice()
        && let Some(contestant) = Contestant::from_argument(role)
    {
        return processes::serve(contestant, directory.as_ref());
    }
    compare(64);
    many_devices(500, 4);
}

fn compare(connections: usize) {
    println!("{connections} connections, {ROUNDS} rounds of {MEASURED:?}, median by rate");
    println!(
        "{:<18} {:>10} {:>9} {:>9} {:>8} {:>8}",
        "", "requests/s", "p50 ms", "p99 ms", "CPU us", "failed"
    );
    let mut medians = Vec::new();
    let contestants = processes::available();
    let mut runs: Vec<Vec<Outcome>> = contestants.iter().map(|_| Vec::new()).collect();
    // In turn, so that a change of the machine's speed meets all of them.
    for _ in 0..ROUNDS {
        for (contestant, outcomes) in contestants.iter().zip(&mut runs) {
            let process = Process::start(contestant);
            let plan = Plan { connections, time: WARM_UP, requests_each: usize::MAX };
            load::run(&process, &plan);
            outcomes.push(load::run(&process, &Plan { time: MEASURED, ..plan }));
        }
    }
    for (contestant, mut outcomes) in contestants.iter().zip(runs) {
        outcomes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let median = outcomes.swap_remove(outcomes.len() / 2);
        println!(
            "{:<18} {:>10.0} {:>9.1} {:>9.1} {:>8.0} {:>8}",
            contestant.name(),
            median.rate,
            median.p50_ms,
            median.p99_ms,
            median.cpu_us,
            median.failed
        );
        for (status, count) in median.failures {
            let status = status.map_or("connection broken".into(), |status| status.to_string());
            println!("{:<18} {status}: {count}", "");
        }
        medians.push((contestant.name(), median.rate));
    }
    let rate = |name: &str| medians.iter().find(|(n, _)| *n == name).map(|(_, rate)| *rate);
    for (name, floor) in
        [("chakan sqlite", "raw sqlite"), ("chakan sqlite", "bare"), ("chakan postgres", "bare")]
    {
        if let (Some(rate), Some(floor_rate)) = (rate(name), rate(floor)) {
            println!("{name} / {floor}: {:.2}", rate / floor_rate);
        }
    }
}

/// Many phones at once after an outage: nothing may fail, memory stays small.
fn many_devices(devices: usize, requests_each: usize) {
    let process = Process::start(&Contestant::ChakanSqlite);
    let plan = Plan { connections: devices, time: Duration::from_secs(120), requests_each };
    let outcome = load::run(&process, &plan);
    println!(
        "{devices} devices at once, {requests_each} reports each: {} answered, {} failed, p99 {:.0} ms, peak memory {} MiB",
        outcome.answered,
        outcome.failed,
        outcome.p99_ms,
        process.peak_memory_mib()
    );
}
