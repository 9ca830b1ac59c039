//! Rows of authority, delegations and decisions.

use diesel::{dsl::max, prelude::*};
use sync_core::{
    ids::{BranchId, CaseId, PersonId, ShopId, VersionId},
    money::Fen,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{
        Conn,
        page::Cursor,
        schema::{
            authority_delegations as delegations, authority_sets, verification_remarks as remarks,
            verifications,
        },
        types::{Id, Money, Ms},
    },
    error::ApiError,
};

/// Limits of authority as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = authority_sets)]
pub(super) struct AuthorityRow {
    pub(super) id: Id<Uuid>,
    pub(super) branch_id: Id<BranchId>,
    pub(super) version: i64,
    pub(super) valid_from: Ms,
    pub(super) terms: String,
    pub(super) created_by: Id<PersonId>,
    pub(super) created_at: Ms,
}

pub(super) fn insert_authority(
    conn: &mut Conn,
    id: Uuid,
    branch: BranchId,
    terms: &str,
    valid_from: Instant,
    by: PersonId,
    now: Instant,
) -> Result<AuthorityRow, ApiError> {
    let newest: Option<i64> = authority_sets::table
        .filter(authority_sets::branch_id.eq(branch.to_string()))
        .select(max(authority_sets::version))
        .first(conn)?;
    let row = (
        authority_sets::id.eq(id.to_string()),
        authority_sets::branch_id.eq(branch.to_string()),
        authority_sets::version.eq(newest.unwrap_or(0) + 1),
        authority_sets::valid_from.eq(valid_from.0),
        authority_sets::terms.eq(terms),
        authority_sets::created_by.eq(by.to_string()),
        authority_sets::created_at.eq(now.0),
    );
    diesel::insert_into(authority_sets::table)
        .values(row)
        .execute(conn)
        .map_err(ApiError::or_again)?;
    let inserted = authority_sets::table.find(id.to_string());
    Ok(inserted.select(AuthorityRow::as_select()).first(conn)?)
}

pub(super) fn find_authority_in_force(
    conn: &mut Conn,
    branch: BranchId,
    now: Instant,
) -> Result<Option<AuthorityRow>, ApiError> {
    Ok(authority_sets::table
        .filter(authority_sets::branch_id.eq(branch.to_string()))
        .filter(authority_sets::valid_from.le(now.0))
        .order(authority_sets::version.desc())
        .select(AuthorityRow::as_select())
        .first(conn)
        .optional()?)
}

pub(super) fn list_authority(
    conn: &mut Conn,
    branches: &[BranchId],
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<AuthorityRow>, ApiError> {
    let branches: Vec<String> = branches.iter().map(ToString::to_string).collect();
    let mut query = authority_sets::table
        .filter(authority_sets::branch_id.eq_any(branches))
        .select(AuthorityRow::as_select())
        .into_boxed();
    if let Some(Cursor { at_ms, id }) = after {
        let earlier = authority_sets::created_at.lt(*at_ms);
        let same = authority_sets::created_at.eq(*at_ms).and(authority_sets::id.lt(id.clone()));
        query = query.filter(earlier.or(same));
    }
    let newest = (authority_sets::created_at.desc(), authority_sets::id.desc());
    Ok(query.order(newest).limit(limit).load(conn)?)
}

/// A delegation as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = delegations)]
pub(super) struct DelegationRow {
    pub(super) id: Id<Uuid>,
    pub(super) from_person: Id<PersonId>,
    pub(super) to_person: Id<PersonId>,
    pub(super) starts_at: Ms,
    pub(super) ends_at: Ms,
    pub(super) reason: String,
    pub(super) revoked_at: Option<Ms>,
}

impl DelegationRow {
    pub(super) fn new(
        id: Uuid,
        from: PersonId,
        to: PersonId,
        (starts, ends): (Instant, Instant),
        reason: &str,
    ) -> Self {
        Self {
            id: Id(id),
            from_person: Id(from),
            to_person: Id(to),
            starts_at: Ms(starts),
            ends_at: Ms(ends),
            reason: reason.to_owned(),
            revoked_at: None,
        }
    }
}

pub(super) fn insert_delegation(
    conn: &mut Conn,
    row: &DelegationRow,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        delegations::id.eq(row.id.0.to_string()),
        delegations::from_person.eq(row.from_person.0.to_string()),
        delegations::to_person.eq(row.to_person.0.to_string()),
        delegations::starts_at.eq(row.starts_at.0.0),
        delegations::ends_at.eq(row.ends_at.0.0),
        delegations::reason.eq(&row.reason),
        delegations::created_by.eq(by.to_string()),
        delegations::created_at.eq(now.0),
    );
    diesel::insert_into(delegations::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn find_delegation(
    conn: &mut Conn,
    id: Uuid,
) -> Result<Option<DelegationRow>, ApiError> {
    let row = delegations::table.find(id.to_string());
    Ok(row.select(DelegationRow::as_select()).first(conn).optional()?)
}

pub(super) fn list_delegations(
    conn: &mut Conn,
    person: PersonId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<DelegationRow>, ApiError> {
    let own = delegations::from_person
        .eq(person.to_string())
        .or(delegations::to_person.eq(person.to_string()));
    let mut query = delegations::table.filter(own).select(DelegationRow::as_select()).into_boxed();
    if let Some(Cursor { at_ms, id }) = after {
        let earlier = delegations::starts_at.lt(*at_ms);
        let same = delegations::starts_at.eq(*at_ms).and(delegations::id.lt(id.clone()));
        query = query.filter(earlier.or(same));
    }
    let latest = (delegations::starts_at.desc(), delegations::id.desc());
    Ok(query.order(latest).limit(limit).load(conn)?)
}

pub(super) fn revoke_delegation(conn: &mut Conn, id: Uuid, now: Instant) -> Result<(), ApiError> {
    let open = delegations::table
        .filter(delegations::id.eq(id.to_string()))
        .filter(delegations::revoked_at.is_null());
    diesel::update(open).set(delegations::revoked_at.eq(Some(now.0))).execute(conn)?;
    Ok(())
}

/// Whether somebody may use somebody else's authority now.
pub(super) fn is_delegated(
    conn: &mut Conn,
    from: PersonId,
    to: PersonId,
    now: Instant,
) -> Result<bool, ApiError> {
    let count: i64 = delegations::table
        .filter(delegations::from_person.eq(from.to_string()))
        .filter(delegations::to_person.eq(to.to_string()))
        .filter(delegations::starts_at.le(now.0))
        .filter(delegations::ends_at.gt(now.0))
        .filter(delegations::revoked_at.is_null())
        .count()
        .get_result(conn)?;
    Ok(count > 0)
}

/// A decision as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = verifications)]
pub(super) struct DecisionRow {
    pub(super) id: Id<Uuid>,
    pub(super) version_id: Id<VersionId>,
    pub(super) outcome: String,
    pub(super) amount_fen: Money,
    pub(super) queued_at: Ms,
    pub(super) started_at: Ms,
    pub(super) decided_at: Ms,
    pub(super) decided_by: Id<PersonId>,
    pub(super) on_behalf_of: Option<Id<PersonId>>,
    pub(super) answer: Option<String>,
}

/// A decision to insert.
pub(super) struct NewDecision<'a> {
    pub(super) id: Uuid,
    pub(super) case_id: CaseId,
    pub(super) version_id: VersionId,
    pub(super) outcome: &'a str,
    pub(super) amount: Fen,
    pub(super) increase: Fen,
    pub(super) assessor: PersonId,
    pub(super) shop: Option<ShopId>,
    pub(super) queued_at: Instant,
    pub(super) started_at: Instant,
    pub(super) decided_at: Instant,
    pub(super) decided_by: PersonId,
    pub(super) on_behalf_of: Option<PersonId>,
    pub(super) authority_version: Option<i64>,
}

pub(super) fn insert_decision(conn: &mut Conn, new: &NewDecision<'_>) -> Result<(), ApiError> {
    let row = (
        verifications::id.eq(new.id.to_string()),
        verifications::case_id.eq(new.case_id.to_string()),
        verifications::version_id.eq(new.version_id.to_string()),
        verifications::outcome.eq(new.outcome),
        verifications::amount_fen.eq(new.amount.0),
        verifications::increase_fen.eq(new.increase.0),
        verifications::assessor_id.eq(new.assessor.to_string()),
        verifications::shop_id.eq(new.shop.map(|shop| shop.to_string())),
        verifications::queued_at.eq(new.queued_at.0),
        verifications::started_at.eq(new.started_at.0),
        verifications::decided_at.eq(new.decided_at.0),
        verifications::decided_by.eq(new.decided_by.to_string()),
        verifications::on_behalf_of.eq(new.on_behalf_of.map(|person| person.to_string())),
        verifications::authority_version.eq(new.authority_version),
    );
    diesel::insert_into(verifications::table).values(row).execute(conn)?;
    Ok(())
}

/// A reason of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = remarks)]
pub(super) struct RemarkRow {
    pub(super) line_id: Option<String>,
    pub(super) reason: String,
    pub(super) proposed_fen: Option<i64>,
}

pub(super) fn insert_remarks(
    conn: &mut Conn,
    decision: Uuid,
    rows: &[RemarkRow],
) -> Result<(), ApiError> {
    for (ordinal, remark) in (1_i64..).zip(rows) {
        let row = (
            remarks::verification_id.eq(decision.to_string()),
            remarks::ordinal.eq(ordinal),
            remarks::line_id.eq(&remark.line_id),
            remarks::reason.eq(&remark.reason),
            remarks::proposed_fen.eq(remark.proposed_fen),
        );
        diesel::insert_into(remarks::table).values(row).execute(conn)?;
    }
    Ok(())
}

pub(super) fn list_remarks(conn: &mut Conn, decision: Uuid) -> Result<Vec<RemarkRow>, ApiError> {
    Ok(remarks::table
        .filter(remarks::verification_id.eq(decision.to_string()))
        .order(remarks::ordinal)
        .select(RemarkRow::as_select())
        .load(conn)?)
}

/// The decisions of a case, latest first.
pub(super) fn list_decisions(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<DecisionRow>, ApiError> {
    Ok(verifications::table
        .filter(verifications::case_id.eq(case_id.to_string()))
        .order((verifications::decided_at.desc(), verifications::id.desc()))
        .limit(100)
        .select(DecisionRow::as_select())
        .load(conn)?)
}

pub(super) fn update_answer(
    conn: &mut Conn,
    decision: Uuid,
    answer: &str,
    by: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    diesel::update(verifications::table.find(decision.to_string()))
        .set((
            verifications::answer.eq(Some(answer)),
            verifications::answered_by.eq(Some(by.to_string())),
            verifications::answered_at.eq(Some(now.0)),
        ))
        .execute(conn)?;
    Ok(())
}

const VERIFIED: &str = "verified";

/// What was last verified of a case.
pub(super) fn last_verified(conn: &mut Conn, case_id: CaseId) -> Result<Fen, ApiError> {
    let last: Option<Money> = verifications::table
        .filter(verifications::case_id.eq(case_id.to_string()))
        .filter(verifications::outcome.eq(VERIFIED))
        .order((verifications::decided_at.desc(), verifications::id.desc()))
        .select(verifications::amount_fen)
        .first(conn)
        .optional()?;
    Ok(last.map_or(Fen::ZERO, |amount| amount.0))
}

/// What was verified for a shop since then.
pub(super) fn verified_for_shop(
    conn: &mut Conn,
    shop: ShopId,
    since: Instant,
) -> Result<Fen, ApiError> {
    let amounts: Vec<Money> = verifications::table
        .filter(verifications::shop_id.eq(shop.to_string()))
        .filter(verifications::outcome.eq(VERIFIED))
        .filter(verifications::decided_at.gt(since.0))
        .select(verifications::increase_fen)
        .load(conn)?;
    Ok(amounts.into_iter().map(|amount| amount.0).sum())
}

/// What any of these people verified of an assessor since then, themselves or by a delegate.
pub(super) fn verified_between(
    conn: &mut Conn,
    people: &[PersonId],
    assessor: PersonId,
    since: Instant,
) -> Result<Fen, ApiError> {
    let people: Vec<String> = people.iter().map(ToString::to_string).collect();
    let amounts: Vec<(Id<Uuid>, Money)> = verifications::table
        .filter(verifications::assessor_id.eq(assessor.to_string()))
        .filter(verifications::outcome.eq(VERIFIED))
        .filter(verifications::decided_at.gt(since.0))
        .filter(
            verifications::decided_by
                .eq_any(people.clone())
                .or(verifications::on_behalf_of.eq_any(people)),
        )
        .select((verifications::id, verifications::increase_fen))
        .load(conn)?;
    Ok(amounts.into_iter().map(|(_, amount)| amount.0).sum())
}
