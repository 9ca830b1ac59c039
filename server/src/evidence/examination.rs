//! Looking for what was changed behind our back: logs, checkpoints, and photos that their log contradicts.

use std::collections::BTreeMap;

use sync_core::{
    custody::{Act, Checkpoint, Entry, Log},
    ids::{CaseId, PhotoId},
    time::Instant,
};

use super::{
    custody::{self, Finding},
    receive,
    store::{self, PhotoRow},
};
use crate::{db::Conn, error::ApiError};

/// Everything in the database that is not what was written: checkpoints first, then the first fault
/// of each case's log, then photos. `outside` is a checkpoint that was seen outside the database.
///
/// # Errors
/// Database faults.
pub fn examine(
    conn: &mut Conn,
    outside: Option<&Checkpoint>,
    is_signed: impl Fn(&str, &[u8], &[u8]) -> bool,
) -> Result<Vec<Finding>, ApiError> {
    let mut findings = custody::examine_checkpoints(conn, outside, &is_signed)?;
    findings.extend(custody::examine(conn, &is_signed)?);
    findings.extend(examine_photos(conn)?);
    Ok(findings)
}

fn examine_photos(conn: &mut Conn) -> Result<Vec<Finding>, ApiError> {
    let mut findings = Vec::new();
    for case_id in store::list_cases(conn)? {
        match (store::list(conn, case_id), custody::log(conn, case_id)) {
            (Ok(photos), Ok(log)) => {
                let differing = differing(&photos, &log);
                findings.extend(differing.into_iter().map(|id| Finding::Photo(case_id, id)));
            }
            _ => findings.push(Finding::Unreadable(Some(case_id))),
        }
    }
    Ok(findings)
}

/// The photos of a case that are not what its log says.
///
/// # Errors
/// Database faults.
pub fn differing_photos(conn: &mut Conn, case_id: CaseId) -> Result<Vec<PhotoId>, ApiError> {
    let (photos, log) = (store::list(conn, case_id)?, custody::log(conn, case_id)?);
    Ok(differing(&photos, &log))
}

fn differing(photos: &[PhotoRow], log: &Log) -> Vec<PhotoId> {
    let mut told: BTreeMap<PhotoId, Told> = BTreeMap::new();
    for (entry, _) in &log.entries {
        let Ok(id) = entry.subject.parse::<PhotoId>() else { continue };
        match entry.act.parse() {
            Ok(Act::Captured) => told.entry(id).or_default().captured = Some(entry),
            Ok(Act::Received) => told.entry(id).or_default().received = Some(entry.at),
            _ => {}
        }
    }
    let mut differing: Vec<_> = photos
        .iter()
        .filter(|photo| !told.remove(&photo.id.0).is_some_and(|told| told.is(photo)))
        .map(|photo| photo.id.0)
        .collect();
    // What the log tells of, and is not there any more.
    differing.extend(told.into_keys());
    differing
}

/// What a log says of one photo.
#[derive(Default)]
struct Told<'a> {
    captured: Option<&'a Entry>,
    received: Option<Instant>,
}

impl Told<'_> {
    fn is(&self, photo: &PhotoRow) -> bool {
        let Some(captured) = self.captured else { return false };
        let (declared_by, device) = photo.declared_by();
        captured.data == custody::text(&receive::captured(&photo.declaration()).data)
            && captured.at == photo.declared_at.0
            && captured.actor == declared_by.to_string()
            && captured.device == device
            && self.received == photo.received_at.map(|at| at.0)
    }
}
