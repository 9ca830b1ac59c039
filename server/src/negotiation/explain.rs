//! The handler that records what was explained after an objection (C14).

use actix_web::{HttpResponse, post, web};
use api_spec::negotiation::{ExplainRequest, ExplanationResponse, NegotiationResponse};
use sync_core::{ids::CaseId, lifecycle::EventKind};

use super::{
    api::{conflict, of_case as negotiation, one_of},
    store::{self, ExplanationRow, spaced, unspaced},
};
use crate::{
    app::App,
    assessment::{self, Duty},
    auth::{actor::By, policy::op},
    body::{Command, IdPath},
    case_log::{self, Author, NewEvent},
    db::{
        Conn,
        types::{Id, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    wire::{self, Fields},
};

/// Record what was explained to the customer, and what it rests on (C14)
#[utoipa::path(operation_id = "explain_objection", tags = ["negotiation", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = ExplainRequest, responses((status = 201, description = "recorded", body = NegotiationResponse)))]
#[post("/cases/{id}/explanations")]
pub async fn explain_objection(
    app: web::Data<App>,
    actor: By<op::ExplainObjection>,
    id: IdPath<CaseId>,
    command: Command<ExplainRequest>,
) -> Result<HttpResponse, ApiError> {
    let (request, key) = (command.value, command.key);
    let mut fields = Fields::default();
    let words = fields.text("words", &request.words, 1, 2_000).unwrap_or_default();
    const BASES: [&str; 5] = ["evidence", "contract", "law", "police", "standard"];
    one_of(&mut fields, "basis", &request.basis, &BASES);
    one_of(
        &mut fields,
        "outcome",
        &request.outcome,
        &["accepted", "maintained", "resurvey_wanted"],
    );
    fields.finish()?;
    if request.photos.len() > 20 {
        return Err(ApiError::invalid_field("photos", "out_of_range", "at most 20"));
    }
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), key, move |conn| {
        let seen = case_log::see(conn, &actor, case_id)?;
        assessment::must_work_on(&actor, &seen)?;
        let now = inner.now();
        let version = assessment::find_newest(conn, case_id)?;
        let version = version.ok_or_else(|| conflict("no_frozen_version"))?;
        assessment::take_duty(conn, case_id, &[actor.person], Duty::Assess, now)?;
        let row = ExplanationRow {
            version_id: Id(version.id),
            words: words.clone(),
            basis: request.basis.clone(),
            photos: spaced(&request.photos),
            outcome: request.outcome.clone(),
            explained_by: Id(actor.person),
            explained_at: Ms(now),
        };
        store::insert_explanation(conn, inner.ports.ids.uuid(), case_id, &row)?;
        let event = NewEvent {
            id: inner.new_id(),
            case_id,
            kind: EventKind::ObjectionExplained,
            author: Author::from(&actor),
            device_at: None,
            occurred_at: now,
            recorded_at: now,
            data: serde_json::json!({
                "version_id": version.id, "basis": row.basis, "outcome": row.outcome,
            }),
        };
        case_log::append(conn, &event)?;
        Reply::created(&negotiation(conn, case_id)?)
    })
    .await
}

pub(super) fn of_case(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<ExplanationResponse>, ApiError> {
    let response = |row: ExplanationRow| ExplanationResponse {
        version_id: row.version_id.0.into(),
        words: row.words,
        basis: row.basis,
        photos: unspaced(&row.photos),
        outcome: row.outcome,
        explained_by: row.explained_by.0.into(),
        explained_at: wire::time(row.explained_at.0),
    };
    Ok(store::list_explanations(conn, case_id)?.into_iter().map(response).collect())
}
