//! Handlers for price lists.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    page::{Page, PageQuery},
    problem::Code,
    tariff::{PriceChange, PriceListPreview, PriceListRequest, PriceListResponse},
};
use sha2::{Digest, Sha256};
use sync_core::ids::BranchId;

use super::{
    check,
    rules::{self, Difference, ListKind, PriceList},
    store::{self, ListRow, NewList},
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Body, Command, Query},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity, wire,
};

/// More examples would not be read.
const EXAMPLES: usize = 100;

/// Show what a price list would change
///
/// Refused rows come back as fields `csv:<line>`. Nothing is saved.
#[utoipa::path(operation_id = "preview_price_list", tag = "tariff", request_body = PriceListRequest, responses((status = 200, description = "what would change", body = PriceListPreview)))]
#[post("/preview")]
pub async fn preview_price_list(
    app: web::Data<App>,
    actor: By<op::PreviewPriceList>,
    body: Body<PriceListRequest>,
) -> Result<web::Json<PriceListPreview>, ApiError> {
    let (kind, list) = read(body.value).await?;
    let branch = actor.branch;
    let found = app.db.read(move |conn| preview(conn, branch, kind, &list)).await?;
    Ok(web::Json(found))
}

async fn read(request: PriceListRequest) -> Result<(ListKind, PriceList), ApiError> {
    let kind = ListKind::parse(&request.kind)
        .ok_or_else(|| ApiError::invalid_field("kind", "unknown", "parts, labor"))?;
    if request.csv.len() > 2_000_000 {
        return Err(ApiError::invalid_field("csv", "wrong_length", "at most 2,000,000 bytes"));
    }
    let read = web::block(move || rules::read_list(kind, &request.csv)).await;
    let list = read.map_err(ApiError::internal)?.map_err(check::rows_refused)?;
    Ok((kind, list))
}

fn preview(
    conn: &mut Conn,
    branch: BranchId,
    kind: ListKind,
    list: &PriceList,
) -> Result<PriceListPreview, ApiError> {
    let newest = store::find_newest_list(conn, branch, kind)?;
    let before = match &newest {
        None => PriceList::new(),
        Some(row) => store::read_whole_list(conn, row.id.0)?,
    };
    let found = rules::differences(&before, list);
    let count = |wanted: fn(&Difference) -> bool| {
        i64::try_from(found.iter().filter(|d| wanted(d)).count()).unwrap_or(i64::MAX)
    };
    Ok(PriceListPreview {
        kind: kind.as_str().to_owned(),
        replaces_version: newest.map_or(0, |row| row.version),
        version: None,
        items: i64::try_from(list.len()).unwrap_or(i64::MAX),
        added: count(|d| d.before.is_none()),
        removed: count(|d| d.after.is_none()),
        changed: count(|d| d.before.is_some() && d.after.is_some()),
        examples: found.into_iter().take(EXAMPLES).map(change).collect(),
    })
}

fn change(difference: Difference) -> PriceChange {
    let (code, source) = difference.key;
    PriceChange {
        code,
        source,
        name: difference.name,
        before_fen: difference.before.map(|fen| fen.0),
        after_fen: difference.after.map(|fen| fen.0),
    }
}

/// Import a price list that was previewed
///
/// `replaces_version` is the one of the preview: 409 `list_moved` when another list was imported since.
#[utoipa::path(operation_id = "import_price_list", tags = ["tariff", "command"], request_body = PriceListRequest, responses((status = 201, description = "in force", body = PriceListPreview)))]
#[post("")]
pub async fn import_price_list(
    app: web::Data<App>,
    actor: By<op::ImportPriceList>,
    command: Command<PriceListRequest>,
) -> Result<HttpResponse, ApiError> {
    let replaces = command.value.replaces_version.ok_or_else(|| {
        ApiError::invalid_field("replaces_version", "missing", "the version of the preview")
    })?;
    let csv_sha256 = Sha256::digest(command.value.csv.as_bytes());
    let (kind, list) = read(command.value).await?;
    let (branch, by, inner) = (actor.branch, actor.person, app.clone());
    idempotency::once(&app, by.to_string(), command.key, move |conn| {
        let shown = preview(conn, branch, kind, &list)?;
        if shown.replaces_version != replaces {
            return Err(ApiError::new(Code::Conflict)
                .fact("reason", "list_moved")
                .fact("version", shown.replaces_version));
        }
        let (id, version) = (inner.ports.ids.uuid(), replaces + 1);
        let now = inner.now();
        let new = NewList { id, branch, kind, version, csv_sha256: &csv_sha256, by, now };
        store::insert_list(conn, &new, &list)?;
        Reply::created(&PriceListPreview { version: Some(version), ..shown })
    })
    .await
}

/// Price lists of your branch and those above it, newest first
#[utoipa::path(operation_id = "list_price_lists", tag = "tariff", params(PageQuery), responses((status = 200, description = "a page", body = Page<PriceListResponse>)))]
#[get("")]
pub async fn list_price_lists(
    app: web::Data<App>,
    actor: By<op::ListPriceLists>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<PriceListResponse>>, ApiError> {
    let (paging, path) = (query.0, actor.branch_path.clone());
    let after = Cursor::of(&paging)?;
    let limit = i64::from(paging.size()) + 1;
    let rows = app
        .db
        .read(move |conn| {
            let branches = identity::branches_upwards(conn, &path)?;
            store::list_lists(conn, &branches, after.as_ref(), limit)
        })
        .await?;
    let cursor = |row: &ListRow| Cursor { at_ms: row.imported_at.0.0, id: row.id.0.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, list_response)))
}

pub(super) fn list_response(row: ListRow) -> PriceListResponse {
    PriceListResponse {
        id: row.id.0,
        branch_id: row.branch_id.0.into(),
        kind: row.kind,
        version: row.version,
        items: row.items,
        imported_by: row.imported_by.0.into(),
        imported_at: wire::time(row.imported_at.0),
    }
}
