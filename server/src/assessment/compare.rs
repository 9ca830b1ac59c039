//! The handler that compares two versions.

use actix_web::{get, web};
use api_spec::assessment::{ComparisonResponse, FieldChange, LineChange};
use serde::Deserialize;
use sync_core::{ids::CaseId, money::Fen, sheet};
use utoipa::IntoParams;

use super::{Version, store};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{IdPath, Query},
    case_log,
    error::ApiError,
};

/// Which versions are compared.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CompareQuery {
    /// Number of the older version; the one before `to` if absent.
    #[param(minimum = 1)]
    pub from: Option<i64>,
    /// Number of the newer version; the newest if absent.
    #[param(minimum = 1)]
    pub to: Option<i64>,
}

/// What changed between two versions, line by line
#[utoipa::path(operation_id = "compare_versions", tag = "assessment", params(("id" = uuid::Uuid, Path, description = "case"), CompareQuery), responses((status = 200, description = "the differences", body = ComparisonResponse)))]
#[get("/cases/{id}/versions/compare")]
pub async fn compare_versions(
    app: web::Data<App>,
    actor: By<op::CompareVersions>,
    id: IdPath<CaseId>,
    query: Query<CompareQuery>,
) -> Result<web::Json<ComparisonResponse>, ApiError> {
    let (actor, case_id, CompareQuery { from, to }) = (actor.into_actor(), id.0, query.0);
    let (older, newer) = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            let to = match to {
                Some(to) => to,
                None => store::newest_number(conn, case_id)?,
            };
            let from = from.unwrap_or(to.saturating_sub(1));
            let mut of =
                |number| store::find_number(conn, case_id, number)?.ok_or_else(ApiError::not_found);
            Ok((of(from)?, of(to)?))
        })
        .await?;
    Ok(web::Json(comparison(&older, &newer)?))
}

fn comparison(older: &Version, newer: &Version) -> Result<ComparisonResponse, ApiError> {
    let (before, after) = (older.read()?, newer.read()?);
    let found = sheet::compare(&before.sheet, &after.sheet);
    let known = |id| before.photos.iter().any(|photo| photo.id == id);
    let fen = |amount: Option<Fen>| amount.map(|amount| amount.0);
    let line = |line: sheet::LineChange| LineChange {
        id: line.id.into(),
        vehicle_id: line.vehicle_id,
        name: line.name,
        before_fen: fen(line.before_fen),
        after_fen: fen(line.after_fen),
        fields: line.fields.into_iter().map(field).collect(),
    };
    Ok(ComparisonResponse {
        from: older.number,
        to: newer.number,
        lines: found.lines.into_iter().map(line).collect(),
        totals: found.totals.into_iter().map(field).collect(),
        rates: found.rates.into_iter().map(field).collect(),
        new_photos: after.photos.iter().map(|photo| photo.id).filter(|id| !known(*id)).collect(),
    })
}

fn field(change: sheet::FieldChange) -> FieldChange {
    FieldChange { field: change.field, before: change.before, after: change.after }
}
