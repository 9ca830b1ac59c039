//! What the database says of stored bytes beside the log, as hashes that stand in the log: what a
//! content is, its copies, how it looks and what it is like (B24).

use diesel::prelude::*;
use sha2::{Digest, Sha256};
use sync_core::photo::ContentHash;

use crate::{
    db::{
        Conn,
        schema::{blobs, copies, photo_likenesses as likenesses, photo_looks as looks},
    },
    error::ApiError,
};

/// What is known of the bytes themselves; nothing when they are not stored.
///
/// # Errors
/// Database faults.
pub(super) fn of_content(
    conn: &mut Conn,
    sha256: ContentHash,
) -> Result<Option<ContentHash>, ApiError> {
    type Row = (i64, String, i64, i64, String, i64);
    let row: Option<Row> = blobs::table
        .find(sha256.to_string())
        .select((
            blobs::size,
            blobs::media_type,
            blobs::width,
            blobs::height,
            blobs::camera,
            blobs::stored_at,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|row| hash("content", &row)))
}

/// What was made of the bytes and found in them. What looks like them and came later stands with
/// that other content.
///
/// # Errors
/// Database faults.
pub(super) fn of_looks(conn: &mut Conn, sha256: ContentHash) -> Result<ContentHash, ApiError> {
    type Copy = (String, String, i64, i64, i64, i64);
    type Look = (i64, Option<Vec<u8>>, Option<f64>, Option<f64>, Option<f64>, i64);
    let text = sha256.to_string();
    let copies: Vec<Copy> = copies::table
        .filter(copies::sha256.eq(&text))
        .order(copies::kind)
        .select((
            copies::kind,
            copies::copy_sha256,
            copies::size,
            copies::width,
            copies::height,
            copies::made_at,
        ))
        .load(conn)?;
    let look: Option<Look> = looks::table
        .filter(looks::sha256.eq(&text))
        .select((
            looks::seq,
            looks::hashes,
            looks::sharpness,
            looks::dark,
            looks::bright,
            looks::looked_at,
        ))
        .first(conn)
        .optional()?;
    let like: Vec<(String, i64, i64)> = likenesses::table
        .filter(likenesses::sha256.eq(&text))
        .order(likenesses::other_sha256)
        .select((likenesses::other_sha256, likenesses::distance, likenesses::found_at))
        .load(conn)?;
    Ok(hash("looks", &(copies, look, like)))
}

/// JSON of a tuple has one spelling: order and numbers are fixed.
pub(super) fn hash(kind: &str, facts: &impl serde::Serialize) -> ContentHash {
    let text = serde_json::to_string(facts).unwrap_or_default();
    ContentHash(Sha256::digest(format!("chakan {kind} 1\n{text}").as_bytes()).into())
}
