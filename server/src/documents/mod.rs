//! Documents for people outside, as PDF (zh-CN and en): made from what stands, with the same bytes every
//! time.
//!
//! Assessment sheet, uncovered items, negotiation record, loss agreement, visit appointment, survey
//! record, formalities notice. Nothing is stored here; the loss agreement alone is kept as it was
//! printed when the customer agreed, and printed from there.

mod api;
mod compose;
mod rules;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config.service(api::get_document);
}
