//! The reference client: what an app does with what the engine says. It waits for nothing and retries
//! nothing by itself; the demo, the tests and the phone's bindings all move the engine in this way.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{DraftPush, Engine, EngineFault, Next, PhoneReply, PhoneRequest, Stage, Store, wire};
use crate::{
    ids::{CaseId, PhotoId},
    model::ActorId,
    time::{Instant, Span},
};

/// How the platform reaches the server.
pub trait Transport {
    /// Posts JSON to a path such as `/api/v1/sync`; nothing if no answer came.
    fn post(&mut self, path: &str, body: &Value) -> Option<Answer>;

    /// Signs with the device's key, base64; nothing on a device that is not enrolled.
    fn sign(&mut self, text: &str) -> Option<String>;

    /// The installation of the app.
    fn install_id(&self) -> Uuid;

    /// What the clock says.
    fn now(&self) -> Instant;
}

/// An answer of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// `Retry-After`, if it was sent.
    pub retry_after_s: Option<u32>,
}

/// Where a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was sent or tried; there may be more.
    Did,
    /// This is to be uploaded by the app.
    Upload(PhotoId, Stage),
    /// Nothing before this instant.
    Wait(Instant),
    /// Everything is where it belongs.
    Idle,
}

/// Does what the engine says next.
///
/// # Errors
/// [`EngineFault`].
pub fn step<S: Store>(
    engine: &mut Engine<S>,
    transport: &mut impl Transport,
) -> Result<Step, EngineFault> {
    let now = transport.now();
    match engine.next(now)? {
        Next::Sync(request) => sync(engine, transport, *request).map(|()| Step::Did),
        Next::Issue { case_id, replaces } => {
            issue(engine, transport, case_id, replaces).map(|()| Step::Did)
        }
        Next::Upload { photo, stage } => Ok(Step::Upload(photo, stage)),
        Next::Wait(until) => Ok(Step::Wait(until)),
        Next::Idle => Ok(Step::Idle),
    }
}

/// Steps until there is nothing to send, at most so many times.
///
/// # Errors
/// [`EngineFault`].
pub fn run<S: Store>(
    engine: &mut Engine<S>,
    transport: &mut impl Transport,
    most: usize,
) -> Result<Step, EngineFault> {
    let mut last = Step::Did;
    for _ in 0..most {
        last = step(engine, transport)?;
        if last != Step::Did {
            break;
        }
    }
    Ok(last)
}

fn sync<S: Store>(
    engine: &mut Engine<S>,
    transport: &mut impl Transport,
    mut request: PhoneRequest,
) -> Result<(), EngineFault> {
    let texts = texts_to_sign(&request);
    sign(&mut request, texts.iter().map(|text| transport.sign(text)).collect());
    let answer = transport.post(SYNC_PATH, &request.to_json());
    take_sync(engine, &request, answer, transport.now())
}

fn issue<S: Store>(
    engine: &mut Engine<S>,
    transport: &mut impl Transport,
    case_id: CaseId,
    replaces: Option<ActorId>,
) -> Result<(), EngineFault> {
    let body = actor_body(transport.install_id(), replaces.as_ref());
    let answer = transport.post(&actor_path(case_id), &body);
    take_actor(engine, case_id, answer, transport.now())
}

/// Where [`Next::Sync`] is posted.
pub const SYNC_PATH: &str = "/api/v1/sync";

/// What the device's key is to sign of a request: every push that carries changes.
#[must_use]
pub fn texts_to_sign(request: &PhoneRequest) -> Vec<String> {
    let with_changes = request.drafts.iter().filter(|push| !push.request.changes.is_empty());
    with_changes.map(DraftPush::text).collect()
}

/// Puts signatures into a request, in the order of [`texts_to_sign`].
pub fn sign(request: &mut PhoneRequest, signatures: Vec<Option<String>>) {
    let with_changes = request.drafts.iter_mut().filter(|push| !push.request.changes.is_empty());
    for (push, signature) in with_changes.zip(signatures) {
        push.signature = signature;
    }
}

/// Takes what came back for [`Next::Sync`]; nothing if no answer came.
///
/// # Errors
/// [`EngineFault`].
pub fn take_sync<S: Store>(
    engine: &mut Engine<S>,
    request: &PhoneRequest,
    answer: Option<Answer>,
    now: Instant,
) -> Result<(), EngineFault> {
    let wait = waiting(answer.as_ref());
    let done = answer.filter(|answer| answer.status == 200);
    match done.and_then(|answer| serde_json::from_value::<PhoneReply>(answer.body).ok()) {
        Some(reply) => engine.answered(now, request, reply),
        None => {
            engine.failed(now, wait);
            Ok(())
        }
    }
}

/// Where [`Next::Issue`] is posted.
#[must_use]
pub fn actor_path(case_id: CaseId) -> String {
    format!("/api/v1/cases/{case_id}/draft/actors")
}

/// What is posted for [`Next::Issue`].
#[must_use]
pub fn actor_body(install_id: Uuid, replaces: Option<&ActorId>) -> Value {
    match replaces {
        Some(old) => json!({ "install_id": install_id, "replaces": old.to_hex_string() }),
        None => json!({ "install_id": install_id }),
    }
}

/// Takes what came back for [`Next::Issue`]; nothing if no answer came.
///
/// # Errors
/// [`EngineFault`].
pub fn take_actor<S: Store>(
    engine: &mut Engine<S>,
    case_id: CaseId,
    answer: Option<Answer>,
    now: Instant,
) -> Result<(), EngineFault> {
    let done = answer.as_ref().filter(|answer| answer.status == 200);
    match done.and_then(|answer| wire::issued(&answer.body)) {
        Some(issued) => engine.issued(case_id, issued, now),
        None => {
            engine.failed(now, waiting(answer.as_ref()));
            Ok(())
        }
    }
}

fn waiting(answer: Option<&Answer>) -> Option<Span> {
    answer?.retry_after_s.map(|seconds| Span::seconds(i64::from(seconds)))
}
