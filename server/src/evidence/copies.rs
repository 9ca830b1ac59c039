//! Copies of photos for looking at: made in the background by a worker process, served inline because
//! we have encoded them ourselves (B27, B31, B32).

mod api;
mod job;
mod store;

pub(super) use store::{Looked, list_looked};

use sync_core::{capture::Exposure, ids::CaseId, photo::ContentHash};

pub(super) use api::{get_preview, get_thumbnail};
pub use job::MakeCopies;

use crate::{db::Conn, error::ApiError};

/// How a content looks, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Look {
    /// Whether the worker has come to it.
    pub(super) looked: bool,
    /// Sharpness and light; absent when the bytes could not be decoded.
    pub(super) exposure: Option<Exposure>,
    /// Contents that look like it, with the number of bits that differ.
    pub(super) like: Vec<(ContentHash, u32)>,
    /// Other cases that have it, or one that looks like it.
    pub(super) elsewhere: Vec<CaseId>,
}

/// The copies that go with a content when its bytes are deleted.
pub(super) fn list_removable(
    conn: &mut Conn,
    sha256: ContentHash,
) -> Result<Vec<ContentHash>, ApiError> {
    let mut removable = Vec::new();
    for copy in store::list_own_copies(conn, sha256)? {
        // A phone may have sent a picture that we have made.
        if !super::store::is_original(conn, copy)? {
            removable.push(copy);
        }
    }
    Ok(removable)
}

/// Forgets what was made of a content.
pub(super) fn forget(conn: &mut Conn, sha256: ContentHash) -> Result<(), ApiError> {
    store::delete_derived(conn, sha256)
}

/// How a content of this case looks, and where else it, or its like, was received.
pub(super) fn look(
    conn: &mut Conn,
    case_id: CaseId,
    sha256: ContentHash,
) -> Result<Look, ApiError> {
    let mut look = store::find_look(conn, sha256)?;
    look.like = store::list_like(conn, sha256)?;
    let mut contents: Vec<_> = look.like.iter().map(|(other, _)| *other).collect();
    contents.push(sha256);
    look.elsewhere = super::store::list_other_cases_with(conn, case_id, &contents)?;
    Ok(look)
}
