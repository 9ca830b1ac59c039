//! Signing keys: Ed25519 key pairs as files, one directory for each purpose.
//!
//! The newest file by name signs, every file verifies. Adding a file rotates; removing one ends
//! everything it signed. Nodes share keys by sharing the directory, which [`follow`](super::follow)
//! reads again and again.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};

use aws_lc_rs::{
    hmac,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};

use sync_core::time::{Instant, Span};
use uuid::Uuid;

use crate::ports::ids::Ids;

/// A new key verifies for this long before it signs, so that every node has read it by then.
const SETTLE: Span = Span::seconds(5);

/// Keys cannot be used: one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// Nothing there, and making one is not allowed.
    #[error("no keys in {0}: put an Ed25519 PKCS#8 file <key id>.pk8 there")]
    None(PathBuf),
    /// A file that is not a key.
    #[error("{0} is not a usable key")]
    NotAKey(PathBuf),
    /// Reading or writing failed.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
}

/// What to do when there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Make one: a single machine that keeps its own data directory.
    Generate,
    /// Refuse: several nodes must be given the same keys.
    Refuse,
}

/// The keys of one purpose.
pub struct KeyRing {
    dir: PathBuf,
    // Held only while the map is cloned or replaced, never while signing.
    keys: RwLock<Arc<BTreeMap<String, Key>>>,
}

/// One key pair with its id.
#[derive(Clone)]
pub struct Key {
    /// The id that goes with every signature.
    pub id: String,
    pair: Arc<Ed25519KeyPair>,
    pkcs8: Arc<[u8]>,
}

impl Key {
    /// Signs bytes; 64 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// The public key; 32 bytes.
    #[must_use]
    pub fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl KeyRing {
    /// Reads a directory of keys.
    ///
    /// # Errors
    /// When there is none and none may be made, or a file is not a key.
    pub fn load(dir: &Path, missing: Missing, ids: &dyn Ids) -> Result<Self, KeyFault> {
        let mut keys = read_whole(dir)?;
        if keys.is_empty() {
            if missing == Missing::Refuse {
                return Err(KeyFault::None(dir.to_owned()));
            }
            add(dir, ids)?;
            keys = read_whole(dir)?;
        }
        Ok(Self { dir: dir.to_owned(), keys: RwLock::new(Arc::new(keys)) })
    }

    /// Makes a new key, which verifies now and signs soon; the old ones still verify.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn rotate(&self, ids: &dyn Ids) -> Result<String, KeyFault> {
        let id = add(&self.dir, ids)?;
        self.reload()?;
        Ok(id)
    }

    /// Reads the directory again. A file that is not a key (perhaps half copied) is left out.
    ///
    /// # Errors
    /// When a file was left out; when there is no usable key, in which case those in memory stay.
    pub fn reload(&self) -> Result<(), KeyFault> {
        let (keys, fault) = read(&self.dir)?;
        if keys.is_empty() {
            return Err(fault.unwrap_or_else(|| KeyFault::None(self.dir.clone())));
        }
        let same = self.snapshot().keys().eq(keys.keys());
        if !same {
            let ids: Vec<&String> = keys.keys().collect();
            tracing::info!(dir = %self.dir.display(), ?ids, "signing keys changed");
        }
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(keys);
        fault.map_or(Ok(()), Err)
    }

    /// Every key, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Key> {
        self.snapshot().values().cloned().collect()
    }

    /// The key that signs.
    ///
    /// # Errors
    /// Never after a successful load.
    pub fn newest(&self) -> Result<Key, KeyFault> {
        self.snapshot()
            .values()
            .next_back()
            .cloned()
            .ok_or_else(|| KeyFault::None(self.dir.clone()))
    }

    /// The key that signs what several nodes must verify at once: the newest that all have read.
    ///
    /// # Errors
    /// Never after a successful load.
    pub fn signer(&self, now: Instant) -> Result<Key, KeyFault> {
        let keys = self.snapshot();
        let settled = keys.values().rev().find(|key| signs_from(&key.id) <= now).cloned();
        // Among new keys only, the oldest is the likeliest to be known elsewhere.
        let oldest = || keys.values().next().cloned();
        settled.or_else(oldest).ok_or_else(|| KeyFault::None(self.dir.clone()))
    }

    /// The key with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Key> {
        self.snapshot().get(id).cloned()
    }

    fn snapshot(&self) -> Arc<BTreeMap<String, Key>> {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// When a key begins to sign. Ids that are not time-ordered were put there by somebody who knows.
#[must_use]
pub fn signs_from(id: &str) -> Instant {
    let stamp = Uuid::try_parse(id).ok().and_then(|id| id.get_timestamp());
    let made = stamp.map(|stamp| {
        let (seconds, nanos) = stamp.to_unix();
        Instant(i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000))
            + Span(i64::from(nanos / 1_000_000))
    });
    made.map_or(Instant::EARLIEST, |made| made + SETTLE)
}

/// The keys of a directory in which every file must be one.
fn read_whole(dir: &Path) -> Result<BTreeMap<String, Key>, KeyFault> {
    match read(dir)? {
        (keys, None) => Ok(keys),
        (_, Some(fault)) => Err(fault),
    }
}

/// The usable keys of a directory, and what was wrong with the last one that is not.
fn read(dir: &Path) -> Result<(BTreeMap<String, Key>, Option<KeyFault>), KeyFault> {
    let io = |error| KeyFault::Io(dir.to_owned(), error);
    let (mut keys, mut fault) = (BTreeMap::new(), None);
    if !dir.exists() {
        return Ok((keys, fault));
    }
    for entry in fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_none_or(|extension| extension != "pk8") {
            continue;
        }
        match read_key(&path) {
            Ok(key) => drop(keys.insert(key.id.clone(), key)),
            // Taken away between the listing and the look.
            Err(KeyFault::Io(_, error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(wrong) => fault = Some(wrong),
        }
    }
    Ok((keys, fault))
}

fn read_key(path: &Path) -> Result<Key, KeyFault> {
    let not_a_key = || KeyFault::NotAKey(path.to_owned());
    let id = path.file_stem().and_then(|stem| stem.to_str()).ok_or_else(not_a_key)?.to_owned();
    let pkcs8 = fs::read(path).map_err(|error| KeyFault::Io(path.to_owned(), error))?;
    let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| not_a_key())?;
    Ok(Key { id, pair: Arc::new(pair), pkcs8: pkcs8.into() })
}

/// Ids are time-ordered, so that the newest file sorts last.
fn add(dir: &Path, ids: &dyn Ids) -> Result<String, KeyFault> {
    let id = ids.uuid().to_string();
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyFault::NotAKey(dir.to_owned()))?;
    let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyFault::NotAKey(dir.to_owned()))?;
    write_private(dir, &format!("{id}.pk8"), pkcs8.as_ref())?;
    Ok(id)
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), KeyFault> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let path = dir.join(name);
    let io = |error| KeyFault::Io(path.clone(), error);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
    let partial = dir.join(format!("{name}.partial"));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
    fs::rename(&partial, &path).map_err(io)?;
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)
}

/// A secret that turns guessable values (one-time codes, token lineage) into unguessable ones.
pub struct Secret(hmac::Key);

impl Secret {
    /// Reads the secret.
    ///
    /// # Errors
    /// When there is none and none may be made.
    pub fn load(dir: &Path, missing: Missing, ids: &dyn Ids) -> Result<Self, KeyFault> {
        let path = dir.join("hmac.key");
        if !path.exists() {
            if missing == Missing::Refuse {
                return Err(KeyFault::None(dir.to_owned()));
            }
            let mut bytes = [0_u8; 32];
            ids.random(&mut bytes);
            write_private(dir, "hmac.key", &bytes)?;
        }
        let bytes = fs::read(&path).map_err(|error| KeyFault::Io(path.clone(), error))?;
        if bytes.len() < 32 {
            return Err(KeyFault::NotAKey(path));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// 32 bytes that only this installation can derive from purpose and value.
    #[must_use]
    pub fn derive(&self, purpose: &str, value: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        // Keeps ("ab", "c") apart from ("a", "bc").
        context.update(&[0]);
        context.update(value);
        context.sign().as_ref().to_vec()
    }
}

/// Whether `signature` over `message` was made by the key pair of `public_key` (32 bytes).
#[must_use]
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}
