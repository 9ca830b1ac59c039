//! JPEG at a half, a quarter or an eighth of its size, without ever holding it whole.
//!
//! Cameras write baseline JPEG: one pass over blocks of 8 by 8 pixels, each as its frequencies. The
//! lowest 4 by 4, 2 by 2 or 1 by 1 of them are the same block at a smaller size, so the rest need only
//! be read past, and no more than one row of blocks is in memory. So 108 megapixels fit into what an
//! image bomb may cost (B31), and so do most of those in many passes, which programs write and
//! [`progressive`] reads. Everything unusual (arithmetic, four colours) is left to the general decoder;
//! so is everything that this one cannot make sense of.

mod bits;
mod blocks;
mod header;
mod progressive;

use bits::Bits;
use blocks::{Block, Kind, Place};
use header::{Baseline, Codes, Component, Found, Frame, MOST_SCANS};

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

/// Decodes a JPEG so that its longer side is still at least this long, or as long as there is room for
/// if it comes in many passes; nothing when that would be its full size, or when it is of a kind that
/// others decode.
///
/// # Errors
/// More pixels or more passes than anybody decodes.
pub(super) fn decode(
    bytes: &[u8],
    side: usize,
    most_pixels: usize,
) -> Result<Option<Scaled>, Unreadable> {
    let Some(found) = header::read(bytes) else { return Ok(None) };
    let (Found::Baseline(frame, _) | Found::Progressive(frame, _)) = &found;
    if frame.width * frame.height > most_pixels {
        return Err(unreadable("too many pixels"));
    }
    let longer = frame.width.max(frame.height);
    let kind = [Kind::Eighth, Kind::Quarter, Kind::Half]
        .into_iter()
        .find(|kind| longer * kind.side() / 8 >= side);
    match &found {
        Found::Baseline(frame, scan) => Ok(kind.and_then(|kind| baseline(frame, scan, kind))),
        Found::Progressive(_, scans) if scans.len() > MOST_SCANS => {
            Err(unreadable("too many scans"))
        }
        Found::Progressive(frame, scans) => {
            Ok(progressive::decode(frame, scans, kind, bytes.len()))
        }
    }
}

/// Pixels across and down at a smaller size.
fn size(frame: &Frame, kind: Kind) -> (usize, usize) {
    let side = kind.side();
    ((frame.width * side).div_ceil(8), (frame.height * side).div_ceil(8))
}

fn baseline(frame: &Frame, scan: &Baseline<'_>, kind: Kind) -> Option<Scaled> {
    let mut canvas = Canvas::new(frame, kind)?;
    let (across, down) = frame.groups();
    let places = blocks::places(kind);
    let mut bits = Bits::new(scan.data);
    let mut restarts = Restarts::new(scan.restart);
    for _ in 0..down {
        for column in 0..across {
            if restarts.is_due() {
                bits.restart();
                canvas.strips.iter_mut().for_each(|strip| strip.last_dc = 0);
            }
            let parts = frame.components.iter().zip(&scan.codes);
            for (one, strip) in parts.zip(&mut canvas.strips) {
                group(&mut bits, one, strip, (kind, &places), column)?;
            }
        }
        canvas.finish_row()?;
    }
    Some(canvas.finished())
}

/// Counts the groups of blocks up to the next restart.
struct Restarts {
    every: usize,
    left: usize,
}

impl Restarts {
    fn new(every: usize) -> Self {
        Self { every, left: every }
    }

    /// Whether the next group comes behind a restart.
    #[inline]
    fn is_due(&mut self) -> bool {
        if self.every == 0 {
            return false;
        }
        let is_due = self.left == 0;
        self.left = if is_due { self.every } else { self.left } - 1;
        is_due
    }
}

/// The blocks of one component that stand together.
fn group(
    bits: &mut Bits<'_>,
    (one, codes): (&Component, &Codes),
    strip: &mut Strip,
    (kind, places): (Kind, &[Place; 64]),
    column: usize,
) -> Option<()> {
    for y in 0..one.down {
        for x in 0..one.across {
            let block = blocks::read(bits, one, codes, places, &mut strip.last_dc)?;
            strip.put(&block, kind, (column * one.across + x, y))?;
        }
    }
    Some(())
}

/// A component's part of the row of groups that is being read.
struct Strip {
    light: Vec<u8>,
    width: usize,
    /// How many pixels of the picture one of its own stands for, across and down.
    spread: (usize, usize),
    last_dc: i32,
}

impl Strip {
    #[inline]
    fn put(&mut self, block: &Block, kind: Kind, (column, row): (usize, usize)) -> Option<()> {
        let side = kind.side();
        for (line, pixels) in blocks::pixels(block, kind).iter().take(side).enumerate() {
            let start = (row * side + line) * self.width + column * side;
            self.light.get_mut(start..start + side)?.copy_from_slice(pixels.get(..side)?);
        }
        Some(())
    }
}

/// A picture in the making, from row to row of its groups.
struct Canvas {
    strips: Vec<Strip>,
    rows: Rows,
    picture: Scaled,
    /// Lines in a row of groups, and lines to come.
    lines: usize,
    left: usize,
}

impl Canvas {
    fn new(frame: &Frame, kind: Kind) -> Option<Self> {
        let side = kind.side();
        let (wide, tall) = frame.group();
        let (across, _) = frame.groups();
        let (width, height) = size(frame, kind);
        let strip = |one: &Component| {
            let width = across * one.across * side;
            let even = wide.is_multiple_of(one.across) && tall.is_multiple_of(one.down);
            let light = vec![0; width * one.down * side];
            let spread = (wide / one.across, tall / one.down);
            even.then_some(Strip { light, width, spread, last_dc: 0 })
        };
        let strips = frame.components.iter().map(strip).collect::<Option<Vec<_>>>()?;
        let mut rgb = Vec::new();
        rgb.try_reserve_exact(width * height * 3).ok()?;
        let rows = Rows::new(width, frame.is_rgb);
        let picture = Scaled { width, height, rgb };
        Some(Self { strips, rows, picture, lines: tall * side, left: height })
    }

    /// The strips are full.
    fn finish_row(&mut self) -> Option<()> {
        let lines = self.lines.min(self.left);
        self.left -= lines;
        (0..lines).try_for_each(|y| self.rows.push(&self.strips, y, &mut self.picture.rgb))
    }

    fn finished(self) -> Scaled {
        self.picture
    }
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
mod progressive_test;
#[cfg(test)]
mod tests;
