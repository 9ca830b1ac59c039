//! What is known of an arrival, for whoever judges it.

use sync_core::{
    ids::{CaseId, PersonId},
    lifecycle::EventKind,
};

use super::{
    rules::proof::{Facts, TrackPoint, track_times},
    store,
};
use crate::{case_log, db::Conn, dispatch, error::ApiError, intake};

/// What is known of the first arrival in the log, and who arrived. Photos are not known here.
///
/// # Errors
/// Database faults.
pub fn known_arrival(
    conn: &mut Conn,
    id: CaseId,
) -> Result<Option<(Facts, Option<PersonId>)>, ApiError> {
    let log = case_log::entries(conn, id)?;
    let arrived = log.iter().filter(|entry| entry.kind == EventKind::Arrived);
    let Some(arrived) = arrived.min_by_key(|entry| entry.occurred_at) else { return Ok(None) };
    let at = arrived.occurred_at;
    let claimed = store::find_claimed(conn, arrived.id)?;
    let claimed =
        claimed.map(|(place, accuracy_m, mock)| TrackPoint { place, accuracy_m, at, mock });
    let person = arrived.actor.parse::<PersonId>().ok();
    let track = match person {
        Some(person) => {
            let times = track_times(at);
            dispatch::track(conn, person, *times.start(), *times.end())?
        }
        None => Vec::new(),
    };
    let point = |(place, accuracy_m, at, mock): dispatch::Tracked| TrackPoint {
        place,
        accuracy_m,
        at,
        mock,
    };
    let case = intake::get_case(conn, id)?;
    let facts = Facts {
        scene: case.position.map(|place| (place, case.accuracy_m)),
        claimed_at: at,
        claimed,
        track: track.into_iter().map(point).collect(),
        photos: Vec::new(),
        confirmed: log.iter().any(|entry| entry.kind == EventKind::ArrivalConfirmed),
    };
    Ok(Some((facts, person)))
}
