//! PURE: what holds between units, and with the customer of an out-of-area case.

use sync_core::{ids::BranchId, lifecycle::EventKind, money::Fen};

/// Why an agreement on a repair place cannot be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonFault {
    /// The insured's wish is not followed: it has to be said why.
    Required,
    /// The wish is followed: there is nothing to explain.
    NotNeeded,
}

/// Whether the insured's wish is followed. It is, or it is said why not (C47).
///
/// # Errors
/// A reason that is missing, or one for nothing.
pub fn follow_wish(wish: &str, agreed: &str, reason: Option<&str>) -> Result<bool, ReasonFault> {
    match (agreed == wish, reason) {
        (false, None) => Err(ReasonFault::Required),
        (true, Some(_)) => Err(ReasonFault::NotNeeded),
        (followed, _) => Ok(followed),
    }
}

/// Whether somebody or the zones have said that another unit is needed, and nobody of ours went since.
pub fn is_needed<'a>(log: impl Iterator<Item = &'a EventKind>) -> bool {
    let words = |kind: &&EventKind| {
        matches!(kind, EventKind::ProxyNeeded | EventKind::ProxyDropped | EventKind::CaseReopened)
    };
    log.filter(words).last() == Some(&EventKind::ProxyNeeded)
}

/// An amount that one unit owes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Who is owed.
    pub creditor: BranchId,
    /// Who owes.
    pub debtor: BranchId,
    /// How much.
    pub amount: Fen,
    /// Whether it was paid.
    pub settled: bool,
}

/// What is open between one unit and another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The other unit.
    pub with: BranchId,
    /// What it owes us.
    pub owed_to_us: Fen,
    /// What we owe it.
    pub owed_by_us: Fen,
}

/// What is open between `us` and each other unit, in the order of their ids (C48).
#[must_use]
pub fn balances(us: BranchId, all: &[Owed]) -> Vec<Balance> {
    let mut found: Vec<Balance> = Vec::new();
    for owed in all.iter().filter(|owed| !owed.settled) {
        let (with, to_us) = match (owed.creditor == us, owed.debtor == us) {
            (true, false) => (owed.debtor, true),
            (false, true) => (owed.creditor, false),
            _ => continue,
        };
        let place = match found.binary_search_by_key(&with, |balance| balance.with) {
            Ok(place) => place,
            Err(place) => {
                let none = Balance { with, owed_to_us: Fen(0), owed_by_us: Fen(0) };
                found.insert(place, none);
                place
            }
        };
        if let Some(balance) = found.get_mut(place) {
            let sum = if to_us { &mut balance.owed_to_us } else { &mut balance.owed_by_us };
            *sum = Fen(sum.0.saturating_add(owed.amount.0));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_wish_is_followed_or_it_is_said_why_not() {
        use ReasonFault::{NotNeeded, Required};
        for (agreed, reason, expected) in [
            ("杭州", None, Ok(true)),
            ("上饶", Some("车辆不能移动"), Ok(false)),
            ("上饶", None, Err(Required)),
            ("杭州", Some("太远"), Err(NotNeeded)),
        ] {
            assert_eq!(follow_wish("杭州", agreed, reason), expected, "{agreed} {reason:?}");
        }
    }

    #[test]
    fn another_unit_is_needed_until_somebody_of_ours_goes() {
        for (log, expected) in [
            ("case_reported", false),
            ("case_reported proxy_needed", true),
            ("proxy_needed proxy_arranged", true),
            ("proxy_needed proxy_dropped", false),
            ("proxy_needed proxy_dropped proxy_needed task_assigned", true),
            ("proxy_needed proxy_arranged case_closed case_reopened", false),
        ] {
            let kinds: Vec<EventKind> = log.split(' ').map(|kind| kind.parse().unwrap()).collect();
            assert_eq!(is_needed(kinds.iter()), expected, "{log}");
        }
    }

    #[test]
    fn a_balance_is_what_is_open_between_two_units() {
        let unit = |n| BranchId(Uuid::from_u128(n));
        let owed = |creditor, debtor, fen, settled| Owed {
            creditor: unit(creditor),
            debtor: unit(debtor),
            amount: Fen(fen),
            settled,
        };
        let all = [
            owed(3, 1, 300, false),
            owed(2, 1, 200, false),
            owed(1, 2, 50, false),
            owed(2, 1, 7, true),
            owed(2, 3, 9, false),
            owed(2, 1, 100, false),
            owed(3, 1, i64::MAX, false),
        ];
        let balance = |with, to_us, by_us| Balance {
            with: unit(with),
            owed_to_us: Fen(to_us),
            owed_by_us: Fen(by_us),
        };
        let expected = [balance(2, 50, 300), balance(3, 0, i64::MAX)];
        assert_eq!(balances(unit(1), &all), expected);
        assert_eq!(balances(unit(4), &all), []);
    }
}
