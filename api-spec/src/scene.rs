//! Around the scene: proof of arrival, insistence, rescue, and surveys by another unit.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How well an arrival is proven.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ArrivalProofResponse {
    /// The case.
    pub case_id: Uuid,
    /// When the surveyor says they arrived.
    pub claimed_at: DateTime<Utc>,
    /// `proven`, `plausible` or `doubtful`.
    pub grade: String,
    /// What speaks for it: `claimed_inside`, `dwell_inside`, `photo_inside`, `customer_confirmed`.
    pub for_it: Vec<String>,
    /// What speaks against it: `claimed_outside`, `photo_outside`, `mock_location`, `impossible_speed`,
    /// `reused_fix`, `no_position`. Photos are those of the surveyor that have arrived, taken from five
    /// minutes before to a quarter of an hour after; one inside is enough.
    pub against: Vec<String>,
    /// When the track entered the fence to stay.
    pub entered_at: Option<DateTime<Utc>>,
    /// How many points of the track were looked at.
    pub points: usize,
}

/// The customer insists that somebody comes (C08).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InsistRequest {
    /// What the customer said, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub words: String,
}

/// Offer help for a vehicle that cannot move (C17).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferRescueRequest {
    /// Who would come, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub provider: String,
    /// What it costs, told beforehand.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub fee_fen: i64,
    /// Who pays: `insurer` or `customer`, told beforehand.
    #[schema(max_length = 32)]
    pub payer: String,
}

/// The customer's answer to an offer of help.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRescueRequest {
    /// Whether they accept, fee and payer included.
    pub accepted: bool,
}

/// Call the rescue unit.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallRescueRequest {}

/// Help for a vehicle that cannot move.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RescueResponse {
    /// Id.
    pub id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// Who would come.
    pub provider: String,
    /// What it costs.
    pub fee_fen: i64,
    /// Who pays.
    pub payer: String,
    /// When it was offered.
    pub offered_at: DateTime<Utc>,
    /// `accepted` or `refused`.
    pub answer: Option<String>,
    /// When the unit was called.
    pub called_at: Option<DateTime<Utc>>,
}

/// Say that the loss is outside the province (C11).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NeedProxyRequest {
    /// Where, 1 to 300 characters.
    #[schema(min_length = 1, max_length = 300)]
    pub place: String,
}

/// Arrange that another unit surveys (C11).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrangeProxyRequest {
    /// The unit, 1 to 100 characters: it is told to the customer.
    #[schema(min_length = 1, max_length = 100)]
    pub unit: String,
    /// Its branch, where it is one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_id: Option<Uuid>,
    /// Who comes.
    #[schema(min_length = 1, max_length = 100)]
    pub contact_name: String,
    /// Their number.
    #[schema(min_length = 1, max_length = 32)]
    pub contact_phone: String,
}

/// Where the vehicle of an out-of-area case is repaired (C47).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreeRepairPlaceRequest {
    /// Where the insured wishes it to be repaired, 1 to 300 characters.
    #[schema(min_length = 1, max_length = 300)]
    pub wish: String,
    /// What was agreed on, if it is not the wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 300)]
    pub agreed: Option<String>,
    /// Why the wish is not followed, 1 to 500 characters; needed then, and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

/// What units say to each other about a case (C46).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteUnitRequest {
    /// 1 to 2,000 characters.
    #[schema(min_length = 1, max_length = 2_000)]
    pub text: String,
}

/// One message between units.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnitMessage {
    /// Id.
    pub id: Uuid,
    /// The unit that wrote it.
    pub branch_id: Uuid,
    /// Who wrote it.
    pub person_id: Uuid,
    /// What.
    pub text: String,
    /// When.
    pub sent_at: DateTime<Utc>,
}

/// Enter what one unit owes another (C48).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnterFeeRequest {
    /// Who is owed.
    pub creditor_id: Uuid,
    /// Who owes: another branch, never a customer.
    pub debtor_id: Uuid,
    /// How much.
    #[schema(minimum = 1, maximum = 100_000_000)]
    pub amount_fen: i64,
    /// What for, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// What one unit owes another.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnitFee {
    /// Id.
    pub id: Uuid,
    /// For which case.
    pub case_id: Uuid,
    /// Who is owed.
    pub creditor_id: Uuid,
    /// Who owes.
    pub debtor_id: Uuid,
    /// How much.
    pub amount_fen: i64,
    /// What for.
    pub reason: String,
    /// When it was entered.
    pub entered_at: DateTime<Utc>,
    /// When the creditor said that it was paid.
    pub settled_at: Option<DateTime<Utc>>,
}

/// The creditor was paid.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleFeeRequest {}

/// Which amounts between units.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LedgerQuery {
    /// Entered from then on.
    pub from: DateTime<Utc>,
    /// And before this; at most 366 days later.
    pub to: DateTime<Utc>,
    /// The branch, yours or one below it; yours if absent.
    pub branch_id: Option<Uuid>,
}

/// What is open between your unit and another one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnitBalance {
    /// The other unit.
    pub branch_id: Uuid,
    /// What it owes you.
    pub owed_to_us_fen: i64,
    /// What you owe it.
    pub owed_by_us_fen: i64,
}

/// What a unit and others owe each other (C48).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LedgerResponse {
    /// The unit.
    pub branch_id: Uuid,
    /// The amounts, in the order of entry.
    pub items: Vec<UnitFee>,
    /// What of them is not settled, with each other unit.
    pub open: Vec<UnitBalance>,
}

/// A case that your unit surveys for another one.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnitCaseItem {
    /// The case.
    pub case_id: Uuid,
    /// Its report number.
    pub report_no: String,
    /// Its state.
    pub case_status: String,
    /// The branch that handles it.
    pub for_branch_id: Uuid,
    /// Your unit, as told to the customer.
    pub unit: String,
    /// When it was arranged.
    pub arranged_at: DateTime<Utc>,
}

/// What the unit that surveys has to know of a case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnitCase {
    /// Id.
    pub id: Uuid,
    /// Report number.
    pub report_no: String,
    /// Its state.
    pub status: String,
    /// Number plate.
    pub plate: String,
    /// Where, in words.
    pub loss_place: String,
    /// Where, if it is known exactly.
    pub lat: Option<f64>,
    /// The same.
    pub lon: Option<f64>,
    /// Contact at the scene.
    pub contact_name: String,
    /// Number to call.
    pub contact_phone: String,
}

/// How a case stands between units.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UnitsResponse {
    /// The case, for the unit that surveys.
    pub case: UnitCase,
    /// The unit that surveys, as told to the customer.
    pub unit: Option<String>,
    /// Who comes.
    pub contact_name: Option<String>,
    /// Their number.
    pub contact_phone: Option<String>,
    /// What they wrote to each other.
    pub messages: Vec<UnitMessage>,
    /// What they owe each other.
    pub fees: Vec<UnitFee>,
}

/// Something was written down.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NotedResponse {
    /// The case.
    pub case_id: Uuid,
    /// Its state now.
    pub case_status: String,
}
