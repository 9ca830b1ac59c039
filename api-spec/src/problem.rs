//! Errors on the wire: RFC 9457 problem documents with a stable code.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every answer that is not a success (`application/problem+json`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:chakan:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means, the same text for every occurrence.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// The stable code that programs may rely on.
    pub code: String,
    /// What was wrong this time and what is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields that were refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Facts a program needs in order to go on, for example the expected sequence number.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schema(value_type = Object)]
    pub facts: serde_json::Map<String, serde_json::Value>,
}

/// One refused field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Path of the field in the request, for example `position.lat`.
    pub field: String,
    /// Stable code of the rule that was broken, for example `out_of_range`.
    pub code: String,
    /// What is allowed.
    pub message: String,
}

impl FieldError {
    /// A refused field.
    #[must_use]
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.to_owned(), message: message.into() }
    }
}

/// A doubt about a value that was accepted all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Warning {
    /// Path of the field in the request.
    pub field: String,
    /// Stable code of the doubt, for example `vin_check_digit`.
    pub code: String,
    /// What looks wrong.
    pub message: String,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $status:literal $wire:literal, $title:literal;)*) => {
        /// The stable error codes; each has one status and one title.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $title] $(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it stands on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire),* }
            }

            /// The HTTP status that goes with the code.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The fixed title.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    Malformed = 400 "malformed_request", "The request cannot be read";
    IdempotencyKeyMissing = 400 "idempotency_key_missing", "This operation needs an Idempotency-Key header";
    Unauthenticated = 401 "unauthenticated", "Log in first";
    LoginFailed = 401 "login_failed", "User name or password is wrong";
    RefreshRefused = 401 "refresh_refused", "The refresh token is not valid any more";
    Forbidden = 403 "forbidden", "Your role does not allow this";
    NotFound = 404 "not_found", "There is no such thing, or you may not see it";
    MethodNotAllowed = 405 "method_not_allowed", "This address does not take that method";
    TooSlow = 408 "too_slow", "The body came too slowly; try again";
    Conflict = 409 "conflict", "The record is not in a state that allows this";
    IdempotencyKeyInFlight = 409 "idempotency_key_in_flight", "The same request is still being worked on";
    ActorReused = 409 "actor_reused", "This actor can append no more; get a new one and write unsent work again";
    SeqGap = 409 "seq_gap", "Changes before these are missing; send from the expected number";
    UnknownDeps = 409 "unknown_deps", "The changes build on changes that are not here";
    EpochOver = 410 "epoch_over", "The case has another draft document; open it anew";
    UploadGone = 410 "upload_gone", "The upload is over; begin a new one";
    TusVersion = 412 "tus_version", "This version of the upload protocol is not spoken here";
    VersionMismatch = 412 "version_mismatch", "The record has changed since you read it";
    TooLarge = 413 "too_large", "The request is larger than allowed";
    UnsupportedMediaType = 415 "unsupported_media_type", "This kind of content is not accepted";
    RangeNotSatisfiable = 416 "range_not_satisfiable", "The file has no such bytes";
    Invalid = 422 "invalid_fields", "Some fields are not valid";
    HashMismatch = 422 "hash_mismatch", "The bytes are not those that were declared; nothing was kept";
    IdempotencyKeyReused = 422 "idempotency_key_reused", "The Idempotency-Key was used for another request";
    Quarantined = 422 "quarantined", "A change was refused and put aside; nothing was taken";
    UploadTaken = 423 "upload_taken", "Another request goes on with this upload; ask for its offset";
    DraftLocked = 423 "draft_locked", "The draft takes no more changes";
    PreconditionRequired = 428 "precondition_required", "Send the version you read in If-Match";
    TooManyRequests = 429 "too_many_requests", "Too many attempts; wait and try again";
    ChecksumMismatch = 460 "checksum_mismatch", "The bytes are not those that were announced; they were not kept";
    Internal = 500 "internal_error", "We made a mistake; it has been recorded";
    Overloaded = 503 "overloaded", "Too much work at the moment; try again";
    DatabaseUnavailable = 503 "database_unavailable", "The database cannot be reached; try again";
    OutOfStorage = 507 "out_of_storage", "There is no room to store this";
}

impl Code {
    /// The problem type URI.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("urn:chakan:problem:{}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_errors() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{code:?} stands twice");
            assert!((400..=599).contains(&code.status()));
        }
    }
}
