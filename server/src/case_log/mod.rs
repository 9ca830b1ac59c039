//! The event log of a case: append-only, the one truth about what happened when.
//!
//! Every capability appends here in the transaction of its own change, and the case's status follows
//! by `sync_core::lifecycle`. Clocks, timelines and other capabilities' background work read from
//! here. An event's id is made by whoever saw it happen, so the same event arriving twice is one
//! event. Each appended event is also a change of the feed that readers follow (`feed`).

mod feed;
mod receipt;
mod store;

use std::collections::BTreeMap;

use sync_core::{
    ids::{CaseId, DeviceId, EventId, PersonId},
    lifecycle::{CaseStatus, EventKind, apply},
    time::Instant,
};

use crate::{
    auth::policy::{Actor, CaseFacts, Decision, see_case},
    db::Conn,
    error::ApiError,
};

pub use feed::{
    BadCursor, Change, Changes, FeedCursor, advance_reader, changed, changes_after, changes_for,
    latest as latest_change, people_of, prune, reader_at,
};
pub use receipt::{Receipt, Seen};

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// A person, from one of their devices if it is enrolled.
    Person(PersonId, Option<DeviceId>),
    /// The customer, through a link.
    Customer,
    /// Chakan itself.
    System,
}

impl From<&Actor> for Author {
    fn from(actor: &Actor) -> Self {
        Self::Person(actor.person, actor.device)
    }
}

/// An event to append.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Made by whoever saw it happen.
    pub id: EventId,
    /// The case.
    pub case_id: CaseId,
    /// What happened.
    pub kind: EventKind,
    /// Who did it.
    pub author: Author,
    /// By the device's own clock, if a device saw it.
    pub device_at: Option<Instant>,
    /// When it happened, corrected (A5.9).
    pub occurred_at: Instant,
    /// When the server learned of it.
    pub recorded_at: Instant,
    /// Facts of this kind of event: an object, without personal data that has a column elsewhere.
    pub data: serde_json::Value,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Id.
    pub id: EventId,
    /// Position in the case's log, from 1.
    pub seq: i64,
    /// What happened.
    pub kind: EventKind,
    /// A person's id, `customer` or `system`.
    pub actor: String,
    /// When it happened.
    pub occurred_at: Instant,
    /// When the server learned of it.
    pub recorded_at: Instant,
    /// Facts of this kind of event.
    pub data: serde_json::Value,
}

/// What appending did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The event is new; this is the case's status now.
    New(CaseStatus),
    /// The same event stands in the log already; nothing changed.
    Known(CaseStatus),
}

/// Appends an event and moves the case's status.
///
/// # Errors
/// `conflict` with the lifecycle's reason when a decision makes no sense now, or when the id stands
/// for another event; `not_found` when there is no such case.
pub fn append(conn: &mut Conn, event: &NewEvent) -> Result<Appended, ApiError> {
    append_told(conn, event, None)
}

/// [`append`], of what concerns one person in the field who need not see the case, such as an offer to
/// them: beside the office they alone hear of it.
///
/// # Errors
/// Those of [`append`].
pub fn append_for(
    conn: &mut Conn,
    event: &NewEvent,
    person: PersonId,
) -> Result<Appended, ApiError> {
    append_told(conn, event, Some(person))
}

fn append_told(
    conn: &mut Conn,
    event: &NewEvent,
    told: Option<PersonId>,
) -> Result<Appended, ApiError> {
    let status = store::find_status(conn, event.case_id)?.ok_or_else(ApiError::not_found)?;
    if let Some(known) = store::find(conn, event.id)? {
        return if known.is(event) { Ok(Appended::Known(status)) } else { Err(id_taken()) };
    }
    let transition = apply(status, &event.kind).map_err(refused)?;
    let after = transition.after(status);
    let seq = store::last_seq(conn, event.case_id)? + 1;
    store::insert(conn, event, seq)?;
    if after != status {
        store::update_status(conn, event.case_id, after)?;
    }
    let (topic, at) = (event.kind.as_str(), event.recorded_at);
    match told {
        Some(person) => feed::changed_for(conn, event.case_id, topic, person, at)?,
        None => feed::changed(conn, event.case_id, topic, at)?,
    }
    Ok(Appended::New(after))
}

/// How far a case has come.
///
/// # Errors
/// `not_found` when there is no such case.
pub fn status(conn: &mut Conn, case_id: CaseId) -> Result<CaseStatus, ApiError> {
    store::find_status(conn, case_id)?.ok_or_else(ApiError::not_found)
}

/// The first event of a new case, whose status is set by the insert of the case itself.
///
/// # Errors
/// Database faults.
pub fn begin(conn: &mut Conn, event: &NewEvent) -> Result<(), ApiError> {
    store::insert(conn, event, 1)?;
    feed::changed(conn, event.case_id, event.kind.as_str(), event.recorded_at)
}

/// A case's log in the order of recording.
///
/// # Errors
/// Database faults.
pub fn entries(conn: &mut Conn, case_id: CaseId) -> Result<Vec<Entry>, ApiError> {
    store::list(conn, case_id)
}

/// The logs of several cases, each in order.
///
/// # Errors
/// Database faults.
pub fn entries_of(
    conn: &mut Conn,
    cases: &[CaseId],
) -> Result<BTreeMap<CaseId, Vec<Entry>>, ApiError> {
    store::list_of(conn, cases)
}

/// Who has judged the assessor's work on a case: verified or returned a version of it, or adjudicated it,
/// or had somebody do so in their name (B22). That stays with them, whatever their role is by now.
///
/// # Errors
/// Database faults.
pub fn judges(conn: &mut Conn, case_id: CaseId) -> Result<Vec<PersonId>, ApiError> {
    let people = store::list_judging(conn, case_id)?.into_iter().flat_map(|(actor, data)| {
        let principal = data.get("on_behalf_of").and_then(|id| id.as_str()).map(str::to_owned);
        [Some(actor), principal].into_iter().flatten()
    });
    Ok(people.filter_map(|id| id.parse().ok()).collect())
}

/// Whether this event is in the log already.
///
/// # Errors
/// Database faults.
pub fn is_known(conn: &mut Conn, id: EventId) -> Result<bool, ApiError> {
    Ok(store::find(conn, id)?.is_some())
}

/// A case that an actor may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCase {
    /// Its status.
    pub status: CaseStatus,
    /// What the decision was made from; `tasked` tells a present surveyor from an earlier one.
    pub facts: CaseFacts,
}

/// The case, if the actor may see it.
///
/// # Errors
/// `not_found`, the same for a case that does not exist and one that is hidden.
pub fn see(conn: &mut Conn, actor: &Actor, case_id: CaseId) -> Result<SeenCase, ApiError> {
    store::find_facts(conn, case_id, actor.person)?
        .filter(|case| see_case(actor, &case.facts) == Decision::Allow)
        .ok_or_else(ApiError::not_found)
}

/// Lets a person see the case from now on: they are sent to it.
///
/// # Errors
/// Database faults.
pub fn send_person(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    store::upsert_person(conn, case_id, person, now)
}

/// Notes that a person is not sent any more. They still see the case, and their late work lands.
///
/// # Errors
/// Database faults.
pub fn release_person(
    conn: &mut Conn,
    case_id: CaseId,
    person: PersonId,
    now: Instant,
) -> Result<(), ApiError> {
    store::end_person(conn, case_id, person, now)
}

fn refused(refusal: sync_core::lifecycle::CaseRefusal) -> ApiError {
    ApiError::new(api_spec::problem::Code::Conflict).fact("reason", refusal.code())
}

fn id_taken() -> ApiError {
    ApiError::invalid_field("id", "id_taken", "this id names another event; make a new one")
}
