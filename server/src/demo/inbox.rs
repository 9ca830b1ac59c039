//! The customer's phone: keeps the text messages that the server sends.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

use crate::ports::notifier::{Message, Notifier, NotifyFault};

/// Received messages, oldest first.
#[derive(Default)]
pub struct Inbox {
    messages: Mutex<Vec<Message>>,
    arrived: Condvar,
}

impl Notifier for Inbox {
    fn send(&self, message: &Message) -> Result<(), NotifyFault> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        self.arrived.notify_all();
        Ok(())
    }
}

impl Inbox {
    /// The newest message to a number that `wanted` finds something in, waiting a while for it.
    pub(super) fn wait_for<T>(
        &self,
        recipient: &str,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let find = |messages: &[Message]| {
            messages
                .iter()
                .rev()
                .filter(|message| message.recipient == recipient)
                .find_map(|message| wanted(&message.text))
        };
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let (messages, _) = self
            .arrived
            .wait_timeout_while(messages, Duration::from_secs(20), |messages| {
                find(messages).is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        find(&messages)
    }
}
