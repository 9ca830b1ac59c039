//! The rounds that keep promises: work that must not wait behind any other.
//!
//! Jobs may be slow (a message gateway that hangs) and a claimed job of a node that died waits for its
//! lease. Rounds run beside them on every node, once a second. What they have done stands in the
//! database, so that two nodes do nothing twice and a node that dies leaves nothing undone.

use std::time::Duration;

use tokio::{sync::watch, time::MissedTickBehavior};

use crate::{app::App, dispatch, error::ApiError, sla};

const PAUSE: Duration = Duration::from_secs(1);

/// Goes round until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut turns = tokio::time::interval(PAUSE);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = turns.tick() => {}
        }
        if let Err(error) = once(&app).await {
            tracing::warn!(%error, "a round broke off");
            metrics::counter!("chakan_rounds_failed_total").increment(1);
        }
    }
}

/// One round; answers how much there was to do.
///
/// # Errors
/// Database faults.
pub async fn once(app: &App) -> Result<usize, ApiError> {
    // What fails in one must not keep the other from its work.
    let (sent, folded) = (dispatch::round(app).await, sla::round(app).await);
    Ok(sent? + folded?)
}
