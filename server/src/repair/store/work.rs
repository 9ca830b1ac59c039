//! Rows of recommendations, progress and requests for supplements.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PersonId, ShopId},
    time::Instant,
};
use uuid::Uuid;

use super::ShopRow;
use crate::{
    db::{
        Conn,
        page::Cursor,
        schema::{
            branches, case_people, cases, repair_progress as progress, repair_shops,
            shop_recommendations as recommendations, supplement_requests as supplements,
        },
        types::{Id, Ms},
    },
    error::ApiError,
};

/// The shops with a licence in force and a class that may be named.
pub(in crate::repair) fn list_recommendable(
    conn: &mut Conn,
    now: Instant,
) -> Result<Vec<ShopRow>, ApiError> {
    Ok(repair_shops::table
        .filter(repair_shops::licence_ends_at.gt(now.0))
        .filter(repair_shops::class.eq_any(["one", "two"]))
        .order(repair_shops::id)
        .limit(5_000)
        .select(ShopRow::as_select())
        .load(conn)?)
}

/// Keeps who was named to whom, so that the next ones take their turn.
pub(in crate::repair) fn note_recommended(
    conn: &mut Conn,
    id: Uuid,
    case_id: CaseId,
    shops: &[ShopId],
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let ids: Vec<String> = shops.iter().map(ToString::to_string).collect();
    let row = (
        recommendations::id.eq(id.to_string()),
        recommendations::case_id.eq(case_id.to_string()),
        recommendations::shops.eq(ids.join(" ")),
        recommendations::recommended_by.eq(by.to_string()),
        recommendations::recommended_at.eq(now.0),
    );
    diesel::insert_into(recommendations::table).values(row).execute(conn)?;
    // Only the first place is an advantage.
    if let Some(first) = ids.first() {
        diesel::update(repair_shops::table.find(first))
            .set(repair_shops::recommended.eq(repair_shops::recommended + 1))
            .execute(conn)?;
    }
    Ok(())
}

/// What a shop told.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = progress)]
pub(in crate::repair) struct ProgressRow {
    pub(in crate::repair) stage: String,
    pub(in crate::repair) words: String,
    pub(in crate::repair) reported_at: Ms,
}

pub(in crate::repair) fn insert_progress(
    conn: &mut Conn,
    id: Uuid,
    (case_id, shop): (CaseId, ShopId),
    row: &ProgressRow,
    by: PersonId,
) -> Result<(), ApiError> {
    let row = (
        progress::id.eq(id.to_string()),
        progress::case_id.eq(case_id.to_string()),
        progress::shop_id.eq(shop.to_string()),
        progress::stage.eq(&row.stage),
        progress::words.eq(&row.words),
        progress::reported_by.eq(by.to_string()),
        progress::reported_at.eq(row.reported_at.0.0),
    );
    diesel::insert_into(progress::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::repair) fn list_progress(
    conn: &mut Conn,
    case_id: CaseId,
    shop: ShopId,
) -> Result<Vec<ProgressRow>, ApiError> {
    Ok(progress::table
        .filter(progress::case_id.eq(case_id.to_string()))
        .filter(progress::shop_id.eq(shop.to_string()))
        .order((progress::reported_at, progress::id))
        .limit(200)
        .select(ProgressRow::as_select())
        .load(conn)?)
}

/// A request for a supplement.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = supplements)]
pub(in crate::repair) struct SupplementRow {
    pub(in crate::repair) id: Id<Uuid>,
    pub(in crate::repair) shop_id: Id<ShopId>,
    pub(in crate::repair) words: String,
    pub(in crate::repair) state: String,
    pub(in crate::repair) answer: Option<String>,
    pub(in crate::repair) requested_at: Ms,
    pub(in crate::repair) answered_at: Option<Ms>,
}

pub(in crate::repair) fn insert_supplement(
    conn: &mut Conn,
    case_id: CaseId,
    row: &SupplementRow,
    by: PersonId,
) -> Result<(), ApiError> {
    let row = (
        supplements::id.eq(row.id.0.to_string()),
        supplements::case_id.eq(case_id.to_string()),
        supplements::shop_id.eq(row.shop_id.0.to_string()),
        supplements::words.eq(&row.words),
        supplements::state.eq(&row.state),
        supplements::requested_by.eq(by.to_string()),
        supplements::requested_at.eq(row.requested_at.0.0),
    );
    diesel::insert_into(supplements::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::repair) fn list_supplements(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<SupplementRow>, ApiError> {
    Ok(supplements::table
        .filter(supplements::case_id.eq(case_id.to_string()))
        .order((supplements::requested_at, supplements::id))
        .limit(200)
        .select(SupplementRow::as_select())
        .load(conn)?)
}

/// Whose open requests.
pub(in crate::repair) enum Waiting<'a> {
    /// Those of a branch and all below it.
    Below(&'a str),
    /// Those of cases that somebody is sent to now.
    SentTo(PersonId),
}

/// A request that waits for an answer.
#[derive(Clone, Debug, Queryable)]
pub(in crate::repair) struct OpenRow {
    pub(in crate::repair) id: Id<Uuid>,
    pub(in crate::repair) case_id: Id<CaseId>,
    pub(in crate::repair) report_no: String,
    pub(in crate::repair) plate: String,
    pub(in crate::repair) shop_id: Id<ShopId>,
    pub(in crate::repair) shop_name: String,
    pub(in crate::repair) words: String,
    pub(in crate::repair) requested_at: Ms,
}

/// Oldest first, after this one.
pub(in crate::repair) fn list_open_supplements(
    conn: &mut Conn,
    whose: Waiting<'_>,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<OpenRow>, ApiError> {
    let mut query = supplements::table
        .inner_join(cases::table.inner_join(branches::table))
        .inner_join(repair_shops::table)
        .filter(supplements::state.eq("open"))
        .select((
            supplements::id,
            supplements::case_id,
            cases::report_no,
            cases::plate,
            supplements::shop_id,
            repair_shops::name,
            supplements::words,
            supplements::requested_at,
        ))
        .into_boxed();
    query = match whose {
        Waiting::Below(path) => query.filter(branches::path.like(format!("{path}%"))),
        Waiting::SentTo(person) => query.filter(
            supplements::case_id.eq_any(
                case_people::table
                    .filter(case_people::person_id.eq(person.to_string()))
                    .filter(case_people::until.is_null())
                    .select(case_people::case_id),
            ),
        ),
    };
    if let Some(Cursor { at_ms, id }) = after {
        let later = supplements::requested_at.gt(*at_ms);
        let same = supplements::requested_at.eq(*at_ms).and(supplements::id.gt(id.clone()));
        query = query.filter(later.or(same));
    }
    Ok(query.order((supplements::requested_at, supplements::id)).limit(limit).load(conn)?)
}

pub(in crate::repair) fn answer_supplement(
    conn: &mut Conn,
    id: Uuid,
    (state, answer): (&str, &str),
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::update(supplements::table.find(id.to_string()))
        .set((
            supplements::state.eq(state),
            supplements::answer.eq(Some(answer)),
            supplements::answered_by.eq(Some(by.to_string())),
            supplements::answered_at.eq(Some(now.0)),
        ))
        .execute(conn)?;
    Ok(())
}
