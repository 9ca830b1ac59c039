//! Cases as they are reported (C01-C03) and their event timeline.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::Warning;

/// What degrees are measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Datum {
    /// WGS-84: satellites and browsers.
    Wgs84,
    /// GCJ-02: map services in the mainland.
    Gcj02,
    /// BD-09: Baidu's maps.
    Bd09,
}

/// A place as it is given. It is converted to WGS-84, stored so, and answered so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenPosition {
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: f64,
    /// Radius of the 68 % circle in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100_000)]
    pub accuracy_m: Option<f64>,
    /// What the degrees are measured against; WGS-84 if absent. The software of map services in the
    /// mainland answers GCJ-02 or, Baidu's, BD-09, unless it is told otherwise. Outside the mainland, in
    /// Hong Kong, Macau and Taiwan too, they are not shifted and are taken as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datum: Option<Datum>,
}

/// A place on the ground.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Degrees north, WGS-84.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// Degrees east, WGS-84.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: f64,
    /// Radius of the 68 % circle in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100_000)]
    pub accuracy_m: Option<f64>,
}

/// Report a loss. Neither policy nor claim number is needed (C03).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportCaseRequest {
    /// Id made by the caller, so that a retry names the same case; made here if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Customer's name, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub customer_name: String,
    /// Who to call at the scene; the customer if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub contact_name: Option<String>,
    /// Number to call: a mainland mobile, or a landline with area code.
    #[schema(max_length = 32)]
    pub contact_phone: String,
    /// Number plate.
    #[schema(max_length = 32)]
    pub plate: String,
    /// Vehicle identification number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub vin: Option<String>,
    /// Policy number, if the caller has it at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub policy_no: Option<String>,
    /// When the loss happened.
    pub loss_at: DateTime<Utc>,
    /// Where the loss happened, in words, 1 to 300 characters.
    #[schema(min_length = 1, max_length = 300)]
    pub loss_place: String,
    /// Where the loss happened, as a position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<GivenPosition>,
    /// What happened, at most 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// Whether anybody is hurt.
    #[serde(default)]
    pub injured: bool,
    /// Whether the vehicle can be driven; unknown if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drivable: Option<bool>,
}

/// The saved case, with what to tell the caller.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReportCaseResponse {
    /// The case.
    pub case: CaseResponse,
    /// What to tell the caller now (C02).
    pub next_steps: NextSteps,
    /// Values that were accepted but look wrong.
    pub warnings: Vec<Warning>,
    /// Cases that may be the same accident.
    pub probable_duplicates: Vec<DuplicateCase>,
}

/// Text to read to the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextSteps {
    /// Chinese.
    #[serde(rename = "zh-CN")]
    pub zh_cn: String,
    /// English.
    pub en: String,
}

/// A case that may be the same accident.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DuplicateCase {
    /// The other case.
    pub case_id: Uuid,
    /// Its report number.
    pub report_no: String,
    /// Minutes between the two losses.
    pub minutes_apart: i64,
    /// Metres between the two places, if both are known.
    pub distance_m: Option<i64>,
}

/// A case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CaseResponse {
    /// Id.
    pub id: Uuid,
    /// Report number for people.
    pub report_no: String,
    /// Lifecycle state.
    pub status: String,
    /// Branch that handles the case.
    pub branch_id: Uuid,
    /// Customer's name.
    pub customer_name: String,
    /// Contact at the scene.
    pub contact_name: String,
    /// Number to call, normalised.
    pub contact_phone: String,
    /// Number plate, normalised.
    pub plate: String,
    /// Vehicle identification number.
    pub vin: Option<String>,
    /// Policy number.
    pub policy_no: Option<String>,
    /// When the loss happened.
    pub loss_at: DateTime<Utc>,
    /// Where, in words.
    pub loss_place: String,
    /// Where, as a position.
    pub position: Option<Position>,
    /// The datum that the position was given in, if it was converted: `gcj02` or `bd09`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_datum: Option<String>,
    /// What happened.
    pub description: Option<String>,
    /// Whether anybody is hurt.
    pub injured: bool,
    /// Whether the vehicle can be driven.
    pub drivable: Option<bool>,
    /// When the report was saved.
    pub reported_at: DateTime<Utc>,
    /// Version for `If-Match`.
    pub version: i64,
}

/// A case with its timeline.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CaseDetailResponse {
    /// The case.
    pub case: CaseResponse,
    /// What happened, in the order it was recorded.
    pub timeline: Vec<EventResponse>,
}

/// One entry of the event log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventResponse {
    /// Id, made by whoever saw it happen.
    pub id: Uuid,
    /// Position in the case's log, from 1.
    pub seq: i64,
    /// What happened.
    pub kind: String,
    /// Who did it: a person's id, `system` or `customer`.
    pub actor: String,
    /// When it happened, by corrected device time.
    pub occurred_at: DateTime<Utc>,
    /// When the server recorded it.
    pub recorded_at: DateTime<Utc>,
    /// Facts of this kind of event.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// What a list of cases is narrowed by.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListCasesQuery {
    /// Number plate, in any notation.
    #[param(max_length = 32)]
    pub plate: Option<String>,
    /// Number of the contact, in any notation.
    #[param(max_length = 32)]
    pub phone: Option<String>,
    /// Report number.
    #[param(max_length = 32)]
    pub report_no: Option<String>,
    /// Lifecycle state.
    #[param(max_length = 32)]
    pub status: Option<String>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}
