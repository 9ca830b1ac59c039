//! Rows of identity.

pub(super) mod branches;
pub(super) mod devices;
pub(super) mod people;
pub(super) mod throttle;
pub(super) mod tokens;
