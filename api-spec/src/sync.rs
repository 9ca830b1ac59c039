//! The outbox of a phone: what was done without signal, in order (A5.9).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    draft::{SyncDraftRequest, SyncDraftResponse},
    evidence::{DeclarePhotosResponse, DeclaredPhoto},
    problem::Problem,
};

/// Commands that waited on a phone.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncCommandsRequest {
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// The commands, oldest first, at most 100. Each is read by itself: one that cannot be read is
    /// refused and holds up none of the others.
    #[schema(value_type = Vec<SyncCommand>, max_items = 100)]
    pub commands: Vec<Value>,
}

/// The frame of one command; beside it stand the fields of the operation that `kind` names.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncCommand {
    /// Names the command, and the event that it makes: made by the device, the same on every try.
    pub id: Uuid,
    /// An operation: `record_contact`, `notify_delay`, `agree_arrival`, `record_arrival`,
    /// `waive_survey`, `complete_survey`, `accept_task` or `decline_task`, which two also take `task_id`,
    /// or `deliver_agreement`, whose `signed_at` is `occurred_at`.
    #[schema(max_length = 64)]
    pub kind: String,
    /// The case.
    pub case_id: Uuid,
    /// When it happened, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// The other fields of the operation.
    #[serde(flatten)]
    #[schema(value_type = Object, additional_properties)]
    pub fields: serde_json::Map<String, Value>,
}

/// What became of the commands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncCommandsResponse {
    /// One result for each command, in the same order.
    pub results: Vec<SyncResult>,
}

/// What became of one command.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncResult {
    /// The command, if its id could be read.
    pub id: Option<Uuid>,
    /// `applied` now; `already_applied` by an earlier try; `refused`, so that a person has to look;
    /// `retry` when it could not be tried: it stays in the outbox.
    pub status: String,
    /// Lifecycle state of the case after an applied command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_status: Option<String>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Everything that waits on a phone, in one request. What one item is refused for holds up no other.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncPhoneRequest {
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// Commands of the outbox, oldest first, at most 100.
    #[serde(default)]
    #[schema(value_type = Vec<SyncCommand>, max_items = 100)]
    pub commands: Vec<Value>,
    /// Drafts to exchange, at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<PhoneDraft>, max_items = 50)]
    pub drafts: Vec<Value>,
    /// Photos to announce, by case, at most 50.
    #[serde(default)]
    #[schema(value_type = Vec<PhoneManifest>, max_items = 50)]
    pub manifests: Vec<Value>,
    /// Ask what changed in your cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<PhoneFeedRequest>,
}

/// One draft to exchange.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhoneDraft {
    /// The case.
    pub case_id: Uuid,
    /// Names the push, the same on every try; 1 to 128 visible ASCII characters.
    #[schema(max_length = 128)]
    pub push_id: String,
    /// The fields of the exchange of one draft.
    #[serde(flatten)]
    pub exchange: SyncDraftRequest,
}

/// Photos of one case to announce.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneManifest {
    /// The case.
    pub case_id: Uuid,
    /// 1 to 200 photos.
    #[schema(min_items = 1, max_items = 200)]
    pub photos: Vec<DeclaredPhoto>,
}

/// From where on a phone wants to hear of changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneFeedRequest {
    /// `cursor` of the answer before; absent at the first time, which tells only where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub after: Option<String>,
}

/// What became of everything.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncPhoneResponse {
    /// One result for each command, in the same order.
    pub commands: Vec<SyncResult>,
    /// One for each draft, in the same order.
    pub drafts: Vec<PhoneDraftResult>,
    /// One for each manifest, in the same order.
    pub manifests: Vec<PhoneManifestResult>,
    /// What changed, if it was asked for and could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<PhoneFeed>,
    /// The server's clock in milliseconds since 1970.
    pub server_time: i64,
}

/// What became of one draft.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhoneDraftResult {
    /// The case, if it could be read.
    pub case_id: Option<Uuid>,
    /// The answer of the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<SyncDraftResponse>,
    /// Or why there is none. From status 500 on it is to be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What became of one manifest.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhoneManifestResult {
    /// The case, if it could be read.
    pub case_id: Option<Uuid>,
    /// What the server has of the photos.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<DeclarePhotosResponse>,
    /// Or why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What changed in a phone's cases.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhoneFeed {
    /// In the order in which it happened.
    pub changes: Vec<PhoneChange>,
    /// Send as `after` the next time.
    pub cursor: String,
    /// Whether more waits behind the cursor.
    pub more: bool,
    /// The cursor was too old or is unknown here: read your cases anew.
    pub reset: bool,
}

/// One change of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhoneChange {
    /// The case.
    pub case_id: Uuid,
    /// What changed: the kind of an event such as `draft_synced`. With `task_offered` and
    /// `offer_lapsed`, also of cases that are not yours, your open offers have changed.
    pub topic: String,
    /// When.
    pub at: DateTime<Utc>,
}
