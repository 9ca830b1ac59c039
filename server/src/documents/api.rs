//! The handler.

use actix_web::{HttpResponse, get, http::header, web};
use serde::Deserialize;
use sync_core::ids::CaseId;
use utoipa::IntoParams;

use super::{
    compose::{self, Composed},
    rules::DocumentKind,
};
use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{IdPath, Query},
    case_log, draft,
    error::ApiError,
    print::{self, words::Lang},
};

/// In which language.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DocumentQuery {
    /// `zh-CN` (if absent) or `en`.
    #[param(max_length = 10)]
    pub lang: Option<String>,
}

/// A document of a case as PDF
///
/// `assessment-sheet`, `uncovered-items`, `negotiation-record`, `loss-agreement`, `visit-appointment`,
/// `survey-record`, `formalities-notice`. 404 also while there is nothing to print.
#[utoipa::path(operation_id = "get_document", tag = "documents", params(("id" = uuid::Uuid, Path, description = "case"), ("kind" = String, Path, description = "document"), DocumentQuery), responses((status = 200, description = "the document", content_type = "application/pdf", body = Vec<u8>)))]
#[get("/cases/{id}/documents/{kind}")]
pub async fn get_document(
    app: web::Data<App>,
    actor: By<op::GetDocument>,
    id: IdPath<CaseId>,
    path: web::Path<(String, String)>,
    query: Query<DocumentQuery>,
) -> Result<HttpResponse, ApiError> {
    let kind = path.into_inner().1;
    let (actor, case_id, inner) = (actor.into_actor(), id.0, app.get_ref().clone());
    let asker = actor.clone();
    app.db.read(move |conn| case_log::see(conn, &asker, case_id).map(|_| ())).await?;
    let kind = DocumentKind::parse(&kind).ok_or_else(ApiError::not_found)?;
    let lang = match query.0.lang.as_deref() {
        None => Lang::Zh,
        Some(tag) => Lang::of_tag(tag)
            .ok_or_else(|| ApiError::invalid_field("lang", "unknown", "zh-CN, en"))?,
    };
    let draft = match kind {
        DocumentKind::SurveyRecord | DocumentKind::FormalitiesNotice => {
            draft::current(&app, case_id).await?
        }
        _ => None,
    };
    let composed = app
        .db
        .read(move |conn| {
            case_log::see(conn, &actor, case_id)?;
            compose::document(conn, &inner, &actor, case_id, kind, draft.as_ref(), lang)
        })
        .await?;
    let bytes = match composed {
        None => return Err(ApiError::not_found()),
        Some(Composed::Kept(bytes)) => bytes,
        Some(Composed::Fresh(printout)) => {
            let made = web::block(move || print::pdf(&printout)).await;
            made.map_err(ApiError::internal)?.map_err(ApiError::internal)?
        }
    };
    let name = format!("inline; filename=\"{}.pdf\"", kind.as_str());
    Ok(HttpResponse::Ok()
        .content_type("application/pdf")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(bytes))
}
