//! Rows of adjudications.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PersonId, ShopId, VersionId},
    money::Fen,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{
        Conn,
        schema::adjudications,
        types::{Id, Money, Ms},
    },
    error::ApiError,
};

/// An adjudication as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = adjudications)]
pub(super) struct AdjudicationRow {
    pub(super) id: Id<Uuid>,
    pub(super) version_id: Id<VersionId>,
    pub(super) amount_fen: Money,
    pub(super) verified_fen: Money,
    pub(super) clauses: String,
    pub(super) reason: Option<String>,
    pub(super) decided_by: Id<PersonId>,
    pub(super) decided_at: Ms,
}

/// What of an adjudication counts for the authority of later ones.
pub(super) struct Weight {
    pub(super) increase: Fen,
    pub(super) assessor: PersonId,
    pub(super) shop: Option<ShopId>,
    pub(super) authority_version: Option<i64>,
}

pub(super) fn insert(
    conn: &mut Conn,
    case_id: CaseId,
    row: &AdjudicationRow,
    weight: &Weight,
) -> Result<(), ApiError> {
    let row = (
        adjudications::id.eq(row.id.0.to_string()),
        adjudications::case_id.eq(case_id.to_string()),
        adjudications::version_id.eq(row.version_id.0.to_string()),
        adjudications::amount_fen.eq(row.amount_fen.0.0),
        adjudications::verified_fen.eq(row.verified_fen.0.0),
        adjudications::increase_fen.eq(weight.increase.0),
        adjudications::clauses.eq(&row.clauses),
        adjudications::reason.eq(&row.reason),
        adjudications::assessor_id.eq(weight.assessor.to_string()),
        adjudications::shop_id.eq(weight.shop.map(|shop| shop.to_string())),
        adjudications::authority_version.eq(weight.authority_version),
        adjudications::decided_by.eq(row.decided_by.0.to_string()),
        adjudications::decided_at.eq(row.decided_at.0.0),
    );
    diesel::insert_into(adjudications::table).values(row).execute(conn)?;
    Ok(())
}

/// The adjudications of a case, latest first.
pub(super) fn list(conn: &mut Conn, case_id: CaseId) -> Result<Vec<AdjudicationRow>, ApiError> {
    Ok(adjudications::table
        .filter(adjudications::case_id.eq(case_id.to_string()))
        .order((adjudications::decided_at.desc(), adjudications::id.desc()))
        .limit(100)
        .select(AdjudicationRow::as_select())
        .load(conn)?)
}

/// What was adjudicated for a shop since then.
pub(super) fn adjudicated_for_shop(
    conn: &mut Conn,
    shop: ShopId,
    since: Instant,
) -> Result<Fen, ApiError> {
    let amounts: Vec<Money> = adjudications::table
        .filter(adjudications::shop_id.eq(shop.to_string()))
        .filter(adjudications::decided_at.gt(since.0))
        .select(adjudications::increase_fen)
        .load(conn)?;
    Ok(amounts.into_iter().map(|amount| amount.0).sum())
}

/// What somebody adjudicated of an assessor since then.
pub(super) fn adjudicated_between(
    conn: &mut Conn,
    person: PersonId,
    assessor: PersonId,
    since: Instant,
) -> Result<Fen, ApiError> {
    let amounts: Vec<Money> = adjudications::table
        .filter(adjudications::decided_by.eq(person.to_string()))
        .filter(adjudications::assessor_id.eq(assessor.to_string()))
        .filter(adjudications::decided_at.gt(since.0))
        .select(adjudications::increase_fen)
        .load(conn)?;
    Ok(amounts.into_iter().map(|amount| amount.0).sum())
}
