//! JPEG at a half, a quarter or an eighth of its size, without ever holding it whole.
//!
//! Cameras write baseline JPEG: one pass over blocks of 8 by 8 pixels, each as its frequencies. The
//! lowest 4 by 4, 2 by 2 or 1 by 1 of them are the same block at a smaller size, so the rest need only
//! be read past, and no more than one row of blocks is in memory. So 108 megapixels fit into what an
//! image bomb may cost (B31). Everything unusual (progressive, arithmetic, four colours) is left to
//! the general decoder; so is everything that this one cannot make sense of.

mod bits;
mod blocks;
mod header;

use bits::Bits;
use blocks::{Kind, Place};
use header::{Component, Header};

use super::{Unreadable, pipeline::unreadable};

/// A picture at its smaller size.
pub(super) struct Scaled {
    /// Pixels across.
    pub(super) width: usize,
    /// Pixels down.
    pub(super) height: usize,
    /// Red, green and blue of each pixel, row by row.
    pub(super) rgb: Vec<u8>,
}

/// Decodes a JPEG so that its longer side is still at least this long; nothing when that would be its
/// full size, or when it is of a kind that others decode.
///
/// # Errors
/// More pixels than anybody decodes.
pub(super) fn decode(
    bytes: &[u8],
    side: usize,
    most_pixels: usize,
) -> Result<Option<Scaled>, Unreadable> {
    let Some(header) = header::read(bytes) else { return Ok(None) };
    if header.width * header.height > most_pixels {
        return Err(unreadable("too many pixels"));
    }
    let longer = header.width.max(header.height);
    let kind = [Kind::Eighth, Kind::Quarter, Kind::Half]
        .into_iter()
        .find(|kind| longer * kind.side() / 8 >= side);
    Ok(kind.and_then(|kind| scan(&header, kind)))
}

/// A component's part of the row of blocks that is being read.
struct Strip {
    light: Vec<u8>,
    width: usize,
    /// How many pixels of the picture one of its own stands for, across and down.
    spread: (usize, usize),
    last_dc: i32,
}

fn scan(header: &Header<'_>, kind: Kind) -> Option<Scaled> {
    let side = kind.side();
    let wide = header.components.iter().map(|one| one.across).max()?;
    let tall = header.components.iter().map(|one| one.down).max()?;
    let (across, down) = (header.width.div_ceil(8 * wide), header.height.div_ceil(8 * tall));
    let (width, height) = ((header.width * side).div_ceil(8), (header.height * side).div_ceil(8));
    let strip = |one: &Component| {
        let width = across * one.across * side;
        let even = wide.is_multiple_of(one.across) && tall.is_multiple_of(one.down);
        let light = vec![0; width * one.down * side];
        let spread = (wide / one.across, tall / one.down);
        even.then_some(Strip { light, width, spread, last_dc: 0 })
    };
    let mut strips = header.components.iter().map(strip).collect::<Option<Vec<_>>>()?;
    let places = blocks::places(kind);
    let mut rgb = Vec::new();
    rgb.try_reserve_exact(width * height * 3).ok()?;
    let mut rows = Rows::new(width, header.is_rgb);
    let mut bits = Bits::new(header.scan);
    let mut until_restart = header.restart;
    for row in 0..down {
        for column in 0..across {
            if header.restart > 0 {
                if until_restart == 0 {
                    bits.restart();
                    strips.iter_mut().for_each(|strip| strip.last_dc = 0);
                    until_restart = header.restart;
                }
                until_restart -= 1;
            }
            for (one, strip) in header.components.iter().zip(&mut strips) {
                group(&mut bits, one, strip, (kind, &places), column)?;
            }
        }
        for y in 0..(tall * side).min(height - row * tall * side) {
            rows.push(&strips, y, &mut rgb)?;
        }
    }
    Some(Scaled { width, height, rgb })
}

/// The blocks of one component that stand together.
fn group(
    bits: &mut Bits<'_>,
    one: &Component,
    strip: &mut Strip,
    (kind, places): (Kind, &[Place; 64]),
    column: usize,
) -> Option<()> {
    let side = kind.side();
    for y in 0..one.down {
        for x in 0..one.across {
            let block = blocks::read(bits, one, places, &mut strip.last_dc)?;
            let left = (column * one.across + x) * side;
            let top = y * side;
            for (line, pixels) in blocks::pixels(&block, kind).iter().take(side).enumerate() {
                let start = (top + line) * strip.width + left;
                strip.light.get_mut(start..start + side)?.copy_from_slice(pixels.get(..side)?);
            }
        }
    }
    Some(())
}

/// From rows of components to rows of pixels.
struct Rows {
    width: usize,
    is_rgb: bool,
    wide: [Vec<u8>; 3],
}

impl Rows {
    fn new(width: usize, is_rgb: bool) -> Self {
        Self { width, is_rgb, wide: [const { Vec::new() }; 3] }
    }

    fn push(&mut self, strips: &[Strip], y: usize, rgb: &mut Vec<u8>) -> Option<()> {
        for (strip, wide) in strips.iter().zip(&mut self.wide) {
            let (across, down) = strip.spread;
            let start = y / down * strip.width;
            let row = strip.light.get(start..start + strip.width)?;
            wide.clear();
            match across {
                1 => wide.extend_from_slice(row),
                2 => wide.extend(row.iter().flat_map(|value| [*value; 2])),
                _ => wide.extend(row.iter().flat_map(|value| std::iter::repeat_n(*value, across))),
            }
        }
        let start = rgb.len();
        rgb.resize(start + self.width * 3, 0);
        let pixels = rgb.get_mut(start..)?.as_chunks_mut::<3>().0;
        let [first, second, third] = &self.wide;
        if strips.len() == 1 {
            pixels.iter_mut().zip(first).for_each(|(pixel, light)| *pixel = [*light; 3]);
            return Some(());
        }
        let values = first.iter().zip(second).zip(third);
        if self.is_rgb {
            for (pixel, ((red, green), blue)) in pixels.iter_mut().zip(values) {
                *pixel = [*red, *green, *blue];
            }
        } else {
            for (pixel, ((light, blue), red)) in pixels.iter_mut().zip(values) {
                *pixel = colours(*light, *blue, *red);
            }
        }
        Some(())
    }
}

/// From brightness and two differences of colour (ITU-T T.871), in 1/65536.
fn colours(light: u8, blue: u8, red: u8) -> [u8; 3] {
    let light = (i32::from(light) << 16) + (1 << 15);
    let (blue, red) = (i32::from(blue) - 128, i32::from(red) - 128);
    [
        clamp((light + 91_881 * red) >> 16),
        clamp((light - 22_554 * blue - 46_802 * red) >> 16),
        clamp((light + 116_130 * blue) >> 16),
    ]
}

fn clamp(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
