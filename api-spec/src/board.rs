//! Views for each audience: what changes as it happens, and what a repair shop sees of the cases whose customers chose it: as little as it needs to work.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A case, for the shop that the customer chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShopCaseSummary {
    /// The case.
    pub id: Uuid,
    /// Lifecycle state.
    pub status: String,
    /// Number plate.
    pub plate: String,
    /// When the customer chose the shop.
    pub chosen_at: DateTime<Utc>,
}

/// A case with the lines that the customer agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShopCaseResponse {
    /// The case.
    pub id: Uuid,
    /// Lifecycle state.
    pub status: String,
    /// Number plate.
    pub plate: String,
    /// Brand and model, once there is an agreed version.
    pub vehicle: Option<String>,
    /// The agreed version; absent while nothing is agreed.
    pub version: Option<i64>,
    /// The covered work and parts of the agreed version.
    pub lines: Vec<ApprovedLine>,
}

/// A line that the customer agreed on and the insurance bears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovedLine {
    /// The line.
    pub id: Uuid,
    /// `replace`, `repair`, `material`, `sublet`.
    pub kind: String,
    /// Part or operation.
    pub name: String,
    /// Part number.
    pub part_no: Option<String>,
    /// Where the price comes from.
    pub part_source: Option<String>,
    /// Labor type.
    pub labor_type: Option<String>,
    /// Quantity in thousandths.
    pub qty_milli: Option<i64>,
    /// Labor hours in thousandths.
    pub hours_milli: Option<i64>,
    /// Added after an agreement.
    pub supplement: bool,
    /// The approved amount.
    pub amount_fen: i64,
}

/// One change, as `data` of an event of the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeResponse {
    /// The place in the feed right after it; the event's `id`.
    pub cursor: String,
    /// The case.
    pub case_id: Uuid,
    /// What changed: the kind of an event such as `task_assigned`, or another word such as
    /// `alarm_raised`. A surveyor hears `task_offered` and `offer_lapsed` of their own offers only, also
    /// of a case that they do not see yet.
    pub topic: String,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// Where a stream begins.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// A place in the feed, for clients that cannot set `Last-Event-ID`. Without one, from now on.
    #[param(max_length = 64)]
    pub after: Option<String>,
}

/// The open cases of a branch by nearest limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueResponse {
    /// As of when.
    pub as_of: DateTime<Utc>,
    /// The place in the change feed: a stream from there misses nothing.
    pub cursor: String,
    /// Cases with a running clock of dispatch, the nearest limit first; at most 200.
    pub items: Vec<QueueItem>,
}

/// One open case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueItem {
    /// The case.
    pub case_id: Uuid,
    /// Report number for people.
    pub report_no: String,
    /// Lifecycle state.
    pub status: String,
    /// Number plate.
    pub plate: String,
    /// Where, in words.
    pub loss_place: String,
    /// Which clock runs out next.
    pub clock: String,
    /// When.
    pub limit_at: DateTime<Utc>,
    /// Time left in milliseconds; negative when it has run out.
    pub remaining_ms: i64,
    /// Whether somebody has still to be sent.
    pub waiting: bool,
    /// Who was asked to decide: `nobody`, `dispatcher` or `manager`.
    pub escalated: Option<String>,
    /// Whether it is outside the branch's area, so that another unit may have to survey; for the first 50
    /// cases that wait, where areas are imported.
    pub out_of_area: Option<bool>,
    /// How many surveyors could be there in time; for the first 50 cases that wait.
    pub in_time: Option<usize>,
    /// The best of those who could be sent, at most 3; for the first 50 cases that wait.
    pub best: Vec<QueueCandidate>,
}

/// A surveyor who could be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueCandidate {
    /// Id.
    pub surveyor_id: Uuid,
    /// Name.
    pub name: String,
    /// `in_time`, `at_risk`, `late` or `unknown`.
    pub verdict: String,
    /// When they would be there.
    pub expected_at: Option<DateTime<Utc>>,
}

/// Which cases figures are about.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FiguresQuery {
    /// Reported from then on.
    pub from: DateTime<Utc>,
    /// And before this; at most 31 days later.
    pub to: DateTime<Utc>,
}

/// How promises were kept (Q64).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FiguresResponse {
    /// Cases reported from then on.
    pub from: DateTime<Utc>,
    /// And before this.
    pub to: DateTime<Utc>,
    /// As of when.
    pub as_of: DateTime<Utc>,
    /// By branch and by surveyor, for each promise.
    pub items: Vec<Figure>,
    /// How far estimated driving times were off, by branch.
    pub travel: Vec<TravelFigure>,
}

/// How one promise was kept by one branch or one surveyor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    /// `branch` or `person`.
    pub of: String,
    /// Whose.
    pub id: Uuid,
    /// `dispatch`, `first_contact`, `arrival` or `proxy`.
    pub clock: String,
    /// Kept in time.
    pub numerator: i64,
    /// Those that count.
    pub denominator: i64,
    /// Of those that count, told to the customer before the limit ran out (C10).
    pub explained: i64,
    /// Left out: still running.
    pub excluded_open: i64,
    /// Left out: the promise became void.
    pub excluded_void: i64,
    /// Left out: it stands still.
    pub excluded_paused: i64,
    /// Left out: a time that cannot be trusted decides.
    pub excluded_doubtful: i64,
}

/// How far estimated driving times of a branch were off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TravelFigure {
    /// The branch.
    pub branch_id: Uuid,
    /// How many trips.
    pub trips: i64,
    /// Actual less estimate on average, in milliseconds.
    pub mean_error_ms: i64,
    /// The same without sign.
    pub mean_absolute_error_ms: i64,
}

/// Where a case stands, as one audience is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CaseStatusResponse {
    /// For whom.
    pub audience: String,
    /// The last step; absent before anything that concerns them.
    pub now: Option<String>,
    /// Every step, in the order in which the server learned of them.
    pub steps: Vec<StatusStep>,
}

/// A step of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusStep {
    /// Which.
    pub step: String,
    /// When the server learned of it.
    pub at: DateTime<Utc>,
}
