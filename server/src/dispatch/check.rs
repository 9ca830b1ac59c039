//! From requests to checked answers: the same for one sent now and one from an outbox.

use api_spec::{
    dispatch::{AcceptTaskRequest, DeclineTaskRequest},
    problem::FieldError,
};
use chrono::{DateTime, Utc};
use sync_core::{
    ids::{CaseId, TaskId},
    time::Instant,
};

use super::tasks::{Answer, AnswerWord};
use crate::{
    case_log::Receipt,
    error::ApiError,
    wire::{self, Fields},
};

/// The task that an answer is for, and its case where the device names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The task.
    pub task: TaskId,
    /// Its case; an answer that names another one finds no task.
    pub case_id: Option<CaseId>,
}

/// Checks a yes.
///
/// # Errors
/// Refused fields.
pub fn check_accept(
    asked: Asked,
    request: &AcceptTaskRequest,
    now: Instant,
) -> Result<(Answer, Receipt), ApiError> {
    let (receipt, device_at) = times(request.device_now, request.occurred_at, now)?;
    Ok((Answer { id: request.id.into(), asked, device_at, word: AnswerWord::Accept }, receipt))
}

/// Checks a no.
///
/// # Errors
/// Refused fields.
pub fn check_decline(
    asked: Asked,
    request: &DeclineTaskRequest,
    now: Instant,
) -> Result<(Answer, Receipt), ApiError> {
    let (receipt, device_at) = times(request.device_now, request.occurred_at, now)?;
    let word = AnswerWord::Decline { reason: check_reason(&request.reason)? };
    Ok((Answer { id: request.id.into(), asked, device_at, word }, receipt))
}

pub(super) fn check_reason(reason: &str) -> Result<String, ApiError> {
    let mut fields = Fields::default();
    match fields.text("reason", reason, 1, 500) {
        Some(reason) => Ok(reason),
        None => Err(fields.refused()),
    }
}

fn times(
    device_now: DateTime<Utc>,
    occurred_at: DateTime<Utc>,
    now: Instant,
) -> Result<(Receipt, Instant), ApiError> {
    let refused = |error: FieldError| ApiError::invalid(vec![error]);
    let device_now = wire::instant("device_now", device_now).map_err(refused)?;
    let device_at = wire::instant("occurred_at", occurred_at).map_err(refused)?;
    Ok((Receipt::new(device_now, now), device_at))
}
