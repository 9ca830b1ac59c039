//! Identity papers of people.

use super::{IdentifierRefusal, IdentifierWarning, normalise};
use crate::wire_name::wire_names;

wire_names! {
    /// Which paper a number belongs to.
    pub enum PersonIdKind {
        /// Resident identity card, 18 characters (GB 11643).
        IdCard = "id_card",
        /// Passport, permit or another paper; only its characters are checked.
        OtherPaper = "other_paper",
    }
}

/// A paper's number that can be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonIdCheck {
    /// Capital letters and digits.
    pub normalised: String,
    /// Which paper.
    pub kind: PersonIdKind,
    /// What looks wrong.
    pub warnings: Vec<IdentifierWarning>,
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_DIGITS: &str = "10X98765432";

/// Brings the number of an identity card, passport or permit into its stored form (B4).
///
/// # Errors
/// `identifier_empty`, `identifier_too_long`, `person_id_format`.
pub fn check_person_id(text: &str) -> Result<PersonIdCheck, IdentifierRefusal> {
    let normalised = normalise(text)?;
    let (body, last) = normalised.split_at_checked(17).unwrap_or((&normalised, ""));
    let is_card = body.len() == 17
        && body.bytes().all(|b| b.is_ascii_digit())
        && matches!(last.as_bytes(), [b'0'..=b'9' | b'X']);
    if is_card {
        let warnings = card_warnings(body, last);
        return Ok(PersonIdCheck { normalised, kind: PersonIdKind::IdCard, warnings });
    }
    let is_other = (5..=15).contains(&normalised.len())
        && normalised.bytes().all(|b| b.is_ascii_alphanumeric())
        && normalised.bytes().any(|b| b.is_ascii_digit());
    if is_other {
        let warnings = vec![IdentifierWarning::PersonIdUnverified];
        Ok(PersonIdCheck { normalised, kind: PersonIdKind::OtherPaper, warnings })
    } else {
        Err(IdentifierRefusal::PersonIdFormat)
    }
}

fn card_warnings(body: &str, last: &str) -> Vec<IdentifierWarning> {
    let sum: u32 =
        body.chars().filter_map(|c| c.to_digit(10)).zip(WEIGHTS).map(|(d, w)| d * w).sum();
    let expected = CHECK_DIGITS.chars().zip(0..).find(|(_, n)| *n == sum % 11).map(|(c, _)| c);
    let mut warnings = Vec::new();
    if expected != last.chars().next() {
        warnings.push(IdentifierWarning::PersonIdCheckDigit);
    }
    if !body.get(6..14).is_some_and(is_birth_date) {
        warnings.push(IdentifierWarning::PersonIdBirthDate);
    }
    warnings
}

/// Whether eight digits are a day of the calendar that somebody alive may have been born on.
fn is_birth_date(digits: &str) -> bool {
    let part = |range: std::ops::Range<usize>| digits.get(range)?.parse::<u32>().ok();
    let (Some(year), Some(month), Some(day)) = (part(0..4), part(4..6), part(6..8)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1880..2100).contains(&year) && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: PersonIdKind, warnings: &[IdentifierWarning]) {
        let found = check_person_id(text).unwrap();
        assert_eq!((found.kind, found.warnings.as_slice()), (kind, warnings), "{text}");
    }

    #[test]
    fn identity_cards() {
        use IdentifierWarning as W;
        use PersonIdKind as K;
        check("11010519491231002X", K::IdCard, &[]);
        check("11010519491231002x", K::IdCard, &[]);
        check("110105 1949 1231 002X", K::IdCard, &[]);
        check("110105194912310021", K::IdCard, &[W::PersonIdCheckDigit]);
        // Month 13, once with the check digit that belongs to it and once without.
        check("110105194913310021", K::IdCard, &[W::PersonIdBirthDate]);
        check("110105194913310022", K::IdCard, &[W::PersonIdCheckDigit, W::PersonIdBirthDate]);
        for (date, possible) in [
            ("20000229", true),
            ("19000229", false),
            ("20010229", false),
            ("20010431", false),
            ("20010100", false),
            ("20011201", true),
            ("18791231", false),
            ("21000101", false),
        ] {
            assert_eq!(is_birth_date(date), possible, "{date}");
        }
    }

    #[test]
    fn other_papers() {
        for text in ["E12345678", "H0123456789", "110105491231002", "g12345678"] {
            check(text, PersonIdKind::OtherPaper, &[IdentifierWarning::PersonIdUnverified]);
        }
    }

    #[test]
    fn what_is_no_paper_is_refused() {
        for text in [
            "1234",
            "PASSPORT",
            "1101051949123100",
            "1101051949123100XX",
            "11010519491231002Y",
            "证12345678",
        ] {
            assert_eq!(check_person_id(text), Err(IdentifierRefusal::PersonIdFormat), "{text}");
        }
    }
}
