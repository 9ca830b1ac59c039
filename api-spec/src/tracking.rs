//! Links on which customers see the surveyor approach.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Send a link to the contact of the case.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTrackingRequest {}

/// A link that is on its way; its address goes to the customer only.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TrackingResponse {
    /// The task.
    pub task_id: Uuid,
    /// It ends then at the latest; on arrival, or when somebody else is sent, before.
    pub expires_at: DateTime<Utc>,
}
