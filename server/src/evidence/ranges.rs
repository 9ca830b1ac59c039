//! Part of a file: one range of bytes (RFC 9110, section 14).

use actix_web::{HttpRequest, http::header, web::Bytes};
use api_spec::problem::Code;
use futures_util::{StreamExt, stream::BoxStream};

use crate::{error::ApiError, ports::blobs::BlobFault};

/// Bytes from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteRange {
    first: u64,
    last: u64,
}

impl ByteRange {
    pub(super) fn length(self) -> u64 {
        self.last - self.first + 1
    }

    pub(super) fn header(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.first, self.last)
    }
}

/// The range that a request asks for. Several at once, and what is no range, ask for everything.
///
/// # Errors
/// `range_not_satisfiable` when the file ends before it.
pub(super) fn asked(request: &HttpRequest, size: u64) -> Result<Option<ByteRange>, ApiError> {
    let asked = request.headers().get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = asked.and_then(read) else { return Ok(None) };
    let range = match (first, last) {
        (Some(first), last) => {
            ByteRange { first, last: last.unwrap_or(u64::MAX).min(size.saturating_sub(1)) }
        }
        (None, Some(most)) if most > 0 => {
            ByteRange { first: size.saturating_sub(most), last: size.saturating_sub(1) }
        }
        (None, _) => ByteRange { first: size, last: size },
    };
    if range.first < size && range.first <= range.last {
        Ok(Some(range))
    } else {
        Err(ApiError::new(Code::RangeNotSatisfiable).fact("size", size))
    }
}

/// `bytes=first-last`, either of which may be absent.
fn read(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        (digits && !text.is_empty()).then(|| text.parse().ok())
    };
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some((None, Some(number(last)??))),
        (false, true) => Some((Some(number(first)??), None)),
        (false, false) => {
            let (first, last): (u64, u64) = (number(first)??, number(last)??);
            (first <= last).then_some((Some(first), Some(last)))
        }
    }
}

/// Only the bytes of the range. All are read, so that damaged ones are not handed out unseen.
pub(super) fn cut(
    bytes: BoxStream<'static, Result<Bytes, BlobFault>>,
    range: ByteRange,
) -> BoxStream<'static, Result<Bytes, BlobFault>> {
    let mut at = 0_u64;
    bytes
        .filter_map(move |piece| {
            let piece = piece.map(|piece| {
                let begin = at;
                at += u64::try_from(piece.len()).unwrap_or(0);
                let from = range.first.saturating_sub(begin).min(at - begin);
                let to = (range.last + 1).saturating_sub(begin).min(at - begin);
                let index = |n: u64| usize::try_from(n).unwrap_or(0);
                piece.slice(index(from)..index(to.max(from)))
            });
            let empty = piece.as_ref().is_ok_and(Bytes::is_empty);
            std::future::ready((!empty).then_some(piece))
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn ranges_are_read_strictly() {
        for (text, expected) in [
            ("bytes=0-0", Some((Some(0), Some(0)))),
            ("bytes=5-", Some((Some(5), None))),
            ("bytes=-5", Some((None, Some(5)))),
            ("bytes=-", None),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("items=0-1", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
