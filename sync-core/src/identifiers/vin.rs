//! Vehicle identification numbers.

use super::{IdentifierRefusal, IdentifierWarning, normalise};

/// A VIN that can be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VinCheck {
    /// 17 capital letters and digits.
    pub normalised: String,
    /// What looks wrong.
    pub warnings: Vec<IdentifierWarning>,
}

const LENGTH: usize = 17;
/// Weight of each position; the check digit itself, the ninth, has none.
const WEIGHTS: [u32; LENGTH] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
const CHECK_POSITION: usize = 8;

/// Brings a VIN into its stored form. A wrong check digit only warns, because imported cars need not
/// have one (B4).
///
/// # Errors
/// `identifier_empty`, `identifier_too_long`, `vin_character`, `vin_letter_i_o_or_q`, `vin_length`.
pub fn check_vin(text: &str) -> Result<VinCheck, IdentifierRefusal> {
    let normalised = normalise(text)?;
    if !normalised.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(IdentifierRefusal::VinCharacter);
    }
    if normalised.contains(['I', 'O', 'Q']) {
        return Err(IdentifierRefusal::VinLetterIOrOOrQ);
    }
    if normalised.len() != LENGTH {
        return Err(IdentifierRefusal::VinLength);
    }
    let found = normalised.chars().nth(CHECK_POSITION);
    let warnings = if found == check_digit(&normalised) {
        Vec::new()
    } else {
        vec![IdentifierWarning::VinCheckDigit]
    };
    Ok(VinCheck { normalised, warnings })
}

fn check_digit(vin: &str) -> Option<char> {
    let weighted = vin.chars().zip(WEIGHTS).map(|(c, weight)| Some(value(c)? * weight));
    match weighted.sum::<Option<u32>>()? % 11 {
        10 => Some('X'),
        digit => char::from_digit(digit, 10),
    }
}

/// The number that a character stands for: letters count up within A-H, J-R and S-Z.
fn value(c: char) -> Option<u32> {
    let within = |first: char, value: u32| u32::from(c) - u32::from(first) + value;
    match c {
        '0'..='9' => c.to_digit(10),
        'A'..='H' => Some(within('A', 1)),
        'J'..='N' => Some(within('J', 1)),
        'P' => Some(7),
        'R' => Some(9),
        'S'..='Z' => Some(within('S', 2)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_numbers_pass() {
        for (text, expected) in [
            ("1M8GDM9AXKP042788", "1M8GDM9AXKP042788"),
            ("LSVAA4182E2184847", "LSVAA4182E2184847"),
            (" lsvaa4182e2184847\n", "LSVAA4182E2184847"),
            ("LSV-AA4182-E2184847", "LSVAA4182E2184847"),
            ("ＬＳＶＡＡ４１８２Ｅ２１８４８４７", "LSVAA4182E2184847"),
            ("11111111111111111", "11111111111111111"),
        ] {
            let expected = VinCheck { normalised: expected.to_owned(), warnings: Vec::new() };
            assert_eq!(check_vin(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_wrong_check_digit_warns() {
        for text in ["1M8GDM9A1KP042788", "LSVAA4182E2184848", "LSVAA418XE2184847"] {
            assert_eq!(check_vin(text).unwrap().warnings, [IdentifierWarning::VinCheckDigit]);
        }
    }

    /// Any one wrong character is noticed, unless both count the same (A, J and 1).
    #[test]
    fn one_wrong_character_is_noticed() {
        let right = "LSVAA4182E2184847";
        for position in (0..LENGTH).filter(|position| *position != CHECK_POSITION) {
            for wrong in "0123456789ABCDEFGHJKLMNPRSTUVWXYZ".chars() {
                let mut chars: Vec<char> = right.chars().collect();
                let same = value(chars[position]) == value(wrong);
                chars[position] = wrong;
                let text: String = chars.into_iter().collect();
                assert_eq!(check_vin(&text).unwrap().warnings.is_empty(), same, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_vin_is_refused() {
        use IdentifierRefusal as R;
        for (text, expected) in [
            ("", R::Empty),
            ("LSVAA4182E218484", R::VinLength),
            ("LSVAA4182E21848477", R::VinLength),
            ("LSVAA4182E218484O", R::VinLetterIOrOOrQ),
            ("ISVAA4182E2184847", R::VinLetterIOrOOrQ),
            ("QSVAA4182E2184847", R::VinLetterIOrOOrQ),
            ("LSVAA4182E218484*", R::VinCharacter),
            ("浙SVAA4182E2184847", R::VinCharacter),
        ] {
            assert_eq!(check_vin(text), Err(expected), "{text}");
        }
    }
}
