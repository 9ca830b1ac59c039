//! Verifying agreed versions (C27): authority, queue, decisions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How far the authority of a role reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleLimit {
    /// `verifier`, `manager`, `adjudicator`. The first two verify, the last adjudicates.
    pub role: String,
    /// By how much one decision may raise what was decided of the case before.
    pub single_fen: i64,
    /// The whole of a case, rescue included.
    pub case_fen: i64,
    /// Everything decided for one shop within the period; not limited if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_fen: Option<i64>,
    /// Everything that one person decided of one assessor within the period; not limited if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair_fen: Option<i64>,
    /// The period in days, 1 to 366.
    #[schema(minimum = 1, maximum = 366)]
    pub period_days: i64,
}

/// Put limits of authority in force for your branch and those below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAuthorityRequest {
    /// One row for each role; a role without a row has no authority.
    #[schema(min_items = 1, max_items = 10)]
    pub limits: Vec<RoleLimit>,
    /// Within how many hours an agreed version should be verified, 1 to 720; 24 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 720)]
    pub verify_within_hours: Option<i64>,
    /// From when on they hold; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<DateTime<Utc>>,
}

/// Limits of authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthorityResponse {
    /// Id.
    pub id: Uuid,
    /// Branch.
    pub branch_id: Uuid,
    /// Counts up within the branch.
    pub version: i64,
    /// The limits.
    pub limits: Vec<RoleLimit>,
    /// Within how many hours an agreed version should be verified.
    pub verify_within_hours: i64,
    /// From when on they hold.
    pub valid_from: DateTime<Utc>,
    /// Who set them.
    pub created_by: Uuid,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Let somebody use your authority for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegateRequest {
    /// Who may act for you.
    pub to: Uuid,
    /// From when on; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// Until when; at most 60 days.
    pub ends_at: DateTime<Utc>,
    /// Why.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// A delegation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DelegationResponse {
    /// Id.
    pub id: Uuid,
    /// Whose authority.
    pub from: Uuid,
    /// Who may use it.
    pub to: Uuid,
    /// From when on.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Take a delegation back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeDelegationRequest {}

/// Which page of the queue.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QueueQuery {
    /// `marks` (most first; the default), `amount` (largest first), `age` (longest waiting first).
    #[param(max_length = 10)]
    pub order: Option<String>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// A version that waits for a verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerificationItem {
    /// The case.
    pub case_id: Uuid,
    /// The agreed version.
    pub version_id: Uuid,
    /// Total and rescue.
    pub amount_fen: i64,
    /// How many things are to be looked at.
    pub marks: i64,
    /// Since when it waits.
    pub queued_at: DateTime<Utc>,
    /// Until when it should be decided.
    pub due_at: DateTime<Utc>,
    /// `running`, `at_risk`, `late`.
    pub clock: String,
    /// Who looks at it.
    pub started_by: Option<Uuid>,
    /// Since when.
    pub started_at: Option<DateTime<Utc>>,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarkItem {
    /// `far_from_list`, `far_from_similar`, `off_card`, `no_basis`, `not_explained`,
    /// `supplement_without_photo`, `total_loss`.
    pub code: String,
    /// Where in the draft, for example `lines/<id>/unit_price_fen`.
    pub path: String,
    /// What the sheet says.
    pub value: Option<i64>,
    /// What it was compared with.
    pub expected: Option<i64>,
}

/// Where the verification of a case stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerificationResponse {
    /// What waits, if anything does.
    pub waiting: Option<VerificationItem>,
    /// What is to be looked at in it.
    pub marks: Vec<MarkItem>,
    /// What was decided, latest first.
    pub decisions: Vec<DecisionResponse>,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionResponse {
    /// Id.
    pub id: Uuid,
    /// The version.
    pub version_id: Uuid,
    /// `verified`, `returned`, `adjusted`.
    pub outcome: String,
    /// Total and rescue.
    pub amount_fen: i64,
    /// When it began to wait.
    pub queued_at: DateTime<Utc>,
    /// When somebody began to look at it.
    pub started_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// By whom.
    pub decided_by: Uuid,
    /// With whose authority, if not their own.
    pub on_behalf_of: Option<Uuid>,
    /// Reasons line by line.
    pub remarks: Vec<Remark>,
    /// The assessor's answer, if they sent the same version again.
    pub answer: Option<String>,
}

/// A reason of the verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Remark {
    /// The line; the whole sheet if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<Uuid>,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// The amount that the verifier would accept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100000000000_i64)]
    pub proposed_fen: Option<i64>,
}

/// Begin to look at what waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartVerificationRequest {}

/// Verify exactly this version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyVersionRequest {
    /// The version that was looked at.
    pub version_id: Uuid,
    /// With whose authority, if not your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Uuid>,
}

/// Return a version with reasons; with amounts it is a proposal to adjust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnVersionRequest {
    /// The version that was looked at.
    pub version_id: Uuid,
    /// Reasons, line by line.
    #[schema(min_items = 1, max_items = 200)]
    pub remarks: Vec<Remark>,
    /// With whose authority, if not your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<Uuid>,
}

/// Send the same version to the verifier again, with an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerReturnRequest {
    /// The version that was returned.
    pub version_id: Uuid,
    /// Why it stands.
    #[schema(min_length = 1, max_length = 1000)]
    pub answer: String,
}
