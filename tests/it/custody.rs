//! Journeys: the chain of custody (B24), its verification offline, and whoever changes it by hand.

mod bundle;
mod mutations;

use api_spec::evidence::CustodyLogResponse;
use serde_json::{Value, json};
use server::{
    auth::policy::Role,
    case_log::Author,
    evidence::{
        custody::{self, NewAct, Subject},
        verify::{self, PublicKeys},
    },
};
use sync_core::{custody::Act, ids::CaseId, time::Span};
use tests::{Engine, Scratch, TestApp, binary, each_engine};

use crate::evidence::{declare, entry, hash, jpeg, new_case, surveyor_of, upload};

pub(crate) fn keys(app: &TestApp) -> (Value, PublicKeys) {
    let jwks = app.request("GET", "/.well-known/seal-keys.json").send().expect(200).value();
    let keys = PublicKeys::of_jwks(&jwks).unwrap();
    (jwks, keys)
}

fn log(app: &TestApp, case: CaseId) -> CustodyLogResponse {
    app.person(Role::Manager).get(&format!("/cases/{case}/custody")).expect(200).json()
}

/// The acts of a log in their order.
fn acts(log: &CustodyLogResponse) -> Vec<&str> {
    log.entries.iter().map(|entry| entry.act.as_str()).collect()
}

/// A case with photos that were announced, received and looked at.
pub(crate) fn case_with_acts(app: &TestApp, photos: u8) -> CaseId {
    let case = new_case(app);
    let surveyor = surveyor_of(app, case);
    let pictures: Vec<_> = (0..photos).map(jpeg).collect();
    let entries: Vec<_> = pictures.iter().map(|bytes| entry(bytes)).collect();
    let _ = declare(&surveyor, case, &entries).expect(200);
    for bytes in &pictures {
        let _ = upload(&surveyor, case, bytes).expect(201);
        let _ = surveyor.get(&format!("/cases/{case}/blobs/{}", hash(bytes))).expect(200);
    }
    case
}

/// One more act: a hold by the system.
fn hold(app: &TestApp, case: CaseId) {
    let state = app.state();
    app.write(move |conn| {
        let act = NewAct { act: Act::Held, subject: Subject::Case, data: json!({}) };
        custody::append(conn, &state, case, Author::System, act).map(drop)
    });
}

/// Lets the next checkpoint be made.
pub(crate) fn checkpoint(app: &TestApp) {
    app.advance(Span::minutes(5));
    app.run_due_jobs();
}

each_engine!(every_act_on_evidence_is_noted_with_who_and_when, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let photo = entry(&bytes);
    let _ = declare(&surveyor, case, &[&photo]).expect(200);
    let _ = declare(&surveyor, case, &[&photo]).expect(200);
    app.advance(Span::minutes(1));
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let _ = upload(&surveyor, case, &bytes).expect(200);
    let blob = format!("/cases/{case}/blobs/{}", hash(&bytes));
    let verifier = app.person(Role::Verifier);
    let _ = verifier.get(&blob).expect(200);
    // Looking again at once is the same look; an hour later it is another one.
    let _ = verifier.get(&blob).expect(200);
    app.advance(Span::minutes(61));
    let _ = verifier.get(&blob).expect(200);

    let log = log(&app, case);
    assert_eq!(acts(&log), ["captured", "received", "viewed", "viewed"]);
    let people: Vec<_> = log.entries.iter().map(|entry| entry.actor.clone()).collect();
    let (one, other) = (surveyor.id.to_string(), verifier.id.to_string());
    assert_eq!(people, [one.clone(), one, other.clone(), other]);
    assert_eq!(log.entries[0].subject, photo["id"].as_str().unwrap());
    assert_eq!(log.entries[2].subject, hash(&bytes));
    let captured: Value = serde_json::from_str(&log.entries[0].data).unwrap();
    assert_eq!((&captured["lat"], &captured["slot"]), (&json!(30.2741), &json!("damage_close")));
    assert!(verify::custody_log(&log, &keys(&app).1).unwrap().contains("4 entries"));
    let _ = surveyor.get(&format!("/cases/{case}/custody")).problem(403, "forbidden");
    let elsewhere = app.person_at("nb", &[Role::Manager]);
    let _ = elsewhere.get(&format!("/cases/{case}/custody")).problem(404, "not_found");
});

each_engine!(checkpoints_cover_what_has_changed_and_are_kept_outside_too, |app| {
    let (one, other) = (case_with_acts(&app, 2), case_with_acts(&app, 1));
    // Copies are made, and noted, before the next checkpoint.
    app.run_due_jobs();
    checkpoint(&app);
    let covers_all = |log: &CustodyLogResponse| {
        log.checkpoints.last().unwrap().seq == i64::try_from(log.entries.len()).unwrap()
    };
    let before = log(&app, one);
    assert!(covers_all(&before) && covers_all(&log(&app, other)));
    // Nothing new, no new checkpoint.
    let count = || app.count("SELECT count(*) AS n FROM custody_checkpoints");
    let made = count();
    checkpoint(&app);
    assert_eq!(count(), made);
    let others = log(&app, other).checkpoints.len();
    hold(&app, one);
    checkpoint(&app);
    let after = log(&app, one);
    assert!(covers_all(&after));
    assert_eq!((after.checkpoints.len(), count()), (before.checkpoints.len() + 1, made + 1));
    assert_eq!(log(&app, other).checkpoints.len(), others);
    let (_, keys) = keys(&app);
    assert!(verify::custody_log(&after, &keys).is_ok());
    let file = std::fs::read_to_string(app.data_dir().join("custody-checkpoints.jsonl")).unwrap();
    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(i64::try_from(lines.len()).unwrap(), count());
    assert_eq!(lines.last().unwrap()["root"], json!(after.checkpoints.last().unwrap().root));
});

each_engine!(a_checkpoint_that_was_not_written_down_is_written_at_the_next_start, |app| {
    let mut app = app;
    let case = case_with_acts(&app, 1);
    checkpoint(&app);
    hold(&app, case);
    checkpoint(&app);
    hold(&app, case);
    checkpoint(&app);
    let file = app.data_dir().join("custody-checkpoints.jsonl");
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines.len() >= 3, "{whole}");
    // As a process leaves it that died between the commit and the line, or in the middle of it.
    let two_less =
        lines[..lines.len() - 2].iter().map(|line| format!("{line}\n")).collect::<String>();
    let cut = format!("{two_less}{}", &lines[lines.len() - 2][..30]);
    for left in [two_less, cut, String::new()] {
        std::fs::write(&file, left).unwrap();
        app.restart();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), whole);
    }
    std::fs::remove_file(&file).unwrap();
    app.restart();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), whole);
});

each_engine!(a_clock_that_moves_while_we_work_makes_nothing_differ, |app| {
    app.clock.tick(Span(1));
    let case = case_with_acts(&app, 3);
    let (manager, why) = (app.person(Role::Manager), json!({ "reason": "诉讼中" }));
    let _ = manager.post(&format!("/cases/{case}/evidence/hold"), &why).expect(201);
    let _ = manager.post(&format!("/cases/{case}/evidence/release"), &why).expect(200);
    let _ = manager.post(&format!("/cases/{case}/evidence/hold"), &why).expect(201);
    app.run_due_jobs();
    app.clock.tick(Span(0));
    let state = app.state();
    let signed =
        move |key: &str, text: &[u8], signature: &[u8]| state.auth.is_sealed(key, text, signature);
    assert_eq!(app.read(move |conn| server::evidence::examine(conn, None, signed)), []);
});

each_engine!(a_log_verifies_across_a_change_of_keys, |app| {
    let case = case_with_acts(&app, 1);
    checkpoint(&app);
    app.state().auth.seals.rotate(&server::ports::ids::SystemIds).unwrap();
    hold(&app, case);
    checkpoint(&app);
    let log = log(&app, case);
    let last = log.checkpoints.last().unwrap();
    assert_ne!(log.checkpoints[0].key_id, last.key_id);
    assert!(verify::custody_log(&log, &keys(&app).1).is_ok());
});

/// Runs `chakan verify`; answers whether it was content, and what it said.
pub(crate) fn chakan_verify(arguments: &[&str]) -> (bool, String) {
    let mut all = vec!["verify"];
    all.extend(arguments);
    let output = binary::chakan(&all, &[]).output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn the_command_proves_receipts_and_logs_offline() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let receipt = upload(&surveyor, case, &bytes).expect(201).value();
    let scratch = Scratch::new("verify");
    let write = |name: &str, value: &Value| {
        let path = scratch.path().join(name);
        std::fs::write(&path, value.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key_file = write("keys.json", &keys(&app).0);
    let prove = |what: &str, file: &str| chakan_verify(&[what, file, "--keys", &key_file]);

    let (good, said) = prove("receipt", &write("receipt.json", &receipt));
    assert!(good && said.contains(&hash(&bytes)), "{said}");
    for (name, value) in [
        ("size", json!(1)),
        ("sha256", json!(hash(b"x"))),
        ("received_at", json!("2026-03-02T01:30:01Z")),
    ] {
        let mut forged = receipt.clone();
        forged[name] = value;
        let (good, said) = prove("receipt", &write("forged.json", &forged));
        assert!(!good && said.contains("not signed"), "{name}: {said}");
    }
    let more = jpeg(2);
    let _ = declare(&surveyor, case, &[entry(&more)]).expect(200);
    let set = format!("/cases/{case}/photos/receipt");
    let problem = surveyor.get(&set).problem(409, "conflict");
    assert_eq!(problem.facts["reason"], json!("photos_missing"));
    let _ = upload(&surveyor, case, &more).expect(201);
    let set = surveyor.get(&set).expect(200).value();
    let (good, said) = prove("receipt", &write("set.json", &set));
    assert!(good && said.contains("all 2 photo(s)"), "{said}");
    for (place, value, named) in [
        ("/photos/1/size", json!(1), "photo 2"),
        ("/photos/0/sha256", json!(hash(b"x")), "photo 1"),
        ("/photos/1/received_at", json!("2026-03-02T01:30:01Z"), "photo 2"),
        ("/photos/0/chain", json!("no hash"), "photo 1"),
        ("/at", json!("2026-03-02T01:30:01Z"), "not signed"),
        ("/case_id", json!("018f3a5e-0000-7000-8000-000000000001"), "not signed"),
    ] {
        let mut forged = set.clone();
        *forged.pointer_mut(place).unwrap() = value;
        let (good, said) = prove("receipt", &write("forged.json", &forged));
        assert!(!good && said.contains(named), "{place}: {said}");
    }
    let mut shorter = set;
    shorter["photos"].as_array_mut().unwrap().pop();
    let (good, said) = prove("receipt", &write("forged.json", &shorter));
    assert!(!good && said.contains("not signed"), "{said}");
    let log = serde_json::to_value(log(&app, case)).unwrap();
    let (good, said) = prove("evidence", &write("custody.json", &log));
    assert!(good && said.contains("4 entries"), "{said}");
    let mut forged = log;
    forged["entries"][1]["at"] = json!(1);
    let (good, said) = prove("evidence", &write("forged.json", &forged));
    assert!(!good && said.contains("entry 2"), "{said}");
    let (good, said) = prove("receipt", "/nowhere");
    assert!(!good && said.lines().count() == 1, "{said}");
}
