//! Rows of copies and of how contents look.

use diesel::prelude::*;
use sync_core::{capture::Exposure, photo::ContentHash, time::Instant};

use super::Look;
use crate::{
    db::{
        Conn,
        schema::{copies, photo_likenesses as likenesses, photo_looks as looks},
        types::Id,
    },
    error::ApiError,
    imaging::{Looks, Picture, VARIANTS},
};

pub(super) fn insert_copy(
    conn: &mut Conn,
    (sha256, kind): (ContentHash, &str),
    (copy, picture): (ContentHash, &Picture),
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        copies::sha256.eq(sha256.to_string()),
        copies::kind.eq(kind),
        copies::copy_sha256.eq(copy.to_string()),
        copies::size.eq(i64::try_from(picture.jpeg.len()).unwrap_or(i64::MAX)),
        copies::width.eq(i64::from(picture.width)),
        copies::height.eq(i64::from(picture.height)),
        copies::made_at.eq(now.0),
    );
    diesel::insert_into(copies::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn find_copy(
    conn: &mut Conn,
    sha256: ContentHash,
    kind: &str,
) -> Result<Option<ContentHash>, ApiError> {
    let found: Option<Id<ContentHash>> = copies::table
        .find((sha256.to_string(), kind))
        .select(copies::copy_sha256)
        .first(conn)
        .optional()?;
    Ok(found.map(|hash| hash.0))
}

/// The copies of a content that no other content has, by their hashes.
pub(super) fn list_own_copies(
    conn: &mut Conn,
    sha256: ContentHash,
) -> Result<Vec<ContentHash>, ApiError> {
    let rows: Vec<Id<ContentHash>> = copies::table
        .filter(copies::sha256.eq(sha256.to_string()))
        .order(copies::kind)
        .select(copies::copy_sha256)
        .load(conn)?;
    let mut own = Vec::new();
    for copy in rows {
        let others = copies::table
            .filter(copies::copy_sha256.eq(copy.0.to_string()))
            .filter(copies::sha256.ne(sha256.to_string()));
        if !diesel::select(diesel::dsl::exists(others)).get_result::<bool>(conn)? {
            own.push(copy.0);
        }
    }
    Ok(own)
}

/// Forgets the copies of a content and how it looks; that it was looked at stays known.
pub(super) fn delete_derived(conn: &mut Conn, sha256: ContentHash) -> Result<(), ApiError> {
    let text = sha256.to_string();
    diesel::delete(copies::table.filter(copies::sha256.eq(&text))).execute(conn)?;
    let like = likenesses::sha256.eq(&text).or(likenesses::other_sha256.eq(&text));
    diesel::delete(likenesses::table.filter(like)).execute(conn)?;
    diesel::update(looks::table.filter(looks::sha256.eq(&text)))
        .set((
            looks::hashes.eq(None::<Vec<u8>>),
            looks::sharpness.eq(None::<f64>),
            looks::dark.eq(None::<f64>),
            looks::bright.eq(None::<f64>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Notes how a content looks, or that it cannot be decoded; nothing when that is noted already.
pub(super) fn insert_look(
    conn: &mut Conn,
    sha256: ContentHash,
    found: Option<&Looks>,
    now: Instant,
) -> Result<bool, ApiError> {
    if find_look(conn, sha256)?.looked {
        return Ok(false);
    }
    let last: Option<i64> = looks::table.select(diesel::dsl::max(looks::seq)).first(conn)?;
    let exposure = found.map(|looks| looks.exposure);
    let row = (
        looks::seq.eq(last.unwrap_or(0) + 1),
        looks::sha256.eq(sha256.to_string()),
        looks::hashes.eq(found.map(|looks| bytes(&looks.hashes))),
        looks::sharpness.eq(exposure.map(|exposure| exposure.sharpness)),
        looks::dark.eq(exposure.map(|exposure| exposure.dark)),
        looks::bright.eq(exposure.map(|exposure| exposure.bright)),
        looks::looked_at.eq(now.0),
    );
    // Another content took the number.
    diesel::insert_into(looks::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(true)
}

fn bytes(hashes: &[u64; VARIANTS]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect()
}

/// Hashes from their bytes; nothing when they have another length.
fn hashes(bytes: &[u8]) -> Option<[u64; VARIANTS]> {
    let (eights, rest) = bytes.as_chunks::<8>();
    let all: Vec<u64> = eights.iter().map(|eight| u64::from_be_bytes(*eight)).collect();
    if rest.is_empty() { all.try_into().ok() } else { None }
}

pub(super) fn find_look(conn: &mut Conn, sha256: ContentHash) -> Result<Look, ApiError> {
    type Row = (Option<f64>, Option<f64>, Option<f64>);
    let row: Option<Row> = looks::table
        .filter(looks::sha256.eq(sha256.to_string()))
        .select((looks::sharpness, looks::dark, looks::bright))
        .first(conn)
        .optional()?;
    let exposure = row.and_then(|(sharpness, dark, bright)| {
        Some(Exposure { sharpness: sharpness?, dark: dark?, bright: bright? })
    });
    Ok(Look { looked: row.is_some(), exposure, ..Look::default() })
}

/// A content with its place in the order of looking.
pub(in crate::evidence) struct Looked {
    pub(in crate::evidence) seq: i64,
    pub(in crate::evidence) sha256: ContentHash,
    pub(in crate::evidence) hashes: Option<[u64; VARIANTS]>,
}

/// What was looked at after this place, in order.
pub(in crate::evidence) fn list_looked(
    conn: &mut Conn,
    after: i64,
    most: i64,
) -> Result<Vec<Looked>, ApiError> {
    let rows: Vec<(i64, Id<ContentHash>, Option<Vec<u8>>)> = looks::table
        .filter(looks::seq.gt(after))
        .order(looks::seq)
        .limit(most)
        .select((looks::seq, looks::sha256, looks::hashes))
        .load(conn)?;
    let looked = |(seq, sha256, bytes): (i64, Id<ContentHash>, Option<Vec<u8>>)| Looked {
        seq,
        sha256: sha256.0,
        hashes: bytes.as_deref().and_then(hashes),
    };
    Ok(rows.into_iter().map(looked).collect())
}

pub(super) fn insert_like(
    conn: &mut Conn,
    sha256: ContentHash,
    other: ContentHash,
    distance: u32,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        likenesses::sha256.eq(sha256.to_string()),
        likenesses::other_sha256.eq(other.to_string()),
        likenesses::distance.eq(i64::from(distance)),
        likenesses::found_at.eq(now.0),
    );
    diesel::insert_into(likenesses::table).values(row).execute(conn)?;
    Ok(())
}

/// Contents that look like this one, whichever came first.
pub(super) fn list_like(
    conn: &mut Conn,
    sha256: ContentHash,
) -> Result<Vec<(ContentHash, u32)>, ApiError> {
    let text = sha256.to_string();
    let rows: Vec<(Id<ContentHash>, Id<ContentHash>, i64)> = likenesses::table
        .filter(likenesses::sha256.eq(&text).or(likenesses::other_sha256.eq(&text)))
        .order((likenesses::distance, likenesses::found_at))
        .limit(20)
        .select((likenesses::sha256, likenesses::other_sha256, likenesses::distance))
        .load(conn)?;
    let other = |(one, other, distance): (Id<ContentHash>, Id<ContentHash>, i64)| {
        let like = if one.0 == sha256 { other.0 } else { one.0 };
        (like, u32::try_from(distance).unwrap_or(u32::MAX))
    };
    Ok(rows.into_iter().map(other).collect())
}
