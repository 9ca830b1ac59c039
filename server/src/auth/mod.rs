//! Who is calling and what they may do.
//!
//! * [`keys`]: signing keys on disk, rotated without a restart
//! * [`follow`]: reads them again and again
//! * [`hashing`]: a bounded number of places for password hashing
//! * [`token`]: access tokens
//! * [`trust`]: whether a person and device are still in good standing, at most half a second old
//! * [`policy`]: PURE: the table of operations and roles, and which objects an actor may see
//! * [`actor`]: the extractor [`By`](actor::By) that a handler names its operation with

pub mod actor;
pub mod follow;
pub mod hashing;
pub mod keys;
pub mod policy;
pub mod token;
pub mod trust;

use std::path::Path;

/// Keys and the memory of who is trusted.
pub struct Auth {
    /// Signs and checks access tokens.
    pub tokens: token::Tokens,
    /// Signs receipts and agreements.
    pub seals: keys::KeyRing,
    /// Derives values that only this installation can derive.
    pub secret: keys::Secret,
    /// Who is in good standing.
    pub trust: trust::TrustCache,
    /// Places for password hashing.
    pub hashing: hashing::Hashing,
}

impl Auth {
    /// Reads the keys, making those that are missing if `missing` says so.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn load(
        keys_dir: &Path,
        missing: keys::Missing,
        ids: &dyn crate::ports::ids::Ids,
    ) -> Result<Self, keys::KeyFault> {
        let tokens = keys::KeyRing::load(&keys_dir.join("token"), missing, ids)?;
        Ok(Self {
            tokens: token::Tokens::new(tokens),
            seals: keys::KeyRing::load(&keys_dir.join("seal"), missing, ids)?,
            secret: keys::Secret::load(&keys_dir.join("secret"), missing, ids)?,
            trust: trust::TrustCache::default(),
            hashing: hashing::Hashing::default(),
        })
    }
    /// Reads the directories of signing keys again.
    ///
    /// # Errors
    /// When a directory or a file in it is of no use; what was usable is in use.
    pub fn reload(&self) -> Result<(), keys::KeyFault> {
        self.tokens.keys().reload().and(self.seals.reload())
    }
}
