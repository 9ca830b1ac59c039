//! PURE: separation of duties on one case (B22).

use sync_core::ids::PersonId;

/// What somebody does on a case for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// Wrote lines, froze a version, negotiated amounts.
    Assess,
    /// Verified a version, returned it, proposed another amount.
    Verify,
    /// Adjudicated.
    Adjudicate,
}

impl Duty {
    /// Every duty.
    pub const ALL: [Self; 3] = [Self::Assess, Self::Verify, Self::Adjudicate];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assess => "assess",
            Self::Verify => "verify",
            Self::Adjudicate => "adjudicate",
        }
    }

    /// The duty with this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|duty| duty.as_str() == text)
    }
}

/// A duty that somebody has on the case, whatever their role is by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub person: PersonId,
    /// Which.
    pub duty: Duty,
}

/// Why somebody may not take a duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DutyRefusal {
    /// The duty that they, or the one they act for, have already.
    pub held: Duty,
}

impl DutyRefusal {
    /// The stable reason on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self.held {
            Duty::Assess => "assessed_this_case",
            Duty::Verify => "verified_this_case",
            Duty::Adjudicate => "adjudicated_this_case",
        }
    }
}

/// Whether these people (who acts, and for whom) may take a duty: nobody who assessed a case verifies
/// or adjudicates it, nor the other way round. What somebody did stays with them when their role
/// changes, and a delegation brings the delegator's past along.
///
/// # Errors
/// The refusal with its reason.
pub fn may_take(duty: Duty, people: &[PersonId], held: &[Held]) -> Result<(), DutyRefusal> {
    let clash = held.iter().find(|held| {
        let assessed = held.duty == Duty::Assess;
        people.contains(&held.person) && assessed != (duty == Duty::Assess)
    });
    clash.map_or(Ok(()), |held| Err(DutyRefusal { held: held.duty }))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_assessed_neither_verifies_nor_adjudicates_and_the_other_way_round() {
        use Duty::{Adjudicate, Assess, Verify};
        let [a, b] = [1, 2].map(|n| PersonId(Uuid::from_u128(n)));
        for (held, duty, people, expected) in [
            (Assess, Assess, vec![a], None),
            (Assess, Verify, vec![a], Some(Assess)),
            (Assess, Adjudicate, vec![a], Some(Assess)),
            (Assess, Verify, vec![b], None),
            // For somebody who assessed.
            (Assess, Verify, vec![b, a], Some(Assess)),
            (Verify, Assess, vec![a], Some(Verify)),
            (Adjudicate, Assess, vec![a], Some(Adjudicate)),
            // Both look at the assessor's work.
            (Verify, Adjudicate, vec![a], None),
        ] {
            let found = may_take(duty, &people, &[Held { person: a, duty: held }]);
            assert_eq!(found.err().map(|refusal| refusal.held), expected, "{held:?} {duty:?}");
        }
    }
}
