//! Adjudicating verified claims (核赔, C33): what the contract pays of exactly one verified version, and
//! by which clauses.
//!
//! The adjudicator is nobody who assessed the case or wrote to its draft, in whatever role and however
//! long ago (B22), and their authority is data of its own. An amount below what was verified needs a
//! reason that can be told to the customer (C34, C50). An adjudicated sheet stands: a supplement needs
//! the case to be opened again.

mod api;
mod rules;
mod store;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config.service(api::adjudicate_claim).service(api::get_adjudication);
}
