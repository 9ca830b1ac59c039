//! The targets, and the bounds that each input is held to.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

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
    // A machine that is busy with other things makes everything slow once, but not three times.
    let fast = (0..3).any(|_| {
        let start = Instant::now();
        target(data);
        start.elapsed() <= MOST_TIME
    });
    assert!(fast, "slower than {MOST_TIME:?}");
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(peak <= MOST_BYTES, "{peak} bytes");
}
