//! Handlers of keeping.

use actix_web::{HttpResponse, delete, get, post, web};
use api_spec::{
    evidence::{DamagedContent, HoldEvidenceRequest, HoldResponse, ListDamagedResponse},
    problem::Code,
};
use sync_core::{custody::Act, ids::CaseId};
use uuid::Uuid;

use super::{
    rules::{self, KeepReason},
    store,
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Command, IdPath},
    case_log::{self, Author},
    db::Conn,
    error::ApiError,
    evidence::{
        copies,
        custody::{self, NewAct, Subject},
        store as photos,
        transfer::HashPath,
    },
    idempotency::{self, Reply},
    wire::{self, Fields},
};

/// Damaged contents of one answer.
const MOST: i64 = 1_000;
/// Cases that are named beside one of them.
const MOST_CASES: i64 = 20;

/// Keep all evidence of a case until further notice
#[utoipa::path(operation_id = "hold_evidence", tags = ["evidence", "command"], params(("id" = Uuid, Path, description = "case")), request_body = HoldEvidenceRequest, responses((status = 201, description = "held", body = HoldResponse)))]
#[post("/cases/{id}/evidence/hold")]
pub async fn hold_evidence(
    app: web::Data<App>,
    actor: By<op::HoldEvidence>,
    id: IdPath<CaseId>,
    command: Command<HoldEvidenceRequest>,
) -> Result<HttpResponse, ApiError> {
    let mut fields = Fields::default();
    let Some(reason) = fields.text("reason", &command.value.reason, 1, 500) else {
        return Err(fields.refused());
    };
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, id)?;
        let (hold, now) = (inner.new_id::<Uuid>(), inner.now());
        store::insert_hold(conn, (hold, id), &reason, actor.person, now)?;
        let data = serde_json::json!({ "hold_id": hold, "reason": reason });
        let act = NewAct { act: Act::Held, subject: Subject::Case, data };
        custody::append_all(conn, &inner, id, Author::from(&actor), (vec![act], now))?;
        let contents = photos::list_received(conn, id)?;
        super::guard(conn, &inner, contents)?;
        Reply::created(&HoldResponse { held: true, at: wire::time(now) })
    })
    .await
}

/// Lift every hold of a case
#[utoipa::path(operation_id = "release_evidence", tags = ["evidence", "command"], params(("id" = Uuid, Path, description = "case")), request_body = HoldEvidenceRequest, responses((status = 200, description = "not held any more", body = HoldResponse)))]
#[post("/cases/{id}/evidence/release")]
pub async fn release_evidence(
    app: web::Data<App>,
    actor: By<op::ReleaseEvidence>,
    id: IdPath<CaseId>,
    command: Command<HoldEvidenceRequest>,
) -> Result<HttpResponse, ApiError> {
    let mut fields = Fields::default();
    let Some(reason) = fields.text("reason", &command.value.reason, 1, 500) else {
        return Err(fields.refused());
    };
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, id)?;
        let now = inner.now();
        if store::update_released(conn, id, actor.person, now)? == 0 {
            return Err(ApiError::new(Code::Conflict).fact("reason", "not_held"));
        }
        let data = serde_json::json!({ "reason": reason });
        let act = NewAct { act: Act::Released, subject: Subject::Case, data };
        custody::append_all(conn, &inner, id, Author::from(&actor), (vec![act], now))?;
        let contents = photos::list_received(conn, id)?;
        super::guard(conn, &inner, contents)?;
        Reply::ok(&HoldResponse { held: false, at: wire::time(now) })
    })
    .await
}

/// Delete the bytes of a photo whose time is over
///
/// Refused while any case that has received these bytes keeps them, by retention (eleven years from
/// receipt) or by a legal hold. What was announced, received and done stays in the log.
#[utoipa::path(
    operation_id = "delete_photo_bytes", tag = "evidence",
    params(
        ("id" = Uuid, Path, description = "case"),
        ("sha256" = String, Path, description = "SHA-256 of the bytes, 64 lower-case hexadecimal digits"),
    ),
    responses((status = 204, description = "deleted"))
)]
#[delete("/cases/{id}/blobs/{sha256}")]
pub async fn delete_photo_bytes(
    app: web::Data<App>,
    actor: By<op::DeletePhotoBytes>,
    id: IdPath<CaseId>,
    sha256: HashPath,
) -> Result<HttpResponse, ApiError> {
    let (actor, inner, id, sha256) = (actor.into_actor(), app.clone(), id.0, sha256.0);
    let expire = move |conn: &mut Conn| {
        case_log::see(conn, &actor, id)?;
        let received = photos::list_receipts(conn, sha256)?;
        if !received.iter().any(|(case, _)| *case == id) {
            return Err(ApiError::not_found());
        }
        let cases: Vec<CaseId> = received.iter().map(|(case, _)| *case).collect();
        let times: Vec<_> = received.iter().map(|(_, at)| *at).collect();
        let held = store::is_any_held(conn, &cases)?;
        let due = rules::judge_deletion(&times, held, inner.now()).map_err(kept)?;
        if !photos::update_removed(conn, sha256, inner.now())? {
            return Ok((due, copies::list_removable(conn, sha256)?));
        }
        for case in cases {
            let data = serde_json::json!({ "sha256": sha256 });
            let act = NewAct { act: Act::Expired, subject: Subject::Content(sha256), data };
            custody::append(conn, &inner, case, Author::from(&actor), act)?;
        }
        Ok((due, copies::list_removable(conn, sha256)?))
    };
    // The decision stands before the bytes go; if the process dies in between, asking again helps.
    let (_due, copies): (rules::Due, _) = app.db.write(expire).await?;
    app.ports.blobs.remove(sha256).await?;
    for copy in copies {
        app.ports.blobs.remove(copy).await?;
    }
    let forget = move |conn: &mut Conn| {
        store::delete_fault(conn, sha256)?;
        copies::forget(conn, sha256)
    };
    app.db.write(forget).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn kept(reason: KeepReason) -> ApiError {
    match reason {
        KeepReason::Retained(until) => ApiError::new(Code::Conflict)
            .detail("kept until its time is over")
            .fact("reason", "retained")
            .fact("retain_until", wire::time(until).to_rfc3339()),
        KeepReason::Held => {
            ApiError::new(Code::Conflict).detail("kept by a legal hold").fact("reason", "held")
        }
    }
}

/// Stored photos that were found to be damaged or gone
#[utoipa::path(operation_id = "list_damaged", tag = "evidence", responses((status = 200, description = "longest known first", body = ListDamagedResponse)))]
#[get("/evidence/damaged")]
pub async fn list_damaged(
    app: web::Data<App>,
    _actor: By<op::ListDamaged>,
) -> Result<web::Json<ListDamagedResponse>, ApiError> {
    let list = |conn: &mut Conn| {
        let mut contents = Vec::new();
        for (sha256, fault, found_at) in store::list_faults(conn, MOST)? {
            let cases = photos::list_cases_with(conn, sha256, MOST_CASES)?;
            contents.push(DamagedContent {
                sha256: sha256.to_string(),
                fault,
                found_at: wire::time(found_at),
                case_ids: cases.into_iter().map(Into::into).collect(),
            });
        }
        Ok(contents)
    };
    Ok(web::Json(ListDamagedResponse { contents: app.db.read(list).await? }))
}
