//! Bytes of a device that means harm, built from descriptions of what breaks the CRDT library. Each
//! is refused by a rule before anything is expanded, and the draft is as it was.

use std::io::Write;

use sha2::{Digest, Sha256};
use sync_core::protocol::Blob;
use tests::each_engine;
use uuid::Uuid;

use super::phone::{Phone, draft_of, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

/// An unsigned number in the library's format.
fn leb(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(n & 0x7f).unwrap();
        n >>= 7;
        if n == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

fn length(data: &[u8]) -> Vec<u8> {
    leb(data.len().try_into().unwrap())
}

/// A chunk of this type whose checksum is right.
fn chunk(kind: u8, data: &[u8], body: &[u8]) -> Vec<u8> {
    let hashed = [vec![1], length(body), body.to_vec()].concat();
    let digest = Sha256::digest(hashed);
    [&[0x85, 0x6f, 0x4a, 0x83], &digest[..4], &[kind], &length(data), data].concat()
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A change of the phone's actor on top of its heads, with these columns.
fn change(phone: &Phone, columns: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let heads = phone.session.doc().get_heads();
    let actor = phone.session.writer().actor.to_bytes().to_vec();
    let mut body = leb(heads.len().try_into().unwrap());
    body.extend(heads.iter().flat_map(|head| head.0));
    body.extend([length(&actor), actor].concat());
    // Sequence number 1, first operation 100, time 0, no message, no other actors.
    body.extend([1, 100, 0, 0, 0]);
    body.extend(leb(columns.len().try_into().unwrap()));
    for (spec, data) in columns {
        body.extend([leb(*spec), length(data)].concat());
    }
    body.extend(columns.iter().flat_map(|(_, data)| data.clone()));
    chunk(1, &body, &body)
}

/// One run of so many equal values: a signed count, then the value.
fn run(rows: u64) -> Vec<u8> {
    let mut bytes = leb(rows);
    if bytes.last().is_some_and(|byte| byte & 0x40 != 0) {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push(0);
    }
    bytes.push(1);
    bytes
}

each_engine!(hostile_bytes_are_refused_and_change_nothing, |app| {
    let (_, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    a.sync();
    let before = a.server_draft();
    let honest = {
        b.edit(|pen| {
            pen.set_scene("place", "honest").unwrap();
        });
        b.session.next_request().changes[0].0.clone()
    };
    let flipped: Vec<u8> = honest.iter().map(|byte| byte ^ 0x10).collect();
    let mut damaged = honest.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for (what, bytes, status) in [
        ("nothing", Vec::new(), 422),
        ("garbage", vec![7; 100], 422),
        ("flipped", flipped, 422),
        ("damaged", damaged, 422),
        ("a cut change", honest[..honest.len() - 3].to_vec(), 422),
        ("a document", a.session.save(), 422),
        ("run lengths of ten million", change(&b, &[(0x42, run(10_000_000))]), 422),
        ("run lengths of 2^32", change(&b, &[(0x42, run(1 << 32))]), 422),
        ("run lengths of 2^62", change(&b, &[(0x42, run(1 << 62))]), 422),
        ("a deflate bomb", chunk(2, &deflate(&vec![0; 64 << 20]), &[]), 413),
        ("no deflate at all", chunk(2, b"not deflated", &[]), 422),
        ("a change without operations", change(&b, &[]), 422),
    ] {
        let reply = b.send_changes(vec![Blob(bytes)]);
        assert_eq!(reply.status, status, "{what}: {reply}");
    }
    assert_eq!(a.server_draft(), before);
    // The honest change is still welcome.
    b.sync();
    a.sync();
    assert_eq!(a.draft(), b.draft());
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 3);
});

each_engine!(requests_that_are_too_large_are_refused_by_size, |app| {
    let (case, a, _) = two_phones(&app);
    let many = a.send_changes(vec![Blob(vec![0]); 1_001]);
    let _ = many.problem(413, "too_large");
    let heavy = a.send_changes(vec![Blob(vec![0; (1 << 20) + 1])]);
    let _ = heavy.problem(413, "too_large");
    let body = vec![b' '; 2 << 20];
    let request = a.person.request("POST", &draft_of(&case, "/sync")).bytes(body);
    let reply = request.header("content-type", "application/json").try_send();
    // The server may hang up on a body that it will not read.
    if let Ok(reply) = reply {
        let _ = reply.problem(413, "too_large");
    }
    // A push as large as allowed is looked at.
    let full = a.send_changes(vec![Blob(vec![0; 1 << 20])]);
    let _ = full.problem(422, "quarantined");
});

each_engine!(what_is_kept_of_refused_pushes_is_bounded, |app| {
    let (_, a, _) = two_phones(&app);
    for n in 0..30_u8 {
        let _ = a.send_changes(vec![Blob(vec![n; 50])]).problem(422, "quarantined");
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_quarantine"), 20);
    let pull = a.send_changes(Vec::new()).expect(200).value();
    assert_eq!(pull["held"].as_array().unwrap().len(), 20);
});
