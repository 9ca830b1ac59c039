//! How fast photos are stored for good.

use std::{
    fs::File,
    io::{Read, Write},
    net::SocketAddr,
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

use super::{Noise, forget_peak, peak_mib, photo};

const ROUNDS: usize = 3;
const PHOTOS: u32 = 60;
const SIZE: usize = 3_000_000;
/// About what a commit of the database writes for a photo: some pages.
const COMMIT: usize = 48 * 1024;

pub fn hash(bytes: &[u8]) -> String {
    ContentHash(Sha256::digest(bytes).into()).to_string()
}

/// A case with a surveyor who has declared these photos.
pub fn declared(app: &TestApp, photos: &[Vec<u8>]) -> (CaseId, Person) {
    let photos: Vec<_> = photos.iter().map(|bytes| (hash(bytes), bytes.len())).collect();
    declared_as(app, &photos)
}

/// [`declared`] for photos of which only hash and size are at hand.
pub fn declared_as(app: &TestApp, photos: &[(String, usize)]) -> (CaseId, Person) {
    let saved = app.person(Role::Intake).post("/cases", &report()).expect(201).value();
    let case = CaseId(saved["case"]["id"].as_str().expect("an id").parse().expect("an id"));
    let surveyor = app.person(Role::Surveyor);
    let (id, now) = (surveyor.id, app.now());
    app.write(move |conn| case_log::send_person(conn, case, id, now));
    let entry = |(hash, size): &(String, usize)| {
        json!({
            "id": SystemIds.uuid(), "sha256": hash, "size": size,
            "slot": "damage_close", "captured_at": wire::time(START),
        })
    };
    let path = format!("/cases/{case}/photos");
    for some in photos.chunks(200) {
        let entries: Vec<Value> = some.iter().map(entry).collect();
        let _ = surveyor.post(&path, &json!({ "photos": entries })).expect(200);
    }
    (case, surveyor)
}

/// Hash and size of a photo that is made as it is read.
pub fn facts(number: u32, bytes: usize) -> (String, usize) {
    let (mut noise, mut hash, mut size) = (Noise::new(number, bytes), Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match noise.read(&mut buffer).expect("it never fails") {
            0 => return (ContentHash(hash.finalize().into()).to_string(), size),
            count => {
                hash.update(&buffer[..count]);
                size += count;
            }
        }
    }
}

/// Sends a photo as it is made, so that the sender holds next to nothing of it.
pub fn put_streaming(address: SocketAddr, token: &str, path: &str, number: u32, size: usize) {
    let answer = ureq::put(&format!("http://{address}/api/v1{path}"))
        .header("authorization", &format!("Bearer {token}"))
        .header("content-length", &size.to_string())
        .send(ureq::SendBody::from_owned_reader(Noise::new(number, size)));
    assert_eq!(answer.expect("an answer").status(), 201);
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
        println!("{name:<6} {rate:>8.1} MB/s   {name} / floor: {:.2} (aim 0.80)", rate / best[0]);
    }
}

fn rate(photos: &[Vec<u8>], began: Instant) -> f64 {
    let bytes: usize = photos.iter().map(Vec::len).sum();
    bytes as f64 / 1e6 / began.elapsed().as_secs_f64()
}

/// Write, hash, flush the file, move it to its name, flush the directories; then write and flush what the
/// database writes for a photo.
fn floor(photos: &[Vec<u8>]) -> f64 {
    let scratch = Scratch::new("floor");
    let mut log = File::create(scratch.path().join("log")).expect("a file");
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
        log.write_all(&[0; COMMIT]).and_then(|()| log.sync_data()).expect("room");
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
    let ready = Arc::new(Barrier::new(usize::try_from(PHONES).expect("few") + 1));
    let phones: Vec<_> = (0..PHONES)
        .map(|phone| {
            let numbers = phone * EACH..(phone + 1) * EACH;
            let photos: Vec<_> = numbers.clone().map(|n| facts(n, LARGE)).collect();
            let (case, surveyor) = declared_as(&app, &photos);
            let (ready, address, token) = (ready.clone(), app.address(), surveyor.token());
            std::thread::spawn(move || {
                ready.wait();
                for (number, (hash, size)) in numbers.zip(photos) {
                    let path = format!("/cases/{case}/blobs/{hash}");
                    put_streaming(address, &token, &path, number, size);
                }
            })
        })
        .collect();
    forget_peak();
    let before = peak_mib();
    ready.wait();
    let began = Instant::now();
    phones.into_iter().for_each(|phone| phone.join().expect("a phone"));
    println!(
        "50 phones at once: {:.1} photos of 5 MB a second (aim 20); peak memory of server and phones \
         {} MiB (aim: below 300), {before} MiB before",
        f64::from(PHONES * EACH) / began.elapsed().as_secs_f64(),
        peak_mib(),
    );
}
