//! Negotiating amounts (C25), explaining (C14), visits (C22, C23, C28).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Record an offer, or an answer to the other side's last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordRoundRequest {
    /// The newest version.
    pub version_id: Uuid,
    /// Whose words they are: `insurer`, `customer`.
    pub side: String,
    /// `offer` (with an amount), `accept` or `reject` (the other side's last offer).
    #[serde(rename = "move")]
    pub action: String,
    /// The line; the total if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<Uuid>,
    /// What is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100000000000_i64)]
    pub amount_fen: Option<i64>,
    /// Why.
    #[schema(min_length = 1, max_length = 1000)]
    pub statement: String,
    /// Photos that were shown.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub photos: Vec<Uuid>,
    /// How it was said: `phone`, `on_site`.
    pub channel: String,
}

/// A round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoundResponse {
    /// Counts up within the version.
    pub ordinal: i64,
    /// `insurer`, `customer`.
    pub side: String,
    /// `offer`, `accept`, `reject`.
    #[serde(rename = "move")]
    pub action: String,
    /// The line; the total if absent.
    pub line_id: Option<Uuid>,
    /// What was offered or accepted.
    pub amount_fen: Option<i64>,
    /// Why.
    pub statement: String,
    /// Photos that were shown.
    pub photos: Vec<Uuid>,
    /// `page`, `phone`, `on_site`.
    pub channel: String,
    /// Who recorded it; absent for what the customer wrote on the page.
    pub recorded_by: Option<Uuid>,
    /// When.
    pub said_at: DateTime<Utc>,
}

/// Where a line or the total stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PointResponse {
    /// The line; the total if absent.
    pub line_id: Option<Uuid>,
    /// `agreed`, `open`.
    pub state: String,
    /// What both sides agreed on.
    pub agreed_fen: Option<i64>,
    /// The insurer's last offer.
    pub insurer_fen: Option<i64>,
    /// The customer's last offer.
    pub customer_fen: Option<i64>,
}

/// The negotiation of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NegotiationResponse {
    /// The version that is negotiated; absent before there is one.
    pub version_id: Option<Uuid>,
    /// What was agreed and what was not.
    pub points: Vec<PointResponse>,
    /// Every round about it.
    pub rounds: Vec<RoundResponse>,
    /// What was explained.
    pub explanations: Vec<ExplanationResponse>,
    /// Visits.
    pub visits: Vec<VisitResponse>,
}

/// Record what was explained to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// What was said.
    #[schema(min_length = 1, max_length = 2000)]
    pub words: String,
    /// What it rests on: `evidence`, `contract`, `law`, `police`, `standard`.
    pub basis: String,
    /// Photos that were shown.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub photos: Vec<Uuid>,
    /// `accepted`, `maintained`, `resurvey_wanted`.
    pub outcome: String,
}

/// An explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplanationResponse {
    /// The version it is about.
    pub version_id: Uuid,
    /// What was said.
    pub words: String,
    /// What it rests on.
    pub basis: String,
    /// Photos that were shown.
    pub photos: Vec<Uuid>,
    /// What came of it.
    pub outcome: String,
    /// Who explained.
    pub explained_by: Uuid,
    /// When.
    pub explained_at: DateTime<Utc>,
}

/// An independent adjuster or expert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VisitExpert {
    /// Name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// For whom they work.
    #[schema(min_length = 1, max_length = 200)]
    pub organisation: String,
    /// `adjuster`, `expert`.
    pub kind: String,
}

/// Agree on a visit with the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreeVisitRequest {
    /// `assessment`, `resurvey`, `joint_assessment` (needs an expert).
    pub purpose: String,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// When.
    pub starts_at: DateTime<Utc>,
    /// Where.
    #[schema(min_length = 1, max_length = 300)]
    pub place: String,
    /// Who comes besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expert: Option<VisitExpert>,
    /// How the customer consented: `phone`, `on_site`, `written`.
    pub customer_consent: String,
}

/// Move a visit or call it off, after explaining why (C23).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeVisitRequest {
    /// The new time; called off if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// What was explained to the customer.
    #[schema(min_length = 1, max_length = 500)]
    pub explanation: String,
    /// Who asked for it: `insurer`, `customer`.
    pub asked_by: String,
}

/// Record that a visit took place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordVisitRequest {
    /// When it really began.
    pub came_at: DateTime<Utc>,
    /// What was found.
    #[schema(min_length = 1, max_length = 2000)]
    pub result: String,
    /// `confirmed` (the sheet stands), `changed` (another version follows), `no_result`.
    pub outcome: String,
}

/// A visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VisitResponse {
    /// Id.
    pub id: Uuid,
    /// `assessment`, `resurvey`, `joint_assessment`.
    pub purpose: String,
    /// Why.
    pub reason: String,
    /// When.
    pub starts_at: DateTime<Utc>,
    /// Where.
    pub place: String,
    /// Who comes besides.
    pub expert: Option<VisitExpert>,
    /// How the customer consented.
    pub customer_consent: String,
    /// `agreed`, `cancelled`, `done`.
    pub status: String,
    /// When it really began.
    pub came_at: Option<DateTime<Utc>>,
    /// How late that was, in minutes; negative if early.
    pub late_by_minutes: Option<i64>,
    /// What was found.
    pub result: Option<String>,
    /// What came of it.
    pub outcome: Option<String>,
    /// How often it was moved.
    pub changes: Vec<VisitChange>,
    /// Who agreed on it for the insurer.
    pub made_by: Uuid,
}

/// A change of a visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VisitChange {
    /// The time before.
    pub before: DateTime<Utc>,
    /// The time after; called off if absent.
    pub after: Option<DateTime<Utc>>,
    /// What was explained to the customer.
    pub explanation: String,
    /// Who asked for it.
    pub asked_by: String,
    /// When it was changed.
    pub changed_at: DateTime<Utc>,
}
