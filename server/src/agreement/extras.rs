//! What else a customer can do on their page: agree on some lines, complain, keep the proof.

use actix_web::{HttpResponse, ResponseError, get, http::header, post, web};
use api_spec::agreement::{AgreementBundle, ComplainForm};
use base64::{Engine, prelude::BASE64_STANDARD};
use sync_core::{estimate::Cover, lifecycle::EventKind, money::Fen, time::Instant};
use uuid::Uuid;

use super::{
    bundle,
    form::{Form, Reader},
    public::{Done, act, answer, counts, say},
    record, rules,
    rules::LinkState,
    situation::{self, Situation},
    store,
    words::Notice,
};
use crate::{app::App, db::Conn, error::ApiError};

/// Complaints through one link.
const COMPLAINTS: i64 = 5;

/// Agree on every line but some
///
/// The form names the lines that are disputed as fields `d_<line id>`. What is agreed is sealed, and the
/// case is disputed: the rest is negotiated (C25). Needs the code, as agreeing does.
#[utoipa::path(operation_id = "agree_partly", tag = "agreement", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`")), request_body(content = api_spec::agreement::AgreeForm, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "recorded", content_type = "text/html", body = String), (status = 400, description = "not a form", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 409, description = "agreed already, or not possible now", content_type = "text/html", body = String), (status = 410, description = "expired or void", content_type = "text/html", body = String), (status = 413, description = "too large", content_type = "text/html", body = String), (status = 415, description = "not a form", content_type = "text/html", body = String), (status = 422, description = "wrong code, or no line named", content_type = "text/html", body = String), (status = 429, description = "too many wrong codes", content_type = "text/html", body = String)))]
#[post("/a/{token}/partly")]
pub async fn agree_partly(
    app: web::Data<App>,
    reader: Reader,
    form: Form<Vec<(String, String)>>,
) -> HttpResponse {
    let fields = match form.0 {
        Ok(fields) => fields,
        Err(error) => return answer(&app, &reader, Err(error)),
    };
    let code = fields.iter().find(|(name, _)| name == "code");
    let code = code.and_then(|(_, value)| rules::six_digits(value));
    let disputed: Vec<Uuid> = fields
        .iter()
        .filter_map(|(name, _)| name.strip_prefix("d_")?.parse().ok())
        .take(1_000)
        .collect();
    act(&app, &reader, move |conn, app, situation, now| {
        if situation.state == LinkState::Agreed {
            return Ok(Done::shown(situation, Some(Notice::AlreadyAgreed)));
        }
        match &code {
            Some(code) => agree_on_rest(conn, app, situation, code, &disputed, now),
            None => Ok(Done::shown(situation, Some(Notice::CodeForm))),
        }
    })
    .await
}

fn agree_on_rest(
    conn: &mut Conn,
    app: &App,
    mut situation: Situation,
    entered: &str,
    disputed: &[Uuid],
    now: Instant,
) -> Result<Done, ApiError> {
    let sheet = situation.version.read()?.sheet;
    let lines = sheet.vehicles.iter().flat_map(|vehicle| &vehicle.lines);
    let covered: Vec<(Uuid, Fen)> = lines
        .filter(|line| line.cover == Cover::Covered)
        .map(|line| (line.id.0, line.amount_fen))
        .collect();
    let known = |id: &Uuid| covered.iter().any(|(line, _)| line == id);
    let disputed: Vec<Uuid> = disputed.iter().copied().filter(known).collect();
    if disputed.is_empty() || disputed.len() >= covered.len() {
        return Ok(Done::shown(situation, Some(Notice::PartlyForm)));
    }
    let code = match counts(conn, app, &situation, entered, now)? {
        Ok(code) => code,
        Err(notice) => return Ok(Done::shown(situation, Some(notice))),
    };
    let agreed: Fen =
        covered.iter().filter(|(id, _)| !disputed.contains(id)).map(|(_, amount)| *amount).sum();
    store::use_code(conn, code.id.0, now)?;
    record::seal_partial(conn, app, &situation, &code, &disputed, agreed, now)?;
    let data = serde_json::json!({ "disputed": disputed, "agreed_fen": agreed });
    say(conn, app, &situation, EventKind::PartlyAgreed, data.clone(), now)?;
    say(conn, app, &situation, EventKind::Objected, data, now)?;
    situation.facts.objected_at = Some(now);
    situation.state = LinkState::Objected;
    Ok(Done::shown(situation, Some(Notice::NowPartly)))
}

/// Complain through the page
#[utoipa::path(operation_id = "complain", tag = "agreement", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`")), request_body(content = ComplainForm, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "recorded", content_type = "text/html", body = String), (status = 400, description = "not a form", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 410, description = "expired or void", content_type = "text/html", body = String), (status = 413, description = "too large", content_type = "text/html", body = String), (status = 415, description = "not a form", content_type = "text/html", body = String), (status = 422, description = "no words", content_type = "text/html", body = String), (status = 429, description = "too many complaints", content_type = "text/html", body = String)))]
#[post("/a/{token}/complain")]
pub async fn complain(
    app: web::Data<App>,
    reader: Reader,
    form: Form<ComplainForm>,
) -> HttpResponse {
    let words = match form.0 {
        Ok(form) => form.text.replace('\r', "").trim().to_owned(),
        Err(error) => return answer(&app, &reader, Err(error)),
    };
    let clean = words.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    let fits = clean && (1..=1_000).contains(&words.chars().count());
    act(&app, &reader, move |conn, app, situation, now| {
        if !fits {
            return Ok(Done::shown(situation, Some(Notice::ComplaintForm)));
        }
        if store::count_complaints(conn, &situation.link)? >= COMPLAINTS {
            return Ok(Done::shown(situation, Some(Notice::TooManyObjections)));
        }
        store::insert_complaint(conn, app.ports.ids.uuid(), &situation.link, &words, now)?;
        say(conn, app, &situation, EventKind::ComplaintMade, serde_json::json!({}), now)?;
        Ok(Done::shown(situation, Some(Notice::NowComplained)))
    })
    .await
}

/// The proof of the agreement, for the customer to keep
///
/// 404 while nothing is agreed through this version.
#[utoipa::path(operation_id = "download_bundle", tag = "agreement", params(("token" = String, Path, description = "from the message")), responses((status = 200, description = "the bundle", body = AgreementBundle), (status = 404, description = "no such link, or nothing agreed", content_type = "application/problem+json", body = api_spec::problem::Problem)))]
#[get("/a/{token}/bundle")]
pub async fn download_bundle(app: web::Data<App>, reader: Reader) -> HttpResponse {
    match bundle_of(&app, &reader).await {
        Ok(bundle) => bundle::download(&bundle).unwrap_or_else(|error| error.error_response()),
        Err(error) => error.error_response(),
    }
}

/// The loss agreement as PDF, as it was printed when the customer agreed
#[utoipa::path(operation_id = "download_agreement", tag = "agreement", params(("token" = String, Path, description = "from the message")), responses((status = 200, description = "the document", content_type = "application/pdf", body = Vec<u8>), (status = 404, description = "no such link, or nothing agreed", content_type = "application/problem+json", body = api_spec::problem::Problem)))]
#[get("/a/{token}/agreement.pdf")]
pub async fn download_agreement(app: web::Data<App>, reader: Reader) -> HttpResponse {
    let pdf = bundle_of(&app, &reader).await.and_then(|bundle| {
        let pdf = bundle.pdf.ok_or_else(ApiError::not_found)?;
        BASE64_STANDARD.decode(pdf).map_err(ApiError::internal)
    });
    match pdf {
        Ok(pdf) => HttpResponse::Ok()
            .content_type("application/pdf")
            .insert_header((header::CONTENT_DISPOSITION, "inline; filename=\"loss-agreement.pdf\""))
            .body(pdf),
        Err(error) => error.error_response(),
    }
}

async fn bundle_of(app: &App, reader: &Reader) -> Result<AgreementBundle, ApiError> {
    let (token, now) = (reader.token.clone(), app.now());
    let found = app
        .db
        .read(move |conn| {
            let Some(situation) = situation::by_token(conn, &token, now)? else { return Ok(None) };
            bundle::of_version(conn, &situation.version)
        })
        .await?;
    found.ok_or_else(ApiError::not_found)
}
