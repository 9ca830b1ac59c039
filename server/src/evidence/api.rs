//! Handlers of the manifest and of the public keys.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    case::Position,
    evidence::{
        CameraFacts, CustodyLogResponse, DeclarePhotosRequest, DeclarePhotosResponse,
        DeclaredPhotoState, EvidenceNote, ListPhotosResponse, MissingPhoto, PhotoResponse,
        ReceiptResponse,
    },
    problem::Code,
};
use futures_util::{StreamExt, stream};
use sync_core::{
    capture::{self, PlanBook},
    ids::CaseId,
    lifecycle::EventKind,
    photo::ContentHash,
    time::Instant,
};

use super::{
    Missing, books, camera,
    check::check_declarations,
    custody,
    facts::{self, FactsRow},
    media::MediaType,
    receipt, receive,
    rules::{self, Declaration, Declared, Note, PhotoRefusal, Surroundings},
    shop_photos,
    store::{self, BlobRow, PhotoRow},
    surroundings::{self, Seen},
    tally,
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
        token::jwks,
    },
    body::{Command, IdPath},
    case_log::{self, Author},
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    wire,
};

/// Of how many cases with the same bytes it is asked whether the actor sees one of them.
const MOST_OTHER_CASES: i64 = 5;
/// Questions to the store at a time.
const AT_A_TIME: usize = 16;

/// Announce photos before sending them
///
/// From now on it is known what is missing. The reply says which bytes are here already, in cases that
/// you may see, with a receipt for each; send the others.
#[utoipa::path(operation_id = "declare_photos", tags = ["evidence", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = DeclarePhotosRequest, responses((status = 200, description = "what is here and what is to be sent", body = DeclarePhotosResponse)))]
#[post("/cases/{id}/photos")]
pub async fn declare_photos(
    app: web::Data<App>,
    actor: By<op::DeclarePhotos>,
    id: IdPath<CaseId>,
    command: Command<DeclarePhotosRequest>,
) -> Result<HttpResponse, ApiError> {
    let announced = Announced::read(&app, actor.into_actor(), id.0, &command.value).await?;
    let (person, inner) = (announced.actor.person.to_string(), app.clone());
    idempotency::once(&app, person, command.key, move |conn| {
        Reply::ok(&announced.declare(conn, &inner)?)
    })
    .await
}

/// Announces photos as part of a larger request. Announcing the same ones again changes nothing.
pub(super) async fn declare_within(
    app: &App,
    actor: Actor,
    case_id: CaseId,
    request: &DeclarePhotosRequest,
) -> Result<DeclarePhotosResponse, ApiError> {
    let announced = Announced::read(app, actor, case_id, request).await?;
    let inner = app.clone();
    app.db.write(move |conn| announced.declare(conn, &inner)).await
}

/// Photos to announce, and which of their contents are stored already.
struct Announced {
    actor: Actor,
    case_id: CaseId,
    declarations: Vec<Declaration>,
    stored: BTreeSet<ContentHash>,
    /// What the phone's clock showed.
    device_now: Option<Instant>,
}

impl Announced {
    async fn read(
        app: &App,
        actor: Actor,
        case_id: CaseId,
        request: &DeclarePhotosRequest,
    ) -> Result<Self, ApiError> {
        let declarations = check_declarations(case_id, request)?;
        let device_now = request.device_now.map(|at| wire::instant("device_now", at));
        let device_now = device_now.transpose().map_err(|field| ApiError::invalid(vec![field]))?;
        let stored = list_stored(app, &actor, case_id, &declarations).await?;
        Ok(Self { actor, case_id, declarations, stored, device_now })
    }

    fn declare(&self, conn: &mut Conn, app: &App) -> Result<DeclarePhotosResponse, ApiError> {
        let (actor, id) = (&self.actor, self.case_id);
        receive::open_case(conn, actor, id)?;
        let new = self.insert_new(conn, app)?;
        if !new.is_empty() {
            let data = serde_json::json!({ "photo_ids": new });
            let (kind, now) = (EventKind::PhotoDeclared, app.now());
            receive::append(conn, app, actor, id, kind, now, data)?;
        }
        let receipts = receive_stored(conn, app, actor, id, &self.stored)?;
        declared_response(&store::list(conn, id)?, &self.declarations, receipts)
    }

    /// Stores the new ones; answers their ids.
    fn insert_new(&self, conn: &mut Conn, app: &App) -> Result<Vec<uuid::Uuid>, ApiError> {
        let (actor, id, now) = (&self.actor, self.case_id, app.now());
        let rows = store::list(conn, id)?;
        let mut of_case: Vec<_> = rows.iter().map(PhotoRow::declaration).collect();
        let around = surroundings::of_case(conn, id)?;
        let device_ahead = self.device_now.map(|at| at.since(now));
        let (mut new, mut acts) = (Vec::new(), Vec::new());
        for (n, photo) in self.declarations.iter().enumerate() {
            let same_id = store::find(conn, photo.id)?.map(|row| row.declaration());
            let judged = rules::judge_declaration(photo, same_id.as_ref(), &of_case);
            if judged.map_err(|refusal| refused(n, refusal))? == Declared::New {
                store::insert(conn, photo, actor, now)?;
                let known = facts::announce(conn, photo, &around, device_ahead, now)?;
                of_case.push(photo.clone());
                new.push(photo.id.into());
                acts.push(receive::captured(photo, Some(known)));
            }
        }
        custody::append_all(conn, app, id, Author::from(actor), (acts, now))?;
        Ok(new)
    }
}

/// Which of the declared contents are stored for a case that the actor may see. A content that is
/// here only for other cases counts as absent: the actor must prove that they have it (B20).
async fn list_stored(
    app: &App,
    actor: &Actor,
    id: CaseId,
    declarations: &[Declaration],
) -> Result<BTreeSet<ContentHash>, ApiError> {
    let sizes: BTreeMap<ContentHash, u64> =
        declarations.iter().map(|photo| (photo.sha256, photo.size)).collect();
    let actor = actor.clone();
    let seen = move |conn: &mut Conn| {
        receive::open_case(conn, &actor, id)?;
        let mut seen = Vec::new();
        for (sha256, size) in sizes {
            if is_seen(conn, &actor, sha256)? {
                seen.push((sha256, size));
            }
        }
        Ok(seen)
    };
    let seen = app.db.read(seen).await?;
    let blobs = &app.ports.blobs;
    let sizes = seen.into_iter().map(|(sha256, size)| async move {
        let stored = blobs.size(sha256).await?;
        Ok::<_, ApiError>((stored == Some(size)).then_some(sha256))
    });
    // A receipt vouches for bytes, so the store is asked, not only the database.
    let answers: Vec<_> = stream::iter(sizes).buffer_unordered(AT_A_TIME).collect().await;
    answers.into_iter().filter_map(Result::transpose).collect()
}

fn is_seen(conn: &mut Conn, actor: &Actor, sha256: ContentHash) -> Result<bool, ApiError> {
    for case_id in store::list_cases_with(conn, sha256, MOST_OTHER_CASES)? {
        match case_log::see(conn, actor, case_id) {
            Ok(_) => return Ok(true),
            Err(error) if error.code() == Code::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn refused(n: usize, refusal: PhotoRefusal) -> ApiError {
    let field = |name: &str, allowed: &str| {
        ApiError::invalid_field(&format!("photos.{n}.{name}"), refusal.code(), allowed)
    };
    match refusal {
        PhotoRefusal::IdTaken => field("id", "this id stands for other content; make a new one"),
        PhotoRefusal::SizeDiffers => field("size", "these bytes were declared with another size"),
        PhotoRefusal::TooMany | PhotoRefusal::TooManyPixels => ApiError::new(Code::Conflict)
            .detail(format!("a case has at most {} photos", rules::MOST_PHOTOS))
            .fact("reason", refusal.code()),
    }
}

fn receive_stored(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    id: CaseId,
    stored: &BTreeSet<ContentHash>,
) -> Result<Vec<ReceiptResponse>, ApiError> {
    let mut receipts = Vec::new();
    for sha256 in stored {
        let received = receive::receive(conn, app, actor, id, *sha256)?;
        receipts.extend(receipt::sign(app, &received.photos)?);
    }
    Ok(receipts)
}

fn declared_response(
    rows: &[PhotoRow],
    declarations: &[Declaration],
    receipts: Vec<ReceiptResponse>,
) -> Result<DeclarePhotosResponse, ApiError> {
    let manifest = tally(rows.iter());
    // Not by the rows: what the store has lost since is to be sent again.
    let here: BTreeSet<&str> = receipts.iter().map(|receipt| receipt.sha256.as_str()).collect();
    let photos = declarations.iter().map(|photo| {
        let sha256 = photo.sha256.to_string();
        let received = here.contains(sha256.as_str());
        DeclaredPhotoState { id: photo.id.into(), sha256, received }
    });
    let photos = photos.collect();
    Ok(DeclarePhotosResponse {
        declared: count(manifest.declared)?,
        received: count(manifest.received)?,
        photos,
        receipts,
    })
}

/// The photos of a case: what is in, what is missing and since when
#[utoipa::path(operation_id = "list_photos", tag = "evidence", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the photos", body = ListPhotosResponse)))]
#[get("/cases/{id}/photos")]
pub async fn list_photos(
    app: web::Data<App>,
    actor: By<op::ListPhotos>,
    id: IdPath<CaseId>,
) -> Result<web::Json<ListPhotosResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let list = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        let around = surroundings::of_case(conn, id)?;
        let mut photos = Vec::new();
        let rows = store::list_with_contents(conn, id)?;
        let mut facts = facts::list(conn, id)?;
        let mut shops = shop_photos::sources(conn, id)?;
        let (_, book) = books::of_case(conn, id)?;
        let manifest = tally(rows.iter().map(|(photo, _)| photo));
        for (photo, content) in rows {
            let seen = surroundings::of_photo(conn, &actor, id, &photo)?;
            let facts = facts.remove(&photo.id.0);
            let from_shop = shops.remove(&photo.id.0);
            let told = photo_response((photo, content, facts), (&around, &book), seen);
            photos.push(PhotoResponse { from_shop, ..told });
        }
        Ok((manifest, photos))
    };
    let (manifest, photos) = app.db.read(list).await?;
    Ok(web::Json(ListPhotosResponse {
        declared: count(manifest.declared)?,
        received: count(manifest.received)?,
        missing_since: manifest.missing.first().map(|photo| wire::time(photo.since)),
        missing: manifest.missing.iter().map(missing_response).collect(),
        photos,
    }))
}

/// Every act on the evidence of a case, with the signatures that prove it
#[utoipa::path(operation_id = "get_custody", tag = "evidence", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the log", body = CustodyLogResponse)))]
#[get("/cases/{id}/custody")]
pub async fn get_custody(
    app: web::Data<App>,
    actor: By<op::GetCustody>,
    id: IdPath<CaseId>,
) -> Result<web::Json<CustodyLogResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let log = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        custody::log(conn, id)
    };
    Ok(web::Json(custody::response(&app.db.read(log).await?)))
}

/// Bounded by `rules::MOST_PHOTOS`.
fn count(count: usize) -> Result<u32, ApiError> {
    u32::try_from(count).map_err(ApiError::internal)
}

fn missing_response(photo: &Missing) -> MissingPhoto {
    MissingPhoto {
        id: photo.id.into(),
        sha256: photo.sha256.to_string(),
        slot: photo.slot.as_str().to_owned(),
        since: wire::time(photo.since),
    }
}

fn photo_response(
    (row, content, kept): (PhotoRow, Option<BlobRow>, Option<FactsRow>),
    (around, book): (&Surroundings, &PlanBook),
    seen: Seen,
) -> PhotoResponse {
    let photo = row.declaration();
    // Bytes that came for another case say nothing about a photo that has not come for this one.
    let content = content.filter(|_| row.received_at.is_some());
    let facts = content.as_ref().map(facts::of_content);
    let camera = facts.as_ref().map(camera::camera).unwrap_or_default();
    let mut notes = rules::notes(&photo, row.declared_at.0, &camera);
    let around = Surroundings {
        device_ahead: kept.as_ref().and_then(FactsRow::device_ahead),
        same_elsewhere: seen.same_elsewhere,
        like_another: !seen.look.like.is_empty(),
        ..around.clone()
    };
    let around = content.iter().fold(around, |around, content| content.surroundings(around));
    notes.extend(rules::notes_about(&photo, &camera, &around));
    let grade = content.as_ref().map(|_| rules::grade(&notes, &photo, &camera));
    let wanted = book.wanted(photo.slot);
    let flaws = seen.look.exposure.map(|exposure| capture::flaws(wanted, around.pixels, exposure));
    let position = photo.position.map(|point| Position {
        lat: point.lat(),
        lon: point.lon(),
        accuracy_m: photo.accuracy_m,
    });
    PhotoResponse {
        id: photo.id.into(),
        state: if row.received_at.is_some() { "received" } else { "declared" }.to_owned(),
        sha256: photo.sha256.to_string(),
        size: i64::try_from(photo.size).unwrap_or(i64::MAX),
        slot: photo.slot.as_str().to_owned(),
        captured_at: wire::time(photo.captured_at),
        position,
        mock: photo.mock,
        line_id: photo.line_id.map(Into::into),
        declared_at: wire::time(row.declared_at.0),
        declared_by: row.declared_by.0.into(),
        from_shop: None,
        received_at: row.received_at.map(|at| wire::time(at.0)),
        media_type: content.as_ref().map(|content| content.media_type.clone()),
        width: content.as_ref().map(|content| content.width).filter(|width| *width > 0),
        height: content.as_ref().map(|content| content.height).filter(|height| *height > 0),
        notes: notes.into_iter().map(note).collect(),
        grade: grade.map(|grade| grade.as_str().to_owned()),
        copies: seen.look.exposure.is_some(),
        no_copies: no_copies(content.as_ref(), &seen).map(Into::into),
        flaws: flaws.into_iter().flatten().map(|flaw| flaw.as_str().to_owned()).collect(),
        also_in_cases: seen.visible_cases.into_iter().map(Into::into).collect(),
        facts: kept.map(FactsRow::response),
        camera: facts.filter(|facts| *facts != CameraFacts::default()),
    }
}

/// Why a photo that is here has no copies and never will.
fn no_copies(content: Option<&BlobRow>, seen: &Seen) -> Option<&'static str> {
    let decoded = MediaType::of_name(&content?.media_type).is_some_and(MediaType::is_decoded);
    match (decoded, seen.look.looked, seen.look.exposure) {
        (false, ..) => Some("not_decoded"),
        (true, true, None) => Some("unreadable"),
        (true, ..) => None,
    }
}

fn note(note: Note) -> EvidenceNote {
    let (seconds, metres) = match note {
        Note::DeviceClockDiffers(span)
        | Note::CameraClockDiffers(span)
        | Note::GpsClockDiffers(span)
        | Note::CapturedInFuture(span) => (Some(span.0 / 1_000), None),
        Note::CameraPlaceDiffers(metres)
        | Note::FarFromScene(metres)
        | Note::FarFromArrival(metres) => (None, Some(wire::whole_metres(metres))),
        Note::MockPosition
        | Note::Edited
        | Note::Screenshot
        | Note::SameElsewhere
        | Note::LikeAnother => (None, None),
    };
    EvidenceNote { code: note.code().to_owned(), seconds, metres }
}

/// The public keys of receipts and agreements
#[utoipa::path(operation_id = "seal_keys", tag = "evidence", responses((status = 200, description = "JWK set", body = Object)))]
#[get("/.well-known/seal-keys.json")]
pub async fn seal_keys(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "max-age=60")).json(jwks(&app.auth.seals))
}
