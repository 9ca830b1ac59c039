//! The customer's pages. The token in the path is the whole authority: there are no cookies, so no
//! other site can act in the customer's name.

use actix_web::{
    HttpResponse, ResponseError, get,
    http::{StatusCode, header},
    post, web,
};
use api_spec::{
    agreement::{AgreeForm, ObjectForm},
    problem::Code,
};
use sync_core::{ids::CaseId, lifecycle::EventKind, money::Fen, time::Instant};

use super::{
    drawing,
    form::{Form, Reader},
    page::{self, SheetPage, yuan},
    record,
    rules::{self, CodeFacts, CodeRefusal, LinkState, ObjectionReason, VoidReason, Wait, masked},
    situation::{self, Situation},
    store::{self, CodeRow, NewCode, Objection},
    words::Notice,
};
use crate::{
    app::App,
    assessment::{Version, hexadecimal},
    case_log::{self, Author, NewEvent},
    db::Conn,
    draft,
    error::ApiError,
    identity,
    jobs::{self, NewMessage},
    negotiation, tariff, verification,
};

/// Show the loss sheet to the customer
///
/// Looking changes nothing, however often and by whomever. 410 says why a link is void.
#[utoipa::path(operation_id = "show_sheet", tag = "agreement", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`; by Accept-Language if absent")), responses((status = 200, description = "the sheet", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 410, description = "expired or void", content_type = "text/html", body = String)))]
#[get("/a/{token}")]
pub async fn show_sheet(app: web::Data<App>, reader: Reader) -> HttpResponse {
    let (token, now) = (reader.token.clone(), app.now());
    let found = app.db.read(move |conn| situation::by_token(conn, &token, now)).await;
    answer(&app, &reader, found.map(|situation| situation.map(|s| Done::shown(s, None))))
}

/// Send a one-time code to the number on the case
#[utoipa::path(operation_id = "request_code", tag = "agreement", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`")), responses((status = 200, description = "on its way", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 409, description = "agreed already", content_type = "text/html", body = String), (status = 410, description = "expired or void", content_type = "text/html", body = String), (status = 429, description = "too many codes", content_type = "text/html", body = String)))]
#[post("/a/{token}/code")]
pub async fn request_code(app: web::Data<App>, reader: Reader) -> HttpResponse {
    act(&app, &reader, move |conn, app, situation, now| {
        if situation.state == LinkState::Agreed {
            return Ok(Done::shown(situation, Some(Notice::AlreadyAgreed)));
        }
        send_code(conn, app, situation, now)
    })
    .await
}

fn send_code(
    conn: &mut Conn,
    app: &App,
    situation: Situation,
    now: Instant,
) -> Result<Done, ApiError> {
    let number = situation.link.code_to.clone();
    let recipient = app.auth.secret.derive("agreement_recipient", number.as_bytes());
    let to_number = store::list_codes_to(conn, &recipient, now - rules::DAY)?;
    let in_hour = store::count_codes(conn, now - rules::HOUR)?;
    let most = app.config.codes_per_hour;
    if let Err(Wait(span)) = rules::may_send_code(&to_number, in_hour, most.into(), now) {
        metrics::counter!("chakan_agreement_codes_refused_total").increment(1);
        let done = Done::shown(situation, Some(Notice::TooManyCodes));
        return Ok(Done { retry_after_s: Some(span.0.max(0) / 1_000 + 1), ..done });
    }
    let code = app.ports.ids.six_digits();
    let expires_at = now + rules::CODE_LIFE;
    let new = NewCode {
        id: app.ports.ids.uuid(),
        link_id: situation.link.id.0,
        code_hmac: &situation.code_hmac(app, &code),
        recipient_hmac: &recipient,
        sent_at: now,
        expires_at,
    };
    store::insert_code(conn, &new)?;
    // What is agreed stands beside the code, so that nobody agrees on anything else with it.
    let text = format!(
        "验证码{code}，用于确认报案号{}第{}版定损单，定损合计{}。10分钟内有效，请勿告知他人。",
        situation.case.report_no,
        situation.version.number,
        yuan(situation.version.total_fen),
    );
    let message = NewMessage {
        case_id: Some(situation.case.id),
        recipient: number,
        text,
        expires_at: Some(expires_at),
    };
    jobs::send_message(conn, app, &message)?;
    Ok(Done::shown(situation, Some(Notice::CodeSent)))
}

/// Agree on exactly the version that the link shows
///
/// Needs the last code that was sent for this link. It counts once.
#[utoipa::path(operation_id = "agree_sheet", tag = "agreement", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`")), request_body(content = AgreeForm, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "agreed", content_type = "text/html", body = String), (status = 400, description = "not a form", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 409, description = "agreed before, or not possible now", content_type = "text/html", body = String), (status = 410, description = "expired or void", content_type = "text/html", body = String), (status = 413, description = "too large", content_type = "text/html", body = String), (status = 415, description = "not a form", content_type = "text/html", body = String), (status = 422, description = "wrong code", content_type = "text/html", body = String), (status = 429, description = "too many wrong codes", content_type = "text/html", body = String)))]
#[post("/a/{token}/agree")]
pub async fn agree_sheet(
    app: web::Data<App>,
    reader: Reader,
    form: Form<AgreeForm>,
) -> HttpResponse {
    let (code, drawing) = match form.0 {
        Ok(form) => (rules::six_digits(&form.code), form.drawing),
        Err(error) => return answer(&app, &reader, Err(error)),
    };
    // A drawing is a courtesy: one that cannot be read is left out, and the code is the proof.
    let drawing = drawing::read(&drawing).is_some().then_some(drawing);
    act(&app, &reader, move |conn, app, situation, now| {
        if situation.state == LinkState::Agreed {
            return Ok(Done::shown(situation, Some(Notice::AlreadyAgreed)));
        }
        match &code {
            Some(code) => agree(conn, app, situation, code, drawing.as_deref(), now),
            None => Ok(Done::shown(situation, Some(Notice::CodeForm))),
        }
    })
    .await
}

fn agree(
    conn: &mut Conn,
    app: &App,
    mut situation: Situation,
    entered: &str,
    drawing: Option<&str>,
    now: Instant,
) -> Result<Done, ApiError> {
    let code = match counts(conn, app, &situation, entered, now)? {
        Ok(code) => code,
        Err(notice) => return Ok(Done::shown(situation, Some(notice))),
    };
    // First of all, because it is what the lifecycle may refuse.
    if !say(conn, app, &situation, EventKind::Agreed, serde_json::json!({}), now)? {
        return Ok(Done::shown(situation, Some(Notice::NotNow)));
    }
    store::use_code(conn, code.id.0, now)?;
    record::seal(conn, app, &situation, &code, drawing, now)?;
    let branch_path = identity::branch_path(conn, situation.case.branch)?;
    verification::wait(conn, &branch_path, &situation.version, now)?;
    pin_draft(conn, &situation.version)?;
    situation.facts.agreed_at = Some(now);
    situation.state = LinkState::Agreed;
    Ok(Done::shown(situation, Some(Notice::NowAgreed)))
}

/// The code if what was entered counts now; else what to tell. A wrong one uses up a try.
pub(super) fn counts(
    conn: &mut Conn,
    app: &App,
    situation: &Situation,
    entered: &str,
    now: Instant,
) -> Result<Result<CodeRow, Notice>, ApiError> {
    let last = store::find_last_code(conn, situation.link.id.0)?;
    let facts = last.as_ref().map(|code| CodeFacts {
        expires_at: code.expires_at.0,
        wrong_tries: code.wrong_tries,
        used: code.used_at.is_some(),
    });
    let hmac = situation.code_hmac(app, entered);
    let fits = last.as_ref().is_some_and(|code| same(&code.code_hmac, &hmac));
    let refused = rules::judge_code(facts.as_ref(), fits, now).err();
    Ok(match (last, refused) {
        (Some(code), None) => Ok(code),
        (Some(code), Some(CodeRefusal::Wrong { left })) => {
            store::add_wrong_try(conn, code.id.0)?;
            Err(if left > 0 { Notice::CodeWrong { left } } else { Notice::CodeExhausted })
        }
        (_, Some(CodeRefusal::Exhausted)) => Err(Notice::CodeExhausted),
        _ => Err(Notice::AskForCode),
    })
}

fn same(stored: &[u8], computed: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(stored, computed).is_ok()
}

/// Later changes of the draft do not touch what was agreed.
pub(super) fn pin_draft(conn: &mut Conn, version: &Version) -> Result<(), ApiError> {
    let heads: Result<Vec<_>, _> = version.heads.iter().map(|head| head.parse()).collect();
    let heads = heads.map_err(|_| ApiError::internal("a frozen head is not a hash"))?;
    let sha256: [u8; 32] =
        version.draft_sha256.as_slice().try_into().map_err(ApiError::internal)?;
    draft::approve(conn, version.case_id, &heads, &sha256)
}

/// Object to the version that the link shows
///
/// Takes no code. The customer may still agree later.
#[utoipa::path(operation_id = "object_sheet", tag = "agreement", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`")), request_body(content = ObjectForm, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "recorded", content_type = "text/html", body = String), (status = 400, description = "not a form", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 409, description = "agreed already", content_type = "text/html", body = String), (status = 410, description = "expired or void", content_type = "text/html", body = String), (status = 413, description = "too large", content_type = "text/html", body = String), (status = 415, description = "not a form", content_type = "text/html", body = String), (status = 422, description = "no reason", content_type = "text/html", body = String), (status = 429, description = "too many objections", content_type = "text/html", body = String)))]
#[post("/a/{token}/object")]
pub async fn object_sheet(
    app: web::Data<App>,
    reader: Reader,
    form: Form<ObjectForm>,
) -> HttpResponse {
    let (objection, amount) = match form.0 {
        Ok(form) => (objection(&form, app.now()), amount(&form)),
        Err(error) => return answer(&app, &reader, Err(error)),
    };
    act(&app, &reader, move |conn, app, situation, now| {
        if situation.state == LinkState::Agreed {
            return Ok(Done::shown(situation, Some(Notice::AlreadyAgreed)));
        }
        match &objection {
            Some(objection) => object(conn, app, situation, objection, amount, now),
            None => Ok(Done::shown(situation, Some(Notice::ObjectionForm))),
        }
    })
    .await
}

fn objection(form: &ObjectForm, now: Instant) -> Option<Objection> {
    let reason = ObjectionReason::parse(&form.reason)?;
    let words = form.text.replace('\r', "").trim().to_owned();
    let clean = words.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    let fits = words.chars().count() <= 1_000 && clean;
    fits.then(|| Objection { reason: reason.code().to_owned(), words, objected_at: now })
}

/// What the customer thinks is right for the total; anything that is no amount counts as nothing said.
fn amount(form: &ObjectForm) -> Option<Fen> {
    let text = form.amount_yuan.trim().replace(',', "");
    tariff::yuan(text.trim_start_matches('¥'))
}

fn object(
    conn: &mut Conn,
    app: &App,
    mut situation: Situation,
    objection: &Objection,
    amount: Option<Fen>,
    now: Instant,
) -> Result<Done, ApiError> {
    if store::count_objections(conn, situation.link.id.0)? >= rules::OBJECTIONS_PER_LINK {
        return Ok(Done::shown(situation, Some(Notice::TooManyObjections)));
    }
    store::insert_objection(conn, app.ports.ids.uuid(), &situation.link, objection)?;
    let data = serde_json::json!({ "reason": objection.reason });
    if !say(conn, app, &situation, EventKind::Objected, data, now)? {
        return Err(ApiError::internal("a fact was refused"));
    }
    if let Some(amount) = amount {
        let words = if objection.words.is_empty() { &objection.reason } else { &objection.words };
        negotiation::customer_offers(conn, app, &situation.version, None, amount, words)?;
    }
    situation.facts.objected_at = Some(now);
    situation.state = LinkState::Objected;
    Ok(Done::shown(situation, Some(Notice::NowObjected)))
}

/// Appends what the customer did; `false` when the lifecycle refuses it, and then nothing was written.
pub(super) fn say(
    conn: &mut Conn,
    app: &App,
    situation: &Situation,
    kind: EventKind,
    mut data: serde_json::Value,
    now: Instant,
) -> Result<bool, ApiError> {
    let version = &situation.version;
    if let Some(data) = data.as_object_mut() {
        data.insert("link_id".into(), situation.link.id.0.to_string().into());
        data.insert("version_id".into(), version.id.to_string().into());
        data.insert("number".into(), version.number.into());
        data.insert("sheet_sha256".into(), hexadecimal(&version.sheet_sha256).into());
        data.insert("total_fen".into(), version.total_fen.0.into());
    }
    let event = NewEvent {
        id: app.new_id(),
        case_id: version.case_id,
        kind,
        author: Author::Customer,
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data,
    };
    match case_log::append(conn, &event) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Code::Conflict && !error.is_unique_violation() => Ok(false),
        Err(error) => Err(error),
    }
}

/// What a request did.
pub(super) struct Done {
    situation: Situation,
    notice: Option<Notice>,
    retry_after_s: Option<i64>,
}

impl Done {
    pub(super) fn shown(situation: Situation, notice: Option<Notice>) -> Self {
        Self { situation, notice, retry_after_s: None }
    }
}

/// Runs what a form asks for in one transaction, unless the link is unknown or void.
pub(super) async fn act<F>(app: &web::Data<App>, reader: &Reader, mut work: F) -> HttpResponse
where
    F: FnMut(&mut Conn, &App, Situation, Instant) -> Result<Done, ApiError> + Send + 'static,
{
    let (token, inner) = (reader.token.clone(), app.get_ref().clone());
    let done = app
        .db
        .write(move |conn| {
            let now = inner.now();
            match situation::by_token(conn, &token, now)? {
                None => Ok(None),
                Some(situation) if matches!(situation.state, LinkState::Void(_)) => {
                    Ok(Some(Done::shown(situation, None)))
                }
                Some(situation) => work(conn, &inner, situation, now).map(Some),
            }
        })
        .await;
    answer(app, reader, done)
}

/// The page that tells what happened.
pub(super) fn answer(
    app: &App,
    reader: &Reader,
    done: Result<Option<Done>, ApiError>,
) -> HttpResponse {
    let hotline = &app.config.hotline;
    let lang = reader.lang;
    match done {
        Err(error) => {
            let problem = error.error_response();
            let mut response = html(problem.status().as_u16(), page::fault(lang, hotline));
            if let Some(wait) = problem.headers().get(header::RETRY_AFTER) {
                response.headers_mut().insert(header::RETRY_AFTER, wait.clone());
            }
            response
        }
        Ok(None) => html(404, page::unknown(lang, hotline)),
        Ok(Some(Done { situation, notice, retry_after_s })) => {
            if let LinkState::Void(reason) = situation.state {
                return html(410, void(app, reader, reason, &situation));
            }
            let mut response = match shown(app, reader, &situation, notice) {
                Ok(page) => html(notice.map_or(200, Notice::status), page),
                Err(error) => html(error.status_code().as_u16(), page::fault(lang, hotline)),
            };
            if let Some(wait) = retry_after_s.and_then(|s| s.to_string().parse().ok()) {
                response.headers_mut().insert(header::RETRY_AFTER, wait);
            }
            response
        }
    }
}

fn void(app: &App, reader: &Reader, reason: VoidReason, situation: &Situation) -> String {
    let agreed_at = situation.facts.agreed_at;
    page::void(reader.lang, &reader.token, &app.config.hotline, reason, agreed_at)
}

fn shown(
    app: &App,
    reader: &Reader,
    situation: &Situation,
    notice: Option<Notice>,
) -> Result<String, ApiError> {
    let Situation { link, version, case, facts, state } = situation;
    let sheet = version.read()?.sheet;
    Ok(page::sheet(&SheetPage {
        lang: reader.lang,
        token: &reader.token,
        hotline: &app.config.hotline,
        report_no: &case.report_no,
        plate: &case.plate,
        staff_name: &link.staff_name,
        staff_no: link.staff_no.as_deref(),
        number: version.number,
        sheet_sha256: &hexadecimal(&version.sheet_sha256),
        frozen_at: version.frozen_at,
        code_to: &masked(&link.code_to),
        state: *state,
        agreed_at: facts.agreed_at,
        notice,
        sheet: &sheet,
    }))
}

/// The case that a customer's link leads to. Where it leads nowhere, or is void, the page that says so.
///
/// # Errors
/// That page, to be answered.
pub async fn case_of(app: &web::Data<App>, reader: &Reader) -> Result<CaseId, HttpResponse> {
    let (token, now) = (reader.token.clone(), app.now());
    let found = app.db.read(move |conn| situation::by_token(conn, &token, now)).await;
    match found {
        Ok(Some(Situation { case, state, .. })) if !matches!(state, LinkState::Void(_)) => {
            Ok(case.id)
        }
        found => Err(answer(app, reader, found.map(|s| s.map(|s| Done::shown(s, None))))),
    }
}

/// A page in the frame that all pages behind links share; `switch` is its address in the other language.
pub fn framed(
    app: &App,
    reader: &Reader,
    title: &str,
    switch: &str,
    body: maud::Markup,
) -> HttpResponse {
    html(200, page::whole(reader.lang, title, switch, &app.config.hotline, body))
}

/// What an address that leads nowhere is answered with, the same for all.
pub fn led_nowhere(app: &App, reader: &Reader) -> HttpResponse {
    html(404, page::unknown(reader.lang, &app.config.hotline))
}

/// What is answered when a page could not be made.
pub fn broken(app: &App, reader: &Reader, error: &ApiError) -> HttpResponse {
    html(error.status_code().as_u16(), page::fault(reader.lang, &app.config.hotline))
}

fn html(status: u16, page: String) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK))
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, page::content_security_policy()))
        .insert_header((header::VARY, "accept-language"))
        .body(page)
}
