//! PURE: how long a link, a code and an agreement hold, and what makes them void.

use sync_core::{
    lifecycle::CaseStatus,
    time::{Instant, Span},
};

/// How long a link can be used.
pub const LINK_LIFE: Span = Span::hours(72);
/// How long a one-time code can be used.
pub const CODE_LIFE: Span = Span::minutes(10);
/// A code is dead after so many wrong tries.
pub const CODE_TRIES: i64 = 5;
/// Codes to one number within [`DAY`].
pub const CODES_PER_NUMBER: usize = 5;
/// Links to one number within [`DAY`].
pub const LINKS_PER_NUMBER: i64 = 10;
/// Objections through one link.
pub const OBJECTIONS_PER_LINK: i64 = 5;
/// The window of the limits for one number.
pub const DAY: Span = Span::hours(24);
/// The window of the limit for all numbers.
pub const HOUR: Span = Span::hours(1);

/// Why a link or an agreement does not hold any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoidReason {
    /// Another version was frozen after it.
    NewerVersion,
    /// Another link was sent after it.
    NewerLink,
    /// Its time is over.
    Expired,
}

impl VoidReason {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NewerVersion => "newer_version",
            Self::NewerLink => "newer_link",
            Self::Expired => "expired",
        }
    }
}

/// What a link is good for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The sheet waits for the customer.
    Open,
    /// The customer objected; they may still agree.
    Objected,
    /// The customer agreed on exactly this version.
    Agreed,
    /// It shows nothing but this.
    Void(VoidReason),
}

impl LinkState {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Objected => "objected",
            Self::Agreed => "agreed",
            Self::Void(_) => "void",
        }
    }
}

/// What decides about a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFacts {
    /// The number of its version.
    pub version: i64,
    /// The number of the case's newest version.
    pub newest_version: i64,
    /// When a newer link of the case took its place.
    pub superseded_at: Option<Instant>,
    /// When its time is over.
    pub expires_at: Instant,
    /// When its version was agreed on.
    pub agreed_at: Option<Instant>,
    /// When its version was last objected to.
    pub objected_at: Option<Instant>,
}

/// The state of a link. What voids by content goes before what voids by time, so that a customer
/// learns the reason that matters.
pub fn link_state(link: &LinkFacts, now: Instant) -> LinkState {
    if link.version < link.newest_version {
        LinkState::Void(VoidReason::NewerVersion)
    } else if link.superseded_at.is_some() {
        LinkState::Void(VoidReason::NewerLink)
    } else if link.expires_at <= now {
        LinkState::Void(VoidReason::Expired)
    } else if link.agreed_at.is_some() {
        LinkState::Agreed
    } else if link.objected_at.is_some() {
        LinkState::Objected
    } else {
        LinkState::Open
    }
}

/// Where the agreement of a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgreementState {
    /// Nothing was sent to the customer.
    None,
    /// By the newest link, or by an agreement that outlives its link.
    Is(LinkState),
}

/// The state for people of the insurer. An agreement outlives the link it came through; only a newer
/// version makes it void.
pub fn agreement_state(
    newest_link: Option<&LinkFacts>,
    last_agreed_version: Option<i64>,
    newest_version: i64,
    now: Instant,
) -> AgreementState {
    match (last_agreed_version, newest_link) {
        (Some(agreed), _) if agreed == newest_version => AgreementState::Is(LinkState::Agreed),
        (_, Some(link)) => AgreementState::Is(link_state(link, now)),
        (Some(_), None) => AgreementState::Is(LinkState::Void(VoidReason::NewerVersion)),
        (None, None) => AgreementState::None,
    }
}

/// Why no link is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    /// Only the newest version can be agreed on.
    NotNewestVersion,
    /// The claim is decided or closed.
    CaseOver,
    /// The number has had enough messages.
    TooManyLinks,
}

impl LinkRefusal {
    /// The stable reason on the wire.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotNewestVersion => "not_newest_version",
            Self::CaseOver => "case_over",
            Self::TooManyLinks => "too_many_links",
        }
    }
}

/// Whether a link may be sent.
///
/// # Errors
/// The [`LinkRefusal`].
pub fn may_send_link(
    status: CaseStatus,
    version: i64,
    newest_version: i64,
    sent_to_number: i64,
) -> Result<(), LinkRefusal> {
    if version != newest_version {
        Err(LinkRefusal::NotNewestVersion)
    } else if status >= CaseStatus::Adjudicated {
        Err(LinkRefusal::CaseOver)
    } else if sent_to_number >= LINKS_PER_NUMBER {
        Err(LinkRefusal::TooManyLinks)
    } else {
        Ok(())
    }
}

/// Too many codes; when another one may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub Span);

/// Whether another code may be sent, given the codes to this number within [`DAY`], the number of all
/// codes within [`HOUR`], and how many of those there may be.
///
/// # Errors
/// How long to wait.
pub fn may_send_code(
    to_number: &[Instant],
    in_hour: i64,
    most_in_hour: i64,
    now: Instant,
) -> Result<(), Wait> {
    if to_number.len() >= CODES_PER_NUMBER {
        let oldest = to_number.iter().min().copied().unwrap_or(now);
        return Err(Wait((oldest + DAY).since(now)));
    }
    if in_hour >= most_in_hour {
        return Err(Wait(Span::minutes(10)));
    }
    Ok(())
}

/// What is known of the last code of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFacts {
    /// When its time is over.
    pub expires_at: Instant,
    /// How many wrong tries it has had.
    pub wrong_tries: i64,
    /// Whether it was used already.
    pub used: bool,
}

/// Why a code does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRefusal {
    /// None was sent, or it was used or is too old.
    AskForOne,
    /// It has had too many wrong tries.
    Exhausted,
    /// It is another one; so many tries are left.
    Wrong {
        /// Zero when this was the last one.
        left: i64,
    },
}

/// Whether an entered code counts. `fits` is whether it is the one that was sent.
///
/// # Errors
/// The [`CodeRefusal`]; `Wrong` uses up a try.
pub fn judge_code(code: Option<&CodeFacts>, fits: bool, now: Instant) -> Result<(), CodeRefusal> {
    match code {
        None => Err(CodeRefusal::AskForOne),
        Some(code) if code.used || code.expires_at <= now => Err(CodeRefusal::AskForOne),
        Some(code) if code.wrong_tries >= CODE_TRIES => Err(CodeRefusal::Exhausted),
        Some(_) if fits => Ok(()),
        Some(code) => Err(CodeRefusal::Wrong { left: CODE_TRIES - code.wrong_tries - 1 }),
    }
}

/// The six digits that somebody typed; full-width digits and blanks are what phones make of them.
pub fn six_digits(text: &str) -> Option<String> {
    let narrow = |c: char| match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
        _ => c.is_ascii_digit().then_some(c),
    };
    let digits: Option<String> =
        text.chars().filter(|c| !c.is_whitespace()).take(7).map(narrow).collect();
    digits.filter(|digits| digits.len() == 6)
}

/// A number with its middle hidden: enough for its owner to know it again.
pub fn masked(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    let shown = |n: usize| n < 3 || n + 4 >= digits.len();
    if digits.len() < 9 {
        return "*".repeat(digits.len());
    }
    digits.iter().enumerate().map(|(n, c)| if shown(n) { *c } else { '*' }).collect()
}

/// Why a customer objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectionReason {
    /// An amount is too low or too high.
    Amount,
    /// Damage is missing.
    MissingDamage,
    /// A line is wrong: repaired instead of replaced, another part.
    WrongItem,
    /// Something is not covered that should be.
    Cover,
    /// Anything else.
    Other,
}

impl ObjectionReason {
    /// Every reason, in the order of the page.
    pub const ALL: [Self; 5] =
        [Self::Amount, Self::MissingDamage, Self::WrongItem, Self::Cover, Self::Other];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::MissingDamage => "missing_damage",
            Self::WrongItem => "wrong_item",
            Self::Cover => "cover",
            Self::Other => "other",
        }
    }

    /// The reason with this code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// What decides about an agreement that was given without signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfflineFacts {
    /// The number of the version that it names, if the case has it.
    pub version: Option<i64>,
    /// Whether the signed hash is the one on record.
    pub same_bytes: bool,
    /// The number of the case's newest version.
    pub newest_version: i64,
    /// Whether the version is agreed on already.
    pub agreed: bool,
    /// Whether the customer was told of every line that they bear (C26).
    pub explained: bool,
}

/// Why an agreement that was given without signal is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfflineVoid {
    /// No such version, or other bytes than those on record.
    NotOnRecord,
    /// Another version was frozen meanwhile.
    NewerVersion,
    /// It was agreed on another way meanwhile.
    AlreadyAgreed,
    /// The customer was not told of a line that they bear (C26).
    NotExplained,
}

impl OfflineVoid {
    /// The stable reason.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotOnRecord => "not_on_record",
            Self::NewerVersion => "newer_version",
            Self::AlreadyAgreed => "already_agreed",
            Self::NotExplained => "not_explained",
        }
    }
}

/// Whether an agreement that was given without signal holds.
///
/// # Errors
/// The [`OfflineVoid`]; a wrong hash goes before everything else.
pub fn judge_offline(facts: &OfflineFacts) -> Result<(), OfflineVoid> {
    match facts.version {
        Some(_) if !facts.same_bytes => Err(OfflineVoid::NotOnRecord),
        None => Err(OfflineVoid::NotOnRecord),
        Some(version) if version < facts.newest_version => Err(OfflineVoid::NewerVersion),
        Some(_) if facts.agreed => Err(OfflineVoid::AlreadyAgreed),
        Some(_) if !facts.explained => Err(OfflineVoid::NotExplained),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Instant = Instant(1_772_415_000_000);

    fn link() -> LinkFacts {
        LinkFacts {
            version: 2,
            newest_version: 2,
            superseded_at: None,
            expires_at: T + LINK_LIFE,
            agreed_at: None,
            objected_at: None,
        }
    }

    #[test]
    fn an_agreement_without_signal_holds_for_the_very_bytes_of_the_newest_version() {
        use OfflineVoid::{AlreadyAgreed, NewerVersion, NotExplained, NotOnRecord};
        let facts = OfflineFacts {
            version: Some(2),
            same_bytes: true,
            newest_version: 2,
            agreed: false,
            explained: false,
        };
        assert_eq!(judge_offline(&facts), Err(NotExplained));
        let told = OfflineFacts { explained: true, ..facts };
        for (version, same_bytes, newest_version, agreed, expected) in [
            (Some(2), true, 2, false, Ok(())),
            (Some(2), false, 2, false, Err(NotOnRecord)),
            (None, true, 2, false, Err(NotOnRecord)),
            (Some(1), true, 2, false, Err(NewerVersion)),
            (Some(1), false, 2, true, Err(NotOnRecord)),
            (Some(2), true, 2, true, Err(AlreadyAgreed)),
        ] {
            let facts = OfflineFacts { version, same_bytes, newest_version, agreed, ..told };
            assert_eq!(judge_offline(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn what_a_link_is_good_for() {
        use LinkState::{Agreed, Objected, Open, Void};
        let at = |hours| T + Span::hours(hours);
        let (some, end) = (Some(T), T + LINK_LIFE);
        let agreed = LinkFacts { agreed_at: some, ..link() };
        let objected = LinkFacts { objected_at: some, ..link() };
        let newer = |link: LinkFacts| LinkFacts { newest_version: 3, ..link };
        let replaced = |link: LinkFacts| LinkFacts { superseded_at: some, ..link };
        for (link, now, expected) in [
            (link(), T, Open),
            (link(), at(71), Open),
            (link(), end - Span(1), Open),
            (link(), end, Void(VoidReason::Expired)),
            (objected, at(1), Objected),
            (LinkFacts { agreed_at: some, ..objected }, at(1), Agreed),
            (agreed, at(1), Agreed),
            (agreed, end, Void(VoidReason::Expired)),
            (newer(agreed), at(1), Void(VoidReason::NewerVersion)),
            (newer(replaced(link())), end, Void(VoidReason::NewerVersion)),
            (replaced(link()), at(1), Void(VoidReason::NewerLink)),
            (replaced(agreed), end, Void(VoidReason::NewerLink)),
        ] {
            assert_eq!(link_state(&link, now), expected, "{link:?}");
        }
    }

    #[test]
    fn an_agreement_outlives_its_link_but_no_newer_version() {
        use AgreementState::{Is, None as Nothing};
        let (late, open) = (T + Span::days(30), link());
        for (link, agreed, newest, now, expected) in [
            (None, None, 1, T, Nothing),
            (Some(&open), None, 2, T, Is(LinkState::Open)),
            (Some(&open), None, 2, late, Is(LinkState::Void(VoidReason::Expired))),
            (Some(&open), Some(2), 2, late, Is(LinkState::Agreed)),
            (Some(&open), Some(1), 2, T, Is(LinkState::Open)),
            (
                Some(&LinkFacts { newest_version: 3, ..open }),
                Some(2),
                3,
                T,
                Is(LinkState::Void(VoidReason::NewerVersion)),
            ),
        ] {
            assert_eq!(agreement_state(link, agreed, newest, now), expected, "{agreed:?}");
        }
    }

    #[test]
    fn only_the_newest_version_of_an_undecided_case_is_sent_and_not_too_often() {
        use CaseStatus as S;
        for (status, version, sent, expected) in [
            (S::Assessed, 2, 0, Ok(())),
            (S::Disputed, 2, 9, Ok(())),
            (S::DocumentsComplete, 2, 0, Ok(())),
            (S::Assessed, 1, 0, Err(LinkRefusal::NotNewestVersion)),
            (S::Adjudicated, 2, 0, Err(LinkRefusal::CaseOver)),
            (S::Closed, 2, 0, Err(LinkRefusal::CaseOver)),
            (S::Assessed, 2, 10, Err(LinkRefusal::TooManyLinks)),
        ] {
            assert_eq!(may_send_link(status, version, 2, sent), expected, "{status} {version}");
        }
    }

    #[test]
    fn codes_are_sent_within_a_budget() {
        let hours_ago = |list: &[i64]| list.iter().map(|h| T - Span::hours(*h)).collect::<Vec<_>>();
        for (sent, in_hour, expected) in [
            (vec![], 0, Ok(())),
            (hours_ago(&[1, 2, 3, 4]), 1_999, Ok(())),
            (hours_ago(&[1, 2, 3, 23, 5]), 0, Err(Wait(Span::hours(1)))),
            (vec![], 2_000, Err(Wait(Span::minutes(10)))),
        ] {
            assert_eq!(may_send_code(&sent, in_hour, 2_000, T), expected, "{sent:?}");
        }
    }

    #[test]
    fn a_code_counts_once_in_time_and_within_five_tries() {
        use CodeRefusal::{AskForOne, Exhausted, Wrong};
        let code = CodeFacts { expires_at: T + CODE_LIFE, wrong_tries: 0, used: false };
        let tried = |wrong_tries| CodeFacts { wrong_tries, ..code };
        let used = CodeFacts { used: true, ..code };
        for (code, fits, now, expected) in [
            (None, true, T, Err(AskForOne)),
            (Some(code), true, T, Ok(())),
            (Some(code), true, T + CODE_LIFE - Span(1), Ok(())),
            (Some(code), true, T + CODE_LIFE, Err(AskForOne)),
            (Some(code), false, T, Err(Wrong { left: 4 })),
            (Some(tried(4)), true, T, Ok(())),
            (Some(tried(4)), false, T, Err(Wrong { left: 0 })),
            (Some(tried(5)), true, T, Err(Exhausted)),
            (Some(used), true, T, Err(AskForOne)),
        ] {
            assert_eq!(judge_code(code.as_ref(), fits, now), expected, "{code:?} {fits}");
        }
    }

    #[test]
    fn digits_are_read_as_phones_write_them_and_numbers_are_masked() {
        for (typed, expected) in [
            ("123456", Some("123456")),
            (" 123 456\n", Some("123456")),
            ("１２３４５６", Some("123456")),
            ("12345", None),
            ("1234567", None),
            ("12345a", None),
            ("", None),
        ] {
            assert_eq!(six_digits(typed).as_deref(), expected, "{typed:?}");
        }
        for (number, expected) in [
            ("13812345678", "138****5678"),
            ("057112345678", "057*****5678"),
            ("123", "***"),
            ("", ""),
        ] {
            assert_eq!(masked(number), expected);
        }
    }
}
