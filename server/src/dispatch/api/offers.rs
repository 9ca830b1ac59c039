//! A surveyor's offers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    case::Position,
    offer::{AcceptOfferRequest, DeclineOfferRequest, OfferOutcome, OfferResponse, OffersResponse},
};
use sync_core::ids::OfferId;

use super::super::{
    check::check_reason,
    offers,
    store::offers::{self as store, OfferRow},
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Command, IdPath},
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    intake, wire,
};

/// What you are asked to take
///
/// No need to ask again and again: the change feed tells `task_offered` and `offer_lapsed` to whoever is
/// asked, although they do not see the case yet.
#[utoipa::path(operation_id = "list_offers", tag = "dispatch", responses((status = 200, description = "open offers", body = OffersResponse)))]
#[get("/offers")]
pub async fn list_offers(
    app: web::Data<App>,
    actor: By<op::ListOffers>,
) -> Result<web::Json<OffersResponse>, ApiError> {
    let (person, now) = (actor.person, app.now());
    let offers = app
        .db
        .read(move |conn| {
            let open = store::list_of(conn, person)?.into_iter();
            let open = open.filter(|offer| now < offer.expires_at.0);
            open.map(|offer| offer_response(conn, offer)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(web::Json(OffersResponse { items: offers }))
}

fn offer_response(conn: &mut Conn, offer: OfferRow) -> Result<OfferResponse, ApiError> {
    let case = intake::get_case(conn, offer.case_id.0)?;
    let accuracy_m = case.accuracy_m;
    Ok(OfferResponse {
        id: offer.id.0.into(),
        case_id: case.id.into(),
        loss_place: case.loss_place,
        position: case.position.map(|p| Position { lat: p.lat(), lon: p.lon(), accuracy_m }),
        made_at: wire::time(offer.made_at.0),
        expires_at: wire::time(offer.expires_at.0),
        expected_at: offer.expected_at.map(|at| wire::time(at.0)),
        verdict: offer.verdict,
    })
}

/// Take what was offered
///
/// You are sent to the case and have taken the task. 409 `offer_over` when it was answered before, or
/// too late.
#[utoipa::path(operation_id = "accept_offer", tags = ["dispatch", "command"], params(("id" = uuid::Uuid, Path, description = "offer")), request_body = AcceptOfferRequest, responses((status = 200, description = "it is yours", body = OfferOutcome)))]
#[post("/offers/{id}/accept")]
pub async fn accept_offer(
    app: web::Data<App>,
    actor: By<op::AcceptOffer>,
    id: IdPath<OfferId>,
    command: Command<AcceptOfferRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let task = offers::accept(conn, &inner, &actor, id)?;
        Reply::ok(&OfferOutcome {
            id: id.into(),
            status: "accepted".to_owned(),
            task_id: Some(task.into()),
        })
    })
    .await
}

/// Do not take what was offered
///
/// The next surveyor is asked.
#[utoipa::path(operation_id = "decline_offer", tags = ["dispatch", "command"], params(("id" = uuid::Uuid, Path, description = "offer")), request_body = DeclineOfferRequest, responses((status = 200, description = "noted", body = OfferOutcome)))]
#[post("/offers/{id}/decline")]
pub async fn decline_offer(
    app: web::Data<App>,
    actor: By<op::DeclineOffer>,
    id: IdPath<OfferId>,
    command: Command<DeclineOfferRequest>,
) -> Result<HttpResponse, ApiError> {
    let reason = check_reason(&command.value.reason)?;
    let (actor, inner, id) = (actor.into_actor(), app.clone(), id.0);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        offers::decline(conn, &inner, &actor, id, &reason)?;
        let status = "declined".to_owned();
        Reply::ok(&OfferOutcome { id: id.into(), status, task_id: None })
    })
    .await
}
