//! Amounts in Chinese capitals (大写), as they are written on contracts and receipts.

use crate::money::Fen;

const DIGITS: &str = "零壹贰叁肆伍陆柒捌玖";
const TEN_THOUSAND: u64 = 10_000;
const HUNDRED_MILLION: u64 = 100_000_000;

/// The amount in capitals: `壹仟肆佰零玖元伍角整`. Ends in 整 unless there are fen; a negative amount
/// begins with 负; nothing is 零元整. Between 元 and fen without 角 stands one 零.
#[must_use]
pub fn chinese_capitals(amount: Fen) -> String {
    let all = amount.0.unsigned_abs();
    let (yuan, jiao, fen) = (all / 100, all / 10 % 10, all % 10);
    let mut text = String::new();
    if amount < Fen::ZERO {
        text.push('负');
    }
    if yuan > 0 || all == 0 {
        push_number(&mut text, yuan);
        text.push('元');
    }
    if jiao > 0 {
        push_digit(&mut text, jiao);
        text.push('角');
    } else if fen > 0 && yuan > 0 {
        text.push('零');
    }
    if fen > 0 {
        push_digit(&mut text, fen);
        text.push('分');
    } else {
        text.push('整');
    }
    text
}

/// A whole number, in groups of 亿, 万 and ones. Numbers above 亿 times 亿 read the group of 亿 as a
/// number again.
fn push_number(text: &mut String, number: u64) {
    if number == 0 {
        text.push('零');
        return;
    }
    let groups = [
        (number / HUNDRED_MILLION, "亿"),
        (number % HUNDRED_MILLION / TEN_THOUSAND, "万"),
        (number % TEN_THOUSAND, ""),
    ];
    let mut begun = false;
    let mut skipped = false;
    for (group, unit) in groups {
        if group == 0 {
            skipped = begun;
            continue;
        }
        // Digits are missing between this group and the one before it.
        if begun && (skipped || group < 1_000) {
            text.push('零');
        }
        if group < TEN_THOUSAND {
            push_group(text, group)
        } else {
            push_number(text, group)
        }
        text.push_str(unit);
        (begun, skipped) = (true, false);
    }
}

/// One to four digits. Zeros inside become one 零, zeros at the end nothing.
fn push_group(text: &mut String, group: u64) {
    let mut rest = group;
    let mut begun = false;
    let mut skipped = false;
    for (place, unit) in [(1_000, "仟"), (100, "佰"), (10, "拾"), (1, "")] {
        let digit = rest / place;
        rest %= place;
        if digit == 0 {
            skipped = begun;
            continue;
        }
        if skipped {
            text.push('零');
        }
        push_digit(text, digit);
        text.push_str(unit);
        (begun, skipped) = (true, false);
    }
}

fn push_digit(text: &mut String, digit: u64) {
    text.extend(DIGITS.chars().zip(0..).find(|(_, value)| *value == digit).map(|(c, _)| c));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_written_as_usual() {
        for (fen, expected) in [
            (0, "零元整"),
            (1, "壹分"),
            (10, "壹角整"),
            (15, "壹角伍分"),
            (100, "壹元整"),
            (105, "壹元零伍分"),
            (150, "壹元伍角整"),
            (1_000, "壹拾元整"),
            (1_500, "壹拾伍元整"),
            (10_000, "壹佰元整"),
            (10_100, "壹佰零壹元整"),
            (11_000, "壹佰壹拾元整"),
            (32_504, "叁佰贰拾伍元零肆分"),
            (100_100, "壹仟零壹元整"),
            (101_000, "壹仟零壹拾元整"),
            (140_950, "壹仟肆佰零玖元伍角整"),
            (168_032, "壹仟陆佰捌拾元叁角贰分"),
            (600_714, "陆仟零柒元壹角肆分"),
            (1_000_000, "壹万元整"),
            (1_000_100, "壹万零壹元整"),
            (1_010_000, "壹万零壹佰元整"),
            (1_100_000, "壹万壹仟元整"),
            (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
            (10_700_053, "壹拾万柒仟元伍角叁分"),
            (10_005_000, "壹拾万零伍拾元整"),
            (100_000_000, "壹佰万元整"),
            (100_000_100, "壹佰万零壹元整"),
            (1_000_000_000, "壹仟万元整"),
            (1_000_100_000, "壹仟万壹仟元整"),
            (10_000_000_000, "壹亿元整"),
            (10_000_000_100, "壹亿零壹元整"),
            (10_000_100_000, "壹亿零壹仟元整"),
            (10_001_000_000, "壹亿零壹万元整"),
            (10_100_000_000, "壹亿零壹佰万元整"),
            (11_000_000_000, "壹亿壹仟万元整"),
            (11_000_000_100, "壹亿壹仟万零壹元整"),
            (100_000_000_000, "壹拾亿元整"),
            (-140_950, "负壹仟肆佰零玖元伍角整"),
            (i64::MAX, "玖亿贰仟贰佰叁拾叁万柒仟贰佰零叁亿陆仟捌佰伍拾肆万柒仟柒佰伍拾捌元零柒分"),
            (
                i64::MIN,
                "负玖亿贰仟贰佰叁拾叁万柒仟贰佰零叁亿陆仟捌佰伍拾肆万柒仟柒佰伍拾捌元零捌分",
            ),
        ] {
            assert_eq!(chinese_capitals(Fen(fen)), expected, "{fen}");
        }
    }

    /// Reads what was written, by the meaning of the signs alone.
    fn read(text: &str) -> i64 {
        let (sign, text) = text.strip_prefix('负').map_or((1, text), |rest| (-1, rest));
        let (yuan, small) = text.split_once('元').unwrap_or(("", text));
        let mut fen = read_number(yuan) * 100;
        let mut digit = 0;
        for c in small.chars() {
            match c {
                '角' => fen += digit * 10,
                '分' => fen += digit,
                '整' => {}
                _ => digit = i128::try_from(DIGITS.chars().position(|d| d == c).unwrap()).unwrap(),
            }
        }
        i64::try_from(sign * fen).unwrap()
    }

    fn read_number(text: &str) -> i128 {
        for (unit, worth) in [('亿', 100_000_000), ('万', 10_000)] {
            if let Some((high, low)) = text.rsplit_once(unit) {
                return read_number(high) * worth + read_number(low);
            }
        }
        let (mut sum, mut digit) = (0, 0);
        for c in text.chars() {
            let worth = match c {
                '仟' => 1_000,
                '佰' => 100,
                '拾' => 10,
                _ => {
                    digit = i128::try_from(DIGITS.chars().position(|d| d == c).unwrap()).unwrap();
                    continue;
                }
            };
            sum += digit * worth;
            digit = 0;
        }
        sum + digit
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(amount in prop_oneof![any::<i64>(), -1_000_000_i64..1_000_000_000]) {
            let text = chinese_capitals(Fen(amount));
            prop_assert_eq!(read(&text), amount, "{}", text);
            prop_assert!(!text.contains("零零"), "{}", text);
            prop_assert!(amount == 0 || !text.contains("零元"), "{}", text);
        }
    }
}
