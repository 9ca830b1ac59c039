//! One person at one screen or phone: a blocking HTTP client that speaks the real API.

use serde_json::{Value, json};
use uuid::Uuid;

/// What went wrong, for the person who reads the story.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// An answer: status, headers that matter, body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Somebody who calls the server.
#[derive(Clone)]
pub(super) struct Caller {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Caller {
    /// Somebody who is not logged in.
    pub(super) fn new(base: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(30)))
            .build()
            .new_agent();
        Self { agent, base: base.to_owned(), token: None }
    }

    /// The same network, logged in as a demo person.
    pub(super) fn log_in(&self, username: &str) -> Result<Self, Fault> {
        let body = json!({ "username": username, "password": super::people::PASSWORD });
        let token = self.post("/api/v1/auth/login", &body)?;
        let token = token.get("access_token").and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            token: Some(token.ok_or_else(|| Fault("no access token".into()))?),
            ..self.clone()
        })
    }

    /// GET that must succeed.
    pub(super) fn get(&self, path: &str) -> Result<Value, Fault> {
        self.succeed("GET", path, None)
    }

    /// POST of a command that must succeed.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.succeed("POST", path, Some(body))
    }

    /// PUT of JSON that must succeed.
    pub(super) fn put(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.succeed("PUT", path, Some(body))
    }

    fn succeed(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Fault> {
        let bytes = body.map(ToString::to_string).unwrap_or_default();
        let content_type = body.map(|_| "application/json");
        let answer = self.send(method, path, content_type, bytes.as_bytes())?;
        if (200..300).contains(&answer.status) {
            Ok(answer.json())
        } else {
            Err(Fault(format!("{method} {path} answered {}: {}", answer.status, answer.text())))
        }
    }

    /// Any request; the answer whatever its status.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Answer, Fault> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("idempotency-key", new_key());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(kind) = content_type {
            request = request.header("content-type", kind);
        }
        let request = request.body(body).map_err(|error| Fault(error.to_string()))?;
        let mut response =
            self.agent.run(request).map_err(|error| Fault(format!("{method} {path}: {error}")))?;
        let status = response.status().as_u16();
        let body = response.body_mut().read_to_vec().map_err(|error| Fault(error.to_string()))?;
        Ok(Answer { status, body })
    }
}

fn new_key() -> String {
    crate::ports::ids::Ids::uuid(&crate::ports::ids::SystemIds).to_string()
}

/// A new client-made id.
pub(super) fn new_id() -> Uuid {
    crate::ports::ids::Ids::uuid(&crate::ports::ids::SystemIds)
}
