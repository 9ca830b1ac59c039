//! Handlers for rate cards.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    page::{Page, PageQuery},
    tariff::{CreateRateCardRequest, RateCardResponse},
};

use super::{
    check,
    store::{self, CardRow, NewCard},
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Command, Query},
    db::page::{Cursor, page},
    error::ApiError,
    idempotency::{self, Reply},
    identity, wire,
};

/// Put a rate card in force
///
/// It holds for your branch and those below it that have none of their own. Earlier versions stay:
/// sheets name the one they were made under.
#[utoipa::path(operation_id = "create_rate_card", tags = ["tariff", "command"], request_body = CreateRateCardRequest, responses((status = 201, description = "saved", body = RateCardResponse)))]
#[post("/rate-cards")]
pub async fn create_rate_card(
    app: web::Data<App>,
    actor: By<op::CreateRateCard>,
    command: Command<CreateRateCardRequest>,
) -> Result<HttpResponse, ApiError> {
    let wanted = command.value;
    check::one_of("shop_class", &wanted.shop_class, &check::CLASSES)?;
    let from = wanted.valid_from.map(|at| wire::instant("valid_from", at));
    let from = from.transpose().map_err(|field| ApiError::invalid(vec![field]))?;
    let card = serde_json::to_string(&check::card(&wanted.card)?).map_err(ApiError::internal)?;
    let (branch, by, inner) = (actor.branch, actor.person, app.clone());
    idempotency::once(&app, by.to_string(), command.key, move |conn| {
        let now = inner.now();
        let (id, shop_class) = (inner.ports.ids.uuid(), wanted.shop_class.as_str());
        let valid_from = from.unwrap_or(now);
        let new = NewCard { id, branch, shop_class, card: &card, valid_from, by, now };
        Reply::created(&card_response(store::insert_card(conn, &new)?)?)
    })
    .await
}

pub(super) fn card_response(row: CardRow) -> Result<RateCardResponse, ApiError> {
    let card = serde_json::from_str(&row.card).map_err(ApiError::internal)?;
    Ok(RateCardResponse {
        id: row.id.0,
        branch_id: row.branch_id.0.into(),
        shop_class: row.shop_class,
        version: row.version,
        card: check::card_fields(&card),
        valid_from: wire::time(row.valid_from.0),
        created_by: row.created_by.0.into(),
        created_at: wire::time(row.created_at.0),
    })
}

/// Rate cards of your branch and those above it, newest first
#[utoipa::path(operation_id = "list_rate_cards", tag = "tariff", params(PageQuery), responses((status = 200, description = "a page", body = Page<RateCardResponse>)))]
#[get("/rate-cards")]
pub async fn list_rate_cards(
    app: web::Data<App>,
    actor: By<op::ListRateCards>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<RateCardResponse>>, ApiError> {
    let (paging, path) = (query.0, actor.branch_path.clone());
    let after = Cursor::of(&paging)?;
    let limit = i64::from(paging.size()) + 1;
    let cards = app
        .db
        .read(move |conn| {
            let branches = identity::branches_upwards(conn, &path)?;
            let rows = store::list_cards(conn, &branches, after.as_ref(), limit)?;
            rows.into_iter().map(card_response).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let cursor = |card: &RateCardResponse| Cursor {
        at_ms: card.created_at.timestamp_millis(),
        id: card.id.to_string(),
    };
    Ok(web::Json(page(cards, &paging, cursor, |card| card)))
}
