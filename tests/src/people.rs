//! People who can log in.

use serde::Serialize;
use server::{
    app::App,
    auth::{policy::Role, token::Bearer},
    ports::ids::{Ids, SystemIds},
};
use sync_core::ids::{BranchId, DeviceId, PersonId};

use crate::client::{Client, Reply, Request};

/// Somebody who is logged in; their token is always fresh, however far the clock was moved.
#[derive(Clone)]
pub struct Person {
    /// Id.
    pub id: PersonId,
    /// User name; the password is [`crate::PASSWORD`].
    pub username: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Branch.
    pub branch: BranchId,
    /// The enrolled device that requests come from.
    pub device: Option<DeviceId>,
    pub(crate) app: App,
    pub(crate) client: Client,
}

impl Person {
    /// The same person, working from this enrolled device.
    #[must_use]
    pub fn on_device(&self, device: DeviceId) -> Self {
        Self { device: Some(device), ..self.clone() }
    }

    /// An access token that is valid now.
    #[must_use]
    pub fn token(&self) -> String {
        let bearer = Bearer { person: self.id, device: self.device };
        self.app.auth.tokens.issue(bearer, SystemIds.uuid(), self.app.now()).unwrap().0
    }

    /// A request with the person's token. Paths under `/api/v1` are written without it.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.client.request(method, path).token(&self.token())
    }

    /// Reads.
    #[must_use]
    pub fn get(&self, path: &str) -> Reply {
        self.request("GET", path).send()
    }

    /// Commands, under a new `Idempotency-Key`.
    #[must_use]
    pub fn post(&self, path: &str, body: &impl Serialize) -> Reply {
        self.request("POST", path).json(body).send()
    }

    /// Changes what stands there, if it still has this version.
    #[must_use]
    pub fn patch(&self, path: &str, version: i64, body: &impl Serialize) -> Reply {
        self.request("PATCH", path).if_match(version).json(body).send()
    }

    /// Puts JSON there.
    #[must_use]
    pub fn put(&self, path: &str, body: &impl Serialize) -> Reply {
        self.request("PUT", path).json(body).send()
    }

    /// Takes away what stands there.
    #[must_use]
    pub fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", path).send()
    }
}
