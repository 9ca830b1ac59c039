//! Settling a conflict: an ordinary change, made by the server for the person who decides.

use std::sync::Arc;

use api_spec::{draft::SettleConflictResponse, problem::Code};
use sync_core::{
    automerge::Automerge,
    edit::{DraftEditor, EditRefusal, Writer},
    ids::CaseId,
    model::{
        ActorId,
        schema::{Path, Roles, Scalar},
    },
    protocol::Lock,
};

use super::{
    access::{self, Landing},
    append::{self, Admission, Append, Appender, Landed},
    open,
    rules::{self, ExchangeRefusal, Head},
    store::{self, ActorKind, NewActor},
};
use crate::{app::App, auth::policy::Actor, body::CommandKey, case_log, db::Conn, error::ApiError};

/// What a person decides.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) path: Path,
    pub(super) value: Scalar,
    pub(super) reason: Option<String>,
    pub(super) changed_lsn: Option<u64>,
}

struct Settlement {
    app: App,
    by: Appender,
    decision: Decision,
}

/// Settles a conflict: the JSON of a [`SettleConflictResponse`].
pub(super) async fn settle(
    app: &App,
    author: Actor,
    case_id: CaseId,
    key: CommandKey,
    decision: Decision,
) -> Result<Vec<u8>, ApiError> {
    let actor = server_actor(app, &author, case_id).await?;
    let reason = decision.reason.clone();
    let by = Appender { reason, ..Appender::own(case_id, author, actor, key) };
    append::append(app, Arc::new(Settlement { app: app.clone(), by, decision })).await
}

/// The actor under which the server writes for a person in a case, issued at the first need.
pub(super) async fn server_actor(
    app: &App,
    author: &Actor,
    case_id: CaseId,
) -> Result<ActorId, ApiError> {
    let asked = author.clone();
    let known = app
        .db
        .read(move |conn| {
            writer_roles(conn, &asked, case_id)?;
            store::find_head(conn, case_id)?.ok_or_else(ApiError::not_found)?;
            store::find_server_actor(conn, case_id, asked.person)
        })
        .await?;
    if let Some(actor) = known {
        return Ok(actor);
    }
    let (candidate, person, inner) = (open::new_actor_id(app), author.person, app.clone());
    app.db
        .write(move |conn| {
            if let Some(actor) = store::find_server_actor(conn, case_id, person)? {
                return Ok(actor);
            }
            let new = NewActor {
                actor: &candidate,
                case_id,
                kind: ActorKind::Server,
                person: Some(person),
                install_id: None,
                device: None,
                issue_key: None,
                now: inner.now(),
            };
            store::insert_actor(conn, &new)?;
            Ok(candidate.clone())
        })
        .await
}

pub(super) fn writer_roles(
    conn: &mut Conn,
    author: &Actor,
    case_id: CaseId,
) -> Result<Roles, ApiError> {
    let case = case_log::see(conn, author, case_id)?;
    let roles = access::draft_roles(author, &case.facts);
    if roles == Roles::NONE { Err(append::not_a_writer()) } else { Ok(roles) }
}

impl Append for Settlement {
    fn by(&self) -> &Appender {
        &self.by
    }

    fn size(&self) -> usize {
        0
    }

    fn check(&self, conn: &mut Conn, head: &Head) -> Result<Admission, ApiError> {
        let roles = writer_roles(conn, &self.by.author, self.by.case_id)?;
        append::must_not_judge(conn, self.by.case_id, self.by.author.person)?;
        if head.lock == Lock::Closed {
            return Err(ExchangeRefusal::Locked.into());
        }
        let open = store::list_open(conn, self.by.case_id)?;
        let open = open.iter().map(|row| &row.standing);
        let decision = &self.decision;
        rules::may_settle(
            open.into_iter().find(|standing| standing.conflict.path == decision.path),
            &decision.value,
            decision.reason.as_deref(),
            decision.changed_lsn,
        )?;
        Ok(Admission { roles, landing: Landing::Draft })
    }

    fn changes(&self, doc: &Automerge, roles: Roles) -> Result<Vec<Vec<u8>>, ApiError> {
        let (actor, person) = (self.by.actor.clone(), self.by.author.person);
        let writer = Writer { actor, person, roles };
        let mut doc = doc.clone();
        let before = doc.get_heads();
        let mut editor =
            DraftEditor::new(&mut doc, &writer, self.app.now()).map_err(ApiError::internal)?;
        editor.settle(&self.decision.path, self.decision.value.clone()).map_err(refused)?;
        let mut changes = doc.get_changes(&before);
        Ok(changes.iter_mut().map(|change| change.bytes().into_owned()).collect())
    }

    fn answer(&self, conn: &mut Conn, landed: &Landed) -> Result<Vec<u8>, ApiError> {
        let waiting = store::list_open(conn, self.by.case_id)?;
        let waiting = waiting.iter().filter(|row| row.standing.conflict.needs_person()).count();
        let heads: Vec<String> = landed.head.heads.iter().map(ToString::to_string).collect();
        let response = SettleConflictResponse {
            // The settlement was made on top of all there was, so it is the one head.
            change: heads.first().cloned().unwrap_or_default(),
            lsn: landed.head.lsn,
            heads,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        };
        serde_json::to_vec(&response).map_err(ApiError::internal)
    }
}

pub(super) fn refused(refusal: EditRefusal) -> ApiError {
    match refusal {
        EditRefusal::Denied { .. } => {
            ApiError::new(Code::Forbidden).detail("your role does not write this field")
        }
        EditRefusal::Misfit { misfit, .. } => {
            ApiError::invalid_field("value", "does_not_fit", misfit.to_string())
        }
        EditRefusal::UnknownPath(_) | EditRefusal::NoSuchItem(_) => {
            ApiError::new(Code::Conflict).fact("reason", "conflict_not_open")
        }
        fault => ApiError::internal(fault),
    }
}
