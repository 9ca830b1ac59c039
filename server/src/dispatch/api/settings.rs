//! How a branch sends people, and catastrophes.

use actix_web::{HttpResponse, get, post, put, web};
use api_spec::{
    offer::{CatastropheResponse, CatastrophesResponse, DeclareCatastropheRequest, DispatchMode},
    problem::FieldError,
};
use sync_core::{
    ids::{BranchId, CatastropheId},
    time::{Instant, Span},
};

use super::super::{
    OFFER,
    rounds::mode_of,
    store::queue::{self as store, CatastropheRow},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Body, Command},
    db::{
        Conn,
        types::{Id, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    wire::{self, Fields},
};

/// Set how your branch sends people
///
/// For the branch and those below it that set nothing. In automatic mode the system asks one surveyor
/// after another; what a dispatcher decides is never undone by it.
#[utoipa::path(operation_id = "set_dispatch_mode", tag = "dispatch", request_body = DispatchMode, responses((status = 200, description = "set", body = DispatchMode)))]
#[put("/dispatch-mode")]
pub async fn set_dispatch_mode(
    app: web::Data<App>,
    actor: By<op::SetDispatchMode>,
    body: Body<DispatchMode>,
) -> Result<web::Json<DispatchMode>, ApiError> {
    let mut fields = Fields::default();
    let mode = mode_of(&body.value.mode)
        .ok_or_else(|| FieldError::new("mode", "unknown", "manual or automatic"));
    let mode = fields.keep(mode);
    let seconds = body.value.offer_seconds.unwrap_or(OFFER.0 / 1_000);
    let seconds = match (10..=600).contains(&seconds) {
        true => Ok(seconds),
        false => Err(FieldError::new("offer_seconds", "out_of_range", "10 to 600 seconds")),
    };
    let (Some(mode), Some(seconds)) = (mode, fields.keep(seconds)) else {
        return Err(fields.refused());
    };
    let (actor, now) = (actor.into_actor(), app.now());
    let offer = Span::seconds(seconds);
    app.db
        .write(move |conn| {
            store::replace_settings(conn, actor.branch, mode, offer, actor.person, now)
        })
        .await?;
    Ok(web::Json(DispatchMode { mode: mode.as_str().to_owned(), offer_seconds: Some(seconds) }))
}

/// Declare a catastrophe
///
/// Every case that your branch has reported since, and reports until it ends, says so; the people of
/// another branch may share the work; longer arrival limits hold for cases whose limit had not run out
/// (C58).
#[utoipa::path(operation_id = "declare_catastrophe", tags = ["dispatch", "command"], request_body = DeclareCatastropheRequest, responses((status = 201, description = "declared", body = CatastropheResponse)))]
#[post("/catastrophes")]
pub async fn declare_catastrophe(
    app: web::Data<App>,
    actor: By<op::DeclareCatastrophe>,
    command: Command<DeclareCatastropheRequest>,
) -> Result<HttpResponse, ApiError> {
    let checked = check(&command.value, app.now())?;
    let (actor, inner) = (actor.into_actor(), app.clone());
    let shared = command.value.shared_with.map(BranchId);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let now = inner.now();
        let shared_with = shared_branch(conn, &actor, shared)?;
        let row = CatastropheRow {
            id: Id(inner.new_id()),
            branch_id: Id(actor.branch),
            shared_with: Id(shared_with),
            starts_at: Ms(now),
            ..checked.clone()
        };
        store::insert_catastrophe(conn, &row, actor.person, now)?;
        Reply::created(&response(row))
    })
    .await
}

fn check(request: &DeclareCatastropheRequest, now: Instant) -> Result<CatastropheRow, ApiError> {
    let mut fields = Fields::default();
    let name = fields.text("name", &request.name, 1, 100);
    let reason = fields.text("reason", &request.reason, 1, 500);
    let ends_at = wire::instant("ends_at", request.ends_at).and_then(|at| {
        let fits = now < at && at <= now + Span::days(30);
        let refused = || FieldError::new("ends_at", "out_of_range", "within 30 days from now");
        if fits { Ok(at) } else { Err(refused()) }
    });
    let ends_at = fields.keep(ends_at);
    let minutes = (request.arrival_urban_minutes, request.arrival_other_minutes);
    let limits = match minutes {
        (None, None) => Ok((None, None)),
        (Some(urban), Some(other))
            if (1..=4_320).contains(&urban) && (1..=4_320).contains(&other) =>
        {
            Ok((Some(urban * 60_000), Some(other * 60_000)))
        }
        _ => Err(FieldError::new(
            "arrival_urban_minutes",
            "out_of_range",
            "both limits or none, 1 to 4,320 minutes",
        )),
    };
    let (Some(name), Some(reason), Some(ends_at), Some((urban_ms, other_ms))) =
        (name, reason, ends_at, fields.keep(limits))
    else {
        return Err(fields.refused());
    };
    let nobody = uuid::Uuid::nil();
    Ok(CatastropheRow {
        id: Id(CatastropheId(nobody)),
        branch_id: Id(BranchId(nobody)),
        name,
        starts_at: Ms(now),
        ends_at: Ms(ends_at),
        shared_with: Id(BranchId(nobody)),
        urban_ms,
        other_ms,
        reason,
    })
}

/// One's own branch, or one above it.
fn shared_branch(
    conn: &mut Conn,
    actor: &Actor,
    wanted: Option<BranchId>,
) -> Result<BranchId, ApiError> {
    let Some(wanted) = wanted else { return Ok(actor.branch) };
    let path = store::branch_path(conn, wanted)?;
    match path.filter(|path| actor.branch_path.starts_with(path.as_str())) {
        Some(_) => Ok(wanted),
        None => {
            let allowed = "your own branch or one above it";
            Err(ApiError::invalid_field("shared_with", "unknown", allowed))
        }
    }
}

/// Catastrophes that go on
#[utoipa::path(operation_id = "list_catastrophes", tag = "dispatch", responses((status = 200, description = "those that go on", body = CatastrophesResponse)))]
#[get("/catastrophes")]
pub async fn list_catastrophes(
    app: web::Data<App>,
    _actor: By<op::ListCatastrophes>,
) -> Result<web::Json<CatastrophesResponse>, ApiError> {
    let now = app.now();
    let rows = app.db.read(move |conn| store::list_catastrophes(conn, now)).await?;
    let items = rows.into_iter().map(|(row, _)| response(row)).collect();
    Ok(web::Json(CatastrophesResponse { items }))
}

fn response(row: CatastropheRow) -> CatastropheResponse {
    let minutes = |ms: i64| ms / 60_000;
    CatastropheResponse {
        id: row.id.0.into(),
        branch_id: row.branch_id.0.into(),
        name: row.name,
        reason: row.reason,
        starts_at: wire::time(row.starts_at.0),
        ends_at: wire::time(row.ends_at.0),
        shared_with: row.shared_with.0.into(),
        arrival_urban_minutes: row.urban_ms.map(minutes),
        arrival_other_minutes: row.other_ms.map(minutes),
    }
}
