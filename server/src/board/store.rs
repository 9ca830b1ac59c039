//! What the views read from the tables of others.

use diesel::prelude::*;
use sync_core::ids::CaseId;

use crate::{
    db::{Conn, schema::cases},
    error::ApiError,
};

/// Status and plate of a case.
pub(super) fn find_status_and_plate(
    conn: &mut Conn,
    id: CaseId,
) -> Result<Option<(String, String)>, ApiError> {
    let found = cases::table.find(id.to_string()).select((cases::status, cases::plate));
    Ok(found.first(conn).optional()?)
}
