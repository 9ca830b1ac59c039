//! Rows of frozen versions. There is no update: a version never changes.

mod verifying;

use diesel::{dsl::max, prelude::*};
use sync_core::{
    ids::{CaseId, PersonId, VersionId},
    money::Fen,
};

use super::Version;
use crate::{
    db::{
        Conn,
        schema::assessment_versions as versions,
        types::{Id, Money, Ms},
    },
    error::ApiError,
};

pub use verifying::MarkRow;
pub(super) use verifying::*;

#[derive(Queryable, Selectable)]
#[diesel(table_name = versions)]
struct Row {
    id: Id<VersionId>,
    case_id: Id<CaseId>,
    number: i64,
    heads: String,
    draft_sha256: Vec<u8>,
    sheet: Vec<u8>,
    sheet_sha256: Vec<u8>,
    total_fen: Money,
    rescue_fen: Money,
    uncovered_fen: Money,
    self_borne_fen: Money,
    note: Option<String>,
    author: Id<PersonId>,
    frozen_at: Ms,
}

impl From<Row> for Version {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.0,
            case_id: row.case_id.0,
            number: row.number,
            heads: row.heads.split(' ').map(str::to_owned).collect(),
            draft_sha256: row.draft_sha256,
            sheet: row.sheet,
            sheet_sha256: row.sheet_sha256,
            total_fen: row.total_fen.0,
            rescue_fen: row.rescue_fen.0,
            uncovered_fen: row.uncovered_fen.0,
            self_borne_fen: row.self_borne_fen.0,
            note: row.note,
            author: row.author.0,
            frozen_at: row.frozen_at.0,
        }
    }
}

pub(super) fn insert(conn: &mut Conn, version: &Version) -> Result<(), ApiError> {
    let fen = |amount: Fen| amount.0;
    let row = (
        versions::id.eq(version.id.to_string()),
        versions::case_id.eq(version.case_id.to_string()),
        versions::number.eq(version.number),
        versions::heads.eq(version.heads.join(" ")),
        versions::draft_sha256.eq(&version.draft_sha256),
        versions::sheet.eq(&version.sheet),
        versions::sheet_sha256.eq(&version.sheet_sha256),
        versions::total_fen.eq(fen(version.total_fen)),
        versions::rescue_fen.eq(fen(version.rescue_fen)),
        versions::uncovered_fen.eq(fen(version.uncovered_fen)),
        versions::self_borne_fen.eq(fen(version.self_borne_fen)),
        versions::note.eq(&version.note),
        versions::author.eq(version.author.to_string()),
        versions::frozen_at.eq(version.frozen_at.0),
    );
    // Somebody froze the same number meanwhile: look again.
    diesel::insert_into(versions::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    Ok(())
}

pub(super) fn find(conn: &mut Conn, id: VersionId) -> Result<Option<Version>, ApiError> {
    let row: Option<Row> =
        versions::table.find(id.to_string()).select(Row::as_select()).first(conn).optional()?;
    Ok(row.map(Version::from))
}

pub(super) fn find_newest(conn: &mut Conn, case_id: CaseId) -> Result<Option<Version>, ApiError> {
    let row: Option<Row> = versions::table
        .filter(versions::case_id.eq(case_id.to_string()))
        .order(versions::number.desc())
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Version::from))
}

pub(super) fn newest_number(conn: &mut Conn, case_id: CaseId) -> Result<i64, ApiError> {
    let newest: Option<i64> = versions::table
        .filter(versions::case_id.eq(case_id.to_string()))
        .select(max(versions::number))
        .first(conn)?;
    Ok(newest.unwrap_or(0))
}

/// The newest first, below a number.
pub(super) fn list(
    conn: &mut Conn,
    case_id: CaseId,
    below: Option<i64>,
    limit: i64,
) -> Result<Vec<Version>, ApiError> {
    let rows: Vec<Row> = versions::table
        .filter(versions::case_id.eq(case_id.to_string()))
        .filter(versions::number.lt(below.unwrap_or(i64::MAX)))
        .order(versions::number.desc())
        .limit(limit)
        .select(Row::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Version::from).collect())
}

/// The version with this number.
pub(super) fn find_number(
    conn: &mut Conn,
    case_id: CaseId,
    number: i64,
) -> Result<Option<Version>, ApiError> {
    let row: Option<Row> = versions::table
        .filter(versions::case_id.eq(case_id.to_string()))
        .filter(versions::number.eq(number))
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Version::from))
}
