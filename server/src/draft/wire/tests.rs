use serde_json::{json, to_value};
use sync_core::model::schema::{Path, Section};

use super::*;

fn hash(n: u8) -> ChangeHash {
    ChangeHash([n; 32])
}

fn sample_reply(pull: Pull) -> SyncReply {
    let path = Path::of_item(Section::Lines, "0193", "unit_price_fen");
    let candidate = |value, n| Candidate {
        path: path.clone(),
        value,
        op: format!("7@{}", "0a".repeat(16)),
        change: hash(n),
        actor: ActorId::from([n; 16]),
    };
    let values = [Scalar::Null, Scalar::Bool(true), Scalar::Int(-5), Scalar::Str("x".into())];
    let candidates = values.into_iter().map(|value| candidate(value, 3)).collect();
    let conflict = |concern, kind| Conflict {
        path: path.clone(),
        concern,
        kind,
        candidates: Vec::clone(&candidates),
    };
    SyncReply {
        epoch: 2,
        actor: ActorId::from([7; 16]),
        accepted: 3,
        last_seq: 4,
        cursor: 5,
        heads: vec![hash(1), hash(2)],
        pull,
        lock: Lock::Approved,
        conflicts: vec![
            conflict(Concern::Money, ConflictKind::Values),
            conflict(Concern::Liability, ConflictKind::RemovedMeanwhile),
            conflict(Concern::Identity, ConflictKind::Values),
            conflict(Concern::Plain, ConflictKind::Values),
        ],
        held: vec![
            Held { change: Some(hash(9)), rule: "role".into(), path: Some("rates".into()) },
            Held { change: None, rule: "checksum".into(), path: None },
        ],
        late: 3,
        server_time: sync_core::time::Instant(1_772_415_000_000),
    }
}

#[test]
fn replies_serialise_as_those_of_the_shared_core() {
    for pull in [
        Pull::Changes { changes: vec![Blob(vec![0, 255, 7])], more: true },
        Pull::Changes { changes: Vec::new(), more: false },
        Pull::Snapshot(Blob(vec![1, 2])),
    ] {
        let of_core = sample_reply(pull);
        let of_contract = reply(of_core.clone());
        let value = to_value(&of_contract).unwrap();
        assert_eq!(value, to_value(&of_core).unwrap());
        assert_eq!(serde_json::from_value::<SyncReply>(value.clone()).unwrap(), of_core);
        assert_eq!(serde_json::from_value::<SyncDraftResponse>(value).unwrap(), of_contract);
    }
    for state in [Lock::Open, Lock::Approved, Lock::Closed] {
        assert_eq!(to_value(lock(state)).unwrap(), to_value(state).unwrap());
    }
}

#[test]
fn requests_serialise_as_those_of_the_shared_core() {
    for want in [Want::Changes, Want::Snapshot] {
        let of_core = SyncRequest {
            epoch: 1,
            actor: ActorId::from([0xab; 16]),
            cursor: 12,
            heads: vec![hash(4)],
            changes: vec![Blob(vec![1]), Blob(Vec::new())],
            want,
        };
        let value = to_value(&of_core).unwrap();
        let of_contract: SyncDraftRequest = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(to_value(&of_contract).unwrap(), value);
        assert_eq!(request(of_contract).unwrap(), of_core);
    }
    let short = json!({ "epoch": 1, "actor": "ab".repeat(16), "cursor": 0, "heads": [] });
    let short: SyncDraftRequest = serde_json::from_value(short).unwrap();
    assert_eq!(request(short).unwrap().want, Want::Changes);
}

#[test]
fn refused_requests_name_their_field() {
    let good = SyncDraftRequest {
        epoch: 1,
        actor: "ab".repeat(16),
        cursor: 0,
        heads: vec!["0c".repeat(32)],
        changes: vec!["AQID".into()],
        want: DraftWant::Changes,
        signature: None,
    };
    assert!(request(good.clone()).is_ok());
    let actor = |text: &str| SyncDraftRequest { actor: text.into(), ..good.clone() };
    let heads = |heads: Vec<String>| SyncDraftRequest { heads, ..good.clone() };
    let changes = |changes: Vec<String>| SyncDraftRequest { changes, ..good.clone() };
    for (refused, field) in [
        (actor(""), "actor"),
        (actor(&"AB".repeat(16)), "actor"),
        (actor(&"ab".repeat(15)), "actor"),
        (actor(&"ab".repeat(17)), "actor"),
        (actor(&"é".repeat(16)), "actor"),
        (heads(vec!["0c".repeat(31)]), "heads[0]"),
        (heads(vec!["0c".repeat(32), "zz".repeat(32)]), "heads[1]"),
        (heads(vec!["0c".repeat(32); MOST_HEADS + 1]), "heads"),
        (changes(vec!["AQID".into(), "AQI".into()]), "changes[1]"),
        (changes(vec!["A-_D".into()]), "changes[0]"),
    ] {
        let problem = request(refused).unwrap_err().problem();
        assert_eq!(problem.errors.first().map(|error| error.field.as_str()), Some(field));
    }
    for too_large in [
        changes(vec![String::new(); limits::PUSH_CHANGES + 1]),
        changes(vec!["A".repeat(limits::PUSH_BYTES / 3 * 4 + 12)]),
    ] {
        assert_eq!(request(too_large).unwrap_err().code(), api_spec::problem::Code::TooLarge);
    }
}

#[test]
fn a_refusal_reads_as_that_of_the_shared_core() {
    use sync_core::protocol::SyncRefusal as R;
    let held = Held { change: None, rule: "role".into(), path: Some("rates".into()) };
    for (refusal, status) in [
        (R::ActorReused, 409),
        (R::SeqGap { expected_seq: 7 }, 409),
        (R::UnknownDeps, 409),
        (R::EpochOver, 410),
        (R::TooLarge, 413),
        (R::Quarantined(held), 422),
        (R::Locked, 423),
    ] {
        let problem = refuse::problem(&refusal).fact("rule_again", "x").problem();
        assert_eq!(problem.status, status, "{refusal:?}");
        let facts = serde_json::Value::Object(problem.facts);
        assert_eq!(serde_json::from_value::<R>(facts).unwrap(), refusal);
    }
}
