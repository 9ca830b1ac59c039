//! Rows of counted guesses.

use diesel::prelude::*;
use sync_core::time::{Instant, Span};

use crate::{
    db::{Conn, schema::login_throttle},
    error::ApiError,
};

/// The guesses that were counted for a subject; some may not count any more.
pub(in crate::identity) fn list_guesses(
    conn: &mut Conn,
    subject: &str,
) -> Result<Vec<Instant>, ApiError> {
    let text: Option<String> = login_throttle::table
        .find(subject)
        .select(login_throttle::guesses)
        .first(conn)
        .optional()?;
    let text = text.unwrap_or_default();
    Ok(text.split(' ').filter_map(|at| at.parse().ok()).map(Instant).collect())
}

pub(in crate::identity) fn save_guesses(
    conn: &mut Conn,
    subject: &str,
    guesses: &[Instant],
    now: Instant,
) -> Result<(), ApiError> {
    let text: Vec<String> = guesses.iter().map(|at| at.0.to_string()).collect();
    let values = (login_throttle::guesses.eq(text.join(" ")), login_throttle::latest_at.eq(now.0));
    let known =
        diesel::update(login_throttle::table.find(subject)).set(values.clone()).execute(conn)?;
    if known == 0 {
        diesel::insert_into(login_throttle::table)
            .values((login_throttle::subject.eq(subject), values.0, values.1))
            .execute(conn)
            // Two first guesses met: the other one's row is there now.
            .map_err(ApiError::or_again)?;
    }
    Ok(())
}

/// Forgets subjects of whom nothing was heard for a day; answers how many.
pub(in crate::identity) fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    let old = (now - Span::days(1)).0;
    Ok(diesel::delete(login_throttle::table.filter(login_throttle::latest_at.lt(old)))
        .execute(conn)?)
}
