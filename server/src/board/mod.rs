//! Views across the capabilities, one for each audience. It reads and writes nothing.
//!
//! A repair shop sees the cases whose customers chose it: status, plate, vehicle and the approved
//! lines. It sees no name, phone, place, and nothing of what the insurance does not bear. Any other
//! case is answered as if it did not exist.

mod api;
mod rules;
mod store;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config.service(api::list_shop_cases).service(api::get_shop_case);
}
