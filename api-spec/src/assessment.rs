//! Frozen versions of the loss sheet (B1, C25, C26).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Freeze the draft as a version of the loss sheet.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeVersionRequest {
    /// Id made by the caller; made here if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The draft's heads that the caller looked at, 64 hexadecimal digits each.
    #[schema(min_items = 1, max_items = 64)]
    pub based_on: Vec<String>,
    /// Remark, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub note: Option<String>,
}

/// A frozen version. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionSummary {
    /// Id.
    pub id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// 1 for the first version of the case.
    pub number: i64,
    /// The draft's heads it was made from.
    pub heads: Vec<String>,
    /// SHA-256 of the draft's canonical bytes, hexadecimal.
    pub draft_sha256: String,
    /// SHA-256 of the frozen bytes, hexadecimal: what an agreement names.
    pub sheet_sha256: String,
    /// The total.
    pub total_fen: i64,
    /// The total in Chinese capitals.
    pub total_in_capitals: String,
    /// Rescue and towing, outside the total.
    pub rescue_fen: i64,
    /// Not covered, outside the total.
    pub uncovered_fen: i64,
    /// Borne by the customer, outside the total.
    pub self_borne_fen: i64,
    /// Remark.
    pub note: Option<String>,
    /// Who froze it.
    pub author: Uuid,
    /// When it was frozen.
    pub frozen_at: DateTime<Utc>,
}

/// A frozen version with its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionResponse {
    /// The version.
    pub version: VersionSummary,
    /// The sheet of each vehicle.
    pub vehicles: Vec<VehicleSheet>,
    /// Sums over all vehicles.
    pub totals: SheetTotals,
    /// What the policy would bear, where its terms are known.
    pub indicative: Option<IndicativeSplit>,
    /// The rate card it was made under: its version.
    pub rate_card_version: Option<i64>,
    /// The photos of this version.
    pub photos: Vec<Uuid>,
    /// The frozen bytes as text; their SHA-256 is `sheet_sha256`.
    pub canonical: String,
}

/// What changed between two versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ComparisonResponse {
    /// The number of the older version.
    pub from: i64,
    /// The number of the newer version.
    pub to: i64,
    /// Lines that differ; equal ones are left out.
    pub lines: Vec<LineChange>,
    /// Sums that differ.
    pub totals: Vec<FieldChange>,
    /// Rates that differ.
    pub rates: Vec<FieldChange>,
    /// Photos that only the newer version has.
    pub new_photos: Vec<Uuid>,
}

/// A line that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LineChange {
    /// The line.
    pub id: Uuid,
    /// Its vehicle.
    pub vehicle_id: Uuid,
    /// Its name.
    pub name: String,
    /// Before; absent for a line that was added.
    pub before_fen: Option<i64>,
    /// After; absent for a line that was taken off.
    pub after_fen: Option<i64>,
    /// What differs in a line that both have.
    pub fields: Vec<FieldChange>,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// Before.
    #[schema(value_type = Value)]
    pub before: serde_json::Value,
    /// After.
    #[schema(value_type = Value)]
    pub after: serde_json::Value,
}

/// What the policy would bear (B2): indicative, no promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndicativeSplit {
    /// Always true: what is paid follows from the contract and its adjudication.
    pub indicative: bool,
    /// The policy snapshot.
    pub policy_number: i64,
    /// The share of liability that was assumed, basis points.
    pub liability_bp: i64,
    /// Own-damage cover.
    pub own_damage_fen: i64,
    /// Rescue and towing.
    pub rescue_fen: i64,
    /// Compulsory cover.
    pub compulsory_fen: i64,
    /// Third-party cover.
    pub third_party_fen: i64,
    /// All together.
    pub insurer_fen: i64,
    /// What is left to the customer.
    pub customer_fen: i64,
}

/// How a repair stands to the value of the vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TotalLossHint {
    /// What it was worth.
    pub actual_value_fen: i64,
    /// The repair's share of that, basis points.
    pub share_bp: i64,
    /// `repair`, `constructive_total_loss`, `total_loss`: a suggestion, people decide.
    pub suggestion: String,
}

/// The sheet of one vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VehicleSheet {
    /// The vehicle in the draft.
    pub vehicle_id: Uuid,
    /// `own` or `third_party`.
    pub role: Option<String>,
    /// Number plate.
    pub plate: Option<String>,
    /// Brand and model.
    pub brand_model: Option<String>,
    /// Its lines.
    pub lines: Vec<SheetLine>,
    /// Its sums.
    pub totals: SheetTotals,
    /// Whether repair is worth while, where the actual value is known.
    pub total_loss: Option<TotalLossHint>,
}

/// A line of a sheet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SheetLine {
    /// The line in the draft.
    pub id: Uuid,
    /// `replace`, `repair`, `material`, `sublet`, `betterment`, `salvage`, `rescue`.
    pub kind: String,
    /// Part or operation.
    pub name: String,
    /// Part number.
    pub part_no: Option<String>,
    /// Where the price comes from.
    pub part_source: Option<String>,
    /// Labor type.
    pub labor_type: Option<String>,
    /// Quantity in thousandths.
    pub qty_milli: Option<i64>,
    /// Price of one.
    pub unit_price_fen: Option<i64>,
    /// Labor hours in thousandths.
    pub hours_milli: Option<i64>,
    /// Price of one labor hour.
    pub rate_fen: Option<i64>,
    /// What the price rests on: `list`, `quote`, `invoice`, `market`, `standard`, `negotiated`,
    /// `judgement`.
    pub price_basis: Option<String>,
    /// Which list, bill or offer that is.
    pub price_ref: Option<String>,
    /// The old part is taken back.
    pub part_returned: bool,
    /// Who keeps what is left: `insured`, `insurer`.
    pub kept_by: Option<String>,
    /// Share of the price that is paid, in basis points.
    pub discount_bp: i64,
    /// `covered`, `uncovered`, `self_borne`.
    pub cover: String,
    /// Why it is not covered, or why it is deducted (C26).
    pub reason: Option<String>,
    /// Told and explained to the customer (C26).
    pub explained: bool,
    /// Added after an agreement.
    pub supplement: bool,
    /// The rounded amount; negative for a deduction.
    pub amount_fen: i64,
}

/// The sums of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SheetTotals {
    /// Covered parts.
    pub parts_fen: i64,
    /// Covered labor.
    pub labor_fen: i64,
    /// Management fees.
    pub management_fee_fen: i64,
    /// Covered material.
    pub material_fen: i64,
    /// Covered work of other workshops.
    pub sublet_fen: i64,
    /// Deducted salvage.
    pub salvage_fen: i64,
    /// Deducted betterment.
    pub betterment_fen: i64,
    /// What the insurer would bear before deductibles.
    pub total_fen: i64,
    /// Rescue and towing, outside the total.
    pub rescue_fen: i64,
    /// Not covered, outside the total.
    pub uncovered_fen: i64,
    /// Borne by the customer, outside the total.
    pub self_borne_fen: i64,
}
