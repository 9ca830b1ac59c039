use sync_core::{
    conflict::Candidate,
    model::schema::{Concern, Section},
};

use super::*;

#[test]
fn an_amendment_is_decided_on_once_and_not_by_who_wrote_it() {
    use Review::{Acknowledge, NewVersion};
    use ReviewRefusal::{Closed, Covered, OwnWork, Reviewed};
    let open = Reviewable { covered: false, reviewed: false, own: false, closed: false };
    for (amendment, acknowledge, new_version) in [
        (open, Ok(()), Ok(())),
        (Reviewable { covered: true, own: true, ..open }, Err(Covered), Err(Covered)),
        (Reviewable { reviewed: true, ..open }, Err(Reviewed), Err(Reviewed)),
        (Reviewable { own: true, ..open }, Err(OwnWork), Ok(())),
        (Reviewable { closed: true, ..open }, Ok(()), Err(Closed)),
        (Reviewable { own: true, closed: true, ..open }, Err(OwnWork), Err(Closed)),
    ] {
        assert_eq!(may_review(amendment, Acknowledge), acknowledge, "{amendment:?}");
        assert_eq!(may_review(amendment, NewVersion), new_version, "{amendment:?}");
    }
    for review in [Acknowledge, NewVersion] {
        assert_eq!(Review::parse(review.as_str()), Some(review));
    }
}

fn head(lsn: u64, snapshot_lsn: u64, tail_bytes: u64) -> Head {
    let (heads, lock) = (Vec::new(), Lock::Open);
    Head { epoch: 1, lsn, heads, max_op: 9, snapshot_lsn, tail_bytes, lock, pin: None }
}

#[test]
fn a_snapshot_is_due_after_enough_changes_or_bytes() {
    for (lsn, snapshot_lsn, tail_bytes, changes, bytes, due) in [
        (1, 1, 0, 199, 100, false),
        (1, 1, 0, 200, 100, true),
        (150, 1, 0, 50, 100, false),
        (150, 1, 0, 51, 100, true),
        (10, 1, 2_047, 1, 0, false),
        (10, 1, 2_047, 1, 1, true),
        (10, 1, 0, 1, 2_048, true),
        (10, 1, u64::MAX, 1, u64::MAX, true),
    ] {
        let head = head(lsn, snapshot_lsn, tail_bytes);
        assert_eq!(head.snapshot_due(changes, bytes), due, "{head:?} {changes} {bytes}");
    }
}

#[test]
fn an_actor_belongs_to_one_person_on_one_device() {
    use super::ActorRefusal::{NotIssued, Revoked};
    let issued = |device, revoked| Issued { person: Some(1), device, revoked };
    let of_server = Issued { person: None, device: None, revoked: false };
    for (actor, person, device, expected) in [
        (Some(issued(None, false)), 1, None, Ok(())),
        (Some(issued(Some(5), false)), 1, Some(5), Ok(())),
        (Some(issued(Some(5), false)), 1, Some(6), Err(NotIssued)),
        (Some(issued(Some(5), false)), 1, None, Err(NotIssued)),
        (Some(issued(None, false)), 1, Some(5), Err(NotIssued)),
        (Some(issued(Some(5), false)), 2, Some(5), Err(NotIssued)),
        (Some(issued(None, true)), 1, None, Err(Revoked)),
        // Whose it was is nobody else's business.
        (Some(issued(None, true)), 2, None, Err(NotIssued)),
        (Some(of_server), 1, None, Err(NotIssued)),
        (None, 1, None, Err(NotIssued)),
    ] {
        let answer = may_append(actor.as_ref(), &person, device.as_ref());
        assert_eq!(answer, expected, "{actor:?} {person} {device:?}");
    }
}

#[test]
fn an_exchange_needs_the_same_document() {
    use super::ExchangeRefusal::EpochOver;
    for (lock, epoch, cursor, expected) in [
        (Lock::Open, 1, 7, Ok(())),
        (Lock::Open, 1, 0, Ok(())),
        (Lock::Open, 1, 8, Err(EpochOver)),
        (Lock::Open, 2, 7, Err(EpochOver)),
        (Lock::Open, 0, 7, Err(EpochOver)),
        // Honest work that comes late is taken and amends.
        (Lock::Approved, 1, 7, Ok(())),
        (Lock::Closed, 1, 7, Ok(())),
        (Lock::Closed, 2, 7, Err(EpochOver)),
    ] {
        let head = Head { lock, ..head(7, 1, 0) };
        assert_eq!(may_exchange(&head, epoch, cursor), expected, "{lock:?} {cursor}");
    }
}

#[test]
fn heads_are_what_nothing_builds_on() {
    let hash = |n| ChangeHash([n; 32]);
    let link = |n, deps: &[u8]| (hash(n), deps.iter().map(|n| hash(*n)).collect::<Vec<_>>());
    let log = [link(1, &[]), link(2, &[1]), link(3, &[1]), link(4, &[3])];
    assert_eq!(heads_of(&log), [hash(2), hash(4)]);
    assert_eq!(heads_of(&log[..1]), [hash(1)]);
    // Late work on top of an old state, then on top of a head that it pulled.
    let late = [link(8, &[1]), link(9, &[8, 2])];
    assert_eq!(heads_with(&heads_of(&log), &late[..1]), [hash(2), hash(4), hash(8)]);
    assert_eq!(heads_with(&heads_of(&log), &late), [hash(4), hash(9)]);
    assert_eq!(heads_with(&heads_of(&log), &[]), heads_of(&log));
}

#[test]
fn who_has_nothing_or_is_far_behind_gets_the_whole_draft() {
    use super::PullPlan::{Changes, Snapshot};
    for (lsn, cursor, want, expected) in [
        (5, 5, Want::Changes, Changes),
        (5, 1, Want::Changes, Changes),
        (5, 0, Want::Changes, Snapshot),
        (401, 1, Want::Changes, Changes),
        (402, 1, Want::Changes, Snapshot),
        (5, 5, Want::Snapshot, Snapshot),
    ] {
        assert_eq!(plan_pull(&head(lsn, 1, 0), cursor, want), expected, "{lsn} {cursor} {want:?}");
    }
}

#[test]
fn a_page_is_bounded_and_never_empty() {
    for (sizes, expected) in [
        (vec![], 0),
        (vec![10, 10], 2),
        (vec![10; 300], PAGE_CHANGES),
        (vec![PAGE_BYTES], 1),
        (vec![PAGE_BYTES + 1], 1),
        (vec![PAGE_BYTES, 1], 1),
        (vec![PAGE_BYTES - 1, 1, 1], 2),
        (vec![u64::MAX, u64::MAX], 1),
    ] {
        assert_eq!(page_len(&sizes), expected, "{:?}", sizes.iter().take(3).collect::<Vec<_>>());
    }
}

fn path(field: &'static str) -> Path {
    Path::single(Section::Rates, field)
}

fn conflict(field: &'static str, concern: Concern, values: &[i64]) -> Conflict {
    let candidates = values.iter().map(|value| Candidate {
        path: path(field),
        value: Scalar::Int(*value),
        op: format!("{value}@aa"),
        change: ChangeHash([1; 32]),
        actor: ActorId::from([1; 16]),
    });
    let candidates = candidates.collect();
    Conflict { path: path(field), concern, kind: ConflictKind::Values, candidates }
}

fn standing(conflict: Conflict) -> Standing {
    Standing { opened_lsn: 3, changed_lsn: 4, conflict }
}

const A: &str = "parts_discount_bp";
const B: &str = "body_discount_bp";
const C: &str = "glass_discount_bp";

#[test]
fn conflicts_open_change_and_end() {
    let money = |field, values: &[i64]| conflict(field, Concern::Money, values);
    let before = [standing(money(A, &[1, 2])), standing(money(B, &[1, 2]))];
    let changes = compare_conflicts(&before, vec![money(B, &[1, 2, 3]), money(C, &[8, 9])]);
    assert_eq!(changes.opened, [money(C, &[8, 9])]);
    assert_eq!(changes.changed, [(3, money(B, &[1, 2, 3]))]);
    assert_eq!(changes.resolved, [(3, path(A))]);
    let same = compare_conflicts(&before, before.iter().map(|b| b.conflict.clone()).collect());
    assert_eq!(same, ConflictChanges::default());
}

#[test]
fn what_needs_a_person_is_kept_first_and_nothing_ends_by_crowding() {
    let mut all = vec![conflict(A, Concern::Plain, &[1, 2]); MOST_CONFLICTS];
    all.push(conflict(B, Concern::Money, &[1, 2]));
    let kept = kept_conflicts(all.clone());
    assert_eq!(kept.len(), MOST_CONFLICTS);
    assert_eq!(kept.first().map(|c| c.path.clone()), Some(path(B)));

    let crowd = vec![conflict(B, Concern::Money, &[1, 2]); MOST_CONFLICTS];
    let before = [standing(conflict(A, Concern::Plain, &[1, 2]))];
    let now = crowd.into_iter().chain([conflict(A, Concern::Plain, &[1, 2])]).collect();
    assert_eq!(compare_conflicts(&before, now).resolved, []);
}

#[test]
fn a_conflict_is_settled_by_one_of_its_values_or_with_a_reason() {
    use super::SettleRefusal::{Changed, NotOpen, ReasonMissing};
    let values = standing(conflict(A, Concern::Money, &[1, 2]));
    let removed = Standing {
        conflict: Conflict {
            path: Path::of_item(Section::Lines, "x", "removed"),
            kind: ConflictKind::RemovedMeanwhile,
            ..conflict(A, Concern::Money, &[1])
        },
        ..values.clone()
    };
    let (one, other) = (Scalar::Int(1), Scalar::Int(7));
    let yes = Scalar::Bool(true);
    for (open, value, reason, looked_at, expected) in [
        (Some(&values), &one, None, None, Ok(())),
        (Some(&values), &one, None, Some(4), Ok(())),
        (Some(&values), &one, None, Some(3), Err(Changed)),
        (Some(&values), &other, None, Some(9), Err(ReasonMissing)),
        (Some(&values), &other, Some("typed wrong"), None, Ok(())),
        (Some(&values), &Scalar::Null, None, None, Err(ReasonMissing)),
        (Some(&values), &yes, None, None, Err(ReasonMissing)),
        (Some(&removed), &yes, None, None, Ok(())),
        (Some(&removed), &Scalar::Bool(false), None, None, Ok(())),
        // A price is no answer to whether the line stays.
        (Some(&removed), &one, None, None, Err(ReasonMissing)),
        (None, &one, Some("why not"), None, Err(NotOpen)),
    ] {
        assert_eq!(may_settle(open, value, reason, looked_at), expected, "{value:?} {reason:?}");
    }
}

#[test]
fn what_is_kept_of_refused_pushes_is_bounded() {
    let so_far = |pushes, bytes| HeldSoFar { pushes, bytes };
    for (so_far, bytes, expected) in [
        (so_far(0, 0), 1024 * 1024, true),
        (so_far(19, 0), 1, true),
        (so_far(20, 0), 1, false),
        (so_far(1, MOST_HELD_BYTES - 5), 5, true),
        (so_far(1, MOST_HELD_BYTES - 5), 6, false),
        (so_far(1, u64::MAX), u64::MAX, false),
    ] {
        assert_eq!(may_hold(so_far, bytes), expected, "{so_far:?} {bytes}");
    }
}

#[test]
fn the_sections_of_a_push_are_named_once() {
    let paths = ["lines/a/kind", "scene/place", "lines/b", "", "notes"];
    assert_eq!(sections(paths.into_iter()), ["lines", "notes", "scene"]);
    assert_eq!(sections(std::iter::empty()), Vec::<&str>::new());
}

#[test]
fn the_procedure_fits_a_seed() {
    let distinct: BTreeSet<_> = STANDARD_PROCEDURE.iter().collect();
    assert_eq!(distinct.len(), STANDARD_PROCEDURE.len());
    assert!(STANDARD_PROCEDURE.iter().all(|code| sync_core::model::schema::is_slug(code)));
}
