//! JPEG files from given frequencies, in one pass or in any passes (ITU-T T.81, annexes F and G): no
//! encoder at hand writes passes that make frequencies more exact. The server's own tests include this
//! file, too.

/// A picture by its frequencies.
#[derive(Clone, Copy)]
pub struct Frequencies<'a> {
    /// Pixels across.
    pub width: u16,
    /// Pixels down.
    pub height: u16,
    /// For each component, blocks across and down in a group.
    pub factors: &'a [(u8, u8)],
    /// Groups between restarts; 0: there are none.
    pub restart: u16,
    /// The block of a component at a column and a row, also beyond the picture: 64 values in the order
    /// of the file, and all of them are multiplied with 4 by who reads them.
    pub block: &'a dyn Fn(usize, usize, usize) -> &'a [i16; 64],
}

/// A pass over the blocks of some components.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Their numbers, from 0.
    pub components: &'static [usize],
    /// The first and the last frequency.
    pub band: (usize, usize),
    /// Whether an earlier pass has sent all but the lowest bit of it.
    pub refines: bool,
    /// The lowest bit.
    pub bit: u8,
}

/// The passes that libjpeg makes of a picture with colours.
pub const USUAL: [Pass; 10] = [
    Pass { components: &[0, 1, 2], band: (0, 0), refines: false, bit: 1 },
    Pass { components: &[0], band: (1, 5), refines: false, bit: 2 },
    Pass { components: &[2], band: (1, 63), refines: false, bit: 1 },
    Pass { components: &[1], band: (1, 63), refines: false, bit: 1 },
    Pass { components: &[0], band: (6, 63), refines: false, bit: 2 },
    Pass { components: &[0], band: (1, 63), refines: true, bit: 1 },
    Pass { components: &[0, 1, 2], band: (0, 0), refines: true, bit: 0 },
    Pass { components: &[2], band: (1, 63), refines: true, bit: 0 },
    Pass { components: &[1], band: (1, 63), refines: true, bit: 0 },
    Pass { components: &[0], band: (1, 63), refines: true, bit: 0 },
];

/// The picture in one pass.
#[must_use]
pub fn baseline(picture: Frequencies<'_>) -> Vec<u8> {
    let all: Vec<usize> = (0..picture.factors.len()).collect();
    let mut out = picture.begin(0xc0);
    picture.begin_scan(&mut out, &all, [0, 63, 0]);
    let mut scan = Writer::default();
    let mut last = [0; 4];
    picture.walk(&all, &mut |step| match step {
        Step::Restart(n) => {
            scan.restart(n);
            last = [0; 4];
        }
        Step::Block(component, block) => {
            scan.ahead(i32::from(block[0]), &mut last[component]);
            let mut zeros = 0;
            for value in &block[1..] {
                if *value == 0 {
                    zeros += 1;
                    continue;
                }
                while zeros > 15 {
                    scan.code(0xf0);
                    zeros -= 16;
                }
                scan.value(zeros, i32::from(*value));
                zeros = 0;
            }
            if zeros > 0 {
                scan.code(0);
            }
        }
    });
    scan.end(&mut out);
    out.extend([0xff, 0xd9]);
    out
}

/// The picture in these passes.
#[must_use]
pub fn progressive(picture: Frequencies<'_>, passes: &[Pass]) -> Vec<u8> {
    let mut out = picture.begin(0xc2);
    for pass in passes {
        let before = if pass.refines { pass.bit + 1 } else { 0 };
        let band = |at: usize| u8::try_from(at).unwrap();
        let head = [band(pass.band.0), band(pass.band.1), before << 4 | pass.bit];
        picture.begin_scan(&mut out, pass.components, head);
        let mut scan = Writer::default();
        let mut last = [0; 4];
        picture.walk(pass.components, &mut |step| match step {
            Step::Restart(n) => {
                scan.end_run();
                scan.restart(n);
                last = [0; 4];
            }
            Step::Block(component, block) => match (pass.band.0, pass.refines) {
                (0, false) => {
                    scan.ahead(i32::from(block[0] >> pass.bit), &mut last[component]);
                }
                (0, true) => scan.put(u32::from(block[0] >> pass.bit & 1 == 1), 1),
                (_, false) => scan.first(&block[pass.band.0..=pass.band.1], pass.bit),
                (_, true) => scan.more(&block[pass.band.0..=pass.band.1], pass.bit),
            },
        });
        scan.end_run();
        scan.end(&mut out);
    }
    out.extend([0xff, 0xd9]);
    out
}

/// What comes next in a pass.
enum Step<'a> {
    Restart(u8),
    Block(usize, &'a [i16; 64]),
}

impl<'a> Frequencies<'a> {
    fn begin(&self, kind: u8) -> Vec<u8> {
        let count = u8::try_from(self.factors.len()).unwrap();
        let mut out = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
        out.extend([4; 64]);
        out.extend([0xff, kind, 0, 8 + 3 * count, 8]);
        out.extend(self.height.to_be_bytes());
        out.extend(self.width.to_be_bytes());
        out.push(count);
        for (id, (across, down)) in (1..).zip(self.factors) {
            out.extend([id, across << 4 | down, 0]);
        }
        // Codes of four bits for twelve sizes of the first frequency; of eight bits for all symbols of
        // the others but the last two, which have nine.
        out.extend([0xff, 0xc4, 0, 31, 0]);
        out.extend([0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(0..12);
        out.extend([0xff, 0xc4, 1, 19, 0x10]);
        out.extend([0, 0, 0, 0, 0, 0, 0, 254, 2, 0, 0, 0, 0, 0, 0, 0]);
        out.extend(0..=255);
        if self.restart > 0 {
            out.extend([0xff, 0xdd, 0, 4]);
            out.extend(self.restart.to_be_bytes());
        }
        out
    }

    fn begin_scan(&self, out: &mut Vec<u8>, components: &[usize], rest: [u8; 3]) {
        let count = u8::try_from(components.len()).unwrap();
        out.extend([0xff, 0xda, 0, 6 + 2 * count, count]);
        for component in components {
            out.extend([u8::try_from(*component).unwrap() + 1, 0]);
        }
        out.extend(rest);
    }

    /// All blocks of a pass in their order.
    fn walk(&self, components: &[usize], visit: &mut dyn FnMut(Step<'a>)) {
        let sides = |of: fn(&(u8, u8)) -> u8| self.factors.iter().map(of).max().unwrap();
        let (wide, tall) = (usize::from(sides(|f| f.0)), usize::from(sides(|f| f.1)));
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let single = components.len() == 1;
        // By itself, a component has no blocks beyond the picture.
        let (columns, rows) = if single {
            let (across, down) = self.factors[components[0]];
            let own = |length: usize, part: u8, all| (length * usize::from(part)).div_ceil(all);
            (own(width, across, wide).div_ceil(8), own(height, down, tall).div_ceil(8))
        } else {
            (width.div_ceil(8 * wide), height.div_ceil(8 * tall))
        };
        let mut done: usize = 0;
        for group in 0..columns * rows {
            let (row, column) = (group / columns, group % columns);
            if self.restart > 0 && done == usize::from(self.restart) {
                let number = group / usize::from(self.restart) - 1;
                visit(Step::Restart(u8::try_from(number % 8).unwrap()));
                done = 0;
            }
            done += 1;
            for component in components {
                let (across, down) = if single { (1, 1) } else { self.factors[*component] };
                let (across, down) = (usize::from(across), usize::from(down));
                for n in 0..across * down {
                    let (x, y) = (column * across + n % across, row * down + n / across);
                    visit(Step::Block(*component, (self.block)(*component, x, y)));
                }
            }
        }
    }
}

/// The bits of a pass.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    buffer: u64,
    count: u32,
    /// Blocks that have ended and are not told yet, and the bits that follow when they are.
    run: u32,
    corrections: Vec<bool>,
}

impl Writer {
    fn put(&mut self, value: u32, bits: u32) {
        self.buffer = self.buffer << bits | u64::from(value);
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            let byte = u8::try_from(self.buffer >> self.count & 0xff).unwrap();
            self.bytes.push(byte);
            if byte == 0xff {
                self.bytes.push(0);
            }
        }
        self.buffer &= 0xff;
    }

    /// A symbol of any frequency but the first.
    fn code(&mut self, symbol: u8) {
        match symbol {
            0..254 => self.put(u32::from(symbol), 8),
            254.. => self.put(0x1fc + u32::from(symbol) - 254, 9),
        }
    }

    fn bits_of(&mut self, value: i32, size: u32) {
        let low = if value < 0 { value + (1 << size) - 1 } else { value };
        self.put(u32::try_from(low).unwrap(), size);
    }

    fn value(&mut self, zeros: u8, value: i32) {
        let size = 32 - value.unsigned_abs().leading_zeros();
        self.code(zeros << 4 | u8::try_from(size).unwrap());
        self.bits_of(value, size);
    }

    /// The first frequency, as how far it is from the one before.
    fn ahead(&mut self, value: i32, last: &mut i32) {
        let ahead = value - *last;
        *last = value;
        let size = 32 - ahead.unsigned_abs().leading_zeros();
        assert!(size < 12, "{ahead} is too far");
        self.put(size, 4);
        self.bits_of(ahead, size);
    }

    /// A block's first pass over frequencies.
    fn first(&mut self, band: &[i16], bit: u8) {
        let mut zeros = 0;
        for value in band {
            let value = i32::from(*value) / (1 << bit);
            if value == 0 {
                zeros += 1;
                continue;
            }
            self.end_run();
            while zeros > 15 {
                self.code(0xf0);
                zeros -= 16;
            }
            self.value(zeros, value);
            zeros = 0;
        }
        if zeros > 0 {
            self.another_end();
        }
    }

    /// A block's next pass over frequencies.
    fn more(&mut self, band: &[i16], bit: u8) {
        let level = |value: &i16| value.unsigned_abs() >> bit;
        let newest = band.iter().rposition(|value| level(value) == 1);
        let (mut zeros, mut passed) = (0, Vec::new());
        for (at, value) in band.iter().enumerate() {
            let level = level(value);
            if level == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 && newest.is_some_and(|newest| at <= newest) {
                self.end_run();
                self.code(0xf0);
                zeros -= 16;
                self.correct(&std::mem::take(&mut passed));
            }
            if level > 1 {
                passed.push(level & 1 == 1);
                continue;
            }
            self.end_run();
            self.code(zeros << 4 | 1);
            self.put(u32::from(*value > 0), 1);
            self.correct(&std::mem::take(&mut passed));
            zeros = 0;
        }
        if zeros > 0 || !passed.is_empty() {
            self.corrections.append(&mut passed);
            self.another_end();
        }
    }

    fn correct(&mut self, bits: &[bool]) {
        bits.iter().for_each(|bit| self.put(u32::from(*bit), 1));
    }

    fn another_end(&mut self) {
        self.run += 1;
        if self.run == 0x7fff {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        if self.run > 0 {
            let size = 31 - self.run.leading_zeros();
            self.code(u8::try_from(size << 4).unwrap());
            self.put(self.run - (1 << size), size);
            self.run = 0;
            let bits = std::mem::take(&mut self.corrections);
            self.correct(&bits);
        }
    }

    fn fill(&mut self) {
        if self.count > 0 {
            let free = 8 - self.count;
            self.put((1 << free) - 1, free);
        }
    }

    fn restart(&mut self, number: u8) {
        self.fill();
        self.bytes.extend([0xff, 0xd0 + number]);
    }

    fn end(mut self, out: &mut Vec<u8>) {
        self.fill();
        out.append(&mut self.bytes);
    }
}
