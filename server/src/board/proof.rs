//! The handler for how well an arrival is proven, by what several capabilities know of it.

use actix_web::{get, web};
use api_spec::scene::ArrivalProofResponse;
use sync_core::ids::CaseId;

use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::IdPath,
    case_log,
    db::Conn,
    error::ApiError,
    evidence,
    survey::{self, ArrivalFacts, TrackPoint, judge_proof, photo_times},
    wire,
};

/// How well the arrival of a case is proven
///
/// From the claimed position, the track around it, photos taken inside the fence and the customer's
/// word; computed at every call, so that points and photos that come late count (C09). It blocks
/// nothing.
#[utoipa::path(operation_id = "get_arrival_proof", tag = "survey", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "the proof", body = ArrivalProofResponse)))]
#[get("/cases/{id}/arrival-proof")]
pub async fn get_arrival_proof(
    app: web::Data<App>,
    actor: By<op::GetArrivalProof>,
    id: IdPath<CaseId>,
) -> Result<web::Json<ArrivalProofResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let found = app.db.read(move |conn| {
        case_log::see(conn, &actor, id)?;
        let facts = facts(conn, id)?.ok_or_else(ApiError::not_found)?;
        let proof = judge_proof(&facts);
        let codes = |codes: Vec<&str>| codes.into_iter().map(str::to_owned).collect();
        Ok(ArrivalProofResponse {
            case_id: id.into(),
            claimed_at: wire::time(facts.claimed_at),
            grade: proof.grade.as_str().to_owned(),
            for_it: codes(proof.for_it),
            against: codes(proof.against),
            entered_at: proof.entered_at.map(wire::time),
            points: facts.track.len(),
        })
    });
    Ok(web::Json(found.await?))
}

fn facts(conn: &mut Conn, id: CaseId) -> Result<Option<ArrivalFacts>, ApiError> {
    let Some((mut facts, person)) = survey::known_arrival(conn, id)? else { return Ok(None) };
    if let Some(person) = person {
        let point = |photo: evidence::PlacedPhoto| TrackPoint {
            place: photo.place,
            accuracy_m: photo.accuracy_m,
            at: photo.taken_at,
            mock: photo.mock,
        };
        let photos = evidence::placed_photos(conn, id, person, &photo_times(facts.claimed_at))?;
        facts.photos = photos.into_iter().map(point).collect();
    }
    Ok(Some(facts))
}
