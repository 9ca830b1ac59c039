//! Number plates by GA 36-2018.

use super::{IdentifierRefusal, IdentifierWarning, normalise};
use crate::wire_name::wire_names;

wire_names! {
    /// Which form a plate has.
    pub enum PlateKind {
        /// Seven characters, trailers, driving schools and police included.
        Ordinary = "ordinary",
        /// Eight characters, the letter in front: a small new-energy car.
        NewEnergySmall = "new_energy_small",
        /// Eight characters, the letter at the end: a large new-energy vehicle.
        NewEnergyLarge = "new_energy_large",
        /// A plate of another authority, whose form is not checked.
        Unverified = "unverified",
    }
}

/// A plate that can be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlateCheck {
    /// Capital letters, no separators: `浙A12345`.
    pub normalised: String,
    /// Which form it has. Colour and vehicle type are not part of the number.
    pub kind: PlateKind,
    /// What looks wrong.
    pub warnings: Vec<IdentifierWarning>,
}

const PROVINCES: &str = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新";
const LAST_OF_ORDINARY: &str = "挂学警港澳";

/// Brings a number plate into its stored form and tells its kind (B4).
///
/// # Errors
/// `identifier_empty`, `identifier_too_long`, `plate_letter_i_or_o`, `plate_format`.
pub fn check_plate(text: &str) -> Result<PlateCheck, IdentifierRefusal> {
    let normalised = normalise(text)?;
    let chars: Vec<char> = normalised.chars().collect();
    let kind = kind_of(&chars).ok_or_else(|| refusal(&chars))?;
    let warnings = match kind {
        PlateKind::Unverified => vec![IdentifierWarning::PlateUnverified],
        _ => Vec::new(),
    };
    Ok(PlateCheck { normalised, kind, warnings })
}

fn kind_of(chars: &[char]) -> Option<PlateKind> {
    match chars {
        [province, office, number @ ..] if is_province(*province) && is_letter(*office) => {
            kind_of_number(number)
        }
        _ => None,
    }
    .or_else(|| is_of_another_authority(chars).then_some(PlateKind::Unverified))
}

/// The kind by what follows the province and the office letter.
fn kind_of_number(number: &[char]) -> Option<PlateKind> {
    match *number {
        [a, b, c, d, last] => {
            let ordinary = [a, b, c, d].iter().all(|c| is_letter_or_digit(*c))
                && (is_letter_or_digit(last) || LAST_OF_ORDINARY.contains(last));
            ordinary.then_some(PlateKind::Ordinary)
        }
        [a, b, c, d, e, f] if [c, d, e].iter().all(char::is_ascii_digit) => {
            if is_energy_letter(a) && is_letter_or_digit(b) && f.is_ascii_digit() {
                Some(PlateKind::NewEnergySmall)
            } else if a.is_ascii_digit() && b.is_ascii_digit() && is_energy_letter(f) {
                Some(PlateKind::NewEnergyLarge)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Armed police (WJ), embassy (使), consulate (领), temporary (临) and emergency (应急) plates.
fn is_of_another_authority(chars: &[char]) -> bool {
    let marked = chars.starts_with(&['W', 'J'])
        || chars.ends_with(&['应', '急'])
        || chars.iter().any(|c| matches!(c, '使' | '领' | '临'));
    let allowed =
        |c: &char| is_province(*c) || c.is_ascii_alphanumeric() || "使领临应急警".contains(*c);
    let digits = chars.iter().filter(|c| c.is_ascii_digit()).count();
    marked && (6..=10).contains(&chars.len()) && digits >= 3 && chars.iter().all(allowed)
}

/// The most helpful reason: a plate that would be right with 1 and 0 has an I or O.
fn refusal(chars: &[char]) -> IdentifierRefusal {
    let meant: Vec<char> = chars
        .iter()
        .map(|c| match c {
            'I' => '1',
            'O' => '0',
            _ => *c,
        })
        .collect();
    if chars.iter().any(|c| matches!(c, 'I' | 'O')) && kind_of(&meant).is_some() {
        IdentifierRefusal::PlateLetterIOrO
    } else {
        IdentifierRefusal::PlateFormat
    }
}

fn is_province(c: char) -> bool {
    PROVINCES.contains(c)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_uppercase() && !matches!(c, 'I' | 'O')
}

fn is_letter_or_digit(c: char) -> bool {
    is_letter(c) || c.is_ascii_digit()
}

/// The letters of new-energy plates; more than D and F are in use.
fn is_energy_letter(c: char) -> bool {
    matches!(c, 'A'..='H' | 'J' | 'K')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plates_of_gb_form() {
        use PlateKind as K;
        for (text, normalised, kind) in [
            ("浙A12345", "浙A12345", K::Ordinary),
            (" 浙a·1234z ", "浙A1234Z", K::Ordinary),
            ("京Ａ•１２３４５", "京A12345", K::Ordinary),
            ("粤BABCDE", "粤BABCDE", K::Ordinary),
            ("浙A1234挂", "浙A1234挂", K::Ordinary),
            ("浙A1234学", "浙A1234学", K::Ordinary),
            ("浙A1234警", "浙A1234警", K::Ordinary),
            ("粤Z1234港", "粤Z1234港", K::Ordinary),
            ("粤Z1234澳", "粤Z1234澳", K::Ordinary),
            ("浙AD12345", "浙AD12345", K::NewEnergySmall),
            ("浙A·F1234 5", "浙AF12345", K::NewEnergySmall),
            ("浙AAA1234", "浙AAA1234", K::NewEnergySmall),
            ("浙AKZ1234", "浙AKZ1234", K::NewEnergySmall),
            ("浙A12345D", "浙A12345D", K::NewEnergyLarge),
            ("浙A12345K", "浙A12345K", K::NewEnergyLarge),
        ] {
            let expected =
                PlateCheck { normalised: normalised.to_owned(), kind, warnings: Vec::new() };
            assert_eq!(check_plate(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_province_is_known() {
        assert_eq!(PROVINCES.chars().count(), 31);
        for province in PROVINCES.chars() {
            assert!(check_plate(&format!("{province}A12345")).is_ok());
        }
    }

    #[test]
    fn plates_of_other_authorities_are_accepted_unverified() {
        for text in [
            "WJ浙12345",
            "wj3112345",
            "使014578",
            "使014·578",
            "沪A1234领",
            "浙A1234临",
            "临浙A12345",
            "浙A12345临",
            "浙X1234应急",
        ] {
            let check = check_plate(text).unwrap();
            assert_eq!(check.kind, PlateKind::Unverified, "{text}");
            assert_eq!(check.warnings, [IdentifierWarning::PlateUnverified], "{text}");
        }
    }

    #[test]
    fn what_is_no_plate_is_refused() {
        use IdentifierRefusal as R;
        for (text, expected) in [
            ("", R::Empty),
            ("浙AI2345", R::PlateLetterIOrO),
            ("浙A1234O", R::PlateLetterIOrO),
            ("浙ADO2345", R::PlateLetterIOrO),
            ("浙O12345", R::PlateFormat),
            ("浙A1234", R::PlateFormat),
            ("浙A123456", R::PlateFormat),
            ("浙A1234567", R::PlateFormat),
            ("浙112345", R::PlateFormat),
            ("A12345", R::PlateFormat),
            ("港A12345", R::PlateFormat),
            ("浙浙12345", R::PlateFormat),
            ("浙A挂1234", R::PlateFormat),
            ("浙AL12345", R::PlateFormat),
            ("浙A12345L", R::PlateFormat),
            ("浙A1234Ä", R::PlateFormat),
            ("WJ", R::PlateFormat),
            ("临临临临临临", R::PlateFormat),
            ("WJ12345678901", R::PlateFormat),
            ("使01'578", R::PlateFormat),
        ] {
            assert_eq!(check_plate(text), Err(expected), "{text}");
        }
    }
}
