//! The phone's library in other languages: their code comes out, and a client in Python lives through
//! a whole visit with it.

use std::{
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::time::Span;
use tests::{PASSWORD, Scratch, binary, each_engine};

use crate::{
    evidence,
    field::Scene,
    source::{dependencies_of, sources},
};

/// The library, and the program that writes code for it; built once for this test run.
fn built() -> &'static (PathBuf, PathBuf) {
    static BUILT: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = std::env::current_exe().unwrap();
        let folder = folder.ancestors().nth(2).unwrap().to_owned();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--offline", "-q", "-p", "chakan-phone", "--features", "bindgen"]);
        build.arg("--target-dir").arg(folder.parent().unwrap()).current_dir(binary::repository());
        assert!(build.status().unwrap().success(), "the phone's library does not build");
        let library =
            format!("{}chakan_phone{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        (folder.join(library), folder.join("uniffi-bindgen"))
    })
}

fn generate(language: &str, out: &Path) {
    let (library, generator) = built();
    let done = Command::new(generator).arg(language).arg(out).arg(library).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn code_for_all_three_languages_comes_out() {
    // That Kotlin and Swift compile it is seen where apps are built; here it comes out and names what
    // an app needs.
    let scratch = Scratch::new("bindings");
    for (language, file, names) in [
        (
            "kotlin",
            "chakan/phone/chakan_phone.kt",
            ["class Phone", "interface PhoneStore", "fun `nextStep`"],
        ),
        ("swift", "ChakanPhone.swift", ["class Phone", "protocol PhoneStore", "func nextStep"]),
        ("python", "chakan_phone.py", ["class Phone", "class PhoneStore", "def next_step"]),
    ] {
        let out = scratch.path().join(language);
        generate(language, &out);
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        for name in names {
            assert!(text.contains(name), "{language}: no {name}");
        }
    }
    let headers = std::fs::read_dir(scratch.path().join("swift")).unwrap();
    let names: Vec<String> =
        headers.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().any(|name| name.ends_with(".h")), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with(".modulemap")), "{names:?}");
}

#[test]
fn nothing_written_by_hand_is_unsafe() {
    for source in sources("sync-core/bindings/src") {
        assert!(!source.production().contains("unsafe"), "{}", source.path);
    }
}

#[test]
fn the_server_and_the_core_do_without_the_bindings() {
    for member in ["server", "sync-core", "api-spec"] {
        let reached = dependencies_of(member);
        let foreign = reached.iter().find(|name| name.starts_with("uniffi"));
        assert_eq!(foreign, None, "{member}");
    }
}

/// Python, unless it is missing and nobody asked for it.
fn python() -> Option<&'static str> {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|o| o.status.success());
    let required = std::env::var_os("CHAKAN_TEST_PYTHON").is_some_and(|text| text == "require");
    assert!(there || !required, "python3 is not installed");
    if !there {
        println!("without the client in Python: install python3");
    }
    there.then_some("python3")
}

fn stage(python: &str, name: &str, asked: &Path) -> Output {
    let script = binary::repository().join("tests/python/visit.py");
    // No byte code beside the sources.
    let mut command = Command::new(python);
    command.arg("-B").arg(script).arg(name).arg(asked).env_remove("PYTHONPATH");
    command.output().unwrap()
}

each_engine!(a_client_in_python_lives_through_a_visit_without_signal, |app| {
    let Some(python) = python() else { return };
    let scratch = Scratch::new("visit");
    let folder = |name: &str| {
        let path = scratch.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let (module, photos, home) = (folder("module"), folder("photos"), folder("home"));
    generate("python", &module);
    let library = &built().0;
    std::fs::copy(library, module.join(library.file_name().unwrap())).unwrap();
    for n in 0..3 {
        std::fs::write(photos.join(format!("{n}.jpg")), evidence::jpeg(n)).unwrap();
    }
    let (scene, assessor) = (Scene::new(&app), app.person(Role::Assessor));
    app.advance(Span::minutes(10));
    let asked = scratch.path().join("asked.json");
    let wishes = json!({
        "base": format!("http://{}", app.address()), "case_id": scene.case, "home": home,
        "module": module, "photos": photos, "verifier": binary::repository().join("tests/data"),
        "surveyor": scene.surveyor.username, "assessor": assessor.username, "password": PASSWORD,
        "now_ms": app.now().0,
    });
    std::fs::write(&asked, wishes.to_string()).unwrap();

    let away = stage(python, "away", &asked);
    let said = String::from_utf8_lossy(&away.stderr);
    assert_eq!(away.status.signal(), Some(9), "killed while it works: {said}");
    assert_eq!(app.count("SELECT count(*) AS n FROM case_events WHERE kind = 'arrived'"), 0);
    let back = stage(python, "back", &asked);
    let said = String::from_utf8_lossy(&back.stdout);
    assert!(back.status.success(), "{said}{}", String::from_utf8_lossy(&back.stderr));
    let done: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();

    // What the phone said last is what the server shows.
    let path = format!("/cases/{}/draft", scene.case);
    let shown = scene.surveyor.get(&path).expect(200).value();
    assert_eq!(done["draft"], shown["draft"]);
    assert_eq!(shown["conflicts"], json!([]));
    assert_eq!(done["conflict"], json!([500, 800]));
    assert_eq!(shown["draft"]["rates"]["parts_management_bp"], 500);
    assert_eq!(shown["draft"]["scene"]["weather"], "rain", "typed just before it was killed");
    assert_eq!(shown["draft"]["lines"].as_object().unwrap().len(), 2);
    assert_eq!(done["verified"].as_array().unwrap().len(), 3);
    let left = json!(["photo", "photo", "photo"]);
    assert_eq!(done["round_trip"]["left"], left, "all but the photos in one round trip");
    println!("one round trip: {} bytes", done["round_trip"]["bytes"]);
    let all = evidence::list(&scene.surveyor, scene.case.parse().unwrap());
    assert_eq!(all["received"], 3);
    // Everything took effect once, and every push of the enrolled phone is signed.
    for (sql, n) in [
        ("SELECT count(*) AS n FROM case_events WHERE kind = 'arrived'", 1),
        ("SELECT count(*) AS n FROM case_events WHERE kind = 'customer_reached'", 1),
        ("SELECT count(*) AS n FROM draft_quarantine", 0),
        ("SELECT count(*) AS n FROM draft_signature", 2),
    ] {
        assert_eq!(app.count(sql), n, "{sql}");
    }
});
