//! For those who run it: is it alive, is it ready, what does it count.

mod api;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the operations. These stand outside `/api/v1`: they are for machines next door.
pub fn routes(config: &mut ServiceConfig) {
    config.service(api::live).service(api::ready).service(api::metrics);
}
