//! Sending what is due, each case in order.

use futures_util::future::join_all;
use sync_core::{ids::CaseId, time::Instant};
use uuid::Uuid;

use super::{
    rules::{LOCK, Lane, LaneState},
    secret,
    store::{self, DeliveryRow},
};
use crate::{
    app::App,
    db::Conn,
    error::ApiError,
    ports::post::{Letter, PostFault},
};

/// How many are sent at once.
const AT_ONCE: i64 = 16;

/// A message that this node sends.
struct Claimed {
    key: (Uuid, CaseId),
    url: String,
    delivery: DeliveryRow,
    until: Instant,
}

/// Sends the messages that are due, one of each lane; answers how many were tried.
pub(super) async fn due(app: &App) -> Result<usize, ApiError> {
    let now = app.now();
    // A write each second would keep the disk busy for nothing.
    if app.db.read(move |conn| store::list_due(conn, now, 1)).await?.is_empty() {
        return Ok(0);
    }
    let claimed = app.db.write(move |conn| claim(conn, now)).await?;
    let count = claimed.len();
    for sent in join_all(claimed.into_iter().map(|claimed| send(app, claimed))).await {
        sent?;
    }
    Ok(count)
}

/// Takes the lanes that are due; another node leaves them alone until the lock ends.
fn claim(conn: &mut Conn, now: Instant) -> Result<Vec<Claimed>, ApiError> {
    let mut claimed = Vec::new();
    for row in store::list_due(conn, now, AT_ONCE)? {
        let (key, lane, error) = (row.key(), row.lane(), row.last_error.as_deref());
        if !lane.is_due(now) {
            continue;
        }
        let hook = store::find_hook(conn, key.0)?.filter(|hook| hook.revoked_at.is_none());
        match (hook, store::find_next(conn, key)?) {
            (Some(hook), Some(delivery)) => {
                let until = now + LOCK;
                let locked = Lane { locked_until: Some(until), ..lane };
                store::update_lane(conn, key, &locked, row.last_seq, error)?;
                claimed.push(Claimed { key, url: hook.url, delivery, until });
            }
            // Nobody wants to hear it any more, or nothing is left to say.
            _ => store::update_lane(conn, key, &lane.moved_on(false, now), row.last_seq, error)?,
        }
    }
    Ok(claimed)
}

async fn send(app: &App, claimed: Claimed) -> Result<(), ApiError> {
    let Claimed { key, url, delivery, until } = claimed;
    let (secret, post, at) = (secret(app, key.0), app.ports.post.clone(), app.now());
    let DeliveryRow { seq, event_id, body } = delivery;
    let outcome = tokio::task::spawn_blocking(move || {
        let id = event_id.0.to_string();
        post.post(&Letter { url: &url, secret: &secret, id: &id, at, body: &body })
    });
    let outcome = outcome.await.map_err(ApiError::internal)?;
    let inner = app.clone();
    app.db.write(move |conn| settle(conn, &inner, key, (seq, until), &outcome)).await
}

fn settle(
    conn: &mut Conn,
    app: &App,
    key: (Uuid, CaseId),
    (seq, until): (i64, Instant),
    outcome: &Result<(), PostFault>,
) -> Result<(), ApiError> {
    let now = app.now();
    if outcome.is_ok() {
        store::settle(conn, key, seq, "delivered", now)?;
    }
    // Whoever has taken the lane over since decides what becomes of it.
    let ours = store::find_lane(conn, key)?.filter(|row| row.lane().locked_until == Some(until));
    let Some(row) = ours else { return Ok(()) };
    let (lane, error) = match outcome {
        Ok(()) => {
            metrics::counter!("chakan_webhooks_sent_total").increment(1);
            (row.lane().moved_on(store::find_next(conn, key)?.is_some(), now), None)
        }
        Err(fault) => {
            metrics::counter!("chakan_webhook_failures_total").increment(1);
            let mut random = [0_u8; 1];
            app.ports.ids.random(&mut random);
            let [jitter] = random;
            (row.lane().failed(jitter, now), Some(fault.to_string()))
        }
    };
    if lane.state == LaneState::Stuck {
        tracing::warn!(webhook = %key.0, case = %key.1, "a message to a webhook was given up");
        metrics::counter!("chakan_webhooks_stuck_total").increment(1);
    }
    store::update_lane(conn, key, &lane, row.last_seq, error.as_deref())
}
