//! Who goes on with an upload: a lease in the database, so that it holds across nodes.

use std::time::Duration;

use api_spec::problem::Code;
use sync_core::ids::PersonId;
use uuid::Uuid;

use super::{
    rules,
    store::{self, UploadRow},
};
use crate::{app::App, error::ApiError};

/// Between two looks at whether the holder has let go.
const PAUSE: Duration = Duration::from_millis(50);
/// So many looks, then the upload is taken from a holder that says nothing: below a second in all.
const LOOKS: u32 = 14;
/// How often a holder that waits for bytes looks whether somebody else wants the upload.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// The right to write to one upload, under one fencing token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) id: Uuid,
    pub(super) fence: u64,
}

/// The upload, if it is the person's and can go on or is finished.
///
/// # Errors
/// `not_found` also for somebody else's, `upload_gone` when it is over.
pub(super) async fn find(app: &App, person: PersonId, id: Uuid) -> Result<UploadRow, ApiError> {
    let found = app.db.read(move |conn| store::find(conn, id)).await?;
    let upload = found.filter(|row| row.person_id.0 == person).ok_or_else(ApiError::not_found)?;
    let expired = upload.finished_at.is_none() && upload.expires_at.0 < app.now();
    if upload.ended_at.is_some() || expired {
        return Err(ApiError::new(Code::UploadGone));
    }
    Ok(upload)
}

/// Takes the upload, from its holder if need be; whoever holds it is asked first, so that what has
/// arrived there is not lost.
///
/// # Errors
/// As [`find`]; `upload_taken` when others are taking it again and again.
pub(super) async fn take(
    app: &App,
    person: PersonId,
    id: Uuid,
) -> Result<(Lease, UploadRow), ApiError> {
    let mut asked = None;
    for look in 0..=LOOKS {
        let upload = find(app, person, id).await?;
        if upload.finished_at.is_some() {
            return Ok((Lease { id, fence: upload.fence() }, upload));
        }
        if upload.held().is_free(app.now()) || look == LOOKS {
            let (known, until) = (upload.clone(), app.now() + rules::LEASE);
            if app.db.write(move |conn| store::update_lease(conn, &known, until)).await? {
                let lease = Lease { id, fence: upload.fence() + 1 };
                return Ok((lease, find(app, person, id).await?));
            }
        } else if asked != Some(upload.fence()) {
            let fence = upload.fence();
            app.db.write(move |conn| store::update_wanted(conn, id, fence)).await?;
            asked = Some(fence);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(ApiError::new(Code::UploadTaken).retry_after(1))
}

impl Lease {
    /// Lets go. A lease that is over already stays with whoever has it.
    pub(super) async fn release(self, app: &App) {
        let Self { id, fence } = self;
        let released = app.db.write(move |conn| store::update_released(conn, id, fence)).await;
        if let Err(error) = released {
            // It runs out by itself.
            tracing::warn!(%error, "a lease could not be released");
        }
    }

    /// Whether somebody else wants the upload, or has it.
    pub(super) async fn is_wanted(self, app: &App) -> bool {
        let found = app.db.read(move |conn| store::find(conn, self.id)).await;
        match found {
            Ok(Some(upload)) => {
                upload.wanted || upload.fence() != self.fence || upload.ended_at.is_some()
            }
            Ok(None) => true,
            // Bytes go on arriving while the database cannot be asked.
            Err(_) => false,
        }
    }
}
