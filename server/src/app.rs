//! [`App`]: what every handler and job gets.

use std::sync::Arc;

use sync_core::time::Instant;

use crate::{
    auth::Auth,
    board::Tail,
    config::Config,
    db::Db,
    dispatch::ZoneCache,
    draft::Drafts,
    evidence::{ReuseIndex, Room},
    ports::Ports,
};

/// The one piece of shared state; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The outside world.
    pub ports: Ports,
    /// Tokens, keys and who is trusted.
    pub auth: Arc<Auth>,
    /// Draft documents in memory.
    pub drafts: Arc<Drafts>,
    /// Settings.
    pub config: Arc<Config>,
    /// How the photos look that are known.
    pub reuse: Arc<ReuseIndex>,
    /// How full the photo store is.
    pub room: Arc<Room>,
    /// Zones that were parsed before.
    pub zones: Arc<ZoneCache>,
    /// What those who watch on this node listen to.
    pub tail: Arc<Tail>,
}

impl App {
    /// Now, by the clock port.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.ports.clock.now()
    }

    /// A new id.
    #[must_use]
    pub fn new_id<T: From<uuid::Uuid>>(&self) -> T {
        T::from(self.ports.ids.uuid())
    }
}
