//! A gateway for text messages that takes JSON over HTTP.

use std::sync::Arc;

use serde_json::json;

use super::{Message, Notifier, NotifyFault};
use crate::ports::{
    clock::Clock,
    post::{Letter, Post},
};

/// Hands each message to the operator's gateway as `{"id", "to", "text"}`, signed as webhooks are.
/// Whatever it does not take with a status of success is handed over again later, under the same id.
pub struct HttpGateway {
    url: String,
    secret: Vec<u8>,
    post: Arc<dyn Post>,
    clock: Arc<dyn Clock>,
}

impl HttpGateway {
    /// The gateway at this address.
    #[must_use]
    pub fn new(url: String, secret: Vec<u8>, post: Arc<dyn Post>, clock: Arc<dyn Clock>) -> Self {
        Self { url, secret, post, clock }
    }
}

impl Notifier for HttpGateway {
    fn send(&self, message: &Message) -> Result<(), NotifyFault> {
        let body = json!({ "id": message.id, "to": message.recipient, "text": message.text });
        let body = body.to_string();
        let letter = Letter {
            url: &self.url,
            secret: &self.secret,
            id: &message.id,
            at: self.clock.now(),
            body: &body,
        };
        self.post.post(&letter).map_err(|fault| NotifyFault(fault.to_string()))
    }
}
