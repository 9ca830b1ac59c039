//! Rows of shops and choices.

mod links;
mod work;

use diesel::{define_sql_function, prelude::*, sql_types::Text};
use sync_core::{
    geo::Point,
    ids::{CaseId, PersonId, ShopId},
    time::Instant,
};

use super::rules::Class;
use crate::{
    db::{
        Conn,
        page::Cursor,
        schema::{case_shops, repair_shops},
        types::{Id, Ms},
    },
    error::ApiError,
};

pub(super) use links::*;
pub(super) use work::*;

/// A shop as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = repair_shops)]
pub(super) struct ShopRow {
    pub(super) id: Id<ShopId>,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) phone: Option<String>,
    pub(super) class: String,
    pub(super) licence_no: String,
    pub(super) licence_ends_at: Ms,
    pub(super) credit_code: String,
    pub(super) created_at: Ms,
    pub(super) version: i64,
    pub(super) lat: Option<f64>,
    pub(super) lon: Option<f64>,
    pub(super) hours: Option<String>,
    pub(super) recommended: i64,
}

/// A checked shop to insert.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewShop {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) phone: Option<String>,
    pub(super) class: Class,
    pub(super) licence_no: String,
    pub(super) licence_ends_at: Instant,
    pub(super) credit_code: String,
    pub(super) position: Option<Point>,
    pub(super) hours: Option<String>,
}

pub(super) fn insert_shop(
    conn: &mut Conn,
    id: ShopId,
    shop: &NewShop,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        repair_shops::id.eq(id.to_string()),
        repair_shops::name.eq(&shop.name),
        repair_shops::address.eq(&shop.address),
        repair_shops::phone.eq(&shop.phone),
        repair_shops::class.eq(shop.class.as_str()),
        repair_shops::licence_no.eq(&shop.licence_no),
        repair_shops::licence_ends_at.eq(shop.licence_ends_at.0),
        repair_shops::credit_code.eq(&shop.credit_code),
        repair_shops::created_by.eq(by.to_string()),
        repair_shops::created_at.eq(now.0),
        repair_shops::version.eq(1),
        repair_shops::lat.eq(shop.position.map(Point::lat)),
        repair_shops::lon.eq(shop.position.map(Point::lon)),
        repair_shops::hours.eq(&shop.hours),
    );
    diesel::insert_into(repair_shops::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn find_shop(conn: &mut Conn, id: ShopId) -> Result<Option<ShopRow>, ApiError> {
    let shop = repair_shops::table.find(id.to_string()).select(ShopRow::as_select());
    Ok(shop.first(conn).optional()?)
}

pub(super) fn is_licence_taken(conn: &mut Conn, licence_no: &str) -> Result<bool, ApiError> {
    let taken: i64 = repair_shops::table
        .filter(repair_shops::licence_no.eq(licence_no))
        .count()
        .get_result(conn)?;
    Ok(taken > 0)
}

define_sql_function! {
    /// Both engines know it; without it `LIKE` minds capital letters on one of them only.
    fn lower(text: Text) -> Text;
}

/// Shops in the order in which they were added: an order that favours nobody.
pub(super) fn list_shops(
    conn: &mut Conn,
    name: Option<&str>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<ShopRow>, ApiError> {
    let mut query = repair_shops::table.select(ShopRow::as_select()).into_boxed();
    if let Some(name) = name {
        let plain =
            name.to_ascii_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        query = query.filter(lower(repair_shops::name).like(format!("%{plain}%")).escape('\\'));
    }
    if let Some(Cursor { at_ms, id }) = after {
        let later = repair_shops::created_at.gt(*at_ms);
        let same = repair_shops::created_at.eq(*at_ms).and(repair_shops::id.gt(id.clone()));
        query = query.filter(later.or(same));
    }
    Ok(query.order((repair_shops::created_at, repair_shops::id)).limit(limit).load(conn)?)
}

/// The customer's choice that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) case_id: CaseId,
    pub(super) shop_id: Option<ShopId>,
    pub(super) other: Option<(String, Option<String>)>,
    pub(super) chosen_at: Instant,
    pub(super) recorded_by: PersonId,
    pub(super) recorded_at: Instant,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = case_shops)]
struct ChoiceRow {
    shop_id: Option<Id<ShopId>>,
    other_name: Option<String>,
    other_phone: Option<String>,
    chosen_at: Ms,
    recorded_by: Id<PersonId>,
    recorded_at: Ms,
}

pub(super) fn find_choice(conn: &mut Conn, case_id: CaseId) -> Result<Option<Choice>, ApiError> {
    let row: Option<ChoiceRow> = case_shops::table
        .find(case_id.to_string())
        .select(ChoiceRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(|row| Choice {
        case_id,
        shop_id: row.shop_id.map(|id| id.0),
        other: row.other_name.map(|name| (name, row.other_phone)),
        chosen_at: row.chosen_at.0,
        recorded_by: row.recorded_by.0,
        recorded_at: row.recorded_at.0,
    }))
}

/// Puts a choice in force in place of the one before.
pub(super) fn replace_choice(conn: &mut Conn, choice: &Choice) -> Result<(), ApiError> {
    let (other_name, other_phone) = match &choice.other {
        Some((name, phone)) => (Some(name), phone.as_ref()),
        None => (None, None),
    };
    let values = (
        case_shops::shop_id.eq(choice.shop_id.map(|id| id.to_string())),
        case_shops::other_name.eq(other_name),
        case_shops::other_phone.eq(other_phone),
        case_shops::chosen_at.eq(choice.chosen_at.0),
        case_shops::recorded_by.eq(choice.recorded_by.to_string()),
        case_shops::recorded_at.eq(choice.recorded_at.0),
    );
    let replaced = diesel::update(case_shops::table.find(choice.case_id.to_string()))
        .set((values.clone(), case_shops::version.eq(case_shops::version + 1)))
        .execute(conn)?;
    if replaced == 0 {
        let row = (case_shops::case_id.eq(choice.case_id.to_string()), case_shops::version.eq(1));
        diesel::insert_into(case_shops::table).values((row, values)).execute(conn)?;
    }
    Ok(())
}

pub(super) fn list_cases_of_shop(
    conn: &mut Conn,
    shop: ShopId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<(CaseId, Instant)>, ApiError> {
    let mut query = case_shops::table
        .filter(case_shops::shop_id.eq(shop.to_string()))
        .select((case_shops::case_id, case_shops::chosen_at))
        .into_boxed();
    if let Some(Cursor { at_ms, id }) = after {
        let earlier = case_shops::chosen_at.lt(*at_ms);
        let same = case_shops::chosen_at.eq(*at_ms).and(case_shops::case_id.lt(id.clone()));
        query = query.filter(earlier.or(same));
    }
    let rows: Vec<(Id<CaseId>, Ms)> = query
        .order((case_shops::chosen_at.desc(), case_shops::case_id.desc()))
        .limit(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, at)| (id.0, at.0)).collect())
}
