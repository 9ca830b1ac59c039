//! The change feed: which case changed, in an order that can be followed without a gap.
//!
//! Every appended event is a change, and other capabilities may tell of changes that are no events.
//! A reader keeps a [`FeedCursor`] and asks for what came after it. Where several transactions write
//! at once a later number may commit first, so a reader never reads past the oldest transaction that
//! is still running: what it has passed cannot change any more. One feed serves boards, phones and
//! background work.

mod store;

use std::{fmt, str::FromStr};

use sync_core::{
    ids::{CaseId, PersonId},
    time::{Instant, Span},
};

use crate::{auth::policy::Actor, db::Conn, error::ApiError};

/// How long changes are kept. A reader that stayed away longer has to read everything anew.
const KEPT: Span = Span::days(7);
/// The most changes of one answer.
pub const MOST_CHANGES: i64 = 500;

/// A place in the feed, between two changes. On the wire `<tx>.<seq>`: opaque to readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedCursor {
    tx: i64,
    seq: i64,
}

impl FeedCursor {
    /// A mark of background work that counts something else than changes.
    #[must_use]
    pub fn numbered(n: i64) -> Self {
        Self { tx: 0, seq: n }
    }
}

/// The text is no place in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cursor of this feed, such as 0.17")]
pub struct BadCursor;

impl fmt::Display for FeedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.tx, self.seq)
    }
}

impl FromStr for FeedCursor {
    type Err = BadCursor;
    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let number = |text: &str| match text.parse::<i64>() {
            Ok(number) if 0 <= number && text.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
            _ => Err(BadCursor),
        };
        let (tx, seq) = text.split_once('.').ok_or(BadCursor)?;
        Ok(Self { tx: number(tx)?, seq: number(seq)? })
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The place right after it.
    pub cursor: FeedCursor,
    /// The case.
    pub case_id: CaseId,
    /// What changed: the kind of an event, or a word of the capability that told.
    pub topic: String,
    /// When it was written.
    pub at: Instant,
    /// Path of the branch that handles the case.
    pub branch_path: String,
    /// The one person in the field whom it concerns, if it does not concern all who see the case.
    pub person: Option<PersonId>,
}

/// Changes that a reader may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// In the order of the feed.
    pub items: Vec<Change>,
    /// Where to go on.
    pub next: FeedCursor,
    /// Whether more waits.
    pub more: bool,
    /// Whether changes after the reader's place were pruned: it has to read everything anew.
    pub reset: bool,
}

/// Tells of a change that is no event.
///
/// # Errors
/// Database faults.
pub fn changed(
    conn: &mut Conn,
    case_id: CaseId,
    topic: &str,
    now: Instant,
) -> Result<(), ApiError> {
    store::insert(conn, case_id, topic, None, now)
}

/// Tells of a change that concerns one person in the field, who need not see the case, and the office.
pub(super) fn changed_for(
    conn: &mut Conn,
    case_id: CaseId,
    topic: &str,
    person: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    store::insert(conn, case_id, topic, Some(person), now)
}

/// The place after everything that is settled now.
///
/// # Errors
/// Database faults.
pub fn latest(conn: &mut Conn) -> Result<FeedCursor, ApiError> {
    let horizon = store::horizon(conn)?;
    store::latest(conn, horizon)
}

/// The next changes of all cases, for a node that tells its own readers.
///
/// # Errors
/// Database faults.
pub fn changes_after(conn: &mut Conn, after: FeedCursor) -> Result<Vec<Change>, ApiError> {
    let horizon = store::horizon(conn)?;
    store::list(conn, after, horizon, None, MOST_CHANGES)
}

/// The next changes that somebody hears of: for the office those of the cases of their branch and
/// below, for a surveyor those of the cases they are or were sent to, and what concerns them alone.
///
/// # Errors
/// Database faults.
pub fn changes_for(conn: &mut Conn, actor: &Actor, after: FeedCursor) -> Result<Changes, ApiError> {
    let horizon = store::horizon(conn)?;
    let end = store::latest(conn, horizon)?;
    // A place ahead of the feed is one of another database, before this one was restored from a copy.
    let reset = after < store::find_reader(conn, FLOOR)? || end < after;
    let mut items = store::list(conn, after, horizon, Some(actor), MOST_CHANGES + 1)?;
    let most = usize::try_from(MOST_CHANGES).unwrap_or(usize::MAX);
    let more = items.len() > most;
    items.truncate(most);
    // With nothing left, the place moves past what others see, so that it is not looked through again.
    let next = match items.last() {
        Some(last) if more => last.cursor,
        _ => end,
    };
    Ok(Changes { items, next, more, reset })
}

/// Who was ever sent to a case, and so hears of its changes.
///
/// # Errors
/// Database faults.
pub fn people_of(conn: &mut Conn, case_id: CaseId) -> Result<Vec<PersonId>, ApiError> {
    store::list_people(conn, case_id)
}

/// How far some background work has followed.
///
/// # Errors
/// Database faults.
pub fn reader_at(conn: &mut Conn, name: &str) -> Result<FeedCursor, ApiError> {
    store::find_reader(conn, name)
}

/// Moves background work on from where it read; answers whether it still stood there. Otherwise
/// another node has done the same work.
///
/// # Errors
/// Database faults.
pub fn advance_reader(
    conn: &mut Conn,
    name: &str,
    from: FeedCursor,
    to: FeedCursor,
) -> Result<bool, ApiError> {
    store::update_reader(conn, name, from, to)
}

const FLOOR: &str = "floor";

/// Forgets changes that nobody is expected to ask for.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    let Some(last) = store::last_before(conn, now - KEPT)? else { return Ok(0) };
    let floor = store::find_reader(conn, FLOOR)?;
    if floor < last {
        store::update_reader(conn, FLOOR, floor, last)?;
    }
    store::delete_until(conn, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_keeps_its_text_and_nothing_else_is_one() {
        for text in ["0.0", "0.17", "9223372036854775807.1"] {
            assert_eq!(text.parse::<FeedCursor>().unwrap().to_string(), text);
        }
        for text in
            ["", ".", "1", "1.", "-1.2", "1.-2", "+1.2", "1.2.3", "a.b", "9223372036854775808.0"]
        {
            assert_eq!(text.parse::<FeedCursor>(), Err(BadCursor), "{text}");
        }
        let at = |tx, seq| FeedCursor { tx, seq };
        assert!(at(1, 9) < at(2, 1) && at(2, 1) < at(2, 2));
    }
}
