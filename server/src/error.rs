//! [`ApiError`]: the one error of the server, and the only map from database faults to a problem.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use api_spec::problem::{Code, FieldError, Problem};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::{crowd, ports::blobs::BlobFault};

/// What a handler answers instead of a result. Refusals of rules become one through `From`.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    detail: Option<String>,
    fields: Vec<FieldError>,
    facts: serde_json::Map<String, serde_json::Value>,
    retry_after_s: Option<u32>,
    cause: Cause,
}

/// What the database layer needs to know about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The request, the rules or a bug: trying again changes nothing.
    Request,
    /// A concurrent transaction got in the way: the same work may succeed now.
    Contention,
    /// A unique key already stands; the caller usually knows what that means.
    UniqueKey,
    /// The connection is of no use any more.
    ConnectionLost,
}

impl ApiError {
    /// A problem with its stable code.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            fields: Vec::new(),
            facts: serde_json::Map::new(),
            retry_after_s: None,
            cause: Cause::Request,
        }
    }

    /// The same bytes for "does not exist" and "you may not see it".
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// Refused fields.
    #[must_use]
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        Self { fields, ..Self::new(Code::Invalid) }
    }

    /// One refused field.
    #[must_use]
    pub fn invalid_field(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, code, message)])
    }

    /// Something that cannot happen happened: recorded with its cause, told without it.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        metrics::counter!("chakan_internal_errors_total").increment(1);
        Self::new(Code::Internal)
    }

    /// The database cannot be reached or did not answer in time.
    #[must_use]
    pub fn database_unavailable() -> Self {
        Self { cause: Cause::ConnectionLost, ..Self::new(Code::DatabaseUnavailable).retry_after(2) }
    }

    /// More work is waiting than we let wait. Those who are told so at one moment are told to come back
    /// at different ones, so that thousands of phones that reconnect at once do not stay together.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::new(Code::Overloaded).retry_after(crowd::come_back_after_s())
    }

    /// Another transaction got in the way; the same work may succeed when it is run again.
    #[must_use]
    pub fn contention() -> Self {
        let soon = Self::new(Code::Overloaded).retry_after(crowd::come_back_soon_s());
        Self { cause: Cause::Contention, ..soon }
    }

    /// Adds what was wrong this time.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds a fact that a program needs in order to go on.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// Says after how many seconds another try makes sense.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Whether the same transaction may succeed when it is run again.
    #[must_use]
    pub fn is_contention(&self) -> bool {
        self.cause == Cause::Contention
    }

    /// The fault of an insert whose unique key another writer may have taken at the same moment: the
    /// same work finds what the other one did when it looks again.
    #[must_use]
    pub fn or_again(fault: diesel::result::Error) -> Self {
        let fault = Self::from(fault);
        if fault.is_unique_violation() { Self::contention() } else { fault }
    }

    /// Whether a unique key refused an insert.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        self.cause == Cause::UniqueKey
    }

    /// Whether the connection that gave this error must be thrown away.
    #[must_use]
    pub fn is_connection_lost(&self) -> bool {
        self.cause == Cause::ConnectionLost
    }

    /// The body on the wire.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem {
            kind: self.code.type_uri(),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            code: self.code.as_str().to_owned(),
            detail: self.detail.clone(),
            errors: self.fields.clone(),
            facts: self.facts.clone(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        for field in &self.fields {
            write!(f, "; {}: {}", field.field, field.code)?;
        }
        Ok(())
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after_s {
            response.insert_header(("retry-after", seconds.to_string()));
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header(("www-authenticate", "Bearer"));
        }
        match serde_json::to_vec(&self.problem()) {
            Ok(body) => response.content_type("application/problem+json").body(body),
            Err(_) => response.finish(),
        }
    }
}

impl From<DieselError> for ApiError {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind as Kind;
        match &error {
            DieselError::DatabaseError(Kind::UniqueViolation, _) => Self {
                cause: Cause::UniqueKey,
                ..Self::new(Code::Conflict).detail("a record with this key exists already")
            },
            DieselError::DatabaseError(Kind::SerializationFailure, _) => Self::contention(),
            DieselError::DatabaseError(Kind::ClosedConnection, _)
            | DieselError::BrokenTransactionManager => Self::database_unavailable(),
            DieselError::DatabaseError(Kind::Unknown | Kind::UnableToSendCommand, info) => {
                Self::from_message(info.message())
            }
            DieselError::NotFound => Self::internal("a row that must exist is missing"),
            _ => Self::internal(error),
        }
    }
}

impl From<BlobFault> for ApiError {
    fn from(fault: BlobFault) -> Self {
        match fault {
            BlobFault::Full => {
                tracing::error!("the photo store has no room left");
                Self::new(Code::OutOfStorage)
            }
            BlobFault::Busy => Self::overloaded(),
            BlobFault::TooLong => {
                Self::new(Code::HashMismatch).detail("more bytes than were declared")
            }
            BlobFault::Untrustworthy => Self::new(Code::Overloaded)
                .detail("the photo store is out of order; photos are not taken at the moment")
                .retry_after(30),
            BlobFault::Damaged | BlobFault::Io(_) => Self::internal(fault),
        }
    }
}

impl ApiError {
    /// Faults that the database library does not classify are told apart by the server's own words.
    fn from_message(message: &str) -> Self {
        const CONTENTION: &[&str] = &[
            "deadlock detected",
            "could not serialize",
            "database is locked",
            "due to lock timeout",
        ];
        const SLOW: &[&str] = &["due to statement timeout"];
        const FULL: &[&str] = &["disk is full", "No space left on device"];
        const LOST: &[&str] = &[
            "server closed the connection",
            "connection to server",
            "no connection to the server",
            "terminating connection",
            "could not receive data",
            "could not send data",
            "SSL SYSCALL",
            "the database system is",
            "disk I/O error",
            "unable to open database file",
        ];
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        if says(CONTENTION) {
            Self::contention()
        } else if says(SLOW) {
            Self::overloaded()
        } else if says(FULL) {
            tracing::error!("the database has no room left");
            Self::new(Code::OutOfStorage)
        } else if says(LOST) {
            Self::database_unavailable()
        } else {
            Self::internal(message)
        }
    }
}
