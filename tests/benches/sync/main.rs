//! What sync costs, beside raw automerge in the same run: `cargo bench -p tests --bench sync`. Names
//! after `--` choose: `gate worst push rate pull bytes memory first storm nodes`.
//!
//! * `gate`: 1 and 200 changes through the gate of `sync_core` on a warm document, in this process,
//!   beside a bare `apply_changes` of the same changes to a copy of the same document
//! * `worst`: the pushes that take the gate longest, as large as the limits allow
//! * `push`: the same through the server: HTTP, gate, rows, flushed; its own processor time
//! * `rate`: as many pushes of one change as go, 32 phones on 32 warm cases
//! * `pull`: 50 changes that another device made
//! * `bytes`: 200 offline changes up, a fresh device down
//! * `memory`: a thousand large drafts in the cache
//! * `first`: 100 phones that fetch 30 cases each, at once
//! * `storm`: 5,000 phones with work to push, all at the same moment, each case cold
//! * `nodes`: 50 copies of one push to two server processes; how long a revoked device is believed on
//!   the one that was not told
//!
//! `table` prints all of it as Markdown, together with the long runs of `sync-core`'s tests: 100,000
//! schedules, 1,000 partitions, 20,000 mutations. `CHAKAN_BENCH_QUICK=1` takes a tenth of everything.
//!
//! The server is a process of its own on SQLite. Documents are those of a large case: 60 fields, 40
//! lines, 30 photos and two texts of 2,048 characters, made by three devices in 3,000 changes ("fine")
//! or in 300 ("coarse"). Only ratios between lines of one run mean anything.

mod at_once;
mod case;
mod figures;
mod long_runs;
mod one_by_one;
mod server;
mod table;
mod wire;
mod world;

use table::Table;

type Measure = fn(&world::World, &mut Table);

const ALL: [(&str, Measure); 10] = [
    ("gate", figures::gate),
    ("worst", figures::worst),
    ("push", one_by_one::push),
    ("rate", at_once::rate),
    ("pull", one_by_one::pull),
    ("bytes", one_by_one::bytes),
    ("memory", one_by_one::memory),
    ("first", at_once::first_syncs),
    ("storm", at_once::storm),
    ("nodes", at_once::two_nodes),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, directory, people] = arguments.as_slice()
        && role == "role=serve"
    {
        return server::serve(directory.as_ref(), people.parse().expect("a number"));
    }
    let chosen: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let whole = chosen.contains(&"table");
    let wanted = |name: &str| whole || chosen.is_empty() || chosen.contains(&name);
    let mut table = Table::default();
    let phones = at_once::phones_in_the_storm();
    let cases = if wanted("storm") { phones } else { 3_000.min(phones) };
    println!("making {} people and {cases} cases", phones + 1);
    let world = world::World::make(phones + 1, cases);
    println!(
        "large drafts of {} and {} changes; figures are of one run",
        world.changes[0], world.changes[1]
    );
    for (_, measure) in ALL.iter().filter(|(name, _)| wanted(name)) {
        measure(&world, &mut table);
    }
    if whole {
        long_runs::run(&mut table);
        table.print_markdown();
    }
    table.print_misses();
}

/// A tenth of everything, to see whether it runs.
fn quick() -> bool {
    #[expect(clippy::disallowed_methods, reason = "how the benches are run")]
    let asked = std::env::var("CHAKAN_BENCH_QUICK").is_ok();
    asked
}

fn scaled(n: usize) -> usize {
    if quick() { (n / 10).max(1) } else { n }
}
