//! Storing what passed the gate: in the draft, or beside it. One transaction, in which nobody else
//! moves the draft.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use sync_core::{lifecycle::EventKind, protocol::Lock};

use super::{
    access::Landing,
    append::{Append, Appender, Landed, Outcome, Prepared},
    rules::{self, Pin},
    store::{self, NewPush, NewSnapshot},
};
use crate::{
    app::App,
    case_log::{self, Author, NewEvent},
    db::Conn,
    error::ApiError,
};

/// Stores changes with all that goes with them, unless somebody was faster or this push was answered.
pub(super) async fn store_all<A: Append>(
    app: &App,
    work: Arc<A>,
    prepared: Arc<Prepared>,
) -> Result<Outcome, ApiError> {
    let inner = app.clone();
    app.db.write(move |conn| store_in(conn, &inner, work.as_ref(), &prepared)).await
}

/// [`store_all`], in the caller's transaction.
pub(super) fn store_in<A: Append>(
    conn: &mut Conn,
    app: &App,
    work: &A,
    prepared: &Prepared,
) -> Result<Outcome, ApiError> {
    let by = work.by();
    if let Some(answer) = store::find_push(conn, by.author.person, &by.key)? {
        return Ok(Outcome::Answered(answer));
    }
    // Judged since it was looked at: look again (B22).
    let judges = case_log::judges(conn, by.case_id)?;
    if prepared.landing == Landing::Draft && judges.contains(&by.writer.person) {
        return Ok(Outcome::Moved);
    }
    let (from, to) = (&prepared.from, &prepared.to);
    if !store::advance(conn, by.case_id, from, to, app.now())? {
        return Ok(Outcome::Moved);
    }
    match prepared.landing {
        Landing::Draft => in_the_draft(conn, app, by, prepared)?,
        Landing::Late => beside_it(conn, app, by, prepared)?,
    }
    if let Some(signature) = &by.signature {
        let (person, key) = (by.author.person, &by.key.key);
        store::insert_signature(conn, by.case_id, person, key, signature, app.now())?;
    }
    let landed =
        Landed { head: to.clone(), accepted: prepared.rows.len(), last_seq: prepared.last_seq };
    work.note(conn, &landed)?;
    let response = work.answer(conn, &landed)?;
    let push = NewPush {
        person: by.author.person,
        key: &by.key,
        case_id: by.case_id,
        actor: &by.actor,
        response: &response,
        now: app.now(),
    };
    store::insert_push(conn, &push)?;
    Ok(Outcome::Answered(response))
}

fn in_the_draft(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    store_changes(conn, app, by, prepared)?;
    store_conflicts(conn, app, by, prepared)?;
    case_log::append(conn, &synced(app, by, prepared))?;
    match prepared.from.pin {
        Some(pin) if !prepared.amends.is_empty() => amend(conn, app, by, prepared, pin),
        _ => Ok(()),
    }
}

/// The frozen version stays as it is; what came after it is told field by field.
fn amend(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    prepared: &Prepared,
    pin: Pin,
) -> Result<(), ApiError> {
    let new = store::NewAmendment {
        id: app.new_id(),
        case_id: by.case_id,
        amends: pin.as_str(),
        epoch: prepared.to.epoch,
        from_lsn: prepared.from.lsn + 1,
        to_lsn: prepared.to.lsn,
        person: by.writer.person,
        device: by.writer.device,
        push_id: &by.key.key,
        difference: &prepared.amends,
        now: app.now(),
    };
    store::insert_amendment(conn, &new)?;
    let data = serde_json::json!({
        "amendment_id": new.id,
        "amends": new.amends,
        "from_lsn": new.from_lsn,
        "to_lsn": new.to_lsn,
        "fields": prepared.amends.len(),
    });
    say(conn, app, by, EventKind::DraftAmended, data)
}

fn beside_it(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    let push = store::LatePush {
        id: app.new_id(),
        case_id: by.case_id,
        epoch: prepared.from.epoch,
        actor: &by.actor,
        person: by.writer.person,
        device: by.writer.device,
        push_id: &by.key.key,
        last_seq: prepared.last_seq,
        rows: &prepared.rows,
        now: app.now(),
    };
    let late = store::hold_late(conn, &push)?;
    let paths = prepared.rows.iter().flat_map(|row| &row.paths).map(String::as_str);
    let data = serde_json::json!({
        "late_id": late,
        "changes": prepared.rows.len(),
        "sections": rules::sections(paths),
    });
    say(conn, app, by, EventKind::LateWorkHeld, data)
}

fn store_changes(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    let appender = store::Appender {
        case_id: by.case_id,
        epoch: prepared.from.epoch,
        person: Some(by.writer.person),
        device: by.writer.device,
        push_id: Some(&by.key.key),
        now: app.now(),
    };
    store::insert_changes(conn, &appender, prepared.from.lsn + 1, &prepared.rows)?;
    if let Some(bytes) = &prepared.snapshot {
        let snapshot = NewSnapshot {
            case_id: by.case_id,
            lsn: prepared.to.lsn,
            heads: &prepared.to.heads,
            bytes,
            sha256: Sha256::digest(bytes).into(),
            now: app.now(),
        };
        store::insert_snapshot(conn, &snapshot, prepared.from.snapshot_lsn)?;
    }
    Ok(())
}

fn store_conflicts(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    prepared: &Prepared,
) -> Result<(), ApiError> {
    let open: Vec<_> =
        store::list_open(conn, by.case_id)?.into_iter().map(|row| row.standing).collect();
    let changes = rules::compare_conflicts(&open, prepared.conflicts.clone());
    let (lsn, now) = (prepared.to.lsn, app.now());
    for conflict in &changes.opened {
        store::insert_conflict(conn, by.case_id, conflict, lsn, now)?;
    }
    for (opened_lsn, conflict) in &changes.changed {
        store::update_conflict(conn, by.case_id, *opened_lsn, conflict, lsn)?;
    }
    let resolution =
        store::Resolution { lsn, by: by.author.person, reason: by.reason.as_deref(), now };
    for (opened_lsn, path) in &changes.resolved {
        store::resolve_conflict(conn, by.case_id, *opened_lsn, path, &resolution)?;
    }
    Ok(())
}

fn synced(app: &App, by: &Appender, prepared: &Prepared) -> NewEvent {
    let now = app.now();
    let paths = prepared.rows.iter().flat_map(|row| &row.paths).map(String::as_str);
    NewEvent {
        id: app.new_id(),
        case_id: by.case_id,
        kind: EventKind::DraftSynced,
        author: (&by.author).into(),
        device_at: prepared.rows.last().map(|row| row.client_time),
        occurred_at: now,
        recorded_at: now,
        data: serde_json::json!({
            "epoch": prepared.to.epoch,
            "from_lsn": prepared.from.lsn + 1,
            "to_lsn": prepared.to.lsn,
            "actor": by.actor.to_hex_string(),
            "sections": rules::sections(paths),
            // A version is approved already: somebody has to look at what came late.
            "after_approval": prepared.from.lock == Lock::Approved,
        }),
    }
}

/// Appends to the case's log what was done with somebody's work.
pub(super) fn say(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    kind: EventKind,
    data: serde_json::Value,
) -> Result<(), ApiError> {
    let now = app.now();
    let event = NewEvent {
        id: app.new_id(),
        case_id: by.case_id,
        kind,
        author: Author::from(&by.author),
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data,
    };
    case_log::append(conn, &event).map(|_| ())
}
