//! Smaller copies of photos, made where a hostile file can do no harm.
//!
//! Decoders panic, loop and swallow memory on malicious bytes (B31). So each photo is decoded in a
//! process of its own that has a fixed amount of memory and time and nothing but two pipes; the server
//! only ever sees what comes out: our own JPEG without any metadata, and a few numbers.

mod caption;
mod hash;
mod pipeline;
mod scaled;
pub mod segments;
#[cfg(feature = "turbo")]
mod turbo;
mod worker;

use serde::{Deserialize, Serialize};

pub use hash::{Looks, VARIANTS};
pub use worker::{ProcessImaging, run as run_worker};

/// Pixels of the longer side of a preview.
pub const PREVIEW: u32 = 1_600;
/// Pixels of the longer side of a thumbnail.
pub const THUMBNAIL: u32 = 320;

/// What is asked of the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Preview, thumbnail and looks of an original.
    Copies,
    /// A preview with these lines drawn on a strip at its foot.
    Caption(Vec<String>),
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Made {
    /// The pictures, as JPEG without metadata: preview and thumbnail, or the captioned preview.
    pub pictures: Vec<Picture>,
    /// How the original looks; absent for a caption.
    pub looks: Option<Looks>,
}

/// A picture that we have encoded ourselves.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// JPEG.
    pub jpeg: Vec<u8>,
}

/// The bytes cannot be made into a picture within the limits: that is an answer about the bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// What the worker says before the pictures' bytes.
#[derive(Serialize, Deserialize)]
struct Header {
    pictures: Vec<(u32, u32, usize)>,
    looks: Option<Looks>,
}

/// Does what is asked with the bytes, in this process.
///
/// # Errors
/// [`Unreadable`].
pub fn make(ask: &Ask, bytes: Vec<u8>) -> Result<Made, Unreadable> {
    match ask {
        Ask::Copies => pipeline::copies(bytes),
        Ask::Caption(lines) => caption::draw(bytes, lines),
    }
}
