//! Journeys: evidence photos (B3), from the manifest to the receipt.

mod bytes;
mod care;
mod copies;
mod guided;
mod kept;

use std::{io::Cursor, path::Path};

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
pub(crate) fn picture(n: u8, format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([n, u8::try_from(x * 4).unwrap(), u8::try_from(y * 5).unwrap()])
    });
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn jpeg(n: u8) -> Vec<u8> {
    picture(n, ImageFormat::Jpeg)
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    ContentHash(Sha256::digest(bytes).into()).to_string()
}

/// A manifest entry for these bytes.
pub(crate) fn entry(bytes: &[u8]) -> Value {
    json!({
        "id": SystemIds.uuid(), "sha256": hash(bytes), "size": bytes.len(), "slot": "damage_close",
        "captured_at": wire::time(START),
        "position": { "lat": 30.2741, "lon": 120.1302, "accuracy_m": 8.0 }, "mock": false,
    })
}

pub(crate) fn new_case(app: &TestApp) -> CaseId {
    let saved = app.person(Role::Intake).post("/cases", &report()).expect(201).value();
    CaseId(saved["case"]["id"].as_str().unwrap().parse().unwrap())
}

/// A surveyor who was sent to the case.
pub(crate) fn surveyor_of(app: &TestApp, case: CaseId) -> Person {
    let surveyor = app.person(Role::Surveyor);
    send(app, case, &surveyor);
    surveyor
}

pub(crate) fn send(app: &TestApp, case: CaseId, person: &Person) {
    let (id, now) = (person.id, app.now());
    app.write(move |conn| case_log::send_person(conn, case, id, now));
}

pub(crate) fn declare(person: &Person, case: CaseId, photos: &[impl serde::Serialize]) -> Reply {
    person.post(&format!("/cases/{case}/photos"), &json!({ "photos": photos }))
}

pub(crate) fn upload(person: &Person, case: CaseId, bytes: &[u8]) -> Reply {
    upload_as(person, case, &hash(bytes), bytes)
}

pub(crate) fn upload_as(person: &Person, case: CaseId, name: &str, bytes: &[u8]) -> Reply {
    person.request("PUT", &format!("/cases/{case}/blobs/{name}")).bytes(bytes).send()
}

pub(crate) fn list(person: &Person, case: CaseId) -> Value {
    person.get(&format!("/cases/{case}/photos")).expect(200).value()
}

/// How often something of this kind happened to the case.
pub(crate) fn events(person: &Person, case: CaseId, kind: &str) -> usize {
    let detail = person.get(&format!("/cases/{case}")).expect(200).value();
    detail["timeline"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).count()
}

/// Every file of the photo store.
pub(crate) fn files(app: &TestApp) -> Vec<std::path::PathBuf> {
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

/// A JPEG whose camera says that it took the picture at this wall-clock time (19 characters), without
/// a time zone: one entry of the EXIF directory that a directory of one entry points to.
fn jpeg_taken_at(n: u8, wall_clock: &str) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let ends = [tag.to_be_bytes(), kind.to_be_bytes()].concat();
        [&ends[..], &count.to_be_bytes(), &value.to_be_bytes()].concat()
    };
    let directory = |entry: Vec<u8>| [&[0, 1][..], &entry, &[0; 4]].concat();
    // The header takes 8 bytes and each directory 18.
    let tiff = [
        b"MM\0*\0\0\0\x08",
        &directory(entry(0x8769, 4, 1, 26))[..],
        &directory(entry(0x9003, 2, 20, 44)),
        wall_clock.as_bytes(),
        b"\0",
    ]
    .concat();
    let plain = jpeg(n);
    let length = u16::try_from(tiff.len() + 8).unwrap().to_be_bytes();
    [&plain[..2], &[0xff, 0xe1], &length, b"Exif\0\0", &tiff, &plain[2..]].concat()
}

each_engine!(doubts_about_time_and_place_are_noted_and_refuse_nothing, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    // The phone says 09:30 in Hangzhou.
    let honest = jpeg_taken_at(1, "2026:03:02 09:31:00");
    let old = jpeg_taken_at(2, "2026:03:01 09:30:00");
    let mut mocked = entry(&jpeg(3));
    mocked["mock"] = json!(true);
    mocked["captured_at"] = json!(wire::time(START + Span::hours(1)));
    let _ = declare(&surveyor, case, &[entry(&honest), entry(&old), mocked]).expect(200);
    for bytes in [&honest, &old, &jpeg(3)] {
        let _ = upload(&surveyor, case, bytes).expect(201);
    }
    let photos = list(&surveyor, case)["photos"].clone();
    let of = |bytes: &[u8]| {
        let photos = photos.as_array().unwrap();
        photos.iter().find(|photo| photo["sha256"] == json!(hash(bytes))).unwrap().clone()
    };
    assert_eq!(of(&honest)["camera"]["taken_at_local"], json!("2026-03-02T09:31:00"));
    assert_eq!(of(&honest)["notes"], json!([]));
    let day = json!([{ "code": "camera_clock_differs", "seconds": -86_400 }]);
    assert_eq!(of(&old)["notes"], day);
    assert_eq!(of(&jpeg(3)).get("camera"), None);
    let said = json!([
        { "code": "mock_position" },
        { "code": "captured_in_future", "seconds": 3_600 },
    ]);
    assert_eq!(of(&jpeg(3))["notes"], said);
});
