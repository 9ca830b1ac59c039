//! Handlers for people of the insurer.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    agreement::{
        AgreedResponse, AgreementResponse, CodeResponse, CreateLinkRequest, LinkResponse,
        ObjectionResponse, PartialResponse, VoidOffline,
    },
    problem::Code,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sync_core::{
    estimate::Cover,
    identifiers::{PhoneKind, check_phone},
    ids::{CaseId, LinkId, VersionId},
    lifecycle::{CaseStatus, EventKind},
    time::Instant,
};

use uuid::Uuid;

use super::{
    rules::{self, AgreementState, LinkRefusal, LinkState, VoidReason, masked},
    situation,
    store::{self, AgreementRow, AuthorisationRow, LinkRow, NewLink},
};
use crate::{
    app::App,
    assessment::{self, Version, hexadecimal},
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath},
    case_log::{self, Author, NewEvent},
    db::{Conn, types::Ms},
    error::ApiError,
    idempotency::{self, Reply},
    intake::{self, ReportedCase},
    jobs::{self, NewMessage},
    wire,
};

/// Send the customer a link to the newest version of the loss sheet
///
/// The link holds for 72 hours and makes every earlier link of the case void. Its address goes to the
/// customer only, or to their authorised agent (C51). 409 with reason `not_newest_version`, `case_over`, or
/// `not_explained` with the lines that the customer bears and was not told of (C26).
#[utoipa::path(operation_id = "create_link", tags = ["agreement", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = CreateLinkRequest, responses((status = 201, description = "the link is on its way", body = LinkResponse)))]
#[post("/cases/{id}/links")]
pub async fn create_link(
    app: web::Data<App>,
    actor: By<op::CreateLink>,
    id: IdPath<CaseId>,
    command: Command<CreateLinkRequest>,
) -> Result<HttpResponse, ApiError> {
    let phone = command.value.phone.as_deref().map(mobile).transpose()?;
    let version_id = VersionId(command.value.version_id);
    let authorisation = command.value.authorisation_id;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let seen = case_log::see(conn, &actor, case_id)?;
        assessment::must_work_on(&actor, &seen)?;
        let unknown = || ApiError::invalid_field("version_id", "unknown", "a version of this case");
        let version = assessment::find_version(conn, case_id, version_id)?.ok_or_else(unknown)?;
        let case = intake::get_case(conn, case_id)?;
        let agent = agent(conn, &inner, case_id, authorisation)?;
        let (sent_to, code_to) = match &agent {
            // The agent acts for the insured: link and codes go to the number on the authorisation.
            Some(agent) => (agent.agent_phone.clone(), agent.agent_phone.clone()),
            None => recipients(&case, phone.as_deref())?,
        };
        told(&version)?;
        may_send(conn, &inner, seen.status, &version, &sent_to)?;
        let to = (sent_to.as_str(), code_to.as_str());
        let (link, token) = save(conn, &inner, &actor, &version, to, authorisation)?;
        send(conn, &inner, &actor, &case, &version, &link, &token)?;
        Reply::created(&link_response(&link))
    })
    .await
}

/// The agent that a link is for, if their authorisation is in force (C51).
fn agent(
    conn: &mut Conn,
    app: &App,
    case_id: CaseId,
    authorisation: Option<Uuid>,
) -> Result<Option<AuthorisationRow>, ApiError> {
    let Some(id) = authorisation else { return Ok(None) };
    let known = store::find_authorisation(conn, case_id, id)?;
    match known.filter(|row| row.is_in_force(app.now())) {
        Some(row) => Ok(Some(row)),
        None => {
            let allowed = "an authorisation of this case that is in force";
            Err(ApiError::invalid_field("authorisation_id", "not_in_force", allowed))
        }
    }
}

/// What the customer bears is explained to them before they are asked to agree (C26).
fn told(version: &Version) -> Result<(), ApiError> {
    let open = unexplained(version)?;
    if open.is_empty() {
        Ok(())
    } else {
        Err(ApiError::new(Code::Conflict).fact("reason", "not_explained").fact("paths", open))
    }
}

/// Lines of a version that the customer bears and was not told of, as paths of the draft.
pub(super) fn unexplained(version: &Version) -> Result<Vec<String>, ApiError> {
    let sheet = version.read()?.sheet;
    let lines = sheet.vehicles.iter().flat_map(|vehicle| &vehicle.lines);
    let open = lines.filter(|line| line.cover != Cover::Covered && !line.explained);
    Ok(open.map(|line| format!("lines/{}/explained", line.id)).collect())
}

fn mobile(text: &str) -> Result<String, ApiError> {
    let checked = check_phone(text)
        .map_err(|refusal| ApiError::invalid(vec![intake::identifier_refusal("phone", refusal)]))?;
    match checked.kind {
        PhoneKind::Mobile => Ok(checked.normalised),
        PhoneKind::Landline => Err(not_mobile()),
    }
}

fn not_mobile() -> ApiError {
    let allowed = "a mobile number: others cannot receive the link";
    ApiError::invalid_field("phone", "not_mobile", allowed)
}

/// Where the link goes and where its codes go. A code to a number that only the sender of the link
/// named would prove nothing about the customer, so it goes to the number on the case if it can.
fn recipients(case: &ReportedCase, phone: Option<&str>) -> Result<(String, String), ApiError> {
    let on_case = mobile(&case.contact_phone).ok();
    let sent_to = phone.map(str::to_owned).or_else(|| on_case.clone()).ok_or_else(not_mobile)?;
    let code_to = on_case.unwrap_or_else(|| sent_to.clone());
    Ok((sent_to, code_to))
}

fn may_send(
    conn: &mut Conn,
    app: &App,
    status: CaseStatus,
    version: &Version,
    sent_to: &str,
) -> Result<(), ApiError> {
    let newest = assessment::newest_number(conn, version.case_id)?;
    let sent = store::count_links_to(conn, sent_to, app.now() - rules::DAY)?;
    rules::may_send_link(status, version.number, newest, sent).map_err(|refusal| {
        let code = match refusal {
            LinkRefusal::TooManyLinks => Code::TooManyRequests,
            LinkRefusal::NotNewestVersion | LinkRefusal::CaseOver => Code::Conflict,
        };
        ApiError::new(code).fact("reason", refusal.code())
    })
}

fn save(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    version: &Version,
    (sent_to, code_to): (&str, &str),
    authorisation: Option<Uuid>,
) -> Result<(LinkRow, String), ApiError> {
    let token = app.ports.ids.secret();
    let sha256 =
        wire::token_sha256(&token).ok_or_else(|| ApiError::internal("a malformed token"))?;
    let now = app.now();
    let id: LinkId = app.new_id();
    store::replace_link(
        conn,
        &NewLink {
            id,
            token_sha256: &sha256,
            case_id: version.case_id,
            version_id: version.id,
            sent_to,
            code_to,
            staff_name: &actor.name,
            staff_no: actor.staff_no.as_deref(),
            created_by: actor.person,
            created_at: now,
            expires_at: now + rules::LINK_LIFE,
            authorisation,
        },
    )?;
    let link = store::find_link(conn, &sha256)?;
    Ok((link.ok_or_else(|| ApiError::internal("the new link is missing"))?, token))
}

fn send(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case: &ReportedCase,
    version: &Version,
    link: &LinkRow,
    token: &str,
) -> Result<(), ApiError> {
    let base = app.config.base_url();
    let text = format!(
        "您的车辆定损单（报案号{}，第{}版）请查看并确认：{base}/a/{token} 72小时内有效。查勘定损员{}{}，服务热线{}。",
        case.report_no,
        version.number,
        actor.name,
        actor.staff_no.as_ref().map(|number| format!("，工号{number}")).unwrap_or_default(),
        app.config.hotline,
    );
    let message = NewMessage {
        case_id: Some(case.id),
        recipient: link.sent_to.clone(),
        text,
        expires_at: Some(link.expires_at.0),
    };
    jobs::send_message(conn, app, &message)?;
    let at = link.created_at.0;
    let event = NewEvent {
        id: app.new_id(),
        case_id: case.id,
        kind: EventKind::LinkSent,
        author: Author::from(actor),
        device_at: None,
        occurred_at: at,
        recorded_at: at,
        data: serde_json::json!({
            "link_id": link.id.0,
            "version_id": version.id,
            "number": version.number,
            "to_contact_of_case": link.sent_to == case.contact_phone,
        }),
    };
    case_log::append(conn, &event).map(|_| ())
}

/// Where the agreement of a case stands
#[utoipa::path(operation_id = "get_agreement", tag = "agreement", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "link, objections, agreement", body = AgreementResponse)))]
#[get("/cases/{id}/agreement")]
pub async fn get_agreement(
    app: web::Data<App>,
    actor: By<op::GetAgreement>,
    id: IdPath<CaseId>,
) -> Result<web::Json<AgreementResponse>, ApiError> {
    let (actor, case_id, now) = (actor.into_actor(), id.0, app.now());
    let answer = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            agreement(conn, case_id, now)
        })
        .await?;
    Ok(web::Json(answer))
}

fn agreement(
    conn: &mut Conn,
    case_id: CaseId,
    now: Instant,
) -> Result<AgreementResponse, ApiError> {
    let newest = assessment::newest_number(conn, case_id)?;
    let link = store::find_newest_link(conn, case_id)?;
    let facts = match &link {
        None => None,
        Some(link) => {
            let number = number_of(conn, case_id, link.version_id.0)?.number;
            Some(situation::facts(conn, case_id, link, number)?)
        }
    };
    let agreed = match store::find_last_agreement(conn, case_id)? {
        None => None,
        Some(row) => Some((number_of(conn, case_id, row.version_id.0)?, row)),
    };
    let agreed_number = agreed.as_ref().map(|(version, _)| version.number);
    let state = rules::agreement_state(facts.as_ref(), agreed_number, newest, now);
    let (state, void_reason) = match state {
        AgreementState::None => ("none", None),
        AgreementState::Is(LinkState::Void(reason)) => ("void", Some(reason)),
        AgreementState::Is(state) => (state.code(), None),
    };
    let (code, objections) = match &link {
        None => (None, Vec::new()),
        Some(link) => (
            store::find_last_code(conn, link.id.0)?,
            store::list_objections(conn, link.version_id.0)?,
        ),
    };
    Ok(AgreementResponse {
        state: state.to_owned(),
        void_reason: void_reason.map(|reason| reason.code().to_owned()),
        link: link.as_ref().map(link_response),
        code: code.map(|code| CodeResponse {
            sent_at: wire::time(code.sent_at.0),
            expires_at: wire::time(code.expires_at.0),
            wrong_tries: code.wrong_tries,
            used_at: code.used_at.map(|at| wire::time(at.0)),
        }),
        objections: objections
            .into_iter()
            .map(|objection| ObjectionResponse {
                reason: objection.reason,
                text: objection.words,
                objected_at: wire::time(objection.objected_at),
            })
            .collect(),
        void_offline: store::list_void(conn, case_id)?
            .into_iter()
            .map(|row| VoidOffline {
                id: row.id.0,
                reason: row.void_reason.unwrap_or_default(),
                signed_at: wire::time(row.signed_at.0),
                received_at: wire::time(row.received_at.0),
            })
            .collect(),
        partial: match &link {
            None => None,
            Some(link) => store::last_partial(conn, link.version_id.0)?.map(partial),
        },
        agreed: match agreed {
            None => None,
            Some((version, row)) => Some(agreed_response(&version, row, newest)?),
        },
    })
}

fn partial((disputed, agreed_fen, at): (String, i64, Ms)) -> PartialResponse {
    PartialResponse {
        disputed_lines: disputed.split_whitespace().filter_map(|id| id.parse().ok()).collect(),
        agreed_fen,
        agreed_at: wire::time(at.0),
    }
}

fn number_of(conn: &mut Conn, case_id: CaseId, id: VersionId) -> Result<Version, ApiError> {
    let version = assessment::find_version(conn, case_id, id)?;
    version.ok_or_else(|| ApiError::internal("a version that was sent is missing"))
}

fn agreed_response(
    version: &Version,
    row: AgreementRow,
    newest: i64,
) -> Result<AgreedResponse, ApiError> {
    let void = (version.number < newest).then(|| VoidReason::NewerVersion.code().to_owned());
    Ok(AgreedResponse {
        version_id: version.id.into(),
        number: version.number,
        sheet_sha256: hexadecimal(&version.sheet_sha256),
        total_fen: version.total_fen.0,
        agreed_at: wire::time(row.agreed_at.0),
        void_reason: void,
        record: String::from_utf8(row.record).map_err(ApiError::internal)?,
        signature: BASE64_STANDARD.encode(row.signature),
        key_id: row.key_id,
    })
}

fn link_response(link: &LinkRow) -> LinkResponse {
    LinkResponse {
        id: link.id.0.into(),
        version_id: link.version_id.0.into(),
        sent_to: masked(&link.sent_to),
        code_to: masked(&link.code_to),
        sent_by: link.created_by.0.into(),
        sent_at: wire::time(link.created_at.0),
        expires_at: wire::time(link.expires_at.0),
    }
}
