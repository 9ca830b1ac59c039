//! The database: SQLite in the process, or PostgreSQL, with one text for both.
//!
//! [`Db::read`] and [`Db::write`] are the only ways in. A write is one transaction whose reply is
//! sent after it is durable. It may be run twice, so it sends nothing outside and decides nothing
//! from state of its own.

mod conn;
pub mod migrate;
pub mod open;
pub mod page;
mod postgres;
#[expect(missing_docs, reason = "the macro writes items that no comment can reach")]
pub mod schema;
pub mod types;
mod writer;

use std::{any::Any, sync::Arc, time::Duration};

use diesel::connection::TransactionManager;
use tokio::sync::Semaphore;

pub use conn::{Conn, Native};

use crate::{config::Database, error::ApiError};

/// Runs one expression on the concrete connection, for statements that the enum cannot express
/// (upserts, `SKIP LOCKED`, batches), and for those of every report, whose text the enum would build
/// anew each time although the statement is prepared. Ten uses at most.
#[macro_export]
macro_rules! native {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn.native() {
            $crate::db::Native::Pg($c) => $body,
            $crate::db::Native::Sqlite($c) => $body,
        }
    };
}

/// The database of one server; cheap to clone.
#[derive(Clone)]
pub struct Db {
    readers: Pool,
    writes: Writes,
    /// Reads that run or wait; beyond it a request is turned away instead of piling up.
    read_places: Arc<Semaphore>,
}

type Pool = r2d2::Pool<open::Opener>;

#[derive(Clone)]
enum Writes {
    /// One writer thread that groups commits.
    Sqlite(writer::Writer),
    /// A pool of connections with serialisable transactions.
    Postgres(postgres::Writers),
}

/// A failed connection attempt must end early enough for a 503 within three seconds.
const CONNECTION_WAIT: Duration = Duration::from_millis(2_000);
/// The longest a caller waits for PostgreSQL before hearing 503: the server may be gone without a word.
const ANSWER_WAIT: Duration = Duration::from_millis(2_800);
/// How many reads may run or wait.
const MOST_READS: usize = 512;

impl Db {
    /// Connects to a database whose schema is up to date. PostgreSQL may be away: it is connected
    /// to when it comes back.
    ///
    /// # Errors
    /// When the SQLite file cannot be opened.
    pub fn open(database: &Database) -> Result<Self, ApiError> {
        let (size, writes) = match database {
            Database::Sqlite(path) => (4, Writes::Sqlite(writer::Writer::start(path.clone())?)),
            Database::Postgres(url) => (8, Writes::Postgres(postgres::Writers::new(url.clone()))),
        };
        let readers = open::pool(open::Opener::reading(database.clone()), size);
        Ok(Self { readers, writes, read_places: Arc::new(Semaphore::new(MOST_READS)) })
    }

    /// Runs a query on a connection of its own, off the async threads.
    ///
    /// # Errors
    /// What the closure answers; `overloaded` and `database_unavailable` from here.
    pub async fn read<T, F>(&self, query: F) -> Result<T, ApiError>
    where
        F: FnOnce(&mut Conn) -> Result<T, ApiError> + Send + 'static,
        T: Send + 'static,
    {
        let query = |conn: &mut Conn| query(conn).map(any);
        self.read_any(Box::new(query)).await.and_then(own)
    }

    async fn read_any(&self, query: Query) -> Result<Value, ApiError> {
        let place =
            self.read_places.clone().try_acquire_owned().map_err(|_| ApiError::overloaded())?;
        let pool = self.readers.clone();
        let answer = blocking(move || {
            let _place = place;
            let mut connection = pool.get().map_err(|_| ApiError::database_unavailable())?;
            connection.run(query)
        });
        match self.writes {
            Writes::Sqlite(_) => answer.await,
            Writes::Postgres(_) => in_time(answer).await,
        }
    }

    /// Runs one transaction and answers after it is durable. The closure may run again after a
    /// conflict with another transaction; an error or a panic undoes all it did and nothing else.
    ///
    /// # Errors
    /// What the closure answers; `overloaded` when too many wait, `database_unavailable` when the
    /// outcome is not known.
    pub async fn write<T, F>(&self, mut work: F) -> Result<T, ApiError>
    where
        F: FnMut(&mut Conn) -> Result<T, ApiError> + Send + 'static,
        T: Send + 'static,
    {
        let work = move |conn: &mut Conn| work(conn).map(any);
        self.write_any(Box::new(work)).await.and_then(own)
    }

    async fn write_any(&self, work: Work) -> Result<Value, ApiError> {
        match &self.writes {
            Writes::Sqlite(writer) => writer.write(work).await,
            Writes::Postgres(writers) => in_time(writers.write(work)).await,
        }
    }

    /// Whether the database takes a write now.
    ///
    /// # Errors
    /// When it does not.
    pub async fn probe(&self) -> Result<(), ApiError> {
        self.write(|conn| {
            use diesel::RunQueryDsl;
            diesel::sql_query("UPDATE instance SET probes = probes + 1").execute(conn)?;
            Ok(())
        })
        .await
    }
}

/// What a closure answers. Everything behind [`Db::read`] and [`Db::write`] is compiled once for this
/// type instead of once for each of some hundred closures.
type Value = Box<dyn Any + Send>;
type Query = Box<dyn FnOnce(&mut Conn) -> Result<Value, ApiError> + Send>;
type Work = Box<dyn FnMut(&mut Conn) -> Result<Value, ApiError> + Send>;

fn any<T: Send + 'static>(value: T) -> Value {
    Box::new(value)
}

fn own<T: 'static>(value: Value) -> Result<T, ApiError> {
    let value = value.downcast().map_err(|_| ApiError::internal("another closure's answer"))?;
    Ok(*value)
}

/// As the first step of a write: whoever takes turns at the same `thing` waits until this write has
/// ended, and nothing else does.
///
/// For writes that insert at a rate and whose one decision is about `thing`. Serialisable transactions
/// would clash over index pages that all of them touch: with PostgreSQL every foreign key to a case
/// reads the page that the next case is inserted into. So the write gives up that isolation and holds a
/// lock on what it decides about. SQLite has one writer.
///
/// # Errors
/// Database faults; contention when another holds the lock too long.
pub fn take_turns(conn: &mut Conn, thing: &str) -> Result<(), ApiError> {
    match conn.native() {
        Native::Sqlite(_) => Ok(()),
        Native::Pg(pg) => postgres::take_turns(pg, thing),
    }
}

/// Undoes only `work` when it fails, inside a transaction that goes on.
///
/// # Errors
/// What `work` answers.
pub fn savepoint<T>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    type Manager = <Conn as diesel::Connection>::TransactionManager;
    Manager::begin_transaction(conn)?;
    match work(conn) {
        Ok(value) => {
            Manager::commit_transaction(conn)?;
            Ok(value)
        }
        Err(error) => {
            // A rollback fails only when the engine has given up the whole transaction already, for
            // example because the disk is full: the first error is the one that says why.
            let _ = Manager::rollback_transaction(conn);
            Err(error)
        }
    }
}

/// Runs blocking work on the runtime's blocking threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(fault) => Err(ApiError::internal(fault)),
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    match tokio::time::timeout(ANSWER_WAIT, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(ApiError::database_unavailable()),
    }
}
