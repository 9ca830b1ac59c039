//! What stands in for the outside world.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use server::ports::{
    clock::Clock,
    notifier::{Message, Notifier, NotifyFault},
};
use sync_core::time::{Instant, Span};

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn at(at: Instant) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves the clock; back, if `span` is negative.
    pub fn advance(&self, span: Span) {
        self.0.fetch_add(span.0, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, at: Instant) {
        self.0.store(at.0, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }
}

/// Keeps every message instead of sending it.
#[derive(Debug, Default)]
pub struct TestNotifier {
    sent: Mutex<Vec<Message>>,
    away: AtomicBool,
}

impl TestNotifier {
    /// Every message handed over, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Message> {
        self.sent.lock().unwrap().clone()
    }

    /// From now on nothing is taken.
    pub fn go_away(&self) {
        self.away.store(true, Ordering::SeqCst);
    }

    /// Everything is taken again.
    pub fn come_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }
}

impl Notifier for TestNotifier {
    fn send(&self, message: &Message) -> Result<(), NotifyFault> {
        if self.away.load(Ordering::SeqCst) {
            return Err(NotifyFault("the test says so".into()));
        }
        self.sent.lock().unwrap().push(message.clone());
        Ok(())
    }
}
