//! Taking the tracks of surveyors' phones.

use actix_web::{post, web};
use api_spec::{
    case::GivenPosition,
    dispatch::{ReportPositionsRequest, ReportPositionsResponse, TrackPoint},
    problem::FieldError,
};
use sync_core::time::{ClockOffset, Instant, Span};

use super::super::{
    rules::{Fix, KEPT, newest_useful},
    store::positions as store,
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::Body,
    error::ApiError,
    wire::{self, Fields},
};

/// A receiver's clock and the phone's may differ by so much.
const AHEAD: Span = Span::minutes(1);
/// The most points of one batch.
const MOST_POINTS: usize = 500;

/// Tell where you are
///
/// A batch of the phone's track, in any order and as late as it comes: a point that is older than
/// one already known never replaces it. Sending a batch again changes nothing, so no Idempotency-Key
/// is needed. Positions are deleted after 90 days.
#[utoipa::path(operation_id = "report_positions", tag = "dispatch", request_body = ReportPositionsRequest, responses((status = 200, description = "stored", body = ReportPositionsResponse)))]
#[post("/positions")]
pub async fn report_positions(
    app: web::Data<App>,
    actor: By<op::ReportPositions>,
    body: Body<ReportPositionsRequest>,
) -> Result<web::Json<ReportPositionsResponse>, ApiError> {
    let now = app.now();
    let fixes = check_points(&body.value, now)?;
    let sent = fixes.len();
    let kept: Vec<Fix> =
        fixes.into_iter().filter(|fix| now.since(fix.measured_at) < KEPT).collect();
    let ignored = sent - kept.len();
    let person = actor.person;
    let accepted = app
        .db
        .write(move |conn| {
            let accepted = store::insert_new(conn, person, &kept, now)?;
            if let Some(newest) = newest_useful(&kept) {
                store::update_latest(conn, person, &newest)?;
            }
            Ok(accepted)
        })
        .await?;
    let known = sent - ignored - accepted;
    Ok(web::Json(ReportPositionsResponse { accepted, known, ignored }))
}

fn check_points(request: &ReportPositionsRequest, now: Instant) -> Result<Vec<Fix>, ApiError> {
    let mut fields = Fields::default();
    let device_now = fields.keep(wire::instant("device_now", request.device_now));
    if request.points.is_empty() || request.points.len() > MOST_POINTS {
        let allowed = format!("1 to {MOST_POINTS} points");
        fields.keep::<()>(Err(FieldError::new("points", "out_of_range", allowed)));
        return Err(fields.refused());
    }
    let offset = device_now.map(|device_now| ClockOffset::measured(device_now, now));
    let mut fixes = Vec::with_capacity(request.points.len());
    for (n, point) in request.points.iter().enumerate() {
        let fix = fix(&format!("points[{n}]"), point, device_now, offset, now);
        fixes.extend(fields.keep(fix));
    }
    fields.finish()?;
    Ok(fixes)
}

fn fix(
    at: &str,
    point: &TrackPoint,
    device_now: Option<Instant>,
    offset: Option<ClockOffset>,
    now: Instant,
) -> Result<Fix, FieldError> {
    let TrackPoint { lat, lon, accuracy_m, datum, .. } = *point;
    let device_at = wire::instant(&format!("{at}.measured_at"), point.measured_at)?;
    if device_now.is_some_and(|now| now + AHEAD < device_at) {
        let allowed = "not after device_now: both are by the phone's clock";
        return Err(FieldError::new(format!("{at}.measured_at"), "in_the_future", allowed));
    }
    let (place, datum) = wire::given_point(at, GivenPosition { lat, lon, accuracy_m, datum })?;
    Ok(Fix {
        place,
        datum,
        accuracy_m,
        device_at,
        measured_at: offset.map_or(device_at, |offset| offset.correct(device_at, now)),
        mock: point.mock,
    })
}
