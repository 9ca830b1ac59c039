//! The reference client: what an app does with what the engine says. It waits for nothing and retries
//! nothing by itself; the demo, the tests and the phone's bindings all move the engine in this way.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Engine, EngineFault, Next, PhoneReply, PhoneRequest, Stage, Store, wire};
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
    for push in request.drafts.iter_mut().filter(|push| !push.request.changes.is_empty()) {
        push.signature = transport.sign(&push.text());
    }
    let answer = transport.post("/api/v1/sync", &request.to_json());
    let now = transport.now();
    match answer {
        Some(Answer { status: 200, body, .. }) => {
            match serde_json::from_value::<PhoneReply>(body) {
                Ok(reply) => engine.answered(now, &request, reply)?,
                Err(_) => engine.failed(now, None),
            }
        }
        other => engine.failed(now, waiting(other.as_ref())),
    }
    Ok(())
}

fn issue<S: Store>(
    engine: &mut Engine<S>,
    transport: &mut impl Transport,
    case_id: CaseId,
    replaces: Option<ActorId>,
) -> Result<(), EngineFault> {
    let mut body = json!({ "install_id": transport.install_id() });
    if let (Some(fields), Some(old)) = (body.as_object_mut(), replaces) {
        fields.insert("replaces".into(), old.to_hex_string().into());
    }
    let answer = transport.post(&format!("/api/v1/cases/{case_id}/draft/actors"), &body);
    let now = transport.now();
    let issued = answer.as_ref().filter(|answer| answer.status == 200);
    match issued.and_then(|answer| wire::issued(&answer.body)) {
        Some(issued) => engine.issued(case_id, issued, now)?,
        None => engine.failed(now, waiting(answer.as_ref())),
    }
    Ok(())
}

fn waiting(answer: Option<&Answer>) -> Option<Span> {
    answer?.retry_after_s.map(|seconds| Span::seconds(i64::from(seconds)))
}
