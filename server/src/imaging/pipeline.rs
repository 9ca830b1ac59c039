//! From an original to preview and thumbnail.

use std::io::Cursor;

use fast_image_resize::{
    FilterType, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::U8x3,
};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage, metadata::Orientation};
#[cfg(not(feature = "turbo"))]
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

#[cfg(feature = "turbo")]
use super::turbo;
use super::{Looks, Made, PREVIEW, Picture, THUMBNAIL, Unreadable, scaled, segments::exif};

/// Quality of the copies: small, and still good for reading a plate.
const QUALITY: u8 = 82;
/// More pixels than any camera gives; whoever asks for more gets nothing decoded.
const MOST_PIXELS: usize = 200_000_000;
/// No side of an honest photo is longer.
const LONGEST_SIDE: u32 = 30_000;
/// What decoding may allocate; the process has a limit of its own besides.
const MOST_ALLOCATED: u64 = 256 * 1024 * 1024;

pub(super) fn copies(bytes: Vec<u8>) -> Result<Made, Unreadable> {
    let (pixels, orientation) = decode(bytes)?;
    let preview = fit(halved(pixels), PREVIEW)?;
    let preview = turned(preview, orientation);
    let thumbnail = smaller(&preview, THUMBNAIL)?;
    let thumbnail = thumbnail.unwrap_or_else(|| preview.clone());
    let looks = Looks::of(&thumbnail, &preview);
    let pictures = vec![encode(&preview)?, encode(&thumbnail)?];
    Ok(Made { pictures, looks: Some(looks) })
}

pub(super) fn unreadable(error: impl std::fmt::Display) -> Unreadable {
    Unreadable(error.to_string())
}

/// The pixels as stored or a half, a quarter or an eighth as many in each direction while that is more
/// than a preview needs, and how the camera was held.
pub(super) fn decode(bytes: Vec<u8>) -> Result<(RgbImage, Orientation), Unreadable> {
    if let Some(pixels) = decode_scaled(&bytes)? {
        let orientation = exif(&bytes).and_then(Orientation::from_exif_chunk);
        return Ok((pixels, orientation.unwrap_or(Orientation::NoTransforms)));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_ALLOCATED);
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(unreadable)?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let pixels = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    Ok((pixels.into_rgb8(), orientation))
}

/// Large JPEGs; nothing for anything else.
fn decode_scaled(bytes: &[u8]) -> Result<Option<RgbImage>, Unreadable> {
    // It has no room for large photos in many passes.
    #[cfg(feature = "turbo")]
    if let Some(pixels) = turbo::decode(bytes, side(PREVIEW), MOST_PIXELS)? {
        return Ok(Some(pixels));
    }
    let Some(found) = scaled::decode(bytes, side(PREVIEW), MOST_PIXELS)? else { return Ok(None) };
    let length = |length| u32::try_from(length).map_err(unreadable);
    Ok(RgbImage::from_raw(length(found.width)?, length(found.height)?, found.rgb))
}

fn side(length: u32) -> usize {
    usize::try_from(length).unwrap_or(0)
}

/// Half the size by plain averages while it is more than twice as large as needed, in the same memory:
/// a better filter over all pixels would need half as much again.
fn halved(pixels: RgbImage) -> RgbImage {
    let mut pixels = pixels;
    while pixels.width().max(pixels.height()) >= PREVIEW * 2
        && pixels.width().min(pixels.height()) >= 2
    {
        let (width, height) = (pixels.width() / 2, pixels.height() / 2);
        let stride = usize::try_from(pixels.width()).unwrap_or(0) * 3;
        let mut raw = pixels.into_raw();
        average(&mut raw, stride, (width, height));
        pixels = RgbImage::from_raw(width, height, raw).unwrap_or_default();
    }
    pixels
}

/// Writes the averages of two by two pixels to the front. Every value is read before its place is
/// written, since four are read for each one written.
fn average(raw: &mut Vec<u8>, stride: usize, (width, height): (u32, u32)) {
    let (width, height) =
        (usize::try_from(width).unwrap_or(0), usize::try_from(height).unwrap_or(0));
    let mut row = vec![0_u8; width * 3];
    for y in 0..height {
        let Some(two) = raw.get(y * 2 * stride..(y * 2 + 2) * stride) else { break };
        let (upper, lower) = two.split_at(stride);
        let pairs = upper.chunks_exact(6).zip(lower.chunks_exact(6));
        for (out, (upper, lower)) in row.chunks_exact_mut(3).zip(pairs) {
            if let ([r, g, b], [a, c, d, e, f, h], [i, j, k, l, m, n]) = (out, upper, lower) {
                *r = mean([*a, *e, *i, *l]);
                *g = mean([*c, *f, *j, *m]);
                *b = mean([*d, *h, *k, *n]);
            }
        }
        if let Some(place) = raw.get_mut(y * width * 3..(y + 1) * width * 3) {
            place.copy_from_slice(&row);
        }
    }
    raw.truncate(width * height * 3);
    raw.shrink_to_fit();
}

fn mean(four: [u8; 4]) -> u8 {
    let sum: u16 = four.into_iter().map(u16::from).sum();
    u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX)
}

/// As large as fits in a square of this side; never larger than it was.
pub(super) fn fit(pixels: RgbImage, side: u32) -> Result<RgbImage, Unreadable> {
    Ok(smaller(&pixels, side)?.unwrap_or(pixels))
}

/// The same for a picture that is still needed; nothing when it fits already.
fn smaller(pixels: &RgbImage, side: u32) -> Result<Option<RgbImage>, Unreadable> {
    let (width, height) = pixels.dimensions();
    let longer = width.max(height);
    if longer <= side {
        return Ok(None);
    }
    let scaled = |length: u32| {
        let exact = u64::from(length) * u64::from(side) / u64::from(longer);
        u32::try_from(exact).unwrap_or(1).max(1)
    };
    resize(pixels, scaled(width), scaled(height)).map(Some)
}

pub(super) fn resize(pixels: &RgbImage, width: u32, height: u32) -> Result<RgbImage, Unreadable> {
    // With the kind of pixel known: the resizer would be compiled for every other kind too.
    let source =
        TypedImageRef::<U8x3>::from_buffer(pixels.width(), pixels.height(), pixels.as_raw())
            .map_err(unreadable)?;
    let mut resized = RgbImage::new(width, height);
    let mut target =
        TypedImage::<U8x3>::from_buffer(width, height, &mut resized).map_err(unreadable)?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(unreadable)?;
    Ok(resized)
}

fn turned(pixels: RgbImage, orientation: Orientation) -> RgbImage {
    let mut picture = DynamicImage::ImageRgb8(pixels);
    picture.apply_orientation(orientation);
    picture.into_rgb8()
}

/// JPEG with nothing in it but the picture.
#[cfg(feature = "turbo")]
pub(super) fn encode(pixels: &RgbImage) -> Result<Picture, Unreadable> {
    turbo::encode(pixels, QUALITY)
}

/// JPEG with nothing in it but the picture.
#[cfg(not(feature = "turbo"))]
pub(super) fn encode(pixels: &RgbImage) -> Result<Picture, Unreadable> {
    let (width, height) = pixels.dimensions();
    let side = |length| u16::try_from(length).map_err(unreadable);
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder
        .encode(pixels.as_raw(), side(width)?, side(height)?, ColorType::Rgb)
        .map_err(unreadable)?;
    Ok(Picture { width, height, jpeg })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let n = x.wrapping_mul(73).wrapping_add(y.wrapping_mul(151)) % 256;
            image::Rgb([u8::try_from(n).unwrap(), u8::try_from(x % 256).unwrap(), 90])
        })
    }

    #[test]
    fn halving_in_place_is_the_average_of_four() {
        for (width, height) in [(3_200, 10), (3_201, 11), (10, 6_400), (6_500, 7)] {
            let before = noisy(width, height);
            let after = halved(before.clone());
            assert!(after.width().max(after.height()) < PREVIEW * 2);
            if after.width() == width / 2 {
                for (x, y) in [(0, 0), (after.width() - 1, after.height() - 1), (3, 2)] {
                    let sum: u32 = [(0, 0), (1, 0), (0, 1), (1, 1)]
                        .iter()
                        .map(|(dx, dy)| u32::from(before.get_pixel(x * 2 + dx, y * 2 + dy)[0]))
                        .sum();
                    assert_eq!(u32::from(after.get_pixel(x, y)[0]), (sum + 2) / 4);
                }
            }
        }
    }

    #[test]
    fn copies_fit_their_squares_and_carry_nothing_else() {
        for (width, height, preview, thumbnail) in [
            (4_032, 3_024, (1_600, 1_200), (320, 240)),
            (100, 80, (100, 80), (100, 80)),
            (1, 5_000, (1, 1_600), (1, 320)),
        ] {
            let original = encode(&noisy(width, height)).unwrap().jpeg;
            let made = copies(original).unwrap();
            let sizes: Vec<_> = made.pictures.iter().map(|p| (p.width, p.height)).collect();
            assert_eq!(sizes, [preview, thumbnail], "{width} x {height}");
            for picture in &made.pictures {
                assert!(!picture.jpeg.windows(4).any(|four| four == b"Exif"));
                assert!(image::load_from_memory(&picture.jpeg).is_ok());
            }
        }
    }

    #[test]
    fn nonsense_is_an_answer() {
        for bytes in [&b""[..], b"\xff\xd8\xff", b"<svg/>", b"\x89PNG\r\n\x1a\n"] {
            assert!(copies(bytes.to_vec()).is_err());
        }
    }
}
