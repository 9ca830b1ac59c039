//! What is promised to customers: profiles of limits, and the working days that some are counted in.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What the yearly notice of the State Council says of one year.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportWorkingDaysRequest {
    /// The year.
    #[schema(minimum = 2000, maximum = 2099)]
    pub year: i32,
    /// Days off; ordinary weekends need not be listed.
    #[schema(min_items = 7, max_items = 366)]
    pub days_off: Vec<NaiveDate>,
    /// Weekend days that are worked to make up for them.
    #[schema(max_items = 120)]
    pub make_up_working_days: Vec<NaiveDate>,
    /// The notice, for example its number and date; 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub source: String,
}

/// The working days of a year.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkingYearResponse {
    /// The year.
    pub year: i32,
    /// 0 for what ships with the product; counts up with each import.
    pub version: i64,
    /// Whether limits are counted by it.
    pub in_force: bool,
    /// The notice.
    pub source: String,
    /// When it was imported; absent for what ships with the product.
    pub imported_at: Option<DateTime<Utc>>,
    /// Days off.
    pub days_off: Vec<NaiveDate>,
    /// Weekend days that are worked.
    pub make_up_working_days: Vec<NaiveDate>,
}

/// The working days of all known years.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkingYearsResponse {
    /// By year, older versions included. A limit that touches any other year is provisional.
    pub items: Vec<WorkingYearResponse>,
}

/// A promise of a province or an insurer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportPromiseRequest {
    /// Name, for example `zhejiang-2010`: 1 to 64 of a-z, 0-9 and `-`.
    #[schema(min_length = 1, max_length = 64)]
    pub code: String,
    /// Counts up from 1 within the code; a version is never changed.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub version: u32,
    /// Cases reported from then on fall under it.
    pub valid_from: DateTime<Utc>,
    /// Cases reported at or after this time no longer do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<DateTime<Utc>>,
    /// When offices open, in minutes of the day in Asia/Shanghai; 9:00 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_440)]
    pub office_open_minute: Option<u16>,
    /// When offices close; 17:00 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_440)]
    pub office_close_minute: Option<u16>,
    /// One rule for each clock, in the shape in which they are listed. Clocks that are not named keep the
    /// rule of the shipped promise.
    #[schema(value_type = Vec<Object>, max_items = 64)]
    pub rules: Vec<serde_json::Value>,
}

/// A promise.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PromiseResponse {
    /// Name.
    pub code: String,
    /// Version.
    pub version: u32,
    /// Cases reported from then on fall under it.
    pub valid_from: DateTime<Utc>,
    /// Cases reported at or after this time no longer do.
    pub valid_until: Option<DateTime<Utc>>,
    /// When offices open, in minutes of the day.
    pub office_open_minute: u16,
    /// When offices close.
    pub office_close_minute: u16,
    /// One rule for each clock: what starts and stops it, its limit, when to warn.
    #[schema(value_type = Vec<Object>)]
    pub rules: Vec<serde_json::Value>,
}

/// Every known promise.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PromisesResponse {
    /// By code and version, old ones included: cases were opened under them.
    pub items: Vec<PromiseResponse>,
    /// Which promise each branch chose, for itself and those below it.
    pub choices: Vec<PromiseChoice>,
}

/// Which promise the cases of a branch are opened under.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromiseChoice {
    /// The branch; those below it follow unless they chose themselves.
    pub branch_id: Uuid,
    /// The promise.
    #[schema(min_length = 1, max_length = 64)]
    pub code: String,
}
