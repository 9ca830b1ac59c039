//! Money in whole fen (1/100 yuan). There is no other money type and no floating point.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

/// An amount in fen; negative for deductions.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(pub i64);

impl Fen {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount of one line: a thousand million yuan. Sums of 10,000 of them fit in an
    /// `i64` with room to spare, so totals cannot overflow.
    pub const MAX_LINE: Self = Self(100_000_000_000);

    /// The sum, or nothing on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or nothing on overflow.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// `self * numerator / denominator`, rounded half-up away from zero (B1), or nothing when the
    /// denominator is not positive or the result does not fit.
    #[must_use]
    pub fn scaled(self, numerator: i64, denominator: i64) -> Option<Self> {
        if denominator <= 0 {
            return None;
        }
        let product = i128::from(self.0) * i128::from(numerator);
        let denominator = i128::from(denominator);
        let magnitude = (product.abs() * 2 + denominator) / (denominator * 2);
        i64::try_from(magnitude * product.signum()).ok().map(Self)
    }
}

impl Sum for Fen {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0_i64, |sum, fen| sum.saturating_add(fen.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_rounds_half_up() {
        for (fen, numerator, denominator, expected) in [
            (100, 1, 3, 33),
            (100, 2, 3, 67),
            (5, 1, 2, 3),
            (-5, 1, 2, -3),
            (1, 1, 2, 1),
            (0, 7, 9, 0),
            (12_345, 8_000, 10_000, 9_876),
        ] {
            assert_eq!(Fen(fen).scaled(numerator, denominator), Some(Fen(expected)));
        }
        assert_eq!(Fen(1).scaled(1, 0), None);
        assert_eq!(Fen(i64::MAX).scaled(2, 1), None);
    }
}
