//! Offers, inside the caller's transaction: made, answered, lapsed; and asking a person to decide.

use serde_json::json;
use sync_core::{
    ids::{CaseId, OfferId, PersonId},
    lifecycle::{EventKind, TaskAction, TaskStatus, Transition, apply_to_task},
    time::Instant,
};

use super::{
    rules::{Candidate, autopilot::Level},
    store::{
        offers::{self as store, OfferRow},
        tasks::{self as task_rows, Change},
    },
    tasks::{Assignment, decided, log, place, refused},
};
use crate::{
    app::App,
    auth::policy::Actor,
    case_log::{self, Author},
    db::Conn,
    error::ApiError,
    identity, intake, wire,
};

/// Asks a surveyor whether they take a case. They hear of it in the feed, and of its end, although they
/// do not see the case yet.
pub(super) fn make(
    conn: &mut Conn,
    app: &App,
    case_id: CaseId,
    candidate: &Candidate,
    expires_at: Instant,
) -> Result<OfferId, ApiError> {
    let (id, now) = (app.new_id(), app.now());
    store::insert(conn, id, case_id, candidate, now, expires_at)?;
    let data = json!({
        "offer_id": id,
        "surveyor_id": candidate.surveyor.person.id,
        "verdict": candidate.verdict.as_str(),
        "expected_at": candidate.expected_at.map(wire::time),
        "expires_at": wire::time(expires_at),
        "estimate_source": candidate.travel.as_ref().map(|travel| travel.source),
    });
    let event = decided(app, Author::System, case_id, EventKind::TaskOffered, data, now);
    case_log::append_for(conn, &event, candidate.surveyor.person.id)?;
    Ok(id)
}

/// Takes an offer back that nobody answered, or that nobody needs any more.
pub(super) fn lapse(
    conn: &mut Conn,
    app: &App,
    offer: &OfferRow,
    status: &str,
) -> Result<(), ApiError> {
    let now = app.now();
    if store::end(conn, offer.id.0, status, None, now)? {
        said(conn, app, Author::System, offer, status, None, now)?;
    }
    Ok(())
}

fn said(
    conn: &mut Conn,
    app: &App,
    author: Author,
    offer: &OfferRow,
    status: &str,
    reason: Option<&str>,
    now: Instant,
) -> Result<(), ApiError> {
    let data = json!({
        "offer_id": offer.id.0,
        "surveyor_id": offer.surveyor_id.0,
        "outcome": status,
        "reason": reason,
    });
    let event = decided(app, author, offer.case_id.0, EventKind::OfferLapsed, data, now);
    case_log::append_for(conn, &event, offer.surveyor_id.0).map(|_| ())
}

fn own(conn: &mut Conn, actor: &Actor, id: OfferId) -> Result<OfferRow, ApiError> {
    let offer = store::find(conn, id)?.filter(|offer| offer.surveyor_id.0 == actor.person);
    offer.ok_or_else(ApiError::not_found)
}

/// A surveyor takes what was offered: they are sent, and the task is theirs.
pub(super) fn accept(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    id: OfferId,
) -> Result<sync_core::ids::TaskId, ApiError> {
    let offer = own(conn, actor, id)?;
    let now = app.now();
    if offer.status != store::OPEN || offer.expires_at.0 <= now {
        return Err(refused("offer_over").fact("status", offer.status));
    }
    store::end(conn, id, "accepted", None, now)?;
    let order = Assignment {
        task: app.new_id(),
        case_id: offer.case_id.0,
        surveyor: actor.person,
        estimate: offer.estimate(),
    };
    let branch = intake::get_case(conn, order.case_id)?.branch;
    let branch_path = identity::branch_path(conn, branch)?;
    place(conn, app, Author::System, actor.person, &branch_path, &order)?;
    take(conn, app, actor, &order, now)?;
    Ok(order.task)
}

fn take(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    order: &Assignment,
    now: Instant,
) -> Result<(), ApiError> {
    let missing = || ApiError::internal("the new task is missing");
    let task = task_rows::find(conn, order.task)?.ok_or_else(missing)?;
    let status = match apply_to_task(TaskStatus::Assigned, TaskAction::Accept) {
        Ok(Transition::Moved(status)) => status,
        _ => TaskStatus::Assigned,
    };
    let change = Change { status, answered_at: Some(now), ended_at: None, reason: None };
    task_rows::update(conn, &task, &change)?;
    let data = json!({ "task_id": order.task, "from_offer": true });
    log(conn, app, Author::from(actor), order.case_id, EventKind::TaskAccepted, data, now)
}

/// A surveyor does not take what was offered.
pub(super) fn decline(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    id: OfferId,
    reason: &str,
) -> Result<(), ApiError> {
    let offer = own(conn, actor, id)?;
    let now = app.now();
    if !store::end(conn, id, "declined", Some(reason), now)? {
        return Err(refused("offer_over").fact("status", offer.status));
    }
    said(conn, app, Author::from(actor), &offer, "declined", Some(reason), now)
}

/// Asks a person to decide, and names the least late; and why, where it is not that time runs out.
pub(super) fn escalate(
    conn: &mut Conn,
    app: &App,
    case_id: CaseId,
    (level, why): (Level, Option<&str>),
    limit_at: Instant,
    best: Option<&Candidate>,
) -> Result<(), ApiError> {
    let least_late: Option<PersonId> = best.map(|candidate| candidate.surveyor.person.id);
    let data = json!({
        "level": level.as_str(),
        "reason": why,
        "limit_at": wire::time(limit_at),
        "least_late": least_late,
        "expected_at": best.and_then(|candidate| candidate.expected_at).map(wire::time),
        "verdict": best.map(|candidate| candidate.verdict.as_str()),
    });
    metrics::counter!("chakan_dispatch_escalations_total", "level" => level.as_str()).increment(1);
    log(conn, app, Author::System, case_id, EventKind::DispatchEscalated, data, app.now())
}
