//! Rows of zones.

use diesel::{dsl::max, prelude::*};
use sync_core::{
    ids::{BranchId, PersonId, ZoneSetId},
    time::Instant,
};

use super::super::{
    import::CheckedZone,
    zones::{Zone, ZoneKind, ZoneMap, paths_upwards},
};
use crate::{
    db::{
        Conn,
        page::Cursor,
        schema::{branches, zone_sets, zones},
        types::{Id, Ms},
    },
    error::ApiError,
};

/// One import as stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = zone_sets)]
pub(in super::super) struct ZoneSetRow {
    pub(in super::super) id: Id<ZoneSetId>,
    pub(in super::super) version: i64,
    pub(in super::super) branch_id: Id<BranchId>,
    pub(in super::super) imported_at: Ms,
    pub(in super::super) imported_by: Id<PersonId>,
}

/// One zone without its outline.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = zones)]
pub(in super::super) struct ZoneRow {
    pub(in super::super) name: String,
    pub(in super::super) class: String,
    pub(in super::super) vertices: i64,
}

/// Who imports when, and for which branch.
#[derive(Clone, Copy)]
pub(in super::super) struct NewZoneSet {
    pub(in super::super) id: ZoneSetId,
    pub(in super::super) branch: BranchId,
    pub(in super::super) by: PersonId,
    pub(in super::super) now: Instant,
}

pub(in super::super) fn insert_set(
    conn: &mut Conn,
    new: NewZoneSet,
    checked: &[CheckedZone],
) -> Result<(), ApiError> {
    let newest: Option<i64> = zone_sets::table.select(max(zone_sets::version)).first(conn)?;
    let row = (
        zone_sets::id.eq(new.id.to_string()),
        zone_sets::version.eq(newest.unwrap_or(0) + 1),
        zone_sets::branch_id.eq(new.branch.to_string()),
        zone_sets::imported_at.eq(new.now.0),
        zone_sets::imported_by.eq(new.by.to_string()),
    );
    // Two imports at once want the same number: the later one counts on.
    diesel::insert_into(zone_sets::table).values(row).execute(conn).map_err(ApiError::or_again)?;
    for (ordinal, zone) in (1_i64..).zip(checked) {
        let row = (
            zones::set_id.eq(new.id.to_string()),
            zones::ordinal.eq(ordinal),
            zones::name.eq(&zone.name),
            zones::class.eq(zone.kind.as_str()),
            zones::vertices.eq(i64::try_from(zone.vertices).unwrap_or(i64::MAX)),
            zones::shape.eq(&zone.shape),
        );
        diesel::insert_into(zones::table).values(row).execute(conn)?;
    }
    Ok(())
}

pub(in super::super) fn get_set(conn: &mut Conn, id: ZoneSetId) -> Result<ZoneSetRow, ApiError> {
    Ok(zone_sets::table.find(id.to_string()).select(ZoneSetRow::as_select()).first(conn)?)
}

/// The import that holds for a branch: the newest of the nearest branch upwards that has any.
pub(in super::super) fn find_in_force(
    conn: &mut Conn,
    branch_path: &str,
) -> Result<Option<ZoneSetRow>, ApiError> {
    for path in paths_upwards(branch_path) {
        let newest: Option<ZoneSetRow> = zone_sets::table
            .inner_join(branches::table)
            .filter(branches::path.eq(path))
            .order(zone_sets::version.desc())
            .select(ZoneSetRow::as_select())
            .first(conn)
            .optional()?;
        if newest.is_some() {
            return Ok(newest);
        }
    }
    Ok(None)
}

/// The imports of a branch and those above and below it, newest first.
pub(in super::super) fn list_sets(
    conn: &mut Conn,
    branch_path: &str,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<ZoneSetRow>, ApiError> {
    let mut query = zone_sets::table
        .inner_join(branches::table)
        .filter(branches::path.like(format!("{branch_path}%")))
        .select(ZoneSetRow::as_select())
        .into_boxed();
    for path in paths_upwards(branch_path) {
        query = query.or_filter(branches::path.eq(path));
    }
    if let Some(after) = after {
        // Versions count up with time; the id of the cursor is not needed to break ties.
        query = query.filter(zone_sets::version.lt(after.at_ms));
    }
    Ok(query.order(zone_sets::version.desc()).limit(limit).load(conn)?)
}

pub(in super::super) fn is_newest(conn: &mut Conn, set: &ZoneSetRow) -> Result<bool, ApiError> {
    let newer: i64 = zone_sets::table
        .filter(zone_sets::branch_id.eq(set.branch_id.0.to_string()))
        .filter(zone_sets::version.gt(set.version))
        .count()
        .get_result(conn)?;
    Ok(newer == 0)
}

pub(in super::super) fn list_zones(
    conn: &mut Conn,
    id: ZoneSetId,
) -> Result<Vec<ZoneRow>, ApiError> {
    Ok(zones::table
        .filter(zones::set_id.eq(id.to_string()))
        .order(zones::ordinal)
        .select(ZoneRow::as_select())
        .load(conn)?)
}

/// The shapes of one import.
pub(in super::super) fn get_map(conn: &mut Conn, id: ZoneSetId) -> Result<ZoneMap, ApiError> {
    let rows: Vec<(String, String)> = zones::table
        .filter(zones::set_id.eq(id.to_string()))
        .order(zones::ordinal)
        .select((zones::class, zones::shape))
        .load(conn)?;
    let zone = |(class, shape): (String, String)| {
        let kind = ZoneKind::parse(&class);
        let kind = kind.ok_or_else(|| ApiError::internal("a zone of an unknown class"))?;
        let rings = serde_json::from_str(&shape).map_err(ApiError::internal)?;
        Zone::new(kind, &rings).ok_or_else(|| ApiError::internal("a zone without a shape"))
    };
    Ok(ZoneMap::new(rows.into_iter().map(zone).collect::<Result<_, ApiError>>()?))
}
