//! Every MUST of the extensions that we announce: creation, creation-with-upload, checksum,
//! expiration, termination.

use aws_lc_rs::digest;
use tests::Engine;

use super::{core::must, *};

must!(creation_must_say_the_length, |app| {
    let photo = waiting(&app, 1);
    let reply = photo.creation().without("upload-length").send();
    let _ = reply.problem(400, "malformed_request");
    // Deferring it is not announced and not taken.
    let deferred = photo.creation().without("upload-length").header("upload-defer-length", "1");
    let _ = deferred.send().problem(400, "malformed_request");
});

must!(creation_must_answer_201_with_the_address, |app| {
    let photo = waiting(&app, 1);
    let reply = photo.creation().send().expect(201);
    assert!(location(&reply).starts_with("/api/v1/uploads/"), "{reply}");
    assert_eq!(photo.head(&location(&reply)).status, 200);
});

must!(metadata_must_be_well_formed, |app| {
    let photo = waiting(&app, 1);
    for wrong in ["a b c", "a YQ==,a YQ==", ",", "a *", "case YQ==", "photo YQ==", "size YQ=="] {
        let reply = photo.creation().header("upload-metadata", wrong).send();
        let _ = reply.problem(400, "malformed_request");
    }
    let long = format!("a {}", BASE64_STANDARD.encode("x".repeat(4_000)));
    let reply = photo.creation().header("upload-metadata", &long).send();
    let _ = reply.problem(400, "malformed_request");
});

must!(head_must_give_the_metadata_back, |app| {
    let photo = waiting(&app, 1);
    let head = photo.head(&photo.create()).expect(200);
    assert_eq!(head.header("upload-metadata"), Some(photo.metadata.as_str()));
    let bare = photo.creation().without("upload-metadata").send().expect(201);
    assert_eq!(photo.head(&location(&bare)).header("upload-metadata"), None);
});

must!(too_much_must_be_answered_with_413, |app| {
    let photo = waiting(&app, 1);
    let most = sync_core::photo::MOST_VIDEO_BYTES;
    let reply = photo.creation().header("upload-length", &(most + 1).to_string()).send();
    let _ = reply.problem(413, "too_large");
});

must!(an_upload_of_nothing_is_complete_and_was_never_declared, |app| {
    let surveyor = app.person(Role::Surveyor);
    let reply = tus(&surveyor, "POST", "/uploads").header("upload-length", "0").send();
    let _ = reply.problem(460, "checksum_mismatch");
});

must!(creation_with_upload_must_tell_the_offset, |app| {
    let photo = waiting(&app, 1);
    let with = |bytes: &[u8]| {
        photo.creation().header("content-type", "application/offset+octet-stream").bytes(bytes)
    };
    let reply = with(&photo.bytes[..33]).send().expect(201);
    assert_eq!(offset(&reply), 33);
    assert_eq!(offset(&photo.head(&location(&reply)).expect(200)), 33);
    let whole = with(&photo.bytes).send().expect(201);
    assert_eq!(offset(&whole), photo.bytes.len());
    assert_eq!(receipt(&whole)["sha256"], json!(hash(&photo.bytes)));
});

must!(creation_with_upload_must_have_its_content_type, |app| {
    let photo = waiting(&app, 1);
    let reply = photo.creation().header("content-type", "image/jpeg").bytes(*b"abc").send();
    let _ = reply.problem(415, "unsupported_media_type");
    let more = vec![0; photo.bytes.len() + 1];
    let kind = "application/offset+octet-stream";
    let reply = photo.creation().header("content-type", kind).bytes(more).send();
    let _ = reply.problem(413, "too_large");
    assert_eq!(app.count("SELECT count(*) AS n FROM uploads"), 0, "nothing was begun");
});

must!(every_patch_must_say_when_the_upload_expires, |app| {
    let photo = waiting(&app, 1);
    let created = photo.creation().send().expect(201);
    let before = created.header("upload-expires").unwrap().to_owned();
    assert_eq!(before, "Mon, 09 Mar 2026 01:30:00 GMT");
    app.advance(Span::days(1));
    let upload = location(&created);
    let reply = photo.patch(&upload, 0, &photo.bytes[..9]).send().expect(204);
    assert_eq!(reply.header("upload-expires"), Some("Tue, 10 Mar 2026 01:30:00 GMT"));
    assert_eq!(photo.head(&upload).header("upload-expires"), Some("Tue, 10 Mar 2026 01:30:00 GMT"));
});

must!(an_expired_upload_is_gone_and_its_bytes_too, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let _ = photo.patch(&upload, 0, &photo.bytes[..9]).send().expect(204);
    assert_eq!(files(&app).len(), 1);
    app.advance(Span::days(8));
    assert_eq!(photo.head(&upload).status, 410);
    let _ = photo.patch(&upload, 9, &photo.bytes[9..]).send().problem(410, "upload_gone");
    app.run_due_jobs();
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
    assert_eq!(photo.head(&upload).status, 410);
});

/// The sum of a chunk as the header says it.
fn sum(algorithm: &str, bytes: &[u8]) -> String {
    let algorithm_of = match algorithm {
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        _ => &digest::SHA256,
    };
    format!("{algorithm} {}", BASE64_STANDARD.encode(digest::digest(algorithm_of, bytes)))
}

must!(a_sum_must_be_checked_with_sha1_at_least, |app| {
    let options = app.request("OPTIONS", "/uploads").send().expect(204);
    assert_eq!(options.header("tus-checksum-algorithm"), Some("sha1,sha256"));
    let photo = waiting(&app, 1);
    let upload = photo.create();
    for (n, algorithm) in ["sha1", "sha256"].iter().enumerate() {
        let piece = &photo.bytes[n * 10..n * 10 + 10];
        let patch = photo.patch(&upload, n * 10, piece);
        let reply = patch.header("upload-checksum", &sum(algorithm, piece)).send().expect(204);
        assert_eq!(offset(&reply), n * 10 + 10);
    }
});

must!(a_sum_must_be_checked_at_creation_too, |app| {
    let photo = waiting(&app, 1);
    let with = |sum: &str| {
        photo
            .creation()
            .header("content-type", "application/offset+octet-stream")
            .header("upload-checksum", sum)
            .bytes(&photo.bytes[..20])
            .send()
    };
    let _ = with(&sum("sha1", b"other")).problem(460, "checksum_mismatch");
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
    assert_eq!(offset(&with(&sum("sha256", &photo.bytes[..20])).expect(201)), 20);
});

must!(a_chunk_with_another_sum_must_be_discarded, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    for algorithm in ["sha1", "sha256"] {
        let patch = photo.patch(&upload, 0, &photo.bytes[..10]);
        let reply = patch.header("upload-checksum", &sum(algorithm, b"other")).send();
        let _ = reply.problem(460, "checksum_mismatch");
        assert_eq!(offset(&photo.head(&upload).expect(200)), 0);
    }
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
});

must!(an_unknown_kind_of_sum_must_be_answered_with_400_and_change_nothing, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    for wrong in
        ["md5 YQ==", "sha1", "sha1 YQ==", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "crc32 AA=="]
    {
        let patch = photo.patch(&upload, 0, &photo.bytes[..10]);
        let _ = patch.header("upload-checksum", wrong).send().problem(400, "malformed_request");
        assert_eq!(offset(&photo.head(&upload).expect(200)), 0);
    }
});

must!(a_chunk_with_a_sum_that_is_cut_must_not_count, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let mut stream = TcpStream::connect(app.address()).unwrap();
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntus-resumable: 1.0.0\r\n\
         content-type: application/offset+octet-stream\r\nupload-offset: 0\r\ncontent-length: 100\r\n\
         upload-checksum: {}\r\n\r\n",
        photo.surveyor.token(),
        sum("sha1", &photo.bytes[..100]),
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&photo.bytes[..60]).unwrap();
    drop(stream);
    assert_eq!(offset(&photo.head(&upload).expect(200)), 0);
});

must!(termination_must_answer_204_and_nothing_is_left, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let _ = photo.patch(&upload, 0, &photo.bytes[..10]).send().expect(204);
    let _ = tus(&photo.surveyor, "DELETE", &upload).send().expect(204);
    assert_eq!(files(&app), Vec::<std::path::PathBuf>::new());
    assert_eq!(photo.head(&upload).status, 410);
    let _ = photo.patch(&upload, 10, &photo.bytes[10..]).send().problem(410, "upload_gone");
    let _ = tus(&photo.surveyor, "DELETE", &upload).send().problem(410, "upload_gone");
});

must!(terminating_a_finished_upload_leaves_the_photo, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let _ = photo.patch(&upload, 0, &photo.bytes).send().expect(204);
    let _ = tus(&photo.surveyor, "DELETE", &upload).send().expect(204);
    assert_eq!(photo.received(), json!(1));
    assert_eq!(files(&app).len(), 1);
});
