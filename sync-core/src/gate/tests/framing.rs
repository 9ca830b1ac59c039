//! Bytes that are no honest chunk: bombs, lies about length, and damage with a repaired checksum.

use std::io::Write;

use sha2::{Digest, Sha256};

use super::*;
use crate::limits;

fn honest() -> Vec<u8> {
    bytes(expanded(&seeded(), &surveyor(), |editor| {
        editor.set_scene("place", "x").unwrap();
    }))
}

fn rule(bytes: Vec<u8>) -> Rule {
    refusal(&seeded(), &context(&surveyor(), 0), bytes).rule
}

fn leb(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(n & 0x7f).unwrap();
        n >>= 7;
        if n == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn leb_len(n: usize) -> Vec<u8> {
    leb(n.try_into().unwrap())
}

/// A chunk of this type with a valid checksum; the checksum is over the change in any case.
fn chunk(kind: u8, data: &[u8], body: &[u8]) -> Vec<u8> {
    let digest = Sha256::new()
        .chain_update([1])
        .chain_update(leb_len(body.len()))
        .chain_update(body)
        .finalize();
    [&[0x85, 0x6f, 0x4a, 0x83], &digest[..4], &[kind], &leb_len(data.len()), data].concat()
}

/// The body of a chunk.
fn body(chunk: &[u8]) -> Vec<u8> {
    let header = 9 + leb_len(chunk.len() - 10).len();
    chunk[header..].to_vec()
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The part of a body before its columns.
fn head() -> Vec<u8> {
    let body = body(&honest());
    // deps 1 + 32, actor 1 + 16, seq, start_op, time (6 bytes), message, other actors 1 + 17
    let other_actors = 1 + 32 + 17 + 1 + 1 + 6 + 1;
    body[..other_actors + 1 + 17].to_vec()
}

fn with_columns(columns: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut body = head();
    body.extend(leb_len(columns.len()));
    for (spec, data) in columns {
        body.extend(leb(*spec));
        body.extend(leb_len(data.len()));
    }
    for (_, data) in columns {
        body.extend(data);
    }
    chunk(1, &body, &body)
}

#[test]
fn an_honest_chunk_passes_plain_and_deflated() {
    let server = seeded();
    let plain = honest();
    assert_eq!(plain, chunk(1, &body(&plain), &body(&plain)));
    push(&server, &context(&surveyor(), 0), std::slice::from_ref(&plain)).unwrap();
    let packed = chunk(2, &deflate(&body(&plain)), &body(&plain));
    let admitted = push(&server, &context(&surveyor(), 0), &[packed]).unwrap();
    assert_eq!(admitted.rows[0].bytes, plain);
}

#[test]
fn frames() {
    let plain = honest();
    assert_eq!(rule(Vec::new()), Rule::ChunkFraming);
    for end in 0..plain.len() {
        let cut = rule(plain[..end].to_vec());
        assert_eq!(cut, Rule::ChunkFraming, "cut at {end}");
    }
    assert_eq!(rule([plain.clone(), vec![0]].concat()), Rule::ChunkFraming);
    assert_eq!(rule([plain.clone(), plain.clone()].concat()), Rule::ChunkFraming);
    for kind in [0, 3, 4, 255] {
        assert_eq!(rule(chunk(kind, &body(&plain), &body(&plain))), Rule::ChunkType);
    }
    let mut damaged = plain.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(rule(damaged), Rule::Checksum);
    let document = seeded().save();
    assert_eq!(rule(document), Rule::ChunkType);
}

#[test]
fn a_deflate_bomb_stops_at_the_budget() {
    let bomb = deflate(&vec![0; 16 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    assert_eq!(rule(chunk(2, &bomb, &[])), Rule::InflatedTooLarge);
    // Many small ones share one budget.
    let body = vec![0; 1_100_000];
    let small = chunk(2, &deflate(&body), &body);
    let mut budget = limits::PUSH_INFLATED_BYTES;
    assert_ne!(
        crate::gate::preflight::chunk(&small, &mut budget).unwrap_err(),
        Rule::InflatedTooLarge
    );
    assert_eq!(
        crate::gate::preflight::chunk(&small, &mut budget).unwrap_err(),
        Rule::InflatedTooLarge
    );
    assert_eq!(rule(chunk(2, b"not deflated", &[])), Rule::Deflate);
    let plain = honest();
    let inner = super::framing::body(&plain);
    let trailing = [deflate(&inner), vec![0]].concat();
    assert_eq!(rule(chunk(2, &trailing, &inner)), Rule::Deflate);
}

#[test]
fn a_run_length_bomb_is_counted_and_not_expanded() {
    const ACTION: u64 = 0x42;
    for rows in [20_001, 10_000_000, 1 << 32, u64::MAX >> 1] {
        // One run of that many equal values; the signed length needs a bit more room.
        let mut run = leb(rows);
        if run.last().unwrap() & 0x40 != 0 {
            *run.last_mut().unwrap() |= 0x80;
            run.push(0);
        }
        let bomb = with_columns(&[(ACTION, [run, vec![1]].concat())]);
        assert!(bomb.len() < 200);
        assert_eq!(rule(bomb), Rule::ChangeTooLarge, "{rows}");
        let nulls = with_columns(&[(ACTION, [vec![0], leb(rows)].concat())]);
        assert_eq!(rule(nulls), Rule::ChangeTooLarge, "{rows} nulls");
    }
    // The most negative literal run, whose magnitude does not fit.
    let literal = [vec![0x80; 9], vec![0x7f]].concat();
    assert_eq!(rule(with_columns(&[(ACTION, literal)])), Rule::ChangeTooLarge);
}

#[test]
fn column_directories() {
    let ones = || vec![2, 1];
    for columns in [
        // Unknown, deflated, marks, doubled, descending, empty.
        vec![(0x42, ones()), (0x45, ones())],
        vec![(0x4a, ones())],
        vec![(0x42, ones()), (0x94, vec![0, 2])],
        vec![(0x42, ones()), (0xa5, ones())],
        vec![(0x42, ones()), (0x42, ones())],
        vec![(0x42, ones()), (0x34, vec![2])],
        vec![(0x42, Vec::new())],
    ] {
        assert_eq!(rule(with_columns(&columns)), Rule::Column, "{columns:?}");
    }
    let many: Vec<_> = (0..25).map(|n| (n, ones())).collect();
    assert_eq!(rule(with_columns(&many)), Rule::ChangeTooLarge);
}

#[test]
fn columns_must_agree() {
    for columns in [
        // Three booleans for two operations.
        vec![(0x34, vec![3]), (0x42, vec![2, 1])],
        // A value that is not there, and one that nothing speaks of.
        vec![(0x42, vec![2, 1]), (0x56, vec![2, 0x16])],
        vec![(0x42, vec![2, 1]), (0x56, vec![2, 0]), (0x57, vec![1, 2, 3])],
        // Predecessors that are announced and missing.
        vec![(0x42, vec![2, 1]), (0x70, vec![2, 1]), (0x71, vec![0x7f, 0]), (0x73, vec![0x7f, 1])],
        // An actor that the change does not name, and a counter below zero.
        vec![(0x01, vec![2, 9]), (0x42, vec![2, 1])],
        vec![(0x13, vec![2, 0x7f]), (0x42, vec![2, 1])],
    ] {
        assert_eq!(rule(with_columns(&columns)), Rule::ColumnRows, "{columns:?}");
    }
    let long_key = [vec![2], leb(65), vec![b'x'; 65]].concat();
    assert_eq!(rule(with_columns(&[(0x15, long_key), (0x42, vec![2, 1])])), Rule::ChangeTooLarge);
    // Lengths that add up beyond all numbers.
    let huge = [vec![2], vec![0xff; 9], vec![0x01]].concat();
    assert_eq!(rule(with_columns(&[(0x42, vec![2, 1]), (0x56, huge)])), Rule::ColumnRows);
}

#[test]
fn another_encoding_of_the_same_change_is_refused() {
    // The insert column of an honest change says "one false"; "one false, none true" means the same.
    let body = body(&honest());
    let at = body.windows(2).position(|pair| pair == [0x34, 1]).unwrap();
    let directory_end = head().len() + 1;
    let count = usize::from(body[directory_end - 1]);
    let columns: Vec<(u64, usize)> = (0..count)
        .map(|n| {
            (u64::from(body[directory_end + 2 * n]), usize::from(body[directory_end + 2 * n + 1]))
        })
        .collect();
    assert!(at >= directory_end);
    let mut rest = &body[directory_end + 2 * count..];
    let mut rebuilt = Vec::new();
    for (spec, length) in columns {
        let (data, tail) = rest.split_at(length);
        rest = tail;
        let data = if spec == 0x34 { vec![data[0], 0] } else { data.to_vec() };
        rebuilt.push((spec, data));
    }
    let rule = rule(with_columns(&rebuilt));
    assert!(matches!(rule, Rule::NotCanonical | Rule::NotDecodable), "{rule:?}");
}

#[test]
fn too_much_is_refused_before_it_is_looked_at() {
    let server = seeded();
    let many = vec![Vec::new(); limits::PUSH_CHANGES + 1];
    assert_eq!(
        push(&server, &context(&surveyor(), 0), &many).unwrap_err().rule,
        Rule::PushTooManyChanges
    );
    let large = vec![vec![0; 600 * 1024]; 2];
    assert_eq!(
        push(&server, &context(&surveyor(), 0), &large).unwrap_err().rule,
        Rule::PushTooLarge
    );
}
