//! Rows of what belongs to an agreement: documents, agreements given offline, partial ones, complaints.

use diesel::prelude::*;
use sync_core::{
    ids::{CaseId, DeviceId, PersonId, VersionId},
    money::Fen,
    time::Instant,
};
use uuid::Uuid;

use super::{AgreementRow, LinkRow};
use crate::{
    db::{
        Conn,
        schema::{
            agreement_documents as documents, offline_agreements as offline, page_complaints,
            partial_agreements as partial,
        },
        types::{Id, Ms},
    },
    error::ApiError,
};

/// What belongs to an agreement besides its record.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = documents)]
pub(in crate::agreement) struct DocumentRow {
    pub(in crate::agreement) pdf: Vec<u8>,
    pub(in crate::agreement) drawing: Option<String>,
    pub(in crate::agreement) custody_seq: i64,
    pub(in crate::agreement) custody_sha256: String,
}

pub(in crate::agreement) fn insert_document(
    conn: &mut Conn,
    version: VersionId,
    row: &DocumentRow,
    pdf_sha256: &[u8],
) -> Result<(), ApiError> {
    let row = (
        documents::version_id.eq(version.to_string()),
        documents::pdf.eq(&row.pdf),
        documents::pdf_sha256.eq(pdf_sha256),
        documents::drawing.eq(&row.drawing),
        documents::custody_seq.eq(row.custody_seq),
        documents::custody_sha256.eq(&row.custody_sha256),
    );
    diesel::insert_into(documents::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::agreement) fn find_document(
    conn: &mut Conn,
    version: VersionId,
) -> Result<Option<DocumentRow>, ApiError> {
    let row = documents::table.find(version.to_string());
    Ok(row.select(DocumentRow::as_select()).first(conn).optional()?)
}

/// An agreement that was given without signal.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = offline)]
pub(in crate::agreement) struct OfflineRow {
    pub(in crate::agreement) id: Id<Uuid>,
    pub(in crate::agreement) case_id: Id<CaseId>,
    pub(in crate::agreement) version_id: String,
    pub(in crate::agreement) person_id: Id<PersonId>,
    pub(in crate::agreement) device_id: Id<DeviceId>,
    pub(in crate::agreement) sheet_sha256: Vec<u8>,
    pub(in crate::agreement) device_at: Ms,
    pub(in crate::agreement) signed_at: Ms,
    pub(in crate::agreement) device_signature: Vec<u8>,
    pub(in crate::agreement) drawing: String,
    pub(in crate::agreement) state: String,
    pub(in crate::agreement) void_reason: Option<String>,
    pub(in crate::agreement) received_at: Ms,
    pub(in crate::agreement) record: Option<Vec<u8>>,
    pub(in crate::agreement) signature: Option<Vec<u8>>,
    pub(in crate::agreement) key_id: Option<String>,
}

pub(in crate::agreement) fn insert_offline(
    conn: &mut Conn,
    row: &OfflineRow,
) -> Result<(), ApiError> {
    let values = (
        offline::id.eq(row.id.0.to_string()),
        offline::case_id.eq(row.case_id.0.to_string()),
        offline::version_id.eq(&row.version_id),
        offline::person_id.eq(row.person_id.0.to_string()),
        offline::device_id.eq(row.device_id.0.to_string()),
        offline::sheet_sha256.eq(&row.sheet_sha256),
        offline::device_at.eq(row.device_at.0.0),
        offline::signed_at.eq(row.signed_at.0.0),
        offline::device_signature.eq(&row.device_signature),
        offline::drawing.eq(&row.drawing),
        offline::state.eq(&row.state),
        offline::void_reason.eq(&row.void_reason),
        offline::received_at.eq(row.received_at.0.0),
        offline::record.eq(&row.record),
        offline::signature.eq(&row.signature),
        offline::key_id.eq(&row.key_id),
    );
    diesel::insert_into(offline::table).values(values).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

pub(in crate::agreement) fn find_offline(
    conn: &mut Conn,
    id: Uuid,
) -> Result<Option<OfflineRow>, ApiError> {
    let row = offline::table.find(id.to_string());
    Ok(row.select(OfflineRow::as_select()).first(conn).optional()?)
}

/// The confirmed one on a version.
pub(in crate::agreement) fn find_confirmed(
    conn: &mut Conn,
    version: VersionId,
) -> Result<Option<AgreementRow>, ApiError> {
    let row: Option<OfflineRow> = offline::table
        .filter(offline::version_id.eq(version.to_string()))
        .filter(offline::state.eq("confirmed"))
        .select(OfflineRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.and_then(agreement))
}

/// The last confirmed one of a case.
pub(in crate::agreement) fn find_last_confirmed(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Option<AgreementRow>, ApiError> {
    let row: Option<OfflineRow> = offline::table
        .filter(offline::case_id.eq(case_id.to_string()))
        .filter(offline::state.eq("confirmed"))
        .order((offline::received_at.desc(), offline::id.desc()))
        .select(OfflineRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.and_then(agreement))
}

fn agreement(row: OfflineRow) -> Option<AgreementRow> {
    Some(AgreementRow {
        version_id: Id(row.version_id.parse().ok()?),
        agreed_at: row.signed_at,
        record: row.record?,
        signature: row.signature?,
        key_id: row.key_id?,
    })
}

/// Agreements of a case that were given offline and are void, latest first.
pub(in crate::agreement) fn list_void(
    conn: &mut Conn,
    case_id: CaseId,
) -> Result<Vec<OfflineRow>, ApiError> {
    Ok(offline::table
        .filter(offline::case_id.eq(case_id.to_string()))
        .filter(offline::state.eq("void"))
        .order((offline::received_at.desc(), offline::id.desc()))
        .limit(50)
        .select(OfflineRow::as_select())
        .load(conn)?)
}

/// A partial agreement to insert.
pub(in crate::agreement) struct NewPartial<'a> {
    pub(in crate::agreement) id: Uuid,
    pub(in crate::agreement) link: &'a LinkRow,
    pub(in crate::agreement) disputed: &'a str,
    pub(in crate::agreement) agreed: Fen,
    pub(in crate::agreement) at: Instant,
    pub(in crate::agreement) sealed: (&'a [u8], &'a [u8], &'a str),
}

pub(in crate::agreement) fn insert_partial(
    conn: &mut Conn,
    new: &NewPartial<'_>,
) -> Result<(), ApiError> {
    let (record, signature, key_id) = new.sealed;
    let row = (
        partial::id.eq(new.id.to_string()),
        partial::case_id.eq(new.link.case_id.0.to_string()),
        partial::version_id.eq(new.link.version_id.0.to_string()),
        partial::link_id.eq(new.link.id.0.to_string()),
        partial::disputed.eq(new.disputed),
        partial::agreed_fen.eq(new.agreed.0),
        partial::agreed_at.eq(new.at.0),
        partial::record.eq(record),
        partial::signature.eq(signature),
        partial::key_id.eq(key_id),
    );
    diesel::insert_into(partial::table).values(row).execute(conn)?;
    Ok(())
}

/// The last partial agreement on a version: what is disputed, what is agreed, when.
pub(in crate::agreement) fn last_partial(
    conn: &mut Conn,
    version: VersionId,
) -> Result<Option<(String, i64, Ms)>, ApiError> {
    Ok(partial::table
        .filter(partial::version_id.eq(version.to_string()))
        .order((partial::agreed_at.desc(), partial::id.desc()))
        .select((partial::disputed, partial::agreed_fen, partial::agreed_at))
        .first(conn)
        .optional()?)
}

pub(in crate::agreement) fn count_complaints(
    conn: &mut Conn,
    link: &LinkRow,
) -> Result<i64, ApiError> {
    let own = page_complaints::table.filter(page_complaints::link_id.eq(link.id.0.to_string()));
    Ok(own.count().get_result(conn)?)
}

pub(in crate::agreement) fn insert_complaint(
    conn: &mut Conn,
    id: Uuid,
    link: &LinkRow,
    words: &str,
    now: Instant,
) -> Result<(), ApiError> {
    let row = (
        page_complaints::id.eq(id.to_string()),
        page_complaints::case_id.eq(link.case_id.0.to_string()),
        page_complaints::link_id.eq(link.id.0.to_string()),
        page_complaints::words.eq(words),
        page_complaints::made_at.eq(now.0),
    );
    diesel::insert_into(page_complaints::table).values(row).execute(conn)?;
    Ok(())
}
