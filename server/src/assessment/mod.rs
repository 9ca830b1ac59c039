//! Freezing the draft as versions of the loss sheet (B1, C25, C26).
//!
//! A version is a set of bytes with a hash: every line of the draft, the amounts, the totals. It is
//! frozen from the draft exactly as the assessor saw it, never while a conflict over money, liability
//! or identity waits for a person, and it never changes: a supplement is a new version. A new version
//! makes void what was agreed before it, and the log says so.

mod answer;
mod api;
mod compare;
mod duties;
mod rules;
mod store;
mod terms;

use sync_core::{
    ids::{CaseId, PersonId, VersionId},
    lifecycle::{CaseStatus, EventKind},
    money::Fen,
    sheet::FrozenSheet,
    time::Instant,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    app::App,
    auth::policy::Actor,
    case_log::{self, Author, NewEvent, SeenCase},
    db::Conn,
    draft::{self, Current},
    error::ApiError,
};

pub use answer::hexadecimal;
pub use duties::{
    QueueOrder, Waiting, begin_verification, held, leave_queue, queue, queue_for_verification,
    take_duty, waiting,
};
pub use rules::{Duty, Held, may_take};
pub use store::MarkRow;

/// Registers the operations.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::freeze_version)
        .service(api::list_versions)
        .service(compare::compare_versions)
        .service(api::get_version);
}

/// A frozen version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Id.
    pub id: VersionId,
    /// The case.
    pub case_id: CaseId,
    /// 1 for the first version of the case.
    pub number: i64,
    /// The draft's heads it was made from.
    pub heads: Vec<String>,
    /// SHA-256 of the draft's canonical bytes.
    pub draft_sha256: Vec<u8>,
    /// The frozen bytes: [`FrozenSheet::canonical_json`].
    pub sheet: Vec<u8>,
    /// SHA-256 of the frozen bytes.
    pub sheet_sha256: Vec<u8>,
    /// The total.
    pub total_fen: Fen,
    /// Rescue and towing, outside the total.
    pub rescue_fen: Fen,
    /// Not covered, outside the total.
    pub uncovered_fen: Fen,
    /// Borne by the customer, outside the total.
    pub self_borne_fen: Fen,
    /// Remark.
    pub note: Option<String>,
    /// Who froze it.
    pub author: PersonId,
    /// When it was frozen.
    pub frozen_at: Instant,
}

impl Version {
    /// The frozen bytes, read.
    ///
    /// # Errors
    /// Internal, when they are not what was frozen.
    pub fn read(&self) -> Result<FrozenSheet, ApiError> {
        serde_json::from_slice(&self.sheet).map_err(ApiError::internal)
    }
}

/// The version with this id, if it is one of this case.
///
/// # Errors
/// Database faults.
pub fn find_version(
    conn: &mut Conn,
    case_id: CaseId,
    id: VersionId,
) -> Result<Option<Version>, ApiError> {
    Ok(store::find(conn, id)?.filter(|version| version.case_id == case_id))
}

/// The newest version of a case.
///
/// # Errors
/// Database faults.
pub fn find_newest(conn: &mut Conn, case_id: CaseId) -> Result<Option<Version>, ApiError> {
    store::find_newest(conn, case_id)
}

/// What a verifier should look at in a version.
///
/// # Errors
/// Database faults.
pub fn marks(conn: &mut Conn, version: VersionId) -> Result<Vec<MarkRow>, ApiError> {
    store::list_marks(conn, version)
}

/// The number of the newest version of a case; 0 while there is none.
///
/// # Errors
/// Database faults.
pub fn newest_number(conn: &mut Conn, case_id: CaseId) -> Result<i64, ApiError> {
    store::newest_number(conn, case_id)
}

/// What is to be frozen.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Made by the caller.
    pub id: VersionId,
    /// The heads that the caller looked at.
    pub based_on: Vec<String>,
    /// Remark.
    pub note: Option<String>,
}

/// Freezes a draft as the next version of the case, and notes in the log when that makes an agreement
/// void. That the draft has not moved since it was read is the caller's to check, in the same
/// transaction.
///
/// # Errors
/// `forbidden` to a surveyor who is not sent to the case now; `conflict` when the draft has moved,
/// when a conflict waits for a person (with the paths), when nothing has changed, and for the
/// lifecycle's reasons; `invalid_fields` with places of the draft that must be put right first.
pub fn freeze(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    seen: &SeenCase,
    case_id: CaseId,
    draft: &Current,
    freeze: &Freeze,
) -> Result<Version, ApiError> {
    let heads: Vec<String> = draft.heads.iter().map(ToString::to_string).collect();
    let open = draft.open_conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
    rules::may_freeze(&freeze.based_on, &heads, open).map_err(answer::refused)?;
    let branch_path = &seen.facts.branch_path;
    let (terms, card) = terms::of_case(conn, case_id, branch_path, app.now())?;
    let sheet = sync_core::sheet::under(&draft.draft, &terms).map_err(answer::unpriced)?;
    let newest = store::find_newest(conn, case_id)?;
    if let Some(newest) = &newest
        && seen.status >= CaseStatus::Assessed
        && newest.read()?.sheet == sheet
    {
        return Err(answer::refused(rules::FreezeRefusal::Unchanged));
    }
    take_duty(conn, case_id, &[actor.person], Duty::Assess, app.now())?;
    let marks = terms::marks_of(conn, case_id, branch_path, &draft.draft, &sheet, card.as_ref())?;
    let rows: Vec<_> =
        sheet.vehicles.iter().flat_map(|vehicle| vehicle.lines.iter().cloned()).collect();
    let totals = sheet.totals;
    let frozen = FrozenSheet {
        schema: sync_core::sheet::SCHEMA,
        case_id,
        version: newest.map_or(0, |newest| newest.number) + 1,
        draft_sha256: hexadecimal(&draft.sha256),
        sheet,
        photos: sync_core::sheet::photos_of(&draft.draft),
    };
    let version = Version {
        id: freeze.id,
        case_id,
        number: frozen.version,
        heads,
        draft_sha256: draft.sha256.to_vec(),
        sheet: frozen.canonical_json(),
        sheet_sha256: frozen.sha256().to_vec(),
        total_fen: totals.total_fen,
        rescue_fen: totals.rescue_fen,
        uncovered_fen: totals.uncovered_fen,
        self_borne_fen: totals.self_borne_fen,
        note: freeze.note.clone(),
        author: actor.person,
        frozen_at: app.now(),
    };
    store::insert(conn, &version)?;
    draft::froze(conn, case_id, &draft.heads, &draft.sha256, version.frozen_at)?;
    store::insert_marks(conn, version.id, &marks)?;
    store::insert_prices(conn, &version, &rows)?;
    // What was agreed before is not to be verified any more.
    leave_queue(conn, case_id)?;
    say(conn, app, actor, EventKind::VersionFrozen, &version)?;
    if rules::voids_agreement(seen.status) {
        say(conn, app, actor, EventKind::AgreementVoided, &version)?;
    }
    Ok(version)
}

/// Appends what freezing did.
fn say(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    kind: EventKind,
    version: &Version,
) -> Result<(), ApiError> {
    let data = match kind {
        EventKind::AgreementVoided => serde_json::json!({
            "reason": "newer_version", "version_id": version.id, "number": version.number,
        }),
        _ => serde_json::json!({
            "version_id": version.id,
            "number": version.number,
            "sheet_sha256": hexadecimal(&version.sheet_sha256),
            "total_fen": version.total_fen,
        }),
    };
    let event = NewEvent {
        id: app.new_id(),
        case_id: version.case_id,
        kind,
        author: Author::from(actor),
        device_at: None,
        occurred_at: version.frozen_at,
        recorded_at: version.frozen_at,
        data,
    };
    case_log::append(conn, &event).map(|_| ())
}

/// Whether somebody who sees a case may assess it: assessors of the branch, and surveyors who are
/// sent to it now. A version is a decision, so late work of an earlier surveyor is none.
///
/// # Errors
/// `forbidden`.
pub fn must_work_on(actor: &Actor, seen: &SeenCase) -> Result<(), ApiError> {
    use crate::auth::policy::{Role, Tasked};
    let own = actor.is(Role::Assessor) && actor.covers(&seen.facts.branch_path);
    let sent = seen.facts.tasked == Tasked::Now;
    if own || sent {
        Ok(())
    } else {
        Err(ApiError::new(api_spec::problem::Code::Forbidden)
            .detail("only who is sent to the case now may do this"))
    }
}
