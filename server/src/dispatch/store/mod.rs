//! Rows of dispatch.

pub(super) mod offers;
pub(super) mod positions;
pub(super) mod queue;
pub(super) mod rosters;
pub(super) mod surveyors;
pub(super) mod tasks;
pub(super) mod way;
pub(super) mod zones;
