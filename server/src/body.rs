//! Reading requests: JSON bodies with errors that name the field, ids in paths, keys in headers.

use std::io::Read;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::header, web};
use api_spec::problem::{Code, FieldError};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use sync_core::cbor;
use uuid::Uuid;

use crate::{auth::actor::admission, error::ApiError};

/// The largest JSON body of an ordinary request.
pub const MOST_BYTES: usize = 256 * 1024;

/// A JSON body and the hash of its bytes.
pub struct Body<T> {
    /// What was sent.
    pub value: T,
    /// SHA-256 of the bytes, to tell a retry from another request.
    pub sha256: [u8; 32],
}

/// A command: a JSON body with its `Idempotency-Key`.
pub struct Command<T> {
    /// What was sent.
    pub value: T,
    /// The key and what it stands for.
    pub key: CommandKey,
}

/// What makes two requests the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandKey {
    /// The header's value, 1 to 128 visible ASCII characters.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub request_sha256: [u8; 32],
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = read(request, payload);
        Box::pin(async move {
            let bytes = bytes.await?;
            Ok(Self { value: parse(&bytes)?, sha256: Sha256::digest(&bytes).into() })
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Command<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = read_command(request, payload);
        Box::pin(async move {
            let (bytes, key) = read.await?;
            Ok(Self { value: parse(&bytes)?, key })
        })
    }
}

/// The body of a command and the key it came under.
fn read_command(
    request: &HttpRequest,
    payload: &mut Payload,
) -> LocalBoxFuture<'static, Result<(web::Bytes, CommandKey), ApiError>> {
    let key = idempotency_key(request);
    let target = format!("{} {}\n", request.method(), request.path());
    let bytes = read(request, payload);
    let admission = admission(request);
    Box::pin(async move {
        admission.await;
        let key = key?;
        let bytes = bytes.await?;
        let mut hash = Sha256::new();
        hash.update(target.as_bytes());
        hash.update(&bytes);
        Ok((bytes, CommandKey { key, request_sha256: hash.finalize().into() }))
    })
}

fn idempotency_key(request: &HttpRequest) -> Result<String, ApiError> {
    let Some(value) = request.headers().get("idempotency-key") else {
        return Err(ApiError::new(Code::IdempotencyKeyMissing).detail(
            "send a new random value, for example a UUID, and the same one on every retry",
        ));
    };
    let key = value.to_str().unwrap_or_default().trim().trim_matches('"');
    if (1..=128).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic()) {
        Ok(key.to_owned())
    } else {
        Err(ApiError::new(Code::IdempotencyKeyMissing).detail("1 to 128 visible ASCII characters"))
    }
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Cbor,
}

fn form(request: &HttpRequest) -> Option<Form> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next()?.trim();
    [("application/json", Form::Json), ("application/cbor", Form::Cbor)]
        .into_iter()
        .find(|(name, _)| kind.eq_ignore_ascii_case(name))
        .map(|(_, form)| form)
}

/// Whether a body is packed; an error for a packing that is not taken.
fn is_packed(request: &HttpRequest) -> Result<bool, ApiError> {
    match request.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str()) {
        None | Some(Ok("identity")) => Ok(false),
        Some(Ok(name)) if name.eq_ignore_ascii_case("gzip") => Ok(true),
        Some(_) => Err(ApiError::new(Code::UnsupportedMediaType).detail("packed with gzip or not")),
    }
}

/// The body as JSON, whatever it was written as. Neither what came nor what it unpacks to may be larger
/// than the resource allows.
fn read(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<web::Bytes, ApiError>> + use<> {
    let (form, packed) = (form(request), is_packed(request));
    let most = request.app_data::<MostBytes>().map_or(MOST_BYTES, |most| most.0);
    let payload = payload.take();
    let admission = admission(request);
    async move {
        admission.await;
        let form = form.ok_or_else(|| {
            ApiError::new(Code::UnsupportedMediaType)
                .detail("send application/json or application/cbor")
        })?;
        let packed = packed?;
        let body = actix_web::body::BodyStream::new(payload);
        let bytes = match actix_web::body::to_bytes_limited(body, most).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => {
                return Err(ApiError::new(Code::Malformed).detail("the body broke off"));
            }
            Err(_) => return Err(too_large(most)),
        };
        if !packed && form == Form::Json {
            return Ok(bytes);
        }
        let plain = move || plain_json(&bytes, form, packed, most);
        tokio::task::spawn_blocking(plain).await.map_err(ApiError::internal)?
    }
}

fn too_large(most: usize) -> ApiError {
    ApiError::new(Code::TooLarge).detail(format!("at most {most} bytes"))
}

fn plain_json(bytes: &[u8], form: Form, packed: bool, most: usize) -> Result<web::Bytes, ApiError> {
    let unpacked;
    let bytes = if packed {
        unpacked = unpack(bytes, most)?;
        &unpacked
    } else {
        bytes
    };
    match form {
        Form::Json => Ok(web::Bytes::copy_from_slice(bytes)),
        Form::Cbor => {
            let value = cbor::to_json(bytes).map_err(|fault| {
                ApiError::new(Code::Malformed).detail(format!("not valid CBOR: {fault}"))
            })?;
            serde_json::to_vec(&value).map(Into::into).map_err(ApiError::internal)
        }
    }
}

/// Unpacks at most so many bytes.
fn unpack(bytes: &[u8], most: usize) -> Result<Vec<u8>, ApiError> {
    let mut plain = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    flate2::read::GzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|_| ApiError::new(Code::Malformed).detail("not valid gzip"))?;
    if plain.len() > most { Err(too_large(most)) } else { Ok(plain) }
}

/// How a caller wants the answer of an operation that also speaks CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer(Form);

impl FromRequest for Answer {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let asked = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let cbor = asked.is_some_and(|text| text.contains("application/cbor"));
        std::future::ready(Ok(Self(if cbor { Form::Cbor } else { Form::Json })))
    }
}

impl Answer {
    /// A 200 with this JSON, or the same in CBOR.
    ///
    /// # Errors
    /// Internal, when the body is no JSON.
    pub fn ok(self, json: Vec<u8>) -> Result<HttpResponse, ApiError> {
        let mut response = HttpResponse::Ok();
        match self.0 {
            Form::Json => Ok(response.content_type("application/json").body(json)),
            Form::Cbor => {
                let value = serde_json::from_slice(&json).map_err(ApiError::internal)?;
                let bytes = cbor::of_json(&value).map_err(ApiError::internal)?;
                Ok(response.content_type("application/cbor").body(bytes))
            }
        }
    }
}

/// Another limit for the bodies of one resource, as `app_data`.
pub struct MostBytes(pub usize);

/// Parses JSON; the error names the field.
///
/// # Errors
/// `malformed_request` when it is not JSON, `invalid_fields` when it is another shape.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if says_nul(bytes) {
        // PostgreSQL cannot store it, and no honest text holds it.
        refuse_nul(bytes)?;
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if cause.classify() == serde_json::error::Category::Data {
            ApiError::invalid(vec![FieldError::new(
                field_of(&path, &cause),
                "wrong_shape",
                plain(&cause),
            )])
        } else {
            ApiError::new(Code::Malformed).detail(format!("not valid JSON: {cause}"))
        }
    })?;
    deserializer
        .end()
        .map_err(|_| ApiError::new(Code::Malformed).detail("there is more after the JSON value"))?;
    Ok(value)
}

/// Missing and unknown fields are named in the message only: move the name to the path.
fn field_of(path: &str, cause: &serde_json::Error) -> String {
    let message = cause.to_string();
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    match (path, named) {
        (".", Some(name)) => name.to_owned(),
        (path, Some(name)) if !path.ends_with(name) => format!("{path}.{name}"),
        (".", None) => String::new(),
        (path, _) => path.to_owned(),
    }
}

/// The message without the position, which is of no use beside a field's name.
fn plain(cause: &serde_json::Error) -> String {
    let message = cause.to_string();
    message.split(" at line ").next().unwrap_or_default().to_owned()
}

fn says_nul(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|window| window == br"\u0000")
}

fn refuse_nul(bytes: &[u8]) -> Result<(), ApiError> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return Ok(()) };
    match find_nul(&value, String::new()) {
        None => Ok(()),
        Some(field) => {
            Err(ApiError::invalid_field(&field, "forbidden_character", "text must not hold NUL"))
        }
    }
}

/// The path of the first text with a NUL in it. The parser has bounded the depth.
fn find_nul(value: &serde_json::Value, path: String) -> Option<String> {
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        serde_json::Value::String(text) => text.contains('\0').then_some(path),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().find_map(|(n, item)| find_nul(item, below(&n.to_string())))
        }
        serde_json::Value::Object(fields) => fields.iter().find_map(|(name, item)| {
            if name.contains('\0') { Some(path.clone()) } else { find_nul(item, below(name)) }
        }),
        _ => None,
    }
}

/// An answer that is ready, kept back until the caller is known to be admitted.
pub(crate) fn admitted<T: 'static>(
    request: &HttpRequest,
    answer: Result<T, ApiError>,
) -> LocalBoxFuture<'static, Result<T, ApiError>> {
    let admission = admission(request);
    Box::pin(async move {
        admission.await;
        answer
    })
}

/// An id in the path. Anything that is not an id does not exist.
pub struct IdPath<T>(pub T);

impl<T: From<Uuid> + 'static> FromRequest for IdPath<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| Uuid::try_parse(text).ok());
        admitted(request, id.map(|id| Self(T::from(id))).ok_or_else(ApiError::not_found))
    }
}

/// A name in the path, for example of a clock.
pub struct NamePath(pub String);

impl FromRequest for NamePath {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.match_info().get("name").map(str::to_owned);
        admitted(request, name.map(Self).ok_or_else(ApiError::not_found))
    }
}

/// The version in `If-Match` that an update is based on.
pub struct IfMatch(pub i64);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let version = request.headers().get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        admitted(
            request,
            match version.map(|text| text.trim().trim_matches('"').parse()) {
                Some(Ok(version)) => Ok(Self(version)),
                Some(Err(_)) => Err(ApiError::new(Code::VersionMismatch)),
                None => Err(ApiError::new(Code::PreconditionRequired)),
            },
        )
    }
}

/// A query string; errors name the parameter.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = web::Query::<T>::from_query(request.query_string());
        admitted(
            request,
            match query {
                Ok(web::Query(value)) if !request.query_string().contains("%00") => Ok(Self(value)),
                Ok(_) => Err(ApiError::invalid_field(
                    "query",
                    "forbidden_character",
                    "text must not hold NUL",
                )),
                Err(error) => {
                    Err(ApiError::invalid_field("query", "wrong_shape", error.to_string()))
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its shape matters")]
        amount_fen: i64,
        #[serde(default)]
        #[expect(dead_code, reason = "only its shape matters")]
        inner: Option<Box<Sample>>,
        #[serde(default)]
        #[expect(dead_code, reason = "only its shape matters")]
        text: String,
    }

    #[test]
    fn packed_bodies_are_bounded_by_what_they_unpack_to() {
        use std::io::Write;
        let pack = |bytes: &[u8]| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        };
        let code = |bytes: &[u8]| match unpack(bytes, 1_000) {
            Ok(plain) => plain.len().to_string(),
            Err(error) => error.problem().code,
        };
        assert_eq!(code(&pack(&[b' '; 1_000])), "1000");
        assert_eq!(code(&pack(&[b' '; 1_001])), "too_large");
        assert_eq!(code(&pack(&vec![b' '; 64 << 20])), "too_large");
        assert_eq!(code(b"not packed"), "malformed_request");
        assert_eq!(code(&pack(&[b' '; 500])[..12]), "malformed_request");
        let plain = |bytes: &[u8], form| plain_json(bytes, form, false, 1_000);
        assert_eq!(plain(b"{}", Form::Json).unwrap(), "{}");
        assert_eq!(plain(&[0xa1, 0x61, b'a', 0x41, 0xff], Form::Cbor).unwrap(), r#"{"a":"/w=="}"#);
        assert!(plain(b"{}", Form::Cbor).is_err());
    }

    #[test]
    fn errors_name_the_field_or_say_that_it_is_no_json() {
        let deep = "[".repeat(200);
        for (json, code, field) in [
            (r#"{"amount_fen": 1.5}"#, "invalid_fields", "amount_fen"),
            (r#"{"amount_fen": "1"}"#, "invalid_fields", "amount_fen"),
            (r#"{"amount_fen": 1, "x": 1}"#, "invalid_fields", "x"),
            (r#"{"amount_fen": 1, "inner": {}}"#, "invalid_fields", "inner.amount_fen"),
            (r#"{"amount_fen": 1, "text": "a\u0000"}"#, "invalid_fields", "text"),
            (r#"{}"#, "invalid_fields", "amount_fen"),
            (r#"{"amount_fen": NaN}"#, "malformed_request", ""),
            (r#"{"amount_fen": 1, "text": "\ud800"}"#, "malformed_request", ""),
            (r#"{"amount_fen": 1} 2"#, "malformed_request", ""),
            (&deep, "invalid_fields", "[0]"),
            ("", "malformed_request", ""),
        ] {
            let problem = parse::<Sample>(json.as_bytes()).unwrap_err().problem();
            assert_eq!(problem.code, code, "{json}");
            let named = problem.errors.first().map_or("", |error| &error.field);
            assert_eq!(named, field, "{json}");
        }
        assert!(parse::<Sample>(br#"{"amount_fen": 1, "text": "\\u0000"}"#).is_ok());
    }
}
