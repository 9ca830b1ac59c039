//! Sending surveyors (C04, C09): zones, positions, candidates, tasks.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::case::{Datum, Position};

/// The zones of a branch: a GeoJSON FeatureCollection (RFC 7946) in WGS-84, which replaces the one
/// before. Other members than these are ignored, as the format asks.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ZoneCollection {
    /// `FeatureCollection`.
    #[serde(rename = "type")]
    pub kind: ZoneCollectionKind,
    /// The zones, at most 2,000 with 200,000 vertices together.
    #[schema(max_items = 2000)]
    pub features: Vec<ZoneFeature>,
}

/// The kind of a [`ZoneCollection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ZoneCollectionKind {
    /// A collection of features.
    FeatureCollection,
}

/// One zone.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ZoneFeature {
    /// `Feature`.
    #[serde(rename = "type")]
    pub kind: ZoneFeatureKind,
    /// What the zone is.
    pub properties: ZoneProperties,
    /// Where it is.
    pub geometry: ZoneGeometry,
}

/// The kind of a [`ZoneFeature`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ZoneFeatureKind {
    /// A feature.
    Feature,
}

/// What a zone is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ZoneProperties {
    /// Name for people, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `urban`: everything outside such zones counts as elsewhere. `area`: the branch surveys there itself;
    /// where such zones are imported, a loss outside all of them is out of its area.
    #[schema(max_length = 32)]
    pub class: String,
}

/// Where a zone is: closed rings of `[longitude, latitude]`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum ZoneGeometry {
    /// One polygon: its outline, then its holes.
    Polygon {
        /// Rings of positions.
        coordinates: Vec<Vec<Vec<f64>>>,
    },
    /// Several polygons.
    MultiPolygon {
        /// Polygons of rings of positions.
        coordinates: Vec<Vec<Vec<Vec<f64>>>>,
    },
}

/// One import of zones.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ZoneSetResponse {
    /// The number that cases keep of the zones that judged them.
    pub version: i64,
    /// The branch it is for, with all below it that have none of their own.
    pub branch_id: Uuid,
    /// When it was imported.
    pub imported_at: DateTime<Utc>,
    /// Who imported it.
    pub imported_by: Uuid,
    /// Whether it is the newest of its branch.
    pub in_force: bool,
    /// The zones.
    pub zones: Vec<ZoneResponse>,
}

/// One zone, without its outline.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ZoneResponse {
    /// Name.
    pub name: String,
    /// `urban` or `area`.
    pub class: String,
    /// How many vertices the outline has.
    pub vertices: i64,
}

/// Where a surveyor's phone was.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportPositionsRequest {
    /// What the phone's clock says while it sends this, to correct the times of the points.
    pub device_now: DateTime<Utc>,
    /// The points in any order. Points sent before are taken once.
    #[schema(min_items = 1, max_items = 500)]
    pub points: Vec<TrackPoint>,
}

/// One point.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackPoint {
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: f64,
    /// Radius of the 68 % circle in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100_000)]
    pub accuracy_m: Option<f64>,
    /// When, by the phone's clock.
    pub measured_at: DateTime<Utc>,
    /// Whether the phone says that the position is made up by an app.
    #[serde(default)]
    pub mock: bool,
    /// What the degrees are measured against; WGS-84 if absent. Converted as every given position is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datum: Option<Datum>,
}

/// What became of the points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportPositionsResponse {
    /// Points that are stored now.
    pub accepted: usize,
    /// Points that were stored before.
    pub known: usize,
    /// Points that are too old to be kept.
    pub ignored: usize,
}

/// Who could be sent, best first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CandidatesResponse {
    /// The case.
    pub case_id: Uuid,
    /// What the arrival limit is judged by: `urban` or `other`.
    pub zone_class: String,
    /// Version of the zones that said so; absent where none are imported.
    pub zone_version: Option<i64>,
    /// Whether the place is outside the branch's area, so that another unit may have to survey (C11);
    /// absent where no areas are imported. The system asks nobody then, and a person decides.
    pub out_of_area: Option<bool>,
    /// When somebody must be there, were one sent now.
    pub arrival_limit_at: DateTime<Utc>,
    /// Surveyors, best first: those whose arrival cannot be estimated come last. At most 200.
    pub candidates: Vec<CandidateResponse>,
}

/// A surveyor who could be sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CandidateResponse {
    /// The surveyor.
    pub surveyor: SurveyorResponse,
    /// `in_time`, `at_risk`, `late`, or `unknown` without a fresh position or a place of loss.
    pub verdict: String,
    /// Time left at the limit when they would be there, in milliseconds; negative when late.
    pub margin_ms: Option<i64>,
    /// Travel time in milliseconds.
    pub travel_ms: Option<i64>,
    /// Two thirds of such trips differ by less, in milliseconds.
    pub uncertainty_ms: Option<i64>,
    /// Whether they are on duty now.
    pub on_shift: bool,
    /// Whether they have the skill and vehicle class that the case asks for.
    pub fit: bool,
    /// Whether they are being asked about some case right now.
    pub being_asked: bool,
    /// Until the work they have is done, in milliseconds.
    pub work_left_ms: i64,
    /// Travel distance in metres.
    pub distance_m: Option<i64>,
    /// What made the estimate, for example `straight_line`.
    pub estimate_source: Option<String>,
    /// When they would be there: travel and the work before it.
    pub expected_at: Option<DateTime<Utc>>,
    /// Age of the position in milliseconds.
    pub position_age_ms: Option<i64>,
    /// Tasks they have not finished.
    pub open_tasks: i64,
    /// Whether they declined this case before, or let an offer of it lapse.
    pub declined: bool,
    /// What may make them partial (C21): `same_phone` and `declared` cannot be assigned, `same_name` is a
    /// doubt.
    pub interest: Option<String>,
}

/// A surveyor.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SurveyorResponse {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Staff number that the customer may ask for (C12).
    pub staff_no: Option<String>,
}

/// Send a surveyor to a case. Whoever had the task before is released.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignTaskRequest {
    /// Id made by the caller, so that a retry names the same task; made here if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Who.
    pub surveyor_id: Uuid,
}

/// The order to one surveyor to survey one case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskResponse {
    /// Id.
    pub id: Uuid,
    /// `assigned`, `accepted`, `declined`, `withdrawn` or `done`.
    pub status: String,
    /// The case.
    pub case: TaskCaseResponse,
    /// Who was sent.
    pub surveyor: SurveyorResponse,
    /// What the arrival limit is judged by: `urban` or `other`.
    pub zone_class: String,
    /// Version of the zones that said so.
    pub zone_version: Option<i64>,
    /// Travel time as estimated when it was assigned, in milliseconds.
    pub estimate_ms: Option<i64>,
    /// When it was assigned.
    pub assigned_at: DateTime<Utc>,
    /// When the surveyor accepted or declined it.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it was declined, withdrawn or done.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it was declined or withdrawn.
    pub reason: Option<String>,
    /// The limit of the case that runs out next.
    pub next_limit: Option<NextLimitResponse>,
    /// Version for `If-Match`.
    pub version: i64,
}

/// What a surveyor needs to know of a case before they go.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskCaseResponse {
    /// Id.
    pub id: Uuid,
    /// Report number for people.
    pub report_no: String,
    /// Lifecycle state.
    pub status: String,
    /// Contact at the scene.
    pub contact_name: String,
    /// Number to call.
    pub contact_phone: String,
    /// Number plate.
    pub plate: String,
    /// Where, in words.
    pub loss_place: String,
    /// Where, as a position.
    pub position: Option<Position>,
}

/// A limit that runs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NextLimitResponse {
    /// Which clock, for example `first_contact`.
    pub clock: String,
    /// When the limit runs out.
    pub limit_at: DateTime<Utc>,
    /// `running`, `at_risk`, `breached` or `explained`.
    pub verdict: String,
}

/// What a list of tasks is narrowed by.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTasksQuery {
    /// A state, or `open` for those that are assigned or accepted.
    #[param(max_length = 32)]
    pub status: Option<String>,
    /// Only the tasks of this case.
    pub case_id: Option<Uuid>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub cursor: Option<String>,
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// Take a task.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptTaskRequest {
    /// Names this answer for ever: made by the device, the same on every retry.
    pub id: Uuid,
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// When the surveyor answered, by the device's clock.
    pub occurred_at: DateTime<Utc>,
}

/// Do not take a task.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineTaskRequest {
    /// Names this answer for ever: made by the device, the same on every retry.
    pub id: Uuid,
    /// What the device's clock says while it sends this.
    pub device_now: DateTime<Utc>,
    /// When the surveyor answered, by the device's clock.
    pub occurred_at: DateTime<Utc>,
    /// Why, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Take a task back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawTaskRequest {
    /// Why, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}
