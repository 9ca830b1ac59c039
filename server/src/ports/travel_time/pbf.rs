//! Reading roads out of an OpenStreetMap extract (`.osm.pbf`): nodes and ways, and nothing else.
//!
//! The file comes from outside, so every length is checked before anything is read or unpacked.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// As the format's own rules say.
const MOST_HEADER: usize = 64 * 1024;
const MOST_BLOB: usize = 32 * 1024 * 1024;

/// The extract cannot be read: one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum PbfFault {
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is something else, or damaged.
    #[error("not an OpenStreetMap extract, or damaged: {0}")]
    Damaged(&'static str),
}

/// What is in an extract.
pub(super) enum Entity {
    /// A place: id, latitude, longitude.
    Node(i64, f64, f64),
    /// A line: nodes and tags.
    Way(Vec<i64>, Vec<(String, String)>),
}

/// Calls `see` for every node and way of the extract, block by block.
pub(super) fn read(mut from: impl Read, mut see: impl FnMut(Entity)) -> Result<(), PbfFault> {
    let mut blocks = 0_u32;
    while let Some((kind, blob)) = next_blob(&mut from)? {
        if kind == b"OSMData" {
            block(&unpacked(&blob)?, &mut see)?;
        }
        blocks += 1;
    }
    if blocks == 0 { Err(PbfFault::Damaged("it is empty")) } else { Ok(()) }
}

type Blob = (Vec<u8>, Vec<u8>);

fn next_blob(from: &mut impl Read) -> Result<Option<Blob>, PbfFault> {
    let mut length = [0_u8; 4];
    let mut got = 0;
    while got < length.len() {
        let rest = length.get_mut(got..).unwrap_or_default();
        let more = from.read(rest)?;
        if more == 0 {
            let clean = got == 0;
            return if clean { Ok(None) } else { Err(PbfFault::Damaged("it ends inside a block")) };
        }
        got += more;
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let header = exactly(from, length, MOST_HEADER)?;
    let (mut kind, mut size) = (Vec::new(), 0);
    fields(&header, |field, value| {
        match (field, value) {
            (1, Value::Bytes(bytes)) => kind = bytes.to_vec(),
            (3, Value::Number(number)) => size = usize::try_from(number).unwrap_or(usize::MAX),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Some((kind, exactly(from, size, MOST_BLOB)?)))
}

fn exactly(from: &mut impl Read, length: usize, most: usize) -> Result<Vec<u8>, PbfFault> {
    if length > most {
        return Err(PbfFault::Damaged("a block is longer than the format allows"));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).map_err(|_| PbfFault::Damaged("it ends inside a block"))?;
    Ok(bytes)
}

fn unpacked(blob: &[u8]) -> Result<Vec<u8>, PbfFault> {
    let mut found = None;
    fields(blob, |field, value| {
        match (field, value) {
            (1, Value::Bytes(raw)) => found = Some(Ok(raw.to_vec())),
            (3, Value::Bytes(zlib)) => found = Some(inflate(zlib)),
            _ => {}
        }
        Ok(())
    })?;
    found.unwrap_or(Err(PbfFault::Damaged("a block is packed in a way that we do not read")))
}

fn inflate(zlib: &[u8]) -> Result<Vec<u8>, PbfFault> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MOST_BLOB).unwrap_or(u64::MAX);
    let read = ZlibDecoder::new(zlib).take(most + 1).read_to_end(&mut bytes);
    match read {
        Ok(length) if length <= MOST_BLOB => Ok(bytes),
        Ok(_) => Err(PbfFault::Damaged("a block is longer than the format allows")),
        Err(_) => Err(PbfFault::Damaged("a block cannot be unpacked")),
    }
}

/// How numbers of a block become degrees.
struct Scale {
    granularity: i64,
    lat_offset: i64,
    lon_offset: i64,
}

impl Scale {
    fn degrees(&self, offset: i64, raw: i64) -> f64 {
        let nano = offset.saturating_add(raw.saturating_mul(self.granularity));
        #[expect(clippy::as_conversions, reason = "nano-degrees are exact in a double")]
        let nano = nano as f64;
        nano / 1e9
    }
}

fn block(bytes: &[u8], see: &mut impl FnMut(Entity)) -> Result<(), PbfFault> {
    let mut scale = Scale { granularity: 100, lat_offset: 0, lon_offset: 0 };
    let mut strings: Vec<&[u8]> = Vec::new();
    fields(bytes, |field, value| {
        match (field, value) {
            (1, Value::Bytes(table)) => fields(table, |field, value| {
                if let (1, Value::Bytes(text)) = (field, value) {
                    strings.push(text);
                }
                Ok(())
            })?,
            (17, Value::Number(number)) => scale.granularity = signed(number),
            (19, Value::Number(number)) => scale.lat_offset = signed(number),
            (20, Value::Number(number)) => scale.lon_offset = signed(number),
            _ => {}
        }
        Ok(())
    })?;
    fields(bytes, |field, value| match (field, value) {
        (2, Value::Bytes(group)) => fields(group, |field, value| match (field, value) {
            (1, Value::Bytes(node)) => one_node(node, &scale, see),
            (2, Value::Bytes(dense)) => dense_nodes(dense, &scale, see),
            (3, Value::Bytes(way)) => one_way(way, &strings, see),
            _ => Ok(()),
        }),
        _ => Ok(()),
    })
}

fn one_node(bytes: &[u8], scale: &Scale, see: &mut impl FnMut(Entity)) -> Result<(), PbfFault> {
    let (mut id, mut lat, mut lon) = (0, 0, 0);
    fields(bytes, |field, value| {
        match (field, value) {
            (1, Value::Number(number)) => id = zigzag(number),
            (8, Value::Number(number)) => lat = zigzag(number),
            (9, Value::Number(number)) => lon = zigzag(number),
            _ => {}
        }
        Ok(())
    })?;
    let degrees = (scale.degrees(scale.lat_offset, lat), scale.degrees(scale.lon_offset, lon));
    see(Entity::Node(id, degrees.0, degrees.1));
    Ok(())
}

fn dense_nodes(bytes: &[u8], scale: &Scale, see: &mut impl FnMut(Entity)) -> Result<(), PbfFault> {
    let (mut ids, mut lats, mut lons) = (Vec::new(), Vec::new(), Vec::new());
    fields(bytes, |field, value| {
        match (field, value) {
            (1, Value::Bytes(packed)) => ids = deltas(packed)?,
            (8, Value::Bytes(packed)) => lats = deltas(packed)?,
            (9, Value::Bytes(packed)) => lons = deltas(packed)?,
            _ => {}
        }
        Ok(())
    })?;
    for ((id, lat), lon) in ids.into_iter().zip(lats).zip(lons) {
        let lat = scale.degrees(scale.lat_offset, lat);
        see(Entity::Node(id, lat, scale.degrees(scale.lon_offset, lon)));
    }
    Ok(())
}

fn one_way(bytes: &[u8], strings: &[&[u8]], see: &mut impl FnMut(Entity)) -> Result<(), PbfFault> {
    let (mut keys, mut values, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
    fields(bytes, |field, value| {
        match (field, value) {
            (2, Value::Bytes(packed)) => keys = numbers(packed)?,
            (3, Value::Bytes(packed)) => values = numbers(packed)?,
            (8, Value::Bytes(packed)) => nodes = deltas(packed)?,
            _ => {}
        }
        Ok(())
    })?;
    let text = |index: u64| {
        let found = usize::try_from(index).ok().and_then(|index| strings.get(index));
        String::from_utf8_lossy(found.copied().unwrap_or_default()).into_owned()
    };
    let tags = keys.into_iter().zip(values).map(|(key, value)| (text(key), text(value)));
    see(Entity::Way(nodes, tags.collect()));
    Ok(())
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Calls `see` for every field of a message.
fn fields<'a>(
    mut bytes: &'a [u8],
    mut see: impl FnMut(u64, Value<'a>) -> Result<(), PbfFault>,
) -> Result<(), PbfFault> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut bytes)?),
            1 => Value::Bytes(take(&mut bytes, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).unwrap_or(usize::MAX);
                Value::Bytes(take(&mut bytes, length)?)
            }
            5 => Value::Bytes(take(&mut bytes, 4)?),
            _ => return Err(PbfFault::Damaged("a field of an unknown kind")),
        };
        see(key >> 3, value)?;
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], PbfFault> {
    let (head, rest) = bytes
        .split_at_checked(length)
        .ok_or(PbfFault::Damaged("a field is longer than its block"))?;
    *bytes = rest;
    Ok(head)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, PbfFault> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let Some((byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(PbfFault::Damaged("a number that does not end"))
}

fn numbers(mut packed: &[u8]) -> Result<Vec<u64>, PbfFault> {
    let mut all = Vec::new();
    while !packed.is_empty() {
        all.push(varint(&mut packed)?);
    }
    Ok(all)
}

fn deltas(packed: &[u8]) -> Result<Vec<i64>, PbfFault> {
    let mut last = 0_i64;
    let sum = |delta: u64| {
        last = last.wrapping_add(zigzag(delta));
        last
    };
    Ok(numbers(packed)?.into_iter().map(sum).collect())
}

fn zigzag(number: u64) -> i64 {
    signed(number >> 1) ^ -signed(number & 1)
}

fn signed(number: u64) -> i64 {
    i64::from_le_bytes(number.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_fail_badly(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut seen = 0;
            let _ = read(bytes.as_slice(), |_| seen += 1);
            let _ = block(&bytes, &mut |_| seen += 1);
            prop_assert!(seen < 10_000);
        }
    }

    #[test]
    fn a_block_that_claims_to_be_huge_is_not_read() {
        let claim = [0xff, 0xff, 0xff, 0xff, 0];
        assert!(matches!(read(claim.as_slice(), |_| {}), Err(PbfFault::Damaged(_))));
        assert!(matches!(read([].as_slice(), |_| {}), Err(PbfFault::Damaged(_))));
    }

    #[test]
    fn numbers_are_as_the_format_says() {
        assert_eq!((zigzag(0), zigzag(1), zigzag(2), zigzag(u64::MAX)), (0, -1, 1, i64::MIN));
        assert_eq!(varint(&mut [0xac, 0x02].as_slice()).unwrap(), 300);
        assert!(varint(&mut [0xff; 11].as_slice()).is_err());
    }
}
