//! Everything about one link at one instant.

use sync_core::{ids::CaseId, time::Instant};

use super::{
    rules::{LinkFacts, LinkState, link_state},
    store::{self, LinkRow},
};
use crate::{
    app::App,
    assessment::{self, Version},
    db::Conn,
    error::ApiError,
    intake::{self, ReportedCase},
    wire::token_sha256,
};

/// A link, what it shows and what it is good for.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub(super) link: LinkRow,
    pub(super) version: Version,
    pub(super) case: ReportedCase,
    pub(super) facts: LinkFacts,
    pub(super) state: LinkState,
}

/// The situation of the link with this token; `None` for any text that is no token of ours.
pub(super) fn by_token(
    conn: &mut Conn,
    token: &str,
    now: Instant,
) -> Result<Option<Situation>, ApiError> {
    let Some(sha256) = token_sha256(token) else { return Ok(None) };
    let Some(link) = store::find_link(conn, &sha256)? else { return Ok(None) };
    let case_id = link.case_id.0;
    let version = assessment::find_version(conn, case_id, link.version_id.0)?
        .ok_or_else(|| ApiError::internal("a link without its version"))?;
    let case = intake::get_case(conn, case_id)?;
    let facts = facts(conn, case_id, &link, version.number)?;
    let state = link_state(&facts, now);
    Ok(Some(Situation { link, version, case, facts, state }))
}

/// What decides about a link to the version with this number.
pub(super) fn facts(
    conn: &mut Conn,
    case_id: CaseId,
    link: &LinkRow,
    version: i64,
) -> Result<LinkFacts, ApiError> {
    Ok(LinkFacts {
        version,
        newest_version: assessment::newest_number(conn, case_id)?,
        superseded_at: link.superseded_at.map(|at| at.0),
        expires_at: link.expires_at.0,
        agreed_at: store::agreed_at(conn, link.version_id.0)?,
        objected_at: last_disputed_at(conn, link)?,
    })
}

/// When the customer last objected to the version, to all of it or to some lines.
fn last_disputed_at(conn: &mut Conn, link: &LinkRow) -> Result<Option<Instant>, ApiError> {
    let whole = store::last_objected_at(conn, link.version_id.0)?;
    let part = store::last_partial(conn, link.version_id.0)?.map(|(_, _, at)| at.0);
    Ok(whole.max(part))
}

impl Situation {
    /// What is stored of a code: it counts for this link, this version and these bytes only.
    pub(super) fn code_hmac(&self, app: &App, code: &str) -> Vec<u8> {
        let mut bound = self.link.id.0.to_string().into_bytes();
        bound.extend(self.version.id.to_string().bytes());
        bound.extend(&self.version.sheet_sha256);
        bound.extend(code.bytes());
        app.auth.secret.derive("agreement_code", &bound)
    }
}
