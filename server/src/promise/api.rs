//! Handlers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::promise::{
    ImportPromiseRequest, ImportWorkingDaysRequest, PromiseChoice, PromiseResponse,
    PromisesResponse, WorkingYearResponse, WorkingYearsResponse,
};
use sync_core::{
    calendar::{WorkCalendar, YearNotice},
    ids::BranchId,
    promise::PromiseProfile,
};

use super::{
    book,
    check::{check_notice, check_profile, date},
    store,
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::Command,
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    wire,
};

/// Import the yearly notice of days off
///
/// Limits that were provisional are counted again; the old limit is kept beside the new one (A5.3). A
/// corrected notice is a new version of its year.
#[utoipa::path(operation_id = "import_working_days", tags = ["promise", "command"], request_body = ImportWorkingDaysRequest, responses((status = 201, description = "imported", body = WorkingYearResponse)))]
#[post("/working-days")]
pub async fn import_working_days(
    app: web::Data<App>,
    actor: By<op::ImportWorkingDays>,
    command: Command<ImportWorkingDaysRequest>,
) -> Result<HttpResponse, ApiError> {
    let (notice, source) = check_notice(&command.value)?;
    let (actor, inner) = (actor.into_actor(), app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let now = inner.now();
        let version = store::insert_year(conn, &notice, &source, actor.person, now)?;
        Reply::created(&WorkingYearResponse {
            imported_at: Some(wire::time(now)),
            ..year_response(&notice, version, true, &source)
        })
    })
    .await
}

fn year_response(
    notice: &YearNotice,
    version: i64,
    in_force: bool,
    source: &str,
) -> WorkingYearResponse {
    WorkingYearResponse {
        year: notice.year,
        version,
        in_force,
        source: source.to_owned(),
        imported_at: None,
        days_off: notice.days_off.iter().copied().map(date).collect(),
        make_up_working_days: notice.make_up_working_days.iter().copied().map(date).collect(),
    }
}

/// The years whose working days are known
#[utoipa::path(operation_id = "list_working_years", tag = "promise", responses((status = 200, description = "the years", body = WorkingYearsResponse)))]
#[get("/working-days")]
pub async fn list_working_years(
    app: web::Data<App>,
    _actor: By<op::ListWorkingYears>,
) -> Result<web::Json<WorkingYearsResponse>, ApiError> {
    Ok(web::Json(app.db.read(working_years).await?))
}

fn working_years(conn: &mut Conn) -> Result<WorkingYearsResponse, ApiError> {
    let imported = store::list_years(conn)?;
    let newest = |year: i32| {
        let of_year = imported.iter().filter(|known| known.notice.year == year);
        of_year.map(|known| known.version).max().unwrap_or(0)
    };
    let shipped = WorkCalendar::built_in();
    let shipped = shipped.years().filter_map(|year| {
        let source = "shipped with the product, from the State Council's notices";
        Some(year_response(shipped.year(year)?, 0, newest(year) == 0, source))
    });
    let mut items: Vec<_> = shipped.collect();
    items.extend(imported.iter().map(|known| WorkingYearResponse {
        imported_at: Some(wire::time(known.imported_at)),
        ..year_response(
            &known.notice,
            known.version,
            known.version == newest(known.notice.year),
            &known.source,
        )
    }));
    items.sort_by_key(|year| (year.year, year.version));
    Ok(WorkingYearsResponse { items })
}

/// Import a promise of a province or an insurer
///
/// Cases keep the version they were opened under, so a version is never changed (A5.10).
#[utoipa::path(operation_id = "import_promise", tags = ["promise", "command"], request_body = ImportPromiseRequest, responses((status = 201, description = "imported", body = PromiseResponse)))]
#[post("/promises")]
pub async fn import_promise(
    app: web::Data<App>,
    actor: By<op::ImportPromise>,
    command: Command<ImportPromiseRequest>,
) -> Result<HttpResponse, ApiError> {
    let profile = check_profile(command.value)?;
    let (actor, inner) = (actor.into_actor(), app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        if store::find_profile(conn, &profile.code, profile.version)?.is_some() {
            let allowed = "a version that does not exist yet";
            return Err(ApiError::invalid_field("version", "taken", allowed));
        }
        store::insert_profile(conn, &profile, actor.person, inner.now())?;
        Reply::created(&promise_response(&profile)?)
    })
    .await
}

/// Every known promise, and which one each branch chose
#[utoipa::path(operation_id = "list_promises", tag = "promise", responses((status = 200, description = "the promises", body = PromisesResponse)))]
#[get("/promises")]
pub async fn list_promises(
    app: web::Data<App>,
    _actor: By<op::ListPromises>,
) -> Result<web::Json<PromisesResponse>, ApiError> {
    let promises = app.db.read(|conn| {
        let mut profiles = store::list_profiles(conn)?;
        profiles.push(PromiseProfile::zhejiang_2010());
        profiles.sort_by(|a, b| (&a.code, a.version).cmp(&(&b.code, b.version)));
        let choices = store::list_choices(conn)?.into_iter();
        Ok(PromisesResponse {
            items: profiles.iter().map(promise_response).collect::<Result<_, _>>()?,
            choices: choices
                .map(|(id, code)| PromiseChoice { branch_id: id.into(), code })
                .collect(),
        })
    });
    Ok(web::Json(promises.await?))
}

fn promise_response(profile: &PromiseProfile) -> Result<PromiseResponse, ApiError> {
    let rule = |rule| serde_json::to_value(rule).map_err(ApiError::internal);
    Ok(PromiseResponse {
        code: profile.code.clone(),
        version: profile.version,
        valid_from: wire::time(profile.valid_from),
        valid_until: profile.valid_until.map(wire::time),
        office_open_minute: profile.office.open_minute,
        office_close_minute: profile.office.close_minute,
        rules: profile.rules.iter().map(rule).collect::<Result<_, _>>()?,
    })
}

/// Choose the promise that a branch's cases are opened under
///
/// For the branch and those below it that did not choose. Open cases keep theirs.
#[utoipa::path(operation_id = "choose_promise", tags = ["promise", "command"], request_body = PromiseChoice, responses((status = 200, description = "chosen", body = PromiseChoice)))]
#[post("/promises/choices")]
pub async fn choose_promise(
    app: web::Data<App>,
    actor: By<op::ChoosePromise>,
    command: Command<PromiseChoice>,
) -> Result<HttpResponse, ApiError> {
    let (actor, inner, choice) = (actor.into_actor(), app.clone(), command.value);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let branch = BranchId(choice.branch_id);
        if !store::has_branch(conn, branch)? {
            return Err(ApiError::invalid_field("branch_id", "unknown", "a branch"));
        }
        if !book(conn)?.has(&choice.code) {
            return Err(ApiError::invalid_field("code", "unknown", "a promise that was imported"));
        }
        store::replace_choice(conn, branch, &choice.code, actor.person, inner.now())?;
        Reply::ok(&choice)
    })
    .await
}
