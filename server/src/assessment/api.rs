//! Handlers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    assessment::{FreezeVersionRequest, VersionResponse, VersionSummary},
    page::{Page, PageQuery},
    problem::FieldError,
};
use sync_core::ids::{CaseId, VersionId};

use super::{Freeze, Version, answer, freeze, must_work_on, rules::FreezeRefusal, store};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath, Query},
    case_log::{self, SeenCase},
    db::{
        Conn,
        page::{Cursor, page},
    },
    draft::{self, Current},
    error::ApiError,
    idempotency::{self, Reply},
    wire::Fields,
};

/// Freeze the draft as a version of the loss sheet
///
/// Exactly the draft at `based_on` is frozen: 409 with reason `draft_moved` and the present heads when
/// somebody wrote since, `open_conflicts` with the paths while values over money, liability or
/// identity wait for a person, `sheet_unchanged` when the newest version says the same. What must be
/// put right first comes back as fields such as `lines/<id>/unit_price_fen`. An agreement on an earlier
/// version is void from then on.
#[utoipa::path(operation_id = "freeze_version", tags = ["assessment", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = FreezeVersionRequest, responses((status = 201, description = "frozen", body = VersionResponse)))]
#[post("/cases/{id}/versions")]
pub async fn freeze_version(
    app: web::Data<App>,
    actor: By<op::FreezeVersion>,
    id: IdPath<CaseId>,
    command: Command<FreezeVersionRequest>,
) -> Result<HttpResponse, ApiError> {
    let (based_on, note) = check(&command.value)?;
    let wanted_id = command.value.id.map(VersionId);
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    // Reading a draft is work: not for somebody who may not see it.
    let asker = actor.clone();
    app.db.read(move |conn| may_work(conn, &asker, case_id).map(|_| ())).await?;
    let current = draft::current(&app, case_id).await?;
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let seen = may_work(conn, &actor, case_id)?;
        let draft = unmoved(conn, case_id, current.as_ref())?;
        let id = wanted_id.unwrap_or_else(|| inner.new_id());
        if store::find(conn, id)?.is_some() {
            let message = "this id names another version; make a new one";
            return Err(ApiError::invalid_field("id", "id_taken", message));
        }
        let wanted = Freeze { id, based_on: based_on.clone(), note: note.clone() };
        let version = freeze(conn, &inner, &actor, &seen, case_id, draft, &wanted)?;
        Reply::created(&answer::whole(&version)?)
    })
    .await
}

fn may_work(conn: &mut Conn, actor: &Actor, case_id: CaseId) -> Result<SeenCase, ApiError> {
    let seen = case_log::see(conn, actor, case_id)?;
    must_work_on(actor, &seen)?;
    Ok(seen)
}

/// The draft that was read before the transaction, if it still stands so within it.
fn unmoved<'d>(
    conn: &mut Conn,
    case_id: CaseId,
    read: Option<&'d Current>,
) -> Result<&'d Current, ApiError> {
    let read = read.ok_or_else(|| answer::refused(FreezeRefusal::NoDraft))?;
    let now = draft::standing(conn, case_id)?;
    let same = |now: &draft::Standing| now.epoch == read.epoch && now.heads == read.heads;
    match now {
        Some(now) if same(&now) => Ok(read),
        now => {
            let heads = now.map(|now| now.heads).unwrap_or_default();
            let heads = heads.iter().map(ToString::to_string).collect();
            Err(answer::refused(FreezeRefusal::DraftMoved { heads }))
        }
    }
}

fn check(request: &FreezeVersionRequest) -> Result<(Vec<String>, Option<String>), ApiError> {
    let mut fields = Fields::default();
    let is_head = |head: &String| head.len() == 64 && head.chars().all(|c| c.is_ascii_hexdigit());
    let heads = &request.based_on;
    if !(1..=64).contains(&heads.len()) || !heads.iter().all(is_head) {
        let allowed = "1 to 64 heads of 64 hexadecimal digits";
        fields.keep::<()>(Err(FieldError::new("based_on", "not_heads", allowed)));
    }
    let note = request.note.as_deref().and_then(|note| fields.text("note", note, 1, 500));
    fields.finish()?;
    Ok((heads.clone(), note))
}

/// Frozen versions of a case, newest first
#[utoipa::path(operation_id = "list_versions", tag = "assessment", params(("id" = uuid::Uuid, Path, description = "case"), PageQuery), responses((status = 200, description = "a page", body = Page<VersionSummary>)))]
#[get("/cases/{id}/versions")]
pub async fn list_versions(
    app: web::Data<App>,
    actor: By<op::ListVersions>,
    id: IdPath<CaseId>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<VersionSummary>>, ApiError> {
    let (actor, case_id, paging) = (actor.into_actor(), id.0, query.0);
    let below = Cursor::of(&paging)?.map(|cursor| cursor.at_ms);
    let limit = i64::from(paging.size()) + 1;
    let versions = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            store::list(conn, case_id, below, limit)
        })
        .await?;
    // Numbers have no gaps, so the number alone says where a page ended.
    let cursor = |version: &Version| Cursor { at_ms: version.number, id: version.id.to_string() };
    Ok(web::Json(page(versions, &paging, cursor, |version| answer::summary(&version))))
}

/// A frozen version with its lines
#[utoipa::path(operation_id = "get_version", tag = "assessment", params(("id" = uuid::Uuid, Path, description = "case"), ("version_id" = uuid::Uuid, Path, description = "version")), responses((status = 200, description = "the version", body = VersionResponse)))]
#[get("/cases/{id}/versions/{version_id}")]
pub async fn get_version(
    app: web::Data<App>,
    actor: By<op::GetVersion>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<VersionResponse>, ApiError> {
    let (actor, case_id) = (actor.into_actor(), id.0);
    let version_id: VersionId = path.1.parse().map_err(|_| ApiError::not_found())?;
    let version = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            super::find_version(conn, case_id, version_id)?.ok_or_else(ApiError::not_found)
        })
        .await?;
    Ok(web::Json(answer::whole(&version)?))
}
