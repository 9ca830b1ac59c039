//! Keeping evidence: retention, legal holds, and looking again and again whether the bytes are still
//! what they were (B26).

mod api;
mod guard;
mod rules;
mod scrub;
mod store;

pub(super) use api::{delete_photo_bytes, hold_evidence, list_damaged, release_evidence};
pub use guard::GuardEvidence;
pub(super) use guard::{guard, kept_until};
pub use scrub::Scrub;
pub(super) use store::{are_holds_as_noted, list_faulty};
