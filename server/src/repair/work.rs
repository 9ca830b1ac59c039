//! Handlers for recommending shops and for what a shop tells of its work.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    page::{Page, PageQuery},
    problem::Code,
    repair::{
        AnswerSupplementRequest, FreeChoice, OpenSupplement, ProgressResponse,
        RecommendShopsRequest, RecommendedShop, RecommendedShopsResponse, RepairResponse,
        ReportProgressRequest, RequestSupplementRequest, SupplementResponse,
    },
};
use sync_core::{
    geo::Point,
    ids::{CaseId, ShopId},
    lifecycle::EventKind,
};
use uuid::Uuid;

use super::{
    desk::{self, OnCase},
    rules::{self, Candidate, Class, FREE_CHOICE_EN, FREE_CHOICE_ZH, STAGES},
    store::{self, OpenRow, ProgressRow, ShopRow, SupplementRow, Waiting},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, Role, may_deliver, op},
    },
    body::{Command, IdPath, Query},
    case_log::{self, Author, NewEvent},
    db::{
        Conn,
        page::{Cursor, page},
        types::{Id, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    intake,
    wire::{self, Fields},
};

/// Shops that may be named to the customer (C19), nearest first and in turns
///
/// Class two or better with a licence in force; several, none of them a default, always with the
/// statement that the choice is free (C18). Which ones were named is kept.
#[utoipa::path(operation_id = "recommend_shops", tags = ["repair", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = RecommendShopsRequest, responses((status = 200, description = "several shops", body = RecommendedShopsResponse)))]
#[post("/cases/{id}/shop-recommendations")]
pub async fn recommend_shops(
    app: web::Data<App>,
    actor: By<op::RecommendShops>,
    id: IdPath<CaseId>,
    command: Command<RecommendShopsRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        case_log::see(conn, &actor, case_id)?;
        let scene = intake::get_case(conn, case_id)?.position;
        let now = inner.now();
        let rows = store::list_recommendable(conn, now)?;
        let named = rules::recommend(rows.iter().map(|row| candidate(row, scene)).collect(), now);
        store::note_recommended(conn, inner.ports.ids.uuid(), case_id, &named, actor.person, now)?;
        let shops = named.iter().filter_map(|id| rows.iter().find(|row| row.id.0 == *id));
        Reply::ok(&RecommendedShopsResponse {
            free_choice: FreeChoice { zh_cn: FREE_CHOICE_ZH.into(), en: FREE_CHOICE_EN.into() },
            shops: shops.map(|row| named_shop(row, scene)).collect(),
        })
    })
    .await
}

fn distance(row: &ShopRow, scene: Option<Point>) -> Option<f64> {
    let place = Point::new(row.lat?, row.lon?).ok()?;
    Some(scene?.distance_m(place))
}

fn candidate(row: &ShopRow, scene: Option<Point>) -> Candidate<ShopId> {
    Candidate {
        id: row.id.0,
        class: Class::parse(&row.class).unwrap_or(Class::Three),
        licence_ends_at: row.licence_ends_at.0,
        distance_m: distance(row, scene),
        recommended: row.recommended,
    }
}

fn named_shop(row: &ShopRow, scene: Option<Point>) -> RecommendedShop {
    RecommendedShop {
        id: row.id.0.into(),
        name: row.name.clone(),
        address: row.address.clone(),
        phone: row.phone.clone(),
        class: row.class.clone(),
        hours: row.hours.clone(),
        distance_m: distance(row, scene).map(wire::whole_metres),
    }
}

fn say(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    kind: EventKind,
    data: serde_json::Value,
) -> Result<(), ApiError> {
    let now = app.now();
    let event = NewEvent {
        id: app.new_id(),
        case_id,
        kind,
        author: Author::from(actor),
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data,
    };
    case_log::append(conn, &event).map(|_| ())
}

/// Tell how far the repair is
#[utoipa::path(operation_id = "report_progress", tags = ["repair", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = ReportProgressRequest, responses((status = 201, description = "recorded", body = RepairResponse)))]
#[post("/shop/cases/{id}/progress")]
pub async fn report_progress(
    app: web::Data<App>,
    actor: By<op::ReportProgress>,
    id: IdPath<CaseId>,
    command: Command<ReportProgressRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = command.value;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let on = desk::by_account(conn, &actor, case_id)?;
        let words = request.words.as_deref().unwrap_or_default();
        tell_progress(conn, &inner, &on, &request.stage, words)?;
        Reply::created(&repair(conn, case_id, on.shop)?)
    })
    .await
}

/// Notes how far a shop says that the repair is.
///
/// # Errors
/// `invalid_fields`, and what the log refuses.
pub fn tell_progress(
    conn: &mut Conn,
    app: &App,
    on: &OnCase,
    stage: &str,
    words: &str,
) -> Result<(), ApiError> {
    if !STAGES.contains(&stage) {
        return Err(ApiError::invalid_field("stage", "unknown", STAGES.join(", ")));
    }
    let mut fields = Fields::default();
    let words = fields.text("words", words, 0, 500);
    fields.finish()?;
    let row = ProgressRow {
        stage: stage.to_owned(),
        words: words.unwrap_or_default(),
        reported_at: Ms(app.now()),
    };
    let of = (on.case_id, on.shop);
    store::insert_progress(conn, app.ports.ids.uuid(), of, &row, on.actor.person)?;
    let data = serde_json::json!({ "shop_id": on.shop, "stage": row.stage });
    say(conn, app, &on.actor, on.case_id, EventKind::RepairProgressed, data)
}

/// Ask for a supplement: more damage was found
///
/// It waits for the assessor, and changes no amount: a supplement is a version of its own, agreed on
/// and verified again.
#[utoipa::path(operation_id = "request_supplement", tags = ["repair", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = RequestSupplementRequest, responses((status = 201, description = "it waits for the assessor", body = RepairResponse)))]
#[post("/shop/cases/{id}/supplements")]
pub async fn request_supplement(
    app: web::Data<App>,
    actor: By<op::RequestSupplement>,
    id: IdPath<CaseId>,
    command: Command<RequestSupplementRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = command.value;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let on = desk::by_account(conn, &actor, case_id)?;
        ask_supplement(conn, &inner, &on, &request.words)?;
        Reply::created(&repair(conn, case_id, on.shop)?)
    })
    .await
}

/// Lets a request for a supplement wait for the assessor; answers its id.
///
/// # Errors
/// `invalid_fields`, and `conflict` when the case has too many.
pub fn ask_supplement(
    conn: &mut Conn,
    app: &App,
    on: &OnCase,
    words: &str,
) -> Result<Uuid, ApiError> {
    const MOST: usize = 50;
    let mut fields = Fields::default();
    let words = fields.text("words", words, 1, 1_000);
    fields.finish()?;
    if store::list_supplements(conn, on.case_id)?.len() >= MOST {
        return Err(ApiError::new(Code::Conflict).fact("reason", "too_many_supplements"));
    }
    let row = SupplementRow {
        id: Id(app.ports.ids.uuid()),
        shop_id: Id(on.shop),
        words: words.unwrap_or_default(),
        state: "open".into(),
        answer: None,
        requested_at: Ms(app.now()),
        answered_at: None,
    };
    store::insert_supplement(conn, on.case_id, &row, on.actor.person)?;
    let data = serde_json::json!({ "shop_id": on.shop, "supplement_id": row.id.0 });
    say(conn, app, &on.actor, on.case_id, EventKind::SupplementRequested, data)?;
    Ok(row.id.0)
}

/// Whether a request of this shop on this case waits for an answer.
///
/// # Errors
/// Database faults.
pub fn is_open_request(conn: &mut Conn, on: &OnCase, id: Uuid) -> Result<bool, ApiError> {
    let rows = store::list_supplements(conn, on.case_id)?;
    let own = rows.iter().find(|row| row.id.0 == id && row.shop_id.0 == on.shop);
    Ok(own.is_some_and(|row| row.state == "open"))
}

/// What your shop told of a case, and what became of its requests
#[utoipa::path(operation_id = "get_repair", tag = "repair", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "progress and supplements", body = RepairResponse)))]
#[get("/shop/cases/{id}/repair")]
pub async fn get_repair(
    app: web::Data<App>,
    actor: By<op::GetRepair>,
    id: IdPath<CaseId>,
) -> Result<web::Json<RepairResponse>, ApiError> {
    let (actor, case_id) = (actor.into_actor(), id.0);
    let read = move |conn: &mut Conn| {
        let on = desk::by_account(conn, &actor, case_id)?;
        repair(conn, case_id, on.shop)
    };
    Ok(web::Json(app.db.read(read).await?))
}

/// What a shop told of a case, and what became of its requests.
///
/// # Errors
/// Database faults.
pub fn repair(conn: &mut Conn, case_id: CaseId, shop: ShopId) -> Result<RepairResponse, ApiError> {
    let progress = store::list_progress(conn, case_id, shop)?;
    let supplements = store::list_supplements(conn, case_id)?;
    let own = supplements.into_iter().filter(|row| row.shop_id.0 == shop);
    let progress = progress.into_iter().map(|row| ProgressResponse {
        stage: row.stage,
        words: row.words,
        reported_at: wire::time(row.reported_at.0),
    });
    Ok(RepairResponse { progress: progress.collect(), supplements: own.map(supplement).collect() })
}

fn supplement(row: SupplementRow) -> SupplementResponse {
    SupplementResponse {
        id: row.id.0,
        words: row.words,
        state: row.state,
        answer: row.answer,
        requested_at: wire::time(row.requested_at.0),
        answered_at: row.answered_at.map(|at| wire::time(at.0)),
    }
}

/// Requests for supplements of a case, oldest first
#[utoipa::path(operation_id = "list_supplements", tag = "repair", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the requests", body = Vec<SupplementResponse>)))]
#[get("/cases/{id}/supplements")]
pub async fn list_supplements(
    app: web::Data<App>,
    actor: By<op::ListSupplements>,
    id: IdPath<CaseId>,
) -> Result<web::Json<Vec<SupplementResponse>>, ApiError> {
    let (actor, case_id) = (actor.into_actor(), id.0);
    let read = move |conn: &mut Conn| {
        case_log::see(conn, &actor, case_id)?;
        store::list_supplements(conn, case_id)
    };
    let rows = app.db.read(read).await?;
    Ok(web::Json(rows.into_iter().map(supplement).collect()))
}

/// Requests for supplements that wait for an answer, oldest first
///
/// Of the cases of your branch and those below it; for a surveyor, of the cases that they are sent to.
#[utoipa::path(operation_id = "list_open_supplements", tag = "repair", params(PageQuery), responses((status = 200, description = "a page", body = Page<OpenSupplement>)))]
#[get("/supplements")]
pub async fn list_open_supplements(
    app: web::Data<App>,
    actor: By<op::ListOpenSupplements>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<OpenSupplement>>, ApiError> {
    let (actor, paging) = (actor.into_actor(), query.0);
    let after = Cursor::of(&paging)?;
    let limit = i64::from(paging.size()) + 1;
    let read = move |conn: &mut Conn| {
        let whose = match actor.is(Role::Assessor) || actor.is(Role::Manager) {
            true => Waiting::Below(&actor.branch_path),
            false => Waiting::SentTo(actor.person),
        };
        store::list_open_supplements(conn, whose, after.as_ref(), limit)
    };
    let rows = app.db.read(read).await?;
    let cursor = |row: &OpenRow| Cursor { at_ms: row.requested_at.0.0, id: row.id.0.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, |row| OpenSupplement {
        id: row.id.0,
        case_id: row.case_id.0.into(),
        report_no: row.report_no,
        plate: row.plate,
        shop_id: row.shop_id.0.into(),
        shop_name: row.shop_name,
        words: row.words,
        requested_at: wire::time(row.requested_at.0),
    })))
}

/// Answer a request for a supplement
#[utoipa::path(operation_id = "answer_supplement", tags = ["repair", "command"], params(("id" = uuid::Uuid, Path, description = "case"), ("supplement_id" = uuid::Uuid, Path, description = "request")), request_body = AnswerSupplementRequest, responses((status = 200, description = "answered", body = SupplementResponse)))]
#[post("/cases/{id}/supplements/{supplement_id}/answer")]
pub async fn answer_supplement(
    app: web::Data<App>,
    actor: By<op::AnswerSupplement>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
    command: Command<AnswerSupplementRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = command.value;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    let wanted = path.into_inner().1;
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let seen = case_log::see(conn, &actor, case_id)?;
        let wanted: Uuid = wanted.parse().map_err(|_| ApiError::not_found())?;
        let rows = store::list_supplements(conn, case_id)?;
        let row =
            rows.into_iter().find(|row| row.id.0 == wanted).ok_or_else(ApiError::not_found)?;
        if !may_deliver(&actor, &seen.facts) {
            return Err(ApiError::new(Code::Forbidden));
        }
        let mut fields = Fields::default();
        let answer = fields.text("answer", &request.answer, 1, 1_000).unwrap_or_default();
        fields.finish()?;
        if row.state != "open" {
            return Err(ApiError::new(Code::Conflict).fact("reason", "answered_already"));
        }
        let now = inner.now();
        let state = if request.accepted { "accepted" } else { "refused" };
        store::answer_supplement(conn, wanted, (state, &answer), actor.person, now)?;
        let data = serde_json::json!({ "supplement_id": wanted, "state": state });
        say(conn, &inner, &actor, case_id, EventKind::SupplementAnswered, data)?;
        Reply::ok(&supplement(SupplementRow {
            state: state.into(),
            answer: Some(answer),
            answered_at: Some(Ms(now)),
            ..row
        }))
    })
    .await
}
