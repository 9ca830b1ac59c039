//! Rows of rate cards, price lists and policy snapshots. No version is ever updated.

use diesel::{dsl::max, prelude::*};
use sync_core::{
    ids::{BranchId, CaseId, PersonId},
    money::Fen,
    time::Instant,
};
use uuid::Uuid;

use super::rules::{ListKind, Price, PriceList};
use crate::{
    db::{
        Conn,
        page::Cursor,
        schema::{policy_snapshots, price_items, price_lists, rate_cards},
        types::{Id, Money, Ms},
    },
    error::ApiError,
};

/// A rate card as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = rate_cards)]
pub(super) struct CardRow {
    pub(super) id: Id<Uuid>,
    pub(super) branch_id: Id<BranchId>,
    pub(super) shop_class: String,
    pub(super) version: i64,
    pub(super) card: String,
    pub(super) valid_from: Ms,
    pub(super) created_by: Id<PersonId>,
    pub(super) created_at: Ms,
}

/// A rate card to insert.
pub(super) struct NewCard<'a> {
    pub(super) id: Uuid,
    pub(super) branch: BranchId,
    pub(super) shop_class: &'a str,
    pub(super) card: &'a str,
    pub(super) valid_from: Instant,
    pub(super) by: PersonId,
    pub(super) now: Instant,
}

pub(super) fn insert_card(conn: &mut Conn, new: &NewCard<'_>) -> Result<CardRow, ApiError> {
    let newest: Option<i64> = rate_cards::table
        .filter(rate_cards::branch_id.eq(new.branch.to_string()))
        .filter(rate_cards::shop_class.eq(new.shop_class))
        .select(max(rate_cards::version))
        .first(conn)?;
    let row = (
        rate_cards::id.eq(new.id.to_string()),
        rate_cards::branch_id.eq(new.branch.to_string()),
        rate_cards::shop_class.eq(new.shop_class),
        rate_cards::version.eq(newest.unwrap_or(0) + 1),
        rate_cards::card.eq(new.card),
        rate_cards::valid_from.eq(new.valid_from.0),
        rate_cards::created_by.eq(new.by.to_string()),
        rate_cards::created_at.eq(new.now.0),
    );
    diesel::insert_into(rate_cards::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    let inserted = rate_cards::table.find(new.id.to_string());
    Ok(inserted.select(CardRow::as_select()).first(conn)?)
}

pub(super) fn find_card_in_force(
    conn: &mut Conn,
    branch: BranchId,
    shop_class: &str,
    now: Instant,
) -> Result<Option<CardRow>, ApiError> {
    Ok(rate_cards::table
        .filter(rate_cards::branch_id.eq(branch.to_string()))
        .filter(rate_cards::shop_class.eq(shop_class))
        .filter(rate_cards::valid_from.le(now.0))
        .order(rate_cards::version.desc())
        .select(CardRow::as_select())
        .first(conn)
        .optional()?)
}

pub(super) fn find_card(conn: &mut Conn, id: Uuid) -> Result<Option<CardRow>, ApiError> {
    let card = rate_cards::table.find(id.to_string());
    Ok(card.select(CardRow::as_select()).first(conn).optional()?)
}

/// The cards of these branches, newest first.
pub(super) fn list_cards(
    conn: &mut Conn,
    branches: &[BranchId],
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<CardRow>, ApiError> {
    let mut query = rate_cards::table
        .filter(rate_cards::branch_id.eq_any(texts(branches)))
        .select(CardRow::as_select())
        .into_boxed();
    if let Some(Cursor { at_ms, id }) = after {
        let earlier = rate_cards::created_at.lt(*at_ms);
        let same = rate_cards::created_at.eq(*at_ms).and(rate_cards::id.lt(id.clone()));
        query = query.filter(earlier.or(same));
    }
    let newest = (rate_cards::created_at.desc(), rate_cards::id.desc());
    Ok(query.order(newest).limit(limit).load(conn)?)
}

fn texts(branches: &[BranchId]) -> Vec<String> {
    branches.iter().map(ToString::to_string).collect()
}

/// A price list as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = price_lists)]
pub(super) struct ListRow {
    pub(super) id: Id<Uuid>,
    pub(super) branch_id: Id<BranchId>,
    pub(super) kind: String,
    pub(super) version: i64,
    pub(super) items: i64,
    pub(super) imported_by: Id<PersonId>,
    pub(super) imported_at: Ms,
}

/// A price list to insert.
pub(super) struct NewList<'a> {
    pub(super) id: Uuid,
    pub(super) branch: BranchId,
    pub(super) kind: ListKind,
    pub(super) version: i64,
    pub(super) csv_sha256: &'a [u8],
    pub(super) by: PersonId,
    pub(super) now: Instant,
}

pub(super) fn insert_list(
    conn: &mut Conn,
    new: &NewList<'_>,
    list: &PriceList,
) -> Result<(), ApiError> {
    let row = (
        price_lists::id.eq(new.id.to_string()),
        price_lists::branch_id.eq(new.branch.to_string()),
        price_lists::kind.eq(new.kind.as_str()),
        price_lists::version.eq(new.version),
        price_lists::csv_sha256.eq(new.csv_sha256),
        price_lists::items.eq(i64::try_from(list.len()).unwrap_or(i64::MAX)),
        price_lists::imported_by.eq(new.by.to_string()),
        price_lists::imported_at.eq(new.now.0),
    );
    diesel::insert_into(price_lists::table)
        .values(row)
        .execute(conn)
        .map_err(ApiError::or_again)?;
    for ((code, source), Price { name, price }) in list {
        let row = (
            price_items::list_id.eq(new.id.to_string()),
            price_items::code.eq(code),
            price_items::source.eq(source),
            price_items::name.eq(name),
            price_items::price_fen.eq(price.0),
        );
        diesel::insert_into(price_items::table).values(row).execute(conn)?;
    }
    Ok(())
}

pub(super) fn find_newest_list(
    conn: &mut Conn,
    branch: BranchId,
    kind: ListKind,
) -> Result<Option<ListRow>, ApiError> {
    Ok(price_lists::table
        .filter(price_lists::branch_id.eq(branch.to_string()))
        .filter(price_lists::kind.eq(kind.as_str()))
        .order(price_lists::version.desc())
        .select(ListRow::as_select())
        .first(conn)
        .optional()?)
}

pub(super) fn list_lists(
    conn: &mut Conn,
    branches: &[BranchId],
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<ListRow>, ApiError> {
    let mut query = price_lists::table
        .filter(price_lists::branch_id.eq_any(texts(branches)))
        .select(ListRow::as_select())
        .into_boxed();
    if let Some(Cursor { at_ms, id }) = after {
        let earlier = price_lists::imported_at.lt(*at_ms);
        let same = price_lists::imported_at.eq(*at_ms).and(price_lists::id.lt(id.clone()));
        query = query.filter(earlier.or(same));
    }
    let newest = (price_lists::imported_at.desc(), price_lists::id.desc());
    Ok(query.order(newest).limit(limit).load(conn)?)
}

pub(super) fn read_whole_list(conn: &mut Conn, list: Uuid) -> Result<PriceList, ApiError> {
    let rows: Vec<(String, String, String, Money)> = price_items::table
        .filter(price_items::list_id.eq(list.to_string()))
        .select((price_items::code, price_items::source, price_items::name, price_items::price_fen))
        .load(conn)?;
    let item = |(code, source, name, price): (String, String, String, Money)| {
        ((code, source), Price { name, price: price.0 })
    };
    Ok(rows.into_iter().map(item).collect())
}

pub(super) fn list_prices_of(
    conn: &mut Conn,
    list: Uuid,
    codes: &[String],
) -> Result<Vec<(String, String, Fen)>, ApiError> {
    let rows: Vec<(String, String, Money)> = price_items::table
        .filter(price_items::list_id.eq(list.to_string()))
        .filter(price_items::code.eq_any(codes))
        .select((price_items::code, price_items::source, price_items::price_fen))
        .load(conn)?;
    Ok(rows.into_iter().map(|(code, source, price)| (code, source, price.0)).collect())
}

/// A policy snapshot as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = policy_snapshots)]
pub(super) struct PolicyRow {
    pub(super) number: i64,
    pub(super) terms: String,
    pub(super) origin: String,
    pub(super) taken_by: Id<PersonId>,
    pub(super) taken_at: Ms,
}

pub(super) fn find_policy(conn: &mut Conn, case_id: CaseId) -> Result<Option<PolicyRow>, ApiError> {
    Ok(policy_snapshots::table
        .filter(policy_snapshots::case_id.eq(case_id.to_string()))
        .order(policy_snapshots::number.desc())
        .select(PolicyRow::as_select())
        .first(conn)
        .optional()?)
}

pub(super) fn insert_policy(
    conn: &mut Conn,
    case_id: CaseId,
    number: i64,
    (terms, origin): (&str, &str),
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        policy_snapshots::case_id.eq(case_id.to_string()),
        policy_snapshots::number.eq(number),
        policy_snapshots::terms.eq(terms),
        policy_snapshots::origin.eq(origin),
        policy_snapshots::taken_by.eq(by.to_string()),
        policy_snapshots::taken_at.eq(now.0),
    );
    let inserted = diesel::insert_into(policy_snapshots::table).values(row).execute(conn);
    inserted.map_err(ApiError::or_again).map(|_| ())
}
