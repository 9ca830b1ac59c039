//! Journeys of those who run it: settings, keys, and the process itself.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::json;
use tests::{PASSWORD, Scratch, binary, report};

fn run(arguments: &[&str], settings: &[(&str, &str)], input: &str) -> Output {
    let mut child = binary::chakan(arguments, settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it reads anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn refused(output: &Output, named: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "more than one line: {said}");
    assert!(said.starts_with("chakan: ") && said.contains(named), "{named}: {said}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_wrong_setting_ends_the_start_with_one_line_that_names_it() {
    let scratch = Scratch::new("config");
    let data = scratch.path().join("data");
    let data = data.to_str().unwrap();
    let file = scratch.path().join("a-file");
    fs::write(&file, "x").unwrap();
    let below_file = file.join("data");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = busy.local_addr().unwrap().to_string();
    for (settings, named) in [
        (vec![("CHAKAN_LISTEN", "everywhere")], "CHAKAN_LISTEN"),
        (vec![("CHAKAN_LISTEN", "127.0.0.1:99999")], "CHAKAN_LISTEN"),
        (vec![("CHAKAN_LISTEN", &busy)], "CHAKAN_LISTEN"),
        (vec![("CHAKAN_DATABASE_URL", "mysql://root@localhost/x")], "CHAKAN_DATABASE_URL"),
        (vec![("CHAKAN_DATABASE_URL", "sqlite://")], "CHAKAN_DATABASE_URL"),
        (vec![("CHAKAN_DATABASE_URL", "sqlite:///proc/none/chakan.db")], "CHAKAN_DATABASE_URL"),
        (vec![("CHAKAN_DATABASE_URL", "postgres://chakan@localhost/chakan")], "CHAKAN_KEYS_DIR"),
        (vec![("CHAKAN_PUBLIC_URL", "claims.example")], "CHAKAN_PUBLIC_URL"),
        (vec![("CHAKAN_DATA_DIR", below_file.to_str().unwrap())], "CHAKAN_"),
    ] {
        let mut all = vec![("CHAKAN_DATA_DIR", data), ("CHAKAN_LISTEN", "127.0.0.1:0")];
        all.extend(settings);
        refused(&run(&["serve"], &all, ""), named);
    }
}

#[test]
fn a_password_in_a_database_url_is_not_shown() {
    let scratch = Scratch::new("config");
    let keys = scratch.path().join("keys");
    let settings = [
        ("CHAKAN_DATABASE_URL", "postgres://chakan:open-sesame@127.0.0.1:1/chakan"),
        ("CHAKAN_KEYS_DIR", keys.to_str().unwrap()),
        ("CHAKAN_DATA_DIR", scratch.path().to_str().unwrap()),
    ];
    let output = run(&["migrate"], &settings, "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("CHAKAN_DATABASE_URL"));
    assert!(!text(&output.stderr).contains("open-sesame"), "{}", text(&output.stderr));
}

#[test]
fn a_wrong_file_is_named_with_what_is_wrong() {
    let scratch = Scratch::new("config");
    let data = [("CHAKAN_DATA_DIR", scratch.path().to_str().unwrap())];
    let file = scratch.path().join("chakan.toml");
    let path = file.to_str().unwrap();
    refused(&run(&["serve", "--config", path], &data, ""), "chakan.toml");
    for (content, named) in [
        ("lisen = '127.0.0.1:0'", "lisen"),
        ("listen = ", "chakan.toml"),
        ("listen = 8080", "chakan.toml"),
    ] {
        fs::write(&file, content).unwrap();
        refused(&run(&["serve", "--config", path], &data, ""), named);
    }
    fs::write(&file, "listen = 'nowhere'").unwrap();
    refused(&run(&["serve", "--config", path], &data, ""), "CHAKAN_LISTEN");
    let output = run(&["fly"], &data, "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_command_prints_the_document_that_is_served() {
    let output = run(&["openapi"], &[], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let served: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(&served, tests::openapi_document());
}

/// Everything below a folder, with its permission bits.
fn walk(folder: &Path, found: &mut Vec<(String, bool, u32)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = path.metadata().unwrap();
        found.push((path.display().to_string(), path.is_dir(), about.permissions().mode() & 0o777));
        if path.is_dir() {
            walk(&path, found);
        }
    }
}

#[test]
fn from_an_empty_folder_to_a_case_and_a_clean_end() {
    let scratch = Scratch::new("config");
    let data = scratch.path().join("data");
    let settings = [("CHAKAN_DATA_DIR", data.to_str().unwrap())];
    let add =
        ["user", "add", "lin", "--name", "林", "--role", "intake,dispatcher", "--branch", "hz"];
    let output = run(&add, &settings, &format!("{PASSWORD}\n"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "added\n");
    let twice = run(&add, &settings, &format!("{PASSWORD}\n"));
    assert_eq!(twice.status.code(), Some(2), "{}", text(&twice.stderr));

    let mut keys = Vec::new();
    walk(&data.join("keys"), &mut keys);
    assert!(keys.len() >= 5, "{keys:?}");
    for (path, is_folder, mode) in keys {
        assert_eq!(mode, if is_folder { 0o700 } else { 0o600 }, "{path} has mode {mode:o}");
    }

    let server = binary::Process::launch(&settings).ready();
    server.request("GET", "/ready").send().expect(200);
    let login = json!({ "username": "lin", "password": PASSWORD });
    let tokens = server.request("POST", "/auth/login").json(&login).send().expect(200).value();
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    // A real process has a real clock.
    let mut reported = report();
    reported["loss_at"] = json!("2026-01-05T02:00:00Z");
    let case =
        server.request("POST", "/cases").token(&token).json(&reported).send().expect(201).value();
    let path = format!("/cases/{}", case["case"]["id"].as_str().unwrap());
    assert!(server.terminate().success(), "a stop that was asked for is no failure");

    // The token outlives the restart: the keys were kept.
    let server = binary::Process::launch(&settings).ready();
    server.request("GET", &path).token(&token).send().expect(200);
}

#[test]
fn a_server_on_postgres_makes_no_keys_of_its_own() {
    let Some(cluster) = tests::Cluster::start(tests::Safety::Fast) else { return };
    let scratch = Scratch::new("config");
    let (keys, url) = (scratch.path().join("keys"), cluster.url(&cluster.create_database()));
    let settings = [
        ("CHAKAN_DATABASE_URL", url.as_str()),
        ("CHAKAN_KEYS_DIR", keys.to_str().unwrap()),
        ("CHAKAN_DATA_DIR", scratch.path().to_str().unwrap()),
        ("CHAKAN_LISTEN", "127.0.0.1:0"),
    ];
    refused(&run(&["serve"], &settings, ""), "CHAKAN_KEYS_DIR");
    assert!(!keys.exists(), "keys were made");
}
