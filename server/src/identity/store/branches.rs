//! Rows of branches.

use diesel::prelude::*;
use sync_core::{ids::BranchId, time::Instant};

use crate::{
    db::{
        Conn,
        page::Cursor,
        schema::branches,
        types::{Id, Ms},
    },
    error::ApiError,
};

/// A branch as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = branches)]
pub(in crate::identity) struct BranchRow {
    pub(in crate::identity) id: Id<BranchId>,
    pub(in crate::identity) code: String,
    pub(in crate::identity) name: String,
    pub(in crate::identity) parent_id: Option<Id<BranchId>>,
    pub(in crate::identity) path: String,
    pub(in crate::identity) created_at: Ms,
    pub(in crate::identity) version: i64,
}

pub(in crate::identity) fn find_branch(
    conn: &mut Conn,
    id: BranchId,
) -> Result<Option<BranchRow>, ApiError> {
    Ok(branches::table
        .find(id.to_string())
        .select(BranchRow::as_select())
        .first(conn)
        .optional()?)
}

pub(in crate::identity) fn find_branch_by_code(
    conn: &mut Conn,
    code: &str,
) -> Result<Option<BranchId>, ApiError> {
    let id: Option<Id<BranchId>> = branches::table
        .filter(branches::code.eq(code))
        .select(branches::id)
        .first(conn)
        .optional()?;
    Ok(id.map(|id| id.0))
}

/// The branch with this path and those above it, the longest path first.
pub(in crate::identity) fn list_upwards(
    conn: &mut Conn,
    path: &str,
) -> Result<Vec<BranchId>, ApiError> {
    let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
    let paths: Vec<&str> = ends.filter_map(|at| path.get(..=at)).collect();
    let mut found: Vec<(String, Id<BranchId>)> = branches::table
        .filter(branches::path.eq_any(paths))
        .select((branches::path, branches::id))
        .load(conn)?;
    found.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    Ok(found.into_iter().map(|(_, id)| id.0).collect())
}

pub(in crate::identity) fn insert_branch(
    conn: &mut Conn,
    id: BranchId,
    code: &str,
    name: &str,
    parent: Option<BranchId>,
    now: Instant,
) -> Result<(), ApiError> {
    let above: String = match parent {
        None => "/".into(),
        Some(parent) => find_branch(conn, parent)?.map(|branch| branch.path).ok_or_else(|| {
            ApiError::invalid_field("parent_id", "unknown", "there is no such branch")
        })?,
    };
    let row = (
        branches::id.eq(id.to_string()),
        branches::code.eq(code),
        branches::name.eq(name),
        branches::parent_id.eq(parent.map(|id| id.to_string())),
        branches::path.eq(format!("{above}{code}/")),
        branches::created_at.eq(now.0),
        branches::version.eq(1),
    );
    diesel::insert_into(branches::table).values(row).execute(conn)?;
    Ok(())
}

/// The branch with this path and all below it, oldest first.
pub(in crate::identity) fn list_branches(
    conn: &mut Conn,
    path: &str,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<BranchRow>, ApiError> {
    let mut query = branches::table
        .filter(branches::path.like(format!("{path}%")))
        .select(BranchRow::as_select())
        .into_boxed();
    if let Some(Cursor { at_ms, id }) = after {
        let same = branches::created_at.eq(*at_ms).and(branches::id.gt(id.clone()));
        query = query.filter(branches::created_at.gt(*at_ms).or(same));
    }
    Ok(query.order((branches::created_at, branches::id)).limit(limit).load(conn)?)
}

/// Where a branch stands in the tree.
pub(in super::super) fn find_path(
    conn: &mut Conn,
    id: BranchId,
) -> Result<Option<String>, ApiError> {
    Ok(branches::table.find(id.to_string()).select(branches::path).first(conn).optional()?)
}
