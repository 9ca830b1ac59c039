//! Rows of dispatch.

pub(super) mod positions;
pub(super) mod surveyors;
pub(super) mod tasks;
pub(super) mod zones;
