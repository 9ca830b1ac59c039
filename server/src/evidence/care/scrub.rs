//! Reading every stored photo again, a few at a time, and naming what is damaged or gone.

use std::time::Duration;

use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::{custody::Act, photo::ContentHash, time::Span};

use super::store;
use crate::{
    app::App,
    auth::policy::Role,
    case_log::Author,
    db::Conn,
    error::ApiError,
    evidence::{
        custody::{self, NewAct, Subject},
        store as photos,
    },
    identity,
    jobs::{self, Job, JobFault, NewMessage},
    ports::blobs::BlobFault,
};

/// Contents of one round; with a round every minute, a million take less than a day.
const ROUND: i64 = 1_000;
/// One round does not keep the disk busy for longer.
const TIME: Duration = Duration::from_secs(20);
const EVERY: Span = Span::minutes(1);
/// A new look at everything begins this long after the last one ended.
const REST: Span = Span::hours(6);
/// Cases that hear of one damaged content.
const MOST_CASES: i64 = 100;

/// Looks at the contents behind this one.
#[derive(Serialize, Deserialize)]
pub struct Scrub {
    /// The last content that was looked at; nothing at the beginning.
    pub after: Option<ContentHash>,
}

impl Job for Scrub {
    const KIND: &'static str = "scrub";

    fn run(self, app: App) -> LocalBoxFuture<'static, Result<(), JobFault>> {
        Box::pin(async move {
            let after = round(&app, self.after).await?;
            let pause = if after.is_some() { EVERY } else { REST };
            let (again, at) = (app.clone(), app.now() + pause);
            app.db
                .write(move |conn| jobs::enqueue(conn, &again, &Self { after }, at).map(drop))
                .await
                .map_err(JobFault::from)
        })
    }
}

/// One round; answers where the next one begins, nothing when all were looked at.
async fn round(app: &App, after: Option<ContentHash>) -> Result<Option<ContentHash>, JobFault> {
    let contents = app.db.read(move |conn| photos::list_contents(conn, after, ROUND)).await?;
    let rest = i64::try_from(contents.len()).unwrap_or(ROUND) < ROUND;
    let began = std::time::Instant::now();
    let mut last = None;
    for sha256 in contents {
        let found = look(app, sha256).await?;
        note_look(app, sha256, found).await?;
        last = Some(sha256);
        if began.elapsed() > TIME {
            return Ok(last);
        }
    }
    Ok(if rest { None } else { last })
}

/// Whether the bytes are what their name says; the fault if they are not.
async fn look(app: &App, sha256: ContentHash) -> Result<Option<&'static str>, JobFault> {
    let fault = |fault: BlobFault| JobFault(fault.to_string());
    let Some(mut blob) = app.ports.blobs.open(sha256).await.map_err(fault)? else {
        return Ok(Some("missing"));
    };
    while let Some(piece) = blob.bytes.next().await {
        match piece {
            Ok(_) => {}
            Err(BlobFault::Damaged) => return Ok(Some("damaged")),
            Err(other) => return Err(fault(other)),
        }
    }
    Ok(None)
}

/// Notes what a look has found, also in the logs of the cases that have the content.
async fn note_look(
    app: &App,
    sha256: ContentHash,
    found: Option<&'static str>,
) -> Result<(), ApiError> {
    let inner = app.clone();
    let note_it = move |conn: &mut Conn| {
        let (news, act) = match found {
            Some(fault) => (store::insert_fault(conn, sha256, fault, inner.now())?, Act::Damaged),
            None => (store::delete_fault(conn, sha256)?, Act::Repaired),
        };
        if news { note(conn, &inner, sha256, act, found) } else { Ok(()) }
    };
    app.db.write(note_it).await
}

/// Somebody must act: whoever has the photos still can send them again.
fn tell_admins(conn: &mut Conn, app: &App) -> Result<(), ApiError> {
    for recipient in identity::list_phones(conn, Role::Admin)? {
        let text =
            "照片存储告警：有已入库的照片损坏或丢失，请查看受损清单，并通知查勘员补传。".into();
        jobs::send_message(
            conn,
            app,
            &NewMessage { case_id: None, recipient, text, expires_at: None },
        )?;
    }
    Ok(())
}

fn note(
    conn: &mut Conn,
    app: &App,
    sha256: ContentHash,
    act: Act,
    found: Option<&str>,
) -> Result<(), ApiError> {
    let standing = store::count_faults(conn)?;
    metrics::gauge!("chakan_blobs_faulty")
        .set(f64::from(u32::try_from(standing).unwrap_or(u32::MAX)));
    if let Some(fault) = found {
        tracing::error!(%sha256, fault, "a stored photo is not what it was");
        metrics::counter!("chakan_scrub_faults_total").increment(1);
        // Once, and again only when all was well in between: the list says the rest.
        if standing == 1 {
            tell_admins(conn, app)?;
        }
    }
    for case_id in photos::list_cases_with(conn, sha256, MOST_CASES)? {
        let data = json!({ "fault": found });
        let act = NewAct { act, subject: Subject::Content(sha256), data };
        custody::append(conn, app, case_id, Author::System, act)?;
    }
    Ok(())
}
