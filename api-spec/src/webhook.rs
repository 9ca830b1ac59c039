//! Servers of others that are told when the status of a case changes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Register a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhookRequest {
    /// `shop` (the steps of cases whose customers go to it) or `core_system` (every event of your
    /// branch's cases and those below it).
    pub audience: String,
    /// The shop, for `shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_id: Option<Uuid>,
    /// `https:` and a public address.
    #[schema(max_length = 2000)]
    pub url: String,
}

/// End a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeWebhookRequest {}

/// A registered server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookResponse {
    /// Id.
    pub id: Uuid,
    /// `shop`, `core_system`.
    pub audience: String,
    /// The shop, for `shop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop_id: Option<Uuid>,
    /// Its cases are those of this branch and below.
    pub branch_id: Uuid,
    /// Where it is told.
    pub url: String,
    /// Who registered it.
    pub created_by: Uuid,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Since when it is told nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A registered server with what its keeper needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDetail {
    /// The registration.
    pub webhook: WebhookResponse,
    /// What messages are signed with: `whsec_` and base64, as Standard Webhooks writes it.
    pub secret: String,
    /// Cases whose next message was given up after its last try. What follows waits behind it, because
    /// each case is told in order. At most 200.
    pub stuck: Vec<StuckDelivery>,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StuckDelivery {
    /// The case.
    pub case_id: Uuid,
    /// The event.
    pub event_id: Uuid,
    /// Its place in the case's log.
    pub sequence: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// What the last try met.
    pub last_error: String,
}

/// Decide on a message that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleStuckRequest {
    /// The case.
    pub case_id: Uuid,
    /// `true` to try again from the beginning, `false` to leave this message out and go on.
    pub again: bool,
}

/// What a server is told: the body of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookMessage {
    /// The event: the same over retries, also in the header `webhook-id`.
    pub id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// Grows within the case; numbers may be left out.
    pub sequence: i64,
    /// What happened, by its stable name.
    pub step: String,
    /// When the server learned of it.
    pub at: DateTime<Utc>,
}
