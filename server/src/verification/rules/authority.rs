//! PURE: limits of authority and separation of duties.

use sync_core::{ids::PersonId, money::Fen, time::Span};

use crate::auth::policy::Role;

/// How far somebody's authority reaches. An absent limit of shop or pair does not limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// By how much one decision may raise what is verified.
    pub single: Fen,
    /// The whole of a case.
    pub case: Fen,
    /// Everything verified for one shop within the period.
    pub shop: Option<Fen>,
    /// Everything that one verifier verified of one assessor within the period.
    pub pair: Option<Fen>,
    /// The period.
    pub period: Span,
}

/// A row of the table of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleLimits {
    /// Whose.
    pub role: Role,
    /// How far.
    pub limits: Limits,
}

/// The limits of somebody with these roles: of their highest role alone, never the best of several.
pub fn limits_of(roles: &[Role], table: &[RoleLimits]) -> Option<Limits> {
    let own = table.iter().filter(|row| roles.contains(&row.role));
    own.map(|row| row.limits).max_by_key(|limits| (limits.single, limits.case))
}

/// Who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decide {
    /// Who acts, and for whom: their pasts count together.
    pub people: Vec<PersonId>,
    /// The limits of the one whose authority is used; none if they have none (any more).
    pub limits: Option<Limits>,
    /// Whether any of them assessed the case or wrote to its draft.
    pub assessed: bool,
    /// Whether any of them adjudicated the case.
    pub adjudicated: bool,
}

/// What is decided, and what was before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// The sheet with rescue.
    pub whole: Fen,
    /// What was verified of the case before.
    pub before: Fen,
    /// What was verified for the shop within the period, if the case has one of the registry.
    pub shop: Option<Fen>,
    /// What these people verified of the same assessor within the period.
    pub pair: Fen,
}

impl Exposure {
    /// By how much this decision raises what is verified.
    pub fn increase(&self) -> Fen {
        Fen(self.whole.0.saturating_sub(self.before.0).max(0))
    }
}

/// Why somebody may not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyRefusal {
    /// They, or the one they act for, assessed the case.
    Assessed,
    /// They, or the one they act for, adjudicated the case.
    Adjudicated,
    /// No authority at all.
    NoAuthority,
    /// Above the limit of one decision.
    AboveSingle(Fen),
    /// Above the limit of a case.
    AboveCase(Fen),
    /// Too much for this shop within the period.
    AboveShop(Fen),
    /// Too much between these two people within the period.
    AbovePair(Fen),
}

impl VerifyRefusal {
    /// The stable reason on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::Assessed => "assessed_this_case",
            Self::Adjudicated => "adjudicated_this_case",
            Self::NoAuthority => "no_authority",
            Self::AboveSingle(_) => "above_single_limit",
            Self::AboveCase(_) => "above_case_limit",
            Self::AboveShop(_) => "above_shop_limit",
            Self::AbovePair(_) => "above_pair_limit",
        }
    }

    /// The limit that was reached.
    pub fn limit(self) -> Option<Fen> {
        match self {
            Self::AboveSingle(limit)
            | Self::AboveCase(limit)
            | Self::AboveShop(limit)
            | Self::AbovePair(limit) => Some(limit),
            _ => None,
        }
    }
}

/// Whether somebody may verify.
///
/// # Errors
/// The first [`VerifyRefusal`]: separation before amounts.
pub fn judge(decide: &Decide, exposure: &Exposure) -> Result<(), VerifyRefusal> {
    use VerifyRefusal as R;
    if decide.assessed {
        return Err(R::Assessed);
    }
    if decide.adjudicated {
        return Err(R::Adjudicated);
    }
    let limits = decide.limits.ok_or(R::NoAuthority)?;
    let increase = exposure.increase();
    let grown = |sum: Fen| Fen(sum.0.saturating_add(increase.0));
    if increase > limits.single {
        return Err(R::AboveSingle(limits.single));
    }
    if exposure.whole > limits.case {
        return Err(R::AboveCase(limits.case));
    }
    if let (Some(limit), Some(sum)) = (limits.shop, exposure.shop)
        && grown(sum) > limit
    {
        return Err(R::AboveShop(limit));
    }
    match limits.pair {
        Some(limit) if grown(exposure.pair) > limit => Err(R::AbovePair(limit)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            single: Fen(100),
            case: Fen(300),
            shop: Some(Fen(500)),
            pair: Some(Fen(400)),
            period: Span::days(30),
        }
    }

    fn decide() -> Decide {
        Decide { people: Vec::new(), limits: Some(limits()), assessed: false, adjudicated: false }
    }

    #[test]
    fn amounts_are_limited_by_decision_case_shop_and_pair() {
        use VerifyRefusal as R;
        let exposure = |whole, before, shop, pair| Exposure {
            whole: Fen(whole),
            before: Fen(before),
            shop: Some(Fen(shop)),
            pair: Fen(pair),
        };
        for (exposure, expected) in [
            (exposure(100, 0, 0, 0), Ok(())),
            (exposure(101, 0, 0, 0), Err(R::AboveSingle(Fen(100)))),
            // A supplement counts by what it adds, and the case as a whole.
            (exposure(300, 200, 0, 0), Ok(())),
            (exposure(301, 250, 0, 0), Err(R::AboveCase(Fen(300)))),
            (exposure(100, 0, 400, 0), Ok(())),
            (exposure(100, 0, 401, 0), Err(R::AboveShop(Fen(500)))),
            (exposure(100, 0, 0, 301), Err(R::AbovePair(Fen(400)))),
            // Less than before raises nothing.
            (exposure(50, 250, 500, 400), Ok(())),
        ] {
            assert_eq!(judge(&decide(), &exposure), expected, "{exposure:?}");
        }
        let free = Limits { shop: None, pair: None, ..limits() };
        let free = Decide { limits: Some(free), ..decide() };
        assert_eq!(judge(&free, &exposure(100, 0, i64::MAX, i64::MAX)), Ok(()));
    }

    #[test]
    fn duties_come_before_amounts() {
        let mine = Exposure { whole: Fen(1_000), ..Exposure::default() };
        for (decide, expected) in [
            (Decide { assessed: true, ..decide() }, VerifyRefusal::Assessed),
            (Decide { adjudicated: true, ..decide() }, VerifyRefusal::Adjudicated),
            (Decide { limits: None, ..decide() }, VerifyRefusal::NoAuthority),
        ] {
            assert_eq!(judge(&decide, &mine), Err(expected));
        }
    }

    #[test]
    fn the_highest_role_counts() {
        let high = Limits { single: Fen(1_000), ..limits() };
        let table = [
            RoleLimits { role: Role::Verifier, limits: limits() },
            RoleLimits { role: Role::Manager, limits: high },
        ];
        assert_eq!(limits_of(&[Role::Verifier], &table), Some(limits()));
        assert_eq!(limits_of(&[Role::Verifier, Role::Manager], &table), Some(high));
        assert_eq!(limits_of(&[Role::Assessor], &table), None);
    }
}
