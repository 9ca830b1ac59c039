//! Journeys: the store or the disk is full, and is not any more (B4).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use server::auth::policy::Role;
use sync_core::{ids::CaseId, time::Span};
use tests::{Engine, Person, Scratch, TestApp, report};

use crate::evidence::{declare, entry, hash, jpeg, list, new_case, surveyor_of, upload};

/// A file system of its own with so many MiB; nothing where none can be mounted.
struct Disk {
    scratch: Scratch,
}

impl Disk {
    fn mount(mebibytes: u32) -> Option<Self> {
        let scratch = Scratch::new("disk");
        let size = format!("size={mebibytes}m,mode=0700");
        let said = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(scratch.path())
            .output();
        let mounted = said.as_ref().is_ok_and(|said| said.status.success());
        #[expect(clippy::disallowed_methods, reason = "how the tests are run")]
        let wish = std::env::var("CHAKAN_TEST_TMPFS");
        assert!(mounted || wish.as_deref() != Ok("require"), "no tmpfs can be mounted: {said:?}");
        if !mounted {
            println!("skipped: no tmpfs can be mounted here (root may)");
            return None;
        }
        Some(Self { scratch })
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Takes so many bytes; as many as there are, if there are fewer.
    fn fill(&self, bytes: usize) -> PathBuf {
        use std::io::Write;
        let path = self.path().join("ballast");
        let mut file = std::fs::File::create(&path).unwrap();
        for _ in 0..bytes.div_ceil(4_096) {
            if file.write_all(&[7; 4_096]).is_err() {
                break;
            }
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// A JPEG of this size: a small picture, and noise that every reader passes over.
fn large(number: u8, size: usize) -> Vec<u8> {
    let mut bytes = jpeg(number);
    let mut state = u64::from(number) + 1;
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

fn begin_tus(person: &Person, bytes: &[u8]) -> tests::Reply {
    person
        .request("POST", "/uploads")
        .header("tus-resumable", "1.0.0")
        .header("upload-length", &bytes.len().to_string())
        .send()
}

/// The first half of the bytes, in a request of their own.
fn patch(person: &Person, upload: &str, at: usize, bytes: &[u8]) -> tests::Reply {
    person
        .request("PATCH", upload)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", &at.to_string())
        .header("content-type", "application/offset+octet-stream")
        .bytes(bytes)
        .send()
}

fn is_intact(person: &Person, case: CaseId, bytes: &[u8]) -> bool {
    person.get(&format!("/cases/{case}/blobs/{}", hash(bytes))).expect(200).body == bytes
}

#[test]
fn a_store_that_has_reached_its_limit_takes_photos_again_when_there_is_room() {
    let photos: Vec<_> = (0..4).map(|n| large(n, 4_000)).collect();
    let quota = photos[0].len() + photos[1].len() + 100;
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let settings = vec![("blobs_quota", json!(quota))];
        let Some(app) = TestApp::start_with(engine, settings) else { continue };
        app.expect_server_errors();
        let case = new_case(&app);
        let surveyor = surveyor_of(&app, case);
        let entries: Vec<_> = photos.iter().map(|bytes| entry(bytes)).collect();
        let _ = declare(&surveyor, case, &entries).expect(200);
        let _ = upload(&surveyor, case, &photos[0]).expect(201);
        let _ = upload(&surveyor, case, &photos[1]).expect(201);
        // Refused at once, whichever way they come; what is here already is not.
        let _ = upload(&surveyor, case, &photos[2]).problem(507, "out_of_storage");
        let _ = begin_tus(&surveyor, &photos[2]).problem(507, "out_of_storage");
        let _ = upload(&surveyor, case, &photos[0]).expect(200);
        // Small records go on.
        let _ = app.person(Role::Intake).post("/cases", &report()).expect(201);
        let _ = declare(&surveyor, case, &[entry(&large(9, 4_000))]).expect(200);
        assert_eq!(list(&surveyor, case)["received"], json!(2));
        // Room is made without a restart: by expiry, and by an upload that is given up.
        app.advance(Span::days(11 * 366 + 1));
        let admin = app.person(Role::Admin);
        let blob = format!("/cases/{case}/blobs/{}", hash(&photos[0]));
        let _ = admin.delete(&blob).expect(204);
        let begun = begin_tus(&surveyor, &photos[2]).expect(201);
        let upload_path = begun.header("location").unwrap().to_owned();
        let _ = patch(&surveyor, &upload_path, 0, &photos[2][..3_000]).expect(204);
        app.advance(Span::seconds(31));
        let _ = upload(&surveyor, case, &photos[3]).problem(507, "out_of_storage");
        let end = surveyor.request("DELETE", &upload_path).header("tus-resumable", "1.0.0");
        let _ = end.send().expect(204);
        app.advance(Span::seconds(1));
        let _ = upload(&surveyor, case, &photos[3]).expect(201);
        assert!(is_intact(&surveyor, case, &photos[3]) && is_intact(&surveyor, case, &photos[1]));
    }
}

#[test]
fn a_full_disk_refuses_photos_and_takes_them_again_without_a_restart() {
    const SIZE: usize = 1 << 20;
    let Some(disk) = Disk::mount(24) else { return };
    let settings = vec![
        ("blobs_url", json!(format!("file://{}/blobs", disk.path().display()))),
        ("blobs_headroom", json!(2 << 20)),
    ];
    let app = TestApp::start_with(Engine::Sqlite, settings).unwrap();
    app.expect_server_errors();
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut number = 0;
    for round in 0..5 {
        let ballast = disk.fill(8 << 20);
        let refused = loop {
            let bytes = large(number, SIZE);
            number += 1;
            let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
            let reply = upload(&surveyor, case, &bytes);
            if reply.status == 507 {
                let _ = reply.problem(507, "out_of_storage");
                break bytes;
            }
            let _ = reply.expect(201);
            kept.push(bytes);
            assert!(kept.len() < 30, "the disk is never full");
        };
        // The same the other way: the upload begins, its bytes are refused, its offset stands.
        let begun = begin_tus(&surveyor, &refused).expect(201);
        let path = begun.header("location").unwrap().to_owned();
        let _ = patch(&surveyor, &path, 0, &refused).problem(507, "out_of_storage");
        let head = surveyor.request("HEAD", &path).header("tus-resumable", "1.0.0").send();
        assert_eq!(head.expect(200).header("upload-offset"), Some("0"));
        let _ = app.person(Role::Intake).post("/cases", &report()).expect(201);
        let _ = app.request("GET", "/ready").send().expect(200);
        // Half of it is there again: the one that waited is the first to come.
        std::fs::remove_file(ballast).unwrap();
        let _ = patch(&surveyor, &path, 0, &refused).expect(204);
        assert!(is_intact(&surveyor, case, &refused), "round {round}");
        kept.push(refused);
        for bytes in kept.drain(..) {
            assert!(is_intact(&surveyor, case, &bytes), "round {round}");
            let name = hash(&bytes);
            let file = disk.path().join("blobs").join(&name[..2]).join(&name[2..4]).join(&name);
            std::fs::remove_file(file).unwrap();
        }
    }
    let staged = std::fs::read_dir(disk.path().join("blobs/incoming")).unwrap().count();
    assert_eq!(staged, 0, "nothing stays staged");
}

#[test]
fn photos_leave_room_for_small_records_and_a_disk_without_any_harms_nothing() {
    const SIZE: usize = 1 << 20;
    let Some(disk) = Disk::mount(24) else { return };
    let url =
        |scheme: &str, name: &str| json!(format!("{scheme}://{}/{name}", disk.path().display()));
    let settings = vec![
        ("database_url", url("sqlite", "chakan.db")),
        ("blobs_url", url("file", "blobs")),
        ("blobs_headroom", json!(6 << 20)),
    ];
    let app = TestApp::start_with(Engine::Sqlite, settings).unwrap();
    app.expect_server_errors();
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let intake = app.person(Role::Intake);
    let (mut number, mut kept) = (0, Vec::new());
    loop {
        let bytes = large(number, SIZE);
        number += 1;
        let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
        match upload(&surveyor, case, &bytes) {
            reply if reply.status == 507 => break,
            reply => kept.push((reply.expect(201), bytes)),
        }
        assert!(kept.len() < 24, "the disk is never full");
    }
    let before = app.count("SELECT count(*) AS n FROM cases");
    for _ in 0..20 {
        let _ = intake.post("/cases", &report()).expect(201);
    }
    // Now there is nothing left at all: writes are refused as a whole, reads go on.
    let ballast = disk.fill(usize::MAX >> 20);
    let mut refused = 0;
    for _ in 0..200 {
        let reply = intake.post("/cases", &report());
        if reply.status == 507 {
            let _ = reply.problem(507, "out_of_storage");
            refused += 1;
        }
    }
    assert!(refused > 0, "the disk was never full");
    let counted = app.count("SELECT count(*) AS n FROM cases");
    assert_eq!(
        counted,
        before + 20 + 200 - refused,
        "a refused report was kept, or a kept one lost"
    );
    assert_eq!(list(&surveyor, case)["received"], json!(kept.len()));
    std::fs::remove_file(ballast).unwrap();
    let _ = intake.post("/cases", &report()).expect(201);
    for (_, bytes) in &kept {
        assert!(is_intact(&surveyor, case, bytes));
    }
    assert_eq!(
        app.count("SELECT count(*) AS n FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
        1
    );
}
