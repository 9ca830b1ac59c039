//! A surveyor's phone: the reference client over HTTP, with its network switched off and on.

use serde_json::Value;
use sync_core::{
    client::{
        Engine, MemoryStore, PhoneReply, Stage, Unsent, WaitingPhoto,
        drive::{self, Answer, Step, Transport},
    },
    edit::{DraftEditor, EditRefusal},
    ids::{CaseId, EventId, PhotoId},
    outbox::{ItemResult, OutboxItem},
    time::{Instant, Span},
};
use uuid::Uuid;

use super::caller::{Caller, Fault, new_id};
use crate::ports::clock::{Clock, SystemClock};

/// One phone on one case.
pub(super) struct Phone {
    engine: Engine<MemoryStore>,
    line: Line,
    case_id: CaseId,
}

/// The phone's way to the server.
struct Line {
    caller: Caller,
    install: Uuid,
    /// How far this phone's clock is ahead of the true time.
    ahead: Span,
    /// Whether answers arrive.
    deaf: bool,
    /// What the server last said of the field events, heard or not.
    results: Vec<ItemResult>,
}

impl Transport for Line {
    fn post(&mut self, path: &str, body: &Value) -> Option<Answer> {
        let sent = body.to_string();
        let answer =
            self.caller.send("POST", path, Some("application/json"), sent.as_bytes()).ok()?;
        let (status, body) = (answer.status, answer.json());
        if path == drive::SYNC_PATH {
            let reply: Option<PhoneReply> = serde_json::from_value(body.clone()).ok();
            self.results = reply.map(|reply| reply.results()).unwrap_or_default();
        }
        (!self.deaf).then_some(Answer { status, body, retry_after_s: None })
    }

    fn sign(&mut self, _text: &str) -> Option<String> {
        None
    }

    fn install_id(&self) -> Uuid {
        self.install
    }

    fn now(&self) -> Instant {
        SystemClock.now() + self.ahead
    }
}

impl Phone {
    /// Fetches the draft while there is a network.
    pub(super) fn open(caller: &Caller, case_id: Uuid, ahead: Span) -> Result<Self, Fault> {
        let (caller, install) = (caller.clone(), new_id());
        let line = Line { caller, install, ahead, deaf: false, results: Vec::new() };
        let engine =
            Engine::open(MemoryStore::default(), install.as_u64_pair().1).map_err(fault)?;
        let mut phone = Self { engine, line, case_id: CaseId(case_id) };
        phone.engine.want(phone.case_id);
        phone.sync()?;
        match phone.engine.session(phone.case_id) {
            Some(_) => Ok(phone),
            None => Err(Fault("the draft did not come to the phone".into())),
        }
    }

    /// Notes a field event; nothing is sent.
    pub(super) fn note(&mut self, kind: &str, fields: &Value) -> Result<(), Fault> {
        let item = OutboxItem {
            id: EventId(new_id()),
            case_id: self.case_id,
            kind: kind.to_owned(),
            occurred_at: self.line.now(),
            body: fields.clone(),
        };
        self.engine.note(item).map_err(fault)
    }

    /// Writes into the draft; nothing is sent.
    pub(super) fn write<T>(
        &mut self,
        edit: impl FnOnce(&mut DraftEditor<'_>) -> Result<T, EditRefusal>,
    ) -> Result<T, Fault> {
        // The gate compares stamps with the server's clock, so the phone uses what it knows of it.
        self.engine.edit(self.case_id, SystemClock.now(), edit).map_err(fault)
    }

    /// Puts a photo into the queue; nothing is sent.
    pub(super) fn photograph(
        &mut self,
        id: Uuid,
        sha256: &str,
        size: u64,
        declaration: Value,
    ) -> Result<(), Fault> {
        let photo = WaitingPhoto {
            case_id: self.case_id,
            id: PhotoId(id),
            sha256: sha256.to_owned(),
            size,
            declaration,
            preview_sha256: None,
            stage: Stage::New,
        };
        self.engine.add_photo(photo).map_err(fault)
    }

    /// How much waits: field events and draft changes.
    pub(super) fn pending(&self) -> (usize, usize) {
        let (mut events, mut changes) = (0, 0);
        for unsent in self.engine.unsent() {
            match unsent {
                Unsent::Command(_) => events += 1,
                Unsent::Changes(_, count) => changes += count,
                _ => {}
            }
        }
        (events, changes)
    }

    /// How much is only on this phone.
    pub(super) fn only_here(&self) -> usize {
        self.engine.unsent().len()
    }

    /// Sends everything that waits, once; answers what became of the field events. Of an answer that
    /// is lost the phone knows nothing, and sends the same again.
    pub(super) fn send(&mut self, answer_is_lost: bool) -> Result<Vec<ItemResult>, Fault> {
        self.engine.look();
        (self.line.deaf, self.line.results) = (answer_is_lost, Vec::new());
        let step = drive::step(&mut self.engine, &mut self.line);
        self.line.deaf = false;
        step.map_err(fault)?;
        Ok(std::mem::take(&mut self.line.results))
    }

    /// Exchanges until phone and server hold the same, photos aside; answers how many conflicts need
    /// a person.
    pub(super) fn sync(&mut self) -> Result<usize, Fault> {
        self.engine.look();
        match drive::run(&mut self.engine, &mut self.line, 50).map_err(fault)? {
            Step::Upload(..) | Step::Idle => {}
            stopped => return Err(Fault(format!("the exchange stopped: {stopped:?}"))),
        }
        match self.engine.refused() {
            [] => {}
            refused => return Err(Fault(format!("field events were refused: {refused:?}"))),
        }
        let standing = self.engine.standing(self.case_id);
        Ok(standing.map_or(0, |(conflicts, ..)| conflicts.len()))
    }

    /// The photo to upload next, if all that is smaller is on the server.
    pub(super) fn next_upload(&mut self) -> Result<Option<Uuid>, Fault> {
        match drive::run(&mut self.engine, &mut self.line, 50).map_err(fault)? {
            Step::Upload(photo, Stage::Previewed) => Ok(Some(photo.0)),
            Step::Idle => Ok(None),
            other => Err(Fault(format!("not a photo but {other:?}"))),
        }
    }

    /// The server has vouched for a photo: this phone may delete it.
    pub(super) fn uploaded(&mut self, photo: Uuid) -> Result<(), Fault> {
        self.engine.uploaded(PhotoId(photo), Stage::Previewed).map_err(fault)
    }
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
