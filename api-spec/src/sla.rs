//! Alarms and limits of the promises to customers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What somebody was told about a promise.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AlarmResponse {
    /// Id.
    pub id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// Which clock, for example `arrival`.
    pub clock: String,
    /// `at_risk`, `breached` or `explained`.
    pub kind: String,
    /// Who is to act: `dispatcher` or `manager`.
    pub audience: String,
    /// The limit that it is about.
    pub limit_at: Option<DateTime<Utc>>,
    /// When it was raised.
    pub raised_at: DateTime<Utc>,
    /// When it was over; absent while somebody has to act.
    pub cleared_at: Option<DateTime<Utc>>,
    /// `done`, `over_late`, `limit_moved`, `void`, or `late_sync`: what happened in time was heard of late.
    pub cleared_by: Option<String>,
    /// How the time behind it was corrected.
    pub note: Option<String>,
}

/// What a list of alarms is narrowed by.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAlarmsQuery {
    /// `open` for those that somebody has to act on.
    #[param(max_length = 32)]
    pub state: Option<String>,
    /// Only those of this case.
    pub case_id: Option<Uuid>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// One limit that a clock had.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitResponse {
    /// Which clock.
    pub clock: String,
    /// Counts up from 1 for each clock; the last one is in force.
    pub ordinal: i64,
    /// The limit; absent while the clock was paused.
    pub limit_at: Option<DateTime<Utc>>,
    /// Whether it rested on a year whose working days were not known.
    pub provisional: bool,
    /// `started`, `notice_imported`, or `moved` by the log.
    pub reason: String,
    /// When it was set.
    pub set_at: DateTime<Utc>,
}

/// Every limit that the clocks of a case had.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitsResponse {
    /// By clock and ordinal.
    pub items: Vec<LimitResponse>,
}

/// Let a clock stand still, or go on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseClockRequest {
    /// Why, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Give a clock a later limit.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendClockRequest {
    /// The new limit, later than the present one.
    pub until: DateTime<Utc>,
    /// Why, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// Whether the customer was told.
    pub customer_told: bool,
}

/// Enter a limit of the contract.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractLimitRequest {
    /// The limit in the shape of a promise's rule, for example `{"kind":"span","ms":1800000}`.
    #[schema(value_type = Object)]
    pub limit: serde_json::Value,
    /// Where the contract says so, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub clause: String,
}

/// How a clock stands after a command.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClockStandsResponse {
    /// Which clock.
    pub clock: String,
    /// For example `running` or `paused`.
    pub verdict: String,
    /// The limit; absent while the clock is paused.
    pub limit_at: Option<DateTime<Utc>>,
    /// Whether it rests on a year whose working days are not known.
    pub provisional: bool,
}
