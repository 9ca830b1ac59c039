//! Importing and listing zones.

use actix_web::{HttpResponse, get, put, web};
use api_spec::{
    dispatch::{ZoneCollection, ZoneResponse, ZoneSetResponse},
    page::{Page, PageQuery},
};
use sync_core::ids::ZoneSetId;

use super::super::{
    import::check_zones,
    store::zones::{self as store, NewZoneSet, ZoneSetRow},
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Body, Query},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    wire,
};

/// Replace the zones of your branch
///
/// A place in an urban zone has the shorter arrival limit (C09); one outside all zones of class `area`,
/// if there are any, is out of the branch's area (C11). The zones before stay, because they
/// judged cases (A5.6). They hold for the branches below that have none of their own. The insurer
/// brings the outlines: none are shipped. At most 2 MB.
#[utoipa::path(operation_id = "import_zones", tag = "dispatch", request_body = ZoneCollection, responses((status = 201, description = "imported", body = ZoneSetResponse)))]
#[put("")]
pub async fn import_zones(
    app: web::Data<App>,
    actor: By<op::ImportZones>,
    body: Body<ZoneCollection>,
) -> Result<HttpResponse, ApiError> {
    let checked = web::block(move || check_zones(body.value)).await;
    let checked = checked.map_err(ApiError::internal)??;
    let actor = actor.into_actor();
    let inner = app.clone();
    let stored = app
        .db
        .write(move |conn| {
            let id: ZoneSetId = inner.new_id();
            let new = NewZoneSet { id, branch: actor.branch, by: actor.person, now: inner.now() };
            store::insert_set(conn, new, &checked)?;
            let row = store::get_set(conn, id)?;
            zone_set(conn, row)
        })
        .await?;
    Ok(HttpResponse::Created().json(stored))
}

/// Imports of zones for your branch, newest first
#[utoipa::path(operation_id = "list_zones", tag = "dispatch", params(PageQuery), responses((status = 200, description = "a page", body = Page<ZoneSetResponse>)))]
#[get("")]
pub async fn list_zones(
    app: web::Data<App>,
    actor: By<op::ListZones>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<ZoneSetResponse>>, ApiError> {
    let paging = query.0;
    let after = Cursor::of(&paging)?;
    let limit = i64::from(paging.size()) + 1;
    let actor = actor.into_actor();
    let sets = app
        .db
        .read(move |conn| {
            let rows = store::list_sets(conn, &actor.branch_path, after.as_ref(), limit)?;
            rows.into_iter().map(|row| zone_set(conn, row)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let cursor =
        |set: &ZoneSetResponse| Cursor { at_ms: set.version, id: set.branch_id.to_string() };
    Ok(web::Json(page(sets, &paging, cursor, |set| set)))
}

fn zone_set(conn: &mut Conn, row: ZoneSetRow) -> Result<ZoneSetResponse, ApiError> {
    let zones = store::list_zones(conn, row.id.0)?;
    Ok(ZoneSetResponse {
        version: row.version,
        branch_id: row.branch_id.0.into(),
        imported_at: wire::time(row.imported_at.0),
        imported_by: row.imported_by.0.into(),
        in_force: store::is_newest(conn, &row)?,
        zones: zones
            .into_iter()
            .map(|zone| ZoneResponse {
                name: zone.name,
                class: zone.class,
                vertices: zone.vertices,
            })
            .collect(),
    })
}
