//! Many phones at the same moment.

use std::{
    sync::{Arc, Barrier, Mutex, mpsc},
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use server::ports::ids::{Ids, SystemIds};
use sync_core::{client::Backoff, ids::DeviceId, protocol::SyncReply, time::Span};

use crate::{
    case::{Phone, ask, now, pull},
    figures::raw_apply_ms,
    scaled,
    server::person,
    table::Table,
    wire::{Got, Line},
    world::World,
};

/// How many phones come back after the outage.
pub fn phones_in_the_storm() -> usize {
    scaled(5_000)
}

fn parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|n| {
                std::thread::Builder::new()
                    .stack_size(512 * 1024)
                    .spawn_scoped(scope, move || work(n))
                    .expect("a thread")
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// As many durable pushes of one change as go.
pub fn rate(world: &World, table: &mut Table) {
    let phones = 32.min(world.cases.len());
    let each = scaled(200);
    let (_, rest) = world.cases.split_at(world.cases.len() - phones);
    let bare: Vec<String> = rest.to_vec();
    world.copy(&world.coarse, &bare);
    let server = world.server();
    let prepared: Vec<Mutex<(Phone, Vec<Vec<u8>>)>> = parallel(phones, |n| {
        let mut phone = Phone::open(world.caller(&server, n + 1), &bare[n]);
        phone.edit(each);
        let pushes = phone.pushes(1);
        Mutex::new((phone, pushes))
    });
    let send = |from: usize, upto: usize| {
        parallel(phones, |n| {
            let mut prepared = prepared[n].lock().expect("one owner");
            let (phone, pushes) = &mut *prepared;
            let path = format!("/api/v1/cases/{}/draft/sync", phone.case);
            for push in &pushes[from.min(pushes.len())..upto.min(pushes.len())] {
                let _ = phone.caller.send(&path, push);
            }
        });
    };
    send(0, 2);
    let (began, cpu) = (Instant::now(), server.cpu_seconds());
    send(2, each);
    let (wall, cpu) = (began.elapsed().as_secs_f64(), server.cpu_seconds() - cpu);
    let pushes = (phones * (each - 2)) as f64;
    let raw = raw_apply_ms(world, &server, &world.coarse, 1);
    table.note(
        &format!("durable warm pushes by {phones} phones, by the clock"),
        pushes / wall,
        "/s",
    );
    table
        .at_least("durable warm pushes for each second of a core", pushes / cpu, 150.0, "/s")
        .beside("the CPU of a raw apply", cpu / pushes * 1e3 / raw);
}

/// Phones that fetch all their cases for the first time.
pub fn first_syncs(world: &World, table: &mut Table) {
    let phones = scaled(100);
    let each = 30.min(world.cases.len() / phones);
    fill(world, phones * each);
    let server = world.server();
    let start = Barrier::new(phones + 1);
    let callers: Vec<_> = (0..phones).map(|n| Mutex::new(world.caller(&server, n + 1))).collect();
    let before = server.cpu_seconds();
    let (wall, failed) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..phones)
            .map(|n| {
                let (start, callers, world) = (&start, &callers, &world);
                scope.spawn(move || {
                    let mut caller = callers[n].lock().expect("one owner");
                    start.wait();
                    let mut failed = 0_u64;
                    for case in &world.cases[n * each..(n + 1) * each] {
                        let body = json!({ "install_id": SystemIds.uuid() }).to_string();
                        let path = format!("/api/v1/cases/{case}/draft/actors");
                        let (key, token) = (SystemIds.uuid().to_string(), caller.token.clone());
                        let asked = ask(&path, &token, &key, body.as_bytes());
                        let got = caller.line.send(&asked);
                        let whole = got.is_some_and(|got| {
                            let answer = serde_json::from_slice::<Value>(&got.body);
                            got.status == 200
                                && answer.is_ok_and(|answer| answer["snapshot"].is_string())
                        });
                        failed += u64::from(!whole);
                    }
                    failed
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        let failed: u64 = threads.into_iter().map(|thread| thread.join().expect("no panic")).sum();
        (began.elapsed().as_secs_f64(), failed)
    });
    let what = format!("{phones} first syncs of {each} cases each, at once");
    table.at_most(&what, wall, 5.0, "s");
    table.exactly("of them failed", failed, 0);
    let each_ms = (server.cpu_seconds() - before) * 1e3 / (phones * each) as f64;
    table.note("processor time of the server for each case", each_ms, "ms");
}

/// Gives the first so many cases the coarse draft, unless they have one.
fn fill(world: &World, count: usize) {
    let mut conn =
        server::db::open::open(&crate::server::database(world.path())).expect("a database");
    use diesel::prelude::*;
    use server::db::schema::case_draft;
    let known: Vec<String> =
        case_draft::table.select(case_draft::case_id).load(&mut conn).expect("cases");
    drop(conn);
    let known: std::collections::HashSet<String> = known.into_iter().collect();
    let bare: Vec<String> =
        world.cases[..count].iter().filter(|case| !known.contains(*case)).cloned().collect();
    world.copy(&world.coarse, &bare);
}

/// A case and a push to it.
type Offline = (String, Vec<u8>);

struct Came {
    tries: u64,
    turned_away: u64,
    errors: u64,
    after: Duration,
}

/// All phones come back at the same moment, each with ten changes in a case that no server has in
/// memory. Who is turned away waits as the library's clients do.
pub fn storm(world: &World, table: &mut Table) {
    let phones = phones_in_the_storm().min(world.cases.len());
    fill(world, phones);
    let server = world.server();
    println!("{phones} phones go offline and work");
    let queue = Mutex::new((0..phones).collect::<Vec<_>>());
    let ready: Mutex<Vec<Option<Offline>>> = Mutex::new(vec![None; phones]);
    parallel(2, |_| {
        loop {
            let Some(n) = queue.lock().expect("no panic").pop() else { return };
            let mut phone = Phone::open(world.caller(&server, n + 1), &world.cases[n]);
            phone.edit(10);
            let body = serde_json::to_vec(&phone.session.next_request()).expect("JSON");
            ready.lock().expect("no panic")[n] = Some((phone.case, body));
        }
    });
    let ready = ready.into_inner().expect("no panic");
    drop(server);
    let server = world.server();
    let start = Arc::new(Barrier::new(phones + 1));
    let (told, came) = mpsc::channel::<Came>();
    for (n, work) in ready.into_iter().enumerate() {
        let (case, body) = work.expect("prepared");
        let (start, told, token, port) =
            (start.clone(), told.clone(), world.token(n + 1, None), server.port);
        std::thread::Builder::new()
            .stack_size(128 * 1024)
            .spawn(move || {
                let path = format!("/api/v1/cases/{case}/draft/sync");
                let key = SystemIds.uuid().to_string();
                start.wait();
                let came = come_back(port, &ask(&path, &token, &key, &body), n as u64);
                let _ = told.send(came);
            })
            .expect("a thread");
    }
    drop(told);
    let memory = server.memory_mb();
    start.wait();
    let cpu = server.cpu_seconds();
    let came: Vec<Came> = came.iter().collect();
    let last = came.iter().map(|one| one.after).max().unwrap_or_default();
    let sum = |of: fn(&Came) -> u64| came.iter().map(of).sum::<u64>();
    table.at_most(
        &format!("{phones} phones that reconnect at once, the last one served"),
        last.as_secs_f64(),
        60.0,
        "s",
    );
    table.exactly("errors among them", sum(|one| one.errors), 0);
    table.note("tries of one phone", sum(|one| one.tries) as f64 / phones as f64, "");
    table.note(
        "of them told to come back later",
        sum(|one| one.turned_away) as f64 / phones as f64,
        "",
    );
    table.note(
        "processor time of the server for each phone",
        (server.cpu_seconds() - cpu) * 1e3 / phones as f64,
        "ms",
    );
    table.note("growth of the server meanwhile", server.memory_mb() - memory, "MB");
}

fn come_back(port: u16, ask: &crate::wire::Ask<'_>, seed: u64) -> Came {
    let began = Instant::now();
    let mut backoff = Backoff::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut came = Came { tries: 0, turned_away: 0, errors: 0, after: Duration::ZERO };
    loop {
        came.tries += 1;
        let mut line = Line::to(port);
        let wait = match line.send(ask) {
            Some(Got { status: 200, .. }) => {
                came.after = began.elapsed();
                return came;
            }
            Some(Got { status: 503, retry_after_s: Some(seconds), .. }) => {
                came.turned_away += 1;
                Some(Span::seconds(i64::try_from(seconds).unwrap_or(60)))
            }
            _ => {
                came.errors += 1;
                None
            }
        };
        assert!(began.elapsed() < Duration::from_secs(600), "never served");
        let now = now();
        backoff.failed(now, wait);
        if let Some(until) = backoff.wait(now) {
            let pause = u64::try_from(until.since(now).0).unwrap_or(0);
            #[expect(clippy::disallowed_methods, reason = "a phone that waits")]
            std::thread::sleep(Duration::from_millis(pause));
        }
    }
}

/// Two server processes on one database.
pub fn two_nodes(world: &World, table: &mut Table) {
    let case = world.copy_of(&world.coarse);
    let nodes = [world.server(), world.server()];
    let mut phone = Phone::open(world.caller(&nodes[0], 7), &case);
    phone.edit(200);
    let body = serde_json::to_vec(&phone.session.next_request()).expect("JSON");
    let path = format!("/api/v1/cases/{}/draft/sync", phone.case);
    let (token, start) = (world.token(7, None), Barrier::new(50));
    let answers = parallel(50, |n| {
        let mut line = Line::to(nodes[n % 2].port);
        start.wait();
        line.expect(&ask(&path, &token, "copies", &body))
    });
    let alike = answers.iter().filter(|answer| **answer == answers[0]).count();
    table.exactly(
        "of 50 copies of one push on two nodes, answered with the same bytes",
        alike as u64,
        50,
    );
    let reply: SyncReply = serde_json::from_slice(&answers[0]).expect("a reply");
    table.exactly("changes that entered", reply.accepted.into(), 200);
    let after: SyncReply = serde_json::from_slice(
        &phone.caller.send(&path, &pull(&phone.session, phone.session.cursor())),
    )
    .expect("a reply");
    let grown = after.cursor - phone.session.cursor();
    table.exactly("changes in the log", grown, 200);
    revoked(world, &nodes, table);
}

/// How long the node that was not told believes a revoked device.
fn revoked(world: &World, nodes: &[crate::server::Process; 2], table: &mut Table) {
    let mut worst = 0.0_f64;
    for round in 0..5 {
        let device: DeviceId = SystemIds.uuid().into();
        let pair = Ed25519KeyPair::generate().expect("a key");
        let text = format!("chakan-enrol:{device}:{}", person(8));
        let body = json!({
            "id": device, "public_key": BASE64_STANDARD.encode(pair.public_key()),
            "name": format!("phone {round}"), "platform": "Android 16",
            "proof": BASE64_STANDARD.encode(pair.sign(text.as_bytes())),
        });
        let _: Value = world.caller(&nodes[0], 8).post("/api/v1/devices", &body);
        let mut there = world.caller(&nodes[1], 8);
        there.token = world.token(8, Some(device));
        let mut status = || {
            let asked = crate::wire::Ask {
                method: "GET",
                path: "/api/v1/devices",
                token: &there.token,
                key: "",
                headers: "",
                body: b"",
            };
            there.line.send(&asked).map_or(0, |got| got.status)
        };
        assert_eq!(status(), 200);
        let path = format!("/api/v1/devices/{device}/revoke");
        let _: Value = world.caller(&nodes[0], 0).post(&path, &json!({}));
        let began = Instant::now();
        let mut last = Duration::ZERO;
        loop {
            let asked = began.elapsed();
            match status() {
                200 => last = asked,
                401 => break,
                other => panic!("{other}"),
            }
        }
        worst = worst.max(last.as_secs_f64());
    }
    table.at_most(
        "a revoked device is believed on the node that was not told, worst of 5",
        worst,
        1.0,
        "s",
    );
}
