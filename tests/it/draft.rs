//! Offline drafts over real HTTP, by phones that run the shared library.

mod conflicts;
mod hostile;
mod people;
mod phone;
mod refusals;
mod retries;
mod sync;
