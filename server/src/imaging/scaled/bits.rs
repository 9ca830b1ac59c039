//! The bits of a scan, and the codes in them (ITU-T T.81, annexes C and F).

/// Bits that are looked up at once; longer codes are rare.
const AT_ONCE: u32 = 10;
const ENTRIES: usize = 1 << AT_ONCE;

/// What the next bits stand for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    /// The value, when it stands within the bits that were looked up.
    pub(super) value: i16,
    /// Zeros before it in the upper half, its number of bits in the lower.
    pub(super) symbol: u8,
    /// Bits of the code, and of the value where it is known; 0: the code is longer.
    pub(super) length: u8,
    /// Whether the value is known.
    pub(super) whole: bool,
}

/// A table of codes.
pub(super) struct Table {
    at_once: [Entry; ENTRIES],
    /// For each length, the first 16 bits behind all codes of it or less, and what leads from a code
    /// to its symbol.
    ends: [(u32, i64); 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From how many codes there are of each length, and what they stand for.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Box<Self>> {
        let mut table = Box::new(Self {
            at_once: [Entry::default(); ENTRIES],
            ends: [(0, 0); 17],
            symbols: symbols.to_vec(),
        });
        let (mut code, mut next) = (0_u32, 0_usize);
        let lengths = 1_u32..;
        for ((length, count), end) in lengths.zip(counts).zip(table.ends.iter_mut().skip(1)) {
            let first = i64::try_from(next).ok()? - i64::from(code);
            for _ in 0..*count {
                let symbol = *symbols.get(next)?;
                if length <= AT_ONCE {
                    fill(&mut table.at_once, code, length, symbol)?;
                }
                code += 1;
                next += 1;
            }
            if code > 1 << length {
                return None;
            }
            *end = (code << (16 - length), first);
            code <<= 1;
        }
        Some(table)
    }
}

/// Every entry that begins with a code.
fn fill(entries: &mut [Entry; ENTRIES], code: u32, length: u32, symbol: u8) -> Option<()> {
    let free = AT_ONCE - length;
    let start = usize::try_from(code << free).ok()?;
    let size = u32::from(symbol & 15);
    for (rest, entry) in (0_u32..).zip(entries.get_mut(start..start + (1 << free))?) {
        *entry = Entry { symbol, length: u8::try_from(length).ok()?, ..Entry::default() };
        if size <= free {
            let value = rest >> (free - size);
            entry.value = i16::try_from(extend(value, size)).ok()?;
            entry.length = u8::try_from(length + size).ok()?;
            entry.whole = true;
        }
    }
    Some(())
}

/// The signed value of so many bits.
fn extend(value: u32, size: u32) -> i32 {
    let value = i32::try_from(value).unwrap_or_default();
    if size > 0 && value < 1 << (size - 1) { value - (1 << size) + 1 } else { value }
}

/// A scan, from its front.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the top.
    buffer: u64,
    count: u32,
    /// How many zeros were read behind the end.
    padding: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, buffer: 0, count: 0, padding: 0 }
    }

    /// Whether more was read than there is, or it was given up.
    pub(super) fn is_over(&self) -> bool {
        self.count < self.padding
    }

    /// Nothing up to the next restart makes sense.
    pub(super) fn give_up(&mut self) {
        self.padding = u32::MAX;
    }

    /// The next bits as a number; at most 32.
    #[inline]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        if self.count < bits {
            self.refill();
        }
        let value = self.buffer.checked_shr(64 - bits).unwrap_or_default();
        self.skip(bits);
        u32::try_from(value).unwrap_or_default()
    }

    /// The next code with this table: the zeros before a value, the number of its bits, and it.
    #[inline]
    pub(super) fn next(&mut self, table: &Table) -> Option<(usize, u32, i32)> {
        if self.count < 32 {
            self.refill();
        }
        let index = usize::try_from(self.buffer >> (64 - AT_ONCE)).ok()?;
        let entry = table.at_once.get(index % ENTRIES)?;
        let size = u32::from(entry.symbol & 15);
        let zeros = usize::from(entry.symbol >> 4);
        if entry.whole {
            self.skip(u32::from(entry.length));
            return Some((zeros, size, i32::from(entry.value)));
        }
        if entry.length > 0 {
            self.skip(u32::from(entry.length));
            return Some((zeros, size, self.value(size)));
        }
        let symbol = self.long(table)?;
        let size = u32::from(symbol & 15);
        Some((usize::from(symbol >> 4), size, self.value(size)))
    }

    /// A code of more than [`AT_ONCE`] bits.
    #[cold]
    fn long(&mut self, table: &Table) -> Option<u8> {
        let next = u32::try_from(self.buffer >> 48).ok()?;
        let lengths = (0_u32..).zip(&table.ends).skip(1);
        let (length, (_, first)) = lengths.into_iter().find(|(_, (end, _))| next < *end)?;
        let code = i64::from(next >> (16 - length));
        self.skip(length);
        table.symbols.get(usize::try_from(code + first).ok()?).copied()
    }

    #[inline]
    fn value(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let value = u32::try_from(self.buffer >> (64 - size)).unwrap_or_default();
        self.skip(size);
        extend(value, size)
    }

    #[inline]
    fn skip(&mut self, bits: u32) {
        self.buffer <<= bits;
        self.count = self.count.saturating_sub(bits);
    }

    /// At least 56 bits, zeros behind the end.
    #[inline]
    fn refill(&mut self) {
        let eight = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<8>());
        if let Some(eight) = eight {
            let word = u64::from_be_bytes(*eight);
            // Whether one of the bytes is 0xff: then it is a marker, or has a zero behind it.
            let inverse = !word;
            let full = inverse.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080;
            if full == 0 {
                // What is behind the counted bits comes again later, and is the same.
                self.buffer |= word >> self.count;
                let bytes = (64 - self.count) / 8;
                self.count += bytes * 8;
                self.at += usize::try_from(bytes).unwrap_or_default();
                return;
            }
        }
        self.refill_slowly();
    }

    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match self.data.get(self.at..) {
                Some([0xff, 0, ..]) => {
                    self.at += 2;
                    0xff
                }
                // A marker ends the bits; nobody goes past it but a restart.
                Some([0xff, ..]) | Some([]) | None => {
                    self.padding = self.padding.saturating_add(8);
                    0
                }
                Some([byte, ..]) => {
                    self.at += 1;
                    *byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Goes on behind the next restart marker.
    pub(super) fn restart(&mut self) {
        (self.buffer, self.count, self.padding) = (0, 0, 0);
        let rest = self.data.get(self.at..).unwrap_or_default();
        let marker = rest.windows(2).position(|two| matches!(two, [0xff, 0xd0..=0xd7]));
        self.at = marker.map_or(self.data.len(), |place| self.at + place + 2);
    }
}
