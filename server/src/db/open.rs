//! Opening connections, with the settings that durability rests on, and keeping them in pools.

use std::path::Path;

use diesel::{
    Connection, ConnectionError, PgConnection, SqliteConnection, connection::SimpleConnection,
};

use super::{CONNECTION_WAIT, Conn, Native, Pool};
use crate::{config::Database, error::ApiError};

/// Opens connections of one kind for a pool.
pub struct Opener {
    database: Database,
    purpose: Purpose,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Write,
}

/// A connection that remembers whether it is still of use.
pub struct Pooled {
    conn: Conn,
    lost: bool,
}

impl Pooled {
    /// Runs work on the connection and notes when the connection died under it.
    pub(super) fn run<T>(
        &mut self,
        work: impl FnOnce(&mut Conn) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        // Only a normal return clears the mark, so a panic also costs the connection.
        self.lost = true;
        let answer = work(&mut self.conn);
        self.lost = answer.as_ref().is_err_and(ApiError::is_connection_lost);
        answer
    }
}

impl Opener {
    /// For queries only.
    pub(super) fn reading(database: Database) -> Self {
        Self { database, purpose: Purpose::Read }
    }

    /// For transactions.
    pub(super) fn writing(database: Database) -> Self {
        Self { database, purpose: Purpose::Write }
    }
}

impl r2d2::ManageConnection for Opener {
    type Connection = Pooled;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Pooled, ConnectionError> {
        let mut conn = open(&self.database)?;
        let settings = match (conn.native(), self.purpose) {
            (Native::Sqlite(_), Purpose::Read) => Some("PRAGMA query_only = ON"),
            // Reading a small or new table end to end locks all of it against everybody's inserts.
            // A lock that is not free soon belongs to somebody who may be gone.
            (Native::Pg(_), Purpose::Write) => Some(
                "SET enable_seqscan = off; SET enable_bitmapscan = off; SET lock_timeout = '2s'",
            ),
            (Native::Sqlite(_), Purpose::Write) | (Native::Pg(_), Purpose::Read) => None,
        };
        if let Some(settings) = settings {
            conn.batch_execute(settings).map_err(ConnectionError::CouldntSetupConfiguration)?;
        }
        Ok(Pooled { conn, lost: false })
    }

    fn is_valid(&self, _: &mut Pooled) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        connection.lost
    }
}

/// A pool that opens connections when they are needed, so that a missing database stops nothing.
pub(super) fn pool(opener: Opener, size: u32) -> Pool {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(CONNECTION_WAIT)
        .error_handler(Box::new(NoteFaults))
        .build_unchecked(opener)
}

/// A pool's connection faults, without the address they may name.
#[derive(Debug)]
struct NoteFaults;

impl r2d2::HandleError<ConnectionError> for NoteFaults {
    fn handle_error(&self, _: ConnectionError) {
        tracing::warn!("the database does not take a connection");
        metrics::counter!("chakan_database_connection_failures_total").increment(1);
    }
}

/// Opens one connection by kind of database.
///
/// # Errors
/// The engine's own words.
pub fn open(database: &Database) -> Result<Conn, ConnectionError> {
    match database {
        Database::Sqlite(path) => open_sqlite(path).map(Native::Sqlite).map(Conn::new),
        Database::Postgres(url) => open_postgres(url).map(Native::Pg).map(Conn::new),
    }
}

fn open_sqlite(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    let name = path.to_str().ok_or_else(|| {
        ConnectionError::InvalidConnectionUrl("the path is not valid Unicode".into())
    })?;
    let mut conn = SqliteConnection::establish(name)?;
    // Pages are written back after 16 MB of log, not 4: many commits touch the same ones.
    // FULL: a commit is on the disk before it is answered. busy_timeout first, since switching to WAL takes a lock.
    conn.batch_execute(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16000; \
         PRAGMA wal_autocheckpoint = 4000;",
    )
    .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

fn open_postgres(url: &str) -> Result<PgConnection, ConnectionError> {
    // A peer that vanished without a word must not hold a thread: two seconds to connect, two for
    // bytes on the way.
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!(
        "{url}{separator}connect_timeout=2&tcp_user_timeout=2000&keepalives_idle=5&keepalives_interval=2&keepalives_count=2"
    );
    let mut conn = PgConnection::establish(&url)?;
    conn.batch_execute("SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s'; SET timezone = 'UTC'")
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}
