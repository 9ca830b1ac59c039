//! The targets, and the bounds that each input is held to.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

pub mod targets;

/// Most bytes that one input may make the process hold more than before.
const MOST_BYTES: usize = 64 << 20;
/// The longest that one input may take.
const MOST_TIME: Duration = Duration::from_millis(200);

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Counts what is held.
pub struct Counting;

// SAFETY: it only counts, and leaves the work to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs a target on one input within its bounds.
pub fn within_bounds(target: fn(&[u8]), data: &[u8]) {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        // The gate catches panics of the library; one that nobody catches still ends the run.
        std::panic::set_hook(Box::new(|_| {}));
        let _ = targets::server();
    });
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    // By the processor's time: a machine that is busy with other things says nothing about this code.
    let start = processor_time();
    target(data);
    let took = processor_time().saturating_sub(start);
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    if took > MOST_TIME || peak > MOST_BYTES {
        // The hook is silent.
        eprintln!("one input took {took:?} and {peak} bytes; at most {MOST_TIME:?} and {MOST_BYTES}");
        std::process::abort();
    }
}

fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
