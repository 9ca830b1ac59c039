//! Rows of links that shops were sent.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PersonId, ShopId},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{
        Conn,
        schema::shop_links as links,
        types::{Id, Ms},
    },
    error::ApiError,
};

/// A link as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = links)]
pub(in crate::repair) struct LinkRow {
    pub(in crate::repair) id: Id<Uuid>,
    pub(in crate::repair) case_id: Id<CaseId>,
    pub(in crate::repair) shop_id: Id<ShopId>,
    pub(in crate::repair) created_by: Id<PersonId>,
    pub(in crate::repair) created_at: Ms,
    pub(in crate::repair) expires_at: Ms,
    pub(in crate::repair) revoked_at: Option<Ms>,
}

/// A link to insert.
pub(in crate::repair) struct NewLink<'a> {
    pub(in crate::repair) id: Uuid,
    pub(in crate::repair) token_sha256: &'a [u8],
    pub(in crate::repair) case_id: CaseId,
    pub(in crate::repair) shop_id: ShopId,
    pub(in crate::repair) sent_to: &'a str,
    pub(in crate::repair) created_by: PersonId,
    pub(in crate::repair) created_at: Instant,
    pub(in crate::repair) expires_at: Instant,
}

pub(in crate::repair) fn insert_link(conn: &mut Conn, link: &NewLink<'_>) -> Result<(), ApiError> {
    let row = (
        links::id.eq(link.id.to_string()),
        links::token_sha256.eq(link.token_sha256),
        links::case_id.eq(link.case_id.to_string()),
        links::shop_id.eq(link.shop_id.to_string()),
        links::sent_to.eq(link.sent_to),
        links::created_by.eq(link.created_by.to_string()),
        links::created_at.eq(link.created_at.0),
        links::expires_at.eq(link.expires_at.0),
    );
    diesel::insert_into(links::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::repair) fn find_link(
    conn: &mut Conn,
    token_sha256: &[u8],
) -> Result<Option<LinkRow>, ApiError> {
    let link = links::table.filter(links::token_sha256.eq(token_sha256));
    Ok(link.select(LinkRow::as_select()).first(conn).optional()?)
}

pub(in crate::repair) fn find_link_of(
    conn: &mut Conn,
    case_id: CaseId,
    id: Uuid,
) -> Result<Option<LinkRow>, ApiError> {
    let link = links::table.find(id.to_string()).filter(links::case_id.eq(case_id.to_string()));
    Ok(link.select(LinkRow::as_select()).first(conn).optional()?)
}

pub(in crate::repair) fn list_links(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<LinkRow>, ApiError> {
    Ok(links::table
        .filter(links::case_id.eq(case_id.to_string()))
        .order((links::created_at.desc(), links::id.desc()))
        .limit(200)
        .select(LinkRow::as_select())
        .load(conn)?)
}

/// How many links of a case were sent since then.
pub(in crate::repair) fn count_links(
    conn: &mut Conn,
    case_id: CaseId,
    since: Instant,
) -> Result<i64, ApiError> {
    Ok(links::table
        .filter(links::case_id.eq(case_id.to_string()))
        .filter(links::created_at.gt(since.0))
        .count()
        .get_result(conn)?)
}

pub(in crate::repair) fn revoke_link(
    conn: &mut Conn,
    (case_id, id): (CaseId, Uuid),
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let of_case = links::table
        .find(id.to_string())
        .filter(links::case_id.eq(case_id.to_string()))
        .filter(links::revoked_at.is_null());
    diesel::update(of_case)
        .set((links::revoked_by.eq(Some(by.to_string())), links::revoked_at.eq(Some(now.0))))
        .execute(conn)?;
    Ok(())
}
