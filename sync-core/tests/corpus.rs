//! The fuzz targets on the inputs that are kept, and on alterations of them: the short run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test says no"
)]

use std::{fs, path::PathBuf};

#[path = "../fuzz/src/targets.rs"]
mod targets;

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn kept(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        fs::read_dir(corpus(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Alterations that are the same in every run.
fn altered(input: &[u8], n: u64) -> Vec<u8> {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut roll = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 20).unwrap() % below.max(1)
    };
    let mut bytes = input.to_vec();
    for _ in 0..=roll(4) {
        let at = roll(bytes.len());
        match roll(4) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << roll(8),
            1 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][roll(5)],
            2 => bytes.insert(at.min(bytes.len()), u8::try_from(roll(256)).unwrap()),
            _ if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}

#[test]
fn no_target_panics_on_what_is_kept_or_near_it() {
    std::panic::set_hook(Box::new(|_| {}));
    for (name, target) in targets::TARGETS {
        let inputs = kept(name);
        assert!(inputs.len() >= 3, "the corpus of {name}");
        for input in &inputs {
            target(input);
            for n in 0..2_000 / u64::try_from(inputs.len()).unwrap() {
                let input = altered(input, n);
                let done = std::panic::catch_unwind(|| target(&input));
                assert!(done.is_ok(), "{name}: {input:x?}");
            }
        }
    }
}

/// Writes the inputs that fuzzing starts from, if `UPDATE_CORPUS` is set.
#[test]
fn honest_inputs_are_let_in() {
    let server = targets::server();
    let mut device = server.clone();
    targets::work(&mut device, 5, 9);
    let changes = device.get_changes(&server.get_heads());
    let bodies: Vec<Vec<u8>> = changes
        .iter()
        .map(|change| {
            let raw = change.raw_bytes();
            let length = raw[9..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
            raw[9 + length..].to_vec()
        })
        .collect();
    for (body, change) in bodies.iter().zip(&changes) {
        assert_eq!(targets::framed(1, body), change.raw_bytes());
    }
    let push: Vec<u8> = bodies
        .iter()
        .flat_map(|body| [&u16::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat())
        .collect();
    targets::gate(&push);
    let reply = serde_json::json!({
        "epoch": 1, "actor": "05".repeat(16), "accepted": 0, "last_seq": 0, "cursor": 9,
        "heads": server.get_heads(), "lock": "open", "server_time": 0,
        "pull": { "snapshot": sync_core::protocol::Blob(device.save()) },
    });
    let phone = serde_json::json!({
        "commands": [{ "id": uuid::Uuid::nil(), "status": "applied" }], "drafts": [], "manifests": [],
        "feed": { "changes": [{ "case_id": uuid::Uuid::from_u128(1), "topic": "x" }], "cursor": "0.1" },
        "actor": "05".repeat(16), "person_id": uuid::Uuid::from_u128(5), "roles": ["surveyor"],
        "epoch": 1, "cursor": 1, "last_seq": 0,
        "snapshot": sync_core::protocol::Blob(server.save()),
    });
    let texts = [reply, phone];
    for value in &texts {
        targets::reply(value.to_string().as_bytes());
        targets::reply(&sync_core::cbor::of_json(value).unwrap());
    }
    if std::env::var_os("UPDATE_CORPUS").is_none() {
        return;
    }
    for (n, body) in bodies.iter().enumerate() {
        fs::write(corpus("preflight").join(format!("change{n}")), body).unwrap();
        let one = [&u16::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat();
        fs::write(corpus("gate").join(format!("change{n}")), one).unwrap();
    }
    fs::write(corpus("gate").join("push"), &push).unwrap();
    for (n, value) in texts.iter().enumerate() {
        fs::write(corpus("reply").join(format!("json{n}")), value.to_string()).unwrap();
        let bytes = sync_core::cbor::of_json(value).unwrap();
        fs::write(corpus("reply").join(format!("cbor{n}")), bytes).unwrap();
    }
}
