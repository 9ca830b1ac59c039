//! Progressive JPEG: many passes over all blocks, each of which adds frequencies or bits to them.
//!
//! So the blocks must be held until the end, but of each only the frequencies that its smaller size is
//! made of. Who makes a frequency more exact by a bit must know where others are not zero (ITU-T T.81,
//! G.1.2.3): of those that are not kept only that is remembered, and passes that add nothing to what is
//! kept are not read at all. At an eighth that leaves the passes over the first frequency.

use super::{
    Canvas, Restarts, Scaled,
    bits::{Bits, Table},
    blocks::{self, Kind, NOWHERE, Place},
    header::{Component, Frame, Part, Scan},
};

/// What the photo and all that is made of it may take here: a worker has 64 MiB for everything.
const ROOM: usize = 58 * 1024 * 1024;

/// Decodes at this size, or at a smaller one if that is all there is room for; without a size only what
/// the general decoder has no room for.
pub(super) fn decode(
    frame: &Frame,
    scans: &[Scan<'_>],
    kind: Option<Kind>,
    photo: usize,
) -> Option<Scaled> {
    let room = ROOM.checked_sub(photo)?;
    // The general decoder copies the photo.
    if kind.is_none() && whole(frame) + photo <= room {
        return None;
    }
    let most = kind.unwrap_or(Kind::Half);
    let kinds = [Kind::Half, Kind::Quarter, Kind::Eighth].into_iter().filter(|kind| *kind <= most);
    let plan =
        kinds.map(|kind| Plan::new(frame, scans, kind)).find(|it| it.bytes(frame) <= room)?;
    let layers = frame.components.iter().zip(&plan.are_refined);
    let mut layers = layers
        .map(|(one, is_refined)| Layer::new(frame, one, &plan.kept, *is_refined))
        .collect::<Option<Vec<_>>>()?;
    for scan in plan.scans {
        match (scan.first, scan.refines) {
            (0, _) => first_frequency(scan, frame, &mut layers, &plan.kept)?,
            (_, false) => others(scan, &mut layers, &plan.kept)?,
            (_, true) => refinement(scan, &mut layers, &plan.kept)?,
        }
    }
    draw(frame, &layers, &plan.kept)
}

/// What the general decoder takes: all frequencies and all pixels.
fn whole(frame: &Frame) -> usize {
    let blocks: usize = frame.components.iter().map(|one| blocks_of(frame, one)).sum();
    blocks * 128 + frame.width * frame.height * 3
}

/// Blocks across and down, with those beyond the picture that fill up its groups.
fn size(frame: &Frame, one: &Component) -> (usize, usize) {
    let (across, down) = frame.groups();
    (across * one.across, down * one.down)
}

fn blocks_of(frame: &Frame, one: &Component) -> usize {
    let (across, down) = size(frame, one);
    across * down
}

/// Which frequencies are kept of each block.
struct Kept {
    kind: Kind,
    /// Where they go in a smaller block, in the order of the file.
    places: Vec<Place>,
    /// For each of the 64 its number among those kept.
    numbers: [Place; 64],
    /// One bit for each of the 64.
    mask: u64,
}

impl Kept {
    fn new(kind: Kind) -> Self {
        let (mut places, mut numbers, mut mask) = (Vec::new(), [NOWHERE; 64], 0);
        let all = (0_u32..).zip(blocks::places(kind));
        for ((at, place), number) in all.zip(&mut numbers).filter(|((_, it), _)| *it < NOWHERE) {
            *number = Place::try_from(places.len()).unwrap_or(NOWHERE);
            places.push(place);
            mask |= 1 << at;
        }
        Self { kind, places, numbers, mask }
    }

    fn number(&self, at: u32) -> Option<usize> {
        let number = *self.numbers.get(usize::try_from(at).ok()?)?;
        (number < NOWHERE).then_some(usize::from(number))
    }
}

/// From one bit to another, both included.
fn band(first: u32, last: u32) -> u64 {
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

/// What is to be read for a size.
struct Plan<'a, 'b> {
    kept: Kept,
    scans: Vec<&'a Scan<'b>>,
    /// For each component, whether it must be known which frequencies are not zero.
    are_refined: Vec<bool>,
}

impl<'a, 'b> Plan<'a, 'b> {
    fn new(frame: &Frame, scans: &'a [Scan<'b>], kind: Kind) -> Self {
        let kept = Kept::new(kind);
        let mut needs = vec![(kept.mask, false); frame.components.len()];
        let mut needed = Vec::new();
        // From the last: a scan that refines needs all that was there before.
        for scan in scans.iter().rev() {
            let band = band(scan.first, scan.last);
            let mut is_needed = false;
            for Part { at, .. } in &scan.parts {
                let Some((mask, is_refined)) = needs.get_mut(*at) else { continue };
                if *mask & band != 0 {
                    is_needed = true;
                    *mask |= band;
                    *is_refined |= scan.refines && scan.first > 0;
                }
            }
            if is_needed {
                needed.push(scan);
            }
        }
        needed.reverse();
        let are_refined = needs.into_iter().map(|(_, is_refined)| is_refined).collect();
        Self { kept, scans: needed, are_refined }
    }

    fn bytes(&self, frame: &Frame) -> usize {
        let layers = frame.components.iter().zip(&self.are_refined);
        let layers: usize = layers
            .map(|(one, is_refined)| {
                let block = self.kept.places.len() * 2 + if *is_refined { 8 } else { 0 };
                blocks_of(frame, one) * block
            })
            .sum();
        let (width, height) = super::size(frame, self.kept.kind);
        layers + width * height * 3
    }
}

/// The blocks of a component.
struct Layer {
    /// Blocks across.
    width: usize,
    /// Blocks across and down in a scan of this component alone: none of them is beyond the picture.
    own: (usize, usize),
    /// What is kept, block by block.
    values: Vec<i16>,
    /// Which frequencies are not zero, if anybody needs to know.
    seen: Vec<u64>,
}

impl Layer {
    fn new(frame: &Frame, one: &Component, kept: &Kept, is_refined: bool) -> Option<Self> {
        let (width, height) = size(frame, one);
        let (wide, tall) = frame.group();
        let own =
            |length: usize, part: usize, all: usize| (length * part).div_ceil(all).div_ceil(8);
        Some(Self {
            width,
            own: (own(frame.width, one.across, wide), own(frame.height, one.down, tall)),
            values: zeros(width * height * kept.places.len())?,
            seen: zeros(if is_refined { width * height } else { 0 })?,
        })
    }

    /// What is kept of a block.
    #[inline]
    fn values(&mut self, block: usize, kept: &Kept) -> Option<&mut [i16]> {
        let each = kept.places.len();
        self.values.get_mut(block * each..)?.get_mut(..each)
    }

    /// The numbers of the blocks that a scan of this component alone goes through.
    fn own(&self) -> impl Iterator<Item = usize> + use<> {
        let (width, (across, down)) = (self.width, self.own);
        (0..down).flat_map(move |row| row * width..row * width + across)
    }
}

fn zeros<T: Clone + Default>(count: usize) -> Option<Vec<T>> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(count).ok()?;
    zeros.resize(count, T::default());
    Some(zeros)
}

/// A scan of the first frequency, of one component or of all.
fn first_frequency(
    scan: &Scan<'_>,
    frame: &Frame,
    layers: &mut [Layer],
    kept: &Kept,
) -> Option<()> {
    let mut pass = FirstFrequency { scan, bits: Bits::new(scan.data), last: [0; 3] };
    let mut restarts = Restarts::new(scan.restart);
    if let [part] = scan.parts.as_slice() {
        let layer = layers.get_mut(part.at)?;
        for block in layer.own() {
            if restarts.is_due() {
                pass.restart();
            }
            pass.block(part, layer, block, kept)?;
        }
        return Some(());
    }
    let (across, down) = frame.groups();
    for (row, column) in (0..down).flat_map(|row| (0..across).map(move |column| (row, column))) {
        if restarts.is_due() {
            pass.restart();
        }
        for part in &scan.parts {
            let (one, layer) = (frame.components.get(part.at)?, layers.get_mut(part.at)?);
            for y in 0..one.down {
                let start = (row * one.down + y) * layer.width + column * one.across;
                for block in start..start + one.across {
                    pass.block(part, layer, block, kept)?;
                }
            }
        }
    }
    Some(())
}

struct FirstFrequency<'a> {
    scan: &'a Scan<'a>,
    bits: Bits<'a>,
    /// The value before, of each component.
    last: [i32; 3],
}

impl FirstFrequency<'_> {
    fn restart(&mut self) {
        self.bits.restart();
        self.last = [0; 3];
    }

    #[inline]
    fn block(&mut self, part: &Part, layer: &mut Layer, block: usize, kept: &Kept) -> Option<()> {
        let value = layer.values(block, kept)?.first_mut()?;
        // What was cut off, or stands behind what makes no sense, stays as it is.
        if self.bits.is_over() {
            return Some(());
        }
        let Some(codes) = &part.codes else {
            if self.bits.take(1) == 1 {
                *value |= 1 << self.scan.bit;
            }
            return Some(());
        };
        let last = self.last.get_mut(part.at)?;
        let Some((_, _, ahead)) = self.bits.next(codes) else {
            self.bits.give_up();
            return Some(());
        };
        *last = last.wrapping_add(ahead);
        *value = shifted(*last, self.scan.bit);
        Some(())
    }
}

/// A value with so many bits still to come, within what anybody writes.
fn shifted(value: i32, bit: u32) -> i16 {
    let value = value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) << bit;
    i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX })
}

/// A first scan of other frequencies.
fn others(scan: &Scan<'_>, layers: &mut [Layer], kept: &Kept) -> Option<()> {
    let [Part { at, codes: Some(codes) }] = scan.parts.as_slice() else { return None };
    let layer = layers.get_mut(*at)?;
    let mut bits = Bits::new(scan.data);
    let mut restarts = Restarts::new(scan.restart);
    // Blocks to come that have nothing in this scan.
    let mut empty = 0;
    for block in layer.own() {
        if restarts.is_due() {
            bits.restart();
            empty = 0;
        }
        if empty > 0 {
            empty -= 1;
            continue;
        }
        if bits.is_over() {
            continue;
        }
        let mut nothing = 0;
        let seen = layer.seen.get_mut(block);
        let each = kept.places.len();
        let values = layer.values.get_mut(block * each..)?.get_mut(..each)?;
        let added = add(&mut bits, codes, scan, kept, values, seen.unwrap_or(&mut nothing));
        empty = added.unwrap_or_else(|| {
            bits.give_up();
            0
        });
    }
    Some(())
}

/// Adds frequencies to a block, and says how many empty ones follow it.
#[inline]
fn add(
    bits: &mut Bits<'_>,
    codes: &Table,
    scan: &Scan<'_>,
    kept: &Kept,
    values: &mut [i16],
    seen: &mut u64,
) -> Option<u32> {
    let mut at = scan.first;
    while at <= scan.last {
        let (zeros, size, value) = bits.next(codes)?;
        let zeros = u32::try_from(zeros).ok()?;
        if size == 0 {
            if zeros < 15 {
                return Some(run(bits, zeros) - 1);
            }
            at += 16;
            continue;
        }
        at += zeros;
        if at > scan.last {
            return None;
        }
        if let Some(number) = kept.number(at) {
            *values.get_mut(number)? = shifted(value, scan.bit);
        }
        *seen |= 1 << at;
        at += 1;
    }
    Some(0)
}

/// How many blocks end here, this one among them.
fn run(bits: &mut Bits<'_>, size: u32) -> u32 {
    (1 << size) + bits.take(size)
}

/// A scan that makes other frequencies more exact by a bit, and adds those that have only it.
fn refinement(scan: &Scan<'_>, layers: &mut [Layer], kept: &Kept) -> Option<()> {
    let [Part { at, codes: Some(codes) }] = scan.parts.as_slice() else { return None };
    let layer = layers.get_mut(*at)?;
    let mut bits = Bits::new(scan.data);
    let mut restarts = Restarts::new(scan.restart);
    let band = band(scan.first, scan.last);
    // Blocks to come, this one among them, to which nothing is added.
    let mut empty = 0;
    for block in layer.own() {
        if restarts.is_due() {
            bits.restart();
            empty = 0;
        }
        if bits.is_over() {
            continue;
        }
        let each = kept.places.len();
        let seen = layer.seen.get_mut(block)?;
        if empty > 0 && *seen & band == 0 {
            empty -= 1;
            continue;
        }
        let values = layer.values.get_mut(block * each..)?.get_mut(..each)?;
        let mut one = Refined { scan, kept, values, seen };
        let mut rest = band;
        if empty == 0 {
            let Some(added) = one.add(&mut bits, codes, band) else {
                bits.give_up();
                continue;
            };
            (rest, empty) = added;
        }
        if empty > 0 {
            one.correct(&mut bits, rest)?;
            empty -= 1;
        }
    }
    Some(())
}

/// A block that becomes more exact.
struct Refined<'a> {
    scan: &'a Scan<'a>,
    kept: &'a Kept,
    values: &'a mut [i16],
    seen: &'a mut u64,
}

impl Refined<'_> {
    /// Adds frequencies, and corrects those that are passed on the way to them. Says which ones are
    /// left, and from here how many blocks have nothing added.
    fn add(&mut self, bits: &mut Bits<'_>, codes: &Table, band: u64) -> Option<(u64, u32)> {
        let mut rest = band;
        while rest != 0 {
            let (zeros, size, value) = bits.next(codes)?;
            let zeros = u32::try_from(zeros).ok()?;
            if size == 0 && zeros < 15 {
                return Some((rest, run(bits, zeros)));
            }
            if size > 1 {
                return None;
            }
            // So many that are zero are left so; the next one is the new one.
            let mut free = rest & !*self.seen;
            for _ in 0..zeros {
                free &= free.saturating_sub(1);
            }
            let new = free & free.wrapping_neg();
            let passed = rest & new.wrapping_sub(1);
            self.correct(bits, passed)?;
            if size == 1 && new != 0 {
                if let Some(number) = self.kept.number(new.trailing_zeros()) {
                    *self.values.get_mut(number)? = shifted(value, self.scan.bit);
                }
                *self.seen |= new;
            }
            rest &= !(passed | new);
        }
        Some((0, 0))
    }

    /// One bit more of each of these that is not zero.
    fn correct(&mut self, bits: &mut Bits<'_>, these: u64) -> Option<()> {
        let seen = these & *self.seen;
        let mut left = seen.count_ones();
        let mut kept = seen & self.kept.mask;
        let mut at = 0;
        while kept != 0 {
            let next = kept.trailing_zeros();
            let before = (seen & band(at, next)).count_ones() - 1;
            skip(bits, before);
            if bits.take(1) == 1 {
                let value = self.values.get_mut(self.kept.number(next)?)?;
                let bit = 1 << self.scan.bit;
                *value =
                    if *value < 0 { value.saturating_sub(bit) } else { value.saturating_add(bit) };
            }
            left -= before + 1;
            at = next + 1;
            kept &= kept - 1;
        }
        skip(bits, left);
        Some(())
    }
}

/// Passes over at most 64 bits.
fn skip(bits: &mut Bits<'_>, count: u32) {
    let _ = bits.take(count.min(32));
    let _ = bits.take(count.saturating_sub(32));
}

/// The picture from all blocks.
fn draw(frame: &Frame, layers: &[Layer], kept: &Kept) -> Option<Scaled> {
    let mut canvas = Canvas::new(frame, kept.kind)?;
    let steps = |one: &Component| -> Option<Vec<u16>> {
        let all = kept.numbers.iter().zip(one.steps);
        Some(all.filter(|(number, _)| **number < NOWHERE).map(|(_, step)| step).collect())
    };
    let steps = frame.components.iter().map(steps).collect::<Option<Vec<_>>>()?;
    let each = kept.places.len();
    for row in 0..frame.groups().1 {
        let parts = frame.components.iter().zip(layers).zip(&steps);
        for (((one, layer), steps), strip) in parts.zip(&mut canvas.strips) {
            for y in 0..one.down {
                let start = (row * one.down + y) * layer.width * each;
                let values = layer.values.get(start..)?.get(..layer.width * each)?;
                for (x, values) in values.chunks_exact(each).enumerate() {
                    let block = blocks::gather(values, (&kept.places, steps));
                    strip.put(&block, kept.kind, (x, y))?;
                }
            }
        }
        canvas.finish_row()?;
    }
    Some(canvas.finished())
}
