//! Who does what on a case for good, and the queue of what waits for a verifier.

use sync_core::{
    ids::{BranchId, CaseId, PersonId, VersionId},
    money::Fen,
    time::Instant,
};

use super::{
    rules::{self, Duty, Held},
    store,
};
use crate::{auth::policy::Actor, db::Conn, draft, error::ApiError};

/// Lets people take a duty on a case: who acts, and for whom. Whoever wrote to the draft counts as an
/// assessor, whether or not they froze anything.
///
/// # Errors
/// `conflict` with the reason when one of them has the other side's duty.
pub fn take_duty(
    conn: &mut Conn,
    case_id: CaseId,
    people: &[PersonId],
    duty: Duty,
    now: Instant,
) -> Result<(), ApiError> {
    let held = held(conn, case_id)?;
    rules::may_take(duty, people, &held).map_err(|refusal| {
        ApiError::new(api_spec::problem::Code::Conflict).fact("reason", refusal.code())
    })?;
    for person in people {
        if !store::has_duty(conn, case_id, *person, duty)? {
            store::insert_duty(conn, case_id, *person, duty, now)?;
        }
    }
    Ok(())
}

/// Every duty that somebody has on a case.
///
/// # Errors
/// Database faults.
pub fn held(conn: &mut Conn, case_id: CaseId) -> Result<Vec<Held>, ApiError> {
    let mut held = store::list_duties(conn, case_id)?;
    let writers = draft::writers(conn, case_id)?;
    held.extend(writers.into_iter().map(|person| Held { person, duty: Duty::Assess }));
    Ok(held)
}

/// A version that waits for a verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The case.
    pub case_id: CaseId,
    /// The agreed version.
    pub version_id: VersionId,
    /// Total and rescue.
    pub amount: Fen,
    /// How many things are to be looked at.
    pub marks: i64,
    /// Since when it waits.
    pub queued_at: Instant,
    /// Until when it should be decided (C27).
    pub due_at: Instant,
    /// Who looks at it since when.
    pub started: Option<(PersonId, Instant)>,
}

/// By what a queue is sorted; the first is what needs a verifier most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueOrder {
    /// Most marks first.
    Marks,
    /// Largest amount first.
    Amount,
    /// Longest waiting first.
    Age,
}

/// Puts an agreed version into the queues of its branch and those above it, in place of an earlier one.
///
/// # Errors
/// Database faults.
pub fn queue_for_verification(
    conn: &mut Conn,
    branch_path: &str,
    waiting: &Waiting,
) -> Result<(), ApiError> {
    store::delete_waiting(conn, waiting.case_id)?;
    for scope in crate::identity::branches_upwards(conn, branch_path)? {
        store::insert_waiting(conn, scope, waiting)?;
    }
    Ok(())
}

/// Takes a case out of every queue.
///
/// # Errors
/// Database faults.
pub fn leave_queue(conn: &mut Conn, case_id: CaseId) -> Result<(), ApiError> {
    store::delete_waiting(conn, case_id)
}

/// What waits of one case.
///
/// # Errors
/// Database faults.
pub fn waiting(conn: &mut Conn, case_id: CaseId) -> Result<Option<Waiting>, ApiError> {
    store::find_waiting(conn, case_id)
}

/// Notes that a verifier looks at a case now, unless somebody does already.
///
/// # Errors
/// Database faults.
pub fn begin_verification(
    conn: &mut Conn,
    case_id: CaseId,
    actor: &Actor,
    now: Instant,
) -> Result<(), ApiError> {
    store::update_started(conn, case_id, actor.person, now)
}

/// A page of the queue of a branch and all below it.
///
/// # Errors
/// Database faults.
pub fn queue(
    conn: &mut Conn,
    scope: BranchId,
    order: QueueOrder,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<Waiting>, ApiError> {
    store::list_waiting(conn, scope, order, after, limit)
}
