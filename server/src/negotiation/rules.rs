//! PURE: rounds of a negotiation, and what was agreed by them (C25).

use std::collections::BTreeMap;

use sync_core::{ids::LineId, money::Fen};

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Insurer,
    Customer,
}

impl Side {
    /// The side with this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "insurer" => Some(Self::Insurer),
            "customer" => Some(Self::Customer),
            _ => None,
        }
    }

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insurer => "insurer",
            Self::Customer => "customer",
        }
    }
}

/// What a side does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Names an amount.
    Offer(Fen),
    /// Takes the other side's last offer.
    Accept,
    /// Does not take it.
    Reject,
}

impl Move {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offer(_) => "offer",
            Self::Accept => "accept",
            Self::Reject => "reject",
        }
    }
}

/// A round: about a line, or the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    pub side: Side,
    pub action: Move,
    pub line: Option<LineId>,
}

/// Where a line or the total stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    pub agreed: Option<Fen>,
    pub insurer: Option<Fen>,
    pub customer: Option<Fen>,
}

impl Point {
    fn of_other(&self, side: Side) -> Option<Fen> {
        match side {
            Side::Insurer => self.customer,
            Side::Customer => self.insurer,
        }
    }
}

/// Why a round cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundRefusal {
    /// The other side has made no offer on this point.
    NothingOffered,
    /// Both sides agreed on this point; another version opens it again.
    AgreedAlready,
}

impl RoundRefusal {
    /// The stable reason on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::NothingOffered => "nothing_offered",
            Self::AgreedAlready => "point_agreed",
        }
    }
}

/// Where every point stands after these rounds. The frozen amounts are the insurer's first offers.
pub fn points(
    frozen: &BTreeMap<Option<LineId>, Fen>,
    rounds: &[Round],
) -> BTreeMap<Option<LineId>, Point> {
    let mut points: BTreeMap<Option<LineId>, Point> = BTreeMap::new();
    for round in rounds {
        let first = || Point { insurer: frozen.get(&round.line).copied(), ..Point::default() };
        let point = points.entry(round.line).or_insert_with(first);
        match (round.action, round.side) {
            (Move::Offer(amount), Side::Insurer) => point.insurer = Some(amount),
            (Move::Offer(amount), Side::Customer) => point.customer = Some(amount),
            (Move::Accept, side) => point.agreed = point.of_other(side),
            (Move::Reject, _) => {}
        }
    }
    points
}

/// Whether a round may follow.
///
/// # Errors
/// The [`RoundRefusal`].
pub fn may_follow(
    frozen: &BTreeMap<Option<LineId>, Fen>,
    rounds: &[Round],
    next: &Round,
) -> Result<(), RoundRefusal> {
    let standing = points(frozen, rounds);
    let first = Point { insurer: frozen.get(&next.line).copied(), ..Point::default() };
    let point = standing.get(&next.line).copied().unwrap_or(first);
    if point.agreed.is_some() {
        return Err(RoundRefusal::AgreedAlready);
    }
    let answers = matches!(next.action, Move::Accept | Move::Reject);
    if answers && point.of_other(next.side).is_none() {
        return Err(RoundRefusal::NothingOffered);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(side: Side, action: Move) -> Round {
        Round { side, action, line: None }
    }

    #[test]
    fn a_point_is_agreed_when_a_side_takes_the_others_last_offer() {
        use Move::{Accept, Offer, Reject};
        use Side::{Customer, Insurer};
        let frozen = BTreeMap::from([(None, Fen(100))]);
        let offer = |side, fen| round(side, Offer(Fen(fen)));
        for (rounds, agreed) in [
            (vec![], None),
            (vec![round(Customer, Accept)], Some(100)),
            (vec![offer(Customer, 150), round(Insurer, Reject)], None),
            (vec![offer(Customer, 150), round(Insurer, Accept)], Some(150)),
            (vec![offer(Customer, 150), offer(Insurer, 120), round(Customer, Accept)], Some(120)),
        ] {
            let found = points(&frozen, &rounds).get(&None).and_then(|point| point.agreed);
            assert_eq!(found, agreed.map(Fen), "{rounds:?}");
        }
    }

    #[test]
    fn only_what_was_offered_can_be_answered_and_only_once() {
        use Move::{Accept, Offer};
        let frozen = BTreeMap::from([(None, Fen(100))]);
        let accept = |side| round(side, Accept);
        assert_eq!(
            may_follow(&frozen, &[], &accept(Side::Insurer)),
            Err(RoundRefusal::NothingOffered)
        );
        assert_eq!(may_follow(&frozen, &[], &accept(Side::Customer)), Ok(()));
        let agreed = [accept(Side::Customer)];
        let more = round(Side::Customer, Offer(Fen(1)));
        assert_eq!(may_follow(&frozen, &agreed, &more), Err(RoundRefusal::AgreedAlready));
        let line = Some(LineId(uuid_of(1)));
        let other = Round { line, ..more };
        assert_eq!(may_follow(&frozen, &agreed, &other), Ok(()));
    }

    fn uuid_of(n: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(n)
    }
}
