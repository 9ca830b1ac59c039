//! People, their devices and log-in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Log in with user name and password. Naming a device gets a refresh token bound to its key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// User name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub username: String,
    /// Password, 1 to 256 characters.
    #[schema(min_length = 1, max_length = 256)]
    pub password: String,
    /// The enrolled device this log-in comes from.
    pub device_id: Option<Uuid>,
}

/// Tokens after log-in or refresh.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// Send as `Authorization: Bearer ...`.
    pub access_token: String,
    /// When the access token ends.
    pub access_expires_at: DateTime<Utc>,
    /// Only for log-ins from an enrolled device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// When the refresh token ends, used or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// Who logged in.
    pub person: PersonResponse,
}

/// Exchange a refresh token for new tokens.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token.
    #[schema(max_length = 128)]
    pub refresh_token: String,
    /// Base64 Ed25519 signature by the device key over `chakan-refresh:` and the refresh token.
    #[schema(max_length = 128)]
    pub proof: String,
}

/// A person who can log in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonResponse {
    /// Id.
    pub id: Uuid,
    /// User name.
    pub username: String,
    /// Name shown to colleagues and customers.
    pub name: String,
    /// Staff number that must be shown to customers on request (C12).
    pub staff_no: Option<String>,
    /// Roles as codes.
    pub roles: Vec<String>,
    /// Branch.
    pub branch_id: Uuid,
    /// Repair shop, for shop users.
    pub shop_id: Option<Uuid>,
    /// When the log-in was switched off.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Version for `If-Match`.
    pub version: i64,
}
