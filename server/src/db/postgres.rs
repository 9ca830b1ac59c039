//! PostgreSQL writes: serialisable transactions from a pool, tried again after a conflict.

use std::{sync::Arc, time::Duration};

use diesel::{
    Connection, PgConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::{Conn, Native, Pool, Value, Work, blocking, open};
use crate::{config::Database, error::ApiError};

/// Connections that write.
const CONNECTIONS: u32 = 16;
/// Writes that run or wait; beyond it a request is turned away instead of piling up.
const QUEUE: usize = 1_024;
/// How often one transaction is tried before the caller is told to come back.
const TRIES: u32 = 12;

#[derive(Clone)]
pub(super) struct Writers {
    pool: Pool,
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Writers {
    pub(super) fn new(url: String) -> Self {
        let running = usize::try_from(CONNECTIONS).unwrap_or(1);
        Self {
            pool: open::pool(open::Opener::writing(Database::Postgres(url)), CONNECTIONS),
            waiting: Arc::new(Semaphore::new(QUEUE)),
            running: Arc::new(Semaphore::new(running)),
        }
    }

    pub(super) async fn write(&self, mut work: Work) -> Result<Value, ApiError> {
        let _place =
            self.waiting.clone().try_acquire_owned().map_err(|_| ApiError::overloaded())?;
        for attempt in 1.. {
            let turn = self.running.clone().acquire_owned().await.map_err(ApiError::internal)?;
            let pool = self.pool.clone();
            let outcome;
            (work, outcome) = blocking(move || {
                let _turn = turn;
                let mut connection = pool.get().map_err(|_| ApiError::database_unavailable())?;
                let outcome = connection.run(|conn| transaction(conn, &mut work));
                Ok((work, outcome))
            })
            .await?;
            match outcome {
                Err(error) if error.is_contention() && attempt < TRIES => {
                    metrics::counter!("chakan_write_conflicts_total").increment(1);
                    tokio::time::sleep(pause(attempt)).await;
                }
                outcome => return outcome,
            }
        }
        Err(ApiError::overloaded())
    }
}

/// Longer after each try, and different for each caller, or the same two would meet again.
fn pause(attempt: u32) -> Duration {
    let mut random = [0_u8; 2];
    // Without randomness the pause is merely less varied.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let most_us = 500_u64 << attempt.min(7);
    Duration::from_micros(most_us / 4 + most_us * u64::from(u16::from_le_bytes(random)) / 65_536)
}

fn transaction(conn: &mut Conn, work: &mut Work) -> Result<Value, ApiError> {
    type Manager = <PgConnection as Connection>::TransactionManager;
    begin(conn)?;
    let outcome = work(conn);
    let Native::Pg(pg) = conn.native() else { return Err(ApiError::internal("not PostgreSQL")) };
    match outcome {
        Ok(value) => {
            Manager::commit_transaction(pg)?;
            Ok(value)
        }
        Err(error) => {
            // A dead connection cannot roll back; the server does when it notices.
            Manager::rollback_transaction(pg)
                .map_err(|_| ApiError::database_unavailable())
                .or_else(|lost| if error.is_connection_lost() { Ok(()) } else { Err(lost) })?;
            Err(error)
        }
    }
}

fn begin(conn: &mut Conn) -> Result<(), ApiError> {
    let Native::Pg(pg) = conn.native() else { return Err(ApiError::internal("not PostgreSQL")) };
    AnsiTransactionManager::begin_transaction_sql(pg, "BEGIN ISOLATION LEVEL SERIALIZABLE")?;
    Ok(())
}

/// Leaves serialisable isolation, which is possible before the first query only, and takes the lock.
pub(super) fn take_turns(pg: &mut PgConnection, thing: &str) -> Result<(), ApiError> {
    let digest = Sha256::digest(thing.as_bytes());
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    // Two things of one number merely wait for each other.
    let number = i64::from_le_bytes(first);
    pg.batch_execute(&format!(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({number})"
    ))?;
    Ok(())
}
