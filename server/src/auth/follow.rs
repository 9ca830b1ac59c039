//! Follows the key directories, so that a new key reaches every node that shares them and a removed one
//! is of no use within a second, without a restart.

use std::time::Duration;

use tokio::{sync::watch, time::MissedTickBehavior};

use super::keys::KeyFault;
use crate::app::App;

/// Half of the second in which a removed key must be out of use.
const PAUSE: Duration = Duration::from_millis(500);

/// Reads the keys again and again until it is told to stop.
pub async fn keys(app: App, mut stop: watch::Receiver<bool>) {
    let mut turns = tokio::time::interval(PAUSE);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known_fault = None;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = turns.tick() => {}
        }
        let auth = app.auth.clone();
        let outcome = tokio::task::spawn_blocking(move || auth.reload()).await;
        let fault = outcome.ok().and_then(Result::err).as_ref().map(KeyFault::to_string);
        // Said once, not twice a second.
        if let Some(fault) = &fault
            && known_fault.as_ref() != Some(fault)
        {
            tracing::error!(%fault, "signing keys cannot be read; those that could be stay in use");
        }
        metrics::gauge!("chakan_keys_unreadable").set(if fault.is_some() { 1.0 } else { 0.0 });
        known_fault = fault;
    }
}
