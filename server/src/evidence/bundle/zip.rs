//! ZIP files without compression, written as a stream, and read back for verification.
//!
//! Sizes of single files fit into 32 bits; where they stand need not, so that a case with more than
//! 4 GiB of photos becomes a ZIP64 file.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use actix_web::web::Bytes;

const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR64: u32 = 0x0706_4b50;
/// Names are UTF-8, and sizes stand behind the bytes.
const FLAGS: u16 = 0x0808;
const VERSION: u16 = 20;
/// What a reader must know for files that stand behind the first 4 GiB.
const VERSION64: u16 = 45;
/// 1980-01-01, the earliest day that the format knows: the same case makes the same bytes.
const DAY: u16 = 0x0021;
/// The extra field of a file that stands far behind, with its position.
const EXTRA64: u16 = 1;
/// "Look elsewhere" in fields that are too small.
const FAR: u32 = u32::MAX;
const MANY: u16 = u16::MAX;
/// Bytes of the three records at the end.
const END_SIZE: u64 = 22;
const LOCATOR64_SIZE: u64 = 20;
const END64_SIZE: u64 = 56;

/// A ZIP file that is being written; answers the bytes to send, one after the other.
pub(super) struct ZipWriter {
    offset: u64,
    entries: Vec<Entry>,
    open: Option<Open>,
    /// Positions from here on are written the long way.
    far: u64,
}

impl Default for ZipWriter {
    fn default() -> Self {
        Self { offset: 0, entries: Vec::new(), open: None, far: u64::from(FAR) }
    }
}

struct Entry {
    name: String,
    crc: u32,
    size: u32,
    offset: u64,
}

struct Open {
    name: String,
    hash: crc32fast::Hasher,
    size: u32,
    offset: u64,
}

/// The file would be larger than the format allows.
#[derive(Debug, thiserror::Error)]
#[error("a file of more than 4 GiB or too many files")]
pub(super) struct TooLarge;

impl ZipWriter {
    /// Begins a file; its bytes follow.
    pub(super) fn begin(&mut self, name: String) -> Result<Bytes, TooLarge> {
        let mut head = Vec::new();
        put32(&mut head, LOCAL);
        [VERSION, FLAGS, 0, 0, DAY].iter().for_each(|n| put16(&mut head, *n));
        [0, 0, 0].iter().for_each(|n| put32(&mut head, *n));
        put16(&mut head, length16(&name)?);
        put16(&mut head, 0);
        head.extend(name.bytes());
        let offset = self.offset;
        self.open = Some(Open { name, hash: crc32fast::Hasher::new(), size: 0, offset });
        self.advance(&head);
        Ok(head.into())
    }

    /// Counts bytes of the open file, which are sent as they are.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let size = u32::try_from(bytes.len()).map_err(|_| TooLarge)?;
        if let Some(open) = &mut self.open {
            open.hash.update(bytes);
            open.size = open.size.checked_add(size).filter(|n| *n < FAR).ok_or(TooLarge)?;
        }
        self.advance(bytes);
        Ok(())
    }

    /// Ends the open file.
    pub(super) fn end(&mut self) -> Bytes {
        let Some(open) = self.open.take() else { return Bytes::new() };
        let crc = open.hash.finalize();
        let mut tail = Vec::new();
        [DESCRIPTOR, crc, open.size, open.size].iter().for_each(|n| put32(&mut tail, *n));
        self.entries.push(Entry { name: open.name, crc, size: open.size, offset: open.offset });
        self.advance(&tail);
        tail.into()
    }

    /// Ends the ZIP file.
    pub(super) fn finish(self) -> Result<Bytes, TooLarge> {
        let mut tail = Vec::new();
        for entry in &self.entries {
            let far = entry.offset >= self.far;
            let version = if far { VERSION64 } else { VERSION };
            put32(&mut tail, CENTRAL);
            [version, version, FLAGS, 0, 0, DAY].iter().for_each(|n| put16(&mut tail, *n));
            [entry.crc, entry.size, entry.size].iter().for_each(|n| put32(&mut tail, *n));
            put16(&mut tail, length16(&entry.name)?);
            put16(&mut tail, if far { 12 } else { 0 });
            [0, 0, 0].iter().for_each(|n| put16(&mut tail, *n));
            put32(&mut tail, 0);
            put32(&mut tail, if far { FAR } else { near(entry.offset)? });
            tail.extend(entry.name.bytes());
            if far {
                [EXTRA64, 8].iter().for_each(|n| put16(&mut tail, *n));
                put64(&mut tail, entry.offset);
            }
        }
        let size = u64::try_from(tail.len()).map_err(|_| TooLarge)?;
        let count = u64::try_from(self.entries.len()).map_err(|_| TooLarge)?;
        let far = self.offset >= self.far || size >= self.far || count >= u64::from(MANY);
        if far {
            let end64 = self.offset + size;
            put32(&mut tail, END64);
            put64(&mut tail, END64_SIZE - 12);
            [VERSION64, VERSION64].iter().for_each(|n| put16(&mut tail, *n));
            [0, 0].iter().for_each(|n| put32(&mut tail, *n));
            [count, count, size, self.offset].iter().for_each(|n| put64(&mut tail, *n));
            [LOCATOR64, 0].iter().for_each(|n| put32(&mut tail, *n));
            put64(&mut tail, end64);
            put32(&mut tail, 1);
        }
        put32(&mut tail, END);
        let short = if far { MANY } else { u16::try_from(count).map_err(|_| TooLarge)? };
        [0, 0, short, short].iter().for_each(|n| put16(&mut tail, *n));
        for n in [size, self.offset] {
            put32(&mut tail, if far { FAR } else { near(n)? });
        }
        put16(&mut tail, 0);
        Ok(tail.into())
    }

    fn advance(&mut self, bytes: &[u8]) {
        self.offset += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }
}

fn near(n: u64) -> Result<u32, TooLarge> {
    u32::try_from(n).map_err(|_| TooLarge)
}

fn length16(name: &str) -> Result<u16, TooLarge> {
    u16::try_from(name.len()).map_err(|_| TooLarge)
}

fn put16(bytes: &mut Vec<u8>, n: u16) {
    bytes.extend(n.to_le_bytes());
}

fn put32(bytes: &mut Vec<u8>, n: u32) {
    bytes.extend(n.to_le_bytes());
}

fn put64(bytes: &mut Vec<u8>, n: u64) {
    bytes.extend(n.to_le_bytes());
}

/// A file within a ZIP file.
pub(in crate::evidence) struct Member {
    pub(in crate::evidence) name: String,
    pub(in crate::evidence) size: u64,
    offset: u64,
}

/// The members of a ZIP file that we have written.
pub(in crate::evidence) fn read(file: &mut File) -> io::Result<Vec<Member>> {
    let length = file.metadata()?.len();
    let start = length.checked_sub(END_SIZE).ok_or_else(|| strange("too short"))?;
    let end = take(file, start, END_SIZE)?;
    if get32(&end, 0) != Some(END) {
        return Err(strange("no end of a ZIP file"));
    }
    let short = (get32(&end, 12).unwrap_or(0), get32(&end, 16).unwrap_or(0));
    let (start, size, offset) = match short {
        (FAR, FAR) => read_end64(file, start)?,
        (size, offset) => (start, size.into(), offset.into()),
    };
    if offset.checked_add(size) != Some(start) {
        return Err(strange("another list of files than the end says"));
    }
    let list = take(file, offset, size)?;
    let (mut members, mut at) = (Vec::new(), 0);
    while at < list.len() {
        let part = list.get(at..).unwrap_or_default();
        let field16 = |place| get16(part, place).ok_or_else(|| strange("a cut list of files"));
        let field32 = |place| get32(part, place).ok_or_else(|| strange("a cut list of files"));
        if field32(0)? != CENTRAL || field16(10)? != 0 {
            return Err(strange("a list of files that is none of ours"));
        }
        let (size, length) = (field32(24)?, usize::from(field16(28)?));
        let (behind, extra) = (46 + length, usize::from(field16(30)?));
        let name = part.get(46..behind).ok_or_else(|| strange("a cut name"))?;
        let offset = match (field32(42)?, extra) {
            (offset, 0) => u64::from(offset),
            (FAR, 12) if field16(behind)? == EXTRA64 && field16(behind + 2)? == 8 => {
                get64(part, behind + 4).ok_or_else(|| strange("a cut position"))?
            }
            _ => return Err(strange("a list of files that is none of ours")),
        };
        let local = offset.saturating_add(30 + u64::try_from(length).unwrap_or(0));
        at += behind + extra;
        let name = String::from_utf8(name.to_vec()).map_err(io::Error::other)?;
        members.push(Member { name, size: size.into(), offset: local });
    }
    Ok(members)
}

/// Where the list of files of a long ZIP file ends, how large it is and where it begins.
fn read_end64(file: &mut File, end: u64) -> io::Result<(u64, u64, u64)> {
    let cut = || strange("no end of a long ZIP file");
    let locator_at = end.checked_sub(LOCATOR64_SIZE).ok_or_else(cut)?;
    let locator = take(file, locator_at, LOCATOR64_SIZE)?;
    let at = get64(&locator, 8).filter(|_| get32(&locator, 0) == Some(LOCATOR64));
    let at = at.filter(|at| at.checked_add(END64_SIZE) == Some(locator_at)).ok_or_else(cut)?;
    let end = take(file, at, END64_SIZE)?;
    let fields = get64(&end, 40).zip(get64(&end, 48)).filter(|_| get32(&end, 0) == Some(END64));
    fields.map(|(size, offset)| (at, size, offset)).ok_or_else(cut)
}

impl Member {
    /// A reader of the member's bytes.
    pub(in crate::evidence) fn open<'a>(&self, file: &'a mut File) -> io::Result<impl Read + 'a> {
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file.take(self.size))
    }
}

fn take(file: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn get16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn get32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn get64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

fn strange(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
