//! Offline drafts over real HTTP, by phones that run the shared library.

mod after;
mod conflicts;
mod devices;
mod handover;
mod history;
mod hostile;
mod late;
mod nodes;
mod people;
mod phone;
mod refusals;
mod replica;
mod retries;
mod sync;
