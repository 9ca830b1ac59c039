//! The dispatcher's queue: open cases by nearest limit.

use std::collections::{BTreeMap, HashSet};

use actix_web::{get, web};
use api_spec::board::{QueueCandidate, QueueItem, QueueResponse};
use sync_core::ids::CaseId;

use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    case_log,
    db::Conn,
    dispatch::{self, QueuedCase},
    error::ApiError,
    intake, sla, wire,
};

/// Cases on the board.
const MOST: usize = 200;
/// Cases for which candidates are looked for.
const MOST_SEARCHED: usize = 50;

/// Your branch's open cases, the nearest limit first
///
/// With those who could be there in time, for cases that wait for somebody.
#[utoipa::path(operation_id = "get_queue", tag = "board", responses((status = 200, description = "the queue", body = QueueResponse)))]
#[get("/board/queue")]
pub async fn get_queue(
    app: web::Data<App>,
    actor: By<op::GetQueue>,
) -> Result<web::Json<QueueResponse>, ApiError> {
    let (actor, inner) = (actor.into_actor(), app.clone());
    let queue = app.db.read(move |conn| queue(conn, &inner, &actor)).await?;
    Ok(web::Json(queue))
}

fn queue(conn: &mut Conn, app: &App, actor: &Actor) -> Result<QueueResponse, ApiError> {
    let now = app.now();
    // The place first: what changes while the queue is read is told again.
    let cursor = case_log::latest_change(conn)?;
    let waiting = dispatch::waiting_cases(conn, &actor.branch_path, 1_000)?;
    let waiting: BTreeMap<CaseId, QueuedCase> =
        waiting.into_iter().map(|queued| (queued.case_id, queued)).collect();
    // A case may have several running clocks: the first one is the nearest.
    let most = i64::try_from(4 * MOST).unwrap_or(i64::MAX);
    let mut seen = HashSet::new();
    let mut open = sla::nearest_limits(conn, &actor.branch_path, most)?;
    open.retain(|clock| seen.insert(clock.case_id));
    open.truncate(MOST);
    let mut items = Vec::with_capacity(open.len());
    let mut searched = 0;
    for clock in open {
        let case = intake::get_case(conn, clock.case_id)?;
        let seen_case = case_log::see(conn, actor, clock.case_id)?;
        let queued = waiting.get(&clock.case_id);
        let best = if queued.is_some() && searched < MOST_SEARCHED {
            searched += 1;
            let path = &seen_case.facts.branch_path;
            Some(dispatch::best_candidates(conn, app, path, clock.case_id, 3)?)
        } else {
            None
        };
        items.push(QueueItem {
            case_id: clock.case_id.into(),
            report_no: case.report_no,
            status: seen_case.status.to_string(),
            plate: case.plate,
            loss_place: case.loss_place,
            clock: clock.clock,
            limit_at: wire::time(clock.limit_at),
            remaining_ms: clock.limit_at.since(now).0,
            waiting: queued.is_some(),
            escalated: queued.map(|queued| queued.escalated.to_owned()),
            out_of_area: best.as_ref().and_then(|best| best.outside),
            in_time: best.as_ref().map(|best| best.in_time),
            best: best.into_iter().flat_map(|best| best.first).map(candidate).collect(),
        });
    }
    Ok(QueueResponse { as_of: wire::time(now), cursor: cursor.to_string(), items })
}

fn candidate(
    (id, name, verdict, expected_at): (
        sync_core::ids::PersonId,
        String,
        &'static str,
        Option<sync_core::time::Instant>,
    ),
) -> QueueCandidate {
    QueueCandidate {
        surveyor_id: id.into(),
        name,
        verdict: verdict.to_owned(),
        expected_at: expected_at.map(wire::time),
    }
}
