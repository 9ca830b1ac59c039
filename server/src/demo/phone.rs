//! A surveyor's phone: the real client library over HTTP, with its network switched off and on.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sync_core::{
    edit::{DraftEditor, EditRefusal, Writer},
    ids::PersonId,
    model::{
        ActorId,
        schema::{Role, Roles},
    },
    protocol::{Effect, Session},
    time::{Instant, Span},
};
use uuid::Uuid;

use super::caller::{Caller, Fault, new_id};
use crate::{
    ports::clock::{Clock, SystemClock},
    wire,
};

/// One phone on one case.
pub(super) struct Phone {
    caller: Caller,
    case_id: Uuid,
    session: Session,
    /// Field events that wait for a network, oldest first.
    waiting: Vec<Value>,
    /// How far this phone's clock is ahead of the true time.
    ahead: Span,
}

impl Phone {
    /// Fetches the draft while there is a network.
    pub(super) fn open(caller: &Caller, case_id: Uuid, ahead: Span) -> Result<Self, Fault> {
        let path = format!("/api/v1/cases/{case_id}/draft/actors");
        let issued = caller.post(&path, &json!({ "install_id": new_id() }))?;
        let bytes = BASE64_STANDARD.decode(text(&issued, "/snapshot")?).map_err(fault)?;
        let person: Uuid = text(&issued, "/person_id")?.parse().map_err(fault)?;
        let writer = Writer {
            actor: actor_id(text(&issued, "/actor")?)?,
            person: PersonId(person),
            roles: Roles::NONE.with(Role::Surveyor),
        };
        let epoch = u32::try_from(number(&issued, "/epoch")?).map_err(fault)?;
        let cursor = u64::try_from(number(&issued, "/cursor")?).map_err(fault)?;
        let last_seq = u64::try_from(number(&issued, "/last_seq")?).map_err(fault)?;
        let session = Session::open(&bytes, writer, epoch, cursor, last_seq).map_err(fault)?;
        Ok(Self { caller: caller.clone(), case_id, session, waiting: Vec::new(), ahead })
    }

    /// What this phone's clock says.
    fn clock(&self) -> Instant {
        SystemClock.now() + self.ahead
    }

    /// Notes a field event; nothing is sent.
    pub(super) fn note(&mut self, kind: &str, fields: &Value) {
        let mut event = json!({
            "id": new_id(), "case_id": self.case_id, "kind": kind,
            "occurred_at": wire::time(self.clock()),
        });
        if let (Some(event), Some(fields)) = (event.as_object_mut(), fields.as_object()) {
            event.extend(fields.clone());
        }
        self.waiting.push(event);
    }

    /// Writes into the draft; nothing is sent.
    pub(super) fn write<T>(
        &mut self,
        edit: impl FnOnce(&mut DraftEditor<'_>) -> Result<T, EditRefusal>,
    ) -> Result<T, Fault> {
        // The gate compares stamps with the server's clock, so the phone uses what it knows of it.
        let mut pen = self.session.edit(SystemClock.now()).map_err(fault)?;
        edit(&mut pen).map_err(fault)
    }

    /// How much waits: field events and draft changes.
    pub(super) fn pending(&self) -> (usize, usize) {
        (self.waiting.len(), self.session.pending())
    }

    /// Sends the field events in their order; answers their statuses.
    pub(super) fn send_events(&self) -> Result<Vec<String>, Fault> {
        let body = json!({ "device_now": wire::time(self.clock()), "commands": self.waiting });
        let answer = self.caller.post("/api/v1/sync/commands", &body)?;
        let results =
            answer.pointer("/results").and_then(Value::as_array).cloned().unwrap_or_default();
        results
            .iter()
            .map(|result| match text(result, "/status")? {
                "refused" => Err(Fault(format!("a field event was refused: {result}"))),
                status => Ok(status.to_owned()),
            })
            .collect()
    }

    /// Exchanges the draft until phone and server hold the same; answers how many conflicts need a person.
    pub(super) fn sync_draft(&mut self) -> Result<usize, Fault> {
        let path = format!("/api/v1/cases/{}/draft/sync", self.case_id);
        let mut conflicts = 0;
        for _ in 0..10 {
            let request = serde_json::to_value(self.session.next_request()).map_err(fault)?;
            let reply = self.caller.post(&path, &request)?;
            let effects = self.session.apply_reply(serde_json::from_value(reply).map_err(fault)?);
            for effect in &effects {
                match effect {
                    Effect::ShowConflicts(open) => conflicts = open.len(),
                    Effect::GetActor | Effect::Reopen | Effect::TryLater(_) => {
                        return Err(Fault(format!("the exchange stopped: {effect:?}")));
                    }
                    _ => {}
                }
            }
            if effects.contains(&Effect::InStep) {
                return Ok(conflicts);
            }
        }
        Err(Fault("phone and server did not come into step".into()))
    }
}

/// 32 hexadecimal digits as an actor id.
fn actor_id(hex: &str) -> Result<ActorId, Fault> {
    ActorId::try_from(hex).map_err(fault)
}

/// A text in a reply.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str, Fault> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| Fault(format!("no text at {pointer} in {value}")))
}

/// A whole number in a reply.
pub(super) fn number(value: &Value, pointer: &str) -> Result<i64, Fault> {
    value
        .pointer(pointer)
        .and_then(Value::as_i64)
        .ok_or_else(|| Fault(format!("no number at {pointer} in {value}")))
}

/// Any error as a fault of the story.
pub(super) fn fault(error: impl std::fmt::Display) -> Fault {
    Fault(error.to_string())
}
