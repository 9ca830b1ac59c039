//! Looking for what was changed behind our back: logs, checkpoints, and photos that their log contradicts.

use std::collections::BTreeMap;

use sync_core::{
    custody::{Act, Checkpoint, Entry, Log},
    ids::{CaseId, PhotoId},
    photo::ContentHash,
};

use super::{
    care,
    custody::{self, Finding},
    derived,
    facts::{self, FactsRow},
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
    findings.extend(examine_contents(conn)?);
    Ok(findings)
}

/// What the logs say of contents, against the rows that they are kept in.
fn examine_contents(conn: &mut Conn) -> Result<Vec<Finding>, ApiError> {
    let mut findings = Vec::new();
    let mut said: BTreeMap<ContentHash, Said> = BTreeMap::new();
    for case_id in store::list_cases(conn)? {
        let Ok(log) = custody::log(conn, case_id) else { continue };
        for (entry, _) in &log.entries {
            note(&mut said, entry);
        }
        if !care::are_holds_as_noted(conn, case_id, &log)? {
            findings.push(Finding::Holds(case_id));
        }
    }
    for (sha256, said) in &said {
        if !said.is(conn, *sha256)? {
            findings.push(Finding::Content(*sha256));
        }
    }
    // Rows of contents that no case has received.
    for text in store::list_all_named(conn)? {
        match text.parse::<ContentHash>() {
            Ok(sha256) if said.contains_key(&sha256) => {}
            Ok(sha256) => findings.push(Finding::Content(sha256)),
            Err(_) => findings.push(Finding::Unreadable(None)),
        }
    }
    Ok(findings)
}

/// What logs say of one content; from before such facts were noted, nothing.
#[derive(Default)]
struct Said {
    received: Option<ContentHash>,
    derived: Option<ContentHash>,
    expired: bool,
}

fn note(said: &mut BTreeMap<ContentHash, Said>, entry: &Entry) {
    let hash = |name| noted(entry, name);
    let subject = || entry.subject.parse::<ContentHash>().ok();
    match entry.act.parse() {
        Ok(Act::Received) => {
            let Some(sha256) = hash("sha256") else { return };
            let known = said.entry(sha256).or_default();
            known.received = known.received.or(hash("facts"));
        }
        Ok(Act::Derived | Act::Unreadable) => {
            let Some(sha256) = subject() else { return };
            said.entry(sha256).or_default().derived = hash("facts");
        }
        Ok(Act::Expired) => {
            let Some(sha256) = subject() else { return };
            said.entry(sha256).or_default().expired = true;
        }
        _ => {}
    }
}

impl Said {
    fn is(&self, conn: &mut Conn, sha256: ContentHash) -> Result<bool, ApiError> {
        // A value of another type is as wrong as another value.
        let content = derived::of_content(conn, sha256).ok().flatten();
        if self.received.is_some() && content != self.received {
            return Ok(false);
        }
        // What was made of expired bytes is gone; what was removed before its time is another fault.
        if self.expired {
            return Ok(true);
        }
        if store::is_removed(conn, sha256)? {
            return Ok(false);
        }
        match self.derived {
            Some(facts) => Ok(derived::of_looks(conn, sha256).is_ok_and(|found| found == facts)),
            // Nothing was made of it yet, so nothing may stand there.
            None => Ok(self.received.is_none() || !store::is_derived(conn, sha256)?),
        }
    }
}

fn examine_photos(conn: &mut Conn) -> Result<Vec<Finding>, ApiError> {
    let mut findings = Vec::new();
    for case_id in store::list_cases(conn)? {
        match differing_photos(conn, case_id) {
            Ok(ids) => findings.extend(ids.into_iter().map(|id| Finding::Photo(case_id, id))),
            Err(_) => findings.push(Finding::Unreadable(Some(case_id))),
        }
    }
    Ok(findings)
}

/// The photos of a case that are not what its log says.
///
/// # Errors
/// Database faults; rows that cannot be read.
pub fn differing_photos(conn: &mut Conn, case_id: CaseId) -> Result<Vec<PhotoId>, ApiError> {
    let (photos, facts) = (store::list(conn, case_id)?, facts::list(conn, case_id)?);
    let log = custody::log(conn, case_id)?;
    let mut told = told(&log);
    let mut differing: Vec<_> = photos
        .iter()
        .map(|photo| (photo, facts.get(&photo.id.0)))
        .filter(|(photo, facts)| {
            !told.remove(&photo.id.0).is_some_and(|told| told.is(photo, *facts))
        })
        .map(|(photo, _)| photo.id.0)
        .collect();
    // What the log tells of, and is not there any more.
    differing.extend(told.into_keys());
    Ok(differing)
}

/// What a log says of one photo.
#[derive(Default)]
struct Told<'a> {
    captured: Option<&'a Entry>,
    received: Option<&'a Entry>,
}

fn told(log: &Log) -> BTreeMap<PhotoId, Told<'_>> {
    let mut told: BTreeMap<PhotoId, Told> = BTreeMap::new();
    for (entry, _) in &log.entries {
        let Ok(id) = entry.subject.parse::<PhotoId>() else { continue };
        match entry.act.parse() {
            Ok(Act::Captured) => told.entry(id).or_default().captured = Some(entry),
            Ok(Act::Received) => told.entry(id).or_default().received = Some(entry),
            _ => {}
        }
    }
    told
}

impl Told<'_> {
    fn is(&self, photo: &PhotoRow, facts: Option<&FactsRow>) -> bool {
        let Some(captured) = self.captured else { return false };
        let (declared_by, device) = photo.declared_by();
        // From before such facts were noted, an entry has no hash of them.
        let is_data = |known| {
            captured.data == custody::text(&receive::captured(&photo.declaration(), known).data)
        };
        (is_data(None) || facts.is_some_and(|facts| is_data(Some(facts.announced()))))
            && captured.at == photo.declared_at.0
            && captured.actor == declared_by.to_string()
            && captured.device == device
            && self.received.map(|entry| entry.at) == photo.received_at.map(|at| at.0)
            && self.is_seen(facts.and_then(FactsRow::seen))
    }

    fn is_seen(&self, seen: Option<ContentHash>) -> bool {
        match self.received {
            None => seen.is_none(),
            Some(entry) => noted(entry, "seen").is_none_or(|noted| seen == Some(noted)),
        }
    }
}

/// A hash among the facts of an entry.
fn noted(entry: &Entry, name: &str) -> Option<ContentHash> {
    let data: serde_json::Value = serde_json::from_str(&entry.data).ok()?;
    data.get(name)?.as_str()?.parse().ok()
}
