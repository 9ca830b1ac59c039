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
    println!("{PHOTOS} photos of {SIZE} bytes, {ROUNDS} rounds in turn");
    let ways = [("put", put as Way), ("tus", tus)].into_iter();
    let ways: Vec<_> =
        ways.flat_map(|(name, way)| [1, 4].map(|phones| (name, way, phones))).collect();
    let mut best = vec![0.0_f64; ways.len() + 1];
    for round in 0..ROUNDS {
        // Other bytes each time, or they would be there already.
        let photos = |kind: usize| -> Vec<Vec<u8>> {
            let first = u32::try_from(round * (ways.len() + 1) + kind).unwrap_or(0) * PHOTOS;
            (first..first + PHOTOS).map(|n| photo(n, SIZE)).collect()
        };
        best[0] = best[0].max(floor(&photos(0)));
        let app = TestApp::start(Engine::Sqlite).expect("SQLite is everywhere");
        for (kind, (_, way, phones)) in (1..).zip(&ways) {
            best[kind] = best[kind].max(sent(&app, &photos(kind), *way, *phones));
        }
    }
    println!("written, hashed and flushed here, one after the other: {:.1} MB/s", best[0]);
    for ((name, _, phones), rate) in ways.iter().zip(&best[1..]) {
        let ratio = rate / best[0];
        println!("{name}, {phones} at a time: {rate:.1} MB/s, {ratio:.2} of that (aim 0.80)");
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

/// How a phone sends a photo of this hash, with its agent and token, to a case at a server.
type Way = fn(&ureq::Agent, &str, &str, CaseId, (&str, &[u8]));

/// Sends the photos, so many at a time; bytes a second of all together.
fn sent(app: &TestApp, photos: &[Vec<u8>], way: Way, phones: usize) -> f64 {
    let (case, surveyor) = declared(app, photos);
    // A phone has them from the time when it declared the photos.
    let hashes: Vec<_> = photos.iter().map(|bytes| hash(bytes)).collect();
    let (base, token) = (format!("http://{}/api/v1", app.address()), surveyor.token());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for phone in 0..phones {
            let (hashes, base, token) = (&hashes, &base, &token);
            scope.spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                let all = hashes.iter().zip(photos).skip(phone).step_by(phones);
                all.for_each(|(hash, bytes)| way(&agent, base, token, case, (hash, bytes)));
            });
        }
    });
    rate(photos, began)
}

fn put(agent: &ureq::Agent, base: &str, token: &str, case: CaseId, (hash, bytes): (&str, &[u8])) {
    let answer = agent
        .put(&format!("{base}/cases/{case}/blobs/{hash}"))
        .header("authorization", &format!("Bearer {token}"))
        .send(bytes);
    assert_eq!(answer.expect("an answer").status(), 201);
}

fn tus(agent: &ureq::Agent, base: &str, token: &str, _: CaseId, (_, bytes): (&str, &[u8])) {
    let answer = agent
        .post(&format!("{base}/uploads"))
        .header("authorization", &format!("Bearer {token}"))
        .header("tus-resumable", "1.0.0")
        .header("upload-length", &bytes.len().to_string())
        .header("content-type", "application/offset+octet-stream")
        .send(bytes);
    assert_eq!(answer.expect("an answer").status(), 201);
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
        "50 phones at once: {:.1} photos of 5 MB a second (aim 20); server and phones in one process \
         grew from {before} to {} MiB (aim: below 300)",
        f64::from(PHONES * EACH) / began.elapsed().as_secs_f64(),
        peak_mib(),
    );
}
