//! Making copies in the background.

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::{custody::Act, photo::ContentHash};

use super::store;
use crate::{
    app::App,
    case_log::Author,
    db::Conn,
    error::ApiError,
    evidence::{
        custody::{self, NewAct, Subject},
        derived, reuse,
    },
    imaging::{Ask, Looks, Made, Picture},
    jobs::{Job, JobFault},
};

/// The kinds of copies, in the order in which the worker answers them.
const KINDS: [&str; 2] = ["preview", "thumbnail"];
/// Cases that have one content, and hear of what is done with it.
const MOST_CASES: i64 = 100;

/// Makes preview and thumbnail of a content, and looks for its like.
#[derive(Serialize, Deserialize)]
pub struct MakeCopies {
    /// The content.
    pub sha256: ContentHash,
}

impl Job for MakeCopies {
    const KIND: &'static str = "make_copies";

    fn run(self, app: App) -> LocalBoxFuture<'static, Result<(), JobFault>> {
        Box::pin(async move { make(&app, self.sha256).await })
    }
}

async fn make(app: &App, sha256: ContentHash) -> Result<(), JobFault> {
    if app.db.read(move |conn| store::find_look(conn, sha256)).await?.looked {
        return Ok(());
    }
    let blob = app.ports.blobs.open(sha256).await.map_err(|fault| JobFault(fault.to_string()))?;
    // Bytes that are gone are for the scrub to find; when they come again, this comes again.
    let Some(blob) = blob else { return Ok(()) };
    let made = app.ports.imaging.make(Ask::Copies, blob).await;
    match made.map_err(|fault| JobFault(fault.to_string()))? {
        Ok(Made { pictures, looks: Some(looks) }) => {
            let mut kept = Vec::new();
            for picture in pictures {
                kept.push((keep(app, &picture).await?, picture));
            }
            let like = reuse::find(app, &looks).await?;
            save(app, sha256, kept, looks, like).await
        }
        Ok(_) | Err(_) => save_unreadable(app, sha256).await,
    }
}

/// Puts a copy into the store; answers its hash.
async fn keep(app: &App, picture: &Picture) -> Result<ContentHash, JobFault> {
    let fault = |fault: crate::ports::blobs::BlobFault| JobFault(fault.to_string());
    let size = u64::try_from(picture.jpeg.len()).unwrap_or(u64::MAX);
    let mut staged = app.ports.blobs.stage(size).await.map_err(fault)?;
    staged.push(&picture.jpeg).await.map_err(fault)?;
    let bytes = staged.complete().await.map_err(fault)?;
    let sha256 = bytes.sha256;
    app.ports.blobs.put(bytes).await.map_err(fault)?;
    Ok(sha256)
}

async fn save(
    app: &App,
    sha256: ContentHash,
    kept: Vec<(ContentHash, Picture)>,
    looks: Looks,
    like: Vec<(ContentHash, u32)>,
) -> Result<(), JobFault> {
    let inner = app.clone();
    let save = move |conn: &mut Conn| {
        let now = inner.now();
        if !store::insert_look(conn, sha256, Some(&looks), now)? {
            return Ok(());
        }
        let mut copies = serde_json::Map::new();
        for (kind, (copy, picture)) in KINDS.iter().zip(&kept) {
            store::insert_copy(conn, (sha256, kind), (*copy, picture), now)?;
            copies.insert((*kind).to_owned(), json!(copy));
        }
        for (other, distance) in like.iter().filter(|(other, _)| *other != sha256) {
            store::insert_like(conn, sha256, *other, *distance, now)?;
        }
        copies.insert("facts".to_owned(), json!(derived::of_looks(conn, sha256)?));
        note(conn, &inner, sha256, Act::Derived, &serde_json::Value::Object(copies))
    };
    Ok(app.db.write(save).await?)
}

async fn save_unreadable(app: &App, sha256: ContentHash) -> Result<(), JobFault> {
    tracing::info!(%sha256, "a photo cannot be decoded; the original is kept");
    metrics::counter!("chakan_photos_unreadable_total").increment(1);
    let inner = app.clone();
    let save = move |conn: &mut Conn| {
        if store::insert_look(conn, sha256, None, inner.now())? {
            let facts = derived::of_looks(conn, sha256)?;
            note(conn, &inner, sha256, Act::Unreadable, &json!({ "facts": facts }))?;
        }
        Ok(())
    };
    Ok(app.db.write(save).await?)
}

/// Notes an act of ours in every case that has the content.
fn note(
    conn: &mut Conn,
    app: &App,
    sha256: ContentHash,
    act: Act,
    data: &serde_json::Value,
) -> Result<(), ApiError> {
    for case_id in crate::evidence::store::list_cases_with(conn, sha256, MOST_CASES)? {
        let act = NewAct { act, subject: Subject::Content(sha256), data: data.clone() };
        custody::append(conn, app, case_id, Author::System, act)?;
    }
    Ok(())
}
