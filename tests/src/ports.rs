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
pub struct TestClock {
    at: AtomicI64,
    /// How much later it is after every look.
    step: AtomicI64,
}

impl TestClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn at(at: Instant) -> Self {
        Self { at: AtomicI64::new(at.0), step: AtomicI64::new(0) }
    }

    /// From now on it is so much later after every look, as it is with a real clock.
    pub fn tick(&self, step: Span) {
        self.step.store(step.0, Ordering::SeqCst);
    }

    /// Moves the clock; back, if `span` is negative.
    pub fn advance(&self, span: Span) {
        self.at.fetch_add(span.0, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, at: Instant) {
        self.at.store(at.0, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant(self.at.fetch_add(self.step.load(Ordering::SeqCst), Ordering::SeqCst))
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
