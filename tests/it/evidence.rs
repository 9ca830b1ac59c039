//! Journeys: evidence photos (B3), from the manifest to the receipt.

use std::{
    io::{Cursor, Read, Write},
    net::{Shutdown, TcpStream},
    path::Path,
};

use api_spec::evidence::ReceiptResponse;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};
use server::{
    auth::{keys::verify, policy::Role},
    case_log, evidence,
    ports::ids::{Ids, SystemIds},
    wire,
};
use sha2::{Digest, Sha256};
use sync_core::{
    ids::CaseId,
    photo::{ContentHash, MOST_BYTES},
    time::Span,
};
use tests::{Person, Reply, START, TestApp, each_engine, report};

/// A picture of its own for every `n`.
fn picture(n: u8, format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([n, u8::try_from(x * 4).unwrap(), u8::try_from(y * 5).unwrap()])
    });
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg(n: u8) -> Vec<u8> {
    picture(n, ImageFormat::Jpeg)
}

fn hash(bytes: &[u8]) -> String {
    ContentHash(Sha256::digest(bytes).into()).to_string()
}

/// A manifest entry for these bytes.
fn entry(bytes: &[u8]) -> Value {
    json!({
        "id": SystemIds.uuid(), "sha256": hash(bytes), "size": bytes.len(), "slot": "damage_close",
        "captured_at": wire::time(START),
        "position": { "lat": 30.2741, "lon": 120.1302, "accuracy_m": 8.0 }, "mock": false,
    })
}

fn new_case(app: &TestApp) -> CaseId {
    let saved = app.person(Role::Intake).post("/cases", &report()).expect(201).value();
    CaseId(saved["case"]["id"].as_str().unwrap().parse().unwrap())
}

/// A surveyor who was sent to the case.
fn surveyor_of(app: &TestApp, case: CaseId) -> Person {
    let surveyor = app.person(Role::Surveyor);
    send(app, case, &surveyor);
    surveyor
}

fn send(app: &TestApp, case: CaseId, person: &Person) {
    let (id, now) = (person.id, app.now());
    app.write(move |conn| case_log::send_person(conn, case, id, now));
}

fn declare(person: &Person, case: CaseId, photos: &[impl serde::Serialize]) -> Reply {
    person.post(&format!("/cases/{case}/photos"), &json!({ "photos": photos }))
}

fn upload(person: &Person, case: CaseId, bytes: &[u8]) -> Reply {
    upload_as(person, case, &hash(bytes), bytes)
}

fn upload_as(person: &Person, case: CaseId, name: &str, bytes: &[u8]) -> Reply {
    person.request("PUT", &format!("/cases/{case}/blobs/{name}")).bytes(bytes).send()
}

fn list(person: &Person, case: CaseId) -> Value {
    person.get(&format!("/cases/{case}/photos")).expect(200).value()
}

/// How often something of this kind happened to the case.
fn events(person: &Person, case: CaseId, kind: &str) -> usize {
    let detail = person.get(&format!("/cases/{case}")).expect(200).value();
    detail["timeline"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).count()
}

/// Every file of the photo store.
fn files(app: &TestApp) -> Vec<std::path::PathBuf> {
    fn below(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(&app.data_dir().join("blobs"), &mut found);
    found
}

each_engine!(twelve_of_twenty_are_in_and_the_other_eight_are_named, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let pictures: Vec<_> = (0..20).map(jpeg).collect();
    let entries: Vec<_> = pictures.iter().map(|bytes| entry(bytes)).collect();
    let declared = declare(&surveyor, case, &entries).expect(200).value();
    assert_eq!((&declared["declared"], &declared["received"]), (&json!(20), &json!(0)));
    assert_eq!(declared["receipts"], json!([]));

    app.advance(Span::minutes(5));
    for bytes in &pictures[..12] {
        let _ = upload(&surveyor, case, bytes).expect(201);
    }
    let listed = list(&app.person(Role::Dispatcher), case);
    assert_eq!((&listed["declared"], &listed["received"]), (&json!(20), &json!(12)));
    assert_eq!(listed["missing_since"], json!(wire::time(START)));
    let missing: Vec<_> =
        listed["missing"].as_array().unwrap().iter().map(|photo| photo["id"].clone()).collect();
    let mut expected: Vec<_> = entries[12..].iter().map(|entry| entry["id"].clone()).collect();
    expected.sort_by_key(Value::to_string);
    assert_eq!(missing, expected);
    assert!(!listed.to_string().contains("http"), "no addresses in the list");

    let manifest = app.read(move |conn| evidence::manifest(conn, case));
    assert_eq!((manifest.declared, manifest.received, manifest.missing.len()), (20, 12, 8));
    assert!(!manifest.is_complete());
    for bytes in &pictures[12..] {
        let _ = upload(&surveyor, case, bytes).expect(201);
    }
    assert!(app.read(move |conn| evidence::manifest(conn, case)).is_complete());
    assert_eq!(list(&surveyor, case).get("missing_since"), None);
    assert_eq!(events(&surveyor, case, "photo_declared"), 1);
    assert_eq!(events(&surveyor, case, "photo_received"), 20);
    assert_eq!(files(&app).len(), 20);
});

each_engine!(a_repeated_declaration_is_no_news_and_another_content_is_refused, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let (bytes, first) = (jpeg(1), entry(&jpeg(1)));
    let _ = declare(&surveyor, case, &[&first]).expect(200);
    let again = declare(&surveyor, case, &[first.clone(), first.clone()]).expect(200).value();
    assert_eq!(again["declared"], json!(1));
    assert_eq!(events(&surveyor, case, "photo_declared"), 1);

    for (name, value) in [
        ("slot", json!("vin")),
        ("sha256", json!(hash(b"other"))),
        ("captured_at", json!(wire::time(START - Span::hours(1)))),
        ("mock", json!(true)),
        ("position", Value::Null),
    ] {
        let mut other = first.clone();
        other[name] = value;
        declare(&surveyor, case, &[entry(&jpeg(2)), other]).refuses("photos.1.id", "id_taken");
    }
    let other_case = new_case(&app);
    send(&app, other_case, &surveyor);
    declare(&surveyor, other_case, &[first]).refuses("photos.0.id", "id_taken");
    let mut other_size = entry(&bytes);
    other_size["size"] = json!(bytes.len() + 1);
    declare(&surveyor, case, &[other_size]).refuses("photos.0.size", "size_differs");
    // A refused call changes nothing.
    assert_eq!(list(&surveyor, case)["declared"], json!(1));
});

each_engine!(values_that_make_no_sense_are_refused_by_name, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    for (name, value, code) in [
        ("sha256", json!("A".repeat(64)), "not_a_hash"),
        ("sha256", json!("../../etc/passwd"), "not_a_hash"),
        ("size", json!(0), "out_of_range"),
        ("size", json!(-1), "out_of_range"),
        ("size", json!(MOST_BYTES + 1), "out_of_range"),
        ("slot", json!("selfie"), "unknown"),
        ("captured_at", json!("1970-01-01T00:00:00Z"), "out_of_range"),
        ("position", json!({ "lat": 91.0, "lon": 0.0 }), "out_of_range"),
    ] {
        let mut wrong = entry(&jpeg(1));
        wrong[name] = value;
        declare(&surveyor, case, &[wrong]).refuses(&format!("photos.0.{name}"), code);
    }
    declare(&surveyor, case, &[Value::Null; 0]).refuses("photos", "wrong_length");
    let many: Vec<_> = (0..201).map(|_| entry(b"x")).collect();
    declare(&surveyor, case, &many).refuses("photos", "wrong_length");
});

each_engine!(a_case_has_room_for_a_thousand_photos, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    for _ in 0..5 {
        let photos: Vec<_> = (0..200).map(|_| entry(b"x")).collect();
        let _ = declare(&surveyor, case, &photos).expect(200);
    }
    let problem = declare(&surveyor, case, &[entry(b"x")]).problem(409, "conflict");
    assert_eq!(problem.facts["reason"], json!("too_many_photos"));
    assert_eq!(list(&surveyor, case)["photos"].as_array().unwrap().len(), 1_000);
});

each_engine!(bytes_that_do_not_match_are_not_kept, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let (bytes, name) = (jpeg(1), hash(&jpeg(1)));
    let undeclared = upload(&surveyor, case, &bytes).problem(409, "conflict");
    assert_eq!(undeclared.facts["reason"], json!("not_declared"));
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);

    let mut altered = bytes.clone();
    altered[bytes.len() / 2] ^= 1;
    let mut longer = bytes.clone();
    longer.push(0);
    for wrong in [&altered[..], &bytes[..bytes.len() - 1], &longer, b""] {
        let _ = upload_as(&surveyor, case, &name, wrong).problem(422, "hash_mismatch");
        let _ = chunked(&app, &surveyor, case, &name, wrong, "422 ");
    }
    assert_eq!(list(&surveyor, case)["received"], json!(0));
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
    // The same bytes without a declared length are as good.
    let _ = chunked(&app, &surveyor, case, &name, &bytes, "201 ");
    assert_eq!(list(&surveyor, case)["received"], json!(1));
});

/// Sends a body without saying how long it is.
fn chunked(
    app: &TestApp,
    person: &Person,
    case: CaseId,
    name: &str,
    bytes: &[u8],
    status: &str,
) -> String {
    let mut head = head(person, case, name, "transfer-encoding: chunked").into_bytes();
    for piece in bytes.chunks(1_000) {
        head.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        head.extend(piece);
        head.extend(b"\r\n");
    }
    head.extend(b"0\r\n\r\n");
    let answer = raw(app, &head);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    answer
}

fn head(person: &Person, case: CaseId, name: &str, length: &str) -> String {
    format!(
        "PUT /api/v1/cases/{case}/blobs/{name} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         connection: close\r\n{length}\r\n\r\n",
        person.token()
    )
}

/// Sends bytes, says that no more will come, and waits until the server has said all.
fn raw(app: &TestApp, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.address()).unwrap();
    // The server may refuse before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

each_engine!(a_connection_that_is_cut_leaves_nothing_behind, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let (bytes, name) = (jpeg(1), hash(&jpeg(1)));
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let length = format!("content-length: {}", bytes.len());
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        let mut request = head(&surveyor, case, &name, &length).into_bytes();
        request.extend(&bytes[..cut]);
        let answer = raw(&app, &request);
        assert!(!answer.starts_with("HTTP/1.1 2"), "{cut}: {answer}");
        assert_eq!(list(&surveyor, case)["received"], json!(0), "{cut}");
    }
    let _ = upload(&surveyor, case, &bytes).expect(201);
    assert_eq!(files(&app).len(), 1);
});

each_engine!(what_is_too_large_is_refused_before_it_is_read, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let length = format!("content-length: {}", MOST_BYTES + 1);
    let answer = raw(&app, head(&surveyor, case, &hash(&bytes), &length).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("too_large"), "{answer}");
});

each_engine!(only_pictures_are_taken_whatever_they_are_called, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let mut bomb = picture(1, ImageFormat::Png);
    // Width and height of the header, and the checksum that goes with them.
    bomb[16..24].copy_from_slice(&[0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50]);
    let checksum = crc32(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&checksum);
    for (bytes, reason) in [
        (&b"<html><script>alert(1)</script></html>"[..], "not_a_picture"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>", "not_a_picture"),
        (b"GIF89a/*\xff\xd8\xff*/=1;alert(1)", "not_a_picture"),
        (b"%PDF-1.7 \xff\xd8\xff", "not_a_picture"),
        (b"\xff\xd8\xff\xe0<html><script>alert(1)</script></html>", "unreadable_header"),
        (b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script></html>", "unreadable_header"),
        (b"RIFF\x20\0\0\0WEBPVP8 <script>alert(1)</script>", "unreadable_header"),
        (b"\xff\xd8\xff", "unreadable_header"),
        (&bomb, "too_many_pixels"),
    ] {
        let _ = declare(&surveyor, case, &[entry(bytes)]).expect(200);
        let request = surveyor.request("PUT", &format!("/cases/{case}/blobs/{}", hash(bytes)));
        let reply = request.header("content-type", "image/jpeg").bytes(bytes).send();
        let problem = reply.problem(415, "unsupported_media_type");
        assert_eq!(problem.facts["reason"], json!(reason), "{reply}");
    }
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
    for (format, media_type) in [
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Png, "image/png"),
        (ImageFormat::WebP, "image/webp"),
    ] {
        let bytes = picture(2, format);
        let declared = entry(&bytes);
        let _ = declare(&surveyor, case, &[&declared]).expect(200);
        let request = surveyor.request("PUT", &format!("/cases/{case}/blobs/{}", hash(&bytes)));
        let _ = request.header("content-type", "text/html").bytes(bytes).send().expect(201);
        let photos = list(&surveyor, case)["photos"].clone();
        let photo = photos.as_array().unwrap().iter().find(|p| p["id"] == declared["id"]).unwrap();
        assert_eq!(photo["media_type"], json!(media_type));
        assert_eq!((&photo["width"], &photo["height"]), (&json!(64), &json!(48)));
    }
});

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

each_engine!(a_retry_after_a_lost_reply_gets_the_same_receipt, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let declared = entry(&bytes);
    let _ = declare(&surveyor, case, &[&declared]).expect(200);
    let first = upload(&surveyor, case, &bytes).expect(201).value();
    app.advance(Span::days(1));
    assert_eq!(upload(&surveyor, case, &bytes).expect(200).value(), first);
    // Asking costs less than sending.
    let again = declare(&surveyor, case, &[declared]).expect(200).value();
    assert_eq!(again["receipts"], json!([first]));
    assert_eq!(again["photos"][0]["received"], json!(true));
    assert_eq!(events(&surveyor, case, "photo_received"), 1);
    assert_eq!(files(&app).len(), 1);
});

each_engine!(a_receipt_is_verified_with_the_published_key_alone, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let (first, second) = (entry(&bytes), entry(&bytes));
    let _ = declare(&surveyor, case, &[first, second]).expect(200);
    let receipt = upload(&surveyor, case, &bytes).expect(201).value();
    assert_eq!(receipt["photo_ids"].as_array().unwrap().len(), 2);
    assert_eq!(events(&surveyor, case, "photo_received"), 2);

    let keys = app.request("GET", "/.well-known/seal-keys.json").send().expect(200).value();
    assert!(is_signed(&receipt, &keys));
    for (name, value) in [
        ("case_id", json!(SystemIds.uuid())),
        ("sha256", json!(hash(b"other"))),
        ("size", json!(bytes.len() + 1)),
        ("received_at", json!(wire::time(START + Span(1)))),
        ("photo_ids", json!([receipt["photo_ids"][0]])),
        ("signature", json!(BASE64_URL_SAFE_NO_PAD.encode([7; 64]))),
    ] {
        let mut forged = receipt.clone();
        forged[name] = value;
        assert!(!is_signed(&forged, &keys), "{name}");
    }
});

/// What a phone does before it deletes its copy, written from the API reference alone.
fn is_signed(receipt: &Value, keys: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == receipt["key_id"]);
    let public = BASE64_URL_SAFE_NO_PAD.decode(text(&key.unwrap()["x"])).unwrap();
    let parsed: ReceiptResponse = serde_json::from_value(receipt.clone()).unwrap();
    let photos: String = receipt["photo_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| format!("photo {}\n", text(id)))
        .collect();
    let signed = format!(
        "chakan photo receipt 1\ncase {}\nsha256 {}\nsize {}\nreceived_at {}\n{photos}key {}\n",
        text(&receipt["case_id"]),
        text(&receipt["sha256"]),
        receipt["size"],
        parsed.received_at.timestamp_millis(),
        text(&receipt["key_id"]),
    );
    let signature = BASE64_URL_SAFE_NO_PAD.decode(text(&receipt["signature"])).unwrap();
    verify(&public, signed.as_bytes(), &signature)
}

each_engine!(a_hidden_case_answers_like_one_that_does_not_exist, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let nowhere = CaseId(SystemIds.uuid());
    for stranger in [app.person(Role::Surveyor), app.person_at("nb", &[Role::Assessor])] {
        let answers = |case: CaseId| {
            let photos = format!("/cases/{case}/photos");
            let blob = format!("/cases/{case}/blobs/{}", hash(&bytes));
            [
                declare(&stranger, case, &[entry(&bytes)]),
                stranger.get(&photos),
                stranger.get(&blob),
                upload(&stranger, case, &bytes),
                upload(&stranger, case, &jpeg(2)),
            ]
        };
        for (hidden, absent) in answers(case).iter().zip(answers(nowhere)) {
            let _ = hidden.problem(404, "not_found");
            assert_eq!(hidden.body, absent.body);
        }
    }
});

each_engine!(who_may_deliver_to_a_case, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let (id, now) = (surveyor.id, app.now());
    app.write(move |conn| case_log::release_person(conn, case, id, now));
    // Late work still lands.
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let _ = declare(&surveyor, case, &[entry(&jpeg(2))]).expect(200);
    let assessor = app.person_at("head", &[Role::Assessor]);
    let _ = upload(&assessor, case, &jpeg(2)).expect(201);
    // They see the case through another role, which does not send photos.
    let reader = app.person_at("hz", &[Role::Surveyor, Role::Dispatcher]);
    let _ = declare(&reader, case, &[entry(&jpeg(3))]).problem(403, "forbidden");
    let _ = upload(&reader, case, &bytes).problem(403, "forbidden");
    let _ = upload(&app.person(Role::Dispatcher), case, &bytes).problem(403, "forbidden");
    let _ = reader.get(&format!("/cases/{case}/blobs/{}", hash(&bytes))).expect(200);
});

each_engine!(the_same_bytes_are_stored_once_and_tell_nothing_about_another_case, |app| {
    let (first, second) = (new_case(&app), new_case(&app));
    let (one, other) = (surveyor_of(&app, first), surveyor_of(&app, second));
    let bytes = jpeg(1);
    let _ = declare(&one, first, &[entry(&bytes)]).expect(200);
    let _ = upload(&one, first, &bytes).expect(201);

    // Somebody who does not see the first case learns nothing and has to send the bytes.
    let declared = declare(&other, second, &[entry(&bytes)]).expect(200).value();
    assert_eq!(declared["photos"][0]["received"], json!(false));
    assert_eq!(declared["receipts"], json!([]));
    let photo = &list(&other, second)["photos"][0];
    assert_eq!(photo["state"], "declared");
    assert_eq!(photo.get("media_type"), None);
    let blob = format!("/cases/{second}/blobs/{}", hash(&bytes));
    let _ = other.get(&blob).problem(404, "not_found");
    let _ = upload(&other, second, &bytes).expect(201);
    let _ = other.get(&blob).expect(200);
    assert_eq!(files(&app).len(), 1);

    // Somebody who sees it needs not send them again.
    let third = new_case(&app);
    let assessor = app.person(Role::Assessor);
    let declared = declare(&assessor, third, &[entry(&bytes)]).expect(200).value();
    assert_eq!(declared["photos"][0]["received"], json!(true));
    assert_eq!(declared["receipts"][0]["case_id"], json!(third.to_string()));
    assert_eq!(events(&assessor, third, "photo_received"), 1);
    let _ = assessor.get(&format!("/cases/{third}/blobs/{}", hash(&bytes))).expect(200);
});

each_engine!(the_original_comes_back_as_a_file_to_be_saved, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    // More than one piece, so that the order of pieces matters.
    let pixels = RgbImage::from_fn(1_000, 800, |x, y| {
        let noise = (x.wrapping_mul(2_654_435_761_u32.wrapping_mul(y + 1)) >> 7).to_le_bytes();
        image::Rgb([noise[0], noise[1], noise[2]])
    });
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let bytes = bytes.into_inner();
    assert!(bytes.len() > 600_000);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let path = format!("/cases/{case}/blobs/{}", hash(&bytes));
    let office = app.person(Role::Verifier);
    let reply = office.request("GET", &path).header("accept-encoding", "gzip").send().expect(200);
    assert!(reply.body == bytes, "other bytes came back");
    let tag = format!("\"{}\"", hash(&bytes));
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("content-length", &bytes.len().to_string()),
        ("content-disposition", &format!("attachment; filename=\"{}.png\"", hash(&bytes))),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("etag", &tag),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    let known = office.request("GET", &path).header("if-none-match", &tag).send().expect(304);
    assert_eq!(known.body, b"");
});

each_engine!(nothing_but_a_hash_names_bytes, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let name = hash(&bytes);
    for trick in [
        &name.to_uppercase(),
        &name[..63],
        &format!("{name}0"),
        &format!("{name}.jpg"),
        &format!("{name}%00"),
        &format!("..%2f{}", &name[..60]),
        "..%2f..%2f..%2fchakan.db",
        "%2e%2e%2fkeys",
        "incoming",
        "%E6%9F%A5%E5%8B%98",
    ] {
        let path = format!("/cases/{case}/blobs/{trick}");
        for method in ["GET", "PUT"] {
            let reply = surveyor.request(method, &path).bytes(bytes.clone()).send();
            let _ = reply.problem(404, "not_found");
        }
    }
});

each_engine!(bytes_that_were_lost_or_rotted_are_put_right_by_sending_them_again, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = jpeg(1);
    let declared = entry(&bytes);
    let _ = declare(&surveyor, case, &[&declared]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let path = format!("/cases/{case}/blobs/{}", hash(&bytes));
    let file = files(&app).pop().unwrap();

    std::fs::remove_file(&file).unwrap();
    let lost = surveyor.get(&path).problem(404, "not_found");
    assert_eq!(lost.facts["reason"], json!("bytes_lost"));
    let again = declare(&surveyor, case, &[declared]).expect(200).value();
    assert_eq!(again["photos"][0]["received"], json!(false), "no receipt for lost bytes");
    assert_eq!(again["receipts"], json!([]));
    let _ = upload(&surveyor, case, &bytes).expect(200);
    assert_eq!(surveyor.get(&path).expect(200).body, bytes);

    let mut rotten = bytes.clone();
    rotten[100] ^= 1;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, rotten).unwrap();
    assert!(surveyor.request("GET", &path).try_send().is_err(), "rotten bytes came back whole");
    let _ = upload(&surveyor, case, &bytes).expect(200);
    assert_eq!(surveyor.get(&path).expect(200).body, bytes);
});
