use uuid::Uuid;

use super::*;

const CASE: CaseId = CaseId(Uuid::from_u128(7));

/// Signing without keys: the signature is the hash of the text.
fn sign(text: &str) -> Vec<u8> {
    hash(text.as_bytes()).0.to_vec()
}

fn is_signed(key: &str, text: &[u8], signature: &[u8]) -> bool {
    key == "k" && hash(text).0 == signature
}

fn entry(seq: u64, previous: ContentHash) -> Entry {
    Entry {
        case_id: CASE,
        seq,
        previous,
        act: Act::Received.as_str().into(),
        actor: "system".into(),
        device: None,
        at: Instant(1_000),
        subject: "-".into(),
        data: format!("{{\"n\":{seq}}}"),
    }
}

fn head_of(entries: &[(Entry, ContentHash)]) -> (Head, Vec<u8>) {
    let (last, sha256) = entries.last().unwrap();
    let head =
        Head { case_id: CASE, seq: last.seq, sha256: *sha256, at: last.at, key_id: "k".into() };
    let signature = sign(&head.text());
    (head, signature)
}

fn chain_from(mut entries: Vec<(Entry, ContentHash)>, count: u64) -> Vec<(Entry, ContentHash)> {
    for _ in 0..count {
        let (seq, previous) =
            entries.last().map_or((1, NOTHING_BEFORE), |(last, sha256)| (last.seq + 1, *sha256));
        let next = entry(seq, previous);
        let sha256 = next.sha256();
        entries.push((next, sha256));
    }
    entries
}

fn covered(number: u64, entries: &[(Entry, ContentHash)], seq: u64) -> Covered {
    let sha256 = entries[usize::try_from(seq).unwrap() - 1].1;
    let other = |n| leaf(CaseId(Uuid::from_u128(n)), 1, NOTHING_BEFORE);
    let leaves = [other(1), leaf(CASE, seq, sha256), other(9)];
    let checkpoint = Checkpoint {
        number,
        at: Instant(2_000),
        previous: NOTHING_BEFORE,
        root: root(&leaves),
        heads: 3,
        key_id: "k".into(),
    };
    let signature = sign(&checkpoint.text());
    Covered { checkpoint, signature, seq, sha256, proof: proof(&leaves, 1).unwrap() }
}

fn log() -> Log {
    let entries = chain_from(Vec::new(), 6);
    let checkpoints = vec![covered(1, &entries, 2), covered(2, &entries, 4)];
    Log { case_id: CASE, head: Some(head_of(&entries)), entries, checkpoints }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Log), seq: impl Into<Option<u64>>, reason: Reason) {
    let mut log = log();
    change(&mut log);
    assert_eq!(verify(&log, is_signed), Err(Fault { seq: seq.into(), reason }));
}

#[test]
fn an_untouched_log_verifies_and_an_empty_one_too() {
    assert_eq!(verify(&log(), is_signed), Ok(()));
    let empty = Log { case_id: CASE, entries: vec![], head: None, checkpoints: vec![] };
    assert_eq!(verify(&empty, is_signed), Ok(()));
}

#[test]
fn the_first_bad_entry_is_named() {
    check(|log| log.entries[2].0.data = "{}".into(), 3, Reason::Altered);
    check(|log| log.entries[2].0.at = Instant(1), 3, Reason::Altered);
    check(|log| log.entries[2].0.act = "viewed".into(), 3, Reason::Altered);
    check(|log| log.entries[2].0.subject = "-\ndata x".into(), 3, Reason::TwoReadings);
    check(|log| log.entries[2].1.0[0] ^= 1, 3, Reason::Altered);
    check(|log| log.entries[2].0.previous.0[9] ^= 1, 3, Reason::Altered);
    check(|log| log.entries[5].0.device = Some(DeviceId(Uuid::nil())), 6, Reason::Altered);
    check(|log| drop(log.entries.remove(0)), 1, Reason::Missing);
    check(|log| drop(log.entries.remove(3)), 4, Reason::Missing);
    check(|log| drop(log.entries.pop()), 6, Reason::Missing);
    check(|log| log.entries.clear(), 1, Reason::Missing);
    check(|log| log.entries.swap(1, 2), 2, Reason::Missing);
    let more = |log: &mut Log| log.entries = chain_from(log.entries.clone(), 2);
    check(more, 7, Reason::BeyondHead);
    let other = |log: &mut Log| log.entries[4].0.case_id = CaseId(Uuid::nil());
    check(other, 5, Reason::OtherCase);
}

#[test]
fn what_is_written_anew_contradicts_the_signatures() {
    let rewrite = |log: &mut Log, from: usize| {
        log.entries.truncate(from);
        let mut forged = entry(u64::try_from(from).unwrap() + 1, log.entries[from - 1].1);
        forged.data = "{\"forged\":true}".into();
        let sha256 = forged.sha256();
        log.entries.push((forged, sha256));
        log.entries = chain_from(log.entries.clone(), 5 - u64::try_from(from).unwrap());
    };
    check(|log| rewrite(log, 4), 6, Reason::HeadDiffers);
    // Even with the key of the head: the checkpoint was made before.
    let with_key = |log: &mut Log| {
        rewrite(log, 2);
        log.head = Some(head_of(&log.entries));
    };
    check(with_key, 4, Reason::Rewritten(2));
}

#[test]
fn heads_and_checkpoints_must_be_signed() {
    check(|log| log.head = None, None, Reason::Head);
    check(|log| log.head.as_mut().unwrap().0.seq = 5, None, Reason::Head);
    check(|log| log.head.as_mut().unwrap().1[0] ^= 1, None, Reason::Head);
    check(|log| log.head.as_mut().unwrap().0.key_id = "other".into(), None, Reason::Head);
    check(|log| log.checkpoints[0].signature[5] ^= 1, None, Reason::Checkpoint(1));
    check(|log| log.checkpoints[1].checkpoint.at = Instant(3), None, Reason::Checkpoint(2));
    check(|log| log.checkpoints[1].seq = 3, None, Reason::Checkpoint(2));
    check(|log| log.checkpoints[1].proof.clear(), None, Reason::Checkpoint(2));
    let cut = |log: &mut Log| {
        log.entries.truncate(3);
        log.head = Some(head_of(&log.entries));
    };
    check(cut, 4, Reason::Missing);
}

#[test]
fn every_leaf_has_a_way_to_the_root() {
    for count in 1..20_u128 {
        let leaves: Vec<_> =
            (0..count).map(|n| leaf(CaseId(Uuid::from_u128(n)), 1, NOTHING_BEFORE)).collect();
        for (index, leaf) in leaves.iter().enumerate() {
            let steps = proof(&leaves, index).unwrap();
            assert_eq!(tree::climb(*leaf, &steps), root(&leaves), "{index} of {count}");
        }
        assert_eq!(proof(&leaves, leaves.len()), None);
    }
}

#[test]
fn the_tree_is_that_of_rfc_6962() {
    // The root of no leaves and the shape for seven leaves, as in section 2.1 of the RFC.
    assert_eq!(
        root(&[]).to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let leaves: Vec<_> = (0..7).map(|n| ContentHash([n; 32])).collect();
    let left = root(&leaves[..4]);
    let right = root(&leaves[4..]);
    assert_eq!(proof(&leaves, 6).unwrap().last(), Some(&Step::Left(left)));
    assert_eq!(proof(&leaves, 0).unwrap().last(), Some(&Step::Right(right)));
}
