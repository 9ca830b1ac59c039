//! Bundles, verified by our command and by a second verifier in another language (B24).

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::*;

fn python() -> Option<Command> {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|o| o.status.success());
    #[expect(clippy::disallowed_methods, reason = "how the tests are run")]
    let wish = std::env::var("CHAKAN_TEST_CLIENTS");
    assert!(there || wish.as_deref() != Ok("require"), "python3 is not installed");
    there.then(|| Command::new("python3"))
}

/// What the second verifier says of each log.
fn second_opinion(keys: &std::path::Path, logs: &[Value]) -> Option<Vec<String>> {
    let script = binary::repository().join("tests/data/verify_evidence.py");
    let mut child = python()?
        .arg(script)
        .arg(keys)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = logs.iter().map(|log| format!("{log}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn two_verifiers_name_the_same_entry_for_every_forgery() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let case = case_with_acts(&app, 3);
    checkpoint(&app);
    hold(&app, case);
    checkpoint(&app);
    let (jwks, keys) = keys(&app);
    let good = serde_json::to_value(log(&app, case)).unwrap();
    let mut forged = vec![good.clone()];
    let count = good["entries"].as_array().unwrap().len();
    for n in 0..count {
        for (name, value) in [
            ("at", json!(1)),
            ("act", json!("expired")),
            ("actor", json!("system!")),
            ("subject", json!("other")),
            ("data", json!("{\"n\":7}")),
            ("sha256", json!("ab".repeat(32))),
            ("previous", json!("cd".repeat(32))),
        ] {
            let mut log = good.clone();
            log["entries"][n][name] = value;
            forged.push(log);
        }
        let mut log = good.clone();
        log["entries"].as_array_mut().unwrap().remove(n);
        forged.push(log);
        let mut log = good.clone();
        log["entries"].as_array_mut().unwrap().truncate(n);
        forged.push(log);
    }
    for (place, value) in [
        ("/head/seq", json!(1)),
        ("/head/at", json!(1)),
        ("/checkpoints/0/root", json!("ab".repeat(32))),
        ("/checkpoints/0/seq", json!(1)),
        ("/checkpoints/1/at", json!(5)),
        ("/checkpoints/1/signature", json!("AAAA")),
    ] {
        let mut log = good.clone();
        *log.pointer_mut(place).unwrap() = value;
        forged.push(log);
    }
    let ours: Vec<String> = forged
        .iter()
        .map(|log| {
            match verify::custody_log(&serde_json::from_value(log.clone()).unwrap(), &keys) {
                Ok(_) => "good".to_owned(),
                Err(unproven) => unproven.0,
            }
        })
        .collect();
    assert_eq!(ours.iter().filter(|said| *said == "good").count(), 1, "{ours:#?}");
    let scratch = Scratch::new("python");
    let key_file = scratch.path().join("keys.json");
    std::fs::write(&key_file, jwks.to_string()).unwrap();
    let Some(theirs) = second_opinion(&key_file, &forged) else { return };
    // The words may differ; the place may not.
    let place = |said: &String| said.split(": ").next().unwrap_or_default().to_owned();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let outside = !ours.starts_with("entry")
            && !theirs.starts_with("entry")
            && ours != "good"
            && theirs != "good";
        assert!(place(ours) == place(theirs) || outside, "{ours:?} and {theirs:?}");
    }
    assert_eq!(ours.len(), theirs.len());
}

each_engine!(a_bundle_is_verified_offline_and_whatever_is_changed_in_it_is_named, |app| {
    let case = case_with_acts(&app, 3);
    let manager = app.person(Role::Manager);
    let reply = manager.get(&format!("/cases/{case}/evidence.zip")).expect(200);
    assert_eq!(reply.header("content-type"), Some("application/zip"));
    assert!(reply.header("content-disposition").unwrap().starts_with("attachment"));
    let scratch = Scratch::new("bundle");
    let write = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key_file = write("keys.json", keys(&app).0.to_string().as_bytes());
    let good = write("good.zip", &reply.body);
    let prove = |file: &str| {
        let (file, keys) = (std::path::Path::new(file), std::path::Path::new(&key_file));
        verify::evidence(file, &PublicKeys::read(keys).unwrap())
    };
    let said = prove(&good).unwrap();
    assert!(said.contains("3 photo(s), 3 with their bytes"), "{said}");
    if let Some(mut python) = python() {
        // A reader of ZIP files that is not ours finds the same files, and their checksums right.
        let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(len(z.namelist()))";
        let output = python.args(["-c", script, &good]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "6", "{:?}", output.stderr);
    }
    // Every changed byte of content is found; those of names and checksums of the ZIP itself may not be.
    let text = |needle: &str| {
        reply.body.windows(needle.len()).position(|window| window == needle.as_bytes()).unwrap()
    };
    for (what, at) in [
        ("a photo", text("JFIF") + 200),
        ("the log", text("\"captured\"") + 2),
        ("the manifest", text("\"slot\": \"damage_close\"") + 10),
        ("a size", text("\"size\": ") + 8),
    ] {
        let mut forged = reply.body.clone();
        forged[at] ^= 1;
        let said = prove(&write("forged.zip", &forged));
        assert!(said.is_err(), "{what}: {said:?}");
    }
    assert!(prove(&write("cut.zip", &reply.body[..reply.body.len() - 9])).is_err());
    let log = log(&app, case);
    assert_eq!(acts(&log).last(), Some(&"exported"));
    assert_eq!(log.checkpoints.last().unwrap().seq, i64::try_from(log.entries.len()).unwrap());
    let stranger = app.person_at("nb", &[Role::Manager]);
    let _ = stranger.get(&format!("/cases/{case}/evidence.zip")).problem(404, "not_found");
});
