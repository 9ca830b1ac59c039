//! The columns of a change, counted without expanding them.

use super::{super::Rule, reader::Reader};
use crate::limits;

const OBJ_ACTOR: u64 = 0x01;
const OBJ_COUNTER: u64 = 0x02;
const KEY_ACTOR: u64 = 0x11;
const KEY_COUNTER: u64 = 0x13;
const KEY_STRING: u64 = 0x15;
const INSERT: u64 = 0x34;
const ACTION: u64 = 0x42;
const VALUE_META: u64 = 0x56;
const VALUE: u64 = 0x57;
const PRED_COUNT: u64 = 0x70;
const PRED_ACTOR: u64 = 0x71;
const PRED_COUNTER: u64 = 0x73;

/// What the columns say about each other.
#[derive(Default)]
struct Tally {
    /// Operations, by the action column.
    ops: u64,
    /// Rows of each column that must have one row for every operation.
    per_op: Vec<u64>,
    /// Bytes of values, by their metadata.
    value_bytes: u64,
    /// Bytes of values that are there.
    value_length: u64,
    /// Predecessors, by their count.
    preds: u64,
    /// Rows of the predecessor columns.
    pred_rows: Vec<u64>,
}

/// Checks column directory and columns; gives the number of operations.
///
/// # Errors
/// The [`Rule`] that they break.
pub(super) fn check(reader: &mut Reader<'_>, actors: u64) -> Result<u64, Rule> {
    let count = reader.at_most(limits::CHANGE_COLUMNS)?;
    let mut directory = Vec::with_capacity(count);
    for _ in 0..count {
        directory.push((reader.unsigned()?, reader.unsigned()?));
    }
    // Strictly ascending: no doubles, and the one order that the library writes.
    if !directory.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(Rule::Column);
    }
    let mut tally = Tally::default();
    for (spec, length) in directory {
        let length = usize::try_from(length).map_err(|_| Rule::Truncated)?;
        column(spec, reader.take(length)?, actors, &mut tally)?;
    }
    tally.agree()
}

impl Tally {
    fn agree(self) -> Result<u64, Rule> {
        let agreed = self.ops <= limits::CHANGE_OPS
            && self.per_op.iter().all(|rows| *rows == self.ops)
            && self.value_bytes == self.value_length
            && self.preds <= limits::CHANGE_OPS
            && self.pred_rows.iter().all(|rows| *rows == self.preds);
        if agreed { Ok(self.ops) } else { Err(Rule::ColumnRows) }
    }
}

fn column(spec: u64, bytes: &[u8], actors: u64, tally: &mut Tally) -> Result<(), Rule> {
    if bytes.is_empty() {
        // The library leaves empty columns out of the directory.
        return Err(Rule::Column);
    }
    let highest = u64::from(u32::MAX);
    match spec {
        OBJ_ACTOR | KEY_ACTOR => tally.per_op.push(numbers(bytes, actors.saturating_sub(1))?.rows),
        OBJ_COUNTER => tally.per_op.push(numbers(bytes, highest)?.rows),
        KEY_COUNTER => tally.per_op.push(deltas(bytes)?),
        KEY_STRING => tally.per_op.push(strings(bytes)?),
        INSERT => tally.per_op.push(booleans(bytes)?),
        ACTION => tally.ops = numbers(bytes, highest)?.rows,
        VALUE_META => {
            let meta = numbers(bytes, u64::MAX)?;
            tally.per_op.push(meta.rows);
            tally.value_bytes = meta.value_bytes;
        }
        VALUE => tally.value_length = u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        PRED_COUNT => {
            let counts = numbers(bytes, limits::CHANGE_OPS)?;
            tally.per_op.push(counts.rows);
            tally.preds = counts.sum;
        }
        PRED_ACTOR => tally.pred_rows.push(numbers(bytes, actors.saturating_sub(1))?.rows),
        PRED_COUNTER => tally.pred_rows.push(deltas(bytes)?),
        _ => return Err(Rule::Column),
    }
    Ok(())
}

/// What a column of unsigned numbers holds.
#[derive(Default)]
struct Numbers {
    rows: u64,
    /// The numbers added up.
    sum: u64,
    /// The lengths that the numbers stand for as value metadata, added up.
    value_bytes: u64,
}

fn numbers(bytes: &[u8], max: u64) -> Result<Numbers, Rule> {
    let mut found = Numbers::default();
    found.rows = runs(bytes, |reader, times| {
        let number = reader.unsigned()?;
        if number > max {
            return Err(Rule::ColumnRows);
        }
        found.sum = found.sum.saturating_add(number.saturating_mul(times));
        found.value_bytes = found.value_bytes.saturating_add((number >> 4).saturating_mul(times));
        Ok(())
    })?;
    Ok(found)
}

/// A column of counters written as differences. Within a run the counter moves in one direction, so
/// looking at the ends is enough.
fn deltas(bytes: &[u8]) -> Result<u64, Rule> {
    let mut counter = 0_i128;
    runs(bytes, |reader, times| {
        counter += i128::from(reader.signed()?) * i128::from(times);
        let in_range = u32::try_from(counter).is_ok();
        if in_range { Ok(()) } else { Err(Rule::ColumnRows) }
    })
}

fn strings(bytes: &[u8]) -> Result<u64, Rule> {
    runs(bytes, |reader, _| {
        let length = reader.at_most(limits::KEY_BYTES)?;
        let text = reader.take(length)?;
        std::str::from_utf8(text).map(|_| ()).map_err(|_| Rule::Truncated)
    })
}

/// A column of booleans: alternating counts, beginning with false.
fn booleans(bytes: &[u8]) -> Result<u64, Rule> {
    let mut reader = Reader::new(bytes);
    let mut rows = 0_u64;
    while !reader.is_empty() {
        rows = add_rows(rows, reader.unsigned()?)?;
    }
    Ok(rows)
}

/// Walks a run-length column: a positive count and one value, a negative count and as many values, or
/// zero and a count of nulls. `value` reads one value that stands for so many rows.
fn runs<'b>(
    bytes: &'b [u8],
    mut value: impl FnMut(&mut Reader<'b>, u64) -> Result<(), Rule>,
) -> Result<u64, Rule> {
    let mut reader = Reader::new(bytes);
    let mut rows = 0_u64;
    while !reader.is_empty() {
        let count = reader.signed()?;
        let size = count.unsigned_abs();
        match count {
            0 => rows = add_rows(rows, reader.unsigned()?)?,
            1.. => {
                rows = add_rows(rows, size)?;
                value(&mut reader, size)?;
            }
            _ => {
                rows = add_rows(rows, size)?;
                for _ in 0..size {
                    value(&mut reader, 1)?;
                }
            }
        }
    }
    Ok(rows)
}

fn add_rows(rows: u64, more: u64) -> Result<u64, Rule> {
    match rows.checked_add(more) {
        Some(sum) if sum <= limits::CHANGE_OPS => Ok(sum),
        _ => Err(Rule::ChangeTooLarge),
    }
}
