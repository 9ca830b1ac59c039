#![no_main]

use libfuzzer_sys::fuzz_target;
use sync_core_fuzz::{Counting, targets, within_bounds};

#[global_allocator]
static COUNTING: Counting = Counting;

fuzz_target!(|data: &[u8]| within_bounds(targets::preflight, data));
