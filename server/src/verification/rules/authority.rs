//! PURE: limits of authority and separation of duties.

use sync_core::{money::Fen, time::Span};

use crate::auth::policy::Role;

/// As what somebody verifies.
pub const VERIFYING: &[Role] = &[Role::Verifier, Role::Manager];
/// As what somebody adjudicates. Neither authority lends anything to the other.
pub const ADJUDICATING: &[Role] = &[Role::Adjudicator];

/// How far somebody's authority reaches. An absent limit of shop or pair does not limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// By how much one decision may raise what is verified, or adjudicated.
    pub single: Fen,
    /// The whole of a case.
    pub case: Fen,
    /// Everything decided for one shop within the period.
    pub shop: Option<Fen>,
    /// Everything that one person decided of one assessor within the period.
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

/// The limits of somebody with these roles for what they do now: of the highest of the roles that may do
/// it, never the best of several.
pub fn limits_of(roles: &[Role], acting: &[Role], table: &[RoleLimits]) -> Option<Limits> {
    let own = table.iter().filter(|row| roles.contains(&row.role) && acting.contains(&row.role));
    own.map(|row| row.limits).max_by_key(|limits| (limits.single, limits.case))
}

/// What is decided, and what was before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// The sheet with rescue.
    pub whole: Fen,
    /// What was decided of the case before.
    pub before: Fen,
    /// What was decided for the shop within the period, if the case has one of the registry.
    pub shop: Option<Fen>,
    /// What these people decided of the same assessor within the period.
    pub pair: Fen,
}

impl Exposure {
    /// By how much this decision raises what was decided.
    pub fn increase(&self) -> Fen {
        Fen(self.whole.0.saturating_sub(self.before.0).max(0))
    }
}

/// Why somebody's authority does not reach. Whether their duties on the case allow it at all is for
/// `assessment::may_take`, which comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityRefusal {
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

impl AuthorityRefusal {
    /// The stable reason on the wire.
    pub fn code(self) -> &'static str {
        match self {
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
            Self::NoAuthority => None,
        }
    }
}

/// Whether these limits, of the one whose authority is used, allow the decision; no limits are no
/// authority (any more).
///
/// # Errors
/// The first [`AuthorityRefusal`].
pub fn judge(limits: Option<Limits>, exposure: &Exposure) -> Result<(), AuthorityRefusal> {
    use AuthorityRefusal as R;
    let limits = limits.ok_or(R::NoAuthority)?;
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

    #[test]
    fn amounts_are_limited_by_decision_case_shop_and_pair() {
        use AuthorityRefusal as R;
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
            assert_eq!(judge(Some(limits()), &exposure), expected, "{exposure:?}");
        }
        let free = Limits { shop: None, pair: None, ..limits() };
        assert_eq!(judge(Some(free), &exposure(100, 0, i64::MAX, i64::MAX)), Ok(()));
        assert_eq!(judge(None, &exposure(0, 0, 0, 0)), Err(R::NoAuthority));
    }

    #[test]
    fn the_highest_role_counts() {
        let high = Limits { single: Fen(1_000), ..limits() };
        let highest = Limits { single: Fen(5_000), ..limits() };
        let table = [
            RoleLimits { role: Role::Verifier, limits: limits() },
            RoleLimits { role: Role::Manager, limits: high },
            RoleLimits { role: Role::Adjudicator, limits: highest },
        ];
        let verifying = |roles: &[Role]| limits_of(roles, VERIFYING, &table);
        assert_eq!(verifying(&[Role::Verifier]), Some(limits()));
        assert_eq!(verifying(&[Role::Verifier, Role::Manager]), Some(high));
        assert_eq!(verifying(&[Role::Assessor]), None);
        // Authority to adjudicate verifies nothing, and the other way round.
        assert_eq!(verifying(&[Role::Verifier, Role::Adjudicator]), Some(limits()));
        let adjudicating = |roles: &[Role]| limits_of(roles, ADJUDICATING, &table);
        assert_eq!(adjudicating(&[Role::Verifier, Role::Adjudicator]), Some(highest));
        assert_eq!(adjudicating(&[Role::Verifier, Role::Manager]), None);
    }
}
