//! Every MUST of the core protocol of tus 1.0.0; the list is in [`super::protocol`].

use tests::Engine;

use super::*;

/// A test on one database: headers do not know which it is.
macro_rules! must {
    ($name:ident, |$app:ident| $story:block) => {
        #[test]
        fn $name() {
            let $app = TestApp::start(Engine::Sqlite).unwrap();
            $story
        }
    };
}
pub(super) use must;

must!(upload_offset_and_length_must_be_non_negative_integers, |app| {
    let photo = waiting(&app, 1);
    for wrong in ["-1", "+1", "1.0", "x", "", "0x10", "99999999999999999999"] {
        let reply = photo.creation().header("upload-length", wrong).send();
        let _ = reply.problem(400, "malformed_request");
        let upload = photo.create();
        let reply = photo.patch(&upload, 0, &photo.bytes).header("upload-offset", wrong).send();
        let _ = reply.problem(400, "malformed_request");
        assert_eq!(offset(&photo.head(&upload)), 0);
    }
});

must!(tus_version_must_be_a_list_with_the_preferred_one_first, |app| {
    let reply = app.request("OPTIONS", "/uploads").send().expect(204);
    assert_eq!(reply.header("tus-version"), Some("1.0.0"));
});

must!(tus_resumable_must_be_in_every_answer, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let plain = photo.surveyor.request("HEAD", &upload);
    let replies = [
        photo.creation().send(),
        photo.head(&upload),
        photo.patch(&upload, 5, b"x").send(),
        photo.patch(&upload, 0, b"").header("content-type", "text/plain").send(),
        app.request("HEAD", &upload).send(),
        plain.send(),
        tus(&photo.surveyor, "HEAD", "/uploads/x").send(),
        tus(&photo.surveyor, "DELETE", &upload).send(),
    ];
    for reply in replies {
        assert_eq!(reply.header("tus-resumable"), Some("1.0.0"), "{reply}");
    }
});

must!(another_version_must_be_answered_with_412_and_not_processed, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let uploads = "SELECT count(*) AS n FROM uploads";
    let before = app.count(uploads);
    for version in [Some("0.2.2"), Some("2.0.0"), Some("1.0.0, 2.0.0"), Some(""), None] {
        let with = |request: Request| match version {
            Some(version) => request.header("tus-resumable", version),
            None => request.without("tus-resumable"),
        };
        for reply in [
            with(photo.creation()).send(),
            with(photo.patch(&upload, 0, &photo.bytes)).send(),
            with(tus(&photo.surveyor, "HEAD", &upload)).send(),
            with(tus(&photo.surveyor, "DELETE", &upload)).send(),
        ] {
            assert_eq!(reply.status, 412, "{version:?} {reply}");
            assert_eq!(reply.header("tus-version"), Some("1.0.0"));
        }
    }
    assert_eq!(app.count(uploads), before);
    assert_eq!(offset(&photo.head(&upload).expect(200)), 0);
});

must!(tus_extension_and_max_size_must_be_a_list_and_a_number, |app| {
    let reply = app.request("OPTIONS", "/uploads").send().expect(204);
    let extensions: Vec<_> = reply.header("tus-extension").unwrap().split(',').collect();
    assert_eq!(
        extensions,
        ["creation", "creation-with-upload", "checksum", "expiration", "termination"]
    );
    let most: u64 = reply.header("tus-max-size").unwrap().parse().unwrap();
    assert_eq!(most, sync_core::photo::MOST_VIDEO_BYTES);
});

must!(options_must_ignore_tus_resumable, |app| {
    let request = app.request("OPTIONS", "/uploads").header("tus-resumable", "0.0.1");
    assert_eq!(request.send().expect(204).header("tus-version"), Some("1.0.0"));
});

must!(the_method_override_must_be_taken_for_the_method, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let as_post = |method: &str| {
        tus(&photo.surveyor, "POST", &upload).header("x-http-method-override", method)
    };
    let reply = as_post("PATCH")
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream")
        .bytes(&photo.bytes[..10])
        .send()
        .expect(204);
    assert_eq!(offset(&reply), 10);
    assert_eq!(offset(&as_post("HEAD").send().expect(200)), 10);
    // The actual method is ignored whatever it is.
    let head = photo.patch(&upload, 0, b"").header("x-http-method-override", "HEAD").send();
    assert_eq!((head.status, offset(&head)), (200, 10));
    let _ = as_post("TRACE").send().problem(405, "method_not_allowed");
    let _ = as_post("DELETE").send().expect(204);
    assert_eq!(photo.head(&upload).status, 410);
    // The rights are those of the method that is meant.
    let reader = app.person(Role::Dispatcher);
    let reply = tus(&reader, "POST", &upload).header("x-http-method-override", "HEAD").send();
    let _ = reply.problem(403, "forbidden");
});

must!(head_must_tell_the_offset_even_if_it_is_0_or_the_end, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    assert_eq!(offset(&photo.head(&upload).expect(200)), 0);
    let _ = photo.patch(&upload, 0, &photo.bytes).send().expect(204);
    assert_eq!(offset(&photo.head(&upload).expect(200)), photo.bytes.len());
});

must!(head_must_tell_the_length, |app| {
    let photo = waiting(&app, 1);
    let head = photo.head(&photo.create()).expect(200);
    let length = photo.bytes.len().to_string();
    assert_eq!(head.header("upload-length"), Some(length.as_str()));
});

must!(head_of_nothing_has_no_offset, |app| {
    let photo = waiting(&app, 1);
    let head = photo.head(&format!("/uploads/{}", uuid::Uuid::from_u128(7)));
    assert_eq!((head.status, head.header("upload-offset")), (404, None));
});

must!(head_must_not_be_cached, |app| {
    let photo = waiting(&app, 1);
    let head = photo.head(&photo.create()).expect(200);
    assert_eq!(head.header("cache-control"), Some("no-store"));
});

must!(patch_must_have_its_content_type, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    for kind in ["application/octet-stream", "text/html", "application/offset+octet-stream; x=1"] {
        let reply = photo.patch(&upload, 0, &photo.bytes).header("content-type", kind).send();
        let _ = reply.problem(415, "unsupported_media_type");
    }
    assert_eq!(offset(&photo.head(&upload)), 0);
});

must!(another_offset_must_be_answered_with_409_and_change_nothing, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let _ = photo.patch(&upload, 0, &photo.bytes[..50]).send().expect(204);
    for wrong in [0, 49, 51, photo.bytes.len(), 1 << 40] {
        let problem = photo.patch(&upload, wrong, &photo.bytes[50..]).send();
        let problem = problem.problem(409, "conflict");
        assert_eq!(problem.facts["upload_offset"], json!(50));
        assert_eq!(offset(&photo.head(&upload)), 50);
    }
    let _ = photo.patch(&upload, 50, &photo.bytes[50..]).send().expect(204);
    assert_eq!(photo.received(), json!(1));
});

must!(patch_must_answer_204_with_the_sum_as_the_new_offset, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let mut at = 0;
    for size in [1, 2, 3, 100, 0, 7] {
        let reply = photo.patch(&upload, at, &photo.bytes[at..at + size]).send().expect(204);
        at += size;
        assert_eq!(offset(&reply), at);
    }
});

must!(patch_of_nothing_is_404, |app| {
    let photo = waiting(&app, 1);
    let nowhere = format!("/uploads/{}", uuid::Uuid::from_u128(7));
    let _ = photo.patch(&nowhere, 0, b"x").send().problem(404, "not_found");
});

must!(more_than_the_length_is_refused_before_it_is_read, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let mut more = photo.bytes.clone();
    more.push(0);
    let _ = photo.patch(&upload, 0, &more).send().problem(413, "too_large");
    assert_eq!(offset(&photo.head(&upload)), 0);
});
