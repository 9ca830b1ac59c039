//! Adjudicating verified claims (C33, C34).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Adjudicate a claim on exactly one verified version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjudicateClaimRequest {
    /// The version that was verified.
    pub version_id: Uuid,
    /// What the contract pays of it: from nothing to what was verified.
    #[schema(minimum = 0)]
    pub amount_fen: i64,
    /// The clauses that it follows from (C33), 1 to 20 of at most 200 characters each.
    #[schema(min_items = 1, max_items = 20)]
    pub clauses: Vec<String>,
    /// Why it is less than was verified, in words that can be told to the customer (C34); needed exactly
    /// then. At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// What a claim was adjudicated at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdjudicationResponse {
    /// Id.
    pub id: Uuid,
    /// The version.
    pub version_id: Uuid,
    /// What the contract pays of it.
    pub amount_fen: i64,
    /// What was verified of it.
    pub verified_fen: i64,
    /// The clauses that it follows from.
    pub clauses: Vec<String>,
    /// Why it is less than was verified.
    pub reason: Option<String>,
    /// Who adjudicated.
    pub decided_by: Uuid,
    /// When.
    pub decided_at: DateTime<Utc>,
}

/// The adjudications of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdjudicationsResponse {
    /// Latest first. More than one only where the case was opened again.
    pub items: Vec<AdjudicationResponse>,
}
