//! Views across the capabilities, one for each audience. It reads and writes nothing.
//!
//! The office sees its open cases by nearest limit, with who could be there in time, and watches a stream of changes, which one task per node takes from the change feed.
//!
//! A repair shop sees the cases whose customers chose it: status, plate, vehicle and the approved
//! lines. It sees no name, phone, place, and nothing of what the insurance does not bear. Any other
//! case is answered as if it did not exist.

mod api;
mod figures;
mod proof;
mod queue;
mod rules;
mod status;
mod store;
mod stream;
mod tail;

use utoipa_actix_web::service_config::ServiceConfig;

pub use tail::{Tail, follow};

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::list_shop_cases)
        .service(api::get_shop_case)
        .service(status::get_case_status)
        .service(proof::get_arrival_proof)
        .service(queue::get_queue)
        .service(figures::get_figures)
        .service(figures::get_figures_table)
        .service(stream::stream_changes);
}
