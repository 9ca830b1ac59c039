//! Messages to people outside: a text message today, other ways later.

mod gateway;

pub use gateway::HttpGateway;

/// One message. The text may hold a one-time code or a link: never log it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Stays the same over retries, so that the far side can drop doubles.
    pub id: String,
    /// Phone number.
    pub recipient: String,
    /// What to say.
    pub text: String,
}

/// The message did not go out; it will be tried again.
#[derive(Debug, thiserror::Error)]
#[error("the message could not be handed over: {0}")]
pub struct NotifyFault(pub String);

/// Hands messages to the outside. Called from a job on a blocking thread, never inside a transaction.
pub trait Notifier: Send + Sync {
    /// Hands over one message.
    ///
    /// # Errors
    /// [`NotifyFault`] when the far side did not take it.
    fn send(&self, message: &Message) -> Result<(), NotifyFault>;
}

/// Shows messages on the console: for the demo only.
#[derive(Clone, Copy, Debug)]
pub struct ConsoleNotifier;

impl Notifier for ConsoleNotifier {
    #[expect(clippy::print_stdout, reason = "showing the message is what this one is for")]
    fn send(&self, message: &Message) -> Result<(), NotifyFault> {
        println!("[message to {}] {}", message.recipient, message.text);
        Ok(())
    }
}

/// Keeps messages waiting: for a server that has no gateway configured.
#[derive(Clone, Copy, Debug)]
pub struct NoGateway;

impl Notifier for NoGateway {
    fn send(&self, _: &Message) -> Result<(), NotifyFault> {
        Err(NotifyFault("no message gateway is configured".into()))
    }
}
