//! JPEG by libjpeg-turbo: the feature `turbo`. It runs in the worker process only, as the others do.

use image::RgbImage;
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

use super::{Picture, Unreadable, pipeline::unreadable};

/// Decodes a JPEG so that its longer side is still at least this long; nothing when the bytes are
/// something else or it does not get through them.
///
/// # Errors
/// More pixels than anybody decodes.
pub(super) fn decode(
    bytes: &[u8],
    side: usize,
    most_pixels: usize,
) -> Result<Option<RgbImage>, Unreadable> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Ok(None);
    }
    let mut decoder = Decompressor::new().map_err(unreadable)?;
    let Ok(header) = decoder.read_header(bytes) else { return Ok(None) };
    if header.width.saturating_mul(header.height) > most_pixels {
        return Err(unreadable("too many pixels"));
    }
    let longer = header.width.max(header.height);
    let factor = [ScalingFactor::ONE_EIGHTH, ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF]
        .into_iter()
        .find(|factor| factor.scale(longer) >= side)
        .unwrap_or(ScalingFactor::ONE);
    decoder.set_scaling_factor(factor).map_err(unreadable)?;
    let (width, height) = (factor.scale(header.width), factor.scale(header.height));
    let mut pixels = vec![0; width * height * 3];
    let format = PixelFormat::RGB;
    let image = Image { pixels: pixels.as_mut_slice(), width, pitch: width * 3, height, format };
    if decoder.decompress(bytes, image).is_err() {
        return Ok(None);
    }
    let length = |length| u32::try_from(length).unwrap_or(0);
    Ok(RgbImage::from_raw(length(width), length(height), pixels))
}

/// JPEG with nothing in it but the picture.
pub(super) fn encode(pixels: &RgbImage, quality: u8) -> Result<Picture, Unreadable> {
    let (width, height) = pixels.dimensions();
    let length = |length| usize::try_from(length).unwrap_or(0);
    let mut encoder = Compressor::new().map_err(unreadable)?;
    encoder.set_quality(i32::from(quality)).map_err(unreadable)?;
    encoder.set_subsamp(Subsamp::Sub2x2).map_err(unreadable)?;
    let jpeg = encoder.compress_to_vec(Image {
        pixels: pixels.as_raw().as_slice(),
        width: length(width),
        pitch: length(width) * 3,
        height: length(height),
        format: PixelFormat::RGB,
    });
    Ok(Picture { width, height, jpeg: jpeg.map_err(unreadable)? })
}
