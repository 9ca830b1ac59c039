//! PURE: log-in outcome.
