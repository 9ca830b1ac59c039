//! What changed, taken up for those who are told.

use std::collections::BTreeMap;

use api_spec::webhook::WebhookMessage;
use sync_core::{
    ids::{CaseId, EventId},
    time::Instant,
};

use super::{
    rules::Audience,
    store::{self, HookRow, NewDelivery},
};
use crate::{
    app::App,
    board,
    case_log::{self, Change, FeedCursor},
    db::{Conn, savepoint},
    error::ApiError,
    identity, wire,
};

const READER: &str = "webhooks";
/// Cases taken up in one transaction: others wait for it.
const TOGETHER: usize = 100;

/// Takes up the cases that changed; answers how many messages that makes.
pub(super) async fn round(app: &App) -> Result<usize, ApiError> {
    let mut written = 0;
    loop {
        let (from, changes) = app.db.read(read_feed).await?;
        let some: Vec<Change> = changes.into_iter().take(TOGETHER).collect();
        let Some(last) = some.last() else { return Ok(written) };
        let (to, inner) = (last.cursor, app.clone());
        written += app.db.write(move |conn| take_up_all(conn, &inner, (from, to), &some)).await?;
    }
}

fn read_feed(conn: &mut Conn) -> Result<(FeedCursor, Vec<Change>), ApiError> {
    let from = case_log::reader_at(conn, READER)?;
    Ok((from, case_log::changes_after(conn, from)?))
}

fn take_up_all(
    conn: &mut Conn,
    app: &App,
    (from, to): (FeedCursor, FeedCursor),
    changes: &[Change],
) -> Result<usize, ApiError> {
    // Otherwise another node has taken them up.
    if !case_log::advance_reader(conn, READER, from, to)? {
        return Ok(0);
    }
    let mut hooks = Vec::new();
    for hook in store::list_told(conn)? {
        let path = identity::branch_path(conn, hook.branch_id.0)?;
        hooks.push((hook, path));
    }
    if hooks.is_empty() {
        return Ok(0);
    }
    let cases: BTreeMap<CaseId, &str> =
        changes.iter().map(|change| (change.case_id, change.branch_path.as_str())).collect();
    let mut written = 0;
    for (case_id, branch_path) in cases {
        for (hook, path) in &hooks {
            if !branch_path.starts_with(path) {
                continue;
            }
            match savepoint(conn, |conn| take_up(conn, app, hook, case_id)) {
                Ok(more) => written += more,
                Err(error) if error.is_contention() || error.is_connection_lost() => {
                    return Err(error);
                }
                // One case must not keep the others from being told; its next change takes it up again.
                Err(error) => {
                    tracing::error!(%case_id, %error, "a case cannot be told of");
                    metrics::counter!("chakan_webhooks_not_taken_up_total").increment(1);
                }
            }
        }
    }
    Ok(written)
}

/// Something to be told.
struct Step {
    seq: i64,
    event: EventId,
    step: String,
    at: Instant,
}

/// Writes what a server has not been told of a case yet. The log itself is the source, not the feed: it
/// has no gaps, so that nothing is left out and nothing overtakes.
fn take_up(conn: &mut Conn, app: &App, hook: &HookRow, case_id: CaseId) -> Result<usize, ApiError> {
    let (key, now) = ((hook.id.0, case_id), app.now());
    let lane = store::find_lane(conn, key)?;
    let told = lane.as_ref().map_or(0, |lane| lane.last_seq);
    let mut steps = steps(conn, hook, case_id)?;
    steps.retain(|step| told < step.seq && hook.created_at.0 <= step.at);
    let Some(last) = steps.last() else { return Ok(0) };
    match &lane {
        None => store::insert_lane(conn, key, last.seq, now)?,
        Some(row) => {
            let extended = row.lane().extended(now);
            store::update_lane(conn, key, &extended, last.seq, row.last_error.as_deref())?;
        }
    }
    for Step { seq, event, step, at } in &steps {
        let body = WebhookMessage {
            id: event.0,
            case_id: case_id.into(),
            sequence: *seq,
            step: step.clone(),
            at: wire::time(*at),
        };
        let body = serde_json::to_string(&body).map_err(ApiError::internal)?;
        let new = NewDelivery { seq: *seq, event: *event, body: &body };
        store::insert_delivery(conn, key, &new, now)?;
    }
    Ok(steps.len())
}

fn steps(conn: &mut Conn, hook: &HookRow, case_id: CaseId) -> Result<Vec<Step>, ApiError> {
    match (Audience::parse(&hook.audience), hook.shop_id) {
        (Some(Audience::Shop), Some(shop)) => {
            let told = board::shop_steps(conn, case_id, shop.0)?;
            let step = |told: board::ShopStep| Step {
                seq: told.seq,
                event: told.event,
                step: told.step.to_owned(),
                at: told.at,
            };
            Ok(told.into_iter().map(step).collect())
        }
        (Some(Audience::CoreSystem), _) => {
            let log = case_log::entries(conn, case_id)?;
            let step = |entry: case_log::Entry| Step {
                seq: entry.seq,
                event: entry.id,
                step: entry.kind.as_str().to_owned(),
                at: entry.recorded_at,
            };
            Ok(log.into_iter().map(step).collect())
        }
        // Of a later release.
        _ => Ok(Vec::new()),
    }
}
