//! Chakan: the backend that gets a motor-claims surveyor to the accident in time, brings back what
//! they captured with no signal, and records the customer's agreement on the loss amount.
//!
//! **Sliced by capability; inside a slice the same four files.** The folder says what the code is
//! about, the file what kind of code it is: `rules.rs` decides (pure), `store.rs` reads and writes
//! rows, `api.rs` answers HTTP, `jobs.rs` works in the background, `mod.rs` says it in ten lines.
//!
//! Invariants, in the form "what is absent":
//!
//! * No rule can fail for want of IO. No handler opens a transaction by itself.
//! * Nothing leaves the process inside a transaction: the outbox row is written there, a job sends it.
//! * A 2xx is sent only after the bytes are flushed and the transaction is committed.
//! * A change made offline is a proposal: money, status, approvals and agreements become facts only
//!   through a server command.
//! * A device's clock is evidence, never by itself the time from which a deadline is counted.
//! * Photo bytes never pass through the database or the draft document; hashes do.
//! * Every operation has a policy row, an OpenAPI entry and a test without rights.

pub mod app;
pub mod auth;
pub mod body;
pub mod config;
mod crowd;
pub mod db;
pub mod demo;
pub mod error;
pub mod idempotency;
pub mod imaging;
pub mod jobs;
mod middleware;
pub mod openapi;
pub mod ops;
pub mod ports;
pub mod print;
pub mod rounds;
pub mod routes;
pub mod startup;
pub mod wire;

// Capabilities, in the order in which they may use each other: only to the left.
pub mod identity;
pub mod case_log;
pub mod promise;
pub mod intake;
pub mod repair;
pub mod dispatch;
pub mod survey;
pub mod draft;
pub mod evidence;
pub mod tariff;
pub mod assessment;
pub mod negotiation;
pub mod verification;
pub mod agreement;
pub mod settlement;
pub mod documents;
pub mod sla;
pub mod sync;
pub mod board;
pub mod webhook;
