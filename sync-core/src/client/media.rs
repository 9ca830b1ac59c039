//! Photos that wait to be sent: announced first, then all previews, then the originals. A copy on the
//! phone is given up only on a receipt for its hash.

use serde::{Deserialize, Serialize};

use crate::ids::{CaseId, PhotoId};

/// A photo on the phone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitingPhoto {
    /// The case.
    pub case_id: CaseId,
    /// Its id.
    pub id: PhotoId,
    /// SHA-256 of the original, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Bytes of the original.
    pub size: u64,
    /// What is announced: the fields of a declared photo as the server takes them.
    pub declaration: serde_json::Value,
    /// SHA-256 of a small copy that is sent before any original, if the app made one.
    pub preview_sha256: Option<String>,
    /// How far it has come.
    pub stage: Stage,
}

/// How far a photo has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The server does not know of it.
    New,
    /// It is announced; its preview, if there is one, is still here only.
    Announced,
    /// Only the original is missing.
    Previewed,
}

/// The queue of photos.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Media {
    photos: Vec<WaitingPhoto>,
}

/// Most photos that one request announces for a case.
const MOST_ANNOUNCED: usize = 200;

impl Media {
    /// Puts a photo into the queue, once.
    pub fn push(&mut self, photo: WaitingPhoto) {
        if self.photos.iter().all(|known| known.id != photo.id) {
            self.photos.push(photo);
        }
    }

    /// What is to be announced, by case.
    #[must_use]
    pub fn to_announce(&self) -> Vec<(CaseId, Vec<serde_json::Value>)> {
        let mut found: Vec<(CaseId, Vec<serde_json::Value>)> = Vec::new();
        for photo in self.photos.iter().filter(|photo| photo.stage == Stage::New) {
            match found.iter_mut().find(|(case_id, _)| *case_id == photo.case_id) {
                Some((_, all)) if all.len() >= MOST_ANNOUNCED => {}
                Some((_, all)) => all.push(photo.declaration.clone()),
                None => found.push((photo.case_id, vec![photo.declaration.clone()])),
            }
        }
        found
    }

    /// Photos of a case were announced; `here` are hashes that the server has already, with receipts.
    pub fn announced(&mut self, case_id: CaseId, ids: &[PhotoId], here: &[String]) {
        for photo in &mut self.photos {
            if photo.case_id == case_id && ids.contains(&photo.id) {
                photo.stage = photo.stage.max(match photo.preview_sha256 {
                    Some(_) => Stage::Announced,
                    None => Stage::Previewed,
                });
            }
        }
        self.photos.retain(|photo| photo.case_id != case_id || !here.contains(&photo.sha256));
    }

    /// What to upload next: every preview before any original, oldest first.
    #[must_use]
    pub fn next(&self) -> Option<(&WaitingPhoto, Stage)> {
        let at = |stage| self.photos.iter().find(move |photo| photo.stage == stage);
        at(Stage::Announced)
            .map(|photo| (photo, Stage::Announced))
            .or_else(|| at(Stage::Previewed).map(|photo| (photo, Stage::Previewed)))
    }

    /// An upload is done: a preview, or an original whose receipt the app has verified.
    pub fn uploaded(&mut self, id: PhotoId, stage: Stage) {
        match stage {
            Stage::Previewed => self.photos.retain(|photo| photo.id != id),
            Stage::New | Stage::Announced => {
                let photo = self.photos.iter_mut().find(|photo| photo.id == id);
                if let Some(photo) = photo {
                    photo.stage = photo.stage.max(Stage::Previewed);
                }
            }
        }
    }

    /// Everything that is not yet safe.
    #[must_use]
    pub fn waiting(&self) -> &[WaitingPhoto] {
        &self.photos
    }
}
