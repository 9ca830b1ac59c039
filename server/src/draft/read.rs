//! The draft as others read it: now or at given heads, with what still needs a person.

use std::{collections::BTreeMap, sync::Arc};

use api_spec::draft::{DraftResponse, OpenConflict, WrittenValue};
use sync_core::{
    automerge::Automerge,
    conflict::{self, Candidate, Conflict},
    ids::CaseId,
    model::{self, ActorId, ChangeHash, Draft},
    protocol::Lock,
    time::Instant,
};

use super::{
    document, history,
    rules::Head,
    store::{self, OpenRow},
    wire,
};
use crate::{app::App, db::Conn, error::ApiError, wire::time};

/// A draft at one place of its log.
#[derive(Clone, Debug)]
pub struct Current {
    /// The draft's epoch.
    pub epoch: u32,
    /// The last number of the change log.
    pub lsn: u64,
    /// The heads, sorted: equal heads, equal draft.
    pub heads: Vec<ChangeHash>,
    /// Whether it may be written to.
    pub lock: Lock,
    /// The content.
    pub draft: Draft,
    /// The content as canonical bytes.
    pub canonical: Vec<u8>,
    /// SHA-256 of the canonical bytes.
    pub sha256: [u8; 32],
    /// Concurrent amounts, liabilities and identities that nobody has settled: while there is one,
    /// nothing can be approved.
    pub open_conflicts: Vec<Conflict>,
}

/// The draft of a case as it stands; `None` while nobody has begun it. Who may see it is the caller's
/// to check.
///
/// # Errors
/// Database faults; internal when the stored draft cannot be loaded.
pub async fn current(app: &App, case_id: CaseId) -> Result<Option<Current>, ApiError> {
    let Some((head, doc)) = loaded(app, case_id).await? else { return Ok(None) };
    let read = move || {
        let draft = Draft::read(&doc)?;
        let canonical = model::canonical_json(&draft);
        let open = conflict::list(&doc).into_iter().filter(Conflict::needs_person).collect();
        Ok((draft, canonical, open))
    };
    let (draft, canonical, open_conflicts) = typed(app, read).await?;
    let Head { epoch, lsn, heads, lock, .. } = head;
    let sha256 = model::content_hash(&draft);
    Ok(Some(Current { epoch, lsn, heads, lock, draft, canonical, sha256, open_conflicts }))
}

/// The content of a draft as it stood at these heads.
///
/// # Errors
/// `not_found` when the case has no draft or a head is not in it.
pub async fn at(app: &App, case_id: CaseId, heads: Vec<ChangeHash>) -> Result<Draft, ApiError> {
    let (_, doc) = loaded(app, case_id).await?.ok_or_else(ApiError::not_found)?;
    let known = heads.iter().all(|head| doc.get_change_meta_by_hash(head).is_some());
    if heads.is_empty() || !known {
        return Err(ApiError::not_found());
    }
    typed(app, move || Draft::read_at(&doc, &heads)).await
}

pub(super) async fn loaded(
    app: &App,
    case_id: CaseId,
) -> Result<Option<(Head, Arc<Automerge>)>, ApiError> {
    let inner = app.clone();
    let found = app
        .db
        .read(move |conn| {
            let Some(head) = store::find_head(conn, case_id)? else { return Ok(None) };
            let loading = document::find(conn, &inner, case_id, &head)?;
            Ok(Some((head, loading)))
        })
        .await?;
    let Some((head, loading)) = found else { return Ok(None) };
    let doc = document::load(app, case_id, &head, loading).await?;
    Ok(Some((head, doc)))
}

pub(super) async fn typed<T: Send + 'static>(
    app: &App,
    read: impl FnOnce() -> Result<T, model::ReadFault> + Send + 'static,
) -> Result<T, ApiError> {
    match app.drafts.compute(read).await? {
        Some(read) => read.map_err(ApiError::internal),
        None => Err(ApiError::internal("reading a draft panicked")),
    }
}

/// The draft as a response, with the writers of what is in conflict.
pub(super) async fn response(app: &App, case_id: CaseId) -> Result<DraftResponse, ApiError> {
    let current = current(app, case_id).await?.ok_or_else(ApiError::not_found)?;
    let conflicts = app
        .db
        .read(move |conn| {
            let actors = store::list_actors(conn, case_id)?;
            let actors = actors.into_iter().map(|actor| (actor.actor.clone(), actor)).collect();
            let open = store::list_open(conn, case_id)?;
            open.into_iter().map(|row| open_conflict(conn, case_id, &actors, row)).collect()
        })
        .await?;
    Ok(DraftResponse {
        case_id: case_id.into(),
        epoch: current.epoch,
        lsn: current.lsn,
        heads: current.heads.iter().map(ToString::to_string).collect(),
        lock: wire::lock(current.lock),
        content_sha256: ChangeHash(current.sha256).to_string(),
        draft: serde_json::to_value(&current.draft).map_err(ApiError::internal)?,
        conflicts,
    })
}

/// The draft as it stood at a number of its log.
pub(super) async fn past(app: &App, case_id: CaseId, lsn: u64) -> Result<DraftResponse, ApiError> {
    let (head, heads, doc) = history::at(app, case_id, lsn).await?;
    let then = heads.clone();
    let draft = typed(app, move || Draft::read_at(&doc, &then)).await?;
    Ok(DraftResponse {
        case_id: case_id.into(),
        epoch: head.epoch,
        lsn,
        heads: heads.iter().map(ToString::to_string).collect(),
        lock: wire::lock(head.lock),
        content_sha256: ChangeHash(model::content_hash(&draft)).to_string(),
        draft: serde_json::to_value(&draft).map_err(ApiError::internal)?,
        conflicts: Vec::new(),
    })
}

type Actors = BTreeMap<ActorId, store::Actor>;

fn open_conflict(
    conn: &mut Conn,
    case_id: CaseId,
    actors: &Actors,
    row: OpenRow,
) -> Result<OpenConflict, ApiError> {
    let OpenRow { standing, opened_at } = row;
    let conflict = standing.conflict;
    let written = |candidate| written_value(conn, case_id, actors, candidate);
    Ok(OpenConflict {
        path: conflict.path.to_string(),
        concern: wire::concern(conflict.concern).to_owned(),
        needs_person: conflict.needs_person(),
        kind: wire::kind(conflict.kind).to_owned(),
        opened_lsn: standing.opened_lsn,
        changed_lsn: standing.changed_lsn,
        opened_at: time(opened_at),
        candidates: conflict.candidates.into_iter().map(written).collect::<Result<_, _>>()?,
    })
}

fn written_value(
    conn: &mut Conn,
    case_id: CaseId,
    actors: &Actors,
    candidate: Candidate,
) -> Result<WrittenValue, ApiError> {
    let actor = actors.get(&candidate.actor);
    let times = store::find_times(conn, case_id, &candidate.change)?;
    let stamp = |pick: fn((Instant, Instant)) -> Instant| times.map(pick).map(time);
    Ok(WrittenValue {
        path: candidate.path.to_string(),
        value: wire::value(candidate.value),
        change: candidate.change.to_string(),
        person_id: actor.and_then(|actor| actor.issued.person).map(Into::into),
        device_id: actor.and_then(|actor| actor.issued.device).map(Into::into),
        install_id: actor.and_then(|actor| actor.install_id),
        written_at: stamp(|(made, _)| made),
        received_at: stamp(|(_, received)| received),
    })
}
