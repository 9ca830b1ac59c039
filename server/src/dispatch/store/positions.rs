//! Rows of surveyors' positions.

use diesel::prelude::*;
use sync_core::{geo::Point, ids::PersonId, time::Instant};

use super::super::rules::{Fix, cell};
use crate::{
    db::{
        Conn,
        schema::{latest_positions as latest, positions},
    },
    error::ApiError,
    native,
};

/// Stores the points that are not stored yet, all with one statement; answers how many. A point that
/// stands twice in the batch, or that another batch stores at the same moment, is stored once.
pub(in super::super) fn insert_new(
    conn: &mut Conn,
    person: PersonId,
    fixes: &[Fix],
    now: Instant,
) -> Result<usize, ApiError> {
    if fixes.is_empty() {
        return Ok(0);
    }
    let row = |fix: &Fix| {
        (
            positions::person_id.eq(person.to_string()),
            positions::device_at.eq(fix.device_at.0),
            positions::measured_at.eq(fix.measured_at.0),
            positions::received_at.eq(now.0),
            positions::lat.eq(fix.place.lat()),
            positions::lon.eq(fix.place.lon()),
            positions::accuracy_m.eq(fix.accuracy_m),
            positions::mock.eq(fix.mock),
            positions::datum.eq(fix.datum.as_str()),
        )
    };
    let rows: Vec<_> = fixes.iter().map(row).collect();
    let statement = diesel::insert_into(positions::table).values(rows).on_conflict_do_nothing();
    Ok(native!(conn, |c| statement.execute(c))?)
}

/// Keeps the newest useful point; an older one that arrives late changes nothing.
pub(in super::super) fn update_latest(
    conn: &mut Conn,
    person: PersonId,
    fix: &Fix,
) -> Result<(), ApiError> {
    let known: Option<i64> = latest::table
        .find(person.to_string())
        .select(latest::measured_at)
        .first(conn)
        .optional()?;
    let values = (
        latest::measured_at.eq(fix.measured_at.0),
        latest::lat.eq(fix.place.lat()),
        latest::lon.eq(fix.place.lon()),
        latest::accuracy_m.eq(fix.accuracy_m),
        latest::cell.eq(cell(fix.place)),
    );
    match known {
        Some(known) if fix.measured_at.0 <= known => {}
        Some(_) => {
            diesel::update(latest::table.find(person.to_string())).set(values).execute(conn)?;
        }
        None => {
            diesel::insert_into(latest::table)
                .values((latest::person_id.eq(person.to_string()), values))
                .execute(conn)
                // Another first batch came at the same moment: look again.
                .map_err(ApiError::or_again)?;
        }
    }
    Ok(())
}

/// Where a person was last.
pub(in super::super) fn find_latest(
    conn: &mut Conn,
    person: PersonId,
) -> Result<Option<(Point, Instant)>, ApiError> {
    let row: Option<(f64, f64, i64)> = latest::table
        .find(person.to_string())
        .select((latest::lat, latest::lon, latest::measured_at))
        .first(conn)
        .optional()?;
    Ok(row.and_then(|(lat, lon, at)| Some((Point::new(lat, lon).ok()?, Instant(at)))))
}

/// Forgets what was received before `before`; answers how many points.
pub(in super::super) fn delete_before(conn: &mut Conn, before: Instant) -> Result<usize, ApiError> {
    let old = diesel::delete(positions::table.filter(positions::received_at.lt(before.0)))
        .execute(conn)?;
    diesel::delete(latest::table.filter(latest::measured_at.lt(before.0))).execute(conn)?;
    Ok(old)
}
