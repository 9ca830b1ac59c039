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
    /// An authorisation in force: link and codes go to the agent instead (C51).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorisation_id: Option<Uuid>,
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
    /// Agreements that were given without signal and do not hold, latest first.
    pub void_offline: Vec<VoidOffline>,
    /// What the customer agreed on while disputing some lines of the version of the newest link.
    pub partial: Option<PartialResponse>,
    /// The last agreement, even if a newer version made it void.
    pub agreed: Option<AgreedResponse>,
}

/// An agreement that was given without signal and does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoidOffline {
    /// Id.
    pub id: Uuid,
    /// `not_on_record`, `newer_version`, `already_agreed`, `not_now`.
    pub reason: String,
    /// When it was signed.
    pub signed_at: DateTime<Utc>,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
}

/// Agreement on some lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartialResponse {
    /// Lines that the customer does not agree on.
    pub disputed_lines: Vec<Uuid>,
    /// The amounts of all other covered lines together, before fees.
    pub agreed_fen: i64,
    /// When.
    pub agreed_at: DateTime<Utc>,
}

/// Everything that proves an agreement: verified offline with `chakan verify agreement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgreementBundle {
    /// 1.
    pub schema: u32,
    /// `loss_agreement_bundle`.
    pub kind: String,
    /// The sealed record: canonical JSON as text.
    pub record: String,
    /// Ed25519 signature over the bytes of the record, base64.
    pub signature: String,
    /// The seal key; public keys are at `/.well-known/seal-keys.json`.
    pub key_id: String,
    /// The frozen sheet: canonical JSON as text.
    pub sheet: String,
    /// The loss agreement as it was printed then, base64.
    pub pdf: Option<String>,
    /// What the customer drew, if anything.
    pub drawing: Option<String>,
    /// The entry of the case's chain of custody.
    pub custody_seq: Option<i64>,
    /// Its hash.
    pub custody_sha256: Option<String>,
}

/// Record that somebody may act for the insured (C51).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAuthorisationRequest {
    /// Name of the agent.
    #[schema(min_length = 1, max_length = 100)]
    pub agent_name: String,
    /// Mobile number of the agent.
    #[schema(max_length = 32)]
    pub agent_phone: String,
    /// For whom they act: `policyholder`, `insured`, `beneficiary`.
    pub principal_role: String,
    /// SHA-256 of the photo of the paper, hexadecimal.
    pub document_sha256: String,
    /// Until when; at most a year.
    pub valid_until: DateTime<Utc>,
}

/// End an authorisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeAuthorisationRequest {}

/// An authorisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthorisationResponse {
    /// Id.
    pub id: Uuid,
    /// Name of the agent.
    pub agent_name: String,
    /// Their number, masked.
    pub agent_phone: String,
    /// For whom they act.
    pub principal_role: String,
    /// SHA-256 of the photo of the paper.
    pub document_sha256: String,
    /// Until when.
    pub valid_until: DateTime<Utc>,
    /// Whether it holds now.
    pub in_force: bool,
    /// Who recorded it.
    pub recorded_by: Uuid,
    /// When.
    pub recorded_at: DateTime<Utc>,
}

/// An agreement that was given on the surveyor's phone without signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfflineAgreementRequest {
    /// Made by the phone.
    pub id: Uuid,
    /// The version that the customer read.
    pub version_id: Uuid,
    /// Its hash as the phone computed it, hexadecimal.
    pub sheet_sha256: String,
    /// When the customer signed, by the phone's clock.
    pub signed_at: DateTime<Utc>,
    /// What the phone's clock shows now.
    pub device_now: DateTime<Utc>,
    /// What the customer drew: `x,y x,y;x,y x,y` within 1000 by 400.
    #[schema(max_length = 8000)]
    pub drawing: String,
    /// The phone's signature, base64.
    #[schema(max_length = 128)]
    pub signature: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfflineAgreementResponse {
    /// Id.
    pub id: Uuid,
    /// The version that it names.
    pub version_id: Uuid,
    /// `confirmed`, `void`.
    pub state: String,
    /// Why it is void.
    pub void_reason: Option<String>,
    /// When it was signed, corrected.
    pub signed_at: DateTime<Utc>,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
}

/// The form of a complaint.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ComplainForm {
    /// In the customer's words, 1 to 1,000 characters.
    #[schema(max_length = 1000)]
    pub text: String,
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
    /// A drawn signature: strokes within 1000 by 400; optional.
    #[serde(default)]
    #[schema(max_length = 8000)]
    pub drawing: String,
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
    /// What the customer thinks is right for the total, in yuan; optional.
    #[serde(default)]
    #[schema(max_length = 20)]
    pub amount_yuan: String,
}
