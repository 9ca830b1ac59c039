//! Step 1: a bounded parser for the framing, header and columns of a change. It expands nothing: the
//! rows of a run-length column are counted from its run lengths, deflated data is inflated under a
//! budget, and lengths are compared with the bytes that are really there.

mod columns;
mod reader;

use std::io::Read;

use automerge::ChangeHash;
use flate2::read::DeflateDecoder;
use sha2::{Digest, Sha256};

use super::Rule;
use crate::limits;
use reader::Reader;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const TYPE_CHANGE: u8 = 1;
const TYPE_DEFLATED_CHANGE: u8 = 2;

/// A change that is small enough and framed well enough to be given to the library.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// The chunk, inflated, with its header.
    pub raw: Vec<u8>,
    /// Its hash.
    pub hash: ChangeHash,
    /// Who made it.
    pub actor: [u8; limits::ACTOR_BYTES],
    /// Its number in the actor's chain.
    pub seq: u64,
    /// Its first operation counter.
    pub start_op: u64,
    /// When it was made by the device's clock.
    pub time: i64,
    /// How many operations it holds.
    pub ops: u64,
}

/// Parses one chunk, taking what it inflates to from `budget`.
///
/// # Errors
/// The [`Rule`] that it breaks.
pub(super) fn chunk(bytes: &[u8], budget: &mut usize) -> Result<Chunk, Rule> {
    let mut reader = Reader::new(bytes);
    let framing = |_| Rule::ChunkFraming;
    if reader.take(MAGIC.len()).map_err(framing)? != MAGIC {
        return Err(Rule::ChunkFraming);
    }
    let checksum = reader.take(4).map_err(framing)?;
    let kind = reader.byte().map_err(framing)?;
    let length = reader.unsigned().map_err(framing)?;
    let data = reader.rest();
    if usize::try_from(length).ok() != Some(data.len()) {
        return Err(Rule::ChunkFraming);
    }
    let body = match kind {
        TYPE_CHANGE => {
            *budget = budget.checked_sub(data.len()).ok_or(Rule::InflatedTooLarge)?;
            data.to_vec()
        }
        TYPE_DEFLATED_CHANGE => inflate(data, budget)?,
        _ => return Err(Rule::ChunkType),
    };
    let hash = hash(&body);
    if hash.0.first_chunk::<4>().map(<[u8; 4]>::as_slice) != Some(checksum) {
        return Err(Rule::Checksum);
    }
    parse(&body, hash)
}

/// How many bytes the first chunk takes, by its frame alone.
pub(super) fn framed_length(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(bytes);
    if reader.take(MAGIC.len()).ok()? != MAGIC {
        return None;
    }
    reader.take(5).ok()?;
    let length = usize::try_from(reader.unsigned().ok()?).ok()?;
    let head = bytes.len().checked_sub(reader.rest().len())?;
    head.checked_add(length)
}

/// The hash that names a change: over its type, length and body.
fn hash(body: &[u8]) -> ChangeHash {
    let mut head = vec![TYPE_CHANGE];
    write_length(&mut head, body.len());
    let digest = Sha256::new().chain_update(&head).chain_update(body).finalize();
    ChangeHash(digest.into())
}

fn write_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or(0);
        length >>= 7;
        if length == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn inflate(data: &[u8], budget: &mut usize) -> Result<Vec<u8>, Rule> {
    let mut body = Vec::new();
    let limit = u64::try_from(*budget).unwrap_or(u64::MAX).saturating_add(1);
    let mut decoder = DeflateDecoder::new(data);
    decoder.by_ref().take(limit).read_to_end(&mut body).map_err(|_| Rule::Deflate)?;
    *budget = budget.checked_sub(body.len()).ok_or(Rule::InflatedTooLarge)?;
    if usize::try_from(decoder.total_in()).ok() == Some(data.len()) {
        Ok(body)
    } else {
        Err(Rule::Deflate)
    }
}

fn parse(body: &[u8], hash: ChangeHash) -> Result<Chunk, Rule> {
    let mut reader = Reader::new(body);
    let deps = reader.at_most(limits::CHANGE_DEPS)?;
    reader.take(deps.saturating_mul(32))?;
    let actor = actor(&mut reader)?;
    let seq = reader.unsigned()?;
    let start_op = reader.unsigned()?;
    let time = reader.signed()?;
    let message = reader.at_most(limits::CHANGE_MESSAGE_BYTES)?;
    std::str::from_utf8(reader.take(message)?).map_err(|_| Rule::Truncated)?;
    let others = reader.at_most(limits::CHANGE_ACTORS)?;
    for _ in 0..others {
        actor_of_16_bytes(&mut reader)?;
    }
    let actors = u64::try_from(others).unwrap_or(u64::MAX).saturating_add(1);
    let ops = columns::check(&mut reader, actors)?;
    if !reader.rest().is_empty() {
        return Err(Rule::ExtraBytes);
    }
    Ok(Chunk { raw: frame(body, hash), hash, actor, seq, start_op, time, ops })
}

fn actor(reader: &mut Reader<'_>) -> Result<[u8; limits::ACTOR_BYTES], Rule> {
    actor_of_16_bytes(reader)?.try_into().map_err(|_| Rule::ActorLength)
}

fn actor_of_16_bytes<'b>(reader: &mut Reader<'b>) -> Result<&'b [u8], Rule> {
    match usize::try_from(reader.unsigned()?) {
        Ok(limits::ACTOR_BYTES) => reader.take(limits::ACTOR_BYTES),
        _ => Err(Rule::ActorLength),
    }
}

/// The inflated chunk with a header of its own, so that the library never inflates anything.
fn frame(body: &[u8], hash: ChangeHash) -> Vec<u8> {
    let mut raw = Vec::with_capacity(body.len().saturating_add(16));
    raw.extend_from_slice(&MAGIC);
    raw.extend(hash.0.iter().take(4));
    raw.push(TYPE_CHANGE);
    write_length(&mut raw, body.len());
    raw.extend_from_slice(body);
    raw
}
