//! The SQLite writer: one thread, many jobs a commit.
//!
//! Waiting jobs share one transaction, each behind its own savepoint, and hear the outcome after the
//! one COMMIT. So durability costs one flush for many jobs, and nobody ever meets `SQLITE_BUSY`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use api_spec::problem::Code;
use diesel::{
    Connection, SqliteConnection,
    connection::{AnsiTransactionManager, TransactionManager},
};
use tokio::sync::oneshot;

use super::{Conn, Native, Value, Work, open, savepoint};
use crate::{config::Database, error::ApiError};

/// The most jobs of one commit.
const GROUP: usize = 512;
/// The most jobs that wait; the next one is told to come back.
const QUEUE: usize = 2_048;

#[derive(Clone)]
pub(super) struct Writer {
    jobs: SyncSender<Job>,
}

impl Writer {
    /// Opens the file and starts the thread, which ends when the last handle is dropped.
    pub(super) fn start(path: PathBuf) -> Result<Self, ApiError> {
        let database = Database::Sqlite(path);
        let conn = open::open(&database).map_err(ApiError::internal)?;
        let (jobs, waiting) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || Loop { database, conn: Some(conn), waiting }.run())
            .map_err(ApiError::internal)?;
        Ok(Self { jobs })
    }

    pub(super) async fn write(&self, work: Work) -> Result<Value, ApiError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work, outcome: None, reply };
        self.jobs.try_send(job).map_err(|fault| match fault {
            TrySendError::Full(_) => {
                metrics::counter!("chakan_writes_turned_away_total").increment(1);
                ApiError::overloaded()
            }
            TrySendError::Disconnected(_) => ApiError::database_unavailable(),
        })?;
        answer.await.unwrap_or_else(|_| Err(ApiError::database_unavailable()))
    }
}

/// Whether the connection is in order after a job.
#[derive(PartialEq, Eq)]
enum Savepoint {
    Closed,
    Broken(Code),
}

/// How often work is run that answers contention: a random number that was taken, for example.
const TRIES: u32 = 4;

struct Job {
    work: Work,
    outcome: Option<Result<Value, ApiError>>,
    reply: oneshot::Sender<Result<Value, ApiError>>,
}

impl Job {
    /// Runs the work behind a savepoint and keeps its outcome.
    fn run(&mut self, conn: &mut Conn) -> Savepoint {
        let depth = depth(conn);
        let mut outcome = self.attempt(conn, depth);
        for _ in 1..TRIES {
            if !outcome.as_ref().is_err_and(ApiError::is_contention) {
                break;
            }
            outcome = self.attempt(conn, depth);
        }
        let code = outcome.as_ref().err().map_or(Code::DatabaseUnavailable, ApiError::code);
        self.outcome = Some(outcome);
        if self::depth(conn) == depth { Savepoint::Closed } else { Savepoint::Broken(code) }
    }

    /// Sends the kept outcome, or the fault that undid everybody's work.
    fn answer(self, commit: Result<(), ApiError>) {
        let outcome = match (commit, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            // A refusal, too, may rest on what a neighbour wrote and nobody will ever see.
            (Err(fault), _) => Err(fault),
            (Ok(()), None) => Err(ApiError::database_unavailable()),
        };
        // The caller may have hung up; the work stands all the same.
        let _ = self.reply.send(outcome);
    }

    fn attempt(&mut self, conn: &mut Conn, depth: u32) -> Result<Value, ApiError> {
        savepoint(conn, |conn| {
            // A panic in one job must cost nobody else theirs; what it touched is rolled back.
            catch_unwind(AssertUnwindSafe(|| (self.work)(conn))).unwrap_or_else(|_| {
                unwind_to(conn, depth + 1);
                Err(ApiError::internal("a write panicked"))
            })
        })
    }
}

/// How many transactions and savepoints are open; 0 when the state is not known.
fn depth(conn: &mut Conn) -> u32 {
    let Native::Sqlite(sqlite) = conn.native() else { return 0 };
    let state = AnsiTransactionManager::transaction_manager_status_mut(sqlite);
    state.transaction_depth().ok().flatten().map_or(0, |depth| depth.get())
}

/// Rolls back savepoints that a panic left open above `depth`.
fn unwind_to(conn: &mut Conn, depth: u32) {
    while self::depth(conn) > depth {
        let Native::Sqlite(sqlite) = conn.native() else { return };
        if AnsiTransactionManager::rollback_transaction(sqlite).is_err() {
            return;
        }
    }
}

struct Loop {
    database: Database,
    conn: Option<Conn>,
    waiting: Receiver<Job>,
}

impl Loop {
    fn run(mut self) {
        while let Ok(first) = self.waiting.recv() {
            let mut group = vec![first];
            let commit = self.commit(&mut group);
            for job in group {
                job.answer(commit.as_ref().copied().map_err(copy));
            }
        }
    }

    /// One transaction: the first job and whoever waits by the time it has run.
    fn commit(&mut self, group: &mut Vec<Job>) -> Result<(), ApiError> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => open::open(&self.database).map_err(|_| ApiError::database_unavailable())?,
        };
        begin(&mut conn)?;
        let mut ran = 0;
        while let Some(job) = group.get_mut(ran) {
            if let Savepoint::Broken(code) = job.run(&mut conn) {
                // Dropping the connection undoes the whole transaction; everyone hears of it.
                tracing::error!(code = code.as_str(), "a write ended the shared transaction");
                return Err(ApiError::new(code));
            }
            ran += 1;
            if ran < GROUP
                && ran == group.len()
                && let Ok(next) = self.waiting.try_recv()
            {
                group.push(next);
            }
        }
        finish(&mut conn)?;
        metrics::histogram!("chakan_writes_per_commit")
            .record(f64::from(u32::try_from(ran).unwrap_or(u32::MAX)));
        self.conn = Some(conn);
        Ok(())
    }
}

/// IMMEDIATE: a deferred transaction fails at its first write when another process has the lock.
fn begin(conn: &mut Conn) -> Result<(), ApiError> {
    let Native::Sqlite(sqlite) = conn.native() else {
        return Err(ApiError::internal("not SQLite"));
    };
    <SqliteConnection as Connection>::TransactionManager::begin_transaction_sql(
        sqlite,
        "BEGIN IMMEDIATE",
    )?;
    Ok(())
}

fn finish(conn: &mut Conn) -> Result<(), ApiError> {
    let Native::Sqlite(sqlite) = conn.native() else {
        return Err(ApiError::internal("not SQLite"));
    };
    <SqliteConnection as Connection>::TransactionManager::commit_transaction(sqlite)?;
    Ok(())
}

/// The fault of a shared commit, once for each job of it.
fn copy(fault: &ApiError) -> ApiError {
    match fault.code() {
        Code::OutOfStorage => ApiError::new(Code::OutOfStorage),
        _ => ApiError::database_unavailable(),
    }
}
