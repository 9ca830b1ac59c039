//! The chain of custody: every act on a case's evidence, append-only, hash-chained and signed (B24).
//!
//! [`append`] is called in the transaction of the act itself. The newest entry of each case is signed
//! at once; every few minutes the heads that have changed are gathered in a signed checkpoint, which
//! is also written to a file beside the database: whoever rolls the whole database back still has to
//! explain that file.

mod checkpoints;
mod examine;
mod store;
mod wire;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sync_core::{
    custody::{Act, Entry, Head, Log, NOTHING_BEFORE},
    ids::{CaseId, PhotoId},
    photo::ContentHash,
    time::Instant,
};

pub(super) use checkpoints::{make as make_checkpoint, remember};
pub use examine::{Finding, examine, examine_checkpoints};
pub use wire::{log_of, response};

use crate::{app::App, case_log::Author, db::Conn, error::ApiError};

/// What an act was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole case.
    Case,
    /// One photo.
    Photo(PhotoId),
    /// One content, by its hash.
    Content(ContentHash),
}

impl Subject {
    /// As it stands in the log.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Case => "-".into(),
            Self::Photo(id) => id.to_string(),
            Self::Content(sha256) => sha256.to_string(),
        }
    }
}

/// An act to note.
#[derive(Clone, Debug)]
pub struct NewAct {
    /// What was done.
    pub act: Act,
    /// What it was done to.
    pub subject: Subject,
    /// Facts of this kind of act: an object, without personal data that has a column elsewhere.
    pub data: serde_json::Value,
}

/// Notes an act on the evidence of a case, in the transaction of the act.
///
/// # Errors
/// Database faults; contention when another act of the same case got in between, which
/// [`Db::write`](crate::db::Db::write) tries again.
pub fn append(
    conn: &mut Conn,
    app: &App,
    case_id: CaseId,
    author: Author,
    act: NewAct,
) -> Result<Head, ApiError> {
    append_all(conn, app, case_id, author, (vec![act], app.now()))?
        .ok_or_else(|| ApiError::internal("nothing was appended"))
}

/// [`append`] for several acts of one instant, which rows beside the log may hold, too; answers the new
/// head, or nothing when there are no acts.
///
/// # Errors
/// As [`append`].
pub fn append_all(
    conn: &mut Conn,
    app: &App,
    case_id: CaseId,
    author: Author,
    (acts, now): (Vec<NewAct>, Instant),
) -> Result<Option<Head>, ApiError> {
    let Some(count) = acts.len().checked_sub(1).map(|_| acts.len()) else { return Ok(None) };
    let before = store::find_head(conn, case_id)?;
    let (mut seq, mut previous) =
        before.as_ref().map_or((0, NOTHING_BEFORE), |head| (head.seq, head.sha256));
    for act in acts {
        seq += 1;
        let entry = entry(case_id, (seq, previous), author, act, now);
        previous = entry.sha256();
        store::insert_entry(conn, &entry, previous)?;
    }
    let key = app.auth.seals.newest()?;
    let head = Head { case_id, seq, sha256: previous, at: now, key_id: key.id.clone() };
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(head.text().as_bytes()));
    match before {
        None => store::insert_head(conn, &head, &signature)?,
        Some(before) => store::update_head(conn, before.seq, &head, &signature)?,
    }
    tracing::debug!(%case_id, count, "acts on evidence were noted");
    Ok(Some(head))
}

fn entry(
    case_id: CaseId,
    (seq, previous): (u64, ContentHash),
    author: Author,
    act: NewAct,
    at: Instant,
) -> Entry {
    let (actor, device) = match author {
        Author::Person(person, device) => (person.to_string(), device),
        Author::Customer => ("customer".into(), None),
        Author::System => ("system".into(), None),
    };
    let data = text(&act.data);
    let subject = act.subject.text();
    Entry { case_id, seq, previous, act: act.act.as_str().into(), actor, device, at, subject, data }
}

/// Facts as they stand in the log.
pub(super) fn text(data: &serde_json::Value) -> String {
    one_line(&data.to_string())
}

/// The same JSON without characters that a reader of lines could stumble over.
fn one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control() {
            line.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            line.push(character);
        }
    }
    line
}

/// Whether this person has done this to that since then.
///
/// # Errors
/// Database faults.
pub(super) fn is_noted_since(
    conn: &mut Conn,
    case_id: CaseId,
    (act, subject): (Act, Subject),
    author: Author,
    since: Instant,
) -> Result<bool, ApiError> {
    let Author::Person(person, _) = author else { return Ok(false) };
    store::is_noted_since(conn, case_id, (act.as_str(), &subject.text()), person, since)
}

/// The log of a case as it stands in the database, with every checkpoint that names it.
///
/// # Errors
/// Database faults; a value that cannot be read is a fault of the log, which [`examine`] names.
pub fn log(conn: &mut Conn, case_id: CaseId) -> Result<Log, ApiError> {
    let entries = store::list_entries(conn, case_id)?;
    let head = store::find_head_row(conn, case_id)?;
    let checkpoints = checkpoints::of_case(conn, case_id)?;
    Ok(Log { case_id, entries, head, checkpoints })
}

/// A log with its head only: what is asked for most.
///
/// # Errors
/// Database faults.
pub fn head(conn: &mut Conn, case_id: CaseId) -> Result<Option<Head>, ApiError> {
    Ok(store::find_head_row(conn, case_id)?.map(|(head, _)| head))
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn json_stays_the_same_value_on_one_line() {
        let text = serde_json::to_string("a\u{7f}\u{85}查\n").unwrap();
        let line = one_line(&text);
        assert!(!line.chars().any(char::is_control));
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), "a\u{7f}\u{85}查\n");
    }
}
