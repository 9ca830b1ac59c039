//! Phone numbers of the mainland.

use super::{IdentifierRefusal, normalise};
use crate::wire_name::wire_names;

wire_names! {
    /// What kind of connection a number reaches.
    pub enum PhoneKind {
        /// Can receive a text message with a code or a link.
        Mobile = "mobile",
        /// Can be called only.
        Landline = "landline",
    }
}

/// A phone number that can be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneCheck {
    /// Digits only, without country code: `13800000000`, `057112345678`.
    pub normalised: String,
    /// What it reaches.
    pub kind: PhoneKind,
}

/// Brings a mobile number, or a landline number with its area code, into its stored form (B4). The
/// country code (+86, 0086 or 86) is taken off.
///
/// # Errors
/// `identifier_empty`, `identifier_too_long`, `phone_format`.
pub fn check_phone(text: &str) -> Result<PhoneCheck, IdentifierRefusal> {
    let written: String = normalise(text)?.chars().filter(|c| !matches!(c, '(' | ')')).collect();
    let (digits, abroad) = without_country_code(&written);
    if is_mobile(digits) {
        return Ok(PhoneCheck { normalised: digits.to_owned(), kind: PhoneKind::Mobile });
    }
    // Behind the country code the area code is written without its zero.
    let national =
        if abroad && !digits.starts_with('0') { format!("0{digits}") } else { digits.to_owned() };
    if is_landline(&national) {
        Ok(PhoneCheck { normalised: national, kind: PhoneKind::Landline })
    } else {
        Err(IdentifierRefusal::PhoneFormat)
    }
}

/// The number behind the country code, and whether there was one. A bare 86 is one only in front of
/// a mobile number.
fn without_country_code(written: &str) -> (&str, bool) {
    let marked = written.strip_prefix("+86").or_else(|| written.strip_prefix("0086"));
    let bare = || written.strip_prefix("86").filter(|rest| is_mobile(rest));
    marked.or_else(bare).map_or((written, false), |rest| (rest, true))
}

/// `1[3-9]` and nine more digits.
fn is_mobile(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    digits.len() == 11
        && bytes.next() == Some(b'1')
        && matches!(bytes.next(), Some(b'3'..=b'9'))
        && bytes.all(|b| b.is_ascii_digit())
}

/// 010 or 02x or 0xxx, then 7 or 8 digits that begin with 2 to 9.
fn is_landline(digits: &str) -> bool {
    let area_digits = match digits.as_bytes() {
        [b'0', b'1', b'0', ..] | [b'0', b'2', ..] => 3,
        [b'0', b'3'..=b'9', ..] => 4,
        _ => return false,
    };
    let Some(subscriber) = digits.get(area_digits..) else { return false };
    digits.bytes().all(|b| b.is_ascii_digit())
        && matches!(subscriber.len(), 7 | 8)
        && subscriber.starts_with(|c: char| ('2'..='9').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_brought_into_one_form() {
        use PhoneKind as K;
        for (text, normalised, kind) in [
            ("13000000000", "13000000000", K::Mobile),
            ("19999999999", "19999999999", K::Mobile),
            ("+86 138-0000-0000", "13800000000", K::Mobile),
            ("008613800000000", "13800000000", K::Mobile),
            ("8613800000000", "13800000000", K::Mobile),
            ("（+86）13800000000", "13800000000", K::Mobile),
            ("１３８００００００００", "13800000000", K::Mobile),
            ("0571-87000000", "057187000000", K::Landline),
            ("(010) 6500 0000", "01065000000", K::Landline),
            ("021-65000000", "02165000000", K::Landline),
            ("0570-3000000", "05703000000", K::Landline),
            ("+86 571 8700 0000", "057187000000", K::Landline),
            ("+86 10 6500 0000", "01065000000", K::Landline),
            ("0086 0571 87000000", "057187000000", K::Landline),
        ] {
            let expected = PhoneCheck { normalised: normalised.to_owned(), kind };
            assert_eq!(check_phone(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "12345678901",
            "10000000000",
            "1380000000",
            "138000000000",
            "23800000000",
            "1380000000a",
            "+8513800000000",
            "++8613800000000",
            "87000000",
            "0571870000",
            "0571870000000",
            "057117000000",
            "0138000000000",
            "0086",
            "+86",
            "٠١٣٨٠٠٠٠٠٠٠٠",
            "1380000000０0",
            "862187000000",
            "010",
        ] {
            assert_eq!(check_phone(text), Err(IdentifierRefusal::PhoneFormat), "{text}");
        }
        assert_eq!(check_phone(" "), Err(IdentifierRefusal::Empty));
        assert_eq!(check_phone("()"), Err(IdentifierRefusal::PhoneFormat));
    }
}
