//! How promises were kept: numerators, denominators and what was left out, and why (Q64).

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, web};
use api_spec::board::{Figure, FiguresQuery, FiguresResponse, TravelFigure};
use sync_core::{
    clock::{ClockName, ClockState, TimeConfidence, Verdict},
    ids::CaseId,
    lifecycle::EventKind,
    time::{Instant, Span},
};
use uuid::Uuid;

use super::store;
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, op},
    },
    body::Query,
    case_log,
    db::Conn,
    dispatch,
    error::ApiError,
    intake, wire,
};

/// Cases of one answer: a branch's month.
const MOST_CASES: i64 = 5_000;
/// The longest window.
const WINDOW: Span = Span::days(31);
const CLOCKS: [ClockName; 4] =
    [ClockName::Dispatch, ClockName::FirstContact, ClockName::Arrival, ClockName::Proxy];

/// How promises were kept by your branch and those below it
///
/// For each promise of dispatch, by branch and by the surveyor who was sent first: how many were kept,
/// how many count, and how many were left out and why. At most 31 days and 5,000 cases.
#[utoipa::path(operation_id = "get_figures", tag = "board", params(FiguresQuery), responses((status = 200, description = "the figures", body = FiguresResponse)))]
#[get("/figures")]
pub async fn get_figures(
    app: web::Data<App>,
    actor: By<op::GetFigures>,
    query: Query<FiguresQuery>,
) -> Result<web::Json<FiguresResponse>, ApiError> {
    Ok(web::Json(figures(&app, actor.into_actor(), query.0).await?))
}

/// The same as a table
///
/// Comma-separated values with a heading, UTF-8.
#[utoipa::path(operation_id = "get_figures_table", tag = "board", params(FiguresQuery), responses((status = 200, description = "the figures", body = String, content_type = "text/csv")))]
#[get("/figures.csv")]
pub async fn get_figures_table(
    app: web::Data<App>,
    actor: By<op::GetFiguresTable>,
    query: Query<FiguresQuery>,
) -> Result<HttpResponse, ApiError> {
    let figures = figures(&app, actor.into_actor(), query.0).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(("content-disposition", "attachment; filename=\"figures.csv\""))
        .body(table(&figures)))
}

fn table(figures: &FiguresResponse) -> String {
    let mut text = String::from(
        "of,id,clock,numerator,denominator,explained,excluded_open,excluded_void,excluded_paused,excluded_doubtful\r\n",
    );
    for row in &figures.items {
        // Codes, ids and numbers only: nothing that needs quoting or that a spreadsheet would run.
        let numbers = [
            row.numerator,
            row.denominator,
            row.explained,
            row.excluded_open,
            row.excluded_void,
            row.excluded_paused,
            row.excluded_doubtful,
        ];
        let numbers = numbers.map(|number| number.to_string()).join(",");
        text.push_str(&format!("{},{},{},{numbers}\r\n", row.of, row.id, row.clock));
    }
    text
}

async fn figures(
    app: &App,
    actor: Actor,
    query: FiguresQuery,
) -> Result<FiguresResponse, ApiError> {
    let refused = |error| ApiError::invalid(vec![error]);
    let from = wire::instant("from", query.from).map_err(refused)?;
    let to = wire::instant("to", query.to).map_err(refused)?;
    if to <= from || to.since(from) > WINDOW {
        let allowed = "after from, at most 31 days later";
        return Err(ApiError::invalid_field("to", "out_of_range", allowed));
    }
    let now = app.now();
    app.db.read(move |conn| read(conn, &actor, from, to, now)).await
}

fn read(
    conn: &mut Conn,
    actor: &Actor,
    from: Instant,
    to: Instant,
    now: Instant,
) -> Result<FiguresResponse, ApiError> {
    let cases = store::list_reported(conn, &actor.branch_path, from, to, MOST_CASES + 1)?;
    if i64::try_from(cases.len()).unwrap_or(i64::MAX) > MOST_CASES {
        let allowed = "a shorter window: at most 5,000 cases";
        return Err(ApiError::invalid_field("to", "too_many", allowed));
    }
    let mut sums: BTreeMap<(&'static str, Uuid, ClockName), Figure> = BTreeMap::new();
    for id in cases {
        let branch: Uuid = intake::get_case(conn, id)?.branch.into();
        let sent = first_sent(conn, id)?;
        let states = dispatch::case_clocks(conn, id, now)?.states;
        for state in states.iter().filter(|state| CLOCKS.contains(&state.clock)) {
            for (of, owner) in [("branch", Some(branch)), ("person", sent)] {
                let Some(owner) = owner else { continue };
                let figure = sums.entry((of, owner, state.clock)).or_insert_with(|| Figure {
                    of: of.to_owned(),
                    id: owner,
                    clock: state.clock.to_string(),
                    numerator: 0,
                    denominator: 0,
                    explained: 0,
                    excluded_open: 0,
                    excluded_void: 0,
                    excluded_paused: 0,
                    excluded_doubtful: 0,
                });
                count(figure, state);
            }
        }
    }
    let errors = dispatch::estimate_errors(conn, &actor.branch_path, from..to)?;
    let travel = errors.into_iter().map(|error| TravelFigure {
        branch_id: error.branch.into(),
        trips: error.trips,
        mean_error_ms: error.mean.0,
        mean_absolute_error_ms: error.mean_abs.0,
    });
    Ok(FiguresResponse {
        from: wire::time(from),
        to: wire::time(to),
        as_of: wire::time(now),
        items: sums.into_values().collect(),
        travel: travel.collect(),
    })
}

/// Whoever was sent first: the customer has been waiting for them since.
fn first_sent(conn: &mut Conn, id: CaseId) -> Result<Option<Uuid>, ApiError> {
    let log = case_log::entries(conn, id)?;
    let first = log.iter().find(|entry| entry.kind == EventKind::TaskAssigned);
    let person = first.and_then(|entry| entry.data.get("surveyor_id")?.as_str()?.parse().ok());
    Ok(person)
}

fn count(figure: &mut Figure, state: &ClockState) {
    if state.confidence == TimeConfidence::Doubtful {
        figure.excluded_doubtful += 1;
        return;
    }
    match state.verdict {
        Verdict::Met { .. } => {
            figure.numerator += 1;
            figure.denominator += 1;
        }
        Verdict::Breached { .. } => figure.denominator += 1,
        Verdict::Explained { .. } => {
            figure.denominator += 1;
            figure.explained += 1;
        }
        Verdict::Running { .. } | Verdict::AtRisk { .. } => figure.excluded_open += 1,
        Verdict::Ended => figure.excluded_void += 1,
        Verdict::Paused => figure.excluded_paused += 1,
        Verdict::NotStarted => {}
    }
}
