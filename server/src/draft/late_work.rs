//! Work of earlier surveyors that came in late, and taking it over: in whole, as its writer's own
//! changes, or place by place, written again by whoever works on the case now.

use std::sync::Arc;

use api_spec::{
    draft::{LateWork, LateWorkResponse, TakeLateWorkResponse},
    problem::Code,
};
use sync_core::{
    automerge::Automerge,
    difference::{self, FieldDifference},
    edit::Writer,
    gate,
    ids::CaseId,
    lifecycle::EventKind,
    model::{
        ChangeHash,
        schema::{Path, Role, Roles},
    },
    recover,
    time::Instant,
};
use uuid::Uuid;

use super::{
    access::{self, Landing},
    append::{self, Admission, Append, Appender, Credit, Landed},
    landing, read,
    rules::{Head, LateState},
    settle,
    store::{self, Late},
    wire,
};
use crate::{
    app::App, auth::policy::Actor, body::CommandKey, case_log, db::Conn, error::ApiError,
    wire::time,
};

/// What to do with late work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Whole,
    Items(Vec<Path>),
    Close,
}

/// Late work of a case with what it writes.
pub(super) async fn list(app: &App, case_id: CaseId) -> Result<LateWorkResponse, ApiError> {
    let Some((head, doc)) = read::loaded(app, case_id).await? else {
        return Ok(LateWorkResponse { items: Vec::new() });
    };
    let works = app
        .db
        .read(move |conn| {
            let works = store::list_late(conn, case_id, &head)?;
            works
                .into_iter()
                .map(|late| store::list_taken(conn, late.id).map(|taken| (late, taken)))
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let write = move || -> Result<Vec<LateWork>, ApiError> {
        let item = |(late, taken)| item(&doc, late, taken);
        works.into_iter().map(item).collect()
    };
    match app.drafts.compute(write).await? {
        Some(items) => Ok(LateWorkResponse { items: items? }),
        None => Err(ApiError::internal("reading late work panicked")),
    }
}

fn item(doc: &Automerge, late: Late, taken: Vec<String>) -> Result<LateWork, ApiError> {
    Ok(LateWork {
        id: late.id,
        person_id: late.person.into(),
        device_id: late.device.map(Into::into),
        state: late.state.as_str().to_owned(),
        changes: u64::try_from(late.changes.len()).map_err(ApiError::internal)?,
        writes: writes(doc, &late)?.into_iter().map(wire::write).collect(),
        taken,
        opened_at: time(late.opened_at),
        changed_at: time(late.changed_at),
        decided_at: late.decided_at.map(time),
        decided_by: late.decided_by.map(Into::into),
    })
}

/// What late work writes, as its writer meant it.
fn writes(doc: &Automerge, late: &Late) -> Result<Vec<FieldDifference>, ApiError> {
    let held: Vec<&[u8]> = late.changes.iter().map(|change| change.bytes.as_slice()).collect();
    let view = gate::receive(doc, &held).map_err(ApiError::internal)?;
    let hashes: Vec<ChangeHash> = late.changes.iter().map(|change| change.hash).collect();
    difference::of_changes(&view, &hashes).map_err(ApiError::internal)
}

/// Decides on late work: the JSON of a [`TakeLateWorkResponse`].
pub(super) async fn take(
    app: &App,
    author: Actor,
    case_id: CaseId,
    late_id: Uuid,
    key: CommandKey,
    take: Take,
) -> Result<Vec<u8>, ApiError> {
    let (asked, known_key) = (author.clone(), key.clone());
    let found = app
        .db
        .read(move |conn| {
            case_log::see(conn, &asked, case_id)?;
            if let Some(answer) = store::find_push(conn, asked.person, &known_key)? {
                return Ok(Err(answer));
            }
            let head = store::find_head(conn, case_id)?.ok_or_else(ApiError::not_found)?;
            let works = store::list_late(conn, case_id, &head)?;
            let late = works.into_iter().find(|late| late.id == late_id);
            let late = late.ok_or_else(ApiError::not_found)?;
            must_work_on(conn, &asked, case_id)?;
            Ok(Ok(late))
        })
        .await?;
    let late = match found {
        Ok(late) => late,
        Err(answer) => return Ok(answer),
    };
    if late.state != LateState::Held {
        return Err(decided());
    }
    match take {
        Take::Whole => {
            let writer = Credit { person: late.person, device: late.device };
            let by = Appender { writer, ..Appender::own(case_id, author, late.actor.clone(), key) };
            append::append(app, Arc::new(Whole { app: app.clone(), by, late })).await
        }
        Take::Items(paths) => {
            let actor = settle::server_actor(app, &author, case_id).await?;
            let by = Appender::own(case_id, author, actor, key);
            append::append(app, Arc::new(Items { app: app.clone(), by, late, paths })).await
        }
        Take::Close => close(app, author, case_id, key, late).await,
    }
}

/// Only who works on the case now answers for what enters its draft.
fn must_work_on(conn: &mut Conn, author: &Actor, case_id: CaseId) -> Result<Roles, ApiError> {
    let case = case_log::see(conn, author, case_id)?;
    let roles = access::draft_roles(author, &case.facts);
    let judges = case_log::judges(conn, case_id)?;
    let now = access::landing(author, &case.facts, &judges) == Landing::Draft;
    if now && access::works_in_the_field(roles) { Ok(roles) } else { Err(append::not_a_writer()) }
}

fn decided() -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", "late_work_decided")
}

fn changed() -> ApiError {
    ApiError::new(Code::Conflict).fact("reason", "late_work_changed")
}

/// The work as it was looked at, if it still is.
fn must_stand(conn: &mut Conn, by: &Appender, head: &Head, late: &Late) -> Result<(), ApiError> {
    let works = store::list_late(conn, by.case_id, head)?;
    match works.iter().find(|known| known.id == late.id) {
        Some(known) if known.state != LateState::Held => Err(decided()),
        Some(known) if known.last_seq == late.last_seq => Ok(()),
        _ => Err(changed()),
    }
}

fn note(
    conn: &mut Conn,
    app: &App,
    by: &Appender,
    late: &Late,
    taken: &str,
) -> Result<(), ApiError> {
    let data = serde_json::json!({ "late_id": late.id, "taken": taken, "of": late.person });
    landing::say(conn, app, by, EventKind::LateWorkDecided, data)
}

fn answer(
    conn: &mut Conn,
    case_id: CaseId,
    state: LateState,
    landed: &Landed,
) -> Result<Vec<u8>, ApiError> {
    let open = store::list_open(conn, case_id)?;
    let waiting = open.iter().filter(|row| row.standing.conflict.needs_person()).count();
    let response = TakeLateWorkResponse {
        state: state.as_str().to_owned(),
        lsn: landed.head.lsn,
        heads: landed.head.heads.iter().map(ToString::to_string).collect(),
        accepted: u32::try_from(landed.accepted).unwrap_or(u32::MAX),
        waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
    };
    serde_json::to_vec(&response).map_err(ApiError::internal)
}

/// Late work that enters the draft as it is.
struct Whole {
    app: App,
    by: Appender,
    late: Late,
}

impl Append for Whole {
    fn by(&self) -> &Appender {
        &self.by
    }

    fn size(&self) -> usize {
        self.late.changes.iter().map(|change| change.bytes.len()).sum()
    }

    fn check(&self, conn: &mut Conn, head: &Head) -> Result<Admission, ApiError> {
        must_work_on(conn, &self.by.author, self.by.case_id)?;
        must_stand(conn, &self.by, head, &self.late)?;
        append::must_not_judge(conn, self.by.case_id, self.by.writer.person)?;
        // Under the role that its writer had; who takes it over gives nobody more rights.
        let roles = Roles::NONE.with(Role::Surveyor);
        Ok(Admission { roles, landing: Landing::Draft })
    }

    fn changes(&self, _: &Automerge, _: Roles) -> Result<Vec<Vec<u8>>, ApiError> {
        Ok(self.late.changes.iter().map(|change| change.bytes.clone()).collect())
    }

    fn note(&self, conn: &mut Conn, _: &Landed) -> Result<(), ApiError> {
        let (by, now) = (&self.by, self.app.now());
        if !store::decide_late(conn, &self.late, LateState::Taken, by.author.person, now)? {
            return Err(changed());
        }
        note(conn, &self.app, by, &self.late, "whole")
    }

    fn answer(&self, conn: &mut Conn, landed: &Landed) -> Result<Vec<u8>, ApiError> {
        answer(conn, self.by.case_id, LateState::Taken, landed)
    }
}

/// Places of late work that are written again.
struct Items {
    app: App,
    by: Appender,
    late: Late,
    paths: Vec<Path>,
}

impl Append for Items {
    fn by(&self) -> &Appender {
        &self.by
    }

    fn size(&self) -> usize {
        self.late.changes.iter().map(|change| change.bytes.len()).sum()
    }

    fn check(&self, conn: &mut Conn, head: &Head) -> Result<Admission, ApiError> {
        let roles = must_work_on(conn, &self.by.author, self.by.case_id)?;
        must_stand(conn, &self.by, head, &self.late)?;
        Ok(Admission { roles, landing: Landing::Draft })
    }

    fn changes(&self, doc: &Automerge, roles: Roles) -> Result<Vec<Vec<u8>>, ApiError> {
        let (actor, person) = (self.by.actor.clone(), self.by.author.person);
        let writer = Writer { actor, person, roles };
        rewritten(doc, &self.late, &writer, self.app.now(), &self.paths)
    }

    fn note(&self, conn: &mut Conn, landed: &Landed) -> Result<(), ApiError> {
        let (by, now) = (&self.by, self.app.now());
        let mut paths: Vec<String> = self.paths.iter().map(Path::to_string).collect();
        paths.sort_unstable();
        paths.dedup();
        store::note_taken(conn, self.late.id, &paths, landed.head.lsn, by.author.person, now)?;
        note(conn, &self.app, by, &self.late, "items")
    }

    fn answer(&self, conn: &mut Conn, landed: &Landed) -> Result<Vec<u8>, ApiError> {
        answer(conn, self.by.case_id, LateState::Held, landed)
    }
}

fn rewritten(
    doc: &Automerge,
    late: &Late,
    writer: &Writer,
    at: Instant,
    paths: &[Path],
) -> Result<Vec<Vec<u8>>, ApiError> {
    let writes = writes(doc, late)?;
    let taken = recover::take_over(doc, &writes, writer, at, paths).map_err(ApiError::internal)?;
    if let Some(held) = taken.held.first() {
        // All or nothing: who chose a place must know that it is in the draft.
        return Err(ApiError::new(Code::Conflict)
            .fact("reason", "cannot_take")
            .fact("path", held.path.to_string())
            .detail(held.reason.clone()));
    }
    if taken.replayed == 0 {
        return Err(ApiError::new(Code::Conflict).fact("reason", "nothing_to_take"));
    }
    let mut changes = taken.doc.get_changes(&doc.get_heads());
    Ok(changes.iter_mut().map(|change| change.bytes().into_owned()).collect())
}

async fn close(
    app: &App,
    author: Actor,
    case_id: CaseId,
    key: CommandKey,
    late: Late,
) -> Result<Vec<u8>, ApiError> {
    let by = Appender::own(case_id, author, late.actor.clone(), key);
    let inner = app.clone();
    app.db
        .write(move |conn| {
            if let Some(answer) = store::find_push(conn, by.author.person, &by.key)? {
                return Ok(answer);
            }
            let head = store::find_head(conn, case_id)?.ok_or_else(ApiError::not_found)?;
            must_work_on(conn, &by.author, case_id)?;
            let now = inner.now();
            if !store::decide_late(conn, &late, LateState::Closed, by.author.person, now)? {
                return Err(changed());
            }
            note(conn, &inner, &by, &late, "closed")?;
            let landed = Landed { head, accepted: 0, last_seq: late.last_seq };
            let response = answer(conn, case_id, LateState::Closed, &landed)?;
            let push = store::NewPush {
                person: by.author.person,
                key: &by.key,
                case_id,
                actor: &by.actor,
                response: &response,
                now,
            };
            store::insert_push(conn, &push)?;
            Ok(response)
        })
        .await
}
