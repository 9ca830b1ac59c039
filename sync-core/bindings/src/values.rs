//! What goes in and out: the engine's types with names and numbers that every language has.

use serde_json::Value;
use sync_core::{
    client::{self, Stage},
    conflict::{Candidate, Conflict, ConflictKind},
    ids::PhotoId,
    model::schema::{Concern, Scalar},
    outbox::{OutboxItem, Outcome},
    photo::ContentHash,
    protocol::Lock,
    time::Instant,
};

use crate::{PhoneError, error::read};

/// What a field of the draft holds. Amounts are whole fen, instants milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FieldValue {
    /// Not known.
    Unknown,
    /// True or false.
    Flag {
        /// Which.
        value: bool,
    },
    /// A whole number.
    Number {
        /// Which.
        value: i64,
    },
    /// A text, code or id.
    Text {
        /// Which.
        value: String,
    },
}

impl From<FieldValue> for Scalar {
    fn from(value: FieldValue) -> Self {
        match value {
            FieldValue::Unknown => Self::Null,
            FieldValue::Flag { value } => Self::Bool(value),
            FieldValue::Number { value } => Self::Int(value),
            FieldValue::Text { value } => Self::from(value),
        }
    }
}

impl From<Scalar> for FieldValue {
    fn from(value: Scalar) -> Self {
        match value {
            Scalar::Null => Self::Unknown,
            Scalar::Bool(value) => Self::Flag { value },
            Scalar::Int(value) => Self::Number { value },
            Scalar::Str(value) => Self::Text { value },
        }
    }
}

/// Something that happened in the field, to become a command of the server.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FieldEvent {
    /// A new UUID; names the event for ever.
    pub id: String,
    /// The case.
    pub case_id: String,
    /// The command, such as `record_arrival`.
    pub kind: String,
    /// When it happened, by the phone's clock.
    pub occurred_at: i64,
    /// The command's fields, a JSON object.
    pub body: String,
}

impl TryFrom<FieldEvent> for OutboxItem {
    type Error = PhoneError;

    fn try_from(event: FieldEvent) -> Result<Self, PhoneError> {
        Ok(Self {
            id: read("the event", &event.id)?,
            case_id: read("the case", &event.case_id)?,
            occurred_at: Instant(event.occurred_at),
            body: object("the body", &event.body)?,
            kind: event.kind,
        })
    }
}

impl From<&OutboxItem> for FieldEvent {
    fn from(item: &OutboxItem) -> Self {
        Self {
            id: item.id.to_string(),
            case_id: item.case_id.to_string(),
            kind: item.kind.clone(),
            occurred_at: item.occurred_at.0,
            body: item.body.to_string(),
        }
    }
}

/// A field event that the server refused: a person has to look.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct RefusedEvent {
    /// The event.
    pub event: FieldEvent,
    /// The problem's stable code.
    pub code: String,
    /// For people.
    pub title: String,
    /// What was wrong this time.
    pub detail: Option<String>,
}

impl From<&(OutboxItem, Outcome)> for RefusedEvent {
    fn from((item, outcome): &(OutboxItem, Outcome)) -> Self {
        let event = item.into();
        match outcome {
            Outcome::Refused { problem } => Self {
                event,
                code: problem.code.clone(),
                title: problem.title.clone(),
                detail: problem.detail.clone(),
            },
            _ => Self { event, code: String::new(), title: String::new(), detail: None },
        }
    }
}

/// A photo that was taken.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct NewPhoto {
    /// The case.
    pub case_id: String,
    /// A new UUID.
    pub id: String,
    /// SHA-256 of the original, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Bytes of the original.
    pub size: u64,
    /// What else is announced, a JSON object: `slot`, `captured_at`, `position`.
    pub declaration: String,
    /// SHA-256 of a small copy that goes before any original, if the app made one.
    pub preview_sha256: Option<String>,
}

impl TryFrom<NewPhoto> for client::WaitingPhoto {
    type Error = PhoneError;

    fn try_from(photo: NewPhoto) -> Result<Self, PhoneError> {
        let mut declaration = object("the declaration", &photo.declaration)?;
        let sha256: ContentHash = read("the hash", &photo.sha256)?;
        let id: PhotoId = read("the photo", &photo.id)?;
        if let Some(fields) = declaration.as_object_mut() {
            fields.insert("id".into(), Value::String(id.to_string()));
            fields.insert("sha256".into(), Value::String(sha256.to_string()));
            fields.insert("size".into(), photo.size.into());
        }
        Ok(Self {
            case_id: read("the case", &photo.case_id)?,
            id,
            sha256: sha256.to_string(),
            size: photo.size,
            declaration,
            preview_sha256: photo.preview_sha256,
            stage: Stage::New,
        })
    }
}

/// How far a photo has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum UploadStage {
    /// The server does not know of it.
    New,
    /// It is announced; its preview is to be uploaded.
    Announced,
    /// Its original is to be uploaded.
    Previewed,
}

impl From<Stage> for UploadStage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::New => Self::New,
            Stage::Announced => Self::Announced,
            Stage::Previewed => Self::Previewed,
        }
    }
}

impl From<UploadStage> for Stage {
    fn from(stage: UploadStage) -> Self {
        match stage {
            UploadStage::New => Self::New,
            UploadStage::Announced => Self::Announced,
            UploadStage::Previewed => Self::Previewed,
        }
    }
}

/// A photo whose original the server has not.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct WaitingPhoto {
    /// The case.
    pub case_id: String,
    /// Its id.
    pub id: String,
    /// SHA-256 of the original.
    pub sha256: String,
    /// Bytes of the original.
    pub size: u64,
    /// How far it has come.
    pub stage: UploadStage,
}

impl From<&client::WaitingPhoto> for WaitingPhoto {
    fn from(photo: &client::WaitingPhoto) -> Self {
        Self {
            case_id: photo.case_id.to_string(),
            id: photo.id.to_string(),
            sha256: photo.sha256.clone(),
            size: photo.size,
            stage: photo.stage.into(),
        }
    }
}

/// Something that is only on this phone, and would be lost with it.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Unsent {
    /// A field event.
    Event {
        /// The event.
        event: FieldEvent,
    },
    /// A field event that the server refused and nobody has looked at.
    Refused {
        /// The event.
        event: FieldEvent,
    },
    /// Changes of a draft.
    Changes {
        /// The case.
        case_id: String,
        /// How many.
        count: u64,
    },
    /// A field that is being typed into.
    Typing {
        /// The case.
        case_id: String,
        /// The field.
        path: String,
    },
    /// An edit that could not be written again.
    Edit {
        /// The case.
        case_id: String,
        /// Where.
        path: String,
        /// What stood there.
        value: FieldValue,
        /// Why, for people.
        reason: String,
    },
    /// A photo whose original the server has not.
    Photo {
        /// The photo.
        id: String,
    },
}

impl From<client::Unsent> for Unsent {
    fn from(unsent: client::Unsent) -> Self {
        match unsent {
            client::Unsent::Command(item) => Self::Event { event: (&item).into() },
            client::Unsent::Refused(item) => Self::Refused { event: (&item).into() },
            client::Unsent::Changes(case_id, count) => {
                Self::Changes { case_id: case_id.to_string(), count: number(count) }
            }
            client::Unsent::Typing(case_id, path) => {
                Self::Typing { case_id: case_id.to_string(), path: path.to_string() }
            }
            client::Unsent::Edit(case_id, edit) => Self::Edit {
                case_id: case_id.to_string(),
                path: edit.path.to_string(),
                value: edit.value.into(),
                reason: edit.reason,
            },
            client::Unsent::Photo(id) => Self::Photo { id: id.to_string() },
        }
    }
}

/// Whether a draft may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum DraftLock {
    /// Within one's role.
    Open,
    /// A version is approved: later writes open a review.
    Approved,
    /// The case is over.
    Closed,
}

/// How a draft stands on this phone.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct CaseStanding {
    /// Whether the draft was ever fetched.
    pub is_here: bool,
    /// Changes that the server is not known to hold.
    pub pending: u64,
    /// Conflicts, as the server last told.
    pub conflicts: Vec<DraftConflict>,
    /// Whether it may be written to.
    pub lock: DraftLock,
    /// Changes that wait on the server for whoever works on the case now.
    pub late: u64,
}

/// Values that were written without knowing of each other.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct DraftConflict {
    /// The field.
    pub path: String,
    /// `plain`, `money`, `liability` or `identity`.
    pub concern: String,
    /// Whether approval waits for a person.
    pub needs_person: bool,
    /// Whether the item was removed while somebody else wrote to it; else there are several values.
    pub removed_meanwhile: bool,
    /// The values, the one that shows now last.
    pub values: Vec<WrittenValue>,
}

/// One value of a conflict.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct WrittenValue {
    /// The field that it was written to.
    pub path: String,
    /// The value.
    pub value: FieldValue,
    /// Which actor wrote it.
    pub actor: String,
    /// In which change.
    pub change: String,
}

impl From<&Conflict> for DraftConflict {
    fn from(conflict: &Conflict) -> Self {
        let concern = match conflict.concern {
            Concern::Plain => "plain",
            Concern::Money => "money",
            Concern::Liability => "liability",
            Concern::Identity => "identity",
        };
        let written = |candidate: &Candidate| WrittenValue {
            path: candidate.path.to_string(),
            value: candidate.value.clone().into(),
            actor: candidate.actor.to_hex_string(),
            change: candidate.change.to_string(),
        };
        Self {
            path: conflict.path.to_string(),
            concern: concern.to_owned(),
            needs_person: conflict.needs_person(),
            removed_meanwhile: conflict.kind == ConflictKind::RemovedMeanwhile,
            values: conflict.candidates.iter().map(written).collect(),
        }
    }
}

impl From<Lock> for DraftLock {
    fn from(lock: Lock) -> Self {
        match lock {
            Lock::Open => Self::Open,
            Lock::Approved => Self::Approved,
            Lock::Closed => Self::Closed,
        }
    }
}

pub(crate) fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A JSON object; nothing at all is an empty one.
fn object(what: &str, text: &str) -> Result<Value, PhoneError> {
    if text.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let value: Option<Value> = serde_json::from_str(text).ok();
    value.filter(Value::is_object).ok_or_else(|| PhoneError::Argument(what.to_owned()))
}
