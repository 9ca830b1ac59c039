//! Evidence photos: the manifest, what has arrived, receipts.

mod custody;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use custody::{CustodyCheckpoint, CustodyEntry, CustodyHead, CustodyLogResponse, CustodyStep};

use crate::case::Position;

/// Announce photos before their bytes are sent, so that a missing one is known to be missing.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclarePhotosRequest {
    /// 1 to 200 photos.
    #[schema(min_items = 1, max_items = 200)]
    pub photos: Vec<DeclaredPhoto>,
    /// What the phone's clock shows while it sends this: from it the server knows how far that clock is
    /// ahead, and keeps it with each photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_now: Option<DateTime<Utc>>,
}

/// One photo, as the phone knows it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredPhoto {
    /// Id made by the phone. The same id with the same content is no news; with other content it is
    /// refused.
    pub id: Uuid,
    /// SHA-256 of the original bytes, 64 lower-case hexadecimal digits.
    #[schema(min_length = 64, max_length = 64, pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// Number of bytes, at most 26214400; in the slot `video` at most 209715200.
    #[schema(minimum = 1, maximum = 209_715_200)]
    pub size: i64,
    /// What it is meant to show: `driving_licence_front`, `driving_licence_back`,
    /// `vehicle_licence_front`, `vehicle_licence_back`, `special_permit`, `scene_front`, `scene_rear`,
    /// `scene_left`, `scene_right`, `struck_object`, `vehicle_with_plate`, `vehicle_at_45`, `vin`,
    /// `damage_near`, `damage_close`, `contact_marks`, `mileage`, `surveyor_with_vehicle`,
    /// `customer_with_vehicle`, `heic_photo`, `video` or `other`. HEIC and video are kept and handed out
    /// as they are, and have no preview.
    #[schema(max_length = 64)]
    pub slot: String,
    /// When it was taken, by the phone's clock.
    pub captured_at: DateTime<Utc>,
    /// Where it was taken, by the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Whether the phone says that its position is a mock; unknown if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<bool>,
    /// The loss line it proves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<Uuid>,
}

/// What the server has of the photos just declared.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeclarePhotosResponse {
    /// How many photos of the case are declared in all.
    pub declared: u32,
    /// How many of them have arrived.
    pub received: u32,
    /// The photos of this call, in its order.
    pub photos: Vec<DeclaredPhotoState>,
    /// A receipt for every content of this call that is stored already: no need to send it.
    pub receipts: Vec<ReceiptResponse>,
}

/// One photo of the call.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeclaredPhotoState {
    /// Id.
    pub id: Uuid,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Whether its bytes are here; if not, send them.
    pub received: bool,
}

/// Proof that bytes are stored for good. The phone may delete its copy only after verifying it.
///
/// `signature` is Ed25519, base64url without padding, by the key `key_id` of
/// `/.well-known/seal-keys.json`, over this text in UTF-8, every line ended by a line feed:
///
/// ```text
/// chakan photo receipt 1
/// case <case_id>
/// sha256 <sha256>
/// size <size>
/// received_at <received_at in milliseconds since 1970-01-01T00:00:00Z>
/// photo <id>      (one line for each of photo_ids, in ascending order)
/// key <key_id>
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptResponse {
    /// Case.
    pub case_id: Uuid,
    /// SHA-256 of the stored bytes.
    pub sha256: String,
    /// Number of stored bytes.
    pub size: i64,
    /// Every declared photo of the case with these bytes, in ascending order.
    pub photo_ids: Vec<Uuid>,
    /// When the last of them was received, by the server's clock.
    pub received_at: DateTime<Utc>,
    /// Which seal key signed.
    pub key_id: String,
    /// Ed25519 over the text above, base64url without padding.
    pub signature: String,
}

/// Proof that every declared photo of a case is stored for good.
///
/// `signature` is Ed25519, base64url without padding, by the key `key_id` of
/// `/.well-known/seal-keys.json`, over this text in UTF-8, every line ended by a line feed:
///
/// ```text
/// chakan photo set receipt 1
/// case <case_id>
/// photos <how many>
/// chain <chain of the last photo; 64 zeros when there is none>
/// at <at in milliseconds since 1970-01-01T00:00:00Z>
/// key <key_id>
/// ```
///
/// A photo's `chain` is SHA-256 over the lines `chain <that of the photo before; 64 zeros for the
/// first>`, `photo <id>`, `sha256 <sha256>`, `size <size>`, `received_at <milliseconds>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetReceiptResponse {
    /// Case.
    pub case_id: Uuid,
    /// Every declared photo of the case, in the order of declaration.
    pub photos: Vec<SetReceiptPhoto>,
    /// When the server has looked, by its clock.
    pub at: DateTime<Utc>,
    /// Which seal key signed.
    pub key_id: String,
    /// Ed25519 over the text above, base64url without padding.
    pub signature: String,
}

/// One stored photo of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetReceiptPhoto {
    /// Id.
    pub id: Uuid,
    /// SHA-256 of the stored bytes.
    pub sha256: String,
    /// Number of stored bytes.
    pub size: i64,
    /// When it was received, by the server's clock.
    pub received_at: DateTime<Utc>,
    /// Hash of the chain up to this photo.
    pub chain: String,
}

/// The photos of a case: "12 of 20 are in".
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ListPhotosResponse {
    /// How many are declared.
    pub declared: u32,
    /// How many of them have arrived.
    pub received: u32,
    /// Since when the longest missing one is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<DateTime<Utc>>,
    /// Those that have not arrived, longest missing first.
    pub missing: Vec<MissingPhoto>,
    /// Every photo, in the order of declaration. At most 1,000 in one case.
    pub photos: Vec<PhotoResponse>,
}

/// A photo that has not arrived.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MissingPhoto {
    /// Id.
    pub id: Uuid,
    /// SHA-256 of the bytes that are waited for.
    pub sha256: String,
    /// What it is meant to show.
    pub slot: String,
    /// Since when it is waited for.
    pub since: DateTime<Utc>,
}

/// A photo that a repair shop sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhotoFromShop {
    /// The shop.
    pub shop_id: Uuid,
    /// The request for a supplement that it belongs to; without one it shows the repair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplement_id: Option<Uuid>,
}

/// One photo.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotoResponse {
    /// Id.
    pub id: Uuid,
    /// `declared` or `received`.
    pub state: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Number of bytes.
    pub size: i64,
    /// What it is meant to show.
    pub slot: String,
    /// When it was taken, by the phone's clock.
    pub captured_at: DateTime<Utc>,
    /// Where it was taken, by the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Whether the phone says that its position is a mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<bool>,
    /// The loss line it proves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<Uuid>,
    /// When it was declared.
    pub declared_at: DateTime<Utc>,
    /// Who declared it.
    pub declared_by: Uuid,
    /// The repair shop that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_shop: Option<PhotoFromShop>,
    /// When its bytes were received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<DateTime<Utc>>,
    /// What the bytes are: `image/jpeg`, `image/png`, `image/webp`, `image/heic`, `video/mp4`,
    /// `video/quicktime` or `video/3gpp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Pixels across, as stored; absent for HEIC and video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<i64>,
    /// Pixels down, as stored; absent for HEIC and video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
    /// What the camera wrote into the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraFacts>,
    /// What clocks and places said when the server first knew, kept as it was; absent for photos from
    /// before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<PhotoFacts>,
    /// Reasons to look twice; none of them makes a photo invalid.
    pub notes: Vec<EvidenceNote>,
    /// How much it proves by itself: `strong`, `fair` or `weak`; absent until it has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Whether preview and thumbnail can be fetched.
    pub copies: bool,
    /// Why there will never be any: `not_decoded` for HEIC and video, `unreadable` for bytes that
    /// cannot be made into a picture within the limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_copies: Option<String>,
    /// What is wrong with it as a picture: `too_small`, `blurred`, `too_dark` or `too_bright`.
    pub flaws: Vec<String>,
    /// Other cases that you may see and that have it, or one that looks like it.
    pub also_in_cases: Vec<Uuid>,
}

/// What the camera wrote into the file (EXIF). A claim of the device like any other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CameraFacts {
    /// When the picture was taken, by the camera's own wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at_local: Option<NaiveDateTime>,
    /// Minutes that the camera's wall clock is ahead of UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset_minutes: Option<i32>,
    /// Where the camera was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// EXIF orientation, 1 to 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u8>,
    /// Maker of the camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Model of the camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The program that wrote the file last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// When the satellites said that it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gps_at: Option<NaiveDateTime>,
    /// Texts that programs leave in files that they write, from every directory of EXIF, from XMP,
    /// IPTC and comments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<FileMark>,
}

/// A text that a program has left in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileMark {
    /// Where it stands: `exif`, `xmp`, `iptc` or `comment`.
    pub place: String,
    /// The text, at most 64 characters of it.
    pub text: String,
}

/// How a photo's three clocks and its places fit together, as measured once: clocks and distances when
/// it was announced, what stands in the file when it arrived. Later changes of the case, such as a scene
/// that is put right, leave it as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhotoFacts {
    /// When it was announced, by the server's clock.
    pub announced_at: DateTime<Utc>,
    /// How far the phone's clock was ahead of the server's then, in milliseconds; unknown if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_ahead_ms: Option<i64>,
    /// How far the camera's clock in the file is ahead of the phone's, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera_ahead_ms: Option<i64>,
    /// How far the satellites' time in the file is ahead of the phone's, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gps_ahead_ms: Option<i64>,
    /// Metres from the reported scene.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene_metres: Option<i64>,
    /// Metres from where the surveyor said they had arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival_metres: Option<i64>,
    /// What in the file names a program for editing pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_by: Option<String>,
    /// Whether it looks like a picture of a screen; absent until it has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screenshot: Option<bool>,
}

/// A reason to look twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceNote {
    /// `device_clock_differs`, `camera_clock_differs`, `gps_clock_differs`, `camera_place_differs`, `mock_position`,
    /// `captured_in_future`, `far_from_scene`, `far_from_arrival`, `edited`, `screenshot`,
    /// `same_in_another_case` or `like_another_photo`.
    pub code: String,
    /// How far apart two times are, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    /// How far apart two places are, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metres: Option<i64>,
}

/// Which photos a case needs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CapturePlanResponse {
    /// The version of the plans: the one that was in force when the case was reported.
    pub version: i64,
    /// Kind of accident: `single_vehicle`, `collision`, `injury`, `glass`, `scratch` or `flood`.
    pub kind: String,
    /// Slots in the order in which they are taken.
    pub slots: Vec<PlanSlot>,
    /// What reviewers have asked for besides, oldest first.
    pub requests: Vec<PhotoRequestResponse>,
}

/// One kind of photo of a plan.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanSlot {
    /// What it shows.
    pub slot: String,
    /// How many at least; 0: only if there is something to show.
    pub least: u32,
    /// How many are declared.
    pub taken: u32,
    /// How many are still needed.
    pub missing: u32,
    /// Pixels of the shorter side at least.
    pub shorter_side: u32,
}

/// More photos, please.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestPhotosRequest {
    /// What they are to show.
    #[schema(max_length = 64)]
    pub slot: String,
    /// How many at least, 1 to 20.
    #[schema(minimum = 1, maximum = 20)]
    pub least: i64,
    /// Why, for whoever takes them.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// The loss line that they are to prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<Uuid>,
}

/// Photos that were asked for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhotoRequestResponse {
    /// Id.
    pub id: Uuid,
    /// What they are to show.
    pub slot: String,
    /// How many at least.
    pub least: u32,
    /// Why.
    pub reason: String,
    /// The loss line that they are to prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<Uuid>,
    /// Who asks.
    pub requested_by: Uuid,
    /// Since when.
    pub requested_at: DateTime<Utc>,
    /// How many of the kind were taken since.
    pub taken: u32,
    /// Whether that is enough.
    pub answered: bool,
}

/// Why evidence is kept, or not kept any more.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldEvidenceRequest {
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Whether the evidence of a case is held.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HoldResponse {
    /// Whether nothing of it may be deleted.
    pub held: bool,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// Stored photos that are not what they were.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ListDamagedResponse {
    /// Longest known first, at most 1,000.
    pub contents: Vec<DamagedContent>,
}

/// A stored photo that is not what it was.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DamagedContent {
    /// The name of what it should be.
    pub sha256: String,
    /// `damaged` or `missing`.
    pub fault: String,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// Cases that have it, newest first, at most 20: their surveyors may still have the photo.
    pub case_ids: Vec<Uuid>,
}

/// What was announced and received for a case, as it stands in a bundle. Times are milliseconds since
/// 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleManifest {
    /// `chakan evidence bundle 1`.
    pub format: String,
    /// Case.
    pub case_id: Uuid,
    /// Every photo, in the order of declaration.
    pub photos: Vec<BundlePhoto>,
}

/// One photo of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BundlePhoto {
    /// Id.
    pub id: Uuid,
    /// SHA-256 of its bytes, which stand under `photos/<sha256>` if it was received.
    pub sha256: String,
    /// Number of bytes.
    pub size: i64,
    /// What it is meant to show.
    pub slot: String,
    /// When it was taken, by the phone's clock.
    pub captured_at: i64,
    /// Latitude by the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Longitude by the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// Radius of the fix in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// Whether the phone says that its position is a mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<bool>,
    /// The loss line it proves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<Uuid>,
    /// When it was declared, by the server's clock.
    pub declared_at: i64,
    /// Who declared it.
    pub declared_by: Uuid,
    /// With which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<Uuid>,
    /// When its bytes were received, by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<i64>,
}
