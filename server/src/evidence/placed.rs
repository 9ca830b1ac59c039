//! Where and when photos were taken, for whoever judges an arrival.

use std::ops::RangeInclusive;

use sync_core::{
    geo::Point,
    ids::{CaseId, PersonId},
    time::Instant,
};

use super::{
    camera,
    facts::{self, FactsRow},
    rules::{self, Note, Surroundings},
    store,
};
use crate::{db::Conn, error::ApiError};

/// A received photo that says where it was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlacedPhoto {
    /// Where.
    pub place: Point,
    /// Radius of the 68 % circle in metres.
    pub accuracy_m: Option<f64>,
    /// When, corrected by what the phone's clock showed as the photo was announced.
    pub taken_at: Instant,
    /// Whether the phone says that the place is made up.
    pub mock: bool,
}

/// The photos of a case that a person announced, that have arrived, and whose bytes do not contradict
/// when and where they say they were taken.
///
/// # Errors
/// Database faults.
pub fn placed_photos(
    conn: &mut Conn,
    case_id: CaseId,
    by: PersonId,
    times: &RangeInclusive<Instant>,
) -> Result<Vec<PlacedPhoto>, ApiError> {
    let kept = facts::list(conn, case_id)?;
    let mut placed = Vec::new();
    for (row, content) in store::list_with_contents(conn, case_id)? {
        let photo = row.declaration();
        let content = content.filter(|_| row.received_at.is_some() && row.declared_by.0 == by);
        let (Some(content), Some(place)) = (content, photo.position) else { continue };
        let ahead = kept.get(&photo.id).and_then(FactsRow::device_ahead).unwrap_or_default();
        let taken_at = photo.captured_at - ahead;
        if !times.contains(&taken_at) {
            continue;
        }
        let camera = camera::camera(&facts::of_content(&content));
        let others = store::list_other_cases_with(conn, case_id, &[photo.sha256])?;
        let around = Surroundings { same_elsewhere: !others.is_empty(), ..Surroundings::default() };
        let mut notes = rules::notes(&photo, row.declared_at.0, &camera);
        notes.extend(rules::notes_about(&photo, &camera, &content.surroundings(around)));
        if notes.into_iter().any(Note::contradicts) {
            continue;
        }
        let mock = photo.mock == Some(true);
        placed.push(PlacedPhoto { place, accuracy_m: photo.accuracy_m, taken_at, mock });
    }
    Ok(placed)
}
