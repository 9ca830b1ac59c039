//! Servers of others that are told when the status of a case changes: repair shops and the core system.
//!
//! Administrators register them. A round follows the change feed and writes, for each case and server,
//! what is to be told, in the order of the case's log; a sender works it off, at least once, each case in
//! order: while a message waits for its next try, the later ones of the case wait behind it. After the
//! last try somebody has to look. What is told are ids, a step and a time, never whom it concerns.
//!
//! Sending has a loop of its own, because a server that hangs must not hold up codes and links.

mod api;
mod follow;
mod rules;
mod send;
mod store;

use std::time::Duration;

use tokio::{sync::watch, time::MissedTickBehavior};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::{app::App, error::ApiError};

pub use store::prune;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::create_webhook)
        .service(api::list_webhooks)
        .service(api::get_webhook)
        .service(api::revoke_webhook)
        .service(api::settle_stuck);
}

/// What messages to a server are signed with. It is stored nowhere.
fn secret(app: &App, id: Uuid) -> Vec<u8> {
    app.auth.secret.derive("webhook", id.as_bytes())
}

/// Goes round until it is told to stop.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut turns = tokio::time::interval(Duration::from_secs(1));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = turns.tick() => {}
        }
        // One message of each lane at a time: go on while there is more.
        while !*stop.borrow() {
            match once(&app).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "a round of webhooks broke off");
                    break;
                }
            }
        }
    }
}

/// Takes up what changed and sends what is due, each once; answers how much there was to do.
///
/// # Errors
/// Database faults.
pub async fn once(app: &App) -> Result<usize, ApiError> {
    Ok(follow::round(app).await? + send::due(app).await?)
}
