//! Requests and what was answered.

use std::{
    io::{BufRead, BufReader},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use api_spec::problem::Problem;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use server::ports::ids::{Ids, SystemIds};
use ureq::http;

use crate::document;

/// The way to one server.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    /// Server errors that were answered, for the harness to complain about.
    faults: Arc<Mutex<Vec<String>>>,
}

impl Client {
    pub(crate) fn new(address: std::net::SocketAddr, faults: Arc<Mutex<Vec<String>>>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .build()
            .into();
        Self { agent, base: format!("http://{address}"), faults }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request {
            client: self.clone(),
            method: method.to_uppercase(),
            path: document::full_path(path),
            headers: Vec::new(),
            body: None,
        }
    }
}

/// A request that is being put together.
#[must_use = "nothing is sent before send()"]
pub struct Request {
    client: Client,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// Sets a header, in place of one with the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a header away.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Sends the access token.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends this `Idempotency-Key` in place of a new one.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sends the version that the change is based on.
    pub fn if_match(self, version: i64) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    /// Sends JSON.
    pub fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).unwrap();
        self.header("content-type", "application/json").bytes(bytes)
    }

    /// Sends bytes as they are.
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some(bytes.into());
        self
    }

    /// Sends the request.
    ///
    /// # Panics
    /// When nothing is answered, or something that the document does not describe.
    #[must_use]
    #[track_caller]
    pub fn send(self) -> Reply {
        let (what, client) = (format!("{} {}", self.method, self.path), self.client.clone());
        let (method, path) = (self.method.clone(), self.path.clone());
        let reply = self.try_send().unwrap_or_else(|error| panic!("{what}: {error}"));
        document::assert_documented(&method, &path, reply.status, &reply.body);
        if reply.status >= 500 {
            client.faults.lock().unwrap().push(reply.to_string());
        }
        reply
    }

    /// Sends the request to a server that may be gone; the answer is not checked.
    ///
    /// # Errors
    /// When no answer came.
    pub fn try_send(self) -> Result<Reply, ureq::Error> {
        let what = format!("{} {}", self.method, self.path);
        let wants_key = self.method == "POST";
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("{}{}", self.client.base, self.path));
        let has_key =
            self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if wants_key && !has_key {
            request = request.header("idempotency-key", SystemIds.uuid().to_string());
        }
        let answer = match self.body {
            Some(body) => self.client.agent.run(request.body(body).unwrap())?,
            None => self.client.agent.run(request.body(()).unwrap())?,
        };
        let (head, mut body) = answer.into_parts();
        // A stream of events has no end to wait for: see Request::listen.
        let kind = head.headers.get("content-type").and_then(|value| value.to_str().ok());
        let endless = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
        let body =
            if endless { Vec::new() } else { body.with_config().limit(64 << 20).read_to_vec()? };
        Ok(Reply { what, status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Listens to a stream of server-sent events.
    ///
    /// # Panics
    /// When it is not one.
    #[must_use]
    #[track_caller]
    pub fn listen(self) -> Events {
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("{}{}", self.client.base, self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = self.client.agent.run(request.body(()).unwrap()).unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let (told, events) = mpsc::channel();
        let lines = BufReader::new(answer.into_body().into_reader()).lines();
        std::thread::spawn(move || {
            let mut event = Event::default();
            for line in lines {
                let Ok(line) = line else { return };
                match line.split_once(": ") {
                    Some(("id", id)) => event.id = id.to_owned(),
                    Some(("event", kind)) => event.kind = kind.to_owned(),
                    Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                    _ if line.is_empty()
                        && !event.kind.is_empty()
                        && told.send(std::mem::take(&mut event)).is_err() =>
                    {
                        return;
                    }
                    _ => {}
                }
            }
        });
        Events(events)
    }
}

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// The place to resume from.
    pub id: String,
    /// For example `change`.
    pub kind: String,
    /// What it says.
    pub data: Value,
}

/// A stream that is being listened to.
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    /// The next event.
    ///
    /// # Panics
    /// When none comes within ten seconds.
    #[must_use]
    #[track_caller]
    pub fn next(&self) -> Event {
        self.0.recv_timeout(Duration::from_secs(10)).expect("another event")
    }

    /// The next event unless the stream ended or nothing came for so long.
    #[must_use]
    pub fn within(&self, span: Duration) -> Option<Event> {
        self.0.recv_timeout(span).ok()
    }
}

/// What was answered.
#[derive(Clone)]
pub struct Reply {
    what: String,
    /// Status.
    pub status: u16,
    headers: http::HeaderMap,
    /// The bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// Fails unless the status is this one.
    ///
    /// # Panics
    /// Then.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// The body of a success as this type.
    ///
    /// # Panics
    /// When it is no success, or of another shape.
    #[must_use]
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert!((200..300).contains(&self.status), "{self}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The body of a success as plain JSON.
    ///
    /// # Panics
    /// When it is no success, or no JSON.
    #[must_use]
    #[track_caller]
    pub fn value(&self) -> Value {
        self.json()
    }

    /// The problem, if it has this status and this stable code.
    ///
    /// # Panics
    /// When something else was answered.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Problem {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        let problem: Problem =
            serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"));
        assert_eq!((problem.code.as_str(), problem.status), (code, status), "{self}");
        problem
    }

    /// Fails unless exactly this field was refused for this reason.
    ///
    /// # Panics
    /// Then.
    #[track_caller]
    pub fn refuses(&self, field: &str, code: &str) {
        let problem = self.problem(422, "invalid_fields");
        let refused: Vec<_> =
            problem.errors.iter().map(|e| (e.field.as_str(), e.code.as_str())).collect();
        assert_eq!(refused, [(field, code)], "{self}");
    }

    /// A header, if it stands there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(2_000).collect();
        write!(f, "{} -> {} {text}", self.what, self.status)
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
