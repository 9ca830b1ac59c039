//! Photos that a repair shop sends: of more damage that it found, or of the finished repair.
//!
//! They are evidence like any other: stored byte for byte, receipted, in the chain of custody under a
//! person of the shop. A shop sends them with an account or by its link, to its own cases only, and
//! announces nothing first: what it sends is here or was refused.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, put, web};
use api_spec::{
    evidence::{PhotoFromShop, ReceiptResponse},
    problem::{Code, Problem},
};
use serde::Deserialize;
use sync_core::{
    ids::{CaseId, PhotoId, ShopId},
    lifecycle::EventKind,
    photo::{ContentHash, MOST_BYTES, PhotoSlot},
};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    care,
    copies::MakeCopies,
    custody, facts, incoming,
    inspect::{self, Picture},
    receipt,
    receive::{self, Received},
    room,
    rules::{self, Declaration},
    store, surroundings,
    transfer::{HashPath, announced_length, still_may},
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{IdPath, Query},
    case_log::Author,
    db::Conn,
    error::ApiError,
    jobs,
    ports::blobs::Complete,
    repair::{self, OnCase},
};

/// Most photos that one shop sends to a case.
const MOST: usize = 100;

/// What a photo belongs to.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ShopPhotoQuery {
    /// The request for a supplement that it belongs to, while that waits for an answer. Without one it
    /// shows the repair.
    pub supplement_id: Option<Uuid>,
}

/// Send a photo of one of your shop's cases
///
/// The body is the file itself, at least 1 KiB a second: by its first bytes a JPEG, PNG, WebP or HEIC
/// picture of at most 26214400 bytes, with the SHA-256 of the path. The answer is a signed receipt, given
/// after the bytes are flushed; sending the same again is answered with it again. 409 with reason
/// `too_many_photos` after 100.
#[utoipa::path(
    operation_id = "send_shop_photo", tag = "evidence",
    params(
        ("id" = uuid::Uuid, Path, description = "case"),
        ("sha256" = String, Path, description = "SHA-256 of the bytes, 64 lower-case hexadecimal digits"),
        ShopPhotoQuery,
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "stored for good", body = ReceiptResponse),
        (status = 200, description = "was stored already", body = ReceiptResponse),
        (status = 408, description = "the body came too slowly", body = Problem, content_type = "application/problem+json"),
    )
)]
#[put("/shop/cases/{id}/photos/{sha256}")]
pub async fn send_shop_photo(
    app: web::Data<App>,
    request: HttpRequest,
    actor: By<op::SendShopPhoto>,
    id: IdPath<CaseId>,
    sha256: HashPath,
    query: Query<ShopPhotoQuery>,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let (actor, id, sha256, request_id) =
        (actor.into_actor(), id.0, sha256.0, query.0.supplement_id);
    let asker = actor.clone();
    let may = move |conn: &mut Conn| {
        let on = repair::by_account(conn, &asker, id)?;
        must_wait(conn, &on, request_id)
    };
    app.db.read(may).await?;
    let length = announced_length(&request);
    if length.is_some_and(|length| length > MOST_BYTES) {
        return Err(ApiError::new(Code::TooLarge).detail(format!("at most {MOST_BYTES} bytes")));
    }
    let most = length.unwrap_or(MOST_BYTES);
    room::take(&app, Some(sha256), most).await?;
    let bytes = incoming::take(body, app.ports.blobs.stage(most).await?).await?;
    if bytes.sha256 != sha256 {
        return Err(ApiError::new(Code::HashMismatch).fact("received_size", bytes.size));
    }
    let kept = flush(&app, bytes).await?;
    let inner = app.clone();
    let received = app
        .db
        .write(move |conn| {
            // A slow upload may outlast rights and the customer's choice (B23).
            let actor = still_may::<op::SendShopPhoto>(conn, &actor)?;
            let on = repair::by_account(conn, &actor, id)?;
            take(conn, &inner, &on, request_id, &kept)
        })
        .await?;
    let receipt = receipt::sign(&app, &received.photos)?
        .ok_or_else(|| ApiError::internal("nothing was received"))?;
    let mut response = if received.news { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(receipt))
}

/// A photo whose bytes are flushed, and that no case has yet.
#[derive(Clone, Debug)]
pub struct Kept {
    sha256: ContentHash,
    size: u64,
    picture: Picture,
}

/// Flushes the bytes of a photo that came with others.
///
/// # Errors
/// `unsupported_media_type`, `too_large`, faults of the store.
pub async fn keep(app: &App, bytes: &[u8]) -> Result<Kept, ApiError> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > MOST_BYTES {
        return Err(ApiError::new(Code::TooLarge).detail(format!("at most {MOST_BYTES} bytes")));
    }
    room::take(app, None, size).await?;
    let mut staged = app.ports.blobs.stage(size).await?;
    staged.push(bytes).await?;
    flush(app, staged.complete().await?).await
}

async fn flush(app: &App, bytes: Complete) -> Result<Kept, ApiError> {
    let (sha256, size) = (bytes.sha256, bytes.size);
    let picture = inspect::inspect(&bytes).await?;
    if picture.media_type.is_video() {
        return Err(ApiError::new(Code::UnsupportedMediaType)
            .detail("a picture, no video")
            .fact("reason", "not_a_picture"));
    }
    app.ports.blobs.put_original(bytes, care::kept_until(app.now())).await?;
    Ok(Kept { sha256, size, picture })
}

/// Takes a photo of a shop into its case.
///
/// # Errors
/// `invalid_fields` unless the request waits for an answer; `conflict` after too many photos.
pub fn take_from_shop(
    conn: &mut Conn,
    app: &App,
    on: &OnCase,
    request_id: Option<Uuid>,
    kept: &Kept,
) -> Result<(), ApiError> {
    take(conn, app, on, request_id, kept).map(drop)
}

fn must_wait(conn: &mut Conn, on: &OnCase, request_id: Option<Uuid>) -> Result<(), ApiError> {
    match request_id {
        Some(id) if !repair::is_open_request(conn, on, id)? => {
            let allowed = "a request of your shop on this case that waits for an answer";
            Err(ApiError::invalid_field("supplement_id", "unknown", allowed))
        }
        _ => Ok(()),
    }
}

fn take(
    conn: &mut Conn,
    app: &App,
    on: &OnCase,
    request_id: Option<Uuid>,
    kept: &Kept,
) -> Result<Received, ApiError> {
    must_wait(conn, on, request_id)?;
    let (case_id, sha256, now) = (on.case_id, kept.sha256, app.now());
    let own = store::list_shop_photos(conn, case_id)?;
    let own: Vec<_> = own.into_iter().filter(|row| row.shop_id.0 == on.shop).collect();
    let known = own.iter().any(|row| row.is(sha256, request_id));
    if !known {
        if own.len() >= MOST {
            return Err(refused("too_many_photos"));
        }
        let photo = Declaration {
            id: app.new_id(),
            case_id,
            sha256,
            size: kept.size,
            slot: if request_id.is_some() {
                PhotoSlot::RepairDamage
            } else {
                PhotoSlot::RepairDone
            },
            captured_at: now,
            position: None,
            accuracy_m: None,
            mock: None,
            line_id: None,
        };
        announce(conn, app, on, request_id, &photo)?;
    }
    let new = store::insert_content(conn, sha256, kept.size, &kept.picture, now)?;
    if new && kept.picture.media_type.is_decoded() {
        jobs::enqueue(conn, app, &MakeCopies { sha256 }, now)?;
    }
    receive::receive(conn, app, &on.actor, case_id, sha256)
}

fn refused(reason: &'static str) -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", reason)
}

fn announce(
    conn: &mut Conn,
    app: &App,
    on: &OnCase,
    request_id: Option<Uuid>,
    photo: &Declaration,
) -> Result<(), ApiError> {
    let (case_id, now) = (on.case_id, app.now());
    let of_case: Vec<_> =
        store::list(conn, case_id)?.iter().map(store::PhotoRow::declaration).collect();
    rules::judge_declaration(photo, None, &of_case).map_err(|refusal| refused(refusal.code()))?;
    let around = surroundings::of_case(conn, case_id)?;
    store::insert(conn, photo, &on.actor, now)?;
    store::insert_shop_photo(conn, photo, on.shop, request_id)?;
    let known = facts::announce(conn, photo, &around, None, now)?;
    let data = serde_json::json!({
        "photo_ids": [photo.id], "shop_id": on.shop, "supplement_id": request_id,
    });
    receive::append(conn, app, &on.actor, case_id, EventKind::PhotoDeclared, now, data)?;
    let acts = vec![receive::captured(photo, Some(known))];
    custody::append_all(conn, app, case_id, Author::from(&on.actor), (acts, now))?;
    Ok(())
}

/// Which photos of a case came from a shop.
pub(super) fn sources(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<BTreeMap<PhotoId, PhotoFromShop>, ApiError> {
    let rows = store::list_shop_photos(conn, case_id)?;
    let source =
        |shop: ShopId, supplement_id| PhotoFromShop { shop_id: shop.into(), supplement_id };
    Ok(rows
        .into_iter()
        .map(|row| (row.photo_id.0, source(row.shop_id.0, row.supplement_id.map(|id| id.0))))
        .collect())
}
