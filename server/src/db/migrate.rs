//! Bringing a database's schema up to date. Both folders are part of the binary.

use diesel::{connection::SimpleConnection, migration::MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Native, open};
use crate::config::Database;

/// Migrations for SQLite.
pub const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
/// Migrations for PostgreSQL: the same folder names, tables and columns.
pub const POSTGRES: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

/// Creates the database file if need be and runs what has not run yet. Several nodes may do this at
/// once: on PostgreSQL the first one works while the others wait.
///
/// # Errors
/// The engine's own words, for the operator.
pub fn run(database: &Database) -> Result<Vec<String>, String> {
    if let Database::Sqlite(path) = database
        && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let mut conn = open::open(database).map_err(|error| error.to_string())?;
    let done = match conn.native() {
        Native::Sqlite(sqlite) => sqlite.run_pending_migrations(SQLITE).map(names),
        Native::Pg(pg) => {
            // Held until the connection closes.
            pg.batch_execute("SELECT pg_advisory_lock(4819672013)")
                .map_err(|error| error.to_string())?;
            pg.run_pending_migrations(POSTGRES).map(names)
        }
    };
    done.map_err(|error| error.to_string())
}

fn names(versions: Vec<MigrationVersion<'_>>) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}
