//! Handlers that move bytes.

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    get,
    http::header::{self, ContentEncoding},
    put, web,
};
use api_spec::{
    evidence::ReceiptResponse,
    problem::{Code, Problem},
};
use futures_util::future::LocalBoxFuture;
use sync_core::{
    ids::CaseId,
    photo::{ContentHash, PhotoSlot},
};

use super::{
    care,
    copies::MakeCopies,
    incoming,
    inspect::{self, Picture},
    media::MediaType,
    ranges, receipt,
    receive::{self, Received},
    room, store, views,
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, Operation, op},
        token::Bearer,
    },
    body::{IdPath, admitted},
    case_log,
    db::Conn,
    error::ApiError,
    identity, jobs,
};

/// A hash in the path. Anything else there does not exist.
pub struct HashPath(pub(super) ContentHash);

impl FromRequest for HashPath {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let hash = request.match_info().get("sha256").and_then(|text| text.parse().ok());
        admitted(request, hash.map(Self).ok_or_else(ApiError::not_found))
    }
}

/// Send the original bytes of a declared photo
///
/// The body is the file itself, at least 1 KiB a second: by its first bytes a JPEG, PNG, WebP or HEIC
/// picture of at most 26214400 bytes, or, declared in the slot `video`, an MP4, QuickTime or 3GP video of
/// at most 209715200 bytes. It must be what was declared, to the byte; otherwise nothing is kept. The answer is
/// a signed receipt, given after the bytes are flushed; only on it may a phone delete its copy. Sending
/// the same bytes again is answered with a receipt again.
#[utoipa::path(
    operation_id = "upload_photo", tag = "evidence",
    params(
        ("id" = uuid::Uuid, Path, description = "case"),
        ("sha256" = String, Path, description = "SHA-256 of the bytes, 64 lower-case hexadecimal digits"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "stored for good", body = ReceiptResponse),
        (status = 200, description = "was stored already", body = ReceiptResponse),
        (status = 408, description = "the body came too slowly", body = Problem, content_type = "application/problem+json"),
    )
)]
#[put("/cases/{id}/blobs/{sha256}")]
pub async fn upload_photo(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::UploadPhoto>,
    id: IdPath<CaseId>,
    sha256: HashPath,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (actor, id, sha256) = (actor.into_actor(), id.0, sha256.0);
    let (size, most) = declared_size(&app, actor.clone(), id, sha256).await?;
    check_length(&request, size, most)?;
    room::take(&app, Some(sha256), size).await?;
    let staged = app.ports.blobs.stage(size).await?;
    let bytes = incoming::take(body, staged).await?;
    if bytes.size != size || bytes.sha256 != sha256 {
        return Err(mismatch(size).fact("received_size", bytes.size));
    }
    let picture = inspect::inspect(&bytes).await?;
    app.ports.blobs.put_original(bytes, care::kept_until(app.now())).await?;
    let inner = app.clone();
    let received = app
        .db
        .write(move |conn| settle(conn, &inner, &actor, id, (sha256, size), &picture))
        .await?;
    let receipt = receipt::sign(&app, &received.photos)?
        .ok_or_else(|| ApiError::internal("nothing was received"))?;
    let mut response = if received.news { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(receipt))
}

/// How many bytes are waited for, and how many could be at most.
async fn declared_size(
    app: &App,
    actor: Actor,
    id: CaseId,
    sha256: ContentHash,
) -> Result<(u64, u64), ApiError> {
    let size = move |conn: &mut Conn| {
        receive::open_case(conn, &actor, id)?;
        let photos = store::list_by_content(conn, id, sha256)?;
        let photo = photos.first().ok_or_else(not_declared)?.declaration();
        Ok((photo.size, PhotoSlot::most_bytes(photo.slot)))
    };
    app.db.read(size).await
}

fn not_declared() -> ApiError {
    ApiError::new(Code::Conflict)
        .detail("declare the photo before sending its bytes")
        .fact("reason", "not_declared")
}

/// Refuses by the announced length before the first byte is read.
fn check_length(request: &HttpRequest, declared: u64, most: u64) -> Result<(), ApiError> {
    match announced_length(request) {
        Some(length) if length > most => {
            Err(ApiError::new(Code::TooLarge).detail(format!("at most {most} bytes")))
        }
        Some(length) if length != declared => Err(mismatch(declared).fact("received_size", length)),
        _ => Ok(()),
    }
}

/// What the sender says that the body holds.
pub(super) fn announced_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The sender as they stand after the bytes have come: a slow upload may outlast their rights (B23).
///
/// # Errors
/// `unauthenticated`, `forbidden`.
pub(super) fn still_may<O: Operation>(conn: &mut Conn, actor: &Actor) -> Result<Actor, ApiError> {
    let bearer = Bearer { person: actor.person, device: actor.device };
    let actor = identity::actor_in_good_standing(conn, bearer)?
        .ok_or_else(|| ApiError::new(Code::Unauthenticated))?;
    if O::AUDIENCE.admits(&actor.roles) { Ok(actor) } else { Err(ApiError::new(Code::Forbidden)) }
}

fn mismatch(declared: u64) -> ApiError {
    ApiError::new(Code::HashMismatch).fact("declared_size", declared)
}

/// The bytes are flushed. Rights are looked at again: a slow upload may outlast them (B23).
pub(super) fn settle(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    id: CaseId,
    (sha256, size): (ContentHash, u64),
    picture: &Picture,
) -> Result<Received, ApiError> {
    let actor = still_may::<op::UploadPhoto>(conn, actor)?;
    receive::open_case(conn, &actor, id)?;
    let news = store::insert_content(conn, sha256, size, picture, app.now())?;
    if news && picture.media_type.is_decoded() {
        jobs::enqueue(conn, app, &MakeCopies { sha256 }, app.now())?;
    }
    receive::receive(conn, app, &actor, id, sha256)
}

/// The original bytes of a photo, to be saved
#[utoipa::path(
    operation_id = "get_photo", tag = "evidence",
    params(
        ("id" = uuid::Uuid, Path, description = "case"),
        ("sha256" = String, Path, description = "SHA-256 of the bytes, 64 lower-case hexadecimal digits"),
    ),
    responses(
        (status = 200, description = "the bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "the bytes that Range asked for", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "If-None-Match named these bytes"),
        (status = 416, description = "there are no such bytes", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/cases/{id}/blobs/{sha256}")]
pub async fn get_photo(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::GetPhoto>,
    id: IdPath<CaseId>,
    sha256: HashPath,
) -> Result<HttpResponse, ApiError> {
    let (actor, id, sha256) = (actor.into_actor(), id.0, sha256.0);
    let viewer = actor.clone();
    let of_case = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        let photos = store::list_by_content(conn, id, sha256)?;
        let received = photos.iter().any(|photo| photo.received_at.is_some());
        let content = if received { store::find_content(conn, sha256)? } else { None };
        content.ok_or_else(ApiError::not_found)
    };
    let content = app.db.read(of_case).await?;
    let etag = format!("\"{sha256}\"");
    if has(&request, &etag) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
    }
    let blob = app.ports.blobs.open(sha256).await?;
    let blob = blob.ok_or_else(|| lost(sha256))?;
    views::note(&app, &viewer, id, sha256, "original").await?;
    let range = ranges::asked(&request, blob.size)?;
    let extension = MediaType::of_name(&content.media_type).map_or("bin", MediaType::extension);
    let mut answer = match range {
        None => HttpResponse::Ok(),
        Some(range) => {
            let mut answer = HttpResponse::PartialContent();
            answer.insert_header((header::CONTENT_RANGE, range.header(blob.size)));
            answer
        }
    };
    let (size, bytes) = match range {
        None => (blob.size, blob.bytes),
        Some(range) => (range.length(), ranges::cut(blob.bytes, range)),
    };
    Ok(answer
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        // Never inline: these are the bytes of a stranger (B32).
        .insert_header((header::CONTENT_TYPE, "application/octet-stream"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{sha256}.{extension}\""),
        ))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::ETAG, etag))
        // Pictures do not get smaller, and the length is worth more.
        .insert_header(ContentEncoding::Identity)
        .no_chunking(size)
        .streaming(bytes))
}

/// Somebody has to look; whoever still has the bytes can send them again.
pub(super) fn lost(sha256: ContentHash) -> ApiError {
    tracing::error!(%sha256, "received photo bytes are missing from the store");
    metrics::counter!("chakan_blobs_lost_total").increment(1);
    ApiError::not_found()
        .detail("the bytes are missing from the store; send them again")
        .fact("reason", "bytes_lost")
}

/// Whether the caller has these bytes already.
pub(super) fn has(request: &HttpRequest, etag: &str) -> bool {
    let known = request.headers().get(header::IF_NONE_MATCH);
    known.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
    })
}
