//! A wave of cases at once.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, post, web};
use api_spec::offer::{BatchItem, BatchResponse, PlanBatchRequest};
use sync_core::{
    ids::{CaseId, PersonId, TaskId},
    time::{Instant, Span},
};

use super::super::{
    rules::Candidate,
    search::{Found, search},
    solve::{self, Choice},
    store::queue as store,
    tasks::{self, Assignment},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::Command,
    case_log,
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    wire,
};

/// The most cases of one wave.
const MOST_CASES: usize = 200;

/// Solve a wave of cases at once
///
/// The least lateness of all together, with the reason for each choice. Cases that somebody has
/// already are left alone: what was decided is never undone.
#[utoipa::path(operation_id = "plan_batch", tags = ["dispatch", "command"], request_body = PlanBatchRequest, responses((status = 200, description = "the plan", body = BatchResponse)))]
#[post("/dispatch/batches")]
pub async fn plan_batch(
    app: web::Data<App>,
    actor: By<op::PlanBatch>,
    command: Command<PlanBatchRequest>,
) -> Result<HttpResponse, ApiError> {
    let wanted = command.value.case_ids.clone();
    if wanted.as_ref().is_some_and(|ids| ids.is_empty() || ids.len() > MOST_CASES) {
        let allowed = format!("1 to {MOST_CASES} cases");
        return Err(ApiError::invalid_field("case_ids", "out_of_range", allowed));
    }
    let (actor, inner) = (actor.into_actor(), app.clone());
    let by = actor.clone();
    // Outside the transaction: another estimator may ask a map service.
    let wave = app.db.read(move |conn| read_wave(conn, &inner, &by, wanted)).await?;
    let now = app.now();
    let plan = web::block(move || Plan::of(wave, now)).await.map_err(ApiError::internal)?;
    let (inner, send) = (app.clone(), command.value.send);
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let mut response = plan.response();
        if send {
            response.sent = true;
            for (item, order) in response.items.iter_mut().zip(plan.orders(&inner)) {
                let Some(order) = order else { continue };
                tasks::assign(conn, &inner, &actor, &order)?;
                item.task_id = Some(order.task.into());
            }
        }
        Reply::ok(&response)
    })
    .await
}

fn read_wave(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    wanted: Option<Vec<uuid::Uuid>>,
) -> Result<Vec<(CaseId, Found)>, ApiError> {
    let most = i64::try_from(MOST_CASES).unwrap_or(i64::MAX);
    let waiting = store::list_waiting(conn, &actor.branch_path, most)?;
    let mut wave = Vec::new();
    for queued in waiting {
        let asked = wanted.as_ref().is_none_or(|ids| ids.contains(&queued.case_id.into()));
        if !asked {
            continue;
        }
        let branch_path = case_log::see(conn, actor, queued.case_id)?.facts.branch_path;
        wave.push((queued.case_id, search(conn, app, &branch_path, queued.case_id)?));
    }
    Ok(wave)
}

/// A solved wave.
#[derive(Clone)]
struct Plan {
    items: Vec<Item>,
    lateness: Span,
    in_turn: Span,
    without: usize,
}

#[derive(Clone)]
struct Item {
    case_id: CaseId,
    chosen: Option<Candidate>,
    late_by: Span,
    why: String,
}

impl Plan {
    fn of(wave: Vec<(CaseId, Found)>, now: Instant) -> Self {
        let people: BTreeMap<PersonId, usize> = {
            let all = wave.iter().flat_map(|(_, found)| askable(found));
            let mut ids: Vec<PersonId> = all.map(|c| c.surveyor.person.id).collect();
            ids.sort_unstable();
            ids.dedup();
            ids.into_iter().zip(0..).collect()
        };
        let row = |(_, found): &(CaseId, Found)| {
            let mut row = vec![None; people.len()];
            for candidate in askable(found) {
                let place = people.get(&candidate.surveyor.person.id);
                if let Some(cell) = place.and_then(|n| row.get_mut(*n)) {
                    *cell = choice(found, candidate, now);
                }
            }
            row
        };
        let choices: Vec<Vec<Option<Choice>>> = wave.iter().map(row).collect();
        let solution = solve::assign(&choices);
        let (lateness, without) = solve::lateness(&choices, &solution);
        let (in_turn, _) = solve::lateness(&choices, &solve::assign_in_turn(&choices));
        let items = wave.iter().zip(&solution).map(|((id, found), column)| {
            let chosen = askable(found).find(|c| {
                people.get(&c.surveyor.person.id).copied() == *column && column.is_some()
            });
            item(*id, found, chosen, now)
        });
        Self { items: items.collect(), lateness, in_turn, without }
    }

    fn orders(&self, app: &App) -> Vec<Option<Assignment>> {
        let order = |item: &Item| {
            let chosen = item.chosen.as_ref()?;
            let task: TaskId = app.new_id();
            Some(Assignment {
                task,
                case_id: item.case_id,
                surveyor: chosen.surveyor.person.id,
                estimate: chosen.travel.as_ref().map(|travel| travel.span),
            })
        };
        self.items.iter().map(order).collect()
    }

    fn response(&self) -> BatchResponse {
        let item = |item: &Item| BatchItem {
            case_id: item.case_id.into(),
            surveyor_id: item.chosen.as_ref().map(|c| c.surveyor.person.id.into()),
            expected_at: item.chosen.as_ref().and_then(|c| c.expected_at).map(wire::time),
            late_by_ms: item.chosen.as_ref().map(|_| item.late_by.0),
            task_id: None,
            why: item.why.clone(),
        };
        BatchResponse {
            items: self.items.iter().map(item).collect(),
            lateness_ms: self.lateness.0,
            lateness_in_turn_ms: self.in_turn.0,
            without: self.without,
            sent: false,
        }
    }
}

/// To a place outside the branch's area a person sends somebody, or another unit goes (C11).
fn askable(found: &Found) -> impl Iterator<Item = &Candidate> {
    let ours = found.outside != Some(true);
    found.candidates.iter().filter(move |candidate| ours && candidate.may_be_asked())
}

fn choice(found: &Found, candidate: &Candidate, now: Instant) -> Option<Choice> {
    let expected_at = candidate.expected_at?;
    Some(Choice { arrives_after: expected_at.since(now), late_by: late_by(found, expected_at) })
}

fn late_by(found: &Found, expected_at: Instant) -> Span {
    expected_at.since(found.limit.limit_at).max(Span::ZERO)
}

fn item(id: CaseId, found: &Found, chosen: Option<&Candidate>, now: Instant) -> Item {
    let minutes = |at: Option<Instant>| at.map_or(0, |at| at.since(now).0 / 60_000);
    let first = askable(found).find(|candidate| candidate.expected_at.is_some());
    let why = match (chosen, first) {
        _ if found.outside == Some(true) => {
            "outside the branch's area: another unit, or somebody chosen by hand".to_owned()
        }
        (None, None) => "nobody who is on duty, fit and free has a known position".to_owned(),
        (None, Some(_)) => "everybody who could go is needed more elsewhere".to_owned(),
        (Some(chosen), Some(first)) if chosen.surveyor.person.id == first.surveyor.person.id => {
            format!("first at the scene, in {} minutes", minutes(chosen.expected_at))
        }
        (Some(chosen), first) => format!(
            "there in {} minutes; who would be there in {} is needed more elsewhere",
            minutes(chosen.expected_at),
            minutes(first.and_then(|first| first.expected_at)),
        ),
    };
    let expected_at = chosen.and_then(|chosen| chosen.expected_at);
    let late_by = expected_at.map_or(Span::ZERO, |at| late_by(found, at));
    Item { case_id: id, chosen: chosen.cloned(), late_by, why }
}
