//! Who has looked at what: noted before the first byte goes out.

use api_spec::problem::Code;
use sync_core::{custody::Act, ids::CaseId, photo::ContentHash, time::Span};

use super::custody::{self, NewAct, Subject};
use crate::{app::App, auth::policy::Actor, case_log::Author, db::Conn, error::ApiError};

/// Looking twice within this time is one look.
const ONE_LOOK: Span = Span::hours(1);

/// Notes that somebody looks at a content of a case, as `original` or as one of its copies.
///
/// # Errors
/// Database faults, except that a full disk does not keep anybody from reading (B4).
pub(super) async fn note(
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    sha256: ContentHash,
    what: &'static str,
) -> Result<(), ApiError> {
    let (author, subject) = (Author::from(actor), Subject::Content(sha256));
    let since = app.now() - ONE_LOOK;
    let noted = move |conn: &mut Conn| {
        custody::is_noted_since(conn, case_id, (Act::Viewed, subject), author, since)
    };
    if app.db.read(noted).await? {
        return Ok(());
    }
    let inner = app.clone();
    let noted = app.db.write(move |conn| {
        let data = serde_json::json!({ "what": what });
        let act = NewAct { act: Act::Viewed, subject, data };
        custody::append(conn, &inner, case_id, author, act).map(drop)
    });
    match noted.await {
        Err(error) if error.code() == Code::OutOfStorage => {
            tracing::error!(%case_id, "a look at evidence could not be noted: no room");
            metrics::counter!("chakan_views_not_noted_total").increment(1);
            Ok(())
        }
        outcome => outcome,
    }
}
