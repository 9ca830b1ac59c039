//! Guard: every dependency may be used under a licence that asks nothing of our own code.

use serde_json::Value;

use crate::source::cargo_metadata;

/// The same list stands in .deny.toml.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "IJG",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PostgreSQL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn every_dependency_has_a_licence_that_we_accept() {
    let metadata = cargo_metadata();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(is_acceptable))
        .map(|package| {
            format!(
                "{} {}: {}",
                text(package, "name"),
                text(package, "version"),
                package["license"]
            )
        })
        .collect();
    assert!(refused.is_empty(), "not acceptable:\n{}", refused.join("\n"));
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

#[test]
fn the_list_for_cargo_deny_is_the_same() {
    let file = std::fs::read_to_string(tests::binary::repository().join(".deny.toml")).unwrap();
    let list = file.split("allow = [").nth(1).unwrap().split(']').next().unwrap();
    let named: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(named, ALLOWED);
}

/// Whether a licence expression (SPDX, or the old form with slashes) can be met.
fn is_acceptable(expression: &str) -> bool {
    let text = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut rest = &words[..];
    either(&mut rest) == Some(true) && rest.is_empty()
}

/// `a OR b`; nothing when it cannot be read.
fn either(words: &mut &[&str]) -> Option<bool> {
    let mut met = both(words)?;
    while let Some(("OR", rest)) = words.split_first().map(|(word, rest)| (*word, rest)) {
        *words = rest;
        met |= both(words)?;
    }
    Some(met)
}

fn both(words: &mut &[&str]) -> Option<bool> {
    let mut met = one(words)?;
    while let Some(("AND", rest)) = words.split_first().map(|(word, rest)| (*word, rest)) {
        *words = rest;
        met &= one(words)?;
    }
    Some(met)
}

fn one(words: &mut &[&str]) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    if *first == "(" {
        let met = either(words)?;
        let (close, rest) = words.split_first()?;
        *words = rest;
        return (*close == ")").then_some(met);
    }
    let mut name = (*first).to_owned();
    if let ["WITH", exception, rest @ ..] = words {
        name = format!("{name} WITH {exception}");
        *words = rest;
    }
    Some(ALLOWED.contains(&name.as_str()))
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    for (expression, acceptable) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-2.0) AND ISC", true),
        ("GPL-2.0 OR LGPL-2.1 AND MIT", false),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-2.0 WITH Classpath-exception-2.0", false),
        ("MIT OR", false),
        ("(MIT", false),
        ("MIT ISC", false),
        ("", false),
    ] {
        assert_eq!(is_acceptable(expression), acceptable, "{expression}");
    }
}
