//! The customer's agreement on a frozen version, for people of the insurer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Send the customer a link to the newest version.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateLinkRequest {
    /// The version; must be the newest.
    pub version_id: Uuid,
    /// Mobile number to send the link to; the contact of the case if absent. One-time codes go to
    /// the contact of the case all the same, if that number can receive them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub phone: Option<String>,
}

/// The link was sent. Its address is known to the customer only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkResponse {
    /// Id.
    pub id: Uuid,
    /// The version it shows.
    pub version_id: Uuid,
    /// Where it was sent, masked.
    pub sent_to: String,
    /// Where one-time codes go, masked.
    pub code_to: String,
    /// Who sent it.
    pub sent_by: Uuid,
    /// When.
    pub sent_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Where the agreement of a case stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgreementResponse {
    /// `none`, `open`, `objected`, `agreed`, `void`.
    pub state: String,
    /// Why it is void: `newer_version`, `newer_link`, `expired`.
    pub void_reason: Option<String>,
    /// The newest link.
    pub link: Option<LinkResponse>,
    /// The last code of the newest link.
    pub code: Option<CodeResponse>,
    /// Objections to the version of the newest link, oldest first.
    pub objections: Vec<ObjectionResponse>,
    /// The last agreement, even if a newer version made it void.
    pub agreed: Option<AgreedResponse>,
}

/// A one-time code, without the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeResponse {
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// How often another one was entered.
    pub wrong_tries: i64,
    /// When it was entered.
    pub used_at: Option<DateTime<Utc>>,
}

/// An objection (C14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectionResponse {
    /// `amount`, `missing_damage`, `wrong_item`, `cover`, `other`.
    pub reason: String,
    /// In the customer's words; may be empty.
    pub text: String,
    /// When.
    pub objected_at: DateTime<Utc>,
}

/// What the customer agreed on, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgreedResponse {
    /// The version.
    pub version_id: Uuid,
    /// Its number.
    pub number: i64,
    /// SHA-256 of its frozen bytes, hexadecimal.
    pub sheet_sha256: String,
    /// Its total.
    pub total_fen: i64,
    /// When.
    pub agreed_at: DateTime<Utc>,
    /// Why it does not hold any more: `newer_version`.
    pub void_reason: Option<String>,
    /// The sealed record: canonical JSON as text.
    pub record: String,
    /// Ed25519 signature over the bytes of the record, base64.
    pub signature: String,
    /// The seal key.
    pub key_id: String,
}

/// The form with the one-time code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AgreeForm {
    /// Six digits.
    #[schema(max_length = 32)]
    pub code: String,
}

/// The form with the objection.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ObjectForm {
    /// `amount`, `missing_damage`, `wrong_item`, `cover`, `other`.
    #[schema(max_length = 32)]
    pub reason: String,
    /// In the customer's words, at most 1,000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub text: String,
}
