//! How a photo's clocks and places fit together, measured once and kept: the scene of a case may be
//! put right later, and what was known at the time is evidence, too (B29). Both halves stand in the log as
//! hashes (B24).

use std::collections::BTreeMap;

use api_spec::evidence::{CameraFacts, PhotoFacts};
use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, PhotoId},
    photo::ContentHash,
    time::{Instant, Span},
};

use super::{
    camera, derived,
    rules::{self, Declaration, Surroundings},
    store::{self, BlobRow},
};
use crate::{
    db::{
        Conn,
        schema::{photo_facts as facts, photos},
        types::{Id, Ms},
    },
    error::ApiError,
    wire,
};

/// A row.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = facts)]
pub(super) struct FactsRow {
    photo_id: Id<PhotoId>,
    announced_at: Ms,
    device_ahead: Option<i64>,
    scene_m: Option<i64>,
    arrival_m: Option<i64>,
    seen_at: Option<Ms>,
    camera_ahead: Option<i64>,
    gps_ahead: Option<i64>,
    edited_by: Option<String>,
    screenshot: Option<bool>,
}

impl FactsRow {
    /// How far the phone's clock was ahead of ours.
    pub(super) fn device_ahead(&self) -> Option<Span> {
        self.device_ahead.map(Span)
    }

    /// What was known when the photo was announced, as the log has it.
    pub(super) fn announced(&self) -> ContentHash {
        let known = (self.announced_at.0.0, self.device_ahead, self.scene_m, self.arrival_m);
        derived::hash("announced photo", &known)
    }

    /// What stands in the file, as the log has it; nothing before it was looked at.
    pub(super) fn seen(&self) -> Option<ContentHash> {
        let Self { camera_ahead, gps_ahead, edited_by, screenshot, .. } = self;
        let found = (self.seen_at.map(|at| at.0.0), camera_ahead, gps_ahead, edited_by, screenshot);
        (found != (None, &None, &None, &None, &None)).then(|| derived::hash("seen photo", &found))
    }

    pub(super) fn response(self) -> PhotoFacts {
        PhotoFacts {
            announced_at: wire::time(self.announced_at.0),
            device_ahead_ms: self.device_ahead,
            camera_ahead_ms: self.camera_ahead,
            gps_ahead_ms: self.gps_ahead,
            scene_metres: self.scene_m,
            arrival_metres: self.arrival_m,
            edited_by: self.edited_by,
            screenshot: self.screenshot,
        }
    }
}

/// Keeps what is known when a photo is announced; answers its hash for the log.
///
/// # Errors
/// Database faults.
pub(super) fn announce(
    conn: &mut Conn,
    photo: &Declaration,
    around: &Surroundings,
    device_ahead: Option<Span>,
    now: Instant,
) -> Result<ContentHash, ApiError> {
    let distances = rules::distances(photo, around);
    let row = (
        facts::photo_id.eq(photo.id.to_string()),
        facts::announced_at.eq(now.0),
        facts::device_ahead.eq(device_ahead.map(|span| span.0)),
        facts::scene_m.eq(distances.scene.map(wire::whole_metres)),
        facts::arrival_m.eq(distances.arrival.map(wire::whole_metres)),
    );
    diesel::insert_into(facts::table).values(row).execute(conn)?;
    let row = find(conn, photo.id)?;
    row.map(|row| row.announced()).ok_or_else(|| ApiError::internal("a photo's facts vanished"))
}

fn find(conn: &mut Conn, id: PhotoId) -> Result<Option<FactsRow>, ApiError> {
    let row = facts::table.find(id.to_string()).select(FactsRow::as_select());
    Ok(row.first(conn).optional()?)
}

/// Adds what stands in the file, when it has arrived for the first time; answers its hash for the log.
/// A photo from before such facts were kept has none.
///
/// # Errors
/// Database faults.
pub(super) fn see(
    conn: &mut Conn,
    photo: &Declaration,
    now: Instant,
) -> Result<Option<ContentHash>, ApiError> {
    let Some(content) = store::find_content(conn, photo.sha256)? else { return Ok(None) };
    let camera = camera::camera(&of_content(&content));
    let around = content.surroundings(Surroundings::default());
    let clocks = rules::clocks(photo, &camera);
    let changed = (
        facts::seen_at.eq(now.0),
        facts::camera_ahead.eq(clocks.camera.map(|span| span.0)),
        facts::gps_ahead.eq(clocks.gps.map(|span| span.0)),
        facts::edited_by.eq(rules::edited_by(&camera)),
        facts::screenshot.eq(rules::is_screenshot(&camera, &around)),
    );
    diesel::update(facts::table.find(photo.id.to_string())).set(changed).execute(conn)?;
    Ok(find(conn, photo.id)?.and_then(|row| row.seen()))
}

/// What the camera wrote into a stored content.
pub(super) fn of_content(content: &BlobRow) -> CameraFacts {
    serde_json::from_value(content.camera.0.clone()).unwrap_or_default()
}

/// The facts of a case's photos.
///
/// # Errors
/// Database faults.
pub(super) fn list(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<BTreeMap<PhotoId, FactsRow>, ApiError> {
    let of_case = photos::table.filter(photos::case_id.eq(case_id.to_string())).select(photos::id);
    let rows: Vec<FactsRow> = facts::table
        .filter(facts::photo_id.eq_any(of_case))
        .select(FactsRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.photo_id.0, row)).collect())
}
