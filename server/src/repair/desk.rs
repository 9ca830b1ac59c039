//! Who acts for a repair shop on a case: one of its people, or whoever holds its link.
//!
//! What comes by a link has no account behind it. It is the shop's all the same, so it stands under a
//! person of the shop that nobody can log in as: its desk.

use sync_core::ids::{BranchId, CaseId, PersonId, ShopId};

use super::{
    rules::LinkState,
    store::{self, ShopRow},
};
use crate::{
    app::App,
    auth::policy::{Actor, Role},
    db::Conn,
    error::ApiError,
    identity::{self, NewPerson},
    intake, wire,
};

/// A shop at work on a case whose customer goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnCase {
    /// The case.
    pub case_id: CaseId,
    /// The shop.
    pub shop: ShopId,
    /// Who acts for it.
    pub actor: Actor,
}

/// The caller's shop on this case; anything else is the same 404.
///
/// # Errors
/// `not_found` unless the customer goes to the caller's shop now.
pub fn by_account(conn: &mut Conn, actor: &Actor, case_id: CaseId) -> Result<OnCase, ApiError> {
    let shop = actor.shop.ok_or_else(ApiError::not_found)?;
    if super::is_chosen(conn, case_id, shop)? {
        Ok(OnCase { case_id, shop, actor: actor.clone() })
    } else {
        Err(ApiError::not_found())
    }
}

/// The shop of a link that is in force, on its case; nothing for any other text. To be asked in the
/// transaction of what is done: the first time it opens the shop's desk.
///
/// # Errors
/// Database faults.
pub fn by_link(conn: &mut Conn, app: &App, token: &str) -> Result<Option<OnCase>, ApiError> {
    let now = app.now();
    let Some(sha256) = wire::token_sha256(token) else { return Ok(None) };
    let Some(link) = store::find_link(conn, &sha256)? else { return Ok(None) };
    if super::links::state(conn, &link, now)? != LinkState::InForce {
        return Ok(None);
    }
    let (case_id, shop) = (link.case_id.0, link.shop_id.0);
    let row = store::find_shop(conn, shop)?;
    let row = row.ok_or_else(|| ApiError::internal("a link without its shop"))?;
    let branch = intake::get_case(conn, case_id)?.branch;
    let actor = Actor {
        person: desk(conn, app, &row, branch)?,
        device: None,
        roles: vec![Role::Shop],
        branch,
        branch_path: identity::branch_path(conn, branch)?,
        shop: Some(shop),
        name: row.name,
        staff_no: None,
    };
    Ok(Some(OnCase { case_id, shop, actor }))
}

fn desk(
    conn: &mut Conn,
    app: &App,
    shop: &ShopRow,
    branch: BranchId,
) -> Result<PersonId, ApiError> {
    let username = format!("desk-{}", shop.id.0);
    if let Some(known) = identity::find_username(conn, &username)? {
        return Ok(known);
    }
    let person = NewPerson {
        id: app.new_id(),
        username,
        name: shop.name.clone(),
        staff_no: None,
        phone: None,
        // No password hashes to this.
        password_hash: "!".into(),
        roles: vec![Role::Shop],
        branch,
        shop: Some(shop.id.0),
    };
    // Two pages of the shop were sent at once: look again.
    identity::insert_person(conn, &person, app.now()).map_err(|fault| {
        if fault.is_unique_violation() { ApiError::contention() } else { fault }
    })?;
    identity::close_log_ins(conn, &[person.id], app.now())?;
    Ok(person.id)
}
