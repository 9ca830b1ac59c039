//! The storage that the app gives.

use std::sync::Arc;

use sync_core::client::{Store, StoreFault};

/// Where the phone keeps what must survive: a map of names to bytes, in a file, a database or whatever
/// the platform has. A put is durable when it returns: what the server hears of must not be forgotten
/// here. Nothing in it may call the [`crate::Phone`].
#[uniffi::export(with_foreign)]
pub trait PhoneStore: Send + Sync {
    /// Writes a value, in place of the one with the same name.
    ///
    /// # Errors
    /// When it is not stored.
    fn put(&self, name: String, bytes: Vec<u8>) -> Result<(), StoreError>;

    /// Takes a value away; no matter if there is none.
    ///
    /// # Errors
    /// When it may still be there.
    fn remove(&self, name: String) -> Result<(), StoreError>;

    /// Everything, in any order.
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn all(&self) -> Result<Vec<StoredValue>, StoreError>;
}

/// One value of a [`PhoneStore`].
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct StoredValue {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The storage failed: full, or broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum StoreError {
    /// It did not do what was asked.
    #[error("{why}")]
    Failed {
        /// For people.
        why: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for StoreError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { why: error.reason }
    }
}

impl From<StoreError> for StoreFault {
    fn from(StoreError::Failed { why }: StoreError) -> Self {
        Self(why)
    }
}

/// The app's storage as the engine wants it.
pub(crate) struct AppStore(pub(crate) Arc<dyn PhoneStore>);

impl Store for AppStore {
    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreFault> {
        Ok(self.0.put(name.to_owned(), bytes.to_vec())?)
    }

    fn remove(&mut self, name: &str) -> Result<(), StoreFault> {
        Ok(self.0.remove(name.to_owned())?)
    }

    fn all(&self) -> Result<Vec<(String, Vec<u8>)>, StoreFault> {
        let mut all: Vec<(String, Vec<u8>)> =
            self.0.all()?.into_iter().map(|value| (value.name, value.bytes)).collect();
        all.sort_unstable();
        Ok(all)
    }
}
