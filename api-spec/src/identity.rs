//! People, their devices and log-in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
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
    /// The enrolled device this log-in comes from; goes with `device_proof`.
    pub device_id: Option<Uuid>,
    /// Proof that the device holds its key; goes with `device_id`.
    pub device_proof: Option<DeviceProof>,
}

/// A signature by a device's key at one moment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceProof {
    /// When it was signed, in whole milliseconds, within five minutes of the server's time. If the
    /// device's clock is wrong, the answer's fact `server_time` says what to sign instead.
    pub at: DateTime<Utc>,
    /// Base64 Ed25519 signature over `chakan-login:<username>:<device_id>:<at>`, the user name as in
    /// the request and `at` as milliseconds since 1970.
    #[schema(max_length = 128)]
    pub signature: String,
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
    /// When the refresh token and all that follow from it end, used or not.
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

/// Enrol a device under the person who is logged in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolDeviceRequest {
    /// Made by the device, once for each installation.
    pub id: Uuid,
    /// Base64 Ed25519 public key, 32 bytes.
    #[schema(max_length = 64)]
    pub public_key: String,
    /// What its owner calls it, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// Kind and version of its system, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub platform: String,
    /// Base64 Ed25519 signature over `chakan-enrol:<id>:<person_id>`.
    #[schema(max_length = 128)]
    pub proof: String,
}

/// Revoke a device. Nothing is to be said about it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeDeviceRequest {}

/// A device with a key of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceResponse {
    /// Id.
    pub id: Uuid,
    /// Whose it is.
    pub person_id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// Kind and version of its system.
    pub platform: String,
    /// When it was enrolled.
    pub enrolled_at: DateTime<Utc>,
    /// When it was revoked; nothing it says counts since then.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who revoked it.
    pub revoked_by: Option<Uuid>,
}

/// Whose devices are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDevicesQuery {
    /// Your own if absent; managers and admins may name people of their branch.
    pub person_id: Option<Uuid>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// A person who can log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonResponse {
    /// Id.
    pub id: Uuid,
    /// User name.
    pub username: String,
    /// Name shown to colleagues and customers.
    pub name: String,
    /// Staff number that must be shown to customers on request (C12).
    pub staff_no: Option<String>,
    /// Phone number at work.
    pub phone: Option<String>,
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

/// Create a person who can log in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePersonRequest {
    /// User name: 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9._-]{1,64}$")]
    pub username: String,
    /// Name shown to colleagues and customers, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// First password, 10 to 256 characters and not the user name.
    #[schema(min_length = 10, max_length = 256)]
    pub password: String,
    /// Role codes, at least one; `shop` stands alone.
    #[schema(min_items = 1, max_items = 12)]
    pub roles: Vec<String>,
    /// Branch: yours or one below it.
    pub branch_id: Uuid,
    /// Repair shop: for the role `shop`, and for no other.
    pub shop_id: Option<Uuid>,
    /// Staff number, 1 to 32 characters.
    #[schema(min_length = 1, max_length = 32)]
    pub staff_no: Option<String>,
    /// Phone number at work.
    #[schema(max_length = 32)]
    pub phone: Option<String>,
}

/// Change a person; what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePersonRequest {
    /// Name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    /// New password, 10 to 256 characters and not the user name; ends every log-in of the person that
    /// a refresh token keeps alive.
    #[schema(min_length = 10, max_length = 256)]
    pub password: Option<String>,
    /// All role codes from now on.
    #[schema(min_items = 1, max_items = 12)]
    pub roles: Option<Vec<String>>,
    /// Branch: yours or one below it.
    pub branch_id: Option<Uuid>,
    /// Repair shop, for the role `shop`; goes by itself when that role goes.
    pub shop_id: Option<Uuid>,
    /// Staff number, 1 to 32 characters.
    #[schema(min_length = 1, max_length = 32)]
    pub staff_no: Option<String>,
    /// Phone number at work; empty text removes it.
    #[schema(max_length = 32)]
    pub phone: Option<String>,
    /// Whether the log-in is switched off.
    pub disabled: Option<bool>,
}

/// Which people are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPeopleQuery {
    /// Only people with this role.
    pub role: Option<String>,
    /// Only people of exactly this branch.
    pub branch_id: Option<Uuid>,
    /// Only the person with this user name.
    #[param(max_length = 64)]
    pub username: Option<String>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// Create a branch below yours.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBranchRequest {
    /// Code: 1 to 32 of `a-z`, `0-9` and `-`; never used before.
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z0-9-]{1,32}$")]
    pub code: String,
    /// Name, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// The branch above it: yours or one below it.
    pub parent_id: Uuid,
}

/// A branch (handling or underwriting unit) of the insurer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BranchResponse {
    /// Id.
    pub id: Uuid,
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// The branch above it.
    pub parent_id: Option<Uuid>,
    /// Place in the tree: `/head/province/city/`. A branch covers every path that begins with its own.
    pub path: String,
    /// Version.
    pub version: i64,
}

/// A new signing key is in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKeyResponse {
    /// Key id, as in the JWK set.
    pub kid: String,
    /// When it begins to sign: every node has read it by then.
    pub signs_from: DateTime<Utc>,
}
