//! Repair shops and the customer's own choice among them (C18, C19).

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::problem::Warning;

/// Class of a repair shop by the maintenance authority; one is the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShopClass {
    /// Class one (一类).
    One,
    /// Class two (二类).
    Two,
    /// Class three (三类).
    Three,
}

/// Add a shop to the registry.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateShopRequest {
    /// Id made by the caller; made here if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Name, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Address, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub address: String,
    /// Number to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub phone: Option<String>,
    /// Class.
    pub class: ShopClass,
    /// Number of the licence or filing, 1 to 64 characters; names one shop.
    #[schema(min_length = 1, max_length = 64)]
    pub licence_no: String,
    /// The last day on which the licence is in force, Beijing time.
    pub licence_valid_until: NaiveDate,
    /// Unified social credit code, 18 characters.
    #[schema(max_length = 64)]
    pub credit_code: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<crate::case::GivenPosition>,
    /// When it is open, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub hours: Option<String>,
}

/// A repair shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShopResponse {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Address.
    pub address: String,
    /// Number to call.
    pub phone: Option<String>,
    /// Class.
    pub class: ShopClass,
    /// Number of the licence or filing.
    pub licence_no: String,
    /// The last day on which the licence is in force, Beijing time.
    pub licence_valid_until: NaiveDate,
    /// Unified social credit code, normalised.
    pub credit_code: String,
    /// Whether staff may mention it to a customer who asks (C19); never that they must.
    pub may_be_recommended: bool,
    /// Why it may not: `class_below_two`, `licence_expired`.
    pub not_recommended_because: Vec<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Version.
    pub version: i64,
}

/// The saved shop.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CreateShopResponse {
    /// The shop.
    pub shop: ShopResponse,
    /// Values that were accepted but look wrong.
    pub warnings: Vec<Warning>,
}

/// What every screen that shows shops must say (C18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FreeChoice {
    /// Chinese.
    #[serde(rename = "zh-CN")]
    pub zh_cn: String,
    /// English.
    pub en: String,
}

/// A page of shops. None of them is a default, and the order says nothing about them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ShopListResponse {
    /// What must be shown with the list.
    pub free_choice: FreeChoice,
    /// The shops, in the order in which they were added.
    pub items: Vec<ShopResponse>,
    /// Send this as `cursor` to get the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What a list of shops is narrowed by.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListShopsQuery {
    /// Part of the name.
    #[param(max_length = 100)]
    pub name: Option<String>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// Record the shop that the customer chose. Exactly one of `shop_id` and `other_shop`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseShopRequest {
    /// Id of the event, made by whoever heard the choice; made here if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// A shop of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_id: Option<Uuid>,
    /// Any other shop: the choice is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_shop: Option<OtherShop>,
    /// That the customer was told that the choice is free; must be true.
    pub free_choice_told: bool,
    /// When the customer chose, if that was not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_at: Option<DateTime<Utc>>,
}

/// A shop that is not in the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OtherShop {
    /// Name, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Number to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub phone: Option<String>,
}

/// The customer's choice that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShopChoiceResponse {
    /// The case.
    pub case_id: Uuid,
    /// The shop of the registry, if it is one.
    pub shop_id: Option<Uuid>,
    /// The shop, if it is not in the registry.
    pub other_shop: Option<OtherShop>,
    /// When the customer chose.
    pub chosen_at: DateTime<Utc>,
    /// Who recorded the choice.
    pub recorded_by: Uuid,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// Name shops to the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendShopsRequest {}

/// Shops that may be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecommendedShopsResponse {
    /// Said first: any shop may be chosen (C18).
    pub free_choice: FreeChoice,
    /// The shops, nearest first and in turns.
    pub shops: Vec<RecommendedShop>,
}

/// A shop that may be named (C19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecommendedShop {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Address.
    pub address: String,
    /// Phone number.
    pub phone: Option<String>,
    /// `one`, `two`.
    pub class: String,
    /// When it is open, in words.
    pub hours: Option<String>,
    /// From the scene, if both places are known.
    pub distance_m: Option<i64>,
}

/// How far a repair is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportProgressRequest {
    /// `received`, `dismantled`, `parts_ordered`, `parts_arrived`, `repairing`, `completed`,
    /// `delivered`.
    pub stage: String,
    /// Remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub words: Option<String>,
}

/// Ask for a supplement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestSupplementRequest {
    /// What was found.
    #[schema(min_length = 1, max_length = 1000)]
    pub words: String,
}

/// Answer a request for a supplement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerSupplementRequest {
    /// Whether another version follows.
    pub accepted: bool,
    /// Why.
    #[schema(min_length = 1, max_length = 1000)]
    pub answer: String,
}

/// What a shop told of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepairResponse {
    /// How far it is, oldest first.
    pub progress: Vec<ProgressResponse>,
    /// Its requests, oldest first.
    pub supplements: Vec<SupplementResponse>,
}

/// A step of a repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProgressResponse {
    /// Which.
    pub stage: String,
    /// Remark.
    pub words: String,
    /// When.
    pub reported_at: DateTime<Utc>,
}

/// A request for a supplement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SupplementResponse {
    /// Id.
    pub id: Uuid,
    /// What was found.
    pub words: String,
    /// `open`, `accepted`, `refused`.
    pub state: String,
    /// The assessor's answer.
    pub answer: Option<String>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
}

/// A request for a supplement that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenSupplement {
    /// Id.
    pub id: Uuid,
    /// The case; its photos name the request that they belong to.
    pub case_id: Uuid,
    /// Number of the loss report.
    pub report_no: String,
    /// Number plate.
    pub plate: String,
    /// The shop that asks.
    pub shop_id: Uuid,
    /// Its name.
    pub shop_name: String,
    /// What was found.
    pub words: String,
    /// When.
    pub requested_at: DateTime<Utc>,
}

/// The forms of the page behind a shop's link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShopLinkForm {
    /// What was found, 1 to 1,000 characters; of progress a remark of at most 500.
    #[schema(max_length = 1000)]
    pub words: String,
    /// Of progress: a stage of the repair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Pictures, at most 6; at most 24 MiB in all.
    #[serde(default)]
    #[schema(value_type = Vec<String>, format = Binary, max_items = 6)]
    pub photos: Vec<Vec<u8>>,
}

/// Send the shop that the customer chose a link to the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateShopLinkRequest {
    /// How long it holds, 1 to 30; 14 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 30)]
    pub days: Option<i64>,
}

/// Take a link back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeShopLinkRequest {}

/// A link that a shop was sent. Its address is known to the shop only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShopLinkResponse {
    /// Id.
    pub id: Uuid,
    /// The shop.
    pub shop_id: Uuid,
    /// `in_force`, `revoked`, `other_shop` (the customer goes elsewhere), `expired`.
    pub state: String,
    /// Who sent it.
    pub sent_by: Uuid,
    /// When.
    pub sent_at: DateTime<Utc>,
    /// Until when it holds.
    pub expires_at: DateTime<Utc>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}
