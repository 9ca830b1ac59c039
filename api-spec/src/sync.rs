//! The outbox of a phone: what was done without signal, in order (A5.9).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::Problem;

/// Commands that waited on a phone.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncCommandsRequest {
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// The commands, oldest first, at most 100. Each is read by itself: one that cannot be read is
    /// refused and holds up none of the others.
    #[schema(value_type = Vec<SyncCommand>, max_items = 100)]
    pub commands: Vec<Value>,
}

/// The frame of one command; beside it stand the fields of the operation that `kind` names.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncCommand {
    /// Names the command, and the event that it makes: made by the device, the same on every try.
    pub id: Uuid,
    /// An operation: `record_contact`, `notify_delay`, `agree_arrival`, `record_arrival`,
    /// `waive_survey`, `complete_survey`, `accept_task` or `decline_task`. The last two also take
    /// `task_id`.
    #[schema(max_length = 64)]
    pub kind: String,
    /// The case.
    pub case_id: Uuid,
    /// When it happened, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// The other fields of the operation.
    #[serde(flatten)]
    #[schema(value_type = Object, additional_properties)]
    pub fields: serde_json::Map<String, Value>,
}

/// What became of the commands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncCommandsResponse {
    /// One result for each command, in the same order.
    pub results: Vec<SyncResult>,
}

/// What became of one command.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncResult {
    /// The command, if its id could be read.
    pub id: Option<Uuid>,
    /// `applied` now; `already_applied` by an earlier try; `refused`, so that a person has to look;
    /// `retry` when it could not be tried: it stays in the outbox.
    pub status: String,
    /// Lifecycle state of the case after an applied command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_status: Option<String>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}
