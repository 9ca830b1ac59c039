//! Rows of rounds, explanations and visits.

use diesel::{dsl::max, prelude::*};
use sync_core::{
    ids::{CaseId, PersonId, VersionId},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    db::{
        Conn,
        schema::{explanations, negotiation_rounds as rounds, visit_changes as changes, visits},
        types::{Id, Ms},
    },
    error::ApiError,
};

/// A round as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = rounds)]
pub(super) struct RoundRow {
    pub(super) ordinal: i64,
    pub(super) side: String,
    pub(super) action: String,
    pub(super) line_id: Option<Id<Uuid>>,
    pub(super) amount_fen: Option<i64>,
    pub(super) statement: String,
    pub(super) photos: String,
    pub(super) channel: String,
    pub(super) recorded_by: Option<Id<PersonId>>,
    pub(super) said_at: Ms,
}

/// A round to insert.
pub(super) struct NewRound<'a> {
    pub(super) id: Uuid,
    pub(super) case_id: CaseId,
    pub(super) version_id: VersionId,
    pub(super) side: &'a str,
    pub(super) action: &'a str,
    pub(super) line_id: Option<Uuid>,
    pub(super) amount_fen: Option<i64>,
    pub(super) statement: &'a str,
    pub(super) photos: &'a [Uuid],
    pub(super) channel: &'a str,
    pub(super) recorded_by: Option<PersonId>,
    pub(super) said_at: Instant,
}

pub(super) fn insert_round(conn: &mut Conn, new: &NewRound<'_>) -> Result<i64, ApiError> {
    let last: Option<i64> = rounds::table
        .filter(rounds::version_id.eq(new.version_id.to_string()))
        .select(max(rounds::ordinal))
        .first(conn)?;
    let ordinal = last.unwrap_or(0) + 1;
    let row = (
        rounds::id.eq(new.id.to_string()),
        rounds::case_id.eq(new.case_id.to_string()),
        rounds::version_id.eq(new.version_id.to_string()),
        rounds::ordinal.eq(ordinal),
        rounds::side.eq(new.side),
        rounds::action.eq(new.action),
        rounds::line_id.eq(new.line_id.map(|id| id.to_string())),
        rounds::amount_fen.eq(new.amount_fen),
        rounds::statement.eq(new.statement),
        rounds::photos.eq(spaced(new.photos)),
        rounds::channel.eq(new.channel),
        rounds::recorded_by.eq(new.recorded_by.map(|id| id.to_string())),
        rounds::said_at.eq(new.said_at.0),
    );
    diesel::insert_into(rounds::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(ordinal)
}

pub(super) fn list_rounds(conn: &mut Conn, version: VersionId) -> Result<Vec<RoundRow>, ApiError> {
    Ok(rounds::table
        .filter(rounds::version_id.eq(version.to_string()))
        .order(rounds::ordinal)
        .limit(500)
        .select(RoundRow::as_select())
        .load(conn)?)
}

pub(super) fn spaced(ids: &[Uuid]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

pub(super) fn unspaced(text: &str) -> Vec<Uuid> {
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// An explanation as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = explanations)]
pub(super) struct ExplanationRow {
    pub(super) version_id: Id<VersionId>,
    pub(super) words: String,
    pub(super) basis: String,
    pub(super) photos: String,
    pub(super) outcome: String,
    pub(super) explained_by: Id<PersonId>,
    pub(super) explained_at: Ms,
}

pub(super) fn insert_explanation(
    conn: &mut Conn,
    id: Uuid,
    case_id: CaseId,
    row: &ExplanationRow,
) -> Result<(), ApiError> {
    let row = (
        explanations::id.eq(id.to_string()),
        explanations::case_id.eq(case_id.to_string()),
        explanations::version_id.eq(row.version_id.0.to_string()),
        explanations::words.eq(&row.words),
        explanations::basis.eq(&row.basis),
        explanations::photos.eq(&row.photos),
        explanations::outcome.eq(&row.outcome),
        explanations::explained_by.eq(row.explained_by.0.to_string()),
        explanations::explained_at.eq(row.explained_at.0.0),
    );
    diesel::insert_into(explanations::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn list_explanations(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<ExplanationRow>, ApiError> {
    Ok(explanations::table
        .filter(explanations::case_id.eq(case_id.to_string()))
        .order((explanations::explained_at, explanations::id))
        .limit(200)
        .select(ExplanationRow::as_select())
        .load(conn)?)
}

/// A visit as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = visits)]
pub(super) struct VisitRow {
    pub(super) id: Id<Uuid>,
    pub(super) purpose: String,
    pub(super) reason: String,
    pub(super) starts_at: Ms,
    pub(super) place: String,
    pub(super) expert_name: Option<String>,
    pub(super) expert_organisation: Option<String>,
    pub(super) expert_kind: Option<String>,
    pub(super) customer_consent: String,
    pub(super) status: String,
    pub(super) came_at: Option<Ms>,
    pub(super) result: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) made_by: Id<PersonId>,
}

pub(super) fn insert_visit(
    conn: &mut Conn,
    case_id: CaseId,
    row: &VisitRow,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        visits::id.eq(row.id.0.to_string()),
        visits::case_id.eq(case_id.to_string()),
        visits::purpose.eq(&row.purpose),
        visits::reason.eq(&row.reason),
        visits::starts_at.eq(row.starts_at.0.0),
        visits::place.eq(&row.place),
        visits::expert_name.eq(&row.expert_name),
        visits::expert_organisation.eq(&row.expert_organisation),
        visits::expert_kind.eq(&row.expert_kind),
        visits::customer_consent.eq(&row.customer_consent),
        visits::status.eq(&row.status),
        visits::made_by.eq(row.made_by.0.to_string()),
        visits::made_at.eq(now.0),
        visits::version.eq(1),
    );
    diesel::insert_into(visits::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn list_visits(conn: &mut Conn, case_id: CaseId) -> Result<Vec<VisitRow>, ApiError> {
    Ok(visits::table
        .filter(visits::case_id.eq(case_id.to_string()))
        .order((visits::starts_at, visits::id))
        .limit(200)
        .select(VisitRow::as_select())
        .load(conn)?)
}

pub(super) fn find_visit(
    conn: &mut Conn,
    case_id: CaseId,
    id: Uuid,
) -> Result<Option<VisitRow>, ApiError> {
    Ok(visits::table
        .filter(visits::id.eq(id.to_string()))
        .filter(visits::case_id.eq(case_id.to_string()))
        .select(VisitRow::as_select())
        .first(conn)
        .optional()?)
}

/// A change as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = changes)]
pub(super) struct ChangeRow {
    pub(super) before_at: Ms,
    pub(super) after_at: Option<Ms>,
    pub(super) explanation: String,
    pub(super) asked_by: String,
    pub(super) changed_at: Ms,
}

/// Moves a visit, or calls it off.
pub(super) fn change_visit(
    conn: &mut Conn,
    visit: Uuid,
    change: &ChangeRow,
    by: PersonId,
) -> Result<(), ApiError> {
    let last: Option<i64> = changes::table
        .filter(changes::visit_id.eq(visit.to_string()))
        .select(max(changes::ordinal))
        .first(conn)?;
    let row = (
        changes::visit_id.eq(visit.to_string()),
        changes::ordinal.eq(last.unwrap_or(0) + 1),
        changes::before_at.eq(change.before_at.0.0),
        changes::after_at.eq(change.after_at.map(|at| at.0.0)),
        changes::explanation.eq(&change.explanation),
        changes::asked_by.eq(&change.asked_by),
        changes::changed_by.eq(by.to_string()),
        changes::changed_at.eq(change.changed_at.0.0),
    );
    diesel::insert_into(changes::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    let status = if change.after_at.is_some() { "agreed" } else { "cancelled" };
    let at = change.after_at.unwrap_or(change.before_at);
    diesel::update(visits::table.find(visit.to_string()))
        .set((
            visits::starts_at.eq(at.0.0),
            visits::status.eq(status),
            visits::version.eq(visits::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

pub(super) fn list_changes(conn: &mut Conn, visit: Uuid) -> Result<Vec<ChangeRow>, ApiError> {
    Ok(changes::table
        .filter(changes::visit_id.eq(visit.to_string()))
        .order(changes::ordinal)
        .select(ChangeRow::as_select())
        .load(conn)?)
}

pub(super) fn finish_visit(
    conn: &mut Conn,
    visit: Uuid,
    came_at: Instant,
    (result, outcome): (&str, &str),
) -> Result<(), ApiError> {
    diesel::update(visits::table.find(visit.to_string()))
        .set((
            visits::status.eq("done"),
            visits::came_at.eq(Some(came_at.0)),
            visits::result.eq(Some(result)),
            visits::outcome.eq(Some(outcome)),
            visits::version.eq(visits::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}
