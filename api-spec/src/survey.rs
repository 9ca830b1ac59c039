//! Field events: what a surveyor did, told now or hours later (C06-C10, C12, C15).
//!
//! Every request has the same frame: `id` names the event for ever and is the same on every try, so
//! no Idempotency-Key is needed. All times in a request are by the device's clock, and `device_now`
//! says what that clock shows while this try is sent: the server corrects them by the difference.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::case::{EventResponse, GivenPosition};

/// The surveyor called the customer (C06).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordContactRequest {
    /// Names the event: made by the device.
    pub id: Uuid,
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// When it happened, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// Whether the customer was spoken with. A failed attempt stops no clock.
    pub reached: bool,
    /// What was said happens next: `on_site`, `later` or `self_service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub plan: Option<String>,
    /// What else was said, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
    /// A time that was agreed for the assessment (C22), by the device's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment_at: Option<DateTime<Utc>>,
}

/// The customer was told of a delay and its reason (C10).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifyDelayRequest {
    /// Names the event: made by the device.
    pub id: Uuid,
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// When it happened, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// Why, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// When the surveyor will be there, by the device's clock.
    pub new_eta: DateTime<Utc>,
}

/// Another time of arrival was agreed with the customer (C09, C10).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreeArrivalRequest {
    /// Names the event: made by the device.
    pub id: Uuid,
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// When it happened, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// The agreed time, by the device's clock: from `occurred_at` to 7 days later.
    pub agreed_for: DateTime<Utc>,
    /// What else was said, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// The surveyor reached the scene (C09, C12).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordArrivalRequest {
    /// Names the event: made by the device.
    pub id: Uuid,
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// When it happened, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// Where the device was; absent where it had no fix, as in an underground garage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<GivenPosition>,
    /// Whether the device says that the position is made up by an app.
    #[serde(default)]
    pub mock: bool,
    /// Whether the staff number was shown to the customer.
    #[serde(default)]
    pub staff_shown: bool,
}

/// Nobody needs to go to the scene (C07, C08).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiveSurveyRequest {
    /// Names the event: made by the device.
    pub id: Uuid,
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// When it happened, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// Why, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// Whether the customer wants somebody to come all the same.
    #[serde(default)]
    pub customer_insists: bool,
    /// Why nobody goes although the customer insists: `force_majeure`, `out_of_area` or `other`.
    /// Required then (C08).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub exception: Option<String>,
}

/// The survey is complete (C13, C15).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteSurveyRequest {
    /// Names the event: made by the device.
    pub id: Uuid,
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// When it happened, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// Whether the customer was told which documents are needed (C15).
    #[serde(default)]
    pub formalities_told: bool,
    /// Remarks, at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// What stands in the log now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FieldEventResponse {
    /// The event. Its data say how far the time can be trusted and, for an arrival, how far from the
    /// place of loss it was.
    pub event: EventResponse,
    /// Lifecycle state of the case now.
    pub case_status: String,
    /// Whether it stood there before this request.
    pub already_known: bool,
}

/// How the promises of a case stand.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClocksResponse {
    /// The case.
    pub case_id: Uuid,
    /// When this was computed.
    pub as_of: DateTime<Utc>,
    /// The promise the case was opened under.
    pub promise_code: String,
    /// Its version.
    pub promise_version: u32,
    /// What the arrival limit is judged by: `urban` or `other`; absent before the first assignment.
    pub zone_class: Option<String>,
    /// Version of the zones that said so.
    pub zone_version: Option<i64>,
    /// The clocks: dispatch, first contact and arrival always, proxy once it matters.
    pub clocks: Vec<ClockResponse>,
    /// The running clock whose limit is nearest.
    pub next: Option<String>,
}

/// One clock.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClockResponse {
    /// `dispatch`, `first_contact`, `arrival` or `proxy`.
    pub clock: String,
    /// `not_started`, `running`, `at_risk`, `met`, `breached`, `explained` or `ended`.
    pub verdict: String,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// The last instant that keeps the promise.
    pub limit_at: Option<DateTime<Utc>>,
    /// When it stopped.
    pub stopped_at: Option<DateTime<Utc>>,
    /// When the server heard of the stop.
    pub stop_recorded_at: Option<DateTime<Utc>>,
    /// Time left, or left over, in milliseconds; negative when the limit ran out.
    pub margin_ms: Option<i64>,
    /// `certain`, `corrected` or `doubtful`.
    pub confidence: String,
    /// Whether the promise was kept although the server heard of it only after the limit.
    pub cleared_by_late_sync: bool,
}
