//! One phone at a time, through the server.

use std::{io::Write, time::Instant};

use serde_json::Value;
use server::ports::ids::{Ids, SystemIds};
use sync_core::{
    cbor,
    client::{DraftPush, PhoneRequest},
    protocol::SyncReply,
};

use crate::{
    case::{Phone, fresh, now, pull as pull_after},
    figures::raw_apply_ms,
    scaled,
    table::Table,
    wire::{Ask, Got},
    world::{Caller, World},
};

/// How many drafts of one kind a figure is taken from: none grows far beyond its size by what is pushed.
const DRAFTS: usize = 10;

/// Pushes `each` of the phone's unsent changes, once.
fn push_once(phone: &mut Phone, each: usize) {
    let path = format!("/api/v1/cases/{}/draft/sync", phone.case);
    let mut request = phone.session.next_request();
    request.changes.truncate(each);
    let body = serde_json::to_vec(&request).expect("JSON");
    let reply = phone.caller.send(&path, &body);
    let reply: SyncReply = serde_json::from_slice(&reply).expect("a reply");
    assert_eq!(usize::try_from(reply.accepted).ok(), Some(each));
    let _ = phone.session.apply_reply(reply);
}

pub fn push(world: &World, table: &mut Table) {
    for (name, template) in [("fine", &world.fine), ("coarse", &world.coarse)] {
        for (each, aim, rounds) in [(1, 10.0, scaled(40)), (200, 15.0, 2)] {
            let cases: Vec<String> = (0..DRAFTS).map(|_| world.copy_of(template)).collect();
            let server = world.server();
            let raw = raw_apply_ms(world, &server, &cases[0], each);
            let open = |case: &String| Phone::open(world.caller(&server, 4), case);
            let mut phones: Vec<Phone> = cases.iter().map(open).collect();
            for phone in &mut phones {
                phone.edit(1 + each * rounds);
                // Lines that are not used are closed.
                phone.caller = world.caller(&server, 4);
                // The first one has to load the draft.
                push_once(phone, 1);
            }
            let began = server.cpu_seconds();
            for phone in &mut phones {
                phone.caller = world.caller(&server, 4);
                (0..rounds).for_each(|_| push_once(phone, each));
            }
            let cost = (server.cpu_seconds() - began) * 1e3 / (rounds * DRAFTS) as f64;
            let what = format!("push of {each} onto a warm {name} draft, whole server, CPU");
            table.at_most(&what, cost, aim, "ms").beside("raw automerge apply", cost / raw);
        }
    }
}

/// The value of a counter without labels.
fn counter(caller: &mut Caller, name: &str) -> u64 {
    let text = String::from_utf8(caller.get("/metrics")).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

pub fn pull(world: &World, table: &mut Table) {
    let case = world.copy_of(&world.coarse);
    let server = world.server();
    let mut writer = Phone::open(world.caller(&server, 4), &case);
    let mut reader = Phone::open(world.caller(&server, 5), &case);
    let cursor = reader.session.cursor();
    writer.edit(50);
    writer.sync();
    // A server that remembers nothing would have to load the draft if it needed it.
    drop(server);
    let server = world.server();
    reader.caller = world.caller(&server, 5);
    let path = format!("/api/v1/cases/{case}/draft/sync");
    let body = pull_after(&reader.session, cursor);
    let first: SyncReply =
        serde_json::from_slice(&reader.caller.send(&path, &body)).expect("a reply");
    let sync_core::protocol::Pull::Changes { changes, .. } = &first.pull else {
        panic!("a snapshot")
    };
    let rounds = scaled(2_000);
    let (began, cpu) = (Instant::now(), server.cpu_seconds());
    for _ in 0..rounds {
        let _ = reader.caller.send(&path, &body);
    }
    let wall = began.elapsed().as_secs_f64() * 1e3 / rounds as f64;
    let cpu = (server.cpu_seconds() - cpu) * 1e3 / rounds as f64;
    table.exactly("changes in a pull after 50 by another device", changes.len() as u64, 50);
    let computed = counter(&mut reader.caller, "chakan_draft_computations_total");
    let what = format!("automerge work done for {} such pulls", rounds + 1);
    table.exactly(&what, computed, 0);
    table.note("one such pull, CPU", cpu, "ms");
    table.note("one such pull, round trip", wall, "ms");
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

const CBOR: &str =
    "content-type: application/cbor\r\ncontent-encoding: gzip\r\naccept: application/cbor\r\n";

fn post(caller: &mut Caller, path: &str, headers: &str, body: &[u8]) -> Got {
    let key = SystemIds.uuid().to_string();
    let ask = Ask { method: "POST", path, token: &caller.token, key: &key, headers, body };
    let got = caller.line.send(&ask).expect("an answer");
    assert_eq!(got.status, 200, "{}", String::from_utf8_lossy(&got.body));
    got
}

pub fn bytes(world: &World, table: &mut Table) {
    for (name, template) in [("fine", &world.fine), ("coarse", &world.coarse)] {
        let case = world.copy_of(template);
        let server = world.server();
        let mut phone = Phone::open(world.caller(&server, 6), &case);
        let body = packed(
            &cbor::of_json(&serde_json::from_slice(&fresh(&phone.session)).expect("JSON"))
                .expect("CBOR"),
        );
        let path = format!("/api/v1/cases/{case}/draft/sync");
        let got = post(&mut phone.caller, &path, CBOR, &body);
        let reply: Value = cbor::to_json(&got.body).expect("CBOR");
        let reply: SyncReply = serde_json::from_value(reply).expect("a reply");
        let sync_core::protocol::Pull::Snapshot(snapshot) = reply.pull else { panic!("changes") };
        let saved = sync_core::gate::load(&snapshot.0).expect("a draft").save().len();
        table
            .at_most(
                &format!("snapshot for a fresh device, {name} draft"),
                snapshot.0.len() as f64,
                13_000.0,
                "B",
            )
            .beside("a bare save", snapshot.0.len() as f64 / saved as f64);
        let around = got.body.len() - snapshot.0.len();
        table.at_most(
            &format!("what the reply is around it, {name} draft"),
            around as f64,
            300.0,
            "B",
        );
        let issue = serde_json::json!({ "install_id": SystemIds.uuid() }).to_string();
        let path = format!("/api/v1/cases/{case}/draft/actors");
        let headers = "content-type: application/json\r\naccept-encoding: gzip\r\n";
        let got = post(&mut phone.caller, &path, headers, issue.as_bytes());
        table.note(
            &format!("first opening with a new actor, packed JSON, {name} draft"),
            got.body.len() as f64,
            "B",
        );
        phone.edit(200);
        let request = PhoneRequest {
            device_now: now(),
            commands: Vec::new(),
            drafts: vec![DraftPush::new(
                case.parse().expect("an id"),
                phone.session.next_request(),
            )],
            manifests: Vec::new(),
            feed: None,
        };
        let raw: usize =
            request.drafts[0].request.changes.iter().map(|change| change.0.len()).sum();
        let body = packed(&cbor::of_json(&request.to_json()).expect("CBOR"));
        let got = post(&mut phone.caller, "/api/v1/sync", CBOR, &body);
        let answer = cbor::to_json(&got.body).expect("CBOR");
        let taken = answer["drafts"][0]["reply"]["accepted"].as_u64().unwrap_or(0);
        table.exactly(
            &format!("offline changes taken in one round trip, {name} draft"),
            taken,
            200,
        );
        let what = format!("their bytes up, packed CBOR, {name} draft");
        let ratio = body.len() as f64 / raw as f64;
        table.at_most(&what, body.len() as f64, 12_500.0, "B").beside("the raw changes", ratio);
    }
}

pub fn memory(world: &World, table: &mut Table) {
    let most = scaled(1_000);
    let (cases, _) = world.cases.split_at(most);
    world.copy(&world.fine, cases);
    let server = world.server();
    let mut caller = world.caller(&server, 1);
    let mut read = |cases: &[String]| {
        for case in cases {
            let _ = caller.get(&format!("/api/v1/cases/{case}/draft"));
        }
        counter(&mut caller, "chakan_draft_documents_loaded_total")
    };
    let loaded_before = read(std::slice::from_ref(&world.coarse));
    let before = server.memory_mb();
    let loaded = read(cases) - loaded_before;
    let grown = server.memory_mb() - before;
    let what = format!("{most} large drafts in the cache, growth of the process");
    table.at_most(&what, grown, 600.0 * most as f64 / 1_000.0, "MB");
    table.exactly("of them loaded at the first reading", loaded, most as u64);
    let again = read(cases) - loaded_before - loaded;
    table.exactly("and at the second", again, 0);
}
