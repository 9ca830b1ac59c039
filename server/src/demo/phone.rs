//! A surveyor's phone: the real client library over HTTP, with its network switched off and on.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use sync_core::{
    edit::{DraftEditor, EditRefusal, Writer},
    ids::{CaseId, EventId, PersonId},
    model::{
        ActorId,
        schema::{Role, Roles},
    },
    outbox::{ItemResult, Outbox, OutboxItem},
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
    /// Field events that wait for a network.
    outbox: Outbox,
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
        Ok(Self { caller: caller.clone(), case_id, session, outbox: Outbox::default(), ahead })
    }

    /// What this phone's clock says.
    fn clock(&self) -> Instant {
        SystemClock.now() + self.ahead
    }

    /// Notes a field event; nothing is sent.
    pub(super) fn note(&mut self, kind: &str, fields: &Value) -> Result<(), Fault> {
        let item = OutboxItem {
            id: EventId(new_id()),
            case_id: CaseId(self.case_id),
            kind: kind.to_owned(),
            occurred_at: self.clock(),
            body: fields.clone(),
        };
        self.outbox.push(item).map_err(fault)
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
        (self.outbox.len(), self.session.pending())
    }

    /// Sends the field events in their order; answers what became of each. As long as
    /// [`Self::forget_events`] is not called they are sent again.
    pub(super) fn send_events(&self) -> Result<Vec<ItemResult>, Fault> {
        let commands: Vec<Value> = self.outbox.next_batch().iter().map(command).collect();
        let body = json!({ "device_now": wire::time(self.clock()), "commands": commands });
        let mut answer = self.caller.post("/api/v1/sync/commands", &body)?;
        let results = answer.get_mut("results").map(Value::take).unwrap_or_default();
        serde_json::from_value(results).map_err(fault)
    }

    /// Takes the results: what is done waits no more.
    pub(super) fn forget_events(&mut self, results: &[ItemResult]) -> Result<(), Fault> {
        self.outbox.mark(results);
        match self.outbox.refused() {
            [] => Ok(()),
            refused => Err(Fault(format!("field events were refused: {refused:?}"))),
        }
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

/// An item as it stands on the wire: its fields beside the frame.
fn command(item: &OutboxItem) -> Value {
    let mut command = json!({
        "id": item.id, "case_id": item.case_id, "kind": item.kind,
        "occurred_at": wire::time(item.occurred_at),
    });
    if let (Some(command), Some(fields)) = (command.as_object_mut(), item.body.as_object()) {
        command.extend(fields.clone());
    }
    command
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
