//! The audit of a draft: who changed what and when, the draft at a past point, what differs.

use std::sync::Arc;

use api_spec::draft::{
    Amendment, AmendmentsResponse, ChangeRecord, CompareDraftResponse, DraftHistoryResponse,
};
use sync_core::{
    automerge::Automerge,
    difference::{self, FieldDifference},
    ids::CaseId,
    lifecycle::EventKind,
    model::{ChangeHash, Draft, ReadFault},
    protocol::Lock,
};
use uuid::Uuid;

use super::{
    read,
    rules::{self, Head, Review, Reviewable},
    settle,
    store::{self, Logged},
    wire,
};
use crate::{
    app::App,
    auth::policy::Actor,
    case_log::{self, Author, NewEvent},
    db::Conn,
    error::ApiError,
    wire::time,
};

/// Changes of a page unless asked otherwise, and the most.
const PAGE: i64 = 50;
const MOST: i64 = 100;

/// Who changed what, after a number of the log.
pub(super) async fn history(
    app: &App,
    case_id: CaseId,
    after: u64,
    limit: Option<u32>,
) -> Result<DraftHistoryResponse, ApiError> {
    let limit = limit.map_or(PAGE, i64::from);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::invalid_field("limit", "out_of_range", "1 to 100"));
    }
    let (head, doc) = read::loaded(app, case_id).await?.ok_or_else(ApiError::not_found)?;
    let asked = head.clone();
    let rows = app
        .db
        .read(move |conn| {
            let rows = store::list_logged(conn, case_id, &asked, after, limit + 1)?;
            rows.into_iter().map(|row| is_signed(conn, &row).map(|signed| (row, signed))).collect()
        })
        .await;
    let mut rows: Vec<(Logged, bool)> = rows?;
    let most = usize::try_from(limit).map_err(ApiError::internal)?;
    let more = rows.len() > most;
    rows.truncate(most);
    let hashes: Vec<ChangeHash> = rows.iter().map(|(row, _)| row.hash).collect();
    let writes = read::typed(app, move || difference::each_change(&doc, &hashes)).await?;
    let next_after = if more { rows.last().map(|(row, _)| row.lsn) } else { None };
    let changes =
        rows.into_iter().zip(writes).map(|((row, signed), writes)| record(row, signed, writes));
    let changes = changes.collect();
    Ok(DraftHistoryResponse { epoch: head.epoch, lsn: head.lsn, changes, next_after })
}

fn is_signed(conn: &mut Conn, row: &Logged) -> Result<bool, ApiError> {
    match (row.person, &row.push_id) {
        (Some(person), Some(push_id)) => store::is_signed(conn, person, push_id),
        _ => Ok(false),
    }
}

fn record(row: Logged, signed: bool, writes: Vec<FieldDifference>) -> ChangeRecord {
    ChangeRecord {
        lsn: row.lsn,
        change: row.hash.to_string(),
        actor: row.actor.to_hex_string(),
        person_id: row.person.map(Into::into),
        device_id: row.device.map(Into::into),
        push_id: row.push_id,
        signed,
        written_at: time(row.written_at),
        received_at: time(row.received_at),
        writes: writes.into_iter().map(wire::write).collect(),
    }
}

/// The present document as it stood at a number of the log: its heads then and the document.
pub(super) async fn at(
    app: &App,
    case_id: CaseId,
    lsn: u64,
) -> Result<(Head, Vec<ChangeHash>, Arc<Automerge>), ApiError> {
    let (head, doc) = read::loaded(app, case_id).await?.ok_or_else(ApiError::not_found)?;
    let heads = heads_at(app, case_id, &head, lsn).await?;
    Ok((head, heads, doc))
}

async fn heads_at(
    app: &App,
    case_id: CaseId,
    head: &Head,
    lsn: u64,
) -> Result<Vec<ChangeHash>, ApiError> {
    if lsn == head.lsn {
        return Ok(head.heads.clone());
    }
    let asked = head.clone();
    let links = app
        .db
        .read(move |conn| {
            let first = store::first_lsn(conn, case_id, &asked)?;
            if lsn < first || lsn > asked.lsn {
                let allowed = format!("{first} to {}", asked.lsn);
                return Err(ApiError::invalid_field("lsn", "out_of_range", allowed));
            }
            store::list_links(conn, case_id, &asked, lsn)
        })
        .await?;
    Ok(rules::heads_of(&links))
}

/// What differs between two points of the log.
pub(super) async fn compare(
    app: &App,
    case_id: CaseId,
    from: Option<u64>,
    to: Option<u64>,
) -> Result<CompareDraftResponse, ApiError> {
    let (head, doc) = read::loaded(app, case_id).await?.ok_or_else(ApiError::not_found)?;
    let to = to.unwrap_or(head.lsn);
    let asked = head.clone();
    let from = match from {
        Some(from) => from,
        None => app.db.read(move |conn| store::first_lsn(conn, case_id, &asked)).await?,
    };
    let before = heads_at(app, case_id, &head, from).await?;
    let after = heads_at(app, case_id, &head, to).await?;
    let read = move || -> Result<_, ReadFault> {
        let (before, after) = (Draft::read_at(&doc, &before)?, Draft::read_at(&doc, &after)?);
        Ok(difference::between(&before, &after))
    };
    let writes = read::typed(app, read).await?;
    Ok(CompareDraftResponse { from, to, writes: writes.into_iter().map(wire::write).collect() })
}

/// The amendments of a case.
pub(super) fn amendments(conn: &mut Conn, case_id: CaseId) -> Result<AmendmentsResponse, ApiError> {
    let rows = store::list_amendments(conn, case_id)?;
    Ok(AmendmentsResponse { items: rows.into_iter().map(amendment).collect() })
}

/// Notes what somebody makes of an amendment: the amendment as it stands then.
pub(super) fn review(
    conn: &mut Conn,
    app: &App,
    author: &Actor,
    asked: &Asked,
) -> Result<Amendment, ApiError> {
    settle::writer_roles(conn, author, asked.case_id)?;
    let head = store::find_head(conn, asked.case_id)?.ok_or_else(ApiError::not_found)?;
    let mut found = store::find_amendment(conn, asked.case_id, asked.amendment_id)?
        .ok_or_else(ApiError::not_found)?;
    let reviewable = Reviewable {
        covered: found.covered_at.is_some(),
        reviewed: found.reviewed.is_some(),
        own: found.person == author.person,
        closed: head.lock == Lock::Closed,
    };
    rules::may_review(reviewable, asked.review)?;
    let now = app.now();
    let (review, reason) = (asked.review, asked.reason.clone());
    let reviewed = store::Reviewed { review, by: author.person, at: now, reason };
    if !store::review_amendment(conn, found.id, &reviewed)? {
        return Err(ApiError::contention());
    }
    let event = NewEvent {
        id: app.new_id(),
        case_id: asked.case_id,
        kind: EventKind::AmendmentReviewed,
        author: Author::from(author),
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data: serde_json::json!({ "amendment_id": found.id, "decision": review.as_str() }),
    };
    case_log::append(conn, &event)?;
    found.reviewed = Some(reviewed);
    Ok(amendment(found))
}

/// What somebody makes of which amendment.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) case_id: CaseId,
    pub(super) amendment_id: Uuid,
    pub(super) review: Review,
    pub(super) reason: String,
}

fn amendment(row: store::Amendment) -> Amendment {
    let reviewed = row.reviewed.as_ref();
    Amendment {
        id: row.id,
        amends: row.amends,
        epoch: row.epoch,
        from_lsn: row.from_lsn,
        to_lsn: row.to_lsn,
        person_id: row.person.into(),
        device_id: row.device.map(Into::into),
        writes: row.difference.into_iter().map(wire::write).collect(),
        received_at: time(row.received_at),
        covered_at: row.covered_at.map(time),
        decision: reviewed.map(|reviewed| reviewed.review.as_str().to_owned()),
        reason: reviewed.map(|reviewed| reviewed.reason.clone()),
        decided_by: reviewed.map(|reviewed| reviewed.by.into()),
        decided_at: reviewed.map(|reviewed| time(reviewed.at)),
    }
}
