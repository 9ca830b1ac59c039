//! The states of one task: the order to one surveyor to survey one case.

use super::Transition;
use crate::wire_name::wire_names;

wire_names! {
    /// Where a task stands.
    pub enum TaskStatus {
        /// Given to a surveyor, who has not answered.
        Assigned = "assigned",
        /// The surveyor is on it.
        Accepted = "accepted",
        /// The surveyor did not take it.
        Declined = "declined",
        /// The dispatcher took it back.
        Withdrawn = "withdrawn",
        /// The survey is complete.
        Done = "done",
    }
}

impl TaskStatus {
    /// Whether the surveyor still has to do something.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Assigned | Self::Accepted)
    }
}

wire_names! {
    /// What can be done with a task.
    pub enum TaskAction {
        /// The surveyor takes it.
        Accept = "accept",
        /// The surveyor does not take it.
        Decline = "decline",
        /// The dispatcher takes it back.
        Withdraw = "withdraw",
        /// The survey is complete.
        Complete = "complete",
    }
}

wire_names! {
    /// Why something cannot be done with a task.
    pub enum TaskRefusal {
        /// The surveyor took the task; only the dispatcher can take it back (Q14).
        AlreadyAccepted = "task_already_accepted",
        /// The surveyor declined the task; it must be assigned again.
        AlreadyDeclined = "task_already_declined",
        /// The task is done.
        AlreadyDone = "task_already_done",
    }
}

impl TaskRefusal {
    /// The stable code for problems on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.as_str()
    }
}

/// What `action` does to a task in `status`.
///
/// A task may be withdrawn while its surveyor has no signal. What the surveyor then sends is never
/// refused and never brings the task back: the work is kept under their name, the status stays.
///
/// # Errors
/// A [`TaskRefusal`] when the action contradicts what was done before.
pub fn apply_to_task(
    status: TaskStatus,
    action: TaskAction,
) -> Result<Transition<TaskStatus>, TaskRefusal> {
    use TaskAction as A;
    use TaskRefusal as R;
    use TaskStatus as S;
    use Transition::{Moved, Stays};
    match (status, action) {
        (S::Assigned, A::Accept) => Ok(Moved(S::Accepted)),
        (S::Assigned, A::Decline) => Ok(Moved(S::Declined)),
        (S::Assigned | S::Accepted, A::Withdraw) => Ok(Moved(S::Withdrawn)),
        // Work without a word of acceptance is acceptance: that message may have been lost.
        (S::Assigned | S::Accepted, A::Complete) => Ok(Moved(S::Done)),
        (S::Accepted, A::Decline) => Err(R::AlreadyAccepted),
        (S::Declined, A::Accept) => Err(R::AlreadyDeclined),
        (S::Done, A::Decline | A::Withdraw) => Err(R::AlreadyDone),
        (S::Accepted | S::Done, A::Accept)
        | (S::Declined, A::Decline | A::Withdraw | A::Complete)
        | (S::Withdrawn, _)
        | (S::Done, A::Complete) => Ok(Stays),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: status. Columns: accept, decline, withdraw, complete. `=` stays, `!` refused.
    const MATRIX: &str = "
        assigned   accepted                declined                withdrawn           done
        accepted   =                       !task_already_accepted  withdrawn           done
        declined   !task_already_declined  =                       =                   =
        withdrawn  =                       =                       =                   =
        done       =                       !task_already_done      !task_already_done  =
    ";

    #[test]
    fn the_whole_matrix() {
        let mut rows = 0;
        for row in MATRIX.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let cells: Vec<_> = row.split_whitespace().collect();
            let status: TaskStatus = cells[0].parse().unwrap();
            assert_eq!(cells.len(), 1 + TaskAction::ALL.len());
            for (action, expected) in TaskAction::ALL.iter().zip(&cells[1..]) {
                let found = match apply_to_task(status, *action) {
                    Ok(Transition::Moved(next)) => next.to_string(),
                    Ok(Transition::Stays) => "=".to_owned(),
                    Err(refusal) => format!("!{}", refusal.code()),
                };
                assert_eq!(found, *expected, "{action} in {status}");
            }
            rows += 1;
        }
        assert_eq!(rows, TaskStatus::ALL.len());
    }
}
