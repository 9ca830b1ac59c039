//! Who a person may be: user names, passwords, roles, and what an admin may not do to themselves.

use crate::auth::policy::Role;

/// A refused field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Refused {
    /// Which field.
    pub(in crate::identity) field: &'static str,
    /// Stable code of the rule.
    pub(in crate::identity) code: &'static str,
    /// What is allowed.
    pub(in crate::identity) allowed: &'static str,
}

fn refuse<T>(field: &'static str, code: &'static str, allowed: &'static str) -> Result<T, Refused> {
    Err(Refused { field, code, allowed })
}

/// Only user names in one spelling exist: no capitals, no blanks, no look-alike letters.
pub(in crate::identity) fn check_username(text: &str) -> Result<(), Refused> {
    const ALLOWED: &str = "1 to 64 of a-z, 0-9, '.', '_' and '-'";
    if !(1..=64).contains(&text.len()) {
        return refuse("username", "wrong_length", ALLOWED);
    }
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if text.bytes().all(fits) { Ok(()) } else { refuse("username", "forbidden_character", ALLOWED) }
}

/// Length is what makes a password hard to guess; rules about kinds of characters do not.
pub(in crate::identity) fn check_password(password: &str, username: &str) -> Result<(), Refused> {
    const ALLOWED: &str = "10 to 256 characters, and not the user name";
    if !(10..=256).contains(&password.chars().count()) {
        return refuse("password", "wrong_length", ALLOWED);
    }
    if password.trim().eq_ignore_ascii_case(username) {
        return refuse("password", "same_as_username", ALLOWED);
    }
    Ok(())
}

/// Codes of branches are part of paths, so they hold neither '/' nor anything a pattern could mean.
pub(in crate::identity) fn check_branch_code(code: &str) -> Result<(), Refused> {
    const ALLOWED: &str = "1 to 32 of a-z, 0-9 and '-'";
    if !(1..=32).contains(&code.len()) {
        return refuse("code", "wrong_length", ALLOWED);
    }
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if code.bytes().all(fits) { Ok(()) } else { refuse("code", "forbidden_character", ALLOWED) }
}

/// Roles from their codes: at least one, all known, none twice. Order does not matter.
pub(in crate::identity) fn parse_roles<S: AsRef<str>>(codes: &[S]) -> Result<Vec<Role>, Refused> {
    if codes.is_empty() || codes.len() > Role::ALL.len() {
        return refuse("roles", "wrong_length", "at least one role, none twice");
    }
    let mut roles = Vec::with_capacity(codes.len());
    for code in codes {
        let Ok(role) = code.as_ref().parse::<Role>() else {
            return refuse("roles", "unknown_role", "role codes such as surveyor or dispatcher");
        };
        if roles.contains(&role) {
            return refuse("roles", "twice", "at least one role, none twice");
        }
        roles.push(role);
    }
    roles.sort_unstable();
    Ok(roles)
}

/// Whether a person is with a repair shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum ShopField {
    /// A shop is named.
    Named,
    /// No shop is named.
    Absent,
}

/// Repair shops are the other side of the table: their people do nothing else here, and nobody else
/// belongs to one.
pub(in crate::identity) fn check_shop(roles: &[Role], shop: ShopField) -> Result<(), Refused> {
    let works_for_shop = roles.contains(&Role::Shop);
    if works_for_shop && roles.len() > 1 {
        return refuse("roles", "shop_not_alone", "the role shop stands alone");
    }
    match (works_for_shop, shop) {
        (true, ShopField::Absent) => {
            refuse("shop_id", "required", "the shop that the person works for")
        }
        (false, ShopField::Named) => {
            refuse("shop_id", "not_allowed", "only people with the role shop have a shop")
        }
        _ => Ok(()),
    }
}

/// What an update would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Change {
    /// Name, phone, staff number, password.
    Details,
    /// Roles, branch, shop, or whether the log-in works.
    Standing,
}

/// Whose record an update changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Whose {
    /// The admin's own.
    Own,
    /// Somebody else's.
    Other,
}

/// Nobody gives themselves rights, nor locks themselves out by mistake: that takes a second admin.
pub(in crate::identity) fn may_change(whose: Whose, change: Change) -> bool {
    !(whose == Whose::Own && change == Change::Standing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code<T>(outcome: Result<T, Refused>) -> &'static str {
        outcome.err().map_or("", |refused| refused.code)
    }

    #[test]
    fn user_names() {
        let long = "a".repeat(64);
        let too_long = "a".repeat(65);
        for (text, expected) in [
            ("wang.li", ""),
            ("a", ""),
            ("0_9-x", ""),
            (long.as_str(), ""),
            ("", "wrong_length"),
            (too_long.as_str(), "wrong_length"),
            ("Wang", "forbidden_character"),
            ("wang li", "forbidden_character"),
            ("wang\n", "forbidden_character"),
            ("а", "forbidden_character"), // a Cyrillic letter
            ("王力", "forbidden_character"),
            ("a/b", "forbidden_character"),
        ] {
            assert_eq!(code(check_username(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn passwords() {
        let (long, too_long) = ("长".repeat(256), "长".repeat(257));
        for (text, expected) in [
            ("ten-chars!", ""),
            ("一二三四五六七八九十", ""),
            (long.as_str(), ""),
            ("nine-char", "wrong_length"),
            (too_long.as_str(), "wrong_length"),
            ("chen.wei.hz", "same_as_username"),
            ("Chen.Wei.HZ", "same_as_username"),
            ("  chen.wei.hz", "same_as_username"),
            ("chen.wei.hz1", ""),
        ] {
            assert_eq!(code(check_password(text, "chen.wei.hz")), expected, "{text:?}");
        }
    }

    #[test]
    fn branch_codes() {
        for (text, expected) in [
            ("hz-1", ""),
            ("", "wrong_length"),
            ("a/b", "forbidden_character"),
            ("a%", "forbidden_character"),
            ("a_b", "forbidden_character"),
            ("HZ", "forbidden_character"),
        ] {
            assert_eq!(code(check_branch_code(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn roles_and_shops() {
        use ShopField::{Absent, Named};
        for (codes, shop, expected) in [
            (vec!["surveyor"], Absent, ""),
            (vec!["manager", "admin"], Absent, ""),
            (vec!["shop"], Named, ""),
            (vec![], Absent, "wrong_length"),
            (vec!["root"], Absent, "unknown_role"),
            (vec![""], Absent, "unknown_role"),
            (vec!["Admin"], Absent, "unknown_role"),
            (vec!["admin surveyor"], Absent, "unknown_role"),
            (vec!["admin", "admin"], Absent, "twice"),
            (vec!["shop"], Absent, "required"),
            (vec!["surveyor"], Named, "not_allowed"),
            (vec!["shop", "surveyor"], Named, "shop_not_alone"),
        ] {
            let outcome = parse_roles(&codes).and_then(|roles| check_shop(&roles, shop));
            assert_eq!(code(outcome), expected, "{codes:?} {shop:?}");
        }
    }

    #[test]
    fn nobody_changes_their_own_standing() {
        assert!(may_change(Whose::Own, Change::Details));
        assert!(may_change(Whose::Other, Change::Standing));
        assert!(!may_change(Whose::Own, Change::Standing));
    }

    proptest! {
        /// Whatever is sent, the outcome is a set of known roles that spells back to the same codes.
        #[test]
        fn parsed_roles_are_exactly_the_codes_that_were_sent(
            codes in proptest::collection::vec(
                prop_oneof![
                    4 => proptest::sample::select(Role::ALL.iter().map(|r| r.as_str().to_owned()).collect::<Vec<_>>()),
                    1 => "[a-z _]{0,12}",
                ],
                0..14,
            )
        ) {
            let known = codes.iter().all(|code| Role::ALL.iter().any(|role| role.as_str() == code));
            let mut spelled = codes.clone();
            spelled.sort_unstable();
            spelled.dedup();
            let fits = known && !codes.is_empty() && spelled.len() == codes.len();
            let parsed = parse_roles(&codes);
            prop_assert_eq!(parsed.is_ok(), fits);
            if let Ok(roles) = parsed {
                let mut back: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
                back.sort_unstable();
                prop_assert_eq!(back, spelled);
            }
        }
    }
}
