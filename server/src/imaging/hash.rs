//! How a photo looks, in a few bytes: hashes that stay nearly the same when it is compressed again,
//! made smaller, cropped a little, made brighter or darker, or turned (B28).

use std::sync::LazyLock;

use image::{GrayImage, RgbImage, imageops};
use serde::{Deserialize, Serialize};
use sync_core::capture::Exposure;

/// Hashes of one photo: of the whole, and of what is left when each side or two of them are cropped.
pub const VARIANTS: usize = 6;
/// Side of the square that the hash is taken of.
const SIDE: u32 = 32;
/// Frequencies in each direction.
const LOW: usize = 8;
/// What a crop takes away, in thousandths of the side.
const CROP: u32 = 40;

/// How a photo looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Looks {
    /// A perceptual hash of the whole and of its crops.
    pub hashes: [u64; VARIANTS],
    /// The hash of the whole, turned by 90, 180 and 270 degrees.
    pub turned: [u64; 3],
    /// Sharpness and light, as the phone measures them too.
    pub exposure: Exposure,
}

impl Looks {
    /// Hashes from the thumbnail, sharpness from the preview.
    #[must_use]
    pub fn of(thumbnail: &RgbImage, preview: &RgbImage) -> Self {
        let gray = imageops::grayscale(thumbnail);
        let (width, height) = gray.dimensions();
        let (dx, dy) = (width * CROP / 1_000, height * CROP / 1_000);
        let crop =
            |x, y| hash(&imageops::crop_imm(&gray, x, y, width - dx, height - dy).to_image());
        let hashes =
            [hash(&gray), crop(0, 0), crop(dx, 0), crop(0, dy), crop(dx, dy), crop(dx / 2, dy / 2)];
        let turned = [
            hash(&imageops::rotate90(&gray)),
            hash(&imageops::rotate180(&gray)),
            hash(&imageops::rotate270(&gray)),
        ];
        let light = imageops::grayscale(preview);
        let side = |length| usize::try_from(length).unwrap_or(0);
        let exposure = Exposure::measure(light.as_raw(), side(light.width()), side(light.height()));
        Self { hashes, turned, exposure }
    }
}

/// Which of the lowest frequencies are stronger than their median, one bit each.
fn hash(gray: &GrayImage) -> u64 {
    let small = imageops::resize(gray, SIDE, SIDE, imageops::FilterType::Triangle);
    let rows: Vec<[f32; LOW]> = small
        .as_raw()
        .chunks_exact(usize::try_from(SIDE).unwrap_or(1))
        .map(|row| frequencies(row.iter().map(|value| f32::from(*value))))
        .collect();
    let mut strengths = [0_f32; LOW * LOW];
    for (x, column) in strengths.chunks_exact_mut(LOW).enumerate() {
        let values = rows.iter().map(|row| row.get(x).copied().unwrap_or(0.0));
        column.copy_from_slice(&frequencies(values));
    }
    // The first one is the brightness of all, which says nothing.
    let mut sorted = strengths;
    let [first, rest @ ..] = &mut sorted;
    *first = 0.0;
    rest.sort_by(f32::total_cmp);
    let median = sorted.get(LOW * LOW / 2).copied().unwrap_or(0.0);
    strengths.iter().skip(1).fold(0, |bits, strength| bits << 1 | u64::from(*strength > median))
}

/// The cosines of each frequency at each place (DCT-II).
static WAVES: LazyLock<[[f32; 32]; LOW]> = LazyLock::new(|| {
    let mut waves = [[0.0; 32]; LOW];
    let mut frequency = 0.0_f32;
    for wave in &mut waves {
        let mut place = 0.5_f32;
        for cosine in wave.iter_mut() {
            *cosine = (std::f32::consts::PI / 32.0 * place * frequency).cos();
            place += 1.0;
        }
        frequency += 1.0;
    }
    waves
});

/// The lowest frequencies of a row of [`SIDE`] values.
fn frequencies(values: impl Iterator<Item = f32> + Clone) -> [f32; LOW] {
    let strength = |wave: &[f32; 32]| wave.iter().zip(values.clone()).map(|(a, b)| a * b).sum();
    WAVES.each_ref().map(strength)
}
