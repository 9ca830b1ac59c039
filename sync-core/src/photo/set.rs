//! One receipt for all photos of a case: on it a phone may clear the whole case from its storage.

use std::fmt;

use sha2::{Digest, Sha256};

use super::ContentHash;
use crate::{
    ids::{CaseId, PhotoId},
    time::Instant,
};

/// One stored photo of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetPhoto {
    /// Its id.
    pub id: PhotoId,
    /// SHA-256 of the stored bytes.
    pub sha256: ContentHash,
    /// Number of stored bytes.
    pub size: u64,
    /// When it was received, by the server's clock.
    pub received_at: Instant,
}

/// What the server vouches for: every photo that was declared for a case is stored for good, in this
/// order. The photos are chained, so that whoever changes the list is told where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetReceipt {
    /// The case.
    pub case_id: CaseId,
    /// Every photo in the order of declaration, each with the hash of the chain up to it.
    pub photos: Vec<(SetPhoto, ContentHash)>,
    /// When the server looked, by its clock.
    pub at: Instant,
    /// The seal key that signs.
    pub key_id: String,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetFault {
    /// The photo at this place, from 1, is not the one that was chained.
    Photo(usize, PhotoId),
    /// The list, the case or the time is not what was signed, or the key is unknown.
    Signature,
}

impl fmt::Display for SetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Photo(place, id) => write!(f, "photo {place} ({id}): is not what was receipted"),
            Self::Signature => f.write_str("is not signed by one of these keys"),
        }
    }
}

impl SetReceipt {
    /// A receipt for these photos, not yet signed.
    #[must_use]
    pub fn new(case_id: CaseId, photos: Vec<SetPhoto>, at: Instant, key_id: String) -> Self {
        let mut chain = ContentHash([0; 32]);
        let photos = photos.into_iter().map(|photo| {
            chain = link(chain, &photo);
            (photo, chain)
        });
        Self { case_id, photos: photos.collect(), at, key_id }
    }

    /// The text that is signed with Ed25519. Every line ends with a line feed:
    ///
    /// ```text
    /// chakan photo set receipt 1
    /// case <id>
    /// photos <how many>
    /// chain <the last photo's chain; 64 zeros when there is none>
    /// at <milliseconds since 1970-01-01T00:00:00Z>
    /// key <key id>
    /// ```
    ///
    /// A photo's chain is SHA-256 over the lines `chain <that of the photo before, 64 zeros for the
    /// first>`, `photo <id>`, `sha256 <hash>`, `size <bytes>` and `received_at <milliseconds>`.
    #[must_use]
    pub fn signed_text(&self) -> String {
        let chain = self.photos.last().map_or(ContentHash([0; 32]), |(_, chain)| *chain);
        format!(
            "chakan photo set receipt 1\ncase {}\nphotos {}\nchain {chain}\nat {}\nkey {}\n",
            self.case_id,
            self.photos.len(),
            self.at.0,
            self.key_id,
        )
    }

    /// Verifies chain and signature.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn verify(
        &self,
        is_signed: impl Fn(&str, &[u8], &[u8]) -> bool,
        signature: &[u8],
    ) -> Result<(), SetFault> {
        let mut before = ContentHash([0; 32]);
        for (n, (photo, chain)) in self.photos.iter().enumerate() {
            if link(before, photo) != *chain {
                return Err(SetFault::Photo(n + 1, photo.id));
            }
            before = *chain;
        }
        if is_signed(&self.key_id, self.signed_text().as_bytes(), signature) {
            Ok(())
        } else {
            Err(SetFault::Signature)
        }
    }
}

fn link(before: ContentHash, photo: &SetPhoto) -> ContentHash {
    let text = format!(
        "chain {before}\nphoto {}\nsha256 {}\nsize {}\nreceived_at {}\n",
        photo.id, photo.sha256, photo.size, photo.received_at.0,
    );
    ContentHash(Sha256::digest(text.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn receipt(count: u8) -> SetReceipt {
        let photo = |n: u8| SetPhoto {
            id: PhotoId(Uuid::from_u128(n.into())),
            sha256: ContentHash([n; 32]),
            size: u64::from(n) * 100,
            received_at: Instant(i64::from(n)),
        };
        let case = CaseId(Uuid::from_u128(7));
        SetReceipt::new(case, (1..=count).map(photo).collect(), Instant(50), "k".into())
    }

    /// What a key does that signs a text with the text itself.
    fn signed(key: &str, text: &[u8], signature: &[u8]) -> bool {
        key == "k" && text == signature
    }

    #[test]
    fn every_change_is_found_and_named() {
        let good = receipt(4);
        let signature = good.signed_text().into_bytes();
        assert_eq!(good.verify(signed, &signature), Ok(()));
        for n in 0..4 {
            let id = good.photos[n].0.id;
            let changes: [fn(&mut SetPhoto); 4] = [
                |photo| photo.size += 1,
                |photo| photo.sha256 = ContentHash([9; 32]),
                |photo| photo.received_at = Instant(0),
                |photo| photo.id = PhotoId(Uuid::from_u128(99)),
            ];
            for change in changes {
                let mut forged = good.clone();
                change(&mut forged.photos[n].0);
                let id = forged.photos[n].0.id;
                assert_eq!(forged.verify(signed, &signature), Err(SetFault::Photo(n + 1, id)));
            }
            let mut forged = good.clone();
            forged.photos[n].1 = ContentHash([8; 32]);
            assert_eq!(forged.verify(signed, &signature), Err(SetFault::Photo(n + 1, id)));
            let mut shorter = good.clone();
            shorter.photos.truncate(n);
            assert_eq!(shorter.verify(signed, &signature), Err(SetFault::Signature));
        }
        // Whoever chains anew is found out by the signature.
        let other = receipt(5);
        assert_eq!(other.verify(signed, &signature), Err(SetFault::Signature));
        let later = SetReceipt { at: Instant(51), ..good.clone() };
        assert_eq!(later.verify(signed, &signature), Err(SetFault::Signature));
        let mut swapped = good;
        swapped.photos.swap(0, 1);
        let id = swapped.photos[0].0.id;
        assert_eq!(swapped.verify(signed, &signature), Err(SetFault::Photo(1, id)));
    }

    #[test]
    fn the_text_is_the_same_everywhere() {
        let text = receipt(1).signed_text();
        let chain = receipt(1).photos[0].1;
        assert_eq!(
            text,
            format!(
                "chakan photo set receipt 1\ncase 00000000-0000-0000-0000-000000000007\nphotos 1\n\
                 chain {chain}\nat 50\nkey k\n"
            )
        );
        assert!(receipt(0).signed_text().contains(&format!("chain {}\n", "0".repeat(64))));
    }
}
