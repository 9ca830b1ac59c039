//! Rows of registered servers, of what they are told, and of lanes.

use diesel::prelude::*;
use sync_core::{
    ids::{BranchId, CaseId, EventId, PersonId, ShopId},
    time::{Instant, Span},
};
use uuid::Uuid;

use super::rules::{Lane, LaneState};
use crate::{
    db::{
        Conn,
        schema::{webhook_deliveries as deliveries, webhook_lanes as lanes, webhooks},
        types::{Id, Ms},
    },
    error::ApiError,
};

/// How long a message that is settled is kept.
const KEPT: Span = Span::days(30);

/// A registered server.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub(super) struct HookRow {
    pub(super) id: Id<Uuid>,
    pub(super) audience: String,
    pub(super) shop_id: Option<Id<ShopId>>,
    pub(super) branch_id: Id<BranchId>,
    pub(super) url: String,
    pub(super) created_by: Id<PersonId>,
    pub(super) created_at: Ms,
    pub(super) revoked_at: Option<Ms>,
}

pub(super) fn insert_hook(conn: &mut Conn, hook: &HookRow) -> Result<(), ApiError> {
    let row = (
        webhooks::id.eq(hook.id.0.to_string()),
        webhooks::audience.eq(&hook.audience),
        webhooks::shop_id.eq(hook.shop_id.map(|id| id.0.to_string())),
        webhooks::branch_id.eq(hook.branch_id.0.to_string()),
        webhooks::url.eq(&hook.url),
        webhooks::created_by.eq(hook.created_by.0.to_string()),
        webhooks::created_at.eq(hook.created_at.0.0),
    );
    diesel::insert_into(webhooks::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn find_hook(conn: &mut Conn, id: Uuid) -> Result<Option<HookRow>, ApiError> {
    let hook = webhooks::table.find(id.to_string());
    Ok(hook.select(HookRow::as_select()).first(conn).optional()?)
}

/// Every registration, oldest first.
pub(super) fn list_hooks(conn: &mut Conn) -> Result<Vec<HookRow>, ApiError> {
    Ok(webhooks::table
        .order((webhooks::created_at, webhooks::id))
        .select(HookRow::as_select())
        .load(conn)?)
}

/// Those that are told.
pub(super) fn list_told(conn: &mut Conn) -> Result<Vec<HookRow>, ApiError> {
    Ok(webhooks::table
        .filter(webhooks::revoked_at.is_null())
        .order((webhooks::created_at, webhooks::id))
        .select(HookRow::as_select())
        .load(conn)?)
}

pub(super) fn revoke_hook(conn: &mut Conn, id: Uuid, now: Instant) -> Result<(), ApiError> {
    diesel::update(webhooks::table.find(id.to_string()).filter(webhooks::revoked_at.is_null()))
        .set(webhooks::revoked_at.eq(Some(now.0)))
        .execute(conn)?;
    Ok(())
}

/// A message to insert.
pub(super) struct NewDelivery<'a> {
    pub(super) seq: i64,
    pub(super) event: EventId,
    pub(super) body: &'a str,
}

pub(super) fn insert_delivery(
    conn: &mut Conn,
    (hook, case_id): (Uuid, CaseId),
    new: &NewDelivery<'_>,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        deliveries::webhook_id.eq(hook.to_string()),
        deliveries::case_id.eq(case_id.to_string()),
        deliveries::seq.eq(new.seq),
        deliveries::event_id.eq(new.event.to_string()),
        deliveries::body.eq(new.body),
        deliveries::state.eq("waiting"),
        deliveries::created_at.eq(now.0),
    );
    // Somebody was faster: look again.
    let inserted = diesel::insert_into(deliveries::table).values(row).execute(conn);
    inserted.map_err(ApiError::or_again).map(|_| ())
}

/// A message that waits.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub(super) struct DeliveryRow {
    pub(super) seq: i64,
    pub(super) event_id: Id<EventId>,
    pub(super) body: String,
}

/// The first message of a lane that waits.
pub(super) fn find_next(
    conn: &mut Conn,
    (hook, case_id): (Uuid, CaseId),
) -> Result<Option<DeliveryRow>, ApiError> {
    Ok(deliveries::table
        .filter(deliveries::webhook_id.eq(hook.to_string()))
        .filter(deliveries::case_id.eq(case_id.to_string()))
        .filter(deliveries::state.eq("waiting"))
        .order(deliveries::seq)
        .select(DeliveryRow::as_select())
        .first(conn)
        .optional()?)
}

/// Marks a message as dealt with, unless it is already.
pub(super) fn settle(
    conn: &mut Conn,
    (hook, case_id): (Uuid, CaseId),
    seq: i64,
    state: &str,
    now: Instant,
) -> Result<(), ApiError> {
    let waiting = deliveries::table
        .find((hook.to_string(), case_id.to_string(), seq))
        .filter(deliveries::state.eq("waiting"));
    diesel::update(waiting)
        .set((deliveries::state.eq(state), deliveries::settled_at.eq(Some(now.0))))
        .execute(conn)?;
    Ok(())
}

/// A lane as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = lanes)]
pub(super) struct LaneRow {
    pub(super) webhook_id: Id<Uuid>,
    pub(super) case_id: Id<CaseId>,
    pub(super) last_seq: i64,
    state: String,
    pub(super) attempts: i64,
    next_at: Ms,
    locked_until: Option<Ms>,
    pub(super) last_error: Option<String>,
}

impl LaneRow {
    pub(super) fn lane(&self) -> Lane {
        Lane {
            state: LaneState::parse(&self.state),
            attempts: self.attempts,
            next_at: self.next_at.0,
            locked_until: self.locked_until.map(|at| at.0),
        }
    }

    pub(super) fn key(&self) -> (Uuid, CaseId) {
        (self.webhook_id.0, self.case_id.0)
    }
}

pub(super) fn find_lane(
    conn: &mut Conn,
    (hook, case_id): (Uuid, CaseId),
) -> Result<Option<LaneRow>, ApiError> {
    let lane = lanes::table.find((hook.to_string(), case_id.to_string()));
    Ok(lane.select(LaneRow::as_select()).first(conn).optional()?)
}

pub(super) fn insert_lane(
    conn: &mut Conn,
    (hook, case_id): (Uuid, CaseId),
    last_seq: i64,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        lanes::webhook_id.eq(hook.to_string()),
        lanes::case_id.eq(case_id.to_string()),
        lanes::last_seq.eq(last_seq),
        lanes::state.eq(LaneState::Waiting.as_str()),
        lanes::attempts.eq(0),
        lanes::next_at.eq(now.0),
    );
    let inserted = diesel::insert_into(lanes::table).values(row).execute(conn);
    inserted.map_err(ApiError::or_again).map(|_| ())
}

/// Writes how a lane stands, up to where it was taken up, and what went wrong last.
pub(super) fn update_lane(
    conn: &mut Conn,
    (hook, case_id): (Uuid, CaseId),
    lane: &Lane,
    last_seq: i64,
    last_error: Option<&str>,
) -> Result<(), ApiError> {
    diesel::update(lanes::table.find((hook.to_string(), case_id.to_string())))
        .set((
            lanes::state.eq(lane.state.as_str()),
            lanes::attempts.eq(lane.attempts),
            lanes::next_at.eq(lane.next_at.0),
            lanes::locked_until.eq(lane.locked_until.map(|at| at.0)),
            lanes::last_seq.eq(last_seq),
            lanes::last_error.eq(last_error),
        ))
        .execute(conn)?;
    Ok(())
}

/// Lanes that may be due; what is locked is sorted out by the rule.
pub(super) fn list_due(conn: &mut Conn, now: Instant, most: i64) -> Result<Vec<LaneRow>, ApiError> {
    let free = lanes::locked_until.is_null().or(lanes::locked_until.le(now.0));
    Ok(lanes::table
        .filter(lanes::state.eq(LaneState::Waiting.as_str()))
        .filter(lanes::next_at.le(now.0))
        .filter(free)
        .order((lanes::next_at, lanes::webhook_id, lanes::case_id))
        .limit(most)
        .select(LaneRow::as_select())
        .load(conn)?)
}

/// Lanes of a server that somebody has to look at.
pub(super) fn list_stuck(conn: &mut Conn, hook: Uuid) -> Result<Vec<LaneRow>, ApiError> {
    Ok(lanes::table
        .filter(lanes::webhook_id.eq(hook.to_string()))
        .filter(lanes::state.eq(LaneState::Stuck.as_str()))
        .order(lanes::case_id)
        .limit(200)
        .select(LaneRow::as_select())
        .load(conn)?)
}

/// Forgets messages that were settled long ago; lanes remember how far they came.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    let old = deliveries::table
        .filter(deliveries::state.ne("waiting"))
        .filter(deliveries::settled_at.lt((now - KEPT).0));
    Ok(diesel::delete(old).execute(conn)?)
}
