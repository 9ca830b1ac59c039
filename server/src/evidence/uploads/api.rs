//! Handlers of tus 1.0.0.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, delete, head,
    http::{Method, header},
    options, patch, post, web,
};
use api_spec::{
    evidence::ReceiptResponse,
    problem::{Code, Problem},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sync_core::photo::MOST_VIDEO_BYTES;
use uuid::Uuid;

use super::{
    finish,
    headers::{self, Metadata},
    lease::{self, Lease},
    reception::{self, Place},
    rules::{self, AppendRefusal},
    store::{self, NewUpload, UploadRow},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::IdPath,
    db::Conn,
    error::ApiError,
    evidence::{receive, room, store as photos},
};

/// Uploads of one person that go on at a time: a photo each, with room for broken ones.
const MOST_OPEN: i64 = 2_000;

/// What this server can do of tus
#[utoipa::path(operation_id = "tus_options", tag = "evidence", responses((status = 204, description = "Tus-Version, Tus-Extension, Tus-Max-Size and Tus-Checksum-Algorithm")))]
#[options("/uploads")]
pub async fn tus_options() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header(("tus-extension", headers::EXTENSIONS))
        .insert_header(("tus-checksum-algorithm", headers::ALGORITHMS))
        .insert_header(("tus-max-size", MOST_VIDEO_BYTES.to_string()))
        .finish()
}

/// Begin an upload that can go on after a break (tus 1.0.0)
///
/// `Upload-Metadata` names `case`, `photo`, `sha256` and `size` of a declared photo; without it, the
/// sender's own declaration of these bytes is looked for in the end. The body may hold the first bytes.
/// When all bytes are here, they must be what was declared; otherwise the answer is 460, the upload is
/// over and nothing is kept. The answer to the last bytes carries the signed receipt, as JSON in
/// base64url without padding, in the header `Chakan-Receipt`.
#[utoipa::path(
    operation_id = "create_upload", tag = "evidence",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "number of bytes, at most 26214400 for a picture and 209715200 for a video"),
        ("Upload-Metadata" = Option<String>, Header, description = "key and Base64 value, separated by commas"),
    ),
    responses(
        (status = 201, description = "Location says where to send the bytes"),
        (status = 408, description = "the body came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 423, description = "another request goes on with the upload", body = Problem, content_type = "application/problem+json"),
        (status = 460, description = "not the bytes that were announced", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/uploads")]
pub async fn create_upload(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::CreateUpload>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let asked = request.headers();
    headers::check_version(asked)?;
    let length = headers::length(asked)?;
    let metadata = headers::metadata(asked)?;
    let more = headers::content_length(asked)?;
    let with_bytes =
        more.is_none_or(|length| length > 0) && asked.contains_key(header::CONTENT_TYPE);
    let checksum = headers::checksum(asked)?;
    if with_bytes {
        headers::check_content_type(asked)?;
    }
    let goes_on = with_bytes || length == 0;
    if goes_on {
        rules::judge_append((0, more), (0, length)).map_err(refused)?;
    }
    let actor = actor.into_actor();
    room::check(&app, metadata.sha256, length).await?;
    let upload = create(&app, &actor, (length, goes_on), metadata).await?;
    let mut answer = HttpResponse::Created();
    answer
        .insert_header((header::LOCATION, format!("/api/v1/uploads/{}", upload.id.0)))
        .insert_header(("upload-expires", headers::http_date(upload.expires_at.0)?));
    if !goes_on {
        return Ok(answer.insert_header(("upload-offset", "0")).finish());
    }
    let lease = Lease { id: upload.id.0, fence: upload.fence() };
    Appended { app, actor, lease, upload, answer }.go_on((0, more), body, checksum).await
}

/// A new upload, leased to its maker who `goes_on` in the same request.
async fn create(
    app: &App,
    actor: &Actor,
    (length, goes_on): (u64, bool),
    metadata: Metadata,
) -> Result<UploadRow, ApiError> {
    if metadata.size.is_some_and(|size| size != length) {
        return Err(mismatch("size"));
    }
    let (actor, id, now) = (actor.clone(), app.new_id::<Uuid>(), app.now());
    let create = move |conn: &mut Conn| {
        if store::count_open(conn, actor.person)? >= MOST_OPEN {
            return Err(ApiError::new(Code::TooManyRequests).detail("finish what you have begun"));
        }
        let sha256 = match metadata.case {
            Some(case) => Some(photo_of(conn, &actor, case, &metadata, length)?),
            None => metadata.sha256,
        };
        let new = NewUpload {
            id,
            person: actor.person,
            case: metadata.case,
            photo: metadata.photo,
            sha256: sha256.filter(|_| metadata.case.is_some()),
            length,
            metadata: metadata.raw.clone(),
            now,
            expires_at: now + rules::KEPT,
            leased_until: goes_on.then(|| now + rules::LEASE),
        };
        store::insert(conn, &new)?;
        store::find(conn, id)?.ok_or_else(|| ApiError::internal("an upload vanished"))
    };
    app.db.write(create).await
}

/// The hash of the declared photo that is to be sent; whatever the metadata says must fit it.
fn photo_of(
    conn: &mut Conn,
    actor: &Actor,
    case: sync_core::ids::CaseId,
    metadata: &Metadata,
    length: u64,
) -> Result<sync_core::photo::ContentHash, ApiError> {
    receive::open_case(conn, actor, case)?;
    let declared =
        photos::list(conn, case)?.into_iter().map(|row| row.declaration()).find(|photo| {
            metadata.photo.is_none_or(|id| id == photo.id)
                && (metadata.photo.is_some() || metadata.sha256 == Some(photo.sha256))
        });
    let declared = declared.ok_or_else(|| {
        ApiError::new(Code::Conflict)
            .detail("declare the photo before sending its bytes")
            .fact("reason", "not_declared")
    })?;
    if metadata.sha256.is_some_and(|sha256| sha256 != declared.sha256) {
        return Err(mismatch("sha256"));
    }
    if declared.size != length {
        return Err(mismatch("size"));
    }
    Ok(declared.sha256)
}

fn mismatch(what: &str) -> ApiError {
    ApiError::new(Code::ChecksumMismatch)
        .detail(format!("{what}: not what was declared for this photo"))
        .fact("field", what)
}

/// How much of an upload is here (tus 1.0.0)
///
/// Whoever asks takes the upload over: a request that still hangs ends within a second, and what it has
/// brought counts.
#[utoipa::path(
    operation_id = "get_upload", tag = "evidence",
    params(("id" = Uuid, Path, description = "upload"), ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses(
        (status = 200, description = "Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires"),
        (status = 410, description = "the upload is over", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "another version of tus", body = Problem, content_type = "application/problem+json"),
        (status = 423, description = "others are taking the upload", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "see the code", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "the body came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 204, description = "only with X-HTTP-Method-Override"),
    )
)]
#[head("/uploads/{id}")]
pub async fn get_upload(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::GetUpload>,
    id: IdPath<Uuid>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    act(app, request, actor.into_actor(), id.0, body).await
}

/// Send bytes of an upload (tus 1.0.0)
///
/// `Upload-Offset` must be where the bytes that are here end. Whatever of the request arrives is kept
/// when it breaks off, unless it carries `Upload-Checksum`.
#[utoipa::path(
    operation_id = "append_upload", tag = "evidence",
    params(
        ("id" = Uuid, Path, description = "upload"),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "where the bytes belong"),
        ("Upload-Checksum" = Option<String>, Header, description = "sha1 or sha256 and the sum in Base64"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "Upload-Offset says where to go on; with the last bytes, Chakan-Receipt"),
        (status = 200, description = "only with X-HTTP-Method-Override"),
        (status = 408, description = "the body came too slowly; what came is kept", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "the upload is over", body = Problem, content_type = "application/problem+json"),
        (status = 423, description = "another request has taken over", body = Problem, content_type = "application/problem+json"),
        (status = 460, description = "not the bytes that were announced", body = Problem, content_type = "application/problem+json"),
    )
)]
#[patch("/uploads/{id}")]
pub async fn append_upload(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::AppendUpload>,
    id: IdPath<Uuid>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    act(app, request, actor.into_actor(), id.0, body).await
}

/// Give an upload up (tus 1.0.0)
#[utoipa::path(
    operation_id = "end_upload", tag = "evidence",
    params(("id" = Uuid, Path, description = "upload"), ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses(
        (status = 204, description = "it is over"),
        (status = 200, description = "only with X-HTTP-Method-Override"),
        (status = 408, description = "the body came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "it was over already", body = Problem, content_type = "application/problem+json"),
        (status = 423, description = "others are taking the upload", body = Problem, content_type = "application/problem+json"),
        (status = 460, description = "not the bytes that were announced", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/uploads/{id}")]
pub async fn end_upload(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::EndUpload>,
    id: IdPath<Uuid>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    act(app, request, actor.into_actor(), id.0, body).await
}

/// HEAD, PATCH or DELETE for clients that cannot send them (tus 1.0.0)
///
/// The header `X-HTTP-Method-Override` names the method; the rights are those of that method.
#[utoipa::path(
    operation_id = "override_upload", tag = "evidence",
    params(
        ("id" = Uuid, Path, description = "upload"),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("X-HTTP-Method-Override" = String, Header, description = "HEAD, PATCH or DELETE"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 200, description = "as the method"),
        (status = 204, description = "as the method"),
        (status = 405, description = "another method", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "the body came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "the upload is over", body = Problem, content_type = "application/problem+json"),
        (status = 423, description = "another request has taken over", body = Problem, content_type = "application/problem+json"),
        (status = 460, description = "not the bytes that were announced", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/uploads/{id}")]
pub async fn override_upload(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::OverrideUpload>,
    id: IdPath<Uuid>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    act(app, request, actor.into_actor(), id.0, body).await
}

/// Whatever method the request means. All of them have the same audience.
async fn act(
    app: web::Data<App>,
    request: HttpRequest,
    actor: Actor,
    id: Uuid,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    headers::check_version(request.headers())?;
    let meant = request.headers().get("x-http-method-override");
    let meant = match meant {
        Some(name) => Method::from_bytes(name.as_bytes()).unwrap_or(Method::POST),
        None => request.method().clone(),
    };
    match meant {
        Method::HEAD => tell(&app, &actor, id).await,
        Method::DELETE => end(&app, &actor, id).await,
        Method::PATCH => {
            headers::check_content_type(request.headers())?;
            let offset = headers::offset(request.headers())?;
            append(app, &request, actor, id, (offset, body), HttpResponse::NoContent()).await
        }
        _ => Err(ApiError::new(Code::MethodNotAllowed)
            .detail("X-HTTP-Method-Override: HEAD, PATCH or DELETE")),
    }
}

async fn tell(app: &App, actor: &Actor, id: Uuid) -> Result<HttpResponse, ApiError> {
    let (lease, upload) = lease::take(app, actor.person, id).await?;
    if upload.finished_at.is_none() {
        lease.release(app).await;
    }
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header(("upload-offset", upload.offset().to_string()))
        .insert_header(("upload-length", upload.length().to_string()))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    if let Some(metadata) = &upload.metadata {
        answer.insert_header(("upload-metadata", metadata.as_str()));
    }
    if upload.finished_at.is_some() {
        if let Some(receipt) = finish::receipt_again(app, &upload).await? {
            add_receipt(&mut answer, &receipt)?;
        }
    } else {
        answer.insert_header(("upload-expires", headers::http_date(upload.expires_at.0)?));
    }
    Ok(answer.finish())
}

/// The photo itself, if it is stored, stays: only the upload is over.
async fn end(app: &App, actor: &Actor, id: Uuid) -> Result<HttpResponse, ApiError> {
    lease::take(app, actor.person, id).await?;
    let now = app.now();
    app.db.write(move |conn| store::update_ended(conn, id, now)).await?;
    app.ports.blobs.forget_parts(id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn append(
    app: web::Data<App>,
    request: &HttpRequest,
    actor: Actor,
    id: Uuid,
    (offset, body): (u64, web::Payload),
    answer: HttpResponseBuilder,
) -> Result<HttpResponse, ApiError> {
    let checksum = headers::checksum(request.headers())?;
    let more = headers::content_length(request.headers())?;
    let (lease, upload) = lease::take(&app, actor.person, id).await?;
    let request = Appended { app, actor, lease, upload, answer };
    if request.upload.finished_at.is_some() {
        return request.again(offset).await;
    }
    request.go_on((offset, more), body, checksum).await
}

/// What was answered to a request that sent bytes.
struct Sent {
    answer: HttpResponse,
    /// All bytes are here and stored.
    finished: bool,
}

/// A request that sends bytes.
struct Appended {
    app: web::Data<App>,
    actor: Actor,
    lease: Lease,
    upload: UploadRow,
    answer: HttpResponseBuilder,
}

impl Appended {
    /// Takes the bytes, and lets go of the upload.
    async fn go_on(
        self,
        place: (u64, Option<u64>),
        body: web::Payload,
        checksum: Option<headers::Checksum>,
    ) -> Result<HttpResponse, ApiError> {
        // Not in the handler's own future: when the connection breaks, that one is dropped, and what has
        // arrived would be lost with it.
        let task = async move {
            let (app, lease) = (self.app.clone(), self.lease);
            let outcome = self.run(place, body, checksum).await;
            // A finished upload is nobody's any more.
            if !matches!(outcome, Ok(Sent { finished: true, .. })) {
                lease.release(&app).await;
            }
            outcome.map(|sent| sent.answer)
        };
        actix_web::rt::spawn(task).await.map_err(ApiError::internal)?
    }

    async fn run(
        mut self,
        (offset, more): (u64, Option<u64>),
        body: web::Payload,
        checksum: Option<headers::Checksum>,
    ) -> Result<Sent, ApiError> {
        let (received, length) = (self.upload.offset(), self.upload.length());
        let rest = rules::judge_append((offset, more), (received, length)).map_err(refused)?;
        let known = self.upload.sha256.map(|hash| hash.0);
        room::take(&self.app, known, more.unwrap_or(rest)).await?;
        let place = Place { lease: self.lease, offset, length };
        let taken = reception::take(&self.app, body, place, checksum).await?;
        if let Some(stopped) = taken.stopped {
            return Err(stopped.fact("upload_offset", taken.offset));
        }
        let all = taken.whole.is_some() || taken.offset == length;
        let mut reached = taken.offset;
        if all {
            let receipt =
                finish::finish(&self.app, &self.actor, self.lease, &self.upload, taken.whole)
                    .await?;
            add_receipt(&mut self.answer, &receipt)?;
            reached = length;
        } else {
            let expires_at = self.app.now() + rules::KEPT;
            self.answer.insert_header(("upload-expires", headers::http_date(expires_at)?));
        }
        let answer = self.answer.insert_header(("upload-offset", reached.to_string())).finish();
        Ok(Sent { answer, finished: all })
    }

    /// Everything is here already: the same answer once more.
    async fn again(mut self, offset: u64) -> Result<HttpResponse, ApiError> {
        let length = self.upload.length();
        rules::judge_append((offset, Some(0)), (length, length)).map_err(refused)?;
        if let Some(receipt) = finish::receipt_again(&self.app, &self.upload).await? {
            add_receipt(&mut self.answer, &receipt)?;
        }
        Ok(self.answer.insert_header(("upload-offset", length.to_string())).finish())
    }
}

fn refused(refusal: AppendRefusal) -> ApiError {
    match refusal {
        AppendRefusal::OtherOffset(offset) => ApiError::new(Code::Conflict)
            .detail("the bytes that are here end elsewhere")
            .fact("reason", "other_offset")
            .fact("upload_offset", offset),
        AppendRefusal::TooMany => {
            ApiError::new(Code::TooLarge).detail("more bytes than Upload-Length says")
        }
    }
}

fn add_receipt(
    answer: &mut HttpResponseBuilder,
    receipt: &ReceiptResponse,
) -> Result<(), ApiError> {
    let json = serde_json::to_vec(receipt).map_err(ApiError::internal)?;
    answer.insert_header(("chakan-receipt", BASE64_URL_SAFE_NO_PAD.encode(json)));
    Ok(())
}
