//! What dispatch costs and what it is good for, side by side in one run: `cargo bench -p tests --bench
//! dispatch`. Names after `--` choose: `day solver candidates sweep positions watchers`. Only ratios
//! between lines of one run mean anything.

mod costs;
mod day;
mod watchers;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let all: [(&str, fn()); 6] = [
        ("day", day::compare),
        ("solver", costs::solver),
        ("candidates", costs::candidates),
        ("sweep", costs::sweep),
        ("positions", costs::positions),
        ("watchers", watchers::five_hundred),
    ];
    for (name, run) in all {
        if chosen.is_empty() || chosen.iter().any(|one| one == name) {
            run();
        }
    }
}
