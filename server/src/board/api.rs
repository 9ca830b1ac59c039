//! Handlers.

use actix_web::{get, web};
use api_spec::{
    board::{ApprovedLine, ShopCaseResponse, ShopCaseSummary},
    page::{Page, PageQuery},
};
use sync_core::{
    ids::{CaseId, ShopId},
    sheet::SheetRow,
    time::Instant,
};

use super::{rules, store};
use crate::{
    agreement,
    app::App,
    auth::{actor::By, policy::op},
    body::{IdPath, Query},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    repair, wire,
};

/// Cases whose customers chose your shop, the latest choice first
#[utoipa::path(operation_id = "list_shop_cases", tag = "board", params(PageQuery), responses((status = 200, description = "a page", body = Page<ShopCaseSummary>)))]
#[get("/shop/cases")]
pub async fn list_shop_cases(
    app: web::Data<App>,
    actor: By<op::ListShopCases>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<ShopCaseSummary>>, ApiError> {
    let paging = query.0;
    let after = Cursor::of(&paging)?;
    let Some(shop) = actor.shop else {
        return Ok(web::Json(Page { items: Vec::new(), next_cursor: None }));
    };
    let limit = i64::from(paging.size()) + 1;
    let rows = app
        .db
        .read(move |conn| {
            let chosen = repair::list_cases_of_shop(conn, shop, after.as_ref(), limit)?;
            chosen.into_iter().map(|(id, at)| summary(conn, id, at)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let cursor = |row: &ShopCaseSummary| Cursor {
        at_ms: row.chosen_at.timestamp_millis(),
        id: row.id.to_string(),
    };
    Ok(web::Json(page(rows, &paging, cursor, |row| row)))
}

fn summary(conn: &mut Conn, id: CaseId, chosen_at: Instant) -> Result<ShopCaseSummary, ApiError> {
    let (status, plate) =
        store::find_status_and_plate(conn, id)?.ok_or_else(ApiError::not_found)?;
    Ok(ShopCaseSummary { id: id.into(), status, plate, chosen_at: wire::time(chosen_at) })
}

/// A case whose customer chose your shop, with the approved lines
#[utoipa::path(operation_id = "get_shop_case", tag = "board", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the case", body = ShopCaseResponse)))]
#[get("/shop/cases/{id}")]
pub async fn get_shop_case(
    app: web::Data<App>,
    actor: By<op::GetShopCase>,
    id: IdPath<CaseId>,
) -> Result<web::Json<ShopCaseResponse>, ApiError> {
    let shop = actor.shop.ok_or_else(ApiError::not_found)?;
    let case_id = id.0;
    let case = app.db.read(move |conn| shop_case(conn, shop, case_id)).await?;
    Ok(web::Json(case))
}

/// A case as a shop sees it; anything that is not theirs is the same 404.
pub(super) fn shop_case(
    conn: &mut Conn,
    shop: ShopId,
    case_id: CaseId,
) -> Result<ShopCaseResponse, ApiError> {
    if !repair::is_chosen(conn, case_id, shop)? {
        return Err(ApiError::not_found());
    }
    let (status, plate) =
        store::find_status_and_plate(conn, case_id)?.ok_or_else(ApiError::not_found)?;
    let agreed = agreement::find_agreed(conn, case_id)?;
    let sheet = agreed.as_ref().map(|version| version.read()).transpose()?;
    let vehicle = sheet.as_ref().and_then(|frozen| rules::own_vehicle(&frozen.sheet, &plate));
    Ok(ShopCaseResponse {
        id: case_id.into(),
        status,
        vehicle: vehicle.and_then(|vehicle| vehicle.brand_model.clone()),
        version: agreed.map(|version| version.number),
        lines: vehicle.into_iter().flat_map(rules::approved).map(approved_line).collect(),
        plate,
    })
}

fn approved_line(row: &SheetRow) -> ApprovedLine {
    ApprovedLine {
        id: row.id.into(),
        kind: row.kind.as_str().to_owned(),
        name: row.name.clone(),
        part_no: row.part_no.clone(),
        part_source: row.part_source.map(|source| source.as_str().to_owned()),
        labor_type: row.labor_type.map(|labor| labor.as_str().to_owned()),
        qty_milli: row.qty_milli,
        hours_milli: row.hours_milli,
        supplement: row.supplement,
        amount_fen: row.amount_fen.0,
    }
}
