//! Agreement on the surveyor's phone without signal.
//!
//! The customer reads the frozen sheet on the phone and signs; the phone signs what was agreed with its
//! own key. That is a proposal: when it arrives, the server confirms it, or keeps it as void with the
//! reason, for everybody to see. It comes by itself or in the phone's outbox. A signed hash that is not the version's is never taken for the version.

use actix_web::{HttpResponse, post, web};
use api_spec::{
    agreement::{OfflineAgreementRequest, OfflineAgreementResponse},
    problem::{Code, FieldError},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sync_core::{
    ids::{CaseId, DeviceId, VersionId},
    lifecycle::EventKind,
    photo::ContentHash,
    protocol::agreement_text,
    time::Instant,
};
use uuid::Uuid;

use super::{
    api::unexplained,
    drawing, record,
    rules::{self, OfflineFacts},
    store::{self, OfflineRow},
};
use crate::{
    app::App,
    assessment::{self, Version, hexadecimal},
    auth::{
        actor::By,
        policy::{Actor, Tasked, op},
    },
    body::{Command, IdPath},
    case_log::{self, Author, NewEvent, Receipt},
    db::{
        Conn,
        types::{Id, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity, intake, verification,
    wire::{self, Fields},
};

/// Bring an agreement that was given on the phone without signal
///
/// `confirmed`, or `void` with the reason: `not_on_record` (no such version, or another hash),
/// `newer_version`, `already_agreed`, `not_explained` (a line that the customer bears and was not told
/// of, C26), `not_now`. Either way it is kept. The phone signs
/// `chakan-agree:<id>:<case>:<version>:<sheet sha256>:<signed_at ms>:<sha256 of drawing>` with its
/// enrolled key.
#[utoipa::path(operation_id = "deliver_agreement", tags = ["agreement", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = OfflineAgreementRequest, responses((status = 200, description = "confirmed or void", body = OfflineAgreementResponse)))]
#[post("/cases/{id}/offline-agreements")]
pub async fn deliver_agreement(
    app: web::Data<App>,
    actor: By<op::DeliverAgreement>,
    id: IdPath<CaseId>,
    command: Command<OfflineAgreementRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    let asker = actor.clone();
    app.db.read(move |conn| case_log::see(conn, &asker, case_id).map(|_| ())).await?;
    device_of(&actor)?;
    let offered = check(&command.value, case_id)?;
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        Reply::ok(&response(&take(conn, &inner, &actor, &offered)?))
    })
    .await
}

/// Agreements come from an enrolled device only: its key signs.
fn device_of(actor: &Actor) -> Result<DeviceId, ApiError> {
    actor.device.ok_or_else(|| {
        ApiError::new(Code::Forbidden).detail("from an enrolled device only: its key signs")
    })
}

/// Takes an agreement from whoever is or was sent to the case, or assesses it.
fn take(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    offered: &Offered,
) -> Result<OfflineRow, ApiError> {
    let seen = case_log::see(conn, actor, offered.case_id)?;
    // Late work of somebody who has been relieved since still lands.
    if seen.facts.tasked == Tasked::Never {
        assessment::must_work_on(actor, &seen)?;
    }
    deliver(conn, app, actor, device_of(actor)?, offered)
}

/// What became of an agreement that an outbox brought.
#[derive(Debug)]
pub enum Delivered {
    /// It is a fact now, or was before.
    Confirmed,
    /// It is kept as void: what the surveyor has to tell the customer.
    Void(ApiError),
}

/// Takes an agreement as a command of the phone's outbox. A void one is an answer, not an error: it is
/// kept, and the problem says why it does not hold.
///
/// # Errors
/// Those of the operation `deliver_agreement`.
pub fn deliver_command(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    offered: &Offered,
) -> Result<Delivered, ApiError> {
    let row = take(conn, app, actor, offered)?;
    Ok(match row.void_reason {
        None => Delivered::Confirmed,
        Some(reason) => Delivered::Void(
            ApiError::new(Code::Conflict)
                .detail(format!("the agreement is kept as void: {reason}"))
                .fact("reason", reason),
        ),
    })
}

/// An agreement that can be read; whether its signature holds is looked at when it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    case_id: CaseId,
    id: Uuid,
    version_id: VersionId,
    sheet_sha256: ContentHash,
    device_at: Instant,
    device_now: Instant,
    drawing: String,
    signature: Vec<u8>,
    text: String,
}

impl Offered {
    /// The case that it is about.
    #[must_use]
    pub fn case(&self) -> CaseId {
        self.case_id
    }
}

/// Reads an agreement.
///
/// # Errors
/// `invalid_fields`.
pub fn check(request: &OfflineAgreementRequest, case_id: CaseId) -> Result<Offered, ApiError> {
    let mut fields = Fields::default();
    let refused = |field: &str, code: &str, allowed: &str| FieldError::new(field, code, allowed);
    let hash = request
        .sheet_sha256
        .parse::<ContentHash>()
        .map_err(|_| refused("sheet_sha256", "not_a_hash", "64 lower-case hexadecimal digits"));
    let hash = fields.keep(hash);
    let signed = fields.keep(wire::instant("signed_at", request.signed_at));
    let device_now = fields.keep(wire::instant("device_now", request.device_now));
    if drawing::read(&request.drawing).is_none() {
        let allowed = "strokes x,y x,y;x,y x,y within 1000 by 400";
        fields.keep::<()>(Err(refused("drawing", "not_a_drawing", allowed)));
    }
    let signature = BASE64_STANDARD.decode(&request.signature).ok().filter(|s| s.len() == 64);
    let signature = signature
        .ok_or_else(|| refused("signature", "not_a_signature", "base64 of 64 bytes, Ed25519"));
    let signature = fields.keep(signature);
    match (hash, signed, device_now, signature) {
        (Some(hash), Some(device_at), Some(device_now), Some(signature)) => {
            fields.finish()?;
            let version_id = VersionId(request.version_id);
            let drawn = super::bundle::drawing_sha256(Some(&request.drawing)).unwrap_or_default();
            let text = agreement_text(
                request.id,
                case_id,
                version_id,
                &request.sheet_sha256,
                device_at,
                &drawn,
            );
            Ok(Offered {
                case_id,
                id: request.id,
                version_id,
                sheet_sha256: hash,
                device_at,
                device_now,
                drawing: request.drawing.clone(),
                signature,
                text,
            })
        }
        _ => Err(fields.refused()),
    }
}

fn deliver(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    device: DeviceId,
    checked: &Offered,
) -> Result<OfflineRow, ApiError> {
    let case_id = checked.case_id;
    if let Some(known) = store::find_offline(conn, checked.id)? {
        return if known.case_id.0 == case_id && known.person_id.0 == actor.person {
            Ok(known)
        } else {
            let message = "this id names another agreement; make a new one";
            Err(ApiError::invalid_field("id", "id_taken", message))
        };
    }
    let signature = BASE64_STANDARD.encode(&checked.signature);
    let signed = identity::device_signature(conn, device, &checked.text, &signature)?;
    if !signed.is_some_and(|signed| signed.person == actor.person && !signed.revoked) {
        return Err(ApiError::invalid_field(
            "signature",
            "wrong_signature",
            "made by the enrolled key of this device over the text that the documentation names",
        ));
    }
    let now = app.now();
    let case = intake::get_case(conn, case_id)?;
    let seen_at = Receipt::new(checked.device_now, now).seen(checked.device_at, case.reported_at);
    let version = assessment::find_version(conn, case_id, checked.version_id)?;
    let facts = OfflineFacts {
        version: version.as_ref().map(|version| version.number),
        same_bytes: version
            .as_ref()
            .is_some_and(|version| version.sheet_sha256 == checked.sheet_sha256.0),
        newest_version: assessment::newest_number(conn, case_id)?,
        agreed: store::agreed_at(conn, checked.version_id)?.is_some(),
        explained: match &version {
            Some(version) => unexplained(version)?.is_empty(),
            None => true,
        },
    };
    let mut row = OfflineRow {
        id: Id(checked.id),
        case_id: Id(case_id),
        version_id: checked.version_id.to_string(),
        person_id: Id(actor.person),
        device_id: Id(device),
        sheet_sha256: checked.sheet_sha256.0.to_vec(),
        device_at: Ms(checked.device_at),
        signed_at: Ms(seen_at.occurred_at),
        device_signature: checked.signature.clone(),
        drawing: checked.drawing.clone(),
        state: "void".into(),
        void_reason: rules::judge_offline(&facts).err().map(|reason| reason.code().to_owned()),
        received_at: Ms(now),
        record: None,
        signature: None,
        key_id: None,
    };
    if let (Some(version), None) = (&version, &row.void_reason) {
        confirm(conn, app, actor, version, &case, &mut row)?;
    }
    store::insert_offline(conn, &row)?;
    if row.state == "void" {
        say(conn, app, actor, EventKind::OfflineAgreementVoid, &row, now)?;
    }
    Ok(row)
}

/// Makes a fact of it, if the case is in a state for that.
fn confirm(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    version: &Version,
    case: &intake::ReportedCase,
    row: &mut OfflineRow,
) -> Result<(), ApiError> {
    let now = app.now();
    match say(conn, app, actor, EventKind::Agreed, row, now) {
        Ok(()) => {}
        Err(error) if error.code() == Code::Conflict && !error.is_unique_violation() => {
            row.void_reason = Some("not_now".into());
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let sealed = record::seal_offline(conn, app, actor, version, case, row)?;
    row.state = "confirmed".into();
    row.record = Some(sealed.record);
    row.signature = Some(sealed.signature);
    row.key_id = Some(sealed.key_id);
    super::public::pin_draft(conn, version)?;
    let path = identity::branch_path(conn, case.branch)?;
    verification::wait(conn, &path, version, now)
}

fn say(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    kind: EventKind,
    row: &OfflineRow,
    now: Instant,
) -> Result<(), ApiError> {
    let event = NewEvent {
        id: app.new_id(),
        case_id: row.case_id.0,
        kind,
        author: Author::from(actor),
        device_at: Some(row.device_at.0),
        occurred_at: row.signed_at.0,
        recorded_at: now,
        data: serde_json::json!({
            "offline_id": row.id.0,
            "version_id": row.version_id,
            "sheet_sha256": hexadecimal(&row.sheet_sha256),
            "method": "device_signature",
            "reason": row.void_reason,
        }),
    };
    case_log::append(conn, &event).map(|_| ())
}

fn response(row: &OfflineRow) -> OfflineAgreementResponse {
    OfflineAgreementResponse {
        id: row.id.0,
        version_id: row.version_id.parse().unwrap_or_default(),
        state: row.state.clone(),
        void_reason: row.void_reason.clone(),
        signed_at: wire::time(row.signed_at.0),
        received_at: wire::time(row.received_at.0),
    }
}
