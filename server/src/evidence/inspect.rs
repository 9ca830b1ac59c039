//! A first look at bytes that have arrived: what they are, by their own words, without decoding any
//! pixel (B31, B32).

use std::{
    fs::File,
    io::{BufRead, BufReader, Cursor, Read, Seek},
};

use api_spec::{evidence::CameraFacts, problem::Code};
use image::{ImageFormat, ImageReader, Limits};
use sync_core::photo::MOST_BYTES;
use tokio::sync::Semaphore;

use super::{camera, media::MediaType, rules::judge_pixels};
use crate::{error::ApiError, ports::blobs::Complete};

/// Headers end within this in all but strange files.
const HEADER_BYTES: u64 = 1024 * 1024;
/// What reading a header may allocate.
const MOST_ALLOCATED: u64 = 64 * 1024 * 1024;
/// Looks at a time: one may hold a whole file in memory when its header is strange.
static PLACES: Semaphore = Semaphore::const_new(2);

/// What the bytes are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) media_type: MediaType,
    /// 0 like the height where nothing was decoded.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) camera: CameraFacts,
}

/// Looks at bytes, off the async threads.
pub(super) async fn inspect(bytes: &Complete) -> Result<Picture, ApiError> {
    let _place = PLACES.acquire().await.map_err(ApiError::internal)?;
    let file = bytes.reader().map_err(ApiError::internal)?;
    match tokio::task::spawn_blocking(move || look(file)).await {
        Ok(outcome) => outcome,
        // Decoders panic on malicious bytes; that is an answer about the bytes.
        Err(_) => Err(unreadable()),
    }
}

fn look(mut file: File) -> Result<Picture, ApiError> {
    let mut start = Vec::new();
    file.by_ref().take(HEADER_BYTES).read_to_end(&mut start).map_err(ApiError::internal)?;
    let media_type = MediaType::of_bytes(&start).ok_or_else(|| {
        ApiError::new(Code::UnsupportedMediaType)
            .detail("send the original bytes of a JPEG, PNG, WebP or HEIC picture or of a video")
            .fact("reason", "not_a_picture")
    })?;
    let size = file.metadata().map_err(ApiError::internal)?.len();
    if size > MOST_BYTES && !media_type.is_video() {
        return Err(ApiError::new(Code::UnsupportedMediaType)
            .detail(format!("a picture has at most {MOST_BYTES} bytes"))
            .fact("reason", "too_large_for_a_picture"));
    }
    if !media_type.is_decoded() {
        return Ok(Picture { media_type, width: 0, height: 0, camera: notes(&start) });
    }
    let (width, height) = match dimensions(media_type, Cursor::new(&start)) {
        Some(dimensions) => dimensions,
        None => {
            file.rewind().map_err(ApiError::internal)?;
            dimensions(media_type, BufReader::new(file)).ok_or_else(unreadable)?
        }
    };
    judge_pixels(width, height).map_err(|refusal| {
        ApiError::new(Code::UnsupportedMediaType)
            .detail("at most 200 million pixels")
            .fact("reason", refusal.code())
    })?;
    Ok(Picture { media_type, width, height, camera: notes(&start) })
}

/// Nothing that stands in the camera's notes, and no fault of their reader, refuses a photo.
fn notes(start: &[u8]) -> CameraFacts {
    std::panic::catch_unwind(|| camera::read(start)).unwrap_or_default()
}

fn dimensions(media_type: MediaType, bytes: impl BufRead + Seek) -> Option<(u32, u32)> {
    let format = match media_type {
        MediaType::Jpeg => ImageFormat::Jpeg,
        MediaType::Png => ImageFormat::Png,
        MediaType::Webp => ImageFormat::WebP,
        MediaType::Heic | MediaType::Mp4 | MediaType::QuickTime | MediaType::ThreeGp => {
            return None;
        }
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_ALLOCATED);
    let mut reader = ImageReader::with_format(bytes, format);
    reader.limits(limits);
    reader.into_dimensions().ok().filter(|(width, height)| *width > 0 && *height > 0)
}

fn unreadable() -> ApiError {
    ApiError::new(Code::UnsupportedMediaType)
        .detail("the picture's header cannot be read")
        .fact("reason", "unreadable_header")
}

#[cfg(test)]
mod tests;
