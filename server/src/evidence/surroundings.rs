//! What else is known about photos: the scene, the arrival, and where else they were seen.

use api_spec::problem::Code;
use sync_core::ids::CaseId;

use super::{
    copies::{self, Look},
    rules::Surroundings,
    store::{self, PhotoRow},
};
use crate::{auth::policy::Actor, case_log, db::Conn, error::ApiError, intake, survey};

/// What every photo of a case shares.
pub(super) fn of_case(conn: &mut Conn, case_id: CaseId) -> Result<Surroundings, ApiError> {
    let case = intake::get_case(conn, case_id)?;
    let scene = case.position.map(|place| (place, case.accuracy_m.unwrap_or(0.0)));
    let arrival = survey::arrival_place(conn, case_id)?;
    Ok(Surroundings { scene, arrival, ..Surroundings::default() })
}

/// What was seen of one photo.
pub(super) struct Seen {
    pub(super) look: Look,
    pub(super) same_elsewhere: bool,
    /// The cases that the actor may see and that have it or its like.
    pub(super) visible_cases: Vec<CaseId>,
}

/// That the like of a photo stands in another case is told to everybody; in which one, only to those
/// who see that case (B20).
pub(super) fn of_photo(
    conn: &mut Conn,
    actor: &Actor,
    case_id: CaseId,
    photo: &PhotoRow,
) -> Result<Seen, ApiError> {
    let mut seen = Seen { look: Look::default(), same_elsewhere: false, visible_cases: Vec::new() };
    if photo.received_at.is_none() {
        return Ok(seen);
    }
    let sha256 = photo.declaration().sha256;
    seen.look = copies::look(conn, case_id, sha256)?;
    seen.same_elsewhere = !store::list_other_cases_with(conn, case_id, &[sha256])?.is_empty();
    for other in seen.look.elsewhere.clone() {
        match case_log::see(conn, actor, other) {
            Ok(_) => seen.visible_cases.push(other),
            Err(error) if error.code() == Code::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}
