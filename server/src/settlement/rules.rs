//! PURE: what an adjudicated amount may be (C33, C34).

use sync_core::money::Fen;

/// Most clauses of one decision.
pub const MOST_CLAUSES: usize = 20;

/// Why an amount does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountRefusal {
    /// Less than nothing, or more than was verified: what was not verified is not paid.
    OutOfRange,
    /// Less than was verified, without saying why.
    NoReason,
    /// Nothing is taken off that there could be a reason for.
    NothingTakenOff,
}

/// Whether an amount stands, given what was verified and whether a reason is told.
///
/// # Errors
/// The [`AmountRefusal`].
pub fn judge_amount(amount: Fen, verified: Fen, reasoned: bool) -> Result<(), AmountRefusal> {
    if amount < Fen::ZERO || amount > verified {
        Err(AmountRefusal::OutOfRange)
    } else if amount < verified && !reasoned {
        Err(AmountRefusal::NoReason)
    } else if amount == verified && reasoned {
        Err(AmountRefusal::NothingTakenOff)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_off_without_a_reason_and_nothing_added() {
        use AmountRefusal::{NoReason, NothingTakenOff, OutOfRange};
        for (amount, reasoned, expected) in [
            (100, false, Ok(())),
            (100, true, Err(NothingTakenOff)),
            (99, true, Ok(())),
            (99, false, Err(NoReason)),
            (0, true, Ok(())),
            (101, false, Err(OutOfRange)),
            (-1, true, Err(OutOfRange)),
        ] {
            assert_eq!(judge_amount(Fen(amount), Fen(100), reasoned), expected, "{amount}");
        }
    }
}
