//! PURE: when a draft may be frozen, what a verifier should look at, who may do what on one case.

pub mod duty;
pub mod freezing;
pub mod marks;

pub use self::duty::{Duty, Held, may_take};
pub use self::freezing::{FreezeRefusal, may_freeze, voids_agreement};
