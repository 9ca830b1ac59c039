//! Background work that comes round again: checkpoints of the chain of custody.

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use sync_core::time::Span;

use super::custody;
use crate::{
    app::App,
    error::ApiError,
    jobs::{self, Job, JobFault},
};

/// No act waits longer than this for the checkpoint that covers it (B25).
const EVERY: Span = Span::minutes(5);

/// Gathers the heads that have changed in a signed checkpoint.
#[derive(Serialize, Deserialize)]
pub struct SealCustody {}

impl Job for SealCustody {
    const KIND: &'static str = "seal_custody";

    fn run(self, app: App) -> LocalBoxFuture<'static, Result<(), JobFault>> {
        Box::pin(async move {
            seal(&app).await?;
            let again = app.clone();
            let next = app.now() + EVERY;
            app.db
                .write(move |conn| jobs::enqueue(conn, &again, &Self {}, next).map(drop))
                .await
                .map_err(JobFault::from)
        })
    }
}

/// Makes checkpoints until every head is covered, all of them also in the file beside the database.
async fn seal(app: &App) -> Result<(), JobFault> {
    loop {
        let inner = app.clone();
        if !app.db.write(move |conn| custody::make_checkpoint(conn, &inner)).await? {
            return Ok(custody::remember(app).await?);
        }
    }
}

/// Writes down what a process that died has not, before anything new happens.
///
/// # Errors
/// Database faults; when the file cannot be written.
pub async fn catch_up(app: &App) -> Result<(), ApiError> {
    custody::remember(app).await
}
