//! Journeys: bytes that are wrong, cut, hostile, lost or sent without a right.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use super::*;

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
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

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

each_engine!(a_right_that_ends_while_bytes_arrive_ends_the_upload, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let (bytes, name) = (jpeg(1), hash(&jpeg(1)));
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let length = format!("content-length: {}", bytes.len());
    let mut stream = TcpStream::connect(app.address()).unwrap();
    stream.write_all(head(&surveyor, case, &name, &length).as_bytes()).unwrap();
    stream.write_all(&bytes[..100]).unwrap();
    // The upload is under way once its file is there.
    while files(&app).is_empty() {
        std::thread::yield_now();
    }
    let person = surveyor.id.to_string();
    app.write(move |conn| {
        use diesel::RunQueryDsl;
        let sql = format!("UPDATE people SET disabled_at = 1 WHERE id = '{person}'");
        Ok(diesel::sql_query(sql).execute(conn)?)
    });
    stream.write_all(&bytes[100..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let manifest = app.read(move |conn| evidence::manifest(conn, case));
    assert_eq!(manifest.received, 0);
});
