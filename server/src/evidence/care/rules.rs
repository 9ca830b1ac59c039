//! PURE: when evidence may be deleted.

use sync_core::time::{Instant, Span};

/// Accounting papers of a claim are kept for ten years after the claim's year; a photo proves one.
pub const RETENTION: Span = Span::days(11 * 366);

/// Why bytes are not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepReason {
    /// Not before then.
    Retained(Instant),
    /// A case that has them is held.
    Held,
}

/// Permission to delete one content: only [`judge_deletion`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due(());

/// Judges by when each case has received the content, and whether any of them is held.
///
/// # Errors
/// [`KeepReason`].
pub fn judge_deletion(received: &[Instant], held: bool, now: Instant) -> Result<Due, KeepReason> {
    let until = received.iter().map(|at| *at + RETENTION).max();
    match until {
        Some(until) if until > now => Err(KeepReason::Retained(until)),
        _ if held => Err(KeepReason::Held),
        _ => Ok(Due(())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_receipt_and_every_hold_count() {
        let (old, new) = (Instant(0), Instant(1_000));
        let after = |at: Instant| at + RETENTION;
        for (received, held, now, expected) in [
            (vec![old], false, after(old), Ok(Due(()))),
            (vec![old], true, after(old), Err(KeepReason::Held)),
            (vec![old, new], false, after(old), Err(KeepReason::Retained(after(new)))),
            (vec![old], true, old, Err(KeepReason::Retained(after(old)))),
            (vec![], false, old, Ok(Due(()))),
        ] {
            assert_eq!(judge_deletion(&received, held, now), expected);
        }
    }
}
