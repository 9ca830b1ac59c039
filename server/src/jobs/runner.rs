//! The loop that runs due jobs.

use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use serde::{Deserialize, Serialize};
use sync_core::time::Span;
use tokio::sync::watch;

use super::{Job, JobFault, KINDS, store};
use crate::{app::App, error::ApiError, idempotency};

/// How often the table is looked at when there is nothing to do.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a claimed job is left alone by other runners.
const LEASE: Span = Span::minutes(5);
/// How many jobs run at once.
const AT_ONCE: i64 = 8;
/// After this many failed tries somebody has to look.
const TRIES: i64 = 10;

/// Runs jobs until it is told to stop.
pub struct Runner {
    app: App,
    stop: watch::Receiver<bool>,
}

impl Runner {
    /// A runner that ends when `stop` says so.
    #[must_use]
    pub fn new(app: App, stop: watch::Receiver<bool>) -> Self {
        Self { app, stop }
    }

    /// Runs jobs; ends between two of them.
    pub async fn run(mut self) {
        loop {
            let ran = match run_due(&self.app).await {
                Ok(ran) => ran,
                Err(error) => {
                    tracing::warn!(%error, "jobs cannot be claimed");
                    0
                }
            };
            let pause = if ran > 0 { Duration::ZERO } else { PAUSE };
            tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// Runs the jobs that are due now, each once; answers how many ran.
///
/// # Errors
/// Database faults.
pub async fn run_due(app: &App) -> Result<usize, ApiError> {
    let now = app.now();
    let claimed = app.db.write(move |conn| store::claim(conn, now, LEASE, AT_ONCE)).await?;
    let count = claimed.len();
    join_all(claimed.into_iter().map(|job| run_one(app, job))).await;
    let (waiting, dead) = app.db.read(store::counts).await?;
    metrics::gauge!("chakan_jobs_waiting").set(lossy(waiting));
    metrics::gauge!("chakan_jobs_dead").set(lossy(dead));
    Ok(count)
}

fn lossy(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

async fn run_one(app: &App, job: store::Claimed) {
    let id = job.id.0;
    let outcome = match KINDS.iter().find(|(kind, _)| *kind == job.kind) {
        Some((_, run)) => run(app.clone(), job.payload).await,
        None => Err(JobFault("this release does not know the kind".into())),
    };
    let saved = match outcome {
        Ok(()) => app.db.write(move |conn| store::delete(conn, id)).await,
        Err(JobFault(error)) => {
            tracing::warn!(job = %id, kind = %job.kind, attempt = job.attempts + 1, %error, "job failed");
            metrics::counter!("chakan_job_failures_total").increment(1);
            let now = app.now();
            let next = (job.attempts + 1 < TRIES).then(|| now + pause_after(app, job.attempts));
            app.db.write(move |conn| store::update_failed(conn, id, &error, next, now)).await
        }
    };
    if let Err(error) = saved {
        // Its lease runs out and it is run again: at least once, as promised.
        tracing::warn!(job = %id, %error, "a job's outcome could not be saved");
    }
}

/// 2 s, 4 s, 8 s ... up to an hour, each up to a quarter longer so that failures do not return together.
fn pause_after(app: &App, attempts: i64) -> Span {
    let doublings = u32::try_from(attempts).unwrap_or(0).min(11);
    let base = (2_000_i64 << doublings).min(3_600_000);
    let mut random = [0_u8; 1];
    app.ports.ids.random(&mut random);
    let [random] = random;
    Span(base + base * i64::from(random) / 1_024)
}

/// Deletes what is kept for a limited time only; runs once an hour.
#[derive(Serialize, Deserialize)]
pub struct Prune {}

impl Job for Prune {
    const KIND: &'static str = "prune";

    fn run(self, app: App) -> LocalBoxFuture<'static, Result<(), JobFault>> {
        Box::pin(async move {
            let now = app.now();
            app.db.write(move |conn| idempotency::prune(conn, now)).await?;
            app.db.write(move |conn| crate::identity::prune(conn, now)).await?;
            app.db.write(move |conn| crate::case_log::prune(conn, now)).await?;
            app.db.write(move |conn| crate::dispatch::prune(conn, now)).await?;
            app.db.write(move |conn| crate::sync::prune(conn, now)).await?;
            app.db.write(move |conn| crate::draft::prune(conn, now)).await?;
            app.db.write(move |conn| crate::webhook::prune(conn, now)).await?;
            crate::evidence::prune(&app).await?;
            let again = app.clone();
            app.db
                .write(move |conn| {
                    super::enqueue(conn, &again, &Self {}, now + Span::hours(1)).map(|_| ())
                })
                .await
                .map_err(JobFault::from)
        })
    }
}
