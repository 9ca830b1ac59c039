//! Journeys: HEIC and video, which are kept and handed out as they are, and decoded by nobody (B32).

use std::io::Write;

use sync_core::photo::MOST_VIDEO_BYTES;

use super::*;

/// A file type box of these brands, and some bytes behind it.
fn base_media(major: &[u8; 4], size: usize) -> Vec<u8> {
    let mut bytes = [&b"\0\0\0\x14ftyp"[..], major, &[0; 4], b"isom"].concat();
    let mut state = u32::from_be_bytes(*major) | 1;
    while bytes.len() < size {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.push(state.to_be_bytes()[0]);
    }
    bytes
}

fn entry_in(slot: &str, bytes: &[u8]) -> Value {
    let mut entry = entry(bytes);
    entry["slot"] = json!(slot);
    entry
}

/// All bytes in one tus request.
fn send_by_tus(person: &Person, bytes: &[u8]) -> Reply {
    person
        .request("POST", "/uploads")
        .header("tus-resumable", "1.0.0")
        .header("upload-length", &bytes.len().to_string())
        .header("content-type", "application/offset+octet-stream")
        .bytes(bytes)
        .send()
}

each_engine!(heic_and_video_arrive_and_go_out_as_they_are, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let kinds = [
        (b"heic", "heic_photo", "image/heic", "heic"),
        (b"heix", "vin", "image/heic", "heic"),
        (b"mp42", "video", "video/mp4", "mp4"),
        (b"qt  ", "video", "video/quicktime", "mov"),
        (b"3gp5", "video", "video/3gpp", "3gp"),
    ];
    let sent: Vec<_> = kinds.iter().map(|(brand, ..)| base_media(brand, 5_000)).collect();
    let entries: Vec<_> =
        kinds.iter().zip(&sent).map(|((_, slot, ..), bytes)| entry_in(slot, bytes)).collect();
    let _ = declare(&surveyor, case, &entries).expect(200);
    for (n, bytes) in sent.iter().enumerate() {
        // Both ways of sending take them.
        let _ = if n % 2 == 0 {
            upload(&surveyor, case, bytes).expect(201)
        } else {
            send_by_tus(&surveyor, bytes).expect(201)
        };
    }
    app.run_due_jobs();

    let photos = list(&surveyor, case)["photos"].clone();
    for ((_, slot, media_type, extension), (bytes, entry)) in
        kinds.iter().zip(sent.iter().zip(&entries))
    {
        let photos = photos.as_array().unwrap();
        let photo = photos.iter().find(|photo| photo["id"] == entry["id"]).unwrap();
        assert_eq!((&photo["slot"], &photo["media_type"]), (&json!(slot), &json!(media_type)));
        assert_eq!((photo.get("width"), photo.get("height")), (None, None));
        // The list says that there is no preview and never will be, and so does asking for it.
        assert_eq!(photo["copies"], json!(false));
        assert_eq!(photo["no_copies"], json!("not_decoded"));
        let path = format!("/cases/{case}/blobs/{}", hash(bytes));
        for copy in ["preview", "thumbnail", "preview?caption=strip"] {
            let _ = surveyor.get(&format!("{path}/{copy}")).problem(404, "not_found");
        }
        let reply = surveyor.get(&path).expect(200);
        assert!(reply.body == *bytes, "{slot}: other bytes came back");
        let name = format!("attachment; filename=\"{}.{extension}\"", hash(bytes));
        for (name, value) in [
            ("content-type", "application/octet-stream"),
            ("content-disposition", name.as_str()),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{slot} {name}");
        }
    }
    let office = app.person(Role::Manager);
    let zip = office.get(&format!("/cases/{case}/evidence.zip")).expect(200).body;
    let log = office.get(&format!("/cases/{case}/custody")).expect(200).value();
    for (bytes, entry) in sent.iter().zip(&entries) {
        assert!(zip.windows(bytes.len()).any(|part| part == bytes), "not in the bundle");
        let acts: Vec<_> = log["entries"].as_array().unwrap().iter().collect();
        let about = acts.iter().filter(|act| act["subject"] == entry["id"]);
        assert_eq!(
            about.map(|act| act["act"].clone()).collect::<Vec<_>>(),
            ["captured", "received"]
        );
    }
    assert!(!log.to_string().contains("\"unreadable\""), "nobody has tried to decode them");
});

each_engine!(what_only_begins_like_a_video_is_refused, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let mut endless = base_media(b"mp42", 5_000);
    endless[..4].copy_from_slice(&[0xff; 4]);
    for bytes in [
        base_media(b"M4A ", 5_000),
        base_media(b"avif", 5_000),
        base_media(b"jxl ", 5_000),
        b"\0\0\0\x14ftyp<svg onload=alert(1)>".to_vec(),
        b"\x1a\x45\xdf\xa3matroska".to_vec(),
        endless,
    ] {
        let _ = declare(&surveyor, case, &[entry_in("video", &bytes)]).expect(200);
        let problem = upload(&surveyor, case, &bytes).problem(415, "unsupported_media_type");
        assert_eq!(problem.facts["reason"], json!("not_a_picture"));
        let _ = send_by_tus(&surveyor, &bytes).problem(415, "unsupported_media_type");
    }
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
});

each_engine!(a_video_may_be_longer_than_a_picture_and_only_a_video, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let most = usize::try_from(MOST_BYTES).unwrap();
    let mut too_long = entry_in("video", &jpeg(1));
    too_long["size"] = json!(MOST_VIDEO_BYTES + 1);
    declare(&surveyor, case, &[too_long]).refuses("photos.0.size", "out_of_range");
    let video = base_media(b"mp42", most + 1);
    declare(&surveyor, case, &[entry_in("vin", &video)]).refuses("photos.0.size", "out_of_range");
    let _ = declare(&surveyor, case, &[entry_in("video", &video)]).expect(200);
    let _ = upload(&surveyor, case, &video).expect(201);
    let range = surveyor.request("GET", &format!("/cases/{case}/blobs/{}", hash(&video)));
    let part = range.header("range", "bytes=26214400-").send().expect(206);
    assert_eq!(part.body, video[most..]);

    // A picture in the slot of a video is a picture.
    let mut padded = jpeg(2);
    padded.write_all(&vec![0; most]).unwrap();
    let _ = declare(&surveyor, case, &[entry_in("video", &padded)]).expect(200);
    let problem = upload(&surveyor, case, &padded).problem(415, "unsupported_media_type");
    assert_eq!(problem.facts["reason"], json!("too_large_for_a_picture"));
});
