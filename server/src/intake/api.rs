//! Handlers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    case::{
        CaseDetailResponse, CaseResponse, DuplicateCase, EventResponse, ListCasesQuery, NextSteps,
        Position, ReportCaseRequest, ReportCaseResponse,
    },
    page::{Page, PageQuery},
    problem::Warning,
};
use sync_core::{
    clock::ClockName,
    geo::Datum,
    identifiers::{check_phone, check_plate},
    ids::CaseId,
    lifecycle::{CaseStatus, EventKind},
    promise::{PromiseProfile, ZoneClass},
};

use super::{
    check::{check_report, identifier_refusal},
    rules::{self, Duplicate, Report},
    store::{self, CaseRow, Filter, NewCase},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath, Query},
    case_log::{self, Author, NewEvent},
    db::{
        self, Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    promise,
    wire::{self, Fields},
};

/// Report a loss
///
/// No policy or claim number is needed (C03). Doubtful values come back as warnings; reports that may
/// be the same accident are listed, never refused.
#[utoipa::path(operation_id = "report_case", tags = ["intake", "command"], request_body = ReportCaseRequest, responses((status = 201, description = "saved", body = ReportCaseResponse)))]
#[post("/cases")]
pub async fn report_case(
    app: web::Data<App>,
    actor: By<op::ReportCase>,
    command: Command<ReportCaseRequest>,
) -> Result<HttpResponse, ApiError> {
    let checked = check_report(&command.value, app.now())?;
    let wanted_id = command.value.id.map(CaseId);
    let (actor, inner) = (actor.into_actor(), app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let (report, warnings) = (&checked.report, checked.warnings.clone());
        Reply::created(&save(conn, &inner, &actor, wanted_id, report, warnings)?)
    })
    .await
}

fn save(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    wanted_id: Option<CaseId>,
    report: &Report,
    warnings: Vec<Warning>,
) -> Result<ReportCaseResponse, ApiError> {
    let now = app.now();
    // Of two reports of one plate at the same moment, the second must see the first.
    db::take_turns(conn, &report.plate)?;
    let id = match wanted_id {
        Some(id) if store::find(conn, id)?.is_some() => return Err(id_taken()),
        Some(id) => id,
        None => app.new_id(),
    };
    let duplicates =
        rules::probable_duplicates(report, store::list_same_plate(conn, report, actor)?);
    let report_no = new_report_no(app);
    let promise = promise::profile_for(conn, &actor.branch_path, now)?;
    let new = NewCase {
        id,
        report_no: &report_no,
        promise: (&promise.code, promise.version),
        actor,
        now,
    };
    let case = store::insert(conn, &new, report)?;
    let event = NewEvent {
        id: app.new_id(),
        case_id: id,
        kind: EventKind::CaseReported,
        author: Author::from(actor),
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data: serde_json::json!({ "report_no": report_no }),
    };
    case_log::begin(conn, &event)?;
    let (zh_cn, en) = rules::next_steps(report, &report_no, contact_minutes(&promise));
    Ok(ReportCaseResponse {
        case: case_response(case),
        next_steps: NextSteps { zh_cn, en },
        warnings,
        probable_duplicates: duplicates.into_iter().map(duplicate).collect(),
    })
}

/// Report to call: the dispatch limit and the contact limit together.
fn contact_minutes(promise: &PromiseProfile) -> i64 {
    let minutes = |clock| promise.span(clock, ZoneClass::Other).0 / 60_000;
    minutes(ClockName::Dispatch) + minutes(ClockName::FirstContact)
}

/// The day and eight random digits: no counter that every report of a day would wait for. One that is
/// taken is refused by the insert, and the transaction runs again with the next.
fn new_report_no(app: &App) -> String {
    let shanghai = wire::time(app.now() + sync_core::time::Span::hours(8));
    let (a, b) = (app.ports.ids.six_digits(), app.ports.ids.six_digits());
    format!("{}{a}{}", shanghai.format("%Y%m%d"), b.get(..2).unwrap_or_default())
}

fn id_taken() -> ApiError {
    ApiError::invalid_field("id", "id_taken", "this id names another case; make a new one")
}

/// Cases that you may see, newest first
#[utoipa::path(operation_id = "list_cases", tag = "intake", params(ListCasesQuery), responses((status = 200, description = "a page", body = Page<CaseResponse>)))]
#[get("/cases")]
pub async fn list_cases(
    app: web::Data<App>,
    actor: By<op::ListCases>,
    query: Query<ListCasesQuery>,
) -> Result<web::Json<Page<CaseResponse>>, ApiError> {
    let query = query.0;
    let paging = PageQuery { cursor: query.cursor.clone(), limit: query.limit };
    let after = Cursor::of(&paging)?;
    let filter = filter(query)?;
    let actor = actor.into_actor();
    let limit = i64::from(paging.size()) + 1;
    let rows =
        app.db.read(move |conn| store::list(conn, &actor, &filter, after.as_ref(), limit)).await?;
    let cursor = |row: &CaseRow| Cursor { at_ms: row.reported_at.0.0, id: row.id.0.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, case_response)))
}

fn filter(query: ListCasesQuery) -> Result<Filter, ApiError> {
    let mut fields = Fields::default();
    let plate = query.plate.map(|plate| {
        fields
            .keep(check_plate(&plate).map_err(|r| identifier_refusal("plate", r)))
            .map(|p| p.normalised)
    });
    let phone = query.phone.map(|phone| {
        fields
            .keep(check_phone(&phone).map_err(|r| identifier_refusal("phone", r)))
            .map(|p| p.normalised)
    });
    let status = query.status.map(|status| {
        fields.keep(status.parse::<CaseStatus>().map_err(|_| {
            api_spec::problem::FieldError::new(
                "status",
                "unknown",
                "a lifecycle state such as reported",
            )
        }))
    });
    let report_no = query.report_no.map(|no| fields.text("report_no", &no, 1, 32));
    fields.finish()?;
    Ok(Filter {
        plate: plate.flatten(),
        phone: phone.flatten(),
        report_no: report_no.flatten(),
        status: status.flatten().map(|status| status.as_str().to_owned()),
    })
}

/// One case with its timeline
#[utoipa::path(operation_id = "get_case", tag = "intake", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the case", body = CaseDetailResponse)))]
#[get("/cases/{id}")]
pub async fn get_case(
    app: web::Data<App>,
    actor: By<op::GetCase>,
    id: IdPath<CaseId>,
) -> Result<web::Json<CaseDetailResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let (case, log) = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, id)?;
            let case = store::find(conn, id)?.ok_or_else(ApiError::not_found)?;
            Ok((case, case_log::entries(conn, id)?))
        })
        .await?;
    let timeline = log.into_iter().map(event_response).collect();
    Ok(web::Json(CaseDetailResponse { case: case_response(case), timeline }))
}

/// An entry of the log on the wire.
#[must_use]
pub fn event_response(entry: case_log::Entry) -> EventResponse {
    EventResponse {
        id: entry.id.into(),
        seq: entry.seq,
        kind: entry.kind.as_str().to_owned(),
        actor: entry.actor,
        occurred_at: wire::time(entry.occurred_at),
        recorded_at: wire::time(entry.recorded_at),
        data: entry.data,
    }
}

fn duplicate(duplicate: Duplicate) -> DuplicateCase {
    DuplicateCase {
        case_id: duplicate.id.into(),
        report_no: duplicate.report_no,
        minutes_apart: duplicate.apart.0 / 60_000,
        distance_m: duplicate.distance_m.map(wire::whole_metres),
    }
}

fn case_response(row: CaseRow) -> CaseResponse {
    let position = row.point().map(|point| Position {
        lat: point.lat(),
        lon: point.lon(),
        accuracy_m: row.accuracy_m,
    });
    CaseResponse {
        id: row.id.0.into(),
        report_no: row.report_no,
        status: row.status,
        branch_id: row.branch_id.0.into(),
        customer_name: row.customer_name,
        contact_name: row.contact_name,
        contact_phone: row.contact_phone,
        plate: row.plate,
        vin: row.vin,
        policy_no: row.policy_no,
        loss_at: wire::time(row.loss_at.0),
        loss_place: row.loss_place,
        position,
        position_datum: row.datum.filter(|datum| datum != Datum::Wgs84.as_str()),
        description: row.description,
        injured: row.injured,
        drivable: row.drivable,
        reported_at: wire::time(row.reported_at.0),
        version: row.version,
    }
}
