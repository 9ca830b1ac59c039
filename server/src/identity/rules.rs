//! PURE: what counts as a guess, what a refresh token is worth, who a person may be.

pub(in crate::identity) mod lineage;
pub(in crate::identity) mod person;
pub(in crate::identity) mod throttle;
