//! Rows of duties, marks, earlier prices and the queue.

use diesel::prelude::*;
use sync_core::{
    ids::{BranchId, CaseId, PersonId, VersionId},
    money::Fen,
    time::Instant,
};

use super::super::{
    Version,
    duties::{QueueOrder, Waiting},
    rules::{Duty, Held, marks},
};
use crate::{
    db::{
        Conn,
        schema::{assessed_prices, case_duties, verification_queue as queue, version_marks},
        types::{Id, Money, Ms},
    },
    error::ApiError,
};

pub(in crate::assessment) fn list_duties(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<Held>, ApiError> {
    let rows: Vec<(Id<PersonId>, String)> = case_duties::table
        .filter(case_duties::case_id.eq(case_id.to_string()))
        .select((case_duties::person_id, case_duties::duty))
        .load(conn)?;
    let held = |(person, duty): (Id<PersonId>, String)| {
        let duty = Duty::parse(&duty).ok_or_else(|| ApiError::internal("unknown duty"))?;
        Ok(Held { person: person.0, duty })
    };
    rows.into_iter().map(held).collect()
}

pub(in crate::assessment) fn has_duty(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
    duty: Duty,
) -> Result<bool, ApiError> {
    let key = (case_id.to_string(), person.to_string(), duty.as_str());
    Ok(case_duties::table.find(key).count().get_result::<i64>(conn)? > 0)
}

pub(in crate::assessment) fn insert_duty(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
    duty: Duty,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        case_duties::case_id.eq(case_id.to_string()),
        case_duties::person_id.eq(person.to_string()),
        case_duties::duty.eq(duty.as_str()),
        case_duties::since.eq(now.0),
    );
    diesel::insert_into(case_duties::table)
        .values(row)
        .execute(conn)
        .map_err(ApiError::or_again)?;
    Ok(())
}

pub(in crate::assessment) fn insert_marks(
    conn: &mut Conn,
    version: VersionId,
    found: &[marks::Mark],
) -> Result<(), ApiError> {
    for (ordinal, mark) in (1_i64..).zip(found) {
        let row = (
            version_marks::version_id.eq(version.to_string()),
            version_marks::ordinal.eq(ordinal),
            version_marks::code.eq(mark.code.as_str()),
            version_marks::path.eq(&mark.path),
            version_marks::value.eq(mark.value),
            version_marks::expected.eq(mark.expected),
        );
        diesel::insert_into(version_marks::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// A mark as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = version_marks)]
pub struct MarkRow {
    /// What is to be looked at.
    pub code: String,
    /// Where in the draft.
    pub path: String,
    /// What the sheet says.
    pub value: Option<i64>,
    /// What it was compared with.
    pub expected: Option<i64>,
}

pub(in crate::assessment) fn list_marks(
    conn: &mut Conn,
    version: VersionId,
) -> Result<Vec<MarkRow>, ApiError> {
    Ok(version_marks::table
        .filter(version_marks::version_id.eq(version.to_string()))
        .order(version_marks::ordinal)
        .select(MarkRow::as_select())
        .load(conn)?)
}

/// Keeps the prices of a version, to compare others with.
pub(in crate::assessment) fn insert_prices(
    conn: &mut Conn,
    version: &Version,
    lines: &[sync_core::sheet::SheetRow],
) -> Result<(), ApiError> {
    for line in lines {
        let (Some(code), Some((_, price))) = (&line.part_no, marks::comparable(line)) else {
            continue;
        };
        let row = (
            assessed_prices::version_id.eq(version.id.to_string()),
            assessed_prices::line_id.eq(line.id.to_string()),
            assessed_prices::case_id.eq(version.case_id.to_string()),
            assessed_prices::code.eq(code),
            assessed_prices::source.eq(marks::source_of(line)),
            assessed_prices::price_fen.eq(price.0),
            assessed_prices::frozen_at.eq(version.frozen_at.0),
        );
        diesel::insert_into(assessed_prices::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// What these codes cost in other cases, the latest first.
pub(in crate::assessment) fn list_earlier_prices(
    conn: &mut Conn,
    but: CaseId,
    codes: &[String],
) -> Result<Vec<(String, String, Fen)>, ApiError> {
    const MOST: i64 = 2_000;
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(String, String, Money)> = assessed_prices::table
        .filter(assessed_prices::code.eq_any(codes))
        .filter(assessed_prices::case_id.ne(but.to_string()))
        .order(assessed_prices::frozen_at.desc())
        .limit(MOST)
        .select((assessed_prices::code, assessed_prices::source, assessed_prices::price_fen))
        .load(conn)?;
    Ok(rows.into_iter().map(|(code, source, price)| (code, source, price.0)).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = queue)]
struct WaitingRow {
    case_id: Id<CaseId>,
    version_id: Id<VersionId>,
    amount_fen: Money,
    marks: i64,
    queued_at: Ms,
    due_at: Ms,
    started_by: Option<Id<PersonId>>,
    started_at: Option<Ms>,
}

impl From<WaitingRow> for Waiting {
    fn from(row: WaitingRow) -> Self {
        Self {
            case_id: row.case_id.0,
            version_id: row.version_id.0,
            amount: row.amount_fen.0,
            marks: row.marks,
            queued_at: row.queued_at.0,
            due_at: row.due_at.0,
            started: row.started_by.zip(row.started_at).map(|(by, at)| (by.0, at.0)),
        }
    }
}

pub(in crate::assessment) fn insert_waiting(
    conn: &mut Conn,
    scope: BranchId,
    waiting: &Waiting,
) -> Result<(), ApiError> {
    let row = (
        queue::scope_id.eq(scope.to_string()),
        queue::case_id.eq(waiting.case_id.to_string()),
        queue::version_id.eq(waiting.version_id.to_string()),
        queue::amount_fen.eq(waiting.amount.0),
        queue::marks.eq(waiting.marks),
        queue::queued_at.eq(waiting.queued_at.0),
        queue::due_at.eq(waiting.due_at.0),
    );
    diesel::insert_into(queue::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::assessment) fn delete_waiting(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<(), ApiError> {
    diesel::delete(queue::table.filter(queue::case_id.eq(case_id.to_string()))).execute(conn)?;
    Ok(())
}

pub(in crate::assessment) fn find_waiting(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<Waiting>, ApiError> {
    let row: Option<WaitingRow> = queue::table
        .filter(queue::case_id.eq(case_id.to_string()))
        .select(WaitingRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Waiting::from))
}

pub(in crate::assessment) fn update_started(
    conn: &mut Conn,
    case_id: CaseId,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let waiting = queue::table
        .filter(queue::case_id.eq(case_id.to_string()))
        .filter(queue::started_at.is_null());
    diesel::update(waiting)
        .set((queue::started_by.eq(Some(by.to_string())), queue::started_at.eq(Some(now.0))))
        .execute(conn)?;
    Ok(())
}

/// After the row with this key and case, in this order.
pub(in crate::assessment) fn list_waiting(
    conn: &mut Conn,
    scope: BranchId,
    order: QueueOrder,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<Waiting>, ApiError> {
    let mut query = queue::table
        .filter(queue::scope_id.eq(scope.to_string()))
        .select(WaitingRow::as_select())
        .limit(limit)
        .into_boxed();
    macro_rules! below {
        ($column:expr) => {{
            if let Some((key, id)) = after {
                let same = $column.eq(key).and(queue::case_id.lt(id));
                query = query.filter($column.le(key)).filter($column.lt(key).or(same));
            }
            query.order(($column.desc(), queue::case_id.desc()))
        }};
    }
    let query = match order {
        QueueOrder::Marks => below!(queue::marks),
        QueueOrder::Amount => below!(queue::amount_fen),
        QueueOrder::Age => {
            if let Some((key, id)) = after {
                let same = queue::queued_at.eq(key).and(queue::case_id.gt(id));
                query = query
                    .filter(queue::queued_at.ge(key))
                    .filter(queue::queued_at.gt(key).or(same));
            }
            query.order((queue::queued_at, queue::case_id))
        }
    };
    let rows: Vec<WaitingRow> = query.load(conn)?;
    Ok(rows.into_iter().map(Waiting::from).collect())
}
