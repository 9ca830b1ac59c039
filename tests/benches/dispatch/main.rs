//! What dispatch costs and what it is good for, side by side in one run: `cargo bench -p tests --bench
//! dispatch`. Only ratios between lines of one run mean anything.

mod day;
mod costs;

fn main() {
    day::compare();
    costs::solver();
    costs::candidates();
    costs::sweep();
    costs::positions();
}
