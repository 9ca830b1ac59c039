//! The headers of tus 1.0.0, read strictly.

use actix_web::http::header::{HeaderMap, HeaderValue};
use api_spec::problem::Code;
use base64::{Engine, prelude::BASE64_STANDARD};
use sync_core::{
    ids::{CaseId, PhotoId},
    photo::{ContentHash, MOST_VIDEO_BYTES},
    time::Instant,
};

use crate::error::ApiError;

/// The version of the protocol that we speak.
pub(crate) const VERSION: &str = "1.0.0";
/// What we do beyond the core of the protocol.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
/// Sums of chunks that we can check.
pub(super) const ALGORITHMS: &str = "sha1,sha256";
/// Characters of metadata.
const MOST_METADATA: usize = 2_048;

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}").trim())
}

/// Refuses a version that we do not speak.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    match text(headers, "tus-resumable") {
        Some(VERSION) => Ok(()),
        _ => Err(ApiError::new(Code::TusVersion).detail(format!("send Tus-Resumable: {VERSION}"))),
    }
}

fn malformed(header: &str, allowed: &str) -> ApiError {
    ApiError::new(Code::Malformed).detail(format!("{header}: {allowed}")).fact("header", header)
}

/// A non-negative integer without sign.
fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = text(headers, name) else { return Ok(None) };
    let digits = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(Some(number)),
        _ => Err(malformed(name, "a non-negative integer")),
    }
}

/// Where the bytes of the request belong.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, ApiError> {
    number(headers, "upload-offset")?.ok_or_else(|| malformed("upload-offset", "must be there"))
}

/// How long the whole upload will be.
pub(super) fn length(headers: &HeaderMap) -> Result<u64, ApiError> {
    let length = number(headers, "upload-length")?
        .ok_or_else(|| malformed("upload-length", "must be there: it cannot be deferred"))?;
    // What it is shows only later; a picture has to be smaller.
    if length > MOST_VIDEO_BYTES {
        let most = format!("at most {MOST_VIDEO_BYTES} bytes");
        return Err(ApiError::new(Code::TooLarge).detail(most));
    }
    Ok(length)
}

/// How many bytes the request announces, if it does.
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    number(headers, "content-length")
}

/// Refuses bodies of another kind.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    const WANTED: &str = "application/offset+octet-stream";
    match text(headers, "content-type") {
        Some(WANTED) => Ok(()),
        _ => Err(ApiError::new(Code::UnsupportedMediaType).detail(format!("send {WANTED}"))),
    }
}

/// A sum over the chunk, to be checked before any of it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    Sha1(Vec<u8>),
    Sha256(Vec<u8>),
}

pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ApiError> {
    const NAME: &str = "upload-checksum";
    let Some(text) = text(headers, NAME) else { return Ok(None) };
    let (algorithm, sum) =
        text.split_once(' ').ok_or_else(|| malformed(NAME, "an algorithm, a space and a sum"))?;
    let sum = BASE64_STANDARD.decode(sum).map_err(|_| malformed(NAME, "the sum in Base64"))?;
    match (algorithm, sum.len()) {
        ("sha1", 20) => Ok(Some(Checksum::Sha1(sum))),
        ("sha256", 32) => Ok(Some(Checksum::Sha256(sum))),
        ("sha1" | "sha256", _) => Err(malformed(NAME, "the sum has another length")),
        _ => Err(malformed(NAME, &format!("one of {ALGORITHMS}"))),
    }
}

/// What the client says that it sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// The header as it came, to be given back.
    pub(super) raw: Option<String>,
    pub(super) case: Option<CaseId>,
    pub(super) photo: Option<PhotoId>,
    pub(super) sha256: Option<ContentHash>,
    pub(super) size: Option<u64>,
}

/// Reads `Upload-Metadata`. An empty header says nothing; common clients send it.
pub(super) fn metadata(headers: &HeaderMap) -> Result<Metadata, ApiError> {
    const NAME: &str = "upload-metadata";
    let Some(raw) = text(headers, NAME).filter(|text| !text.is_empty()) else {
        return Ok(Metadata::default());
    };
    let plain = raw.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if raw.len() > MOST_METADATA || !plain {
        return Err(malformed(NAME, &format!("at most {MOST_METADATA} visible characters")));
    }
    let mut metadata = Metadata { raw: Some(raw.to_owned()), ..Metadata::default() };
    let mut seen = Vec::new();
    for pair in raw.split(',') {
        let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        if key.is_empty() || seen.contains(&key) {
            return Err(malformed(NAME, "every key once, and none empty"));
        }
        seen.push(key);
        let value = BASE64_STANDARD
            .decode(value)
            .map_err(|_| malformed(NAME, &format!("{key}: the value in Base64")))?;
        metadata.set(key, &String::from_utf8_lossy(&value))?;
    }
    Ok(metadata)
}

impl Metadata {
    /// Keys that mean nothing to us, such as a file's name, are kept and not looked at.
    fn set(&mut self, key: &str, value: &str) -> Result<(), ApiError> {
        let wrong = || malformed("upload-metadata", &format!("{key}: cannot be read"));
        match key {
            "case" => self.case = Some(value.parse().map_err(|_| wrong())?),
            "photo" => self.photo = Some(value.parse().map_err(|_| wrong())?),
            "sha256" => self.sha256 = Some(value.parse().map_err(|_| wrong())?),
            "size" => self.size = Some(value.parse().map_err(|_| wrong())?),
            _ => {}
        }
        Ok(())
    }
}

/// A date as HTTP writes it.
pub(super) fn http_date(at: Instant) -> Result<HeaderValue, ApiError> {
    let date = crate::wire::time(at).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&date).map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.insert(HeaderName::from_static(name), value);
        headers
    }

    #[test]
    fn numbers_have_no_sign_and_no_words() {
        for (text, expected) in [("0", Some(0)), ("70", Some(70)), ("00", Some(0))] {
            assert_eq!(offset(&headers("upload-offset", text)).ok(), expected);
        }
        for text in ["", "-1", "+1", "1.0", "1e3", "0x1", "9999999999999999999", "１"] {
            assert!(offset(&headers("upload-offset", text)).is_err(), "{text}");
        }
        assert!(offset(&HeaderMap::new()).is_err());
    }

    #[test]
    fn metadata_is_pairs_of_key_and_base64() {
        let id = "018f3a5e-0000-7000-8000-000000000001";
        let encoded = BASE64_STANDARD.encode(id);
        let text = format!("filename aGVsbG8=,is_confidential,case {encoded}");
        let read = metadata(&headers("upload-metadata", &text)).unwrap();
        assert_eq!(read.case.map(|case| case.to_string()).as_deref(), Some(id));
        assert_eq!(read.raw.as_deref(), Some(text.as_str()));
        assert_eq!(metadata(&headers("upload-metadata", "")).unwrap(), Metadata::default());
        assert_eq!(metadata(&headers("upload-metadata", "   ")).unwrap(), Metadata::default());
        for wrong in ["a b c", "a aGVsbG8,", ",", "a YQ==,a YQ==", "case YQ==", "a ä"] {
            assert!(metadata(&headers("upload-metadata", wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sums_are_of_known_kinds_and_lengths() {
        let sum = |text: &str| checksum(&headers("upload-checksum", text));
        assert!(matches!(sum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="), Ok(Some(Checksum::Sha1(_)))));
        assert!(sum(&format!("sha256 {}", BASE64_STANDARD.encode([1; 32]))).is_ok());
        for wrong in
            ["", "sha1", "sha1 x", "sha1 YQ==", "md5 YQ==", "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="]
        {
            assert!(sum(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        let date = http_date(Instant(1_403_712_000_000)).unwrap();
        assert_eq!(date.to_str().unwrap(), "Wed, 25 Jun 2014 16:00:00 GMT");
    }
}
