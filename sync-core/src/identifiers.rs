//! Number plates, VINs, phone numbers and identity papers (B4).
//!
//! A check brings the text into one form for storing and searching and says whether it can be right.
//! What cannot be right is refused with a stable code. What merely looks wrong, but does occur on
//! real roads, is accepted with a warning: no job stops because of a paper (C03).

mod person;
mod phone;
mod plate;
mod vin;

pub use person::{PersonIdCheck, PersonIdKind, check_person_id};
pub use phone::{PhoneCheck, PhoneKind, check_phone};
pub use plate::{PlateCheck, PlateKind, check_plate};
pub use vin::{VinCheck, check_vin};

use crate::wire_name::wire_names;

wire_names! {
    /// Why a text cannot be what it claims to be.
    pub enum IdentifierRefusal {
        /// Nothing but blanks.
        Empty = "identifier_empty",
        /// Far longer than any identifier.
        TooLong = "identifier_too_long",
        /// Not the form of any number plate.
        PlateFormat = "plate_format",
        /// Number plates have no letters I and O; mostly 1 and 0 are meant.
        PlateLetterIOrO = "plate_letter_i_or_o",
        /// A VIN has 17 characters.
        VinLength = "vin_length",
        /// A VIN has digits and capital letters only.
        VinCharacter = "vin_character",
        /// A VIN has no letters I, O and Q; mostly 1 and 0 are meant.
        VinLetterIOrOOrQ = "vin_letter_i_o_or_q",
        /// Neither a mobile number nor a landline number with its area code.
        PhoneFormat = "phone_format",
        /// Not the form of an identity card or a passport.
        PersonIdFormat = "person_id_format",
    }
}

impl IdentifierRefusal {
    /// The stable code for problems on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.as_str()
    }
}

wire_names! {
    /// What looks wrong, but is accepted.
    pub enum IdentifierWarning {
        /// A plate whose form is not checked: armed police, embassy, consulate, temporary, emergency.
        PlateUnverified = "plate_unverified",
        /// The check digit is wrong: a typing error, or an imported car.
        VinCheckDigit = "vin_check_digit",
        /// The check digit of the identity card is wrong.
        PersonIdCheckDigit = "person_id_check_digit",
        /// The identity card holds no possible date of birth.
        PersonIdBirthDate = "person_id_birth_date",
        /// A passport or another paper whose form is not checked.
        PersonIdUnverified = "person_id_unverified",
    }
}

/// More bytes than any identifier has, separators and full-width forms included.
const MAX_BYTES: usize = 96;

/// The text in the form that is stored: ASCII in place of full-width forms, capital letters, without
/// blanks and separators.
fn normalise(text: &str) -> Result<String, IdentifierRefusal> {
    if text.len() > MAX_BYTES {
        return Err(IdentifierRefusal::TooLong);
    }
    let plain: String = text
        .chars()
        .map(narrow)
        .filter(|c| !is_separator(*c))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    if plain.is_empty() { Err(IdentifierRefusal::Empty) } else { Ok(plain) }
}

/// The ASCII form of a full-width character (U+FF01 to U+FF5E).
fn narrow(c: char) -> char {
    const FIRST_WIDE: u32 = 0xFF01;
    match c {
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(u32::from(c) - FIRST_WIDE + u32::from('!')).unwrap_or(c)
        }
        _ => c,
    }
}

/// Blanks, and the dots and dashes that people write between the parts.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '·' | '•' | '‧' | '∙' | '・' | '･' | '.' | '-' | '‐' | '‑' | '–' | '—' | '_')
        // Invisible marks that come along when text is copied.
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_brought_into_one_form() {
        for (text, expected) in [
            (" 浙a·12345 ", Ok("浙A12345")),
            ("浙Ａ１２３４５", Ok("浙A12345")),
            ("浙A•1 2-3.4_5\u{200B}", Ok("浙A12345")),
            ("\u{3000}", Err(IdentifierRefusal::Empty)),
            ("", Err(IdentifierRefusal::Empty)),
            ("·-", Err(IdentifierRefusal::Empty)),
        ] {
            assert_eq!(normalise(text).as_deref(), expected.as_ref().copied(), "{text:?}");
        }
    }

    #[test]
    fn long_text_is_refused_unread() {
        let long = "1".repeat(MAX_BYTES + 1);
        assert_eq!(check_plate(&long), Err(IdentifierRefusal::TooLong));
        assert_eq!(check_vin(&long), Err(IdentifierRefusal::TooLong));
        assert_eq!(check_phone(&long), Err(IdentifierRefusal::TooLong));
        assert_eq!(check_person_id(&long), Err(IdentifierRefusal::TooLong));
        assert_eq!(check_vin(&"1".repeat(MAX_BYTES)), Err(IdentifierRefusal::VinLength));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange_and_one_check_is_enough(text in "\\PC{0,40}") {
            if let Ok(once) = check_plate(&text) {
                proptest::prop_assert_eq!(check_plate(&once.normalised), Ok(once));
            }
            if let Ok(once) = check_vin(&text) {
                proptest::prop_assert_eq!(check_vin(&once.normalised), Ok(once));
            }
            if let Ok(once) = check_phone(&text) {
                proptest::prop_assert_eq!(check_phone(&once.normalised), Ok(once));
            }
            if let Ok(once) = check_person_id(&text) {
                proptest::prop_assert_eq!(check_person_id(&once.normalised), Ok(once));
            }
        }

        #[test]
        fn what_is_accepted_stays_the_same_when_checked_again(
            text in "[浙京粤使临WJ]{1,2}[A-Z0-9·]{4,9}[领临学挂]?|[0-9+ -]{8,18}|[A-Z0-9]{15,18}",
        ) {
            if let Ok(once) = check_plate(&text) {
                proptest::prop_assert_eq!(check_plate(&once.normalised), Ok(once));
            }
            if let Ok(once) = check_phone(&text) {
                proptest::prop_assert_eq!(check_phone(&once.normalised), Ok(once));
            }
            if let Ok(once) = check_person_id(&text) {
                proptest::prop_assert_eq!(check_person_id(&once.normalised), Ok(once));
            }
        }
    }
}
