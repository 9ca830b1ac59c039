//! The sealed record of an agreement: what was agreed by whom, how it was proved, when.

use serde::Serialize;
use sync_core::{estimate::chinese_capitals, time::Instant};
use uuid::Uuid;

use super::{
    rules::masked,
    situation::Situation,
    store::{CodeRow, NewAgreement},
};
use crate::{app::App, assessment::hexadecimal, db::Conn, error::ApiError, wire};

/// The record as it is signed: compact JSON in this order. A verifier needs it, the frozen bytes and
/// the public key, nothing else.
#[derive(Serialize)]
struct Record<'a> {
    schema: u32,
    kind: &'static str,
    case_id: Uuid,
    report_no: &'a str,
    version_id: Uuid,
    version: i64,
    sheet_sha256: String,
    total_fen: i64,
    total_in_capitals: String,
    link_id: Uuid,
    link_sent_at: String,
    link_sent_to: String,
    code_id: Uuid,
    code_sent_at: String,
    code_sent_to: String,
    method: &'static str,
    agreed_at: String,
}

/// Writes the agreement on exactly the version of this link, sealed.
///
/// # Errors
/// `overloaded` as contention when somebody was faster.
pub(super) fn seal(
    conn: &mut Conn,
    app: &App,
    situation: &Situation,
    code: &CodeRow,
    now: Instant,
) -> Result<(), ApiError> {
    let Situation { link, version, case, .. } = situation;
    let time = |at: Instant| wire::time(at).to_rfc3339();
    let record = Record {
        schema: 1,
        kind: "loss_agreement",
        case_id: version.case_id.into(),
        report_no: &case.report_no,
        version_id: version.id.into(),
        version: version.number,
        sheet_sha256: hexadecimal(&version.sheet_sha256),
        total_fen: version.total_fen.0,
        total_in_capitals: chinese_capitals(version.total_fen),
        link_id: link.id.0.into(),
        link_sent_at: time(link.created_at.0),
        link_sent_to: masked(&link.sent_to),
        code_id: code.id.0,
        code_sent_at: time(code.sent_at.0),
        code_sent_to: masked(&link.code_to),
        method: "one_time_code",
        agreed_at: time(now),
    };
    let record = serde_json::to_vec(&record).map_err(ApiError::internal)?;
    let key = app.auth.seals.newest().map_err(ApiError::internal)?;
    let signature = key.sign(&record);
    super::store::insert_agreement(
        conn,
        &NewAgreement {
            link,
            code_id: code.id.0,
            agreed_at: now,
            record: &record,
            signature: &signature,
            key_id: &key.id,
        },
    )
}
