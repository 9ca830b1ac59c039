//! Rows of reported cases.

use std::collections::BTreeSet;

use diesel::{dsl::exists, prelude::*};
use sync_core::{
    geo::Point,
    ids::{BranchId, CaseId},
    lifecycle::CaseStatus,
    time::Instant,
};

use super::{
    Promised, ReportedCase,
    rules::{CLOSE_IN_TIME, OtherReport, Report},
};
use crate::{
    auth::policy::{Actor, Role},
    db::{
        Conn,
        page::Cursor,
        schema::{branches, case_people, cases},
        types::{Id, Ms},
    },
    error::ApiError,
    native,
};

/// A case as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = cases)]
pub(super) struct CaseRow {
    pub(super) id: Id<CaseId>,
    pub(super) report_no: String,
    pub(super) branch_id: Id<BranchId>,
    pub(super) status: String,
    pub(super) customer_name: String,
    pub(super) contact_name: String,
    pub(super) contact_phone: String,
    pub(super) plate: String,
    pub(super) vin: Option<String>,
    pub(super) policy_no: Option<String>,
    pub(super) loss_at: Ms,
    pub(super) loss_place: String,
    pub(super) lat: Option<f64>,
    pub(super) lon: Option<f64>,
    pub(super) accuracy_m: Option<f64>,
    pub(super) description: Option<String>,
    pub(super) injured: bool,
    pub(super) drivable: Option<bool>,
    pub(super) promise_code: String,
    pub(super) promise_version: i64,
    pub(super) reported_at: Ms,
    pub(super) version: i64,
    pub(super) datum: Option<String>,
}

/// What a new case is stored with besides the report.
pub(super) struct NewCase<'a> {
    pub(super) id: CaseId,
    pub(super) report_no: &'a str,
    pub(super) promise: (&'a str, u32),
    pub(super) actor: &'a Actor,
    pub(super) now: Instant,
}

/// Stores a report as a new case and answers the case.
pub(super) fn insert(
    conn: &mut Conn,
    new: &NewCase<'_>,
    report: &Report,
) -> Result<CaseRow, ApiError> {
    let case = CaseRow::new(new, report);
    let row = (
        (
            cases::id.eq(new.id.to_string()),
            cases::report_no.eq(&case.report_no),
            cases::branch_id.eq(new.actor.branch.to_string()),
            cases::status.eq(&case.status),
            cases::customer_name.eq(&case.customer_name),
            cases::contact_name.eq(&case.contact_name),
            cases::contact_phone.eq(&case.contact_phone),
            cases::plate.eq(&case.plate),
            cases::vin.eq(&case.vin),
            cases::policy_no.eq(&case.policy_no),
            cases::loss_at.eq(report.loss_at.0),
            cases::loss_place.eq(&case.loss_place),
        ),
        (
            cases::lat.eq(case.lat),
            cases::lon.eq(case.lon),
            cases::accuracy_m.eq(case.accuracy_m),
            cases::description.eq(&case.description),
            cases::injured.eq(case.injured),
            cases::drivable.eq(case.drivable),
            cases::promise_code.eq(&case.promise_code),
            cases::promise_version.eq(case.promise_version),
            cases::reported_at.eq(new.now.0),
            cases::reported_by.eq(new.actor.person.to_string()),
            cases::version.eq(case.version),
            cases::datum.eq(&case.datum),
        ),
    );
    let statement = diesel::insert_into(cases::table).values(row);
    // The report number, or an id that was free a moment ago: look again, with another number.
    native!(conn, |c| statement.execute(c)).map_err(ApiError::or_again)?;
    Ok(case)
}

pub(super) fn find(conn: &mut Conn, id: CaseId) -> Result<Option<CaseRow>, ApiError> {
    Ok(cases::table.find(id.to_string()).select(CaseRow::as_select()).first(conn).optional()?)
}

pub(super) fn newest_report(conn: &mut Conn) -> Result<Option<Instant>, ApiError> {
    let newest: Option<i64> =
        cases::table.select(diesel::dsl::max(cases::reported_at)).first(conn)?;
    Ok(newest.map(Instant))
}

pub(super) fn get_reported(conn: &mut Conn, id: CaseId) -> Result<ReportedCase, ApiError> {
    let row = find(conn, id)?.ok_or_else(ApiError::not_found)?;
    Ok(ReportedCase {
        id,
        position: row.point(),
        accuracy_m: row.accuracy_m,
        report_no: row.report_no,
        branch: row.branch_id.0,
        customer_name: row.customer_name,
        contact_name: row.contact_name,
        contact_phone: row.contact_phone,
        plate: row.plate,
        vin: row.vin,
        loss_place: row.loss_place,
        promise: (row.promise_code, u32::try_from(row.promise_version).unwrap_or_default()),
        reported_at: row.reported_at.0,
    })
}

pub(super) fn list_promises(conn: &mut Conn, ids: &[CaseId]) -> Result<Vec<Promised>, ApiError> {
    type Row = (Id<CaseId>, Id<BranchId>, String, i64, Option<f64>, Option<f64>);
    let rows: Vec<Row> = cases::table
        .filter(cases::id.eq_any(ids.iter().map(CaseId::to_string)))
        .select((
            cases::id,
            cases::branch_id,
            cases::promise_code,
            cases::promise_version,
            cases::lat,
            cases::lon,
        ))
        .load(conn)?;
    let promised = |(case_id, branch, code, version, lat, lon): Row| Promised {
        case_id: case_id.0,
        branch: branch.0,
        promise: (code, u32::try_from(version).unwrap_or_default()),
        position: lat.zip(lon).and_then(|(lat, lon)| Point::new(lat, lon).ok()),
    };
    Ok(rows.into_iter().map(promised).collect())
}

impl CaseRow {
    fn new(new: &NewCase<'_>, report: &Report) -> Self {
        let report = report.clone();
        Self {
            id: Id(new.id),
            report_no: new.report_no.to_owned(),
            branch_id: Id(new.actor.branch),
            status: CaseStatus::Reported.as_str().to_owned(),
            customer_name: report.customer_name,
            contact_name: report.contact_name,
            contact_phone: report.contact_phone,
            plate: report.plate,
            vin: report.vin,
            policy_no: report.policy_no,
            loss_at: Ms(report.loss_at),
            loss_place: report.loss_place,
            lat: report.position.map(Point::lat),
            lon: report.position.map(Point::lon),
            accuracy_m: report.accuracy_m,
            description: report.description,
            injured: report.injured,
            drivable: report.drivable,
            promise_code: new.promise.0.to_owned(),
            promise_version: i64::from(new.promise.1),
            reported_at: Ms(new.now),
            version: 1,
            datum: report.datum.map(|datum| datum.as_str().to_owned()),
        }
    }

    pub(super) fn point(&self) -> Option<Point> {
        Point::new(self.lat?, self.lon?).ok()
    }
}

#[derive(Queryable)]
struct OtherRow {
    id: Id<CaseId>,
    report_no: String,
    loss_at: Ms,
    lat: Option<f64>,
    lon: Option<f64>,
    branch_id: String,
}

/// Other reports of the same plate around the same time that the actor may see.
pub(super) fn list_same_plate(
    conn: &mut Conn,
    report: &Report,
    actor: &Actor,
) -> Result<Vec<OtherReport>, ApiError> {
    let (first, last) = (report.loss_at - CLOSE_IN_TIME, report.loss_at + CLOSE_IN_TIME);
    // One table and one possible index: a join leaves PostgreSQL, before it has statistics, the choice
    // of reading a branch's every case, which would make this transaction clash with all others.
    let query = cases::table
        .filter(cases::plate.eq(&report.plate))
        .filter(cases::loss_at.between(first.0, last.0))
        .order(cases::loss_at.desc())
        .limit(50)
        .select((
            cases::id,
            cases::report_no,
            cases::loss_at,
            cases::lat,
            cases::lon,
            cases::branch_id,
        ));
    let mut rows: Vec<OtherRow> = native!(conn, |c| query.load(c))?;
    if !rows.is_empty() {
        let seen = list_covered(conn, actor, rows.iter().map(|row| row.branch_id.as_str()))?;
        rows.retain(|row| seen.contains(&row.branch_id));
    }
    let other = |row: OtherRow| OtherReport {
        id: row.id.0,
        report_no: row.report_no,
        loss_at: row.loss_at.0,
        position: row.lat.zip(row.lon).and_then(|(lat, lon)| Point::new(lat, lon).ok()),
    };
    Ok(rows.into_iter().map(other).collect())
}

/// Those of the branches that are the actor's own or below it.
fn list_covered<'a>(
    conn: &mut Conn,
    actor: &Actor,
    branch_ids: impl Iterator<Item = &'a str>,
) -> Result<BTreeSet<String>, ApiError> {
    let ids: BTreeSet<&str> = branch_ids.collect();
    let paths: Vec<(String, String)> = branches::table
        .filter(branches::id.eq_any(ids))
        .select((branches::id, branches::path))
        .load(conn)?;
    Ok(paths.into_iter().filter(|(_, path)| actor.covers(path)).map(|(id, _)| id).collect())
}

/// What a list of cases is narrowed by.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) plate: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) report_no: Option<String>,
    pub(super) status: Option<String>,
}

/// The newest cases first, only those that the actor may see: the row filter of `policy::see_case`.
pub(super) fn list(
    conn: &mut Conn,
    actor: &Actor,
    filter: &Filter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<CaseRow>, ApiError> {
    let sent = exists(
        case_people::table
            .filter(case_people::case_id.eq(cases::id))
            .filter(case_people::person_id.eq(actor.person.to_string())),
    );
    let mut query =
        cases::table.inner_join(branches::table).select(CaseRow::as_select()).into_boxed();
    let below = branches::path.like(format!("{}%", actor.branch_path));
    let field_only = actor.roles.iter().all(|role| matches!(role, Role::Surveyor | Role::Shop));
    query = match (field_only, actor.is(Role::Surveyor)) {
        (true, _) => query.filter(sent),
        (false, true) => query.filter(below.or(sent)),
        (false, false) => query.filter(below),
    };
    if let Some(plate) = &filter.plate {
        query = query.filter(cases::plate.eq(plate.clone()));
    }
    if let Some(phone) = &filter.phone {
        query = query.filter(cases::contact_phone.eq(phone.clone()));
    }
    if let Some(report_no) = &filter.report_no {
        query = query.filter(cases::report_no.eq(report_no.clone()));
    }
    if let Some(status) = &filter.status {
        query = query.filter(cases::status.eq(status.clone()));
    }
    if let Some(Cursor { at_ms, id }) = after {
        let older = cases::reported_at.lt(*at_ms);
        query = query.filter(older.or(cases::reported_at.eq(*at_ms).and(cases::id.lt(id.clone()))));
    }
    Ok(query.order((cases::reported_at.desc(), cases::id.desc())).limit(limit).load(conn)?)
}
