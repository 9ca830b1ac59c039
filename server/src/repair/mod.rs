//! Repair shops and the customer's own choice (C18, C19).
//!
//! Managers keep a registry of shops with class and licence. Every listing says that the choice is
//! free; nothing here proposes, sorts by merit or defaults to a shop. The customer may choose any
//! shop, in the registry or not, and change the choice; who recorded it is kept. A shop's own people
//! see the cases that chose it on the board, with an account or by a link to one case that ends. On either
//! way they tell how far the repair is and ask for supplements, which wait for the assessor.

mod api;
mod check;
mod desk;
mod links;
mod rules;
mod store;
mod work;

use sync_core::{
    ids::{CaseId, ShopId},
    time::Instant,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{Conn, page::Cursor},
    error::ApiError,
    wire,
};

pub use desk::{OnCase, by_account, by_link};
pub use rules::{FREE_CHOICE_EN, FREE_CHOICE_ZH, STAGES};
pub use work::{ask_supplement, is_open_request, repair as work_of, tell_progress};

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::create_shop)
        .service(api::list_shops)
        .service(api::choose_shop)
        .service(work::recommend_shops)
        .service(work::report_progress)
        .service(work::request_supplement)
        .service(work::get_repair)
        .service(work::list_supplements)
        .service(work::list_open_supplements)
        .service(work::answer_supplement)
        .service(links::create_shop_link)
        .service(links::list_shop_links)
        .service(links::revoke_shop_link);
}

/// The cases whose customer's choice in force is this shop, the latest choice first: at most
/// `limit`, after a cursor of choice and case.
///
/// # Errors
/// Database faults.
pub fn list_cases_of_shop(
    conn: &mut Conn,
    shop: ShopId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<(CaseId, Instant)>, ApiError> {
    store::list_cases_of_shop(conn, shop, after, limit)
}

/// The shop in the registry that the customer chose.
///
/// # Errors
/// Database faults.
pub fn chosen_shop(conn: &mut Conn, case_id: CaseId) -> Result<Option<ShopId>, ApiError> {
    Ok(store::find_choice(conn, case_id)?.and_then(|choice| choice.shop_id))
}

/// The class (`one`, `two`, `three`) of the shop in the registry that the customer chose.
///
/// # Errors
/// Database faults.
pub fn chosen_class(conn: &mut Conn, case_id: CaseId) -> Result<Option<&'static str>, ApiError> {
    let chosen = store::find_choice(conn, case_id)?.and_then(|choice| choice.shop_id);
    let Some(shop) = chosen else { return Ok(None) };
    let shop = store::find_shop(conn, shop)?;
    Ok(shop.and_then(|shop| rules::Class::parse(&shop.class)).map(rules::Class::as_str))
}

/// Whether the customer's choice in force is this shop.
///
/// # Errors
/// Database faults.
pub fn is_chosen(conn: &mut Conn, case_id: CaseId, shop: ShopId) -> Result<bool, ApiError> {
    Ok(store::find_choice(conn, case_id)?.is_some_and(|choice| choice.shop_id == Some(shop)))
}

/// The case and the shop that a link leads to while it is in force; nothing for any other text.
///
/// # Errors
/// Database faults.
pub fn find_by_link(
    conn: &mut Conn,
    token: &str,
    now: Instant,
) -> Result<Option<(CaseId, ShopId)>, ApiError> {
    let Some(sha256) = wire::token_sha256(token) else { return Ok(None) };
    let Some(link) = store::find_link(conn, &sha256)? else { return Ok(None) };
    let in_force = links::state(conn, &link, now)? == rules::LinkState::InForce;
    Ok(in_force.then_some((link.case_id.0, link.shop_id.0)))
}

/// Whether a shop stands in the registry.
///
/// # Errors
/// Database faults.
pub fn is_known(conn: &mut Conn, shop: ShopId) -> Result<bool, ApiError> {
    Ok(store::find_shop(conn, shop)?.is_some())
}
