//! Zones in memory: parsed once for each import, which never changes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sync_core::{geo::Point, ids::ZoneSetId, promise::ZoneClass, time::Instant};

use super::{clocks::JudgedZone, store::zones as store, zones::ZoneMap};
use crate::{db::Conn, error::ApiError};

/// The imports that were asked for last.
#[derive(Debug, Default)]
pub struct ZoneCache(Mutex<VecDeque<(ZoneSetId, Arc<ZoneMap>)>>);

/// The zones of one import that hold for a branch.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) version: i64,
    pub(super) since: Instant,
    pub(super) map: Arc<ZoneMap>,
}

impl ZoneCache {
    /// Memory for the zones of so many branches; each takes a few megabytes at most.
    const MOST: usize = 16;

    /// What decides the arrival limit at a place of a branch (C09). Without a place, or where no
    /// zones are imported, it is the longer limit.
    ///
    /// # Errors
    /// Database faults.
    pub fn judge(
        &self,
        conn: &mut Conn,
        branch_path: &str,
        place: Option<Point>,
    ) -> Result<JudgedZone, ApiError> {
        self.look(conn, branch_path, place).map(|(zone, _)| zone)
    }

    /// The zones in force for a branch: their version, since when, and what they say.
    ///
    /// # Errors
    /// Database faults.
    pub(super) fn in_force(
        &self,
        conn: &mut Conn,
        branch_path: &str,
    ) -> Result<Option<InForce>, ApiError> {
        let Some(set) = store::find_in_force(conn, branch_path)? else { return Ok(None) };
        let map = self.map(conn, set.id.0)?;
        Ok(Some(InForce { version: set.version, since: set.imported_at.0, map }))
    }

    /// [`Self::judge`], and whether the place is outside the area that the branch surveys itself (C11).
    ///
    /// # Errors
    /// Database faults.
    pub fn look(
        &self,
        conn: &mut Conn,
        branch_path: &str,
        place: Option<Point>,
    ) -> Result<(JudgedZone, Option<bool>), ApiError> {
        const NOBODY: JudgedZone = JudgedZone { class: ZoneClass::Other, version: None };
        let Some(place) = place else { return Ok((NOBODY, None)) };
        let Some(zones) = self.in_force(conn, branch_path)? else { return Ok((NOBODY, None)) };
        let zone = JudgedZone { class: zones.map.class_at(place), version: Some(zones.version) };
        Ok((zone, zones.map.is_outside(place)))
    }

    fn map(&self, conn: &mut Conn, id: ZoneSetId) -> Result<Arc<ZoneMap>, ApiError> {
        let known = self.lock().iter().find(|(known, _)| *known == id).map(|(_, map)| map.clone());
        if let Some(map) = known {
            return Ok(map);
        }
        // Not under the lock: others need not wait while this import is parsed.
        let map = Arc::new(store::get_map(conn, id)?);
        let mut maps = self.lock();
        maps.push_back((id, map.clone()));
        if maps.len() > Self::MOST {
            maps.pop_front();
        }
        Ok(map)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(ZoneSetId, Arc<ZoneMap>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
