//! Background work: enqueued in the transaction that causes it, run afterwards, at least once.
//!
//! A job is tried with growing pauses; after its last try it is dead and somebody has to look. Jobs
//! may run twice and must not mind.

mod messages;
mod runner;
mod store;

use futures_util::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use sync_core::{ids::JobId, time::Instant};

pub use messages::{NewMessage, send_message};
pub use runner::{Prune, Runner, run_due};

use crate::{app::App, db::Conn, error::ApiError};

/// One kind of background work; its fields are the payload.
pub trait Job: Serialize + DeserializeOwned + 'static {
    /// The stable name in the table.
    const KIND: &'static str;

    /// Does the work.
    ///
    /// # Errors
    /// Anything: the job is tried again later.
    fn run(self, app: App) -> LocalBoxFuture<'static, Result<(), JobFault>>;
}

/// The work did not succeed this time. The words go to the table and the log: no personal data.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JobFault(pub String);

impl From<ApiError> for JobFault {
    fn from(error: ApiError) -> Self {
        Self(error.to_string())
    }
}

/// Puts a job into the table, to be run at `run_at` or soon after.
///
/// # Errors
/// Database faults.
pub fn enqueue<J: Job>(
    conn: &mut Conn,
    app: &App,
    job: &J,
    run_at: Instant,
) -> Result<JobId, ApiError> {
    let id = app.new_id();
    let payload = serde_json::to_string(job).map_err(ApiError::internal)?;
    store::insert(conn, id, J::KIND, &payload, run_at, app.now())?;
    Ok(id)
}

/// Makes sure that work which comes round again is in the table.
///
/// # Errors
/// Database faults.
pub async fn schedule<J: Job + Send>(app: &App, job: J) -> Result<(), ApiError> {
    let here = app.clone();
    app.db
        .write(move |conn| {
            if !store::is_waiting(conn, J::KIND)? {
                enqueue(conn, &here, &job, here.now())?;
            }
            Ok(())
        })
        .await
}

type Run = fn(App, String) -> LocalBoxFuture<'static, Result<(), JobFault>>;

/// Every kind of job that this release knows. A new kind is added here.
const KINDS: &[(&str, Run)] = &[
    kind::<messages::DeliverMessage>(),
    kind::<runner::Prune>(),
    kind::<crate::evidence::SealCustody>(),
    kind::<crate::evidence::MakeCopies>(),
    kind::<crate::evidence::Scrub>(),
    kind::<crate::evidence::GuardEvidence>(),
    kind::<crate::draft::RenewDrafts>(),
];

const fn kind<J: Job>() -> (&'static str, Run) {
    (J::KIND, |app, payload| match serde_json::from_str::<J>(&payload) {
        Ok(job) => job.run(app),
        Err(error) => {
            Box::pin(async move { Err(JobFault(format!("unreadable payload: {error}"))) })
        }
    })
}
