//! Views across the capabilities, one for each audience. It keeps nothing.
//!
//! The office sees its open cases by nearest limit, with who could be there in time, and watches a stream of changes, which one task per node takes from the change feed.
//!
//! A repair shop sees the cases whose customers chose it: status, plate, vehicle and the approved
//! lines. It sees no name, phone, place, and nothing of what the insurance does not bear. Any other
//! case is answered as if it did not exist. Behind links there are two pages: the same for a shop without
//! an account, who there tells of the repair and asks for supplements, and for the customer how far the
//! case is.

mod api;
mod figures;
mod multipart;
mod pages;
mod proof;
mod queue;
mod rules;
mod shop_form;
mod status;
mod store;
mod stream;
mod tail;
mod words;

use sync_core::{
    ids::{CaseId, EventId, ShopId},
    time::Instant,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{case_log, db::Conn, error::ApiError, repair};

pub use tail::{Tail, follow};

/// A step of a case that its shop is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShopStep {
    /// Its place in the case's log.
    pub seq: i64,
    /// The event that it is.
    pub event: EventId,
    /// What it is called.
    pub step: &'static str,
    /// When the server learned of it.
    pub at: Instant,
}

/// The steps of a case for a shop; none unless the customer goes to this shop now.
///
/// # Errors
/// Database faults.
pub fn shop_steps(
    conn: &mut Conn,
    case_id: CaseId,
    shop: ShopId,
) -> Result<Vec<ShopStep>, ApiError> {
    if !repair::is_chosen(conn, case_id, shop)? {
        return Ok(Vec::new());
    }
    let log = case_log::entries(conn, case_id)?;
    let work = log.iter().map(|entry| {
        let text = |name: &str| entry.data.get(name).and_then(|value| value.as_str());
        rules::status::WorkEntry {
            seq: entry.seq,
            kind: &entry.kind,
            at: entry.recorded_at,
            shop: text("shop_id").and_then(|id| id.parse().ok()),
            supplement: text("supplement_id"),
        }
    });
    let told = rules::status::shop_steps(shop, work).into_iter().filter_map(|(seq, step, at)| {
        let event = log.iter().find(|entry| entry.seq == seq)?.id;
        Some(ShopStep { seq, event, step, at })
    });
    Ok(told.collect())
}

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

/// Registers the pages behind links.
pub fn pages(config: &mut ServiceConfig) {
    config
        .service(pages::show_shop_case)
        .service(shop_form::ask_by_shop_link)
        .service(shop_form::tell_by_shop_link)
        .service(pages::show_progress);
}
