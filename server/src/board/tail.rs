//! One reader of the feed for each node, which tells everybody who watches there.
//!
//! Five hundred screens must not ask the database five hundred times for each event, so one task
//! follows the feed and passes every change on. It asks ten times a second while somebody watches;
//! changes that another node has written are found the same way. A watcher who does not keep up
//! loses its place in the channel, is cut off, and resumes from the last id that it has seen.

use std::{sync::Arc, time::Duration};

use sync_core::ids::PersonId;
use tokio::{
    sync::{broadcast, watch},
    time::MissedTickBehavior,
};

use crate::{
    app::App,
    auth::policy::{Actor, CaseFacts, Tasked, hears_of},
    case_log::{self, Change, FeedCursor},
    db::Conn,
    error::ApiError,
};

/// How long a change waits at most before a node looks for it.
const PAUSE: Duration = Duration::from_millis(100);
/// How many changes a watcher may lag behind before it is cut off.
const LAG: usize = 1_024;
/// How many may watch on one node.
const MOST_WATCHERS: usize = 2_000;

/// A change and who was sent to its case.
#[derive(Debug)]
pub struct Told {
    /// What changed.
    pub change: Change,
    /// Whoever is or was sent to the case.
    pub sent: Vec<PersonId>,
}

impl Told {
    /// Whether the actor hears of it.
    #[must_use]
    pub fn concerns(&self, actor: &Actor) -> bool {
        let tasked = if self.sent.contains(&actor.person) { Tasked::Now } else { Tasked::Never };
        let facts = CaseFacts { branch_path: self.change.branch_path.clone(), tasked };
        hears_of(actor, &facts, self.change.person)
    }
}

/// What watchers of this node listen to.
pub struct Tail {
    told: broadcast::Sender<Arc<Told>>,
    /// Everything after this place is told to whoever listens; nothing while nobody does.
    place: watch::Sender<Option<FeedCursor>>,
}

impl Default for Tail {
    fn default() -> Self {
        Self { told: broadcast::channel(LAG).0, place: watch::channel(None).0 }
    }
}

impl Tail {
    /// Listens from now on. The second value says from which place on nothing is missed.
    ///
    /// # Errors
    /// `overloaded` when too many watch here already.
    pub async fn listen(&self) -> Result<(broadcast::Receiver<Arc<Told>>, FeedCursor), ApiError> {
        if self.told.receiver_count() >= MOST_WATCHERS {
            return Err(ApiError::overloaded());
        }
        let listening = self.told.subscribe();
        let mut place = self.place.subscribe();
        let wait = async {
            let found = place.wait_for(Option::is_some).await;
            found.ok().and_then(|place| *place)
        };
        // The task looks every tenth of a second; without a database it cannot know its place.
        match tokio::time::timeout(Duration::from_secs(2), wait).await {
            Ok(Some(place)) => Ok((listening, place)),
            _ => Err(ApiError::database_unavailable()),
        }
    }
}

/// Follows the feed until it is told to stop.
pub async fn follow(app: App, mut stop: watch::Receiver<bool>) {
    let mut turns = tokio::time::interval(PAUSE);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = turns.tick() => {}
        }
        if app.tail.told.receiver_count() == 0 {
            // Without the place, the next listener waits for a new one and misses nothing.
            app.tail.place.send_replace(None);
        } else if let Err(error) = tell(&app).await {
            tracing::warn!(%error, "the change feed cannot be read");
        }
    }
}

/// Tells what is new, until nothing is.
async fn tell(app: &App) -> Result<(), ApiError> {
    let known = *app.tail.place.borrow();
    let Some(mut place) = known else {
        let place = app.db.read(case_log::latest_change).await?;
        app.tail.place.send_replace(Some(place));
        return Ok(());
    };
    loop {
        let told = app.db.read(move |conn| with_people(conn, place)).await?;
        let Some(last) = told.last() else { return Ok(()) };
        place = last.change.cursor;
        for told in told {
            // An error only means that nobody listens any more.
            let _ = app.tail.told.send(Arc::new(told));
        }
        app.tail.place.send_replace(Some(place));
    }
}

fn with_people(conn: &mut Conn, place: FeedCursor) -> Result<Vec<Told>, ApiError> {
    let changes = case_log::changes_after(conn, place)?;
    let told =
        |change: Change| Ok(Told { sent: case_log::people_of(conn, change.case_id)?, change });
    changes.into_iter().map(told).collect()
}
