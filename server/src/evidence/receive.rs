//! What changes in the database when bytes are here.

use api_spec::problem::Code;
use sync_core::{
    custody::Act, geo::Point, ids::CaseId, lifecycle::EventKind, photo::ContentHash, time::Instant,
};

use super::{
    care,
    custody::{self, NewAct, Subject},
    derived, facts,
    rules::Declaration,
    store::{self, PhotoRow},
};
use crate::{
    app::App,
    auth::policy::{Actor, may_deliver},
    case_log::{self, Author, NewEvent},
    db::Conn,
    error::ApiError,
};

/// The case, if the actor may deliver to it.
///
/// # Errors
/// `not_found` when it is hidden, `forbidden` when it may only be read.
pub(super) fn open_case(conn: &mut Conn, actor: &Actor, case_id: CaseId) -> Result<(), ApiError> {
    let case = case_log::see(conn, actor, case_id)?;
    if may_deliver(actor, &case.facts) { Ok(()) } else { Err(ApiError::new(Code::Forbidden)) }
}

/// Photos of a case with one content, and whether any of them has only now been received.
pub(super) struct Received {
    pub(super) photos: Vec<PhotoRow>,
    pub(super) news: bool,
}

/// Marks every photo of the case with this content as received, with one event for each.
///
/// # Errors
/// Database faults.
pub(super) fn receive(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    sha256: ContentHash,
) -> Result<Received, ApiError> {
    let now = app.now();
    let (mut news, mut acts) = (false, Vec::new());
    let facts = derived::of_content(conn, sha256)?;
    for photo in store::list_by_content(conn, case_id, sha256)? {
        if store::update_received(conn, photo.id.0, actor, now)? {
            news = true;
            let data = serde_json::json!({ "photo_id": photo.id.0, "sha256": sha256 });
            append(conn, app, actor, case_id, EventKind::PhotoReceived, now, data)?;
            let seen = facts::see(conn, &photo.declaration(), now)?;
            acts.push(received(&photo.declaration(), facts, seen));
        }
    }
    if news {
        care::guard(conn, app, vec![sha256])?;
    }
    custody::append_all(conn, app, case_id, Author::from(actor), (acts, now))?;
    Ok(Received { photos: store::list_by_content(conn, case_id, sha256)?, news })
}

/// The act of taking a photo, as its phone tells it: with every fact that may be disputed later, and the
/// hash of what was `known` around it.
pub(super) fn captured(photo: &Declaration, known: Option<ContentHash>) -> NewAct {
    let mut data = serde_json::json!({
        "sha256": photo.sha256,
        "size": photo.size,
        "slot": photo.slot,
        "captured_at": photo.captured_at.0,
        "lat": photo.position.map(Point::lat),
        "lon": photo.position.map(Point::lon),
        "accuracy_m": photo.accuracy_m,
        "mock": photo.mock,
        "line_id": photo.line_id.map(|id| id.0),
    });
    if let (Some(known), Some(data)) = (known, data.as_object_mut()) {
        data.insert("known".into(), serde_json::json!(known));
    }
    NewAct { act: Act::Captured, subject: Subject::Photo(photo.id), data }
}

/// With hashes of what the database says of the bytes and of what was `seen` in them, so that changing it
/// later is found.
fn received(photo: &Declaration, facts: Option<ContentHash>, seen: Option<ContentHash>) -> NewAct {
    let (sha256, size) = (photo.sha256, photo.size);
    let data = serde_json::json!({ "sha256": sha256, "size": size, "facts": facts, "seen": seen });
    NewAct { act: Act::Received, subject: Subject::Photo(photo.id), data }
}

/// Appends an event of this slice, as of now.
///
/// # Errors
/// Database faults.
pub(super) fn append(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    kind: EventKind,
    now: Instant,
    data: serde_json::Value,
) -> Result<(), ApiError> {
    let event = NewEvent {
        id: app.new_id(),
        case_id,
        kind,
        author: Author::from(actor),
        device_at: None,
        occurred_at: now,
        recorded_at: now,
        data,
    };
    case_log::append(conn, &event).map(drop)
}
