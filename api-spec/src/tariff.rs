//! What the insurer gives for a loss sheet: rate cards, price lists, the terms of the policy.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Rates and discounts. Shares and fees are in basis points, 0 to 10,000; a discount is the share that
/// is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateCardFields {
    /// Price of one labor hour by labor type.
    #[serde(default)]
    pub hourly_fen: BTreeMap<String, i64>,
    /// Management fee on parts.
    #[serde(default)]
    pub parts_management_bp: i64,
    /// Management fee on labor.
    #[serde(default)]
    pub labor_management_bp: i64,
    /// Discount on parts; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts_discount_bp: Option<i64>,
    /// Discount on labor by labor type.
    #[serde(default)]
    pub labor_discount_bp: BTreeMap<String, i64>,
    /// Discount on each painted panel when there are many; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_panel_discount_bp: Option<i64>,
    /// How many panels are many, 2 to 100; 2 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_panel_from: Option<i64>,
    /// Share of the actual value from which a total loss is suggested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_loss_from_bp: Option<i64>,
    /// How far a price may be from the list before the verifier is told; 2,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_bp: Option<i64>,
}

/// Put a rate card in force for your branch and those below it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRateCardRequest {
    /// `one`, `two`, `three`, or `any`.
    pub shop_class: String,
    /// From when on it holds; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<DateTime<Utc>>,
    /// The rates.
    pub card: RateCardFields,
}

/// A rate card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RateCardResponse {
    /// Id.
    pub id: Uuid,
    /// Branch.
    pub branch_id: Uuid,
    /// Class of shops.
    pub shop_class: String,
    /// Counts up within branch and class.
    pub version: i64,
    /// The rates.
    pub card: RateCardFields,
    /// From when on it holds.
    pub valid_from: DateTime<Utc>,
    /// Who made it.
    pub created_by: Uuid,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A price list as CSV.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceListRequest {
    /// `parts` or `labor`.
    pub kind: String,
    /// UTF-8 with the head `code,name,source,price_yuan` (parts) or `code,name,labor_type,price_yuan`
    /// (labor, price of one operation). At most 20,000 rows.
    #[schema(max_length = 2000000)]
    pub csv: String,
    /// The version in force that the preview was made against; 0 for the first list. Importing
    /// needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces_version: Option<i64>,
}

/// What importing a list would change, or has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceListPreview {
    /// `parts` or `labor`.
    pub kind: String,
    /// The version in force; 0 if there is none.
    pub replaces_version: i64,
    /// The version that was imported; absent in a preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Rows of the list.
    pub items: i64,
    /// How many are new.
    pub added: i64,
    /// How many have another price or name.
    pub changed: i64,
    /// How many are no longer there.
    pub removed: i64,
    /// The first hundred differences.
    pub examples: Vec<PriceChange>,
}

/// A price that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceChange {
    /// Part number or code of the operation.
    pub code: String,
    /// Source of the part or labor type; empty if the list does not say.
    pub source: String,
    /// Name.
    pub name: String,
    /// Before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_fen: Option<i64>,
    /// After.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_fen: Option<i64>,
}

/// An imported list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceListResponse {
    /// Id.
    pub id: Uuid,
    /// Branch.
    pub branch_id: Uuid,
    /// `parts` or `labor`.
    pub kind: String,
    /// Counts up within branch and kind.
    pub version: i64,
    /// How many rows.
    pub items: i64,
    /// Who imported it.
    pub imported_by: Uuid,
    /// When.
    pub imported_at: DateTime<Utc>,
}

/// Terms of a policy (B2). Limits and deductibles are the contract's; nothing is assumed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyTerms {
    /// Own-damage cover: the sum insured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_damage_fen: Option<i64>,
    /// Third-party cover: its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_party_fen: Option<i64>,
    /// Compulsory cover: property limit with fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compulsory_at_fault_fen: Option<i64>,
    /// Compulsory cover: property limit without fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compulsory_no_fault_fen: Option<i64>,
    /// The insured's share of liability, basis points.
    pub liability_bp: i64,
    /// Deductible rate by fault, basis points.
    #[serde(default)]
    pub fault_rate_bp: i64,
    /// Sum of absolute deductible rates, basis points.
    #[serde(default)]
    pub absolute_rate_bp: i64,
    /// Absolute deductible of the own-damage cover.
    #[serde(default)]
    pub deductible_fen: i64,
    /// Paid already by the other side's compulsory cover.
    #[serde(default)]
    pub received_fen: i64,
}

/// Record the terms of the policy.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordPolicyRequest {
    /// The terms.
    pub terms: PolicyTerms,
    /// Where they were read: `core_system`, `policy_document`, `phone_query`.
    pub origin: String,
}

/// A policy snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyResponse {
    /// Counts up within the case.
    pub number: i64,
    /// The terms.
    pub terms: PolicyTerms,
    /// Where they were read.
    pub origin: String,
    /// Who recorded them.
    pub taken_by: Uuid,
    /// When.
    pub taken_at: DateTime<Utc>,
}

/// What a sheet of this case would be made under now: for the phone to compute the same offline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CaseTermsResponse {
    /// The rate card in force, for the shop that the customer chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_card: Option<RateCardResponse>,
    /// The newest policy snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyResponse>,
    /// The price lists in force.
    pub price_lists: Vec<PriceListResponse>,
}
