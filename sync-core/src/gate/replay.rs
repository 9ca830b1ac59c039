//! Step 6 for small pushes: the library is told the same edits on a copy of the draft. Changes that come
//! out with the hashes that were pushed are what the library itself writes there, so they lead to no
//! document that honest work does not lead to. Nothing is refused here: what cannot be told again is
//! proven by loading it.

use std::{
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
};

use automerge::{
    Automerge, Change, Cursor, ObjId, ReadDoc, ScalarValue,
    legacy::{ElementId, Key, ObjectId, Op, OpId, OpType},
    transaction::{CommitOptions, Transactable, Transaction},
};

use crate::limits;

/// A copy of the draft in which the library has made these very changes, or nothing if it would not.
pub(super) fn replay(doc: &Automerge, changes: &[(Change, Vec<Op>)]) -> Option<Automerge> {
    let operations: usize = changes.iter().map(|(_, ops)| ops.len()).sum();
    if operations > limits::REPLAYED_OPS {
        return None;
    }
    let told = || {
        let mut copy = doc.clone();
        changes.iter().all(|(change, ops)| tell(&mut copy, change, ops).is_some()).then_some(copy)
    };
    catch_unwind(AssertUnwindSafe(told)).ok().flatten()
}

fn tell(doc: &mut Automerge, change: &Change, ops: &[Op]) -> Option<()> {
    // The library builds on all that it holds: whoever did not know all of it wrote something else.
    if doc.get_heads() != change.deps() {
        return None;
    }
    doc.set_actor(change.actor_id().clone());
    // Were it dropped while a panic of the library unwinds, it would be taken back, and a second panic
    // over that would end the process.
    let mut tx = ManuallyDrop::new(doc.transaction());
    let told = tell_all(&mut tx, change, ops);
    let tx = ManuallyDrop::into_inner(tx);
    if told.is_none() {
        tx.rollback();
        return None;
    }
    let mut stamp = CommitOptions::default().with_time(change.timestamp());
    if let Some(message) = change.message() {
        stamp.set_message(message);
    }
    (tx.commit_with(stamp).0 == Some(change.hash())).then_some(())
}

fn tell_all(tx: &mut Transaction<'_>, change: &Change, ops: &[Op]) -> Option<()> {
    let mut rest = ops;
    let mut counter = change.start_op().get();
    while let Some((op, after)) = rest.split_first() {
        let many = match &op.key {
            Key::Map(key) => write(tx, op, key).map(|()| 1),
            Key::Seq(element) => {
                let id = OpId::new(counter, change.actor_id());
                retype(tx, op, element, &id, after)
            }
        }?;
        rest = rest.get(many..)?;
        counter = counter.checked_add(u64::try_from(many).ok()?)?;
    }
    Some(())
}

fn write(tx: &mut Transaction<'_>, op: &Op, key: &str) -> Option<()> {
    let map = object(op)?;
    match &op.action {
        OpType::Put(value) => tx.put(&map, key, value.clone()).ok(),
        OpType::Make(kind) => tx.put_object(&map, key, *kind).map(drop).ok(),
        _ => None,
    }
}

/// Takes one character away, or puts in as many as were typed one after the other; answers how many
/// operations that were. `id` is the first one's.
fn retype(
    tx: &mut Transaction<'_>,
    op: &Op,
    element: &ElementId,
    id: &OpId,
    after: &[Op],
) -> Option<usize> {
    let text = object(op)?;
    if op.action == OpType::Delete {
        let ElementId::Id(target) = element else { return None };
        let at = place(tx, &text, target)?;
        return tx.splice_text(&text, at, 1, "").ok().map(|()| 1);
    }
    let at = match element {
        ElementId::Head => 0,
        ElementId::Id(before) => place(tx, &text, before)?.checked_add(1)?,
    };
    let mut typed = character(op)?.to_owned();
    let mut many = 1;
    let mut last = id.clone();
    for next in after {
        let follows = next.insert && next.obj == op.obj;
        if !follows || next.key != Key::Seq(ElementId::Id(last.clone())) {
            break;
        }
        typed.push_str(character(next)?);
        last = OpId::new(last.counter().checked_add(1)?, id.actor());
        many += 1;
    }
    tx.splice_text(&text, at, 0, &typed).ok().map(|()| many)
}

/// Where the element stands now. Of one that is gone it is the place of the next: then the change comes
/// out as another.
fn place(tx: &Transaction<'_>, text: &ObjId, element: &OpId) -> Option<usize> {
    let cursor = Cursor::try_from(element.to_string()).ok()?;
    tx.get_cursor_position(text, &cursor, None).ok()
}

fn object(op: &Op) -> Option<ObjId> {
    match &op.obj {
        // The library looks the actor up where it is not at the place that is named.
        ObjectId::Id(id) => Some(ObjId::Id(id.counter(), id.actor().clone(), usize::MAX)),
        ObjectId::Root => None,
    }
}

fn character(op: &Op) -> Option<&str> {
    match &op.action {
        OpType::Put(ScalarValue::Str(text)) if op.insert => Some(text),
        _ => None,
    }
}
