//! What a shop without an account sends through its page: how far the repair is, and requests for
//! supplements, each with photos. The board keeps nothing of it: it hands it to those that do.

use std::convert::Infallible;

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
    post, web,
};
use api_spec::problem::Code;
use futures_util::future::LocalBoxFuture;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    multipart::{boundary, parts},
    pages,
};
use crate::{
    agreement::{self, Reader},
    app::App,
    db::Conn,
    error::ApiError,
    evidence::{self, Kept},
    repair::{self, OnCase},
};

/// Most bytes of a form with all its photos.
const MOST_BYTES: usize = 24 * 1024 * 1024;
/// Most photos of a form.
pub(super) const MOST_PHOTOS: usize = 6;
/// Forms that are held in memory at a time.
static PLACES: Semaphore = Semaphore::const_new(4);

/// A form that is not read yet: who sends it is looked at first.
pub struct Unread {
    boundary: Option<String>,
    payload: Option<web::Payload>,
}

impl FromRequest for Unread {
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = kind.and_then(boundary);
        let payload = web::Payload::from_request(request, payload);
        Box::pin(async move {
            // A payload is always there, whatever is in it.
            let payload = payload.await.ok();
            Ok(Self { boundary, payload })
        })
    }
}

/// Ask for a supplement through the page of a shop's link
///
/// It waits for the assessor, and changes no amount. Leads back to the page.
#[utoipa::path(operation_id = "ask_by_shop_link", tag = "board", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`")), request_body(content = api_spec::repair::ShopLinkForm, content_type = "multipart/form-data"), responses((status = 303, description = "it waits for the assessor"), (status = 400, description = "not a form", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 408, description = "came too slowly", content_type = "text/html", body = String), (status = 409, description = "too many requests or photos", content_type = "text/html", body = String), (status = 413, description = "too large", content_type = "text/html", body = String), (status = 415, description = "not a form with files, or not a picture", content_type = "text/html", body = String), (status = 422, description = "no words, or too many photos", content_type = "text/html", body = String)))]
#[post("/s/{token}/supplements")]
pub async fn ask_by_shop_link(app: web::Data<App>, reader: Reader, form: Unread) -> HttpResponse {
    send(&app, &reader, form, Wish::Supplement).await
}

/// Tell through the page of a shop's link how far the repair is
///
/// With photos of it. Leads back to the page.
#[utoipa::path(operation_id = "tell_by_shop_link", tag = "board", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`")), request_body(content = api_spec::repair::ShopLinkForm, content_type = "multipart/form-data"), responses((status = 303, description = "recorded"), (status = 400, description = "not a form", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 408, description = "came too slowly", content_type = "text/html", body = String), (status = 409, description = "too many photos", content_type = "text/html", body = String), (status = 413, description = "too large", content_type = "text/html", body = String), (status = 415, description = "not a form with files, or not a picture", content_type = "text/html", body = String), (status = 422, description = "no such stage, or too many photos", content_type = "text/html", body = String)))]
#[post("/s/{token}/progress")]
pub async fn tell_by_shop_link(app: web::Data<App>, reader: Reader, form: Unread) -> HttpResponse {
    send(&app, &reader, form, Wish::Progress).await
}

#[derive(Clone, Copy)]
enum Wish {
    Supplement,
    Progress,
}

async fn send(app: &App, reader: &Reader, form: Unread, wish: Wish) -> HttpResponse {
    match taken(app, reader, form, wish).await {
        Ok(true) => {
            let lang = reader.lang.tag();
            let page = format!("/s/{}?lang={lang}&done=1", reader.token);
            HttpResponse::SeeOther().insert_header((header::LOCATION, page)).finish()
        }
        Ok(false) => agreement::led_nowhere(app, reader),
        Err(error) if error.code().status() >= 500 => agreement::broken(app, reader, &error),
        Err(error) => {
            let mut page = pages::shop(app, reader, Some(error.code())).await;
            let status = StatusCode::from_u16(error.code().status());
            *page.status_mut() = status.unwrap_or(StatusCode::BAD_REQUEST);
            page
        }
    }
}

/// Whether the link is in force; then the form is taken as a whole or not at all.
async fn taken(app: &App, reader: &Reader, form: Unread, wish: Wish) -> Result<bool, ApiError> {
    let (token, now) = (reader.token.clone(), app.now());
    let in_force = app.db.read(move |conn| repair::find_by_link(conn, &token, now)).await?;
    if in_force.is_none() {
        return Ok(false);
    }
    let filled = read(app, form).await?;
    let (inner, token) = (app.clone(), reader.token.clone());
    let done = move |conn: &mut Conn| {
        let Some(on) = repair::by_link(conn, &inner, &token)? else { return Ok(false) };
        filled.apply(conn, &inner, &on, wish)?;
        Ok(true)
    };
    app.db.write(done).await
}

/// A form whose photos are flushed.
#[derive(Default)]
struct Filled {
    words: String,
    stage: String,
    photos: Vec<Kept>,
}

async fn read(app: &App, form: Unread) -> Result<Filled, ApiError> {
    let boundary = form.boundary.ok_or_else(|| ApiError::new(Code::UnsupportedMediaType))?;
    let _place = PLACES.try_acquire().map_err(|_| ApiError::overloaded())?;
    let payload = form.payload.ok_or_else(|| ApiError::new(Code::Malformed))?;
    let body = evidence::collect(payload, MOST_BYTES).await?;
    let parts = parts(body.into(), &boundary).await;
    let parts = parts.ok_or_else(|| ApiError::new(Code::Malformed))?;
    let (mut filled, mut files) = (Filled::default(), Vec::new());
    for part in parts {
        match (part.name.as_str(), part.file) {
            ("words", false) => filled.words = text(&part.bytes)?,
            ("stage", false) => filled.stage = text(&part.bytes)?,
            // A browser sends an empty file where none was chosen.
            ("photos", true) if part.bytes.is_empty() => {}
            ("photos", true) => files.push(part.bytes),
            _ => return Err(ApiError::new(Code::Malformed)),
        }
    }
    if files.len() > MOST_PHOTOS {
        let allowed = format!("at most {MOST_PHOTOS} photos");
        return Err(ApiError::invalid_field("photos", "out_of_range", allowed));
    }
    for bytes in files {
        filled.photos.push(evidence::keep(app, &bytes).await?);
    }
    Ok(filled)
}

fn text(bytes: &[u8]) -> Result<String, ApiError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ApiError::new(Code::Malformed))?;
    // As browsers send lines.
    Ok(text.replace("\r\n", "\n"))
}

impl Filled {
    fn apply(&self, conn: &mut Conn, app: &App, on: &OnCase, wish: Wish) -> Result<(), ApiError> {
        let request_id: Option<Uuid> = match wish {
            Wish::Supplement => Some(repair::ask_supplement(conn, app, on, &self.words)?),
            Wish::Progress => {
                repair::tell_progress(conn, app, on, &self.stage, &self.words)?;
                None
            }
        };
        for photo in &self.photos {
            evidence::take_from_shop(conn, app, on, request_id, photo)?;
        }
        Ok(())
    }
}
