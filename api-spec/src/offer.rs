//! Leaving the sending to the system: offers, waves of cases, catastrophes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::case::Position;

/// A question to a surveyor whether they take a case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OfferResponse {
    /// Id.
    pub id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// Where, in words.
    pub loss_place: String,
    /// Where, as a position.
    pub position: Option<Position>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Until when it can be answered.
    pub expires_at: DateTime<Utc>,
    /// When they would be there.
    pub expected_at: Option<DateTime<Utc>>,
    /// `in_time`, `at_risk`, `late` or `unknown`.
    pub verdict: String,
}

/// Your offers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OffersResponse {
    /// Those that wait for an answer, the newest first.
    pub items: Vec<OfferResponse>,
}

/// Take what was offered.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptOfferRequest {}

/// Do not take what was offered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineOfferRequest {
    /// Why, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// What became of an offer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OfferOutcome {
    /// The offer.
    pub id: Uuid,
    /// `accepted` or `declined`.
    pub status: String,
    /// The task that follows from taking it.
    pub task_id: Option<Uuid>,
}

/// How a branch sends people.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchMode {
    /// `manual` or `automatic`.
    #[schema(max_length = 32)]
    pub mode: String,
    /// How long a surveyor may think about an offer, in seconds, 10 to 600; 60 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 10, maximum = 600)]
    pub offer_seconds: Option<i64>,
}

/// Solve a wave of cases at once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanBatchRequest {
    /// Only these; every case that nobody is on the way to if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 200)]
    pub case_ids: Option<Vec<Uuid>>,
    /// Whether to send the surveyors; otherwise the plan is only shown.
    pub send: bool,
}

/// The plan for a wave of cases.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BatchResponse {
    /// One for each case, the nearest limit first.
    pub items: Vec<BatchItem>,
    /// Lateness of the plan together, in milliseconds.
    pub lateness_ms: i64,
    /// Lateness if each case in turn took the best surveyor left, in milliseconds.
    pub lateness_in_turn_ms: i64,
    /// Cases that nobody could be sent to.
    pub without: usize,
    /// Whether the surveyors were sent.
    pub sent: bool,
}

/// The plan for one case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BatchItem {
    /// The case.
    pub case_id: Uuid,
    /// Who is to go.
    pub surveyor_id: Option<Uuid>,
    /// When they would be there.
    pub expected_at: Option<DateTime<Utc>>,
    /// Over the arrival limit, in milliseconds.
    pub late_by_ms: Option<i64>,
    /// The task, if they were sent.
    pub task_id: Option<Uuid>,
    /// Why, in words: who would be nearest to this case, and what that would cost others.
    pub why: String,
}

/// Declare a catastrophe (C58).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareCatastropheRequest {
    /// Name, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Why, 1 to 500 characters: it stands on every case.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// Until when; at most 30 days from now.
    pub ends_at: DateTime<Utc>,
    /// A branch at or above your own whose people share the work; your own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_with: Option<Uuid>,
    /// A longer arrival limit in town, in minutes; together with the other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4_320)]
    pub arrival_urban_minutes: Option<i64>,
    /// A longer arrival limit elsewhere, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 4_320)]
    pub arrival_other_minutes: Option<i64>,
}

/// A catastrophe that goes on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CatastropheResponse {
    /// Id.
    pub id: Uuid,
    /// The branch that it hit, with those below it.
    pub branch_id: Uuid,
    /// Name.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// Whose people share the work.
    pub shared_with: Uuid,
    /// The arrival limit in town that was ordered, in minutes.
    pub arrival_urban_minutes: Option<i64>,
    /// The arrival limit elsewhere that was ordered, in minutes.
    pub arrival_other_minutes: Option<i64>,
}

/// Catastrophes that go on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CatastrophesResponse {
    /// The earliest first.
    pub items: Vec<CatastropheResponse>,
}
