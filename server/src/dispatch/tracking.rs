//! The page on which a customer sees the surveyor approach, while the job runs and no longer.

use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use api_spec::tracking::{CreateTrackingRequest, TrackingResponse};
use chrono::FixedOffset;
use maud::{DOCTYPE, html};
use sync_core::{
    geo::Point,
    ids::TaskId,
    lifecycle::{CaseStatus, EventKind},
    time::{Instant, Span},
};

use super::{
    rules::FRESH,
    store::{positions, tasks as task_rows, way as store},
    tasks::{log, refused},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath},
    case_log,
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    intake,
    jobs::{self, NewMessage},
    wire,
};

/// Jobs are over long before.
const LIFE: Span = Span::hours(12);

/// Send the customer a link on which they see the surveyor approach
///
/// It shows staff number, name, expected arrival and position only while this task runs: it ends on
/// arrival and when somebody else is sent (PIPL 28). 409 `no_public_url` or `task_over`.
#[utoipa::path(operation_id = "create_tracking", tags = ["dispatch", "command"], params(("id" = uuid::Uuid, Path, description = "task")), request_body = CreateTrackingRequest, responses((status = 201, description = "the link is on its way", body = TrackingResponse)))]
#[post("/tasks/{id}/tracking")]
pub async fn create_tracking(
    app: web::Data<App>,
    actor: By<op::CreateTracking>,
    id: IdPath<TaskId>,
    command: Command<CreateTrackingRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, inner, task) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        Reply::created(&create(conn, &inner, &actor, task)?)
    })
    .await
}

fn create(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    id: TaskId,
) -> Result<TrackingResponse, ApiError> {
    let task = task_rows::find(conn, id)?.ok_or_else(ApiError::not_found)?;
    case_log::see(conn, actor, task.case_id.0)?;
    let base = app.config.public_url.clone().ok_or_else(|| refused("no_public_url"))?;
    if !task.task_status()?.is_open() {
        return Err(refused("task_over"));
    }
    let (token, now) = (app.ports.ids.secret(), app.now());
    let malformed = || ApiError::internal("a malformed token");
    let sha256 = wire::token_sha256(&token).ok_or_else(malformed)?;
    let expires_at = now + LIFE;
    store::insert_tracking(conn, app.new_id(), &sha256, id, now, expires_at)?;
    let case = intake::get_case(conn, task.case_id.0)?;
    let text = format!("【查勘】查勘员正在赶来，点此查看位置和预计到达时间：{base}/t/{token}");
    let expires = Some(expires_at);
    let message = NewMessage {
        case_id: Some(case.id),
        recipient: case.contact_phone,
        text,
        expires_at: expires,
    };
    jobs::send_message(conn, app, &message)?;
    Ok(TrackingResponse { task_id: id.into(), expires_at: wire::time(expires_at) })
}

/// What a customer sees.
enum Shown {
    /// Somebody is on the way.
    OnTheWay {
        name: String,
        staff_no: Option<String>,
        expected: Option<(Instant, Span)>,
        place: Option<Point>,
    },
    /// They are there.
    Arrived { confirmed: bool },
    /// The link shows nothing any more.
    Over,
}

/// The task that a link is for, while the link holds.
fn tracked(conn: &mut Conn, token: &str, now: Instant) -> Result<Option<TaskId>, ApiError> {
    let Some(sha256) = wire::token_sha256(token) else { return Ok(None) };
    store::find_tracked(conn, &sha256, now)
}

fn shown(conn: &mut Conn, task: Option<TaskId>, now: Instant) -> Result<Shown, ApiError> {
    let Some(task) = task else { return Ok(Shown::Over) };
    let (row, (name, staff_no), status) = task_rows::get_named(conn, task)?;
    let status: CaseStatus =
        status.parse().map_err(|_| ApiError::internal("unknown case status"))?;
    let log = case_log::entries(conn, row.case_id.0)?;
    let of_kind = |kind: EventKind| log.iter().any(|entry| entry.kind == kind);
    if of_kind(EventKind::Arrived) {
        // Whose task ended before somebody arrived was not the one who did.
        let theirs = log.iter().any(|entry| {
            entry.kind == EventKind::Arrived && entry.actor == row.surveyor_id.0.to_string()
        });
        let confirmed = of_kind(EventKind::ArrivalConfirmed);
        return Ok(if theirs { Shown::Arrived { confirmed } } else { Shown::Over });
    }
    if !row.task_status()?.is_open() || status >= CaseStatus::Waived {
        return Ok(Shown::Over);
    }
    let here = positions::find_latest(conn, row.surveyor_id.0)?;
    let place = here.filter(|(_, at)| now.since(*at) <= FRESH && row.assigned_at.0 <= *at);
    let expected = store::find_eta(conn, task)?;
    Ok(Shown::OnTheWay { name, staff_no, expected, place: place.map(|(place, _)| place) })
}

/// Where the surveyor is
///
/// A page for the customer; the token in the address is the proof. It asks for itself again every 15
/// seconds, unless asked to keep still: for whoever listens to it, it would begin anew each time.
#[utoipa::path(operation_id = "show_tracking", tag = "dispatch", params(("token" = String, Path, description = "from the link"), ("still" = Option<bool>, Query, description = "`true` for a page that does not refresh itself")), responses((status = 200, description = "a page", body = String, content_type = "text/html")))]
#[get("/t/{token}")]
pub async fn show_tracking(
    app: web::Data<App>,
    token: web::Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    let still = request.query_string() == STILL;
    let (token, now) = (token.into_inner(), app.now());
    let (hotline, token_shown) = (app.config.hotline.clone(), token.clone());
    let found = app.db.read(move |conn| {
        let task = tracked(conn, &token, now)?;
        shown(conn, task, now)
    });
    let shown = found.await;
    match shown {
        Ok(shown) => answer(page(&shown, &token_shown, still, &hotline)),
        Err(error) => actix_web::ResponseError::error_response(&error),
    }
}

/// Confirm that the surveyor is there
///
/// By the customer, on the page of the link. Said twice it counts once.
#[utoipa::path(operation_id = "confirm_arrival", tag = "dispatch", params(("token" = String, Path, description = "from the link")), responses((status = 200, description = "a page", body = String, content_type = "text/html")))]
#[post("/t/{token}/confirm")]
pub async fn confirm_arrival(app: web::Data<App>, token: web::Path<String>) -> HttpResponse {
    let (token, inner) = (token.into_inner(), app.clone());
    let (hotline, token_shown) = (app.config.hotline.clone(), token.clone());
    let shown = app.db.write(move |conn| confirm(conn, &inner, &token)).await;
    match shown {
        Ok(shown) => answer(page(&shown, &token_shown, true, &hotline)),
        Err(error) => actix_web::ResponseError::error_response(&error),
    }
}

fn confirm(conn: &mut Conn, app: &App, token: &str) -> Result<Shown, ApiError> {
    let now = app.now();
    let task = tracked(conn, token, now)?;
    let shown = shown(conn, task, now)?;
    let (Shown::Arrived { confirmed: false }, Some(task)) = (&shown, task) else {
        return Ok(shown);
    };
    let task = task_rows::find(conn, task)?.ok_or_else(ApiError::not_found)?;
    let data = serde_json::json!({ "task_id": task.id.0 });
    let (id, kind) = (task.case_id.0, EventKind::ArrivalConfirmed);
    log(conn, app, case_log::Author::Customer, id, kind, data, now)?;
    Ok(Shown::Arrived { confirmed: true })
}

fn answer(page: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("x-robots-tag", "noindex"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        ))
        .body(page)
}

fn clock_time(at: Instant) -> String {
    let ahead = FixedOffset::east_opt(8 * 3_600);
    ahead.map_or_else(String::new, |zone| {
        wire::time(at).with_timezone(&zone).format("%H:%M").to_string()
    })
}

const STILL: &str = "still=true";

fn page(shown: &Shown, token: &str, still: bool, hotline: &str) -> String {
    let body = html! {
        @match shown {
            Shown::OnTheWay { name, staff_no, expected, place } => {
                h1 { "查勘员正在赶来" }
                p { "姓名 " b { (name) } " · 工号 " b { (staff_no.as_deref().unwrap_or("—")) } }
                @match expected {
                    Some((at, off)) => p {
                        "预计 " b { (clock_time(*at)) } " 到达（±" ((off.0 / 60_000).max(1)) " 分钟）"
                    },
                    None => p { "正在等待位置" },
                }
                @if let Some(place) = place {
                    p.small { "位置 " (format!("{:.4}, {:.4}", place.lat(), place.lon())) " (WGS-84)" }
                }
                p.small lang="en" { "The surveyor is on the way. This page ends on arrival." }
                @if still {
                    p { a href={ "/t/" (token) "?" (STILL) } { "更新 / Update" } }
                    p { a href={ "/t/" (token) } { "每 15 秒自动更新 / Update every 15 seconds" } }
                } @else {
                    p { a href={ "/t/" (token) "?" (STILL) } { "停止自动更新 / Stop updating" } }
                }
            }
            Shown::Arrived { confirmed } => {
                h1 { "查勘员已到达现场" }
                p.small lang="en" { "The surveyor has arrived." }
                @if *confirmed {
                    p { "感谢您的确认。" }
                } @else {
                    form method="post" action={ "/t/" (token) "/confirm" } {
                        button { "确认查勘员已到达 / Confirm" }
                    }
                }
            }
            Shown::Over => { h1 { "此链接已失效" } p.small lang="en" { "This link has ended." } }
        }
    };
    let refresh = matches!(shown, Shown::OnTheWay { .. }) && !still;
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if refresh { meta http-equiv="refresh" content="15"; }
                title { "查勘进度" }
                style { "body{font:1rem/1.6 sans-serif;margin:2rem auto;max-width:32rem;padding:0 1rem}.small{color:#555;font-size:.9rem}button{font:inherit;min-height:3rem}" }
            }
            body {
                main { (body) }
                footer.small { "客服热线 " a href={ "tel:" (hotline) } { (hotline) } }
            }
        }
    }
    .into_string()
}
