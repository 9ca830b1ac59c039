//! Where a phone keeps what must survive: a map of names to bytes that the app implements with whatever
//! its platform has.

use std::collections::BTreeMap;

/// The phone's storage. A put is durable when it returns: what the server hears of must not be
/// forgotten here.
pub trait Store {
    /// Writes a value, in place of the one with the same name.
    ///
    /// # Errors
    /// When it is not stored.
    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreFault>;

    /// Takes a value away; no matter if there is none.
    ///
    /// # Errors
    /// When it may still be there.
    fn remove(&mut self, name: &str) -> Result<(), StoreFault>;

    /// Everything, in the order of names.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn all(&self) -> Result<Vec<(String, Vec<u8>)>, StoreFault>;
}

/// The phone's storage failed: full, or broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the phone cannot store: {0}")]
pub struct StoreFault(pub String);

/// A store in memory, for tests and for platforms that store the whole of it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryStore(BTreeMap<String, Vec<u8>>);

impl Store for MemoryStore {
    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreFault> {
        self.0.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), StoreFault> {
        self.0.remove(name);
        Ok(())
    }

    fn all(&self) -> Result<Vec<(String, Vec<u8>)>, StoreFault> {
        Ok(self.0.iter().map(|(name, bytes)| (name.clone(), bytes.clone())).collect())
    }
}
