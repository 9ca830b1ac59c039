//! Reading our own source: files, what they use, what a crate depends on.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::Path,
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;
use tests::binary::repository;

/// A source file: its path from the top of the repository and its text without comments.
pub(crate) struct Source {
    pub(crate) path: String,
    text: String,
}

/// Every source file below a folder.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = without_comments(&fs::read_to_string(&path).unwrap());
                found.push(Source { path: from_top(&path), text });
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no source");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn from_top(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned()
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

impl Source {
    /// The text without the tests at its end.
    pub(crate) fn production(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    /// The capability that the file belongs to.
    pub(crate) fn slice(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("server/src/")?;
        let name = rest.split('/').next()?;
        SLICES.iter().map(String::as_str).find(|slice| *slice == name)
    }

    /// The tables that the file names, under the names that it gives them.
    pub(crate) fn tables(&self) -> BTreeMap<String, String> {
        let text = self.production();
        let mut tables = BTreeMap::new();
        for path in self.paths("crate") {
            let Some(table) = path.strip_prefix("db::schema::") else { continue };
            let table = table.split("::").next().unwrap_or_default();
            let renamed = text.split(&format!("{table} as ")).nth(1);
            let name = renamed.and_then(|rest| rest.split([',', '}', ';']).next()).unwrap_or(table);
            tables.insert(name.trim().to_owned(), table.to_owned());
        }
        tables
    }

    /// The tables that the file inserts into, updates or deletes from.
    pub(crate) fn tables_written(&self) -> BTreeSet<String> {
        let (text, tables) = (self.production(), self.tables());
        let mut written = BTreeSet::new();
        for verb in ["insert_into(", "update(", "delete("] {
            for rest in text.split(verb).skip(1) {
                let name = rest.trim_start().split("::").next().unwrap_or_default();
                written.extend(tables.get(name).cloned());
            }
        }
        written
    }

    /// Every path that begins with `root::`, with braces multiplied out.
    pub(crate) fn paths(&self, root: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let start = format!("{root}::");
        let text = self.production();
        for (at, _) in text.match_indices(&start) {
            let before = &text[..at];
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                || before.ends_with("pub(in ")
            {
                continue;
            }
            let mut rest = &text[at + start.len()..];
            tree(&mut rest, String::new(), &mut found);
        }
        found
    }
}

/// Reads one use tree: `a::b`, or `a::{b, c::d}`.
fn tree(rest: &mut &str, prefix: String, found: &mut BTreeSet<String>) {
    *rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        *rest = inner;
        loop {
            tree(rest, prefix.clone(), found);
            // `a as b`: the new name is of no interest.
            let end = rest.find([',', '}']).unwrap_or(rest.len());
            let closes = rest[end..].starts_with('}') || end == rest.len();
            *rest = rest.get(end + 1..).unwrap_or_default();
            if closes || rest.trim_start().starts_with('}') {
                *rest = if closes { rest } else { rest.trim_start().trim_start_matches('}') };
                return;
            }
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let name = format!("{prefix}{}", &rest[..end]);
    *rest = &rest[end..];
    match rest.strip_prefix("::") {
        Some(below) => {
            *rest = below;
            tree(rest, format!("{name}::"), found);
        }
        None => {
            found.insert(name);
        }
    }
}

#[test]
fn use_trees_are_read_as_the_compiler_reads_them() {
    let text =
        "use crate::{a, b::{self, c as d, e::f}, g::*};\nlet x = crate::h::i(1); not_crate::j::k;";
    let source = Source { path: "x".into(), text: text.into() };
    let found: Vec<_> = source.paths("crate").into_iter().collect();
    assert_eq!(found, ["a", "b::c", "b::e::f", "b::self", "g::", "h::i"]);
}

/// The capabilities in the order of lib.rs.
pub(crate) static SLICES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let text = fs::read_to_string(repository().join("server/src/lib.rs")).unwrap();
    let (_, after) = text.split_once("// Capabilities").expect("lib.rs lists the capabilities");
    let names = after.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
});

/// What a member needs in order to run, whatever depends on whatever.
pub(crate) fn dependencies_of(name: &str) -> BTreeSet<String> {
    let metadata = cargo_metadata();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeMap<&str, &str> = packages
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let root = packages
        .iter()
        .find(|package| package["name"] == name && package["source"].is_null())
        .and_then(|package| package["id"].as_str())
        .unwrap();
    let (mut reached, mut waiting) = (BTreeSet::new(), VecDeque::from([root]));
    while let Some(id) = waiting.pop_front() {
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            let target = dependency["pkg"].as_str().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev")
                && reached.insert(names[target].to_owned())
            {
                waiting.push_back(target);
            }
        }
    }
    reached
}

/// What cargo knows of the workspace and its dependencies.
pub(crate) fn cargo_metadata() -> &'static Value {
    static METADATA: LazyLock<Value> = LazyLock::new(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--offline", "--locked", "--format-version", "1"])
            .current_dir(repository())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    });
    &METADATA
}
