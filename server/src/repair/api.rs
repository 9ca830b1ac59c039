//! Handlers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    page::PageQuery,
    repair::{
        ChooseShopRequest, CreateShopRequest, CreateShopResponse, FreeChoice, ListShopsQuery,
        OtherShop, ShopChoiceResponse, ShopListResponse, ShopResponse,
    },
};
use chrono::NaiveDate;
use sync_core::{
    ids::{CaseId, EventId, ShopId},
    lifecycle::EventKind,
    time::Instant,
};

use super::{
    check::{CheckedChoice, check_choice, check_shop, class_on_wire},
    rules::{self, Class, FREE_CHOICE_EN, FREE_CHOICE_ZH},
    store::{self, Choice, ShopRow},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::{Command, IdPath, Query},
    case_log::{self, Appended, Author, NewEvent},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    wire,
};

/// Add a repair shop to the registry
///
/// A wrong check character of the credit code is a warning, not a refusal.
#[utoipa::path(operation_id = "create_shop", tags = ["repair", "command"], request_body = CreateShopRequest, responses((status = 201, description = "saved", body = CreateShopResponse)))]
#[post("/shops")]
pub async fn create_shop(
    app: web::Data<App>,
    actor: By<op::CreateShop>,
    command: Command<CreateShopRequest>,
) -> Result<HttpResponse, ApiError> {
    let (shop, warnings) = check_shop(&command.value)?;
    let wanted_id = command.value.id.map(ShopId);
    let (person, inner) = (actor.person, app.clone());
    idempotency::once(&app, person.to_string(), command.key, move |conn| {
        let id = wanted_id.unwrap_or_else(|| inner.new_id());
        if store::find_shop(conn, id)?.is_some() {
            let message = "this id names another shop; make a new one";
            return Err(ApiError::invalid_field("id", "id_taken", message));
        }
        if store::is_licence_taken(conn, &shop.licence_no)? {
            let message = "a shop with this licence is in the registry already";
            return Err(ApiError::invalid_field("licence_no", "licence_taken", message));
        }
        let now = inner.now();
        store::insert_shop(conn, id, &shop, person, now)?;
        let row = store::find_shop(conn, id)?.ok_or_else(ApiError::not_found)?;
        let shop = shop_response(row, now);
        Reply::created(&CreateShopResponse { shop, warnings: warnings.clone() })
    })
    .await
}

/// Repair shops, with the statement that the choice is free
///
/// No shop is a default (C18). `may_be_recommended` says which ones staff may mention when the
/// customer asks (C19).
#[utoipa::path(operation_id = "list_shops", tag = "repair", params(ListShopsQuery), responses((status = 200, description = "a page", body = ShopListResponse)))]
#[get("/shops")]
pub async fn list_shops(
    app: web::Data<App>,
    _actor: By<op::ListShops>,
    query: Query<ListShopsQuery>,
) -> Result<web::Json<ShopListResponse>, ApiError> {
    let ListShopsQuery { name, cursor, limit } = query.0;
    if name.as_ref().is_some_and(|name| name.chars().count() > 100) {
        return Err(ApiError::invalid_field("name", "wrong_length", "at most 100 characters"));
    }
    let paging = PageQuery { cursor, limit };
    let after = Cursor::of(&paging)?;
    let limit = i64::from(paging.size()) + 1;
    let now = app.now();
    let rows = app
        .db
        .read(move |conn| store::list_shops(conn, name.as_deref(), after.as_ref(), limit))
        .await?;
    let cursor = |row: &ShopRow| Cursor { at_ms: row.created_at.0.0, id: row.id.0.to_string() };
    let page = page(rows, &paging, cursor, |row| shop_response(row, now));
    Ok(web::Json(ShopListResponse {
        free_choice: FreeChoice { zh_cn: FREE_CHOICE_ZH.into(), en: FREE_CHOICE_EN.into() },
        items: page.items,
        next_cursor: page.next_cursor,
    }))
}

/// Record the repair shop that the customer chose
///
/// Any shop, in the registry or not; the choice may be changed. Of two choices the later one is in
/// force, whichever arrives first.
#[utoipa::path(operation_id = "choose_shop", tags = ["repair", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = ChooseShopRequest, responses((status = 200, description = "the choice in force", body = ShopChoiceResponse)))]
#[post("/cases/{id}/shop")]
pub async fn choose_shop(
    app: web::Data<App>,
    actor: By<op::ChooseShop>,
    id: IdPath<CaseId>,
    command: Command<ChooseShopRequest>,
) -> Result<HttpResponse, ApiError> {
    let checked = check_choice(&command.value, app.now())?;
    let event_id = command.value.id.map(EventId);
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        // Whoever may see the case may record what its customer wants: also a surveyor who has been
        // relieved since, because a choice heard offline arrives late.
        case_log::see(conn, &actor, case_id)?;
        let event_id = event_id.unwrap_or_else(|| inner.new_id());
        let choice = save_choice(conn, &inner, &actor, case_id, event_id, &checked)?;
        Reply::ok(&choice_response(choice))
    })
    .await
}

fn save_choice(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    event_id: EventId,
    checked: &CheckedChoice,
) -> Result<Choice, ApiError> {
    if let Some(shop_id) = checked.shop_id
        && store::find_shop(conn, shop_id)?.is_none()
    {
        let message = "no shop of the registry has this id";
        return Err(ApiError::invalid_field("shop_id", "unknown", message));
    }
    let now = app.now();
    let event = NewEvent {
        id: event_id,
        case_id,
        kind: EventKind::ShopChosen,
        author: Author::from(actor),
        device_at: checked.device_at,
        occurred_at: checked.chosen_at,
        recorded_at: now,
        data: serde_json::json!({
            "shop_id": checked.shop_id,
            "other_shop": checked.other.as_ref().map(|(name, _)| name),
            "free_choice_told": true,
        }),
    };
    let appended = case_log::append(conn, &event)?;
    let in_force = store::find_choice(conn, case_id)?;
    let known = matches!(appended, Appended::Known(_));
    match in_force {
        Some(choice) if known || choice.chosen_at > checked.chosen_at => Ok(choice),
        _ => {
            let choice = Choice {
                case_id,
                shop_id: checked.shop_id,
                other: checked.other.clone(),
                chosen_at: checked.chosen_at,
                recorded_by: actor.person,
                recorded_at: now,
            };
            store::replace_choice(conn, &choice)?;
            Ok(choice)
        }
    }
}

fn choice_response(choice: Choice) -> ShopChoiceResponse {
    ShopChoiceResponse {
        case_id: choice.case_id.into(),
        shop_id: choice.shop_id.map(Into::into),
        other_shop: choice.other.map(|(name, phone)| OtherShop { name, phone }),
        chosen_at: wire::time(choice.chosen_at),
        recorded_by: choice.recorded_by.into(),
        recorded_at: wire::time(choice.recorded_at),
    }
}

fn shop_response(row: ShopRow, now: Instant) -> ShopResponse {
    // A class of a later release is no reason to recommend a shop.
    let class = Class::parse(&row.class).unwrap_or(Class::Three);
    let against = rules::against_recommending(class, row.licence_ends_at.0, now);
    let last_day = rules::licence_last_day(row.licence_ends_at.0);
    ShopResponse {
        id: row.id.0.into(),
        name: row.name,
        address: row.address,
        phone: row.phone,
        class: class_on_wire(class),
        licence_no: row.licence_no,
        licence_valid_until: NaiveDate::from_epoch_days(last_day).unwrap_or_default(),
        credit_code: row.credit_code,
        may_be_recommended: against.is_empty(),
        not_recommended_because: against.iter().map(|reason| reason.code().to_owned()).collect(),
        created_at: wire::time(row.created_at.0),
        version: row.version,
    }
}
