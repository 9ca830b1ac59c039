//! Handlers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    problem::{Code, FieldError},
    webhook::{
        CreateWebhookRequest, RevokeWebhookRequest, SettleStuckRequest, StuckDelivery,
        WebhookDetail, WebhookResponse,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sync_core::ids::{CaseId, ShopId};
use uuid::Uuid;

use super::{
    rules::{Audience, LaneState},
    secret,
    store::{self, HookRow},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath},
    db::{
        Conn,
        types::{Id, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity,
    ports::post::check_url,
    repair, wire,
};

/// Registrations of one installation: each is looked at when a case changes.
const MOST: usize = 200;

/// Register a server that is told when the status of a case changes
///
/// From now on, for cases of your branch and those below it. Messages are signed as Standard Webhooks
/// says, with the secret of the registration; their body is a `WebhookMessage`. They come at least once,
/// each case in order. Addresses are `https:` and public; redirects are not followed.
#[utoipa::path(operation_id = "create_webhook", tags = ["webhook", "command"], request_body = CreateWebhookRequest, responses((status = 201, description = "registered", body = WebhookResponse)))]
#[post("/webhooks")]
pub async fn create_webhook(
    app: web::Data<App>,
    actor: By<op::CreateWebhook>,
    command: Command<CreateWebhookRequest>,
) -> Result<HttpResponse, ApiError> {
    let CreateWebhookRequest { audience, shop_id, url } = command.value;
    let (audience, shop) = check(&app, &audience, shop_id, &url)?;
    let (actor, inner) = (actor.into_actor(), app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        if let Some(shop) = shop
            && !repair::is_known(conn, shop)?
        {
            let allowed = "a shop of the registry";
            return Err(ApiError::invalid_field("shop_id", "unknown", allowed));
        }
        if store::list_told(conn)?.len() >= MOST {
            return Err(ApiError::new(Code::Conflict).fact("reason", "too_many_webhooks"));
        }
        let hook = HookRow {
            id: Id(inner.ports.ids.uuid()),
            audience: audience.as_str().to_owned(),
            shop_id: shop.map(Id),
            branch_id: Id(actor.branch),
            url: url.clone(),
            created_by: Id(actor.person),
            created_at: Ms(inner.now()),
            revoked_at: None,
        };
        store::insert_hook(conn, &hook)?;
        Reply::created(&response(hook))
    })
    .await
}

fn check(
    app: &App,
    audience: &str,
    shop_id: Option<Uuid>,
    url: &str,
) -> Result<(Audience, Option<ShopId>), ApiError> {
    let mut fields = wire::Fields::default();
    let audience = Audience::parse(audience)
        .ok_or_else(|| FieldError::new("audience", "unknown", "shop, core_system"));
    let audience = fields.keep(audience);
    let shop = shop_id.map(ShopId);
    if audience.is_some_and(|audience| (audience == Audience::Shop) != shop.is_some()) {
        let allowed = "named for the audience shop and for no other";
        fields.keep::<()>(Err(FieldError::new("shop_id", "exactly_for_shop", allowed)));
    }
    let fits = check_url(url, app.config.webhooks_loopback).map_err(|refusal| {
        FieldError::new("url", refusal.code(), "https, a public address, no name and password")
    });
    match (audience, fields.keep(fits)) {
        (Some(audience), Some(())) => {
            fields.finish()?;
            Ok((audience, shop))
        }
        _ => Err(fields.refused()),
    }
}

fn response(hook: HookRow) -> WebhookResponse {
    WebhookResponse {
        id: hook.id.0,
        audience: hook.audience,
        shop_id: hook.shop_id.map(|id| id.0.into()),
        branch_id: hook.branch_id.0.into(),
        url: hook.url,
        created_by: hook.created_by.0.into(),
        created_at: wire::time(hook.created_at.0),
        revoked_at: hook.revoked_at.map(|at| wire::time(at.0)),
    }
}

/// Whether a registration is one of the actor's branch or below.
fn is_theirs(conn: &mut Conn, actor: &Actor, hook: &HookRow) -> Result<bool, ApiError> {
    Ok(actor.covers(&identity::branch_path(conn, hook.branch_id.0)?))
}

fn own_hook(conn: &mut Conn, actor: &Actor, id: Uuid) -> Result<HookRow, ApiError> {
    let hook = store::find_hook(conn, id)?.ok_or_else(ApiError::not_found)?;
    if is_theirs(conn, actor, &hook)? { Ok(hook) } else { Err(ApiError::not_found()) }
}

/// Registered servers of your branch and those below it, oldest first
#[utoipa::path(operation_id = "list_webhooks", tag = "webhook", responses((status = 200, description = "the registrations", body = Vec<WebhookResponse>)))]
#[get("/webhooks")]
pub async fn list_webhooks(
    app: web::Data<App>,
    actor: By<op::ListWebhooks>,
) -> Result<web::Json<Vec<WebhookResponse>>, ApiError> {
    let actor = actor.into_actor();
    let read = move |conn: &mut Conn| {
        let mut own = Vec::new();
        for hook in store::list_hooks(conn)? {
            if is_theirs(conn, &actor, &hook)? {
                own.push(response(hook));
            }
        }
        Ok(own)
    };
    Ok(web::Json(app.db.read(read).await?))
}

/// A registered server, its secret, and what could not be told
#[utoipa::path(operation_id = "get_webhook", tag = "webhook", params(("id" = uuid::Uuid, Path, description = "registration")), responses((status = 200, description = "the registration", body = WebhookDetail)))]
#[get("/webhooks/{id}")]
pub async fn get_webhook(
    app: web::Data<App>,
    actor: By<op::GetWebhook>,
    id: IdPath<Uuid>,
) -> Result<web::Json<WebhookDetail>, ApiError> {
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    let read = move |conn: &mut Conn| {
        let hook = own_hook(conn, &actor, id)?;
        let secret = format!("whsec_{}", BASE64_STANDARD.encode(secret(&inner, id)));
        let stuck = stuck(conn, id)?;
        Ok(WebhookDetail { webhook: response(hook), secret, stuck })
    };
    Ok(web::Json(app.db.read(read).await?))
}

fn stuck(conn: &mut Conn, id: Uuid) -> Result<Vec<StuckDelivery>, ApiError> {
    let mut found = Vec::new();
    for lane in store::list_stuck(conn, id)? {
        let Some(next) = store::find_next(conn, lane.key())? else { continue };
        found.push(StuckDelivery {
            case_id: lane.case_id.0.into(),
            event_id: next.event_id.0.0,
            sequence: next.seq,
            attempts: lane.attempts,
            last_error: lane.last_error.unwrap_or_default(),
        });
    }
    Ok(found)
}

/// End a registration
///
/// What waits is not sent any more. Said twice it counts once.
#[utoipa::path(operation_id = "revoke_webhook", tags = ["webhook", "command"], params(("id" = uuid::Uuid, Path, description = "registration")), request_body = RevokeWebhookRequest, responses((status = 200, description = "ended", body = WebhookResponse)))]
#[post("/webhooks/{id}/revoke")]
pub async fn revoke_webhook(
    app: web::Data<App>,
    actor: By<op::RevokeWebhook>,
    id: IdPath<Uuid>,
    command: Command<RevokeWebhookRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        own_hook(conn, &actor, id)?;
        store::revoke_hook(conn, id, inner.now())?;
        Reply::ok(&response(own_hook(conn, &actor, id)?))
    })
    .await
}

/// Decide on a message that was given up
///
/// Try it again from the beginning, or leave it out and go on with what waits behind it. 409
/// `not_stuck`.
#[utoipa::path(operation_id = "settle_stuck", tags = ["webhook", "command"], params(("id" = uuid::Uuid, Path, description = "registration")), request_body = SettleStuckRequest, responses((status = 200, description = "what is still stuck", body = Vec<StuckDelivery>)))]
#[post("/webhooks/{id}/stuck")]
pub async fn settle_stuck(
    app: web::Data<App>,
    actor: By<op::SettleStuck>,
    id: IdPath<Uuid>,
    command: Command<SettleStuckRequest>,
) -> Result<HttpResponse, ApiError> {
    let SettleStuckRequest { case_id, again } = command.value;
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        own_hook(conn, &actor, id)?;
        let (key, now) = ((id, CaseId(case_id)), inner.now());
        let lane = store::find_lane(conn, key)?;
        let lane = lane.filter(|row| row.lane().state == LaneState::Stuck);
        let not_stuck = || ApiError::new(Code::Conflict).fact("reason", "not_stuck");
        let row = lane.ok_or_else(not_stuck)?;
        if !again && let Some(next) = store::find_next(conn, key)? {
            store::settle(conn, key, next.seq, "skipped", now)?;
        }
        let more = store::find_next(conn, key)?.is_some();
        store::update_lane(conn, key, &row.lane().moved_on(more, now), row.last_seq, None)?;
        Reply::ok(&stuck(conn, id)?)
    })
    .await
}
