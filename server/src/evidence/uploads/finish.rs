//! All bytes of an upload are here: put together, held against the declaration, stored, receipted.

use api_spec::{evidence::ReceiptResponse, problem::Code};
use futures_util::StreamExt;
use sync_core::{ids::CaseId, photo::ContentHash};

use super::{
    lease::Lease,
    store::{self, UploadRow},
};
use crate::{
    app::App,
    auth::policy::Actor,
    db::Conn,
    error::ApiError,
    evidence::{care, inspect, receipt, receive, store as photos, transfer},
    ports::blobs::{Complete, PartName},
};

/// Stores the upload's bytes as the photo that they were announced as.
///
/// # Errors
/// `checksum_mismatch` when they are something else, and then the upload is over and nothing is kept;
/// what [`inspect`] refuses ends it too. Everything else may be tried again.
pub(super) async fn finish(
    app: &App,
    actor: &Actor,
    lease: Lease,
    upload: &UploadRow,
    whole: Option<Complete>,
) -> Result<ReceiptResponse, ApiError> {
    let outcome = store_as_declared(app, actor, lease, upload, whole).await;
    let hopeless = outcome.as_ref().is_err_and(|error| {
        matches!(error.code(), Code::ChecksumMismatch | Code::UnsupportedMediaType)
    });
    if hopeless {
        let (id, now) = (lease.id, app.now());
        app.db.write(move |conn| store::update_ended(conn, id, now)).await?;
    }
    if hopeless || outcome.is_ok() {
        app.ports.blobs.forget_parts(lease.id).await?;
    }
    outcome
}

async fn store_as_declared(
    app: &App,
    actor: &Actor,
    lease: Lease,
    upload: &UploadRow,
    whole: Option<Complete>,
) -> Result<ReceiptResponse, ApiError> {
    let bytes = match whole {
        Some(bytes) => bytes,
        None => put_together(app, lease, upload.length()).await?,
    };
    let (case_id, sha256, size) = declared(app, actor, upload, bytes.sha256).await?;
    if bytes.sha256 != sha256 || bytes.size != size {
        return Err(ApiError::new(Code::ChecksumMismatch)
            .detail("these are not the bytes that were declared")
            .fact("declared_size", size)
            .fact("received_size", bytes.size));
    }
    let picture = inspect::inspect(&bytes).await?;
    app.ports.blobs.put_original(bytes, care::kept_until(app.now())).await?;
    let (inner, actor) = (app.clone(), actor.clone());
    let settled = app.db.write(move |conn| {
        let received = transfer::settle(conn, &inner, &actor, case_id, (sha256, size), &picture)?;
        let key = (lease.id, lease.fence);
        if store::update_finished(conn, key, (case_id, sha256), inner.now())? {
            Ok(received)
        } else {
            Err(ApiError::new(Code::UploadTaken))
        }
    });
    receipt::sign(app, &settled.await?.photos)?
        .ok_or_else(|| ApiError::internal("nothing was received"))
}

/// The receipt of an upload that was finished before.
pub(super) async fn receipt_again(
    app: &App,
    upload: &UploadRow,
) -> Result<Option<ReceiptResponse>, ApiError> {
    let Some((case_id, sha256)) = upload.case_id.zip(upload.sha256) else { return Ok(None) };
    let photos =
        app.db.read(move |conn| photos::list_by_content(conn, case_id.0, sha256.0)).await?;
    receipt::sign(app, &photos)
}

async fn put_together(app: &App, lease: Lease, length: u64) -> Result<Complete, ApiError> {
    let parts = app.db.read(move |conn| store::list_parts(conn, lease.id)).await?;
    let mut staged = app.ports.blobs.stage(length).await?;
    for (start, fence) in parts {
        let name = PartName { upload: lease.id, start, fence };
        let mut bytes = app.ports.blobs.open_part(name).await?;
        while let Some(piece) = bytes.next().await {
            staged.push(&piece?).await?;
        }
    }
    Ok(staged.complete().await?)
}

/// What was declared: case, hash and size. Without metadata, the sender's own declaration of these
/// bytes is looked for.
async fn declared(
    app: &App,
    actor: &Actor,
    upload: &UploadRow,
    sha256: ContentHash,
) -> Result<(CaseId, ContentHash, u64), ApiError> {
    let person = actor.person;
    let (case_id, announced, length) =
        (upload.case_id.map(|id| id.0), upload.sha256.map(|hash| hash.0), upload.length());
    let find = move |conn: &mut Conn| match case_id.zip(announced) {
        Some((case_id, sha256)) => Ok((case_id, sha256, length)),
        None => {
            let found = photos::find_declared_by(conn, person, case_id, sha256)?;
            let photo = found.ok_or_else(|| {
                ApiError::new(Code::ChecksumMismatch).detail("you have declared no such bytes")
            })?;
            let photo = photo.declaration();
            Ok((photo.case_id, photo.sha256, photo.size))
        }
    };
    let (case_id, sha256, size) = app.db.read(find).await?;
    let actor = actor.clone();
    app.db.read(move |conn| receive::open_case(conn, &actor, case_id)).await?;
    Ok((case_id, sha256, size))
}
