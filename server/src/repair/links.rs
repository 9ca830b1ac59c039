//! Handlers for links on which a shop sees one case without an account.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    problem::Code,
    repair::{CreateShopLinkRequest, RevokeShopLinkRequest, ShopLinkResponse},
};
use sync_core::{
    identifiers::{PhoneKind, check_phone},
    ids::CaseId,
    time::{Instant, Span},
};
use uuid::Uuid;

use super::{
    rules::{self, LinkFacts, LinkState},
    store::{self, LinkRow, NewLink, ShopRow},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath},
    case_log,
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    jobs::{self, NewMessage},
    wire,
};

/// Send the shop that the customer chose a link to the case
///
/// It shows status and approved lines of this case and nothing else, and only while the customer goes to
/// this shop. Its address goes to the shop's number only. 409 with reason `no_shop_chosen` or
/// `shop_without_mobile`; 429 after five links within a day.
#[utoipa::path(operation_id = "create_shop_link", tags = ["repair", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = CreateShopLinkRequest, responses((status = 201, description = "the link is on its way", body = ShopLinkResponse)))]
#[post("/cases/{id}/shop-links")]
pub async fn create_shop_link(
    app: web::Data<App>,
    actor: By<op::CreateShopLink>,
    id: IdPath<CaseId>,
    command: Command<CreateShopLinkRequest>,
) -> Result<HttpResponse, ApiError> {
    let life = life(command.value.days)?;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, case_id)?;
        let shop = chosen_shop(conn, case_id)?;
        let number = mobile(&shop).ok_or_else(|| refused("shop_without_mobile"))?;
        let since = inner.now() - rules::LINKS_WITHIN;
        if store::count_links(conn, case_id, since)? >= rules::LINKS_OF_CASE {
            return Err(ApiError::new(Code::TooManyRequests).fact("reason", "too_many_links"));
        }
        Reply::created(&send(conn, &inner, &actor, case_id, &shop, &number, life)?)
    })
    .await
}

fn life(days: Option<i64>) -> Result<Span, ApiError> {
    let days = days.unwrap_or(rules::LINK_DAYS);
    if (1..=rules::MOST_LINK_DAYS).contains(&days) {
        Ok(Span::days(days))
    } else {
        Err(ApiError::invalid_field("days", "out_of_range", "1 to 30 days"))
    }
}

fn refused(reason: &str) -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", reason)
}

fn chosen_shop(conn: &mut Conn, case_id: CaseId) -> Result<ShopRow, ApiError> {
    let choice = store::find_choice(conn, case_id)?.and_then(|choice| choice.shop_id);
    let shop = choice.ok_or_else(|| refused("no_shop_chosen"))?;
    store::find_shop(conn, shop)?.ok_or_else(|| ApiError::internal("a chosen shop is missing"))
}

/// Where the shop can read a message.
fn mobile(shop: &ShopRow) -> Option<String> {
    let checked = check_phone(shop.phone.as_deref()?).ok()?;
    (checked.kind == PhoneKind::Mobile).then_some(checked.normalised)
}

fn send(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    shop: &ShopRow,
    number: &str,
    life: Span,
) -> Result<ShopLinkResponse, ApiError> {
    let (token, now) = (app.ports.ids.secret(), app.now());
    let sha256 =
        wire::token_sha256(&token).ok_or_else(|| ApiError::internal("a malformed token"))?;
    let expires_at = now + life;
    let new = NewLink {
        id: app.ports.ids.uuid(),
        token_sha256: &sha256,
        case_id,
        shop_id: shop.id.0,
        sent_to: number,
        created_by: actor.person,
        created_at: now,
        expires_at,
    };
    store::insert_link(conn, &new)?;
    let base = app.config.base_url();
    let text = format!(
        "【维修】客户选择在贵厂维修，案件状态和已确认的定损项目请查看：{base}/s/{token} 请勿转发。服务热线{}。",
        app.config.hotline,
    );
    let message = NewMessage {
        case_id: Some(case_id),
        recipient: number.to_owned(),
        text,
        expires_at: Some(expires_at),
    };
    jobs::send_message(conn, app, &message)?;
    let link = store::find_link(conn, &sha256)?;
    let link = link.ok_or_else(|| ApiError::internal("the new link is missing"))?;
    response(conn, link, now)
}

/// What a link is good for now.
pub(super) fn state(conn: &mut Conn, link: &LinkRow, now: Instant) -> Result<LinkState, ApiError> {
    let facts = LinkFacts {
        expires_at: link.expires_at.0,
        revoked: link.revoked_at.is_some(),
        chosen: super::is_chosen(conn, link.case_id.0, link.shop_id.0)?,
    };
    Ok(rules::link_state(&facts, now))
}

fn response(conn: &mut Conn, link: LinkRow, now: Instant) -> Result<ShopLinkResponse, ApiError> {
    let state = state(conn, &link, now)?;
    Ok(ShopLinkResponse {
        id: link.id.0,
        shop_id: link.shop_id.0.into(),
        state: state.code().to_owned(),
        sent_by: link.created_by.0.into(),
        sent_at: wire::time(link.created_at.0),
        expires_at: wire::time(link.expires_at.0),
        revoked_at: link.revoked_at.map(|at| wire::time(at.0)),
    })
}

/// The links that shops were sent to a case, latest first
#[utoipa::path(operation_id = "list_shop_links", tag = "repair", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the links", body = Vec<ShopLinkResponse>)))]
#[get("/cases/{id}/shop-links")]
pub async fn list_shop_links(
    app: web::Data<App>,
    actor: By<op::ListShopLinks>,
    id: IdPath<CaseId>,
) -> Result<web::Json<Vec<ShopLinkResponse>>, ApiError> {
    let (actor, case_id, now) = (actor.into_actor(), id.0, app.now());
    let read = move |conn: &mut Conn| {
        case_log::see(conn, &actor, case_id)?;
        let rows = store::list_links(conn, case_id)?;
        rows.into_iter().map(|row| response(conn, row, now)).collect::<Result<Vec<_>, _>>()
    };
    Ok(web::Json(app.db.read(read).await?))
}

/// Take a shop's link back
///
/// Said twice it counts once.
#[utoipa::path(operation_id = "revoke_shop_link", tags = ["repair", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("link_id" = uuid::Uuid, Path, description = "link")), request_body = RevokeShopLinkRequest, responses((status = 200, description = "it shows nothing any more", body = ShopLinkResponse)))]
#[post("/cases/{id}/shop-links/{link_id}/revoke")]
pub async fn revoke_shop_link(
    app: web::Data<App>,
    actor: By<op::RevokeShopLink>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
    command: Command<RevokeShopLinkRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    let wanted = path.into_inner().1;
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, case_id)?;
        let wanted: Uuid = wanted.parse().map_err(|_| ApiError::not_found())?;
        let now = inner.now();
        store::revoke_link(conn, (case_id, wanted), actor.person, now)?;
        let row = store::find_link_of(conn, case_id, wanted)?.ok_or_else(ApiError::not_found)?;
        Reply::ok(&response(conn, row, now)?)
    })
    .await
}
