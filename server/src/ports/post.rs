//! Signed messages to servers of others: webhooks, and the gateway for text messages.
//!
//! Signed as Standard Webhooks (<https://www.standardwebhooks.com>) says: `webhook-id`,
//! `webhook-timestamp` in seconds and `webhook-signature`, which is `v1,` and the base64 of an
//! HMAC-SHA256 over `<id>.<timestamp>.<body>`. The id stays the same over retries, so that the far side
//! can drop doubles; the time tells it what is too old to be meant.

mod reach;

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use sync_core::time::Instant;
use ureq::{
    config::Config,
    http::Uri,
    tls::{RootCerts, TlsConfig},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

pub use reach::{UrlRefusal, check_url, may_reach};

/// How long the far side may take, name and handshake included.
const TIME_OUT: Duration = Duration::from_secs(10);

/// One message.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// Where to.
    pub url: &'a str,
    /// What it is signed with.
    pub secret: &'a [u8],
    /// The same over retries.
    pub id: &'a str,
    /// When it is sent.
    pub at: Instant,
    /// JSON.
    pub body: &'a str,
}

/// It was not taken; it may have arrived all the same. Neither address nor answer stand in the words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostFault {
    /// The far side answered with another status than one of success.
    #[error("answered {0}")]
    Refused(u16),
    /// No answer came.
    #[error("{0}")]
    NoAnswer(&'static str),
}

/// Sends messages. Called on a blocking thread, never inside a transaction.
pub trait Post: Send + Sync {
    /// Sends one message.
    ///
    /// # Errors
    /// [`PostFault`] unless the far side says that it took it.
    fn post(&self, letter: &Letter<'_>) -> Result<(), PostFault>;
}

/// The value of `webhook-signature`.
#[must_use]
pub fn signature(secret: &[u8], id: &str, seconds: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signed = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(signed))
}

/// Over HTTP.
pub struct HttpPost(ureq::Agent);

impl HttpPost {
    /// To addresses that others have named: the public network only, whatever their names lead to at
    /// the moment of the call; this machine too if `loopback` says so. Redirects are not followed.
    #[must_use]
    pub fn to_strangers(loopback: bool) -> Self {
        let resolver = PublicOnly { loopback, names: DefaultResolver::default() };
        Self(ureq::Agent::with_parts(config(), DefaultConnector::default(), resolver))
    }

    /// To a server that the operator has named.
    #[must_use]
    pub fn to_operators_own() -> Self {
        Self(config().new_agent())
    }
}

fn config() -> Config {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    ureq::Agent::config_builder()
        .timeout_global(Some(TIME_OUT))
        .max_redirects(0)
        .http_status_as_error(false)
        // A proxy of the environment would look names up itself.
        .proxy(None)
        .user_agent("chakan")
        .tls_config(tls)
        .build()
}

impl Post for HttpPost {
    fn post(&self, letter: &Letter<'_>) -> Result<(), PostFault> {
        let seconds = letter.at.0.div_euclid(1_000);
        let request = self
            .0
            .post(letter.url)
            .header("content-type", "application/json")
            .header("webhook-id", letter.id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature(letter.secret, letter.id, seconds, letter.body));
        let answer = request.send(letter.body).map_err(|error| no_answer(&error))?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(PostFault::Refused(status.as_u16())) }
    }
}

/// What went wrong, without the address.
fn no_answer(error: &ureq::Error) -> PostFault {
    use ureq::Error as E;
    PostFault::NoAnswer(match error {
        E::Timeout(_) => "no answer in time",
        E::HostNotFound => "the name leads nowhere that may be called",
        E::ConnectionFailed | E::Io(_) => "no connection",
        E::Tls(_) | E::Rustls(_) | E::TlsRequired => "no trusted connection",
        _ => "no answer",
    })
}

/// Looks names up and passes over every address that is not public.
struct PublicOnly {
    loopback: bool,
    names: DefaultResolver,
}

impl fmt::Debug for PublicOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicOnly").field("loopback", &self.loopback).finish_non_exhaustive()
    }
}

impl Resolver for PublicOnly {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        for address in found.iter().filter(|found| may_reach(found.ip(), self.loopback)) {
            kept.push(*address);
        }
        if kept.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(kept) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_published_example_is() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
