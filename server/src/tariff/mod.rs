//! What the insurer gives for a loss sheet: rate cards, price lists, the terms of the policy (B1, B2).
//!
//! All of it is data with versions. Rate cards hold for a branch, those below it and a class of shops;
//! price lists are imported from CSV after a preview of what they change; a policy snapshot keeps what
//! the contract said when somebody looked. Nothing here computes a sheet or refuses one: what departs
//! from these data is told to the verifier.

mod api;
mod check;
mod lists;
mod policies;
mod rules;
mod store;

use sync_core::{
    cover::PolicySnapshot, ids::CaseId, money::Fen, rate_card::RateCard, time::Instant,
};
use utoipa_actix_web::{scope, service_config::ServiceConfig};
use uuid::Uuid;

use crate::{body::MostBytes, db::Conn, error::ApiError};

pub use rules::{ListKind, yuan};

/// A list of 20,000 rows fits.
const MOST_LIST_BYTES: usize = 4 * 1024 * 1024;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::create_rate_card)
        .service(api::list_rate_cards)
        .service(policies::record_policy)
        .service(policies::get_case_terms)
        .service(
            scope("/price-lists")
                .app_data(MostBytes(MOST_LIST_BYTES))
                .service(lists::preview_price_list)
                .service(lists::import_price_list)
                .service(lists::list_price_lists),
        );
}

/// A rate card in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardInForce {
    /// The card.
    pub id: Uuid,
    /// Its version within branch and class.
    pub version: i64,
    /// The rates.
    pub card: RateCard,
}

/// The rate card that holds for a branch and a class of shops (`one`, `two`, `three`): the newest of
/// the nearest branch upwards, one for the class before one for any.
///
/// # Errors
/// Database faults.
pub fn card_in_force(
    conn: &mut Conn,
    branch_path: &str,
    shop_class: Option<&str>,
    now: Instant,
) -> Result<Option<CardInForce>, ApiError> {
    for branch in crate::identity::branches_upwards(conn, branch_path)? {
        for class in shop_class.into_iter().chain(["any"]) {
            if let Some(row) = store::find_card_in_force(conn, branch, class, now)? {
                let card = serde_json::from_str(&row.card).map_err(ApiError::internal)?;
                return Ok(Some(CardInForce { id: row.id.0, version: row.version, card }));
            }
        }
    }
    Ok(None)
}

/// The newest policy snapshot of a case.
///
/// # Errors
/// Database faults.
pub fn policy(conn: &mut Conn, case_id: CaseId) -> Result<Option<PolicySnapshot>, ApiError> {
    let Some(row) = store::find_policy(conn, case_id)? else { return Ok(None) };
    serde_json::from_str(&row.terms).map(Some).map_err(ApiError::internal)
}

/// A price of a list in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPrice {
    /// Part number or code of the operation.
    pub code: String,
    /// Source or trade; empty for any.
    pub source: String,
    /// The price.
    pub price: Fen,
    /// The version of the list.
    pub version: i64,
}

/// The listed prices of these codes, from the newest list of the nearest branch upwards that has one.
///
/// # Errors
/// Database faults.
pub fn listed(
    conn: &mut Conn,
    branch_path: &str,
    kind: ListKind,
    codes: &[String],
) -> Result<Vec<ListedPrice>, ApiError> {
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    for branch in crate::identity::branches_upwards(conn, branch_path)? {
        if let Some(list) = store::find_newest_list(conn, branch, kind)? {
            let rows = store::list_prices_of(conn, list.id.0, codes)?;
            let listed = |(code, source, price): (String, String, Fen)| ListedPrice {
                code,
                source,
                price,
                version: list.version,
            };
            return Ok(rows.into_iter().map(listed).collect());
        }
    }
    Ok(Vec::new())
}
