//! Service promises as data: which limits a case is held to.
//!
//! A standard is one profile among several and changes over the years (A5.10, A5.13). A case keeps
//! the code and version of the profile it was opened under, so a later profile judges no old case.

use serde::{Deserialize, Serialize};

mod catalogue;
mod rule;

use crate::{
    clock::ClockName,
    lifecycle::EventKind,
    time::{Instant, Span},
    wire_name::wire_names,
};

pub(crate) use rule::Terms;
pub use rule::{ClockRule, Limit, OfficeHours, StartsAt, Warn};

wire_names! {
    /// The kind of place where the loss happened; decides the arrival limit (C09). The insurer keeps
    /// the table of zones (A5.6); a place in no zone is `other`.
    pub enum ZoneClass {
        /// The urban area.
        Urban = "urban",
        /// Everywhere else.
        Other = "other",
    }
}

/// One version of one promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseProfile {
    /// Name of the promise, for example `zhejiang-2010`.
    pub code: String,
    /// Counts up from 1 within the code.
    pub version: u32,
    /// Cases reported from this instant on fall under it.
    pub valid_from: Instant,
    /// Cases reported at or after this instant no longer do; open-ended when missing.
    pub valid_until: Option<Instant>,
    /// When offices are open.
    pub office: OfficeHours,
    /// What is promised: at most one rule for each clock.
    pub rules: Vec<ClockRule>,
}

impl PromiseProfile {
    /// The code of the profile that ships with the product.
    pub const DEFAULT_CODE: &'static str = "zhejiang-2010";
    const MAX_CODE_BYTES: usize = 64;

    /// The motor-insurance customer service standard of Zhejiang, 2010: C04, C06, C09, C11.
    #[must_use]
    pub fn zhejiang_2010() -> Self {
        Self {
            code: Self::DEFAULT_CODE.to_owned(),
            version: 1,
            // 2010-01-01 in Asia/Shanghai.
            valid_from: Instant(1_262_275_200_000),
            valid_until: None,
            office: OfficeHours::STANDARD,
            rules: catalogue::zhejiang_2010(),
        }
    }

    /// The rule of one clock, if this profile promises anything of the kind.
    #[must_use]
    pub fn rule(&self, clock: ClockName) -> Option<&ClockRule> {
        self.rules.iter().find(|rule| rule.clock == clock)
    }

    /// The limit of a clock that runs around the clock, in a zone of this class; zero for any other.
    #[must_use]
    pub fn span(&self, clock: ClockName, zone: ZoneClass) -> Span {
        self.rule(clock).map_or(Span::ZERO, |rule| rule.limit.span(zone))
    }

    /// Which share of a limit is left when the clock begins to be at risk, in percent.
    #[must_use]
    pub fn warn_percent(&self, clock: ClockName) -> u8 {
        match self.rule(clock).map(|rule| &rule.warn) {
            Some(Warn::Percent { percent }) => *percent,
            _ => 0,
        }
    }

    /// Whether a case reported at `instant` falls under this profile.
    #[must_use]
    pub fn is_in_force(&self, instant: Instant) -> bool {
        self.valid_from <= instant && self.valid_until.is_none_or(|until| instant < until)
    }

    fn is_sane(&self) -> bool {
        let mut clocks: Vec<ClockName> = self.rules.iter().map(|rule| rule.clock).collect();
        clocks.sort_unstable();
        let before = clocks.len();
        clocks.dedup();
        before == clocks.len() && self.office.is_sane() && self.rules.iter().all(ClockRule::is_sane)
    }

    /// Checks the profile by itself.
    ///
    /// # Errors
    /// The first [`ProfileFault`] found.
    pub fn check(&self) -> Result<(), ProfileFault> {
        let code_fits = (1..=Self::MAX_CODE_BYTES).contains(&self.code.len())
            && self.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !code_fits {
            Err(ProfileFault::Code)
        } else if self.valid_until.is_some_and(|until| until <= self.valid_from) {
            Err(ProfileFault::Validity { code: self.code.clone(), version: self.version })
        } else if !self.is_sane() {
            Err(ProfileFault::Limits { code: self.code.clone(), version: self.version })
        } else if !self.rules.iter().flat_map(ClockRule::kinds).all(may_move_clocks) {
            Err(ProfileFault::Event { code: self.code.clone(), version: self.version })
        } else {
            Ok(())
        }
    }
}

/// Whether a profile may name an event. Syncing a draft says nothing of what was done, and it happens
/// more often than all else together, so that nobody folds clocks after it.
#[must_use]
pub fn may_move_clocks(kind: &EventKind) -> bool {
    *kind != EventKind::DraftSynced
}

/// Why a set of profiles cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileFault {
    /// The code is empty, too long or holds other characters than a-z, 0-9 and `-`.
    #[error("a profile code is 1 to 64 of a-z, 0-9 and -")]
    Code,
    /// The profile ends before it begins.
    #[error("profile {code} version {version} ends before it begins")]
    Validity {
        /// Of the profile.
        code: String,
        /// Of the profile.
        version: u32,
    },
    /// A clock stands twice, or a limit is not positive or absurdly long.
    #[error("profile {code} version {version} has a clock twice, or a limit that cannot be meant")]
    Limits {
        /// Of the profile.
        code: String,
        /// Of the profile.
        version: u32,
    },
    /// A clock is moved by an event that moves none.
    #[error("profile {code} version {version} has a clock that moves when a draft is synced")]
    Event {
        /// Of the profile.
        code: String,
        /// Of the profile.
        version: u32,
    },
    /// Two profiles have the same code and version.
    #[error("profile {code} version {version} is there twice")]
    Twice {
        /// Of the profile.
        code: String,
        /// Of the profile.
        version: u32,
    },
}

/// All profiles that are known, old ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromiseBook(Vec<PromiseProfile>);

impl PromiseBook {
    /// The profiles that ship with the product.
    #[must_use]
    pub fn built_in() -> Self {
        Self(vec![PromiseProfile::zhejiang_2010()])
    }

    /// A book of exactly these profiles.
    ///
    /// # Errors
    /// The first [`ProfileFault`] found.
    pub fn new(mut profiles: Vec<PromiseProfile>) -> Result<Self, ProfileFault> {
        profiles.iter().try_for_each(PromiseProfile::check)?;
        profiles.sort_by(|a, b| (&a.code, a.version).cmp(&(&b.code, b.version)));
        let twin = profiles
            .iter()
            .zip(profiles.iter().skip(1))
            .find(|(a, b)| a.code == b.code && a.version == b.version);
        match twin {
            Some((a, _)) => Err(ProfileFault::Twice { code: a.code.clone(), version: a.version }),
            None => Ok(Self(profiles)),
        }
    }

    /// Whether any version of this code is known.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.0.iter().any(|profile| profile.code == code)
    }

    /// The profile that a case was opened under.
    #[must_use]
    pub fn find(&self, code: &str, version: u32) -> Option<&PromiseProfile> {
        self.0.iter().find(|profile| profile.code == code && profile.version == version)
    }

    /// The profile that a case reported at `instant` is opened under: the newest version of `code`
    /// that is then in force.
    #[must_use]
    pub fn in_force(&self, code: &str, instant: Instant) -> Option<&PromiseProfile> {
        self.0
            .iter()
            .filter(|profile| profile.code == code && profile.is_in_force(instant))
            .max_by_key(|profile| profile.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockName;

    fn version(version: u32, from: i64, until: Option<i64>) -> PromiseProfile {
        PromiseProfile {
            version,
            valid_from: Instant(from),
            valid_until: until.map(Instant),
            ..PromiseProfile::zhejiang_2010()
        }
    }

    #[test]
    fn the_standard_of_2010_is_built_in() {
        let book = PromiseBook::built_in();
        let profile = book.find("zhejiang-2010", 1).unwrap();
        assert_eq!(profile.check(), Ok(()));
        for (clock, zone, expected_ms) in [
            (ClockName::Dispatch, ZoneClass::Urban, 300_000),
            (ClockName::FirstContact, ZoneClass::Urban, 300_000),
            (ClockName::Arrival, ZoneClass::Urban, 1_800_000),
            (ClockName::Arrival, ZoneClass::Other, 3_600_000),
            (ClockName::Proxy, ZoneClass::Urban, 7_200_000),
        ] {
            assert_eq!(profile.span(clock, zone), Span(expected_ms), "{clock} {zone}");
        }
        // Every clock of A6 stands in it.
        for clock in ClockName::ALL {
            assert!(profile.rule(*clock).is_some(), "{clock}");
        }
        let json = serde_json::to_string(profile).unwrap();
        assert_eq!(&serde_json::from_str::<PromiseProfile>(&json).unwrap(), profile);
        assert_eq!(book.find("zhejiang-2010", 2), None);
        assert_eq!(book.find("elsewhere", 1), None);
        assert_eq!(book.in_force("zhejiang-2010", Instant(1_262_275_199_999)), None);
        assert_eq!(book.in_force("zhejiang-2010", Instant(1_262_275_200_000)), Some(profile));
    }

    #[test]
    fn the_newest_version_in_force_counts() {
        let book = PromiseBook::new(vec![
            version(3, 300, None),
            version(1, 100, Some(200)),
            version(2, 150, Some(400)),
        ])
        .unwrap();
        for (instant, expected) in [
            (99, None),
            (100, Some(1)),
            (149, Some(1)),
            (150, Some(2)),
            (199, Some(2)),
            (299, Some(2)),
            (300, Some(3)),
            (400, Some(3)),
        ] {
            let found = book.in_force("zhejiang-2010", Instant(instant));
            assert_eq!(found.map(|profile| profile.version), expected, "at {instant}");
        }
    }

    #[test]
    fn faulty_profiles_are_refused() {
        let code = || "zhejiang-2010".to_owned();
        let twice = vec![version(1, 0, None), version(2, 0, None), version(1, 5, None)];
        assert_eq!(PromiseBook::new(twice), Err(ProfileFault::Twice { code: code(), version: 1 }));
        assert_eq!(
            PromiseBook::new(vec![version(1, 5, Some(5))]),
            Err(ProfileFault::Validity { code: code(), version: 1 })
        );
        let fault = ProfileFault::Limits { code: code(), version: 1 };
        let ms = |ms| Limit::Span { ms: Span(ms) };
        for wrong in [
            ms(0),
            ms(-1),
            ms(i64::MAX),
            Limit::WorkingDays { days: 0 },
            Limit::CalendarDays { days: 4_001 },
            Limit::ByZone { urban_ms: Span(1), other_ms: Span(0) },
        ] {
            let mut profile = version(1, 0, None);
            profile.rules[0].limit = wrong;
            assert_eq!(PromiseBook::new(vec![profile]), Err(fault.clone()), "{wrong:?}");
        }
        let mut profile = version(1, 0, None);
        profile.rules.push(profile.rules[0].clone());
        assert_eq!(PromiseBook::new(vec![profile]), Err(fault));
        let fields: [fn(&mut ClockRule) -> &mut Vec<EventKind>; 6] = [
            |rule| &mut rule.starts,
            |rule| &mut rule.requires,
            |rule| &mut rule.stops,
            |rule| &mut rule.voided_by,
            |rule| &mut rule.agreed_by,
            |rule| &mut rule.explained_by,
        ];
        for field in fields {
            let mut profile = version(1, 0, None);
            field(&mut profile.rules[0]).push(EventKind::DraftSynced);
            let fault = ProfileFault::Event { code: code(), version: 1 };
            assert_eq!(PromiseBook::new(vec![profile]), Err(fault));
        }
        for code in ["", "Zhejiang", "a b", &"x".repeat(65)] {
            let profile = PromiseProfile { code: code.to_owned(), ..version(1, 0, None) };
            assert_eq!(PromiseBook::new(vec![profile]), Err(ProfileFault::Code), "{code:?}");
        }
    }
}
