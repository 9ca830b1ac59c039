//! Rows of surveys.

use diesel::prelude::*;
use sync_core::{
    geo::{Datum, Point},
    ids::EventId,
};

use super::{
    FieldCommand,
    rules::{Fix, Plausibility},
};
use crate::{
    auth::policy::Actor,
    db::{Conn, schema::survey_arrivals as arrivals},
    error::ApiError,
};

/// An arrival and how believable it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct NewArrival {
    pub(super) fix: Option<Fix>,
    pub(super) datum: Option<Datum>,
    pub(super) mock: bool,
    pub(super) distance_m: Option<f64>,
    pub(super) plausibility: Plausibility,
    pub(super) staff_shown: bool,
}

pub(super) fn insert_arrival(
    conn: &mut Conn,
    command: &FieldCommand,
    actor: &Actor,
    new: &NewArrival,
) -> Result<(), ApiError> {
    let row = (
        arrivals::event_id.eq(command.id.to_string()),
        arrivals::case_id.eq(command.case_id.to_string()),
        arrivals::person_id.eq(actor.person.to_string()),
        arrivals::lat.eq(new.fix.map(|fix| fix.place.lat())),
        arrivals::lon.eq(new.fix.map(|fix| fix.place.lon())),
        arrivals::accuracy_m.eq(new.fix.and_then(|fix| fix.accuracy_m)),
        arrivals::mock.eq(new.mock),
        arrivals::distance_m.eq(new.distance_m),
        arrivals::plausibility.eq(new.plausibility.as_str()),
        arrivals::staff_shown.eq(new.staff_shown),
        arrivals::datum.eq(new.datum.map(Datum::as_str)),
    );
    diesel::insert_into(arrivals::table).values(row).execute(conn)?;
    Ok(())
}

/// Where the phone was at an arrival, how exactly, and whether it is made up.
pub(super) fn find_claimed(
    conn: &mut Conn,
    event: EventId,
) -> Result<Option<(Point, Option<f64>, bool)>, ApiError> {
    type Row = (Option<f64>, Option<f64>, Option<f64>, bool);
    let row: Option<Row> = arrivals::table
        .find(event.to_string())
        .select((arrivals::lat, arrivals::lon, arrivals::accuracy_m, arrivals::mock))
        .first(conn)
        .optional()?;
    Ok(row.and_then(|(lat, lon, accuracy_m, mock)| {
        let place = Point::new(lat?, lon?).ok()?;
        Some((place, accuracy_m, mock))
    }))
}

/// Where somebody arrived last, if the phone knew where it was.
pub(super) fn find_arrival_place(
    conn: &mut Conn,
    case_id: sync_core::ids::CaseId,
) -> Result<Option<sync_core::geo::Point>, ApiError> {
    let found: Option<(Option<f64>, Option<f64>)> = arrivals::table
        .filter(arrivals::case_id.eq(case_id.to_string()))
        .order(arrivals::event_id.desc())
        .select((arrivals::lat, arrivals::lon))
        .first(conn)
        .optional()?;
    Ok(found.and_then(|(lat, lon)| sync_core::geo::Point::new(lat?, lon?).ok()))
}
