//! What stands before the pixels of a JPEG.

use std::rc::Rc;

use super::bits::Table;
use crate::imaging::segments::{Segment, more_segments};

/// Scans of a picture: encoders write about ten, and each one is another way over all blocks.
pub(super) const MOST_SCANS: usize = 100;

/// A component: brightness, or a difference of colour.
pub(super) struct Component {
    id: u8,
    /// Blocks across and down in each group of blocks.
    pub(super) across: usize,
    pub(super) down: usize,
    /// What each frequency is to be multiplied with, in the order of the file.
    pub(super) steps: [u16; 64],
}

/// What holds for all of a picture.
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    /// One or three.
    pub(super) components: Vec<Component>,
    /// Whether the components are red, green and blue.
    pub(super) is_rgb: bool,
}

impl Frame {
    /// Blocks across and down in a group, of the component that has most.
    pub(super) fn group(&self) -> (usize, usize) {
        let most = |of: fn(&Component) -> usize| self.components.iter().map(of).max().unwrap_or(1);
        (most(|one| one.across), most(|one| one.down))
    }

    /// Groups of blocks across and down.
    pub(super) fn groups(&self) -> (usize, usize) {
        let (wide, tall) = self.group();
        (self.width.div_ceil(8 * wide), self.height.div_ceil(8 * tall))
    }
}

/// The codes of a component in a baseline picture.
pub(super) struct Codes {
    pub(super) dc: Rc<Table>,
    pub(super) ac: Rc<Table>,
}

/// A pass over the blocks of a baseline picture: all that there is.
pub(super) struct Baseline<'a> {
    /// For each component.
    pub(super) codes: Vec<Codes>,
    /// Groups of blocks between restarts; 0: there are none.
    pub(super) restart: usize,
    /// The bits.
    pub(super) data: &'a [u8],
}

/// A component in a scan: its place in the frame, and its codes if the scan has any.
pub(super) struct Part {
    pub(super) at: usize,
    pub(super) codes: Option<Rc<Table>>,
}

/// One of the passes over the blocks of a progressive picture (ITU-T T.81, annex G).
pub(super) struct Scan<'a> {
    /// More than one only for the first frequency.
    pub(super) parts: Vec<Part>,
    /// Which frequencies, in the order of the file.
    pub(super) first: u32,
    pub(super) last: u32,
    /// Whether these frequencies become more exact by one bit.
    pub(super) refines: bool,
    /// The lowest bit of the values.
    pub(super) bit: u32,
    /// Groups of blocks between restarts; 0: there are none.
    pub(super) restart: usize,
    /// The bits.
    pub(super) data: &'a [u8],
}

/// The ways to send a picture.
pub(super) enum Found<'a> {
    Baseline(Frame, Baseline<'a>),
    /// With one scan more than [`MOST_SCANS`] if there are too many.
    Progressive(Frame, Vec<Scan<'a>>),
}

/// What the segments have said so far.
#[derive(Default)]
struct Said<'a> {
    steps: [Option<[u16; 64]>; 4],
    dc: [Option<Rc<Table>>; 4],
    ac: [Option<Rc<Table>>; 4],
    frame: Option<&'a [u8]>,
    is_progressive: bool,
    restart: usize,
    adobe: Option<u8>,
}

/// Reads all but the pixels; nothing when it is not for us.
pub(super) fn read(bytes: &[u8]) -> Option<Found<'_>> {
    let mut said = Said::default();
    let mut next = said.listen(bytes.strip_prefix(&[0xff, 0xd8])?)?;
    let frame = said.frame()?;
    if !said.is_progressive {
        let Segment { content, rest, .. } = next?;
        let baseline = said.baseline(&frame, content, rest)?;
        return Some(Found::Baseline(frame, baseline));
    }
    let mut scans = Vec::new();
    while let Some(Segment { content, rest, .. }) = next {
        let (data, behind) = rest.split_at_checked(end(rest))?;
        scans.push(said.scan(&frame, content, data)?);
        if scans.len() > MOST_SCANS {
            break;
        }
        next = said.listen(behind)?;
    }
    Some(Found::Progressive(frame, scans))
}

/// Where a scan ends: at a marker that is not one of its restarts.
fn end(data: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = data.get(at..) {
        let Some(full) = rest.iter().position(|byte| *byte == 0xff) else { break };
        at += full;
        match rest.get(full + 1) {
            Some(0 | 0xd0..=0xd7) => at += 2,
            _ => return at,
        }
    }
    data.len()
}

impl<'a> Said<'a> {
    /// Reads up to the next scan, which is nothing at the end; none at all if it is not for us.
    fn listen(&mut self, bytes: &'a [u8]) -> Option<Option<Segment<'a>>> {
        for segment in more_segments(bytes) {
            let content = segment.content;
            match segment.marker {
                0xc0..=0xc2 if self.frame.is_none() => {
                    self.frame = Some(content);
                    self.is_progressive = segment.marker == 0xc2;
                }
                0xc4 => self.codes(content)?,
                0xdb => self.steps(content)?,
                0xdd => self.restart = usize::from(u16::from_be_bytes(*content.first_chunk()?)),
                0xda => return Some(Some(segment)),
                0xee => self.adobe = content.strip_prefix(b"Adobe").and_then(|s| s.get(6).copied()),
                // Other kinds of pictures, and pictures whose height stands at their end.
                0xc0..=0xcf | 0xdc => return None,
                _ => {}
            }
        }
        Some(None)
    }

    fn steps(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [head, rest @ ..] = segment {
            let mut steps = [0; 64];
            let wide = head >> 4 > 0;
            let length = if wide { 128 } else { 64 };
            let (values, rest) = rest.split_at_checked(length)?;
            if wide {
                let (pairs, _) = values.as_chunks::<2>();
                steps
                    .iter_mut()
                    .zip(pairs)
                    .for_each(|(step, two)| *step = u16::from_be_bytes(*two));
            } else {
                steps.iter_mut().zip(values).for_each(|(step, one)| *step = u16::from(*one));
            }
            *self.steps.get_mut(usize::from(head & 15))? = Some(steps);
            segment = rest;
        }
        Some(())
    }

    fn codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [head, rest @ ..] = segment {
            let counts = rest.first_chunk::<16>()?;
            let symbols = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.get(16..)?.split_at_checked(symbols)?;
            let table = Table::new(counts, symbols)?;
            let tables = if head >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(head & 15))? = Some(Rc::from(table));
            segment = rest;
        }
        Some(())
    }

    /// What was said of the picture by the time of its first scan.
    fn frame(&self) -> Option<Frame> {
        let (precision, height, width, count, list) = match self.frame? {
            [precision, a, b, c, d, count, list @ ..] => {
                (precision, u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]), count, list)
            }
            _ => return None,
        };
        let count = usize::from(*count);
        if *precision != 8 || width == 0 || height == 0 || !matches!(count, 1 | 3) {
            return None;
        }
        if list.len() != count * 3 {
            return None;
        }
        let mut components = Vec::new();
        for [id, factors, steps_at] in list.as_chunks::<3>().0 {
            let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
            if !matches!(across, 1 | 2 | 4) || !matches!(down, 1 | 2 | 4) {
                return None;
            }
            components.push(Component {
                id: *id,
                // By itself, a component's blocks stand one after the other.
                across: if count == 1 { 1 } else { across },
                down: if count == 1 { 1 } else { down },
                steps: (*self.steps.get(usize::from(*steps_at))?)?,
            });
        }
        let names: Vec<u8> = components.iter().map(|one| one.id).collect();
        let is_rgb = match self.adobe {
            Some(transform) => transform == 0,
            None => names == *b"RGB",
        };
        Some(Frame { width: usize::from(width), height: usize::from(height), components, is_rgb })
    }

    /// The only scan: all components must be in it.
    fn baseline(&self, frame: &Frame, segment: &[u8], data: &'a [u8]) -> Option<Baseline<'a>> {
        let (count, chosen) = segment.split_first()?;
        let count = usize::from(*count);
        let (chosen, [0, 63, 0]) = chosen.split_at_checked(count * 2)? else { return None };
        if count != frame.components.len() {
            return None;
        }
        let mut codes = Vec::new();
        for ([id, tables], one) in chosen.as_chunks::<2>().0.iter().zip(&frame.components) {
            if *id != one.id {
                return None;
            }
            codes.push(Codes { dc: self.dc(*tables)?, ac: self.ac(*tables)? });
        }
        Some(Baseline { codes, restart: self.restart, data })
    }

    /// One of many scans.
    fn scan(&self, frame: &Frame, segment: &[u8], data: &'a [u8]) -> Option<Scan<'a>> {
        let (count, chosen) = segment.split_first()?;
        let (chosen, rest) = chosen.split_at_checked(usize::from(*count) * 2)?;
        let [first, last, bits] = *rest else { return None };
        let (before, bit) = (bits >> 4, bits & 15);
        let frequencies = match first {
            0 => last == 0,
            _ => first <= last && last < 64 && *count == 1,
        };
        if !frequencies || bit > 13 || (before > 0 && before != bit + 1) {
            return None;
        }
        let (refines, mut parts) = (before > 0, Vec::<Part>::new());
        for [id, tables] in chosen.as_chunks::<2>().0 {
            let at = frame.components.iter().position(|one| one.id == *id)?;
            if parts.last().is_some_and(|part| part.at >= at) {
                return None;
            }
            let codes = match (first, refines) {
                (0, true) => None,
                (0, false) => Some(self.dc(*tables)?),
                _ => Some(self.ac(*tables)?),
            };
            parts.push(Part { at, codes });
        }
        if parts.is_empty() {
            return None;
        }
        let (first, last, bit) = (u32::from(first), u32::from(last), u32::from(bit));
        Some(Scan { parts, first, last, refines, bit, restart: self.restart, data })
    }

    fn dc(&self, tables: u8) -> Option<Rc<Table>> {
        self.dc.get(usize::from(tables >> 4))?.clone()
    }

    fn ac(&self, tables: u8) -> Option<Rc<Table>> {
        self.ac.get(usize::from(tables & 15))?.clone()
    }
}
