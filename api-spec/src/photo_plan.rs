//! Photo plans: which photos each kind of accident needs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Photo plans for every kind of accident, as an operator gives them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportPhotoPlansRequest {
    /// What is new in them, for those who read the list of versions.
    #[schema(min_length = 1, max_length = 200)]
    pub note: String,
    /// The plan of each kind: `single_vehicle`, `collision`, `injury`, `glass`, `scratch` and `flood`,
    /// all of them; 1 to 40 slots each, in the order in which they are taken.
    pub plans: BTreeMap<String, Vec<PlanSlotFields>>,
}

/// One kind of photo of a plan, as an operator gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanSlotFields {
    /// What it shows, each slot once in a plan.
    #[schema(max_length = 64)]
    pub slot: String,
    /// How many at least; 0: only if there is something to show.
    #[schema(minimum = 0, maximum = 20)]
    pub least: i64,
    /// Pixels of the shorter side at least.
    #[schema(minimum = 0, maximum = 16000)]
    pub shorter_side: i64,
}

/// A version of the photo plans.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotoPlansResponse {
    /// From 1; 0 are the plans that come with the server.
    pub version: i64,
    /// What is new in them.
    pub note: String,
    /// The plan of each kind of accident.
    pub plans: BTreeMap<String, Vec<PlanSlotFields>>,
    /// Since when cases begin with them; absent for version 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_at: Option<DateTime<Utc>>,
    /// Who gave them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_by: Option<Uuid>,
}
