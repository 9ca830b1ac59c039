//! What happens around a survey besides the survey itself (C08, C11, C17, C46-C48).

pub(super) mod api;
pub(super) mod ledger;
pub(super) mod store;
