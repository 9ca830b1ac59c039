//! The engine behind a lock that neither a panic nor a store that calls back can harm.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
};

use sync_core::client::Engine;

use crate::{PhoneError, store::AppStore};

thread_local! {
    /// Whether this thread is inside an engine: its store may not enter one again.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// An engine, until it broke.
pub(crate) struct Guarded(Mutex<Option<Engine<AppStore>>>);

impl Guarded {
    pub(crate) fn new(
        open: impl FnOnce() -> Result<Engine<AppStore>, PhoneError>,
    ) -> Result<Self, PhoneError> {
        enter(open).unwrap_or(Err(PhoneError::Broken)).map(|engine| Self(Mutex::new(Some(engine))))
    }

    /// Does something with the engine. After a panic nobody knows what it holds, so it is given up;
    /// what counts is in the store.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Engine<AppStore>) -> Result<T, PhoneError>,
    ) -> Result<T, PhoneError> {
        if INSIDE.get() {
            return Err(PhoneError::Reentered);
        }
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = slot.as_mut().ok_or(PhoneError::Broken)?;
        if let Some(done) = enter(|| work(engine)) {
            return done;
        }
        *slot = None;
        Err(PhoneError::Broken)
    }
}

/// Nothing if it panics.
fn enter<T>(work: impl FnOnce() -> Result<T, PhoneError>) -> Option<Result<T, PhoneError>> {
    if INSIDE.replace(true) {
        return Some(Err(PhoneError::Reentered));
    }
    let done = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(false);
    done.ok()
}
