//! One request to the server and what came back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use sync_core::{
    cbor,
    client::{PhoneRequest, drive},
    ids::{CaseId, EventId, VersionId},
    protocol::agreement_text,
    time::Instant,
};

use crate::{PhoneError, error::read, phone::case};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Form {
    /// `application/json`.
    Json,
    /// `application/cbor`: the same in fewer bytes.
    Cbor,
}

/// What the server answered, whatever it was.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, unpacked.
    pub body: Vec<u8>,
    /// How the body is written.
    pub form: Form,
    /// `Retry-After` in seconds, if it was sent.
    pub retry_after_s: Option<u32>,
}

/// Something to post. It may be posted any number of times.
#[derive(Debug, uniffi::Object)]
pub struct Exchange {
    path: String,
    asked: Asked,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Everything that waits.
    Sync(Box<Mutex<PhoneRequest>>),
    /// An actor for a case.
    Actor {
        /// The case.
        case_id: CaseId,
        /// The request's body.
        body: Value,
    },
}

impl Exchange {
    pub(crate) fn sync(request: PhoneRequest) -> Self {
        let asked = Asked::Sync(Box::new(Mutex::new(request)));
        Self { path: drive::SYNC_PATH.to_owned(), asked }
    }

    pub(crate) fn actor(case_id: CaseId, body: Value) -> Self {
        Self { path: drive::actor_path(case_id), asked: Asked::Actor { case_id, body } }
    }

    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }
}

pub(crate) fn locked(request: &Mutex<PhoneRequest>) -> MutexGuard<'_, PhoneRequest> {
    request.lock().unwrap_or_else(PoisonError::into_inner)
}

#[uniffi::export]
impl Exchange {
    /// Where to post it, from the server's address on. Under a new `Idempotency-Key` and with the
    /// access token, as every command.
    #[must_use]
    pub fn path(&self) -> String {
        self.path.clone()
    }

    /// What the device's key is to sign, in this order; may be empty.
    #[must_use]
    pub fn texts_to_sign(&self) -> Vec<String> {
        match &self.asked {
            Asked::Sync(request) => drive::texts_to_sign(&locked(request)),
            Asked::Actor { .. } => Vec::new(),
        }
    }

    /// Takes the signatures, base64, in the order of [`Self::texts_to_sign`]; null where the device
    /// is not enrolled.
    pub fn sign(&self, signatures: Vec<Option<String>>) {
        if let Asked::Sync(request) = &self.asked {
            drive::sign(&mut locked(request), signatures);
        }
    }

    /// The body.
    ///
    /// # Errors
    /// [`PhoneError::Argument`] if it cannot be written so.
    pub fn body(&self, form: Form) -> Result<Vec<u8>, PhoneError> {
        let body = match &self.asked {
            Asked::Sync(request) => locked(request).to_json(),
            Asked::Actor { body, .. } => body.clone(),
        };
        match form {
            Form::Json => Ok(body.to_string().into_bytes()),
            Form::Cbor => {
                cbor::of_json(&body).map_err(|fault| PhoneError::Argument(fault.to_string()))
            }
        }
    }
}

impl From<Answer> for drive::Answer {
    fn from(answer: Answer) -> Self {
        let body = match answer.form {
            Form::Json => serde_json::from_slice(&answer.body).ok(),
            Form::Cbor => cbor::to_json(&answer.body).ok(),
        };
        // A body that cannot be read is as good as none: the engine tries again.
        Self {
            status: answer.status,
            body: body.unwrap_or_default(),
            retry_after_s: answer.retry_after_s,
        }
    }
}

/// What the phone's key signs when the customer agrees without signal; the signature goes into a
/// [`FieldEvent`](crate::FieldEvent) of the kind `deliver_agreement`. Hashes are 64 lower-case
/// hexadecimal digits, `signed_at` is in milliseconds by the phone's clock.
///
/// # Errors
/// [`PhoneError::Argument`] if an id is none.
#[uniffi::export]
pub fn agreement_to_sign(
    id: &str,
    case_id: &str,
    version_id: &str,
    sheet_sha256: &str,
    signed_at: i64,
    drawing_sha256: &str,
) -> Result<String, PhoneError> {
    let id: EventId = read("the agreement", id)?;
    let version: VersionId = read("the version", version_id)?;
    let at = Instant(signed_at);
    Ok(agreement_text(id.0, case(case_id)?, version, sheet_sha256, at, drawing_sha256))
}
