//! Changes that were put aside: what a manager reads of them and decides. Nothing is ever dropped: what
//! is admitted enters the draft under its writer's name if the gate lets it, what is discarded stays.

use std::{collections::BTreeSet, sync::Arc};

use api_spec::{
    draft::{HandInDraftRequest, QuarantineEntry, QuarantineResponse},
    problem::{Code, Problem},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use sync_core::{
    automerge::Automerge,
    conflict,
    difference::{self, FieldDifference},
    gate::{self, PushContext, Rejection},
    ids::{CaseId, DeviceId},
    lifecycle::EventKind,
    model::{
        ChangeHash, Draft,
        schema::{Role, Roles},
    },
    protocol::{Held, push_text},
};
use uuid::Uuid;

use super::{
    access::Landing,
    append::{self, Admission, Append, Appender, Credit, Landed},
    landing, read, refuse,
    rules::Head,
    signature,
    store::{self, HeldPush, Quarantined},
    wire,
};
use crate::{
    app::App, auth::policy::Actor, body::CommandKey, case_log, db::Conn, error::ApiError,
    wire::time,
};

/// The rule under which signed work of a revoked device is kept.
const DEVICE_REVOKED: &str = "device_revoked";

/// Under which roles work of a device is judged.
fn device_roles() -> Roles {
    Roles::NONE.with(Role::Surveyor)
}

/// An entry on the wire.
pub(super) fn entry(row: Quarantined) -> QuarantineEntry {
    QuarantineEntry {
        id: row.id,
        case_id: row.case_id.into(),
        person_id: row.person.into(),
        device_id: row.device.map(Into::into),
        actor: row.actor.to_hex_string(),
        rule: row.rule,
        path: row.path,
        detail: row.detail,
        size: row.size,
        sha256: wire::hexadecimal(&row.sha256),
        signed: row.signed,
        received_at: time(row.received_at),
        decision: row.decision,
        decided_by: row.decided_by.map(Into::into),
        decided_at: row.decided_at.map(time),
        reason: row.reason,
    }
}

/// Quarantined changes that an actor may see.
fn find(conn: &mut Conn, actor: &Actor, id: Uuid) -> Result<(Quarantined, Vec<u8>), ApiError> {
    let found = store::find_quarantined(conn, id)?.ok_or_else(ApiError::not_found)?;
    case_log::see(conn, actor, found.0.case_id)?;
    Ok(found)
}

/// Quarantined changes with what they would do now.
pub(super) async fn get(app: &App, actor: Actor, id: Uuid) -> Result<QuarantineResponse, ApiError> {
    let (row, bytes) = app.db.read(move |conn| find(conn, &actor, id)).await?;
    let case_id = row.case_id;
    let (head, doc) = read::loaded(app, case_id).await?.ok_or_else(ApiError::not_found)?;
    let actor_id = row.actor.clone();
    let last_seq =
        app.db.read(move |conn| store::last_seq(conn, case_id, &actor_id, head.lsn)).await?;
    let context = PushContext {
        actor: row.actor.clone(),
        person: row.person,
        roles: device_roles(),
        last_seq,
        now: app.now(),
    };
    let tried = bytes.clone();
    // The gate catches what these bytes do to the library; what is left is a refusal like any other.
    let verdict = app.drafts.compute(move || would_do(&doc, &context, &tried)).await?;
    let (refused_by, writes) = match verdict {
        Some(Ok(writes)) => (None, writes),
        Some(Err(rejection)) => (Some(rejection.rule.code().to_owned()), Vec::new()),
        None => (Some("library_panic".to_owned()), Vec::new()),
    };
    Ok(QuarantineResponse {
        admissible: refused_by.is_none() && row.decision.is_none(),
        refused_by,
        writes: writes.into_iter().map(wire::write).collect(),
        bytes: BASE64_STANDARD.encode(bytes),
        entry: entry(row),
    })
}

fn would_do(
    doc: &Automerge,
    context: &PushContext,
    bytes: &[u8],
) -> Result<Vec<FieldDifference>, Rejection> {
    // What cannot be told apart is refused by the gate as one change.
    let changes = gate::split(bytes).unwrap_or_else(|| vec![bytes]);
    let admitted = gate::admit(doc, context, &changes)?;
    let _ = conflict::list(&admitted.doc);
    let read = |doc| Draft::read(doc).map_err(|fault| refuse::unreadable(&fault));
    Ok(difference::between(&read(doc)?, &read(&admitted.doc)?))
}

/// What a manager decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Admit,
    Discard,
}

impl Decision {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "admit" => Some(Self::Admit),
            "discard" => Some(Self::Discard),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Admit => "admitted",
            Self::Discard => "discarded",
        }
    }
}

/// Decides: the JSON of a [`QuarantineEntry`].
pub(super) async fn decide(
    app: &App,
    author: Actor,
    id: Uuid,
    key: CommandKey,
    decision: Decision,
    reason: String,
) -> Result<Vec<u8>, ApiError> {
    let (asked, known_key) = (author.clone(), key.clone());
    let found = app
        .db
        .read(move |conn| {
            if let Some(answer) = store::find_push(conn, asked.person, &known_key)? {
                return Ok(Err(answer));
            }
            find(conn, &asked, id).map(Ok)
        })
        .await?;
    let (row, bytes) = match found {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    if row.decision.is_some() {
        return Err(decided());
    }
    let by = Appender {
        writer: Credit { person: row.person, device: row.device },
        ..Appender::own(row.case_id, author, row.actor.clone(), key)
    };
    match decision {
        Decision::Admit => {
            let work = Admit { app: app.clone(), by, row, bytes, reason };
            append::append(app, Arc::new(work)).await.map_err(not_admitted)
        }
        Decision::Discard => discard(app, by, row.id, reason).await,
    }
}

/// What the gate refuses stays where it is: the refusal is told as a conflict of the decision.
fn not_admitted(error: ApiError) -> ApiError {
    let gate =
        [Code::ActorReused, Code::SeqGap, Code::UnknownDeps, Code::TooLarge, Code::Quarantined];
    if !gate.contains(&error.code()) {
        return error;
    }
    let Problem { facts, .. } = error.problem();
    let rule = facts.get("rule").cloned().unwrap_or_default();
    ApiError::new(Code::Conflict).fact("reason", "not_admissible").fact("rule", rule)
}

fn decided() -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", "already_decided")
}

struct Admit {
    app: App,
    by: Appender,
    row: Quarantined,
    bytes: Vec<u8>,
    reason: String,
}

impl Append for Admit {
    fn by(&self) -> &Appender {
        &self.by
    }

    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn check(&self, conn: &mut Conn, _: &Head) -> Result<Admission, ApiError> {
        let (row, _) = find(conn, &self.by.author, self.row.id)?;
        if row.decision.is_some() {
            return Err(decided());
        }
        append::must_not_judge(conn, self.by.case_id, self.by.writer.person)?;
        Ok(Admission { roles: device_roles(), landing: Landing::Draft })
    }

    fn changes(&self, _: &Automerge, _: Roles) -> Result<Vec<Vec<u8>>, ApiError> {
        let changes = gate::split(&self.bytes).unwrap_or_else(|| vec![&self.bytes]);
        Ok(changes.into_iter().map(<[u8]>::to_vec).collect())
    }

    fn note(&self, conn: &mut Conn, _: &Landed) -> Result<(), ApiError> {
        note(conn, &self.app, &self.by, self.row.id, Decision::Admit, &self.reason)
    }

    fn answer(&self, conn: &mut Conn, landed: &Landed) -> Result<Vec<u8>, ApiError> {
        if landed.accepted == 0 {
            // All of it reached the draft on another way; nothing was noted.
            return Err(ApiError::new(Code::Conflict).fact("reason", "already_in_the_draft"));
        }
        answer(conn, &self.by.author, self.row.id)
    }
}

fn note(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    id: Uuid,
    decision: Decision,
    reason: &str,
) -> Result<(), ApiError> {
    let person = by.author.person;
    if !store::decide_held(conn, id, decision.as_str(), reason, person, app.now())? {
        return Err(decided());
    }
    let data = serde_json::json!({ "quarantine_id": id, "decision": decision.as_str() });
    landing::say(conn, app, by, EventKind::QuarantineDecided, data)
}

fn answer(conn: &mut Conn, author: &Actor, id: Uuid) -> Result<Vec<u8>, ApiError> {
    let (row, _) = find(conn, author, id)?;
    serde_json::to_vec(&entry(row)).map_err(ApiError::internal)
}

async fn discard(app: &App, by: Appender, id: Uuid, reason: String) -> Result<Vec<u8>, ApiError> {
    let inner = app.clone();
    app.db
        .write(move |conn| {
            if let Some(answer) = store::find_push(conn, by.author.person, &by.key)? {
                return Ok(answer);
            }
            note(conn, &inner, &by, id, Decision::Discard, &reason)?;
            let response = answer(conn, &by.author, id)?;
            let push = store::NewPush {
                person: by.author.person,
                key: &by.key,
                case_id: by.case_id,
                actor: &by.actor,
                response: &response,
                now: inner.now(),
            };
            store::insert_push(conn, &push)?;
            Ok(response)
        })
        .await
}

/// Which of these changes are in the draft or held beside it.
fn known(
    conn: &mut Conn,
    case_id: CaseId,
    hashes: &[Option<ChangeHash>],
) -> Result<BTreeSet<ChangeHash>, ApiError> {
    let mut known = BTreeSet::new();
    for hash in hashes.iter().flatten() {
        if store::is_known(conn, case_id, hash)? {
            known.insert(*hash);
        }
    }
    Ok(known)
}

/// Takes signed changes of a revoked device into quarantine. Nothing is told but that: whoever asks has
/// no rights any more, and the signature is all that speaks for the bytes.
pub(super) async fn hand_in(
    app: &App,
    case_id: CaseId,
    request: HandInDraftRequest,
) -> Result<(), ApiError> {
    let actor =
        wire::actor("actor", &request.actor).map_err(|refused| ApiError::invalid(vec![refused]))?;
    let changes = wire::changes(&request.changes)?;
    let fits = (1..=128).contains(&request.push_id.len())
        && request.push_id.chars().all(|c| c.is_ascii_graphic());
    if !fits {
        let allowed = "1 to 128 visible ASCII characters";
        return Err(ApiError::invalid_field("push_id", "wrong_form", allowed));
    }
    let slices: Vec<&[u8]> = changes.iter().map(Vec::as_slice).collect();
    let text = push_text(&request.push_id, case_id, &actor, &slices);
    let (device, signature, asked) =
        (DeviceId(request.device_id), request.signature, actor.clone());
    let signed = app
        .db
        .read(move |conn| {
            let signed = signature::of_revoked(conn, device, &text, &signature)?;
            let issued = store::find_actor(conn, case_id, &asked)?.map(|actor| actor.issued);
            let own = |signed: &crate::identity::DeviceSignature| {
                issued.is_some_and(|issued| {
                    issued.device == Some(device) && issued.person == Some(signed.person)
                })
            };
            Ok(signed.filter(own))
        })
        .await?
        .ok_or_else(|| ApiError::new(Code::Unauthenticated))?;
    // What arrived before the device was lost, without its hearing of it, is where it belongs.
    let hashes = slices.iter().map(|change| gate::inspect(change).ok().map(|(hash, _)| hash));
    let hashes: Vec<Option<ChangeHash>> = hashes.collect();
    let asked = hashes.clone();
    let known = app.db.read(move |conn| known(conn, case_id, &asked)).await?;
    let bytes: Vec<u8> = changes
        .iter()
        .zip(&hashes)
        .filter(|(_, hash)| hash.is_none_or(|hash| !known.contains(&hash)))
        .flat_map(|(change, _)| change.iter().copied())
        .collect();
    if bytes.is_empty() {
        return Ok(());
    }
    let change = hashes.into_iter().flatten().find(|hash| !known.contains(hash));
    let push = HeldPush {
        id: app.new_id(),
        case_id,
        actor,
        person: signed.person,
        device: Some(device),
        signature: Some(signed.bytes),
        push_id: request.push_id,
        held: Held { change, rule: DEVICE_REVOKED.to_owned(), path: None },
        detail: String::new(),
        sha256: Sha256::digest(&bytes).into(),
        bytes,
        now: app.now(),
    };
    if refuse::keep(app, push).await? {
        Ok(())
    } else {
        Err(ApiError::new(Code::TooManyRequests).retry_after(3_600))
    }
}
