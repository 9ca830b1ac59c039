//! Guards: the rules of the source itself (README, "Who may import whom").

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
};

use tests::binary::repository;

use crate::source::{SLICES, dependencies_of, sources};

/// Fails with every breach.
#[track_caller]
fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn rules_and_policy_are_pure() {
    let mut breaches = Vec::new();
    let mut seen = 0;
    for source in sources("server/src") {
        let pure = source.path.ends_with("/rules.rs")
            || source.path.contains("/rules/")
            || source.path.ends_with("/policy.rs");
        if !pure {
            continue;
        }
        seen += 1;
        for line in source.production().lines() {
            let used = line.trim_start().trim_start_matches("pub ").strip_prefix("use ");
            if let Some(root) = used.and_then(|path| path.split([':', ';', ' ']).next())
                // A type in scope, not a crate.
                && !root.starts_with(char::is_uppercase)
                && !["std", "sync_core", "geo", "super", "self", "crate"].contains(&root)
            {
                breaches.push(format!("{}: {}", source.path, line.trim()));
            }
        }
        // The policy is as pure as the rules are.
        let impure = |path: &String| !path.starts_with("auth::policy::");
        breaches.extend(
            source
                .paths("crate")
                .into_iter()
                .filter(impure)
                .map(|path| format!("{}: crate::{path}", source.path)),
        );
        for banned in [
            "actix",
            "diesel::",
            "tokio::",
            "serde_json::",
            "api_spec::",
            "std::env",
            "std::fs",
            "std::net",
            "SystemTime",
            "Instant::now",
            "async ",
            "tracing::",
            "metrics::",
            "Uuid::now",
            "rand::",
        ] {
            if source.production().contains(banned) {
                breaches.push(format!("{}: {banned}", source.path));
            }
        }
    }
    assert!(seen >= 3, "only {seen} files with rules");
    assert_none(&breaches);
}

#[test]
fn stores_know_rows_and_nothing_of_http() {
    let mut breaches = Vec::new();
    for source in sources("server/src") {
        if source.path.ends_with("/store.rs") || source.path.contains("/store/") {
            for banned in
                ["actix", "HttpRe", "tokio::", "transaction(", "savepoint(", "ports::", ".now()"]
            {
                if source.production().contains(banned) {
                    breaches.push(format!("{}: {banned}", source.path));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn capabilities_use_each_other_only_to_the_left() {
    let place: BTreeMap<&str, usize> = SLICES.iter().map(String::as_str).zip(0..).collect();
    assert!(place.len() >= 3, "{place:?}");
    let mut breaches = Vec::new();
    for source in sources("server/src") {
        let Some(own) = source.slice() else { continue };
        for path in source.paths("crate") {
            let mut parts = path.split("::");
            let Some(other) = parts.next().filter(|other| place.contains_key(other)) else {
                continue;
            };
            if place[other] > place[own] {
                breaches.push(format!(
                    "{} uses {path}, which stands to the right of {own}",
                    source.path
                ));
            }
            let inner = parts.next().unwrap_or_default();
            if other != own && ["store", "rules", "api", "jobs", "check"].contains(&inner) {
                breaches.push(format!("{} uses the inside of {other}: {path}", source.path));
            }
        }
    }
    assert_none(&breaches);
}

/// Tables that other capabilities read inside their own queries, because a join is the only sound way
/// to ask: who may see a case, and who somebody is.
const READ_BY_OTHERS: &[(&str, &[&str])] = &[
    ("branches", &["case_log", "promise", "intake", "repair", "dispatch", "draft", "sla", "board"]),
    ("people", &["dispatch", "board"]),
    ("cases", &["case_log", "repair", "dispatch", "draft", "board"]),
    ("case_events", &["board"]),
    ("case_people", &["intake", "repair", "board"]),
];

#[test]
fn the_tables_of_a_capability_are_its_own() {
    // schema.rs is one text for all, so the compiler does not see this.
    let mut writers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut readers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources("server/src").iter().filter(|source| !source.path.contains("/db/")) {
        let own = source.path.split('/').nth(2).unwrap().to_owned();
        for table in source.tables_written() {
            writers.entry(table).or_default().insert(own.clone());
        }
        for table in source.tables().into_values() {
            readers.entry(table).or_default().insert(own.clone());
        }
    }
    assert!(writers.len() > 5, "{writers:?}");
    // The case log keeps the status of the case that intake has written.
    let both = BTreeSet::from(["case_log".to_owned(), "intake".to_owned()]);
    assert_eq!(writers["cases"], both);
    let doubly = writers.iter().filter(|(table, who)| who.len() > 1 && *table != "cases");
    let mut breaches: Vec<String> =
        doubly.map(|(table, who)| format!("{table} is written by {who:?}")).collect();
    for (table, who) in &readers {
        let may =
            READ_BY_OTHERS.iter().find(|(known, _)| known == table).map_or(&[][..], |(_, may)| may);
        let writer = writers.get(table);
        for reader in who {
            let owns = writer.is_none_or(|writer| writer.contains(reader));
            if !owns && !may.contains(&reader.as_str()) {
                breaches.push(format!("{reader} reads {table}, which is not its own"));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn who_calls_is_asked_before_anything_else() {
    let mut breaches = Vec::new();
    for source in sources("server/src") {
        // Extractors after By wait for it; those before it would not.
        for signature in source.production().split("pub async fn ").skip(1) {
            let arguments = signature.split(") ->").next().unwrap_or_default();
            let Some(asked) = arguments.find("By<") else { continue };
            for reader in
                ["Command<", "Body<", "IdPath<", "Query<", "IfMatch", "Payload", "web::Path"]
            {
                if arguments.find(reader).is_some_and(|at| at < asked) {
                    let name = signature.split('(').next().unwrap_or_default();
                    breaches.push(format!("{}: {name} reads {reader} before By", source.path));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn no_lint_is_silenced_that_keeps_panics_out() {
    let mut breaches = Vec::new();
    for folder in ["server/src", "sync-core/src", "sync-core/bindings/src", "api-spec/src"] {
        for source in sources(folder) {
            for banned in [
                "clippy::unwrap_used",
                "clippy::expect_used",
                "clippy::indexing_slicing",
                "clippy::panic",
                "clippy::todo",
                "#![allow",
                "#[allow(clippy",
                "unsafe_code",
            ] {
                if source.production().contains(banned) {
                    breaches.push(format!("{}: {banned}", source.path));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn rooms_are_small_and_named_after_the_trade() {
    const MOST_LINES: usize = 600;
    let mut breaches = Vec::new();
    for folder in [
        "server/src",
        "sync-core/src",
        "sync-core/bindings/src",
        "api-spec/src",
        "tests/src",
        "tests/it",
    ] {
        for source in sources(folder) {
            let lines =
                fs::read_to_string(repository().join(&source.path)).unwrap().lines().count();
            // The list of tables is no room: it grows with the tables and has nothing to get lost in.
            if lines > MOST_LINES && source.path != "server/src/db/schema.rs" {
                breaches.push(format!("{}: {lines} lines, more than {MOST_LINES}", source.path));
            }
            for banned in ["utils", "helpers", "common", "manager"] {
                if source.path.split(['/', '.']).any(|part| part == banned) {
                    breaches.push(format!("{}: a name that says nothing", source.path));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn dialects_are_rare() {
    let uses: usize = sources("server/src")
        .iter()
        .map(|source| source.production().matches("native!(").count())
        .sum();
    assert!(uses <= 10, "native! is used {uses} times");
}

#[test]
fn the_top_folder_is_as_fixed() {
    let output = Command::new("git")
        .args(["ls-tree", "--name-only", "HEAD"])
        .current_dir(repository())
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<String> = if output.status.success() && !listed.is_empty() {
        listed.lines().map(str::to_owned).collect()
    } else {
        // An archive without history.
        let entries = fs::read_dir(repository()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["target", "data"].contains(&name.as_str()))
            .collect()
    };
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    assert_eq!(
        names,
        [
            "Cargo.lock",
            "Cargo.toml",
            "README.md",
            "api-spec",
            "migrations",
            "server",
            "sync-core",
            "tests"
        ]
    );
}

#[test]
fn the_core_that_phones_share_needs_no_server() {
    let reached = dependencies_of("sync-core");
    for banned in [
        "tokio",
        "diesel",
        "actix-web",
        "actix-rt",
        "reqwest",
        "ureq",
        "hyper",
        "server",
        "api-spec",
        "tests",
    ] {
        assert!(!reached.contains(banned), "sync-core depends on {banned}");
    }
    let reached = dependencies_of("api-spec");
    for banned in [
        "tokio",
        "diesel",
        "actix-rt",
        "reqwest",
        "ureq",
        "sync-core",
        "server",
        "automerge",
        "tests",
    ] {
        assert!(!reached.contains(banned), "api-spec depends on {banned}");
    }
}

/// The folders of migrations for one engine, in order.
pub(crate) fn migration_folders(engine: &str) -> Vec<PathBuf> {
    let folder = repository().join("migrations").join(engine);
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn every_migration_stands_in_both_folders_with_a_way_back() {
    let names = |engine: &str| -> Vec<String> {
        let folders = migration_folders(engine);
        for folder in &folders {
            for file in ["up.sql", "down.sql"] {
                let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
                assert!(!text.trim().is_empty(), "{}/{file} is missing or empty", folder.display());
            }
        }
        folders
            .iter()
            .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    let names = (names("sqlite"), names("postgres"));
    assert_eq!(names.0, names.1);
    // What has the stamp of another counts as applied with it, and never runs.
    let stamps: Vec<_> = names.0.iter().map(|name| stamp(name)).collect();
    for (two, names) in stamps.windows(2).zip(names.0.windows(2)) {
        assert_ne!(two[0], two[1], "{names:?} share a stamp");
    }
}

/// What diesel knows a migration by: its name up to the first `_`, without `-`.
fn stamp(name: &str) -> String {
    let stamp = name.split('_').next().unwrap().replace('-', "");
    assert!(stamp.len() == 14 && stamp.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
    stamp
}
