//! What stands before the pixels of a JPEG.

use std::rc::Rc;

use super::bits::Table;
use crate::imaging::segments::{Segment, segments};

/// A component: brightness, or a difference of colour.
pub(super) struct Component {
    id: u8,
    /// Blocks across and down in each group of blocks.
    pub(super) across: usize,
    pub(super) down: usize,
    /// What each frequency is to be multiplied with, in the order of the file.
    pub(super) steps: [u16; 64],
    pub(super) dc: Rc<Table>,
    pub(super) ac: Rc<Table>,
}

/// A baseline picture up to its pixels.
pub(super) struct Header<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// One or three.
    pub(super) components: Vec<Component>,
    /// Groups of blocks between restarts; 0: there are none.
    pub(super) restart: usize,
    /// Whether the components are red, green and blue.
    pub(super) is_rgb: bool,
    /// The bits.
    pub(super) scan: &'a [u8],
}

/// What the segments have said so far.
#[derive(Default)]
struct Said<'a> {
    steps: [Option<[u16; 64]>; 4],
    dc: [Option<Rc<Table>>; 4],
    ac: [Option<Rc<Table>>; 4],
    frame: Option<&'a [u8]>,
    restart: usize,
    adobe: Option<u8>,
}

/// Reads up to the first scan; nothing when it is not one that holds all of a baseline picture.
pub(super) fn read(bytes: &[u8]) -> Option<Header<'_>> {
    let mut said = Said::default();
    for Segment { marker, content, rest } in segments(bytes) {
        match marker {
            0xc0 | 0xc1 => said.frame = said.frame.is_none().then_some(content),
            0xc4 => said.codes(content)?,
            0xdb => said.steps(content)?,
            0xdd => said.restart = usize::from(u16::from_be_bytes(*content.first_chunk()?)),
            0xda => return said.begin(content, rest),
            0xee => said.adobe = content.strip_prefix(b"Adobe").and_then(|s| s.get(6).copied()),
            // Other kinds of pictures, and pictures whose height stands at their end.
            0xc2..=0xcf | 0xdc => return None,
            _ => {}
        }
    }
    None
}

impl<'a> Said<'a> {
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

    /// The scan begins: everything must be known, and all components must be in it.
    fn begin(self, segment: &[u8], scan: &'a [u8]) -> Option<Header<'a>> {
        let (precision, height, width, count, mut list) = match self.frame? {
            [precision, a, b, c, d, count, list @ ..] => {
                (precision, u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]), count, list)
            }
            _ => return None,
        };
        let (scanned, chosen) = segment.split_first()?;
        let count = usize::from(*count);
        if *precision != 8 || width == 0 || height == 0 || !matches!(count, 1 | 3) {
            return None;
        }
        let (chosen, [0, 63, 0]) = chosen.split_at_checked(count * 2)? else { return None };
        let mut components = Vec::new();
        if usize::from(*scanned) != count || list.len() != count * 3 {
            return None;
        }
        for tables in chosen.as_chunks::<2>().0 {
            let [id, factors, steps_at] = *list.first_chunk()?;
            list = list.get(3..)?;
            let [same, tables] = *tables;
            let (across, down) = (usize::from(factors >> 4), usize::from(factors & 15));
            if same != id || !matches!(across, 1 | 2 | 4) || !matches!(down, 1 | 2 | 4) {
                return None;
            }
            components.push(Component {
                id,
                // By itself, a component's blocks stand one after the other.
                across: if count == 1 { 1 } else { across },
                down: if count == 1 { 1 } else { down },
                steps: (*self.steps.get(usize::from(steps_at))?)?,
                dc: self.dc.get(usize::from(tables >> 4))?.clone()?,
                ac: self.ac.get(usize::from(tables & 15))?.clone()?,
            });
        }
        let names: Vec<u8> = components.iter().map(|one| one.id).collect();
        let is_rgb = match self.adobe {
            Some(transform) => transform == 0,
            None => names == *b"RGB",
        };
        Some(Header {
            width: usize::from(width),
            height: usize::from(height),
            components,
            restart: self.restart,
            is_rgb,
            scan,
        })
    }
}
