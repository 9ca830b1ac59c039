//! Unchanged clients: tus-js-client and tuspy send, pause, go on, run side by side and lose their
//! connections.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tests::{Engine, Network, Scratch, Weather, binary::repository};

use super::*;

/// Where `.ci/run` installs the clients: `node_modules` and a Python environment.
fn installed() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "how the tests are run")]
    let (dir, wish) =
        (std::env::var("CHAKAN_TEST_CLIENTS_DIR"), std::env::var("CHAKAN_TEST_CLIENTS"));
    let dir = dir.map_or_else(|_| repository().join("target/tus-clients"), PathBuf::from);
    let there =
        dir.join("node_modules/tus-js-client").exists() && dir.join("py/bin/python").exists();
    assert!(
        there || wish.as_deref() != Ok("require"),
        "the clients are not installed in {}: see .ci/run",
        dir.display()
    );
    there.then_some(dir)
}

/// Who sends.
#[derive(Clone, Copy)]
enum Sender {
    JavaScript,
    Python,
}

impl Sender {
    fn command(self, dir: &Path, asked: &Value) -> Command {
        let script = |name: &str| repository().join("tests/data/clients").join(name);
        let mut command = match self {
            Self::JavaScript => Command::new("node"),
            Self::Python => Command::new(dir.join("py/bin/python")),
        };
        command.arg(match self {
            Self::JavaScript => script("send.mjs"),
            Self::Python => script("send.py"),
        });
        command.arg(asked.to_string());
        command
    }
}

/// Lets a client send photos in one mode, and looks at what has arrived.
fn story(app: &TestApp, sender: Sender, mode: &str, weather: Option<Weather>) {
    let Some(dir) = installed() else { return };
    let scratch = Scratch::new("clients");
    let case = new_case(app);
    let surveyor = surveyor_of(app, case);
    let network = weather.map(|weather| Network::before(app.address(), weather));
    let address = network.as_ref().map_or(app.address(), Network::address);
    let pictures: Vec<Vec<u8>> = (0..3).map(noisy).collect();
    let photos = pictures.iter().enumerate().map(|(n, bytes)| {
        let photo = entry(bytes);
        let _ = declare(&surveyor, case, &[&photo]).expect(200);
        let file = scratch.path().join(format!("{n}.jpg"));
        std::fs::write(&file, bytes).unwrap();
        // Without metadata, the last one is known by its bytes alone.
        let metadata = if n == 2 {
            json!({})
        } else {
            json!({ "case": case.to_string(), "photo": photo["id"], "filename": "照片.jpg" })
        };
        json!({ "file": file, "metadata": metadata })
    });
    let asked = json!({
        "endpoint": format!("http://{address}/api/v1/uploads"), "token": surveyor.token(),
        "mode": mode, "modules": dir, "photos": photos.collect::<Vec<_>>(),
    });
    let output = sender.command(&dir, &asked).output().unwrap();
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{mode}: {said:?}");
    assert_eq!(list(&surveyor, case)["received"], json!(3), "{mode}: {said:?}");
    for bytes in &pictures {
        let blob = format!("/cases/{case}/blobs/{}", hash(bytes));
        assert!(surveyor.get(&blob).expect(200).body == *bytes, "{mode}: other bytes");
    }
    if let Some(network) = network {
        assert!(network.cuts() > 2, "{mode}: only {} cuts", network.cuts());
    }
}

/// A picture of some 100 kB that does not compress, so that it takes several chunks.
fn noisy(n: u32) -> Vec<u8> {
    let mut state = n + 1;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    let pixels = image::RgbImage::from_fn(256, 192, |_, _| image::Rgb([noise(), noise(), noise()]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn tus_js_client_sends_pauses_and_runs_side_by_side() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    for mode in ["whole", "pause", "parallel"] {
        story(&app, Sender::JavaScript, mode, None);
    }
}

#[test]
fn tuspy_sends_pauses_and_runs_side_by_side() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    for mode in ["whole", "pause", "parallel"] {
        story(&app, Sender::Python, mode, None);
    }
}

#[test]
fn tus_js_client_survives_cut_connections() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    for mode in ["whole", "parallel"] {
        story(&app, Sender::JavaScript, mode, Some(Weather::CUTS));
    }
}

#[test]
fn tuspy_survives_cut_connections() {
    let app = TestApp::start(Engine::Sqlite).unwrap();
    // It makes a new connection for every chunk: each of them is cut somewhere in the middle.
    let weather = Weather { cut_after: 14_000, ..Weather::CUTS };
    for mode in ["whole", "parallel"] {
        story(&app, Sender::Python, mode, Some(weather));
    }
}
