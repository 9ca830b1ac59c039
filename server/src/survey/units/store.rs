//! Rows of proxies, messages and fees between units, and of rescues.

use std::ops::Range;

use diesel::prelude::*;
use sync_core::{
    ids::{BranchId, CaseId, FeeId, MessageId, PersonId, RescueId},
    time::Instant,
};

use crate::{
    auth::policy::Actor,
    db::{
        Conn,
        page::Cursor,
        schema::{proxies, rescues, unit_fees as fees, unit_messages as messages},
        types::{Id, Money, Ms},
    },
    error::ApiError,
};

/// The unit that surveys for us: name, contact, number.
pub(in super::super) type Proxy = (String, String, String);

pub(in super::super) fn replace_proxy(
    conn: &mut Conn,
    case_id: CaseId,
    (unit, name, phone): &Proxy,
    branch: Option<BranchId>,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::delete(proxies::table.find(case_id.to_string())).execute(conn)?;
    let row = (
        proxies::case_id.eq(case_id.to_string()),
        proxies::unit.eq(unit),
        proxies::branch_id.eq(branch.map(|id| id.to_string())),
        proxies::contact_name.eq(name),
        proxies::contact_phone.eq(phone),
        proxies::arranged_at.eq(now.0),
        proxies::arranged_by.eq(by.to_string()),
    );
    diesel::insert_into(proxies::table).values(row).execute(conn)?;
    Ok(())
}

pub(in super::super) fn find_proxy(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<Proxy>, ApiError> {
    Ok(proxies::table
        .find(case_id.to_string())
        .select((proxies::unit, proxies::contact_name, proxies::contact_phone))
        .first(conn)
        .optional()?)
}

pub(in super::super) fn insert_message(
    conn: &mut Conn,
    id: MessageId,
    case_id: CaseId,
    actor: &Actor,
    text: &str,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        messages::id.eq(id.to_string()),
        messages::case_id.eq(case_id.to_string()),
        messages::branch_id.eq(actor.branch.to_string()),
        messages::person_id.eq(actor.person.to_string()),
        messages::text.eq(text),
        messages::sent_at.eq(now.0),
    );
    diesel::insert_into(messages::table).values(row).execute(conn)?;
    Ok(())
}

/// Id, branch, person, text, when.
pub(in super::super) type MessageRow = (Id<MessageId>, Id<BranchId>, Id<PersonId>, String, Ms);

pub(in super::super) fn list_messages(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<MessageRow>, ApiError> {
    Ok(messages::table
        .filter(messages::case_id.eq(case_id.to_string()))
        .order((messages::sent_at, messages::id))
        .limit(1_000)
        .select((
            messages::id,
            messages::branch_id,
            messages::person_id,
            messages::text,
            messages::sent_at,
        ))
        .load(conn)?)
}

/// An amount between units.
pub(in super::super) struct NewFee<'a> {
    pub(in super::super) id: FeeId,
    pub(in super::super) case_id: CaseId,
    pub(in super::super) creditor: BranchId,
    pub(in super::super) debtor: BranchId,
    pub(in super::super) amount_fen: i64,
    pub(in super::super) reason: &'a str,
    pub(in super::super) by: PersonId,
    pub(in super::super) now: Instant,
}

pub(in super::super) fn insert_fee(conn: &mut Conn, fee: &NewFee<'_>) -> Result<(), ApiError> {
    let row = (
        fees::id.eq(fee.id.to_string()),
        fees::case_id.eq(fee.case_id.to_string()),
        fees::creditor_id.eq(fee.creditor.to_string()),
        fees::debtor_id.eq(fee.debtor.to_string()),
        fees::amount_fen.eq(fee.amount_fen),
        fees::reason.eq(fee.reason),
        fees::entered_at.eq(fee.now.0),
        fees::entered_by.eq(fee.by.to_string()),
    );
    diesel::insert_into(fees::table).values(row).execute(conn)?;
    Ok(())
}

/// An amount as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = fees)]
pub(in super::super) struct FeeRow {
    pub(in super::super) id: Id<FeeId>,
    pub(in super::super) case_id: Id<CaseId>,
    pub(in super::super) creditor_id: Id<BranchId>,
    pub(in super::super) debtor_id: Id<BranchId>,
    pub(in super::super) amount_fen: Money,
    pub(in super::super) reason: String,
    pub(in super::super) entered_at: Ms,
    pub(in super::super) settled_at: Option<Ms>,
}

pub(in super::super) fn list_fees(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<FeeRow>, ApiError> {
    Ok(fees::table
        .filter(fees::case_id.eq(case_id.to_string()))
        .order((fees::entered_at, fees::id))
        .limit(1_000)
        .select(FeeRow::as_select())
        .load(conn)?)
}

pub(in super::super) fn find_fee(conn: &mut Conn, id: FeeId) -> Result<Option<FeeRow>, ApiError> {
    Ok(fees::table.find(id.to_string()).select(FeeRow::as_select()).first(conn).optional()?)
}

/// Notes that an amount was paid; answers whether it was open.
pub(in super::super) fn settle_fee(
    conn: &mut Conn,
    id: FeeId,
    by: PersonId,
    now: Instant,
) -> Result<bool, ApiError> {
    let open = fees::table.find(id.to_string()).filter(fees::settled_at.is_null());
    let values = (fees::settled_at.eq(now.0), fees::settled_by.eq(by.to_string()));
    Ok(diesel::update(open).set(values).execute(conn)? == 1)
}

/// What a branch owes or is owed, by when it was entered.
pub(in super::super) fn list_ledger(
    conn: &mut Conn,
    us: BranchId,
    window: Range<Instant>,
    most: i64,
) -> Result<Vec<FeeRow>, ApiError> {
    let ours = fees::creditor_id.eq(us.to_string()).or(fees::debtor_id.eq(us.to_string()));
    Ok(fees::table
        .filter(ours)
        .filter(fees::entered_at.ge(window.start.0).and(fees::entered_at.lt(window.end.0)))
        .order((fees::entered_at, fees::id))
        .limit(most)
        .select(FeeRow::as_select())
        .load(conn)?)
}

/// The branch that surveys a case for another one, if it is a branch of ours.
pub(in super::super) fn find_unit(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<BranchId>, ApiError> {
    let found: Option<Option<Id<BranchId>>> = proxies::table
        .find(case_id.to_string())
        .select(proxies::branch_id)
        .first(conn)
        .optional()?;
    Ok(found.flatten().map(|id| id.0))
}

/// A case that one unit surveys for another.
#[derive(Clone, Debug, Queryable)]
pub(in super::super) struct UnitCaseRow {
    pub(in super::super) case_id: Id<CaseId>,
    pub(in super::super) unit: String,
    pub(in super::super) arranged_at: Ms,
}

/// The cases that a branch surveys for others, the latest arrangement first.
pub(in super::super) fn list_unit_cases(
    conn: &mut Conn,
    branch: BranchId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<UnitCaseRow>, ApiError> {
    let mut query = proxies::table
        .filter(proxies::branch_id.eq(branch.to_string()))
        .order((proxies::arranged_at.desc(), proxies::case_id.desc()))
        .limit(limit)
        .select((proxies::case_id, proxies::unit, proxies::arranged_at))
        .into_boxed();
    if let Some(Cursor { at_ms, id }) = after {
        let same = proxies::arranged_at.eq(*at_ms).and(proxies::case_id.lt(id.clone()));
        query = query.filter(proxies::arranged_at.lt(*at_ms).or(same));
    }
    Ok(query.load(conn)?)
}

/// Help for a vehicle that cannot move.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = rescues)]
pub(in super::super) struct RescueRow {
    pub(in super::super) id: Id<RescueId>,
    pub(in super::super) case_id: Id<CaseId>,
    pub(in super::super) provider: String,
    pub(in super::super) fee_fen: Money,
    pub(in super::super) payer: String,
    pub(in super::super) offered_at: Ms,
    pub(in super::super) answer: Option<String>,
    pub(in super::super) called_at: Option<Ms>,
}

pub(in super::super) fn insert_rescue(conn: &mut Conn, row: &RescueRow) -> Result<(), ApiError> {
    let values = (
        rescues::id.eq(row.id.0.to_string()),
        rescues::case_id.eq(row.case_id.0.to_string()),
        rescues::provider.eq(&row.provider),
        rescues::fee_fen.eq(row.fee_fen.0.0),
        rescues::payer.eq(&row.payer),
        rescues::offered_at.eq(row.offered_at.0.0),
    );
    diesel::insert_into(rescues::table).values(values).execute(conn)?;
    Ok(())
}

pub(in super::super) fn find_rescue(
    conn: &mut Conn,
    id: RescueId,
) -> Result<Option<RescueRow>, ApiError> {
    Ok(rescues::table.find(id.to_string()).select(RescueRow::as_select()).first(conn).optional()?)
}

/// Notes the answer to an offer that has none yet; answers whether it was so.
pub(in super::super) fn answer_rescue(
    conn: &mut Conn,
    id: RescueId,
    answer: &str,
    now: Instant,
) -> Result<bool, ApiError> {
    let open = rescues::table.find(id.to_string()).filter(rescues::answer.is_null());
    let values = (rescues::answer.eq(answer), rescues::answered_at.eq(now.0));
    Ok(diesel::update(open).set(values).execute(conn)? == 1)
}

/// Notes that the unit was called, with consent and once; answers whether it was so.
pub(in super::super) fn call_rescue(
    conn: &mut Conn,
    id: RescueId,
    now: Instant,
) -> Result<bool, ApiError> {
    let agreed = rescues::table
        .find(id.to_string())
        .filter(rescues::answer.eq("accepted"))
        .filter(rescues::called_at.is_null());
    Ok(diesel::update(agreed).set(rescues::called_at.eq(now.0)).execute(conn)? == 1)
}
