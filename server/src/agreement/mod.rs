//! The customer's agreement on exactly one frozen version (B19, C25, C26).
//!
//! A link with an unguessable token leads to a page that shows the frozen sheet. Looking at it changes
//! nothing. Agreeing takes a one-time code that goes to the number on the case and counts for this
//! link, this version and these bytes only; objecting takes nothing. An agreement is sealed with the
//! installation's key and outlives its link; a newer version makes it void, and page, answer and log
//! say so.

mod agents;
mod api;
mod bundle;
mod drawing;
mod extras;
mod form;
mod offline;
mod page;
mod public;
mod record;
mod rules;
mod situation;
mod store;
pub mod verify;
mod words;

use sync_core::ids::CaseId;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    assessment::{self, Version},
    db::Conn,
    error::ApiError,
};

/// Registers the operations under `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(api::create_link)
        .service(api::get_agreement)
        .service(agents::record_authorisation)
        .service(agents::list_authorisations)
        .service(agents::revoke_authorisation)
        .service(offline::deliver_agreement)
        .service(bundle::get_agreement_bundle);
}

/// Registers the customer's pages.
pub fn pages(config: &mut ServiceConfig) {
    config
        .service(public::show_sheet)
        .service(public::request_code)
        .service(public::agree_sheet)
        .service(extras::agree_partly)
        .service(extras::complain)
        .service(extras::download_bundle)
        .service(extras::download_agreement)
        .service(public::object_sheet);
}

pub use bundle::kept_document;
pub use form::Reader;
pub use offline::{Delivered, Offered, check as check_offline, deliver_command};
pub use public::{broken, case_of, framed, led_nowhere};

/// Whether somebody may act for the insured on a case, or could.
///
/// # Errors
/// Database faults.
pub fn has_agent(conn: &mut Conn, case_id: CaseId) -> Result<bool, ApiError> {
    Ok(!store::list_authorisations(conn, case_id)?.is_empty())
}

/// The version of a case that is agreed on and not void.
///
/// # Errors
/// Database faults.
pub fn find_agreed(conn: &mut Conn, case_id: CaseId) -> Result<Option<Version>, ApiError> {
    let Some(newest) = assessment::find_newest(conn, case_id)? else { return Ok(None) };
    let agreed = store::agreed_at(conn, newest.id)?.is_some();
    Ok(Some(newest).filter(|_| agreed))
}
