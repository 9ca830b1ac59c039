//! What was written after a version stood.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::FieldWrite;

/// A push that came after a version was frozen, agreed or the case was closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Amendment {
    /// Id.
    pub id: Uuid,
    /// What it came after: `frozen`, `approved` or `closed`. That stays as it was.
    pub amends: String,
    /// The draft's epoch.
    pub epoch: u32,
    /// Its first number in the change log.
    pub from_lsn: u64,
    /// Its last number.
    pub to_lsn: u64,
    /// Whose work it is.
    pub person_id: Uuid,
    /// From which device.
    pub device_id: Option<Uuid>,
    /// What it changed in the draft.
    pub writes: Vec<FieldWrite>,
    /// When it came in.
    pub received_at: DateTime<Utc>,
    /// When a newer version took it up.
    pub covered_at: Option<DateTime<Utc>>,
    /// What a person made of it: `acknowledge` or `new_version`; absent while somebody has to look,
    /// unless a newer version took it up.
    pub decision: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Who decided so.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
}

/// What a person makes of an amendment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewAmendmentRequest {
    /// `acknowledge`: it is known and what was frozen, agreed or closed stands. `new_version`: it is to
    /// be taken into a new version; it stays on the list until one is frozen.
    #[schema(max_length = 16)]
    pub decision: String,
    /// Why, 1 to 500 bytes.
    #[schema(max_length = 500)]
    pub reason: String,
}

/// Amendments of a case, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AmendmentsResponse {
    /// The last 100.
    pub items: Vec<Amendment>,
}
