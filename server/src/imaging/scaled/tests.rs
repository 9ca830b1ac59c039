use image::{RgbImage, codecs::jpeg::JpegEncoder};

use super::*;

const ANY: usize = 300_000_000;

/// Soft shades with an edge in them.
fn shades(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        let edge = if x + y > (width + height) / 2 { 60 } else { 0 };
        image::Rgb([byte(x * 180 / width + edge), byte(y * 200 / height), byte(90 + edge)])
    })
}

fn jpeg(pixels: &RgbImage, sampling: jpeg_encoder::SamplingFactor, restart: u16) -> Vec<u8> {
    jpeg_in(pixels, sampling, restart, false)
}

/// In one pass, or in many with codes of all lengths.
fn jpeg_in(
    pixels: &RgbImage,
    sampling: jpeg_encoder::SamplingFactor,
    restart: u16,
    progressive: bool,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 92);
    encoder.set_sampling_factor(sampling);
    encoder.set_restart_interval(restart);
    encoder.set_progressive(progressive);
    // With restarts it does not find all that it needs codes for.
    encoder.set_optimized_huffman_tables(progressive && restart == 0);
    let side = |length: u32| u16::try_from(length).unwrap();
    let (width, height) = (side(pixels.width()), side(pixels.height()));
    encoder.encode(pixels.as_raw(), width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

/// How far pixels are from the averages of those that they stand for, without the edges of the
/// picture: the mean and the most.
fn distances(found: &Scaled, whole: &RgbImage, by: u32) -> (u32, u32) {
    let (mut sum, mut count, mut furthest) = (0, 0, 0);
    for y in 0..whole.height() / by {
        for x in 0..whole.width() / by {
            let at = (usize::try_from(y).unwrap() * found.width + usize::try_from(x).unwrap()) * 3;
            for channel in 0..3 {
                let all = (0..by * by).map(|n| whole.get_pixel(x * by + n % by, y * by + n / by));
                let mean = all.map(|pixel| u32::from(pixel[channel])).sum::<u32>() / (by * by);
                let distance = mean.abs_diff(u32::from(found.rgb[at + channel]));
                furthest = furthest.max(distance);
                (sum, count) = (sum + distance, count + 1);
            }
        }
    }
    (sum / count, furthest)
}

#[test]
fn every_size_looks_like_the_averages_of_the_whole() {
    use jpeg_encoder::SamplingFactor as S;
    for (sampling, restart) in
        [(S::F_1_1, 0), (S::F_2_2, 0), (S::F_2_1, 7), (S::F_2_2, 1), (S::F_1_2, 3)]
    {
        for (width, height) in [(640, 480), (333, 257), (70, 640)] {
            for progressive in [false, true] {
                let bytes = jpeg_in(&shades(width, height), sampling, restart, progressive);
                let whole = image::load_from_memory(&bytes).unwrap().into_rgb8();
                for by in [2, 4, 8] {
                    let longer = usize::try_from(width.max(height)).unwrap();
                    let found = decode(&bytes, longer / by, ANY).unwrap().unwrap();
                    let size = |side: u32| usize::try_from(side).unwrap().div_ceil(by);
                    assert_eq!((found.width, found.height), (size(width), size(height)));
                    // Colours are coarser than light, which shows at the edge in the picture.
                    let (mean, furthest) = distances(&found, &whole, u32::try_from(by).unwrap());
                    let case =
                        format!("{sampling:?} {restart} {width} x {height} by {by} {progressive}");
                    assert!(mean <= 5 && furthest <= 60, "{case}: {mean}, at most {furthest}");
                }
            }
        }
    }
}

#[test]
fn one_colour_stays_that_colour() {
    for colour in [[0, 0, 0], [255, 255, 255], [200, 30, 40], [10, 180, 250]] {
        let pixels = RgbImage::from_pixel(160, 160, image::Rgb(colour));
        let bytes = jpeg(&pixels, jpeg_encoder::SamplingFactor::F_2_2, 0);
        for side in [80, 40, 20] {
            let found = decode(&bytes, side, ANY).unwrap().unwrap();
            for pixel in found.rgb.as_chunks::<3>().0 {
                let far = pixel.iter().zip(colour).map(|(a, b)| a.abs_diff(b)).max();
                assert!(far <= Some(3), "{colour:?} became {pixel:?}");
            }
        }
    }
}

#[test]
fn one_component_is_gray() {
    let mut bytes = Vec::new();
    let gray =
        image::GrayImage::from_fn(400, 300, |x, _| image::Luma([u8::try_from(x / 2).unwrap()]));
    gray.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)).unwrap();
    let found = decode(&bytes, 200, ANY).unwrap().unwrap();
    assert_eq!((found.width, found.height), (200, 150));
    let row = &found.rgb[..600];
    assert!(
        row.as_chunks::<3>()
            .0
            .iter()
            .zip(0_u8..)
            .all(|(pixel, x)| { pixel[0] == pixel[2] && pixel[0].abs_diff(x) <= 3 })
    );
}

#[test]
fn what_is_not_for_this_decoder_is_left_to_others() {
    let bytes = jpeg(&shades(320, 240), jpeg_encoder::SamplingFactor::F_2_2, 0);
    assert!(decode(&bytes, 161, ANY).unwrap().is_none(), "smaller than asked");
    assert!(decode(&bytes, 40, 320 * 240 - 1).is_err());
    for nothing in [&b""[..], b"\xff\xd8", b"\xff\xd8\xff\xda", b"\x89PNG\r\n\x1a\n"] {
        assert!(decode(nothing, 1, ANY).unwrap().is_none());
    }
}

/// Arithmetic that overflows panics in this build, and so does every index that is out of bounds.
#[test]
fn no_bytes_make_it_panic() {
    let whole = jpeg(&shades(96, 80), jpeg_encoder::SamplingFactor::F_2_2, 2);
    for n in 0..whole.len() {
        for flip in [0xff, 0x01] {
            let mut changed = whole.clone();
            changed[n] ^= flip;
            // A size that is larger now costs no more than it says.
            let _ = decode(&changed, 8, 100_000);
        }
        let _ = decode(&whole[..n], 8, ANY);
    }
}
