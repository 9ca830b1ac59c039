//! How fast photos are stored for good.

use std::{
    fs::File,
    io::Write,
    sync::{Arc, Barrier},
    time::Instant,
};

use serde_json::{Value, json};
use server::{
    auth::policy::Role,
    case_log,
    ports::ids::{Ids, SystemIds},
    wire,
};
use sha2::{Digest, Sha256};
use sync_core::{ids::CaseId, photo::ContentHash};
use tests::{Engine, Person, START, Scratch, TestApp, report};

use super::photo;

const ROUNDS: usize = 3;
const PHOTOS: u32 = 60;
const SIZE: usize = 3_000_000;

pub fn hash(bytes: &[u8]) -> String {
    ContentHash(Sha256::digest(bytes).into()).to_string()
}

/// A case with a surveyor who has declared these photos.
pub fn declared(app: &TestApp, photos: &[Vec<u8>]) -> (CaseId, Person) {
    let saved = app.person(Role::Intake).post("/cases", &report()).expect(201).value();
    let case = CaseId(saved["case"]["id"].as_str().expect("an id").parse().expect("an id"));
    let surveyor = app.person(Role::Surveyor);
    let (id, now) = (surveyor.id, app.now());
    app.write(move |conn| case_log::send_person(conn, case, id, now));
    let entry = |bytes: &Vec<u8>| {
        json!({
            "id": SystemIds.uuid(), "sha256": hash(bytes), "size": bytes.len(),
            "slot": "damage_close", "captured_at": wire::time(START),
        })
    };
    let entries: Vec<Value> = photos.iter().map(entry).collect();
    let path = format!("/cases/{case}/photos");
    let _ = surveyor.post(&path, &json!({ "photos": entries })).expect(200);
    (case, surveyor)
}

pub fn beside_the_floor() {
    println!("{PHOTOS} photos of {SIZE} bytes, one after the other, {ROUNDS} rounds in turn");
    let mut best = [0.0_f64; 3];
    for round in 0..ROUNDS {
        let number = |n: u32| n + PHOTOS * u32::try_from(round).unwrap_or(0) * 2;
        let photos: Vec<_> = (0..PHOTOS).map(|n| photo(number(n), SIZE)).collect();
        best[0] = best[0].max(floor(&photos));
        let app = TestApp::start(Engine::Sqlite).expect("SQLite is everywhere");
        best[1] = best[1].max(by_put(&app, &photos));
        let photos: Vec<_> = (0..PHOTOS).map(|n| photo(number(n) + PHOTOS, SIZE)).collect();
        best[2] = best[2].max(by_tus(&app, &photos));
    }
    for (name, rate) in ["floor", "put", "tus"].iter().zip(best) {
        println!("{name:<6} {rate:>8.1} MB/s   {name} / floor: {:.2}", rate / best[0]);
    }
}

fn rate(photos: &[Vec<u8>], began: Instant) -> f64 {
    let bytes: usize = photos.iter().map(Vec::len).sum();
    bytes as f64 / 1e6 / began.elapsed().as_secs_f64()
}

/// Write, hash, flush the file, move it to its name, flush the directories.
fn floor(photos: &[Vec<u8>]) -> f64 {
    let scratch = Scratch::new("floor");
    let began = Instant::now();
    for bytes in photos {
        let name = hash(bytes);
        let folder = scratch.path().join(&name[..2]).join(&name[2..4]);
        std::fs::create_dir_all(&folder).expect("a folder");
        let partial = scratch.path().join("partial");
        let mut file = File::create(&partial).expect("a file");
        file.write_all(bytes).and_then(|()| file.sync_all()).expect("room");
        std::fs::rename(&partial, folder.join(&name)).expect("a name");
        for dir in [folder.as_path(), folder.parent().expect("above"), scratch.path()] {
            File::open(dir).and_then(|dir| dir.sync_all()).expect("a flush");
        }
    }
    rate(photos, began)
}

fn by_put(app: &TestApp, photos: &[Vec<u8>]) -> f64 {
    let (case, surveyor) = declared(app, photos);
    let began = Instant::now();
    for bytes in photos {
        let path = format!("/cases/{case}/blobs/{}", hash(bytes));
        let _ = surveyor.request("PUT", &path).bytes(bytes.clone()).send().expect(201);
    }
    rate(photos, began)
}

fn by_tus(app: &TestApp, photos: &[Vec<u8>]) -> f64 {
    let (_, surveyor) = declared(app, photos);
    let began = Instant::now();
    for bytes in photos {
        let _ = surveyor
            .request("POST", "/uploads")
            .header("tus-resumable", "1.0.0")
            .header("upload-length", &bytes.len().to_string())
            .header("content-type", "application/offset+octet-stream")
            .bytes(bytes.clone())
            .send()
            .expect(201);
    }
    rate(photos, began)
}

pub fn fifty_phones() {
    const PHONES: u32 = 50;
    const EACH: u32 = 4;
    const LARGE: usize = 5_000_000;
    let app = TestApp::start(Engine::Sqlite).expect("SQLite is everywhere");
    let before = peak_mib();
    let ready = Arc::new(Barrier::new(usize::try_from(PHONES).expect("few") + 1));
    let phones: Vec<_> = (0..PHONES)
        .map(|phone| {
            let photos: Vec<_> = (0..EACH).map(|n| photo(phone * EACH + n, LARGE)).collect();
            let (case, surveyor) = declared(&app, &photos);
            let ready = ready.clone();
            std::thread::spawn(move || {
                ready.wait();
                for bytes in photos {
                    let path = format!("/cases/{case}/blobs/{}", hash(&bytes));
                    let _ = surveyor.request("PUT", &path).bytes(bytes).send().expect(201);
                }
            })
        })
        .collect();
    ready.wait();
    let began = Instant::now();
    phones.into_iter().for_each(|phone| phone.join().expect("a phone"));
    let took = began.elapsed().as_secs_f64();
    // The phones' own photos are in this process, too.
    let photos = u64::from(PHONES * EACH) * u64::try_from(LARGE).expect("small") / 1_048_576;
    println!(
        "50 phones at once: {:.1} photos of 5 MB a second; peak memory {} MiB with {photos} MiB of \
         photos to send ({before} MiB before)",
        f64::from(PHONES * EACH) / took,
        peak_mib(),
    );
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1_024
}
