//! Who works when, and what they may be sent to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::case::GivenPosition;

/// Put a surveyor on the roster (C05).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateShiftRequest {
    /// Who.
    pub person_id: Uuid,
    /// `duty` or `on_call`.
    #[schema(max_length = 32)]
    pub kind: String,
    /// From.
    pub starts_at: DateTime<Utc>,
    /// To; at most 48 hours later.
    pub ends_at: DateTime<Utc>,
}

/// A turn on duty.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ShiftResponse {
    /// Id.
    pub id: Uuid,
    /// Who.
    pub person_id: Uuid,
    /// `duty` or `on_call`.
    pub kind: String,
    /// From.
    pub starts_at: DateTime<Utc>,
    /// To.
    pub ends_at: DateTime<Utc>,
}

/// The roster.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ShiftsResponse {
    /// Shifts that are not over, by when they start; at most 1,000.
    pub items: Vec<ShiftResponse>,
}

/// Say whether you can be sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DutyRequest {
    /// Whether you are on duty and reachable.
    pub on_duty: bool,
}

/// What was said about duty.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DutyResponse {
    /// Whether you are on duty and reachable.
    pub on_duty: bool,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What a surveyor can be sent to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SurveyorProfile {
    /// Skills by code, for example `injury`: 1 to 32 of a-z, 0-9, `_` and `-` each.
    #[schema(max_items = 32)]
    pub skills: Vec<String>,
    /// Vehicle classes by code, for example `truck` or `ev`.
    #[schema(max_items = 32)]
    pub vehicle_classes: Vec<String>,
    /// Where they start from when nothing newer is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<GivenPosition>,
}

/// Declare an interest: whose claims a surveyor must not handle (C21).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareInterestRequest {
    /// `plate` or `phone`.
    #[schema(max_length = 32)]
    pub kind: String,
    /// The number plate or phone number.
    #[schema(min_length = 1, max_length = 32)]
    pub value: String,
    /// Own, relative, friend, business: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub relation: String,
}

/// What was declared.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InterestResponse {
    /// Whose interest.
    pub person_id: Uuid,
    /// `plate` or `phone`.
    pub kind: String,
    /// When.
    pub declared_at: DateTime<Utc>,
}

/// What a case asks of its surveyor.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseNeeds {
    /// A skill by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub skill: Option<String>,
    /// A vehicle class by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub vehicle_class: Option<String>,
}
