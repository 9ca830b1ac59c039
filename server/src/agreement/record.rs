//! The sealed record of an agreement: what was agreed by whom, how it was proved, when.

use serde::Serialize;
use sync_core::{estimate::chinese_capitals, money::Fen, time::Instant};
use uuid::Uuid;

use super::{
    bundle,
    rules::masked,
    situation::Situation,
    store::{self, AuthorisationRow, CodeRow, NewAgreement, NewPartial, OfflineRow},
};
use crate::{
    app::App,
    assessment::{Version, hexadecimal},
    auth::policy::Actor,
    case_log::Author,
    db::Conn,
    error::ApiError,
    intake::ReportedCase,
    print::{
        sheet::{Head, Proof},
        words::beijing,
    },
    wire,
};

/// The record as it is signed: compact JSON in this order. A verifier needs it, the frozen bytes, the
/// printed agreement and the public key, nothing else.
#[derive(Serialize)]
struct Record<'a> {
    schema: u32,
    kind: &'static str,
    case_id: Uuid,
    report_no: &'a str,
    version_id: Uuid,
    version: i64,
    sheet_sha256: String,
    total_fen: i64,
    total_in_capitals: String,
    #[serde(flatten)]
    link: Option<LinkPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DevicePart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drawing_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pdf_sha256: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disputed_lines: Vec<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreed_fen: Option<i64>,
    method: &'static str,
    agreed_at: String,
}

#[derive(Serialize)]
struct LinkPart {
    link_id: Uuid,
    link_sent_at: String,
    link_sent_to: String,
    code_id: Uuid,
    code_sent_at: String,
    code_sent_to: String,
}

#[derive(Serialize)]
struct DevicePart {
    agreement_id: Uuid,
    device_id: Uuid,
    staff_id: Uuid,
    staff_no: Option<String>,
    device_at_ms: i64,
    device_signature: String,
    received_at: String,
}

#[derive(Serialize)]
struct AgentPart {
    authorisation_id: Uuid,
    agent_name: String,
    principal_role: String,
    document_sha256: String,
}

/// A sealed record.
pub(super) struct Sealed {
    pub(super) record: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) key_id: String,
}

fn time(at: Instant) -> String {
    wire::time(at).to_rfc3339()
}

impl<'a> Record<'a> {
    fn of(version: &Version, case: &'a ReportedCase, kind: &'static str, at: Instant) -> Self {
        Self {
            schema: 2,
            kind,
            case_id: version.case_id.into(),
            report_no: &case.report_no,
            version_id: version.id.into(),
            version: version.number,
            sheet_sha256: hexadecimal(&version.sheet_sha256),
            total_fen: version.total_fen.0,
            total_in_capitals: chinese_capitals(version.total_fen),
            link: None,
            device: None,
            agent: None,
            drawing_sha256: None,
            pdf_sha256: None,
            disputed_lines: Vec::new(),
            agreed_fen: None,
            method: "one_time_code",
            agreed_at: time(at),
        }
    }

    fn sealed(&self, app: &App) -> Result<Sealed, ApiError> {
        let record = serde_json::to_vec(self).map_err(ApiError::internal)?;
        let key = app.auth.seals.newest().map_err(ApiError::internal)?;
        Ok(Sealed { signature: key.sign(&record), record, key_id: key.id })
    }
}

fn link_part(situation: &Situation, code: &CodeRow) -> LinkPart {
    let link = &situation.link;
    LinkPart {
        link_id: link.id.0.into(),
        link_sent_at: time(link.created_at.0),
        link_sent_to: masked(&link.sent_to),
        code_id: code.id.0,
        code_sent_at: time(code.sent_at.0),
        code_sent_to: masked(&link.code_to),
    }
}

fn agent_part(agent: &AuthorisationRow) -> AgentPart {
    AgentPart {
        authorisation_id: agent.id.0,
        agent_name: agent.agent_name.clone(),
        principal_role: agent.principal_role.clone(),
        document_sha256: agent.document_sha256.clone(),
    }
}

fn agent_of(conn: &mut Conn, situation: &Situation) -> Result<Option<AuthorisationRow>, ApiError> {
    match situation.link.authorisation_id {
        None => Ok(None),
        Some(id) => store::find_authorisation(conn, situation.link.case_id.0, id.0),
    }
}

/// Writes the agreement on exactly the version of this link, sealed, with the document as printed.
///
/// # Errors
/// `overloaded` as contention when somebody was faster.
pub(super) fn seal(
    conn: &mut Conn,
    app: &App,
    situation: &Situation,
    code: &CodeRow,
    drawing: Option<&str>,
    now: Instant,
) -> Result<(), ApiError> {
    let Situation { link, version, case, .. } = situation;
    let agent = agent_of(conn, situation)?;
    let head = Head {
        report_no: case.report_no.clone(),
        plate: case.plate.clone(),
        customer: case.customer_name.clone(),
        staff: link.staff_name.clone(),
        staff_no: link.staff_no.clone(),
        hotline: app.config.hotline.clone(),
    };
    let mut facts = vec![
        ("确认方式".to_owned(), "短信验证码".to_owned()),
        ("确认时间".to_owned(), beijing(now)),
        ("验证码发送至".to_owned(), masked(&link.code_to)),
        ("验证码发送时间".to_owned(), beijing(code.sent_at.0)),
    ];
    facts.extend(agent.as_ref().map(|agent| ("受托人".to_owned(), agent.agent_name.clone())));
    let proof = Proof { facts, drawing: bundle::strokes(drawing), agreed_at: now };
    let (pdf, pdf_sha256) = bundle::printed(&head, version, &proof)?;
    let record = Record {
        link: Some(link_part(situation, code)),
        agent: agent.as_ref().map(agent_part),
        drawing_sha256: bundle::drawing_sha256(drawing),
        pdf_sha256: Some(pdf_sha256),
        ..Record::of(version, case, "loss_agreement", now)
    };
    let sealed = record.sealed(app)?;
    store::insert_agreement(
        conn,
        &NewAgreement {
            link,
            code_id: code.id.0,
            agreed_at: now,
            record: &sealed.record,
            signature: &sealed.signature,
            key_id: &sealed.key_id,
        },
    )?;
    bundle::keep(conn, app, version, Author::Customer, (&pdf, &sealed.record), drawing)
}

/// Seals an agreement that was given on the phone of a surveyor.
///
/// # Errors
/// Database faults.
pub(super) fn seal_offline(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    version: &Version,
    case: &ReportedCase,
    row: &OfflineRow,
) -> Result<Sealed, ApiError> {
    let head = Head {
        report_no: case.report_no.clone(),
        plate: case.plate.clone(),
        customer: case.customer_name.clone(),
        staff: actor.name.clone(),
        staff_no: actor.staff_no.clone(),
        hotline: app.config.hotline.clone(),
    };
    let facts = vec![
        ("确认方式".to_owned(), "客户在查勘员设备上签名（离线）".to_owned()),
        ("签名时间".to_owned(), beijing(row.signed_at.0)),
        ("收到时间".to_owned(), beijing(row.received_at.0)),
        ("设备".to_owned(), row.device_id.0.to_string()),
    ];
    let drawing = bundle::strokes(Some(&row.drawing));
    let proof = Proof { facts, drawing, agreed_at: row.signed_at.0 };
    let (pdf, pdf_sha256) = bundle::printed(&head, version, &proof)?;
    let record = Record {
        device: Some(DevicePart {
            agreement_id: row.id.0,
            device_id: row.device_id.0.into(),
            staff_id: actor.person.into(),
            staff_no: actor.staff_no.clone(),
            device_at_ms: row.device_at.0.0,
            device_signature: hexadecimal(&row.device_signature),
            received_at: time(row.received_at.0),
        }),
        drawing_sha256: bundle::drawing_sha256(Some(&row.drawing)),
        pdf_sha256: Some(pdf_sha256),
        method: "device_signature",
        ..Record::of(version, case, "loss_agreement", row.signed_at.0)
    };
    let sealed = record.sealed(app)?;
    let author = Author::from(actor);
    bundle::keep(conn, app, version, author, (&pdf, &sealed.record), Some(&row.drawing))?;
    Ok(sealed)
}

/// Seals what a customer agreed on while disputing some lines.
///
/// # Errors
/// Database faults.
pub(super) fn seal_partial(
    conn: &mut Conn,
    app: &App,
    situation: &Situation,
    code: &CodeRow,
    disputed: &[Uuid],
    agreed: Fen,
    now: Instant,
) -> Result<(), ApiError> {
    let Situation { link, version, case, .. } = situation;
    let record = Record {
        link: Some(link_part(situation, code)),
        agent: agent_of(conn, situation)?.as_ref().map(agent_part),
        disputed_lines: disputed.to_vec(),
        agreed_fen: Some(agreed.0),
        ..Record::of(version, case, "partial_loss_agreement", now)
    };
    let sealed = record.sealed(app)?;
    let disputed = disputed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    store::insert_partial(
        conn,
        &NewPartial {
            id: app.ports.ids.uuid(),
            link,
            disputed: &disputed,
            agreed,
            at: now,
            sealed: (&sealed.record, &sealed.signature, &sealed.key_id),
        },
    )
}
