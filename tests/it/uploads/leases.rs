//! One writer at a time, on whichever node: leases, fencing tokens, take-over (B11).

use std::time::{Duration, Instant};

use super::*;

each_engine!(a_hung_request_is_ended_by_head_within_a_second_on_any_node, |app| {
    let node = app.beside();
    for (address, asked) in [(app.address(), &app), (node.address(), &app)] {
        let photo = waiting(asked, 1);
        let upload = photo.create();
        let length = photo.bytes.len();
        let mut stream = hang(address, &photo.surveyor, &upload, 0, length);
        stream.write_all(&photo.bytes[..77]).unwrap();
        until(|| app.count("SELECT count(*) AS n FROM uploads WHERE leased_until IS NOT NULL") > 0);
        // What has been sent has arrived once the holder has read it: ask until it counts.
        let began = Instant::now();
        let at = offset(&photo.head(&upload).expect(200));
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert!(at == 77 || at == 0, "{at}");
        let answer = answer(stream);
        assert!(answer.starts_with("HTTP/1.1 423 "), "{answer}");
        let _ = photo.patch(&upload, at, &photo.bytes[at..]).send().expect(204);
        assert_eq!(photo.received(), json!(1));
    }
});

each_engine!(a_holder_that_says_nothing_loses_the_upload_within_a_second, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let id = upload.rsplit('/').next().unwrap().to_owned();
    let until = app.now().0 + 30_000;
    // As a node leaves it that died in the middle.
    app.write(move |conn| {
        use diesel::RunQueryDsl;
        let sql = format!("UPDATE uploads SET leased_until = {until}, fence = 5 WHERE id = '{id}'");
        Ok(diesel::sql_query(sql).execute(conn)?)
    });
    let began = Instant::now();
    assert_eq!(offset(&photo.head(&upload).expect(200)), 0);
    assert!(began.elapsed() < Duration::from_millis(1_300), "{:?}", began.elapsed());
    let _ = photo.patch(&upload, 0, &photo.bytes).send().expect(204);
});

each_engine!(a_writer_whose_lease_is_over_changes_nothing, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let id = upload.rsplit('/').next().unwrap().to_owned();
    let mut stream = hang(app.address(), &photo.surveyor, &upload, 0, photo.bytes.len());
    stream.write_all(&photo.bytes[..50]).unwrap();
    until(|| app.count("SELECT count(*) AS n FROM uploads WHERE leased_until IS NOT NULL") > 0);
    // Another node takes over without asking, and appends.
    app.write(move |conn| {
        use diesel::RunQueryDsl;
        let sql =
            format!("UPDATE uploads SET fence = fence + 1, leased_until = NULL WHERE id = '{id}'");
        Ok(diesel::sql_query(sql).execute(conn)?)
    });
    let _ = photo.patch(&upload, 0, &photo.bytes[..20]).send().expect(204);
    let _ = stream.write_all(&photo.bytes[50..]);
    let answer = answer(stream);
    assert!(answer.starts_with("HTTP/1.1 423 "), "{answer}");
    assert_eq!(offset(&photo.head(&upload).expect(200)), 20);
    let _ = photo.patch(&upload, 20, &photo.bytes[20..]).send().expect(204);
    let blob = format!("/cases/{}/blobs/{}", photo.case, hash(&photo.bytes));
    assert_eq!(photo.surveyor.get(&blob).expect(200).body, photo.bytes);
});

each_engine!(the_offset_never_goes_back_whatever_is_cut, |app| {
    let photo = waiting(&app, 1);
    let upload = photo.create();
    let length = photo.bytes.len();
    let (mut at, mut step, mut furthest) = (0, 1, 0);
    while at < length {
        let before = at;
        let end = (at + step).min(length);
        let mut stream = hang(app.address(), &photo.surveyor, &upload, at, length - at);
        stream.write_all(&photo.bytes[at..end]).unwrap();
        drop(stream);
        at = offset(&photo.head(&upload).expect(200));
        // An earlier request may land late; what was never sent cannot be there.
        furthest = end.max(furthest);
        assert!(at >= before && at <= furthest, "{before} -> {at}, sent up to {furthest}");
        step = step * 2 % 251 + 1;
    }
    let head = photo.head(&upload).expect(200);
    if head.header("chakan-receipt").is_none() {
        let _ = photo.patch(&upload, length, b"").send().expect(204);
    }
    assert_eq!(photo.received(), json!(1));
});

each_engine!(two_nodes_are_written_to_in_turn_and_the_bytes_are_those_of_one, |app| {
    let node = app.beside();
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    println!("seed {dice:#x}");
    for n in 0..4 {
        let photo = waiting(&app, n + 1);
        let upload = photo.create();
        let length = photo.bytes.len();
        let (mut at, mut furthest, mut tries) = (0, 0, 0);
        while at < length {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            let sent = usize::try_from(dice % 400).unwrap();
            let address = if dice & 1024 == 0 { app.address() } else { node.address() };
            let mut stream = hang(address, &photo.surveyor, &upload, at, length - at);
            let end = (at + sent).min(length);
            let _ = stream.write_all(&photo.bytes[at..end]);
            furthest = end.max(furthest);
            // Left hanging: whoever asks next, on either node, ends it.
            let asked = if dice & 2048 == 0 {
                photo.head(&upload)
            } else {
                tus(&node.again(&photo.surveyor), "HEAD", &upload).send()
            };
            let now = offset(&asked.expect(200));
            assert!(now >= at && now <= furthest, "{at} -> {now}, sent up to {furthest}");
            (at, tries) = (now, tries + 1);
            assert!(tries < 10_000, "it never ends");
            drop(stream);
        }
        let blob = format!("/cases/{}/blobs/{}", photo.case, hash(&photo.bytes));
        let _ = photo.patch(&upload, length, b"").send().expect(204);
        assert!(photo.surveyor.get(&blob).expect(200).body == photo.bytes, "other bytes");
    }
});

fn until(mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "it never holds");
        std::thread::yield_now();
    }
}
