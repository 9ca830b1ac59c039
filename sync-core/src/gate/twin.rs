//! Steps 2, 5 and 6: the only places where the library touches what a device sent. Each runs under
//! `catch_unwind`, on bytes that were already counted.

use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::{Automerge, AutomergeError, Change, legacy};

use super::{Rejection, Rule, preflight::Chunk};
use crate::model::Draft;

/// Decodes a change and checks that its bytes are the canonical ones. The library keeps operations
/// and not bytes, and rebuilds changes when it saves: another encoding would get another hash.
pub(super) fn decode(chunk: &Chunk) -> Result<(Change, Vec<legacy::Op>), Rejection> {
    guarded(|| {
        let change = Change::from_bytes(chunk.raw.clone())
            .map_err(|fault| Rejection::new(Rule::NotDecodable).because(fault))?;
        let expanded = change.decode();
        let operations = expanded.operations.clone();
        if Change::from(expanded).raw_bytes() != chunk.raw {
            return Err(Rejection::new(Rule::NotCanonical));
        }
        Ok((change, operations))
    })?
}

/// A copy of the draft with the changes in it.
pub(super) fn apply(doc: &Automerge, changes: Vec<Change>) -> Result<Automerge, Rejection> {
    let refused = |fault: AutomergeError| Rejection::new(Rule::NotApplicable).because(fault);
    let twin = guarded(|| {
        let mut twin = doc.clone();
        twin.apply_changes(changes).map(|()| twin)
    })?
    .map_err(refused)?;
    if automerge::ReadDoc::get_missing_deps(&twin, &[]).is_empty() {
        Ok(twin)
    } else {
        Err(Rejection::new(Rule::NotApplicable).because("changes were queued"))
    }
}

/// A twin that may live on.
pub(super) struct Verified {
    /// The document, as loaded if it was: then it and no other is what lives on, so that what is read
    /// from memory and what is read from the disk cannot part.
    pub(super) doc: Automerge,
    /// How many bytes it is when saved, not deflated.
    pub(super) saved: usize,
    /// Whether it may hold a conflict.
    pub(super) contested: bool,
}

/// The twin itself, if the document that the library made of the same edits is the same to the last
/// byte.
pub(super) fn compare(twin: Automerge, replayed: &Automerge) -> Result<Compared, Rejection> {
    guarded(|| {
        let bytes = twin.save_nocompress();
        if bytes != replayed.save_nocompress() {
            return Ok(Err(twin));
        }
        let (_, contested) = read(&twin)?;
        Ok(Ok(Verified { doc: twin, saved: bytes.len(), contested }))
    })?
}

/// The twin as it may live on, or the twin that has still to be proven.
type Compared = Result<Verified, Automerge>;

/// Saves the draft, loads it again and compares.
pub(super) fn verify(twin: &Automerge) -> Result<Verified, Rejection> {
    guarded(|| {
        // Deflating would cost time and say nothing more.
        let bytes = twin.save_nocompress();
        let doc = load(&bytes)?;
        let (draft, contested) = read(&doc)?;
        // A saved document is all its changes and operations: equal bytes are equal documents. Others
        // may still hold the same, which takes longer to tell. Step 4 lets nothing in that is no part
        // of a draft, so what a draft holds is all there is.
        let same = doc.get_heads() == twin.get_heads()
            && (doc.save_nocompress() == bytes || draft == read(twin)?.0);
        let saved = bytes.len();
        if same {
            Ok(Verified { doc, saved, contested })
        } else {
            Err(Rejection::new(Rule::Diverged))
        }
    })?
}

fn read(doc: &Automerge) -> Result<(Draft, bool), Rejection> {
    Draft::read_contested(doc).map_err(|fault| Rejection::new(Rule::Unreadable).because(fault))
}

/// A document that was saved.
pub(super) fn load(bytes: &[u8]) -> Result<Automerge, Rejection> {
    guarded(|| Automerge::load(bytes))?
        .map_err(|fault| Rejection::new(Rule::Unloadable).because(fault))
}

fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Rejection> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Rejection::new(Rule::LibraryPanic))
}
