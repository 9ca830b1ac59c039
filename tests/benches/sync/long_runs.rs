//! The long runs of `sync-core`'s own tests, for the table.

use std::process::Command;

use crate::{
    scaled,
    table::{Table, grouped},
};

/// Runs them at full length, one after the other.
pub fn run(table: &mut Table) {
    let counts = [
        ("CHAKAN_SCHEDULES", scaled(100_000)),
        ("CHAKAN_PARTITIONS", scaled(1_000)),
        ("CHAKAN_GATE_MUTATIONS", scaled(20_000)),
    ];
    #[expect(clippy::disallowed_methods, reason = "cargo says which cargo it is")]
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut tests = Command::new(cargo);
    tests.args(["test", "--release", "--locked", "-p", "sync-core"]);
    tests.args(["--test", "network", "--test", "partitions", "--test", "mutations"]);
    tests.args(["--", "--nocapture", "--test-threads", "1"]);
    for (name, count) in counts {
        println!("{name}={}", grouped(count as u64));
        tests.env(name, count.to_string());
    }
    let output = tests.output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    // What the tests say of themselves: `figure: <what>: <n>` or `figure: <what>: <n> of <m>`.
    for line in said.lines().filter_map(|line| line.split_once("figure: ").map(|(_, rest)| rest)) {
        let Some((what, value)) = line.rsplit_once(": ") else { continue };
        let number = |text: &str| text.trim().parse::<u64>().unwrap_or(u64::MAX);
        match value.split_once(" of ") {
            Some((n, aim)) => table.exactly(what, number(n), number(aim)),
            None => table.note(what, number(value) as f64, ""),
        };
    }
    table.exactly("long runs that failed", u64::from(!output.status.success()), 0);
    if !output.status.success() {
        println!("{said}");
    }
}
