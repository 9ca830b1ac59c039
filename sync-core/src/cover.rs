//! What the policy would bear of an assessed loss (B2): indicative, never a promise.
//!
//! Limits, deductibles and the share of liability are data of the policy, taken as they stood when the
//! snapshot was made; none of them is a constant here, because clauses changed over the years. What is
//! paid follows from the contract and its adjudication.

use serde::{Deserialize, Serialize};

use crate::{money::Fen, wire_name::wire_names};

const FULL_BP: i64 = 10_000;

/// The terms of a policy as they stood when somebody looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySnapshot {
    /// Which snapshot of the case, from 1.
    pub number: i64,
    /// Own-damage cover: the sum insured, if there is such cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_damage_fen: Option<Fen>,
    /// Third-party cover: its limit, if there is such cover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_party_fen: Option<Fen>,
    /// Compulsory cover: property limit of the insured who has a share in the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compulsory_at_fault_fen: Option<Fen>,
    /// Compulsory cover: property limit of the insured without fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compulsory_no_fault_fen: Option<Fen>,
    /// The insured's share of liability, basis points.
    pub liability_bp: i64,
    /// Deductible rate by fault, basis points; older clauses have it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fault_rate_bp: i64,
    /// Sum of the absolute deductible rates, basis points.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub absolute_rate_bp: i64,
    /// Absolute deductible of the own-damage cover.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub deductible_fen: Fen,
    /// Paid to the insured already by the other side's compulsory cover.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub received_fen: Fen,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_nothing(value: &Fen) -> bool {
    *value == Fen::ZERO
}

impl PolicySnapshot {
    /// The first field that cannot be meant: negative, above [`Fen::MAX_LINE`], a rate above 100 %.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let rates = [
            ("liability_bp", self.liability_bp),
            ("fault_rate_bp", self.fault_rate_bp),
            ("absolute_rate_bp", self.absolute_rate_bp),
        ];
        let amounts = [
            ("own_damage_fen", self.own_damage_fen),
            ("third_party_fen", self.third_party_fen),
            ("compulsory_at_fault_fen", self.compulsory_at_fault_fen),
            ("compulsory_no_fault_fen", self.compulsory_no_fault_fen),
            ("deductible_fen", Some(self.deductible_fen)),
            ("received_fen", Some(self.received_fen)),
        ];
        let rate = rates.into_iter().find(|(_, rate)| !(0..=FULL_BP).contains(rate));
        let amount = amounts.into_iter().find(|(_, amount)| {
            amount.is_some_and(|amount| !(Fen::ZERO..=Fen::MAX_LINE).contains(&amount))
        });
        rate.map(|(name, _)| name).or(amount.map(|(name, _)| name))
    }

    /// What is left after the deductible rates, rounded half up once.
    fn after_rates(&self, amount: Fen) -> Option<Fen> {
        let share = (FULL_BP - self.fault_rate_bp) * (FULL_BP - self.absolute_rate_bp);
        amount.scaled(share, FULL_BP * FULL_BP)
    }
}

/// The sums of a sheet that a policy is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Total of the insured's own vehicle.
    pub own_fen: Fen,
    /// Its rescue and towing.
    pub own_rescue_fen: Fen,
    /// Totals of other people's vehicles.
    pub third_party_fen: Fen,
    /// Their rescue and towing.
    pub third_party_rescue_fen: Fen,
    /// What the sheet leaves outside: not covered, or borne by the customer.
    pub outside_fen: Fen,
}

/// An indicative split. It says what the policy would bear if the liability stays as assumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicative {
    /// The snapshot it was computed from.
    pub policy_number: i64,
    /// The share of liability that was assumed, basis points.
    pub liability_bp: i64,
    /// Own-damage cover, after deductibles.
    pub own_damage_fen: Fen,
    /// Rescue and towing of the own vehicle, capped by the sum insured for itself.
    pub rescue_fen: Fen,
    /// Compulsory cover, for other people's property.
    pub compulsory_fen: Fen,
    /// Commercial third-party cover.
    pub third_party_fen: Fen,
    /// All four together.
    pub insurer_fen: Fen,
    /// What is left to the customer, items outside the sheet's total included.
    pub customer_fen: Fen,
}

/// The split of a loss by a policy; nothing when a value is out of range.
#[must_use]
pub fn split(policy: &PolicySnapshot, loss: &Loss) -> Option<Indicative> {
    if policy.fault().is_some() {
        return None;
    }
    let minus = |a: Fen, b: Fen| Fen(a.0.saturating_sub(b.0).max(0));
    let sum_insured = policy.own_damage_fen.unwrap_or(Fen::ZERO);
    let own = minus(loss.own_fen, policy.received_fen).min(sum_insured);
    let own_damage_fen = minus(policy.after_rates(own)?, policy.deductible_fen);
    let rescue_fen = policy.after_rates(loss.own_rescue_fen.min(sum_insured))?;

    let others = loss.third_party_fen.checked_add(loss.third_party_rescue_fen)?;
    let compulsory_limit = if policy.liability_bp > 0 {
        policy.compulsory_at_fault_fen
    } else {
        policy.compulsory_no_fault_fen
    };
    let compulsory_fen = others.min(compulsory_limit.unwrap_or(Fen::ZERO));
    // The other side's own share is theirs to bear.
    let answered = minus(others, compulsory_fen).scaled(policy.liability_bp, FULL_BP)?;
    let limit = policy.third_party_fen.unwrap_or(Fen::ZERO);
    let third_party_fen = policy.after_rates(answered)?.min(limit);

    let sum = |amounts: &[Fen]| amounts.iter().try_fold(Fen::ZERO, |sum, a| sum.checked_add(*a));
    let insurer_fen = sum(&[own_damage_fen, rescue_fen, compulsory_fen, third_party_fen])?;
    let received = policy.received_fen.min(loss.own_fen);
    let burden =
        sum(&[loss.own_fen, loss.own_rescue_fen, compulsory_fen, answered, loss.outside_fen])?;
    Some(Indicative {
        policy_number: policy.number,
        liability_bp: policy.liability_bp,
        own_damage_fen,
        rescue_fen,
        compulsory_fen,
        third_party_fen,
        insurer_fen,
        customer_fen: minus(minus(burden, received), insurer_fen),
    })
}

wire_names! {
    /// What the amount of repair suggests. A suggestion: people decide.
    pub enum LossSuggestion {
        /// Repair.
        Repair = "repair",
        /// Repair costs more of the value than the insurer thinks worth while (推定全损).
        Constructive = "constructive_total_loss",
        /// Repair costs what the vehicle was worth, or more (全部损失).
        Total = "total_loss",
    }
}

/// How the repair of a vehicle stands to its actual value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalLoss {
    /// What it was worth before the accident.
    pub actual_value_fen: Fen,
    /// The repair's share of that, basis points, rounded down.
    pub share_bp: i64,
    /// The insurer's threshold, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_bp: Option<i64>,
    /// What that suggests.
    pub suggestion: LossSuggestion,
}

/// Compares a repair with the actual value; nothing for a vehicle that was worth nothing.
#[must_use]
pub fn total_loss(repair: Fen, actual_value: Fen, from_bp: Option<i64>) -> Option<TotalLoss> {
    if actual_value <= Fen::ZERO {
        return None;
    }
    let share = i128::from(repair.0.max(0)) * i128::from(FULL_BP) / i128::from(actual_value.0);
    let share_bp = i64::try_from(share).unwrap_or(i64::MAX);
    let suggestion = if share_bp >= FULL_BP {
        LossSuggestion::Total
    } else if from_bp.is_some_and(|from| share_bp >= from) {
        LossSuggestion::Constructive
    } else {
        LossSuggestion::Repair
    };
    Some(TotalLoss { actual_value_fen: actual_value, share_bp, from_bp, suggestion })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy() -> PolicySnapshot {
        PolicySnapshot {
            number: 1,
            own_damage_fen: Some(Fen(10_000_000)),
            third_party_fen: Some(Fen(100_000_000)),
            compulsory_at_fault_fen: Some(Fen(200_000)),
            compulsory_no_fault_fen: Some(Fen(10_000)),
            liability_bp: 7_000,
            ..PolicySnapshot::default()
        }
    }

    fn loss(own: i64, rescue: i64, others: i64) -> Loss {
        Loss {
            own_fen: Fen(own),
            own_rescue_fen: Fen(rescue),
            third_party_fen: Fen(others),
            ..Loss::default()
        }
    }

    #[test]
    fn compulsory_cover_pays_first_and_the_rest_by_liability() {
        let usual = policy();
        let no_fault = PolicySnapshot { liability_bp: 0, ..usual.clone() };
        let deducted = PolicySnapshot {
            fault_rate_bp: 1_500,
            absolute_rate_bp: 1_000,
            deductible_fen: Fen(20_000),
            ..usual.clone()
        };
        let bare = PolicySnapshot { own_damage_fen: None, third_party_fen: None, ..usual.clone() };
        for (policy, loss, expected) in [
            // own, rescue, compulsory, third party, customer
            (&usual, loss(500_000, 0, 0), [500_000, 0, 0, 0, 0]),
            (&usual, loss(0, 0, 150_000), [0, 0, 150_000, 0, 0]),
            (&usual, loss(0, 0, 300_000), [0, 0, 200_000, 70_000, 0]),
            (&no_fault, loss(0, 0, 300_000), [0, 0, 10_000, 0, 0]),
            // Rescue has a cap of its own.
            (&usual, loss(10_000_000, 80_000, 0), [10_000_000, 80_000, 0, 0, 0]),
            (&usual, loss(11_000_000, 0, 0), [10_000_000, 0, 0, 0, 1_000_000]),
            // 1,000,000 x 85 % x 90 % - 20,000
            (&deducted, loss(1_000_000, 0, 0), [745_000, 0, 0, 0, 255_000]),
            (&bare, loss(500_000, 1_000, 300_000), [0, 0, 200_000, 0, 571_000]),
        ] {
            let split = split(policy, &loss).unwrap();
            let found = [
                split.own_damage_fen,
                split.rescue_fen,
                split.compulsory_fen,
                split.third_party_fen,
                split.customer_fen,
            ];
            assert_eq!(found.map(|fen| fen.0), expected, "{policy:?} {loss:?}");
        }
        let received = PolicySnapshot { received_fen: Fen(10_000), ..usual.clone() };
        let split = split(&received, &loss(500_000, 0, 0)).unwrap();
        assert_eq!((split.own_damage_fen, split.customer_fen), (Fen(490_000), Fen(0)));
    }

    #[test]
    fn a_repair_near_the_value_suggests_a_total_loss() {
        for (repair, from, expected) in [
            (799, Some(8_000), Some(LossSuggestion::Repair)),
            (800, Some(8_000), Some(LossSuggestion::Constructive)),
            (999, None, Some(LossSuggestion::Repair)),
            (1_000, None, Some(LossSuggestion::Total)),
            (5_000, Some(8_000), Some(LossSuggestion::Total)),
        ] {
            let found = total_loss(Fen(repair), Fen(1_000), from).map(|loss| loss.suggestion);
            assert_eq!(found, expected, "{repair}");
        }
        assert_eq!(total_loss(Fen(1), Fen(0), None), None);
    }

    proptest! {
        /// Insurer and customer together bear exactly what the insured answers for.
        #[test]
        fn nothing_is_lost_between_insurer_and_customer(
            own in 0..20_000_000_i64, rescue in 0..500_000_i64, others in 0..5_000_000_i64,
            outside in 0..100_000_i64, liability_bp in 0..=10_000_i64, fault in 0..=2_000_i64,
            deductible in 0..100_000_i64, received in 0..300_000_i64,
        ) {
            let policy = PolicySnapshot {
                liability_bp, fault_rate_bp: fault, deductible_fen: Fen(deductible),
                received_fen: Fen(received), ..policy()
            };
            let loss = Loss { outside_fen: Fen(outside), ..loss(own, rescue, others) };
            let split = split(&policy, &loss).unwrap();
            let answered = Fen((others - split.compulsory_fen.0).max(0)).scaled(liability_bp, 10_000).unwrap();
            let burden = own - received.min(own) + rescue + split.compulsory_fen.0 + answered.0 + outside;
            prop_assert_eq!(split.insurer_fen.0 + split.customer_fen.0, burden);
            prop_assert!(split.own_damage_fen <= Fen(10_000_000));
        }

        #[test]
        fn any_numbers_at_all_are_survived(numbers in any::<[i64; 12]>()) {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = numbers;
            let policy = PolicySnapshot {
                number: a, own_damage_fen: Some(Fen(b)), third_party_fen: Some(Fen(c)),
                compulsory_at_fault_fen: Some(Fen(d)), compulsory_no_fault_fen: None,
                liability_bp: e, fault_rate_bp: f, absolute_rate_bp: g,
                deductible_fen: Fen(h), received_fen: Fen(i),
            };
            let loss = loss(j, k, l);
            let _ = split(&policy, &loss);
            let sane = PolicySnapshot { number: a, ..super::tests::policy() };
            let _ = split(&sane, &loss);
            let _ = total_loss(Fen(a), Fen(b), Some(c));
        }
    }
}
