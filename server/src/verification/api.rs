//! Handlers that read.

use actix_web::{get, web};
use api_spec::{
    page::{Page, PageQuery},
    verification::{
        DecisionResponse, MarkItem, QueueQuery, Remark, VerificationItem, VerificationResponse,
    },
};
use sync_core::{ids::CaseId, time::Instant};

use super::{
    rules,
    store::{self, DecisionRow},
};
use crate::{
    app::App,
    assessment::{self, QueueOrder, Waiting},
    auth::{actor::By, policy::op},
    body::{IdPath, Query},
    case_log,
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    wire,
};

/// What waits for a verifier in your branch and below
#[utoipa::path(operation_id = "list_verification_queue", tag = "verification", params(QueueQuery), responses((status = 200, description = "a page", body = Page<VerificationItem>)))]
#[get("/verification-queue")]
pub async fn list_verification_queue(
    app: web::Data<App>,
    actor: By<op::ListVerificationQueue>,
    query: Query<QueueQuery>,
) -> Result<web::Json<Page<VerificationItem>>, ApiError> {
    let QueueQuery { order, cursor, limit } = query.0;
    let order = match order.as_deref() {
        None | Some("marks") => QueueOrder::Marks,
        Some("amount") => QueueOrder::Amount,
        Some("age") => QueueOrder::Age,
        Some(_) => {
            return Err(ApiError::invalid_field("order", "unknown", "marks, amount, age"));
        }
    };
    let paging = PageQuery { cursor, limit };
    let after = Cursor::of(&paging)?.map(|cursor| (cursor.at_ms, cursor.id));
    let limit = i64::from(paging.size()) + 1;
    let (branch, now) = (actor.branch, app.now());
    let rows =
        app.db.read(move |conn| assessment::queue(conn, branch, order, after, limit)).await?;
    let cursor = move |row: &Waiting| Cursor {
        at_ms: match order {
            QueueOrder::Marks => row.marks,
            QueueOrder::Amount => row.amount.0,
            QueueOrder::Age => row.queued_at.0,
        },
        id: row.case_id.to_string(),
    };
    Ok(web::Json(page(rows, &paging, cursor, |row| item(&row, now))))
}

fn item(waiting: &Waiting, now: Instant) -> VerificationItem {
    VerificationItem {
        case_id: waiting.case_id.into(),
        version_id: waiting.version_id.into(),
        amount_fen: waiting.amount.0,
        marks: waiting.marks,
        queued_at: wire::time(waiting.queued_at),
        due_at: wire::time(waiting.due_at),
        clock: rules::clock(waiting.queued_at, waiting.due_at, now).as_str().to_owned(),
        started_by: waiting.started.map(|(by, _)| by.into()),
        started_at: waiting.started.map(|(_, at)| wire::time(at)),
    }
}

/// Where the verification of a case stands
#[utoipa::path(operation_id = "get_verification", tag = "verification", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "what waits and what was decided", body = VerificationResponse)))]
#[get("/cases/{id}/verification")]
pub async fn get_verification(
    app: web::Data<App>,
    actor: By<op::GetVerification>,
    id: IdPath<CaseId>,
) -> Result<web::Json<VerificationResponse>, ApiError> {
    let (actor, case_id, now) = (actor.into_actor(), id.0, app.now());
    let answer = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            standing(conn, case_id, now)
        })
        .await?;
    Ok(web::Json(answer))
}

/// Where the verification of a case stands.
pub(super) fn standing(
    conn: &mut Conn,
    case_id: CaseId,
    now: Instant,
) -> Result<VerificationResponse, ApiError> {
    let waiting = assessment::waiting(conn, case_id)?;
    let newest = assessment::find_newest(conn, case_id)?;
    let marks = match &newest {
        None => Vec::new(),
        Some(version) => assessment::marks(conn, version.id)?,
    };
    let decisions = store::list_decisions(conn, case_id)?;
    let decisions = decisions.into_iter().map(|row| decision(conn, row)).collect::<Result<_, _>>();
    Ok(VerificationResponse {
        waiting: waiting.as_ref().map(|waiting| item(waiting, now)),
        marks: marks
            .into_iter()
            .map(|mark| MarkItem {
                code: mark.code,
                path: mark.path,
                value: mark.value,
                expected: mark.expected,
            })
            .collect(),
        decisions: decisions?,
    })
}

fn decision(conn: &mut Conn, row: DecisionRow) -> Result<DecisionResponse, ApiError> {
    let remarks = store::list_remarks(conn, row.id.0)?;
    let remarks = remarks.into_iter().map(|remark| {
        let line_id =
            remark.line_id.map(|id| id.parse()).transpose().map_err(ApiError::internal)?;
        Ok(Remark { line_id, reason: remark.reason, proposed_fen: remark.proposed_fen })
    });
    Ok(DecisionResponse {
        id: row.id.0,
        version_id: row.version_id.0.into(),
        outcome: row.outcome,
        amount_fen: row.amount_fen.0.0,
        queued_at: wire::time(row.queued_at.0),
        started_at: wire::time(row.started_at.0),
        decided_at: wire::time(row.decided_at.0),
        decided_by: row.decided_by.0.into(),
        on_behalf_of: row.on_behalf_of.map(|person| person.0.into()),
        remarks: remarks.collect::<Result<_, ApiError>>()?,
        answer: row.answer,
    })
}
