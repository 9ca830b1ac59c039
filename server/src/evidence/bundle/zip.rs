//! ZIP files without compression, written as a stream, and read back for verification.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use actix_web::web::Bytes;

const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Names are UTF-8, and sizes stand behind the bytes.
const FLAGS: u16 = 0x0808;
const VERSION: u16 = 20;
/// 1980-01-01, the earliest day that the format knows: the same case makes the same bytes.
const DAY: u16 = 0x0021;

/// A ZIP file that is being written; answers the bytes to send, one after the other.
#[derive(Default)]
pub(super) struct ZipWriter {
    offset: u32,
    entries: Vec<Entry>,
    open: Option<Open>,
}

struct Entry {
    name: String,
    crc: u32,
    size: u32,
    offset: u32,
}

struct Open {
    name: String,
    hash: crc32fast::Hasher,
    size: u32,
    offset: u32,
}

/// The file would be larger than the format allows.
#[derive(Debug, thiserror::Error)]
#[error("more than 4 GiB or 65535 files")]
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
        self.advance(head.len())?;
        Ok(head.into())
    }

    /// Counts bytes of the open file, which are sent as they are.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let size = u32::try_from(bytes.len()).map_err(|_| TooLarge)?;
        if let Some(open) = &mut self.open {
            open.hash.update(bytes);
            open.size = open.size.checked_add(size).ok_or(TooLarge)?;
        }
        self.advance(bytes.len())
    }

    /// Ends the open file.
    pub(super) fn end(&mut self) -> Result<Bytes, TooLarge> {
        let Some(open) = self.open.take() else { return Ok(Bytes::new()) };
        let crc = open.hash.finalize();
        let mut tail = Vec::new();
        [DESCRIPTOR, crc, open.size, open.size].iter().for_each(|n| put32(&mut tail, *n));
        self.entries.push(Entry { name: open.name, crc, size: open.size, offset: open.offset });
        self.advance(tail.len())?;
        Ok(tail.into())
    }

    /// Ends the ZIP file.
    pub(super) fn finish(self) -> Result<Bytes, TooLarge> {
        let mut tail = Vec::new();
        for entry in &self.entries {
            put32(&mut tail, CENTRAL);
            [VERSION, VERSION, FLAGS, 0, 0, DAY].iter().for_each(|n| put16(&mut tail, *n));
            [entry.crc, entry.size, entry.size].iter().for_each(|n| put32(&mut tail, *n));
            put16(&mut tail, length16(&entry.name)?);
            [0, 0, 0, 0].iter().for_each(|n| put16(&mut tail, *n));
            put32(&mut tail, 0);
            put32(&mut tail, entry.offset);
            tail.extend(entry.name.bytes());
        }
        let size = u32::try_from(tail.len()).map_err(|_| TooLarge)?;
        let count = u16::try_from(self.entries.len()).map_err(|_| TooLarge)?;
        put32(&mut tail, END);
        [0, 0, count, count].iter().for_each(|n| put16(&mut tail, *n));
        put32(&mut tail, size);
        put32(&mut tail, self.offset);
        put16(&mut tail, 0);
        Ok(tail.into())
    }

    fn advance(&mut self, bytes: usize) -> Result<(), TooLarge> {
        let bytes = u32::try_from(bytes).map_err(|_| TooLarge)?;
        self.offset = self.offset.checked_add(bytes).ok_or(TooLarge)?;
        Ok(())
    }
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

/// A file within a ZIP file.
pub(in crate::evidence) struct Member {
    pub(in crate::evidence) name: String,
    pub(in crate::evidence) size: u64,
    offset: u64,
}

/// The members of a ZIP file that we have written.
pub(in crate::evidence) fn read(file: &mut File) -> io::Result<Vec<Member>> {
    let length = file.metadata()?.len();
    let start = length.checked_sub(22).ok_or_else(|| strange("too short"))?;
    let end = take(file, start, 22)?;
    if get32(&end, 0) != Some(END) {
        return Err(strange("no end of a ZIP file"));
    }
    let (size, offset) = (get32(&end, 12).unwrap_or(0), get32(&end, 16).unwrap_or(0));
    if u64::from(offset) + u64::from(size) != start {
        return Err(strange("another list of files than the end says"));
    }
    let list = take(file, offset.into(), size.into())?;
    let (mut members, mut at) = (Vec::new(), 0);
    while at < list.len() {
        let part = list.get(at..).unwrap_or_default();
        let field16 = |place| get16(part, place).ok_or_else(|| strange("a cut list of files"));
        let field32 = |place| get32(part, place).ok_or_else(|| strange("a cut list of files"));
        if field32(0)? != CENTRAL || field16(10)? != 0 {
            return Err(strange("a list of files that is none of ours"));
        }
        let (size, name, offset) = (field32(24)?, usize::from(field16(28)?), field32(42)?);
        let name = part.get(46..46 + name).ok_or_else(|| strange("a cut name"))?;
        let local = u64::from(offset) + 30 + u64::try_from(name.len()).unwrap_or(0);
        at += 46 + name.len();
        let name = String::from_utf8(name.to_vec()).map_err(io::Error::other)?;
        members.push(Member { name, size: size.into(), offset: local });
    }
    Ok(members)
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

fn strange(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
