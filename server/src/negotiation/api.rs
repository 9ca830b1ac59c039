//! Handlers for rounds.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    negotiation::{NegotiationResponse, PointResponse, RecordRoundRequest, RoundResponse},
    problem::{Code, FieldError},
};
use sync_core::{
    ids::{CaseId, LineId, VersionId},
    lifecycle::EventKind,
    money::Fen,
};

use super::{
    explain,
    rules::{self, Move, Point, Round, Side},
    store::{self, NewRound, RoundRow, unspaced},
    visits,
};
use crate::{
    app::App,
    assessment::{self, Duty, Version},
    auth::{actor::By, policy::op},
    body::{Command, IdPath},
    case_log::{self, Author, NewEvent},
    db::Conn,
    error::ApiError,
    idempotency::{self, Reply},
    wire::{self, Fields},
};

/// The most rounds about one version: beyond it an expert helps more (C28).
const MOST_ROUNDS: usize = 200;

pub(super) fn conflict(reason: &str) -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", reason)
}

pub(super) fn one_of(fields: &mut Fields, field: &str, text: &str, allowed: &[&str]) {
    if !allowed.contains(&text) {
        fields.keep::<()>(Err(FieldError::new(field, "unknown", allowed.join(", "))));
    }
}

/// Record an offer or an answer to one (C25)
///
/// About the newest version, which is not changed by it: what was agreed becomes another version. 409
/// with `nothing_offered`, `point_agreed` or `not_newest_version`.
#[utoipa::path(operation_id = "record_round", tags = ["negotiation", "command"], params(("id" = uuid::Uuid, Path, description = "case")), request_body = RecordRoundRequest, responses((status = 201, description = "where the negotiation stands", body = NegotiationResponse)))]
#[post("/cases/{id}/negotiation")]
pub async fn record_round(
    app: web::Data<App>,
    actor: By<op::RecordRound>,
    id: IdPath<CaseId>,
    command: Command<RecordRoundRequest>,
) -> Result<HttpResponse, ApiError> {
    let (request, key) = (command.value, command.key);
    let (round, statement) = check(&request)?;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.clone());
    idempotency::once(&app, actor.person.to_string(), key, move |conn| {
        let seen = case_log::see(conn, &actor, case_id)?;
        assessment::must_work_on(&actor, &seen)?;
        let version = newest(conn, case_id, VersionId(request.version_id))?;
        let known = round.line.is_none() || frozen(&version)?.contains_key(&round.line);
        if !known {
            return Err(ApiError::invalid_field("line_id", "unknown", "a line of this version"));
        }
        assessment::take_duty(conn, case_id, &[actor.person], Duty::Assess, inner.now())?;
        let new = NewRound {
            id: inner.ports.ids.uuid(),
            case_id,
            version_id: version.id,
            side: round.side.as_str(),
            action: round.action.as_str(),
            line_id: request.line_id,
            amount_fen: request.amount_fen,
            statement: &statement,
            photos: &request.photos,
            channel: &request.channel,
            recorded_by: Some(actor.person),
            said_at: inner.now(),
        };
        keep(conn, &inner, &version, &round, &new, Author::from(&actor))?
            .map_err(|refusal| conflict(refusal.code()))?;
        Reply::created(&of_case(conn, case_id)?)
    })
    .await
}

fn check(request: &RecordRoundRequest) -> Result<(Round, String), ApiError> {
    let mut fields = Fields::default();
    let statement = fields.text("statement", &request.statement, 1, 1_000);
    one_of(&mut fields, "side", &request.side, &["insurer", "customer"]);
    one_of(&mut fields, "channel", &request.channel, &["phone", "on_site"]);
    if request.photos.len() > 20 {
        fields.keep::<()>(Err(FieldError::new("photos", "out_of_range", "at most 20")));
    }
    let range = 0..=Fen::MAX_LINE.0;
    let action = match (request.action.as_str(), request.amount_fen) {
        ("offer", Some(fen)) if range.contains(&fen) => Ok(Move::Offer(Fen(fen))),
        ("offer", _) => {
            Err(FieldError::new("amount_fen", "out_of_range", "what is offered, in fen"))
        }
        ("accept", None) => Ok(Move::Accept),
        ("reject", None) => Ok(Move::Reject),
        ("accept" | "reject", Some(_)) => {
            Err(FieldError::new("amount_fen", "not_here", "the other side's last offer is meant"))
        }
        _ => Err(FieldError::new("move", "unknown", "offer, accept, reject")),
    };
    let action = fields.keep(action);
    fields.finish()?;
    match (Side::parse(&request.side), action, statement) {
        (Some(side), Some(action), Some(statement)) => {
            Ok((Round { side, action, line: request.line_id.map(LineId) }, statement))
        }
        _ => Err(ApiError::new(Code::Invalid)),
    }
}

pub(super) fn newest(
    conn: &mut Conn,
    case_id: CaseId,
    wanted: VersionId,
) -> Result<Version, ApiError> {
    let newest = assessment::find_newest(conn, case_id)?;
    newest.filter(|v| v.id == wanted).ok_or_else(|| conflict("not_newest_version"))
}

/// The amounts that the version fixed: every line, and the total.
fn frozen(version: &Version) -> Result<BTreeMap<Option<LineId>, Fen>, ApiError> {
    let sheet = version.read()?.sheet;
    let lines = sheet.vehicles.iter().flat_map(|vehicle| &vehicle.lines);
    let mut amounts: BTreeMap<Option<LineId>, Fen> =
        lines.map(|line| (Some(line.id), line.amount_fen)).collect();
    amounts.insert(None, version.total_fen);
    Ok(amounts)
}

/// Keeps a round if it may follow those before it.
fn keep(
    conn: &mut Conn,
    app: &App,
    version: &Version,
    round: &Round,
    new: &NewRound<'_>,
    author: Author,
) -> Result<Result<(), rules::RoundRefusal>, ApiError> {
    let rows = store::list_rounds(conn, version.id)?;
    if rows.len() >= MOST_ROUNDS {
        return Err(conflict("too_many_rounds"));
    }
    let rounds: Vec<Round> = rows.iter().filter_map(round_of).collect();
    if let Err(refusal) = rules::may_follow(&frozen(version)?, &rounds, round) {
        return Ok(Err(refusal));
    }
    let ordinal = store::insert_round(conn, new)?;
    let event = NewEvent {
        id: app.new_id(),
        case_id: version.case_id,
        kind: EventKind::OfferMade,
        author,
        device_at: None,
        occurred_at: new.said_at,
        recorded_at: new.said_at,
        data: serde_json::json!({
            "version_id": version.id,
            "ordinal": ordinal,
            "side": new.side,
            "move": new.action,
            "line_id": new.line_id,
            "amount_fen": new.amount_fen,
        }),
    };
    case_log::append(conn, &event)?;
    Ok(Ok(()))
}

fn round_of(row: &RoundRow) -> Option<Round> {
    let action = match row.action.as_str() {
        "offer" => Move::Offer(Fen(row.amount_fen?)),
        "accept" => Move::Accept,
        _ => Move::Reject,
    };
    Some(Round { side: Side::parse(&row.side)?, action, line: row.line_id.map(|id| LineId(id.0)) })
}

pub(super) fn customer_offers(
    conn: &mut Conn,
    app: &App,
    version: &Version,
    line: Option<LineId>,
    amount: Fen,
    statement: &str,
) -> Result<(), ApiError> {
    let round = Round { side: Side::Customer, action: Move::Offer(amount), line };
    let new = NewRound {
        id: app.ports.ids.uuid(),
        case_id: version.case_id,
        version_id: version.id,
        side: round.side.as_str(),
        action: round.action.as_str(),
        line_id: line.map(|line| line.0),
        amount_fen: Some(amount.0),
        statement,
        photos: &[],
        channel: "page",
        recorded_by: None,
        said_at: app.now(),
    };
    keep(conn, app, version, &round, &new, Author::Customer).map(|_| ())
}

/// Where the negotiation of a case stands
#[utoipa::path(operation_id = "get_negotiation", tag = "negotiation", params(("id" = uuid::Uuid, Path, description = "case")), responses((status = 200, description = "rounds, explanations, visits", body = NegotiationResponse)))]
#[get("/cases/{id}/negotiation")]
pub async fn get_negotiation(
    app: web::Data<App>,
    actor: By<op::GetNegotiation>,
    id: IdPath<CaseId>,
) -> Result<web::Json<NegotiationResponse>, ApiError> {
    let (actor, case_id) = (actor.into_actor(), id.0);
    let answer = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            of_case(conn, case_id)
        })
        .await?;
    Ok(web::Json(answer))
}

/// Where the negotiation of a case stands, about its newest version.
///
/// # Errors
/// Database faults.
pub fn of_case(conn: &mut Conn, case_id: CaseId) -> Result<NegotiationResponse, ApiError> {
    let version = assessment::find_newest(conn, case_id)?;
    let (mut standing, mut rounds) = (Vec::new(), Vec::new());
    if let Some(version) = &version {
        let rows = store::list_rounds(conn, version.id)?;
        let made: Vec<Round> = rows.iter().filter_map(round_of).collect();
        standing = rules::points(&frozen(version)?, &made).into_iter().map(point).collect();
        rounds = rows.into_iter().map(round_response).collect();
    }
    Ok(NegotiationResponse {
        version_id: version.map(|version| version.id.into()),
        points: standing,
        rounds,
        explanations: explain::of_case(conn, case_id)?,
        visits: visits::of_case(conn, case_id)?,
    })
}

fn point((line, point): (Option<LineId>, Point)) -> PointResponse {
    let fen = |amount: Option<Fen>| amount.map(|fen| fen.0);
    PointResponse {
        line_id: line.map(Into::into),
        state: if point.agreed.is_some() { "agreed" } else { "open" }.to_owned(),
        agreed_fen: fen(point.agreed),
        insurer_fen: fen(point.insurer),
        customer_fen: fen(point.customer),
    }
}

fn round_response(row: RoundRow) -> RoundResponse {
    RoundResponse {
        ordinal: row.ordinal,
        side: row.side,
        action: row.action,
        line_id: row.line_id.map(|id| id.0),
        amount_fen: row.amount_fen,
        statement: row.statement,
        photos: unspaced(&row.photos),
        channel: row.channel,
        recorded_by: row.recorded_by.map(|id| id.0.into()),
        said_at: wire::time(row.said_at.0),
    }
}
