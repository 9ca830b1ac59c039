//! PURE: when a draft may be frozen, and what that makes void.

use std::collections::BTreeSet;

use sync_core::lifecycle::CaseStatus;

/// Why a draft is not frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreezeRefusal {
    /// Nobody has begun a draft.
    NoDraft,
    /// Somebody has written since: what would be frozen is not what the caller saw.
    DraftMoved {
        /// Where the draft stands now.
        heads: Vec<String>,
    },
    /// Values that a person has to choose between first.
    OpenConflicts {
        /// Where they are.
        paths: Vec<String>,
    },
    /// The newest version says exactly this already.
    Unchanged,
}

impl FreezeRefusal {
    /// The stable reason on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoDraft => "no_draft",
            Self::DraftMoved { .. } => "draft_moved",
            Self::OpenConflicts { .. } => "open_conflicts",
            Self::Unchanged => "sheet_unchanged",
        }
    }
}

/// Whether a draft may be frozen as the caller saw it.
///
/// # Errors
/// The first [`FreezeRefusal`].
pub fn may_freeze(
    based_on: &[String],
    heads: &[String],
    open_conflicts: Vec<String>,
) -> Result<(), FreezeRefusal> {
    let set = |heads: &[String]| {
        heads.iter().map(|head| head.to_ascii_lowercase()).collect::<BTreeSet<_>>()
    };
    if set(based_on) != set(heads) {
        return Err(FreezeRefusal::DraftMoved { heads: heads.to_vec() });
    }
    if open_conflicts.is_empty() {
        Ok(())
    } else {
        Err(FreezeRefusal::OpenConflicts { paths: open_conflicts })
    }
}

/// Whether a new version makes an agreement void: the case was agreed, or further.
pub fn voids_agreement(status: CaseStatus) -> bool {
    (CaseStatus::Agreed..=CaseStatus::DocumentsComplete).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_caller_saw_and_nobody_disputes_is_frozen() {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let moved = || FreezeRefusal::DraftMoved { heads: list("aa bb") };
        let open = || FreezeRefusal::OpenConflicts { paths: list("lines/1/amount_fen") };
        for (based_on, conflicts, expected) in [
            ("aa bb", "", Ok(())),
            ("BB aa", "", Ok(())),
            ("aa", "", Err(moved())),
            ("aa bb cc", "", Err(moved())),
            ("aa bb", "lines/1/amount_fen", Err(open())),
            ("cc", "lines/1/amount_fen", Err(moved())),
        ] {
            assert_eq!(may_freeze(&list(based_on), &list("aa bb"), list(conflicts)), expected);
        }
    }

    #[test]
    fn what_was_agreed_is_void_from_then_on_and_nothing_else_is() {
        use CaseStatus as S;
        for (status, expected) in [
            (S::Surveyed, false),
            (S::Assessed, false),
            (S::Negotiating, false),
            (S::Disputed, false),
            (S::Agreed, true),
            (S::Verified, true),
            (S::DocumentsComplete, true),
            (S::Adjudicated, false),
        ] {
            assert_eq!(voids_agreement(status), expected, "{status}");
        }
    }
}
