//! Blocks: from codes to frequencies to pixels.

use super::{
    bits::Bits,
    header::{Codes, Component},
};

/// How much smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Eighth,
    Quarter,
    Half,
}

impl Kind {
    /// Pixels of a side of what a block becomes.
    pub(super) fn side(self) -> usize {
        match self {
            Self::Eighth => 1,
            Self::Quarter => 2,
            Self::Half => 4,
        }
    }
}

/// Where a frequency stands in a [`Block`].
pub(super) type Place = u8;
/// The lowest 4 by 4 frequencies row by row, and behind them room for one that nobody needs.
type Frequencies = [i32; 32];
pub(super) const NOWHERE: Place = 16;

/// What was read of a block.
pub(super) struct Block {
    frequencies: Frequencies,
    /// Whether there is more than the first.
    busy: bool,
}

/// Column and row of each frequency in the order of the file (ITU-T T.81, figure A.6).
const ORDER: [u8; 64] = [
    0x00, 0x10, 0x01, 0x02, 0x11, 0x20, 0x30, 0x21, 0x12, 0x03, 0x04, 0x13, 0x22, 0x31, 0x40, 0x50,
    0x41, 0x32, 0x23, 0x14, 0x05, 0x06, 0x15, 0x24, 0x33, 0x42, 0x51, 0x60, 0x70, 0x61, 0x52, 0x43,
    0x34, 0x25, 0x16, 0x07, 0x17, 0x26, 0x35, 0x44, 0x53, 0x62, 0x71, 0x72, 0x63, 0x54, 0x45, 0x36,
    0x27, 0x37, 0x46, 0x55, 0x64, 0x73, 0x74, 0x65, 0x56, 0x47, 0x57, 0x66, 0x75, 0x76, 0x67, 0x77,
];

/// Where each frequency of the file goes.
pub(super) fn places(kind: Kind) -> [Place; 64] {
    ORDER.map(|order| {
        let (column, row) = (order >> 4, order & 15);
        let inside = usize::from(column.max(row)) < kind.side();
        if inside { row * 4 + column } else { NOWHERE }
    })
}

/// Beyond what any honest encoder writes; what is computed of it fits 32 bits.
fn bounded(value: i32, step: u16) -> i32 {
    value.wrapping_mul(i32::from(step)).clamp(-4_096, 4_095)
}

#[inline]
pub(super) fn read(
    bits: &mut Bits<'_>,
    one: &Component,
    codes: &Codes,
    places: &[Place; 64],
    last_dc: &mut i32,
) -> Option<Block> {
    let mut block = Block { frequencies: [0; 32], busy: false };
    let (_, _, ahead) = bits.next(&codes.dc)?;
    *last_dc = last_dc.wrapping_add(ahead);
    let [first_step, ..] = one.steps;
    let [first, ..] = &mut block.frequencies;
    *first = bounded(*last_dc, first_step);
    let mut at = 1;
    while at < 64 {
        let (zeros, size, value) = bits.next(&codes.ac)?;
        if size == 0 {
            if zeros < 15 {
                break;
            }
            at += 16;
            continue;
        }
        at += zeros;
        let (place, step) = (*places.get(at)?, *one.steps.get(at)?);
        block.busy |= place < NOWHERE;
        *block.frequencies.get_mut(usize::from(place % 32))? = bounded(value, step);
        at += 1;
    }
    Some(block)
}

/// A block from what is kept of its frequencies in the order of the file.
#[inline]
pub(super) fn gather(kept: &[i16], (places, steps): (&[Place], &[u16])) -> Block {
    let mut block = Block { frequencies: [0; 32], busy: false };
    for ((value, step), place) in kept.iter().zip(steps).zip(places) {
        if let Some(frequency) = block.frequencies.get_mut(usize::from(*place)) {
            *frequency = bounded(i32::from(*value), *step);
        }
    }
    block.busy = kept.iter().skip(1).any(|value| *value != 0);
    block
}

/// The pixels of a block, the first ones of the first lines.
#[inline]
pub(super) fn pixels(block: &Block, kind: Kind) -> [[u8; 4]; 4] {
    let [first, second, _, _, third, fourth, ..] = &block.frequencies;
    if !block.busy || kind == Kind::Eighth {
        return [[eighth(*first); 4]; 4];
    }
    if kind == Kind::Quarter {
        let (sum, difference) = (first + second, first - second);
        let (lower_sum, lower_difference) = (third + fourth, third - fourth);
        let upper = [eighth(sum + lower_sum), eighth(difference + lower_difference), 0, 0];
        let lower = [eighth(sum - lower_sum), eighth(difference - lower_difference), 0, 0];
        return [upper, lower, [0; 4], [0; 4]];
    }
    half(&block.frequencies)
}

fn eighth(value: i32) -> u8 {
    level(value + 4, 3)
}

fn level(value: i32, bits: u32) -> u8 {
    u8::try_from(((value >> bits) + 128).clamp(0, 255)).unwrap_or_default()
}

/// The inverse cosine transform of 4 by 4, in 1/8192: one eighth's square root, half of cos 22.5° and
/// half of cos 67.5°.
fn half(frequencies: &Frequencies) -> [[u8; 4]; 4] {
    let (rows, _) = frequencies.as_chunks::<4>();
    let [a, b, c, d, ..] = rows else { return [[0; 4]; 4] };
    let columns = transform([*a, *b, *c, *d], |value| (value + (1 << 9)) >> 10);
    let turned = transpose(columns);
    let lines = transform(turned, |value| value + (1 << 15));
    transpose(lines).map(|line| line.map(|value| level(value, 16)))
}

fn transform(four: [[i32; 4]; 4], scale: impl Fn(i32) -> i32) -> [[i32; 4]; 4] {
    const FLAT: i32 = 2_896;
    const STRONG: i32 = 3_784;
    const FAINT: i32 = 1_567;
    let [zero, one, two, three] = four;
    let mut out = [[0; 4]; 4];
    let [first, second, third, fourth] = &mut out;
    let values = zero.iter().zip(&one).zip(two.iter().zip(&three));
    let places = first.iter_mut().zip(second).zip(third.iter_mut().zip(fourth));
    for (((w, x), (y, z)), ((zero, one), (two, three))) in places.zip(values) {
        let (outer, inner) = ((zero + two) * FLAT, (zero - two) * FLAT);
        let (wide, narrow) = (one * STRONG + three * FAINT, one * FAINT - three * STRONG);
        *w = scale(outer + wide);
        *x = scale(inner + narrow);
        *y = scale(inner - narrow);
        *z = scale(outer - wide);
    }
    out
}

fn transpose([a, b, c, d]: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
    let [a0, a1, a2, a3] = a;
    let [b0, b1, b2, b3] = b;
    let [c0, c1, c2, c3] = c;
    let [d0, d1, d2, d3] = d;
    [[a0, b0, c0, d0], [a1, b1, c1, d1], [a2, b2, c2, d2], [a3, b3, c3, d3]]
}
