//! Journeys: uploads that go on after a break (tus 1.0.0, B10, B11).

mod clients;
mod core;
mod extensions;
mod leases;
mod protocol;

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use server::auth::policy::Role;
use sync_core::{ids::CaseId, time::Span};
use tests::{Person, Reply, Request, TestApp, each_engine};

use crate::evidence::{declare, entry, files, hash, jpeg, list, new_case, surveyor_of};

/// A declared photo of a case, not yet sent.
struct Waiting {
    case: CaseId,
    surveyor: Person,
    bytes: Vec<u8>,
    metadata: String,
}

fn waiting(app: &TestApp, n: u8) -> Waiting {
    waiting_for(app, jpeg(n))
}

fn waiting_for(app: &TestApp, bytes: Vec<u8>) -> Waiting {
    let case = new_case(app);
    let surveyor = surveyor_of(app, case);
    let photo = entry(&bytes);
    let _ = declare(&surveyor, case, &[&photo]).expect(200);
    let metadata = [
        ("case", case.to_string()),
        ("photo", photo["id"].as_str().unwrap().to_owned()),
        ("sha256", hash(&bytes)),
        ("size", bytes.len().to_string()),
        ("filename", "../../查勘.jpg".to_owned()),
    ];
    let metadata = metadata.map(|(key, value)| format!("{key} {}", BASE64_STANDARD.encode(value)));
    Waiting { case, surveyor, bytes, metadata: metadata.join(",") }
}

fn tus(person: &Person, method: &str, path: &str) -> Request {
    person.request(method, path).header("tus-resumable", "1.0.0")
}

impl Waiting {
    fn creation(&self) -> Request {
        tus(&self.surveyor, "POST", "/uploads")
            .header("upload-length", &self.bytes.len().to_string())
            .header("upload-metadata", &self.metadata)
    }

    /// Begins an upload; answers its address.
    fn create(&self) -> String {
        location(&self.creation().send().expect(201))
    }

    fn patch(&self, upload: &str, offset: usize, bytes: &[u8]) -> Request {
        tus(&self.surveyor, "PATCH", upload)
            .header("upload-offset", &offset.to_string())
            .header("content-type", "application/offset+octet-stream")
            .bytes(bytes)
    }

    fn head(&self, upload: &str) -> Reply {
        tus(&self.surveyor, "HEAD", upload).send()
    }

    fn received(&self) -> Value {
        list(&self.surveyor, self.case)["received"].clone()
    }
}

fn location(reply: &Reply) -> String {
    reply.header("location").expect("a location").to_owned()
}

fn offset(reply: &Reply) -> usize {
    reply.header("upload-offset").expect("an offset").parse().unwrap()
}

/// The receipt in a header.
fn receipt(reply: &Reply) -> Value {
    let text = reply.header("chakan-receipt").expect("a receipt");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Begins a PATCH over a socket of its own and leaves it hanging.
fn hang(
    address: SocketAddr,
    person: &Person,
    upload: &str,
    offset: usize,
    length: usize,
) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntus-resumable: 1.0.0\r\n\
         content-type: application/offset+octet-stream\r\nupload-offset: {offset}\r\n\
         content-length: {length}\r\n\r\n",
        person.token()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(20)));
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

each_engine!(a_photo_arrives_in_pieces_and_its_receipt_comes_with_the_last, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    assert_eq!(offset(&photo.head(&upload).expect(200)), 0);
    for (n, piece) in photo.bytes.chunks(300).enumerate() {
        let reply = photo.patch(&upload, n * 300, piece).send().expect(204);
        assert_eq!(offset(&reply), n * 300 + piece.len());
        let last = n * 300 + piece.len() == photo.bytes.len();
        assert_eq!(reply.header("chakan-receipt").is_some(), last);
    }
    assert_eq!(photo.received(), json!(1));
    let head = photo.head(&upload).expect(200);
    assert_eq!(offset(&head), photo.bytes.len());
    assert_eq!(receipt(&head)["sha256"], json!(hash(&photo.bytes)));
    let blob = format!("/cases/{}/blobs/{}", photo.case, hash(&photo.bytes));
    assert_eq!(photo.surveyor.get(&blob).expect(200).body, photo.bytes);
    assert_eq!(files(&app).len(), 1, "parts are left over");
    // A retry of the last request, whose answer was lost, is answered again.
    let again = photo.patch(&upload, photo.bytes.len(), b"").send().expect(204);
    assert_eq!(receipt(&again), receipt(&head));
});

each_engine!(what_came_before_a_cut_counts_and_survives_a_restart, |app| {
    let mut app = app;
    let mut photo = waiting(&app, 1);
    let upload = photo.create();
    let (cut, length) = (photo.bytes.len() / 2, photo.bytes.len());
    let mut stream = hang(app.address(), &photo.surveyor, &upload, 0, length);
    stream.write_all(&photo.bytes[..cut]).unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    // It counts once the server has heard of the cut.
    let counted = format!("SELECT count(*) AS n FROM uploads WHERE received_bytes = {cut}");
    while app.count(&counted) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(offset(&photo.head(&upload).expect(200)), cut);
    app.restart();
    photo.surveyor = app.again(&photo.surveyor);
    assert_eq!(offset(&photo.head(&upload).expect(200)), cut);
    let reply = photo.patch(&upload, cut, &photo.bytes[cut..]).send().expect(204);
    assert_eq!(receipt(&reply)["size"], json!(length));
    assert_eq!(photo.received(), json!(1));
});

each_engine!(altered_bytes_end_the_upload_with_460_and_nothing_is_kept, |app| {
    let photo = waiting(&app, 1);
    let mut altered = photo.bytes.clone();
    altered[200] ^= 1;
    let upload = photo.create();
    let _ = photo.patch(&upload, 0, &altered[..100]).send().expect(204);
    let reply = photo.patch(&upload, 100, &altered[100..]).send();
    let _ = reply.problem(460, "checksum_mismatch");
    assert_eq!(photo.received(), json!(0));
    assert_eq!(photo.head(&upload).status, 410);
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
    // In one request, too.
    let upload = photo.create();
    let _ = photo.patch(&upload, 0, &altered).send().problem(460, "checksum_mismatch");
    assert_eq!(photo.head(&upload).status, 410);
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
});

each_engine!(metadata_must_fit_the_declaration_and_may_be_absent, |app| {
    let photo = waiting(&app, 1);
    let pair = |key: &str, value: &str| format!("{key} {}", BASE64_STANDARD.encode(value));
    let (case, sha256) = (photo.case.to_string(), hash(&photo.bytes));
    let creation = |metadata: &str| photo.creation().header("upload-metadata", metadata).send();
    for (metadata, status, code) in [
        (pair("case", &case) + "," + &pair("sha256", &hash(b"other")), 409, "conflict"),
        (pair("case", &case), 409, "conflict"),
        (
            photo
                .metadata
                .replace(&pair("size", &photo.bytes.len().to_string()), &pair("size", "5")),
            460,
            "checksum_mismatch",
        ),
        (pair("case", &uuid::Uuid::from_u128(7).to_string()), 404, "not_found"),
    ] {
        let _ = creation(&metadata).problem(status, code);
    }
    let _ = creation(&(pair("case", &case) + "," + &pair("sha256", &sha256))).expect(201);
    // Common clients send an empty header: the sender's own declaration is found by the bytes.
    let upload = location(&creation("").expect(201));
    let reply = photo.patch(&upload, 0, &photo.bytes).send().expect(204);
    assert_eq!(receipt(&reply)["case_id"], json!(case));
    let other = app.person(Role::Assessor);
    let upload = tus(&other, "POST", "/uploads").header("upload-length", "9").send().expect(201);
    let reply = tus(&other, "PATCH", &location(&upload))
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream")
        .bytes(*b"not known")
        .send();
    let _ = reply.problem(460, "checksum_mismatch");
});

each_engine!(an_upload_is_its_makers_alone, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let stranger = app.person(Role::Surveyor);
    for method in ["HEAD", "DELETE"] {
        assert_eq!(tus(&stranger, method, &upload).send().status, 404);
    }
    let patch = tus(&stranger, "PATCH", &upload)
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream")
        .bytes(photo.bytes.clone());
    let _ = patch.send().problem(404, "not_found");
    assert_eq!(offset(&photo.head(&upload).expect(200)), 0);
});

each_engine!(rights_are_looked_at_again_when_the_last_byte_is_here, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let length = photo.bytes.len();
    let mut stream = hang(app.address(), &photo.surveyor, &upload, 0, length);
    stream.write_all(&photo.bytes[..100]).unwrap();
    while files(&app).is_empty() {
        std::thread::yield_now();
    }
    let person = photo.surveyor.id.to_string();
    app.write(move |conn| {
        use diesel::RunQueryDsl;
        let sql = format!("UPDATE people SET disabled_at = 1 WHERE id = '{person}'");
        Ok(diesel::sql_query(sql).execute(conn)?)
    });
    stream.write_all(&photo.bytes[100..]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let answer = answer(stream);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(app.count("SELECT count(*) AS n FROM photos WHERE received_at IS NOT NULL"), 0);
});
