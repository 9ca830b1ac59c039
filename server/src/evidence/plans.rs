//! Guided capture: photo plans, how far a case has filled its plan, and photos that a reviewer asks for.

mod store;

use actix_web::{HttpResponse, get, post, web};
use api_spec::evidence::{
    CapturePlanResponse, PhotoRequestResponse, PlanSlot, RequestPhotosRequest,
};
use serde::Deserialize;
use sync_core::{
    capture::{AccidentKind, filled},
    custody::Act,
    ids::CaseId,
    lifecycle::EventKind,
    photo::PhotoSlot,
};
use uuid::Uuid;

use super::{
    books,
    custody::{self, NewAct, Subject},
    receive, store as photos,
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Command, IdPath, Query},
    case_log::{self, Author},
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    wire::{self, Fields},
};

/// Photos of one request.
const MOST_ASKED: i64 = 20;

/// Which plan is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanQuery {
    /// Kind of accident.
    kind: Option<String>,
}

/// Which photos a case needs, which are there, and which a reviewer has asked for
///
/// The phone reads this when it gets the case, and again when its feed tells of `photos_requested`; it
/// fills the plan and measures sharpness and light by itself, with the same code. The plans are those of
/// the version that was in force when the case was reported, whatever was imported since. `kind` is `collision` unless it is given.
#[utoipa::path(operation_id = "get_capture_plan", tag = "evidence",
    params(("id" = Uuid, Path, description = "case"), ("kind" = Option<String>, Query, description = "single_vehicle, collision, injury, glass, scratch or flood")),
    responses((status = 200, description = "the plan", body = CapturePlanResponse)))]
#[get("/cases/{id}/capture-plan")]
pub async fn get_capture_plan(
    app: web::Data<App>,
    actor: By<op::GetCapturePlan>,
    id: IdPath<CaseId>,
    query: Query<PlanQuery>,
) -> Result<web::Json<CapturePlanResponse>, ApiError> {
    let kind = match query.0.kind.as_deref() {
        None => AccidentKind::Collision,
        Some(kind) => kind.parse().map_err(|_| {
            ApiError::invalid_field("kind", "unknown", AccidentKind::NAMES.join(", "))
        })?,
    };
    let (actor, id) = (actor.into_actor(), id.0);
    let read = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        let taken: Vec<_> = photos::list(conn, id)?.iter().map(|row| row.declaration()).collect();
        Ok((books::of_case(conn, id)?, taken, store::list(conn, id)?))
    };
    let ((version, book), taken, requests) = app.db.read(read).await?;
    let shown: Vec<PhotoSlot> = taken.iter().map(|photo| photo.slot).collect();
    let slots = filled(book.plan(kind), &shown).into_iter().map(|slot| PlanSlot {
        slot: slot.wanted.slot.as_str().to_owned(),
        least: slot.wanted.least,
        taken: slot.taken,
        missing: slot.missing(),
        shorter_side: slot.wanted.shorter_side,
    });
    let requests = requests.into_iter().map(|row| {
        let asked_at = row.requested_at.0;
        // Whatever was taken of this kind after the request answers it.
        let since = taken.iter().filter(|photo| photo.slot == row.slot.0);
        let since = since.filter(|photo| photo.captured_at > asked_at).count();
        row.response(u32::try_from(since).unwrap_or(u32::MAX))
    });
    Ok(web::Json(CapturePlanResponse {
        version,
        kind: kind.as_str().to_owned(),
        slots: slots.collect(),
        requests: requests.collect(),
    }))
}

/// Ask for more photos, with a reason
///
/// The phone of whoever is on the case hears of it with its next synchronisation, and by a message.
#[utoipa::path(operation_id = "request_photos", tags = ["evidence", "command"], params(("id" = Uuid, Path, description = "case")), request_body = RequestPhotosRequest, responses((status = 201, description = "asked for", body = PhotoRequestResponse)))]
#[post("/cases/{id}/photo-requests")]
pub async fn request_photos(
    app: web::Data<App>,
    actor: By<op::RequestPhotos>,
    id: IdPath<CaseId>,
    command: Command<RequestPhotosRequest>,
) -> Result<HttpResponse, ApiError> {
    let asked = command.value;
    let mut fields = Fields::default();
    let reason = fields.text("reason", &asked.reason, 1, 500);
    let slot = fields.keep(asked.slot.parse::<PhotoSlot>().map_err(|_| {
        api_spec::problem::FieldError::new("slot", "unknown", "one of the slots of the reference")
    }));
    let least = (1..=MOST_ASKED).contains(&asked.least).then_some(asked.least);
    let least = fields.keep(least.ok_or_else(|| {
        api_spec::problem::FieldError::new("least", "out_of_range", format!("1 to {MOST_ASKED}"))
    }));
    let (Some(reason), Some(slot), Some(least)) = (reason, slot, least) else {
        return Err(fields.refused());
    };
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, id)?;
        let (request, now) = (inner.new_id::<Uuid>(), inner.now());
        let new = store::NewRequest {
            id: request,
            case_id: id,
            slot,
            least,
            reason: &reason,
            line_id: asked.line_id,
            person: actor.person,
            now,
        };
        store::insert(conn, &new)?;
        let data = serde_json::json!({ "request_id": request, "slot": slot, "least": least });
        let act = NewAct { act: Act::Requested, subject: Subject::Case, data: data.clone() };
        custody::append(conn, &inner, id, Author::from(&actor), act)?;
        receive::append(conn, &inner, &actor, id, EventKind::PhotosRequested, now, data)?;
        let row = store::list(conn, id)?.into_iter().find(|row| row.id.0 == request);
        let row = row.ok_or_else(|| ApiError::internal("a request vanished"))?;
        Reply::created(&row.response(0))
    })
    .await
}

impl store::RequestRow {
    fn response(self, taken: u32) -> PhotoRequestResponse {
        let least = u32::try_from(self.least).unwrap_or(u32::MAX);
        PhotoRequestResponse {
            id: self.id.0,
            slot: self.slot.0.as_str().to_owned(),
            least,
            reason: self.reason,
            line_id: self.line_id.map(|id| id.0.into()),
            requested_by: self.requested_by.0.into(),
            requested_at: wire::time(self.requested_at.0),
            taken,
            answered: taken >= least,
        }
    }
}
