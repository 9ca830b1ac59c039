//! Handlers.

pub(super) mod batch;
pub(super) mod candidates;
pub(super) mod offers;
pub(super) mod positions;
pub(super) mod rosters;
pub(super) mod settings;
pub(super) mod tasks;
pub(super) mod zones;

use sync_core::ids::PersonId;

fn surveyor(
    id: PersonId,
    name: String,
    staff_no: Option<String>,
) -> api_spec::dispatch::SurveyorResponse {
    api_spec::dispatch::SurveyorResponse { id: id.into(), name, staff_no }
}
