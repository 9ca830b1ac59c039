//! PURE: which shop may be mentioned to a customer, and what a credit code looks like. There is no
//! rule that picks a shop: designating one is forbidden (C18).

use sync_core::time::{Instant, Span};

/// What every listing of shops says (C18), in Chinese.
pub const FREE_CHOICE_ZH: &str =
    "您可以自主选择任何一家维修企业。保险公司不指定维修企业或配件供应商，所列企业仅供参考。";
/// The same in English.
pub const FREE_CHOICE_EN: &str = "You are free to choose any repair shop. The insurer designates \
     neither a repair shop nor a parts supplier; shops are listed for information only.";

/// Class of a shop by the maintenance authority; the first is the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    One,
    Two,
    Three,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Three];

    /// The code in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
            Self::Three => "three",
        }
    }

    /// The class with this code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == code)
    }
}

/// Why staff may not mention a shop, even when they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRecommended {
    ClassBelowTwo,
    LicenceExpired,
}

impl NotRecommended {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::ClassBelowTwo => "class_below_two",
            Self::LicenceExpired => "licence_expired",
        }
    }
}

/// Whether a shop may be recommended (C19): class two or better, and its licence in force.
pub fn against_recommending(
    class: Class,
    licence_ends_at: Instant,
    now: Instant,
) -> Vec<NotRecommended> {
    let mut reasons = Vec::new();
    if class > Class::Two {
        reasons.push(NotRecommended::ClassBelowTwo);
    }
    if licence_ends_at <= now {
        reasons.push(NotRecommended::LicenceExpired);
    }
    reasons
}

/// A shop that might be named.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate<Id> {
    pub id: Id,
    pub class: Class,
    pub licence_ends_at: Instant,
    /// From the scene; unknown if either place is.
    pub distance_m: Option<f64>,
    /// How often it was named before.
    pub recommended: i64,
}

/// Shops within this distance of each other are equally near.
const BAND_M: f64 = 3_000.0;
/// How many are named.
pub const SEVERAL: usize = 5;

/// The shops that staff may name (C19): class two or better with a licence in force, the nearest band
/// first, within a band whoever was named less often. Several, so that none is designated (C18).
pub fn recommend<Id: Ord + Clone>(mut shops: Vec<Candidate<Id>>, now: Instant) -> Vec<Id> {
    shops.retain(|shop| against_recommending(shop.class, shop.licence_ends_at, now).is_empty());
    let band =
        |shop: &Candidate<Id>| shop.distance_m.map_or(f64::INFINITY, |m| (m / BAND_M).floor());
    shops.sort_by(|a, b| {
        band(a)
            .total_cmp(&band(b))
            .then(a.recommended.cmp(&b.recommended))
            .then_with(|| a.id.cmp(&b.id))
    });
    shops.into_iter().take(SEVERAL).map(|shop| shop.id).collect()
}

/// How far a repair is, in the order of the work.
pub const STAGES: [&str; 7] = [
    "received",
    "dismantled",
    "parts_ordered",
    "parts_arrived",
    "repairing",
    "completed",
    "delivered",
];

/// How long a link holds unless its sender says otherwise, in days.
pub const LINK_DAYS: i64 = 14;
/// How long it may hold, in days.
pub const MOST_LINK_DAYS: i64 = 30;
/// Links of one case within [`LINKS_WITHIN`]: each is a message.
pub const LINKS_OF_CASE: i64 = 5;
/// The window of that limit.
pub const LINKS_WITHIN: Span = Span::hours(24);

/// What decides about a link of a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFacts {
    pub expires_at: Instant,
    pub revoked: bool,
    /// Whether the customer's choice in force is the shop of the link.
    pub chosen: bool,
}

/// What a link of a shop is good for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    InForce,
    Revoked,
    OtherShop,
    Expired,
}

impl LinkState {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Revoked => "revoked",
            Self::OtherShop => "other_shop",
            Self::Expired => "expired",
        }
    }
}

/// The state of a link. It shows a case only while the customer goes to this very shop.
pub fn link_state(link: &LinkFacts, now: Instant) -> LinkState {
    if link.revoked {
        LinkState::Revoked
    } else if !link.chosen {
        LinkState::OtherShop
    } else if link.expires_at <= now {
        LinkState::Expired
    } else {
        LinkState::InForce
    }
}

const DAY_MS: i64 = 86_400_000;
/// Beijing is eight hours ahead of UTC, all year.
const BEIJING_MS: i64 = 8 * 3_600_000;

/// The end of a licence whose last day is this many days after 1 January 1970, Beijing time.
pub fn licence_end(last_day: i32) -> Instant {
    Instant((i64::from(last_day) + 1) * DAY_MS - BEIJING_MS)
}

/// The last day of a licence that ends at this instant.
pub fn licence_last_day(ends_at: Instant) -> i32 {
    let day = (ends_at.0 + BEIJING_MS).div_euclid(DAY_MS) - 1;
    i32::try_from(day).unwrap_or(i32::MAX)
}

/// A unified social credit code (GB 32100) that can be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditCode {
    /// 18 capital letters and digits.
    pub normalised: String,
    /// Whether the check character fits; a wrong one is most often a typing error.
    pub check_fits: bool,
}

/// The characters of a code by value: without I, O, S, V and Z.
const CREDIT_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Reads a credit code; blanks and dashes do not count.
pub fn credit_code(text: &str) -> Option<CreditCode> {
    let normalised: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| c.to_ascii_uppercase())
        .take(19)
        .collect();
    let values: Vec<u32> = normalised
        .chars()
        .map(|c| CREDIT_ALPHABET.find(c).and_then(|value| u32::try_from(value).ok()))
        .collect::<Option<_>>()?;
    let (check, body) = values.split_last().filter(|_| values.len() == 18)?;
    // Weights are the powers of three, modulo 31.
    let weights = std::iter::successors(Some(1_u32), |weight| Some(weight * 3 % 31));
    let sum: u32 = body.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    Some(CreditCode { normalised, check_fits: (sum + check).is_multiple_of(31) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_class_two_or_better_with_a_licence_in_force_may_be_recommended() {
        use NotRecommended::{ClassBelowTwo, LicenceExpired};
        const NOW: Instant = Instant(1_000);
        for (class, ends, expected) in [
            (Class::One, 1_001, vec![]),
            (Class::Two, 1_001, vec![]),
            (Class::Two, 1_000, vec![LicenceExpired]),
            (Class::Three, 1_001, vec![ClassBelowTwo]),
            (Class::Three, 0, vec![ClassBelowTwo, LicenceExpired]),
        ] {
            assert_eq!(against_recommending(class, Instant(ends), NOW), expected, "{class:?}");
        }
    }

    #[test]
    fn a_licence_holds_through_its_last_day_in_beijing() {
        // 1 January 1970 ends at 16:00 UTC.
        assert_eq!(licence_end(0), Instant(16 * 3_600_000));
        for day in [-1, 0, 1, 20_000] {
            assert_eq!(licence_last_day(licence_end(day)), day);
        }
    }

    #[test]
    fn credit_codes_are_read_and_their_check_character_is_computed() {
        for (text, expected) in [
            ("91350100M000100Y43", Some(true)),
            (" 91350100-M000100Y43 ", Some(true)),
            ("91350100m000100y43", Some(true)),
            ("91350100M000100Y44", Some(false)),
            ("91350100M000100Y4", None),
            ("91350100M000100Y431", None),
            ("91350100I000100Y43", None),
            ("", None),
            ("９1350100M000100Y43", None),
        ] {
            assert_eq!(credit_code(text).map(|code| code.check_fits), expected, "{text}");
        }
    }

    #[test]
    fn a_link_shows_a_case_to_the_chosen_shop_until_it_ends_or_is_taken_back() {
        use LinkState::{Expired, InForce, OtherShop, Revoked};
        const NOW: Instant = Instant(1_000);
        for (ends, revoked, chosen, expected) in [
            (1_001, false, true, InForce),
            (1_000, false, true, Expired),
            (1_001, false, false, OtherShop),
            (1_001, true, true, Revoked),
            (1_000, false, false, OtherShop),
            (1_000, true, false, Revoked),
        ] {
            let facts = LinkFacts { expires_at: Instant(ends), revoked, chosen };
            assert_eq!(link_state(&facts, NOW), expected, "{facts:?}");
        }
    }

    #[test]
    fn near_shops_take_turns_and_bad_ones_are_never_named() {
        const NOW: Instant = Instant(1_000);
        let shop = |id: u32, class, ends, metres: Option<f64>, recommended| Candidate {
            id,
            class,
            licence_ends_at: Instant(ends),
            distance_m: metres,
            recommended,
        };
        let shops = vec![
            shop(1, Class::One, 2_000, Some(2_900.0), 3),
            shop(2, Class::Two, 2_000, Some(100.0), 4),
            shop(3, Class::Three, 2_000, Some(1.0), 0),
            shop(4, Class::One, 1_000, Some(1.0), 0),
            shop(5, Class::Two, 2_000, Some(9_000.0), 0),
            shop(6, Class::Two, 2_000, None, 0),
        ];
        assert_eq!(recommend(shops, NOW), [1, 2, 5, 6]);
        // Over many rounds equal neighbours are named first equally often.
        let mut times = [0_i64; 3];
        for _ in 0..300 {
            let row = |(id, n): (usize, &i64)| {
                shop(u32::try_from(id).unwrap(), Class::One, 2_000, Some(10.0), *n)
            };
            let first = recommend(times.iter().enumerate().map(row).collect(), NOW)[0];
            times[usize::try_from(first).unwrap()] += 1;
        }
        assert_eq!(times, [100, 100, 100]);
    }
}
