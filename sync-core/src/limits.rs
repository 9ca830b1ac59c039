//! Caps for untrusted bytes. Everything that comes from outside is measured against these before
//! memory or time is spent on it.

/// Most changes a phone puts into one request, so that a bad network still makes progress.
pub const REQUEST_CHANGES: usize = 200;
/// Most bytes of changes a phone puts into one request.
pub const REQUEST_BYTES: usize = 256 * 1024;

/// Most changes the gate looks at in one push.
pub const PUSH_CHANGES: usize = 1_000;
/// Most bytes of one push as sent.
pub const PUSH_BYTES: usize = 1024 * 1024;
/// Most bytes of one push after inflating.
pub const PUSH_INFLATED_BYTES: usize = 2 * 1024 * 1024;

/// Most operations of one push: what bounds the time of the gate. Two hundred honest changes hold some
/// thousands.
pub const PUSH_OPS: u64 = 40_000;

/// Most operations of a push that the gate lets the library make again. With more of them it is cheaper
/// to load the whole draft.
pub const REPLAYED_OPS: usize = 64;

/// Most operations in one change, counted from run lengths before anything is expanded.
pub const CHANGE_OPS: u64 = 20_000;
/// Most dependencies of one change.
pub const CHANGE_DEPS: u64 = 64;
/// Most other actors named by one change.
pub const CHANGE_ACTORS: u64 = 64;
/// Most bytes of the message of one change.
pub const CHANGE_MESSAGE_BYTES: u64 = 256;
/// Most columns of one change.
pub const CHANGE_COLUMNS: u64 = 24;
/// Most bytes of one map key inside a change; the longest honest key is a UUID.
pub const KEY_BYTES: u64 = 64;
/// Length of an actor id; the server issues no others.
pub const ACTOR_BYTES: usize = 16;

/// The highest operation counter of a draft, so that no device can grow a case without bound. A
/// large honest case has a few thousand operations.
pub const DRAFT_OPS: u64 = 200_000;

/// Most vehicles in one draft, removed ones included, as one device sees it.
pub const VEHICLES: usize = 64;
/// Most loss lines in one draft, removed ones included, as one device sees it.
pub const LINES: usize = 1_000;
/// Most photos in one draft, removed ones included, as one device sees it.
pub const PHOTOS: usize = 1_000;
/// Most notes in one draft, removed ones included, as one device sees it.
pub const NOTES: usize = 500;
/// Most checklist items of a draft.
pub const CHECKLIST_ITEMS: usize = 200;

/// How far a change may be stamped ahead of the server's clock.
pub const CLOCK_AHEAD: crate::time::Span = crate::time::Span::days(1);

/// Most bytes of a reply that a phone takes.
pub const REPLY_BYTES: usize = 8 * 1024 * 1024;
/// Most commands of the outbox in one request.
pub const OUTBOX_BATCH: usize = 50;
