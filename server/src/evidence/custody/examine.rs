//! Looking at the whole log in the database: what does not fit, and where.

use std::fmt;

use sync_core::{
    custody::{Checkpoint, Fault, NOTHING_BEFORE, Reason, root, verify},
    ids::{CaseId, PhotoId},
    photo::ContentHash,
};

use super::{checkpoints::leaves, log, store};
use crate::{auth::keys, db::Conn, error::ApiError};

/// Cases of one look.
const CASES: i64 = 200;

/// Something in the log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// In the log of a case.
    Case(CaseId, Fault),
    /// In this checkpoint, or in its leaves.
    Checkpoint(u64),
    /// A checkpoint that was seen outside is not there any more, or is another one.
    RolledBack(u64),
    /// This photo is not what the log says was announced and received.
    Photo(CaseId, PhotoId),
    /// What is kept beside the log of this content is not what was noted.
    Content(ContentHash),
    /// The holds of this case are not those that were noted.
    Holds(CaseId),
    /// A row that cannot even be read.
    Unreadable(Option<CaseId>),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Case(case_id, fault) => write!(f, "case {case_id}: {fault}"),
            Self::Checkpoint(n) => write!(f, "checkpoint {n} is not what was signed"),
            Self::RolledBack(n) => write!(f, "checkpoint {n} was seen outside and is not here"),
            Self::Photo(case_id, id) => {
                write!(f, "case {case_id}: photo {id} is not what its log says")
            }
            Self::Content(sha256) => write!(f, "content {sha256} is not what was noted"),
            Self::Holds(case_id) => write!(f, "case {case_id}: holds are not what its log says"),
            Self::Unreadable(Some(case_id)) => write!(f, "case {case_id}: a row cannot be read"),
            Self::Unreadable(None) => f.write_str("a checkpoint cannot be read"),
        }
    }
}

/// Looks at the logs of all cases; answers the first finding of each.
///
/// # Errors
/// Database faults.
pub fn examine(
    conn: &mut Conn,
    is_signed: impl Fn(&str, &[u8], &[u8]) -> bool,
) -> Result<Vec<Finding>, ApiError> {
    let (mut findings, mut after) = (Vec::new(), None);
    let headless = store::list_headless(conn)?;
    findings.extend(
        headless
            .into_iter()
            .map(|case_id| Finding::Case(case_id, Fault { seq: None, reason: Reason::Head })),
    );
    loop {
        let cases = store::list_cases(conn, after, CASES)?;
        let Some(last) = cases.last().copied() else { return Ok(findings) };
        after = Some(last);
        for case_id in cases {
            match log(conn, case_id) {
                Ok(log) => findings.extend(
                    verify(&log, &is_signed).err().map(|fault| Finding::Case(case_id, fault)),
                ),
                Err(_) => findings.push(Finding::Unreadable(Some(case_id))),
            }
        }
    }
}

/// Looks at all checkpoints, and at whether one that was seen outside still stands.
///
/// # Errors
/// Database faults.
pub fn examine_checkpoints(
    conn: &mut Conn,
    outside: Option<&Checkpoint>,
    is_signed: impl Fn(&str, &[u8], &[u8]) -> bool,
) -> Result<Vec<Finding>, ApiError> {
    let Ok(all) = store::list_checkpoints(conn) else {
        return Ok(vec![Finding::Unreadable(None)]);
    };
    let (mut number, mut previous) = (0, NOTHING_BEFORE);
    for (checkpoint, signature) in &all {
        number += 1;
        let text = checkpoint.text();
        let stands = checkpoint.number == number
            && checkpoint.previous == previous
            && is_signed(&checkpoint.key_id, text.as_bytes(), signature);
        let Ok(heads) = store::list_leaves(conn, number) else {
            return Ok(vec![Finding::Checkpoint(number)]);
        };
        if !stands || root(&leaves(&heads)) != checkpoint.root {
            return Ok(vec![Finding::Checkpoint(number)]);
        }
        previous = checkpoint.sha256();
    }
    let same = outside.is_none_or(|seen| all.iter().any(|(known, _)| known == seen));
    Ok(if same {
        vec![]
    } else {
        outside.map(|seen| Finding::RolledBack(seen.number)).into_iter().collect()
    })
}

impl crate::auth::Auth {
    /// Whether one of our seal keys has signed this.
    #[must_use]
    pub fn is_sealed(&self, key_id: &str, text: &[u8], signature: &[u8]) -> bool {
        self.seals.find(key_id).is_some_and(|key| keys::verify(&key.public(), text, signature))
    }
}
