//! Listing and creating branches.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    identity::{BranchResponse, CreateBranchRequest},
    page::{Page, PageQuery},
};
use sync_core::ids::BranchId;

use super::refused_field;
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, Query},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity::{
        rules::person::check_branch_code,
        store::branches::{self, BranchRow},
    },
    wire::Fields,
};

/// Head office, province, city, county and a few more: deeper is a mistake.
const MOST_LEVELS: usize = 8;

/// Your branch and those below it, oldest first
#[utoipa::path(operation_id = "list_branches", tag = "identity", params(PageQuery), responses((status = 200, description = "a page", body = Page<BranchResponse>)))]
#[get("/branches")]
pub async fn list_branches(
    app: web::Data<App>,
    actor: By<op::ListBranches>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<BranchResponse>>, ApiError> {
    let paging = query.0;
    let after = Cursor::of(&paging)?;
    let (path, size) = (actor.branch_path.clone(), i64::from(paging.size()) + 1);
    let rows =
        app.db.read(move |conn| branches::list_branches(conn, &path, after.as_ref(), size)).await?;
    let cursor = |row: &BranchRow| Cursor { at_ms: row.created_at.0.0, id: row.id.0.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, branch_response)))
}

/// Create a branch below yours
#[utoipa::path(operation_id = "create_branch", tags = ["identity", "command"], request_body = CreateBranchRequest, responses((status = 201, description = "created", body = BranchResponse)))]
#[post("/branches")]
pub async fn create_branch(
    app: web::Data<App>,
    actor: By<op::CreateBranch>,
    command: Command<CreateBranchRequest>,
) -> Result<HttpResponse, ApiError> {
    let CreateBranchRequest { code, name, parent_id } = command.value;
    let mut fields = Fields::default();
    fields.keep(check_branch_code(&code).map_err(refused_field));
    let name = fields.text("name", &name, 1, 64);
    let Some(name) = name else { return Err(fields.refused()) };
    fields.finish()?;
    let (actor, id, now) = (actor.into_actor(), app.new_id::<BranchId>(), app.now());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let parent = covered_branch(conn, &actor, BranchId(parent_id), "parent_id")?;
        if parent.path.matches('/').count() > MOST_LEVELS {
            let allowed = format!("at most {MOST_LEVELS} levels");
            return Err(ApiError::invalid_field("parent_id", "too_deep", allowed));
        }
        if branches::find_branch_by_code(conn, &code)?.is_some() {
            return Err(ApiError::invalid_field("code", "taken", "a code that no branch has"));
        }
        branches::insert_branch(conn, id, &code, &name, Some(parent.id.0), now)?;
        let row = branches::find_branch(conn, id)?
            .ok_or_else(|| ApiError::internal("the new branch is missing"))?;
        Reply::created(&branch_response(row))
    })
    .await
}

/// The branch, if it is the actor's own or below it. Others do not exist.
pub(super) fn covered_branch(
    conn: &mut Conn,
    actor: &Actor,
    id: BranchId,
    field: &str,
) -> Result<BranchRow, ApiError> {
    branches::find_branch(conn, id)?
        .filter(|branch| actor.covers(&branch.path))
        .ok_or_else(|| ApiError::invalid_field(field, "unknown", "your branch or one below it"))
}

fn branch_response(row: BranchRow) -> BranchResponse {
    BranchResponse {
        id: row.id.0.into(),
        code: row.code,
        name: row.name,
        parent_id: row.parent_id.map(|id| id.0.into()),
        path: row.path,
        version: row.version,
    }
}
